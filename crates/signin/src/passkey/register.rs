//! Registering: an authenticator makes a key for a person, and we learn which.

use super::attested::{self, Attestation, AttestationRoots};
use super::challenge::Pending;
use super::client_data::{ClientData, Kind};
use super::key;
use super::relying::RelyingParty;
use super::{ANSWER_BYTES_MAX, CeremonyError, RegistrationOptions};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use events::authenticator::{CREDENTIAL_CHARS_MAX, PublicKey};
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;
use std::fmt;
use std::str::FromStr;
use webauthn_rs_core::proto::{CredProtect, CredentialProtectionPolicy, RequestRegistrationExtensions};
use webauthn_rs_proto::{
    AttestationConveyancePreference, AuthenticatorTransport, RegisterPublicKeyCredential, UserVerificationPolicy,
};

/// Bytes of a user handle.
const HANDLE_BYTES: usize = 16;

/// What authenticators keep instead of a name: sixteen random bytes, the same for all of a person's. Says nothing about them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct UserHandle([u8; HANDLE_BYTES]);

/// A text that is no user handle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a user handle is 16 bytes in base64url")]
pub struct UserHandleError;

impl UserHandle {
    /// From bytes nobody can guess.
    #[must_use]
    pub const fn new(random: [u8; HANDLE_BYTES]) -> Self {
        Self(random)
    }
}

/// As leaves keep it: base64url.
impl fmt::Display for UserHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&BASE64_URL_SAFE_NO_PAD.encode(self.0))
    }
}

impl FromStr for UserHandle {
    type Err = UserHandleError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(text).map_err(|_| UserHandleError)?;
        bytes.try_into().map(Self).map_err(|_| UserHandleError)
    }
}

/// Whom an authenticator is registered for.
#[derive(Clone, Copy, Debug)]
pub struct Enrollee<'a> {
    /// What the authenticator will know them by.
    pub handle: UserHandle,
    /// What the browser shows when it asks which of several: their name in the directory.
    pub name: &'a str,
    /// Their name as people say it.
    pub display_name: &'a str,
    /// The hospital's name, which browsers show beside ours.
    pub hospital: &'a str,
    /// Ids of what they have registered already, base64url: none of them can be registered twice.
    pub existing: &'a [SmolStr],
}

/// How an authenticator is attached, as the browser says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Attachment {
    /// Part of the machine.
    Platform,
    /// A thing of its own.
    CrossPlatform,
}

/// By what an authenticator can be reached, as the browser says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Transport {
    /// Plugged in.
    Usb,
    /// Held to a reader.
    Nfc,
    /// By radio, nearby.
    Ble,
    /// A contact card.
    #[serde(rename = "smart-card")]
    SmartCard,
    /// A phone, over whatever it likes.
    Hybrid,
    /// Inside the machine.
    Internal,
}

impl Transport {
    /// What the library knows; it has no word for the rest, and lets it be.
    pub(super) const fn to_library(self) -> Option<AuthenticatorTransport> {
        Some(match self {
            Self::Usb => AuthenticatorTransport::Usb,
            Self::Nfc => AuthenticatorTransport::Nfc,
            Self::Ble => AuthenticatorTransport::Ble,
            Self::Hybrid => AuthenticatorTransport::Hybrid,
            Self::Internal => AuthenticatorTransport::Internal,
            Self::SmartCard => return None,
        })
    }
}

/// A registered authenticator, as far as it says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registered {
    /// The credential's id, base64url.
    pub credential: SmolStr,
    /// Its public key.
    pub key: PublicKey,
    /// Its signature counter.
    pub counter: u32,
    /// What make it says it is (AAGUID); all zeros where it does not say.
    pub aaguid: SmolStr,
    /// What vouches for that.
    pub attestation: Attestation,
    /// How it is attached, as the browser says.
    pub attachment: Option<Attachment>,
    /// By what it can be reached, as the browser says.
    pub transports: Vec<Transport>,
    /// Whether the key may be copied to other devices.
    pub backup_eligible: bool,
    /// Whether it has been.
    pub backed_up: bool,
    /// Whether the person was verified. Always so: what does not verify is refused.
    pub verified: bool,
}

/// What browsers say beside what the library reads.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Beside {
    #[serde(default)]
    authenticator_attachment: Option<String>,
    response: BesideResponse,
}

#[derive(Debug, Deserialize)]
struct BesideResponse {
    #[serde(default)]
    transports: Vec<String>,
}

/// Options for `navigator.credentials.create()`, and what has to be remembered of them.
pub(super) fn options(
    party: &RelyingParty,
    person: &Enrollee<'_>,
) -> Result<(RegistrationOptions, Pending), CeremonyError> {
    let existing: Vec<Vec<u8>> =
        person.existing.iter().map(|id| super::authenticate::credential_id(id)).collect::<Result<_, _>>()?;
    let core = party.core();
    let builder = core
        .new_challenge_register_builder(&person.handle.0, person.name, person.display_name)
        .map_err(CeremonyError::from)?
        .attestation(AttestationConveyancePreference::Direct)
        .user_verification_policy(UserVerificationPolicy::Required)
        .require_resident_key(true)
        .credential_algorithms(key::OFFERED.to_vec())
        .exclude_credentials(Some(existing.clone()))
        .extensions(Some(extensions()));
    let (mut options, state) = core.generate_challenge_register(builder)?;
    person.hospital.clone_into(&mut options.public_key.rp.name);
    Ok((options, Pending::Register(Box::new(state), existing)))
}

/// A key must not tell who has it to whoever finds it: without PIN or finger it answers only when asked for by its id.
fn extensions() -> RequestRegistrationExtensions {
    RequestRegistrationExtensions {
        cred_protect: Some(CredProtect {
            credential_protection_policy: CredentialProtectionPolicy::UserVerificationOptionalWithCredentialIDList,
            enforce_credential_protection_policy: Some(false),
        }),
        uvm: None,
        cred_props: Some(true),
        min_pin_length: None,
        hmac_create_secret: None,
    }
}

pub(super) fn finish(
    party: &RelyingParty,
    take: impl FnOnce(&[u8]) -> Result<Pending, CeremonyError>,
    answer: &[u8],
    roots: Option<&AttestationRoots>,
) -> Result<Registered, CeremonyError> {
    if answer.len() > ANSWER_BYTES_MAX {
        return Err(CeremonyError::TooLarge { bytes: answer.len() });
    }
    let unreadable = |_| CeremonyError::Unreadable { part: "answer" };
    let reply: RegisterPublicKeyCredential = serde_json::from_slice(answer).map_err(unreadable)?;
    let beside: Beside = serde_json::from_slice(answer).map_err(unreadable)?;
    let client_data = ClientData::read(&reply.response.client_data_json)?;
    let Pending::Register(state, existing) = take(&client_data.challenge()?)? else {
        return Err(CeremonyError::OtherPurpose);
    };
    client_data.check(Kind::Create, party)?;
    if existing.contains(&reply.raw_id) {
        return Err(CeremonyError::AlreadyRegistered);
    }
    if reply.extensions.cred_props.as_ref().is_some_and(|props| props.rk == Some(false)) {
        return Err(CeremonyError::NotDiscoverable);
    }
    let credential = party.core().register_credential(&reply, &state, None)?;
    let id = BASE64_URL_SAFE_NO_PAD.encode(&credential.cred_id);
    if credential.cred_id != reply.raw_id || id.len() > CREDENTIAL_CHARS_MAX {
        return Err(CeremonyError::Unreadable { part: "rawId" });
    }
    Ok(Registered {
        credential: id.into(),
        key: key::from_library(&credential.cred).map_err(|_| CeremonyError::Algorithm)?,
        counter: credential.counter,
        aaguid: attested::aaguid(&reply.response.attestation_object)?,
        attestation: Attestation::of(&credential, roots)?,
        attachment: beside.authenticator_attachment.as_deref().and_then(known),
        transports: beside.response.transports.iter().filter_map(|name| known(name)).collect(),
        backup_eligible: credential.backup_eligible,
        backed_up: credential.backup_state,
        verified: credential.user_verified,
    })
}

/// A word of the standard's that we know; others are let be, as the standard asks.
fn known<T: serde::de::DeserializeOwned>(word: &str) -> Option<T> {
    serde_json::from_value(word.into()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_handle_reads_what_it_writes_and_nothing_else() {
        let handle = UserHandle::new([7; HANDLE_BYTES]);
        assert_eq!(handle.to_string().parse(), Ok(handle));
        for wrong in ["", "AAAA", "!", &format!("{handle}=")] {
            assert_eq!(wrong.parse::<UserHandle>(), Err(UserHandleError), "{wrong}");
        }
    }

    #[test]
    fn words_of_the_standard_that_are_not_known_are_let_be() {
        assert_eq!(known("cross-platform"), Some(Attachment::CrossPlatform));
        assert_eq!(known("smart-card"), Some(Transport::SmartCard));
        assert_eq!(known::<Transport>("telepathy"), None);
    }
}
