//! What is handed out and comes back: texts that nobody else can read, change or use for another purpose, on any node with the same keys.

use crate::Plane;
use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use serde::de::DeserializeOwned;
use zeroize::Zeroizing;

/// Seals for one purpose, by a key derived from the store's token key: it outlives the process, and so does what it sealed.
pub struct Sealer {
    key: Option<RandomizedNonceKey>,
    purpose: &'static [u8],
    bytes_max: usize,
}

impl std::fmt::Debug for Sealer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Sealer")
    }
}

impl Sealer {
    /// For a purpose, whose name is never used for another. Texts longer than `bytes_max` are not looked at when they come back.
    #[must_use]
    pub fn new(plane: &Plane, purpose: &'static str, bytes_max: usize) -> Self {
        Self::under(plane.store().keys().token.bytes(), purpose, bytes_max)
    }

    /// The same, under a root key that is given.
    #[must_use]
    pub fn under(root: &[u8], purpose: &'static str, bytes_max: usize) -> Self {
        let root = hmac::Key::new(hmac::HMAC_SHA256, root);
        let key = hmac::sign(&root, purpose.as_bytes());
        Self { key: RandomizedNonceKey::new(&AES_256_GCM, key.as_ref()).ok(), purpose: purpose.as_bytes(), bytes_max }
    }

    /// Seals something. Nothing if that fails.
    #[must_use]
    pub fn seal<T: Serialize>(&self, content: &T) -> Option<String> {
        let mut bytes = serde_json::to_vec(content).ok()?;
        let nonce = self.key.as_ref()?.seal_in_place_append_tag(Aad::from(self.purpose), &mut bytes).ok()?;
        let mut sealed = nonce.as_ref().to_vec();
        sealed.append(&mut bytes);
        Some(URL_SAFE_NO_PAD.encode(sealed))
    }

    /// Opens what was sealed for the same purpose.
    #[must_use]
    pub fn open<T: DeserializeOwned>(&self, text: &str) -> Option<T> {
        if text.len() > self.bytes_max {
            return None;
        }
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let (nonce, sealed) = bytes.split_at_checked(NONCE_LEN)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut sealed = Zeroizing::new(sealed.to_vec());
        let opened = self.key.as_ref()?.open_in_place(nonce, Aad::from(self.purpose), &mut sealed).ok()?;
        serde_json::from_slice(opened).ok()
    }
}
