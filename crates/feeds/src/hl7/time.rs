//! HL7 timestamps: as precise as the sender cared to be, with or without a zone.

use events::Timestamp;
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::{Offset, TimeZone};

/// How much of a time was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Precision {
    /// The year only.
    Year,
    /// Year and month.
    Month,
    /// A date.
    Day,
    /// A date and an hour.
    Hour,
    /// To the minute.
    Minute,
    /// To the second or finer.
    Second,
}

/// A point in time as a message gives it: the first instant of what is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// When.
    pub at: Timestamp,
    /// How much of it was given; the rest is the earliest possible.
    pub precision: Precision,
}

impl Moment {
    /// Reads `YYYY[MM[DD[HH[MM[SS[.S…]]]]]][±ZZZZ]`, and the same with the punctuation of ISO 8601. Without a zone it is a time of
    /// `zone`; where a clock shows a time twice the first is meant, where it skips one the time after the gap.
    #[must_use]
    pub fn read(text: &str, zone: &TimeZone) -> Option<Self> {
        let text = text.trim();
        let (local, offset) = split_offset(text)?;
        let (digits, fraction) = digits(local)?;
        let part = |from: usize, to: usize| digits.get(from..to).and_then(|digits| digits.parse::<i8>().ok());
        let precision = match digits.len() {
            4 => Precision::Year,
            6 => Precision::Month,
            8 => Precision::Day,
            10 => Precision::Hour,
            12 => Precision::Minute,
            14 => Precision::Second,
            _ => return None,
        };
        let year = digits.get(0..4)?.parse::<i16>().ok().filter(|year| *year > 0)?;
        let date = Date::new(year, part(4, 6).unwrap_or(1), part(6, 8).unwrap_or(1)).ok()?;
        // A leap second is the last instant of its minute.
        let second = part(12, 14).unwrap_or(0);
        let (second, millis) = if second == 60 { (59, 999) } else { (second, fraction) };
        let time = Time::new(part(8, 10).unwrap_or(0), part(10, 12).unwrap_or(0), second, millis * 1_000_000).ok()?;
        let zone = offset.map_or_else(|| zone.clone(), TimeZone::fixed);
        let at = zone.to_ambiguous_timestamp(DateTime::from_parts(date, time)).compatible().ok()?;
        Some(Self { at: Timestamp::from_millis(at.as_millisecond()), precision })
    }
}

/// Takes a trailing `Z`, `±HH`, `±HHMM` or `±HH:MM` off. A `-` inside a date with punctuation is no zone.
fn split_offset(text: &str) -> Option<(&str, Option<Offset>)> {
    if let Some(local) = text.strip_suffix(['Z', 'z']) {
        return Some((local, Some(Offset::UTC)));
    }
    let Some(at) = text.rfind(['+', '-']) else { return Some((text, None)) };
    let (local, zone) = text.split_at(at);
    // 2020-05-08 has a second `-` and no time: its last part is a day.
    if zone.starts_with('-') && local.len() <= 7 && local.contains('-') || local.len() == 4 && zone.len() == 3 {
        return Some((text, None));
    }
    let digits: String = zone.chars().skip(1).filter(|letter| *letter != ':').collect();
    if !digits.bytes().all(|digit| digit.is_ascii_digit()) || !matches!(digits.len(), 2 | 4) {
        return None;
    }
    let hours = digits.get(0..2)?.parse::<i32>().ok().filter(|hours| *hours <= 14)?;
    let minutes = digits.get(2..4).map_or(Some(0), |minutes| minutes.parse::<i32>().ok()).filter(|m| *m < 60)?;
    let seconds = (hours * 60 + minutes) * 60;
    let offset = Offset::from_seconds(if zone.starts_with('-') { -seconds } else { seconds }).ok()?;
    Some((local, Some(offset)))
}

/// The digits without punctuation, and the thousandths of a second.
fn digits(local: &str) -> Option<(String, i32)> {
    let (whole, fraction) = local.split_once('.').unwrap_or((local, ""));
    let mut digits = String::with_capacity(14);
    for letter in whole.chars() {
        match letter {
            '0'..='9' => digits.push(letter),
            '-' | ':' | 'T' | ' ' if digits.len() >= 4 && whole.contains(['-', ':']) => {}
            _ => return None,
        }
    }
    if !fraction.bytes().all(|digit| digit.is_ascii_digit()) || (!fraction.is_empty() && digits.len() != 14) {
        return None;
    }
    let millis = fraction.bytes().chain(std::iter::repeat(b'0')).take(3);
    Some((digits, millis.fold(0, |sum, digit| sum * 10 + i32::from(digit - b'0'))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn berlin() -> TimeZone {
        TimeZone::get("Europe/Berlin").unwrap()
    }

    fn read(text: &str) -> Option<(String, Precision)> {
        Moment::read(text, &berlin()).map(|moment| (moment.at.to_string(), moment.precision))
    }

    #[test]
    fn reads_every_precision_in_the_hospitals_zone() {
        for (text, at, precision) in [
            ("2026", "2025-12-31T23:00:00.000Z", Precision::Year),
            ("202607", "2026-06-30T22:00:00.000Z", Precision::Month),
            ("20260701", "2026-06-30T22:00:00.000Z", Precision::Day),
            ("2026070107", "2026-07-01T05:00:00.000Z", Precision::Hour),
            ("202607010730", "2026-07-01T05:30:00.000Z", Precision::Minute),
            ("20260701073015", "2026-07-01T05:30:15.000Z", Precision::Second),
            ("20260701073015.1234", "2026-07-01T05:30:15.123Z", Precision::Second),
            ("20260701073060", "2026-07-01T05:30:59.999Z", Precision::Second),
            ("20260701073015+0000", "2026-07-01T07:30:15.000Z", Precision::Second),
            ("20260701073015.5-0330", "2026-07-01T11:00:15.500Z", Precision::Second),
            ("202607010730Z", "2026-07-01T07:30:00.000Z", Precision::Minute),
            ("2026-07-01T07:30:15", "2026-07-01T05:30:15.000Z", Precision::Second),
            ("2026-07-01T07:30:15+02:00", "2026-07-01T05:30:15.000Z", Precision::Second),
            ("2026-07-01", "2026-06-30T22:00:00.000Z", Precision::Day),
            ("2026-07", "2026-06-30T22:00:00.000Z", Precision::Month),
        ] {
            assert_eq!(read(text), Some((at.to_owned(), precision)), "{text}");
        }
    }

    #[test]
    fn what_is_no_time_is_none() {
        for text in [
            "",
            "x",
            "20261301",
            "20260230",
            "2026070125",
            "20260701073099",
            "202",
            "20260",
            "20260701+99",
            "0000",
            "２０２６",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn an_hour_that_comes_twice_or_never_has_one_meaning() {
        assert_eq!(read("20261025023000").unwrap().0, "2026-10-25T00:30:00.000Z");
        assert_eq!(read("20260329023000").unwrap().0, "2026-03-29T01:30:00.000Z");
    }

    proptest! {
        #[test]
        fn no_text_breaks_it(text in "[0-9TZ:. +-]{0,30}", any in any::<String>()) {
            let _ = Moment::read(&text, &berlin());
            let _ = Moment::read(&any, &TimeZone::UTC);
        }
    }
}
