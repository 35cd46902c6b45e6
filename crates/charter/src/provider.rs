//! `[provider.NAME]` of `assurance.toml`: whose word about who somebody is counts, for whom, and how much.
//!
//! Where a provider is and how it is spoken to is said in the node's configuration; what its word is worth is the hospital's to decide, so it stands here.
//! A provider says who somebody is. It never makes a person and never gives a role.

use events::RoleName;
use events::principal::IdentityClass;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The claim that carries a person's groups where a charter does not say which.
pub const GROUPS_CLAIM: &str = "groups";

/// What a sign-in at somebody else's is worth here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Provider {
    /// What people call it; it stands on the button.
    pub title: String,
    /// The claim whose value names the person: it must be the id or an alias of exactly one who may act. `email` counts only where the provider says that
    /// it verified it.
    pub claim: String,
    /// The classes of identity it may speak for.
    pub classes: Vec<IdentityClass>,
    /// The level of a sign-in whose `acr` is not in the table below, 1 or 2. Without it such a sign-in is refused.
    #[serde(default)]
    pub level: Option<u8>,
    /// What the provider's authentication contexts (`acr`) are worth.
    #[serde(default)]
    pub acr: BTreeMap<String, AcrLevel>,
    /// The provider's groups whose members may come in by it, and the role each stands for. Empty: everybody of `classes`.
    #[serde(default)]
    pub groups: BTreeMap<String, RoleName>,
    /// The claim that lists a person's groups.
    #[serde(default = "groups_claim")]
    pub groups_claim: String,
}

/// What an authentication context is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AcrLevel {
    /// The assurance level it gives (SP 800-63B-4), 1 to 3.
    pub level: u8,
    /// Whether it withstands phishing. Level 3 needs it.
    #[serde(default)]
    pub phishing_resistant: bool,
}

fn groups_claim() -> String {
    GROUPS_CLAIM.to_owned()
}

impl Provider {
    /// The level of a sign-in with this `acr`, if it counts at all.
    #[must_use]
    pub fn level_of(&self, acr: Option<&str>) -> Option<u8> {
        acr.and_then(|acr| self.acr.get(acr)).map(|listed| listed.level).or(self.level)
    }

    /// The `acr` values that give at least this level, the least sufficient first: what to ask the provider for.
    #[must_use]
    pub fn acr_for(&self, level: u8) -> Vec<&str> {
        let mut enough: Vec<(u8, &str)> = self
            .acr
            .iter()
            .filter(|(_, listed)| listed.level >= level)
            .map(|(acr, listed)| (listed.level, acr.as_str()))
            .collect();
        enough.sort_unstable();
        enough.into_iter().map(|(_, acr)| acr).collect()
    }
}
