//! Holding what must not be erased, and what erasing, holding and expiring have in common: each is recorded, in the same commit as what it does.
//!
//! One stream ([`STREAM`]) orders all of it, so that nothing is erased under a hold that was placed meanwhile; and what is destroyed is destroyed
//! only if nothing was told meanwhile of whom it is about ([`store::Untold`]), so that no merge brings a hold unseen.

use crate::{Identity, Plane};
use events::patient::{HoldLifted, HoldPlaced, REASON_CHARS_MAX};
use events::{Actor, Draft, OwnerId, PatientPseudonym, Seq};
use smol_str::SmolStr;
use store::statements::DETAIL_COUNT_OF;
use store::{AppendError, Batch, ReadError};
use world::Hold;

/// The stream whose version every erasure, hold and expiry moves on.
pub(crate) const STREAM: &str = "privacy";
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
    /// The store failed in the very commit of an erasure, and still does. Should it have been kept, it counts.
    #[error("the store failed, and nobody can tell yet whether the patient was erased: `handrail patient show` will")]
    Uncertain(#[source] AppendError),
    /// The node stopped.
    #[error("the node stopped before it could tell whether it was done; look again when it runs")]
    Stopped,
    /// The store could not be read.
    #[error(transparent)]
    Read(#[from] ReadError),
}

/// A patient as whoever erases or holds needs to see them.
#[derive(Debug)]
pub struct Person {
    /// Every record of the patient, the one the number stands for first.
    pub records: Vec<PatientPseudonym>,
    /// Everything that was ever told of who they are.
    pub identities: Vec<Identity>,
    /// How many pieces of what was told cannot be read: damaged. They forbid nothing.
    pub unreadable: u64,
    /// The hold that is on them.
    pub hold: Option<Hold>,
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

    pub(crate) fn person_of(&self, patient: PatientPseudonym) -> Result<Person, PrivacyError> {
        let (records, hold) = self.world(|world| (world.records_of(patient), world.hold_on(patient).cloned()));
        let (identities, unreadable) = self.identities_of(&records)?;
        Ok(Person { records, identities, unreadable, hold })
    }

    /// Places a hold on the patient of a record number, or says anew why there is one.
    ///
    /// # Errors
    /// When nobody is known by the number, or it cannot be recorded.
    pub async fn place_hold(&self, number: &str, reason: &str, owner: OwnerId, by: Actor) -> Result<Seq, PrivacyError> {
        let version = self.version_folded(STREAM).await?.ok_or(PrivacyError::Unsettled)?;
        let person = self.person(number)?;
        let reason = checked(reason, number, &person.identities)?;
        // A record has one hold; a second on another record of the same patient would outlive the first unseen.
        let patient = person.hold.map_or_else(|| first(&person.records), |hold| hold.patient);
        self.in_order(version, vec![Draft::new(by, HoldPlaced { patient, reason, owner })]).await
    }

    /// Lifts the hold on the patient of a record number.
    ///
    /// # Errors
    /// When there is none, or it cannot be recorded.
    pub async fn lift_hold(&self, number: &str, reason: &str, by: Actor) -> Result<Seq, PrivacyError> {
        let version = self.version_folded(STREAM).await?.ok_or(PrivacyError::Unsettled)?;
        let person = self.person(number)?;
        let reason = checked(reason, number, &person.identities)?;
        let hold = person.hold.ok_or(PrivacyError::NotHeld)?;
        // Records that were one patient and then two, and are one again, each have it.
        let same = |record: PatientPseudonym| {
            self.world(|world| world.hold_of(record).is_some_and(|other| other.entry == hold.entry))
        };
        let held = person.records.into_iter().filter(|record| same(*record));
        let lifted = held.map(|patient| Draft::new(by.clone(), HoldLifted { patient, reason: reason.clone() }));
        self.in_order(version, lifted.collect()).await
    }

    /// Records drafts as the stream's next, if nobody was faster since the version they were prepared at.
    async fn in_order(&self, version: u64, drafts: Vec<Draft>) -> Result<Seq, PrivacyError> {
        let recorded = self.record(Batch::of(drafts).expect(STREAM, version)).await?;
        recorded.first().map(|leaf| leaf.seq).ok_or(PrivacyError::Unsettled)
    }

    pub(crate) fn details_about(&self, records: &[PatientPseudonym]) -> Result<u64, ReadError> {
        self.store().read(|reader| {
            records.iter().try_fold(0, |sum, record| {
                let found = reader.find(DETAIL_COUNT_OF, &[record.to_bytes().into()], |row| row.int(0))?;
                Ok(sum + found.and_then(|count| u64::try_from(count).ok()).unwrap_or(0))
            })
        })
    }
}

/// The record that stands for all of them. A patient has at least one.
pub(crate) fn first(records: &[PatientPseudonym]) -> PatientPseudonym {
    records.first().copied().unwrap_or(PatientPseudonym::from_bytes([0; 16]))
}

/// A reason as it may stand in the log for ever.
pub(crate) fn checked(reason: &str, number: &str, identities: &[Identity]) -> Result<SmolStr, PrivacyError> {
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
