//! The end of a shift: whose patients pass on, and to whom they could.

use crate::names::{Number as _, PersonNumber};
use crate::world::World;
use events::{PatientPseudonym, PrincipalId, Timestamp, UnitId};

/// One place in a treatment team, exactly as it was told: a patient may have several records, and a person several codes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Membership {
    /// The record the patient goes by.
    pub patient: PatientPseudonym,
    /// The record it was told for.
    pub record: PatientPseudonym,
    /// The code of the person it was told by.
    pub code: PrincipalId,
    /// Until when, exclusive, if an end is known.
    pub until: Option<Timestamp>,
}

impl World {
    /// Every place in a treatment team that somebody has at `now`, by patient.
    #[must_use]
    pub fn memberships_of(&self, who: &PrincipalId, now: Timestamp) -> Vec<Membership> {
        let Some(person) = self.names.people.find(who) else { return Vec::new() };
        let codes = self.codes_of(person);
        let mut found = Vec::new();
        for patient in self.patients_tied_to(who, now) {
            let group = self.patients.find(patient).map(|record| self.patients.group(record));
            for number in group.iter().flat_map(|group| group.iter()) {
                let (Some(record), Some(id)) = (self.patients.get(*number), self.patients.id(*number)) else {
                    continue;
                };
                let own = record.team.members().iter().filter(|member| codes.contains(&member.person));
                for member in own.filter(|member| member.until.is_none_or(|until| now < until)) {
                    let Some(code) = self.names.people.name(member.person).cloned() else { continue };
                    found.push(Membership { patient, record: id, code, until: member.until });
                }
            }
        }
        found
    }

    /// Who may act and has a shift in a unit that overlaps with the time from `from` until `until`, in order.
    #[must_use]
    pub fn people_on_shift(&self, unit: &UnitId, from: Timestamp, until: Timestamp) -> Vec<PrincipalId> {
        let Some(number) = self.names.units.find(unit) else { return Vec::new() };
        let workers = self.candidates.workers.since(number, from, PersonNumber::new(0));
        let mut people: Vec<PrincipalId> = workers
            .filter(|person| self.principals.active(*person).is_some())
            .filter(|person| {
                let shifts = self.rota.facts(*person, from, &self.names);
                shifts.iter().any(|shift| shift.unit == *unit && shift.from < until && from < shift.until)
            })
            .filter_map(|person| self.names.people.name(person).cloned())
            .collect();
        people.sort_unstable();
        people.dedup();
        people
    }
}
