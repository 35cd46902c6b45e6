//! The pages of the ways back in.

use super::rules::Request;
use super::{ASK_PATH, PASS_PATH, WAITING_PATH};
use crate::point::{PointOfCare, SignedIn, Visitor};
use axum::http::StatusCode;
use charter::assurance::RecoveryPath;
use maud::{Markup, html};
use pages::{CeremonyForm, Document, duration_words, form};

fn back() -> Markup {
    html! { p { (form::link(form::Weight::Plain, "/bedside", "Back to the start")) } }
}

/// Asking: whose badge it is, by which path, and the touch of whoever stands for them.
pub(super) fn ask(point: &PointOfCare, visitor: &Visitor) -> Document {
    let (token, engine) = (visitor.form_token(), point.plane().engine());
    let ceremony = CeremonyForm {
        name: "recover",
        options: "/bedside/recovery/options",
        result: "/bedside/recovery/result",
        attempt: "/bedside/attempt",
        form_token: &token,
        start: false,
        browser_key: false,
    };
    let badge = form::Field {
        name: "badge",
        label: "Badge number of whoever is locked out",
        hint: Some("Scan it or type it. It says who; it opens nothing."),
        ..form::Field::default()
    };
    let path = form::Field { name: "path", label: "Which way?", ..form::Field::default() };
    let lost = form::Field { name: "lost", label: "What happened?", ..form::Field::default() };
    let paths = &engine.charter().assurance().recovery;
    let fields = html! {
        (badge.text())
        (path.select(paths.iter().map(|(name, path)| (name.as_str(), choice(path)))))
        (lost.select([("no", "It is at home, forgotten or does not work here"), ("yes", "It is lost, stolen or broken: it must not count any more")]))
        (form::wide_button("Colleague: touch your key to stand for them"))
    };
    let lead = html! { "A colleague stands for you with one touch of their own key, and somebody else approves. You get a pass that works once." };
    let body = html! { (ceremony.render(&fields)) p { (form::link(form::Weight::Usual, PASS_PATH, "I have a pass")) } (back()) };
    point.page_for(visitor, None, "A way back in", Some(lead), &body)
}

fn choice(path: &RecoveryPath) -> String {
    format!("{}, within {} minutes", path.title, path.within_min.get())
}

/// Asked. The same whether anybody has that badge or not.
pub(super) fn asked(point: &PointOfCare, visitor: &Visitor, path: &RecoveryPath) -> Document {
    let engine = point.plane().engine();
    let owner = engine.charter().owners().find(&path.owner);
    let lead = html! { "If that badge is somebody’s here, the request waits on the screens of those who approve." };
    let body = html! {
        p { (path.title) ": within " (path.within_min.get()) " minutes, as promised." }
        @if let Some(owner) = owner { p { "To hurry it: " (owner.name()) ", " (owner.contact()) "." } }
        p { "They give you a pass of sixteen letters and digits." }
        p { (form::link(form::Weight::Main, PASS_PATH, "I have the pass")) }
        (back())
    };
    point.page_for(visitor, None, "Asked", Some(lead), &body)
}

/// What waits, with what its reader may do about each.
pub(super) fn waiting(point: &PointOfCare, by: &SignedIn, all: &[Request]) -> Document {
    let (token, engine, now) = (by.visitor.form_token(), point.plane().engine(), point.plane().now());
    let paths = &engine.charter().assurance().recovery;
    let body = html! {
        @if all.is_empty() { p { "Nobody waits whom you could let back in." } }
        @for one in all {
            @let path = paths.iter().find(|(name, _)| name.as_str() == one.path).map(|(_, path)| path);
            section.card {
                h2 { (point.name_of(&one.principal)) }
                p {
                    @if let Some(path) = path { (path.title) ". " }
                    (point.name_of(&one.voucher)) " stands for them. "
                    "Waiting for " (duration_words(now.since(one.asked_at))) "."
                    @if one.lost { " Their old keys end with this." }
                }
                (answer(one, "yes", "Approve: I know that it is them", &token))
                (answer(one, "no", "Refuse", &token))
            }
        }
        (back())
    };
    let lead =
        html! { "Approve only whom you have checked as your house does it: in person, by face, or by calling back." };
    point.page_for(&by.visitor, Some(&by.session), "Waiting for a way back in", Some(lead), &body)
}

fn answer(request: &Request, approve: &str, label: &str, token: &str) -> Markup {
    let weight = if approve == "yes" { form::Weight::Main } else { form::Weight::Usual };
    form::post(
        "/bedside/recovery/answer",
        token,
        &html! {
            input type="hidden" name="recovery" value=(request.id);
            input type="hidden" name="approve" value=(approve);
            (form::button(weight, label))
        },
    )
}

/// The pass, once, for whoever approved to hand over.
pub(super) fn pass(point: &PointOfCare, by: &SignedIn, request: &Request, code: &str, minutes: u64) -> Document {
    let body = html! {
        p { strong.code { (code) } }
        p { "Give it to " (point.name_of(&request.principal)) " and to nobody else. It works once, within " (minutes) " minutes." }
        p { "At an enrolled workstation: “My key does not work”, “Ask the help desk”, “I have a pass”. Or: " (point.base()) (PASS_PATH) }
        p { "This page does not show it again." }
        p { (form::link(form::Weight::Main, WAITING_PATH, "Done")) }
    };
    point.page_for(&by.visitor, Some(&by.session), "The pass", None, &body)
}

/// Something was answered or cannot be.
pub(super) fn told(point: &PointOfCare, by: &SignedIn, title: &str, words: &str, status: StatusCode) -> Document {
    let body = html! { p { (form::link(form::Weight::Main, WAITING_PATH, "What waits")) } (back()) };
    point.page_for(&by.visitor, Some(&by.session), title, Some(html! { (words) }), &body).with_status(status)
}

/// Where a pass is typed.
pub(super) fn enter(point: &PointOfCare, visitor: &Visitor, wrong: Option<&str>) -> Document {
    let field = form::Field {
        name: "code",
        label: "Your pass",
        hint: Some("Sixteen letters and digits. Capitals, spaces and dashes do not matter."),
        wrong,
        ..form::Field::default()
    };
    let body = html! {
        (form::post(PASS_PATH, &visitor.form_token(), &html! { (field.text()) (form::wide_button("Use my pass")) }))
        p { (form::link(form::Weight::Plain, ASK_PATH, "I have none yet")) }
        (back())
    };
    let lead = html! { "It signs you in for a short time and lets you register a new key." };
    let page = point.page_for(visitor, None, "Use a pass", Some(lead), &body);
    if wrong.is_some() { page.with_status(StatusCode::FORBIDDEN) } else { page }
}

/// This is no place for it.
pub(super) fn elsewhere(point: &PointOfCare, visitor: &Visitor) -> Document {
    let lead = html! { "A way back in is asked for, and a pass used, at an enrolled hospital workstation." };
    let page = point.page_for(visitor, None, "Not in this browser", Some(lead), &back());
    page.with_status(StatusCode::FORBIDDEN)
}

/// The store cannot be read or written.
pub(super) fn failed(point: &PointOfCare, visitor: &Visitor) -> Document {
    let lead = html! { "It could not be recorded, so it did not happen. Try again; if it goes on, call clinical IT." };
    let page = point.page_for(visitor, None, "That did not work", Some(lead), &back());
    page.with_status(StatusCode::SERVICE_UNAVAILABLE)
}

/// Registering a new key in a session that a pass began.
pub(super) fn key(point: &PointOfCare, by: &SignedIn, owed: bool) -> Document {
    let token = by.visitor.form_token();
    let ceremony = CeremonyForm {
        name: "register",
        options: "/bedside/recovery/key/options",
        result: "/bedside/recovery/key/result",
        attempt: "/bedside/attempt",
        form_token: &token,
        start: false,
        browser_key: false,
    };
    let name = form::Field {
        name: "name",
        label: "What shall it be called?",
        hint: Some("So that you know which one it was: blue key, my phone."),
        optional: true,
        ..form::Field::default()
    };
    let body = html! {
        @if owed { (ceremony.render(&html! { (name.text()) (form::wide_button("Register my new key or phone")) })) }
        p { (form::link(form::Weight::Usual, "/bedside/patients", "To my patients")) }
    };
    let left = duration_words(by.session.good_until.since(point.plane().now()));
    let lead = if owed {
        html! { "You are signed in for " (left) ". Register a new key now: from then on it signs you in everywhere." }
    } else {
        html! { "Your new key is registered. One touch of it signs you in from now on; this session ends in " (left) "." }
    };
    let title = if owed { "You are back" } else { "Your key is registered" };
    point.page_for(&by.visitor, Some(&by.session), title, Some(lead), &body)
}
