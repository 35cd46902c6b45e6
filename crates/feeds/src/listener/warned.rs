//! What was warned of: a bad sender fills no log.

use smol_str::SmolStr;
use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// At most one warning of a rejected message in this time; the next says how many went unsaid.
const REJECTIONS_EVERY: Duration = Duration::from_secs(1);
/// The most unit codes and triggers that are warned of.
const NAMES_MAX: usize = 256;
/// How much of a name is said, in characters.
const NAME_CHARS_MAX: usize = 32;

/// The memory of a listener's warnings.
#[derive(Debug, Default)]
pub(super) struct Warned {
    rejection: Mutex<(Option<Instant>, u64)>,
    units: Mutex<BTreeSet<SmolStr>>,
    triggers: Mutex<BTreeSet<SmolStr>>,
}

impl Warned {
    /// Whether a rejection is to be warned of now: if so, how many were not since the last.
    pub(super) fn rejection_is_due(&self, now: Instant) -> Option<u64> {
        let mut held = self.rejection.lock().unwrap_or_else(PoisonError::into_inner);
        if held.0.is_some_and(|last| now.duration_since(last) < REJECTIONS_EVERY) {
            held.1 += 1;
            return None;
        }
        let unsaid = held.1;
        *held = (Some(now), 0);
        Some(unsaid)
    }

    /// Says once for each code that the charter knows no unit by it. What does not look like a code may be anything, a name too, and is not
    /// repeated: the digest of the message finds it where it was sent.
    pub(super) fn unknown_unit(&self, code: &str, is_code: bool, sha256: &str) {
        match first(&self.units, code) {
            Some(code) if is_code => tracing::warn!(
                code = code.as_str(),
                "no unit of the charter has this location code: nobody is on shift there. Add it to `codes` of a unit in hospital.toml"
            ),
            Some(_) => tracing::warn!(
                message_sha256 = sha256,
                "a message names a place that does not look like a unit's code, and no unit of the charter has it: the patient counts as nowhere. \
                 Look at PV1-3 of that message at its sender; if it is a code, add it to `codes` of a unit in hospital.toml"
            ),
            None => {}
        }
    }

    /// Says once for each trigger that messages of it change nothing here though they change something there.
    pub(super) fn not_understood(&self, trigger: &str) {
        if let Some(trigger) = first(&self.triggers, trigger) {
            tracing::warn!(
                trigger = trigger.as_str(),
                "an ADT message that moves a patient or changes who they are was only heard: this trigger is not understood"
            );
        }
    }
}

/// The name as it may be said, the first time it comes up.
fn first(said: &Mutex<BTreeSet<SmolStr>>, name: &str) -> Option<SmolStr> {
    let name: SmolStr = name.chars().filter(|letter| !letter.is_control()).take(NAME_CHARS_MAX).collect();
    let mut said = said.lock().unwrap_or_else(PoisonError::into_inner);
    (said.len() < NAMES_MAX && said.insert(name.clone())).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rejections_are_warned_of_once_a_second_and_counted_in_between() {
        let (warned, start) = (Warned::default(), Instant::now());
        assert_eq!(warned.rejection_is_due(start), Some(0));
        assert_eq!((warned.rejection_is_due(start), warned.rejection_is_due(start)), (None, None));
        assert_eq!(warned.rejection_is_due(start + REJECTIONS_EVERY), Some(2));
        assert_eq!(warned.rejection_is_due(start + REJECTIONS_EVERY), None);
    }

    #[test]
    fn a_name_is_said_once_cut_and_only_so_many_are() {
        let said = Mutex::default();
        assert_eq!(first(&said, "3\u{7}A").as_deref(), Some("3A"));
        assert_eq!(first(&said, "3A"), None);
        assert_eq!(first(&said, &"x".repeat(99)).unwrap().len(), NAME_CHARS_MAX);
        let more = (0..2 * NAMES_MAX).filter(|at| first(&said, &at.to_string()).is_some()).count();
        assert_eq!(more, NAMES_MAX - 2);
    }
}
