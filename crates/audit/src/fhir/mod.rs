//! Entries as FHIR R4 AuditEvents, after IHE Basic Audit Log Patterns 1.1.5.
//!
//! A permit to read is a `PatientRead` (`Read` when it is about no patient), a permit to do anything else a `PatientUpdate` or `Update`; a
//! deny is a security alert for the use of a restricted function. `AuthZconsent` is never claimed: it wants a Consent, and no decision here
//! rests on one. A profile is claimed only where everything it demands is known. Emergencies are DCM 110113 with 110127 or 110138, and
//! what is done in one carries ETREAT, or BTG when the glass was broken, beside its purpose.
//!
//! Each resource is a view: its `id`, and an entity of type 4 with index and hash, name the entry that is the evidence.
#![expect(
    clippy::indexing_slicing,
    reason = "a JSON object made here takes any key, and reading one that is not there gives null"
)]

mod agents;
mod codes;
pub mod routes;

use crate::tell::{Access, Teller};
use codes::{balp, coding, dcm};
use events::decision::Effect;
use events::{Event, Leaf};
use ledger::Hash;
use serde_json::{Value, json};

/// An entry as an AuditEvent.
pub fn audit_event(teller: &mut Teller<'_>, leaf: &Leaf, hash: &Hash) -> Value {
    let mut event = match teller.access(leaf) {
        Some(access) => of_access(leaf, &access),
        None => of_other(leaf),
    };
    let engine = teller.plane().engine();
    let origin = teller.plane().store().verifying_key().origin().to_string();
    event["resourceType"] = json!("AuditEvent");
    event["id"] = json!(format!("entry-{}", leaf.seq));
    event["recorded"] = json!(leaf.recorded_at);
    event["source"] = json!({
        "site": engine.charter().hospital().name,
        "observer": { "identifier": { "system": codes::LEDGER, "value": origin }, "display": "Handrail" },
        "type": [coding(codes::SOURCE_TYPE, "6", "Security Server")],
    });
    let evidence = json!({
        "what": { "identifier": { "system": codes::LEDGER, "value": format!("{origin}#{}", leaf.seq) } },
        "type": coding(codes::ENTITY_TYPE, "4", "Other"),
        "role": coding(codes::OBJECT_ROLE, "13", "Security Resource"),
        "name": "Entry of the ledger: the evidence this view was made from",
        "detail": [
            { "type": "leaf-index", "valueString": leaf.seq.to_string() },
            { "type": "leaf-hash", "valueString": hash.to_string() },
        ],
    });
    match event.get_mut("entity").and_then(Value::as_array_mut) {
        Some(entities) => entities.push(evidence),
        None => event["entity"] = json!([evidence]),
    }
    event
}

/// A request for access and its answer.
fn of_access(leaf: &Leaf, access: &Access) -> Value {
    let permitted = access.effect == Effect::Permit;
    let mut event = if permitted {
        let (action, interaction) = if access.reads { ("R", "read") } else { ("U", "update") };
        json!({
            "type": coding(codes::EVENT_TYPE, "rest", "Restful Operation"),
            "subtype": [coding(codes::INTERACTION, interaction, interaction), own(leaf)],
            "action": action,
            "outcome": "0",
            "agent": agents::of_access(leaf, access),
        })
    } else {
        let told = access.authority.iter().filter_map(|authority| authority.reason.clone()).collect::<Vec<_>>();
        let why = if told.is_empty() { "no policy permits this".to_owned() } else { told.join(" ") };
        json!({
            "type": dcm("110113", "Security Alert"),
            "subtype": [dcm("110132", "Use of Restricted Function"), own(leaf)],
            "action": "E",
            "outcome": "8",
            "outcomeDesc": format!("denied to {}: {why}", access.did),
            "agent": agents::of_access(leaf, access),
        })
    };
    // The profiles demand the network address of both sides: without a device there is none for one of them.
    if permitted && access.device.is_some() {
        let of = if access.patient.is_some() { "Patient" } else { "" };
        let what = if access.reads { "Read" } else { "Update" };
        event["meta"] = json!({ "profile": [balp(&format!("{of}{what}"))] });
    }
    event["entity"] = entities(leaf, access);
    event
}

fn entities(leaf: &Leaf, access: &Access) -> Value {
    let Event::DecisionMade(made) = &leaf.draft.event else { return json!([]) };
    let resource = &made.question.resource;
    let mut entities = vec![json!({
        "what": { "identifier": { "system": codes::RESOURCE, "value": format!("{}/{}", resource.kind, resource.id) } },
        "type": coding(codes::ENTITY_TYPE, "2", "System Object"),
        "role": coding(codes::OBJECT_ROLE, "4", "Domain Resource"),
        "description": access.did,
    })];
    if let Some(patient) = access.patient {
        entities.push(patient_entity(&patient.to_string()));
    }
    if let Some(request) = &leaf.draft.request {
        entities.push(json!({
            "what": { "identifier": { "value": request } },
            "type": { "system": codes::BALP_ENTITY, "code": "XrequestId" },
        }));
    }
    Value::Array(entities)
}

fn patient_entity(pseudonym: &str) -> Value {
    json!({
        "what": { "type": "Patient", "identifier": { "system": codes::PATIENT, "value": pseudonym } },
        "type": coding(codes::ENTITY_TYPE, "1", "Person"),
        "role": coding(codes::OBJECT_ROLE, "1", "Patient"),
    })
}

/// Anything but a decision.
fn of_other(leaf: &Leaf) -> Value {
    let (kind, subtype, action) = codes::of_event(&leaf.draft.event);
    let mut event = json!({
        "type": kind,
        "subtype": subtype.into_iter().chain([own(leaf)]).collect::<Vec<_>>(),
        "action": action,
        "outcome": "0",
        "agent": agents::of_other(leaf),
    });
    if let Some(patient) = leaf.draft.event.patient() {
        event["entity"] = json!([patient_entity(&patient.to_string())]);
    }
    event
}

/// The entry's own kind, in the ledger's words.
fn own(leaf: &Leaf) -> Value {
    json!({ "system": codes::KIND, "code": leaf.draft.event.kind().name })
}
