//! The entities of `entities.toml` as Cedar knows them: roles, and whatever else stands still.

use crate::diagnostic::{Code, Diagnostic, Findings};
use crate::document::{Document, at};
use crate::entities::{StaticEntities, StaticEntity};
use crate::nearest::suggest;
use crate::vocabulary::{ROLE, Vocabulary};
use cedar_policy::{Entities, Entity, EntityId, EntityTypeName, EntityUid, Schema};
use events::TypeName;
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashSet};
use std::str::FromStr;

/// Builds them all, checked against the schema. `None` if any is wrong, which the findings say.
pub(crate) fn build(
    doc: &Document<'_, StaticEntities>,
    (schema, vocabulary): &(Schema, Vocabulary),
    findings: &mut Findings,
) -> Option<Entities> {
    let errors = findings.errors();
    let mut all = Vec::new();
    for (name, role) in &doc.value.roles {
        let parents: Option<HashSet<EntityUid>> =
            role.parents.iter().map(|parent| uid(ROLE, parent.as_str())).collect();
        all.push(Entity::new_no_attrs(uid(ROLE, name.as_str())?, parents?));
    }
    let mut seen = BTreeMap::new();
    for (index, entity) in doc.value.entity.iter().enumerate() {
        let mut say = |code, message: String, help: &str| {
            if let Some(problem) = doc.problem(code, at!["entity", index], message) {
                findings.push(problem.with_help(help));
            }
        };
        let name = (entity.kind.as_str(), entity.id.as_str());
        if name.0 == ROLE {
            say(Code::Value, "a role is not an `[[entity]]`".to_owned(), "write it as a table such as `[roles.nurse]`");
            continue;
        }
        if !vocabulary.types.contains_key(name.0) {
            let help = suggest(name.0, vocabulary.types.keys().map(TypeName::as_str)).unwrap_or_default();
            say(Code::Reference, format!("there is no entity type `{}`", name.0), &help);
            continue;
        }
        if seen.insert(name, index).is_some() {
            say(Code::Duplicate, format!("there is already an entity {}::\"{}\"", name.0, name.1), "keep it once");
            continue;
        }
        match Entity::from_json_value(json_of(entity), Some(schema)) {
            Ok(entity) => all.push(entity),
            Err(error) => {
                say(Code::Value, chain(&error), "give it the attributes that the schema declares for its type")
            }
        }
    }
    if findings.errors() != errors {
        return None;
    }
    match Entities::from_entities(all, Some(schema)) {
        Ok(entities) => Some(entities),
        // Whatever else is wrong most likely is why.
        Err(_) if findings.errors() > 0 => None,
        Err(error) => {
            let problem = Diagnostic::at(Code::Value, &doc.source, 0..0, chain(&error));
            findings.push(problem.with_help("see `in` of roles and entities"));
            None
        }
    }
}

/// The uid of an entity; `None` if the type cannot be one.
fn uid(kind: &str, id: &str) -> Option<EntityUid> {
    Some(EntityUid::from_type_name_and_id(EntityTypeName::from_str(kind).ok()?, EntityId::new(id)))
}

fn json_of(entity: &StaticEntity) -> Value {
    let parents: Vec<Value> =
        entity.parents.iter().map(|parent| json!({ "type": parent.kind, "id": parent.id })).collect();
    json!({ "uid": { "type": entity.kind, "id": entity.id }, "attrs": entity.attributes, "parents": parents })
}

/// An error with its causes: Cedar says the interesting part last.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        cause = error.source();
    }
    text.strip_prefix("error during entity deserialization: ").map_or_else(|| text.clone(), str::to_owned)
}
