//! JSON that means one thing. Objects are objects: a derived `Deserialize` would also take the members as a list, in order, and whoever filters requests
//! on their way here by member names would not see them. And no member stands in an object twice: whoever looks at the first on the way here, and
//! whoever takes the last, would see two requests.

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use std::fmt;
use std::marker::PhantomData;

/// Something read from an object, and from nothing else.
pub(crate) struct Object<T>(pub(crate) T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Members(PhantomData)).map(Self)
    }
}

struct Members<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for Members<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<T, A::Error> {
        T::deserialize(MapAccessDeserializer::new(members))
    }
}

/// For a member that has to be there.
pub(crate) fn required<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<T, D::Error> {
    Object::deserialize(deserializer).map(|object| object.0)
}

/// For a member that may be left out or null.
pub(crate) fn optional<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    Ok(Option::<Object<T>>::deserialize(deserializer)?.map(|object| object.0))
}

/// Any value, none of whose objects has a member twice, however deep it lies.
struct Once(Value);

impl<'de> Deserialize<'de> for Once {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyOnce).map(Self)
    }
}

struct AnyOnce;

impl<'de> Visitor<'de> for AnyOnce {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(Once(item)) = items.next_element()? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some((name, Once(value))) = members.next_entry::<String, Once>()? {
            if object.insert(name, value).is_some() {
                // The name is not repeated: what a caller calls things may be anything.
                return Err(A::Error::custom("a member stands in an object twice"));
            }
        }
        Ok(Value::Object(object))
    }
}

/// For an object of any members, which may be left out or null.
pub(crate) fn members<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Map<String, Value>>, D::Error> {
    match Option::<Once>::deserialize(deserializer)? {
        None | Some(Once(Value::Null)) => Ok(None),
        Some(Once(Value::Object(members))) => Ok(Some(members)),
        Some(_) => Err(D::Error::custom("expected an object")),
    }
}

/// For a list of any values, which may be left out or null.
pub(crate) fn items<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<Value>>, D::Error> {
    match Option::<Once>::deserialize(deserializer)? {
        None | Some(Once(Value::Null)) => Ok(None),
        Some(Once(Value::Array(items))) => Ok(Some(items)),
        Some(_) => Err(D::Error::custom("expected a list")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_stands_in_an_object_once_however_deep() {
        let once = |text: &str| serde_json::from_str::<Once>(text).map(|Once(value)| value);
        for right in [
            r#"{"a":1,"b":{"a":[null,true,-1,1.5,1e300,18446744073709551615,"x",{}]},"c":[{"a":1},{"a":1}]}"#,
            "[]",
            "null",
            r#""a""#,
        ] {
            assert_eq!(once(right).unwrap(), serde_json::from_str::<Value>(right).unwrap(), "{right}");
        }
        for doubled in [r#"{"a":1,"a":1}"#, r#"{"a":1,"\u0061":2}"#, r#"{"x":[{"y":{"a":null,"b":0,"a":null}}]}"#] {
            let said = once(doubled).unwrap_err().to_string();
            assert!(said.contains("twice"), "{doubled}: {said}");
        }
        assert!(once(&("[".repeat(200) + &"]".repeat(200))).is_err(), "not without end");
    }
}
