//! How the library's form of a public key becomes ours, which leaves of the ledger keep for ever, and back.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use events::authenticator::PublicKey;
use smol_str::SmolStr;
use webauthn_rs_core::proto::{
    COSEAlgorithm, COSEEC2Key, COSEKey, COSEKeyType, COSEOKPKey, COSERSAKey, ECDSACurve, EDDSACurve,
};

/// A public key that cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Its algorithm, or its algorithm with its curve, is none that we keep.
    #[error("a key of an algorithm that is not kept")]
    Algorithm,
    /// A number is not base64url, or not as long as it has to be.
    #[error("the key's `{number}` is not base64url of the right length")]
    Number {
        /// Which.
        number: &'static str,
    },
}

/// What is asked of authenticators, in order of preference. The library cannot check Ed25519; what it can, browsers offer everywhere.
pub(super) const OFFERED: [COSEAlgorithm; 3] = [COSEAlgorithm::ES256, COSEAlgorithm::ES384, COSEAlgorithm::RS256];

/// The library's form of our key.
pub(super) fn to_library(key: &PublicKey) -> Result<COSEKey, KeyError> {
    let point = |curve, x: &str, y: &str, bytes| {
        let (x, y) = (number("x", x, bytes)?, number("y", y, bytes)?);
        Ok(COSEKeyType::EC_EC2(COSEEC2Key { curve, x, y }))
    };
    let (type_, key) = match key {
        PublicKey::Es256 { x, y } => (COSEAlgorithm::ES256, point(ECDSACurve::SECP256R1, x, y, 32)?),
        PublicKey::Es384 { x, y } => (COSEAlgorithm::ES384, point(ECDSACurve::SECP384R1, x, y, 48)?),
        PublicKey::Ed25519 { x } => {
            let key = COSEOKPKey { curve: EDDSACurve::ED25519, x: number("x", x, 32)? };
            (COSEAlgorithm::EDDSA, COSEKeyType::EC_OKP(key))
        }
        PublicKey::Rs256 { n, e } => {
            let exponent = number("e", e, 3)?;
            let e = exponent.try_into().map_err(|_| KeyError::Number { number: "e" })?;
            (COSEAlgorithm::RS256, COSEKeyType::RSA(COSERSAKey { n: number("n", n, 256)?, e }))
        }
    };
    Ok(COSEKey { type_, key })
}

/// Our form of the library's key. An algorithm with a curve that is not its own is refused.
pub(super) fn from_library(key: &COSEKey) -> Result<PublicKey, KeyError> {
    match (key.type_, &key.key) {
        (COSEAlgorithm::ES256, COSEKeyType::EC_EC2(COSEEC2Key { curve: ECDSACurve::SECP256R1, x, y })) => {
            Ok(PublicKey::Es256 { x: text(x), y: text(y) })
        }
        (COSEAlgorithm::ES384, COSEKeyType::EC_EC2(COSEEC2Key { curve: ECDSACurve::SECP384R1, x, y })) => {
            Ok(PublicKey::Es384 { x: text(x), y: text(y) })
        }
        (COSEAlgorithm::EDDSA, COSEKeyType::EC_OKP(COSEOKPKey { curve: EDDSACurve::ED25519, x })) => {
            Ok(PublicKey::Ed25519 { x: text(x) })
        }
        (COSEAlgorithm::RS256, COSEKeyType::RSA(COSERSAKey { n, e })) => {
            Ok(PublicKey::Rs256 { n: text(n), e: text(e) })
        }
        _ => Err(KeyError::Algorithm),
    }
}

fn text(bytes: &[u8]) -> SmolStr {
    BASE64_URL_SAFE_NO_PAD.encode(bytes).into()
}

fn number(name: &'static str, text: &str, bytes: usize) -> Result<Vec<u8>, KeyError> {
    let wrong = KeyError::Number { number: name };
    let decoded = BASE64_URL_SAFE_NO_PAD.decode(text).map_err(|_| wrong)?;
    if decoded.len() == bytes { Ok(decoded) } else { Err(wrong) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys() -> [(PublicKey, &'static str); 4] {
        let of = |byte, bytes| text(&vec![byte; bytes]);
        [
            (PublicKey::Es256 { x: of(1, 32), y: of(2, 32) }, "es256"),
            (PublicKey::Es384 { x: of(3, 48), y: of(4, 48) }, "es384"),
            (PublicKey::Ed25519 { x: of(5, 32) }, "ed25519"),
            (PublicKey::Rs256 { n: of(6, 256), e: "AQAB".into() }, "rs256"),
        ]
    }

    #[test]
    fn our_form_becomes_the_librarys_and_back_without_loss() {
        for (key, name) in keys() {
            let library = to_library(&key).unwrap();
            assert_eq!(from_library(&library).unwrap(), key);
            let json = serde_json::to_value(&key).unwrap();
            assert_eq!(json["alg"], name);
            assert_eq!(serde_json::from_value::<PublicKey>(json).unwrap(), key);
        }
    }

    /// Leaves keep this text: it must read for ever.
    #[test]
    fn the_form_in_leaves_is_this_one() {
        let text = r#"{"alg":"rs256","n":"AAEC","e":"AQAB"}"#;
        let key: PublicKey = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::to_string(&key).unwrap(), text);
        assert_eq!(to_library(&key), Err(KeyError::Number { number: "n" }), "a modulus is 256 bytes");
    }

    #[test]
    fn a_number_too_short_or_not_base64_and_a_curve_of_another_algorithm_are_refused() {
        let short = PublicKey::Es256 { x: text(&[1; 31]), y: text(&[1; 32]) };
        assert_eq!(to_library(&short), Err(KeyError::Number { number: "x" }));
        let words = PublicKey::Ed25519 { x: "not base64!".into() };
        assert_eq!(to_library(&words), Err(KeyError::Number { number: "x" }));
        let mut mixed = to_library(&keys()[1].0).unwrap();
        mixed.type_ = COSEAlgorithm::ES256;
        assert_eq!(from_library(&mixed), Err(KeyError::Algorithm));
    }
}
