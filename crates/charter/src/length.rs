//! Lengths of time and rates, always at least one of their unit, so that a limit can never be switched off by a slip.

use serde::{Deserialize, Deserializer, Serialize};
use std::fmt;
use std::time::Duration;

macro_rules! lengths {
    ($($(#[$doc:meta])* $name:ident = $seconds:literal, $max:literal, $one:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        #[serde(transparent)]
        pub struct $name(u32);

        impl $name {
            /// The longest, in its own unit.
            pub const MAX: u32 = $max;

            /// So many, if there is at least one and at most [`Self::MAX`].
            #[must_use]
            pub const fn new(count: u32) -> Option<Self> {
                if count >= 1 && count <= $max { Some(Self(count)) } else { None }
            }

            /// How many, at least 1.
            #[must_use]
            pub const fn get(self) -> u32 {
                self.0
            }

            /// The same as a duration.
            #[must_use]
            pub const fn duration(self) -> Duration {
                Duration::from_secs(self.0 as u64 * $seconds)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!("{} ", $one), self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let count = i64::deserialize(deserializer)?;
                u32::try_from(count).ok().and_then(Self::new).ok_or_else(|| {
                    serde::de::Error::custom(format_args!(
                        concat!("a length of time here is 1 to {} ", $one, ", not {}"), $max, count
                    ))
                })
            }
        }
    )*};
}

lengths! {
    /// Whole seconds, 1 to a week.
    Seconds = 1, 604_800, "s";
    /// Whole minutes, 1 to a year.
    Minutes = 60, 527_040, "min";
    /// Whole hours, 1 to a year.
    Hours = 3_600, 8_784, "h";
    /// Whole days, 1 to a hundred years.
    Days = 86_400, 36_525, "days";
}

macro_rules! nearest {
    ($($name:ident)*) => {$(
        impl $name {
            /// So many, or the nearest there can be.
            #[must_use]
            pub(crate) const fn nearest(count: u32) -> Self {
                match Self::new(count) {
                    Some(length) => length,
                    None if count == 0 => Self(1),
                    None => Self(Self::MAX),
                }
            }
        }
    )*};
}

nearest! { Minutes Hours }

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_lasts_no_time_or_for_ever() {
        assert_eq!(Minutes::new(0), None);
        assert_eq!(Minutes::new(Minutes::MAX + 1), None);
        assert_eq!(Minutes::new(2).map(Minutes::duration), Some(Duration::from_secs(120)));
        for wrong in ["-5", "0", "99999999999"] {
            assert!(serde_json::from_str::<Seconds>(wrong).is_err(), "{wrong}");
        }
    }
}
