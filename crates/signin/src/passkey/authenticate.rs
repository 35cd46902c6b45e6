//! Proving who one is: an authenticator signs our challenge, and we hold that against what is kept of it.

use super::challenge::Pending;
use super::client_data::{ClientData, Kind};
use super::key;
use super::register::Transport;
use super::relying::RelyingParty;
use super::{ANSWER_BYTES_MAX, AuthenticationOptions, CeremonyError};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use events::authenticator::PublicKey;
use smol_str::SmolStr;
use webauthn_rs_core::error::WebauthnError;
use webauthn_rs_core::proto::{
    AllowCredentials, AttestationFormat, AuthenticationState, Credential, ParsedAttestation, RegisteredExtensions,
};
use webauthn_rs_proto::{PublicKeyCredential, UserVerificationPolicy};

/// Whether the person has to be verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verification {
    /// By PIN or finger. The rule.
    Required,
    /// Not needed: a touch will do, where the charter says that something else vouches for the rest.
    PresenceOnly,
}

/// An authenticator of somebody who said who they are, or whom we know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claimed {
    /// The credential's id, base64url.
    pub credential: SmolStr,
    /// By what it can be reached, so that the browser asks for the right thing.
    pub transports: Vec<Transport>,
}

/// What is kept of an authenticator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// Its public key.
    pub key: PublicKey,
    /// Its signature counter, when it was last seen.
    pub counter: u32,
    /// The handle of the person it belongs to, base64url.
    pub user_handle: SmolStr,
    /// Whether the key may be copied to other devices. Never changes.
    pub backup_eligible: bool,
}

/// What was proved. The counter is to be kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proved {
    /// By which credential, base64url.
    pub credential: SmolStr,
    /// Its signature counter now.
    pub counter: u32,
    /// Whether the person was verified, and not only present.
    pub verified: bool,
    /// Whether the key has been copied to other devices.
    pub backed_up: bool,
}

/// What has to be remembered of a question: who may answer it, and how.
#[derive(Debug)]
pub(super) struct Asked {
    state: Option<AuthenticationState>,
    /// Ids of those who may answer; everybody when empty.
    allowed: Vec<Vec<u8>>,
}

#[cfg(test)]
impl Asked {
    pub(super) const fn nobody() -> Self {
        Self { state: None, allowed: Vec::new() }
    }
}

/// Options for `navigator.credentials.get()`, and what has to be remembered of them.
pub(super) fn options(
    party: &RelyingParty,
    claimed: &[Claimed],
    verification: Verification,
) -> Result<(AuthenticationOptions, Pending), CeremonyError> {
    let policy = match verification {
        Verification::Required => UserVerificationPolicy::Required,
        Verification::PresenceOnly => UserVerificationPolicy::Discouraged_DO_NOT_USE,
    };
    let allowed: Vec<AllowCredentials> = claimed.iter().map(allow).collect::<Result<_, _>>()?;
    let core = party.core();
    let builder = core.new_challenge_authenticate_builder(Vec::new(), Some(policy))?;
    let (mut options, state) = core.generate_challenge_authenticate(builder)?;
    let ids = allowed.iter().map(|allowed| allowed.id.clone()).collect();
    options.public_key.allow_credentials = allowed;
    Ok((options, Pending::Authenticate(Box::new(Asked { state: Some(state), allowed: ids }))))
}

fn allow(claimed: &Claimed) -> Result<AllowCredentials, CeremonyError> {
    let transports: Vec<_> = claimed.transports.iter().filter_map(|transport| transport.to_library()).collect();
    Ok(AllowCredentials {
        type_: "public-key".to_owned(),
        id: credential_id(&claimed.credential)?,
        transports: (!transports.is_empty()).then_some(transports),
    })
}

/// The bytes of a credential id.
pub(super) fn credential_id(text: &str) -> Result<Vec<u8>, CeremonyError> {
    BASE64_URL_SAFE_NO_PAD.decode(text).map_err(|_| CeremonyError::Unreadable { part: "credential id" })
}

pub(super) fn finish(
    party: &RelyingParty,
    take: impl FnOnce(&[u8]) -> Result<Pending, CeremonyError>,
    answer: &[u8],
    find: impl FnOnce(&str) -> Option<Stored>,
) -> Result<Proved, CeremonyError> {
    if answer.len() > ANSWER_BYTES_MAX {
        return Err(CeremonyError::TooLarge { bytes: answer.len() });
    }
    let reply: PublicKeyCredential =
        serde_json::from_slice(answer).map_err(|_| CeremonyError::Unreadable { part: "answer" })?;
    let client_data = ClientData::read(&reply.response.client_data_json)?;
    let Pending::Authenticate(asked) = take(&client_data.challenge()?)? else {
        return Err(CeremonyError::OtherPurpose);
    };
    client_data.check(Kind::Get, party)?;
    let Asked { state: Some(state), allowed } = *asked else { return Err(CeremonyError::ChallengeUnknown) };
    let credential = SmolStr::from(BASE64_URL_SAFE_NO_PAD.encode(&reply.raw_id));
    if !allowed.is_empty() && !allowed.contains(&reply.raw_id) {
        return Err(CeremonyError::NotAllowed { credential });
    }
    let Some(stored) = find(&credential) else { return Err(CeremonyError::UnknownCredential { credential }) };
    match &reply.response.user_handle {
        Some(handle) if BASE64_URL_SAFE_NO_PAD.encode(handle) != stored.user_handle => {
            return Err(CeremonyError::OtherUserHandle { credential });
        }
        None if allowed.is_empty() => return Err(CeremonyError::NoUserHandle),
        _ => {}
    }
    let key = as_library(&reply.raw_id, &stored)?;
    let result = match party.core().authenticate_single_credential(&reply, &state, &key) {
        Err(WebauthnError::CredentialPossibleCompromise) => {
            let shown = shown_counter(&reply.response.authenticator_data);
            return Err(CeremonyError::CounterWentBack { credential, kept: stored.counter, shown });
        }
        result => result?,
    };
    Ok(Proved {
        credential,
        counter: result.counter(),
        verified: result.user_verified(),
        backed_up: result.backup_state(),
    })
}

/// What the library wants to know of an authenticator. It would hold verification at registration against every later use; whether this
/// use needs it is what was asked, and the library holds that.
fn as_library(id: &[u8], stored: &Stored) -> Result<Credential, CeremonyError> {
    Ok(Credential {
        cred_id: id.to_vec(),
        cred: key::to_library(&stored.key).map_err(|_| CeremonyError::Algorithm)?,
        counter: stored.counter,
        transports: None,
        user_verified: true,
        backup_eligible: stored.backup_eligible,
        backup_state: false,
        registration_policy: UserVerificationPolicy::Discouraged_DO_NOT_USE,
        extensions: RegisteredExtensions::none(),
        attestation: ParsedAttestation::default(),
        attestation_format: AttestationFormat::None,
    })
}

/// The counter in an authenticator's data, behind hash and flags.
fn shown_counter(data: &[u8]) -> u32 {
    data.get(33..37).and_then(|bytes| bytes.try_into().ok()).map_or(0, u32::from_be_bytes)
}
