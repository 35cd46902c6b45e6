//! Does a value that a caller asserts have the shape the schema declares? And the same value as Cedar wants it.

use cedar_policy::{EntityId, EntityTypeName, EntityUid, RestrictedExpression};
use charter::vocabulary::{Attributes, Shape};
use serde_json::Value;

/// The deepest value that is looked into; schemas nest far less.
pub const DEPTH_MAX: usize = 16;
/// The most elements of one asserted set.
pub const SET_MAX: usize = 256;
/// The longest asserted text, in bytes.
pub const TEXT_BYTES_MAX: usize = 1_024;

/// What a value should have been.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{at}` is not {expected}")]
pub struct ShapeError {
    /// The path to the value, as its sender wrote it.
    pub at: String,
    /// What the schema declares.
    pub expected: &'static str,
}

/// A value of the declared shape as Cedar wants it. Attributes of records that the schema does not declare are left out. Entities in it
/// are added to `entities`.
///
/// # Errors
/// When it is not of the shape, or is larger than the limits of this module.
pub fn conform(
    at: &str,
    value: &Value,
    shape: &Shape,
    entities: &mut Vec<EntityUid>,
) -> Result<RestrictedExpression, ShapeError> {
    conform_within(at, value, shape, entities, DEPTH_MAX)
}

fn conform_within(
    at: &str,
    value: &Value,
    shape: &Shape,
    entities: &mut Vec<EntityUid>,
    depth: usize,
) -> Result<RestrictedExpression, ShapeError> {
    let wrong = |expected| ShapeError { at: at.to_owned(), expected };
    let Some(deeper) = depth.checked_sub(1) else { return Err(wrong("a value nested so deeply")) };
    match (shape, value) {
        (Shape::Bool, Value::Bool(value)) => Ok(RestrictedExpression::new_bool(*value)),
        (Shape::Bool, _) => Err(wrong("true or false")),
        (Shape::Long, value) => {
            value.as_i64().map(RestrictedExpression::new_long).ok_or_else(|| wrong("a whole number"))
        }
        (Shape::String, Value::String(text)) if text.len() <= TEXT_BYTES_MAX => {
            Ok(RestrictedExpression::new_string(text.clone()))
        }
        (Shape::String, _) => Err(wrong("a text of at most 1024 bytes")),
        (Shape::Set(shape), Value::Array(items)) if items.len() <= SET_MAX => items
            .iter()
            .map(|item| conform_within(at, item, shape, entities, deeper))
            .collect::<Result<Vec<_>, _>>()
            .map(RestrictedExpression::new_set),
        (Shape::Set(_), _) => Err(wrong("a list of at most 256 values")),
        (Shape::Record(attributes), Value::Object(values)) => record(at, values, attributes, entities, deeper),
        (Shape::Record(_), _) => Err(wrong("an object")),
        (Shape::Entity(kind), value) => {
            let uid = entity(value, kind.as_str()).ok_or_else(|| wrong("an entity of the declared type"))?;
            entities.push(uid.clone());
            Ok(RestrictedExpression::new_entity_uid(uid))
        }
        (Shape::Extension(name), value) => {
            extension(value, name).ok_or_else(|| wrong("a value of the declared extension type"))
        }
    }
}

fn record(
    at: &str,
    values: &serde_json::Map<String, Value>,
    attributes: &Attributes,
    entities: &mut Vec<EntityUid>,
    depth: usize,
) -> Result<RestrictedExpression, ShapeError> {
    let wrong = |at: &str, expected| ShapeError { at: at.to_owned(), expected };
    let mut pairs = Vec::with_capacity(attributes.len());
    for (name, attribute) in attributes {
        let inner = format!("{at}.{name}");
        match values.get(name.as_str()) {
            Some(value) => {
                pairs.push((name.to_string(), conform_within(&inner, value, &attribute.shape, entities, depth)?));
            }
            None if attribute.required => return Err(wrong(&inner, "given, and must be")),
            None => {}
        }
    }
    RestrictedExpression::new_record(pairs).map_err(|_| wrong(at, "an object without repeated names"))
}

/// An entity: its bare id, `{"type", "id"}` or Cedar's `{"__entity": {"type", "id"}}`, of the declared type.
fn entity(value: &Value, kind: &str) -> Option<EntityUid> {
    let value = value.get("__entity").unwrap_or(value);
    let id = match value {
        Value::String(id) => id,
        value if value.get("type")?.as_str()? == kind => value.get("id")?.as_str()?,
        _ => return None,
    };
    if id.len() > TEXT_BYTES_MAX {
        return None;
    }
    let kind: EntityTypeName = kind.parse().ok()?;
    Some(EntityUid::from_type_name_and_id(kind, EntityId::new(id)))
}

/// A value of an extension type: its text, or Cedar's `{"__extn": {"fn", "arg"}}`.
fn extension(value: &Value, name: &str) -> Option<RestrictedExpression> {
    let value = value.get("__extn").and_then(|call| call.get("arg")).unwrap_or(value);
    let text = value.as_str().filter(|text| text.len() <= TEXT_BYTES_MAX)?;
    // Cedar parses the text when it is evaluated; a text it cannot parse must be found here, not in a policy.
    let made = match name {
        "ipaddr" => RestrictedExpression::new_ip(text),
        "decimal" => RestrictedExpression::new_decimal(text),
        "datetime" => RestrictedExpression::new_datetime(text),
        "duration" => RestrictedExpression::new_duration(text),
        _ => return None,
    };
    cedar_policy::Context::from_pairs([(String::new(), made.clone())]).ok().map(|_| made)
}

#[cfg(test)]
mod tests {
    use super::*;
    use charter::vocabulary::Attribute;
    use serde_json::json;

    fn check(value: &Value, shape: &Shape) -> bool {
        conform("x", value, shape, &mut Vec::new()).is_ok()
    }

    #[test]
    fn a_value_fits_its_shape_or_is_refused() {
        let set = Shape::Set(Box::new(Shape::Long));
        let kind = Shape::Entity("Unit".parse().unwrap());
        assert!(check(&json!(true), &Shape::Bool) && !check(&json!("true"), &Shape::Bool));
        assert!(
            check(&json!(3), &Shape::Long)
                && !check(&json!(3.5), &Shape::Long)
                && !check(&json!(u64::MAX), &Shape::Long)
        );
        assert!(check(&json!("a"), &Shape::String) && !check(&json!(null), &Shape::String));
        assert!(!check(&json!("x".repeat(TEXT_BYTES_MAX + 1)), &Shape::String));
        assert!(check(&json!([1, 2]), &set) && !check(&json!([1, "2"]), &set) && !check(&json!(vec![0; 257]), &set));
        assert!(check(&json!("ED"), &kind) && check(&json!({"type": "Unit", "id": "ED"}), &kind));
        assert!(!check(&json!({"type": "Role", "id": "ED"}), &kind));
        let ip = Shape::Extension("ipaddr".into());
        assert!(check(&json!("10.0.0.1"), &ip) && !check(&json!("10.0.0"), &ip) && !check(&json!(10), &ip));
    }

    #[test]
    fn a_record_keeps_what_is_declared_and_misses_what_is_required() {
        let attributes = Attributes::from([
            ("a".into(), Attribute { shape: Shape::Long, required: true }),
            ("b".into(), Attribute { shape: Shape::Bool, required: false }),
        ]);
        let shape = Shape::Record(attributes);
        assert!(check(&json!({"a": 1}), &shape) && check(&json!({"a": 1, "c": "ignored"}), &shape));
        let missing = conform("x", &json!({"b": true}), &shape, &mut Vec::new()).unwrap_err();
        assert_eq!(missing.to_string(), "`x.a` is not given, and must be");
    }

    #[test]
    fn nesting_is_bounded() {
        let (mut shape, mut value) = (Shape::Long, json!(1));
        for _ in 0..DEPTH_MAX {
            (shape, value) = (Shape::Set(Box::new(shape)), json!([value]));
        }
        assert!(!check(&value, &shape));
    }
}
