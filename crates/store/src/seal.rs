//! The Merkle tree over what was committed: its tiles and signed checkpoints, kept beside the entries.

use crate::database::{Connection, StorageError};
use crate::keys::{Keys, KeysError};
use crate::reader::Reader;
use crate::retained::Retained;
use crate::rotation::{self, Signers};
use crate::{ReadError, Value, recovery, statements};
use events::{Event, Leaf, Seq, Timestamp};
use ledger::receipt::Receipt;
use ledger::source::tile_width;
use ledger::{SigningKey, Tile, Tree, leaf_hash, proof};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

/// Why the tree could not be sealed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SealError {
    /// The checkpoint could not be signed.
    #[error("the checkpoint cannot be signed")]
    Sign(#[from] ledger::note::NoteError),
    /// The entry that names the next key cannot be proven.
    #[error("the rotation of the ledger's key cannot be recorded")]
    Record(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The next key could not take the old one's place. Both sign until it does.
    #[error("the ledger's next key cannot take its place")]
    Promote(#[source] KeysError),
    /// Another node changed the ledger's key, and this one does not have it.
    #[error("the ledger's key was changed on another node")]
    Retired,
    /// The database failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

/// The tree in memory, and what of it is not in the database yet.
#[derive(Debug)]
pub(crate) struct Sealer {
    tree: Tree,
    /// How many entries the latest checkpoint is over, if there is one.
    sealed: Option<u64>,
    key: SigningKey,
    /// What is to take over from it.
    next: Option<Successor>,
    /// A key this node does not have takes over, or has: it signs nothing any more.
    retired: bool,
    signers: Arc<Signers>,
    directory: PathBuf,
    /// Tiles whose newest state is not in the database, kept over a seal that failed.
    unsaved: BTreeMap<(u8, u64), Tile>,
    /// The checkpoint beside the store.
    retained: Retained,
}

/// A key that is to take over.
#[derive(Debug)]
struct Successor {
    key: SigningKey,
    /// The entry that says so, once it is committed.
    entry: Option<u64>,
}

impl Sealer {
    /// Goes on from `tree`, over whose first `sealed` entries there is a checkpoint, if there is one.
    pub(crate) fn new(
        directory: PathBuf,
        tree: Tree,
        sealed: Option<u64>,
        key: SigningKey,
        signers: Arc<Signers>,
    ) -> Self {
        Self {
            tree,
            sealed,
            key,
            next: None,
            retired: false,
            signers,
            directory,
            unsaved: BTreeMap::new(),
            retained: Retained::default(),
        }
    }

    /// Takes the next committed entry in. The one that announces the next key is recognised here, since a commit that seemed to fail may have
    /// been kept.
    pub(crate) fn append(&mut self, entry: &[u8]) {
        if let Some(next) = &mut self.next
            && rotation::announces(entry, next.key.verifying_key())
        {
            next.entry = Some(self.tree.size());
        }
        self.tree.append(leaf_hash(entry));
    }

    /// Takes note of what another node recorded: from the entry on that announces a key this node does not have, the one it has signs nothing.
    pub(crate) fn heard(&mut self, leaf: &Leaf) {
        if let Event::LedgerKeyRotated(rotated) = &leaf.draft.event {
            let own = self.next.as_ref().is_some_and(|next| rotated.to == next.key.verifying_key().to_string());
            self.retired |= !own && rotated.from == self.key.verifying_key().to_string();
        }
    }

    /// Goes by the latest checkpoint in the database, which may be another node's. Whether it is one this node did not know.
    pub(crate) fn adopt(&mut self, reader: &Reader<'_>, now: Timestamp) -> Result<bool, StorageError> {
        let Some((size, note)) = reader.checkpoint().map_err(ReadError::into_storage)? else { return Ok(false) };
        // Not folded that far yet: the next look is in time.
        if Some(size) == self.sealed || size > self.tree.size() {
            return Ok(false);
        }
        if size < self.sealed() {
            let why = format!("it is sealed up to {size} entries, and this node knows of {}", self.sealed());
            return Err(recovery::not_as_left(&why));
        }
        let mut opened = ledger::note::open(note.as_bytes(), &self.signers.in_force());
        if self.retired || opened.is_err() {
            let rotations = rotation::all(reader).map_err(ReadError::into_storage)?;
            self.signers.reread(&rotations);
            opened =
                ledger::note::open(note.as_bytes(), &rotation::signer_at(&rotations, size, self.signers.in_force()));
        }
        let checkpoint = opened.map_err(|_| {
            recovery::not_as_left("its latest checkpoint is signed with a key that never was this ledger's")
        })?;
        if size == self.tree.size() && checkpoint.root != self.tree.root() {
            return Err(recovery::not_as_left(&format!(
                "its checkpoint over {size} entries is not over those of this node"
            )));
        }
        for tile in self.tree.take_changed_tiles() {
            self.unsaved.insert((tile.level, tile.index), tile);
        }
        self.unsaved.retain(|(level, index), tile| tile.width() > tile_width(*level, *index, size));
        self.sealed = Some(size);
        self.retained.take(&self.directory, &note, now);
        Ok(true)
    }

    /// Signs nothing any more, if another key took over from this node's.
    pub(crate) fn retire_after(&mut self, rotations: &[rotation::Rotation]) {
        let own = self.key.verifying_key().to_string();
        self.retired |= rotations.last().is_some_and(|last| last.to != own);
    }

    /// Whether it may sign nothing any more.
    pub(crate) const fn is_retired(&self) -> bool {
        self.retired
    }

    /// From the entry that announces it on, `next` signs too, and after one seal alone. `entry` where that is committed already.
    pub(crate) fn expect(&mut self, next: SigningKey, entry: Option<u64>) {
        self.next = Some(Successor { key: next, entry });
    }

    /// The key that signs.
    pub(crate) const fn key(&self) -> &SigningKey {
        &self.key
    }

    /// Whether a key was announced that does not sign alone yet.
    pub(crate) fn is_rotating(&self) -> bool {
        self.next.as_ref().is_some_and(|next| next.entry.is_some())
    }

    /// How many entries the latest checkpoint is over.
    pub(crate) fn sealed(&self) -> u64 {
        self.sealed.unwrap_or(0)
    }

    /// The same, if there is a checkpoint at all.
    pub(crate) const fn sealed_size(&self) -> Option<u64> {
        self.sealed
    }

    /// Keeps tiles and a checkpoint over everything taken in, unless there is one already; whether there was not. In the transaction that is begun, which
    /// it ends. When it errs, nothing was kept and the next seal does all of it.
    pub(crate) fn seal(&mut self, connection: &Connection, now: Timestamp) -> Result<bool, SealError> {
        let sealed = self.seal_begun(connection, now);
        if connection.in_transaction() {
            connection.rollback()?;
        }
        sealed
    }

    fn seal_begun(&mut self, connection: &Connection, now: Timestamp) -> Result<bool, SealError> {
        if self.sealed == Some(self.tree.size()) && !self.is_rotating() {
            return Ok(false);
        }
        if self.retired {
            return Err(SealError::Retired);
        }
        for tile in self.tree.take_changed_tiles() {
            self.unsaved.insert((tile.level, tile.index), tile);
        }
        let size = self.tree.size();
        let next = self.next.as_ref().filter(|next| next.entry.is_some()).map(|next| &next.key);
        let keys: Vec<&SigningKey> = std::iter::once(&self.key).chain(next).collect();
        let note = ledger::note::sign_by_all(size, self.tree.root(), &keys)?;
        self.keep(connection, note.clone(), now)?;
        self.unsaved.clear();
        self.sealed = Some(size);
        self.retained.take(&self.directory, &note, now);
        self.promote()?;
        Ok(true)
    }

    /// Puts the next key in the old one's place, once both signed a checkpoint.
    fn promote(&mut self) -> Result<(), SealError> {
        let Some(next) = self.next.take_if(|next| next.entry.is_some()) else { return Ok(()) };
        if let Err(error) = Keys::promote_next_ledger(&self.directory) {
            self.next = Some(next);
            return Err(SealError::Promote(error));
        }
        self.signers.take_over(next.key.verifying_key());
        self.key = next.key;
        Ok(())
    }

    fn keep(&self, connection: &Connection, note: String, now: Timestamp) -> Result<(), SealError> {
        let tile = |tile: &Tile| [u32::from(tile.level).into(), Seq(tile.index).into(), tile.bytes.as_slice().into()];
        let tiles: Vec<[Value; 3]> = self.unsaved.values().map(tile).collect();
        let (_, failed) = connection.execute_each(tiles.iter().map(|tile| (statements::TILE_KEEP, tile.as_slice())));
        failed.map_or(Ok(()), Err)?;
        let size = Value::from(Seq(self.tree.size()));
        if let Some(Successor { key, entry: Some(entry) }) = &self.next {
            let record = self.record(&Reader { connection }, *entry, &note)?;
            let (from, to) = (self.key.verifying_key().to_string(), key.verifying_key().to_string());
            let values = [Seq(*entry).into(), size.clone(), from.into(), to.into(), record.into(), now.into()];
            connection.execute(statements::LEDGER_ROTATION_KEEP, &values)?;
        }
        connection.execute(statements::CHECKPOINT_KEEP, &[size, note.into(), now.into()])?;
        // The one before stays: whoever has just read it still finds it.
        connection.execute(statements::CHECKPOINT_PRUNE, &[Seq(self.sealed()).into()])?;
        Ok(connection.commit_writes()?)
    }

    /// What a verifier follows from the old key to the new one.
    fn record(&self, reader: &Reader<'_>, entry: u64, note: &str) -> Result<String, SealError> {
        let wrong = |error: Box<dyn std::error::Error + Send + Sync>| SealError::Record(error);
        let leaf = reader.leaf_bytes(Seq(entry)).map_err(|error| wrong(error.into()))?;
        let path = proof::inclusion(reader, entry, self.tree.size()).map_err(|error| wrong(error.into()))?;
        let extra = leaf.ok_or_else(|| wrong(ReadError::NoEntry(Seq(entry)).into()))?;
        Ok(Receipt { extra: Some(extra), index: entry, path, note: note.to_owned() }.to_string())
    }
}
