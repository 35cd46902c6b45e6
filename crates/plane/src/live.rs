//! Permits that stay live, by the keys they rest on and the time they hold until.
//!
//! The register is a fold of the log like the world: a live permit enters it in the same step in which its leaf is applied, before its answer
//! leaves, so no change of facts can slip between. What a change or a deadline touches is marked; [`crate::redecide`] decides it again.

use crate::basis::Basis;
use events::decision::{EndCause, EndMode, Made, Question};
use events::{Actor, Leaf, Seq, Timestamp};
use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, watch};
use world::canon::{Canon, Reading, Unfit};
use world::{Heard, Key};

/// A permit stays live at most this long, whatever it rests on.
pub const LIVE_MAX: Duration = Duration::from_secs(12 * 60 * 60);
/// The most live permits one node holds. More are refused, not forgotten.
pub const LIVE_PERMITS_MAX: usize = 200_000;
/// The most of them one caller holds, so that one that never gives back leaves room for all others.
pub const LIVE_PERMITS_OF_ONE_MAX: usize = LIVE_PERMITS_MAX / 2;

/// The keys of one permit, no larger than they are many.
pub(crate) type Keys = Arc<[Key]>;

/// How a live permit stands, as whoever watches it sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It holds.
    Holds,
    /// It ended.
    Ended {
        /// Why.
        cause: EndCause,
        /// How the access ends.
        mode: EndMode,
    },
}

/// One live permit. Cheap to clone.
#[derive(Clone, Debug)]
pub struct LivePermit {
    /// The entry that recorded it.
    pub entry: Seq,
    /// Who asked for it, and alone may watch it or give it back.
    pub actor: Actor,
    /// It ends by itself then.
    pub expires_at: Timestamp,
    pub(crate) basis: Arc<Basis>,
    pub(crate) keys: Keys,
    deadline: Timestamp,
    standing: watch::Sender<Standing>,
}

impl LivePermit {
    /// How it stands. One whose end cannot be recorded yet has ended all the same.
    #[must_use]
    pub fn standing(&self) -> Standing {
        *self.standing.borrow()
    }

    /// Whether it has ended because its holder may not call any more, though that is not recorded yet: the only end that is folded before it
    /// is recorded.
    fn revoked(&self) -> bool {
        matches!(self.standing(), Standing::Ended { cause: EndCause::CallerRevoked, .. })
    }

    /// What was asked.
    #[must_use]
    pub fn question(&self) -> Option<Question> {
        self.basis.question()
    }

    /// How the access ends when the permit does, as its workflow says; at once where none does.
    #[must_use]
    pub fn end_mode(&self) -> EndMode {
        self.basis.end_mode
    }
}

/// What enters the register.
pub(crate) struct Entering {
    entry: Seq,
    actor: Actor,
    basis: Basis,
    keys: Keys,
    deadline: Timestamp,
    silences: Vec<Heard>,
}

impl Entering {
    /// A permit as it was recorded, with the keys it rests on.
    pub(crate) fn new(leaf: &Leaf, made: &Made, keys: impl IntoIterator<Item = Key>) -> Self {
        Self {
            entry: leaf.seq,
            actor: leaf.draft.actor.clone(),
            basis: Basis::of(leaf, made),
            keys: keys.into_iter().collect(),
            deadline: deadline(made, made.decided_at + LIVE_MAX),
            silences: silences(made).collect(),
        }
    }

    fn read(reading: &mut Reading<'_>) -> Result<Self, Unfit> {
        Ok(Self {
            entry: Seq(reading.number()?),
            actor: reading.parsed()?,
            basis: Basis::read(reading)?,
            keys: reading.list(Key::read)?.into(),
            deadline: reading.time()?,
            silences: reading.list(|reading| reading.one_of(&FEEDS))?,
        })
    }
}

/// The sorts of feed, in the order of their numbers.
const FEEDS: [Heard; 2] = [Heard::Adt, Heard::Rota];

/// When time alone may end a permit.
fn deadline(made: &Made, expires_at: Timestamp) -> Timestamp {
    made.holds_until.map_or(expires_at, |until| until.min(expires_at))
}

#[derive(Default)]
struct Inner {
    permits: HashMap<Seq, LivePermit>,
    /// How many of them each caller holds; nobody who holds none is in it.
    held: HashMap<Actor, usize>,
    by_key: HashMap<Key, HashSet<Seq>>,
    /// Permits decided while a feed was silent, by the sort of feed: they are decided again when it is heard.
    by_silence: BTreeSet<(Heard, Seq)>,
    /// When time may end them. Not of those that are set aside.
    deadlines: BTreeSet<(Timestamp, Seq)>,
    marked: BTreeSet<Seq>,
    /// Ended for whoever watches, but the log would not take the end yet. Never in the way of what is marked.
    unrecorded: BTreeSet<Seq>,
    /// Those whose end is on its way into the log.
    ending: HashSet<Seq>,
}

/// Every live permit of this node.
#[derive(Default)]
pub struct Register {
    inner: Mutex<Inner>,
    work: Notify,
}

impl std::fmt::Debug for Register {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Register({} live)", self.len())
    }
}

impl Register {
    /// Enters a permit.
    pub(crate) fn enter(&self, entering: Entering) {
        let Entering { entry, actor, basis, keys, deadline, silences } = entering;
        let mut inner = self.lock();
        let held = inner.held.get(&actor).copied().unwrap_or(0);
        if inner.permits.len() >= LIVE_PERMITS_MAX || held >= LIVE_PERMITS_OF_ONE_MAX {
            return;
        }
        inner.held.insert(actor.clone(), held + 1);
        for key in keys.iter() {
            inner.by_key.entry(key.clone()).or_default().insert(entry);
        }
        inner.by_silence.extend(silences.into_iter().map(|heard| (heard, entry)));
        inner.deadlines.insert((deadline, entry));
        let expires_at = basis.decided_at + LIVE_MAX;
        let (basis, standing) = (Arc::new(basis), watch::Sender::new(Standing::Holds));
        inner.permits.insert(entry, LivePermit { entry, actor, expires_at, basis, keys, deadline, standing });
        drop(inner);
        self.work.notify_one();
    }

    /// Writes every permit, in order of entry. What is marked is not written: a node that starts decides all of them again.
    pub(crate) fn write(&self, canon: &mut Canon<'_>) {
        let inner = self.lock();
        let mut all: Vec<&LivePermit> = inner.permits.values().collect();
        all.sort_unstable_by_key(|permit| permit.entry);
        canon.count(all.len());
        for permit in all {
            canon.number(permit.entry.0);
            canon.text(&permit.actor.to_string());
            permit.basis.write(canon);
            canon.count(permit.keys.len());
            permit.keys.iter().for_each(|key| key.write(canon));
            canon.time(permit.deadline);
            let silent = |(_, heard): &(u64, &Heard)| inner.by_silence.contains(&(**heard, permit.entry));
            let silences: Vec<u64> = (0..).zip(&FEEDS).filter(silent).map(|(number, _)| number).collect();
            canon.count(silences.len());
            silences.into_iter().for_each(|number| canon.number(number));
            canon.flag(permit.revoked());
        }
    }

    /// Reads what [`Self::write`] wrote, in the place of what there is.
    pub(crate) fn read(&self, reading: &mut Reading<'_>) -> Result<(), Unfit> {
        self.clear();
        let (count, _) = reading.count()?;
        for _ in 0..count {
            let entering = Entering::read(reading)?;
            let (entry, revoked) = (entering.entry, reading.flag()?);
            self.enter(entering);
            if revoked {
                self.cut(entry, EndCause::CallerRevoked, EndMode::Now);
            }
        }
        Ok(())
    }

    /// Forgets every permit. Nobody is told.
    pub(crate) fn clear(&self) {
        *self.lock() = Inner::default();
    }

    /// Whether the end of a permit may be recorded now. Who may, says when that is [over](Self::end_is_over): nobody else may until then, so that no
    /// two ends of one permit are committed together.
    pub(crate) fn may_end(&self, entry: Seq) -> bool {
        let mut inner = self.lock();
        inner.permits.contains_key(&entry) && inner.ending.insert(entry)
    }

    /// The end was recorded, or could not be.
    pub(crate) fn end_is_over(&self, entry: Seq) {
        self.lock().ending.remove(&entry);
    }

    /// Takes a permit out and tells whoever watches it.
    pub(crate) fn end(&self, entry: Seq, cause: EndCause, mode: EndMode) {
        let mut inner = self.lock();
        inner.marked.remove(&entry);
        inner.unrecorded.remove(&entry);
        let Some(permit) = inner.permits.remove(&entry) else { return };
        inner.deadlines.remove(&(permit.deadline, entry));
        inner.unlink(entry, &permit.keys);
        inner.let_go(&permit.actor);
        inner.unlink_silences(entry);
        drop(inner);
        permit.standing.send_replace(Standing::Ended { cause, mode });
    }

    /// Tells whoever watches a permit that it ended, though its end is not recorded yet, and sets it aside until that can be tried again.
    pub(crate) fn cut(&self, entry: Seq, cause: EndCause, mode: EndMode) {
        let mut guard = self.lock();
        let inner = &mut *guard;
        if let Some(permit) = inner.permits.get(&entry) {
            permit.standing.send_replace(Standing::Ended { cause, mode });
            inner.deadlines.remove(&(permit.deadline, entry));
            inner.unrecorded.insert(entry);
        }
    }

    /// Marks what was set aside, so that recording is tried again. Says whether there was any.
    pub(crate) fn take_up_again(&self) -> bool {
        let mut guard = self.lock();
        let inner = &mut *guard;
        inner.marked.append(&mut inner.unrecorded);
        !inner.marked.is_empty()
    }

    /// Whether something was set aside.
    pub(crate) fn has_unrecorded(&self) -> bool {
        !self.lock().unrecorded.is_empty()
    }

    /// Ends every permit of one holder for whoever watches, and marks them so that their ends are recorded.
    pub(crate) fn revoke(&self, actor: &Actor) {
        let mut guard = self.lock();
        let inner = &mut *guard;
        for permit in inner.permits.values().filter(|permit| permit.actor == *actor) {
            permit.standing.send_replace(Standing::Ended { cause: EndCause::CallerRevoked, mode: EndMode::Now });
            inner.marked.insert(permit.entry);
        }
        drop(guard);
        self.work.notify_one();
    }

    /// Marks every permit that rests on one of these keys to be decided again.
    pub(crate) fn touch(&self, keys: &[Key]) {
        let mut guard = self.lock();
        let inner = &mut *guard;
        let before = inner.marked.len();
        for key in keys {
            if let Some(entries) = inner.by_key.get(key) {
                inner.marked.extend(entries.iter().copied());
            }
        }
        let more = inner.marked.len() > before;
        drop(guard);
        if more {
            self.work.notify_one();
        }
    }

    /// Marks every permit that was decided while this sort of feed was silent.
    pub(crate) fn heard(&self, heard: Heard) {
        let mut guard = self.lock();
        let inner = &mut *guard;
        let waiting: Vec<Seq> =
            inner.by_silence.range((heard, Seq(0))..=(heard, Seq(u64::MAX))).map(|(_, entry)| *entry).collect();
        let any = !waiting.is_empty();
        for entry in waiting {
            inner.by_silence.remove(&(heard, entry));
            inner.marked.insert(entry);
        }
        drop(guard);
        if any {
            self.work.notify_one();
        }
    }

    /// Marks every permit: the charter changed, or the node has just started.
    pub(crate) fn touch_all(&self) {
        let mut guard = self.lock();
        let inner = &mut *guard;
        inner.marked.extend(inner.permits.keys().copied());
        drop(guard);
        self.work.notify_one();
    }

    /// Takes up to `most` permits that are marked or whose time has come. Looks at no more than it takes: at a shift's end the time of very many comes
    /// at one instant, and the writer's fold waits for this.
    pub(crate) fn take_due(&self, now: Timestamp, most: usize) -> Vec<LivePermit> {
        let mut guard = self.lock();
        let inner = &mut *guard;
        let passed: Vec<Seq> =
            inner.deadlines.iter().take_while(|(at, _)| *at <= now).take(most).map(|(_, entry)| *entry).collect();
        inner.marked.extend(passed);
        let mut taken = Vec::new();
        while taken.len() < most {
            let Some(entry) = inner.marked.pop_first() else { break };
            taken.extend(inner.permits.get(&entry).cloned());
        }
        taken
    }

    /// A permit was decided again and still holds: with these keys, until then.
    pub(crate) fn renew(&self, entry: Seq, keys: &[Key], made: &Made) {
        let mut guard = self.lock();
        let inner = &mut *guard;
        let Some(permit) = inner.permits.get_mut(&entry) else { return };
        let deadline = deadline(made, permit.expires_at);
        let old = std::mem::replace(&mut permit.deadline, deadline);
        if old != deadline {
            inner.deadlines.remove(&(old, entry));
            inner.deadlines.insert((deadline, entry));
        }
        if *permit.keys != *keys {
            let old_keys = std::mem::replace(&mut permit.keys, keys.into());
            inner.unlink(entry, &old_keys);
            for key in keys {
                inner.by_key.entry(key.clone()).or_default().insert(entry);
            }
        }
        inner.unlink_silences(entry);
        inner.by_silence.extend(silences(made).map(|heard| (heard, entry)));
    }

    /// Marks one permit again, because deciding or recording did not succeed.
    pub(crate) fn mark(&self, entry: Seq) {
        self.lock().marked.insert(entry);
        self.work.notify_one();
    }

    /// When the next permit's time comes.
    pub(crate) fn next_deadline(&self) -> Option<Timestamp> {
        self.lock().deadlines.first().map(|(at, _)| *at)
    }

    /// Waits until something was marked or entered.
    pub(crate) async fn work(&self) {
        self.work.notified().await;
    }

    /// A permit, if it is live.
    #[must_use]
    pub fn find(&self, entry: Seq) -> Option<LivePermit> {
        self.lock().permits.get(&entry).cloned()
    }

    /// Follows a live permit: the receiver changes once, when it ends.
    #[must_use]
    pub fn watch(&self, entry: Seq) -> Option<watch::Receiver<Standing>> {
        self.lock().permits.get(&entry).map(|permit| permit.standing.subscribe())
    }

    /// How many permits are live.
    #[must_use]
    pub fn len(&self) -> usize {
        self.lock().permits.len()
    }

    /// How many of them one caller holds.
    #[must_use]
    pub fn held_by(&self, actor: &Actor) -> usize {
        self.lock().held.get(actor).copied().unwrap_or(0)
    }

    /// Whether none is.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The sorts of feed that were silent when a decision was made.
pub(crate) fn silences(made: &Made) -> impl Iterator<Item = Heard> {
    let feeds = made.circumstances.get("feeds").cloned();
    let stale = move |field: &str| {
        feeds.as_ref().and_then(|feeds| feeds.get(field)).and_then(serde_json::Value::as_bool).unwrap_or(false)
    };
    [(Heard::Adt, "adt_stale"), (Heard::Rota, "rota_stale")]
        .into_iter()
        .filter(move |(_, field)| stale(field))
        .map(|(heard, _)| heard)
}

impl Inner {
    fn unlink_silences(&mut self, entry: Seq) {
        self.by_silence.remove(&(Heard::Adt, entry));
        self.by_silence.remove(&(Heard::Rota, entry));
    }

    fn let_go(&mut self, actor: &Actor) {
        if let Some(held) = self.held.get_mut(actor) {
            *held = held.saturating_sub(1);
            if *held == 0 {
                self.held.remove(actor);
            }
        }
    }

    fn unlink(&mut self, entry: Seq, keys: &[Key]) {
        for key in keys {
            if let Some(entries) = self.by_key.get_mut(key) {
                entries.remove(&entry);
                if entries.is_empty() {
                    self.by_key.remove(key);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use events::Event;

    const PERMITS: u64 = 100_000;
    const BATCH: usize = 512;

    /// Permits as one would be recorded at these entries, each the only one its caller holds, all with one deadline.
    fn register(entries: std::ops::Range<u64>) -> (Register, Timestamp) {
        let lines = include_str!("../../events/golden/leaves.jsonl").lines();
        let leaves = lines.filter_map(|line| Leaf::parse(line.as_bytes()).ok());
        let mut leaf = leaves
            .into_iter()
            .find(|leaf| matches!(&leaf.draft.event, Event::DecisionMade(made) if made.live))
            .unwrap();
        let Event::DecisionMade(made) = leaf.draft.event.clone() else { panic!("not a decision") };
        let register = Register::default();
        for entry in entries {
            leaf.seq = Seq(entry);
            leaf.draft.actor = format!("caller:c{entry}").parse().unwrap();
            register.enter(Entering::new(&leaf, &made, []));
        }
        (register, made.holds_until.unwrap())
    }

    #[test]
    fn very_many_permits_due_at_one_instant_are_taken_a_batch_at_a_time() {
        let (register, now) = register(0..PERMITS);
        assert!(register.take_due(now - Duration::from_millis(1), BATCH).is_empty());
        let mut taken = 0;
        loop {
            let due = register.take_due(now, BATCH);
            assert!(register.lock().marked.is_empty(), "nothing is looked at that is not taken");
            if due.is_empty() {
                break;
            }
            taken += due.len() as u64;
            due.iter().for_each(|permit| register.end(permit.entry, EndCause::Expired, EndMode::Now));
        }
        assert_eq!((taken, register.len()), (PERMITS, 0));
    }

    #[test]
    fn what_cannot_be_recorded_is_in_nobodys_way_and_is_taken_up_again() {
        let (register, now) = register(0..4);
        let due = register.take_due(now, 2);
        due.iter().for_each(|permit| register.cut(permit.entry, EndCause::Expired, EndMode::Now));
        assert_eq!(register.lock().deadlines.len(), 2, "whose end waits to be recorded has no time to come");
        let entries = |due: Vec<LivePermit>| due.into_iter().map(|permit| permit.entry.0).collect::<Vec<_>>();
        assert_eq!(entries(register.take_due(now, 2)), [2, 3]);
        assert!(register.take_up_again());
        assert_eq!(entries(register.take_due(now, 1)), [0]);
    }
}
