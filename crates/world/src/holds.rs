//! Whose detail must not go: legal holds by patient record, and records whose patient was erased.

use crate::World;
use crate::canon::{Canon, Reading, Unfit};
use events::patient::HoldPlaced;
use events::{OwnerId, PatientPseudonym, Seq};
use smol_str::SmolStr;
use std::collections::BTreeMap;

/// A hold in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hold {
    /// The record it was placed on.
    pub patient: PatientPseudonym,
    /// The entry that placed it.
    pub entry: Seq,
    /// Why, in words that name nobody.
    pub reason: SmolStr,
    /// Who answers for it.
    pub owner: OwnerId,
}

/// Holds in force, and what was erased. Few patients ever are in either.
#[derive(Clone, Debug, Default)]
pub(crate) struct Holds {
    held: BTreeMap<PatientPseudonym, Hold>,
    erased: BTreeMap<PatientPseudonym, Seq>,
}

impl Holds {
    /// Places a hold, or says anew why one is there.
    pub(crate) fn place(&mut self, body: &HoldPlaced, entry: Seq) {
        let HoldPlaced { patient, reason, owner } = body.clone();
        self.held.insert(patient, Hold { patient, entry, reason, owner });
    }

    /// Places a hold that is on another record on this one too.
    pub(crate) fn spread(&mut self, hold: &Hold, patient: PatientPseudonym) {
        self.held.insert(patient, Hold { patient, ..hold.clone() });
    }

    pub(crate) fn lift(&mut self, patient: PatientPseudonym) {
        self.held.remove(&patient);
    }

    pub(crate) fn erase(&mut self, patient: PatientPseudonym, entry: Seq) {
        self.erased.insert(patient, entry);
    }

    pub(crate) fn on(&self, patient: PatientPseudonym) -> Option<&Hold> {
        self.held.get(&patient)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Hold> {
        self.held.values()
    }

    /// The entry that erased this record.
    pub(crate) fn erased(&self, patient: PatientPseudonym) -> Option<Seq> {
        self.erased.get(&patient).copied()
    }

    pub(crate) fn read(reading: &mut Reading<'_>) -> Result<Self, Unfit> {
        let patient = |reading: &mut Reading<'_>| reading.array().map(PatientPseudonym::from_bytes);
        let held = reading.list(|reading| {
            let patient = patient(reading)?;
            let entry = Seq(reading.number()?);
            Ok((patient, Hold { patient, entry, reason: reading.text()?.into(), owner: reading.parsed()? }))
        })?;
        let erased = reading.list(|reading| Ok((patient(reading)?, Seq(reading.number()?))))?;
        Ok(Self { held: held.into_iter().collect(), erased: erased.into_iter().collect() })
    }

    pub(crate) fn write(&self, canon: &mut Canon<'_>) {
        canon.count(self.held.len());
        for hold in self.held.values() {
            canon.bytes(&hold.patient.to_bytes());
            canon.number(hold.entry.0);
            canon.text(&hold.reason);
            canon.text(hold.owner.as_ref());
        }
        canon.count(self.erased.len());
        for (patient, entry) in &self.erased {
            canon.bytes(&patient.to_bytes());
            canon.number(entry.0);
        }
    }
}

impl World {
    /// The hold that keeps a patient's detail, placed on any record of theirs: the oldest, if several are.
    #[must_use]
    pub fn hold_on(&self, patient: PatientPseudonym) -> Option<&Hold> {
        let holds = self.records_of(patient).into_iter().filter_map(|record| self.holds.on(record));
        holds.min_by_key(|hold| (hold.entry, hold.patient))
    }

    /// The hold that is on this very record.
    #[must_use]
    pub fn hold_of(&self, record: PatientPseudonym) -> Option<&Hold> {
        self.holds.on(record)
    }

    /// Every hold in force.
    pub fn holds(&self) -> impl Iterator<Item = &Hold> {
        self.holds.iter()
    }

    /// The entry by which everything that told who this record stands for was destroyed.
    #[must_use]
    pub fn erased_by(&self, patient: PatientPseudonym) -> Option<Seq> {
        self.holds.erased(patient)
    }

    /// Two records were taken apart while this hold was on them. When it was placed it was on both: whoever takes them apart does not take one out
    /// from under it.
    pub(crate) fn hold_both(&mut self, hold: Option<&Hold>, records: [PatientPseudonym; 2]) {
        for record in records {
            if let Some(hold) = hold.filter(|_| self.hold_on(record).is_none()) {
                self.holds.spread(hold, record);
            }
        }
    }
}
