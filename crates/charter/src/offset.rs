//! How scenarios write times: so long before or after their now.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::str::FromStr;

/// A time as seen from the scenario's now: `-2h`, `+30m`, `-1h30m`, `+7d`, `0s`. At most [`OFFSET_DAYS_MAX`] days away.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Offset {
    seconds: i64,
}

/// The furthest an offset reaches, in days.
pub const OFFSET_DAYS_MAX: i64 = 3_660;

/// A text that is not an offset.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not an offset: write `-2h`, `+30m`, `-1h30m`, `+7d` or `0s`, at most {OFFSET_DAYS_MAX} days away")]
pub struct OffsetError {
    text: String,
}

impl Offset {
    /// The scenario's now.
    pub const NOW: Self = Self { seconds: 0 };

    /// Seconds after now; negative before.
    #[must_use]
    pub const fn seconds(self) -> i64 {
        self.seconds
    }

    /// The instant, when now is `now`.
    #[must_use]
    pub fn from(self, now: events::Timestamp) -> events::Timestamp {
        events::Timestamp::from_millis(now.as_millis().saturating_add(self.seconds.saturating_mul(1_000)))
    }
}

impl FromStr for Offset {
    type Err = OffsetError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || OffsetError { text: text.chars().take(64).collect() };
        let (sign, mut rest) = match text.split_at_checked(1) {
            Some(("-", rest)) => (-1, rest),
            Some(("+", rest)) => (1, rest),
            _ if text == "0s" => return Ok(Self::NOW),
            _ => return Err(wrong()),
        };
        let mut seconds = 0_i64;
        let mut unit_before = i64::MAX;
        while !rest.is_empty() {
            let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
            let (count, after) = rest.split_at_checked(digits).ok_or_else(wrong)?;
            let (letter, after) = after.split_at_checked(1).ok_or_else(wrong)?;
            let unit = match letter {
                "d" => 86_400,
                "h" => 3_600,
                "m" => 60,
                "s" => 1,
                _ => return Err(wrong()),
            };
            if unit >= unit_before {
                return Err(wrong());
            }
            unit_before = unit;
            let count: i64 = count.parse().map_err(|_| wrong())?;
            seconds = count.checked_mul(unit).and_then(|more| seconds.checked_add(more)).ok_or_else(wrong)?;
            rest = after;
        }
        if unit_before == i64::MAX || seconds > OFFSET_DAYS_MAX * 86_400 {
            return Err(wrong());
        }
        Ok(Self { seconds: sign * seconds })
    }
}

impl fmt::Display for Offset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.seconds == 0 {
            return f.write_str("0s");
        }
        f.write_str(if self.seconds < 0 { "-" } else { "+" })?;
        let mut rest = self.seconds.abs();
        for (unit, letter) in [(86_400, 'd'), (3_600, 'h'), (60, 'm'), (1, 's')] {
            if rest >= unit {
                write!(f, "{}{letter}", rest / unit)?;
                rest %= unit;
            }
        }
        Ok(())
    }
}

impl Serialize for Offset {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Offset {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_read_what_they_write() {
        for text in ["-2h", "+30m", "-1h30m", "+7d", "0s", "-1d2h3m4s"] {
            assert_eq!(text.parse::<Offset>().map(|offset| offset.to_string()), Ok(text.to_owned()));
        }
        for wrong in ["", "2h", "+", "+h", "-2", "+1m1h", "+1h1h", "-99999999999999999999s", "+4000d", "+é"] {
            assert!(wrong.parse::<Offset>().is_err(), "{wrong}");
        }
    }
}
