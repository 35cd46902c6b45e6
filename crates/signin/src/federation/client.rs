//! How this house proves to a provider that it is the one who asks: by a secret, or by an assertion signed with its own key (RFC 7523).

use super::settings::Audience;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, RSA_PKCS1_SHA256, RsaKeyPair,
};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use events::Timestamp;
use reqwest::header::HeaderValue;
use serde_json::{Value, json};
use url::form_urlencoded::{self, Serializer};
use zeroize::Zeroizing;

/// How long an assertion is good.
const ASSERTION_S: i64 = 60;

/// What proves it.
pub(super) enum Client {
    /// A secret that both know.
    Secret(Zeroizing<String>),
    /// A key of our own.
    Key {
        /// The key.
        key: Box<SigningKey>,
        /// What the provider calls it.
        id: Option<String>,
        /// To whom an assertion is addressed.
        audience: Audience,
    },
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Secret(_) => "Client::Secret(…)",
            Self::Key { .. } => "Client::Key(…)",
        })
    }
}

/// A key that signs assertions.
pub(super) enum SigningKey {
    /// ES256.
    P256(EcdsaKeyPair),
    /// `EdDSA`.
    Ed25519(Ed25519KeyPair),
    /// RS256.
    Rsa(RsaKeyPair),
}

/// Why a private key cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ClientError {
    /// Not one PKCS#8 key in PEM form.
    Pem,
    /// Of a kind that is not used.
    Kind,
}

/// Where a proof goes to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Towards<'a> {
    pub(super) client_id: &'a str,
    pub(super) issuer: &'a str,
    pub(super) token_endpoint: &'a str,
    /// The ways the provider takes.
    pub(super) ways: &'a [String],
    pub(super) now: Timestamp,
}

impl Client {
    pub(super) const fn secret(secret: Zeroizing<String>) -> Self {
        Self::Secret(secret)
    }

    /// Reads a private key.
    pub(super) fn key(pem: &str, id: Option<String>, audience: Audience) -> Result<Self, ClientError> {
        let body = pem
            .split_once("-----BEGIN PRIVATE KEY-----")
            .and_then(|(_, rest)| rest.split_once("-----END PRIVATE KEY-----"));
        let body = body.filter(|(_, rest)| !rest.contains("-----BEGIN")).ok_or(ClientError::Pem)?.0;
        let mut text = Zeroizing::new(String::with_capacity(body.len()));
        text.extend(body.chars().filter(|letter| !letter.is_ascii_whitespace()));
        let der = Zeroizing::new(STANDARD.decode(text.as_bytes()).map_err(|_| ClientError::Pem)?);
        let key = if let Ok(key) = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &der) {
            SigningKey::P256(key)
        } else if let Ok(key) = Ed25519KeyPair::from_pkcs8(&der) {
            SigningKey::Ed25519(key)
        } else {
            SigningKey::Rsa(RsaKeyPair::from_pkcs8(&der).map_err(|_| ClientError::Kind)?)
        };
        Ok(Self::Key { key: Box::new(key), id, audience })
    }

    /// Adds the proof to a form, or gives the header that is it. Nothing if the provider takes none that we have.
    pub(super) fn prove(
        &self,
        towards: Towards<'_>,
        form: &mut Serializer<'_, String>,
    ) -> Result<Option<HeaderValue>, &'static str> {
        let takes = |way: &str| towards.ways.iter().any(|known| known == way);
        match self {
            Self::Secret(secret) if takes("client_secret_basic") => basic(towards.client_id, secret).map(Some),
            Self::Secret(secret) if takes("client_secret_post") => {
                form.append_pair("client_id", towards.client_id).append_pair("client_secret", secret);
                Ok(None)
            }
            Self::Key { key, id, audience } if takes("private_key_jwt") => {
                let assertion = key.assertion(towards, id.as_deref(), *audience)?;
                form.append_pair("client_id", towards.client_id)
                    .append_pair("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
                    .append_pair("client_assertion", &assertion);
                Ok(None)
            }
            Self::Secret(_) => Err("it takes neither client_secret_basic nor client_secret_post"),
            Self::Key { .. } => Err("it does not take private_key_jwt"),
        }
    }
}

/// The header of RFC 6749, section 2.3.1: both parts are encoded as in a form first.
fn basic(client_id: &str, secret: &str) -> Result<HeaderValue, &'static str> {
    let encoded = |text: &str| Zeroizing::new(form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>());
    let mut both = encoded(client_id);
    both.push(':');
    both.push_str(&encoded(secret));
    let text = Zeroizing::new(format!("Basic {}", STANDARD.encode(both.as_bytes())));
    let mut header = HeaderValue::from_str(&text).map_err(|_| "its secret cannot be sent")?;
    header.set_sensitive(true);
    Ok(header)
}

impl SigningKey {
    fn assertion(&self, towards: Towards<'_>, id: Option<&str>, audience: Audience) -> Result<String, &'static str> {
        let now = towards.now.as_millis().div_euclid(1000);
        let claims = json!({
            "iss": towards.client_id,
            "sub": towards.client_id,
            "aud": match audience { Audience::Issuer => towards.issuer, Audience::TokenEndpoint => towards.token_endpoint },
            "jti": URL_SAFE_NO_PAD.encode(plane::random::<16>()),
            "iat": now,
            "exp": now + ASSERTION_S,
        });
        let mut header = json!({ "alg": self.algorithm(), "typ": "JWT" });
        if let (Some(id), Some(fields)) = (id, header.as_object_mut()) {
            fields.insert("kid".to_owned(), Value::from(id));
        }
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", part(&header), part(&claims));
        let signature = self.sign(signed.as_bytes()).ok_or("the key does not sign")?;
        Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }

    const fn algorithm(&self) -> &'static str {
        match self {
            Self::P256(_) => "ES256",
            Self::Ed25519(_) => "EdDSA",
            Self::Rsa(_) => "RS256",
        }
    }

    fn sign(&self, text: &[u8]) -> Option<Vec<u8>> {
        match self {
            Self::P256(key) => Some(key.sign(&SystemRandom::new(), text).ok()?.as_ref().to_vec()),
            Self::Ed25519(key) => Some(key.sign(text).as_ref().to_vec()),
            Self::Rsa(key) => {
                let mut signature = vec![0; key.public_modulus_len()];
                key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), text, &mut signature).ok()?;
                Some(signature)
            }
        }
    }
}
