//! What a workstation's helper asks, and the answers.

use super::rules::{Answer, Asked, Shut, Wanted, answer, nearest};
use crate::attempt::Try;
use crate::point::{PointOfCare, Visitor};
use crate::session::rules::Limits;
use crate::session::told;
use crate::workstation::{Enrolment, enrolled, proof};
use axum::Router;
use axum::extract::{DefaultBodyLimit, FromRef, Json, State};
use axum::response::Response;
use axum::routing::post;
use events::session::LockCause;
use events::signin::{Cause, Outcome, Step};
use events::workstation::Keeper;
use events::{DeviceId, PrincipalId, SessionId, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::json;
use smol_str::SmolStr;
use world::SessionFacts;

/// The longest body of these routes, in bytes.
const BODY_BYTES_MAX: usize = 8 * 1024;
/// The longest name of a PAM service, in bytes.
const SERVICE_BYTES_MAX: usize = 64;
/// What is said of a proof that does not hold.
const UNPROVED: &str = "This workstation could not prove which one it is. Clinical IT can enrol its helper again.";
/// What is said when a touch is wanted.
const TOUCH: &str = "Touch your key on the Handrail page of this workstation.";

/// `POST /workstation/helper` makes whoever has a code the workstation's helper; `/workstation/helper/nonce`, `/status` and `/ask` are how
/// that helper asks, and `/badge-away` is how it says that the badge was taken from the reader. Anybody may call them: a code, or the helper's key, says who it is. No cookie counts here, and none is given.
pub fn routes<S>() -> Router<S>
where
    S: Clone + Send + Sync + 'static,
    PointOfCare: FromRef<S>,
{
    Router::new()
        .route("/workstation/helper", post(enrol))
        .route("/workstation/helper/nonce", post(nonce))
        .route("/workstation/helper/status", post(status))
        .route("/workstation/helper/ask", post(ask))
        .route("/workstation/helper/badge-away", post(badge_away))
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
}

async fn enrol(State(point): State<PointOfCare>, visitor: Visitor, Json(sent): Json<Enrolment>) -> Response {
    let visitor = Visitor { carried: None, stale: None, workstation: None, session: None, ..visitor };
    match enrolled(&point, &visitor, Keeper::Helper, sent).await {
        Ok(device) => told(&json!({ "device": device, "url": point.base().to_string() })),
        Err(words) => told(&json!({ "say": words })),
    }
}

async fn nonce(State(point): State<PointOfCare>) -> Response {
    told(&json!({ "nonce": point.nonces().make(point.plane().now()), "url": point.base().to_string() }))
}

/// Whether a helper's key counts.
async fn status(State(point): State<PointOfCare>, visitor: Visitor, Json(sent): Json<Sent>) -> Response {
    let now = point.plane().now();
    if !point.may_try(&visitor) {
        return no("Too many tries came from here in the last minute. Wait a moment.");
    }
    match proved(&point, &sent, now) {
        Some((device, facts)) => told(&json!({ "answer": "yes", "device": device, "unit": facts.unit })),
        None => no(UNPROVED),
    }
}

/// What a helper says its proof is for when the badge is gone.
const BADGE_AWAY: &str = "badge-away";

/// The badge was taken from the workstation's reader: what is open there locks, where the charter says so. It can only lock, so a proof is
/// enough, however often it comes.
async fn badge_away(State(point): State<PointOfCare>, visitor: Visitor, Json(sent): Json<Sent>) -> Response {
    let visitor = Visitor { carried: None, stale: None, workstation: None, session: None, ..visitor };
    let proved = proved(&point, &sent, point.plane().now()).filter(|_| sent.service == BADGE_AWAY);
    let Some((here, _)) = proved else {
        if !point.may_try(&visitor) {
            return no("Too many tries came from here in the last minute. Wait a moment.");
        }
        let tried = Try::failed(Step::SignIn, Outcome::Refused, Cause::DeviceTrust, "helper_proof_does_not_hold");
        point.tried(&visitor, tried).await;
        return no(UNPROVED);
    };
    let there: Vec<SessionFacts> = point.plane().world(|world| world.sessions_at(&here).cloned().collect());
    let open = there.iter().filter(|one| point.is_open(&one.session) && point.locks_without_badge(one));
    let mut locked = 0_u32;
    for session in open {
        if let Err(error) = point.lock(session, LockCause::BadgeAway).await {
            tracing::error!(%error, "a screen whose badge is gone could not be locked");
            return no("The screen could not be locked: it could not be recorded.");
        }
        locked += 1;
    }
    told(&json!({ "answer": "yes", "locked": locked }))
}

/// What a helper asks.
#[derive(Debug, Deserialize)]
struct Sent {
    device: SmolStr,
    nonce: String,
    signature: String,
    /// The local name of whoever is to be let in.
    user: SmolStr,
    /// The PAM service that asks.
    service: SmolStr,
    /// What it was given when a touch was wanted.
    #[serde(default)]
    question: String,
    /// It will not ask again.
    #[serde(default)]
    last: bool,
}

/// A touch that was asked for, sealed, so that any node knows it again.
#[derive(Debug, Serialize, Deserialize)]
struct Question {
    device: DeviceId,
    user: SmolStr,
    service: SmolStr,
    session: SessionId,
    at: Timestamp,
}

/// A helper that proved itself, and what it asks.
struct Helper<'a> {
    point: &'a PointOfCare,
    /// As everything that is counted and recorded wants it.
    visitor: Visitor,
    here: DeviceId,
    sent: &'a Sent,
    wanted: Wanted,
    question: Option<Question>,
}

fn no(words: &str) -> Response {
    told(&json!({ "answer": "no", "say": words }))
}

async fn ask(State(point): State<PointOfCare>, visitor: Visitor, Json(sent): Json<Sent>) -> Response {
    let now = point.plane().now();
    // Whatever cookie came with it, a helper is who its key says.
    let visitor = Visitor { carried: None, stale: None, workstation: None, session: None, ..visitor };
    let question = point.desktop().open::<Question>(&sent.question);
    // Each question counts once, not each look whether its touch is there.
    if question.is_none() && !point.may_try(&visitor) {
        return no("Too many tries came from here in the last minute. Wait a moment.");
    }
    let Some((here, device)) = proved(&point, &sent, now) else {
        let tried = Try::failed(Step::SignIn, Outcome::Refused, Cause::DeviceTrust, "helper_proof_does_not_hold");
        point.tried(&visitor, tried).await;
        return no(UNPROVED);
    };
    let visitor = Visitor { workstation: Some((here.clone(), device)), ..visitor };
    if question.is_none() && !point.may_try(&visitor) {
        return no("Too many tries came from this workstation in the last minute. Wait a moment.");
    }
    if !sent.question.is_empty() && question.is_none() {
        return no("This question is not known here. Try again.");
    }
    let wanted = Wanted::of(&sent.service);
    Helper { point: &point, visitor, here, sent: &sent, wanted, question }.answer().await
}

/// Which workstation's helper asks, if its key says so.
fn proved(point: &PointOfCare, sent: &Sent, now: Timestamp) -> Option<(DeviceId, world::DeviceFacts)> {
    let device = DeviceId::new(&sent.device).ok()?;
    let fits = !sent.service.is_empty() && sent.service.len() <= SERVICE_BYTES_MAX;
    let clean = |text: &str| !text.chars().any(char::is_control);
    if !fits || !clean(&sent.service) || !clean(&sent.user) || !point.nonces().take(&sent.nonce, now) {
        return None;
    }
    let (facts, key) = point
        .plane()
        .world(|world| Some((world.device(&device)?, world.workstation_key(&device, Keeper::Helper).cloned()?)))?;
    let asked = [sent.user.as_str(), sent.service.as_str(), sent.question.as_str()];
    let message = proof::helper_message(&sent.device, &point.base().to_string(), &sent.nonce, asked);
    proof::holds(&key, &message, &sent.signature).then_some((device, facts))
}

impl Helper<'_> {
    /// Who goes by the local name, if exactly one who may act does.
    fn person(&self) -> Option<PrincipalId> {
        let code = PrincipalId::new(&self.sent.user).ok()?;
        let mut people = self.point.plane().world(|world| world.who_goes_by(&code));
        if people.len() == 1 { people.pop() } else { None }
    }

    async fn answer(self) -> Response {
        let Some(who) = self.person() else { return self.shut(None, None, Shut::Nobody).await };
        let (plane, now) = (self.point.plane(), self.point.plane().now());
        let sessions: Vec<SessionFacts> = plane.world(|world| world.sessions_of(&who).cloned().collect());
        let known = sessions.iter().map(|session| (session, self.point.limits(session)));
        let session = nearest(known, &self.here, now);
        let facts = session.map(|(session, _)| session.clone());
        match self.judged(session, now) {
            Answer::Yes => self.open(&who, facts).await,
            Answer::Touch if self.sent.last => self.shut(Some(who), facts, Shut::NoTouch).await,
            Answer::Touch => self.wait(who, facts).await,
            Answer::No(why) => self.shut(Some(who), facts, why).await,
        }
    }

    fn judged(&self, session: Option<(&SessionFacts, Limits)>, now: Timestamp) -> Answer {
        let unit = self.point.unit_of(&self.here);
        let engine = self.point.plane().engine();
        let rules = &engine.charter().rules_at(unit.as_ref()).assurance;
        let asked_at = match &self.question {
            None => None,
            // A question is about one person at one workstation who wants one thing, in the session they had then.
            Some(question)
                if question.device == self.here
                    && question.user == self.sent.user
                    && question.service == self.sent.service
                    && session.is_some_and(|(session, _)| session.session == question.session) =>
            {
                Some(question.at)
            }
            Some(_) => return Answer::No(Shut::NotSignedIn),
        };
        answer(&Asked {
            wanted: self.wanted,
            here: &self.here,
            session,
            required: rules.required.map(|required| required.critical),
            asked_at,
            now,
        })
    }

    const fn step(&self) -> Step {
        match self.wanted {
            Wanted::Unlock => Step::SignIn,
            Wanted::Elevate => Step::StepUp,
        }
    }

    /// Yes: recorded first, or it is no.
    async fn open(self, who: &PrincipalId, session: Option<SessionFacts>) -> Response {
        let tried = Try {
            detail: Some(match self.wanted {
                Wanted::Unlock => "desktop_unlock",
                Wanted::Elevate => "desktop_sudo",
            }),
            principal: Some(who.clone()),
            session: session.as_ref().map(|session| session.session.clone()),
            method: session.map(|session| session.method),
            ..Try::done(self.step())
        };
        self.point.waiting().answered(&self.here, who);
        match self.point.recorded(&self.visitor, tried).await {
            Ok(()) => told(&json!({ "answer": "yes" })),
            Err(error) => {
                tracing::error!(%error, "what a desktop asked could not be recorded");
                no("This could not be recorded, so the answer is no. Try again.")
            }
        }
    }

    /// A touch is wanted: a question for the helper to come back with, and a hint on the person's own page.
    async fn wait(self, who: PrincipalId, session: Option<SessionFacts>) -> Response {
        let now = self.point.plane().now();
        let next = self.point.nonces().make(now);
        if self.question.is_some() {
            return told(&json!({ "answer": "wait", "question": self.sent.question, "nonce": next }));
        }
        let Some(session) = session else { return self.shut(Some(who), None, Shut::NotSignedIn).await };
        let question = Question {
            device: self.here.clone(),
            user: self.sent.user.clone(),
            service: self.sent.service.clone(),
            session: session.session,
            at: now,
        };
        self.point.waiting().asked(&self.here, &who, &self.sent.service, now);
        let question = self.point.desktop().seal(&question);
        told(&json!({ "answer": "wait", "say": TOUCH, "question": question, "nonce": next }))
    }

    /// No.
    async fn shut(self, who: Option<PrincipalId>, session: Option<SessionFacts>, why: Shut) -> Response {
        let outcome = if why == Shut::NoTouch { Outcome::GivenUp } else { Outcome::Refused };
        if let Some(who) = &who {
            self.point.waiting().answered(&self.here, who);
        }
        // Nothing proves that it is them who stands there; and a name that is nobody's may be a password typed too early.
        let tried = Try {
            claimed: who,
            session: session.map(|session| session.session),
            ..Try::failed(self.step(), outcome, why.cause(), why.detail(self.wanted))
        };
        self.point.tried(&self.visitor, tried).await;
        no(why.words())
    }
}
