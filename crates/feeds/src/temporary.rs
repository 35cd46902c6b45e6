//! Patients nobody can name yet: a record number of ours, usable at once, until the real record is known and the two are merged.
//!
//! A number begins with [`PREFIX`] and ends with a check character. A number of that form that we never gave out is refused wherever record
//! numbers come in, so it can be nobody's by chance or by a slip of the keyboard.

use aws_lc_rs::rand;
use events::encounter::{Class, Opened, Place, Presence};
use events::{Actor, Draft, PatientPseudonym, UnitId, patient};
use plane::Plane;
use store::{AppendError, Batch};

/// What every temporary record number begins with.
pub const PREFIX: &str = "TEMP-HR-";
/// Letters and digits that cannot be taken for each other (Crockford's).
const LETTERS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/// How many of them a number has before its check character: 40 bits.
const RANDOM_LETTERS: usize = 8;
/// How often a number is drawn anew because it was given before.
const DRAWS_MAX: usize = 8;

/// Why no temporary identity was given, or two records were not merged.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TemporaryError {
    /// The system gives no randomness, or all draws were taken.
    #[error("no number could be drawn")]
    NoNumber,
    /// One of the numbers stands for nobody.
    #[error("nobody is known by that record number")]
    Unknown,
    /// The records are one already, or are too many.
    #[error("the two records cannot be one patient: they are the same, or stand for too many others")]
    Unmergeable,
    /// It could not be recorded; nothing was.
    #[error("it could not be recorded")]
    Unrecorded(#[from] AppendError),
}

/// A patient who was given a temporary number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Temporary {
    /// The record number, for wristbands and other systems.
    pub number: String,
    /// Whom it stands for in leaves.
    pub patient: PatientPseudonym,
}

/// Gives a patient in a unit a temporary number and opens their stay there. Durable and folded when this returns.
///
/// # Errors
/// When no number can be drawn or nothing recorded.
pub async fn admit(plane: &Plane, unit: UnitId, actor: Actor) -> Result<Temporary, TemporaryError> {
    let number = draw(plane)?;
    let named = plane.directory().patient_or_new(&number);
    // The patient's one unnumbered visit, as messages without a visit number mean it.
    let visit = plane.directory().encounter_or_new(&format!("\0{}", named.pseudonym));
    let opened = Opened {
        encounter: visit.pseudonym,
        patient: named.pseudonym,
        class: Class::Emergency,
        presence: Presence::Present,
        place: Place { unit: unit.clone(), room: None, bed: None },
        attending: Vec::new(),
        participants: Vec::new(),
    };
    let draft = Draft { place: Some(unit), ..Draft::new(actor, opened) };
    let writes = named.write.into_iter().chain(visit.write).collect();
    Box::pin(plane.record(Batch { drafts: vec![draft], writes, ..Batch::default() })).await?;
    Ok(Temporary { number, patient: named.pseudonym })
}

/// Makes two records one patient, as an A40 does: `retired` goes by `survivor` from then on, and grants, live permits and evidence follow.
///
/// # Errors
/// When `retired` is nobody's number, the two cannot be one, or nothing can be recorded.
pub async fn merge(plane: &Plane, retired: &str, survivor: &str, actor: Actor) -> Result<(), TemporaryError> {
    let directory = plane.directory();
    if !directory.knows(retired) || (is_temporary(survivor) && !directory.knows(survivor)) {
        return Err(TemporaryError::Unknown);
    }
    let retired = directory.patient_or_new(retired);
    let survivor = directory.patient_or_new(survivor);
    let (one, other) = (survivor.pseudonym, retired.pseudonym);
    if one == other || !plane.world(|world| world.can_merge(one, other)) {
        return Err(TemporaryError::Unmergeable);
    }
    let draft = Draft::new(actor, patient::Merged { survivor: one, retired: other });
    let writes = survivor.write.into_iter().chain(retired.write).collect();
    Box::pin(plane.record(Batch { drafts: vec![draft], writes, ..Batch::default() })).await?;
    Ok(())
}

/// Whether a number has the form of ours. One that has and was never given out is nobody's.
#[must_use]
pub fn is_temporary(number: &str) -> bool {
    number.get(..PREFIX.len()).is_some_and(|start| start.eq_ignore_ascii_case(PREFIX))
}

fn draw(plane: &Plane) -> Result<String, TemporaryError> {
    for _ in 0..DRAWS_MAX {
        let mut bytes = [0; RANDOM_LETTERS];
        rand::fill(&mut bytes).map_err(|_| TemporaryError::NoNumber)?;
        let number = written(bytes);
        if !plane.directory().knows(&number) {
            return Ok(number);
        }
    }
    Err(TemporaryError::NoNumber)
}

/// Five bits of each byte as a letter, and a letter that changes when any of them, or the order of two neighbours, does.
fn written(bytes: [u8; RANDOM_LETTERS]) -> String {
    let letter = |value: usize| LETTERS.get(value % LETTERS.len()).map_or('0', |letter| char::from(*letter));
    let mut number = String::from(PREFIX);
    let mut check = 0;
    for (weight, byte) in (1..).zip(bytes) {
        let value = usize::from(byte) % LETTERS.len();
        check += value * (2 * weight + 1);
        number.push(letter(value));
        if weight == RANDOM_LETTERS / 2 {
            number.push('-');
        }
    }
    number.push(letter(check));
    number
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_shows_its_kind_and_no_slip_makes_another_of_it() {
        let number = written([0, 1, 2, 31, 4, 5, 6, 7]);
        assert!(number.starts_with("TEMP-HR-012Z-4567") && is_temporary(&number), "{number}");
        assert!(is_temporary(&number.to_lowercase()) && !is_temporary("TEMP-1") && !is_temporary("4567"));
        assert!(number.len() <= plane::NUMBER_BYTES_MAX);
        let check = |bytes| written(bytes).pop();
        let right = check([0, 1, 2, 31, 4, 5, 6, 7]);
        for place in 0..RANDOM_LETTERS {
            for slip in 1..32 {
                let mut bytes = [0, 1, 2, 31, 4, 5, 6, 7];
                bytes[place] = (bytes[place] + slip) % 32;
                assert_ne!(check(bytes), right, "place {place}, slip {slip}");
            }
        }
    }
}
