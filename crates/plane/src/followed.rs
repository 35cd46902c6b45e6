//! People's sessions as those see them who follow one: where it is, whether its screen is open, which patient was opened in it last.
//!
//! Heard from the fold, so a session that another node locked or ended is heard of as well. Not a part of the fold: a node that starts knows of no
//! patient that was opened before what it folded since, and tells of none rather than of a wrong one.

use crate::Plane;
use events::decision::{Effect, Made};
use events::session::{EndCause, LockCause};
use events::{Actor, CallerName, DeviceId, Event, Leaf, PatientPseudonym, Seq, SessionId, Timestamp};
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::watch;

/// The part of Handrail that asks what people press at their workstation. What it is permitted about a patient opens that patient.
pub const BEDSIDE: Actor = Actor::handrail("bedside");

/// Of how many sessions at most it is remembered which patient is open.
const OPENED_MAX: usize = 65_536;
/// No session lasts longer than this, so no patient is open in it for longer.
const OPENED_FOR_MAX: Duration = Duration::from_secs(24 * 3_600);

/// A patient that was opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opened {
    /// Whose.
    pub patient: PatientPseudonym,
    /// By the permit of this entry.
    pub entry: Seq,
    /// When.
    pub at: Timestamp,
}

/// How a session stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Its owner is at the screen.
    Open,
    /// Its screen is locked.
    Locked {
        /// Since when.
        at: Timestamp,
        /// Why.
        cause: LockCause,
    },
    /// It is over.
    Ended {
        /// Since when.
        at: Timestamp,
        /// Why.
        cause: EndCause,
    },
}

/// What is to be told of a session. Always the newest: whoever looks late sees what is, and by [`Course::locks`] that it locked meanwhile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Course {
    /// Where it is.
    pub workstation: Option<DeviceId>,
    /// How it stands.
    pub phase: Phase,
    /// How often its screen was locked since it is followed.
    pub locks: u64,
    /// When, and why, last.
    pub last_lock: Option<(Timestamp, LockCause)>,
    /// The patient that is open in it.
    pub opened: Option<Opened>,
}

/// Sessions that are followed, and the patients that are open.
#[derive(Debug)]
pub(crate) struct Followed {
    inner: Mutex<Inner>,
    /// Counts what may take callers' rights away: charters and ends of callers.
    rights: watch::Sender<u64>,
}

impl Default for Followed {
    fn default() -> Self {
        Self { inner: Mutex::default(), rights: watch::Sender::new(0) }
    }
}

#[derive(Debug, Default)]
struct Inner {
    opened: HashMap<SessionId, Opened>,
    followed: HashMap<SessionId, watch::Sender<Course>>,
    /// How often each caller was ended since the node started.
    ended: HashMap<CallerName, u64>,
}

impl Followed {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes note of an entry that the world has folded.
    pub(crate) fn hear(&self, leaf: &Leaf) {
        let at = leaf.recorded_at;
        match &leaf.draft.event {
            Event::DecisionMade(made) if leaf.draft.actor == BEDSIDE => self.lock().decided(made, leaf.seq, at),
            Event::SessionLocked(body) => self.lock().tell(&body.session, |course| {
                if course.phase == Phase::Open {
                    course.phase = Phase::Locked { at, cause: body.cause };
                    course.last_lock = Some((at, body.cause));
                    course.locks += 1;
                }
            }),
            Event::SessionResumed(body) => self.lock().tell(&body.session, |course| {
                course.phase = Phase::Open;
                course.workstation.clone_from(&body.workstation);
            }),
            Event::SessionEnded(body) => {
                let mut inner = self.lock();
                inner.tell(&body.session, |course| course.phase = Phase::Ended { at, cause: body.cause });
                inner.followed.remove(&body.session);
            }
            Event::PatientErased(body) => {
                let mut inner = self.lock();
                let theirs = |opened: &Opened| opened.patient == body.patient || body.merged.contains(&opened.patient);
                let gone: Vec<SessionId> = inner
                    .opened
                    .iter()
                    .filter(|(_, opened)| theirs(opened))
                    .map(|(session, _)| session.clone())
                    .collect();
                gone.iter().for_each(|session| inner.tell(session, |_| {}));
            }
            Event::CharterApplied(_) => self.rights.send_modify(|count| *count += 1),
            Event::CallerRevoked(body) => {
                *self.lock().ended.entry(body.caller.clone()).or_default() += 1;
                self.rights.send_modify(|count| *count += 1);
            }
            _ => {}
        }
    }

    /// Forgets which patients are open.
    pub(crate) fn clear(&self) {
        self.lock().opened.clear();
    }
}

impl Inner {
    /// Something changed in a session: no patient is open in it any more.
    fn tell(&mut self, session: &SessionId, change: impl FnOnce(&mut Course)) {
        self.opened.remove(session);
        if let Some(course) = self.followed.get(session) {
            course.send_modify(|course| {
                course.opened = None;
                change(course);
            });
        }
    }

    /// Somebody was answered at their workstation.
    fn decided(&mut self, made: &Made, entry: Seq, at: Timestamp) {
        let Some(session) = &made.question.session else { return };
        let Ok(patient) = made.question.resource.id.as_str().parse::<PatientPseudonym>() else { return };
        if made.effect == Effect::Permit {
            self.open(session, Opened { patient, entry, at });
        } else if let Some(known) = self.opened.get(session)
            && made.supersedes == Some(known.entry)
        {
            // The permit was not given: what it rested on moved while it was recorded.
            self.tell(session, |_| {});
        }
    }

    fn open(&mut self, session: &SessionId, opened: Opened) {
        if self.opened.len() >= OPENED_MAX && !self.opened.contains_key(session) {
            self.opened.retain(|_, known| known.at + OPENED_FOR_MAX > opened.at);
            if self.opened.len() >= OPENED_MAX {
                return;
            }
        }
        self.opened.insert(session.clone(), opened);
        if let Some(course) = self.followed.get(session) {
            course.send_modify(|course| course.opened = Some(opened));
        }
    }
}

impl Plane {
    /// Follows a session: what this returns changes in the step in which an entry that changes it is folded. None of one that is over, or that nobody
    /// began.
    #[must_use]
    pub fn follow(&self, session: &SessionId) -> Option<watch::Receiver<Course>> {
        let mut inner = self.inner.folded.followed.lock();
        if let Some(course) = inner.followed.get(session) {
            return Some(course.subscribe());
        }
        // Under the lock, so that what is folded from now on is heard.
        let known = self.world(|world| world.session(session).cloned())?;
        let phase = known.locked.map_or(Phase::Open, |(at, cause)| Phase::Locked { at, cause });
        let opened = inner.opened.get(session).copied().filter(|_| phase == Phase::Open);
        inner.followed.retain(|_, course| course.receiver_count() > 0);
        let course = Course { workstation: known.workstation, phase, locks: 0, last_lock: known.locked, opened };
        let (sender, receiver) = watch::channel(course);
        inner.followed.insert(session.clone(), sender);
        Some(receiver)
    }

    /// How often a caller was ended since the node started: whoever was let in before that is let in no more, even if the caller has a new token by now.
    #[must_use]
    pub fn times_ended(&self, caller: &CallerName) -> u64 {
        self.inner.folded.followed.lock().ended.get(caller).copied().unwrap_or_default()
    }

    /// Changes whenever callers' rights may have: look at them again then.
    #[must_use]
    pub fn watch_rights(&self) -> watch::Receiver<u64> {
        self.inner.folded.followed.rights.subscribe()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use events::Draft;
    use events::session::{Ended, Locked, Resumed};

    const SESSION: &str = "se-0123456789abcdef0123456789abcdef";

    /// What is heard, and a session that is followed.
    fn followed() -> (Followed, watch::Receiver<Course>) {
        let followed = Followed::default();
        let course = Course { workstation: None, phase: Phase::Open, locks: 0, last_lock: None, opened: None };
        let (sender, receiver) = watch::channel(course);
        followed.lock().followed.insert(SESSION.parse().unwrap(), sender);
        (followed, receiver)
    }

    fn leaf(seq: u64, draft: Draft) -> Leaf {
        Leaf { seq: Seq(seq), recorded_at: Timestamp::from_millis(i64::try_from(seq).unwrap()), draft }
    }

    /// A decision of the golden file, as the bedside asks it in the session about a patient.
    fn decided(seq: u64, patient: u8, effect: Effect, supersedes: Option<u64>) -> Leaf {
        let lines = include_str!("../../events/golden/leaves.jsonl").lines();
        let mut leaves = lines.filter_map(|line| Leaf::parse(line.as_bytes()).ok());
        let golden = leaves.find_map(|leaf| match leaf.draft.event {
            Event::DecisionMade(made) => Some(made),
            _ => None,
        });
        let mut made = golden.unwrap();
        made.question.session = Some(SESSION.parse().unwrap());
        made.question.resource.id = PatientPseudonym::from_bytes([patient; 16]).to_string().parse().unwrap();
        (made.effect, made.supersedes) = (effect, supersedes.map(Seq));
        leaf(seq, Draft::new(BEDSIDE, made))
    }

    fn patient(course: &watch::Receiver<Course>) -> Option<u8> {
        let patient = |byte: u8| PatientPseudonym::from_bytes([byte; 16]);
        course.borrow().opened.map(|opened| if opened.patient == patient(1) { 1 } else { 2 })
    }

    #[test]
    fn what_is_permitted_at_the_workstation_opens_the_patient_and_nothing_else_does() {
        let (followed, course) = followed();
        followed.hear(&decided(1, 1, Effect::Deny, None));
        assert_eq!(patient(&course), None);
        followed.hear(&decided(2, 1, Effect::Permit, None));
        assert_eq!(patient(&course), Some(1));
        let mut elsewhere = decided(3, 2, Effect::Permit, None);
        elsewhere.draft.actor = "caller:ehr".parse().unwrap();
        followed.hear(&elsewhere);
        assert_eq!(patient(&course), Some(1), "a record system that asks about many opens none");
        followed.hear(&decided(4, 2, Effect::Permit, None));
        assert_eq!(patient(&course), Some(2));
        followed.hear(&decided(5, 2, Effect::Deny, None));
        assert_eq!(patient(&course), Some(2), "what is refused closes nothing");
        followed.hear(&decided(6, 2, Effect::Deny, Some(4)));
        assert_eq!(patient(&course), None, "it was never given");
    }

    #[test]
    fn a_lock_closes_the_patient_and_is_counted_though_it_is_over_when_somebody_looks() {
        let (followed, mut course) = followed();
        followed.hear(&decided(1, 1, Effect::Permit, None));
        let session: SessionId = SESSION.parse().unwrap();
        followed.hear(&leaf(2, Draft::new(BEDSIDE, Locked { session: session.clone(), cause: LockCause::Idle })));
        assert_eq!(patient(&course), None);
        let proof = events::session::Proof {
            method: "passkey".into(),
            level: 2,
            verified: true,
            authenticator: None,
            counter: None,
            proved_at: None,
        };
        let workstation = Some("ws-2".parse().unwrap());
        followed.hear(&leaf(3, Draft::new(BEDSIDE, Resumed { session: session.clone(), workstation, proof })));
        let seen = course.borrow_and_update().clone();
        assert_eq!((seen.phase, seen.locks, seen.opened), (Phase::Open, 1, None));
        assert_eq!(seen.last_lock, Some((Timestamp::from_millis(2), LockCause::Idle)));
        assert_eq!(seen.workstation, Some("ws-2".parse().unwrap()));
        followed.hear(&leaf(4, Draft::new(BEDSIDE, Ended { session, cause: EndCause::SignedOut })));
        assert_eq!(course.borrow().phase, Phase::Ended { at: Timestamp::from_millis(4), cause: EndCause::SignedOut });
        assert!(followed.lock().followed.is_empty());
    }
}
