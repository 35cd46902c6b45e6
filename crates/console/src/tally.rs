//! Counts folded from the log on demand: how many answers, which feeds were heard, what was rejected.
//!
//! Nothing rests on them: they live in memory, start from nothing, and carry a watermark that says how far they have counted. Each look
//! counts on from there, at most [`ENTRIES_A_LOOK_MAX`] entries, so that a first look at a long log does not keep anybody waiting.

use charter::systems::FeedKind;
use events::decision::Effect;
use events::{Event, FeedName, Leaf, Seq, Timestamp, WorkflowName};
use std::collections::{BTreeMap, VecDeque};
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, PoisonError};
use store::{ReadError, Store};

/// The most entries counted in one look.
const ENTRIES_A_LOOK_MAX: u64 = 200_000;
/// The minutes answers are kept apart for.
pub(crate) const MINUTES_MAX: usize = 60;
/// The most feeds counted by name.
const FEEDS_MAX: usize = 256;
/// The most workflows counted in one minute.
const WORKFLOWS_MAX: usize = 256;
/// How many of the newest rejections, denies and clock jumps are kept.
const NEWEST_MAX: usize = 20;

/// Answers, by effect.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Answers {
    pub(crate) permits: u64,
    pub(crate) denies: u64,
}

impl Answers {
    fn count(&mut self, effect: Effect) {
        match effect {
            Effect::Permit => self.permits += 1,
            Effect::Deny => self.denies += 1,
        }
    }

    pub(crate) const fn all(self) -> u64 {
        self.permits + self.denies
    }

    /// Denies among all, in percent.
    pub(crate) fn denied_percent(self) -> f64 {
        if self.all() == 0 { 0.0 } else { self.denies as f64 * 100.0 / self.all() as f64 }
    }
}

/// The answers of one minute.
#[derive(Clone, Debug, Default)]
struct Minute {
    /// Minutes since the epoch.
    at: i64,
    all: Answers,
    by_workflow: BTreeMap<WorkflowName, Answers>,
}

impl Minute {
    fn count(&mut self, workflow: Option<&WorkflowName>, effect: Effect) {
        self.all.count(effect);
        if let Some(workflow) = workflow
            && (self.by_workflow.len() < WORKFLOWS_MAX || self.by_workflow.contains_key(workflow))
        {
            self.by_workflow.entry(workflow.clone()).or_default().count(effect);
        }
    }
}

/// What is known of one source of facts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Heard {
    /// When its last usable message was recorded.
    pub(crate) last: Option<Timestamp>,
    /// Messages, or requests, that were used.
    pub(crate) messages: u64,
    /// Entries they became.
    pub(crate) entries: u64,
    /// Messages that could not be used.
    pub(crate) rejected: u64,
}

/// A message that could not be used.
#[derive(Clone, Debug)]
pub(crate) struct Rejected {
    pub(crate) at: Timestamp,
    pub(crate) feed: FeedName,
    pub(crate) reason: String,
}

/// A jump of the wall clock.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Jump {
    pub(crate) entry: Seq,
    pub(crate) at: Timestamp,
}

/// Everything counted so far.
#[derive(Clone, Debug, Default)]
pub(crate) struct Counts {
    /// Everything before this entry is counted.
    pub(crate) counted_to: Seq,
    /// How many entries the log had at that moment.
    pub(crate) entries: Seq,
    /// Sources that named themselves.
    pub(crate) by_feed: BTreeMap<FeedName, Heard>,
    /// Facts that came without naming their feed, by what they are about.
    pub(crate) by_kind: BTreeMap<FeedKind, Heard>,
    /// The newest, newest first.
    pub(crate) rejected: VecDeque<Rejected>,
    /// The newest, newest first.
    pub(crate) denies: VecDeque<Seq>,
    /// The newest, newest first.
    pub(crate) jumps: VecDeque<Jump>,
    minutes: VecDeque<Minute>,
    last_source: Option<events::Source>,
}

/// The counts of one process.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally(Arc<Mutex<Counts>>);

impl Tally {
    /// Counts on to the end of the log, or as far as one look goes.
    pub(crate) async fn look(&self, store: &Store) -> Result<Counts, crate::trouble::Trouble> {
        let (counts, store) = (Arc::clone(&self.0), store.clone());
        let counted = tokio::task::spawn_blocking(move || {
            let mut counts = counts.lock().unwrap_or_else(PoisonError::into_inner);
            counts.count_on(&store)?;
            Ok::<_, ReadError>(counts.clone())
        });
        Ok(counted.await??)
    }
}

impl Counts {
    fn count_on(&mut self, store: &Store) -> Result<(), ReadError> {
        self.entries = store.head().next;
        let to = Seq(self.entries.0.min(self.counted_to.0.saturating_add(ENTRIES_A_LOOK_MAX)));
        store.read(|reader| {
            reader.scan(self.counted_to, to, |seq, bytes| {
                // What this build cannot read it cannot count; readiness says so elsewhere.
                if let Ok(leaf) = Leaf::parse(bytes) {
                    self.count(&leaf);
                }
                self.counted_to = Seq(seq.0 + 1);
                ControlFlow::Continue(())
            })
        })
    }

    /// Whether there are entries that are not counted yet.
    pub(crate) fn is_behind(&self) -> bool {
        self.counted_to < self.entries
    }

    pub(crate) fn count(&mut self, leaf: &Leaf) {
        let at = leaf.recorded_at;
        match &leaf.draft.event {
            Event::DecisionMade(made) => {
                if let Some(minute) = self.minute(at) {
                    minute.count(made.workflow.as_ref(), made.effect);
                }
                if made.effect == Effect::Deny {
                    keep(&mut self.denies, leaf.seq);
                }
            }
            Event::MessageRejected(body) => {
                keep(&mut self.rejected, Rejected { at, feed: body.feed.clone(), reason: body.reason.to_string() });
                if let Some(heard) = self.feed(&body.feed) {
                    heard.rejected += 1;
                }
            }
            Event::ClockJumped(_) => keep(&mut self.jumps, Jump { entry: leaf.seq, at }),
            event => {
                let new_message = leaf.draft.source.is_none() || leaf.draft.source != self.last_source;
                let heard = match (&leaf.draft.source, kind_of(event)) {
                    (Some(source), _) => self.feed(&source.feed),
                    (None, Some(kind)) => Some(self.by_kind.entry(kind).or_default()),
                    (None, None) => None,
                };
                if let Some(heard) = heard {
                    heard.last = Some(at);
                    heard.entries += 1;
                    heard.messages += u64::from(new_message);
                }
            }
        }
        if leaf.draft.source.is_some() {
            self.last_source.clone_from(&leaf.draft.source);
        }
    }

    fn feed(&mut self, name: &FeedName) -> Option<&mut Heard> {
        if self.by_feed.len() >= FEEDS_MAX && !self.by_feed.contains_key(name) {
            return None;
        }
        Some(self.by_feed.entry(name.clone()).or_default())
    }

    /// The newest minute, after this entry. A new one is always there, so there is always one.
    fn minute(&mut self, at: Timestamp) -> Option<&mut Minute> {
        let minute = at.as_millis().div_euclid(60_000);
        // Times of recording never decrease, so a new minute is always the newest.
        if self.minutes.back().is_none_or(|last| last.at < minute) {
            self.minutes.push_back(Minute { at: minute, ..Minute::default() });
            if self.minutes.len() > MINUTES_MAX {
                self.minutes.pop_front();
            }
        }
        self.minutes.back_mut()
    }

    /// The answers of each of the last [`MINUTES_MAX`] minutes, oldest first, empty minutes included.
    pub(crate) fn last_hour(&self, now: Timestamp) -> Vec<Answers> {
        let this = now.as_millis().div_euclid(60_000);
        let mut hour = vec![Answers::default(); MINUTES_MAX];
        for minute in &self.minutes {
            let ago = usize::try_from(this - minute.at).unwrap_or(usize::MAX);
            if let Some(slot) = MINUTES_MAX.checked_sub(ago.saturating_add(1)).and_then(|place| hour.get_mut(place)) {
                *slot = minute.all;
            }
        }
        hour
    }

    /// The answers of the last hour by workflow.
    pub(crate) fn last_hour_by_workflow(&self, now: Timestamp) -> BTreeMap<WorkflowName, Answers> {
        let this = now.as_millis().div_euclid(60_000);
        let mut sums: BTreeMap<WorkflowName, Answers> = BTreeMap::new();
        let recent = self.minutes.iter().filter(|minute| this - minute.at < MINUTES_MAX as i64);
        for (workflow, answers) in recent.flat_map(|minute| &minute.by_workflow) {
            let sum = sums.entry(workflow.clone()).or_default();
            sum.permits += answers.permits;
            sum.denies += answers.denies;
        }
        sums
    }
}

fn keep<T>(newest: &mut VecDeque<T>, item: T) {
    newest.push_front(item);
    newest.truncate(NEWEST_MAX);
}

/// What sort of feed tells of such an event.
const fn kind_of(event: &Event) -> Option<FeedKind> {
    match event {
        Event::ShiftAssigned(_) | Event::ShiftWithdrawn(_) => Some(FeedKind::Rota),
        Event::PrincipalRegistered(_) | Event::PrincipalEnded(_) => Some(FeedKind::People),
        Event::DeviceRegistered(_) | Event::DeviceRetired(_) | Event::PostureReported(_) => Some(FeedKind::Devices),
        Event::TeamJoined(_) | Event::TeamLeft(_) => Some(FeedKind::Teams),
        _ => None,
    }
}
