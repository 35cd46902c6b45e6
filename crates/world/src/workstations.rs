//! Which key a workstation proves itself with, by what keeps it. The last entry about a keeper holds.

use crate::canon::{Canon, Reading, Unfit};
use events::DeviceId;
use events::workstation::{DeviceKey, Enrolled, Keeper};
use std::collections::BTreeMap;

/// Every workstation that is enrolled.
#[derive(Clone, Debug, Default)]
pub(crate) struct Workstations {
    of: BTreeMap<(DeviceId, &'static str), DeviceKey>,
}

impl Workstations {
    pub(crate) fn enrol(&mut self, body: &Enrolled) {
        self.of.insert((body.device.clone(), body.keeper.as_str()), body.key.clone());
    }

    pub(crate) fn withdraw(&mut self, device: &DeviceId) {
        self.of.retain(|(of, _), _| of != device);
    }

    pub(crate) fn key(&self, device: &DeviceId, keeper: Keeper) -> Option<&DeviceKey> {
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
            write_key(canon, key);
        }
    }

    pub(crate) fn read(reading: &mut Reading<'_>) -> Result<Self, Unfit> {
        let all = reading.list(|reading| {
            let device = reading.parsed()?;
            let keeper = reading.named(&Keeper::ALL, Keeper::as_str)?;
            Ok(((device, keeper.as_str()), read_key(reading)?))
        })?;
        Ok(Self { of: all.into_iter().collect() })
    }
}

pub(crate) fn write_key(canon: &mut Canon<'_>, key: &DeviceKey) {
    canon.text(&key.x);
    canon.text(&key.y);
}

pub(crate) fn read_key(reading: &mut Reading<'_>) -> Result<DeviceKey, Unfit> {
    Ok(DeviceKey { x: reading.text()?.into(), y: reading.text()?.into() })
}
