//! A workstation's own key, as the script of bedside pages has it in the browser, and the proof it makes.

use crate::key::base64url;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _, UnparsedPublicKey,
};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;

/// The key of a workstation that is made up.
#[derive(Debug)]
pub struct WorkstationKey(EcdsaKeyPair);

impl Default for WorkstationKey {
    /// A new one.
    fn default() -> Self {
        Self(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("a key is made"))
    }
}

impl WorkstationKey {
    /// Both coordinates of its public key, base64url, as an enrolment tells them.
    #[must_use]
    pub fn coordinates(&self) -> (String, String) {
        let point = self.0.public_key().as_ref();
        (base64url(&point[1..33]), base64url(&point[33..]))
    }

    /// The proof that the helper of this workstation makes with what it asks: a local name, a PAM service, a question.
    #[must_use]
    pub fn ask(&self, device: &str, origin: &str, nonce: &str, asked: [&str; 3]) -> String {
        let [user, service, question] = asked;
        let said = ["handrail workstation helper", device, origin, nonce, user, service, question].join("\0");
        base64url(self.0.sign(&SystemRandom::new(), said.as_bytes()).expect("it signs").as_ref())
    }

    /// The proof that a page of `origin` at this workstation makes with a nonce.
    #[must_use]
    pub fn prove(&self, device: &str, origin: &str, nonce: &str) -> String {
        let signature = self.0.sign(&SystemRandom::new(), proved(device, origin, nonce).as_bytes());
        base64url(signature.expect("it signs").as_ref())
    }
}

/// Whether a proof holds for the key of these coordinates: what a node checks, from outside of it.
#[must_use]
pub fn proof_holds(coordinates: (&str, &str), device: &str, origin: &str, nonce: &str, proof: &str) -> bool {
    let decoded = |text: &str| BASE64_URL_SAFE_NO_PAD.decode(text).unwrap_or_default();
    let point = [vec![4], decoded(coordinates.0), decoded(coordinates.1)].concat();
    UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point)
        .verify(proved(device, origin, nonce).as_bytes(), &decoded(proof))
        .is_ok()
}

fn proved(device: &str, origin: &str, nonce: &str) -> String {
    ["handrail workstation proof", device, origin, nonce].join("\0")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proof_holds_for_its_key_device_origin_and_nonce_alone() {
        let key = WorkstationKey::default();
        let (x, y) = key.coordinates();
        let proof = key.prove("ED-WS-1", "https://h.example", "n1");
        let holds = |device, origin, nonce| proof_holds((&x, &y), device, origin, nonce, &proof);
        assert!(holds("ED-WS-1", "https://h.example", "n1"));
        assert!(!holds("ED-WS-2", "https://h.example", "n1"));
        assert!(!holds("ED-WS-1", "https://evil.example", "n1"));
        assert!(!holds("ED-WS-1", "https://h.example", "n2"));
        let (x, y) = WorkstationKey::default().coordinates();
        assert!(!proof_holds((&x, &y), "ED-WS-1", "https://h.example", "n1", &proof));
    }
}
