//! Signing in as it went: attempts, signs of workarounds, and the way back in by the help desk. Evidence only; no fact rests on it.

use crate::{AuthenticatorId, DeviceId, PrincipalId, SessionId, Timestamp};
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

/// What somebody tried to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// Register an authenticator.
    Register,
    /// Sign in.
    SignIn,
    /// Come back to a locked session.
    Reconnect,
    /// Go on at another workstation.
    Roam,
    /// Begin at a screen that is still somebody else's.
    TakeOver,
    /// Prove it again for something riskier.
    StepUp,
    /// Stand up for a colleague, or be stood up for.
    Vouch,
    /// Take over at a shift's end.
    HandOver,
    /// Get back in by the help desk.
    Recover,
    /// Get in without being able to prove anything, in an emergency.
    Provisional,
    /// Enrol a workstation.
    Enrol,
}

/// How it went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It worked.
    Done,
    /// It was refused.
    Refused,
    /// The person cancelled, or did nothing until it was too late.
    GivenUp,
    /// Something did not work.
    Failed,
}

/// What it was because of, where it did not work: the charter's taxonomy says who answers for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// The key, phone or passkey.
    Authenticator,
    /// The badge reader.
    Reader,
    /// The workstation's own proof.
    DeviceTrust,
    /// The network, or the node.
    Network,
    /// A rule of the charter.
    Policy,
    /// Something the person did or did not do.
    User,
    /// The provider that signs them in elsewhere.
    Federation,
}

impl Cause {
    /// Every cause.
    pub const ALL: [Self; 7] = [
        Self::Authenticator,
        Self::Reader,
        Self::DeviceTrust,
        Self::Network,
        Self::Policy,
        Self::User,
        Self::Federation,
    ];

    /// Its name in leaves and charters.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Authenticator => "authenticator",
            Self::Reader => "reader",
            Self::DeviceTrust => "device_trust",
            Self::Network => "network",
            Self::Policy => "policy",
            Self::User => "user",
            Self::Federation => "federation",
        }
    }
}

/// Somebody tried to sign in, come back, step up, or whatever else it takes to get to work.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempted {
    /// What they tried.
    pub step: Step,
    /// How it went.
    pub outcome: Outcome,
    /// Because of what, where it did not work.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<Cause>,
    /// Exactly what, in a fixed word such as `challenge_expired`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<SmolStr>,
    /// Who, as far as it was proved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub principal: Option<PrincipalId>,
    /// Who they said they were, where nothing proves it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claimed: Option<PrincipalId>,
    /// Which session came of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<SessionId>,
    /// The charter's method.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<SmolStr>,
    /// What sort of device it was at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_kind: Option<SmolStr>,
    /// From the first touch to a usable page, in milliseconds, as the page measured it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub elapsed_ms: Option<u32>,
    /// How often the person had to touch or type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interactions: Option<u8>,
    /// Like attempts that were not recorded one by one, because there were too many in a minute.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub unrecorded: u32,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
const fn is_zero(count: &u32) -> bool {
    *count == 0
}

/// A sign that people work around signing in, or that somebody abuses it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sign {
    /// A cookie was shown by something that does not have the workstation's key.
    CopiedCookie,
    /// One person signed in on two workstations within a time in which nobody walks there.
    TwoPlaces,
    /// Sessions of one person overlapped.
    Overlapping,
    /// Many people failed at one workstation.
    ManyFailures,
    /// An authenticator's counter went back.
    ClonedAuthenticator,
}

/// A sign was seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signalled {
    /// Which.
    pub sign: Sign,
    /// About whom, if about one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub principal: Option<PrincipalId>,
    /// In which session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<SessionId>,
    /// The other workstation, where two are concerned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub other: Option<DeviceId>,
    /// How often within the time looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<u32>,
}

/// Somebody who cannot sign in asked for the help desk's way back in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecoveryAsked {
    /// The request.
    pub recovery: SmolStr,
    /// For whom.
    pub principal: PrincipalId,
    /// The charter's path.
    pub path: SmolStr,
    /// Who stands for them.
    pub voucher: PrincipalId,
    /// It is answered by then, or an incident.
    pub due: Timestamp,
}

/// The request was answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecoveryAnswered {
    /// The request.
    pub recovery: SmolStr,
    /// For whom.
    pub principal: PrincipalId,
    /// Who answered: neither who asked nor who stands for them.
    pub approver: PrincipalId,
    /// Whether they may have a pass.
    pub approved: bool,
    /// The pass's public id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slip: Option<SmolStr>,
    /// The pass is worthless after this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub good_until: Option<Timestamp>,
    /// How long it took, in seconds.
    pub waited_s: u32,
}

/// Somebody gave up their last authenticator: until they have another, they cannot sign in, and whoever answers for identities knows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecoveryNeeded {
    /// Who.
    pub principal: PrincipalId,
    /// Their last authenticator.
    pub authenticator: AuthenticatorId,
}

/// What a reviewer found of somebody's having been let in by name alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Finding {
    /// It was who they said, and there was need.
    Justified,
    /// It was somebody else, or there was no need.
    Unjustified,
    /// It cannot be found out.
    Unclear,
}

/// Somebody's having been let in by name alone was reviewed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProvisionalReviewed {
    /// The session.
    pub session: SessionId,
    /// Who it was said to be.
    pub principal: PrincipalId,
    /// Who reviewed it: neither of those it is about.
    pub reviewer: PrincipalId,
    /// What they found.
    pub finding: Finding,
    /// In their words.
    pub words: SmolStr,
}

/// Somebody with a shell on the server made a way in for a person who is locked out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecoveredAtConsole {
    /// Who.
    pub principal: PrincipalId,
    /// The pass's public id.
    pub slip: SmolStr,
    /// It is worthless after this.
    pub good_until: Timestamp,
    /// Why, in a few words.
    pub why: SmolStr,
}
