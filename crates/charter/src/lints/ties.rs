//! What an expression shows, once it is known to be true or false: that something ties the asker to the patient, or not.
//!
//! A tie is a fact of Handrail's own: a shift, a place on the team, an order, an entitlement, the glass broken. Who somebody is, how they
//! signed in, what they work at, what they say they are doing and what the record is labelled is none. This looks at form alone and errs
//! on the side of "no tie"; only what it can prove counts.

use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Each action with its groups, itself among them.
pub(super) type Actions = BTreeMap<String, BTreeSet<String>>;

/// The types of a request, and its action.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Env {
    pub(super) principal: String,
    pub(super) action: String,
    pub(super) resource: String,
}

/// Truths of the context that are ties.
const TRUTHS: [&[&str]; 14] = [
    &["emergency"],
    &["shift", "on"],
    &["care", "known"],
    &["care", "team"],
    &["care", "attending"],
    &["care", "participant"],
    &["care", "unit"],
    &["care", "expecting"],
    &["care", "ordered"],
    &["care", "performing"],
    &["care", "scheduled"],
    &["care", "self"],
    &["care", "family"],
    &["live", "break_glass"],
];

/// Sets of the context that are ties once something is known to be in them.
const SETS: [&[&str]; 4] =
    [&["shift", "units"], &["shift", "on_call_units"], &["live", "elevations"], &["live", "exceptions"]];

/// A number that is only there where there was a tie.
const LEFT: &[&str] = &["care", "left_minutes"];

/// Where the device stands: known, and where one must be to use it.
const DEVICE_UNIT: &[&str] = &["device", "unit"];

/// What is looked at.
pub(super) struct Look<'a> {
    pub(super) env: &'a Env,
    pub(super) actions: &'a Actions,
    /// Types whose entities are patients.
    pub(super) is_patient: &'a dyn Fn(&str) -> bool,
}

impl Look<'_> {
    /// Whether the expression cannot come to `to` without a tie. An expression that can never come to it shows anything.
    pub(super) fn shows(&self, expression: &Value, to: bool) -> bool {
        let Some((operator, of)) = expression.as_object().and_then(|object| object.iter().next()) else { return false };
        let part = |name: &str| of.get(name).unwrap_or(&Value::Null);
        let (left, right) = (part("left"), part("right"));
        match operator.as_str() {
            "&&" if to => self.shows(left, true) || self.shows(right, true),
            "&&" => self.shows(left, false) && self.shows(right, false),
            "||" if to => self.shows(left, true) && self.shows(right, true),
            "||" => self.shows(left, false) || self.shows(right, false),
            "!" => self.shows(part("arg"), !to),
            "if-then-else" => {
                let (asked, then, other) = (part("if"), part("then"), part("else"));
                (self.shows(asked, true) || self.shows(then, to)) && (self.shows(asked, false) || self.shows(other, to))
            }
            "Value" => of.as_bool().is_some_and(|value| value != to),
            "." => to && path(expression).is_some_and(|path| TRUTHS.contains(&path.as_slice())),
            "has" => {
                to && path(left).is_some_and(|mut path| {
                    // One attribute, or several (`has care.left_minutes`).
                    let attributes = part("attr").as_array().into_iter().flatten().chain([part("attr")]);
                    path.extend(attributes.filter_map(Value::as_str));
                    path == LEFT
                })
            }
            "==" | "!=" => self.equal(left, right, to == (operator == "==")),
            "<" | "<=" | ">" | ">=" => is_left(left) || is_left(right),
            "contains" | "containsAny" | "containsAll" => to && contains(operator, left, right),
            "isEmpty" => !to && is_set(part("arg")),
            "is" => {
                self.is(left, part("entity_type"), to) || to && of.get("in").is_some_and(|of| self.within(left, of))
            }
            "in" => self.within_action(left, right).map_or(to && self.within(left, right), |known| known != to),
            _ => false,
        }
    }

    fn equal(&self, left: &Value, right: &Value, equal: bool) -> bool {
        for (one, other) in [(left, right), (right, left)] {
            if let Some(truth) = other.get("Value").and_then(Value::as_bool) {
                return self.shows(one, truth == equal);
            }
            if equal && is_device_unit(one) && other.get("Value").is_some_and(Value::is_string) {
                return true;
            }
        }
        if is_left(left) || is_left(right) {
            return true;
        }
        if let Some(known) = self.within_action(left, right) {
            return known != equal;
        }
        equal && (joins(left, right) || self.is_one_patient(left, right) || self.is_one_patient(right, left))
    }

    /// A type is known beforehand: what cannot be shows anything.
    fn is(&self, of: &Value, kind: &Value, to: bool) -> bool {
        let known = match variable(of) {
            Some("principal") => &self.env.principal,
            Some("resource") => &self.env.resource,
            _ => return false,
        };
        kind.as_str().is_some_and(|kind| (kind == known) != to)
    }

    fn within(&self, of: &Value, what: &Value) -> bool {
        joins(of, what) || self.is_one_patient(of, what)
    }

    /// Whether `action in …` or `action == …` is so, which is known beforehand.
    fn within_action(&self, left: &Value, right: &Value) -> Option<bool> {
        if variable(left) != Some("action") {
            return None;
        }
        let own = self.actions.get(&self.env.action)?;
        let listed = right.get("Set").and_then(Value::as_array);
        let mut named = listed.into_iter().flatten().chain([right]).filter_map(entity).peekable();
        named.peek()?;
        Some(named.any(|(_, id)| own.contains(id)))
    }

    /// The resource is one patient by name, or in one.
    fn is_one_patient(&self, of: &Value, what: &Value) -> bool {
        variable(of) == Some("resource") && entity(what).is_some_and(|(kind, _)| (self.is_patient)(kind))
    }
}

fn contains(operator: &str, left: &Value, right: &Value) -> bool {
    match operator {
        // An empty set contains all of nothing, and is contained in anything.
        "containsAll" => is_set(left) && right.get("Set").and_then(Value::as_array).is_some_and(|all| !all.is_empty()),
        "containsAny" => is_set(left) || is_set(right) || joins(left, right),
        _ => is_set(left) || is_device_unit(right) && left.get("Set").is_some() || joins(left, right),
    }
}

/// One side speaks of the principal only, the other of the resource only: what holds between them is between them.
fn joins(left: &Value, right: &Value) -> bool {
    let only = |of: &Value, one: &str, other: &str| mentions(of, one) && !mentions(of, other);
    let sides = |a: &Value, b: &Value| only(a, "principal", "resource") && only(b, "resource", "principal");
    sides(left, right) || sides(right, left)
}

fn mentions(expression: &Value, name: &str) -> bool {
    match expression {
        Value::Object(parts) => parts.iter().any(|(key, of)| {
            if key == "Var" && of.is_string() { of.as_str() == Some(name) } else { mentions(of, name) }
        }),
        Value::Array(parts) => parts.iter().any(|part| mentions(part, name)),
        _ => false,
    }
}

fn is_set(expression: &Value) -> bool {
    path(expression).is_some_and(|path| SETS.contains(&path.as_slice()))
}

fn is_left(expression: &Value) -> bool {
    path(expression).is_some_and(|path| path == LEFT)
}

fn is_device_unit(expression: &Value) -> bool {
    path(expression).is_some_and(|path| path == DEVICE_UNIT)
}

fn variable(expression: &Value) -> Option<&str> {
    expression.get("Var")?.as_str()
}

/// The type and id of an entity that is written out.
fn entity(expression: &Value) -> Option<(&str, &str)> {
    let entity = expression.get("Value")?.get("__entity")?;
    Some((entity.get("type")?.as_str()?, entity.get("id")?.as_str()?))
}

/// `context.care.team` as `care`, `team`.
fn path(expression: &Value) -> Option<Vec<&str>> {
    if variable(expression) == Some("context") {
        return Some(Vec::new());
    }
    let step = expression.get(".")?;
    let mut path = path(step.get("left")?)?;
    path.push(step.get("attr")?.as_str()?);
    Some(path)
}
