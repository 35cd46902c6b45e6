//! `schema.cedarschema`: read by Cedar, then told apart into the vocabulary.

use crate::cedar_text;
use crate::diagnostic::{Code, Diagnostic, Findings};
use crate::source::Source;
use crate::vocabulary::{ActionShape, Attribute, Attributes, Shape, TypeShape, Vocabulary};
use cedar_policy::{Schema, SchemaFragment};
use events::{ActionName, TypeName};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// How deep records and sets of one attribute nest.
const SHAPE_DEPTH_MAX: usize = 16;

/// Reads a schema.
pub(crate) fn read(source: &Arc<Source>, findings: &mut Findings) -> Option<(Schema, Vocabulary)> {
    if let Err(too_much) = cedar_text::check(&source.text) {
        findings.push(Diagnostic::at(Code::Schema, source, too_much.span(), too_much.to_string()));
        return None;
    }
    let fragment = match SchemaFragment::from_cedarschema_str(&source.text) {
        Ok((fragment, warnings)) => {
            for warning in warnings {
                findings.push(from_cedar(Code::Schema, source, 0, &warning).into_warning());
            }
            fragment
        }
        Err(error) => {
            findings.push(from_cedar(Code::Schema, source, 0, &error));
            return None;
        }
    };
    let named = fragment.namespaces().flatten().next();
    if let Some(namespace) = named {
        let span = cedar_text::tokens(&source.text).find(|token| token.text == "namespace").map(|token| token.span);
        findings.push(
            Diagnostic::at(
                Code::Schema,
                source,
                span.unwrap_or(0..0),
                format!("the schema has a namespace `{namespace}`"),
            )
            .with_help("a charter is one house: declare everything outside namespaces"),
        );
        return None;
    }
    let schema = match Schema::from_schema_fragments([fragment]) {
        Ok(schema) => schema,
        Err(error) => {
            findings.push(from_cedar(Code::Schema, source, 0, &error));
            return None;
        }
    };
    match cedar_policy::schema_str_to_json_with_resolved_types(&source.text) {
        Ok((json, _)) => match vocabulary(&json) {
            Some(vocabulary) => Some((schema, vocabulary)),
            None => {
                findings.push(Diagnostic::at(
                    Code::Schema,
                    source,
                    0..0,
                    "the schema nests too deeply, or a name in it cannot be an id",
                ));
                None
            }
        },
        Err(error) => {
            findings.push(from_cedar(Code::Schema, source, 0, &error));
            None
        }
    }
}

/// What Cedar says, at the place it says, in a text that begins at `offset` of the source.
pub(crate) fn from_cedar(code: Code, source: &Arc<Source>, offset: usize, said: &dyn miette::Diagnostic) -> Diagnostic {
    let label = said.labels().and_then(|mut labels| labels.next());
    let span = label.as_ref().map_or(offset..offset, |label| {
        let start = offset + label.offset();
        start..start + label.len()
    });
    let expected = label.and_then(|label| label.label().map(str::to_owned));
    let help = said.help().map(|help| plain(&help.to_string()).to_owned()).or(expected);
    let message = said.to_string();
    let help = match help {
        _ if message.contains("got a template") => {
            Some("a template needs links, and a charter has none: write the entity, or `in Role::\"…\"`".to_owned())
        }
        None if code == Code::Schema => {
            Some("see https://docs.cedarpolicy.com/schema/human-readable-schema.html".to_owned())
        }
        None if code == Code::PolicySyntax => {
            Some("see https://docs.cedarpolicy.com/policies/syntax-grammar.html".to_owned())
        }
        help => help,
    };
    Diagnostic::at(code, source, span, plain(&message)).with_help_if(help)
}

/// Cedar's message without what the place says already.
fn plain(message: &str) -> &str {
    let message = message.strip_prefix("error parsing schema: ").unwrap_or(message);
    match message.strip_prefix("for policy `").and_then(|rest| rest.split_once("`, ")) {
        Some((_, rest)) => rest,
        None => message,
    }
}

/// The vocabulary in a schema's JSON form. `None` if it nests too deeply or a name is no id.
fn vocabulary(json: &Value) -> Option<Vocabulary> {
    let Some(house) = json.as_object().and_then(|namespaces| namespaces.get("")) else {
        return Some(Vocabulary::default());
    };
    let empty = Map::new();
    let part = |name: &str| house.get(name).and_then(Value::as_object).unwrap_or(&empty);
    let common = part("commonTypes");
    let mut known = Vocabulary::default();
    for (name, declared) in part("entityTypes") {
        let shape =
            declared.get("shape").map_or(Some(Shape::Record(Attributes::new())), |shape| shape_of(shape, common, 0))?;
        let Shape::Record(attributes) = shape else { return None };
        let member_of = types(declared.get("memberOfTypes"))?;
        known.types.insert(TypeName::new(name).ok()?, TypeShape { attributes, member_of });
    }
    for (name, declared) in part("actions") {
        let Some(applies) = declared.get("appliesTo").filter(|applies| !applies.is_null()) else { continue };
        let context = applies
            .get("context")
            .map_or(Some(Shape::Record(Attributes::new())), |shape| shape_of(shape, common, 0))?;
        let Shape::Record(context) = context else { return None };
        let (principals, resources) = (types(applies.get("principalTypes"))?, types(applies.get("resourceTypes"))?);
        if principals.is_empty() || resources.is_empty() {
            continue;
        }
        known.actions.insert(ActionName::new(name).ok()?, ActionShape { principals, resources, context });
    }
    known.groups = groups(part("actions"), &known);
    Some(known)
}

/// The groups of actions, with the actions that can be asked for in them.
fn groups(declared: &Map<String, Value>, known: &Vocabulary) -> BTreeMap<ActionName, BTreeSet<ActionName>> {
    let parents = |name: &str| {
        let groups = declared.get(name).and_then(|action| action.get("memberOf")).and_then(Value::as_array);
        groups.into_iter().flatten().filter_map(|group| group.get("id").and_then(Value::as_str))
    };
    let mut groups: BTreeMap<ActionName, BTreeSet<ActionName>> = BTreeMap::new();
    for action in known.actions.keys() {
        let (mut seen, mut next) = (BTreeSet::new(), vec![action.as_str()]);
        while let Some(name) = next.pop() {
            for group in parents(name).filter(|group| seen.insert(*group)).collect::<Vec<_>>() {
                next.push(group);
                if let Ok(group) = ActionName::new(group) {
                    groups.entry(group).or_default().insert(action.clone());
                }
            }
        }
    }
    groups
}

fn types(list: Option<&Value>) -> Option<BTreeSet<TypeName>> {
    let list = list.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    list.iter().map(|name| TypeName::new(name.as_str()?).ok()).collect()
}

fn shape_of(json: &Value, common: &Map<String, Value>, depth: usize) -> Option<Shape> {
    if depth > SHAPE_DEPTH_MAX {
        return None;
    }
    let named = |key: &str| json.get(key).and_then(Value::as_str);
    Some(match named("type")? {
        "Bool" | "Boolean" | "__cedar::Bool" => Shape::Bool,
        "Long" | "__cedar::Long" => Shape::Long,
        "String" | "__cedar::String" => Shape::String,
        "Set" => Shape::Set(Box::new(shape_of(json.get("element")?, common, depth + 1)?)),
        "Record" => {
            let mut attributes = Attributes::new();
            for (name, declared) in json.get("attributes").and_then(Value::as_object)? {
                let required = declared.get("required").and_then(Value::as_bool).unwrap_or(true);
                let shape = shape_of(declared, common, depth + 1)?;
                attributes.insert(name.into(), Attribute { shape, required });
            }
            Shape::Record(attributes)
        }
        "Entity" => Shape::Entity(TypeName::new(named("name")?).ok()?),
        "Extension" => Shape::Extension(named("name")?.into()),
        other => match common.get(other) {
            Some(shape) => shape_of(shape, common, depth + 1)?,
            None => Shape::Extension(other.trim_start_matches("__cedar::").into()),
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn common_types_are_resolved_and_groups_are_no_actions() {
        let text = "type Inner = { a?: Set<Long>, b: Kind }; type Both = { inner: Inner, at: datetime };\n\
            entity Kind enum [\"x\"]; entity Role in [Role]; entity Person in [Role] { both: Both, tag?: __cedar::String };\n\
            action group; action read in [group] appliesTo { principal: Person, resource: [Kind], context: Both };";
        let mut findings = Findings::default();
        let read = read(&Source::new("schema.cedarschema", text), &mut findings);
        assert_eq!(findings.into_list().len(), 0);
        let (_, known) = read.unwrap();
        assert_eq!(known.actions.len(), 1);
        let read_chart = ActionName::new("read").unwrap();
        assert_eq!(known.groups, [(ActionName::new("group").unwrap(), [read_chart.clone()].into())].into());
        assert!(known.is_among(&read_chart, &["group".parse().unwrap()]) && !known.is_among(&read_chart, &[]));
        assert_eq!(known.actions["read"].resources, BTreeSet::from([TypeName::new("Kind").unwrap()]));
        let inner = &known.actions["read"].context["inner"];
        let Shape::Record(inner) = &inner.shape else { panic!("{inner:?}") };
        let numbers = Attribute { shape: Shape::Set(Box::new(Shape::Long)), required: false };
        assert_eq!(inner["a"], numbers);
        assert_eq!(inner["b"].shape, Shape::Entity(TypeName::new("Kind").unwrap()));
        assert_eq!(known.actions["read"].context["at"].shape, Shape::Extension("datetime".into()));
        assert_eq!(known.types["Person"].attributes["tag"].shape, Shape::String);
        assert!(known.types["Person"].member_of.contains("Role"));
    }
}
