//! Record numbers and visit numbers to pseudonyms: the only place where the two meet.
//!
//! The number itself is kept nowhere. A key derived from it (HMAC-SHA-256 under the directory key, cut to 128 bits) finds the random
//! pseudonym. A number nobody has registered answers with a pseudonym derived from the same key: asking twice gives the same one, it is
//! in no world, and making it costs what finding one costs, so that asking tells nothing.

use aws_lc_rs::{hmac, rand};
use events::{AppointmentPseudonym, EncounterPseudonym, OrderPseudonym, PatientPseudonym};
use std::collections::{BTreeSet, HashMap};
use std::sync::{PoisonError, RwLock};
use store::statements::{DIRECTORY_ADD, DIRECTORY_ALL};
use store::{ReadError, Reader, Value, Write};

/// The longest record or visit number, in bytes.
pub const NUMBER_BYTES_MAX: usize = 64;

/// What kind of number: the same digits as record and as visit are not the same.
#[derive(Clone, Copy)]
enum Sort {
    Patient,
    Encounter,
    Order,
    Appointment,
}

impl Sort {
    const fn label(self, known: bool) -> &'static [u8] {
        match (self, known) {
            (Self::Patient, true) => b"patient\0",
            (Self::Encounter, true) => b"encounter\0",
            (Self::Order, true) => b"order\0",
            (Self::Appointment, true) => b"appointment\0",
            (Self::Order, false) => b"unknown order\0",
            (Self::Appointment, false) => b"unknown appointment\0",
            (Self::Patient, false) => b"unknown patient\0",
            (Self::Encounter, false) => b"unknown encounter\0",
        }
    }
}

/// A pseudonym for a number, with what has to be written in the same commit as its first use.
#[derive(Debug)]
pub struct Named<T> {
    /// The pseudonym.
    pub pseudonym: T,
    /// To be part of the batch that first uses it; nothing when it is already in the store.
    pub write: Option<Write>,
}

#[derive(Clone, Copy)]
struct Known {
    pseudonym: [u8; 16],
    /// Whether the store is known to have it. Until then every batch that uses it writes it too.
    kept: bool,
}

/// The directory of one store, in memory; the store's table is its only source.
pub struct Directory {
    key: hmac::Key,
    known: RwLock<HashMap<[u8; 16], Known>>,
}

impl std::fmt::Debug for Directory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Directory")
    }
}

impl Directory {
    /// Reads the whole directory.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn load(key: &[u8; 32], reader: &Reader) -> Result<Self, ReadError> {
        let mut known = HashMap::new();
        // Put in its place row by row: there are millions, and a start waits for them.
        reader.query(DIRECTORY_ALL, &[], |row| {
            known.insert(row.array(0)?, Known { pseudonym: row.array(1)?, kept: true });
            Ok(())
        })?;
        Ok(Self { key: hmac::Key::new(hmac::HMAC_SHA256, key), known: RwLock::new(known) })
    }

    /// The patient of a record number, or a pseudonym that is in no world.
    #[must_use]
    pub fn patient(&self, number: &str) -> PatientPseudonym {
        PatientPseudonym::from_bytes(self.find(Sort::Patient, number))
    }

    /// The patient of a record number, made known if new.
    #[must_use]
    pub fn patient_or_new(&self, number: &str) -> Named<PatientPseudonym> {
        let (pseudonym, write) = self.find_or_new(Sort::Patient, number);
        Named { pseudonym: PatientPseudonym::from_bytes(pseudonym), write }
    }

    /// The encounter of a visit number, made known if new.
    #[must_use]
    pub fn encounter_or_new(&self, number: &str) -> Named<EncounterPseudonym> {
        let (pseudonym, write) = self.find_or_new(Sort::Encounter, number);
        Named { pseudonym: EncounterPseudonym::from_bytes(pseudonym), write }
    }

    /// The order of an order number, made known if new.
    #[must_use]
    pub fn order_or_new(&self, number: &str) -> Named<OrderPseudonym> {
        let (pseudonym, write) = self.find_or_new(Sort::Order, number);
        Named { pseudonym: OrderPseudonym::from_bytes(pseudonym), write }
    }

    /// The appointment of its number, made known if new.
    #[must_use]
    pub fn appointment_or_new(&self, number: &str) -> Named<AppointmentPseudonym> {
        let (pseudonym, write) = self.find_or_new(Sort::Appointment, number);
        Named { pseudonym: AppointmentPseudonym::from_bytes(pseudonym), write }
    }

    /// Whether a record number stands for a patient.
    #[must_use]
    pub fn knows(&self, number: &str) -> bool {
        let key = self.derive(Sort::Patient.label(true), number);
        self.known.read().unwrap_or_else(PoisonError::into_inner).contains_key(&key)
    }

    /// The keys of every number that stands for any of these pseudonyms: the store deletes by them, since it finds nothing by pseudonym.
    pub(crate) fn keys_of(&self, pseudonyms: &BTreeSet<[u8; 16]>) -> Vec<[u8; 16]> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        known.iter().filter(|(_, entry)| pseudonyms.contains(&entry.pseudonym)).map(|(key, _)| *key).collect()
    }

    /// Forgets the numbers of these keys: the store has.
    pub(crate) fn forget(&self, keys: &[[u8; 16]]) {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        for key in keys {
            known.remove(key);
        }
    }

    /// How many numbers are known.
    #[must_use]
    pub fn len(&self) -> usize {
        self.known.read().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Whether no number is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Notes that a batch with these writes was committed.
    pub(crate) fn kept(&self, writes: &[Write]) {
        if writes.iter().all(|write| write.statement.name() != DIRECTORY_ADD.name()) {
            return;
        }
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        for write in writes.iter().filter(|write| write.statement.name() == DIRECTORY_ADD.name()) {
            if let Some(Value::Bytes(number)) = write.values.first()
                && let Ok(number) = <[u8; 16]>::try_from(number.as_slice())
                && let Some(entry) = known.get_mut(&number)
            {
                entry.kept = true;
            }
        }
    }

    fn find(&self, sort: Sort, number: &str) -> [u8; 16] {
        let unknown = self.derive(sort.label(false), number);
        let known = self.derive(sort.label(true), number);
        self.known.read().unwrap_or_else(PoisonError::into_inner).get(&known).map_or(unknown, |entry| entry.pseudonym)
    }

    fn find_or_new(&self, sort: Sort, number: &str) -> ([u8; 16], Option<Write>) {
        let key = self.derive(sort.label(true), number);
        if let Some(entry) = self.known.read().unwrap_or_else(PoisonError::into_inner).get(&key)
            && entry.kept
        {
            return (entry.pseudonym, None);
        }
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        let entry = *known.entry(key).or_insert_with(|| Known { pseudonym: random(), kept: false });
        let write = (!entry.kept).then(|| Write {
            statement: DIRECTORY_ADD,
            values: vec![Value::Bytes(key.to_vec()), Value::Bytes(entry.pseudonym.to_vec())],
        });
        (entry.pseudonym, write)
    }

    fn derive(&self, label: &[u8], number: &str) -> [u8; 16] {
        let mut context = hmac::Context::with_key(&self.key);
        context.update(label);
        context.update(number.as_bytes());
        let tag = context.sign();
        let mut key = [0; 16];
        for (to, from) in key.iter_mut().zip(tag.as_ref()) {
            *to = *from;
        }
        key
    }
}

/// Bytes nobody can guess.
#[must_use]
pub fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    #[expect(clippy::expect_used, reason = "without the system's randomness nothing here may go on")]
    rand::fill(&mut bytes).expect("the system gives random bytes");
    bytes
}
