//! Whom a pseudonym stands for: numbers, name and birth date, as the last message told them, out of the detail beside the log.

use crate::Plane;
use events::{PatientPseudonym, Seq};
use serde::{Deserialize, Serialize};
use store::{DETAIL_BYTES_MAX, Detail, DetailSort, ReadError};
use zeroize::Zeroizing;

/// The most numbers kept of one patient from one message.
pub const IDENTITY_NUMBERS_MAX: usize = 16;
/// How much of a name is kept, in characters.
pub const IDENTITY_NAME_CHARS_MAX: usize = 128;
/// How much of a date is kept, in characters.
const DATE_CHARS_MAX: usize = 16;
/// How many pieces of detail are read to learn every number a patient was known by.
const NUMBERS_FROM_MAX: u32 = 256;

/// Who a patient is. Never in an entry, a log line or an error.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// Every number the message gave for the patient, the record number first.
    pub numbers: Vec<String>,
    /// The name, family name first, if the message gave one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The date of birth as the sender wrote it, such as `19561103`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub birth_date: Option<String>,
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Identity(…)")
    }
}

impl Identity {
    /// As detail for an entry about the patient, cut to what detail may hold; nothing if there is nothing to say.
    #[must_use]
    pub fn detail(&self, patient: PatientPseudonym) -> Option<Detail> {
        let cut = |text: &String, chars: usize| -> String { text.chars().take(chars).collect() };
        let mut kept = Self {
            numbers: self.numbers.iter().take(IDENTITY_NUMBERS_MAX).cloned().collect(),
            name: self.name.as_ref().map(|name| cut(name, IDENTITY_NAME_CHARS_MAX)).filter(|name| !name.is_empty()),
            birth_date: self.birth_date.as_ref().map(|date| cut(date, DATE_CHARS_MAX)).filter(|date| !date.is_empty()),
        };
        loop {
            let text = Zeroizing::new(serde_json::to_string(&kept).ok()?);
            if text.len() <= DETAIL_BYTES_MAX {
                return (kept != Self::default()).then_some(Detail {
                    about: Some(patient),
                    sort: DetailSort::Identity,
                    text,
                });
            }
            kept.numbers.pop()?;
        }
    }

    fn read(detail: &Detail) -> Option<Self> {
        serde_json::from_str(&detail.text).ok()
    }
}

/// What can be said of whom a pseudonym stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Naming {
    /// This patient.
    Known(Identity),
    /// Nobody can tell any more: the patient was erased by this entry.
    Erased {
        /// Which.
        by: Seq,
    },
    /// No message told, or it was longer ago than detail is kept.
    Unknown,
}

impl Plane {
    /// Whom a pseudonym stands for, by the newest message about any record merged with it. For pages and commands of people who may know; showing
    /// it is reading evidence and is to be recorded as such.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn name_of(&self, patient: PatientPseudonym) -> Result<Naming, ReadError> {
        let (records, erased) = self.world(|world| (world.records_of(patient), world.erased_by(patient)));
        let mut newest: Option<(Seq, Identity)> = None;
        for record in records {
            for (seq, detail) in self.store().details_of(record, DetailSort::Identity, 1)?.here {
                if let Some(identity) = Identity::read(&detail)
                    && newest.as_ref().is_none_or(|(known, _)| *known < seq)
                {
                    newest = Some((seq, identity));
                }
            }
        }
        Ok(match (newest, erased) {
            (_, Some(by)) => Naming::Erased { by },
            (Some((_, identity)), None) => Naming::Known(identity),
            (None, None) => Naming::Unknown,
        })
    }

    /// Everything that was ever told of who these records are, without repetition, and how many pieces of it cannot be read.
    pub(crate) fn identities_of(&self, records: &[PatientPseudonym]) -> Result<(Vec<Identity>, u64), ReadError> {
        let (mut found, mut unreadable) = (Vec::new(), 0);
        for record in records {
            let told = self.store().details_of(*record, DetailSort::Identity, NUMBERS_FROM_MAX)?;
            unreadable += told.unreadable;
            for (_, detail) in told.here {
                match Identity::read(&detail) {
                    Some(identity) if !found.contains(&identity) => found.push(identity),
                    Some(_) => {}
                    None => unreadable += 1,
                }
            }
        }
        Ok((found, unreadable))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identity_fits_into_detail_however_much_a_message_tells() {
        let patient = PatientPseudonym::from_bytes([1; 16]);
        let much = Identity {
            numbers: vec!["\u{1}".repeat(64); 40],
            name: Some("Ö".repeat(5000)),
            birth_date: Some("1956".repeat(100)),
        };
        let detail = much.detail(patient).unwrap();
        assert!(detail.text.len() <= DETAIL_BYTES_MAX);
        let read = Identity::read(&detail).unwrap();
        assert!(!read.numbers.is_empty());
        assert_eq!(read.name.unwrap().chars().count(), IDENTITY_NAME_CHARS_MAX);
        assert_eq!(Identity::default().detail(patient), None);
        assert!(!format!("{much:?} {detail:?}").contains("1956"));
    }
}
