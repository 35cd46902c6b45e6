//! Appointments of each patient record: when and where each is, who sees the patient, and whether it stands.
//!
//! What follows from the messages about an appointment does not depend on the order they come in: of each part the last that was said holds.

use crate::canon::{Canon, Reading, Unfit};
use crate::encounters::Stamp;
use crate::names::{NameBook, PersonNumber, UnitNumber};
use crate::patients::RecordNumber;
use crate::told::Told;
use events::{AppointmentPseudonym, Timestamp, appointment::Window};
use std::collections::HashMap;

/// The most appointments kept of one patient record. When one more comes, one without a time is forgotten, else the one that ends first.
pub const APPOINTMENTS_MAX: usize = 64;

/// What a message says of an appointment.
#[derive(Clone, Debug, Default)]
pub(crate) struct AppointmentDetails {
    pub(crate) window: Option<Window>,
    pub(crate) unit: Option<UnitNumber>,
    pub(crate) people: Option<Box<[PersonNumber]>>,
}

/// One appointment.
#[derive(Clone, Debug)]
pub(crate) struct Appointment {
    pub(crate) id: AppointmentPseudonym,
    stands: Told<bool>,
    window: Told<Window>,
    unit: Told<UnitNumber>,
    people: Told<Box<[PersonNumber]>>,
}

impl Appointment {
    const fn new(id: AppointmentPseudonym) -> Self {
        Self { id, stands: Told::new(), window: Told::new(), unit: Told::new(), people: Told::new() }
    }

    pub(crate) const fn window(&self) -> Option<Window> {
        self.window.get().copied()
    }

    /// When it was withdrawn, unless it was booked again since.
    pub(crate) fn withdrawn_at(&self) -> Option<Timestamp> {
        match self.stands.get() {
            Some(false) => self.stands.stamp().map(|stamp| stamp.at),
            _ => None,
        }
    }

    pub(crate) const fn unit(&self) -> Option<UnitNumber> {
        self.unit.get().copied()
    }

    pub(crate) fn people(&self) -> &[PersonNumber] {
        self.people.get().map_or(&[], |people| people)
    }

    /// The same appointment as told under two records.
    pub(crate) fn join(&mut self, other: &Self) {
        self.stands.join(&other.stands);
        self.window.join(&other.window);
        self.unit.join(&other.unit);
        self.people.join(&other.people);
    }

    /// How dispensable it is, the most dispensable first.
    fn dispensable(&self) -> (Timestamp, AppointmentPseudonym) {
        (self.window().map_or(Timestamp::MIN, |window| window.until), self.id)
    }

    fn read(names: &mut NameBook, reading: &mut Reading<'_>) -> Result<Self, Unfit> {
        Ok(Self {
            id: AppointmentPseudonym::from_bytes(reading.array()?),
            stands: Told::read(reading, |reading| reading.flag())?,
            window: Told::read(reading, |reading| Ok(Window { from: reading.time()?, until: reading.time()? }))?,
            unit: Told::read(reading, |reading| names.units.read(reading))?,
            people: Told::read(reading, |reading| names.people.read_all(reading))?,
        })
    }

    fn write(&self, names: &NameBook, canon: &mut Canon<'_>) {
        canon.bytes(&self.id.to_bytes());
        self.stands.write(canon, |canon, stands| canon.flag(*stands));
        self.window.write(canon, |canon, window| {
            canon.time(window.from);
            canon.time(window.until);
        });
        self.unit.write(canon, |canon, unit| names.units.write(*unit, canon));
        self.people.write(canon, |canon, people| names.people.write_all(people, canon));
    }
}

/// The appointments of every record that has any. Most have none.
#[derive(Clone, Debug, Default)]
pub(crate) struct Appointments {
    of: HashMap<RecordNumber, Vec<Appointment>>,
}

impl Appointments {
    pub(crate) fn of(&self, record: RecordNumber) -> &[Appointment] {
        self.of.get(&record).map_or(&[], |appointments| appointments)
    }

    /// Keeps what a message says of an appointment.
    pub(crate) fn tell(
        &mut self,
        record: RecordNumber,
        id: AppointmentPseudonym,
        stamp: Stamp,
        stands: bool,
        details: AppointmentDetails,
    ) {
        let all = self.of.entry(record).or_default();
        let index = match all.iter().position(|known| known.id == id) {
            Some(index) => index,
            None => {
                all.push(Appointment::new(id));
                all.len() - 1
            }
        };
        if let Some(appointment) = all.get_mut(index) {
            appointment.stands.tell(stamp, stands);
            appointment.window.tell_maybe(stamp, details.window);
            appointment.unit.tell_maybe(stamp, details.unit);
            appointment.people.tell_maybe(stamp, details.people);
        }
        if all.len() > APPOINTMENTS_MAX {
            let spare = all.iter().enumerate().min_by_key(|(_, known)| known.dispensable()).map(|(index, _)| index);
            if let Some(spare) = spare {
                all.swap_remove(spare);
            }
        }
    }

    /// Forgets what is known under a record.
    pub(crate) fn forget(&mut self, record: RecordNumber) {
        self.of.remove(&record);
    }

    /// Reads what [`Self::write`] wrote of a record.
    pub(crate) fn read(
        &mut self,
        record: RecordNumber,
        names: &mut NameBook,
        reading: &mut Reading<'_>,
    ) -> Result<(), Unfit> {
        let all = reading.list(|reading| Appointment::read(names, reading))?;
        if !all.is_empty() {
            self.of.insert(record, all);
        }
        Ok(())
    }

    pub(crate) fn write(&self, record: RecordNumber, names: &NameBook, canon: &mut Canon<'_>) {
        let mut all: Vec<_> = self.of(record).iter().collect();
        all.sort_unstable_by_key(|appointment| appointment.id);
        canon.count(all.len());
        for appointment in all {
            appointment.write(names, canon);
        }
    }
}
