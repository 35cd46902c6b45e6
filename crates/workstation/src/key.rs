//! The helper's own key: it says which workstation asks.

use crate::files::read_private;
use crate::trouble::Trouble;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use std::path::Path;
use zeroize::Zeroizing;

/// A key, ready to sign.
pub(crate) struct Key(EcdsaKeyPair);

impl Key {
    /// A new one, as it is kept.
    pub(crate) fn make() -> Result<Zeroizing<Vec<u8>>, Trouble> {
        let made = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new());
        made.map(|document| Zeroizing::new(document.as_ref().to_vec())).map_err(|_| Trouble::Randomness)
    }

    pub(crate) fn read(path: &Path) -> Result<Self, Trouble> {
        Self::of(&read_private(path)?).ok_or_else(|| Trouble::Key(path.to_owned()))
    }

    pub(crate) fn of(kept: &[u8]) -> Option<Self> {
        EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, kept).ok().map(Self)
    }

    /// Both coordinates of its public half, base64url.
    pub(crate) fn coordinates(&self) -> Option<(String, String)> {
        let (x, y) = self.0.public_key().as_ref().strip_prefix(&[4])?.split_at_checked(32)?;
        Some((BASE64_URL_SAFE_NO_PAD.encode(x), BASE64_URL_SAFE_NO_PAD.encode(y)))
    }

    /// Signs what is asked of whom. The node makes the same text: `signin::workstation::proof::helper_message`.
    pub(crate) fn prove(&self, device: &str, origin: &str, nonce: &str, asked: [&str; 3]) -> Result<String, Trouble> {
        let [user, service, question] = asked;
        let said = ["handrail workstation helper", device, origin, nonce, user, service, question].join("\0");
        let signature = self.0.sign(&SystemRandom::new(), said.as_bytes()).map_err(|_| Trouble::Randomness)?;
        Ok(BASE64_URL_SAFE_NO_PAD.encode(signature))
    }
}
