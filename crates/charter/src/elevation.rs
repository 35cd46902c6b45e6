//! `elevation.toml`: just-in-time privilege. What can be asked for, who approves, for how long.

use crate::entities::Risk;
use crate::length::Minutes;
use events::{Label, OwnerId, RoleName};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What can be asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Elevation {
    /// Entitlements by name; policies see the live ones in `context.live.elevations`.
    #[serde(default)]
    pub entitlements: BTreeMap<Label, Entitlement>,
}

/// A privilege that is held only for a while.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entitlement {
    /// What people call it.
    pub title: String,
    /// How bad misuse would be.
    pub risk: Risk,
    /// Who may ask: roles of `entities.toml`, at least one.
    pub may_ask: Vec<RoleName>,
    /// Who must agree: all of these. Nobody approves their own request, and machines never approve.
    pub approvals: Vec<Approval>,
    /// The longest it can be granted for.
    pub duration_max_min: Minutes,
    /// Entitlements nobody may hold or approve together with this one (separation of duties).
    #[serde(default)]
    pub separate_from: Vec<Label>,
}

/// Approval by so many different people of a team (or by one person).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Approval {
    /// The team or person.
    pub by: OwnerId,
    /// How many of them, at least 1.
    pub count: u8,
}
