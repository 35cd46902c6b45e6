//! Signs that people work around signing in, or that somebody abuses it. Each is recorded once when it happens, for people to look at: none of
//! them refuses anybody anything.

use crate::point::PointOfCare;
use crate::session::rules::proved_themselves;
use events::signin::Sign;
use events::{DeviceId, PrincipalId, SessionId, Timestamp, UnitId};
use smol_str::SmolStr;
use std::collections::{BTreeSet, HashMap};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use world::SessionFacts;

/// Nobody walks from one unit to another within this.
const WALK: Duration = Duration::from_secs(60);
/// So many different failures at one workstation within [`FAILURES_WITHIN`] are a sign.
pub const MANY_FAILURES: usize = 5;
/// See [`MANY_FAILURES`].
const FAILURES_WITHIN: Duration = Duration::from_secs(5 * 60);
/// The most workstations whose failures are counted at once.
const WORKSTATIONS_MAX: usize = 10_000;

/// What failed at workstations lately. In memory of each node.
#[derive(Debug, Default)]
pub struct Failures {
    at: Mutex<HashMap<DeviceId, Vec<(SmolStr, Timestamp)>>>,
}

impl Failures {
    /// Takes note of a failure: whose it was, or what it was where nobody knows. Answers how many different ones there were if that is a sign;
    /// then they are counted anew.
    pub fn note(&self, device: &DeviceId, what: SmolStr, now: Timestamp) -> Option<usize> {
        let mut at = self.at.lock().unwrap_or_else(PoisonError::into_inner);
        if at.len() >= WORKSTATIONS_MAX && !at.contains_key(device) {
            at.retain(|_, failures| failures.iter().any(|(_, then)| now.since(*then) < FAILURES_WITHIN));
            if at.len() >= WORKSTATIONS_MAX {
                return None;
            }
        }
        let failures = at.entry(device.clone()).or_default();
        failures.retain(|(known, then)| *known != what && now.since(*then) < FAILURES_WITHIN);
        failures.push((what, now));
        let times = failures.len();
        (times >= MANY_FAILURES).then(|| {
            failures.clear();
            times
        })
    }
}

/// Where people did something last, a moment ago. In memory of each node: it is for those whose session is over since, and whom nobody else
/// remembers.
#[derive(Debug, Default)]
pub struct Seen {
    at: Mutex<HashMap<PrincipalId, (DeviceId, Timestamp)>>,
}

/// The most people that are remembered at once.
const PEOPLE_MAX: usize = 20_000;

impl Seen {
    /// Somebody touched a screen.
    pub fn note(&self, who: &PrincipalId, device: Option<&DeviceId>, now: Timestamp) {
        let Some(device) = device else { return };
        let mut at = self.at.lock().unwrap_or_else(PoisonError::into_inner);
        if at.len() >= PEOPLE_MAX && !at.contains_key(who) {
            at.retain(|_, (_, then)| now.since(*then) < WALK);
        }
        if at.len() < PEOPLE_MAX || at.contains_key(who) {
            at.insert(who.clone(), (device.clone(), now));
        }
    }

    /// Where somebody was less than a walk ago.
    #[must_use]
    pub fn last(&self, who: &PrincipalId, now: Timestamp) -> Option<DeviceId> {
        let at = self.at.lock().unwrap_or_else(PoisonError::into_inner);
        at.get(who).filter(|(_, then)| now.since(*then) < WALK).map(|(device, _)| device.clone())
    }
}

/// The workstation of another unit at which somebody was a moment before they touched in this one.
#[must_use]
fn two_places<'a>(
    here: &UnitId,
    before: impl Iterator<Item = (&'a SessionFacts, Option<UnitId>)>,
    now: Timestamp,
) -> Option<&'a DeviceId> {
    let mut late = before.filter(|(session, _)| now.since(session.used_at) < WALK);
    late.find_map(|(session, unit)| session.workstation.as_ref().filter(|_| unit.is_some_and(|unit| unit != *here)))
}

impl PointOfCare {
    /// Looks at a touch that brought somebody to a screen: what they had before, and what they have besides now.
    pub(crate) async fn signs_of_arrival(
        &self,
        who: &PrincipalId,
        here: Option<&DeviceId>,
        session: &SessionId,
        before: &[SessionFacts],
    ) {
        let Some(device) = here else { return };
        let now = self.plane().now();
        let units = before.iter().map(|one| (one, self.unit_of_session(one)));
        let other = self.unit_of(device).and_then(|here| {
            let signed_out =
                || self.seen().last(who, now).filter(|last| self.unit_of(last).is_some_and(|at| at != here));
            two_places(&here, units, now).cloned().or_else(signed_out)
        });
        self.seen().note(who, Some(device), now);
        if let Some(other) = other {
            self.signal(Sign::TwoPlaces, here, Some(who), Some(session), Some(&other)).await;
        }
        let theirs: Vec<SessionFacts> = self.plane().world(|world| world.sessions_of(who).cloned().collect());
        let open =
            |one: &&SessionFacts| one.session != *session && one.workstation.is_some() && self.is_open(&one.session);
        let known: BTreeSet<&SessionId> = before.iter().map(|one| &one.session).collect();
        // Told when it begins, and not again at every touch of either.
        if known.contains(session) {
            return;
        }
        if let Some(other) = theirs.iter().filter(|one| proved_themselves(one)).find(open) {
            self.signal(Sign::Overlapping, here, Some(who), Some(session), other.workstation.as_ref()).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_795_000_000_000);

    fn id<T: std::str::FromStr<Err: std::fmt::Debug>>(text: &str) -> T {
        text.parse().unwrap()
    }

    #[test]
    fn where_somebody_was_is_remembered_for_a_walk() {
        let (seen, who, at) = (Seen::default(), id("n-amara"), id("ws-1"));
        assert_eq!(seen.last(&who, NOW), None);
        seen.note(&who, Some(&at), NOW);
        seen.note(&who, None, NOW + WALK / 2);
        assert_eq!(seen.last(&who, NOW + WALK / 2), Some(at));
        assert_eq!(seen.last(&id("d-ruiz"), NOW), None);
        assert_eq!(seen.last(&who, NOW + WALK), None);
    }

    #[test]
    fn many_are_different_ones_within_minutes_and_told_once() {
        let (failures, device) = (Failures::default(), DeviceId::new("ws-1").unwrap());
        let note = |what: &str, at| failures.note(&device, what.into(), at);
        assert!((0..50).all(|_| note("n-amara", NOW).is_none()), "one person who tries again");
        for who in ["a", "b", "c"] {
            assert_eq!(note(who, NOW), None);
        }
        assert_eq!(note("d", NOW + FAILURES_WITHIN), None, "the others are long ago");
        for who in ["e", "f", "g"] {
            assert_eq!(note(who, NOW + FAILURES_WITHIN), None);
        }
        assert_eq!(note("h", NOW + FAILURES_WITHIN), Some(MANY_FAILURES));
        assert_eq!(note("h", NOW + FAILURES_WITHIN), None, "counted anew");
    }
}
