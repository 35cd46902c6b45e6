//! Who is tied to whom, the other way round: the patients of a person and of a unit, the people of a patient. What a search looks at.
//!
//! Facts answer "is this person on the team of this patient?". A search asks "of which patients?", and a million patients cannot each be
//! asked. So every tie is also kept under its other end, with the time it ends, and what ended longer ago than anything still rests on
//! it ([`KEPT_HOURS`]) is let go. A tie kept here is a reason to look, never a fact: whoever finds a candidate takes its facts and decides.
//!
//! The index is worked out from the folded state alone, so that it can be built again at any time ([`Candidates::of`]).

use crate::encounters::United;
use crate::gather::PAST_HOURS;
use crate::names::{Number, PersonNumber, UnitNumber};
use crate::patients::{Record, RecordNumber};
use crate::world::World;
use events::principal::IdentityClass;
use events::{Event, PatientPseudonym, PrincipalId, ShiftId, Timestamp};
use smallvec::SmallVec;
use std::collections::{BTreeSet, HashMap};
use std::hash::Hash;
use std::time::Duration;

/// How long after its end a tie is still looked at, in hours: a stay's end plus the longest grace, plus the longest time for late charting.
pub(crate) const KEPT_HOURS: u64 = 2 * PAST_HOURS;

/// The most ties let go at once, so that no single leaf waits for a day's worth.
const LET_GO_MAX: usize = 8;

/// Ties of one sort by one of their ends, those that end first in front.
#[derive(Clone, Debug)]
pub(crate) struct Ties<K: Eq + Hash, V: Ord>(HashMap<K, BTreeSet<(Timestamp, V)>>);

impl<K: Eq + Hash, V: Ord> Default for Ties<K, V> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<K: Eq + Hash + Copy, V: Ord + Copy> Ties<K, V> {
    fn tie(&mut self, of: K, until: Timestamp, to: V, horizon: Timestamp) {
        let ties = self.0.entry(of).or_default();
        ties.insert((until, to));
        for _ in 0..LET_GO_MAX {
            if ties.first().is_none_or(|(until, _)| *until >= horizon) {
                break;
            }
            ties.pop_first();
        }
    }

    fn untie(&mut self, of: K, until: Timestamp, to: V) {
        if let Some(ties) = self.0.get_mut(&of) {
            ties.remove(&(until, to));
            if ties.is_empty() {
                self.0.remove(&of);
            }
        }
    }

    pub(crate) fn since(&self, of: K, since: Timestamp, first: V) -> impl Iterator<Item = V> + '_ {
        self.0.get(&of).into_iter().flat_map(move |ties| ties.range((since, first)..)).map(|(_, to)| *to)
    }
}

/// Every tie, by its other end.
#[derive(Clone, Debug, Default)]
pub(crate) struct Candidates {
    /// Patients, by the record they go by, of the units they are, were or are expected in.
    of_units: Ties<UnitNumber, RecordNumber>,
    /// Patients of the people who treat them, by the code their feed knows them by.
    of_people: Ties<PersonNumber, RecordNumber>,
    /// People of the units they work in.
    pub(crate) workers: Ties<UnitNumber, PersonNumber>,
    /// Who is known by a code besides their own id.
    known_as: HashMap<PersonNumber, SmallVec<[PersonNumber; 2]>>,
}

/// What ties one patient.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct PatientTies {
    patient: Option<RecordNumber>,
    units: SmallVec<[(UnitNumber, Timestamp); 4]>,
    people: SmallVec<[(PersonNumber, Timestamp); 8]>,
}

impl PatientTies {
    fn unit(&mut self, unit: UnitNumber, until: Timestamp) {
        match self.units.iter_mut().find(|(known, _)| *known == unit) {
            Some((_, known)) => *known = until.max(*known),
            None => self.units.push((unit, until)),
        }
    }

    fn person(&mut self, person: PersonNumber, until: Timestamp) {
        match self.people.iter_mut().find(|(known, _)| *known == person) {
            Some((_, known)) => *known = until.max(*known),
            None => self.people.push((person, until)),
        }
    }

    /// Without those that ended before.
    fn since(mut self, horizon: Timestamp) -> Self {
        self.units.retain(|(_, until)| *until >= horizon);
        self.people.retain(|(_, until)| *until >= horizon);
        self
    }

    /// What one record of the patient says besides its encounters.
    fn record(&mut self, record: &Record) {
        for member in record.team.members() {
            self.person(member.person, member.until.unwrap_or(Timestamp::MAX));
        }
    }
}

/// In which units somebody's shifts are, and when each ends.
type Ends = SmallVec<[(UnitNumber, Timestamp); 4]>;

/// Whose ties a leaf may change, as they were before it.
#[derive(Debug, Default)]
pub(crate) struct Before {
    patients: SmallVec<[PatientTies; 2]>,
    shifts: SmallVec<[(PersonNumber, Ends); 2]>,
    aliases: Option<(PersonNumber, SmallVec<[PersonNumber; 4]>)>,
}

/// Somebody who may act, as a search for subjects meets them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Somebody {
    /// Who.
    pub id: PrincipalId,
    /// Of which class.
    pub class: IdentityClass,
}

impl Candidates {
    /// The index of a world, from nothing but its folded state.
    pub(crate) fn of(world: &World) -> Self {
        let mut made = Self::default();
        // Time does not go back before anything that was heard, so what nobody looks at then, nobody will.
        let horizon = world.feeds.iter().map(|(_, heard)| heard).max().map_or(Timestamp::MIN, before);
        for record in world.patients.numbers() {
            let ties = world.patient_ties(record);
            if ties.patient == Some(record) {
                made.tie_patient(&ties.since(horizon), Timestamp::MIN);
            }
        }
        for person in world.rota.people() {
            world.rota.places(person).for_each(|(unit, until)| made.workers.tie(unit, until, person, Timestamp::MIN));
        }
        for person in world.principals.people() {
            made.name(person, world.principals.aliases(person));
        }
        made
    }

    fn tie_patient(&mut self, ties: &PatientTies, horizon: Timestamp) {
        let Some(patient) = ties.patient else { return };
        ties.units.iter().for_each(|(unit, until)| self.of_units.tie(*unit, *until, patient, horizon));
        ties.people.iter().for_each(|(person, until)| self.of_people.tie(*person, *until, patient, horizon));
    }

    fn untie_patient(&mut self, ties: &PatientTies) {
        let Some(patient) = ties.patient else { return };
        ties.units.iter().for_each(|(unit, until)| self.of_units.untie(*unit, *until, patient));
        ties.people.iter().for_each(|(person, until)| self.of_people.untie(*person, *until, patient));
    }

    /// Everybody who has a code as an alias, the ended included.
    pub(crate) fn known_as(&self, code: PersonNumber) -> impl Iterator<Item = PersonNumber> + '_ {
        self.known_as.get(&code).into_iter().flatten().copied()
    }

    fn name(&mut self, person: PersonNumber, aliases: &[PersonNumber]) {
        for alias in aliases {
            let known = self.known_as.entry(*alias).or_default();
            if !known.contains(&person) {
                known.push(person);
            }
        }
    }

    fn unname(&mut self, person: PersonNumber, aliases: &[PersonNumber]) {
        for alias in aliases {
            if let Some(known) = self.known_as.get_mut(alias) {
                known.retain(|other| *other != person);
                if known.is_empty() {
                    self.known_as.remove(alias);
                }
            }
        }
    }
}

fn before(at: Timestamp) -> Timestamp {
    at - Duration::from_secs(KEPT_HOURS * 3600)
}

impl World {
    /// The patients with whom something ties somebody now, or did until lately: by the unit they work in, by team, as attending or taking
    /// part, by an order; and they themselves. The records patients go by, each once, in order. Some may turn out not to be tied any more.
    #[must_use]
    pub fn patients_tied_to(&self, principal: &PrincipalId, now: Timestamp) -> Vec<PatientPseudonym> {
        let since = before(now);
        let number = self.names.people.find(principal);
        let aliases = number.map_or(&[][..], |person| self.principals.aliases(person));
        let mut found: BTreeSet<RecordNumber> = BTreeSet::new();
        for code in number.iter().chain(aliases) {
            found.extend(self.candidates.of_people.since(*code, since, RecordNumber::FIRST));
        }
        let mut units: SmallVec<[UnitNumber; 8]> = SmallVec::new();
        for (unit, until) in number.into_iter().flat_map(|person| self.rota.places(person)) {
            if until > since && !units.contains(&unit) {
                units.push(unit);
            }
        }
        for unit in units {
            found.extend(self.candidates.of_units.since(unit, since, RecordNumber::FIRST));
        }
        // Who goes by a patient's pseudonym is that patient.
        let names = std::iter::once(principal).chain(self.names.people.names(aliases));
        let selves = names.filter_map(|id| self.patients.find(id.as_str().parse().ok()?));
        found.extend(selves.filter_map(|record| self.patients.head(&self.patients.group(record))));
        let mut patients: Vec<PatientPseudonym> =
            found.into_iter().filter_map(|record| self.patients.id(record)).collect();
        patients.sort_unstable();
        patients
    }

    /// The people whom something ties to a patient now, or did until lately. Each once, in order. Some may turn out not to be tied any more.
    #[must_use]
    pub fn people_tied_to(&self, patient: PatientPseudonym, now: Timestamp) -> Vec<PrincipalId> {
        let since = before(now);
        let Some(record) = self.patients.find(patient) else { return Vec::new() };
        let ties = self.patient_ties(record);
        let mut found: BTreeSet<PersonNumber> = BTreeSet::new();
        for (code, _) in ties.people.iter().filter(|(_, until)| *until >= since) {
            found.insert(*code);
            found.extend(self.candidates.known_as.get(code).into_iter().flatten());
        }
        for (unit, _) in ties.units.iter().filter(|(_, until)| *until >= since) {
            found.extend(self.candidates.workers.since(*unit, since, PersonNumber::new(0)));
        }
        let active = found.into_iter().filter(|person| self.principals.active(*person).is_some());
        let mut people: Vec<PrincipalId> =
            active.filter_map(|person| self.names.people.name(person)).cloned().collect();
        people.sort_unstable();
        people
    }

    /// Those who may act, in the order in which the log first named them, from after somebody on, at most so many; and the last one
    /// looked at, if there may be more.
    #[must_use]
    pub fn somebody_after(&self, after: Option<&PrincipalId>, most: usize) -> (Vec<Somebody>, Option<PrincipalId>) {
        let from = after.and_then(|id| self.names.people.find(id)).map_or(0, |person| person.get().saturating_add(1));
        let mut found = Vec::new();
        let mut last = None;
        for number in from..self.names.people.len() {
            let person = PersonNumber::new(number);
            let Some(id) = self.names.people.name(person) else { continue };
            if found.len() >= most {
                return (found, last);
            }
            last = Some(id.clone());
            found.extend(self.principals.active(person).map(|class| Somebody { id: id.clone(), class }));
        }
        (found, None)
    }

    /// Builds the index of ties again from the folded state: for a world that was read back rather than folded.
    pub fn tie_again(&mut self) {
        self.candidates = Candidates::of(self);
    }

    /// What ties the patient a record belongs to.
    pub(crate) fn patient_ties(&self, record: RecordNumber) -> PatientTies {
        let group = self.patients.group(record);
        let mut ties = PatientTies { patient: self.patients.head(&group), ..PatientTies::default() };
        let told = || group.iter().filter_map(|record| self.patients.get(*record));
        for united in United::all(told().flat_map(|record| &record.encounters)) {
            let course = united.course();
            for period in &course.periods {
                ties.unit(period.unit, period.until.unwrap_or(Timestamp::MAX));
            }
            let until = course.closed_at.unwrap_or(Timestamp::MAX);
            for person in united.attending().iter().chain(united.participants()) {
                ties.person(*person, until);
            }
        }
        told().for_each(|record| ties.record(record));
        for order in self.orders_of(&group) {
            let until = order.ended().map_or(Timestamp::MAX, |(at, _)| at);
            order.ordered_by().iter().chain(order.performers()).for_each(|person| ties.person(*person, until));
            order.unit().into_iter().for_each(|unit| ties.unit(unit, until));
        }
        for appointment in self.appointments_of(&group) {
            let Some(window) = appointment.window() else { continue };
            appointment.people().iter().for_each(|person| ties.person(*person, window.until));
            appointment.unit().into_iter().for_each(|unit| ties.unit(unit, window.until));
        }
        ties.units.sort_unstable();
        ties.people.sort_unstable();
        ties
    }

    /// Whose ties a leaf may change, noted as they are, with the patients and the person it names.
    pub(crate) fn about_to_change(
        &self,
        event: &Event,
    ) -> (Before, SmallVec<[PatientPseudonym; 2]>, Option<PrincipalId>) {
        match event {
            Event::PrincipalRegistered(body) => {
                (self.before_names(&body.principal), SmallVec::new(), Some(body.principal.clone()))
            }
            Event::ShiftAssigned(body) => {
                (self.before_shift(&body.person, &body.shift), SmallVec::new(), Some(body.person.clone()))
            }
            Event::ShiftWithdrawn(body) => {
                (self.before_shift(&body.person, &body.shift), SmallVec::new(), Some(body.person.clone()))
            }
            Event::PatientMerged(body) => self.about_patients(&[body.survivor, body.retired]),
            Event::PatientUnmerged(body) => self.about_patients(&[body.survivor, body.retired]),
            Event::PatientErased(body) => {
                let records: SmallVec<[PatientPseudonym; 2]> = body.records().collect();
                (self.before_patients(&records), records, None)
            }
            Event::PatientLabelled(_) | Event::DecisionMade(_) => (Before::default(), SmallVec::new(), None),
            other => other.patient().map_or_else(Default::default, |patient| self.about_patients(&[patient])),
        }
    }

    fn about_patients(
        &self,
        patients: &[PatientPseudonym],
    ) -> (Before, SmallVec<[PatientPseudonym; 2]>, Option<PrincipalId>) {
        (self.before_patients(patients), SmallVec::from_slice(patients), None)
    }

    /// Notes the ties of patients before a leaf changes them. One nobody named yet has none.
    fn before_patients(&self, patients: &[PatientPseudonym]) -> Before {
        let mut noted = Before::default();
        for record in patients.iter().filter_map(|patient| self.patients.find(*patient)) {
            let ties = self.patient_ties(record);
            if !noted.patients.contains(&ties) {
                noted.patients.push(ties);
            }
        }
        noted
    }

    /// Notes where somebody works, and whoever has the shift, before a leaf changes that.
    fn before_shift(&self, person: &PrincipalId, shift: &ShiftId) -> Before {
        let mut noted = Before::default();
        for person in self.names.people.find(person).into_iter().chain(self.rota.holder(shift)) {
            if !noted.shifts.iter().any(|(known, _)| *known == person) {
                noted.shifts.push((person, self.rota.places(person).collect()));
            }
        }
        noted
    }

    /// Notes what somebody is known by before a leaf changes that.
    fn before_names(&self, person: &PrincipalId) -> Before {
        let person = self.names.people.find(person);
        let aliases = person.map(|person| (person, SmallVec::from_slice(self.principals.aliases(person))));
        Before { aliases, ..Before::default() }
    }

    /// Brings the index up to date after a leaf: `noted` holds the ties as they were, `patients` and `person` say whom the leaf named.
    pub(crate) fn retie(
        &mut self,
        noted: Before,
        patients: &[PatientPseudonym],
        person: Option<&PrincipalId>,
        at: Timestamp,
    ) {
        let horizon = before(at);
        let mut after: SmallVec<[PatientTies; 2]> = SmallVec::new();
        for record in patients.iter().filter_map(|patient| self.patients.find(*patient)) {
            let ties = self.patient_ties(record);
            if !after.contains(&ties) {
                after.push(ties);
            }
        }
        if after != noted.patients {
            noted.patients.iter().for_each(|ties| self.candidates.untie_patient(ties));
            after.iter().for_each(|ties| self.candidates.tie_patient(ties, horizon));
        }
        let Some(person) = person.and_then(|id| self.names.people.find(id)) else { return };
        if let Some((person, aliases)) = noted.aliases {
            self.candidates.unname(person, &aliases);
        }
        let aliases: SmallVec<[PersonNumber; 4]> = SmallVec::from_slice(self.principals.aliases(person));
        self.candidates.name(person, &aliases);
        let mut working: SmallVec<[PersonNumber; 2]> = noted.shifts.iter().map(|(person, _)| *person).collect();
        for (person, places) in noted.shifts {
            places.into_iter().for_each(|(unit, until)| self.candidates.workers.untie(unit, until, person));
        }
        if !working.contains(&person) {
            working.push(person);
        }
        for person in working {
            let places: SmallVec<[(UnitNumber, Timestamp); 4]> = self.rota.places(person).collect();
            places.into_iter().for_each(|(unit, until)| self.candidates.workers.tie(unit, until, person, horizon));
        }
    }
}
