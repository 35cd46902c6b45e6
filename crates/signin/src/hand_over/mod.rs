//! The end of a shift: whoever goes says in their open session who takes over and whose patients pass on; whoever comes touches their key at the
//! same screen. Both is one commit: the teams change, the session of who goes locks now and ends with the charter's grace, and the one of who
//! comes is at the screen.

mod page;
mod routes;
pub mod rules;

pub use page::HAND_OVER_PATH;
pub use routes::routes;

use crate::point::PointOfCare;
use crate::session::rules::proved_themselves;
use crate::session::{Basis, Screen, SessionError};
use events::session::{HandedOver, PATIENTS_MAX, Proof};
use events::{DeviceId, Draft, PatientPseudonym, PrincipalId, SessionId, Timestamp, UnitId, team};
use rules::{BEGINS_WITHIN, No, Place, places, takes_over_until};
use std::collections::BTreeSet;
use store::Batch;
use world::{Membership, SessionFacts, Subject};

/// A hand-over that may be.
#[derive(Clone, Debug)]
pub struct Plan {
    from: SessionFacts,
    to: PrincipalId,
    workstation: DeviceId,
    unit: UnitId,
    patients: BTreeSet<PatientPseudonym>,
    places: Vec<Place>,
    ends_at: Timestamp,
}

impl PointOfCare {
    /// The patients whose teams somebody is on.
    #[must_use]
    pub fn team_patients(&self, who: &PrincipalId) -> Vec<PatientPseudonym> {
        let held = self.memberships(who);
        let mut patients: Vec<_> = held.into_iter().map(|one| one.patient).collect();
        patients.dedup();
        patients
    }

    fn memberships(&self, who: &PrincipalId) -> Vec<Membership> {
        let now = self.plane().now();
        self.plane().world(|world| world.memberships_of(who, now))
    }

    /// Who could take over in a unit: those whose shift there is on or begins soon, but for one.
    #[must_use]
    pub fn who_could_take_over(&self, unit: &UnitId, but: &PrincipalId) -> Vec<PrincipalId> {
        let now = self.plane().now();
        let mut people = self.plane().world(|world| world.people_on_shift(unit, now, now + BEGINS_WITHIN));
        people.retain(|one| one != but);
        people
    }

    /// Where somebody's work is handed over: in the units of their shifts that are on, and at the screen they do it at.
    pub(crate) fn units_handed_over(&self, from: &SessionFacts) -> Vec<UnitId> {
        let now = self.plane().now();
        let subject = Subject { principal: from.principal.clone(), patient: None, device: None, session: None };
        let shifts = self.plane().world(|world| world.facts(&subject, now)).shifts;
        let on = shifts.iter().filter(|shift| shift.from <= now && now < shift.until).map(|shift| shift.unit.clone());
        let mut units: Vec<UnitId> = on.chain(from.workstation.as_ref().and_then(|at| self.unit_of(at))).collect();
        units.sort_unstable();
        units.dedup();
        units
    }

    /// Whether a hand-over may be, and what it would do.
    ///
    /// # Errors
    /// The rule that is not kept.
    pub fn plan(
        &self,
        from: &SessionFacts,
        to: Option<&PrincipalId>,
        chosen: &BTreeSet<PatientPseudonym>,
    ) -> Result<Plan, No> {
        let now = self.plane().now();
        let workstation = from.workstation.clone().ok_or(No::NotHere)?;
        let unit = self.unit_of(&workstation).ok_or(No::NotHere)?;
        if !proved_themselves(from) {
            return Err(No::NotYours);
        }
        let to = to.ok_or(No::NotHere)?;
        if *to == from.principal {
            return Err(No::Yourself);
        }
        let subject = Subject { principal: to.clone(), patient: None, device: None, session: None };
        let incoming = self.plane().world(|world| world.facts(&subject, now));
        let units = self.units_handed_over(from);
        let until = units.iter().filter_map(|unit| takes_over_until(&incoming, unit, now)).max();
        let shift_until = until.ok_or(No::NotHere)?;
        let held = self.memberships(&from.principal);
        let theirs = |patient: &&PatientPseudonym| held.iter().any(|one| one.patient == **patient);
        let patients: BTreeSet<_> = chosen.iter().filter(theirs).take(PATIENTS_MAX).copied().collect();
        if patients.is_empty() {
            return Err(No::NoPatients);
        }
        let grace = self.plane().engine().charter().rules_at(Some(&unit)).assurance.hand_over.grace_min;
        let ends_at = from.good_until.min(now + grace.duration());
        let places = places(&patients, &held, to, shift_until, ends_at);
        Ok(Plan { from: from.clone(), to: to.clone(), workstation, unit, patients, places, ends_at })
    }

    /// Both confirmed. Answers the session of who comes.
    ///
    /// # Errors
    /// When it could not be recorded; then nothing happened.
    pub async fn hand_over(&self, plan: Plan, proof: Proof) -> Result<SessionId, SessionError> {
        let screen = Screen { workstation: Some(plan.workstation.clone()), key: None, carried: None };
        let to = plan.to.clone();
        let with = |mut batch: Batch, to_session: &SessionId| {
            batch.drafts.extend(self.drafts(plan, to_session));
            batch
        };
        let (session, _) = self.arrive_with(&to, &screen, proof, &Basis::default(), with).await?;
        Ok(session)
    }

    fn drafts(&self, plan: Plan, to_session: &SessionId) -> Vec<Draft> {
        let Plan { from, to, workstation, unit, patients, places, ends_at } = plan;
        let who = from.principal.clone();
        let changed = places.into_iter().map(|Place { record, code, until }| {
            let joined = team::Joined { patient: record, person: code, until };
            self.by(&who, Some(&workstation), joined)
        });
        let mut drafts: Vec<Draft> = changed.collect();
        let over = HandedOver {
            from_session: from.session,
            from: who.clone(),
            to,
            to_session: to_session.clone(),
            patients: patients.into_iter().collect(),
            ends_at,
        };
        drafts.push(Draft { place: Some(unit), ..self.by(&who, Some(&workstation), over) });
        drafts
    }
}
