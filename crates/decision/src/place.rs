//! Where is a question judged? Sites may have rules of their own, so every question has one unit whose rules count, or none.
//!
//! The unit asked about; else the unit where the patient is, or is expected, or was last; else where the device stands; else where the
//! asker works now, present before on call; else the unit the asker belongs to. Each of these is a fact of the world. A caller chooses
//! what it asks about and which registered device it names, but never says where either is.

use charter::vocabulary::UNIT;
use events::decision::Question;
use events::encounter::Presence;
use events::{Timestamp, UnitId};
use std::cmp::Reverse;
use world::{Facts, Stay};

/// The unit. `hidden` leaves out where the patient is: whoever has nothing to do with the patient must not learn it from the answer.
#[must_use]
pub fn of(question: &Question, facts: &Facts, hidden: bool, now: Timestamp) -> Option<UnitId> {
    if question.resource.kind.as_str() == UNIT {
        return UnitId::new(question.resource.id.as_str()).ok();
    }
    let patient = facts.patient.iter().filter(|_| !hidden).flat_map(|patient| &patient.encounters);
    let begun = |stay: &&Stay| stay.from <= now;
    let stays = patient.flat_map(|encounter| &encounter.stays).filter(begun);
    let rank = |stay: &Stay| match stay.presence {
        _ if stay.until.is_some_and(|until| until <= now) => 0,
        Presence::Expected => 1,
        Presence::Present => 2,
    };
    let last = stays.max_by_key(|stay| (rank(stay), stay.from, Reverse(&stay.unit)));
    let device = || facts.device.as_ref().and_then(|device| device.unit.clone());
    let working = || {
        let now = facts.shifts.iter().filter(|shift| shift.from <= now && now < shift.until);
        now.min_by_key(|shift| (shift.on_call, &shift.unit)).map(|shift| shift.unit.clone())
    };
    let home = || facts.principal.as_ref().and_then(|principal| principal.home_unit.clone());
    last.map(|stay| stay.unit.clone()).or_else(device).or_else(working).or_else(home)
}

/// Every later instant at which time alone could move a question elsewhere, the next first.
#[must_use]
pub fn changes(facts: &Facts, hidden: bool, now: Timestamp) -> Vec<Timestamp> {
    let patient = facts.patient.iter().filter(|_| !hidden).flat_map(|patient| &patient.encounters);
    let stays = patient.flat_map(|encounter| &encounter.stays);
    let stays = stays.flat_map(|stay| std::iter::once(stay.from).chain(stay.until));
    let shifts = facts.shifts.iter().flat_map(|shift| [shift.from, shift.until]);
    let mut changes: Vec<Timestamp> = stays.chain(shifts).filter(|at| *at > now).collect();
    changes.sort_unstable();
    changes.dedup();
    changes
}
