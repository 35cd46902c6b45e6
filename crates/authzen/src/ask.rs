//! From what a caller sent to what is asked: names checked, record numbers replaced, and everything dropped that it may not assert.

use crate::reply::ReplyError;
use crate::wire::{ASSERTED_BYTES_MAX, ASSERTED_LEVELS_MAX, Asked, Entity};
use charter::vocabulary::{ASSERTED, Attributes, REQUEST, Shape, is_own};
use charter::{Caller, Charter};
use events::decision::{Asserted, Question, Values};
use events::{ActionName, EntityRef, PatientPseudonym, PrincipalId, TypeName, WorkflowName};
use plane::NUMBER_BYTES_MAX;
use serde_json::{Map, Value};

/// The member of a request's context that may hold free text.
const WORDS: &str = "reason";

/// Makes the question. `patient` finds the pseudonym of a record number.
///
/// Only what the schema declares is kept of what is asserted, even of a caller who may assert everything: the rest bears on no answer, and
/// might name a patient.
pub(crate) fn question(
    sent: Asked<'_>,
    charter: &Charter,
    caller: &Caller,
    patient: impl Fn(&str) -> PatientPseudonym,
) -> Result<Question, ReplyError> {
    let principal = entity(sent.subject, "subject", charter, &patient)?;
    let resource = entity(sent.resource, "resource", charter, &patient)?;
    let action = ActionName::new(&sent.action.name).map_err(|error| bad("action.name", &error))?;
    let workflow = match sent.context.and_then(|context| context.get("workflow")) {
        None | Some(Value::Null) => None,
        Some(Value::String(name)) => Some(WorkflowName::new(name).map_err(|error| bad("context.workflow", &error))?),
        Some(_) => return Err(bad("context.workflow", &"has to be a string")),
    };
    let vocabulary = charter.vocabulary();
    let of_type = |kind: &TypeName, name: &str| {
        vocabulary.types.get(kind).is_some_and(|shape| shape.attributes.contains_key(name))
            && caller.asserts_attribute(kind, name)
    };
    let context = vocabulary.actions.get(&action).map(|shape| &shape.context);
    let in_request = |name: &str| request(context).is_some_and(|request| request.contains_key(name));
    let in_context = |name: &str| {
        ASSERTED.contains(&name) || (!is_own(name) && context.is_some_and(|context| context.contains_key(name)))
    };
    let (subject, resources) = (sent.subject.properties.as_ref(), sent.resource.properties.as_ref());
    let asserted = Asserted {
        subject: kept("subject", subject, |name| of_type(&principal.kind, name))?,
        action: kept("action", sent.action.properties.as_ref(), |name| {
            in_request(name) && caller.asserts_action(name)
        })?,
        resource: kept("resource", resources, |name| of_type(&resource.kind, name))?,
        context: kept("context", sent.context, |name| in_context(name) && caller.asserts_context(name))?,
    };
    Ok(Question { principal, action, resource, workflow, asserted })
}

/// What the asker says in their own words, whoever asks: no answer rests on it, and no entry holds it.
pub(crate) fn words(sent: Asked<'_>) -> Option<&str> {
    sent.context?.get(WORDS)?.as_str()
}

/// What callers can say about an action.
fn request(context: Option<&Attributes>) -> Option<&Attributes> {
    match &context?.get(REQUEST)?.shape {
        Shape::Record(attributes) => Some(attributes),
        _ => None,
    }
}

fn bad(part: &str, why: &dyn std::fmt::Display) -> ReplyError {
    ReplyError::BadRequest(format!("`{part}`: {why}"))
}

fn entity(
    sent: &Entity,
    part: &str,
    charter: &Charter,
    patient: &impl Fn(&str) -> PatientPseudonym,
) -> Result<EntityRef, ReplyError> {
    let kind = charter.systems().type_of(&sent.kind);
    let kind = TypeName::new(kind).map_err(|error| bad(&format!("{part}.type"), &error))?;
    let wrong_id = |error: &dyn std::fmt::Display| bad(&format!("{part}.id"), error);
    // An id of a type nobody knows may be a record number all the same: a type misspelt must not put one into the log.
    let numbered =
        charter.systems().is_patient(kind.as_str()) || !charter.vocabulary().types.contains_key(kind.as_str());
    let id = if numbered && sent.id.parse::<PatientPseudonym>().is_err() {
        if sent.id.is_empty() || sent.id.len() > NUMBER_BYTES_MAX {
            return Err(wrong_id(&format!("a record number has 1 to {NUMBER_BYTES_MAX} bytes")));
        }
        if sent.id.chars().any(char::is_control) {
            return Err(wrong_id(&"a record number has no control characters"));
        }
        PrincipalId::new(&patient(&sent.id).to_string())
    } else {
        PrincipalId::new(&sent.id)
    };
    Ok(EntityRef { kind, id: id.map_err(|error| wrong_id(&error))? })
}

/// Keeps what the caller may assert, and refuses more of it than a leaf should carry.
fn kept(part: &str, sent: Option<&Map<String, Value>>, may: impl Fn(&str) -> bool) -> Result<Values, ReplyError> {
    let kept = sent.into_iter().flatten().filter(|(name, value)| !value.is_null() && may(name));
    let kept: Vec<(&String, &Value)> = kept.collect();
    if kept.iter().any(|(_, value)| levels(value) > ASSERTED_LEVELS_MAX) {
        return Err(bad(part, &format!("asserts values nested deeper than {ASSERTED_LEVELS_MAX} levels")));
    }
    let kept: Values = kept.into_iter().map(|(name, value)| (name.clone(), value.clone())).collect();
    if kept.is_empty() {
        return Ok(kept);
    }
    let bytes = serde_json::to_string(&kept).map_or(usize::MAX, |text| text.len());
    if bytes > ASSERTED_BYTES_MAX {
        return Err(bad(part, &format!("asserts {bytes} bytes, at most {ASSERTED_BYTES_MAX} are allowed")));
    }
    Ok(kept)
}

/// How many lists and objects are nested in a value. Reading it has bounded that already.
fn levels(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(levels).max().unwrap_or(0),
        Value::Object(members) => 1 + members.values().map(levels).max().unwrap_or(0),
        _ => 0,
    }
}
