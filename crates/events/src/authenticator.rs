//! What people prove themselves with: passkeys and security keys, and how they came by them.

use crate::{AuthenticatorId, PrincipalId, Timestamp};
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

/// The longest credential id, in bytes of base64url: 1,023 bytes of the id itself (WebAuthn level 3, section 4).
pub const CREDENTIAL_CHARS_MAX: usize = 1_364;
/// The longest name that people give an authenticator, in characters.
pub const NAME_CHARS_MAX: usize = 64;

/// Somebody registered an authenticator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Registered {
    /// Whose it is.
    pub principal: PrincipalId,
    /// What it is called from here on.
    pub authenticator: AuthenticatorId,
    /// The id the authenticator gave the credential, base64url.
    pub credential: SmolStr,
    /// The user handle it keeps: sixteen random bytes, base64url, the same for all of a person's.
    pub user_handle: SmolStr,
    /// Its public key.
    pub key: PublicKey,
    /// Its signature counter then.
    pub counter: u32,
    /// The charter's method it counts as.
    pub method: SmolStr,
    /// What people call it.
    pub name: SmolStr,
    /// What make of authenticator it says it is (AAGUID), all zeros when it does not say.
    pub aaguid: SmolStr,
    /// What vouches for that: `none`, `self`, or the SHA-256 of the attestation certificate, hexadecimal.
    pub attestation: SmolStr,
    /// Whether the credential may be copied to other devices, as synced passkeys are.
    pub backup_eligible: bool,
    /// By which way in it was registered.
    pub by: Way,
}

/// A public key, in a form of our own that never changes: numbers as base64url of their big-endian bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "alg", rename_all = "snake_case")]
pub enum PublicKey {
    /// ECDSA over P-256 with SHA-256 (COSE -7).
    Es256 {
        /// The point's first coordinate, 32 bytes.
        x: SmolStr,
        /// Its second, 32 bytes.
        y: SmolStr,
    },
    /// ECDSA over P-384 with SHA-384 (COSE -35).
    Es384 {
        /// The point's first coordinate, 48 bytes.
        x: SmolStr,
        /// Its second, 48 bytes.
        y: SmolStr,
    },
    /// Ed25519 (COSE -8).
    Ed25519 {
        /// The key, 32 bytes.
        x: SmolStr,
    },
    /// RSASSA-PKCS1-v1_5 with SHA-256 (COSE -257).
    Rs256 {
        /// The modulus.
        n: SmolStr,
        /// The exponent.
        e: SmolStr,
    },
}

/// By which way somebody came to register an authenticator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "way", rename_all = "snake_case")]
pub enum Way {
    /// An invitation.
    Invitation {
        /// Its public id.
        slip: SmolStr,
    },
    /// A temporary pass of the recovery path.
    Recovery {
        /// Its public id.
        slip: SmolStr,
    },
    /// A session that an authenticator of theirs had just verified.
    Session {
        /// The session.
        session: crate::SessionId,
    },
}

/// Somebody gave an authenticator another name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Renamed {
    /// Which.
    pub authenticator: AuthenticatorId,
    /// What it is called now.
    pub name: SmolStr,
}

/// Why an authenticator counts no longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RevokeCause {
    /// Its owner does not have it any more.
    Lost,
    /// Its owner uses another.
    Replaced,
    /// Its counter went back: there may be two of it.
    Cloned,
    /// Its owner was given others by the recovery path.
    Recovered,
    /// Somebody who answers for identities ended it.
    Administrative,
}

/// An authenticator counts no longer, and sessions that rest on it end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revoked {
    /// Which.
    pub authenticator: AuthenticatorId,
    /// Why.
    pub cause: RevokeCause,
}

/// Somebody was invited to register their first authenticator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invited {
    /// Who.
    pub principal: PrincipalId,
    /// The invitation's public id.
    pub slip: SmolStr,
    /// It is worthless after this.
    pub good_until: Timestamp,
    /// Who stands for their being who they are.
    pub voucher: PrincipalId,
    /// What was checked, in a few words such as `passport and face`. Never a number of a document.
    pub evidence: SmolStr,
    /// The identity assurance level reached (SP 800-63A-4), 1 to 3.
    pub proofing: u8,
}
