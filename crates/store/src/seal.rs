//! The Merkle tree over what was committed: its tiles and signed checkpoints, kept beside the entries.

use crate::database::{self, StorageError};
use crate::{Value, statements};
use events::{Seq, Timestamp};
use ledger::{SigningKey, Tile, Tree, leaf_hash};
use rusqlite::Connection;
use std::collections::BTreeMap;

/// Why the tree could not be sealed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SealError {
    /// The checkpoint could not be signed.
    #[error("the checkpoint cannot be signed")]
    Sign(#[from] ledger::note::NoteError),
    /// The database failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

impl From<rusqlite::Error> for SealError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Storage(error.into())
    }
}

/// The tree in memory, and what of it is not in the database yet.
#[derive(Debug)]
pub(crate) struct Sealer {
    tree: Tree,
    /// How many entries the latest checkpoint is over, if there is one.
    sealed: Option<u64>,
    key: SigningKey,
    /// Tiles whose newest state is not in the database, kept over a seal that failed.
    unsaved: BTreeMap<(u8, u64), Tile>,
}

impl Sealer {
    /// Goes on from `tree`, over whose first `sealed` entries there is a checkpoint, if there is one.
    pub(crate) const fn new(tree: Tree, sealed: Option<u64>, key: SigningKey) -> Self {
        Self { tree, sealed, key, unsaved: BTreeMap::new() }
    }

    /// Takes the next committed entry in.
    pub(crate) fn append(&mut self, entry: &[u8]) {
        self.tree.append(leaf_hash(entry));
    }

    /// How many entries the latest checkpoint is over.
    pub(crate) fn sealed(&self) -> u64 {
        self.sealed.unwrap_or(0)
    }

    /// Keeps tiles and a checkpoint over everything taken in, unless there is one already. When it errs, nothing was kept and the next seal does all of it.
    pub(crate) fn seal(&mut self, connection: &Connection, now: Timestamp) -> Result<(), SealError> {
        if self.sealed == Some(self.tree.size()) {
            return Ok(());
        }
        for tile in self.tree.take_changed_tiles() {
            self.unsaved.insert((tile.level, tile.index), tile);
        }
        let size = self.tree.size();
        let note = ledger::note::sign(size, self.tree.root(), &self.key)?;
        let kept = self.keep(connection, note, now);
        if kept.is_err() && !connection.is_autocommit() {
            connection.execute_batch("ROLLBACK")?;
        }
        kept?;
        self.unsaved.clear();
        self.sealed = Some(size);
        Ok(())
    }

    fn keep(&self, connection: &Connection, note: String, now: Timestamp) -> Result<(), StorageError> {
        database::execute(connection, "BEGIN IMMEDIATE", &[])?;
        {
            let mut statement = connection.prepare_cached(statements::TILE_KEEP.sql)?;
            for tile in self.unsaved.values() {
                statement.execute(rusqlite::params![tile.level, Value::from(Seq(tile.index)), tile.bytes])?;
            }
        }
        let size = Value::from(Seq(self.tree.size()));
        database::execute(connection, statements::CHECKPOINT_KEEP.sql, &[size, note.into(), now.into()])?;
        // The one before stays: whoever has just read it still finds it.
        database::execute(connection, statements::CHECKPOINT_PRUNE.sql, &[Seq(self.sealed()).into()])?;
        database::execute(connection, "COMMIT", &[])?;
        Ok(())
    }
}
