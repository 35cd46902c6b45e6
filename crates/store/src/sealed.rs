//! Bytes encrypted for one place and no other: AES-256-GCM, a random nonce in front, the place as associated data.

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use zeroize::Zeroizing;

/// How many bytes a sealed text has more than the text.
pub const OVERHEAD_BYTES: usize = NONCE_LEN + 16;

/// Why something cannot be sealed or opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SealedError {
    /// The key cannot be used, or the system gives no randomness.
    #[error("it cannot be encrypted")]
    Seal,
    /// Another key or place, or bytes that were altered.
    #[error("it does not open with this key in this place")]
    Open,
}

/// Encrypts `text` for `place`: nonce, then ciphertext with its tag.
///
/// # Errors
/// When there is no randomness.
pub fn seal(key: &[u8; 32], place: &[u8], text: &[u8]) -> Result<Vec<u8>, SealedError> {
    let key = RandomizedNonceKey::new(&AES_256_GCM, key).map_err(|_| SealedError::Seal)?;
    let mut sealed = text.to_vec();
    let nonce = key.seal_in_place_append_tag(Aad::from(place), &mut sealed).map_err(|_| SealedError::Seal)?;
    let mut whole = Vec::with_capacity(NONCE_LEN + sealed.len());
    whole.extend_from_slice(nonce.as_ref());
    whole.append(&mut sealed);
    Ok(whole)
}

/// Decrypts what [`seal`] made for this place.
///
/// # Errors
/// When it was sealed with another key or for another place, or was altered.
pub fn open(key: &[u8; 32], place: &[u8], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, SealedError> {
    let key = RandomizedNonceKey::new(&AES_256_GCM, key).map_err(|_| SealedError::Open)?;
    let (nonce, sealed) = sealed.split_at_checked(NONCE_LEN).ok_or(SealedError::Open)?;
    let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| SealedError::Open)?;
    let mut opened = Zeroizing::new(sealed.to_vec());
    let length = key.open_in_place(nonce, Aad::from(place), &mut opened).map_err(|_| SealedError::Open)?.len();
    opened.truncate(length);
    Ok(opened)
}
