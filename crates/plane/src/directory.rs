//! Record numbers and visit numbers to pseudonyms: the only place where the two meet.
//!
//! The number itself is kept nowhere. A key derived from it (HMAC-SHA-256 under the directory key, cut to 128 bits) finds the random
//! pseudonym. A number nobody has registered answers with a pseudonym derived from the same key: asking twice gives the same one, it is
//! in no world, and making it costs what finding one costs, so that asking tells nothing.

use crate::number::filed;
use aws_lc_rs::{hmac, rand};
use events::{AppointmentPseudonym, EncounterPseudonym, OrderPseudonym, PatientPseudonym, Seq};
use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;
use store::statements::{DIRECTORY_ADD, DIRECTORY_ALL, DIRECTORY_FIND, DIRECTORY_SINCE};
use store::{ReadError, Reader, Value, Write};

/// How long from one look to the next: longer than anything that was prepared waits for its commit.
pub(crate) const SETTLE_EVERY: Duration = Duration::from_secs(300);
/// At which look a number that nothing came of is let go of: it was there for the whole time between two.
const LOOKS: u8 = 2;

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

/// A number that something was prepared for and that the store is not known to have: every batch that uses it writes it too. If none is committed,
/// as with a message that is refused, it is let go of ([`Directory::settle`]).
#[derive(Clone, Copy)]
struct Fresh {
    pseudonym: [u8; 16],
    /// How often it was looked at whether the store has it.
    looks: u8,
}

/// Keys of numbers, and the pseudonyms they stand for.
#[derive(Default)]
struct Numbers {
    /// Those the store has.
    kept: HashMap<[u8; 16], [u8; 16]>,
    fresh: HashMap<[u8; 16], Fresh>,
    /// What was kept since the store's table began to be read again, while it is.
    added: Option<HashSet<[u8; 16]>>,
}

impl Numbers {
    fn find(&self, key: &[u8; 16]) -> Option<[u8; 16]> {
        self.kept.get(key).copied().or_else(|| self.fresh.get(key).map(|fresh| fresh.pseudonym))
    }

    /// The store has this one.
    fn keep(&mut self, key: [u8; 16], pseudonym: [u8; 16]) {
        self.fresh.remove(&key);
        self.kept.insert(key, pseudonym);
        if let Some(added) = &mut self.added {
            added.insert(key);
        }
    }
}

/// The directory of one store, in memory; the store's table is its only source. What other nodes make known is read as their entries are folded.
pub struct Directory {
    key: hmac::Key,
    numbers: RwLock<Numbers>,
    /// Every number that came with an entry before this one was read; some after it were.
    loaded: Seq,
    /// Another node erased somebody: of their visits, orders and appointments only the store's table can tell which numbers are gone.
    stale: AtomicBool,
    /// Whoever reads it again has this: two at once would each take for gone what the other did not see come.
    rereading: Mutex<()>,
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
        let (loaded, mut kept) = (reader.next()?, HashMap::new());
        // Put in its place row by row: there are millions, and a start waits for them.
        reader.query(DIRECTORY_ALL, &[], |row| {
            kept.insert(row.array(0)?, row.array(1)?);
            Ok(())
        })?;
        Ok(Self {
            key: hmac::Key::new(hmac::HMAC_SHA256, key),
            numbers: RwLock::new(Numbers { kept, ..Numbers::default() }),
            loaded,
            stale: AtomicBool::new(false),
            rereading: Mutex::new(()),
        })
    }

    /// What came with this entry or a later one may be missing until it is read.
    pub(crate) const fn loaded(&self) -> Seq {
        self.loaded
    }

    /// Reads the numbers that came with this entry or a later one: another node's among them. Where one was given two pseudonyms, the store's holds.
    ///
    /// # Errors
    /// When the store cannot be read; nothing is taken in then.
    pub(crate) fn take_in(&self, reader: &Reader<'_>, since: Seq) -> Result<(), ReadError> {
        let rows = reader.query(DIRECTORY_SINCE, &[since.into()], |row| Ok((row.array(0)?, row.array(1)?)))?;
        if !rows.is_empty() {
            let mut numbers = self.write();
            rows.into_iter().for_each(|(key, pseudonym)| numbers.keep(key, pseudonym));
        }
        Ok(())
    }

    /// Forgets the record numbers of patients whom another node erased. Their other numbers go when the table is read again ([`Self::reread`]).
    pub(crate) fn forget_patients(&self, records: impl IntoIterator<Item = PatientPseudonym>) {
        let records = records.into_iter().map(PatientPseudonym::to_bytes).collect();
        let keys = self.keys_of(&records);
        self.forget(&keys);
        self.stale.store(true, Ordering::SeqCst);
    }

    /// Whether the table is to be read again, said once.
    pub(crate) fn take_stale(&self) -> bool {
        self.stale.swap(false, Ordering::SeqCst)
    }

    /// Forgets every number that the store has forgotten. Reads the whole table: millions of rows take seconds.
    ///
    /// # Errors
    /// When the store cannot be read; it is to be tried again then.
    pub(crate) fn reread(&self, reader: &Reader<'_>) -> Result<(), ReadError> {
        let _one_at_a_time = self.rereading.lock().unwrap_or_else(PoisonError::into_inner);
        self.write().added = Some(HashSet::new());
        let mut there = HashMap::new();
        let read = reader.query(DIRECTORY_ALL, &[], |row| {
            there.insert(row.array::<16>(0)?, row.array::<16>(1)?);
            Ok(())
        });
        let mut numbers = self.write();
        let added = numbers.added.take().unwrap_or_default();
        if let Err(error) = read {
            self.stale.store(true, Ordering::SeqCst);
            return Err(error);
        }
        numbers.kept.retain(|key, pseudonym| there.get(key) == Some(pseudonym) || added.contains(key));
        Ok(())
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

    /// Whether a record number stands for a patient, as far as anything was ever recorded of them.
    #[must_use]
    pub fn knows(&self, number: &str) -> bool {
        let key = self.derive(Sort::Patient, true, number);
        self.read().kept.contains_key(&key)
    }

    /// The keys of every number that stands for any of these pseudonyms: the store deletes by them, since it finds nothing by pseudonym.
    pub(crate) fn keys_of(&self, pseudonyms: &BTreeSet<[u8; 16]>) -> Vec<[u8; 16]> {
        let numbers = self.read();
        let fresh = numbers.fresh.iter().map(|(key, fresh)| (key, &fresh.pseudonym));
        let all = numbers.kept.iter().chain(fresh);
        all.filter(|(_, pseudonym)| pseudonyms.contains(*pseudonym)).map(|(key, _)| *key).collect()
    }

    /// Forgets the numbers of these keys: the store has.
    pub(crate) fn forget(&self, keys: &[[u8; 16]]) {
        let mut numbers = self.write();
        for key in keys {
            numbers.kept.remove(key);
            numbers.fresh.remove(key);
        }
    }

    /// How many numbers are known.
    #[must_use]
    pub fn len(&self) -> usize {
        self.read().kept.len()
    }

    /// Whether no number is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many numbers are held that nothing was recorded of yet.
    #[must_use]
    pub fn fresh(&self) -> usize {
        self.read().fresh.len()
    }

    /// Notes that a batch with these writes was committed.
    pub(crate) fn kept(&self, writes: &[Write]) {
        let added = || writes.iter().filter(|write| write.statement.name() == DIRECTORY_ADD.name());
        if added().next().is_none() {
            return;
        }
        let mut numbers = self.write();
        for write in added() {
            if let [Value::Bytes(key), Value::Bytes(pseudonym), ..] = write.values.as_slice()
                && let (Ok(key), Ok(pseudonym)) = (key.as_slice().try_into(), pseudonym.as_slice().try_into())
                // One that was forgotten meanwhile stays so.
                && numbers.fresh.contains_key(&key)
            {
                numbers.keep(key, pseudonym);
            }
        }
    }

    /// Lets go of numbers that nothing came of: those that were there at [`LOOKS`] looks and that the store does not have. One it does have (whoever
    /// prepared it went away before they heard) is kept.
    ///
    /// # Errors
    /// When the store cannot be read; nothing is let go of then.
    pub(crate) fn settle(&self, reader: &Reader<'_>) -> Result<(), ReadError> {
        let due: Vec<[u8; 16]> = {
            let mut numbers = self.write();
            numbers.fresh.values_mut().for_each(|fresh| fresh.looks = fresh.looks.saturating_add(1));
            numbers.fresh.iter().filter(|(_, fresh)| fresh.looks >= LOOKS).map(|(key, _)| *key).collect()
        };
        for key in due {
            let found = reader.find(DIRECTORY_FIND, &[Value::Bytes(key.to_vec())], |row| row.array(0))?;
            let mut numbers = self.write();
            match found {
                Some(pseudonym) => numbers.keep(key, pseudonym),
                // Unless somebody prepared it anew meanwhile.
                None if numbers.fresh.get(&key).is_some_and(|fresh| fresh.looks >= LOOKS) => {
                    numbers.fresh.remove(&key);
                }
                None => {}
            }
        }
        Ok(())
    }

    fn find(&self, sort: Sort, number: &str) -> [u8; 16] {
        let unknown = self.derive(sort, false, number);
        let known = self.derive(sort, true, number);
        self.read().find(&known).unwrap_or(unknown)
    }

    fn find_or_new(&self, sort: Sort, number: &str) -> ([u8; 16], Option<Write>) {
        let key = self.derive(sort, true, number);
        if let Some(pseudonym) = self.read().kept.get(&key) {
            return (*pseudonym, None);
        }
        let mut numbers = self.write();
        if let Some(pseudonym) = numbers.kept.get(&key) {
            return (*pseudonym, None);
        }
        let fresh = numbers.fresh.entry(key).or_insert_with(|| Fresh { pseudonym: random(), looks: 0 });
        // Whoever prepares it anew needs it for as long as whoever did first.
        fresh.looks = 0;
        let values = vec![Value::Bytes(key.to_vec()), Value::Bytes(fresh.pseudonym.to_vec()), Value::Entry];
        (fresh.pseudonym, Some(Write { statement: DIRECTORY_ADD, values }))
    }

    fn read(&self) -> RwLockReadGuard<'_, Numbers> {
        self.numbers.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Numbers> {
        self.numbers.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn derive(&self, sort: Sort, known: bool, number: &str) -> [u8; 16] {
        let number = if matches!(sort, Sort::Patient) { filed(number) } else { number.into() };
        let mut context = hmac::Context::with_key(&self.key);
        context.update(sort.label(known));
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
