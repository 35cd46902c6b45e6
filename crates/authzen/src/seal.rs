//! What callers carry for us: page tokens they can neither read nor change, and binding tokens they can read and not change.

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use aws_lc_rs::{digest, hmac};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use plane::Plane;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// The longest token text that is looked at, in bytes.
pub(crate) const TOKEN_BYTES_MAX: usize = 2048;

/// Bound to every page token, so that nothing else sealed with the key can pass for one.
const PAGE: &[u8] = b"authzen page token 1";

/// The keys of both sorts of token, each derived from the store's token key for its one use.
pub(crate) struct Seal {
    page: Option<RandomizedNonceKey>,
    binding: hmac::Key,
}

impl std::fmt::Debug for Seal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Seal")
    }
}

impl Seal {
    /// Derives the keys of a node's store: they outlive the process, and so do tokens.
    pub(crate) fn of(plane: &Plane) -> Self {
        let root = hmac::Key::new(hmac::HMAC_SHA256, plane.store().keys().token.bytes());
        let page = hmac::sign(&root, PAGE);
        Self {
            page: RandomizedNonceKey::new(&AES_256_GCM, page.as_ref()).ok(),
            binding: hmac::Key::new(hmac::HMAC_SHA256, hmac::sign(&root, b"authzen binding token 1").as_ref()),
        }
    }

    /// Seals a page token. Nothing if that fails, which leaves a search without a next page rather than with a wrong one.
    pub(crate) fn page<T: Serialize>(&self, content: &T) -> Option<String> {
        let mut bytes = serde_json::to_vec(content).ok()?;
        let nonce = self.page.as_ref()?.seal_in_place_append_tag(Aad::from(PAGE), &mut bytes).ok()?;
        let mut token = nonce.as_ref().to_vec();
        token.append(&mut bytes);
        Some(URL_SAFE_NO_PAD.encode(token))
    }

    /// Opens a page token that was sealed here.
    pub(crate) fn open_page<T: DeserializeOwned>(&self, token: &str) -> Option<T> {
        if token.len() > TOKEN_BYTES_MAX {
            return None;
        }
        let bytes = URL_SAFE_NO_PAD.decode(token).ok()?;
        let (nonce, sealed) = bytes.split_at_checked(NONCE_LEN)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut sealed = sealed.to_vec();
        let opened = self.page.as_ref()?.open_in_place(nonce, Aad::from(PAGE), &mut sealed).ok()?;
        serde_json::from_slice(opened).ok()
    }

    /// Signs claims as a JSON web signature in its compact form (RFC 7515), with HMAC-SHA-256: only this store can check it.
    pub(crate) fn binding(&self, claims: &Value) -> String {
        let header = json!({ "alg": "HS256", "typ": "handrail-binding+jwt" });
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", part(&header), part(claims));
        let tag = hmac::sign(&self.binding, signed.as_bytes());
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(tag.as_ref()))
    }
}

/// Bytes as a name.
pub(crate) fn name(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// SHA-256 of values, whatever the order of their members, as text.
pub(crate) fn digest_of(value: &Value) -> String {
    let mut text = String::new();
    canonical(value, &mut text);
    URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, text.as_bytes()))
}

/// A value with the members of every object in order. Reading it has bounded how deep it is.
fn canonical(value: &Value, text: &mut String) {
    match value {
        Value::Object(members) => {
            let mut members: Vec<_> = members.iter().collect();
            members.sort_unstable_by_key(|(name, _)| *name);
            text.push('{');
            for (name, value) in members {
                text.push_str(&Value::from(name.as_str()).to_string());
                text.push(':');
                canonical(value, text);
                text.push(',');
            }
            text.push('}');
        }
        Value::Array(items) => {
            text.push('[');
            for item in items {
                canonical(item, text);
                text.push(',');
            }
            text.push(']');
        }
        other => text.push_str(&other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_of_members_does_not_matter_and_that_of_items_does() {
        let digest = |text: &str| digest_of(&serde_json::from_str(text).unwrap());
        assert_eq!(digest(r#"{"a":1,"b":{"c":[1,2],"d":null}}"#), digest(r#"{"b":{"d":null,"c":[1,2]},"a":1}"#));
        assert_ne!(digest(r#"{"a":[1,2]}"#), digest(r#"{"a":[2,1]}"#));
        assert_ne!(digest(r#"{"a":1}"#), digest(r#"{"a":"1"}"#));
        assert_ne!(digest(r#"{"a":[[1],[]]}"#), digest(r#"{"a":[[],[1]]}"#));
    }
}
