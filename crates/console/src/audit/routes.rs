//! `GET` and `POST /audit`, `GET /audit.csv`, `GET` and `POST /audit/account`.

use super::account_page::{self, Shown};
use super::page;
use super::wanted::{Sent, Wanted, patient_of};
use crate::trouble::Trouble;
use crate::{Console, frame};
use ::audit::account::{self, Asked};
use ::audit::find::{self, Findings};
use ::audit::tell::{Access, Teller};
use ::audit::{period, table};
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::header;
use axum::response::{IntoResponse as _, Redirect, Response};
use events::{Actor, PatientPseudonym};
use maud::html;
use pages::{Document, Page};
use serde::Deserialize;
use signin::operator::{Operator, Posted};

/// Entries on one page.
pub(crate) const PAGE_ROWS: usize = 50;

type Sought = Result<Query<Vec<(String, String)>>, QueryRejection>;

/// The search, and what it found.
pub(crate) async fn show(
    State(console): State<Console>,
    operator: Operator,
    query: Sought,
) -> Result<Document, Document> {
    let shell = frame::shell(&console, &operator);
    let found = search(&console, &operator, query, "console", PAGE_ROWS).await;
    let (wanted, findings, accesses) = found.map_err(|trouble| trouble.page(&shell))?;
    let engine = console.desk.plane().engine();
    let seen = page::Seen {
        wanted: &wanted,
        findings: &findings,
        accesses: &accesses,
        charter: engine.charter(),
        watch: &frame::watch(&console),
        form_token: operator.form_token(),
    };
    Ok(shell.page(Page {
        title: "Audit",
        place: "/audit",
        lead: Some(html! { "Who was given access to what, found by patient, person, workflow and time. Each search is itself recorded." }),
        body: page::body(&seen),
        ..Page::default()
    }))
}

/// The form: a record number typed into it goes no further than this.
pub(crate) async fn seek(State(console): State<Console>, sent: Posted<Sent>) -> Result<Redirect, Document> {
    let shell = frame::shell(&console, &sent.operator);
    let href = sent.fields.href(console.desk.plane()).map_err(|trouble| trouble.page(&shell))?;
    Ok(Redirect::to(&href))
}

/// The same as a table to take away.
pub(crate) async fn csv(
    State(console): State<Console>,
    operator: Operator,
    query: Sought,
) -> Result<Response, Document> {
    let shell = frame::shell(&console, &operator);
    let found = search(&console, &operator, query, "csv", store::search::ROWS_MAX).await;
    let (_, _, accesses) = found.map_err(|trouble| trouble.page(&shell))?;
    let headers = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8"),
        (header::CONTENT_DISPOSITION, "attachment; filename=\"handrail-audit.csv\""),
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    Ok((headers, table::accesses(&accesses)).into_response())
}

async fn search(
    console: &Console,
    operator: &Operator,
    query: Sought,
    how: &'static str,
    rows_max: usize,
) -> Result<(Wanted, Findings, Vec<Access>), Trouble> {
    let plane = console.desk.plane();
    let query = query.map(|Query(query)| query).unwrap_or_default();
    let zone = period::zone(&plane.engine().charter().hospital().time_zone);
    let wanted = Wanted::read(&query, &zone)?;
    if !wanted.asked {
        return Ok((wanted, Findings::default(), Vec::new()));
    }
    let findings = find::find(plane, &console.search, &wanted.question, rows_max).await?;
    find::record(plane, Actor::operator(operator.id()), how, &wanted.question, findings.leaves.len()).await?;
    let (plane, telling) = (plane.clone(), findings.leaves.clone());
    // Charters of the past are read back to tell a decision in their words, which takes a while.
    let accesses = tokio::task::spawn_blocking(move || {
        let mut teller = Teller::new(&plane);
        telling.iter().filter_map(|leaf| teller.access(leaf)).collect()
    })
    .await?;
    Ok((wanted, findings, accesses))
}

/// Whose account, by pseudonym, and over which period.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct OfPatient {
    patient: String,
    from: String,
    until: String,
}

/// The account of one patient, or the form that asks whose.
pub(crate) async fn account(
    State(console): State<Console>,
    operator: Operator,
    query: Result<Query<OfPatient>, QueryRejection>,
) -> Result<Document, Document> {
    let shell = frame::shell(&console, &operator);
    let query = query.map(|Query(query)| query).unwrap_or_default();
    if query.patient.is_empty() {
        return Ok(account_page::ask(&shell, operator.form_token()));
    }
    let patient = query.patient.parse().map_err(|_| {
        let sent = query.patient.chars().take(60).collect();
        Trouble::Parameter { sent, expected: "a patient’s pseudonym" }.page(&shell)
    })?;
    accounted(&console, &operator, patient, None, &query.from, &query.until).await
}

/// The form of the account. The number is shown once, on the page that answers, and kept nowhere.
#[derive(Debug, Deserialize)]
pub(crate) struct OfNumber {
    record_number: String,
    #[serde(default)]
    from: String,
    #[serde(default)]
    until: String,
}

/// The account of the patient with a record number.
pub(crate) async fn account_of_number(
    State(console): State<Console>,
    sent: Posted<OfNumber>,
) -> Result<Document, Document> {
    let shell = frame::shell(&console, &sent.operator);
    let number = sent.fields.record_number.trim();
    let patient = patient_of(console.desk.plane(), number).map_err(|trouble| trouble.page(&shell))?;
    accounted(&console, &sent.operator, patient, Some(number), &sent.fields.from, &sent.fields.until).await
}

async fn accounted(
    console: &Console,
    operator: &Operator,
    patient: PatientPseudonym,
    number: Option<&str>,
    from: &str,
    until: &str,
) -> Result<Document, Document> {
    let shell = frame::shell(console, operator);
    let made = async {
        let plane = console.desk.plane();
        let zone = period::zone(&plane.engine().charter().hospital().time_zone);
        let given = |text: &'_ str| (!text.trim().is_empty()).then(|| text.trim().to_owned());
        let (from, until) = (given(from), given(until));
        let period = period::of_account(from.as_deref(), until.as_deref(), &zone, plane.now())
            .map_err(::audit::AuditError::from)?;
        account::make(plane, &console.search, &Asked { patient, period }, Actor::operator(operator.id())).await
    };
    let account = made.await.map_err(|error| Trouble::from(error).page(&shell))?;
    let shown = Shown { account: &account, number, by: operator.id(), watch: &frame::watch(console) };
    Ok(account_page::page(&shell, &shown))
}
