//! What people work at, and how healthy it is.

use crate::Random;
use crate::units::{Purpose, UNITS};
use events::device::{DeviceKind, Posture, PostureReported, Registered};
use events::{DeviceId, Timestamp};
use std::time::Duration;

/// How long a finding about a device holds.
const GOOD_FOR: Duration = Duration::from_secs(24 * 60 * 60);

pub(crate) fn devices(workstations_per_unit: usize) -> Vec<Registered> {
    let mut devices = Vec::new();
    for unit in &UNITS {
        let mut add = |name: &str, number: usize, kind, shared| {
            if let Ok(device) = DeviceId::new(&format!("{name}-{}-{number}", unit.id)) {
                devices.push(Registered { device, kind, unit: Some(unit.unit_id()), shared, managed: true });
            }
        };
        for number in 1..=workstations_per_unit {
            add("ws", number, DeviceKind::Workstation, true);
        }
        add("phone", 1, DeviceKind::Mobile, false);
        if unit.purpose == Purpose::Ward {
            for number in 1..=unit.rooms {
                add("pump", number, DeviceKind::Medical, true);
            }
        }
        if unit.purpose == Purpose::Theatre {
            add("screen", 1, DeviceKind::Workstation, true);
        }
    }
    if let Ok(device) = DeviceId::new("byod-laptop-1") {
        devices.push(Registered { device, kind: DeviceKind::Laptop, unit: None, shared: false, managed: false });
    }
    devices
}

/// Nearly all are well: the first of each kind in each unit always is, so that there is somewhere to work.
pub(crate) fn postures(random: &mut Random, devices: &[Registered], now: Timestamp) -> Vec<PostureReported> {
    devices
        .iter()
        .filter(|device| device.managed)
        .map(|device| {
            let (posture, reason) = match random.below(50) {
                _ if device.device.as_str().ends_with("-1") => (Posture::Healthy, None),
                0 => (Posture::Failed, Some("disk encryption is off".into())),
                1 | 2 => (Posture::Degraded, Some("updates are overdue".into())),
                _ => (Posture::Healthy, None),
            };
            PostureReported { device: device.device.clone(), posture, good_until: now + GOOD_FOR, reason }
        })
        .collect()
}
