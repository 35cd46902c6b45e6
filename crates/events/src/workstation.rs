//! Workstations: devices that prove which one they are by a key of their own.

use crate::{DeviceId, Timestamp};
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

/// A one-use code for enrolling a workstation was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CodeIssued {
    /// For which device.
    pub device: DeviceId,
    /// The code's public id.
    pub slip: SmolStr,
    /// It is worthless after this.
    pub good_until: Timestamp,
}

/// A public key that a browser or a workstation's helper keeps the other half of: a point of P-256.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceKey {
    /// First coordinate, 32 bytes, base64url.
    pub x: SmolStr,
    /// Second coordinate.
    pub y: SmolStr,
}

/// What a workstation's key is kept in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Keeper {
    /// A browser, which does not give it out.
    Browser,
    /// The workstation's helper, in a file only it can read.
    Helper,
}

impl Keeper {
    /// Every keeper.
    pub const ALL: [Self; 2] = [Self::Browser, Self::Helper];

    /// Its name in leaves.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Browser => "browser",
            Self::Helper => "helper",
        }
    }
}

/// A workstation was enrolled: whoever holds this key is that device. The same keeper again replaces its key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Enrolled {
    /// Which.
    pub device: DeviceId,
    /// What keeps its key.
    pub keeper: Keeper,
    /// Its public key.
    pub key: DeviceKey,
    /// The code it was enrolled with.
    pub slip: SmolStr,
}

/// A workstation's keys count no longer, and sessions at it end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Withdrawn {
    /// Which.
    pub device: DeviceId,
}
