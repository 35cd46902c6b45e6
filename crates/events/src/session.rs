//! People's sessions: from the first touch at a workstation to the last.

use crate::{AuthenticatorId, DeviceId, PatientPseudonym, PrincipalId, SessionId, Timestamp, UnitId};
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

/// How somebody proved who they are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proof {
    /// The charter's method.
    pub method: SmolStr,
    /// The assurance level it gave (SP 800-63B-4), 1 to 3.
    pub level: u8,
    /// Whether the person was verified, by PIN or finger, and not only present.
    pub verified: bool,
    /// With which authenticator, if with one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authenticator: Option<AuthenticatorId>,
    /// Its signature counter then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counter: Option<u32>,
    /// When they proved it, where that was before: at another provider.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proved_at: Option<Timestamp>,
}

/// Somebody signed in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Started {
    /// The session.
    pub session: SessionId,
    /// Who.
    pub principal: PrincipalId,
    /// Where; absent away from any enrolled workstation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workstation: Option<DeviceId>,
    /// The key of the browser it is in, where that is no enrolled workstation's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<crate::workstation::DeviceKey>,
    /// How.
    pub proof: Proof,
    /// It is over then, whatever happens in it.
    pub good_until: Timestamp,
    /// Who stands for them, where a colleague vouched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vouched_by: Option<PrincipalId>,
    /// Who they are is only claimed: an emergency, to be reviewed by then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub review_due: Option<Timestamp>,
    /// The session at the provider that signed them in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider_session: Option<SmolStr>,
}

/// Why a screen locked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LockCause {
    /// Its owner locked it.
    Asked,
    /// Nobody used it for a while.
    Idle,
    /// The badge was taken away.
    BadgeAway,
    /// Somebody else went on at the workstation.
    TakenOver,
}

impl LockCause {
    /// Every cause.
    pub const ALL: [Self; 4] = [Self::Asked, Self::Idle, Self::BadgeAway, Self::TakenOver];

    /// Its name in leaves.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Asked => "asked",
            Self::Idle => "idle",
            Self::BadgeAway => "badge_away",
            Self::TakenOver => "taken_over",
        }
    }
}

/// A screen locked. The session goes on; nothing is done in it until its owner is back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Locked {
    /// The session.
    pub session: SessionId,
    /// Why.
    pub cause: LockCause,
}

/// Its owner came back, here or at another workstation: the session follows them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resumed {
    /// The session.
    pub session: SessionId,
    /// Where they are now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workstation: Option<DeviceId>,
    /// How they proved that it is them.
    pub proof: Proof,
}

/// Its owner proved again who they are, because what they wanted needs it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SteppedUp {
    /// The session.
    pub session: SessionId,
    /// How.
    pub proof: Proof,
}

/// A session was used. Recorded at most once a minute.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Used {
    /// The session.
    pub session: SessionId,
}

/// Why a session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndCause {
    /// Its owner signed out.
    SignedOut,
    /// Its time was over.
    Over,
    /// Its owner or somebody who answers for identities ended it.
    Revoked,
    /// What it rests on was revoked.
    AuthenticatorRevoked,
    /// The workstation's keys were withdrawn, or it is no longer in use.
    WorkstationWithdrawn,
    /// Somebody else took over at the end of the shift.
    HandedOver,
    /// Its owner may not act any more.
    PrincipalEnded,
    /// Its owner signed in anew, more surely.
    Replaced,
    /// The provider that signed them in said so.
    ProviderSignedOut,
}

/// A session ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ended {
    /// The session.
    pub session: SessionId,
    /// Why.
    pub cause: EndCause,
}

/// A shift was handed over: both confirmed. Who joined and left which team are entries of their own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HandedOver {
    /// The session of who goes.
    pub from_session: SessionId,
    /// Who goes.
    pub from: PrincipalId,
    /// Who takes over.
    pub to: PrincipalId,
    /// Their session.
    pub to_session: SessionId,
    /// The patients that pass on, at most [`PATIENTS_MAX`].
    pub patients: Vec<PatientPseudonym>,
    /// The session of who goes ends then.
    pub ends_at: Timestamp,
}

/// The most patients that pass on with one hand-over.
pub const PATIENTS_MAX: usize = 64;

/// A signed-in colleague stood up for somebody whose authenticator failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Vouched {
    /// For whom.
    pub principal: PrincipalId,
    /// Who did.
    pub voucher: PrincipalId,
    /// In which session.
    pub voucher_session: SessionId,
    /// The workstation it is for.
    pub workstation: DeviceId,
    /// The unit both work in, where the charter wants that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<UnitId>,
    /// Why, from the charter's list.
    pub reason: SmolStr,
    /// It counts until then.
    pub until: Timestamp,
}
