//! `assurance.toml`: ways to sign in, how sure each makes us, how long that lasts, and the ways back in.

use crate::emergency::Reason;
use crate::entities::Risk;
use crate::length::Minutes;
use crate::name::{MakerName, MethodName, ProviderName, ReasonId, RecoveryName};
use crate::provider::Provider;
use crate::signing_in::{self, AuthenticatorRules, CauseRule, HandOver, Maker, Provisional, Reconnect, Throttle};
use crate::workflow::RequiredAssurance;
use events::principal::IdentityClass;
use events::signin::Cause;
use events::{ActionName, OwnerId, RoleName, UnitId};
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
    /// What people of each class prove themselves with: `staff`, `vendor`, `patient`. See [`Assurance::authenticators_of`].
    #[serde(default)]
    pub authenticators: BTreeMap<IdentityClass, AuthenticatorRules>,
    /// Makers of authenticators whose word about what they made counts.
    #[serde(default)]
    pub makers: BTreeMap<MakerName, Maker>,
    /// The end of a shift.
    #[serde(default)]
    pub hand_over: HandOver,
    /// Who is let in although they can prove nothing; absent: nobody.
    #[serde(default)]
    pub provisional: Option<Provisional>,
    /// Why signing in fails, and who answers for each; none, or all of them.
    #[serde(default)]
    pub causes: BTreeMap<Cause, CauseRule>,
    /// How often one may try.
    #[serde(default)]
    pub throttle: Throttle,
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
    /// So long before either its owner is warned, 1 to 10 and less than both; absent: 2. See [`Assurance::session_rules`].
    #[serde(default)]
    pub warn_before_min: Option<Minutes>,
    /// How its owner comes back to a locked screen; absent: as the next limit says that fits, and `verify` where none does.
    #[serde(default)]
    pub reconnect: Option<Reconnect>,
    /// Whether its screen locks when the badge is taken away; absent: as the next limit says that fits, and it does where none does.
    #[serde(default)]
    pub badge_away_locks: Option<bool>,
}

impl SessionLimit {
    /// Whether it is for sessions of this level in this unit.
    pub(crate) fn fits(&self, level: u8, unit: Option<&UnitId>) -> bool {
        self.level == level && (self.units.is_empty() || unit.is_some_and(|unit| self.units.contains(unit)))
    }
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
    /// The reasons to choose from, one touch each, at most [`VOUCHING_REASONS_MAX`].
    #[serde(default = "signing_in::usual_reasons")]
    pub reasons: BTreeMap<ReasonId, Reason>,
    /// What it is good for: actions or groups of actions; empty means everything that policies open to whoever is vouched for. Whoever is
    /// vouched for never vouches: that is a rule, and nothing a charter changes.
    #[serde(default)]
    pub actions: Vec<ActionName>,
}

/// The most reasons for vouching: they must fit one screen.
pub const VOUCHING_REASONS_MAX: usize = 6;

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
    /// Who approves: teams or people; empty means the owner. Never who asked, and never who stands for them: that is a rule.
    #[serde(default)]
    pub approvers: Vec<OwnerId>,
    /// Who approves besides: roles.
    #[serde(default)]
    pub approving_roles: Vec<RoleName>,
    /// How long the temporary pass is good for, at most 240.
    #[serde(default = "pass_usual")]
    pub pass_min: Minutes,
    /// Open for longer, a request is an incident; absent: four times what was promised.
    #[serde(default)]
    pub max_open_min: Option<Minutes>,
    /// In how many of a hundred tries it must be there, 50 to 100.
    #[serde(default = "available_usual")]
    pub available_percent: u8,
}

const fn pass_usual() -> Minutes {
    Minutes::nearest(30)
}

const fn available_usual() -> u8 {
    99
}

impl RecoveryPath {
    /// Open for longer than this, a request is an incident.
    #[must_use]
    pub fn incident_after(&self) -> Minutes {
        self.max_open_min.unwrap_or_else(|| Minutes::nearest(self.within_min.get().saturating_mul(4)))
    }

    /// The teams and people who approve.
    #[must_use]
    pub fn approvers(&self) -> &[OwnerId] {
        if self.approvers.is_empty() { std::slice::from_ref(&self.owner) } else { &self.approvers }
    }
}

impl Assurance {
    /// How long a session of this level lasts in this unit.
    #[must_use]
    pub fn session_limit(&self, level: u8, unit: Option<&UnitId>) -> Option<&SessionLimit> {
        self.session.iter().find(|limit| limit.fits(level, unit))
    }
}
