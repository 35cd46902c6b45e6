//! A condition with one of its parts left out: a conjunct, a disjunct, an element of a list that is asked what it contains.

use cedar_policy::Policy;
use serde_json::{Value, json};

/// The longest text of a part shown, in characters.
const TEXT_CHARS_MAX: usize = 120;

/// What is left of an expression without one part.
pub(super) struct Part {
    /// The rest.
    pub(super) left: Value,
    /// Which part was left out, in words.
    pub(super) words: String,
    /// Whether the rest holds in more cases.
    pub(super) holds_more: bool,
}

/// Every way to leave one part out.
pub(super) fn parts(expression: &Value) -> Vec<Part> {
    let mut found = Vec::new();
    visit(expression, true, &|rest| rest, &mut found);
    found
}

/// Puts the rest of a part back into the whole.
type Around<'a> = &'a dyn Fn(Value) -> Value;

fn visit(expression: &Value, positive: bool, around: Around<'_>, found: &mut Vec<Part>) {
    let Some((operator, operands)) = expression.as_object().and_then(|object| object.iter().next()) else { return };
    match operator.as_str() {
        "&&" | "||" => {
            let (Some(left), Some(right)) = (operands.get("left"), operands.get("right")) else { return };
            for (part, other) in [(left, right), (right, left)] {
                // A part of the same sort is left out in its own parts, each alone.
                if part.get(operator).is_none() {
                    found.push(Part {
                        left: around(other.clone()),
                        words: format!("without `{}`", text(part)),
                        holds_more: positive == (operator == "&&"),
                    });
                }
            }
            visit(left, positive, &|rest| around(json!({ operator: { "left": rest, "right": right } })), found);
            visit(right, positive, &|rest| around(json!({ operator: { "left": left, "right": rest } })), found);
        }
        "!" => {
            let Some(arg) = operands.get("arg") else { return };
            visit(arg, !positive, &|rest| around(json!({ "!": { "arg": rest } })), found);
        }
        "contains" | "containsAny" => {
            let (Some(left), Some(right)) = (operands.get("left"), operands.get("right")) else { return };
            for (list, put) in [
                (left, (&|rest| json!({ operator: { "left": rest, "right": right } })) as Around<'_>),
                (right, &|rest| json!({ operator: { "left": left, "right": rest } })),
            ] {
                elements(list, positive, &|rest| around(put(rest)), found);
            }
        }
        _ => {}
    }
}

/// A list without each of its elements; the last is never left out, for an empty list has no type.
fn elements(list: &Value, positive: bool, around: Around<'_>, found: &mut Vec<Part>) {
    let Some(all) = list.get("Set").and_then(Value::as_array).filter(|all| all.len() > 1) else { return };
    for (place, element) in all.iter().enumerate() {
        let rest: Vec<&Value> = all.iter().enumerate().filter(|(at, _)| *at != place).map(|(_, one)| one).collect();
        found.push(Part {
            left: around(json!({ "Set": rest })),
            words: format!("without `{}` in `{}`", text(element), text(list)),
            holds_more: !positive,
        });
    }
}

/// An expression as a policy would write it, shortened to be read.
pub(super) fn text(expression: &Value) -> String {
    let text = whole_text(expression);
    match text.char_indices().nth(TEXT_CHARS_MAX) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text,
    }
}

/// The whole of it.
pub(super) fn whole_text(expression: &Value) -> String {
    let scope = json!({ "op": "All" });
    let policy = json!({
        "effect": "permit", "principal": scope, "action": scope, "resource": scope,
        "conditions": [{ "kind": "when", "body": expression }],
    });
    let written = Policy::from_json(None, policy).ok().and_then(|policy| policy.to_cedar()).unwrap_or_default();
    let body = written.split_once("when {").and_then(|(_, rest)| rest.rsplit_once('}')).map(|(body, _)| body);
    // What Cedar does not write is shown, and compared, as it is kept.
    body.map_or_else(|| expression.to_string(), |body| body.split_whitespace().collect::<Vec<_>>().join(" "))
}
