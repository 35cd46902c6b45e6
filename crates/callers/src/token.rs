//! Bearer tokens: made once, shown once, kept as a digest.
//!
//! A token is `hr_<id>_<secret>`: the id finds the row, the SHA-256 of the secret is compared in constant time. The secret is 256 random
//! bits, so a plain digest at rest is enough: there is nothing to guess.

use aws_lc_rs::{constant_time, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use events::{Actor, CallerName, Draft, Timestamp, caller};
use smol_str::SmolStr;
use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};
use store::statements::{CALLER_TOKEN_ADD, CALLER_TOKEN_ALL, CALLER_TOKEN_REVOKE};
use store::{Batch, ReadError, Reader, Value};
use zeroize::Zeroizing;

/// The longest token text that is looked at, in bytes.
const TOKEN_BYTES_MAX: usize = 128;

/// A new token, the only time it is seen.
pub struct NewToken {
    /// What the caller must send.
    pub text: Zeroizing<String>,
    /// What has to be committed for it to be worth anything.
    pub batch: Batch,
    id: SmolStr,
    digest: [u8; 32],
}

struct Live {
    caller: CallerName,
    digest: [u8; 32],
}

/// The live tokens of one store.
#[derive(Default)]
pub(crate) struct Tokens {
    by_id: RwLock<HashMap<SmolStr, Live>>,
}

impl std::fmt::Debug for Tokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tokens")
    }
}

impl Tokens {
    /// Reads the live tokens.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub(crate) fn load(reader: &Reader) -> Result<Self, ReadError> {
        let mut by_id = HashMap::new();
        for (id, caller, digest) in
            reader.query(CALLER_TOKEN_ALL, &[], |row| Ok((row.text(0)?, row.text(1)?, row.bytes(2)?)))?
        {
            if let (Ok(caller), Ok(digest)) = (CallerName::new(&caller), digest.try_into()) {
                by_id.insert(SmolStr::new(id), Live { caller, digest });
            }
        }
        Ok(Self { by_id: RwLock::new(by_id) })
    }

    /// Makes a token for a caller. It is worth nothing until its batch is committed and [`Tokens::admit`] is told.
    pub(crate) fn mint(caller: &CallerName, by: Actor, now: Timestamp) -> NewToken {
        let id = SmolStr::new(URL_SAFE_NO_PAD.encode(plane::random::<6>()).replace('_', "-"));
        let secret = Zeroizing::new(URL_SAFE_NO_PAD.encode(*Zeroizing::new(plane::random::<32>())));
        let digest = digest_of(&secret);
        let added = caller::Added { caller: caller.clone(), token: id.clone() };
        let batch = Batch::one(Draft::new(by, added)).write(
            CALLER_TOKEN_ADD,
            [
                Value::Text(id.to_string()),
                Value::Text(caller.to_string()),
                Value::Bytes(digest.to_vec()),
                Value::Int(now.as_millis()),
            ],
        );
        NewToken { text: Zeroizing::new(format!("hr_{id}_{}", secret.as_str())), batch, id, digest }
    }

    /// What ends all of a caller's tokens once committed and [`Self::forget`] is told.
    pub(crate) fn revocation(caller: &CallerName, by: Actor, now: Timestamp) -> Batch {
        Batch::one(Draft::new(by, caller::Revoked { caller: caller.clone() }))
            .write(CALLER_TOKEN_REVOKE, [Value::Text(caller.to_string()), Value::Int(now.as_millis())])
    }

    /// Takes a committed token into use.
    pub(crate) fn admit(&self, caller: CallerName, token: &NewToken) {
        let live = Live { caller, digest: token.digest };
        self.by_id.write().unwrap_or_else(PoisonError::into_inner).insert(token.id.clone(), live);
    }

    /// Forgets all tokens of a caller.
    pub(crate) fn forget(&self, caller: &CallerName) {
        self.by_id.write().unwrap_or_else(PoisonError::into_inner).retain(|_, live| live.caller != *caller);
    }

    /// Whose token this is, if it is anybody's.
    pub(crate) fn authenticate(&self, token: &str) -> Option<CallerName> {
        if token.len() > TOKEN_BYTES_MAX {
            return None;
        }
        let (id, secret) = token.strip_prefix("hr_")?.split_once('_')?;
        let presented = digest_of(secret);
        let by_id = self.by_id.read().unwrap_or_else(PoisonError::into_inner);
        let live = by_id.get(id)?;
        constant_time::verify_slices_are_equal(&live.digest, &presented).ok().map(|()| live.caller.clone())
    }

    /// Every caller that has a live token, each once, in order.
    pub(crate) fn names(&self) -> Vec<CallerName> {
        let by_id = self.by_id.read().unwrap_or_else(PoisonError::into_inner);
        let mut names: Vec<_> = by_id.values().map(|live| live.caller.clone()).collect();
        names.sort();
        names.dedup();
        names
    }
}

fn digest_of(secret: &str) -> [u8; 32] {
    let mut bytes = [0; 32];
    bytes.copy_from_slice(digest::digest(&digest::SHA256, secret.as_bytes()).as_ref());
    bytes
}
