//! What vouches for an authenticator's being what it says it is, and where in its answer it says so.

use super::CeremonyError;
use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use smol_str::SmolStr;
use std::fmt;
use uuid::Uuid;
use webauthn_rs_core::proto::{AttestationCaList, Credential};

/// What came with a registration to vouch for the authenticator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Attestation {
    /// Nothing.
    None,
    /// Its own word: the new key signed for itself.
    Own,
    /// A certificate, whose signature held.
    Certificate {
        /// SHA-256 of the certificate, hexadecimal.
        sha256: SmolStr,
        /// Whether a maker whom we were told to trust stands behind it. Without that anybody may have made it.
        trusted: bool,
    },
}

impl Attestation {
    pub(super) fn of(credential: &Credential, roots: Option<&AttestationRoots>) -> Result<Self, CeremonyError> {
        let form = serde_json::to_value(&credential.attestation.data)
            .map_err(|_| CeremonyError::Unreadable { part: "attestation" })?;
        if form.as_str() == Some("Self_") {
            return Ok(Self::Own);
        }
        let leaf = form.as_object().and_then(|kinds| kinds.values().next()?.get(0)?.as_str());
        let Some(der) = leaf.and_then(|leaf| BASE64_URL_SAFE_NO_PAD.decode(leaf).ok()) else { return Ok(Self::None) };
        // One after another: the library looks roots up by their names, and two may have the same.
        let by = |root: &AttestationCaList| credential.verify_attestation(root).is_ok_and(|root| root.is_some());
        let trusted = roots.is_some_and(|roots| roots.0.iter().any(by));
        Ok(Self::Certificate { sha256: hexadecimal(digest(&SHA256, &der).as_ref()), trusted })
    }

    /// Whether a maker whom we were told to trust stands behind it.
    #[must_use]
    pub const fn is_trusted(&self) -> bool {
        matches!(self, Self::Certificate { trusted: true, .. })
    }
}

/// As leaves keep it: `none`, `self`, or the certificate's SHA-256.
impl fmt::Display for Attestation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "none",
            Self::Own => "self",
            Self::Certificate { sha256, .. } => sha256,
        })
    }
}

fn hexadecimal(bytes: &[u8]) -> SmolStr {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Certificates of makers of authenticators whom the charter trusts.
#[derive(Clone, Debug)]
pub struct AttestationRoots(Vec<AttestationCaList>);

/// A text that is no certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("certificate {position} of the makers of authenticators is no certificate in PEM")]
pub struct RootError {
    /// Which of them, from one.
    pub position: usize,
}

impl AttestationRoots {
    /// Reads certificates in PEM, one a text. None at all is no roots.
    ///
    /// # Errors
    ///
    /// When one cannot be read.
    pub fn from_pem<'a>(certificates: impl IntoIterator<Item = &'a str>) -> Result<Option<Self>, RootError> {
        let read = |(index, pem): (usize, &'a str)| {
            AttestationCaList::try_from(pem.trim().as_bytes()).map_err(|_| RootError { position: index + 1 })
        };
        let roots = certificates.into_iter().enumerate().map(read).collect::<Result<Vec<_>, _>>()?;
        Ok((!roots.is_empty()).then_some(Self(roots)))
    }
}

/// What make an authenticator says it is: sixteen bytes of its data, behind hash, flags, and counter, where it made a key.
pub(super) fn aaguid(attestation_object: &[u8]) -> Result<SmolStr, CeremonyError> {
    const FLAGS: usize = 32;
    const KEY_MADE: u8 = 0x40;
    const AAGUID: std::ops::Range<usize> = 37..53;
    let unreadable = CeremonyError::Unreadable { part: "attestationObject" };
    let data = bytes_at(attestation_object, "authData").ok_or(unreadable)?;
    let made = data.get(FLAGS).is_some_and(|flags| flags & KEY_MADE != 0);
    let bytes = data.get(AAGUID).filter(|_| made).and_then(|bytes| <[u8; 16]>::try_from(bytes).ok());
    let bytes = bytes.ok_or(CeremonyError::Unreadable { part: "authData" })?;
    Ok(Uuid::from_bytes(bytes).hyphenated().to_string().into())
}

/// The deepest that what we skip over may be nested.
const DEPTH_MAX: u8 = 8;

/// The bytes under a name in a map of CBOR (RFC 8949). The library reads the same bytes and keeps the make to itself; this reads no more
/// than it takes to walk to it, and refuses lengths that are not said in advance, as CTAP2 does.
fn bytes_at<'a>(cbor: &'a [u8], name: &str) -> Option<&'a [u8]> {
    let (5, pairs, mut rest) = head(cbor)? else { return None };
    for _ in 0..pairs {
        let (3, length, after) = head(rest)? else { return None };
        let (key, value) = after.split_at_checked(length)?;
        if key == name.as_bytes() {
            let (2, length, after) = head(value)? else { return None };
            return after.get(..length);
        }
        rest = skip(value, DEPTH_MAX)?;
    }
    None
}

/// The major type and the number of an item, and what follows them.
fn head(cbor: &[u8]) -> Option<(u8, usize, &[u8])> {
    let (first, rest) = cbor.split_first()?;
    let size = match first & 0x1f {
        short @ 0..=23 => return Some((first >> 5, usize::from(short), rest)),
        size @ 24..=27 => 1 << (size - 24),
        _ => return None,
    };
    let (number, rest) = rest.split_at_checked(size)?;
    let number = number.iter().fold(0u64, |number, byte| number << 8 | u64::from(*byte));
    Some((first >> 5, usize::try_from(number).ok()?, rest))
}

fn skip(cbor: &[u8], depth: u8) -> Option<&[u8]> {
    let (major, number, mut rest) = head(cbor)?;
    let depth = depth.checked_sub(1)?;
    match major {
        2 | 3 => return rest.get(number..),
        4 | 5 => {
            for _ in 0..number.checked_mul(if major == 5 { 2 } else { 1 })? {
                rest = skip(rest, depth)?;
            }
        }
        6 => rest = skip(rest, depth)?,
        _ => {}
    }
    Some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_found_behind_whatever_comes_before_them() {
        // {"a": [1, {"b": h'0102'}], "n": -500, "t": 1(0), "authData": h'030405'}
        let mut cbor = vec![0xa4, 0x61, b'a', 0x82, 0x01, 0xa1, 0x61, b'b', 0x42, 1, 2, 0x61, b'n', 0x39, 0x01, 0xf3];
        cbor.extend([0x61, b't', 0xc1, 0x00, 0x68]);
        cbor.extend(b"authData");
        cbor.extend([0x58, 3, 3, 4, 5]);
        assert_eq!(bytes_at(&cbor, "authData"), Some([3, 4, 5].as_slice()));
        assert_eq!(bytes_at(&cbor, "other"), None);
        for end in 0..cbor.len() {
            assert_eq!(bytes_at(&cbor[..end], "authData"), None, "cut after {end} bytes");
        }
    }

    #[test]
    fn lengths_that_lie_end_it_and_do_not_go_on_for_ever() {
        for lie in [
            vec![0xa1, 0x61, b'a', 0x9b, 255, 255, 255, 255, 255, 255, 255, 255],
            vec![0xa1, 0x61, b'a', 0xbb, 127, 255, 255, 255, 255, 255, 255, 255],
            vec![0xbf, 0x61, b'a', 0x01, 0xff],
            [vec![0xa1, 0x61, b'a'], vec![0x81; 64], vec![0x01]].concat(),
        ] {
            assert_eq!(bytes_at(&lie, "authData"), None);
        }
    }

    #[test]
    fn a_certificate_is_a_certificate() {
        assert_eq!(AttestationRoots::from_pem(["words"]).unwrap_err(), RootError { position: 1 });
        assert!(AttestationRoots::from_pem([]).unwrap().is_none());
    }
}
