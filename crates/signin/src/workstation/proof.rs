//! The proof of a device key: a signature over which workstation it is, for whom, and a nonce of ours.

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, ParsedPublicKey, UnparsedPublicKey};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use events::Timestamp;
use events::workstation::DeviceKey;
use plane::{Plane, Sealer};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// A nonce is good for this long.
pub const NONCE_LIFETIME: Duration = Duration::from_secs(60);
/// The most nonces that are remembered as used; beyond that the oldest are forgotten, which their lifetime bounds as well.
const USED_MAX: usize = 200_000;
/// Bytes of a coordinate of P-256.
const COORDINATE_BYTES: usize = 32;
/// The longest nonce that is looked at, in bytes.
const NONCE_BYTES_MAX: usize = 256;

fn coordinate(text: &str) -> Option<[u8; COORDINATE_BYTES]> {
    BASE64_URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok()
}

fn point(key: &DeviceKey) -> Option<Vec<u8>> {
    let (x, y) = (coordinate(&key.x)?, coordinate(&key.y)?);
    Some([&[4][..], &x, &y].concat())
}

/// Whether it is a key at all: a point of the curve.
#[must_use]
pub fn is_key(key: &DeviceKey) -> bool {
    point(key).is_some_and(|point| ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).is_ok())
}

/// What is signed: which workstation, at which address of ours, and a nonce.
#[must_use]
pub fn message(device: &str, origin: &str, nonce: &str) -> Vec<u8> {
    ["handrail workstation proof", device, origin, nonce].join("\0").into_bytes()
}

/// What a workstation's helper signs: the same, and what it asks for. What it begins with is its own, so neither proof passes for the other.
#[must_use]
pub fn helper_message(device: &str, origin: &str, nonce: &str, asked: [&str; 3]) -> Vec<u8> {
    let [user, service, question] = asked;
    ["handrail workstation helper", device, origin, nonce, user, service, question].join("\0").into_bytes()
}

/// Whether a signature (r then s, base64url) is of this key over that message.
#[must_use]
pub fn holds(key: &DeviceKey, message: &[u8], signature: &str) -> bool {
    let (Some(point), Ok(signature)) = (point(key), BASE64_URL_SAFE_NO_PAD.decode(signature)) else { return false };
    UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(message, &signature).is_ok()
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct Nonce {
    at: Timestamp,
    random: u64,
}

/// Makes nonces that any node with the same keys knows again, and lets each be used once on this one.
#[derive(Debug)]
pub struct Nonces {
    sealer: Sealer,
    used: Mutex<BTreeSet<Nonce>>,
}

impl Nonces {
    pub(crate) fn new(plane: &Plane) -> Self {
        Self { sealer: Sealer::new(plane, "workstation nonce 1", NONCE_BYTES_MAX), used: Mutex::default() }
    }

    /// A new one.
    #[must_use]
    pub fn make(&self, now: Timestamp) -> Option<String> {
        self.sealer.seal(&Nonce { at: now, random: u64::from_be_bytes(plane::random()) })
    }

    /// Whether it is one of ours, in time, and not used before here; it is from then on.
    pub fn take(&self, text: &str, now: Timestamp) -> bool {
        let Some(nonce) = self.sealer.open::<Nonce>(text) else { return false };
        if now.since(nonce.at) >= NONCE_LIFETIME || nonce.at > now + NONCE_LIFETIME {
            return false;
        }
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        while used.first().is_some_and(|oldest| now.since(oldest.at) >= NONCE_LIFETIME) || used.len() >= USED_MAX {
            used.pop_first();
        }
        used.insert(nonce)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_lc_rs::rand::SystemRandom;
    use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};

    fn pair() -> (EcdsaKeyPair, DeviceKey) {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        let point = pair.public_key().as_ref().to_vec();
        let text = |bytes: &[u8]| BASE64_URL_SAFE_NO_PAD.encode(bytes).into();
        let key = DeviceKey { x: text(&point[1..33]), y: text(&point[33..]) };
        (pair, key)
    }

    #[test]
    fn a_proof_is_of_one_key_one_workstation_one_address_and_one_nonce() {
        let (own, key) = pair();
        let said = message("ws-1", "https://handrail.example", "n1");
        let signature = BASE64_URL_SAFE_NO_PAD.encode(own.sign(&SystemRandom::new(), &said).unwrap());
        assert!(holds(&key, &said, &signature));
        assert!(!holds(&pair().1, &said, &signature));
        for other in [
            message("ws-2", "https://handrail.example", "n1"),
            message("ws-1", "https://handrail.example:8443", "n1"),
            message("ws-1", "https://handrail.example", "n2"),
            message("ws-1\0https://handrail.example", "", "n1"),
            helper_message("ws-1", "https://handrail.example", "n1", ["", "", ""]),
        ] {
            assert!(!holds(&key, &other, &signature), "{other:?}");
        }
        for wrong in ["", "!", &signature[1..], &format!("{signature}AA")] {
            assert!(!holds(&key, &said, wrong), "{wrong}");
        }
    }

    #[test]
    fn what_is_no_point_of_the_curve_is_no_key() {
        let (_, key) = pair();
        assert!(is_key(&key));
        for (x, y) in [("", ""), (key.x.as_str(), key.x.as_str()), ("AAAA", key.y.as_str()), (key.x.as_str(), "é")] {
            assert!(!is_key(&DeviceKey { x: x.into(), y: y.into() }), "{x} {y}");
        }
    }
}
