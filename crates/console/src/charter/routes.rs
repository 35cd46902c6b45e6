//! `GET /charter`, one workflow, one proposal, and the two forms that sign or turn it down.

use super::{proposal_page, workflow_page};
use crate::trouble::Trouble;
use crate::{Console, frame};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use events::{Actor, CharterDigest, Seq, WorkflowName};
use maud::html;
use pages::{Document, Page, form};
use plane::ChangeError;
use serde::Deserialize;
use signin::operator::{Operator, Posted};

fn nowhere(path: String) -> Trouble {
    Trouble::NoSuchPage { path: path.chars().take(120).collect() }
}

/// The charter in force and what is proposed.
pub(crate) async fn show(State(console): State<Console>, operator: Operator) -> Document {
    let plane = console.desk.plane();
    let engine = plane.engine();
    frame::shell(&console, &operator).page(Page {
        title: "Charter",
        place: "/charter",
        lead: Some(html! { "What " (engine.charter().hospital().name) " has decided: who may do what, who answers for it, and how it changes." }),
        controls: Some(form::link(form::Weight::Usual, "/charter/what-if", "What if …")),
        body: workflow_page::all(engine.charter(), plane.proposals(), plane.now(), &frame::watch(&console)),
        ..Page::default()
    })
}

/// One workflow.
pub(crate) async fn workflow(
    State(console): State<Console>,
    operator: Operator,
    Path(name): Path<String>,
) -> Result<Document, Document> {
    let shell = frame::shell(&console, &operator);
    let engine = console.desk.plane().engine();
    let known = WorkflowName::new(&name).ok().and_then(|name| engine.charter().workflow(&name).cloned());
    let known = known.ok_or_else(|| nowhere(format!("/charter/workflows/{name}")).page(&shell))?;
    Ok(shell.page(Page {
        title: &known.title,
        place: "/charter",
        trail: &[("/charter", "Charter")],
        body: workflow_page::one(engine.charter(), &known),
        ..Page::default()
    }))
}

/// One proposal, with everything it would change.
pub(crate) async fn proposal(
    State(console): State<Console>,
    operator: Operator,
    Path(number): Path<u64>,
) -> Result<Document, Document> {
    let shell = frame::shell(&console, &operator);
    let plane = console.desk.plane();
    let found = plane.proposals().find(Seq(number));
    let found = found.ok_or_else(|| nowhere(format!("/charter/proposals/{number}")).page(&shell))?;
    let compared = plane.comparison(found.proposed.against, found.proposed.digest).await;
    let compared = compared.map_err(|error| refusal(&console, &operator, number, &error))?;
    let engine = plane.engine();
    let view = proposal_page::View {
        proposal: &found,
        compared: &compared,
        charter: engine.charter(),
        now: plane.now(),
        operator: operator.id(),
        form_token: operator.form_token(),
    };
    Ok(shell.page(Page {
        title: &format!("Proposal {number}"),
        place: "/charter",
        trail: &[("/charter", "Charter")],
        controls: found.is_open(plane.now()).then(|| {
            form::link(form::Weight::Usual, &format!("/charter/what-if?charter={number}"), "What would it decide?")
        }),
        body: proposal_page::body(&view, &frame::watch(&console)),
        ..Page::default()
    }))
}

/// What the signing form carries besides its token: the charter that the signer was shown.
#[derive(Debug, Deserialize)]
pub(crate) struct Seen {
    digest: CharterDigest,
}

/// Signs a proposal.
pub(crate) async fn sign(
    State(console): State<Console>,
    Path(number): Path<u64>,
    posted: Posted<Seen>,
) -> Result<Response, Document> {
    let (operator, seen) = (&posted.operator, posted.fields.digest);
    let signed = console.desk.plane().sign(Seq(number), seen, operator.id(), operator.session()).await;
    signed.map_err(|error| refusal(&console, &posted.operator, number, &error))?;
    Ok(Redirect::to(&format!("/charter/proposals/{number}")).into_response())
}

/// Why a proposal is turned down.
#[derive(Debug, Deserialize)]
pub(crate) struct Why {
    reason: String,
}

/// Turns a proposal down.
pub(crate) async fn reject(
    State(console): State<Console>,
    Path(number): Path<u64>,
    posted: Posted<Why>,
) -> Result<Response, Document> {
    let operator = posted.operator.id();
    let plane = console.desk.plane();
    let closed = plane.close_proposal(Seq(number), Some(operator), &posted.fields.reason, Actor::operator(operator));
    closed.await.map_err(|error| refusal(&console, &posted.operator, number, &error))?;
    Ok(Redirect::to(&format!("/charter/proposals/{number}")).into_response())
}

fn refusal(console: &Console, operator: &Operator, number: u64, error: &ChangeError) -> Document {
    let status = match error {
        ChangeError::Record(_) | ChangeError::CutOff(_) | ChangeError::Unusable(_) => StatusCode::SERVICE_UNAVAILABLE,
        ChangeError::MayNotSign { .. } => StatusCode::FORBIDDEN,
        ChangeError::NoSuch(_) => StatusCode::NOT_FOUND,
        _ => StatusCode::CONFLICT,
    };
    let next = form::link(form::Weight::Main, &format!("/charter/proposals/{number}"), "Back to the proposal");
    let told = error.to_string();
    let mut letters = told.chars();
    let why: String = letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default();
    frame::shell(console, operator).trouble(status, "Nothing was changed", &format!("{why}."), &next)
}
