//! Erasing a patient: everything that tells who they are goes, in one commit with the entry that says so.
//!
//! What was begun is brought to its end whatever becomes of whoever asked, and the directory forgets as the erasure is folded
//! ([`Erasing`]), so that no number finds the erased pseudonym once its commit is kept, however that came to light.

use crate::directory::Directory;
use crate::privacy::{STREAM, checked, first};
use crate::{Identity, Person, Plane, PrivacyError};
use events::patient::Erased;
use events::{
    Actor, AppointmentPseudonym, Draft, EncounterPseudonym, Event, Leaf, OrderPseudonym, PatientPseudonym, Seq,
};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;
use store::statements::{DIRECTORY_FORGET, REJECTED_MESSAGE_FORGET};
use store::{AppendError, Batch, ReadError, Store, Value};

/// How often an erasure is tried again because something was told of the patient, or another moved the stream, while it was prepared. Each
/// time but the first, only what came since is looked through.
const ROUNDS_MAX: usize = 16;
/// How many entries are looked through in one go, so that no reader holds the write-ahead log up for long.
const ENTRIES_AT_ONCE: u64 = 16 * 1024;
/// How often a failing store is asked whether an erasure was kept after all.
const SETTLE_ROUNDS_MAX: usize = 10;
/// How long it is left alone in between.
const SETTLE_EVERY: Duration = Duration::from_millis(500);

/// What an erasure did.
#[derive(Debug)]
pub struct Erasure {
    /// The entry that says so.
    pub entry: Seq,
    /// What it says.
    pub erased: Erased,
    /// Whether nothing of it is left in the write-ahead log either. If not, the store goes on trying.
    pub scrubbed: bool,
    /// How many pieces of what told who they are could not be read: damaged, and gone like all others.
    pub unreadable: u64,
}

/// Finds the kept messages that name any of these people.
type Messages = dyn Fn(&Store, &[Identity]) -> Result<Vec<i64>, ReadError> + Send + Sync;

/// What the directory has to forget as soon as an erasure is in the log: by the record the patient goes by.
#[derive(Default)]
pub(crate) struct Erasing {
    prepared: Mutex<BTreeMap<PatientPseudonym, Vec<[u8; 16]>>>,
    /// Of the node that is open; a fold that is only replayed forgets nothing.
    pub(crate) directory: OnceLock<Arc<Directory>>,
}

impl Erasing {
    fn prepare(&self, patient: PatientPseudonym, keys: Vec<[u8; 16]>) {
        self.prepared.lock().unwrap_or_else(PoisonError::into_inner).insert(patient, keys);
    }

    fn give_up(&self, patient: PatientPseudonym) {
        self.prepared.lock().unwrap_or_else(PoisonError::into_inner).remove(&patient);
    }

    /// The erasure is in the log.
    pub(crate) fn folded(&self, erased: &Erased) {
        let keys = self.prepared.lock().unwrap_or_else(PoisonError::into_inner).remove(&erased.patient);
        if let (Some(keys), Some(directory)) = (keys, self.directory.get()) {
            directory.forget(&keys);
        }
    }
}

/// What else of a patient's has a number in the directory, by the log up to an entry.
#[derive(Default)]
struct Dealings {
    records: Vec<PatientPseudonym>,
    to: Seq,
    pseudonyms: BTreeSet<[u8; 16]>,
}

/// An erasure, to the last write.
struct Prepared {
    patient: PatientPseudonym,
    batch: Batch,
    keys: Vec<[u8; 16]>,
    unreadable: u64,
}

/// What is asked for.
struct Wanted {
    number: String,
    reason: String,
    by: Actor,
    messages: Arc<Messages>,
}

impl Plane {
    /// Destroys everything that tells who the patient of a record number is, whatever number of theirs it is. `messages` finds the kept messages
    /// that name any of these people. Should the caller stop waiting, it is done all the same.
    ///
    /// # Errors
    /// When a hold forbids it, nobody is known by the number, or it cannot be recorded: nothing was destroyed then, but for what
    /// [`PrivacyError::Uncertain`] and [`PrivacyError::Stopped`] say.
    pub async fn erase(
        &self,
        number: &str,
        reason: &str,
        by: Actor,
        messages: impl Fn(&Store, &[Identity]) -> Result<Vec<i64>, ReadError> + Send + Sync + 'static,
    ) -> Result<Erasure, PrivacyError> {
        let (number, reason, messages) = (number.to_owned(), reason.to_owned(), Arc::new(messages));
        let (plane, wanted) = (self.clone(), Arc::new(Wanted { number, reason, by, messages }));
        let erasing = tokio::spawn(async move { plane.erase_to_the_end(wanted).await });
        erasing.await.map_err(|_| PrivacyError::Stopped)?
    }

    async fn erase_to_the_end(&self, wanted: Arc<Wanted>) -> Result<Erasure, PrivacyError> {
        let patient = first(&self.person(&wanted.number)?.records);
        let mut dealings = Dealings::default();
        for _ in 0..ROUNDS_MAX {
            // The whole log is looked through for what else of the patient's has a number.
            let (plane, wanted) = (self.clone(), wanted.clone());
            let preparing = tokio::task::spawn_blocking(move || {
                let mut dealings = dealings;
                let prepared = plane.prepare_erasure(&wanted, patient, &mut dealings);
                (prepared, dealings)
            });
            let (prepared, looked_through) = preparing.await.map_err(|_| PrivacyError::Stopped)?;
            dealings = looked_through;
            let Prepared { patient, batch, keys, unreadable } = prepared?;
            let erasing = &self.inner.folded.erasing;
            erasing.prepare(patient, keys);
            let by = match self.record(batch).await {
                Ok(recorded) => recorded.first().map(|leaf| leaf.seq).ok_or(PrivacyError::Unsettled)?,
                Err(AppendError::Conflict(_) | AppendError::Stale) => {
                    erasing.give_up(patient);
                    continue;
                }
                Err(error) => self.settled(patient, error).await?,
            };
            return self.told(by, unreadable).await;
        }
        Err(PrivacyError::Unsettled)
    }

    /// Everything one erasure does, as one batch that is refused if anything is told of the patient meanwhile.
    fn prepare_erasure(
        &self,
        wanted: &Wanted,
        patient: PatientPseudonym,
        dealings: &mut Dealings,
    ) -> Result<Prepared, PrivacyError> {
        let store = self.store();
        // The long look first, so that little is left to look through when it counts.
        dealings.look(store, &self.world(|world| world.records_of(patient)), store.head().next)?;
        let version = store.read(|reader| reader.stream_version(STREAM))?;
        // What another node recorded up to that version may not be folded yet: nothing may be told of the patient in it either.
        let since = store.head().next;
        let Person { records, identities, hold, unreadable } = self.person_of(patient)?;
        let reason = checked(&wanted.reason, &wanted.number, &identities)?;
        if self.engine().charter().hospital().retention.legal_hold {
            return Err(PrivacyError::LegalHold);
        }
        if let Some(hold) = hold {
            return Err(PrivacyError::Held(Box::new(hold)));
        }
        if self.world(|world| records.iter().all(|record| world.erased_by(*record).is_some())) {
            // Somebody else was faster.
            return Err(PrivacyError::Nobody);
        }
        dealings.look(store, &records, since)?;
        let mut named = identities;
        named.push(Identity { numbers: vec![wanted.number.clone()], ..Identity::default() });
        let messages = (wanted.messages)(store, &named)?;

        let mut pseudonyms = dealings.pseudonyms.clone();
        pseudonyms.extend(records.iter().map(|record| record.to_bytes()));
        let keys = self.directory().keys_of(&pseudonyms);
        let patient = self.world(|world| world.canonical(patient));
        let erased = Erased {
            patient,
            merged: records.iter().copied().filter(|record| *record != patient).collect(),
            reason,
            details: self.details_about(&records)?,
            numbers: keys.len() as u64,
            messages: messages.len() as u64,
        };
        let mut batch = Batch::one(Draft::new(wanted.by.clone(), erased)).expect(STREAM, version);
        batch.erases.clone_from(&records);
        batch = batch.untold(since, records);
        for key in &keys {
            batch = batch.write(DIRECTORY_FORGET, [Value::from(*key)]);
        }
        for message in messages {
            batch = batch.write(REJECTED_MESSAGE_FORGET, [Value::Int(message)]);
        }
        Ok(Prepared { patient, batch, keys, unreadable })
    }

    /// The entry of an erasure that was said to have failed and was kept after all; the failure, if it was not.
    async fn settled(&self, patient: PatientPseudonym, error: AppendError) -> Result<Seq, PrivacyError> {
        if !matches!(error, AppendError::Storage(_) | AppendError::NotApplied | AppendError::Closed) {
            self.inner.folded.erasing.give_up(patient);
            return Err(error.into());
        }
        for _ in 0..SETTLE_ROUNDS_MAX {
            // Opens the store anew and folds what it kept: only then is it known.
            let opened = matches!(self.store().scrub().await, Ok(()) | Err(AppendError::Busy));
            match self.store().erased(patient) {
                Ok(Some(by)) => return Ok(by),
                Ok(None) if opened => {
                    self.inner.folded.erasing.give_up(patient);
                    return Err(error.into());
                }
                _ => tokio::time::sleep(SETTLE_EVERY).await,
            }
        }
        Err(PrivacyError::Uncertain(error))
    }

    /// What an erasure that is in the log did.
    async fn told(&self, entry: Seq, unreadable: u64) -> Result<Erasure, PrivacyError> {
        let scrubbed = self.store().scrub().await.is_ok();
        match self.store().read(|reader| reader.leaf(entry))?.map(|leaf| leaf.draft.event) {
            Some(Event::PatientErased(erased)) => Ok(Erasure { entry, erased, scrubbed, unreadable }),
            _ => Err(PrivacyError::Unsettled),
        }
    }
}

impl Dealings {
    /// Takes in every stay, order and appointment the log tells of for these records, up to an entry: each has a number of its own, and whoever
    /// sends that number again would find the old pseudonym by it.
    fn look(&mut self, store: &Store, records: &[PatientPseudonym], to: Seq) -> Result<(), ReadError> {
        if !records.iter().all(|record| self.records.contains(record)) {
            *self = Self { records: records.to_vec(), ..Self::default() };
        }
        let names: Vec<String> = self.records.iter().map(ToString::to_string).collect();
        while self.to < to {
            let end = Seq(to.0.min(self.to.0 + ENTRIES_AT_ONCE));
            store.read(|reader| {
                reader.scan(self.to, end, |_, bytes| {
                    let text = std::str::from_utf8(bytes).unwrap_or_default();
                    if names.iter().any(|name| text.contains(name))
                        && let Ok(leaf) = Leaf::parse(bytes)
                        && leaf.draft.event.patient().is_some_and(|patient| self.records.contains(&patient))
                    {
                        let event = &leaf.draft.event;
                        self.pseudonyms.extend(event.encounter().map(EncounterPseudonym::to_bytes));
                        self.pseudonyms.extend(event.order().map(OrderPseudonym::to_bytes));
                        self.pseudonyms.extend(event.appointment().map(AppointmentPseudonym::to_bytes));
                    }
                    ControlFlow::Continue(())
                })
            })?;
            self.to = end;
        }
        Ok(())
    }
}
