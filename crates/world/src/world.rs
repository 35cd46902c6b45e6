//! The fold itself: one leaf after another, each to its slice.

use crate::appointments::{AppointmentDetails, Appointments};
use crate::authenticators::Authenticators;
use crate::candidates::Candidates;
use crate::canon::{Canon, Reading, Unfit};
use crate::devices::Devices;
use crate::emergencies::Emergencies;
use crate::encounters::{Details, Moment, Stamp, What};
use crate::feeds::Feeds;
use crate::holds::Holds;
use crate::keys::{Changed, Key, Touched};
use crate::names::{NameBook, Names};
use crate::orders::{End, OrderDetails, Orders, State};
use crate::patients::{Patients, RecordNumber};
use crate::principals::Principals;
use crate::rota::Rota;
use crate::sessions::Sessions;
use crate::workstations::Workstations;
use aws_lc_rs::digest::{Context, SHA256};
use events::appointment::{APPOINTMENT_PEOPLE_MAX, Window};
use events::encounter::PEOPLE_MAX;
use events::order::{self, ORDER_PEOPLE_MAX};
use events::{
    CharterDigest, EncounterPseudonym, Event, FeedName, Leaf, PatientPseudonym, PrincipalId, Seq, Timestamp, UnitId,
};

/// A running SHA-256.
struct Digest(Context);

impl std::io::Write for Digest {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// What is true, as far as the leaves folded so far tell.
#[derive(Clone, Debug, Default)]
pub struct World {
    pub(crate) next: u64,
    pub(crate) names: NameBook,
    pub(crate) principals: Principals,
    pub(crate) rota: Rota,
    pub(crate) devices: Devices,
    pub(crate) patients: Patients,
    pub(crate) orders: Orders,
    pub(crate) appointments: Appointments,
    pub(crate) emergencies: Emergencies,
    pub(crate) feeds: Feeds,
    pub(crate) holds: Holds,
    pub(crate) workstations: Workstations,
    pub(crate) authenticators: Authenticators,
    pub(crate) sessions: Sessions,
    /// Who is tied to whom, the other way round; follows from the rest.
    pub(crate) candidates: Candidates,
    charter: Option<CharterDigest>,
}

/// How much a world knows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Principals registered, the ended included.
    pub principals: usize,
    /// Shifts kept.
    pub shifts: usize,
    /// Devices enrolled.
    pub devices: usize,
    /// Patient records named, each of those merged counted.
    pub patients: usize,
}

impl World {
    /// The world before the first entry.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Folds the next leaf. A leaf that was folded before changes nothing; one further on is folded as if those between bore no facts,
    /// so whoever leaves out leaves must have made sure of that (see [`events::Leaf::may_bear_facts`]).
    pub fn apply(&mut self, leaf: &Leaf) -> Touched {
        let mut touched = Touched::default();
        if leaf.seq.0 < self.next {
            return touched;
        }
        self.next = leaf.seq.0.saturating_add(1);
        touched.heard = self.feeds.hear(leaf);
        let (noted, patients, person) = self.about_to_change(&leaf.draft.event);
        self.fold(leaf, &mut touched);
        if !touched.keys.is_empty() {
            self.retie(noted, &patients, person.as_ref(), leaf.recorded_at);
        }
        self.mark(&touched, Changed::by(leaf.seq.0));
        touched
    }

    /// The place in the log of the leaf to be folded next.
    #[must_use]
    pub const fn next_seq(&self) -> Seq {
        Seq(self.next)
    }

    /// The charter in force, by the log.
    #[must_use]
    pub const fn charter(&self) -> Option<CharterDigest> {
        self.charter
    }

    /// When each feed was last heard, by name.
    pub fn feeds(&self) -> impl Iterator<Item = (&FeedName, Timestamp)> {
        self.feeds.iter()
    }

    /// How much is known.
    #[must_use]
    pub fn counts(&self) -> Counts {
        Counts {
            principals: self.principals.count(),
            shifts: self.rota.count(),
            devices: self.devices.count(),
            patients: self.patients.count(),
        }
    }

    /// Every record of the same patient, this one first.
    #[must_use]
    pub fn records_of(&self, patient: PatientPseudonym) -> Vec<PatientPseudonym> {
        let group = self.patients.find(patient).map(|record| self.patients.group(record)).unwrap_or_default();
        let others = group.iter().filter_map(|record| self.patients.id(*record)).filter(|record| *record != patient);
        std::iter::once(patient).chain(others).collect()
    }

    /// Whether a merge of the two would be made: not of a record with itself, and not of more than [`crate::MERGED_RECORDS_MAX`] records.
    #[must_use]
    pub fn can_merge(&self, survivor: PatientPseudonym, retired: PatientPseudonym) -> bool {
        self.patients.can_merge(survivor, retired)
    }

    /// Whether an entry from `since` on touched any of the keys, so that facts gathered at [`Facts::world_seq`](crate::Facts::world_seq)
    /// `since` may differ now.
    #[must_use]
    pub fn changed_since(&self, keys: &[Key], since: Seq) -> bool {
        keys.iter().any(|key| self.changed(key).since(since.0))
    }

    /// SHA-256 over everything the world knows, in one order: the same for every world that folded the same leaves.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        let mut digest = Digest(Context::new(&SHA256));
        let mut canon = Canon::new(&mut digest);
        self.write(&mut canon);
        // A digest takes whatever it is given.
        let _whole = canon.finish();
        let mut out = [0; 32];
        for (to, from) in out.iter_mut().zip(digest.0.finish().as_ref()) {
            *to = *from;
        }
        out
    }

    /// Writes everything the world knows, in one order.
    pub fn write(&self, canon: &mut Canon<'_>) {
        canon.number(self.next);
        canon.maybe(self.charter, |canon, digest| canon.bytes(&digest.0));
        self.principals.write(&self.names, canon);
        self.rota.write(&self.names, canon);
        self.devices.write(&self.names, canon);
        self.patients.write(&self.names, canon);
        self.write_services(canon);
        self.emergencies.write(&self.names, canon);
        self.feeds.write(canon);
        self.holds.write(canon);
        self.workstations.write(canon);
        self.authenticators.write(canon);
        self.sessions.write(canon);
    }

    /// What is ordered and booked, of the records of which anything is.
    fn write_services(&self, canon: &mut Canon<'_>) {
        let mut served = Vec::new();
        self.patients.each(|id, record| {
            if !self.orders.of(record).is_empty() || !self.appointments.of(record).is_empty() {
                served.push((id, record));
            }
        });
        canon.count(served.len());
        for (id, record) in served {
            canon.bytes(&id);
            self.orders.write(record, &self.names, canon);
            self.appointments.write(record, &self.names, canon);
        }
    }

    fn read_services(
        patients: &Patients,
        names: &mut NameBook,
        reading: &mut Reading<'_>,
    ) -> Result<(Orders, Appointments), Unfit> {
        let (mut orders, mut appointments) = (Orders::default(), Appointments::default());
        let (count, _) = reading.count()?;
        for _ in 0..count {
            let id = PatientPseudonym::from_bytes(reading.array()?);
            let record = patients.find(id).ok_or(Unfit::Form("known patient"))?;
            orders.read(record, names, reading)?;
            appointments.read(record, names, reading)?;
        }
        Ok((orders, appointments))
    }

    /// Reads a world that [`Self::write`] wrote. Whatever the same leaves do to both, they stay the same.
    ///
    /// # Errors
    /// When it is no world.
    pub fn read(reading: &mut Reading<'_>) -> Result<Self, Unfit> {
        let mut names = NameBook::default();
        let next = reading.number()?;
        let charter = reading.maybe(Reading::array)?.map(CharterDigest);
        let principals = Principals::read(&mut names, reading)?;
        let rota = Rota::read(&mut names, reading)?;
        let devices = Devices::read(&mut names, reading)?;
        let patients = Patients::read(&mut names, reading)?;
        let (orders, appointments) = Self::read_services(&patients, &mut names, reading)?;
        let mut world = Self {
            next,
            charter,
            principals,
            rota,
            devices,
            patients,
            orders,
            appointments,
            emergencies: Emergencies::read(&mut names, reading)?,
            feeds: Feeds::read(reading)?,
            holds: Holds::read(reading)?,
            workstations: Workstations::read(reading)?,
            authenticators: Authenticators::read(reading)?,
            sessions: Sessions::read(reading)?,
            names,
            candidates: Candidates::default(),
        };
        world.candidates = Candidates::of(&world);
        Ok(world)
    }

    fn changed(&self, key: &Key) -> Changed {
        let people = &self.names.people;
        match key {
            Key::Principal(id) => people.find(id).map_or_else(Changed::default, |id| self.principals.changed(id)),
            Key::Rota(id) => people.find(id).map_or_else(Changed::default, |id| self.rota.changed(id)),
            Key::Patient(id) => self.patients.changed(*id),
            Key::Device(id) => self.devices.changed(id),
            Key::Unit(id) => {
                self.names.units.find(id).map_or_else(Changed::default, |unit| self.emergencies.changed(unit))
            }
            Key::AnyUnit => self.emergencies.any_changed(),
            Key::Session(id) => self.sessions.changed(id),
        }
    }

    fn mark(&mut self, touched: &Touched, changed: Changed) {
        for key in &touched.keys {
            match key {
                Key::Principal(id) => self.principals.mark(self.names.people.number(id), changed),
                Key::Rota(id) => self.rota.mark(self.names.people.number(id), changed),
                Key::Patient(id) => self.patients.mark(*id, changed),
                Key::Device(id) => self.devices.mark(id, changed),
                Key::Unit(id) => self.emergencies.mark(self.names.units.number(id), changed),
                Key::AnyUnit => self.emergencies.mark_any(changed),
                Key::Session(id) => self.sessions.mark(id, changed),
            }
        }
    }

    fn fold(&mut self, leaf: &Leaf, touched: &mut Touched) {
        match &leaf.draft.event {
            Event::PrincipalRegistered(_) | Event::PrincipalEnded(_) => self.fold_principal(&leaf.draft.event, touched),
            Event::ShiftAssigned(_) | Event::ShiftWithdrawn(_) => self.fold_shift(leaf, touched),
            Event::DeviceRegistered(body) if self.devices.register(body, &mut self.names) => {
                touched.add(Key::Device(body.device.clone()));
                self.touch_sessions_at(&body.device, touched);
            }
            Event::DeviceRetired(body) if self.devices.retire(&body.device) => {
                touched.add(Key::Device(body.device.clone()));
                self.touch_sessions_at(&body.device, touched);
            }
            Event::PostureReported(body) if self.devices.find(body) => {
                touched.add(Key::Device(body.device.clone()));
            }
            Event::EncounterOpened(_)
            | Event::EncounterMoved(_)
            | Event::EncounterClosed(_)
            | Event::EncounterUpdated(_)
            | Event::MovementCancelled(_) => self.fold_encounter(leaf, touched),
            Event::PatientLabelled(_)
            | Event::PatientMerged(_)
            | Event::PatientUnmerged(_)
            | Event::TeamJoined(_)
            | Event::TeamLeft(_) => self.fold_patient(leaf, touched),
            Event::PatientErased(body) => {
                for patient in body.records() {
                    self.holds.erase(patient, leaf.seq);
                    let (record, _) = self.patients.record(patient);
                    self.patients.forget(record);
                    self.orders.forget(record);
                    self.appointments.forget(record);
                    self.touch_all(record, touched);
                }
            }
            Event::HoldPlaced(body) => self.holds.place(body, leaf.seq),
            Event::HoldLifted(body) => self.holds.lift(body.patient),
            Event::OrderPlaced(_) | Event::OrderChanged(_) | Event::OrderCompleted(_) | Event::OrderCancelled(_) => {
                self.fold_order(leaf, touched);
            }
            Event::AppointmentBooked(_) | Event::AppointmentChanged(_) | Event::AppointmentWithdrawn(_) => {
                self.fold_appointment(leaf, touched);
            }
            Event::EmergencyDeclared(body) => self.fold_emergency(&body.unit, Some(body.until), touched),
            Event::EmergencyEnded(body) => self.fold_emergency(&body.unit, None, touched),
            Event::CharterApplied(body) => {
                self.charter = Some(body.digest);
                touched.charter = true;
            }
            // Workstations, authenticators and sessions. Feeds took note of `feed.heard`; the rest is record-only, as
            // `every_fact_bearing_kind_is_folded` in `tests/fold/kinds.rs` checks.
            _ => self.fold_signing_in(leaf, touched),
        }
    }

    fn fold_shift(&mut self, leaf: &Leaf, touched: &mut Touched) {
        match &leaf.draft.event {
            Event::ShiftAssigned(body) => {
                let people = self.rota.assign(body, leaf.recorded_at, &mut self.names);
                for person in people.into_iter().flatten() {
                    touched.keys.extend(self.names.people.name(person).cloned().map(Key::Rota));
                }
            }
            Event::ShiftWithdrawn(body) => {
                let person = self.names.people.number(&body.person);
                if self.rota.withdraw(&body.shift, person, leaf.occurred_at()) {
                    touched.add(Key::Rota(body.person.clone()));
                }
            }
            _ => {}
        }
    }

    fn fold_emergency(&mut self, unit: &UnitId, until: Option<Timestamp>, touched: &mut Touched) {
        if self.emergencies.set(self.names.units.number(unit), until) {
            touched.add(Key::Unit(unit.clone()));
            touched.add(Key::AnyUnit);
        }
    }

    fn fold_encounter(&mut self, leaf: &Leaf, touched: &mut Touched) {
        // What a message leaves empty it does not say.
        let said = |people: &[PrincipalId], names: &mut NameBook| {
            (!people.is_empty()).then(|| names.people.numbers(people, PEOPLE_MAX))
        };
        let names = &mut self.names;
        let (patient, encounter, what, details) = match &leaf.draft.event {
            Event::EncounterOpened(body) => {
                let what = What::Admission { unit: names.units.number(&body.place.unit), presence: body.presence };
                let details = Details {
                    class: Some(body.class),
                    attending: said(&body.attending, names),
                    participants: said(&body.participants, names),
                };
                (body.patient, body.encounter, Some(what), details)
            }
            Event::EncounterMoved(body) => {
                let what = What::Transfer { unit: names.units.number(&body.place.unit), presence: body.presence };
                (body.patient, body.encounter, Some(what), Details::default())
            }
            Event::EncounterClosed(body) => (body.patient, body.encounter, Some(What::Discharge), Details::default()),
            Event::EncounterUpdated(body) => {
                let numbers = |people: &Option<Vec<_>>, names: &mut Names<_, _>| {
                    people.as_ref().map(|people| names.numbers(people, PEOPLE_MAX))
                };
                let details = Details {
                    class: body.class,
                    attending: numbers(&body.attending, &mut names.people),
                    participants: numbers(&body.participants, &mut names.people),
                };
                (body.patient, body.encounter, None, details)
            }
            Event::MovementCancelled(body) => {
                let what = What::Undo { movement: body.movement, happened_at: Moment::new(body.happened_at) };
                (body.patient, body.encounter, Some(what), Details::default())
            }
            _ => return,
        };
        self.tell(leaf, patient, encounter, what, details, touched);
    }

    fn tell(
        &mut self,
        leaf: &Leaf,
        patient: PatientPseudonym,
        encounter: EncounterPseudonym,
        what: Option<What>,
        details: Details,
        touched: &mut Touched,
    ) {
        let stamp = Stamp { at: leaf.occurred_at(), seq: leaf.seq.0 };
        let (record, _) = self.patients.record(patient);
        // A record that is new is touched for its new encounter.
        if self.patients.tell(record, encounter, stamp, what, details) {
            self.touch(record, touched);
        }
    }

    fn fold_order(&mut self, leaf: &Leaf, touched: &mut Touched) {
        let names = &mut self.names;
        let said = |people: &[PrincipalId], names: &mut NameBook| names.people.numbers(people, ORDER_PEOPLE_MAX);
        let (patient, order, state, details) = match &leaf.draft.event {
            Event::OrderPlaced(body) => {
                // What a first message leaves empty it does not say.
                let details = OrderDetails {
                    ordered_by: (!body.ordered_by.is_empty()).then(|| said(&body.ordered_by, names)),
                    performers: (!body.performers.is_empty()).then(|| said(&body.performers, names)),
                    unit: body.unit.as_ref().map(|unit| names.units.number(unit)),
                };
                (body.patient, body.order, State::Open, details)
            }
            Event::OrderChanged(order::Changed { order, patient, ordered_by, performers, unit })
            | Event::OrderCompleted(order::Completed { order, patient, ordered_by, performers, unit }) => {
                let completed = matches!(leaf.draft.event, Event::OrderCompleted(_));
                let details = OrderDetails {
                    ordered_by: ordered_by.as_ref().map(|people| said(people, names)),
                    performers: performers.as_ref().map(|people| said(people, names)),
                    unit: unit.as_ref().map(|unit| names.units.number(unit)),
                };
                (*patient, *order, if completed { State::Ended(End::Completed) } else { State::Open }, details)
            }
            Event::OrderCancelled(body) => {
                (body.patient, body.order, State::Ended(End::Cancelled), OrderDetails::default())
            }
            _ => return,
        };
        let stamp = Stamp { at: leaf.occurred_at(), seq: leaf.seq.0 };
        let (record, _) = self.patients.record(patient);
        self.orders.tell(record, order, stamp, state, details);
        self.touch(record, touched);
    }

    fn fold_appointment(&mut self, leaf: &Leaf, touched: &mut Touched) {
        let names = &mut self.names;
        let window = |window: Window| (window.from < window.until).then_some(window);
        let said = |people: &[PrincipalId], names: &mut NameBook| names.people.numbers(people, APPOINTMENT_PEOPLE_MAX);
        let (patient, appointment, stands, details) = match &leaf.draft.event {
            Event::AppointmentBooked(body) => {
                let details = AppointmentDetails {
                    window: window(Window { from: body.from, until: body.until }),
                    unit: body.unit.as_ref().map(|unit| names.units.number(unit)),
                    people: (!body.people.is_empty()).then(|| said(&body.people, names)),
                };
                (body.patient, body.appointment, true, details)
            }
            Event::AppointmentChanged(body) => {
                let details = AppointmentDetails {
                    window: body.window.and_then(window),
                    unit: body.unit.as_ref().map(|unit| names.units.number(unit)),
                    people: body.people.as_ref().map(|people| said(people, names)),
                };
                (body.patient, body.appointment, true, details)
            }
            Event::AppointmentWithdrawn(body) => (body.patient, body.appointment, false, AppointmentDetails::default()),
            _ => return,
        };
        let stamp = Stamp { at: leaf.occurred_at(), seq: leaf.seq.0 };
        let (record, _) = self.patients.record(patient);
        self.appointments.tell(record, appointment, stamp, stands, details);
        self.touch(record, touched);
    }

    fn fold_patient(&mut self, leaf: &Leaf, touched: &mut Touched) {
        let (record, changed) = match &leaf.draft.event {
            Event::PatientLabelled(body) => {
                let labels = self.names.labels.numbers(&body.labels, usize::MAX);
                let (record, new) = self.patients.record(body.patient);
                (record, self.patients.label(record, labels) || new)
            }
            Event::TeamJoined(body) => {
                let person = self.names.people.number(&body.person);
                let (record, new) = self.patients.record(body.patient);
                (record, self.patients.join(record, person, body.until) || new)
            }
            Event::TeamLeft(body) => {
                let person = self.names.people.number(&body.person);
                let (record, new) = self.patients.record(body.patient);
                (record, self.patients.leave(record, person) || new)
            }
            Event::PatientMerged(body) => {
                let (survivor, _) = self.patients.record(body.survivor);
                let (retired, _) = self.patients.record(body.retired);
                self.patients.merge(survivor, retired, leaf.seq.0);
                // Both, since they may not fit together and yet be named for the first time.
                self.touch_all(survivor, touched);
                self.touch_all(retired, touched);
                return;
            }
            Event::PatientUnmerged(body) => {
                let (survivor, _) = self.patients.record(body.survivor);
                let (retired, _) = self.patients.record(body.retired);
                let hold = self.hold_on(body.survivor).cloned();
                if self.patients.unmerge(survivor, retired) {
                    self.hold_both(hold.as_ref(), [body.survivor, body.retired]);
                }
                self.touch_all(survivor, touched);
                self.touch_all(retired, touched);
                return;
            }
            _ => return,
        };
        if changed {
            self.touch(record, touched);
        }
    }

    /// A record changed: whoever asks by it or by any other of the patient's rests on the one they go by, or on one that was touched when
    /// they began to go by another.
    fn touch(&self, record: RecordNumber, touched: &mut Touched) {
        if let Some(canonical) = self.patients.canonical(&self.patients.group(record)) {
            touched.add(Key::Patient(canonical));
        }
    }

    /// Which records are one patient changed: every record concerned.
    fn touch_all(&self, record: RecordNumber, touched: &mut Touched) {
        for record in self.patients.group(record) {
            if let Some(id) = self.patients.id(record) {
                touched.add(Key::Patient(id));
            }
        }
    }
}
