//! Withdrawn authority ends: permits whose facts, charter or time changed are decided again, and what no longer holds is ended.

use crate::live::{LivePermit, Standing};
use crate::{Ask, DecideError, Plane};
use events::decision::{Effect, EndCause, Ended};
use events::{Actor, Draft, Event, Seq};
use std::time::Duration;
use store::{AppendError, Batch};
use tokio_util::sync::CancellationToken;

/// How many permits are decided again before their ends are recorded together.
const BATCH_PERMITS_MAX: usize = 512;
/// How long to wait before an end that could not be recorded is tried again.
const RETRY: Duration = Duration::from_millis(200);
/// The shortest sleep, so that a deadline in the past does not spin.
const SLEEP_MIN: Duration = Duration::from_millis(1);
/// The longest sleep without a deadline, so that a clock that was set forward is noticed.
const SLEEP_MAX: Duration = Duration::from_secs(1);

/// What deciding a live permit again came to.
enum Verdict {
    Holds,
    Ends(EndCause, Option<Box<Draft>>),
}

impl Plane {
    /// Decides live permits again as facts change and deadlines pass, until `stop`. Exactly one such task runs a node.
    /// A node that cannot say what holds ([`Plane::lost`]) tells whoever watches, and records no end: other nodes do.
    pub async fn keep_permits_true(&self, stop: CancellationToken) {
        tokio::join!(self.keep_true(&stop), self.keep_telling(&stop));
    }

    async fn keep_true(&self, stop: &CancellationToken) {
        self.live().touch_all();
        while !stop.is_cancelled() {
            if self.lost().is_some() {
                tokio::select! {
                    () = stop.cancelled() => return,
                    () = tokio::time::sleep(RETRY) => continue,
                }
            }
            self.reread_directory();
            let due = self.live().take_due(self.now(), BATCH_PERMITS_MAX);
            if due.is_empty() {
                let until = self.live().next_deadline().map_or(SLEEP_MAX, |at| at.since(self.now()));
                // What is set aside has deadlines in the past: those must not make it be tried at every turn.
                let sleep = if self.live().has_unrecorded() { RETRY } else { until.clamp(SLEEP_MIN, SLEEP_MAX) };
                tokio::select! {
                    () = stop.cancelled() => return,
                    () = self.live().work() => {}
                    () = tokio::time::sleep(sleep) => {
                        self.live().take_up_again();
                    }
                }
                continue;
            }
            // Deciding does not wait for anything, so others on this thread are let in between.
            tokio::task::yield_now().await;
            self.reconsider(due).await;
        }
    }

    /// Has the directory forget what another node erased, in the background.
    fn reread_directory(&self) {
        if !self.directory().take_stale() {
            return;
        }
        let plane = self.clone();
        drop(tokio::task::spawn_blocking(move || {
            if let Err(error) = plane.store().read(|reader| plane.directory().reread(reader)) {
                tracing::warn!(%error, "the directory could not be read again after another node erased somebody; trying on");
            }
        }));
    }

    /// Decides these again; ends and records those that do not hold.
    async fn reconsider(&self, due: Vec<LivePermit>) {
        let mut ends = Vec::new();
        for permit in due {
            match self.verdict(&permit) {
                Verdict::Holds => {}
                Verdict::Ends(cause, deny) => ends.push((permit, cause, deny)),
            }
        }
        let may_end = |(permit, cause, _): &(LivePermit, EndCause, Option<Box<Draft>>)| {
            let may = self.live().may_end(permit.entry);
            if !may {
                // It is being given back. Should that not be recorded, this is tried again.
                self.live().cut(permit.entry, *cause, permit.end_mode());
            }
            may
        };
        let recording: Vec<_> = ends
            .into_iter()
            .filter(may_end)
            .map(|(permit, cause, deny)| {
                let batch = end_of(&permit, cause, deny);
                let store = self.inner.store.clone();
                (permit, cause, tokio::spawn(async move { store.append(batch).await }))
            })
            .collect();
        for (permit, cause, task) in recording {
            let recorded = task.await;
            self.live().end_is_over(permit.entry);
            match recorded {
                Ok(Ok(_)) => {}
                // Another node said so first; or it moved what the deny rests on, which is then decided again.
                Ok(Err(AppendError::Stale)) => self.live().mark(permit.entry),
                // Authority must end even if the log cannot take it now: whoever watches is cut, and the end is recorded when it can be.
                _ => self.live().cut(permit.entry, cause, permit.end_mode()),
            }
        }
    }

    fn verdict(&self, permit: &LivePermit) -> Verdict {
        let now = self.now();
        if let Standing::Ended { cause, .. } = permit.standing() {
            // Whoever watched was told so already: nothing that happens later takes that back.
            return Verdict::Ends(cause, None);
        }
        if permit.expires_at <= now {
            return Verdict::Ends(EndCause::Expired, None);
        }
        let before = &permit.basis;
        let Some(mut question) = before.question() else { return Verdict::Ends(EndCause::FactsChanged, None) };
        question.asserted.context = decision::aged(&question.asserted.context, now.since(before.decided_at));
        let ask = Ask { question, actor: Actor::handrail("plane"), request: before.request.clone(), live: false };
        let (draft, facts) = self.judge(&ask, Some(permit.entry));
        let Event::DecisionMade(made) = &draft.event else { return Verdict::Ends(EndCause::FactsChanged, None) };
        if made.effect == Effect::Deny {
            let cause = if made.charter != before.charter {
                EndCause::CharterChanged
            } else if self.world(|world| world.changed_since(&permit.keys, before.world_seq)) {
                EndCause::FactsChanged
            } else {
                EndCause::Expired
            };
            // A deny too long for a leaf must not keep the end from being recorded.
            return Verdict::Ends(cause, Some(Box::new(draft)).filter(|draft| draft.tail().is_ok()));
        }
        self.live().renew(permit.entry, &facts.keys, made);
        if !self.still_rests(made, &facts) {
            self.live().mark(permit.entry);
        }
        Verdict::Holds
    }

    /// The live permit of an entry. One that another node has just recorded is waited for, before it is said that there is none.
    ///
    /// # Errors
    /// When it cannot be found out.
    pub async fn permit(&self, entry: Seq) -> Result<Option<LivePermit>, DecideError> {
        let known = entry < self.inner.store.head().next;
        let found = self.live().find(entry);
        if known || found.is_some() {
            return Ok(found);
        }
        self.inner.store.catch_up().await?;
        Ok(self.live().find(entry))
    }

    /// Gives a live permit back.
    ///
    /// # Errors
    /// When this caller holds no such permit, or the end cannot be recorded.
    pub async fn release(&self, entry: Seq, by: &Actor) -> Result<(), DecideError> {
        let permit = self.live().find(entry).filter(|permit| permit.actor == *by).ok_or(DecideError::NoSuchPermit)?;
        if !self.live().may_end(entry) {
            // It is ending for another reason.
            return Err(DecideError::NoSuchPermit);
        }
        let ended = Ended { permit: entry, cause: EndCause::Released, mode: permit.end_mode() };
        let (plane, draft) = (self.clone(), Draft::new(by.clone(), ended));
        // To its end, though whoever gave it back may not wait for that.
        let recorded = tokio::spawn(async move {
            let recorded = plane.append_one(draft).await;
            plane.live().end_is_over(entry);
            recorded
        });
        match recorded.await {
            // It ended meanwhile.
            Ok(Err(DecideError::Record(AppendError::Stale))) => Err(DecideError::NoSuchPermit),
            Ok(recorded) => recorded.map(drop),
            Err(_) => Err(DecideError::Unsettled),
        }
    }
}

fn end_of(permit: &LivePermit, cause: EndCause, deny: Option<Box<Draft>>) -> Batch {
    let ended = Ended { permit: permit.entry, cause, mode: permit.end_mode() };
    let mut draft = Draft::new(Actor::handrail("plane"), ended);
    draft.on_behalf_of.clone_from(&permit.basis.on_behalf_of);
    draft.workflow.clone_from(&permit.basis.workflow);
    let mut batch = Batch::one(draft);
    batch.drafts.extend(deny.map(|deny| *deny));
    batch
}
