//! From what a caller sent to what is asked: names checked, record numbers replaced, and everything dropped that it may not assert.
//!
//! What is asked stays in the ledger for ever, so nothing of it is free text: what the charter does not know is recorded under a code.

use crate::reply::ReplyError;
use crate::wire::{ASSERTED_BYTES_MAX, ASSERTED_LEVELS_MAX, Asked, Entity};
use charter::vocabulary::{ASSERTED, Attributes, REQUEST, Shape, is_own};
use charter::{Caller, Charter};
use events::decision::{Asserted, Question, Values};
use events::search::ANYTHING;
use events::{
    ActionName, DeviceId, EntityRef, IdError, PatientPseudonym, PrincipalId, SessionId, TypeName, WorkflowName,
    is_unseen,
};
use plane::{Plane, number};
use serde_json::{Map, Value};

/// The member of a request's context that may hold free text.
const WORDS: &str = "reason";
/// The member that says, or names, how the asker signed in.
const SESSION: &str = "session";
/// What is said of a name that holds what nobody sees.
const UNSEEN: &str = "has characters that cannot be seen, so it could be taken for another";
/// How the code begins that is recorded in place of a name the charter does not know.
const UNKNOWN: &str = "unknown-";

/// A question, and what its code in the ledger stands for, by code.
#[derive(Debug)]
pub(crate) struct Read {
    pub(crate) question: Question,
    pub(crate) unknown: Vec<(String, String)>,
}

/// Reads a question.
struct Reader<'a> {
    plane: &'a Plane,
    charter: &'a Charter,
    unknown: Vec<(String, String)>,
}

/// Makes the question.
///
/// Only what the schema declares is kept of what is asserted, even of a caller who may assert everything: the rest bears on no answer, and
/// might name a patient.
pub(crate) fn question(sent: Asked<'_>, charter: &Charter, caller: &Caller, plane: &Plane) -> Result<Read, ReplyError> {
    let mut reader = Reader { plane, charter, unknown: Vec::new() };
    let vocabulary = charter.vocabulary();
    let action = reader.named("action.name", &sent.action.name, |name| {
        ActionName::new(name).map(|name| name.as_str() == ANYTHING || vocabulary.actions.contains_key(&name))
    })?;
    let action = ActionName::new(&action).map_err(|error| bad("action.name", &error))?;
    let principal = reader.entity(sent.subject, "subject", |_| true)?;
    let resource = reader.entity(sent.resource, "resource", |kind| match vocabulary.actions.get(&action) {
        Some(shape) => shape.resources.contains(kind),
        // Of a search for actions.
        None => action.as_str() == ANYTHING && vocabulary.actions.values().any(|shape| shape.resources.contains(kind)),
    })?;
    let workflow = match sent.context.and_then(|context| context.get("workflow")) {
        None | Some(Value::Null) => None,
        Some(Value::String(name)) => {
            let known = |name: &str| {
                WorkflowName::new(name).map(|name| charter.workflows().iter().any(|known| known.name == name))
            };
            let name = reader.named("context.workflow", name, known)?;
            Some(WorkflowName::new(&name).map_err(|error| bad("context.workflow", &error))?)
        }
        Some(_) => return Err(bad("context.workflow", &"has to be a string")),
    };
    if let Some(Value::String(device)) = sent.context.and_then(|context| context.get("device")) {
        reader.device(device)?;
    }
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
    let session = caller.asserts_context(SESSION).then(|| named_session(sent)).transpose()?.flatten();
    let mut asserted = Asserted {
        subject: kept("subject", subject, |name| of_type(&principal.kind, name))?,
        action: kept("action", sent.action.properties.as_ref(), |name| {
            in_request(name) && caller.asserts_action(name)
        })?,
        resource: kept("resource", resources, |name| of_type(&resource.kind, name))?,
        context: kept("context", sent.context, |name| in_context(name) && caller.asserts_context(name))?,
    };
    if let Some(session) = &session {
        // What Handrail itself knows is not asserted, and the session says where it is.
        asserted.context.remove(SESSION);
        let at = plane.world(|world| world.session(session).and_then(|known| known.workstation.clone()));
        asserted.context.remove("device");
        asserted.context.extend(at.map(|device| ("device".to_owned(), device.as_str().into())));
    }
    let question = Question { principal, action, resource, workflow, session, asserted };
    Ok(Read { question, unknown: reader.unknown })
}

/// The session of Handrail's own that a question names, as `{"id": "se-…"}`. No other text passes for one, so none gets into the log that way.
fn named_session(sent: Asked<'_>) -> Result<Option<SessionId>, ReplyError> {
    let named = sent.context.and_then(|context| context.get(SESSION)).and_then(|session| session.get("id"));
    let Some(named) = named else { return Ok(None) };
    let is_one = |text: &&str| {
        text.strip_prefix("se-").is_some_and(|rest| {
            rest.len() == 32 && rest.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
        })
    };
    let text = named.as_str().filter(is_one).ok_or_else(|| bad("context.session.id", &"is no id of a session"))?;
    SessionId::new(text).map(Some).map_err(|error| bad("context.session.id", &error))
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

impl Reader<'_> {
    /// A name of the charter, or the code of one that is not.
    fn named(
        &mut self,
        part: &str,
        sent: &str,
        is_known: impl Fn(&str) -> Result<bool, IdError>,
    ) -> Result<String, ReplyError> {
        if is_known(sent).map_err(|error| bad(part, &error))? {
            return Ok(sent.to_owned());
        }
        if sent.chars().any(is_unseen) {
            return Err(bad(part, &UNSEEN));
        }
        // No number begins so. Keyed, and the same for the same name.
        let code = self.plane.directory().patient(&format!("\0{part}\0{sent}")).to_string();
        let code = format!("{UNKNOWN}{}", code.rsplit('_').next().unwrap_or_default());
        self.unknown.push((code.clone(), sent.to_owned()));
        Ok(code)
    }

    /// Whoever or whatever is named. An id of a type nobody knows may be a record number all the same: a type misspelt must not put one into the
    /// log. So may one of a thing that the action cannot be done to (`fits`).
    fn entity(&mut self, sent: &Entity, part: &str, fits: impl Fn(&TypeName) -> bool) -> Result<EntityRef, ReplyError> {
        let (systems, types) = (self.charter.systems(), &self.charter.vocabulary().types);
        let called = systems.type_of(&sent.kind);
        let of_kind = format!("{part}.type");
        let kind = TypeName::new(called).map_err(|error| bad(&of_kind, &error))?;
        let known = types.contains_key(&kind);
        if !known && called.chars().any(is_unseen) {
            return Err(bad(&of_kind, &UNSEEN));
        }
        let wrong_id = |error: &dyn std::fmt::Display| bad(&format!("{part}.id"), error);
        let pseudonym = |number: &str| self.plane.directory().patient(number).to_string();
        let id = if sent.id.parse::<PatientPseudonym>().is_ok() {
            PrincipalId::new(&sent.id)
        } else if systems.is_patient(kind.as_str()) || !known {
            number::check(&sent.id).map_err(|error| wrong_id(&error))?;
            PrincipalId::new(&pseudonym(&sent.id))
        } else {
            PrincipalId::new(&sent.id)
        };
        let id = id.map_err(|error| wrong_id(&error))?;
        if id.as_str().chars().any(is_unseen) && self.plane.world(|world| world.who_goes_by(&id)).is_empty() {
            return Err(wrong_id(&UNSEEN));
        }
        let hidden = known && !systems.is_patient(kind.as_str()) && !fits(&kind);
        if hidden && id.as_str() != ANYTHING && id.as_str().parse::<PatientPseudonym>().is_err() {
            let id = PrincipalId::new(&pseudonym(id.as_str())).map_err(|error| wrong_id(&error))?;
            return Ok(EntityRef { kind, id });
        }
        Ok(EntityRef { kind, id })
    }

    /// A device nobody enrolled is called by nothing that cannot be seen.
    fn device(&self, sent: &str) -> Result<(), ReplyError> {
        if !sent.chars().any(is_unseen) {
            return Ok(());
        }
        match DeviceId::new(sent).map(|device| self.plane.is_enrolled(device)) {
            Ok(true) => Ok(()),
            Ok(false) => Err(bad("context.device", &UNSEEN)),
            Err(error) => Err(bad("context.device", &error)),
        }
    }
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
