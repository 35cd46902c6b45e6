//! Bearer tokens: made once, shown once, known by the digest that stands in the log.
//!
//! A token is `hr_<id>_<secret>`: the id finds its entry, the SHA-256 of the secret is compared in constant time. The secret is 256 random
//! bits, so a plain digest is enough and may stand in the log: there is nothing to guess.

use aws_lc_rs::{constant_time, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use events::CallerName;
use events::caller::Added;
use plane::Tokens;
use smol_str::SmolStr;
use std::fmt::Write as _;
use zeroize::Zeroizing;

/// The longest token text that is looked at, in bytes.
const TOKEN_BYTES_MAX: usize = 128;

/// A new token, the only time it is seen.
pub struct NewToken {
    /// What the caller must send.
    pub text: Zeroizing<String>,
}

/// Makes a token, and the event that makes it worth something once recorded.
pub(crate) fn mint(caller: CallerName) -> (NewToken, Added) {
    let id = SmolStr::new(URL_SAFE_NO_PAD.encode(plane::random::<6>()).replace('_', "-"));
    let secret = Zeroizing::new(URL_SAFE_NO_PAD.encode(*Zeroizing::new(plane::random::<32>())));
    let text = Zeroizing::new(format!("hr_{id}_{}", secret.as_str()));
    (NewToken { text }, Added { caller, token: id, sha256: digest_of(&secret) })
}

/// Whose token this is, if it is anybody's.
pub(crate) fn authenticate(tokens: &Tokens, token: &str) -> Option<CallerName> {
    if token.len() > TOKEN_BYTES_MAX {
        return None;
    }
    let (id, secret) = token.strip_prefix("hr_")?.split_once('_')?;
    let presented = digest_of(secret);
    let live = tokens.find(id)?;
    constant_time::verify_slices_are_equal(live.sha256.as_bytes(), presented.as_bytes()).ok().map(|()| live.caller)
}

fn digest_of(secret: &str) -> SmolStr {
    let mut text = String::with_capacity(64);
    for byte in digest::digest(&digest::SHA256, secret.as_bytes()).as_ref() {
        let _ = write!(text, "{byte:02x}");
    }
    SmolStr::new(text)
}
