//! A clinical day without end: who comes, who moves, who goes, what is taken back, as messages with the truth beside them.

use crate::patients::Patient;
use crate::truth::Truth;
use crate::units::Purpose;
use crate::{Hospital, Random};
use events::Timestamp;
use events::encounter::Presence;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// How far back the patients reach whom the day finds in the house.
const CENSUS_HOURS: u64 = 36;
/// The most people without a name in the house at once.
const UNKNOWN_MAX: usize = 5;
/// How long it takes on average until something happens in a house with one patient; in one with forty, a fortieth of it.
const GAP_MS: u64 = 40 * 90_000;
/// How often chance is asked before the day does what it always can.
const TRIES_MAX: usize = 64;

/// What happens in a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StepKind {
    /// Somebody is admitted (A01).
    Admission,
    /// Somebody comes to a clinic (A04).
    Visit,
    /// Somebody will come (A05).
    Announcement,
    /// Somebody announced has come (A01).
    Arrival,
    /// Somebody without a name is brought in (A01).
    UnknownArrival,
    /// Somebody is moved (A02).
    Transfer,
    /// Somebody leaves (A03).
    Discharge,
    /// An admission is taken back (A11).
    AdmissionCancelled,
    /// A transfer is taken back (A12).
    TransferCancelled,
    /// A discharge is taken back (A13).
    DischargeCancelled,
    /// Somebody else attends (A08).
    Update,
    /// Somebody without a name turns out to be somebody (A40).
    Merge,
    /// A result comes from the laboratory (ORU R01).
    Result,
}

/// One thing that happens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// When.
    pub at: Timestamp,
    /// What.
    pub kind: StepKind,
    /// To whom: the record number, after the step.
    pub record: String,
    /// The message's control id (MSH-10).
    pub control_id: String,
    /// The message: HL7 v2.5 in UTF-8, segments ended by CR, ready for an MLLP frame.
    pub message: String,
}

/// How likely each kind is, in 100 or so.
const CHANCES: [(StepKind, usize); 12] = [
    (StepKind::Admission, 16),
    (StepKind::Visit, 6),
    (StepKind::Announcement, 5),
    (StepKind::Arrival, 6),
    (StepKind::UnknownArrival, 3),
    (StepKind::Transfer, 24),
    (StepKind::Discharge, 14),
    (StepKind::AdmissionCancelled, 2),
    (StepKind::TransferCancelled, 4),
    (StepKind::DischargeCancelled, 2),
    (StepKind::Update, 10),
    (StepKind::Merge, 3),
];

/// The day. As an iterator it lets its own time pass; [`Day::step_at`] takes the time it is given.
#[derive(Clone, Debug)]
pub struct Day {
    pub(crate) hospital: Arc<Hospital>,
    pub(crate) random: Random,
    pub(crate) now: Timestamp,
    /// Makes the numbers of this day differ from those of every other.
    pub(crate) start_s: u64,
    pub(crate) sequence: u64,
    pub(crate) truth: Truth,
    pub(crate) people: BTreeMap<String, Patient>,
}

impl Day {
    /// A day that begins at `start` in an empty house.
    #[must_use]
    pub fn new(hospital: Arc<Hospital>, start: Timestamp) -> Self {
        let random = Random::new(hospital.seed()).branch("day");
        let start_s = u64::try_from(start.as_millis() / 1_000).unwrap_or(0);
        Self { hospital, random, now: start, start_s, sequence: 0, truth: Truth::default(), people: BTreeMap::new() }
    }

    /// Fills the house to its ordinary size: admissions of the last day and a half, oldest first. The day goes on from where it was.
    pub fn census(&mut self) -> Vec<Step> {
        let (start, count) = (self.now, self.hospital.size().inpatients);
        let span = Duration::from_secs(CENSUS_HOURS * 60 * 60);
        let gap = span / u32::try_from(count + 1).unwrap_or(u32::MAX);
        let mut at = start - span;
        let mut steps = Vec::with_capacity(count);
        for _ in 0..count {
            at = at + gap;
            self.now = at;
            steps.extend(self.admit(85));
        }
        self.now = start;
        steps
    }

    /// What is really so after the last step.
    #[must_use]
    pub const fn truth(&self) -> &Truth {
        &self.truth
    }

    /// The hospital it happens in.
    #[must_use]
    pub const fn hospital(&self) -> &Arc<Hospital> {
        &self.hospital
    }

    /// The next step, at `at` or a millisecond after the last one, whichever is later.
    pub fn step_at(&mut self, at: Timestamp) -> Step {
        self.now = at.max(self.now + Duration::from_millis(1));
        for _ in 0..TRIES_MAX {
            let kind = self.choose();
            if let Some(step) = self.attempt(kind) {
                return step;
            }
        }
        // A house in which nothing else can happen still has somebody to bring in.
        self.unknown_arrival()
    }

    fn choose(&mut self) -> StepKind {
        let (present, ordinary) = (self.truth.open.len(), self.hospital.size().inpatients);
        let chance = |kind: StepKind, usual: usize| match kind {
            StepKind::Admission if present < ordinary => usual * 2,
            StepKind::Discharge if present < ordinary * 9 / 10 => usual / 3,
            StepKind::Discharge if present > ordinary => usual * 2,
            _ => usual,
        };
        let total: usize = CHANCES.iter().map(|(kind, usual)| chance(*kind, *usual)).sum();
        // What is left over is for results.
        let mut at = self.random.below(total + 10);
        for (kind, usual) in CHANCES {
            let chance = chance(kind, usual);
            if at < chance {
                return kind;
            }
            at -= chance;
        }
        StepKind::Result
    }

    fn attempt(&mut self, kind: StepKind) -> Option<Step> {
        match kind {
            StepKind::Admission => self.admit(35),
            StepKind::Visit => self.open(kind, 'O', Presence::Present, Purpose::Clinic),
            StepKind::Announcement => self.open(kind, 'I', Presence::Expected, Purpose::Ward),
            StepKind::Arrival => self.arrive(),
            StepKind::UnknownArrival => {
                let unknown = self.truth.open.values().filter(|stay| stay.unknown).count();
                (unknown < UNKNOWN_MAX).then(|| self.unknown_arrival())
            }
            StepKind::Transfer => self.transfer(),
            StepKind::Discharge => self.discharge(),
            StepKind::AdmissionCancelled => self.cancel_admission(),
            StepKind::TransferCancelled => self.cancel_transfer(),
            StepKind::DischargeCancelled => self.cancel_discharge(),
            StepKind::Update => self.update(),
            StepKind::Merge => self.merge(),
            StepKind::Result => self.result(),
        }
    }
}

impl Iterator for Day {
    type Item = Step;

    fn next(&mut self) -> Option<Step> {
        let mean_ms = GAP_MS / (self.hospital.size().inpatients.max(1) as u64);
        let gap_ms = self.random.below(usize::try_from(mean_ms * 2).unwrap_or(usize::MAX));
        let at = self.now + Duration::from_millis(gap_ms as u64);
        Some(self.step_at(at))
    }
}
