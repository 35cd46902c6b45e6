//! The keys a log signs with and is verified with: Ed25519 under the log's origin, in C2SP's text form.

use crate::hash::sha256;
use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use std::{fmt, str::FromStr};
use zeroize::Zeroizing;

/// The length of a seed, in bytes.
pub const SEED_BYTES: usize = 32;
/// The length of an Ed25519 public key, in bytes.
const PUBLIC_KEY_BYTES: usize = 32;
/// The length of an Ed25519 signature, in bytes.
pub(crate) const SIGNATURE_BYTES: usize = 64;
/// C2SP's number for Ed25519 note signatures.
const ALGORITHM_ED25519: u8 = 1;
/// C2SP's number for timestamped Ed25519 cosignatures (tlog-cosignature).
const ALGORITHM_COSIGNATURE: u8 = 4;
/// The longest origin, in bytes.
pub const ORIGIN_BYTES_MAX: usize = 255;
/// The longest text of a verifying key, in bytes: origin, `+`, 8 digits, `+`, the base64 of 33 bytes.
pub const VERIFYING_KEY_BYTES_MAX: usize = ORIGIN_BYTES_MAX + 1 + 8 + 1 + 44;

/// A log's name for life, such as `ledger.st-elsewhere.example/2026`: also the name of its keys.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Origin(String);

/// Why text is not an origin, a key or a seed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// Not usable as a log's name.
    #[error("an origin has 1 to {ORIGIN_BYTES_MAX} bytes without spaces, control characters or `+`")]
    Origin,
    /// Not `origin+id+key`.
    #[error("not a verifying key: expected `origin+8 hexadecimal digits+base64`")]
    Form,
    /// A key for another use: a log signs with Ed25519 (1), a witness cosigns with timestamped Ed25519 (4).
    #[error("a key of algorithm {algorithm}, expected {expected}")]
    Algorithm {
        /// The algorithm's number.
        algorithm: u8,
        /// The one that fits here.
        expected: u8,
    },
    /// The id in the text is not the one that origin and key give.
    #[error("the key's id does not belong to its origin and key")]
    Id,
    /// The cryptographic library refused the key.
    #[error("the key was refused")]
    Refused,
}

impl Origin {
    /// Checks a name.
    ///
    /// # Errors
    ///
    /// If it is empty, longer than [`ORIGIN_BYTES_MAX`], or has white space, a control character or `+`.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let bad = |symbol: char| symbol.is_whitespace() || symbol.is_control() || symbol == '+';
        if text.is_empty() || text.len() > ORIGIN_BYTES_MAX || text.contains(bad) {
            return Err(KeyError::Origin);
        }
        Ok(Self(text.to_owned()))
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl FromStr for Origin {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        Self::parse(text)
    }
}

/// Signs a log's checkpoints. The secret lives in the cryptographic library's memory, which it wipes on release; it is never shown.
pub struct SigningKey {
    pair: Ed25519KeyPair,
    verifying: VerifyingKey,
}

impl SigningKey {
    /// The key of this seed. The seed's owner wipes it, which its type ensures; nothing here keeps a copy.
    ///
    /// # Errors
    ///
    /// [`KeyError::Refused`] if the library cannot make a key, which no seed of 32 bytes is known to cause.
    pub fn from_seed(origin: Origin, seed: &Zeroizing<[u8; SEED_BYTES]>) -> Result<Self, KeyError> {
        let (pair, public) = pair_of(seed)?;
        Ok(Self { pair, verifying: VerifyingKey(NamedKey::new(origin, ALGORITHM_ED25519, public)) })
    }

    /// The key that verifies what this one signs.
    #[must_use]
    pub fn verifying_key(&self) -> &VerifyingKey {
        &self.verifying
    }

    /// The log's name.
    #[must_use]
    pub fn origin(&self) -> &Origin {
        self.verifying.origin()
    }

    /// Signs bytes.
    pub(crate) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        signature_of(&self.pair, message)
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "SigningKey({})", self.verifying)
    }
}

/// An Ed25519 public key under a name, for one of C2SP's uses.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct NamedKey {
    name: Origin,
    algorithm: u8,
    id: [u8; 4],
    public: [u8; PUBLIC_KEY_BYTES],
}

impl NamedKey {
    fn new(name: Origin, algorithm: u8, public: [u8; PUBLIC_KEY_BYTES]) -> Self {
        let mut named = Vec::with_capacity(name.0.len() + 2 + PUBLIC_KEY_BYTES);
        named.extend_from_slice(name.0.as_bytes());
        named.extend_from_slice(b"\n");
        named.push(algorithm);
        named.extend_from_slice(&public);
        let [first, second, third, fourth, ..] = sha256(&named).0;
        Self { name, algorithm, id: [first, second, third, fourth], public }
    }

    fn parse(text: &str, expected: u8) -> Result<Self, KeyError> {
        if text.len() > VERIFYING_KEY_BYTES_MAX {
            return Err(KeyError::Form);
        }
        let (name, rest) = text.split_once('+').ok_or(KeyError::Form)?;
        let (id, key) = rest.split_once('+').ok_or(KeyError::Form)?;
        let key = BASE64_STANDARD.decode(key).map_err(|_| KeyError::Form)?;
        let (algorithm, public) = key.split_first().ok_or(KeyError::Form)?;
        if *algorithm != expected {
            return Err(KeyError::Algorithm { algorithm: *algorithm, expected });
        }
        let public = public.try_into().map_err(|_| KeyError::Form)?;
        let parsed = Self::new(Origin::parse(name)?, *algorithm, public);
        if parsed.id_text() != id {
            return Err(KeyError::Id);
        }
        Ok(parsed)
    }

    fn accepts(&self, message: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&ED25519, &self.public).verify(message, signature).is_ok()
    }

    fn id_text(&self) -> String {
        format!("{:08x}", u32::from_be_bytes(self.id))
    }
}

impl fmt::Display for NamedKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut key = [self.algorithm; 1 + PUBLIC_KEY_BYTES];
        let (_, public) = key.split_at_mut(1);
        public.copy_from_slice(&self.public);
        write!(formatter, "{}+{}+{}", self.name, self.id_text(), BASE64_STANDARD.encode(key))
    }
}

/// Verifies a log's checkpoints. Written as C2SP's `vkey`: `origin+id+key`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct VerifyingKey(NamedKey);

impl VerifyingKey {
    /// Reads C2SP's text form, in its only spelling (lower-case id, padded base64, nothing around it).
    ///
    /// # Errors
    ///
    /// If the text is anything else.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        NamedKey::parse(text, ALGORITHM_ED25519).map(Self)
    }

    /// The log's name.
    #[must_use]
    pub fn origin(&self) -> &Origin {
        &self.0.name
    }

    /// The id that a signature line starts with, as the key's text has it: eight hexadecimal digits.
    #[must_use]
    pub fn id_text(&self) -> String {
        self.0.id_text()
    }

    /// The id that a signature line starts with.
    pub(crate) fn id(&self) -> [u8; 4] {
        self.0.id
    }

    /// Whether `signature` is this key's over `message`.
    pub(crate) fn accepts(&self, message: &[u8], signature: &[u8]) -> bool {
        self.0.accepts(message, signature)
    }
}

impl fmt::Display for VerifyingKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

impl FromStr for VerifyingKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        Self::parse(text)
    }
}

/// Verifies a witness's cosignatures. Written as C2SP's `vkey` of type 4: `name+id+key`. No log's key passes for a witness's, nor the other way.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct WitnessKey(NamedKey);

impl WitnessKey {
    /// Reads C2SP's text form, in its only spelling.
    ///
    /// # Errors
    ///
    /// If the text is anything else, a log's key included.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        NamedKey::parse(text, ALGORITHM_COSIGNATURE).map(Self)
    }

    /// The witness's name.
    #[must_use]
    pub fn name(&self) -> &Origin {
        &self.0.name
    }

    /// The id that a cosignature line starts with.
    pub(crate) fn id(&self) -> [u8; 4] {
        self.0.id
    }

    /// Whether `signature` is this key's over `message`.
    pub(crate) fn accepts(&self, message: &[u8], signature: &[u8]) -> bool {
        self.0.accepts(message, signature)
    }
}

impl fmt::Display for WitnessKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

impl FromStr for WitnessKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        Self::parse(text)
    }
}

/// What a witness cosigns with. The secret lives in the cryptographic library's memory, which it wipes on release; it is never shown.
pub struct CosigningKey {
    pair: Ed25519KeyPair,
    witness: WitnessKey,
}

impl CosigningKey {
    /// The key of this seed, under the witness's name.
    ///
    /// # Errors
    ///
    /// [`KeyError::Refused`] if the library cannot make a key, which no seed of 32 bytes is known to cause.
    pub fn from_seed(name: Origin, seed: &Zeroizing<[u8; SEED_BYTES]>) -> Result<Self, KeyError> {
        let (pair, public) = pair_of(seed)?;
        Ok(Self { pair, witness: WitnessKey(NamedKey::new(name, ALGORITHM_COSIGNATURE, public)) })
    }

    /// The key that verifies what this one signs.
    #[must_use]
    pub fn witness_key(&self) -> &WitnessKey {
        &self.witness
    }

    /// Signs bytes.
    pub(crate) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        signature_of(&self.pair, message)
    }
}

impl fmt::Debug for CosigningKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "CosigningKey({})", self.witness)
    }
}

fn pair_of(seed: &Zeroizing<[u8; SEED_BYTES]>) -> Result<(Ed25519KeyPair, [u8; PUBLIC_KEY_BYTES]), KeyError> {
    let pair = Ed25519KeyPair::from_seed_unchecked(seed.as_slice()).map_err(|_| KeyError::Refused)?;
    let public = pair.public_key().as_ref().try_into().map_err(|_| KeyError::Refused)?;
    Ok((pair, public))
}

fn signature_of(pair: &Ed25519KeyPair, message: &[u8]) -> Result<Vec<u8>, KeyError> {
    let signature = pair.try_sign(message).map_err(|_| KeyError::Refused)?;
    Ok(signature.as_ref().to_vec())
}
