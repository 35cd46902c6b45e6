//! What happens to sessions, recorded. Everything is an entry first; the world's fold of it is what counts.

use super::rules::{Here, Limits, Standing, Touch, proved_themselves, standing, touch};
use crate::point::PointOfCare;
use events::session::{EndCause, Ended, LockCause, Locked, Proof, Resumed, Started, SteppedUp, Used};
use events::signin::Sign;
use events::workstation::DeviceKey;
use events::{DeviceId, Draft, Event, PrincipalId, SessionId, Timestamp};
use std::time::Duration;
use store::{AppendError, Batch};
use world::SessionFacts;

/// Use is recorded at most so often.
const USE_RECORDED_EVERY: Duration = Duration::from_secs(60);

/// Why nothing came of it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SessionError {
    /// It could not be recorded, so nothing happened.
    #[error("it could not be recorded")]
    Record(#[from] AppendError),
    /// Something else happened to the session at the same moment.
    #[error("something else happened to the session at the same moment")]
    Overtaken,
}

/// Where somebody is, as far as a session goes.
#[derive(Clone, Debug)]
pub struct Screen {
    /// The enrolled workstation, if it is one.
    pub workstation: Option<DeviceId>,
    /// The key of the browser, where it is none.
    pub key: Option<DeviceKey>,
    /// The session that browser carries, where it is none.
    pub carried: Option<SessionId>,
}

/// What a new session is besides a proof.
#[derive(Clone, Debug, Default)]
pub struct Basis {
    /// Who stands for them.
    pub vouched_by: Option<PrincipalId>,
    /// By when it is to be reviewed.
    pub review_due: Option<Timestamp>,
    /// The session at the provider.
    pub provider_session: Option<smol_str::SmolStr>,
    /// It lasts at most so long.
    pub at_most: Option<Duration>,
}

impl PointOfCare {
    /// A draft by a person, at a screen.
    pub(crate) fn by(&self, who: &PrincipalId, at: Option<&DeviceId>, event: impl Into<Event>) -> Draft {
        Draft { on_behalf_of: Some(who.clone()), ..self.at_screen(at, event) }
    }

    /// How long a session lasts where it is.
    #[must_use]
    pub fn limits(&self, session: &SessionFacts) -> Limits {
        self.limits_at(session.level, session.workstation.as_ref())
    }

    pub(crate) fn limits_at(&self, level: u8, workstation: Option<&DeviceId>) -> Limits {
        let unit = workstation.and_then(|device| self.unit_of(device));
        let engine = self.plane().engine();
        Limits::of(engine.charter().rules_at(unit.as_ref()).assurance.session_limit(level, unit.as_ref()))
    }

    /// Whether a session's owner works in it now, wherever it is.
    pub(crate) fn is_open(&self, session: &SessionId) -> bool {
        let Some(facts) = self.plane().world(|world| world.session(session).cloned()) else { return false };
        let stands = standing(&facts, facts.workstation.as_ref(), &self.limits(&facts), self.plane().now());
        stands == Standing::Open
    }

    /// Whether nobody has touched the screen for as long as the charter lets it be, by what its script says: later than the entries know.
    pub(crate) fn locks_for_idleness(&self, session: &SessionFacts, idle_s: u32) -> bool {
        Duration::from_secs(idle_s.into()) >= self.limits(session).idle
    }

    /// Notes that a session is used: an entry at most once a minute. That it could not be recorded is nobody's reason to stop.
    pub(crate) async fn note_use(&self, session: &SessionFacts) {
        let now = self.plane().now();
        if now.since(session.used_at) < USE_RECORDED_EVERY {
            return;
        }
        let used = Used { session: session.session.clone() };
        let draft = self.by(&session.principal, session.workstation.as_ref(), used);
        if let Err(error) = self.plane().record(Batch::one(draft)).await {
            tracing::warn!(%error, "use of a session could not be recorded");
        }
    }

    /// What a touch of somebody at a screen would do.
    pub(crate) fn touch(&self, who: &PrincipalId, screen: &Screen) -> Touch {
        let now = self.plane().now();
        self.plane().world(|world| {
            let shared = |device: Option<&DeviceId>| device.and_then(|id| world.device(id)).is_some_and(|d| d.shared);
            let sessions = world.sessions_of(who).map(|session| (session, shared(session.workstation.as_ref())));
            let here = Here {
                workstation: screen.workstation.as_ref(),
                shared: shared(screen.workstation.as_ref()),
                carried: screen.carried.as_ref(),
            };
            touch(who, here, sessions, now)
        })
    }

    /// Somebody proved who they are at a screen: their session begins, goes on, or follows them there, and whoever else is at that screen is
    /// locked. Answers which session it is and what happened.
    ///
    /// # Errors
    /// When it could not be recorded; then nothing happened.
    pub async fn arrive(
        &self,
        who: &PrincipalId,
        screen: &Screen,
        proof: Proof,
        basis: &Basis,
    ) -> Result<(SessionId, Touch), SessionError> {
        self.arrive_with(who, screen, proof, basis, |batch, _| batch).await
    }

    /// The same, with what else becomes true in the same commit, once it is known which session it is.
    ///
    /// # Errors
    /// When it could not be recorded; then nothing happened.
    pub(crate) async fn arrive_with(
        &self,
        who: &PrincipalId,
        screen: &Screen,
        proof: Proof,
        basis: &Basis,
        with: impl FnOnce(Batch, &SessionId) -> Batch + Send,
    ) -> Result<(SessionId, Touch), SessionError> {
        let plain = basis.vouched_by.is_none() && basis.review_due.is_none() && basis.at_most.is_none();
        let step = if plain { self.touch(who, screen) } else { Touch::SignIn };
        // What a provider says is as sure as it says, and is ended by it: it takes no session of a key's further, and a new one its place.
        let (step, replaced) = match step {
            Touch::Reconnect(session) | Touch::Roam(session) if basis.provider_session.is_some() => {
                (Touch::SignIn, Some(session))
            }
            step => (step, None),
        };
        // A touch that only showed presence brings somebody back, and never begins anything.
        let presence_only = proof.authenticator.is_some() && !proof.verified;
        if plain && presence_only && !matches!(step, Touch::Reconnect(_)) {
            return Err(SessionError::Overtaken);
        }
        let workstation = screen.workstation.clone();
        let here = workstation.as_ref();
        let (session, event): (SessionId, Event) = match &step {
            Touch::Reconnect(session) | Touch::Roam(session) => {
                (session.clone(), Resumed { session: session.clone(), workstation: workstation.clone(), proof }.into())
            }
            Touch::SignIn => {
                let session = new_session();
                let started = self.started(session.clone(), who, screen, proof, basis);
                (session, Box::new(started).into())
            }
        };
        let before: Vec<SessionFacts> = self.plane().world(|world| world.sessions_of(who).cloned().collect());
        let mut drafts = self.make_room(who, here, basis.review_due.is_none());
        drafts.extend(before.iter().filter(|one| replaced.as_ref() == Some(&one.session)).map(|one| {
            let ended = Ended { session: one.session.clone(), cause: EndCause::Replaced };
            self.by(who, one.workstation.as_ref(), ended)
        }));
        drafts.push(self.by(who, here, event));
        self.plane().record(with(Batch::of(drafts), &session)).await?;
        let there = self.plane().world(|world| {
            world.session(&session).is_some_and(|one| one.workstation == workstation && one.locked.is_none())
        });
        if !there {
            return Err(SessionError::Overtaken);
        }
        if plain {
            self.signs_of_arrival(who, here, &session, &before).await;
        }
        Ok((session, step))
    }

    fn started(&self, session: SessionId, who: &PrincipalId, screen: &Screen, proof: Proof, basis: &Basis) -> Started {
        let overall = self.limits_at(proof.level, screen.workstation.as_ref()).overall;
        let lasts = basis.at_most.map_or(overall, |most| most.min(overall));
        Started {
            session,
            principal: who.clone(),
            workstation: screen.workstation.clone(),
            key: screen.key.clone().filter(|_| screen.workstation.is_none()),
            proof,
            good_until: self.plane().now() + lasts,
            vouched_by: basis.vouched_by.clone(),
            review_due: basis.review_due,
            provider_session: basis.provider_session.clone(),
        }
    }

    /// Locks whoever else is at a screen, and ends what somebody had without proof of their own, wherever that is; only here where they are not
    /// `proved`, so that nobody who knows a badge number ends a colleague's work elsewhere.
    fn make_room(&self, who: &PrincipalId, here: Option<&DeviceId>, proved: bool) -> Vec<Draft> {
        let near = |one: &SessionFacts| proved || one.workstation.as_ref() == here;
        let lent = |one: &&SessionFacts| !proved_themselves(one) && near(one);
        let (theirs, there): (Vec<SessionFacts>, Vec<SessionFacts>) = self.plane().world(|world| {
            let others = here.into_iter().flat_map(|device| world.sessions_at(device));
            let others = others.filter(|one| one.principal != *who && one.locked.is_none());
            (world.sessions_of(who).filter(lent).cloned().collect(), others.cloned().collect())
        });
        let ended = theirs.into_iter().map(|one| {
            let event: Event = Ended { session: one.session, cause: EndCause::Replaced }.into();
            (one.principal, one.workstation, event)
        });
        let locked = there.into_iter().map(|one| {
            let event: Event = Locked { session: one.session, cause: LockCause::TakenOver }.into();
            (one.principal, one.workstation, event)
        });
        ended.chain(locked).map(|(who, at, event)| self.by(&who, at.as_ref(), event)).collect()
    }

    /// Locks a screen.
    ///
    /// # Errors
    /// When it could not be recorded.
    pub async fn lock(&self, session: &SessionFacts, cause: LockCause) -> Result<(), SessionError> {
        self.tell(session, Locked { session: session.session.clone(), cause }).await
    }

    /// Ends a session.
    ///
    /// # Errors
    /// When it could not be recorded.
    pub async fn end(&self, session: &SessionFacts, cause: EndCause) -> Result<(), SessionError> {
        self.tell(session, Ended { session: session.session.clone(), cause }).await
    }

    /// Somebody proved it again.
    ///
    /// # Errors
    /// When it could not be recorded.
    pub async fn step_up(&self, session: &SessionFacts, proof: Proof) -> Result<(), SessionError> {
        self.tell(session, SteppedUp { session: session.session.clone(), proof }).await
    }

    async fn tell(&self, session: &SessionFacts, event: impl Into<Event>) -> Result<(), SessionError> {
        let draft = self.by(&session.principal, session.workstation.as_ref(), event);
        self.plane().record(Batch::one(draft)).await?;
        Ok(())
    }

    /// Looks every few seconds at what time has done, until `stop`.
    pub async fn watch_sessions(&self, stop: tokio_util::sync::CancellationToken) {
        while stop.run_until_cancelled(tokio::time::sleep(SWEPT_EVERY)).await.is_some() {
            self.keep_sessions_true().await;
        }
    }

    /// Records what time has done: locks what nobody uses, ends what is over, whose owner may not act any more, or whose workstation or
    /// authenticator counts no longer. Decisions do not wait for it; it is for the record and for the screens.
    pub async fn keep_sessions_true(&self) {
        let now = self.plane().now();
        for (session, workstation) in self.unproven().overdue(now) {
            let who = self.plane().world(|world| world.session(&session).map(|one| one.principal.clone()));
            self.signal(Sign::CopiedCookie, workstation.as_ref(), who.as_ref(), Some(&session), None).await;
        }
        let stale: Vec<(SessionFacts, Event)> = self.plane().world(|world| {
            let found = world.sessions().filter_map(|one| {
                let event = self.overdue(world, one, now)?;
                Some((one.clone(), event))
            });
            found.take(SWEPT_AT_ONCE_MAX).collect()
        });
        for (session, event) in stale {
            // Every node looks, and one tells: what was told of this very state of the session is not told again.
            let told = format!("{} {} {}", session.session, event.kind().name, session.used_at.as_millis());
            let draft = self.by(&session.principal, session.workstation.as_ref(), event);
            match self.plane().record(Batch::one(draft).claim("session_swept", told, now + SWEPT_REMEMBERED)).await {
                Ok(_) | Err(AppendError::Conflict(_) | AppendError::Taken(_)) => {}
                Err(error) => {
                    tracing::warn!(%error, "what time did to a session could not be recorded");
                    return;
                }
            }
        }
    }

    /// What an entry should say of a session that time or somebody else has ended or locked.
    fn overdue(&self, world: &world::World, one: &SessionFacts, now: Timestamp) -> Option<Event> {
        if let Some(cause) = ended_by(world, one, now) {
            return Some(Ended { session: one.session.clone(), cause }.into());
        }
        let unit = one.workstation.as_ref().and_then(|device| world.device(device)).and_then(|device| device.unit);
        let engine = self.plane().engine();
        let limit = engine.charter().rules_at(unit.as_ref()).assurance.session_limit(one.level, unit.as_ref());
        let idle = Limits::of(limit).idle;
        (one.locked.is_none() && now.since(one.used_at) >= idle)
            .then(|| Locked { session: one.session.clone(), cause: LockCause::Idle }.into())
    }
}

/// How long nodes remember what one of them told of a session.
const SWEPT_REMEMBERED: Duration = Duration::from_secs(60 * 60);

/// Why a session counts no longer, whether or not an entry says so yet.
pub(crate) fn ended_by(world: &world::World, one: &SessionFacts, now: Timestamp) -> Option<EndCause> {
    let subject = world::Subject { principal: one.principal.clone(), patient: None, device: None, session: None };
    let keeper = events::workstation::Keeper::Browser;
    if now >= one.good_until {
        return Some(if one.handed_over { EndCause::HandedOver } else { EndCause::Over });
    }
    if world.facts(&subject, now).principal.is_none_or(|known| !known.active) {
        return Some(EndCause::PrincipalEnded);
    }
    if one.workstation.as_ref().is_some_and(|device| world.workstation_key(device, keeper).is_none()) {
        return Some(EndCause::WorkstationWithdrawn);
    }
    let revoked = one.authenticator.as_ref().is_some_and(|id| world.authenticator(id).is_none());
    revoked.then_some(EndCause::AuthenticatorRevoked)
}

/// How often what time has done is looked at.
const SWEPT_EVERY: Duration = Duration::from_secs(5);
/// The most sessions one look at what time has done tells of; the next look tells of more.
const SWEPT_AT_ONCE_MAX: usize = 500;

/// A new session's id: sixteen random bytes.
pub(crate) fn new_session() -> SessionId {
    let text = format!("se-{:032x}", u128::from_be_bytes(plane::random()));
    // Letters and digits of a fixed number: always an id.
    SessionId::new(&text).unwrap_or_else(|_| unreachable!("{text} is an id"))
}
