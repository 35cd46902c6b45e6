//! One request: gather facts, decide, record, and decide again if facts moved in between.

use crate::{Answer, DecideError, LIVE_PERMITS_MAX, LIVE_PERMITS_OF_ONE_MAX, Plane, spooling};
use events::decision::{Effect, EndCause, EndMode, Ended, Made, Question};
use events::{Actor, DeviceId, Draft, Event, Leaf, Purpose, RequestId, Seq};
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use store::{AppendError, Batch, Detail, DetailSort, Recorded};
use world::{Facts, Subject};
use zeroize::Zeroizing;

/// How often one request is decided again because facts moved, before it is refused.
const ROUNDS_MAX: usize = 8;
/// How much of what an asker says in their own words is kept, in bytes.
pub const WORDS_BYTES_MAX: usize = 1024;

/// A request for access, as an authenticated caller puts it.
#[derive(Clone, Debug)]
pub struct Ask {
    /// What is asked.
    pub question: Question,
    /// Who asks on the principal's behalf.
    pub actor: Actor,
    /// The caller's id for the request.
    pub request: Option<RequestId>,
    /// Whether a permit is to stay live: watched, and ended when it no longer holds.
    pub live: bool,
}

/// What the world has to be asked about for a recorded decision, without its charter.
pub(crate) fn subject_of(made: &Made) -> Subject {
    Subject {
        principal: made.question.principal.id.clone(),
        patient: made.question.resource.id.as_str().parse().ok().or(made.patient),
        device: made
            .question
            .asserted
            .context
            .get("device")
            .and_then(serde_json::Value::as_str)
            .and_then(|device| DeviceId::new(device).ok()),
        session: made.question.session.clone(),
    }
}

/// A decision with what the asker said beside it.
fn with_words(draft: Draft, words: Option<&str>) -> Batch {
    let about = draft.event.patient();
    let batch = Batch::one(draft);
    match words.and_then(|words| words.get(..words.floor_char_boundary(WORDS_BYTES_MAX))).map(str::trim) {
        None | Some("") => batch,
        Some(words) => {
            batch.detail(0, Detail { about, sort: DetailSort::Words, text: Zeroizing::new(words.to_owned()) })
        }
    }
}

impl Plane {
    /// Answers a request. The answer is durable, and rests on no fact that had changed when it was recorded.
    ///
    /// # Errors
    /// When it cannot be recorded, when the node must not answer, or when the facts do not hold still: nothing was permitted then.
    pub async fn decide(&self, ask: Ask) -> Result<Answer, DecideError> {
        self.decide_with_words(ask, None).await
    }

    /// As [`Self::decide`], with what the asker said in their own words: kept encrypted beside the entry, under the key of the patient it is about,
    /// cut to [`WORDS_BYTES_MAX`]. No answer rests on it.
    ///
    /// # Errors
    /// As [`Self::decide`].
    pub async fn decide_with_words(&self, ask: Ask, words: Option<&str>) -> Result<Answer, DecideError> {
        self.ready_to_answer()?;
        if ask.live {
            self.knows_what_holds()?;
            self.room_for(&ask.actor)?;
        }
        let mut supersedes = None;
        for round in 1..=ROUNDS_MAX {
            let (draft, facts) = self.judge(&ask, supersedes);
            let spare = self.for_the_spool(&draft);
            let recorded = match (self.append_all(with_words(draft, words)).await, spare) {
                (Err(DecideError::Record(why)), Some(spare)) if spooling::store_failed(&why) => {
                    return self.answer_from_the_spool(spare, &facts, why).await;
                }
                // Another node was faster with something this rests on: nothing was recorded, so there is nothing to supersede either.
                (Err(DecideError::Record(AppendError::Stale)), _) => {
                    if self.tokens().is_ended(&ask.actor) {
                        return Err(DecideError::CallerEnded);
                    }
                    continue;
                }
                (recorded, _) => recorded?,
            };
            let Event::DecisionMade(made) = &recorded.draft.event else { return Err(DecideError::Unsettled) };
            // Looked up first: should it have ended meanwhile, then by facts that moved, which the next look sees.
            let entered = !made.live || self.live().find(recorded.seq).is_some();
            let settled = entered && self.still_rests(made, &facts);
            // A deny on facts that do not hold still is no authority: better than no answer at all.
            if settled || (made.effect == Effect::Deny && round == ROUNDS_MAX) {
                if made.live && self.tokens().is_ended(&ask.actor) {
                    return Err(DecideError::CallerEnded);
                }
                return Ok(Answer { entry: recorded });
            }
            if !entered {
                self.room_for(&ask.actor)?;
            }
            supersedes = Some(recorded.seq);
        }
        if let Some(unanswered) = supersedes.filter(|entry| self.live().find(*entry).is_some()) {
            // Nobody was given this permit, so nobody will give it back. Should this not be recorded, it ends as any other does.
            let ended = Ended { permit: unanswered, cause: EndCause::FactsChanged, mode: EndMode::Now };
            let _recorded = self.append_one(Draft::new(Actor::handrail("plane"), ended)).await;
        }
        Err(DecideError::Unsettled)
    }

    /// Answers with what the spool has recorded. Facts that moved meanwhile leave a record of a permit that nobody was given.
    async fn answer_from_the_spool(
        &self,
        draft: Draft,
        facts: &Facts,
        why: AppendError,
    ) -> Result<Answer, DecideError> {
        let recorded = self.spool(draft, why).await?;
        match &recorded.draft.event {
            Event::DecisionMade(made) if self.still_rests(made, facts) => Ok(Answer { entry: recorded }),
            _ => Err(DecideError::Unsettled),
        }
    }

    /// Whether one more permit may stay live, on this node and for this caller.
    fn room_for(&self, actor: &Actor) -> Result<(), DecideError> {
        if self.live().len() >= LIVE_PERMITS_MAX {
            return Err(DecideError::TooManyLive);
        }
        if self.live().held_by(actor) >= LIVE_PERMITS_OF_ONE_MAX {
            return Err(DecideError::TooManyHeld);
        }
        Ok(())
    }

    /// Decides without recording: the draft of the answer, and the facts it rests on.
    pub(crate) fn judge(&self, ask: &Ask, supersedes: Option<Seq>) -> (Draft, Facts) {
        let engine = self.inner.engine.load();
        let subject = engine.subject(&ask.question);
        let now = self.now();
        let facts = self.inner.folded.world.read().unwrap_or_else(PoisonError::into_inner).facts(&subject, now);
        let judgement = engine.decide(&ask.question, &facts, now);
        let mut made = judgement.into_made(ask.question.clone(), facts.world_seq, engine.charter().digest(), now);
        made.supersedes = supersedes;
        made.live = ask.live && made.effect == Effect::Permit;
        let draft = Draft {
            on_behalf_of: Some(ask.question.principal.id.clone()),
            workflow: made.workflow.clone(),
            place: facts.device.as_ref().and_then(|device| device.unit.clone()),
            purpose: ask
                .question
                .asserted
                .context
                .get("purpose")
                .and_then(|v| v.as_str())
                .and_then(|p| Purpose::new(p).ok()),
            device: subject.device,
            request: ask.request.clone(),
            ..Draft::new(ask.actor.clone(), Box::new(made))
        };
        (draft, facts)
    }

    /// Whether nothing a decision rests on changed since its facts were taken: not the facts, not the charter.
    pub(crate) fn still_rests(&self, made: &Made, facts: &Facts) -> bool {
        let world = self.inner.folded.world.read().unwrap_or_else(PoisonError::into_inner);
        !world.changed_since(&facts.keys, facts.world_seq)
            && world.charter().is_none_or(|in_force| in_force == made.charter)
    }

    /// Refuses while this node must not answer.
    pub(crate) fn ready_to_answer(&self) -> Result<(), DecideError> {
        if self.inner.folded.blind.load(Ordering::SeqCst) {
            return Err(DecideError::NotReady);
        }
        Ok(())
    }

    pub(crate) async fn append_one(&self, draft: Draft) -> Result<Recorded<Arc<Leaf>>, DecideError> {
        self.append_all(Batch::one(draft)).await
    }

    async fn append_all(&self, batch: Batch) -> Result<Recorded<Arc<Leaf>>, DecideError> {
        let mut recorded = self.inner.store.append(batch).await?;
        recorded.pop().ok_or(DecideError::Unsettled)
    }
}
