//! `POST` to the hub: subscribe, subscribe to something else, unsubscribe, and say that an event was not followed.

use crate::event::{self, EventName, Names};
use crate::refusal::Refusal;
use crate::subscription::{Refused, Subscription, Wanted};
use crate::{Hub, context};
use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use callers::{Caller, Follow};
use charter::Caller as Entry;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

/// The longest request, in bytes.
pub const FORM_BYTES_MAX: usize = 16 * 1024;
/// How long a subscription lasts where its subscriber does not say.
pub const LEASE_USUAL: Duration = Duration::from_secs(2 * 3_600);
/// How long it lasts at most: a long shift.
pub const LEASE_MAX: Duration = Duration::from_secs(12 * 3_600);
/// How much of what an application calls itself is kept, in characters.
const NAME_CHARS_MAX: usize = 64;

/// `POST /fhircast`
pub(crate) async fn post(
    State(hub): State<Hub>,
    caller: Caller<Follow>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Refusal> {
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    match content_type.split(';').next().map(str::trim) {
        Some("application/x-www-form-urlencoded") => subscription(&hub, &caller, &Form::read(&body)?),
        Some("application/json" | "application/fhir+json") => told(&hub, &caller, &body),
        _ => Err(bad("subscriptions come as application/x-www-form-urlencoded, events as application/json")),
    }
}

fn bad(why: &str) -> Refusal {
    Refusal::BadRequest(why.to_owned())
}

/// The parameters of a subscription, each at most once.
struct Form(HashMap<String, String>);

impl Form {
    fn read(body: &[u8]) -> Result<Self, Refusal> {
        let mut fields = HashMap::new();
        for (name, value) in url::form_urlencoded::parse(body) {
            if fields.insert(name.clone().into_owned(), value.into_owned()).is_some() {
                let name: String = name.chars().take(NAME_CHARS_MAX).collect();
                return Err(Refusal::BadRequest(format!("`{name}` stands twice")));
            }
        }
        Ok(Self(fields))
    }

    fn find(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    fn need(&self, name: &str) -> Result<&str, Refusal> {
        self.find(name).ok_or_else(|| Refusal::BadRequest(format!("`{name}` is missing")))
    }

    /// How long it is to last; what is more than may be had is cut.
    fn lease(&self) -> Result<Duration, Refusal> {
        let Some(text) = self.find("hub.lease_seconds") else { return Ok(LEASE_USUAL) };
        let seconds = text.parse::<u64>().ok().filter(|seconds| *seconds > 0);
        let seconds = seconds.ok_or_else(|| bad("`hub.lease_seconds` has to be a positive whole number"))?;
        Ok(Duration::from_secs(seconds).min(LEASE_MAX))
    }
}

fn subscription(hub: &Hub, caller: &Caller<Follow>, form: &Form) -> Result<Response, Refusal> {
    if form.need("hub.channel.type")? != "websocket" {
        return Err(bad("`hub.channel.type` has to be `websocket`"));
    }
    let topic = form.need("hub.topic")?;
    let endpoint = form.find("hub.channel.endpoint");
    let known = endpoint.map(|endpoint| own(hub, caller, topic, endpoint)).transpose()?;
    let endpoint = match (form.need("hub.mode")?, known) {
        ("subscribe", known) => subscribe(hub, caller, form, known.as_deref().zip(endpoint))?,
        ("unsubscribe", Some(known)) => {
            hub.subscriptions.unsubscribe(&known);
            endpoint.unwrap_or_default().to_owned()
        }
        ("unsubscribe", None) => return Err(bad("`hub.channel.endpoint` is missing")),
        _ => return Err(bad("`hub.mode` has to be `subscribe` or `unsubscribe`")),
    };
    Ok((StatusCode::ACCEPTED, Json(json!({ "hub.channel.endpoint": endpoint }))).into_response())
}

/// The subscription of an address, if it is this caller's and follows that session.
fn own(hub: &Hub, caller: &Caller<Follow>, topic: &str, endpoint: &str) -> Result<Arc<Subscription>, Refusal> {
    let secret = endpoint.trim().strip_prefix(&*hub.sockets).ok_or(Refusal::NoSuchSubscription)?;
    let found = hub.subscriptions.find(secret);
    found
        .filter(|known| known.caller == *caller.name() && known.topic.as_str() == topic)
        .ok_or(Refusal::NoSuchSubscription)
}

/// Subscribes anew, or changes what is subscribed to; the address.
fn subscribe(
    hub: &Hub,
    caller: &Caller<Follow>,
    form: &Form,
    known: Option<(&Subscription, &str)>,
) -> Result<String, Refusal> {
    if hub.stop.is_cancelled() {
        return Err(Refusal::Stopping);
    }
    hub.plane.lost().map_or(Ok(()), |why| Err(Refusal::Lost(why)))?;
    let (session, workstation) = context::session(hub, caller.entry(), form.need("hub.topic")?)?;
    let asked = event::read(form.need("hub.events")?);
    if asked.is_empty() {
        let all = event::written(&EventName::ALL.into_iter().collect());
        return Err(Refusal::BadRequest(format!("`hub.events` names none that this hub tells: it tells {all}")));
    }
    let granted = granted(caller.entry(), asked);
    if granted.is_empty() {
        return Err(Refusal::NotTold);
    }
    // Nobody follows a session for longer than it can last.
    let lease = form.lease()?.min(session.good_until.since(hub.plane.now()));
    let wanted = Wanted::Events(granted, lease);
    if let Some((known, endpoint)) = known {
        known.wanted.send_replace(wanted);
        return Ok(endpoint.trim().to_owned());
    }
    let (name, title) = (form.find("subscriber.name").unwrap_or_default().trim(), &caller.entry().title);
    let name = if name.is_empty() || name.chars().any(events::is_unseen) { title } else { name };
    let name = name.chars().take(NAME_CHARS_MAX).collect();
    let by = (caller.name().clone(), hub.plane.times_ended(caller.name()));
    let secret = hub.subscriptions.begin(by, session.session.clone(), workstation, name, wanted)?;
    tracing::info!(caller = %caller.name(), session = %session.session, "a session is followed");
    Ok(format!("{}{secret}", hub.sockets))
}

/// What of the events a caller may be told: of patients only where the charter says by which action.
pub(crate) fn granted(entry: &Entry, asked: Names) -> Names {
    let patients = entry.follows.as_ref().is_some_and(|follows| follows.patient.is_some());
    asked.into_iter().filter(|name| patients || !name.names_a_patient()).collect()
}

/// What an application tells the hub: only that it did not follow is taken.
#[derive(Deserialize)]
struct Told {
    event: ToldEvent,
}

#[derive(Deserialize)]
struct ToldEvent {
    #[serde(rename = "hub.topic")]
    topic: String,
    #[serde(rename = "hub.event")]
    name: String,
    #[serde(default)]
    context: Vec<Value>,
}

fn told(hub: &Hub, caller: &Caller<Follow>, body: &[u8]) -> Result<Response, Refusal> {
    let Told { event } = serde_json::from_slice(body).map_err(|_| bad("this is no event of FHIRcast"))?;
    if !event.name.eq_ignore_ascii_case(EventName::SyncError.as_str()) {
        return Err(Refusal::ContextIsThePersons);
    }
    let (session, _) = context::session(hub, caller.entry(), &event.topic)?;
    let own = hub.subscriptions.follows(caller.name(), &session.session).ok_or(Refusal::NoSuchSubscription)?;
    let codings = event.context.iter().filter_map(|context| context.pointer("/resource/issue/0/details/coding"));
    let codings: Vec<&Value> = codings.filter_map(Value::as_array).flatten().collect();
    // Relayed are the id and the name of the event alone, and only what could be one.
    let code = |of: &str| {
        let found = codings.iter().find(|coding| {
            coding.get("system").and_then(Value::as_str).is_some_and(|system| system.rsplit('/').next() == Some(of))
        });
        let code = found.and_then(|coding| coding.get("code")).and_then(Value::as_str).unwrap_or_default();
        let is_one =
            code.len() <= NAME_CHARS_MAX && code.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        if is_one { code.to_owned() } else { String::new() }
    };
    let refused = Refused { id: code("eventid"), event: code("eventname"), subscriber: own.name.clone() };
    hub.subscriptions.tell_others(&own, &refused);
    Ok(StatusCode::ACCEPTED.into_response())
}
