//! `emergency.toml`: breaking the glass. Who may, why, for how long, who hears of it, and when it has become routine.

use crate::length::{Hours, Minutes};
use crate::name::ReasonId;
use events::{OwnerId, RoleName};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Emergency access.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Emergency {
    /// Who may break the glass: roles of `entities.toml`, at least one.
    pub may_break_glass: Vec<RoleName>,
    /// How long it lasts.
    pub duration_min: Minutes,
    /// Who is told at once, at least one.
    pub alerts: Vec<OwnerId>,
    /// The review.
    pub review: ReviewRule,
    /// From when on emergency access counts as routine, and somebody must ask why.
    pub routinisation: Routinisation,
    /// The reasons to choose from, one touch each; at least one.
    pub reasons: BTreeMap<ReasonId, Reason>,
}

/// The mandatory review of each use.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReviewRule {
    /// Who reviews.
    pub by: OwnerId,
    /// Due after so long.
    pub due_h: Hours,
}

/// When emergency access has become routine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Routinisation {
    /// Uses by one person in 30 days.
    pub person_30_days_max: u32,
    /// Uses in one unit in 7 days.
    pub unit_7_days_max: u32,
    /// Uses with the same reason among all of a unit, in percent: 1 to 100.
    pub same_reason_percent_max: u8,
}

/// A reason for breaking the glass.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reason {
    /// What the button says.
    pub title: String,
}
