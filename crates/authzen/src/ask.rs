//! From what a caller sent to what is asked: names checked, record numbers replaced, and everything dropped that it may not assert.

use crate::reply::ReplyError;
use crate::wire::{ASSERTED_BYTES_MAX, Entity, Evaluation};
use charter::{Caller, Charter};
use events::decision::{Asserted, Question, Values};
use events::{ActionName, EntityRef, PatientPseudonym, PrincipalId, TypeName, WorkflowName};
use plane::NUMBER_BYTES_MAX;
use serde_json::{Map, Value};

/// Makes the question. `patient` finds the pseudonym of a record number.
pub(crate) fn question(
    sent: Evaluation,
    charter: &Charter,
    caller: &Caller,
    patient: impl Fn(&str) -> PatientPseudonym,
) -> Result<Question, ReplyError> {
    let principal = entity(&sent.subject, "subject", charter, &patient)?;
    let resource = entity(&sent.resource, "resource", charter, &patient)?;
    let action = ActionName::new(&sent.action.name).map_err(|error| bad("action.name", &error))?;
    let context = sent.context.unwrap_or_default();
    let workflow = match context.get("workflow") {
        None | Some(Value::Null) => None,
        Some(Value::String(name)) => Some(WorkflowName::new(name).map_err(|error| bad("context.workflow", &error))?),
        Some(_) => return Err(bad("context.workflow", &"has to be a string")),
    };
    let asserted = Asserted {
        subject: kept("subject", sent.subject.properties, |name| caller.asserts_attribute(&principal.kind, name))?,
        action: kept("action", sent.action.properties, |name| caller.asserts_action(name))?,
        resource: kept("resource", sent.resource.properties, |name| caller.asserts_attribute(&resource.kind, name))?,
        context: kept("context", Some(context), |name| name != "workflow" && caller.asserts_context(name))?,
    };
    Ok(Question { principal, action, resource, workflow, asserted })
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
    let id = if charter.systems().is_patient(kind.as_str()) && sent.id.parse::<PatientPseudonym>().is_err() {
        if sent.id.is_empty() || sent.id.len() > NUMBER_BYTES_MAX {
            return Err(wrong_id(&format!("a record number has 1 to {NUMBER_BYTES_MAX} bytes")));
        }
        PrincipalId::new(&patient(&sent.id).to_string())
    } else {
        PrincipalId::new(&sent.id)
    };
    Ok(EntityRef { kind, id: id.map_err(|error| wrong_id(&error))? })
}

/// Keeps what the caller may assert, and refuses more of it than a leaf should carry.
fn kept(part: &str, sent: Option<Map<String, Value>>, may: impl Fn(&str) -> bool) -> Result<Values, ReplyError> {
    let kept: Values =
        sent.unwrap_or_default().into_iter().filter(|(name, value)| !value.is_null() && may(name)).collect();
    if kept.is_empty() {
        return Ok(kept);
    }
    let bytes = serde_json::to_string(&kept).map_or(usize::MAX, |text| text.len());
    if bytes > ASSERTED_BYTES_MAX {
        return Err(bad(part, &format!("asserts {bytes} bytes, at most {ASSERTED_BYTES_MAX} are allowed")));
    }
    Ok(kept)
}
