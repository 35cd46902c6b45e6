//! Workstations, phones and medical devices, and whether they are in good health.

use crate::{DeviceId, Timestamp, UnitId};
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

/// What sort of device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeviceKind {
    /// A desktop or cart.
    Workstation,
    /// A laptop.
    Laptop,
    /// A phone or tablet.
    Mobile,
    /// An infusion pump, monitor, modality or other medical device.
    Medical,
    /// A server or gateway.
    Server,
}

impl DeviceKind {
    /// Every sort.
    pub const ALL: [Self; 5] = [Self::Workstation, Self::Laptop, Self::Mobile, Self::Medical, Self::Server];

    /// Its name in charters, leaves and policies.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Workstation => "workstation",
            Self::Laptop => "laptop",
            Self::Mobile => "mobile",
            Self::Medical => "medical",
            Self::Server => "server",
        }
    }
}

/// A device was enrolled; the same id again replaces the description.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Registered {
    /// Which.
    pub device: DeviceId,
    /// What sort.
    pub kind: DeviceKind,
    /// Where it stands, if it stands anywhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<UnitId>,
    /// Whether several people use it.
    pub shared: bool,
    /// Whether the hospital manages it.
    pub managed: bool,
}

/// A device is no longer in use.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retired {
    /// Which.
    pub device: DeviceId,
}

/// How healthy a device was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Posture {
    /// As it should be.
    Healthy,
    /// Something is out of date; work may go on for a while.
    Degraded,
    /// Not to be trusted.
    Failed,
}

impl Posture {
    /// Every finding.
    pub const ALL: [Self; 3] = [Self::Healthy, Self::Degraded, Self::Failed];

    /// Its name in charters, leaves and policies.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Healthy => "healthy",
            Self::Degraded => "degraded",
            Self::Failed => "failed",
        }
    }
}

/// A check of a device's health, good until a time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PostureReported {
    /// Which.
    pub device: DeviceId,
    /// What was found.
    pub posture: Posture,
    /// After this the finding says nothing any more.
    pub good_until: Timestamp,
    /// What was wrong, in the checker's words, at most 200 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<SmolStr>,
}
