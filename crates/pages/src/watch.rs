//! Times and numbers as people read them.

use events::Timestamp;
use jiff::tz::TimeZone;
use maud::{Markup, html};
use std::time::Duration;

/// A time zone name nobody knows.
#[derive(Debug, thiserror::Error)]
#[error("`{name}` is not a time zone such as Europe/Zurich")]
pub struct ZoneError {
    name: String,
    #[source]
    source: jiff::Error,
}

/// The time it is and the zone the hospital lives in: what it takes to show a time to a person.
#[derive(Clone, Debug)]
pub struct Watch {
    now: Timestamp,
    zone: TimeZone,
}

impl Watch {
    /// A watch that shows `now` in UTC.
    #[must_use]
    pub const fn utc(now: Timestamp) -> Self {
        Self { now, zone: TimeZone::UTC }
    }

    /// A watch that shows `now` in the zone of this IANA name.
    ///
    /// # Errors
    /// When this machine's time zone database has no such name.
    pub fn named(now: Timestamp, zone: &str) -> Result<Self, ZoneError> {
        let zone = TimeZone::get(zone).map_err(|source| ZoneError { name: zone.chars().take(64).collect(), source })?;
        Ok(Self { now, zone })
    }

    /// A watch that shows `now` in this zone.
    #[must_use]
    pub const fn new(now: Timestamp, zone: TimeZone) -> Self {
        Self { now, zone }
    }

    /// The time it shows.
    #[must_use]
    pub const fn now(&self) -> Timestamp {
        self.now
    }

    /// `22 Nov 2026, 07:30:12 CET`, machine-readable inside.
    #[must_use]
    pub fn exact(&self, at: Timestamp) -> Markup {
        html! { time datetime=[stamp(at)] { (self.written(at, "%-d %b %Y, %H:%M:%S %Z")) } }
    }

    /// `07:30:12` on the day it is, `21 Nov, 07:30` on others.
    #[must_use]
    pub fn short(&self, at: Timestamp) -> Markup {
        let day = |at| self.written(at, "%Y-%m-%d");
        let form = if day(at) == day(self.now) { "%H:%M:%S" } else { "%-d %b, %H:%M" };
        html! { time datetime=[stamp(at)] { (self.written(at, form)) } }
    }

    /// `3 min ago`, `just now`, `in 2 h`.
    #[must_use]
    pub fn ago(&self, at: Timestamp) -> Markup {
        let words = if at > self.now {
            format!("in {}", duration_words(at.since(self.now)))
        } else if self.now.since(at) < Duration::from_secs(5) {
            "just now".to_owned()
        } else {
            format!("{} ago", duration_words(self.now.since(at)))
        };
        html! { time datetime=[stamp(at)] { (words) } }
    }

    fn written(&self, at: Timestamp, form: &str) -> String {
        jiff::Timestamp::from_millisecond(at.as_millis()).map_or_else(
            |_| "no time known".to_owned(),
            |instant| instant.to_zoned(self.zone.clone()).strftime(form).to_string(),
        )
    }
}

/// The machine-readable form. None at the ends of time, which have no form that every browser reads.
fn stamp(at: Timestamp) -> Option<String> {
    jiff::Timestamp::from_millisecond(at.as_millis()).ok().map(|instant| format!("{instant:.3}"))
}

/// `12 s`, `3 min`, `2 h 5 min`, `4 days`: rounded down to what a person would say.
#[must_use]
pub fn duration_words(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3_600 => format!("{} min", seconds / 60),
        3_600..86_400 if (seconds / 60).is_multiple_of(60) => format!("{} h", seconds / 3_600),
        3_600..86_400 => format!("{} h {} min", seconds / 3_600, seconds / 60 % 60),
        86_400..172_800 => "1 day".to_owned(),
        _ => format!("{} days", number(seconds / 86_400)),
    }
}

/// A noun as it stands after its number: `entry` after one, `entries` after any other.
#[must_use]
pub fn plural(count: u64, noun: &str) -> String {
    let stem = noun.strip_suffix('y').filter(|stem| !stem.ends_with(['a', 'e', 'o', 'u']));
    match (count, stem) {
        (1, _) => noun.to_owned(),
        (_, Some(stem)) => format!("{stem}ies"),
        (_, None) if noun.ends_with("ch") || noun.ends_with("sh") => format!("{noun}es"),
        (_, None) => format!("{noun}s"),
    }
}

/// A number with its noun: `1 entry`, `12 345 entries`.
#[must_use]
pub fn counted(count: u64, noun: &str) -> String {
    format!("{} {}", number(count), plural(count, noun))
}

/// A whole number with thin groups of three: `12 345`.
#[must_use]
pub fn number(value: u64) -> String {
    let digits = value.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3 * 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) && digits.len() > 4 {
            out.push('\u{202f}');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_thing_is_not_called_many() {
        for (count, noun, words) in [
            (1, "entry", "1 entry"),
            (0, "entry", "0 entries"),
            (2, "policy", "2 policies"),
            (2, "day", "2 days"),
            (1, "batch", "1 batch"),
            (3, "batch", "3 batches"),
            (12_345, "cell", "12\u{202f}345 cells"),
        ] {
            assert_eq!(counted(count, noun), words);
        }
    }

    #[test]
    fn durations_read_as_people_say_them() {
        for (seconds, words) in [
            (0, "0 s"),
            (59, "59 s"),
            (60, "1 min"),
            (3_600, "1 h"),
            (3_720, "1 h 2 min"),
            (90_000, "1 day"),
            (864_000, "10 days"),
        ] {
            assert_eq!(duration_words(Duration::from_secs(seconds)), words);
        }
        assert!(duration_words(Duration::MAX).ends_with(" days"));
    }

    #[test]
    fn numbers_are_grouped_from_five_digits_on() {
        assert_eq!(number(0), "0");
        assert_eq!(number(9_999), "9999");
        assert_eq!(number(12_345), "12\u{202f}345");
        assert_eq!(number(1_234_567), "1\u{202f}234\u{202f}567");
    }

    #[test]
    fn times_are_shown_in_the_hospitals_zone_and_hold_up_at_the_ends_of_time() {
        let at: Timestamp = "2026-11-22T23:30:00Z".parse().unwrap();
        let watch = Watch::new(at, TimeZone::fixed(jiff::tz::offset(1)));
        assert!(watch.exact(at).into_string().contains("23 Nov 2026, 00:30:00"));
        assert!(watch.short(at).into_string().contains(">00:30:00<"));
        assert!(watch.short(at - Duration::from_secs(3_600)).into_string().contains(">22 Nov, 23:30<"));
        assert!(watch.ago(at - Duration::from_secs(180)).into_string().contains("3 min ago"));
        assert!(watch.ago(at + Duration::from_secs(7_200)).into_string().contains("in 2 h"));
        for end in [Timestamp::MIN, Timestamp::MAX] {
            assert!(watch.exact(end).into_string().contains("<time"));
        }
    }

    #[test]
    fn an_unknown_zone_is_refused_by_name() {
        let error = Watch::named(Timestamp::MIN, "Mars/Olympus").unwrap_err();
        assert!(error.to_string().contains("Mars/Olympus"));
    }
}
