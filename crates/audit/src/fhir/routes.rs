//! A read-only FHIR R4 endpoint: AuditEvents by patient, agent and date, for callers that may `read_audit`.
//!
//! | call | |
//! |---|---|
//! | `GET /fhir/metadata` | the capability statement, for anybody |
//! | `GET /fhir/AuditEvent?patient=&agent=&date=&_count=` | a searchset; `POST /fhir/AuditEvent/_search` takes the same as a form, and a record number as `patient.identifier`, which no address may have |
//! | `GET /fhir/AuditEvent/entry-N` | one |
//!
//! Each call is recorded before it is answered.

use super::audit_event;
use crate::AuditError;
use crate::find::{self, Question};
use crate::tell::Teller;
use axum::Router;
use axum::extract::{DefaultBodyLimit, Form, FromRef, Path, Query, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use callers::{Caller, Callers, ReadAudit};
use events::{Leaf, PatientPseudonym, PrincipalId, Seq};
use jiff::tz::TimeZone;
use plane::Plane;
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::sync::Arc;
use store::Search;

/// The most AuditEvents on one page.
pub const COUNT_MAX: usize = 200;
/// How many there are on one when nobody says.
const COUNT: usize = 50;
/// The longest form, in bytes.
const FORM_BYTES_MAX: usize = 16 * 1024;

/// What the endpoint works with.
#[derive(Clone, Debug)]
pub struct Fhir {
    plane: Plane,
    callers: Callers,
    search: Search,
    base_url: Arc<str>,
}

impl Fhir {
    /// The endpoint of a node that is reached at `base_url`.
    #[must_use]
    pub fn new(plane: Plane, callers: Callers, search: Search, base_url: &str) -> Self {
        Self { plane, callers, search, base_url: base_url.trim_end_matches('/').into() }
    }
}

impl FromRef<Fhir> for Callers {
    fn from_ref(fhir: &Fhir) -> Self {
        fhir.callers.clone()
    }
}

/// Every route.
pub fn routes(fhir: Fhir) -> Router {
    Router::new()
        .route("/fhir/metadata", get(metadata))
        .route("/fhir/AuditEvent", get(search_by_address))
        .route("/fhir/AuditEvent/_search", post(search_by_form))
        .route("/fhir/AuditEvent/{id}", get(one))
        .layer(DefaultBodyLimit::max(FORM_BYTES_MAX))
        .with_state(fhir)
}

/// A resource with its content type.
fn resource(status: StatusCode, value: &Value) -> Response {
    let headers = [(header::CONTENT_TYPE, "application/fhir+json"), (header::CACHE_CONTROL, "no-store")];
    (status, headers, value.to_string()).into_response()
}

/// Why nothing is shown, as an OperationOutcome.
#[derive(Debug)]
struct Outcome(StatusCode, &'static str, String);

impl IntoResponse for Outcome {
    fn into_response(self) -> Response {
        let Self(status, code, text) = self;
        let issue = json!({ "severity": "error", "code": code, "diagnostics": text });
        let mut answer = resource(status, &json!({ "resourceType": "OperationOutcome", "issue": [issue] }));
        if status == StatusCode::SERVICE_UNAVAILABLE {
            answer.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        answer
    }
}

impl Outcome {
    /// For a moment only.
    fn later(text: &str) -> Self {
        Self(StatusCode::SERVICE_UNAVAILABLE, "transient", text.to_owned())
    }
}

impl From<AuditError> for Outcome {
    fn from(error: AuditError) -> Self {
        tracing::error!(%error, "audit events cannot be shown");
        Self(StatusCode::SERVICE_UNAVAILABLE, "transient", error.to_string())
    }
}

fn wrong(text: impl Into<String>) -> Outcome {
    Outcome(StatusCode::BAD_REQUEST, "invalid", text.into())
}

/// A search as it was sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Sought {
    question: Question,
    count: Option<usize>,
    /// The dates as they were sent, for the next page.
    dates: Vec<String>,
}

impl Sought {
    fn read(plane: &Plane, sent: &[(String, String)], by_form: bool) -> Result<Self, Outcome> {
        let mut sought = Self::default();
        for (name, value) in sent.iter().filter(|(_, value)| !value.is_empty()) {
            sought.take(plane, name, value, by_form)?;
        }
        Ok(sought)
    }

    fn take(&mut self, plane: &Plane, name: &str, value: &str, by_form: bool) -> Result<(), Outcome> {
        let question = &mut self.question;
        match name {
            "patient" => {
                let id = value.strip_prefix("Patient/").unwrap_or(value);
                question.patient =
                    Some(id.parse::<PatientPseudonym>().map_err(|_| wrong("`patient` is a pseudonym such as pat_…"))?);
            }
            // What was sent is not repeated: it is a patient's number.
            "patient.identifier" if by_form => {
                let number = value.rsplit('|').next().unwrap_or(value);
                plane::number::check(number).map_err(|error| wrong(error.to_string()))?;
                question.patient = Some(plane.directory().patient(number));
            }
            "patient.identifier" => {
                return Err(wrong(
                    "record numbers go into the form of POST /fhir/AuditEvent/_search, never into an address",
                ));
            }
            "agent" | "agent.identifier" => {
                let id = value.rsplit('|').next().unwrap_or(value);
                question.person = Some(PrincipalId::new(id).map_err(|error| wrong(format!("`agent`: {error}")))?);
            }
            "date" => {
                let (from, until) = dates(value)?;
                question.from = question.from.max(from);
                question.until = match (question.until, until) {
                    (Some(one), Some(other)) => Some(one.min(other)),
                    (one, other) => one.or(other),
                };
                self.dates.push(value.to_owned());
            }
            "_count" => {
                let count: usize = value.parse().map_err(|_| wrong("`_count` is a number"))?;
                self.count = Some(count.clamp(1, COUNT_MAX));
            }
            "_before" => {
                question.before = Some(Seq(value.parse().map_err(|_| wrong("`_before` is the number of an entry"))?));
            }
            "_format" => {}
            _ => {
                return Err(Outcome(
                    StatusCode::BAD_REQUEST,
                    "not-supported",
                    format!("there is no search by `{}`", short(name)),
                ));
            }
        }
        Ok(())
    }

    /// The address of the same search, before an entry if one is given. The patient stands there by pseudonym.
    fn link(&self, base: &str, before: Option<Seq>) -> String {
        let mut link = format!("{base}/fhir/AuditEvent?_count={}", self.count.unwrap_or(COUNT));
        let mut add = |name: &str, value: &str| {
            let _ = write!(link, "&{name}=");
            for byte in value.bytes() {
                let plain = byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
                let _ = if plain { write!(link, "{}", char::from(byte)) } else { write!(link, "%{byte:02X}") };
            }
        };
        if let Some(patient) = self.question.patient {
            add("patient", &patient.to_string());
        }
        if let Some(person) = &self.question.person {
            add("agent", person.as_str());
        }
        for date in &self.dates {
            add("date", date);
        }
        if let Some(before) = before {
            add("_before", &before.to_string());
        }
        link
    }
}

fn short(text: &str) -> String {
    text.chars().take(40).collect()
}

type Bounds = (Option<events::Timestamp>, Option<events::Timestamp>);

/// A FHIR date with its prefix: from then, inclusive, and until then, exclusive.
fn dates(value: &str) -> Result<Bounds, Outcome> {
    let (prefix, text) = match value.split_at_checked(2) {
        Some((prefix @ ("eq" | "ge" | "gt" | "le" | "lt"), text)) => (prefix, text),
        _ => ("eq", value),
    };
    let unreadable = |_| wrong("`date` is a day or an instant, with eq, ge, gt, le or lt before it");
    let beginning = crate::period::beginning(text, &TimeZone::UTC).map_err(unreadable)?;
    // An instant is a day of one millisecond.
    let end = crate::period::end(text, &TimeZone::UTC).map_err(unreadable)?;
    let end = if end == beginning { end + std::time::Duration::from_millis(1) } else { end };
    Ok(match prefix {
        "ge" => (Some(beginning), None),
        "gt" => (Some(end), None),
        "le" => (None, Some(end)),
        "lt" => (None, Some(beginning)),
        _ => (Some(beginning), Some(end)),
    })
}

async fn search_by_address(
    State(fhir): State<Fhir>,
    caller: Caller<ReadAudit>,
    Query(sent): Query<Vec<(String, String)>>,
) -> Result<Response, Outcome> {
    searched(&fhir, &caller, &Sought::read(&fhir.plane, &sent, false)?).await
}

async fn search_by_form(
    State(fhir): State<Fhir>,
    caller: Caller<ReadAudit>,
    Form(sent): Form<Vec<(String, String)>>,
) -> Result<Response, Outcome> {
    searched(&fhir, &caller, &Sought::read(&fhir.plane, &sent, true)?).await
}

async fn searched(fhir: &Fhir, caller: &Caller<ReadAudit>, sought: &Sought) -> Result<Response, Outcome> {
    let plane = &fhir.plane;
    let found = find::find(plane, &fhir.search, &sought.question, sought.count.unwrap_or(COUNT)).await?;
    // A repository that takes an unfinished answer for a whole one would move on and never see the rest.
    if found.complete_to < found.entries {
        return Err(Outcome::later("the search file is being brought up to date; ask again"));
    }
    find::record(plane, caller.actor(), "fhir", &sought.question, found.leaves.len()).await?;
    let next = found.oldest.filter(|_| found.more);
    let resources = shown(plane, found.leaves).await?;
    let entries: Vec<_> = resources
        .into_iter()
        .map(|event| {
            let url = format!("{}/fhir/AuditEvent/{}", fhir.base_url, event["id"].as_str().unwrap_or_default());
            json!({ "fullUrl": url, "resource": event, "search": { "mode": "match" } })
        })
        .collect();
    let mut links = vec![json!({ "relation": "self", "url": sought.link(&fhir.base_url, sought.question.before) })];
    links.extend(next.map(|next| json!({ "relation": "next", "url": sought.link(&fhir.base_url, Some(next)) })));
    let mut bundle = json!({ "resourceType": "Bundle", "type": "searchset", "timestamp": plane.now(), "link": links });
    if !entries.is_empty() {
        bundle["entry"] = Value::Array(entries);
    }
    Ok(resource(StatusCode::OK, &bundle))
}

/// Entries as AuditEvents, off the threads that answer requests.
async fn shown(plane: &Plane, leaves: Vec<Leaf>) -> Result<Vec<Value>, AuditError> {
    let plane = plane.clone();
    tokio::task::spawn_blocking(move || {
        let mut teller = Teller::new(&plane);
        let mut events = Vec::with_capacity(leaves.len());
        for leaf in &leaves {
            let bytes = plane.store().read(|reader| reader.leaf_bytes(leaf.seq))?;
            let hash = ledger::leaf_hash(&bytes.unwrap_or_default());
            events.push(audit_event(&mut teller, leaf, &hash));
        }
        Ok(events)
    })
    .await?
}

async fn one(State(fhir): State<Fhir>, caller: Caller<ReadAudit>, Path(id): Path<String>) -> Result<Response, Outcome> {
    let missing = || Outcome(StatusCode::NOT_FOUND, "not-found", format!("there is no AuditEvent `{}`", short(&id)));
    let entry = id.strip_prefix("entry-").and_then(|entry| entry.parse().ok()).map(Seq).ok_or_else(missing)?;
    let leaf = fhir.plane.store().read(|reader| reader.leaf(entry)).map_err(AuditError::from)?.ok_or_else(missing)?;
    let patient = find::subject(&leaf.draft.event);
    let asked = Question { patient, before: Some(Seq(entry.0 + 1)), ..Question::default() };
    find::record(&fhir.plane, caller.actor(), "fhir", &asked, 1).await?;
    let event = shown(&fhir.plane, vec![leaf]).await?.pop().ok_or_else(missing)?;
    Ok(resource(StatusCode::OK, &event))
}

async fn metadata(State(fhir): State<Fhir>) -> Response {
    let parameter = |name: &str, kind: &str| json!({ "name": name, "type": kind });
    let rest = json!({
        "mode": "server",
        "security": { "description": "a bearer token of `handrail caller add`, with the right `read_audit`" },
        "resource": [{
            "type": "AuditEvent",
            "interaction": [{ "code": "read" }, { "code": "search-type" }],
            "searchParam": [parameter("patient", "reference"), parameter("agent", "reference"), parameter("date", "date")],
        }],
    });
    let software = json!({ "name": "Handrail", "version": env!("CARGO_PKG_VERSION") });
    let statement = json!({
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": fhir.plane.now(),
        "kind": "instance",
        "software": software,
        "implementation": { "description": "A view of the ledger; the ledger is the evidence", "url": format!("{}/fhir", fhir.base_url) },
        "fhirVersion": "4.0.1",
        "format": ["application/fhir+json"],
        "rest": [rest],
    });
    resource(StatusCode::OK, &statement)
}
