//! What callers carry for us: page tokens they can neither read nor change, and binding tokens they can read and not change.

use aws_lc_rs::{digest, hmac};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use plane::{Plane, Sealer};
use serde_json::{Value, json};

/// The longest token text that is looked at, in bytes.
pub(crate) const TOKEN_BYTES_MAX: usize = 2048;

/// What nothing else is sealed for.
const PAGE: &str = "authzen page token 1";

/// The keys of both sorts of token, each derived from the store's token key for its one use.
pub(crate) struct Seal {
    /// Page tokens.
    pub(crate) page: Sealer,
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
        Self {
            page: Sealer::new(plane, PAGE, TOKEN_BYTES_MAX),
            binding: hmac::Key::new(hmac::HMAC_SHA256, hmac::sign(&root, b"authzen binding token 1").as_ref()),
        }
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
