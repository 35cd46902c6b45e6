//! My sessions and keys: where I am signed in, with what, and how to end either.

use crate::asking::Asker;
use crate::frame::{self, HELP, ME, PATIENTS};
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::routing::{get, post};
use events::authenticator::RevokeCause;
use events::session::EndCause;
use events::{AuthenticatorId, SessionId};
use maud::{Markup, html};
use pages::{Bedside, CeremonyForm, Document, Watch, form, sheet};
use serde::Deserialize;
use signin::enrolment::{KeyError, Removed, Sureness};
use signin::point::{PointOfCare, Posted, SignedIn};
use signin::recovery;
use world::{Authenticator, SessionFacts};

/// Where sessions are ended.
const END: &str = "/bedside/me/end";
/// Where keys are named.
const RENAME: &str = "/bedside/me/keys/rename";
/// Where keys are removed.
const REMOVE: &str = "/bedside/me/keys/remove";
/// Where another key begins.
const ADD: &str = "/bedside/me/keys/add";

/// The page and its forms. All are for whoever is signed in, about themselves alone.
pub(crate) fn routes() -> Router<PointOfCare> {
    Router::new()
        .route(ME, get(show))
        .route(END, post(end))
        .route(RENAME, post(rename))
        .route(REMOVE, post(remove))
        .route(ADD, post(add))
}

async fn show(State(point): State<PointOfCare>, by: SignedIn) -> Document {
    page(&point, &by)
}

fn page(point: &PointOfCare, by: &SignedIn) -> Document {
    let (watch, token) = (frame::watch(point), by.visitor.form_token());
    let (sessions, keys) = point.plane().world(|world| {
        let keys: Vec<Authenticator> = world.authenticators_of(by.id()).into_iter().cloned().collect();
        (world.sessions_of(by.id()).cloned().collect::<Vec<SessionFacts>>(), keys)
    });
    let body = html! {
        (sheet("Where I am signed in", &html! {}, &html! {
            ul.list { @for one in &sessions { li { div { (session(point, by, one, &watch, &token)) } } } }
        }))
        (sheet("My keys", &html! {}, &html! {
            ul.list { @for one in &keys { li { div { (key(point, one, &watch, &token)) } } } }
            div.pad { (form::post(ADD, &token, &form::button(form::Weight::Main, "Register another"))) }
        }))
        (ways_back(point, by, &watch))
        (frame::ways(point, by, ME))
    };
    let page = Bedside { title: "My sessions and keys", body, ..Bedside::default() };
    point.page_with(&by.visitor, Some(&by.session), page)
}

/// What was asked for in my name: whoever did not ask for it should know, and say so.
fn ways_back(point: &PointOfCare, by: &SignedIn, watch: &Watch) -> Markup {
    let told = recovery::notices(point, by.id(), recovery::TOLD_FOR).unwrap_or_else(|error| {
        tracing::error!(%error, "what was asked for in somebody's name cannot be read");
        Vec::new()
    });
    if told.is_empty() {
        return html! {};
    }
    let engine = point.plane().engine();
    let owners = engine.charter().owners();
    let desk = owners.find(&owners.help_desk);
    sheet(
        "Ways back in, in my name",
        &html! {},
        &html! {
            ul.list {
                @for one in &told {
                    li { div {
                        h3 { (one.path) }
                        p {
                            (watch.short(one.asked_at))
                            @if let Some(voucher) = &one.voucher { ", " (point.name_of(voucher)) " stood for me" }
                            ". " (one.came_of_it)
                        }
                    } }
                }
            }
            @if let Some(desk) = desk { div.pad { p { "If this was not you, tell " (desk.name()) " now: " (desk.contact()) "." } } }
        },
    )
}

fn session(point: &PointOfCare, by: &SignedIn, one: &SessionFacts, watch: &Watch, token: &str) -> Markup {
    let asker = Asker::of(point, &by.session);
    let place = one.workstation.as_ref().map_or_else(
        || "A browser of my own".to_owned(),
        |device| match point.unit_of(device) {
            Some(unit) => {
                let unit = asker.as_ref().map_or_else(|| unit.to_string(), |asker| asker.unit(&unit));
                format!("{unit}, {device}")
            }
            None => device.to_string(),
        },
    );
    let here = one.session == by.session.session;
    html! {
        h3 { (place) @if here { " (here)" } }
        p {
            "Since " (watch.short(one.started_at)) ", until " (watch.short(one.good_until))
            @if let Some((since, _)) = one.locked { ", locked since " (watch.short(since)) }
            @if let Some(colleague) = &one.vouched_by { ", on the word of " (point.name_of(colleague)) }
        }
        (form::post(END, token, &html! {
            input type="hidden" name="session" value=(one.session);
            (form::button(form::Weight::Usual, if here { "End it: sign out here" } else { "End it" }))
        }))
    }
}

fn key(point: &PointOfCare, one: &Authenticator, watch: &Watch, token: &str) -> Markup {
    let engine = point.plane().engine();
    let methods = &engine.charter().assurance().methods;
    let known = methods.iter().find(|(name, _)| name.as_str() == one.method.as_str());
    let method = known.map_or_else(|| one.method.to_string(), |(_, method)| method.title.clone());
    let id = one.authenticator.as_str();
    html! {
        h3 { (one.name) }
        p {
            (method) ", registered " (watch.short(one.registered_at)) ", "
            @if let Some(at) = one.used_at { "last used " (watch.ago(at)) } @else { "not used yet" }
        }
        details {
            summary { "Rename or remove" }
            div.stack {
                (form::post(RENAME, token, &html! {
                    input type="hidden" name="key" value=(id);
                    div.row {
                        input type="text" name="name" value=(one.name) required maxlength="64" autocomplete="off" aria-label="Its name";
                        (form::button(form::Weight::Usual, "Rename"))
                    }
                }))
                (form::post(REMOVE, token, &html! {
                    input type="hidden" name="key" value=(id);
                    div.row {
                        button.button.grave type="submit" name="cause" value="lost" { "I lost it" }
                        button.button.grave type="submit" name="cause" value="replaced" { "I use another now" }
                    }
                }))
            }
        }
    }
}

#[derive(Deserialize)]
struct Ended {
    session: String,
}

async fn end(State(point): State<PointOfCare>, Posted { by, fields }: Posted<Ended>) -> Response {
    let id = SessionId::new(&fields.session).ok();
    let found = id.and_then(|id| point.plane().world(|world| world.session(&id).cloned()));
    // Nobody is told whether a session is another's or nobody's.
    let Some(theirs) = found.filter(|one| one.principal == *by.id()) else {
        return Redirect::to(ME).into_response();
    };
    match point.end(&theirs, EndCause::SignedOut).await {
        Ok(()) if theirs.session == by.session.session => Redirect::to("/bedside").into_response(),
        Ok(()) => Redirect::to(ME).into_response(),
        Err(error) => {
            tracing::error!(%error, "a session could not be ended");
            unrecorded(&point, &by).into_response()
        }
    }
}

fn unrecorded(point: &PointOfCare, by: &SignedIn) -> Document {
    let why = "It could not be recorded, so it did not happen. Try again; if it goes on, call clinical IT.";
    frame::trouble(point, by, StatusCode::SERVICE_UNAVAILABLE, "That did not work", why, (ME, "My sessions and keys"))
}

#[derive(Deserialize)]
struct Changed {
    key: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    cause: String,
}

async fn rename(State(point): State<PointOfCare>, Posted { by, fields }: Posted<Changed>) -> Response {
    let Ok(key) = AuthenticatorId::new(&fields.key) else { return Redirect::to(ME).into_response() };
    let done = point.rename_key(&by, &key, &fields.name).await;
    changed(&point, &by, done)
}

async fn remove(State(point): State<PointOfCare>, Posted { by, fields }: Posted<Changed>) -> Response {
    let Ok(key) = AuthenticatorId::new(&fields.key) else { return Redirect::to(ME).into_response() };
    let cause = if fields.cause == "lost" { RevokeCause::Lost } else { RevokeCause::Replaced };
    if point.sure_of_keys(&by.session) == Sureness::Touch {
        let again = vec![("key".to_owned(), fields.key), ("cause".to_owned(), fields.cause)];
        return point.touch_first(&by, REMOVE, again).into_response();
    }
    match point.remove_key(&by, &key, cause).await {
        Ok(Removed::TheLast(who_help)) => locked_out(&point, &by, &who_help).into_response(),
        Ok(Removed::One) => changed(&point, &by, Ok(())),
        Err(error) => changed(&point, &by, Err(error)),
    }
}

/// The last key is gone, and with it every session: how to come back.
fn locked_out(point: &PointOfCare, by: &SignedIn, who_help: &[(String, String)]) -> Document {
    let body = html! {
        @if by.visitor.device().is_some() {
            p { (form::link(form::Weight::Main, recovery::ASK_PATH, "Ask for a way back in")) }
        } @else {
            p { "At a hospital workstation you can ask for a way back in." }
        }
        @if !who_help.is_empty() {
            p { "Or have yourself invited anew:" }
            ul { @for (name, contact) in who_help { li { (name) ", " (contact) } } }
        }
    };
    let lead =
        html! { "You are signed out everywhere. Those who answer for accounts can see that you need a new key." };
    point.page_for(&by.visitor, None, "Your last key is removed", Some(lead), &body)
}

fn changed(point: &PointOfCare, by: &SignedIn, done: Result<(), KeyError>) -> Response {
    let (status, title, why) = match done {
        Ok(()) => return Redirect::to(ME).into_response(),
        Err(KeyError::NotTheirs) => {
            (StatusCode::NOT_FOUND, "There is no such key", "It was removed meanwhile, or is not yours.")
        }
        Err(KeyError::NotSure) => return lent(point, by).into_response(),
        Err(KeyError::TheLast) => (
            StatusCode::CONFLICT,
            "This is your only key",
            "Register another first, so that you are not locked out. If it is lost or stolen, call the service desk now: \
             they end it and let you back in.",
        ),
        Err(KeyError::Overtaken) => (
            StatusCode::CONFLICT,
            "Something else changed your keys just now",
            "Nothing was done. Look at your keys again, and do what is still to be done.",
        ),
        Err(KeyError::Name) => (
            StatusCode::BAD_REQUEST,
            "That is no name for a key",
            "Give it a name of 1 to 64 letters, such as blue key.",
        ),
        Err(error) => {
            tracing::error!(%error, "a key could not be changed");
            return unrecorded(point, by).into_response();
        }
    };
    frame::trouble(point, by, status, title, why, (ME, "My sessions and keys")).into_response()
}

/// Whoever is here on somebody else's word changes no keys.
fn lent(point: &PointOfCare, by: &SignedIn) -> Document {
    let why = "You were let in without a key of your own, so keys cannot be changed here. The service desk can help you to a key.";
    frame::trouble(point, by, StatusCode::FORBIDDEN, "Not without a key of yours", why, (HELP, "What helps"))
}

#[derive(Deserialize)]
struct Nothing {}

async fn add(State(point): State<PointOfCare>, Posted { by, .. }: Posted<Nothing>) -> Response {
    match point.sure_of_keys(&by.session) {
        Sureness::Lent => lent(&point, &by).into_response(),
        Sureness::Touch => point.touch_first(&by, ADD, Vec::new()).into_response(),
        Sureness::Sure => another(&point, &by).into_response(),
    }
}

fn another(point: &PointOfCare, by: &SignedIn) -> Document {
    let token = by.visitor.form_token();
    let ceremony = CeremonyForm {
        name: "register",
        options: "/bedside/me/keys/options",
        result: "/bedside/me/keys/result",
        attempt: "/bedside/attempt",
        form_token: &token,
        start: false,
        browser_key: false,
    };
    let field = form::Field {
        name: "name",
        label: "What shall it be called?",
        hint: Some("So that you know which one it was if you lose it: blue key, my phone."),
        optional: true,
        ..form::Field::default()
    };
    let body = html! {
        (ceremony.render(&html! { (field.text()) (form::wide_button("Register this key or phone")) }))
        p { (form::link(form::Weight::Usual, ME, "Not now")) " " (form::link(form::Weight::Usual, PATIENTS, "My patients")) }
    };
    let lead = html! { "Hold the new one ready. It asks for its PIN or your finger, which stay with it." };
    let page = Bedside { title: "Another key", lead: Some(lead), body, ..Bedside::default() };
    point.page_with(&by.visitor, Some(&by.session), page)
}
