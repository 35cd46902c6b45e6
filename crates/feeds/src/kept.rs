//! Messages that could not be used, as they are kept beside the log: encrypted, and bound to the feed and digest they are filed under.

use crate::hl7::decode;
use events::FeedName;
use plane::Identity;
use plane::privacy::contains_word;
use store::sealed::{self, SealedError};
use store::statements::REJECTED_MESSAGE_SCAN;
use store::{ReadError, Store};
use zeroize::Zeroizing;

/// Encrypts a message under the store's detail key (AES-256-GCM): nonce, then ciphertext with its tag.
///
/// # Errors
/// When there is no randomness.
pub fn seal(key: &[u8; 32], feed: &FeedName, sha256: &[u8; 32], message: &[u8]) -> Result<Vec<u8>, SealedError> {
    sealed::seal(key, &place(feed, sha256), message)
}

/// Decrypts what [`seal`] made.
///
/// # Errors
/// When it was sealed with another key, for another feed or digest, or was altered.
pub fn open(
    key: &[u8; 32],
    feed: &FeedName,
    sha256: &[u8; 32],
    kept: &[u8],
) -> Result<Zeroizing<Vec<u8>>, SealedError> {
    sealed::open(key, &place(feed, sha256), kept)
}

/// How many kept messages are looked through in one go: they are in memory together, and the largest have two million bytes.
const MESSAGES_AT_ONCE: i64 = 16;

/// The ids of kept messages that name any of these people: by a number that stands by itself, or by family and given name side by side as HL7
/// writes them. One that does not open is taken to name them, so that nothing is left that might.
///
/// # Errors
/// When the store cannot be read.
pub fn naming(store: &Store, people: &[Identity]) -> Result<Vec<i64>, ReadError> {
    let key = store.keys().detail.bytes();
    let (mut after, mut found) = (i64::MIN, Vec::new());
    loop {
        let rows = store.read(|reader| {
            reader.query(REJECTED_MESSAGE_SCAN, &[after.into(), MESSAGES_AT_ONCE.into()], |row| {
                Ok((row.int(0)?, row.text(1)?, row.array::<32>(2)?, row.bytes(3)?))
            })
        })?;
        let Some((last, ..)) = rows.last() else { return Ok(found) };
        after = *last;
        for (id, feed, sha256, sealed) in &rows {
            let opened = FeedName::new(feed).ok().and_then(|feed| open(key, &feed, sha256, sealed).ok());
            if opened.is_none_or(|message| names_any(&message, people)) {
                found.push(*id);
            }
        }
    }
}

fn names_any(message: &[u8], people: &[Identity]) -> bool {
    let decoded = decode(message);
    let folded = decoded.text.to_lowercase();
    people.iter().any(|person| {
        let number = || person.numbers.iter().any(|number| contains_word(&decoded.text, number));
        let name = || match person.name.as_deref().and_then(|name| name.split_once(", ")) {
            Some((family, given)) => {
                [format!("{family}^{given}"), format!("{given} {family}"), format!("{family}, {given}")]
                    .iter()
                    .any(|name| folded.contains(&name.to_lowercase()))
            }
            None => false,
        };
        number() || name()
    })
}

/// What the ciphertext is bound to. The digest has a fixed length, so nothing can slide between the two.
fn place(feed: &FeedName, sha256: &[u8; 32]) -> Vec<u8> {
    [&sha256[..], feed.as_str().as_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_names_whom_it_numbers_or_names() {
        let jane = Identity { numbers: vec!["47-11".into()], name: Some("Doe, Jane".into()), birth_date: None };
        for naming in ["PID|||47-11^^^MR", "PID|||47-11", "PID|||||DOE^JANE^B", "NTE|||call Jane Doe"] {
            assert!(names_any(naming.as_bytes(), std::slice::from_ref(&jane)), "{naming}");
        }
        for other in ["PID|||47-112^^^MR", "PID|||147-11", "PID|||||Doe^Joan", ""] {
            assert!(!names_any(other.as_bytes(), std::slice::from_ref(&jane)), "{other}");
        }
    }

    #[test]
    fn a_kept_message_opens_only_where_it_was_filed() {
        let feed = |name| FeedName::new(name).unwrap();
        let kept = seal(&[1; 32], &feed("adt"), &[2; 32], b"MSH|").unwrap();
        assert!(!kept.windows(4).any(|bytes| bytes == b"MSH|"));
        assert_ne!(kept, seal(&[1; 32], &feed("adt"), &[2; 32], b"MSH|").unwrap(), "no nonce is used twice");
        assert_eq!(open(&[1; 32], &feed("adt"), &[2; 32], &kept).unwrap().as_slice(), b"MSH|");
        assert_eq!(open(&[9; 32], &feed("adt"), &[2; 32], &kept), Err(SealedError::Open));
        assert_eq!(open(&[1; 32], &feed("lab"), &[2; 32], &kept), Err(SealedError::Open));
        assert_eq!(open(&[1; 32], &feed("adt"), &[3; 32], &kept), Err(SealedError::Open));
        assert_eq!(open(&[1; 32], &feed("adt"), &[2; 32], &kept[..7]), Err(SealedError::Open));
    }
}
