//! What the browser says it was asked: `clientDataJSON`, read before anything else and held against what we asked.

use super::CeremonyError;
use super::relying::RelyingParty;
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde::Deserialize;

/// The two ceremonies, as browsers name them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Create,
    Get,
}

impl Kind {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Create => "webauthn.create",
            Self::Get => "webauthn.get",
        }
    }
}

/// The parts that we judge; browsers may say more.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ClientData {
    #[serde(rename = "type")]
    kind: String,
    challenge: String,
    origin: String,
    #[serde(default)]
    cross_origin: Option<bool>,
    #[serde(default)]
    top_origin: Option<String>,
}

impl ClientData {
    pub(super) fn read(json: &[u8]) -> Result<Self, CeremonyError> {
        serde_json::from_slice(json).map_err(|_| CeremonyError::Unreadable { part: "clientDataJSON" })
    }

    pub(super) fn challenge(&self) -> Result<Vec<u8>, CeremonyError> {
        BASE64_URL_SAFE_NO_PAD.decode(&self.challenge).map_err(|_| CeremonyError::Unreadable { part: "challenge" })
    }

    /// The origin letter for letter, and never in a frame of another site: the library compares hosts and ports, lets a path be, and
    /// looks at frames in one of the ceremonies only.
    pub(super) fn check(&self, kind: Kind, party: &RelyingParty) -> Result<(), CeremonyError> {
        if self.kind != kind.as_str() {
            return Err(CeremonyError::OtherKind);
        }
        if self.origin != party.origin() {
            return Err(CeremonyError::WrongOrigin { origin: self.origin.chars().take(256).collect() });
        }
        if self.cross_origin == Some(true) || self.top_origin.is_some() {
            return Err(CeremonyError::CrossOrigin);
        }
        Ok(())
    }
}
