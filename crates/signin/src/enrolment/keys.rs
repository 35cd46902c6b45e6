//! One's own authenticators: naming, removing and adding, in a session that one of them verified a moment ago.

use super::allowed::Rules;
use super::store;
use crate::passkey::{Ceremony, Enrollee, Place, Purpose, Registered as Made};
use crate::point::{PointOfCare, SignedIn, Visitor};
use crate::session::Refusal;
use ::store::{AppendError, Batch, ReadError};
use charter::signing_in::LastOne;
use events::authenticator::{NAME_CHARS_MAX, Renamed, RevokeCause, Revoked, Way};
use events::signin::{Cause, RecoveryNeeded};
use events::{Actor, AuthenticatorId, Draft, Event, PrincipalId, SessionId};
use plane::Plane;
use serde_json::json;
use std::time::Duration;
use world::SessionFacts;

/// Whoever changes their keys was verified by one of them within this.
pub const PROOF_AGE_MAX: Duration = Duration::from_secs(5 * 60);

/// Whether somebody is sure enough to change their own keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sureness {
    /// One of their own verified them a moment ago.
    Sure,
    /// One touch more.
    Touch,
    /// No key of theirs stands behind this session: a colleague's word or a pass changes none.
    Lent,
}

/// What became of somebody who removed a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Removed {
    /// They have others.
    One,
    /// It was the last one. They need a way back in, which is recorded; whoever invites people like them can help, by name and how to reach them.
    TheLast(Vec<(String, String)>),
}

/// Why nothing was changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// It is not theirs, or is gone.
    #[error("this is none of theirs")]
    NotTheirs,
    /// They are not sure enough.
    #[error("they were not verified lately")]
    NotSure,
    /// Something else happened to their keys at the same moment.
    #[error("something else happened to their keys at the same moment")]
    Overtaken,
    /// It is the last one, which the charter keeps.
    #[error("it is the last one")]
    TheLast,
    /// A name has 1 to [`NAME_CHARS_MAX`] characters.
    #[error("a key's name has 1 to {NAME_CHARS_MAX} characters")]
    Name,
    /// It could not be recorded.
    #[error("it could not be recorded")]
    Record(#[from] AppendError),
    /// The store cannot be read.
    #[error("the store cannot be read")]
    Read(#[from] ReadError),
}

/// Everything that happens to a person's keys, one after another.
fn stream(who: &PrincipalId) -> String {
    format!("authenticators/{who}")
}

impl PointOfCare {
    /// Whether somebody is sure enough to change their own keys.
    #[must_use]
    pub fn sure_of_keys(&self, session: &SessionFacts) -> Sureness {
        let own =
            session.authenticator.as_ref().is_some_and(|id| self.plane().world(|w| w.authenticator(id).is_some()));
        if !own || session.vouched_by.is_some() || session.review_due.is_some() {
            Sureness::Lent
        } else if self.plane().now().since(session.proved_at) <= PROOF_AGE_MAX {
            Sureness::Sure
        } else {
            Sureness::Touch
        }
    }

    async fn change(&self, by: &SignedIn, version: u64, events: Vec<Event>) -> Result<(), KeyError> {
        let drafts = events.into_iter().map(|event| self.by(by.id(), by.visitor.device(), event)).collect();
        match self.plane().record(Batch::of(drafts).expect(stream(by.id()), version)).await {
            Ok(_) => Ok(()),
            Err(AppendError::Conflict(_)) => Err(KeyError::Overtaken),
            Err(error) => Err(error.into()),
        }
    }

    fn is_theirs(&self, by: &SignedIn, key: &AuthenticatorId) -> Result<(), KeyError> {
        let theirs = self.plane().world(|world| world.authenticator(key).is_some_and(|one| one.principal == *by.id()));
        if theirs { Ok(()) } else { Err(KeyError::NotTheirs) }
    }

    async fn version_of_keys(&self, who: &PrincipalId) -> Result<u64, KeyError> {
        let unheard = AppendError::Conflict(stream(who));
        self.plane().version_folded(&stream(who)).await?.ok_or(KeyError::Record(unheard))
    }

    /// Gives a key of one's own another name.
    ///
    /// # Errors
    /// When it is not theirs, has no name, or it could not be recorded.
    pub async fn rename_key(&self, by: &SignedIn, key: &AuthenticatorId, name: &str) -> Result<(), KeyError> {
        let version = self.version_of_keys(by.id()).await?;
        self.is_theirs(by, key)?;
        let name = name.trim();
        if name.is_empty() || name.chars().count() > NAME_CHARS_MAX || name.chars().any(events::is_unseen) {
            return Err(KeyError::Name);
        }
        self.change(by, version, vec![Renamed { authenticator: key.clone(), name: name.into() }.into()]).await
    }

    /// Ends a key of one's own, and every session that rests on it. Of the last one the charter says whether it stays, or goes and they need a way
    /// back in.
    ///
    /// # Errors
    /// When it is not theirs, they are not sure enough, it is the last one and the charter keeps that, or it could not be recorded.
    pub async fn remove_key(
        &self,
        by: &SignedIn,
        key: &AuthenticatorId,
        cause: RevokeCause,
    ) -> Result<Removed, KeyError> {
        if self.sure_of_keys(&by.session) != Sureness::Sure {
            return Err(KeyError::NotSure);
        }
        // Of two that are removed at once from two tabs, the second waits and finds itself the last.
        let version = self.version_of_keys(by.id()).await?;
        self.is_theirs(by, key)?;
        let held = self.plane().world(|world| world.authenticators_of(by.id()).len());
        let rules = Rules::of(self, by.id()).map_err(|_| KeyError::NotSure)?;
        let mut events = vec![Revoked { authenticator: key.clone(), cause }.into()];
        let mut removed = Removed::One;
        if held <= 1 {
            if rules.authenticators().last == LastOne::Keep {
                return Err(KeyError::TheLast);
            }
            events.push(RecoveryNeeded { principal: by.id().clone(), authenticator: key.clone() }.into());
            removed = Removed::TheLast(rules.who_invite());
        }
        self.change(by, version, events).await?;
        self.keep_sessions_true().await;
        Ok(removed)
    }
}

/// Ends a key of somebody's for them, whether or not it is their last: a lost key waits for nobody. What rests on it counts no longer at once.
/// Answers how many they have left.
///
/// # Errors
/// When it is not theirs, something else happens to their keys at the same moment, or it could not be recorded.
pub async fn revoke(plane: &Plane, who: &PrincipalId, key: &AuthenticatorId, actor: Actor) -> Result<usize, KeyError> {
    let version = plane.version_folded(&stream(who)).await?.ok_or(KeyError::Overtaken)?;
    if !plane.world(|world| world.authenticator(key).is_some_and(|one| one.principal == *who)) {
        return Err(KeyError::NotTheirs);
    }
    let draft = Draft {
        on_behalf_of: Some(who.clone()),
        ..Draft::new(actor, Revoked { authenticator: key.clone(), cause: RevokeCause::Administrative })
    };
    match plane.record(Batch::one(draft).expect(stream(who), version)).await {
        Ok(_) => Ok(plane.world(|world| world.authenticators_of(who).len())),
        Err(AppendError::Conflict(_)) => Err(KeyError::Overtaken),
        Err(error) => Err(error.into()),
    }
}

fn ceremony(who: &PrincipalId, session: &SessionId) -> Ceremony {
    // Of this session alone, wherever it is.
    Ceremony { purpose: Purpose::Register { principal: who.clone() }, place: Place::Away(session.as_str().into()) }
}

fn sure(point: &PointOfCare, session: &SessionFacts) -> Result<(), Refusal> {
    let words = match point.sure_of_keys(session) {
        Sureness::Sure => return Ok(()),
        Sureness::Touch => "Touch one of your keys first: open your keys again, and choose to register another.",
        Sureness::Lent => {
            "You were let in without a key of your own, so none can be registered here. The service desk can."
        }
    };
    Err(Refusal::new(words, Cause::Policy, "not_verified_lately"))
}

/// Options for another key of somebody's.
pub(super) fn options(
    point: &PointOfCare,
    visitor: &Visitor,
    session: &SessionFacts,
) -> Result<serde_json::Value, Refusal> {
    sure(point, session)?;
    let who = &session.principal;
    let existing: Vec<_> = point
        .plane()
        .world(|world| world.authenticators_of(who).into_iter().map(|one| one.credential.clone()).collect());
    Rules::of(point, who)?.have_room(existing.len())?;
    let ceremonies = point.ceremonies().map_err(|_| Refusal::no_passkeys())?;
    let (name, engine) = (point.name_of(who), point.plane().engine());
    let person = Enrollee {
        handle: store::handle_of(point.plane(), who),
        name: who.as_str(),
        display_name: &name,
        hospital: &engine.charter().hospital().name,
        existing: &existing,
    };
    let made = ceremony(who, &session.session);
    let options = ceremonies.registration(made, visitor.address, &person, point.plane().now());
    options.map(|options| json!(options)).map_err(|error| Refusal::of(&error))
}

/// Keeps another key of somebody's.
pub(super) async fn add(point: &PointOfCare, session: &SessionFacts, answer: &[u8], name: &str) -> Result<(), Refusal> {
    let unrecorded = |error: &dyn std::fmt::Display| {
        tracing::error!(%error, "an authenticator could not be registered");
        Refusal::new("This could not be recorded, so it did not happen. Try again.", Cause::Network, "unrecorded")
    };
    sure(point, session)?;
    let who = &session.principal;
    let rules = Rules::of(point, who)?;
    let ceremonies = point.ceremonies().map_err(|_| Refusal::no_passkeys())?;
    let made: Made = ceremonies
        .register(&ceremony(who, &session.session), answer, rules.roots().as_ref(), point.plane().now())
        .map_err(|error| Refusal::of(&error))?;
    let version = point.version_of_keys(who).await.map_err(|error| unrecorded(&error))?;
    rules.have_room(point.plane().world(|world| world.authenticators_of(who).len()))?;
    let method = rules.method(&made)?;
    store::unknown_yet(point, &made)?;
    let way = Way::Session { session: session.session.clone() };
    let draft = store::registered(point, who, made, method, name, way);
    let batch = Batch::one(draft).expect(stream(who), version);
    point.plane().record(batch).await.map(drop).map_err(|error| unrecorded(&error))
}
