//! A session that Handrail itself knows, as policies see it: by entries and the clock, never by what a caller says.

use crate::circumstances::{Session, minutes};
use charter::Rules;
use charter::vocabulary::SessionPresence;
use events::{DeviceId, Timestamp};
use world::{Facts, SessionFacts};

/// When it locks by itself: unused as long as the charter lets a session of its level be, where it is.
fn idle_at(session: &SessionFacts, facts: &Facts, rules: &Rules) -> Option<Timestamp> {
    let unit = facts.device.as_ref().and_then(|device| device.unit.as_ref());
    let limit = rules.assurance.session_limit(session.level, unit)?;
    Some(session.used_at + limit.idle_min.duration())
}

/// The session asked in, at the device asked from; none once its time is over.
pub(crate) fn seen(facts: &Facts, device: Option<&DeviceId>, rules: &Rules, now: Timestamp) -> Option<Session> {
    let session = facts.session.as_ref().filter(|session| now < session.good_until)?;
    let presence = if session.workstation.as_ref() != device {
        SessionPresence::Elsewhere
    } else if session.locked.is_some() || idle_at(session, facts, rules).is_some_and(|idle| idle <= now) {
        SessionPresence::Locked
    } else {
        SessionPresence::Present
    };
    let asserted =
        Session::asserted(session.level.into(), minutes(now.since(session.proved_at)), session.method.clone());
    Some(asserted.known(presence, session.workstation.is_some()))
}

/// Whether who they are in it is only claimed.
pub(crate) fn is_claimed(facts: &Facts) -> bool {
    facts.session.as_ref().is_some_and(|session| session.review_due.is_some())
}

/// Whether the unit where the session is, is in an emergency: that of the device, as the asker's own is only claimed.
pub(crate) fn in_emergency(facts: &Facts, now: Timestamp) -> bool {
    let here = facts.device.as_ref().and_then(|device| device.unit.as_ref());
    facts.emergencies.iter().any(|(unit, until)| here == Some(unit) && now < *until)
}

/// When time alone could change that.
pub(crate) fn edges(facts: &Facts, rules: &Rules) -> impl Iterator<Item = Timestamp> {
    let session = facts.session.as_ref();
    let idle = session.filter(|session| session.locked.is_none()).and_then(|session| idle_at(session, facts, rules));
    let emergencies = facts.emergencies.iter().map(|(_, until)| *until).filter(|_| is_claimed(facts));
    let over = session.map(|session| session.good_until);
    idle.into_iter().chain(over).chain(facts.vouched_until).chain(emergencies)
}
