//! An entry with the proof that it is in the log: made from the tiles, checked here against the signed checkpoint, and shown so that it can
//! be checked elsewhere.

use crate::trouble::Trouble;
use events::{Leaf, Seq};
use ledger::{Checkpoint, Hash, leaf_hash, note, proof};
use store::{ReadError, Store};

/// An entry, where it stands, and the signed statement that it does.
#[derive(Debug)]
pub(crate) struct Proof {
    pub(crate) leaf: Leaf,
    /// Its bytes as first written.
    pub(crate) bytes: Vec<u8>,
    pub(crate) leaf_hash: Hash,
    pub(crate) checkpoint: Checkpoint,
    /// The checkpoint as a signed note.
    pub(crate) note: String,
    /// The hashes that lead from the entry to the root.
    pub(crate) path: Vec<Hash>,
    /// The key that signed, as C2SP writes it.
    pub(crate) key: String,
}

/// Proves an entry that is there, sealing first if it is newer than the last checkpoint.
pub(crate) async fn prove(store: &Store, entry: Seq) -> Result<Proof, Trouble> {
    if store.head().sealed <= entry.0 {
        store.seal().await?;
    }
    let (bytes, sealed) = store.read(|reader| Ok::<_, ReadError>((reader.leaf_bytes(entry)?, reader.checkpoint()?)))?;
    let gone = || Trouble::NoSuchEntry { asked: entry.to_string(), entries: store.head().next.0 };
    let bytes = bytes.ok_or_else(gone)?;
    let (_, note) = sealed.ok_or_else(gone)?;
    let leaf = Leaf::parse(&bytes).map_err(|source| ReadError::Leaf { seq: entry, source })?;
    let key = store.signer_of(&note);
    let wrong = |error: Box<dyn std::error::Error + Send + Sync>| Trouble::Proof(error);
    let checkpoint = note::open(note.as_bytes(), &key).map_err(|error| wrong(error.into()))?;
    let path = store
        .read(|reader| Ok::<_, ReadError>(proof::inclusion(reader, entry.0, checkpoint.size)))?
        .map_err(|error| wrong(error.into()))?;
    let leaf_hash = leaf_hash(&bytes);
    proof::verify_inclusion(entry.0, checkpoint.size, &leaf_hash, &path, &checkpoint.root)
        .map_err(|error| wrong(error.into()))?;
    Ok(Proof { leaf, bytes, leaf_hash, checkpoint, note, path, key: key.to_string() })
}
