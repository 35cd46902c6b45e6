//! Who works where and when. The last entry about a shift holds.

use crate::canon::{Canon, Reading, Unfit};
use crate::facts::ShiftFacts;
use crate::keys::Changed;
use crate::names::{NameBook, PersonNumber, UnitNumber};
use events::rota::ShiftAssigned;
use events::{ShiftId, Timestamp};
use std::collections::HashMap;

/// The most shifts kept of one person. When one more comes, the one that ended first is forgotten; if none has ended, the one that
/// begins last.
pub const SHIFTS_MAX: usize = 128;

#[derive(Clone, Debug, PartialEq, Eq)]
struct Shift {
    id: ShiftId,
    unit: UnitNumber,
    from: Timestamp,
    until: Timestamp,
    on_call: bool,
}

#[derive(Clone, Debug, Default)]
struct Roster {
    changed: Changed,
    shifts: Vec<Shift>,
}

impl Roster {
    fn make_room(&mut self, recorded_at: Timestamp) -> Option<Shift> {
        if self.shifts.len() <= SHIFTS_MAX {
            return None;
        }
        let indexed = || self.shifts.iter().enumerate();
        let ended = indexed()
            .filter(|(_, shift)| shift.until <= recorded_at)
            .min_by(|(_, a), (_, b)| (a.until, &a.id).cmp(&(b.until, &b.id)));
        let spare = ended.or_else(|| indexed().max_by(|(_, a), (_, b)| (a.from, &a.id).cmp(&(b.from, &b.id))));
        let index = spare.map(|(index, _)| index)?;
        Some(self.shifts.swap_remove(index))
    }
}

/// Every kept shift.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rota {
    of: HashMap<PersonNumber, Roster>,
    /// Whose each kept shift is.
    holders: HashMap<ShiftId, PersonNumber>,
}

impl Rota {
    /// Plans a shift, taking it from whoever had it. Who is affected: the person, and the former holder if another. A shift that ends
    /// before it begins is no shift.
    pub(crate) fn assign(
        &mut self,
        body: &ShiftAssigned,
        recorded_at: Timestamp,
        names: &mut NameBook,
    ) -> [Option<PersonNumber>; 2] {
        let person = names.people.number(&body.person);
        let former = self.take(&body.shift);
        let shift = Shift {
            id: body.shift.clone(),
            unit: names.units.number(&body.unit),
            from: body.from,
            until: body.until,
            on_call: body.on_call,
        };
        let same = former.as_ref().is_some_and(|(holder, old)| *holder == person && *old == shift);
        if body.from < body.until {
            self.holders.insert(body.shift.clone(), person);
            let roster = self.of.entry(person).or_default();
            roster.shifts.push(shift);
            if let Some(forgotten) = roster.make_room(recorded_at) {
                self.holders.remove(&forgotten.id);
            }
        }
        let former = former.map(|(holder, _)| holder).filter(|holder| *holder != person);
        [Some(person).filter(|_| !same), former]
    }

    /// Withdraws a shift if it is still this person's: it never begins, or ends at `at`. Whether anything changed.
    pub(crate) fn withdraw(&mut self, id: &ShiftId, person: PersonNumber, at: Timestamp) -> bool {
        if self.holders.get(id) != Some(&person) {
            return false;
        }
        let Some((_, shift)) = self.take(id) else { return false };
        let changed = at < shift.until;
        if shift.from < at {
            let until = shift.until.min(at);
            self.holders.insert(id.clone(), person);
            self.of.entry(person).or_default().shifts.push(Shift { until, ..shift });
        }
        changed
    }

    /// Who has a shift.
    pub(crate) fn holder(&self, id: &ShiftId) -> Option<PersonNumber> {
        self.holders.get(id).copied()
    }

    /// Where a person works, and until when.
    pub(crate) fn places(&self, person: PersonNumber) -> impl Iterator<Item = (UnitNumber, Timestamp)> + '_ {
        self.of.get(&person).into_iter().flat_map(|roster| &roster.shifts).map(|shift| (shift.unit, shift.until))
    }

    /// Everybody who has a shift.
    pub(crate) fn people(&self) -> impl Iterator<Item = PersonNumber> + '_ {
        self.of.keys().copied()
    }

    fn take(&mut self, id: &ShiftId) -> Option<(PersonNumber, Shift)> {
        let holder = self.holders.remove(id)?;
        let shifts = &mut self.of.get_mut(&holder)?.shifts;
        let index = shifts.iter().position(|shift| shift.id == *id)?;
        Some((holder, shifts.swap_remove(index)))
    }

    pub(crate) fn mark(&mut self, person: PersonNumber, changed: Changed) {
        self.of.entry(person).or_default().changed = changed;
    }

    pub(crate) fn changed(&self, person: PersonNumber) -> Changed {
        self.of.get(&person).map_or_else(Changed::default, |roster| roster.changed)
    }

    pub(crate) fn count(&self) -> usize {
        self.holders.len()
    }

    /// The person's shifts that end after `since`, earliest first, and their units.
    pub(crate) fn facts(&self, person: PersonNumber, since: Timestamp, names: &NameBook) -> Vec<ShiftFacts> {
        let shifts = self.of.get(&person).map_or(&[][..], |roster| &roster.shifts);
        let mut facts: Vec<_> = shifts
            .iter()
            .filter(|shift| shift.until > since)
            .filter_map(|shift| {
                Some(ShiftFacts {
                    shift: shift.id.clone(),
                    unit: names.units.name(shift.unit)?.clone(),
                    from: shift.from,
                    until: shift.until,
                    on_call: shift.on_call,
                })
            })
            .collect();
        facts.sort_unstable_by(|a, b| (a.from, &a.shift).cmp(&(b.from, &b.shift)));
        facts
    }

    pub(crate) fn read(names: &mut NameBook, reading: &mut Reading<'_>) -> Result<Self, Unfit> {
        let mut rota = Self::default();
        let (people, reserve) = reading.count()?;
        rota.of.reserve(reserve);
        for _ in 0..people {
            let person = names.people.read(reading)?;
            let changed = Changed::read(reading)?;
            let shifts = reading.list(|reading| {
                Ok(Shift {
                    id: reading.parsed()?,
                    unit: names.units.read(reading)?,
                    from: reading.time()?,
                    until: reading.time()?,
                    on_call: reading.flag()?,
                })
            })?;
            rota.holders.extend(shifts.iter().map(|shift| (shift.id.clone(), person)));
            rota.of.insert(person, Roster { changed, shifts });
        }
        Ok(rota)
    }

    pub(crate) fn write(&self, names: &NameBook, canon: &mut Canon<'_>) {
        let mut all: Vec<_> = self.of.iter().map(|(person, roster)| (names.people.name(*person), roster)).collect();
        all.sort_unstable_by_key(|(name, _)| *name);
        canon.count(all.len());
        for (name, roster) in all {
            canon.text(name.map_or("", AsRef::as_ref));
            roster.changed.write(canon);
            let mut shifts: Vec<_> = roster.shifts.iter().collect();
            shifts.sort_unstable_by_key(|shift| &shift.id);
            canon.count(shifts.len());
            for shift in shifts {
                canon.text(shift.id.as_str());
                names.units.write(shift.unit, canon);
                canon.time(shift.from);
                canon.time(shift.until);
                canon.flag(shift.on_call);
            }
        }
    }
}
