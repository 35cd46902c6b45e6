//! Messages that could not be used, as they are kept beside the log: encrypted, and bound to the feed and digest they are filed under.

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use events::FeedName;

/// Why a kept message cannot be sealed or opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeptError {
    /// The key cannot be used, or the system gives no randomness.
    #[error("the message cannot be encrypted")]
    Seal,
    /// Another key, feed or digest, or bytes that were altered.
    #[error("the kept message does not open with this key, feed and digest")]
    Open,
}

/// Encrypts a message under the store's detail key (AES-256-GCM): nonce, then ciphertext with its tag.
///
/// # Errors
/// When there is no randomness.
pub fn seal(key: &[u8; 32], feed: &FeedName, sha256: &[u8; 32], message: &[u8]) -> Result<Vec<u8>, KeptError> {
    let key = RandomizedNonceKey::new(&AES_256_GCM, key).map_err(|_| KeptError::Seal)?;
    let mut sealed = message.to_vec();
    let nonce = key.seal_in_place_append_tag(bound(feed, sha256), &mut sealed).map_err(|_| KeptError::Seal)?;
    let mut kept = Vec::with_capacity(NONCE_LEN + sealed.len());
    kept.extend_from_slice(nonce.as_ref());
    kept.append(&mut sealed);
    Ok(kept)
}

/// Decrypts what [`seal`] made.
///
/// # Errors
/// When it was sealed with another key, for another feed or digest, or was altered.
pub fn open(key: &[u8; 32], feed: &FeedName, sha256: &[u8; 32], kept: &[u8]) -> Result<Vec<u8>, KeptError> {
    let key = RandomizedNonceKey::new(&AES_256_GCM, key).map_err(|_| KeptError::Open)?;
    let (nonce, sealed) = kept.split_at_checked(NONCE_LEN).ok_or(KeptError::Open)?;
    let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| KeptError::Open)?;
    let mut opened = sealed.to_vec();
    let length = key.open_in_place(nonce, bound(feed, sha256), &mut opened).map_err(|_| KeptError::Open)?.len();
    opened.truncate(length);
    Ok(opened)
}

/// What the ciphertext is bound to. The digest has a fixed length, so nothing can slide between the two.
fn bound(feed: &FeedName, sha256: &[u8; 32]) -> Aad<Vec<u8>> {
    Aad::from([&sha256[..], feed.as_str().as_bytes()].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kept_message_opens_only_where_it_was_filed() {
        let feed = |name| FeedName::new(name).unwrap();
        let kept = seal(&[1; 32], &feed("adt"), &[2; 32], b"MSH|").unwrap();
        assert!(!kept.windows(4).any(|bytes| bytes == b"MSH|"));
        assert_ne!(kept, seal(&[1; 32], &feed("adt"), &[2; 32], b"MSH|").unwrap(), "no nonce is used twice");
        assert_eq!(open(&[1; 32], &feed("adt"), &[2; 32], &kept).unwrap(), b"MSH|");
        assert_eq!(open(&[9; 32], &feed("adt"), &[2; 32], &kept), Err(KeptError::Open));
        assert_eq!(open(&[1; 32], &feed("lab"), &[2; 32], &kept), Err(KeptError::Open));
        assert_eq!(open(&[1; 32], &feed("adt"), &[3; 32], &kept), Err(KeptError::Open));
        assert_eq!(open(&[1; 32], &feed("adt"), &[2; 32], &kept[..7]), Err(KeptError::Open));
    }
}
