//! Who may act: staff, patients, vendors, workloads, agents and devices as principals.

use crate::{Label, PrincipalId, RoleName, UnitId};
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

/// The class that decides which rules and which owner apply to an identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IdentityClass {
    /// Employed or contracted clinicians and other staff.
    Staff,
    /// People of a supplier.
    Vendor,
    /// Patients and those who act for them.
    Patient,
    /// A workload that acts for itself.
    ServiceAccount,
    /// A bare key of a system that knows nothing better.
    ApiKey,
    /// A medical or other device.
    Device,
    /// An AI agent.
    Agent,
}

impl IdentityClass {
    /// Every class.
    pub const ALL: [Self; 7] =
        [Self::Staff, Self::Vendor, Self::Patient, Self::ServiceAccount, Self::ApiKey, Self::Device, Self::Agent];

    /// Its name in charters, leaves and policies.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Staff => "staff",
            Self::Vendor => "vendor",
            Self::Patient => "patient",
            Self::ServiceAccount => "service_account",
            Self::ApiKey => "api_key",
            Self::Device => "device",
            Self::Agent => "agent",
        }
    }
}

/// The principal exists, or is described anew: the whole description, replacing what was known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Registered {
    /// Who.
    pub principal: PrincipalId,
    /// Their class.
    pub class: IdentityClass,
    /// Their roles, at most [`crate::principal::ROLES_MAX`].
    pub roles: Vec<RoleName>,
    /// What people call them. Never a patient's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<SmolStr>,
    /// The unit they belong to when not on a shift.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub home_unit: Option<UnitId>,
    /// What other systems call them: practitioner codes, badge numbers; at most [`crate::principal::ALIASES_MAX`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<PrincipalId>,
    /// Labels that tie them to records needing more care, such as `family:F17`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub labels: Vec<Label>,
}

/// The most roles one principal can have.
pub const ROLES_MAX: usize = 32;
/// The most aliases one principal can have.
pub const ALIASES_MAX: usize = 16;

/// The principal may not act any more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ended {
    /// Who.
    pub principal: PrincipalId,
}
