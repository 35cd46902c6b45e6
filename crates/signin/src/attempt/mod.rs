//! Every try to get to work, measured: what, where, how, how it went, because of what, and how long it took. And how many tries there may be.
//!
//! Throttling can be nobody's weapon: tries are counted by where they come from (a workstation that proved itself, or else an address), never
//! by whom they claim to be alone, so whoever hammers one badge number elsewhere keeps nobody from signing in at a workstation with a key.

mod signs;
mod throttle;

pub use signs::{Failures, MANY_FAILURES, Seen};
pub use throttle::{Attempts, From};

use crate::point::{PointOfCare, Visitor};
use events::signin::{Attempted, Cause, Outcome, Sign, Signalled, Step};
use events::{Actor, DeviceId, Draft, PrincipalId, SessionId};
use smol_str::SmolStr;
use store::{AppendError, Batch};

/// The longest time from touch to page that is believed, in milliseconds: a quarter of an hour.
pub const ELAPSED_MS_MAX: u32 = 15 * 60 * 1_000;
/// The most interactions that are believed.
pub const INTERACTIONS_MAX: u8 = 50;

/// A try, as it went.
#[derive(Clone, Debug)]
pub struct Try {
    /// What was tried.
    pub step: Step,
    /// How it went.
    pub outcome: Outcome,
    /// Because of what, where it did not work.
    pub cause: Option<Cause>,
    /// Exactly what, in a fixed word.
    pub detail: Option<&'static str>,
    /// Who, as far as it was proved.
    pub principal: Option<PrincipalId>,
    /// Who they said they were.
    pub claimed: Option<PrincipalId>,
    /// Which session came of it.
    pub session: Option<SessionId>,
    /// The charter's method.
    pub method: Option<SmolStr>,
    /// From touch to page, as the page measured it.
    pub elapsed_ms: Option<u32>,
    /// How often the person had to touch or type.
    pub interactions: Option<u8>,
    /// Whose key it was, where it did not work: told from others, and never recorded.
    pub about: Option<SmolStr>,
}

impl Try {
    /// One that worked.
    #[must_use]
    pub const fn done(step: Step) -> Self {
        Self {
            step,
            outcome: Outcome::Done,
            cause: None,
            detail: None,
            principal: None,
            claimed: None,
            session: None,
            method: None,
            elapsed_ms: None,
            interactions: None,
            about: None,
        }
    }

    /// One that did not.
    #[must_use]
    pub fn failed(step: Step, outcome: Outcome, cause: Cause, detail: &'static str) -> Self {
        Self { outcome, cause: Some(cause), detail: Some(detail), ..Self::done(step) }
    }
}

impl PointOfCare {
    /// Whether one more try from where a visitor is may be looked at, by the charter's `[throttle]`.
    #[must_use]
    pub fn may_try(&self, visitor: &Visitor) -> bool {
        self.counts_up_to(&From::of(visitor))
    }

    /// Whether one more try under a name may be looked at. At an enrolled workstation it always may: what somebody does with a name elsewhere
    /// never holds up its owner there, and a key has to prove it anyway.
    #[must_use]
    pub fn may_claim(&self, visitor: &Visitor, badge: Option<&str>) -> bool {
        if visitor.workstation.is_some() {
            return true;
        }
        let Some(claim) = badge.and_then(|badge| self.claim(badge)) else { return true };
        self.counts_up_to(&From::Name(claim.code))
    }

    fn counts_up_to(&self, from: &From) -> bool {
        let engine = self.plane().engine();
        self.attempts().may_try(from, &engine.charter().assurance().throttle, self.plane().now())
    }

    /// Records a try. Failures that come faster than anybody fails are counted and not each recorded. That it could not be recorded is logged:
    /// what authority rests on is recorded elsewhere.
    pub async fn tried(&self, visitor: &Visitor, tried: Try) {
        self.watch_failures(visitor, &tried).await;
        if let Err(error) = self.recorded(visitor, tried).await {
            tracing::warn!(%error, "an attempt could not be recorded");
        }
    }

    /// Records a try whose entry is all there is of it.
    ///
    /// # Errors
    /// When it could not be recorded.
    pub(crate) async fn recorded(&self, visitor: &Visitor, tried: Try) -> Result<(), AppendError> {
        let from = From::of(visitor);
        let unrecorded = match self.attempts().record(&from, tried.outcome == Outcome::Done, self.plane().now()) {
            None => return Ok(()),
            Some(unrecorded) => unrecorded,
        };
        let kind = visitor.workstation.as_ref().map(|(_, device)| device.kind.as_str().into());
        let attempted = Attempted {
            step: tried.step,
            outcome: tried.outcome,
            cause: tried.cause,
            detail: tried.detail.map(SmolStr::new_static),
            principal: tried.principal.clone(),
            claimed: tried.claimed,
            session: tried.session,
            method: tried.method,
            device_kind: kind,
            elapsed_ms: tried.elapsed_ms.map(|ms| ms.min(ELAPSED_MS_MAX)),
            interactions: tried.interactions.map(|count| count.min(INTERACTIONS_MAX)),
            unrecorded,
        };
        let draft = Draft { on_behalf_of: tried.principal, ..self.at_screen(visitor.device(), Box::new(attempted)) };
        self.plane().record(Batch::one(draft)).await.map(|_| ())
    }

    /// Whether this failure makes many at one workstation. Who only thinks better of it fails nobody.
    async fn watch_failures(&self, visitor: &Visitor, tried: &Try) {
        if !matches!(tried.outcome, Outcome::Refused | Outcome::Failed) {
            return;
        }
        let Some(device) = visitor.device() else { return };
        let named = tried.principal.as_ref().or(tried.claimed.as_ref()).map(|who| SmolStr::from(who.as_str()));
        let what = named.or_else(|| tried.about.clone()).unwrap_or_else(|| tried.detail.unwrap_or_default().into());
        if let Some(times) = self.failures().note(device, what, self.plane().now()) {
            let signalled = Signalled {
                sign: Sign::ManyFailures,
                principal: None,
                session: None,
                other: None,
                times: u32::try_from(times).ok(),
            };
            self.record_sign(self.at_screen(Some(device), signalled)).await;
        }
    }

    async fn record_sign(&self, draft: Draft) {
        if let Err(error) = self.plane().record(Batch::one(draft)).await {
            tracing::warn!(%error, "a sign of a workaround could not be recorded");
        }
    }

    /// Records a sign of a workaround or of abuse.
    pub async fn signal(
        &self,
        sign: Sign,
        at: Option<&DeviceId>,
        who: Option<&PrincipalId>,
        session: Option<&SessionId>,
        other: Option<&DeviceId>,
    ) {
        let signalled =
            Signalled { sign, principal: who.cloned(), session: session.cloned(), other: other.cloned(), times: None };
        self.record_sign(Draft { on_behalf_of: who.cloned(), ..self.at_screen(at, signalled) }).await;
    }

    /// A draft of something that happened at a screen.
    pub(crate) fn at_screen(&self, device: Option<&DeviceId>, event: impl Into<events::Event>) -> Draft {
        Draft {
            device: device.cloned(),
            place: device.and_then(|device| self.unit_of(device)),
            ..Draft::new(Actor::handrail("sign-in"), event)
        }
    }
}
