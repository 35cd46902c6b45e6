//! Obligations as the AuthZEN obligations profile (draft) writes them, each with Handrail's own members beside.
//!
//! An enforcement point that does not know one must deny. A deny may oblige too: to have the asker sign in again where that is the
//! cheapest help, and to end the sessions of somebody who may not act any more.

use decision::Engine;
use events::decision::{Effect, Made, Obligation, Remedy};
use events::{OwnerId, Seq};
use serde_json::{Map, Value, json};

/// The sorts of obligations there are, by the profile's names.
pub(crate) const SUPPORTED: [&str; 4] = ["step-up", "notification", "session_termination", "custom"];

/// Who defines what `custom` obligations mean.
const VENDOR: &str = "handrail";

/// The name of an assurance level of SP 800-63B-4 as an authentication context class (OpenID Connect `acr`).
fn acr(level: u8) -> String {
    format!("http://idmanagement.gov/ns/assurance/aal/{level}")
}

/// Everything an answer obliges to.
pub(crate) fn of(entry: Seq, made: &Made, engine: &Engine) -> Vec<Value> {
    let mut duties: Vec<Value> = made.obligations.iter().map(|duty| permitted(entry, made, duty, engine)).collect();
    if made.effect == Effect::Deny {
        duties.extend(denied(made, engine));
    }
    for (number, duty) in duties.iter_mut().enumerate() {
        if let Some(duty) = duty.as_object_mut() {
            duty.insert("id".to_owned(), Value::String(format!("{entry}-{}", number + 1)));
        }
    }
    duties
}

fn duty(own: Value, kind: &str, properties: Value) -> Value {
    let mut members = Map::new();
    members.insert("type".to_owned(), Value::String(kind.to_owned()));
    members.insert("properties".to_owned(), properties);
    if let Value::Object(own) = own {
        members.extend(own);
    }
    Value::Object(members)
}

/// One that only Handrail defines: its own members are its properties.
fn custom(own: Value) -> Value {
    let mut properties = Map::new();
    properties.insert("vendor".to_owned(), Value::String(VENDOR.to_owned()));
    if let Value::Object(own) = &own {
        let named = |name: &str| if name == "kind" { "action".to_owned() } else { name.to_owned() };
        properties.extend(own.iter().map(|(name, value)| (named(name), value.clone())));
    }
    duty(own, "custom", Value::Object(properties))
}

fn permitted(entry: Seq, made: &Made, obligation: &Obligation, engine: &Engine) -> Value {
    let own = json!(obligation);
    match obligation {
        Obligation::Notify { owner } => duty(own, "notification", notification(entry, made, owner, engine)),
        _ => custom(own),
    }
}

/// Whom to tell, and what: who and where in the ledger, and nothing of the patient.
fn notification(entry: Seq, made: &Made, owner: &OwnerId, engine: &Engine) -> Value {
    let to = engine.charter().owner(owner).map_or_else(|| owner.to_string(), |known| known.contact().to_owned());
    let body = format!("{} used emergency access. Ledger entry {entry} says to what end.", made.question.principal.id);
    json!({ "to": to, "topic": "Emergency access was used", "body": body })
}

fn denied(made: &Made, engine: &Engine) -> Option<Value> {
    let active = made.circumstances.get("asker").and_then(|asker| asker.get("active"));
    if active == Some(&Value::Bool(false)) {
        let subject = made.question.principal.id.as_str();
        return Some(duty(json!({ "kind": "end_sessions" }), "session_termination", json!({ "subject": subject })));
    }
    let step_up = step_up(made, engine)?;
    let mut properties = json!({ "acr_value": acr(step_up.level) });
    if let Some((seconds, properties)) = step_up.max_age_s.zip(properties.as_object_mut()) {
        properties.insert("max_age".to_owned(), json!(seconds));
    }
    Some(duty(json!({ "kind": "step_up", "level": step_up.level }), "step-up", properties))
}

/// What signing in again has to come to.
struct StepUp {
    level: u8,
    max_age_s: Option<u64>,
}

/// Where signing in again is the cheapest help: to which level, and how fresh. The workflow's rule and the risk's both count.
fn step_up(made: &Made, engine: &Engine) -> Option<StepUp> {
    let Some(Remedy::StepUp { level }) = made.remedies.first() else { return None };
    let charter = engine.charter();
    let workflow = made.workflow.as_ref().and_then(|name| charter.workflow(name));
    let by_workflow = workflow.and_then(|workflow| workflow.assurance.max_age_min);
    let by_risk = charter.assurance().required.and_then(|by| by.of(charter.risk(&made.question.action)).max_age_min);
    let shortest = by_workflow.into_iter().chain(by_risk).map(|within| within.duration().as_secs()).min();
    Some(StepUp { level: *level, max_age_s: shortest })
}

/// The same as a resource server says it to an OAuth client (RFC 9470 section 3): the members of the error, and the header ready to be sent.
pub(crate) fn challenge(made: &Made, engine: &Engine) -> Option<Value> {
    let StepUp { level, max_age_s } = step_up(made, engine)?;
    let (error, description) = ("insufficient_user_authentication", "A more recent or stronger sign-in is required");
    let mut header =
        format!("Bearer error=\"{error}\", error_description=\"{description}\", acr_values=\"{}\"", acr(level));
    if let Some(seconds) = max_age_s {
        header.push_str(&format!(", max_age=\"{seconds}\""));
    }
    Some(json!({
        "error": error,
        "error_description": description,
        "acr_values": acr(level),
        "max_age": max_age_s,
        "www_authenticate": header,
    }))
}
