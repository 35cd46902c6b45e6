//! From when until when: days as people write them, in the hospital's time zone.

use events::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{ToSpan as _, Zoned};

/// The longest time one account covers, in years (45 CFR 164.528(a)(1)).
pub const YEARS_MAX: i32 = 6;

/// Why a period cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PeriodError {
    /// Neither a day nor an instant.
    #[error("`{text}` is neither a day such as 2026-11-22 nor an instant such as 2026-11-22T07:30:00Z")]
    Form {
        /// What was sent, cut short.
        text: String,
    },
    /// It ends before it begins.
    #[error("the period ends before it begins")]
    Backwards,
    /// Longer than [`YEARS_MAX`].
    #[error("an account covers at most {YEARS_MAX} years: choose a later beginning")]
    TooLong,
}

/// From a time, inclusive, until a time, exclusive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Period {
    /// Inclusive.
    pub from: Timestamp,
    /// Exclusive.
    pub until: Timestamp,
}

/// The zone of this IANA name; UTC where this machine does not know it.
#[must_use]
pub fn zone(name: &str) -> TimeZone {
    TimeZone::get(name).unwrap_or(TimeZone::UTC)
}

/// The beginning of a day, or an instant.
///
/// # Errors
/// When the text is neither.
pub fn beginning(text: &str, zone: &TimeZone) -> Result<Timestamp, PeriodError> {
    match text.parse::<Date>() {
        Ok(day) if text.len() == 10 => start_of(day, zone).ok_or_else(|| wrong(text)),
        _ => text.parse().map_err(|_| wrong(text)),
    }
}

/// The end of a day, so that the day is within, or an instant.
///
/// # Errors
/// When the text is neither.
pub fn end(text: &str, zone: &TimeZone) -> Result<Timestamp, PeriodError> {
    match text.parse::<Date>() {
        Ok(day) if text.len() == 10 => {
            day.checked_add(1.day()).ok().and_then(|next| start_of(next, zone)).ok_or_else(|| wrong(text))
        }
        _ => text.parse().map_err(|_| wrong(text)),
    }
}

/// The period of an account: what was asked for, at most six years, which is what it is when nothing was.
///
/// # Errors
/// When a text is no time, or the period is backwards or too long.
pub fn of_account(
    from: Option<&str>,
    until: Option<&str>,
    zone: &TimeZone,
    now: Timestamp,
) -> Result<Period, PeriodError> {
    let until = until.map_or(Ok(now), |text| end(text, zone))?;
    let earliest = years_before(until, zone);
    let from = from.map_or(Ok(earliest), |text| beginning(text, zone))?;
    if from >= until {
        return Err(PeriodError::Backwards);
    }
    if from < earliest {
        return Err(PeriodError::TooLong);
    }
    Ok(Period { from, until })
}

/// The day it is at a time: `2026-11-22`.
#[must_use]
pub fn day(at: Timestamp, zone: &TimeZone) -> String {
    zoned(at, zone).map_or_else(|| "unknown day".to_owned(), |at| at.date().to_string())
}

/// A time as people write it: `2026-11-22 07:30`.
#[must_use]
pub fn minute(at: Timestamp, zone: &TimeZone) -> String {
    zoned(at, zone).map_or_else(|| "unknown time".to_owned(), |at| at.strftime("%Y-%m-%d %H:%M").to_string())
}

fn zoned(at: Timestamp, zone: &TimeZone) -> Option<Zoned> {
    jiff::Timestamp::from_millisecond(at.as_millis()).ok().map(|at| at.to_zoned(zone.clone()))
}

fn start_of(day: Date, zone: &TimeZone) -> Option<Timestamp> {
    let start = day.to_zoned(zone.clone()).ok()?;
    Some(Timestamp::from_millis(start.timestamp().as_millisecond()))
}

fn years_before(until: Timestamp, zone: &TimeZone) -> Timestamp {
    let earlier = zoned(until, zone).and_then(|until| until.checked_sub(YEARS_MAX.years()).ok());
    earlier.map_or(Timestamp::MIN, |at| Timestamp::from_millis(at.timestamp().as_millisecond()))
}

fn wrong(text: &str) -> PeriodError {
    PeriodError::Form { text: text.chars().take(40).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn days_are_the_hospitals_and_the_last_one_is_within() {
        let berlin = zone("Europe/Berlin");
        assert_eq!(beginning("2026-11-22", &berlin), Ok(time("2026-11-21T23:00:00Z")));
        assert_eq!(end("2026-11-22", &berlin), Ok(time("2026-11-22T23:00:00Z")));
        // The day the clocks change has 25 hours.
        assert_eq!(end("2026-10-25", &berlin), Ok(time("2026-10-25T23:00:00Z")));
        assert_eq!(beginning("2026-11-22T07:00:00Z", &berlin), Ok(time("2026-11-22T07:00:00Z")));
    }

    #[test]
    fn what_is_no_time_is_refused_and_cut_short() {
        for text in ["", "yesterday", "2026-13-01", "22.11.2026", "9999999-01-01"] {
            assert!(beginning(text, &TimeZone::UTC).is_err(), "{text}");
            assert!(end(text, &TimeZone::UTC).is_err(), "{text}");
        }
        let Err(PeriodError::Form { text }) = end(&"x".repeat(9_000), &TimeZone::UTC) else { panic!() };
        assert_eq!(text.len(), 40);
    }

    #[test]
    fn an_account_covers_six_years_and_no_more() {
        let now = time("2026-11-22T12:00:00Z");
        let whole = of_account(None, None, &TimeZone::UTC, now).unwrap();
        assert_eq!((whole.from, whole.until), (time("2020-11-22T12:00:00Z"), now));
        assert_eq!(of_account(Some("2020-11-21"), None, &TimeZone::UTC, now), Err(PeriodError::TooLong));
        assert_eq!(
            of_account(Some("2026-11-02"), Some("2026-11-01"), &TimeZone::UTC, now),
            Err(PeriodError::Backwards)
        );
    }
}
