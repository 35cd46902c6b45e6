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

/// Bytes of what somebody types: eighty bits, of which each guess costs a request, for an hour or so.
const CODE_BYTES: usize = 10;
/// As letters and digits.
const CODE_CHARS: usize = 16;
/// Those that nobody takes for another (Crockford's base 32).
const CODE_LETTERS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

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

    /// One that somebody can type, and its text: eighty bits in four groups of four, from which both parts follow.
    pub(crate) fn to_type() -> (Self, Zeroizing<String>) {
        let bytes = Zeroizing::new(plane::random::<CODE_BYTES>());
        let number = bytes.iter().fold(0_u128, |number, byte| (number << 8) | u128::from(*byte));
        let letter = |place: usize| CODE_LETTERS.get(usize::from((number >> (5 * (15 - place))) as u8 & 31));
        let letters: Vec<u8> = (0..CODE_CHARS).filter_map(letter).copied().collect();
        let groups: Vec<_> = letters.chunks(4).map(String::from_utf8_lossy).collect();
        let text = Zeroizing::new(groups.join("-"));
        (Self::of_code(&letters), text)
    }

    /// Reads what somebody typed: small letters, spaces and dashes do not matter, nor letters that look like digits.
    pub(crate) fn parse_typed(text: &str) -> Option<Self> {
        if text.len() > 4 * CODE_CHARS {
            return None;
        }
        let plain =
            text.bytes().filter(|byte| !matches!(byte, b' ' | b'-')).map(|byte| match byte.to_ascii_uppercase() {
                b'O' => b'0',
                b'I' | b'L' => b'1',
                other => other,
            });
        let letters = Zeroizing::new(plain.collect::<Vec<u8>>());
        let fits = letters.len() == CODE_CHARS && letters.iter().all(|letter| CODE_LETTERS.contains(letter));
        fits.then(|| Self::of_code(&letters))
    }

    fn of_code(letters: &[u8]) -> Self {
        let part = |what: &[u8]| digest(&SHA256, &Zeroizing::new([what, b"\0", letters].concat()));
        let (id, secret) = (part(b"handrail pass id"), part(b"handrail pass secret"));
        let id = BASE64_URL_SAFE_NO_PAD.encode(id.as_ref().get(..ID_BYTES).unwrap_or_default());
        let mut bytes = Zeroizing::new([0; SECRET_BYTES]);
        bytes.iter_mut().zip(secret.as_ref()).for_each(|(to, from)| *to = *from);
        Self { id: id.into(), secret: bytes }
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
    fn what_somebody_types_is_read_however_they_write_it() {
        let (token, text) = Token::to_type();
        assert_eq!(text.len(), 19, "{}", *text);
        let sloppy = text.to_lowercase().replace('-', " ").replace('0', "o").replace('1', "l");
        for typed in [text.as_str(), sloppy.as_str(), &text.replace('-', "")] {
            let again = Token::parse_typed(typed).unwrap();
            assert!(again.id() == token.id() && again.is_of(&token.digest()), "{typed}");
        }
        let other = if text.starts_with('7') { "8" } else { "7" };
        assert_ne!(Token::parse_typed(&format!("{other}{}", &text[1..])).unwrap().id(), token.id());
        for wrong in ["", &text[1..], &format!("{}0", *text), &text.replacen(&text[..1], "U", 1), &"0".repeat(400)] {
            assert!(Token::parse_typed(wrong).is_none(), "{wrong}");
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
