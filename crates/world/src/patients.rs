//! Patient records: encounters, labels and team of each pseudonym, and the records that are one patient.

use crate::canon::{Canon, Reading, Unfit};
use crate::encounters::{Details, ENCOUNTERS_MAX, Encounter, Stamp, Statement, What};
use crate::keys::Changed;
use crate::merges::{Group, Merges};
use crate::names::{LabelNumber, NameBook, PersonNumber};
use crate::teams::Team;
use events::{EncounterPseudonym, PatientPseudonym, Timestamp};
use std::collections::HashMap;

/// Stands for a record within one world.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct RecordNumber(u32);

impl RecordNumber {
    /// The first there can be.
    pub(crate) const FIRST: Self = Self(0);
}

/// What is known under one pseudonym.
///
/// Size: 88 bytes, and 21 with some slack for its place in the index; each encounter adds 128, each statement 32, and whoever attends
/// a few. A million patients with one encounter, an admission and a transfer each take 388 bytes a patient, the allocator's
/// share included (measured). `a_patient_is_small` holds the sizes.
#[derive(Clone, Debug)]
pub(crate) struct Record {
    id: [u8; 16],
    changed: Changed,
    pub(crate) encounters: Vec<Encounter>,
    /// All that the leaf has: leaving one out would open the record. The leaf's length bounds them.
    pub(crate) labels: Box<[LabelNumber]>,
    pub(crate) team: Team,
}

/// Every patient record ever named.
#[derive(Clone, Debug, Default)]
pub(crate) struct Patients {
    index: HashMap<[u8; 16], RecordNumber>,
    records: Vec<Record>,
    merges: Merges,
}

impl Patients {
    /// The record of a pseudonym, made if need be. Whether it is new.
    pub(crate) fn record(&mut self, id: PatientPseudonym) -> (RecordNumber, bool) {
        let id = id.to_bytes();
        if let Some(record) = self.index.get(&id) {
            return (*record, false);
        }
        // A log that names four thousand million patients does not fit the machine first.
        let record = RecordNumber(u32::try_from(self.records.len()).unwrap_or(u32::MAX));
        self.records.push(Record {
            id,
            changed: Changed::default(),
            encounters: Vec::new(),
            labels: Box::default(),
            team: Team::default(),
        });
        self.index.insert(id, record);
        (record, true)
    }

    pub(crate) fn find(&self, id: PatientPseudonym) -> Option<RecordNumber> {
        self.index.get(&id.to_bytes()).copied()
    }

    pub(crate) fn get(&self, record: RecordNumber) -> Option<&Record> {
        self.records.get(record.0 as usize)
    }

    fn get_mut(&mut self, record: RecordNumber) -> Option<&mut Record> {
        self.records.get_mut(record.0 as usize)
    }

    pub(crate) fn id(&self, record: RecordNumber) -> Option<PatientPseudonym> {
        self.get(record).map(|record| PatientPseudonym::from_bytes(record.id))
    }

    pub(crate) fn group(&self, record: RecordNumber) -> Group {
        self.merges.group(record)
    }

    pub(crate) fn canonical(&self, group: &[RecordNumber]) -> Option<PatientPseudonym> {
        self.merges.canonical(group).and_then(|record| self.id(record))
    }

    /// Every record by its pseudonym, in order.
    pub(crate) fn each(&self, mut with: impl FnMut([u8; 16], RecordNumber)) {
        let mut all: Vec<_> = self.index.iter().collect();
        all.sort_unstable_by_key(|(id, _)| *id);
        all.into_iter().for_each(|(id, record)| with(*id, *record));
    }

    pub(crate) fn count(&self) -> usize {
        self.records.len()
    }

    /// Every record there is.
    pub(crate) fn numbers(&self) -> impl Iterator<Item = RecordNumber> + use<> {
        (0..u32::try_from(self.records.len()).unwrap_or(u32::MAX)).map(RecordNumber)
    }

    /// The record a patient goes by.
    pub(crate) fn head(&self, group: &[RecordNumber]) -> Option<RecordNumber> {
        self.merges.canonical(group)
    }

    /// Whether the two records can be one patient.
    pub(crate) fn can_merge(&self, survivor: PatientPseudonym, retired: PatientPseudonym) -> bool {
        match (self.find(survivor), self.find(retired)) {
            (Some(survivor), Some(retired)) => self.merges.fits(survivor, retired),
            (Some(known), None) | (None, Some(known)) => self.group(known).len() < crate::MERGED_RECORDS_MAX,
            (None, None) => survivor != retired,
        }
    }

    /// Whether the two were made one patient by name.
    pub(crate) fn are_linked(&self, one: PatientPseudonym, other: PatientPseudonym) -> bool {
        self.find(one).zip(self.find(other)).is_some_and(|(one, other)| self.merges.are_linked(one, other))
    }

    pub(crate) fn merge(&mut self, survivor: RecordNumber, retired: RecordNumber, seq: u64) {
        self.merges.merge(survivor, retired, seq);
    }

    pub(crate) fn unmerge(&mut self, one: RecordNumber, other: RecordNumber) -> bool {
        self.merges.unmerge(one, other)
    }

    /// Keeps what a message says of an encounter. Whether facts may differ now.
    pub(crate) fn tell(
        &mut self,
        record: RecordNumber,
        encounter: EncounterPseudonym,
        stamp: Stamp,
        what: Option<What>,
        details: Details,
    ) -> bool {
        let alone = !self.merges.is_merged(record);
        let Some(record) = self.get_mut(record) else { return false };
        let known = record.encounters.iter().position(|known| known.id() == encounter);
        let (index, mut changed) = match known {
            Some(index) => (index, false),
            None => (record.add(encounter), true),
        };
        let Some(encounter) = record.encounters.get_mut(index) else { return changed };
        if let Some(what) = what {
            changed |= encounter.state(Statement { stamp, what });
        }
        changed | encounter.describe(stamp, details, alone)
    }

    /// Replaces a record's labels. Whether they differ.
    pub(crate) fn label(&mut self, record: RecordNumber, labels: Box<[LabelNumber]>) -> bool {
        let Some(record) = self.get_mut(record) else { return false };
        let changed = record.labels != labels;
        record.labels = labels;
        changed
    }

    /// Takes away everything that gives anybody a claim to the patient, and their labels.
    pub(crate) fn forget(&mut self, record: RecordNumber) {
        if let Some(record) = self.get_mut(record) {
            record.encounters = Vec::new();
            record.labels = Box::default();
            record.team = Team::default();
        }
    }

    /// Adds somebody to the patient's team, in this record and no other of the patient's. Whether facts may differ now.
    pub(crate) fn join(&mut self, record: RecordNumber, person: PersonNumber, until: Option<Timestamp>) -> bool {
        let mut changed = false;
        for other in self.group(record) {
            if other != record {
                changed |= self.get_mut(other).is_some_and(|other| other.team.leave(person));
            }
        }
        changed | self.get_mut(record).is_some_and(|record| record.team.join(person, until))
    }

    /// Takes somebody from the patient's team, whichever of the patient's records they joined. Whether they were there.
    pub(crate) fn leave(&mut self, record: RecordNumber, person: PersonNumber) -> bool {
        let mut changed = false;
        for record in self.group(record) {
            changed |= self.get_mut(record).is_some_and(|record| record.team.leave(person));
        }
        changed
    }

    pub(crate) fn mark(&mut self, id: PatientPseudonym, changed: Changed) {
        if let Some(record) = self.find(id).and_then(|record| self.get_mut(record)) {
            record.changed = changed;
        }
    }

    pub(crate) fn changed(&self, id: PatientPseudonym) -> Changed {
        let record = self.find(id).and_then(|record| self.get(record));
        record.map_or_else(Changed::default, |record| record.changed)
    }

    pub(crate) fn read(names: &mut NameBook, reading: &mut Reading<'_>) -> Result<Self, Unfit> {
        let mut patients = Self::default();
        let mut linked = Vec::new();
        let (count, reserve) = reading.count()?;
        patients.records.reserve(reserve);
        for _ in 0..count {
            let id = PatientPseudonym::from_bytes(reading.array()?);
            let (number, new) = patients.record(id);
            let Some(record) = patients.get_mut(number).filter(|_| new) else { return Err(Unfit::Form("new patient")) };
            record.changed = Changed::read(reading)?;
            let mut encounters = reading.list(|reading| Encounter::read(names, reading))?;
            encounters.shrink_to_fit();
            record.encounters = encounters;
            record.labels = names.labels.read_all(reading)?;
            record.team = Team::read(names, reading)?;
            linked.extend(Merges::read(reading)?.into_iter().map(|link| (number, link)));
        }
        for (record, (to, retired, seq)) in linked {
            let to = patients.index.get(&to).ok_or(Unfit::Form("known patient"))?;
            patients.merges.restore(record, *to, retired, seq);
        }
        Ok(patients)
    }

    pub(crate) fn write(&self, names: &NameBook, canon: &mut Canon<'_>) {
        let mut all: Vec<_> = self.index.iter().collect();
        all.sort_unstable_by_key(|(id, _)| *id);
        canon.count(all.len());
        for (id, number) in all {
            canon.bytes(id);
            let Some(record) = self.get(*number) else { continue };
            record.changed.write(canon);
            let mut encounters: Vec<_> = record.encounters.iter().collect();
            encounters.sort_unstable_by_key(|encounter| encounter.id());
            canon.count(encounters.len());
            for encounter in encounters {
                encounter.write(names, canon);
            }
            names.labels.write_all(&record.labels, canon);
            record.team.write(names, canon);
            let name = |other| self.get(other).map_or([0; 16], |other| other.id);
            self.merges.write(*number, name, canon);
        }
    }
}

impl Record {
    /// A place for one more encounter, at the expense of another if there are [`ENCOUNTERS_MAX`].
    fn add(&mut self, encounter: EncounterPseudonym) -> usize {
        if self.encounters.len() >= ENCOUNTERS_MAX {
            let indexed = self.encounters.iter().enumerate();
            let spare = indexed.min_by_key(|(_, encounter)| encounter.dispensable()).map(|(index, _)| index);
            if let Some(spare) = spare {
                self.encounters.swap_remove(spare);
            }
        }
        if self.encounters.is_empty() {
            // Most patients have one, and there are a million.
            self.encounters.reserve_exact(1);
        }
        self.encounters.push(Encounter::new(encounter));
        self.encounters.len() - 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_patient_is_small() {
        assert_eq!(size_of::<Record>(), 88);
        assert_eq!(size_of::<Encounter>(), 128);
        assert_eq!(size_of::<Statement>(), 32);
        assert_eq!(size_of::<([u8; 16], RecordNumber)>(), 20);
    }
}
