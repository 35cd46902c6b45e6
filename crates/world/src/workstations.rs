//! Which key a workstation proves itself with, by what keeps it. The last entry about a keeper holds.

use crate::canon::{Canon, Reading, Unfit};
use events::DeviceId;
use events::workstation::{Enrolled, Keeper};
use smol_str::SmolStr;
use std::collections::BTreeMap;

/// A workstation's public key, a point of P-256: coordinates as base64url.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkstationKey {
    /// First coordinate.
    pub x: SmolStr,
    /// Second coordinate.
    pub y: SmolStr,
}

/// Every workstation that is enrolled.
#[derive(Clone, Debug, Default)]
pub(crate) struct Workstations {
    of: BTreeMap<(DeviceId, &'static str), WorkstationKey>,
}

impl Workstations {
    pub(crate) fn enrol(&mut self, body: &Enrolled) {
        let key = WorkstationKey { x: body.x.clone(), y: body.y.clone() };
        self.of.insert((body.device.clone(), body.keeper.as_str()), key);
    }

    pub(crate) fn withdraw(&mut self, device: &DeviceId) {
        self.of.retain(|(of, _), _| of != device);
    }

    pub(crate) fn key(&self, device: &DeviceId, keeper: Keeper) -> Option<&WorkstationKey> {
        self.of.get(&(device.clone(), keeper.as_str()))
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &DeviceId> {
        self.of.keys().map(|(device, _)| device)
    }

    pub(crate) fn write(&self, canon: &mut Canon<'_>) {
        canon.count(self.of.len());
        for ((device, keeper), key) in &self.of {
            canon.text(device.as_str());
            canon.text(keeper);
            canon.text(&key.x);
            canon.text(&key.y);
        }
    }

    pub(crate) fn read(reading: &mut Reading<'_>) -> Result<Self, Unfit> {
        let all = reading.list(|reading| {
            let device = reading.parsed()?;
            let keeper = reading.named(&Keeper::ALL, Keeper::as_str)?;
            let key = WorkstationKey { x: reading.text()?.into(), y: reading.text()?.into() };
            Ok(((device, keeper.as_str()), key))
        })?;
        Ok(Self { of: all.into_iter().collect() })
    }
}
