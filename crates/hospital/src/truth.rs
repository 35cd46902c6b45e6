//! What is really so, to compare with what was understood.

use events::encounter::Presence;
use events::{PrincipalId, Timestamp, UnitId};
use std::collections::{BTreeMap, VecDeque};

/// The most merges that are remembered.
const MERGES_MAX: usize = 4_096;
/// The most stays that have ended which are remembered.
const ENDED_MAX: usize = 256;

/// A stay in the house, or one to come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stay {
    /// The visit number (PV1-19).
    pub visit: String,
    /// The record number of whose stay it is.
    pub record: String,
    /// PV1-2.
    pub class: char,
    /// Whether they are there.
    pub presence: Presence,
    /// Where they were and are, with since when; the last is where they are. Never empty.
    pub places: Vec<(UnitId, Timestamp)>,
    /// Room and bed.
    pub bed: (usize, usize),
    /// Who attends, by their code.
    pub attending: Option<PrincipalId>,
    /// Whether they came in without a name, and still have none.
    pub unknown: bool,
    /// Whether it began with an admission and nothing has happened since, so that the admission can be taken back.
    pub(crate) fresh: bool,
    /// When they left, if they have.
    pub left_at: Option<Timestamp>,
}

impl Stay {
    /// Where they are, or are expected.
    #[must_use]
    pub fn unit(&self) -> Option<&UnitId> {
        self.places.last().map(|(unit, _)| unit)
    }
}

/// The truth so far.
#[derive(Clone, Debug, Default)]
pub struct Truth {
    pub(crate) open: BTreeMap<String, Stay>,
    pub(crate) ended: VecDeque<Stay>,
    pub(crate) merged: VecDeque<(String, String)>,
}

impl Truth {
    /// Every stay that is open or expected.
    pub fn stays(&self) -> impl Iterator<Item = &Stay> {
        self.open.values()
    }

    /// The open or expected stay of a record.
    #[must_use]
    pub fn stay_of(&self, record: &str) -> Option<&Stay> {
        self.open.get(record)
    }

    /// Whether the patient of a record is in a unit now.
    #[must_use]
    pub fn is_in(&self, record: &str, unit: &UnitId) -> bool {
        self.stay_of(record).is_some_and(|stay| stay.presence == Presence::Present && stay.unit() == Some(unit))
    }

    /// Stays that ended lately, oldest first.
    pub fn ended(&self) -> impl Iterator<Item = &Stay> {
        self.ended.iter()
    }

    /// Records that were given up, each with the one that goes on, oldest first.
    pub fn merged(&self) -> impl Iterator<Item = (&str, &str)> {
        self.merged.iter().map(|(retired, survivor)| (retired.as_str(), survivor.as_str()))
    }

    pub(crate) fn end(&mut self, stay: Stay) {
        self.ended.push_back(stay);
        if self.ended.len() > ENDED_MAX {
            self.ended.pop_front();
        }
    }

    pub(crate) fn merge(&mut self, retired: String, survivor: String) {
        self.merged.push_back((retired, survivor));
        if self.merged.len() > MERGES_MAX {
            self.merged.pop_front();
        }
    }
}
