//! Units in an emergency. The last entry about a unit holds.

use crate::canon::{Canon, Reading, Unfit};
use crate::keys::Changed;
use crate::names::{NameBook, UnitNumber};
use crate::world::World;
use events::{Timestamp, UnitId};
use std::collections::HashMap;

#[derive(Clone, Copy, Debug, Default)]
struct State {
    changed: Changed,
    until: Option<Timestamp>,
}

impl World {
    /// Whether a unit is in an emergency at `now`.
    #[must_use]
    pub fn is_in_emergency(&self, unit: &UnitId, now: Timestamp) -> bool {
        self.names.units.find(unit).is_some_and(|unit| self.emergencies.until(unit, now).is_some())
    }
}

/// Every unit that ever was in an emergency.
#[derive(Clone, Debug, Default)]
pub(crate) struct Emergencies {
    of: HashMap<UnitNumber, State>,
    any: Changed,
}

impl Emergencies {
    /// Begins, prolongs, shortens or (with `None`) ends an emergency. Whether anything changed.
    pub(crate) fn set(&mut self, unit: UnitNumber, until: Option<Timestamp>) -> bool {
        let state = self.of.entry(unit).or_default();
        std::mem::replace(&mut state.until, until) != until
    }

    pub(crate) fn mark(&mut self, unit: UnitNumber, changed: Changed) {
        self.of.entry(unit).or_default().changed = changed;
    }

    pub(crate) fn mark_any(&mut self, changed: Changed) {
        self.any = changed;
    }

    pub(crate) fn changed(&self, unit: UnitNumber) -> Changed {
        self.of.get(&unit).map_or_else(Changed::default, |state| state.changed)
    }

    pub(crate) const fn any_changed(&self) -> Changed {
        self.any
    }

    /// Until when the unit is in an emergency, if it is at `now`.
    pub(crate) fn until(&self, unit: UnitNumber, now: Timestamp) -> Option<Timestamp> {
        self.of.get(&unit)?.until.filter(|until| *until > now)
    }

    pub(crate) fn read(names: &mut NameBook, reading: &mut Reading<'_>) -> Result<Self, Unfit> {
        let any = Changed::read(reading)?;
        let all = reading.list(|reading| {
            let unit = names.units.read(reading)?;
            Ok((unit, State { changed: Changed::read(reading)?, until: reading.maybe(Reading::time)? }))
        })?;
        Ok(Self { of: all.into_iter().collect(), any })
    }

    pub(crate) fn write(&self, names: &NameBook, canon: &mut Canon<'_>) {
        let mut all: Vec<_> = self.of.iter().map(|(unit, state)| (names.units.name(*unit), state)).collect();
        all.sort_unstable_by_key(|(name, _)| *name);
        self.any.write(canon);
        canon.count(all.len());
        for (name, state) in all {
            canon.text(name.map_or("", AsRef::as_ref));
            state.changed.write(canon);
            canon.maybe(state.until, Canon::time);
        }
    }
}
