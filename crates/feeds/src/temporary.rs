//! Patients nobody can name yet: a record number of ours, usable at once, until the real record is known and the two are merged.
//!
//! A number of that form ([`plane::number`]) that we never gave out is refused wherever record numbers come in, so it can be nobody's by chance or
//! by a slip of the keyboard.

use aws_lc_rs::rand;
use events::encounter::{Class, Opened, Place, Presence};
use events::patient::{MergeRefusal, MergeRefused, Merged, Unmerged};
use events::{Actor, Draft, Event, PatientPseudonym, UnitId};
use plane::Plane;
use plane::number::{RANDOM_LETTERS, is_temporary, temporary};
use std::sync::atomic::{AtomicBool, Ordering};
use store::{AppendError, Batch};

/// How often a number is drawn anew because it was given before.
const DRAWS_MAX: usize = 8;

/// Why no temporary identity was given, or two records were not merged or parted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TemporaryError {
    /// The system gives no randomness, or all draws were taken.
    #[error("no number could be drawn")]
    NoNumber,
    /// They cannot be made one patient. The same words whatever is in the way: they must not tell who is known here. The ledger has the reason.
    #[error(
        "these two cannot be made one patient: what goes has to be a temporary number that was given out, and what stays the record number of \
        another patient who is known here and whose number is not temporary. Look at both numbers once more"
    )]
    Refused,
    /// The two were never made one by name.
    #[error("these two records were not merged with each other, so there is nothing to take back")]
    NotMerged,
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

/// Makes a temporary record part of a patient's own, as an A40 does: `retired` goes by `survivor` from then on, and grants, live permits and evidence
/// follow. Any other merge opens one patient's record to whoever treats the other: those come from the house's own patient index, as messages. What
/// is refused is recorded too.
///
/// # Errors
/// When `retired` is no temporary number that was given out, `survivor` is one or is known to nobody, the two cannot be one, or nothing can be
/// recorded.
pub async fn merge(plane: &Plane, retired: &str, survivor: &str, actor: Actor) -> Result<(), TemporaryError> {
    let refused = AtomicBool::new(false);
    let prepare = || {
        let draft = merging(plane, retired, survivor, actor.clone());
        refused.store(matches!(draft.event, Event::PatientMergeRefused(_)), Ordering::Relaxed);
        Ok::<_, TemporaryError>(Batch::one(draft))
    };
    Box::pin(plane.record_prepared(prepare)).await?;
    if refused.load(Ordering::Relaxed) { Err(TemporaryError::Refused) } else { Ok(()) }
}

/// The merge, or why it is refused.
fn merging(plane: &Plane, retired: &str, survivor: &str, actor: Actor) -> Draft {
    let directory = plane.directory();
    // Of a number nobody has, one that is in no world.
    let (one, other) = (directory.patient(survivor), directory.patient(retired));
    let known = directory.knows(retired) && directory.knows(survivor);
    let (same, fit) = plane.world(|world| (world.records_of(one).contains(&other), world.can_merge(one, other)));
    let why = match () {
        () if !is_temporary(retired) || is_temporary(survivor) => Some(MergeRefusal::NotTemporary),
        () if !known => Some(MergeRefusal::Unknown),
        () if same => Some(MergeRefusal::Same),
        () if !fit => Some(MergeRefusal::TooMany),
        () => None,
    };
    match why {
        Some(why) => Draft::new(actor, MergeRefused { survivor: one, retired: other, why }),
        None => Draft::new(actor, Merged { survivor: one, retired: other }),
    }
}

/// Takes a merge of two records back, as an A37 does: each keeps what came under its own number.
///
/// # Errors
/// When the two were not made one by name, or nothing can be recorded.
pub async fn unmerge(plane: &Plane, retired: &str, survivor: &str, actor: Actor) -> Result<(), TemporaryError> {
    let (one, other) = (plane.directory().patient(survivor), plane.directory().patient(retired));
    if !plane.world(|world| world.are_linked(one, other)) {
        return Err(TemporaryError::NotMerged);
    }
    Box::pin(plane.record(Batch::one(Draft::new(actor, Unmerged { survivor: one, retired: other })))).await?;
    Ok(())
}

fn draw(plane: &Plane) -> Result<String, TemporaryError> {
    for _ in 0..DRAWS_MAX {
        let mut bytes = [0; RANDOM_LETTERS];
        rand::fill(&mut bytes).map_err(|_| TemporaryError::NoNumber)?;
        let number = temporary(bytes);
        if !plane.directory().knows(&number) {
            return Ok(number);
        }
    }
    Err(TemporaryError::NoNumber)
}
