//! A public id and a secret, as one text: what a link and a session cookie carry.

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use smol_str::SmolStr;
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

/// Bytes of a secret: 256 bits that nobody can guess.
const SECRET_BYTES: usize = 32;
/// Bytes of a public id.
const ID_BYTES: usize = 12;

/// An id that may be known, and a secret that may not.
pub(crate) struct Token {
    id: SmolStr,
    secret: Zeroizing<[u8; SECRET_BYTES]>,
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Token({})", self.id)
    }
}

impl Token {
    /// A new one.
    pub(crate) fn random() -> Self {
        let id = BASE64_URL_SAFE_NO_PAD.encode(plane::random::<ID_BYTES>());
        Self { id: id.into(), secret: Zeroizing::new(plane::random()) }
    }

    /// Reads `ID.SECRET`, in its only form.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (id, secret) = text.split_once('.')?;
        let id_bytes = BASE64_URL_SAFE_NO_PAD.decode(id).ok()?;
        let secret = Zeroizing::new(BASE64_URL_SAFE_NO_PAD.decode(secret).ok()?);
        let secret = Zeroizing::new(<[u8; SECRET_BYTES]>::try_from(secret.as_slice()).ok()?);
        (id_bytes.len() == ID_BYTES).then(|| Self { id: id.into(), secret })
    }

    /// The part that may be known.
    pub(crate) fn id(&self) -> &SmolStr {
        &self.id
    }

    /// `ID.SECRET`, for its bearer alone.
    pub(crate) fn text(&self) -> Zeroizing<String> {
        Zeroizing::new(format!("{}.{}", self.id, BASE64_URL_SAFE_NO_PAD.encode(*self.secret)))
    }

    /// What is kept of the secret.
    pub(crate) fn digest(&self) -> Vec<u8> {
        digest(&SHA256, self.secret.as_slice()).as_ref().to_vec()
    }

    /// Whether what was kept is of this secret. Takes the same time for every wrong one.
    pub(crate) fn is_of(&self, kept: &[u8]) -> bool {
        self.digest().as_slice().ct_eq(kept).into()
    }

    /// What a form has to carry to have come from a page of this session. Gives nothing of the secret away.
    pub(crate) fn form_token(&self) -> String {
        let mut text = Zeroizing::new(b"handrail form\0".to_vec());
        text.extend_from_slice(self.secret.as_slice());
        BASE64_URL_SAFE_NO_PAD.encode(digest(&SHA256, &text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_reads_what_it_writes_and_nothing_else() {
        let token = Token::random();
        let text = token.text();
        let again = Token::parse(&text).unwrap();
        assert_eq!(again.id(), token.id());
        assert!(again.is_of(&token.digest()));
        for wrong in
            ["", ".", "a.b", &text[1..], &format!("{}x", *text), &text.replace('.', ""), &format!(" {}", *text)]
        {
            assert!(Token::parse(wrong).is_none(), "{wrong}");
        }
    }

    #[test]
    fn nothing_that_is_kept_or_shown_is_the_secret() {
        let token = Token::random();
        let text = token.text();
        let secret = text.split_once('.').unwrap().1;
        assert_ne!(token.form_token(), secret);
        assert!(!format!("{token:?}").contains(secret));
        assert!(!token.is_of(secret.as_bytes()));
        assert!(!Token::random().is_of(&token.digest()));
    }
}
