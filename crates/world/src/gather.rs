//! Facts put together for one subject, and the keys they rest on.

use crate::appointments::Appointment;
use crate::called::Codes;
use crate::encounters::United;
use crate::facts::{AppointmentFacts, EncounterFacts, Facts, OrderFacts, PatientFacts, Stay, Subject, TeamFacts};
use crate::keys::{KEYS_MAX, Key};
use crate::names::PersonNumber;
use crate::orders::{End, Order};
use crate::patients::{Record, RecordNumber};
use crate::world::World;
use events::{PatientPseudonym, PrincipalId, Seq, Timestamp, UnitId};
use smallvec::SmallVec;
use std::time::Duration;

/// How far back facts go, in hours: shifts that ended before are left out, and units only visited before are not involved. No grace
/// period of a charter may be longer.
pub const PAST_HOURS: u64 = 72;

/// Who asks, by every code that means them and nobody else.
struct Asker<'a> {
    id: &'a PrincipalId,
    own: Option<PersonNumber>,
    codes: Codes,
}

impl Asker<'_> {
    fn is(&self, code: PersonNumber) -> bool {
        self.codes.contains(&code)
    }

    /// Whether a code is written as their id and may mean somebody else: nobody can tell, so it stands for nobody.
    fn is_unclear(&self, code: PersonNumber) -> bool {
        self.own == Some(code) && !self.is(code)
    }
}

impl World {
    /// Everything known that bears on a subject, with every time a decision at `now` needs.
    #[must_use]
    pub fn facts(&self, subject: &Subject, now: Timestamp) -> Facts {
        let since = now - Duration::from_secs(PAST_HOURS * 3600);
        let number = self.names.people.find(&subject.principal);
        let codes = number.map_or_else(Codes::new, |person| self.codes_of(person));
        let principal = number.and_then(|person| self.principals.facts(person, &codes, &self.names));
        let asker = Asker { id: &subject.principal, own: number, codes };
        let shifts = number.map_or_else(Vec::new, |person| self.rota.facts(person, since, &self.names));
        let patient = subject.patient.and_then(|patient| self.patient_facts(patient, &asker));
        let device = subject.device.as_ref().and_then(|device| self.devices.facts(device, &self.names));

        let mut facts = Facts {
            world_seq: Seq(self.next),
            principal,
            shifts,
            patient,
            device,
            session: subject
                .session
                .as_ref()
                .and_then(|id| self.sessions.find(id))
                .filter(|one| one.principal == subject.principal && self.rests_on_something(one))
                .cloned(),
            vouched_until: self.vouched_until(subject),
            emergencies: Vec::new(),
            feeds: self.feeds.facts(),
            keys: keys(subject),
        };
        let units: Vec<UnitId> = involved(&facts, since).into_iter().cloned().collect();
        for unit in &units {
            let number = self.names.units.find(unit);
            if let Some(until) = number.and_then(|unit| self.emergencies.until(unit, now)) {
                facts.emergencies.push((unit.clone(), until));
            }
        }
        let canonical = facts.patient.as_ref().map(|patient| patient.canonical);
        if canonical != subject.patient {
            facts.keys.extend(canonical.map(Key::Patient));
        }
        if units.len() > KEYS_MAX - facts.keys.len() {
            facts.keys.push(Key::AnyUnit);
        } else {
            facts.keys.extend(units.into_iter().map(Key::Unit));
        }
        facts
    }

    /// Until when a colleague's word for the asker counts: at the workstation it was given for and no other.
    fn vouched_until(&self, subject: &Subject) -> Option<Timestamp> {
        let device = subject.device.as_ref()?;
        let words = self.sessions.vouches(&subject.principal).iter().filter(|word| word.workstation == *device);
        words.map(|word| word.until).max()
    }

    /// The record a patient goes by after merges: the same one if it was never named or merged.
    #[must_use]
    pub fn canonical(&self, patient: PatientPseudonym) -> PatientPseudonym {
        let record = self.patients.find(patient);
        record.and_then(|record| self.patients.canonical(&self.patients.group(record))).unwrap_or(patient)
    }

    /// Whether two records were made one patient by name, and not only each with a third.
    #[must_use]
    pub fn are_linked(&self, one: PatientPseudonym, other: PatientPseudonym) -> bool {
        self.patients.are_linked(one, other)
    }

    fn patient_facts(&self, patient: PatientPseudonym, asker: &Asker<'_>) -> Option<PatientFacts> {
        let group = self.patients.group(self.patients.find(patient)?);
        let canonical = self.patients.canonical(&group)?;
        let mut records: Vec<_> = group.iter().filter_map(|record| self.patients.id(*record)).collect();
        records.sort_unstable_by_key(|record| (*record != canonical, *record));
        let told = || group.iter().filter_map(|record: &RecordNumber| self.patients.get(*record));

        let mut labels: Vec<_> = told().flat_map(|record| self.names.labels.names(&record.labels)).cloned().collect();
        labels.sort_unstable();
        labels.dedup();
        let encounters = United::all(told().flat_map(|record| &record.encounters));
        let mut encounters: Vec<_> =
            encounters.iter().filter_map(|united| self.encounter_facts(united, asker)).collect();
        encounters.sort_unstable_by_key(|encounter| (encounter.opened_at, encounter.encounter));
        Some(PatientFacts {
            canonical,
            records,
            labels,
            encounters,
            team: self.team_facts(told(), asker),
            orders: self.order_facts(&group, asker),
            appointments: self.appointment_facts(&group, asker),
        })
    }

    /// The orders told under any record of a patient, each once.
    pub(crate) fn orders_of(&self, group: &[RecordNumber]) -> Vec<Order> {
        let mut united: Vec<Order> = Vec::new();
        for order in group.iter().flat_map(|record| self.orders.of(*record)) {
            match united.iter_mut().find(|known| known.id == order.id) {
                Some(known) => known.join(order),
                None => united.push(order.clone()),
            }
        }
        united
    }

    fn order_facts(&self, group: &[RecordNumber], asker: &Asker<'_>) -> Vec<OrderFacts> {
        let united = self.orders_of(group);
        let facts = united.iter().map(|order| {
            let ended = order.ended();
            OrderFacts {
                order: order.id,
                placed_at: order.placed_at(),
                ended_at: ended.map(|(at, _)| at),
                cancelled: ended.is_some_and(|(_, end)| end == End::Cancelled),
                ordered_by: self.people(order.ordered_by(), asker),
                performers: self.people(order.performers(), asker),
                unit: order.unit().and_then(|unit| self.names.units.name(unit).cloned()),
            }
        });
        let mut facts: Vec<_> = facts.collect();
        facts.sort_unstable_by_key(|order| (order.placed_at, order.order));
        facts
    }

    /// The appointments told under any record of a patient, each once.
    pub(crate) fn appointments_of(&self, group: &[RecordNumber]) -> Vec<Appointment> {
        let mut united: Vec<Appointment> = Vec::new();
        for appointment in group.iter().flat_map(|record| self.appointments.of(*record)) {
            match united.iter_mut().find(|known| known.id == appointment.id) {
                Some(known) => known.join(appointment),
                None => united.push(appointment.clone()),
            }
        }
        united
    }

    fn appointment_facts(&self, group: &[RecordNumber], asker: &Asker<'_>) -> Vec<AppointmentFacts> {
        let united = self.appointments_of(group);
        let facts = united.iter().filter_map(|appointment| {
            let window = appointment.window()?;
            Some(AppointmentFacts {
                appointment: appointment.id,
                from: window.from,
                until: window.until,
                withdrawn_at: appointment.withdrawn_at(),
                unit: appointment.unit().and_then(|unit| self.names.units.name(unit).cloned()),
                people: self.people(appointment.people(), asker),
            })
        });
        let mut facts: Vec<_> = facts.collect();
        facts.sort_unstable_by_key(|appointment| (appointment.from, appointment.appointment));
        facts
    }

    fn encounter_facts(&self, united: &United<'_>, asker: &Asker<'_>) -> Option<EncounterFacts> {
        let course = united.course();
        let stays = course.periods.iter().filter_map(|period| {
            Some(Stay {
                unit: self.names.units.name(period.unit)?.clone(),
                presence: period.presence,
                from: period.from,
                until: period.until,
            })
        });
        Some(EncounterFacts {
            encounter: united.id()?,
            class: united.class(),
            opened_at: course.opened_at?,
            closed_at: course.closed_at,
            stays: stays.collect(),
            attending: self.people(united.attending(), asker),
            participants: self.people(united.participants(), asker),
        })
    }

    /// The codes as sent, but the asker by their own id, once.
    fn people(&self, codes: &[PersonNumber], asker: &Asker<'_>) -> Vec<PrincipalId> {
        let mut people = Vec::with_capacity(codes.len());
        let mut asked = false;
        for code in codes {
            if asker.is(*code) {
                if !std::mem::replace(&mut asked, true) {
                    people.push(asker.id.clone());
                }
            } else if !asker.is_unclear(*code) {
                people.extend(self.names.people.name(*code).cloned());
            }
        }
        people
    }

    fn team_facts<'a>(&'a self, told: impl Iterator<Item = &'a Record>, asker: &Asker<'_>) -> Vec<TeamFacts> {
        let mut team: Vec<TeamFacts> = Vec::new();
        let members = told.flat_map(|record| record.team.members());
        for member in members.filter(|member| !asker.is_unclear(member.person)) {
            let person = if asker.is(member.person) { Some(asker.id) } else { self.names.people.name(member.person) };
            let Some(person) = person else { continue };
            match team.iter_mut().find(|known| known.person == *person) {
                // On the team of two records that are one patient, or by two codes: until the later end.
                Some(known) => known.until = known.until.zip(member.until).map(|(one, other)| one.max(other)),
                None => team.push(TeamFacts { person: person.clone(), until: member.until }),
            }
        }
        team.sort_unstable_by(|one, other| one.person.cmp(&other.person));
        team
    }
}

fn keys(subject: &Subject) -> SmallVec<[Key; KEYS_MAX]> {
    let mut keys = SmallVec::new();
    keys.push(Key::Principal(subject.principal.clone()));
    keys.push(Key::Rota(subject.principal.clone()));
    keys.extend(subject.patient.map(Key::Patient));
    keys.extend(subject.device.clone().map(Key::Device));
    keys.extend(subject.session.clone().map(Key::Session));
    keys
}

/// The units whose emergencies matter, each once, in order.
fn involved(facts: &Facts, since: Timestamp) -> Vec<&UnitId> {
    let mut units: Vec<&UnitId> = facts.shifts.iter().map(|shift| &shift.unit).collect();
    units.extend(facts.principal.as_ref().and_then(|principal| principal.home_unit.as_ref()));
    units.extend(facts.device.as_ref().and_then(|device| device.unit.as_ref()));
    let stays = facts.patient.iter().flat_map(|patient| &patient.encounters).flat_map(|encounter| &encounter.stays);
    units.extend(stays.filter(|stay| stay.until.is_none_or(|until| until > since)).map(|stay| &stay.unit));
    units.sort_unstable();
    units.dedup();
    units
}
