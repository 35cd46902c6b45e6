//! What follows from the statements about one encounter: when it opened and closed, and where the patient was.

use crate::encounters::{Statement, What};
use crate::names::UnitNumber;
use events::Timestamp;
use events::encounter::{Movement, Presence};
use smallvec::{SmallVec, smallvec};

/// A time in one unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Period {
    pub(crate) unit: UnitNumber,
    pub(crate) presence: Presence,
    pub(crate) from: Timestamp,
    pub(crate) until: Option<Timestamp>,
}

/// The course of one encounter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Course {
    /// The first movement that stands; none if the encounter never was.
    pub(crate) opened_at: Option<Timestamp>,
    pub(crate) closed_at: Option<Timestamp>,
    pub(crate) periods: SmallVec<[Period; 4]>,
}

impl Course {
    /// Works out the course from statements in order. What occurred before `floor` may have been forgotten.
    pub(crate) fn of(statements: &[Statement], floor: Timestamp) -> Self {
        let undone = Undone::of(statements, floor);
        let mut course = Self::default();
        for (index, statement) in statements.iter().enumerate() {
            if !undone.has(index) {
                course.advance(statement);
            }
        }
        course.periods.retain(|period| period.until.is_none_or(|until| period.from < until));
        course.periods.sort_unstable_by_key(|period| (period.from, period.presence == Presence::Expected));
        course
    }

    fn advance(&mut self, statement: &Statement) {
        let at = statement.stamp.at;
        let closed = self.closed_at.is_some();
        match statement.what {
            What::Undo { .. } => return,
            What::Admission { unit, presence } => {
                self.closed_at = None;
                self.place(unit, presence, at);
            }
            What::Transfer { unit, presence } if !closed => self.place(unit, presence, at),
            What::Transfer { .. } => {}
            What::Discharge => {
                self.end(Presence::Present, at);
                self.end(Presence::Expected, at);
                self.closed_at.get_or_insert(at);
            }
        }
        self.opened_at.get_or_insert(at);
    }

    fn place(&mut self, unit: UnitNumber, presence: Presence, at: Timestamp) {
        if presence == Presence::Present {
            self.end(Presence::Expected, at);
        }
        let open = self
            .periods
            .iter()
            .any(|period| period.presence == presence && period.unit == unit && period.until.is_none());
        if open {
            return;
        }
        self.end(presence, at);
        let seamless =
            self.periods.iter_mut().find(|p| p.presence == presence && p.unit == unit && p.until == Some(at));
        match seamless {
            Some(period) => period.until = None,
            None => self.periods.push(Period { unit, presence, from: at, until: None }),
        }
    }

    fn end(&mut self, presence: Presence, at: Timestamp) {
        for period in &mut self.periods {
            if period.presence == presence && period.until.is_none() {
                period.until = Some(at);
            }
        }
    }
}

/// Which statements do not count: those taken back.
struct Undone(SmallVec<[bool; 16]>);

impl Undone {
    fn of(statements: &[Statement], floor: Timestamp) -> Self {
        let mut undone = Self(smallvec![false; statements.len()]);
        for (index, statement) in statements.iter().enumerate() {
            if let What::Undo { movement, happened_at } = statement.what {
                let target = match happened_at.said() {
                    Some(time) => undone.named(statements, index, movement, time, floor),
                    None => undone.last(statements, index, movement),
                };
                if let Some(target) = target {
                    undone.take_back(statements, target, index);
                }
            }
        }
        undone
    }

    fn has(&self, index: usize) -> bool {
        self.0.get(index).copied().unwrap_or(false)
    }

    fn add(&mut self, index: usize) {
        if let Some(undone) = self.0.get_mut(index) {
            *undone = true;
        }
    }

    /// The movement of the sort that happened at the named time. Of several: the one recorded last before the undo that still stands; if
    /// all were recorded after it, the first of those, for it came late.
    fn named(
        &self,
        statements: &[Statement],
        undo: usize,
        movement: Movement,
        time: Timestamp,
        floor: Timestamp,
    ) -> Option<usize> {
        let seq = statements.get(undo)?.stamp.seq;
        let there = || {
            let matches = |statement: &Statement| statement.stamp.at == time && statement.what.is_undone_by(movement);
            statements.iter().enumerate().filter(move |(_, statement)| matches(statement))
        };
        if there().next().is_none() {
            // Forgotten, rather than named by an imprecise clock.
            return if time < floor { None } else { self.last(statements, undo, movement) };
        }
        if there().all(|(_, statement)| statement.stamp.seq > seq) {
            return there().find(|(index, _)| !self.has(*index)).map(|(index, _)| index);
        }
        let earlier = there().rfind(|(index, statement)| statement.stamp.seq < seq && !self.has(*index));
        earlier.map(|(index, _)| index)
    }

    /// The last movement of the sort before the undo that still stands, an arrival rather than an announcement.
    fn last(&self, statements: &[Statement], undo: usize, movement: Movement) -> Option<usize> {
        let standing = || {
            statements
                .iter()
                .enumerate()
                .take(undo)
                .filter(|(index, statement)| statement.what.is_undone_by(movement) && !self.has(*index))
        };
        let arrival = standing().rfind(|(_, statement)| !statement.what.announces());
        arrival.or_else(|| standing().next_back()).map(|(index, _)| index)
    }

    /// Takes a movement back, with what restates it and, for an admission, all that followed until the undo.
    fn take_back(&mut self, statements: &[Statement], target: usize, undo: usize) {
        let Some(what) = statements.get(target).map(|statement| statement.what) else { return };
        self.add(target);
        let before = || statements.iter().enumerate().take(target).rev();
        let after = || statements.iter().enumerate().take(undo).skip(target + 1);
        match what {
            What::Admission { .. } => {
                after().for_each(|(index, _)| self.add(index));
                for (index, statement) in before() {
                    if statement.what == what {
                        self.add(index);
                    } else if statement.what.sort().is_some() && !self.has(index) {
                        break;
                    }
                }
            }
            What::Discharge => {
                let row = |(index, statement): &(usize, &Statement), undone: &Self| {
                    !statement.what.is_admission() || undone.has(*index)
                };
                let earlier: SmallVec<[usize; 4]> = before().take_while(|s| row(s, self)).map(|(i, _)| i).collect();
                let later: SmallVec<[usize; 4]> = after().take_while(|s| row(s, self)).map(|(i, _)| i).collect();
                for index in earlier.into_iter().chain(later) {
                    if statements.get(index).is_some_and(|statement| statement.what == What::Discharge) {
                        self.add(index);
                    }
                }
            }
            What::Transfer { .. } | What::Undo { .. } => {}
        }
    }
}
