//! Devices and their health. The last entry about a device holds.

use crate::canon::{Canon, Reading, Unfit};
use crate::facts::DeviceFacts;
use crate::keys::Changed;
use crate::names::{NameBook, UnitNumber};
use events::device::{DeviceKind, Posture, PostureReported, Registered};
use events::{DeviceId, Timestamp};
use std::collections::HashMap;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Description {
    kind: DeviceKind,
    unit: Option<UnitNumber>,
    shared: bool,
    managed: bool,
}

#[derive(Clone, Debug, Default)]
struct Device {
    changed: Changed,
    description: Option<Description>,
    /// Kept from before a device is enrolled, and through a new description; gone when it is retired.
    posture: Option<(Posture, Timestamp)>,
}

/// Every device ever mentioned.
#[derive(Clone, Debug, Default)]
pub(crate) struct Devices {
    of: HashMap<DeviceId, Device>,
}

impl Devices {
    /// Enrols a device or describes it anew. Whether anything changed.
    pub(crate) fn register(&mut self, body: &Registered, names: &mut NameBook) -> bool {
        let description = Some(Description {
            kind: body.kind,
            unit: body.unit.as_ref().map(|unit| names.units.number(unit)),
            shared: body.shared,
            managed: body.managed,
        });
        let device = self.of.entry(body.device.clone()).or_default();
        let changed = device.description != description;
        device.description = description;
        changed
    }

    /// Takes a device out of use. Whether it was in use.
    pub(crate) fn retire(&mut self, id: &DeviceId) -> bool {
        let Some(device) = self.of.get_mut(id) else { return false };
        device.posture = None;
        device.description.take().is_some()
    }

    /// Keeps a finding. Whether anything changed.
    pub(crate) fn find(&mut self, body: &PostureReported) -> bool {
        let device = self.of.entry(body.device.clone()).or_default();
        let posture = Some((body.posture, body.good_until));
        let changed = device.posture != posture;
        device.posture = posture;
        changed
    }

    pub(crate) fn mark(&mut self, id: &DeviceId, changed: Changed) {
        self.of.entry(id.clone()).or_default().changed = changed;
    }

    pub(crate) fn changed(&self, id: &DeviceId) -> Changed {
        self.of.get(id).map_or_else(Changed::default, |device| device.changed)
    }

    pub(crate) fn count(&self) -> usize {
        self.of.values().filter(|device| device.description.is_some()).count()
    }

    pub(crate) fn facts(&self, id: &DeviceId, names: &NameBook) -> Option<DeviceFacts> {
        let device = self.of.get(id)?;
        let description = device.description?;
        Some(DeviceFacts {
            kind: description.kind,
            unit: description.unit.and_then(|unit| names.units.name(unit).cloned()),
            shared: description.shared,
            managed: description.managed,
            posture: device.posture,
        })
    }

    pub(crate) fn read(names: &mut NameBook, reading: &mut Reading<'_>) -> Result<Self, Unfit> {
        let all = reading.list(|reading| {
            let id: DeviceId = reading.parsed()?;
            let device = Device {
                changed: Changed::read(reading)?,
                description: reading.maybe(|reading| {
                    Ok(Description {
                        kind: reading.named(&DeviceKind::ALL, DeviceKind::as_str)?,
                        unit: reading.maybe(|reading| names.units.read(reading))?,
                        shared: reading.flag()?,
                        managed: reading.flag()?,
                    })
                })?,
                posture: reading
                    .maybe(|reading| Ok((reading.named(&Posture::ALL, Posture::as_str)?, reading.time()?)))?,
            };
            Ok((id, device))
        })?;
        Ok(Self { of: all.into_iter().collect() })
    }

    pub(crate) fn write(&self, names: &NameBook, canon: &mut Canon<'_>) {
        let mut all: Vec<_> = self.of.iter().collect();
        all.sort_unstable_by_key(|(id, _)| *id);
        canon.count(all.len());
        for (id, device) in all {
            canon.text(id.as_str());
            device.changed.write(canon);
            canon.maybe(device.description, |canon, description| {
                canon.text(description.kind.as_str());
                canon.maybe(description.unit, |canon, unit| names.units.write(unit, canon));
                canon.flag(description.shared);
                canon.flag(description.managed);
            });
            canon.maybe(device.posture, |canon, (posture, good_until)| {
                canon.text(posture.as_str());
                canon.time(good_until);
            });
        }
    }
}
