//! A provider's keys (JWKS, RFC 7517), and whether one of them signed a token. What the token then says is for [`super::token`].

use super::refusal::TokenFault;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde_json::{Map, Value};

/// What may sign a token: nothing that shares a secret, nothing that is not signed.
pub(super) const ALGORITHMS: [Algorithm; 4] = [Algorithm::RS256, Algorithm::PS256, Algorithm::ES256, Algorithm::EdDSA];
/// The most keys of one provider that are looked at.
const KEYS_MAX: usize = 64;
/// The longest token, in bytes.
pub(super) const TOKEN_BYTES_MAX: usize = 16 * 1024;

/// A key that verifies.
#[derive(Clone, Debug)]
struct Key {
    id: Option<String>,
    algorithms: &'static [Algorithm],
    key: DecodingKey,
}

/// The keys of a provider.
#[derive(Clone, Debug, Default)]
pub(super) struct Keys(Vec<Key>);

/// A token whose signature is right, and how it was signed. Nothing it says has been looked at.
#[derive(Debug)]
pub(super) struct Signed {
    pub(super) claims: Map<String, Value>,
    pub(super) algorithm: Algorithm,
}

impl Keys {
    /// Reads a set. Keys that are not for verifying, or of a kind not allowed here, are passed over.
    pub(super) fn read(set: &Map<String, Value>) -> Option<Self> {
        let all = set.get("keys")?.as_array()?;
        Some(Self(all.iter().take(KEYS_MAX).filter_map(|key| Key::read(key.as_object()?)).collect()))
    }

    /// The claims of a token that one of the keys signed by one of `allowed`. `types` are the types its header may name; none is always right.
    pub(super) fn open(&self, token: &str, allowed: &[Algorithm], types: &[&str]) -> Result<Signed, TokenFault> {
        if token.len() > TOKEN_BYTES_MAX {
            return Err(TokenFault::Form);
        }
        // The header is read before the signature: an algorithm nobody knows, `none` among them, is no header at all.
        let header = decode_header(token).map_err(|_| algorithm_or_form(token))?;
        if !ALGORITHMS.contains(&header.alg) || !allowed.contains(&header.alg) {
            return Err(TokenFault::Algorithm);
        }
        if header.crit.is_some() {
            return Err(TokenFault::Header("crit"));
        }
        if header.typ.is_some_and(|typ| !types.iter().any(|known| known.eq_ignore_ascii_case(&typ))) {
            return Err(TokenFault::Header("typ"));
        }
        let mut fit = self.0.iter().filter(|key| {
            let named = header.kid.is_none() || header.kid == key.id;
            named && key.algorithms.contains(&header.alg)
        });
        let (Some(key), None) = (fit.next(), fit.next()) else { return Err(TokenFault::Key) };
        let mut validation = Validation::new(header.alg);
        validation.set_required_spec_claims(&["exp", "iss", "aud"]);
        // The clock is the plane's, and issuer and audience are compared where the other claims are: `super::token`.
        validation.validate_exp = false;
        validation.validate_aud = false;
        match decode::<Map<String, Value>>(token, &key.key, &validation) {
            Ok(token) => Ok(Signed { claims: token.claims, algorithm: header.alg }),
            Err(error) => Err(fault(error.kind())),
        }
    }
}

fn fault(kind: &jsonwebtoken::errors::ErrorKind) -> TokenFault {
    use jsonwebtoken::errors::ErrorKind;
    match kind {
        ErrorKind::InvalidSignature => TokenFault::Signature,
        ErrorKind::InvalidAlgorithm => TokenFault::Algorithm,
        ErrorKind::MissingRequiredClaim(name) => match name.as_str() {
            "exp" => TokenFault::Claim("exp"),
            "iss" => TokenFault::Claim("iss"),
            _ => TokenFault::Claim("aud"),
        },
        _ => TokenFault::Form,
    }
}

/// What is wrong with a header that cannot be read.
fn algorithm_or_form(token: &str) -> TokenFault {
    let header = token.split('.').next().and_then(|part| URL_SAFE_NO_PAD.decode(part).ok());
    let header = header.and_then(|bytes| serde_json::from_slice::<Map<String, Value>>(&bytes).ok());
    if header.is_some_and(|header| header.get("alg").is_some_and(Value::is_string)) {
        TokenFault::Algorithm
    } else {
        TokenFault::Form
    }
}

impl Key {
    fn read(key: &Map<String, Value>) -> Option<Self> {
        let text = |name: &str| key.get(name).and_then(Value::as_str);
        if text("use").is_some_and(|of| of != "sig") {
            return None;
        }
        let verifies = |all: &Vec<Value>| all.iter().any(|each| each == "verify");
        if key.get("key_ops").is_some_and(|all| !all.as_array().is_some_and(verifies)) {
            return None;
        }
        let (fit, made): (&'static [Algorithm], _) = match (text("kty")?, text("crv")) {
            ("RSA", _) => {
                (&[Algorithm::RS256, Algorithm::PS256], DecodingKey::from_rsa_components(text("n")?, text("e")?))
            }
            ("EC", Some("P-256")) => (&[Algorithm::ES256], DecodingKey::from_ec_components(text("x")?, text("y")?)),
            ("OKP", Some("Ed25519")) => (&[Algorithm::EdDSA], DecodingKey::from_ed_components(text("x")?)),
            _ => return None,
        };
        let algorithms = match text("alg") {
            None => fit,
            // An Ed25519 key may go by its newer name (RFC 9864).
            Some("Ed25519") if fit == [Algorithm::EdDSA] => fit,
            Some(name) => {
                let at = fit.iter().position(|algorithm| format!("{algorithm:?}") == name)?;
                fit.get(at..=at)?
            }
        };
        Some(Self { id: text("kid").map(str::to_owned), algorithms, key: made.ok()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_lc_rs::rand::SystemRandom;
    use aws_lc_rs::signature::{
        ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256, RSA_PSS_SHA256,
        RsaKeyPair,
    };
    use serde_json::json;

    fn part(value: &Value) -> String {
        URL_SAFE_NO_PAD.encode(value.to_string())
    }

    fn claims() -> Value {
        json!({ "iss": "https://id.example", "aud": "handrail", "exp": 1, "sub": "x" })
    }

    fn token(header: &Value, claims: &Value, sign: impl Fn(&[u8]) -> Vec<u8>) -> String {
        let signed = format!("{}.{}", part(header), part(claims));
        let signature = sign(signed.as_bytes());
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    struct P256(EcdsaKeyPair);

    impl P256 {
        fn new() -> Self {
            Self(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap())
        }

        fn sign(&self, text: &[u8]) -> Vec<u8> {
            self.0.sign(&SystemRandom::new(), text).unwrap().as_ref().to_vec()
        }

        fn public(&self, kid: Option<&str>) -> Value {
            let (x, y) = self.0.public_key().as_ref()[1..].split_at(32);
            let mut key =
                json!({ "kty": "EC", "crv": "P-256", "x": URL_SAFE_NO_PAD.encode(x), "y": URL_SAFE_NO_PAD.encode(y) });
            if let Some(kid) = kid {
                key["kid"] = kid.into();
            }
            key
        }
    }

    fn keys(all: &[Value]) -> Keys {
        Keys::read(json!({ "keys": all }).as_object().unwrap()).unwrap()
    }

    fn open(keys: &Keys, token: &str) -> Result<Signed, TokenFault> {
        keys.open(token, &ALGORITHMS, &["JWT"])
    }

    #[test]
    fn each_allowed_algorithm_verifies_and_a_changed_token_does_not() {
        let (p256, ed) = (P256::new(), Ed25519KeyPair::generate().unwrap());
        let rsa = RsaKeyPair::generate(aws_lc_rs::rsa::KeySize::Rsa2048).unwrap();
        let by_rsa = |padding: &'static dyn aws_lc_rs::signature::RsaEncoding, text: &[u8]| {
            let mut signature = vec![0; rsa.public_modulus_len()];
            rsa.sign(padding, &SystemRandom::new(), text, &mut signature).unwrap();
            signature
        };
        let number = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let public = rsa.public_key();
        let keys = keys(&[
            p256.public(Some("p")),
            json!({ "kty": "OKP", "crv": "Ed25519", "kid": "e", "x": number(ed.public_key().as_ref()) }),
            json!({ "kty": "RSA", "kid": "r", "n": number(public.modulus().big_endian_without_leading_zero()),
                    "e": number(public.exponent().big_endian_without_leading_zero()) }),
        ]);
        let made = |alg: &str, kid: &str, sign: &dyn Fn(&[u8]) -> Vec<u8>| {
            token(&json!({ "alg": alg, "kid": kid }), &claims(), sign)
        };
        for (token, algorithm) in [
            (made("ES256", "p", &|text| p256.sign(text)), Algorithm::ES256),
            (made("EdDSA", "e", &|text| ed.sign(text).as_ref().to_vec()), Algorithm::EdDSA),
            (made("RS256", "r", &|text| by_rsa(&RSA_PKCS1_SHA256, text)), Algorithm::RS256),
            (made("PS256", "r", &|text| by_rsa(&RSA_PSS_SHA256, text)), Algorithm::PS256),
        ] {
            let signed = open(&keys, &token).unwrap();
            assert_eq!((signed.algorithm, signed.claims["sub"].as_str()), (algorithm, Some("x")));
            let (head, rest) = token.split_once('.').unwrap();
            let (_, signature) = rest.split_once('.').unwrap();
            let mut other = claims();
            other["sub"] = "y".into();
            let changed = format!("{head}.{}.{signature}", part(&other));
            assert_eq!(open(&keys, &changed).unwrap_err(), TokenFault::Signature, "{algorithm:?}");
            assert_eq!(open(&keys, &format!("{head}.{}.", part(&claims()))).unwrap_err(), TokenFault::Signature);
            assert_eq!(keys.open(&token, &[], &[]).unwrap_err(), TokenFault::Algorithm);
        }
    }

    #[test]
    fn nothing_unsigned_and_nothing_signed_with_a_shared_secret_is_a_token() {
        let p256 = P256::new();
        let keys = keys(&[p256.public(Some("p")), json!({ "kty": "oct", "kid": "o", "k": "AAAA" })]);
        // The key that everybody knows, used as a secret: the classic confusion.
        let secret = p256.0.public_key().as_ref().to_vec();
        let by_secret = |text: &[u8]| {
            let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, &secret);
            aws_lc_rs::hmac::sign(&key, text).as_ref().to_vec()
        };
        for (header, sign) in [
            (json!({ "alg": "none" }), &(|_: &[u8]| Vec::new()) as &dyn Fn(&[u8]) -> Vec<u8>),
            (json!({ "alg": "None", "kid": "p" }), &|_| Vec::new()),
            (json!({ "alg": "HS256", "kid": "p" }), &by_secret),
            (json!({ "alg": "HS256", "kid": "o" }), &by_secret),
            (json!({ "alg": "ES384", "kid": "p" }), &|text| p256.sign(text)),
        ] {
            assert_eq!(open(&keys, &token(&header, &claims(), sign)).unwrap_err(), TokenFault::Algorithm, "{header}");
        }
        for wrong in ["", ".", "..", "a.b.c", "a.b", &"a".repeat(TOKEN_BYTES_MAX + 1)] {
            assert_eq!(open(&keys, wrong).unwrap_err(), TokenFault::Form, "{wrong:.10}");
        }
    }

    #[test]
    fn a_header_that_brings_its_own_key_or_asks_for_more_gets_nothing() {
        let (own, theirs) = (P256::new(), P256::new());
        let keys = keys(&[theirs.public(Some("p"))]);
        let said = |header: Value, by: &P256| open(&keys, &token(&header, &claims(), |text| by.sign(text))).err();
        assert_eq!(said(json!({ "alg": "ES256", "kid": "p", "typ": "jwt" }), &theirs), None);
        assert_eq!(said(json!({ "alg": "ES256", "jwk": own.public(None) }), &own), Some(TokenFault::Signature));
        assert_eq!(
            said(json!({ "alg": "ES256", "kid": "p", "jku": "https://evil.example" }), &own),
            Some(TokenFault::Signature)
        );
        assert_eq!(
            said(json!({ "alg": "ES256", "kid": "p", "crit": ["exp"] }), &theirs),
            Some(TokenFault::Header("crit"))
        );
        assert_eq!(
            said(json!({ "alg": "ES256", "kid": "p", "typ": "logout+jwt" }), &theirs),
            Some(TokenFault::Header("typ"))
        );
        assert_eq!(
            said(json!({ "alg": "ES256", "kid": "p", "typ": "at+jwt" }), &theirs),
            Some(TokenFault::Header("typ"))
        );
        assert_eq!(said(json!({ "alg": "ES256", "kid": "q" }), &theirs), Some(TokenFault::Key));
        assert_eq!(
            said(json!({ "alg": "RS256", "kid": "p" }), &theirs),
            Some(TokenFault::Key),
            "not what the key is for"
        );
    }

    #[test]
    fn exactly_one_key_must_fit() {
        let (one, two) = (P256::new(), P256::new());
        let unnamed = token(&json!({ "alg": "ES256" }), &claims(), |text| one.sign(text));
        assert!(open(&keys(&[one.public(Some("a"))]), &unnamed).is_ok(), "one key is the one");
        assert_eq!(
            open(&keys(&[one.public(Some("a")), two.public(Some("b"))]), &unnamed).unwrap_err(),
            TokenFault::Key
        );
        let named = token(&json!({ "alg": "ES256", "kid": "a" }), &claims(), |text| one.sign(text));
        assert!(open(&keys(&[one.public(Some("a")), two.public(Some("b"))]), &named).is_ok());
        assert_eq!(open(&keys(&[one.public(Some("a")), two.public(Some("a"))]), &named).unwrap_err(), TokenFault::Key);
        let mut other_use = one.public(Some("a"));
        other_use["use"] = "enc".into();
        assert_eq!(open(&keys(&[other_use]), &named).unwrap_err(), TokenFault::Key);
        let mut other_algorithm = one.public(Some("a"));
        other_algorithm["alg"] = "ES384".into();
        assert_eq!(open(&keys(&[other_algorithm]), &named).unwrap_err(), TokenFault::Key);
    }

    #[test]
    fn every_claim_that_frames_a_token_must_be_there() {
        let p256 = P256::new();
        let keys = keys(&[p256.public(Some("p"))]);
        for name in ["exp", "iss", "aud"] {
            let mut lacking = claims();
            lacking.as_object_mut().unwrap().remove(name);
            let token = token(&json!({ "alg": "ES256", "kid": "p" }), &lacking, |text| p256.sign(text));
            assert_eq!(open(&keys, &token).unwrap_err(), TokenFault::Claim(name));
        }
    }
}
