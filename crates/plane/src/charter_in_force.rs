//! Which charter a node judges by: the one its log says is in force, kept in the store by digest.

use crate::{OpenError, Plane};
use charter::Charter;
use decision::Engine;
use events::charter::Applied;
use events::{Actor, CharterDigest, Draft, OperatorId};
use smol_str::SmolStr;
use std::sync::Arc;
use store::statements::{CHARTER_FIND, CHARTER_KEEP};
use store::{Batch, Reader, Store, Value};

/// What puts a charter into force once committed.
pub(crate) fn application(charter: &Charter, by: Actor, signed_by: Vec<OperatorId>) -> Batch {
    let digest = charter.digest();
    let hospital = SmolStr::new(&charter.hospital().name);
    Batch::one(Draft::new(by, Applied { digest, hospital, signed_by }))
        .write(CHARTER_KEEP, vec![Value::Text(digest.to_string()), Value::Bytes(charter.bundle_bytes().to_vec())])
}

/// Reads a charter back from the store.
///
/// # Errors
/// When the store does not have it, or what it has is not that charter.
pub(crate) fn load(store: &Store, digest: CharterDigest) -> Result<Charter, OpenError> {
    store.read(|reader| read(reader, digest))
}

fn read(reader: &Reader<'_>, digest: CharterDigest) -> Result<Charter, OpenError> {
    let bytes = reader.find(CHARTER_FIND, &[Value::Text(digest.to_string())], |row| row.bytes(0))?;
    let bytes = bytes.ok_or(OpenError::CharterMissing { digest })?;
    let charter =
        Charter::from_bundle(&bytes).map_err(|found| OpenError::CharterUnusable { digest, problems: found.len() })?;
    if charter.digest() == digest { Ok(charter) } else { Err(OpenError::CharterMissing { digest }) }
}

/// The engine over a charter that the store has.
///
/// # Errors
/// When it does not, or this build cannot use it.
pub(crate) fn engine(reader: &Reader<'_>, digest: CharterDigest) -> Result<Engine, OpenError> {
    Ok(Engine::new(Arc::new(read(reader, digest)?))?)
}

impl Plane {
    /// The engine over any charter this store has ever had in force: for judging a decision again as it was judged.
    ///
    /// # Errors
    /// When the store does not have that charter.
    pub fn engine_of(&self, digest: CharterDigest) -> Result<Arc<Engine>, OpenError> {
        let current = self.engine();
        if current.charter().digest() == digest {
            return Ok(current);
        }
        Ok(Arc::new(Engine::new(Arc::new(load(self.store(), digest)?))?))
    }
}
