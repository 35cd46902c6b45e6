//! `assurance.toml`: ways to sign in, how sure each makes us, how long that lasts, and the ways back in.

use crate::entities::Risk;
use crate::length::Minutes;
use crate::name::{MethodName, ProviderName, RecoveryName};
use crate::provider::Provider;
use crate::workflow::RequiredAssurance;
use events::{OwnerId, RoleName, UnitId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How sure sign-in must make us.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Assurance {
    /// Ways to sign in.
    pub methods: BTreeMap<MethodName, Method>,
    /// How long a session lasts, by level and place; the first that fits counts. Levels 2 and 3 each need one for every place.
    pub session: Vec<SessionLimit>,
    /// How surely one must have signed in, by the risk of what is asked for; policies see whether that is so in `context.assurance`.
    #[serde(default)]
    pub required: Option<RequiredByRisk>,
    /// What a colleague's word is worth.
    pub vouching: Vouching,
    /// Ways back in for those who cannot sign in.
    #[serde(default)]
    pub recovery: BTreeMap<RecoveryName, RecoveryPath>,
    /// Others whose word about who somebody is counts here.
    #[serde(default)]
    pub provider: BTreeMap<ProviderName, Provider>,
}

/// How surely one must have signed in, by the risk of what is asked for. It never falls as the risk rises.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "each is the risk of the same name")]
pub struct RequiredByRisk {
    pub low: RequiredAssurance,
    pub moderate: RequiredAssurance,
    pub high: RequiredAssurance,
    pub critical: RequiredAssurance,
}

impl RequiredByRisk {
    /// What a risk requires.
    #[must_use]
    pub const fn of(&self, risk: Risk) -> RequiredAssurance {
        match risk {
            Risk::Low => self.low,
            Risk::Moderate => self.moderate,
            Risk::High => self.high,
            Risk::Critical => self.critical,
        }
    }

    pub(crate) const fn of_mut(&mut self, risk: Risk) -> &mut RequiredAssurance {
        match risk {
            Risk::Low => &mut self.low,
            Risk::Moderate => &mut self.moderate,
            Risk::High => &mut self.high,
            Risk::Critical => &mut self.critical,
        }
    }
}

/// A way to sign in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Method {
    /// What people call it.
    pub title: String,
    /// The assurance level it gives (SP 800-63B-4), 1 to 3.
    pub level: u8,
    /// Whether it withstands phishing. Level 3 needs it.
    pub phishing_resistant: bool,
}

/// How long a session of a level lasts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SessionLimit {
    /// The level, 1 to 3.
    pub level: u8,
    /// In these units; empty means everywhere.
    #[serde(default)]
    pub units: Vec<UnitId>,
    /// Unused so long, it ends. At most 60 minutes at level 2 and 15 at level 3.
    pub idle_min: Minutes,
    /// It ends after so long in any case. At most 24 hours at level 2 and 12 at level 3.
    pub overall_min: Minutes,
}

/// What a colleague's word is worth.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Vouching {
    /// Who may vouch: roles of `entities.toml`, at least one.
    pub roles: Vec<RoleName>,
    /// The level the voucher must have signed in with.
    pub level: u8,
    /// Whether both must be on shift in the same unit.
    pub same_unit: bool,
    /// How long it lasts.
    pub duration_min: Minutes,
    /// How often one person may be vouched for in a shift.
    pub per_shift_max: u32,
}

/// A way back in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecoveryPath {
    /// What people call it.
    pub title: String,
    /// Who runs it.
    pub owner: OwnerId,
    /// How long it takes at most, as promised.
    pub within_min: Minutes,
    /// The level it gives until a real sign-in, 1 or 2.
    pub level: u8,
}

impl Assurance {
    /// How long a session of this level lasts in this unit.
    #[must_use]
    pub fn session_limit(&self, level: u8, unit: Option<&UnitId>) -> Option<&SessionLimit> {
        self.session.iter().find(|limit| {
            limit.level == level && (limit.units.is_empty() || unit.is_some_and(|unit| limit.units.contains(unit)))
        })
    }
}
