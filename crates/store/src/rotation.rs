//! How one signing key of the ledger takes over from another, so that a crash between any two steps leaves a store that goes on.
//!
//! 1. The new key is made and synced beside the old one (`keys/ledger.next`).
//! 2. An entry that names both is committed.
//! 3. The next checkpoint is signed by both, and kept in one transaction with the record: a receipt of that entry under it.
//! 4. The new key's file takes the old one's name, in one step. The old key is gone.
//!
//! Opened after 1, the store goes on with the old key and keeps the new one for the next try. After 2 it makes step 3 before anything else,
//! after 3 step 4. Between 2 and 3 nothing is sealed, so no checkpoint covers the entry that is not signed by both.

use crate::reader::Reader;
use crate::{ReadError, statements};
use events::{Event, Leaf, Seq, Timestamp};
use ledger::{VerifyingKey, note};
use std::ops::ControlFlow;
use std::sync::{PoisonError, RwLock};

/// One key took over from another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rotation {
    /// The entry that says so.
    pub entry: Seq,
    /// How many entries the checkpoint has that both signed.
    pub size: u64,
    /// The key that was retired, as C2SP writes it.
    pub from: String,
    /// The key that took over.
    pub to: String,
    /// A receipt (tlog-proof) of the entry under that checkpoint, with the entry: what a verifier follows.
    pub record: String,
    /// When.
    pub at: Timestamp,
}

/// Every rotation there was, oldest first.
pub(crate) fn all(reader: &Reader<'_>) -> Result<Vec<Rotation>, ReadError> {
    reader.query(statements::LEDGER_ROTATION_ALL, &[], |row| {
        let number = |place| row.int(place).map(|number| u64::try_from(number).unwrap_or(0));
        Ok(Rotation {
            entry: Seq(number(0)?),
            size: number(1)?,
            from: row.text(2)?,
            to: row.text(3)?,
            record: row.text(4)?,
            at: Timestamp::from_millis(row.int(5)?),
        })
    })
}

/// The key that signs a checkpoint over so many entries, by the rotations there were; `in_force` signs what is after all of them.
pub(crate) fn signer_at(rotations: &[Rotation], size: u64, in_force: VerifyingKey) -> VerifyingKey {
    let until = rotations.iter().find(|rotation| size <= rotation.size);
    until.and_then(|rotation| rotation.from.parse().ok()).unwrap_or(in_force)
}

/// Whether an entry says that this key takes over.
pub(crate) fn announces(entry: &[u8], key: &VerifyingKey) -> bool {
    match Leaf::parse(entry).map(|leaf| leaf.draft.event) {
        Ok(Event::LedgerKeyRotated(rotated)) => rotated.to == key.to_string(),
        _ => false,
    }
}

/// The entry from `from` on that says that this key takes over.
pub(crate) fn find_announcement(reader: &Reader<'_>, from: Seq, key: &VerifyingKey) -> Result<Option<u64>, ReadError> {
    let mut found = None;
    reader.scan(from, Seq(u64::MAX), |seq, entry| {
        if announces(entry, key) {
            found = Some(seq.0);
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    })?;
    Ok(found)
}

/// The keys a ledger signed with. Read by everybody, changed by the writer.
#[derive(Debug)]
pub(crate) struct Signers(RwLock<Held>);

#[derive(Debug)]
struct Held {
    in_force: VerifyingKey,
    /// Oldest first.
    past: Vec<VerifyingKey>,
}

impl Signers {
    /// Those of past rotations, and the one in force.
    pub(crate) fn new(rotations: &[Rotation], in_force: &VerifyingKey) -> Self {
        let past = rotations.iter().filter_map(|rotation| rotation.from.parse().ok()).filter(|key| key != in_force);
        Self(RwLock::new(Held { in_force: in_force.clone(), past: past.collect() }))
    }

    /// The key in force.
    pub(crate) fn in_force(&self) -> VerifyingKey {
        self.0.read().unwrap_or_else(PoisonError::into_inner).in_force.clone()
    }

    /// The newest that signed this note; the one in force where none did.
    pub(crate) fn of(&self, note: &str) -> VerifyingKey {
        let held = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let signed = |key: &&VerifyingKey| note::open(note.as_bytes(), key).is_ok();
        std::iter::once(&held.in_force).chain(held.past.iter().rev()).find(signed).unwrap_or(&held.in_force).clone()
    }

    /// Goes by the rotations there are: the last took over.
    pub(crate) fn reread(&self, rotations: &[Rotation]) {
        let Some(in_force) = rotations.last().and_then(|last| last.to.parse::<VerifyingKey>().ok()) else { return };
        let past = rotations.iter().filter_map(|rotation| rotation.from.parse().ok()).filter(|key| *key != in_force);
        let past = past.collect();
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Held { in_force, past };
    }

    /// Another key is in force from here on.
    pub(crate) fn take_over(&self, key: &VerifyingKey) {
        let mut held = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let retired = std::mem::replace(&mut held.in_force, key.clone());
        held.past.push(retired);
    }
}
