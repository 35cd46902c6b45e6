//! Messages that could not be used, looked at again: listed, read, sent through once more, or given up. Each of it is recorded.

use super::Settings;
use super::intake::Intake;
use crate::hl7::{AdtMessage, Envelope, Message, decode};
use crate::kept;
use crate::translate::Rejection;
use bytes::Bytes;
use events::feed::{Handling, RejectionHandled};
use events::{Actor, Draft, FeedName, Timestamp};
use jiff::tz::TimeZone;
use plane::Plane;
use smol_str::SmolStr;
use store::sealed::{OVERHEAD_BYTES, SealedError};
use store::statements::{REJECTED_MESSAGE_FIND, REJECTED_MESSAGE_LISTED, REJECTED_MESSAGE_REMOVE};
use store::{AppendError, Batch, ReadError, Value, Write};

/// The most rejected messages one list shows.
pub const LISTED_MAX: i64 = 1_000;
/// How many bytes of them one list decrypts to tell sender and type.
pub const LISTED_BYTES_MAX: u64 = 32 * 1024 * 1024;
/// The longest reason somebody gives for giving a message up, in characters.
pub const REASON_CHARS_MAX: usize = 200;

/// A rejected message as a list shows it: nothing of it names a patient.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejected {
    /// Its id in this store.
    pub id: i64,
    /// When it came.
    pub at: Timestamp,
    /// The feed it came by.
    pub feed: FeedName,
    /// MSH-3, if it reads: letters, digits and a few marks.
    pub sender: SmolStr,
    /// Type and trigger, if they read.
    pub message_type: SmolStr,
    /// Its length in bytes.
    pub bytes: u64,
    /// Why it could not be used.
    pub reason: SmolStr,
}

/// Why a rejected message cannot be handled.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AgainError {
    /// It is not kept, or not any more.
    #[error(
        "no rejected message of this id is kept: it was repaired, given up or erased, or has expired; `handrail feed rejected list` has the ids"
    )]
    Gone,
    /// The node is ending.
    #[error("the list could not be made: the node is ending")]
    Interrupted,
    /// It cannot be used this time either; it stays as it was.
    #[error("it still cannot be used: {0}")]
    Rejected(#[from] Rejection),
    /// It is a batch, and only its messages can be sent through.
    #[error("it is a batch: show it, put its counts right, send it with `handrail feed replay`, and discard this one")]
    Batch,
    /// It cannot be decrypted.
    #[error("it cannot be read")]
    Kept(#[from] SealedError),
    /// The store cannot be read.
    #[error("the store cannot be read")]
    Read(#[from] ReadError),
    /// It could not be recorded; nothing changed.
    #[error("it could not be recorded")]
    Unrecorded(#[from] AppendError),
}

struct Kept {
    feed: FeedName,
    sha256: [u8; 32],
    message: Bytes,
}

/// The rejected messages that are kept, newest first, at most [`LISTED_MAX`]. They are decrypted one after another, away from whoever must not wait,
/// and of the older ones, once [`LISTED_BYTES_MAX`] were, the list knows no sender and type.
///
/// # Errors
/// When the store cannot be read.
pub async fn list(plane: &Plane) -> Result<Vec<Rejected>, AgainError> {
    let plane = plane.clone();
    tokio::task::spawn_blocking(move || listed(&plane, LISTED_BYTES_MAX)).await.map_err(|_| AgainError::Interrupted)?
}

fn listed(plane: &Plane, bytes_max: u64) -> Result<Vec<Rejected>, AgainError> {
    let rows = plane.store().read(|reader| {
        reader.query(REJECTED_MESSAGE_LISTED, &[Value::Int(LISTED_MAX)], |row| {
            Ok((row.int(0)?, row.text(1)?, row.int(3)?, row.text(4)?, row.int(5)?))
        })
    })?;
    let mut decrypted = 0;
    let listed = rows.into_iter().filter_map(|(id, feed, length, reason, at)| {
        let feed = FeedName::new(&feed).ok()?;
        let bytes = u64::try_from(length).unwrap_or(0).saturating_sub(OVERHEAD_BYTES as u64);
        decrypted += bytes;
        // One that was handled meanwhile has no header any more.
        let message = if decrypted <= bytes_max { find(plane, id).ok() } else { None };
        let (sender, message_type) = message.map(|kept| header(&kept.message)).unwrap_or_default();
        Some(Rejected { id, at: Timestamp::from_millis(at), feed, sender, message_type, bytes, reason: reason.into() })
    });
    Ok(listed.collect())
}

/// One rejected message as it came. That it was read is recorded first.
///
/// # Errors
/// When it is not kept, cannot be decrypted, or the reading cannot be recorded.
pub async fn show(plane: &Plane, id: i64, actor: Actor) -> Result<Bytes, AgainError> {
    let kept = find(plane, id)?;
    let batch = Batch::one(handled(&kept, Handling::Read, None, actor));
    Box::pin(plane.record(batch)).await?;
    Ok(kept.message)
}

/// Sends a rejected message through once more, as it is or as somebody has put it right. It is applied once: whoever comes second finds it
/// gone. Answers with the types of what was recorded.
///
/// # Errors
/// When it is not kept, still cannot be used, or cannot be recorded; it stays as it was then.
pub async fn replay(
    plane: &Plane,
    id: i64,
    repaired: Option<Bytes>,
    actor: Actor,
) -> Result<Vec<&'static str>, AgainError> {
    let kept = find(plane, id)?;
    let how = if repaired.is_some() { Handling::Repaired } else { Handling::Replayed };
    let intake = Intake::new(plane.clone(), Settings::default());
    let bytes = repaired.unwrap_or_else(|| kept.message.clone());
    if Envelope::read(&bytes, false).is_some() {
        return Err(AgainError::Batch);
    }
    let opened = intake.open(bytes, None, &None);
    let prepare = || {
        let mut batch = intake.again(&opened)?;
        batch.drafts.push(handled(&kept, how, None, actor.clone()));
        batch.writes.push(remove(id));
        Ok(batch)
    };
    let recorded = match Box::pin(plane.record_prepared(prepare)).await {
        Err(AgainError::Unrecorded(error)) => return settled::<()>(Err(error)).map(|()| Vec::new()),
        recorded => recorded?,
    };
    // The last says who sent it.
    let told = recorded.split_last().map(|(_, told)| told).unwrap_or_default();
    Ok(told.iter().map(|leaf| leaf.draft.event.kind().name).collect())
}

/// Gives a rejected message up: its bytes go, the reason stays in the ledger.
///
/// # Errors
/// When it is not kept or the reason cannot be recorded.
pub async fn discard(plane: &Plane, id: i64, reason: &str, actor: Actor) -> Result<(), AgainError> {
    let kept = find(plane, id)?;
    let reason: SmolStr =
        reason.chars().filter(|letter| !letter.is_control()).take(REASON_CHARS_MAX).collect::<String>().into();
    let mut batch = Batch::one(handled(&kept, Handling::Discarded, Some(reason), actor));
    batch.writes.push(remove(id));
    settled(Box::pin(plane.record(batch)).await)
}

fn settled<T>(recorded: Result<T, AppendError>) -> Result<(), AgainError> {
    match recorded {
        Ok(_) => Ok(()),
        Err(AppendError::Conflict(what)) if what == REJECTED_MESSAGE_REMOVE.name() => Err(AgainError::Gone),
        Err(error) => Err(error.into()),
    }
}

fn remove(id: i64) -> Write {
    Write { statement: REJECTED_MESSAGE_REMOVE, values: vec![Value::Int(id)] }
}

fn handled(kept: &Kept, how: Handling, reason: Option<SmolStr>, actor: Actor) -> Draft {
    let sha256 = super::intake::hexadecimal(&kept.sha256).into();
    Draft::new(actor, RejectionHandled { feed: kept.feed.clone(), sha256, how, reason })
}

fn find(plane: &Plane, id: i64) -> Result<Kept, AgainError> {
    let row = plane.store().read(|reader| {
        reader.find(REJECTED_MESSAGE_FIND, &[Value::Int(id)], |row| Ok((row.text(0)?, row.bytes(1)?, row.bytes(2)?)))
    })?;
    let (feed, sha256, bytes) = row.ok_or(AgainError::Gone)?;
    let feed = FeedName::new(&feed).map_err(|_| SealedError::Open)?;
    let sha256: [u8; 32] = sha256.try_into().map_err(|_| SealedError::Open)?;
    let message = opened(plane, &feed, &sha256, &bytes)?;
    Ok(Kept { feed, sha256, message })
}

fn opened(plane: &Plane, feed: &FeedName, sha256: &[u8; 32], bytes: &[u8]) -> Result<Bytes, SealedError> {
    kept::open(plane.store().keys().detail.bytes(), feed, sha256, bytes).map(|message| Bytes::copy_from_slice(&message))
}

/// Sender and type, bare of anything that could carry a name.
fn header(message: &[u8]) -> (SmolStr, SmolStr) {
    let decoded = decode(message);
    let Ok(message) = Message::read(&decoded.text) else { return Default::default() };
    let read = AdtMessage::read(&message, &TimeZone::UTC);
    let plain = |letter: &char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_' | '.');
    (read.sender.application.chars().filter(plain).take(32).collect(), read.message_type())
}
