//! Who took part: the two sides of the access, and the person or system it was for.

use super::codes::{self, coding, dcm};
use crate::tell::{Access, Emergency};
use events::{ActorKind, Leaf};
use serde_json::{Value, json};

/// Of a request for access. On reading, data flows from the system (source) to the workstation (destination); on anything else the other
/// way, and so do the codes of client and server.
pub(super) fn of_access(leaf: &Leaf, access: &Access) -> Value {
    let destination = json!({ "coding": [dcm("110152", "Destination Role ID")] });
    let source = json!({ "coding": [dcm("110153", "Source Role ID")] });
    let (client_type, server_type) = if access.reads { (destination, source) } else { (source, destination) };
    let mut agents = Vec::new();
    if let Some(device) = &access.device {
        agents.push(json!({
            "type": client_type,
            "who": { "identifier": { "system": codes::DEVICE, "value": device } },
            "requestor": false,
            "network": { "address": device, "type": "1" },
        }));
    }
    agents.push(json!({
        "type": server_type,
        "who": { "identifier": { "system": codes::ACTOR, "value": leaf.draft.actor }, "display": access.through },
        "requestor": false,
        "network": { "address": leaf.draft.actor.name, "type": "1" },
    }));
    agents.push(user(leaf, access));
    Value::Array(agents)
}

fn user(leaf: &Leaf, access: &Access) -> Value {
    // Who reads receives information; who writes informs.
    let role = if access.reads { ("IRCP", "information recipient") } else { ("INF", "informant") };
    let mut user = json!({
        "type": { "coding": [coding(codes::PARTICIPATION, role.0, role.1)] },
        "who": {
            "identifier": { "system": codes::PRINCIPAL, "value": access.who },
            "display": access.name.as_deref().unwrap_or(access.who.as_str()),
        },
        "requestor": true,
    });
    let roles: Vec<_> = access.roles.iter().map(|role| json!({ "text": role })).collect();
    let policies: Vec<_> = access.policies.iter().map(|policy| json!(policy_uri(policy.as_str()))).collect();
    let purposes = purposes(leaf, access);
    for (name, values) in [("role", roles), ("policy", policies), ("purposeOfUse", purposes)] {
        // An empty list is no FHIR.
        if !values.is_empty() {
            user[name] = Value::Array(values);
        }
    }
    user
}

fn purposes(leaf: &Leaf, access: &Access) -> Vec<Value> {
    let asserted = leaf.draft.purpose.as_ref().map(|purpose| purpose.as_str());
    let in_emergency = match access.emergency {
        Some(Emergency::BrokenGlass) => Some("BTG"),
        Some(Emergency::Declared) => Some("ETREAT"),
        None => None,
    };
    // Emergency access is treatment, whether or not the caller says so.
    let first = asserted.or_else(|| in_emergency.map(|_| "TREAT"));
    let mut codes: Vec<&str> = first.into_iter().chain(in_emergency).collect();
    codes.dedup();
    codes.into_iter().map(purpose).collect()
}

fn purpose(code: &str) -> Value {
    match codes::PURPOSES.iter().find(|(known, _)| *known == code) {
        Some((code, display)) => json!({ "coding": [coding(codes::ACT_REASON, code, display)] }),
        None => json!({ "text": code }),
    }
}

/// A policy as a URI; what a URI cannot have is percent-encoded.
fn policy_uri(policy: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let encoded: String = policy
        .bytes()
        .map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect();
    format!("{}{encoded}", codes::POLICY)
}

/// Of anything else: who caused the entry, and whom it was for.
pub(super) fn of_other(leaf: &Leaf) -> Value {
    let draft = &leaf.draft;
    let mut actor = json!({
        "who": { "identifier": { "system": codes::ACTOR, "value": draft.actor }, "display": draft.actor.name },
        "requestor": true,
    });
    if !matches!(draft.actor.kind, ActorKind::Operator | ActorKind::Local) {
        actor["type"] = json!({ "coding": [dcm("110150", "Application")] });
    }
    let mut agents = vec![actor];
    if let Some(person) = &draft.on_behalf_of {
        agents.push(json!({
            "who": { "identifier": { "system": codes::PRINCIPAL, "value": person } },
            "requestor": false,
        }));
    }
    Value::Array(agents)
}
