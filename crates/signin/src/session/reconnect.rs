//! Coming back by a touch alone: the badge, and a key that is touched without its PIN, where the charter takes that.

use super::ceremony::{CeremonyAnswer, Refusal};
use super::routes::{HOME, unrecorded};
use super::rules::{Standing, presence_will_do};
use super::store::{Basis, Screen};
use super::{told, with_cookie};
use crate::attempt::Try;
use crate::passkey::{Claimed, Purpose, Verification};
use crate::point::{FromOwnPage, PointOfCare, Visitor};
use axum::body::Bytes;
use axum::extract::{Json, State};
use axum::response::Response;
use events::signin::{Cause, Step};
use serde_json::json;
use world::SessionFacts;

impl PointOfCare {
    /// How a session behaves where it is, by the charter.
    pub(crate) fn session_rules(&self, session: &SessionFacts) -> Option<charter::signing_in::SessionRules> {
        let unit = self.unit_of_session(session);
        let engine = self.plane().engine();
        engine.charter().rules_at(unit.as_ref()).assurance.session_rules(session.level, unit.as_ref())
    }

    /// The session that its owner comes back to by a touch alone, if there is one at the screen.
    pub(crate) fn waits_for_touch(&self, visitor: &Visitor) -> Option<SessionFacts> {
        let (session, stands) = visitor.session.as_ref()?;
        presence_will_do(session, *stands, self.session_rules(session).as_ref()).then(|| session.clone())
    }
}

pub(super) async fn options(
    State(point): State<PointOfCare>,
    visitor: Visitor,
    _own: FromOwnPage,
    _read: Bytes,
) -> Response {
    let Some(session) = point.waits_for_touch(&visitor) else { return told(&json!({ "go": "/bedside" })) };
    let keys: Vec<Claimed> = point.plane().world(|world| {
        let keys = world.authenticators_of(&session.principal).into_iter();
        keys.map(|key| Claimed { credential: key.credential.clone(), transports: Vec::new() }).collect()
    });
    if keys.is_empty() {
        // Everything of theirs was revoked since; whoever has a key begins anew.
        return told(&json!({ "go": "/bedside" }));
    }
    let purpose = Purpose::Reconnect { session: session.session };
    match point.touch_options_of(&visitor, purpose, &keys, Verification::PresenceOnly) {
        Ok(options) => told(&json!(options)),
        Err(refusal) => {
            point.refused(&visitor, Step::Reconnect, &refusal, None).await;
            refusal.told()
        }
    }
}

pub(super) async fn result(
    State(point): State<PointOfCare>,
    visitor: Visitor,
    _own: FromOwnPage,
    Json(sent): Json<CeremonyAnswer>,
) -> Response {
    // Two tabs, or twice the same: somebody is back already.
    if let Some((_, Standing::Open)) = &visitor.session {
        return told(&json!({ "resume": true, "go": HOME }));
    }
    let Some(session) = point.waits_for_touch(&visitor) else { return told(&json!({ "go": "/bedside" })) };
    let purpose = Purpose::Reconnect { session: session.session.clone() };
    let (refusal, others) = match point.touched(&visitor, purpose, sent.credential.get().as_bytes()).await {
        Ok((one, _)) if one.principal != session.principal => (not_the_owners(), true),
        Ok((one, proof)) => match point.is_badge_of(sent.badge.as_deref(), &one.principal) {
            Ok(()) => {
                let method = proof.method.clone();
                let screen = Screen { workstation: visitor.device().cloned(), key: None, carried: None };
                let (id, _) = match point.arrive(&one.principal, &screen, proof, &Basis::default()).await {
                    Ok(arrived) => arrived,
                    Err(error) => return unrecorded(&error),
                };
                let tried = Try {
                    principal: Some(one.principal),
                    session: Some(id.clone()),
                    method: Some(method),
                    elapsed_ms: sent.elapsed_ms,
                    interactions: sent.interactions,
                    ..Try::done(Step::Reconnect)
                };
                point.tried(&visitor, tried).await;
                return with_cookie(
                    &point,
                    &visitor,
                    screen.workstation,
                    Some(id),
                    told(&json!({ "resume": true, "go": HOME })),
                );
            }
            Err(refusal) => (refusal, false),
        },
        // Browsers and keys differ in whether they let such a key answer at all.
        Err(refusal) if refusal.detail == NOT_ALLOWED => (not_the_owners(), true),
        Err(refusal) => (refusal, false),
    };
    point.refused(&visitor, Step::Reconnect, &refusal, sent.elapsed_ms).await;
    // A colleague at the owner's button goes on as themselves: their own touch is asked for at once.
    if others { told(&json!({ "say": refusal.words, "start": "sign-in" })) } else { refusal.told() }
}

/// What the ceremony calls a key that was not among those asked for.
const NOT_ALLOWED: &str = "credential_not_allowed";

/// The button was the owner's alone, and the key is not.
fn not_the_owners() -> Refusal {
    let words = "That button is for the key of whoever locked this screen. Touch yours once more, with PIN or finger: you go on as \
                 yourself, and their work stays theirs.";
    Refusal::new(words, Cause::User, "others_authenticator")
}
