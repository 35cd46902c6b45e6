//! Erasing a patient, holding what must not be erased, and letting detail expire: each recorded, in the same commit as what it does.
//!
//! One stream ([`STREAM`]) orders all of it, so that nothing is erased under a hold that was placed meanwhile.

use crate::{Identity, Plane};
use events::ledger::DetailExpired;
use events::patient::{Erased, HoldLifted, HoldPlaced, REASON_CHARS_MAX};
use events::{
    Actor, AppointmentPseudonym, Draft, EncounterPseudonym, Event, Leaf, OrderPseudonym, OwnerId, PatientPseudonym, Seq,
};
use smol_str::SmolStr;
use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::time::Duration;
use store::statements::{
    DETAIL_COUNT_OF, DETAIL_DROP, DETAIL_EXPIRY_SET, DETAIL_OLD, DIRECTORY_FORGET, REJECTED_MESSAGE_FORGET,
};
use store::{AppendError, Batch, DetailError, ReadError, Store, Value, Write};
use tokio_util::sync::CancellationToken;
use world::Hold;

/// The stream whose version every erasure, hold and expiry moves on.
const STREAM: &str = "privacy";
/// How often an erasure is tried again because something else moved the stream, or because records were merged meanwhile.
const ROUNDS_MAX: usize = 4;
/// How many entries are looked through in one go, so that no reader holds the write-ahead log up for long.
const ENTRIES_AT_ONCE: u64 = 16 * 1024;
/// How many pieces of detail expire in one commit.
const EXPIRED_AT_ONCE: u32 = 500;
/// How often the node looks for detail that has expired.
const EXPIRY_EVERY: Duration = Duration::from_secs(3600);
/// The shortest part of a name that a reason is searched for, in letters: shorter ones are words of any language.
const NAME_LETTERS_MIN: usize = 3;

/// Why nothing was erased, held or released.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PrivacyError {
    /// The directory knows no patient by the number, and nothing is kept about one.
    #[error("no patient is known by this number; one that was erased is not either")]
    Nobody,
    /// A reason is missing, or too long.
    #[error("a reason is needed, of at most {REASON_CHARS_MAX} characters")]
    Reason,
    /// The reason would put into the log what the log must not hold.
    #[error("the reason names the patient; it stays in the log for ever, so write it without number and name")]
    ReasonNames,
    /// The charter in force keeps everything.
    #[error("the charter in force says `retention.legal_hold = true`: nothing may be erased")]
    LegalHold,
    /// A hold is on the patient.
    #[error("the patient is under a legal hold since entry {}, placed for {} ({}); release it first", .0.entry, .0.owner, .0.reason)]
    Held(Box<Hold>),
    /// There is no hold to lift.
    #[error("the patient is under no legal hold")]
    NotHeld,
    /// It did not come to rest.
    #[error("the patient's records keep changing; try again")]
    Unsettled,
    /// It could not be recorded.
    #[error("it could not be recorded")]
    Record(#[from] AppendError),
    /// The store could not be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// What is kept about the patient could not be read.
    #[error(transparent)]
    Detail(#[from] DetailError),
}

/// A patient as whoever erases or holds needs to see them.
#[derive(Debug)]
pub struct Person {
    /// Every record of the patient, the one the number stands for first.
    pub records: Vec<PatientPseudonym>,
    /// Everything that was ever told of who they are.
    pub identities: Vec<Identity>,
    /// The hold that is on them.
    pub hold: Option<Hold>,
}

/// What an erasure did.
#[derive(Debug)]
pub struct Erasure {
    /// The entry that says so.
    pub entry: Seq,
    /// What it says.
    pub erased: Erased,
    /// Whether nothing of it is left in the write-ahead log either. If not, the store goes on trying.
    pub scrubbed: bool,
}

impl Plane {
    /// Who is known by a record number.
    ///
    /// # Errors
    /// When nobody is, or the store cannot be read.
    pub fn person(&self, number: &str) -> Result<Person, PrivacyError> {
        let patient = self.directory().patient(number);
        let person = self.person_of(patient)?;
        let known = self.directory().knows(number) || self.details_about(&person.records)? > 0;
        if known { Ok(person) } else { Err(PrivacyError::Nobody) }
    }

    fn person_of(&self, patient: PatientPseudonym) -> Result<Person, PrivacyError> {
        let (records, hold) = self.world(|world| (world.records_of(patient), world.hold_on(patient).cloned()));
        let identities = self.identities_of(&records)?;
        Ok(Person { records, identities, hold })
    }

    /// Destroys everything that tells who the patient of a record number is, whatever number of theirs it is. `messages` finds the kept messages
    /// that name any of these people.
    ///
    /// # Errors
    /// When a hold forbids it, nobody is known by the number, or it cannot be recorded: nothing was destroyed then.
    pub async fn erase(
        &self,
        number: &str,
        reason: &str,
        by: Actor,
        messages: impl Fn(&Store, &[Identity]) -> Result<Vec<i64>, ReadError>,
    ) -> Result<Erasure, PrivacyError> {
        let patient = first(&self.person(number)?.records);
        for _ in 0..ROUNDS_MAX {
            let version = self.store().read(|reader| reader.stream_version(STREAM))?;
            let Person { records, identities, hold } = self.person_of(patient)?;
            let reason = checked(reason, number, &identities)?;
            if self.engine().charter().hospital().retention.legal_hold {
                return Err(PrivacyError::LegalHold);
            }
            if let Some(hold) = hold {
                return Err(PrivacyError::Held(Box::new(hold)));
            }
            let mut named = identities.clone();
            named.push(Identity { numbers: vec![number.to_owned()], ..Identity::default() });
            let messages = messages(self.store(), &named)?;
            // The whole log is looked through for what else of the patient's has a number.
            let (plane, about, actor) = (self.clone(), records.clone(), by.clone());
            let prepared =
                tokio::task::spawn_blocking(move || plane.erasure(&about, reason, &actor, &messages, version)).await;
            let (batch, forgotten) = prepared.map_err(|_| PrivacyError::Unsettled)??;
            match self.record(batch).await {
                Ok(recorded) => {
                    self.directory().forget(&forgotten);
                    if self.world(|world| world.records_of(patient)).len() > records.len() {
                        // Merged with another record while this was prepared.
                        continue;
                    }
                    let Some(leaf) = recorded.into_iter().next() else { break };
                    let Event::PatientErased(erased) = &leaf.draft.event else { break };
                    let scrubbed = self.store().scrub().await.is_ok();
                    return Ok(Erasure { entry: leaf.seq, erased: erased.clone(), scrubbed });
                }
                Err(AppendError::Conflict(_)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(PrivacyError::Unsettled)
    }

    /// Everything one erasure does, as one batch, and what the directory has to forget once it is committed.
    fn erasure(
        &self,
        records: &[PatientPseudonym],
        reason: SmolStr,
        by: &Actor,
        messages: &[i64],
        version: u64,
    ) -> Result<(Batch, Vec<[u8; 16]>), PrivacyError> {
        let mut pseudonyms = numbered(self.store(), records)?;
        pseudonyms.extend(records.iter().map(|record| record.to_bytes()));
        let forgotten = self.directory().keys_of(&pseudonyms);
        let erased = Erased {
            patient: self.world(|world| world.canonical(first(records))),
            merged: Vec::new(),
            reason,
            details: self.details_about(records)?,
            numbers: forgotten.len() as u64,
            messages: messages.len() as u64,
        };
        let merged = records.iter().copied().filter(|record| *record != erased.patient).collect();
        let mut batch = Batch::one(Draft::new(by.clone(), Erased { merged, ..erased })).expect(STREAM, version);
        batch.erases = records.to_vec();
        for key in &forgotten {
            batch = batch.write(DIRECTORY_FORGET, [Value::from(*key)]);
        }
        for message in messages {
            batch = batch.write(REJECTED_MESSAGE_FORGET, [Value::Int(*message)]);
        }
        Ok((batch, forgotten))
    }

    /// Places a hold on the patient of a record number, or says anew why there is one.
    ///
    /// # Errors
    /// When nobody is known by the number, or it cannot be recorded.
    pub async fn place_hold(&self, number: &str, reason: &str, owner: OwnerId, by: Actor) -> Result<Seq, PrivacyError> {
        let person = self.person(number)?;
        let reason = checked(reason, number, &person.identities)?;
        // A record has one hold; a second on another record of the same patient would outlive the first unseen.
        let patient = person.hold.map_or_else(|| first(&person.records), |hold| hold.patient);
        self.in_order(Draft::new(by, HoldPlaced { patient, reason, owner })).await
    }

    /// Lifts the hold on the patient of a record number.
    ///
    /// # Errors
    /// When there is none, or it cannot be recorded.
    pub async fn lift_hold(&self, number: &str, reason: &str, by: Actor) -> Result<Seq, PrivacyError> {
        let person = self.person(number)?;
        let reason = checked(reason, number, &person.identities)?;
        let hold = person.hold.ok_or(PrivacyError::NotHeld)?;
        self.in_order(Draft::new(by, HoldLifted { patient: hold.patient, reason })).await
    }

    /// Records one draft as the stream's next.
    async fn in_order(&self, draft: Draft) -> Result<Seq, PrivacyError> {
        let version = self.store().read(|reader| reader.stream_version(STREAM))?;
        let recorded = self.record(Batch::one(draft).expect(STREAM, version)).await?;
        recorded.first().map(|leaf| leaf.seq).ok_or(PrivacyError::Unsettled)
    }

    /// Destroys detail that is older than the charter in force keeps it, but for patients under a hold; how many pieces.
    ///
    /// # Errors
    /// When it cannot be recorded; what was recorded stays destroyed.
    pub async fn expire_detail(&self) -> Result<u64, PrivacyError> {
        let retention = self.engine().charter().hospital().retention;
        if retention.legal_hold {
            return Ok(0);
        }
        let until = self.now() - retention.detail_days.duration();
        let (mut after, mut expired) = (Seq(0), 0);
        // Entry 0 applies a charter and has no detail; everything after it is looked at once.
        loop {
            let version = self.store().read(|reader| reader.stream_version(STREAM))?;
            let values = [until.into(), after.into(), EXPIRED_AT_ONCE.into()];
            let old = self.store().read(|reader| {
                reader.query(DETAIL_OLD, &values, |row| {
                    let patient = if row.int(1)? == 0 { None } else { Some(row.array::<16>(2)?) };
                    Ok((row.int(0)?, patient.map(PatientPseudonym::from_bytes)))
                })
            })?;
            let Some((last, _)) = old.last() else { break };
            after = Seq(u64::try_from(*last).unwrap_or(u64::MAX));
            let held = |patient: Option<PatientPseudonym>| {
                patient.is_some_and(|patient| self.world(|world| world.hold_on(patient).is_some()))
            };
            let going: Vec<i64> = old.iter().filter(|(_, patient)| !held(*patient)).map(|(seq, _)| *seq).collect();
            if !going.is_empty() {
                let details = going.len() as u64;
                let draft = Draft::new(Actor::handrail("retention"), DetailExpired { until, details });
                let mut batch = Batch::one(draft).expect(STREAM, version).write(DETAIL_EXPIRY_SET, [until.into()]);
                batch
                    .writes
                    .extend(going.iter().map(|seq| Write { statement: DETAIL_DROP, values: vec![(*seq).into()] }));
                self.record(batch).await?;
                expired += details;
            }
        }
        if expired > 0 {
            // Should somebody be reading for long, the store goes on trying.
            let _scrubbed = self.store().scrub().await;
        }
        Ok(expired)
    }

    /// Lets detail expire as time goes by, until `stop`. Exactly one such task runs a node.
    pub async fn keep_retention(&self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            if let Err(error) = self.expire_detail().await {
                tracing::warn!(%error, "detail that is older than the charter keeps it could not be destroyed");
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(EXPIRY_EVERY) => {}
            }
        }
    }

    fn details_about(&self, records: &[PatientPseudonym]) -> Result<u64, ReadError> {
        self.store().read(|reader| {
            records.iter().try_fold(0, |sum, record| {
                let found = reader.find(DETAIL_COUNT_OF, &[record.to_bytes().into()], |row| row.int(0))?;
                Ok(sum + found.and_then(|count| u64::try_from(count).ok()).unwrap_or(0))
            })
        })
    }
}

/// The record that stands for all of them. A patient has at least one.
fn first(records: &[PatientPseudonym]) -> PatientPseudonym {
    records.first().copied().unwrap_or(PatientPseudonym::from_bytes([0; 16]))
}

/// Every stay, order and appointment the log tells of for these records: each has a number of its own in the directory, and whoever sends that
/// number again would find the old pseudonym by it.
fn numbered(store: &Store, records: &[PatientPseudonym]) -> Result<BTreeSet<[u8; 16]>, ReadError> {
    let names: Vec<String> = records.iter().map(ToString::to_string).collect();
    let mut found = BTreeSet::new();
    let (mut from, end) = (0, store.head().next.0);
    while from < end {
        let to = end.min(from + ENTRIES_AT_ONCE);
        store.read(|reader| {
            reader.scan(Seq(from), Seq(to), |_, bytes| {
                let text = std::str::from_utf8(bytes).unwrap_or_default();
                if names.iter().any(|name| text.contains(name))
                    && let Ok(leaf) = Leaf::parse(bytes)
                    && leaf.draft.event.patient().is_some_and(|patient| records.contains(&patient))
                {
                    let event = &leaf.draft.event;
                    found.extend(event.encounter().map(EncounterPseudonym::to_bytes));
                    found.extend(event.order().map(OrderPseudonym::to_bytes));
                    found.extend(event.appointment().map(AppointmentPseudonym::to_bytes));
                }
                ControlFlow::Continue(())
            })
        })?;
        from = to;
    }
    Ok(found)
}

/// A reason as it may stand in the log for ever.
fn checked(reason: &str, number: &str, identities: &[Identity]) -> Result<SmolStr, PrivacyError> {
    let reason = reason.trim();
    if reason.is_empty() || reason.chars().count() > REASON_CHARS_MAX || reason.chars().any(char::is_control) {
        return Err(PrivacyError::Reason);
    }
    let numbers = identities.iter().flat_map(|identity| &identity.numbers).map(String::as_str);
    let names = identities.iter().filter_map(|identity| identity.name.as_deref());
    let parts = names.flat_map(|name| name.split(|letter: char| !letter.is_alphanumeric()));
    let parts = parts.filter(|part| part.chars().count() >= NAME_LETTERS_MIN);
    let told = std::iter::once(number).chain(numbers).chain(parts);
    for told in told {
        if contains_word(reason, told) {
            return Err(PrivacyError::ReasonNames);
        }
    }
    Ok(SmolStr::new(reason))
}

/// Whether a text has a word or number that does not go on at either end, in capitals or not.
#[must_use]
pub fn contains_word(text: &str, word: &str) -> bool {
    let (text, word) = (text.to_lowercase(), word.to_lowercase());
    let goes_on = |letter: Option<char>| letter.is_some_and(char::is_alphanumeric);
    !word.is_empty()
        && text.match_indices(&word).any(|(place, found)| {
            let before = text.get(..place).and_then(|before| before.chars().next_back());
            let after = text.get(place + found.len()..).and_then(|after| after.chars().next());
            !goes_on(before) && !goes_on(after)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_names_nobody() {
        let jane = [Identity { numbers: vec!["4711".into()], name: Some("Doe, Jane B".into()), birth_date: None }];
        assert_eq!(checked(" asked for in writing ", "9", &jane).unwrap(), "asked for in writing");
        assert_eq!(checked("Art. 17, case 47110, plan B", "9", &jane).unwrap(), "Art. 17, case 47110, plan B");
        for named in ["request of mrs DOE", "jane asked", "record 4711", "number 9"] {
            assert!(matches!(checked(named, "9", &jane), Err(PrivacyError::ReasonNames)), "{named}");
        }
        for unfit in ["", "  ", "a\nb", &"x".repeat(REASON_CHARS_MAX + 1)] {
            assert!(matches!(checked(unfit, "9", &jane), Err(PrivacyError::Reason)), "{unfit}");
        }
    }

    #[test]
    fn a_word_is_found_only_whole() {
        assert!(contains_word("PID|||4711^^^MR", "4711") && contains_word("Ärzte", "ärzte"));
        assert!(!contains_word("PID|||47112^^^MR", "4711") && !contains_word("x", ""));
    }
}
