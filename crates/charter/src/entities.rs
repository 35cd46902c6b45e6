//! `entities.toml`: what stands still. Roles, the risk of each action, sensitivity labels, and other entities policies may speak of.

use events::{ActionName, Label, PrincipalId, RoleName, TypeName};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What stands still.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StaticEntities {
    /// Roles; each becomes the entity `Role::"name"`.
    pub roles: BTreeMap<RoleName, Role>,
    /// Every action of the schema, with its risk.
    pub actions: BTreeMap<ActionName, Action>,
    /// Labels a patient or person may carry.
    #[serde(default)]
    pub labels: BTreeMap<Label, LabelMeaning>,
    /// Other entities: `[[entity]]` tables.
    #[serde(default)]
    pub entity: Vec<StaticEntity>,
}

/// A role.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Role {
    /// What people call it.
    pub title: String,
    /// The roles it belongs to: whoever is a `nurse` is also a `clinician` if this says so.
    #[serde(default, rename = "in")]
    pub parents: Vec<RoleName>,
}

/// An action of the schema.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Action {
    /// What people call it, as the end of "may not …": `read the chart`.
    pub title: String,
    /// How bad misuse would be.
    pub risk: Risk,
    /// Whether it only reads: who is shown something, changes nothing. Audit views tell readers from writers by it.
    #[serde(default)]
    pub reads: bool,
}

/// How bad misuse would be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Risk {
    /// Hardly.
    Low,
    /// Noticeable.
    Moderate,
    /// Serious.
    High,
    /// Irreparable.
    Critical,
}

impl Risk {
    /// Every risk, the least first.
    pub const ALL: [Self; 4] = [Self::Low, Self::Moderate, Self::High, Self::Critical];

    /// Its name in charters.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Moderate => "moderate",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
}

/// What a label means.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LabelMeaning {
    /// What people call it.
    pub title: String,
    /// Whether records that carry it need more than unit membership.
    #[serde(default)]
    pub sensitive: bool,
    /// Whether this is only the beginning of a label, such as `family:` for `family:F17`.
    #[serde(default)]
    pub prefix: bool,
}

/// An entity that policies may speak of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StaticEntity {
    /// The schema's type.
    #[serde(rename = "type")]
    pub kind: TypeName,
    /// Its id.
    pub id: PrincipalId,
    /// Its attributes as the schema declares them, in Cedar's JSON form.
    #[serde(default)]
    pub attributes: serde_json::Map<String, serde_json::Value>,
    /// What it belongs to.
    #[serde(default, rename = "in")]
    pub parents: Vec<EntityName>,
}

/// The type and id of an entity.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EntityName {
    /// The schema's type.
    #[serde(rename = "type")]
    pub kind: TypeName,
    /// The id.
    pub id: PrincipalId,
}
