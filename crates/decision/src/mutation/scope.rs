//! The head of a policy, each demand of it widened alone: to whoever includes a role, to a group an action is in, to every type.

use charter::Charter;
use charter::vocabulary::ROLE;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// What includes what, by type and id.
#[derive(Default)]
pub(super) struct Groups(BTreeMap<(String, String), Vec<Value>>);

impl Groups {
    /// The roles and groups of actions of a charter.
    pub(super) fn of(charter: &Charter) -> Self {
        let mut groups = BTreeMap::new();
        for (name, role) in &charter.entities().roles {
            let above = role.parents.iter().map(|parent| json!({ "type": ROLE, "id": parent })).collect();
            groups.insert((ROLE.to_owned(), name.to_string()), above);
        }
        let actions = charter.schema().action_entities().ok();
        for action in actions.iter().flat_map(|all| all.iter()) {
            let uid = action.uid();
            let mut above: Vec<_> = actions.iter().flat_map(|all| all.ancestors(&uid)).flatten().collect();
            above.sort_unstable();
            let above = above.into_iter().map(|uid| json!({ "type": "Action", "id": uid.id().unescaped() })).collect();
            groups.insert(("Action".to_owned(), uid.id().unescaped().to_owned()), above);
        }
        Self(groups)
    }

    fn above(&self, entity: &Value) -> &[Value] {
        let part = |name: &str| entity.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        self.0.get(&(part("type"), part("id"))).map(Vec::as_slice).unwrap_or_default()
    }
}

/// A wider demand.
pub(super) struct Wider {
    /// On `principal`, `action` or `resource`.
    pub(super) of: &'static str,
    /// The demand.
    pub(super) scope: Value,
    /// What is wider, in words.
    pub(super) words: String,
    /// Whether it is wider by types or actions only.
    pub(super) only_types: bool,
}

/// Every demand of a policy's head, wider in every way.
pub(super) fn wider(policy: &Value, groups: &Groups) -> Vec<Wider> {
    let mut found = Vec::new();
    for of in ["principal", "action", "resource"] {
        let Some(scope) = policy.get(of) else { continue };
        let mut add = |scope: Value, words: String, only_types| found.push(Wider { of, scope, words, only_types });
        let any = || json!({ "op": "All" });
        match (scope.get("op").and_then(Value::as_str).unwrap_or_default(), of) {
            ("==" | "in", "action") => {
                listed(scope, groups, &mut add);
                add(any(), "for every action".to_owned(), true);
            }
            ("==", _) => {
                let kind = scope.get("entity").and_then(|entity| entity.get("type")).cloned().unwrap_or_default();
                add(json!({ "op": "is", "entity_type": kind }), format!("for every {of} of its type"), false);
                add(any(), format!("for every {of}"), false);
            }
            ("in", _) => {
                for group in scope.get("entity").map(|entity| groups.above(entity)).unwrap_or_default() {
                    add(json!({ "op": "in", "entity": group }), format!("for every {of} in `{}`", name(group)), false);
                }
                add(any(), format!("for every {of}"), false);
            }
            ("is", _) => {
                if let Some(entity) = scope.get("in").and_then(|within| within.get("entity")) {
                    for group in groups.above(entity) {
                        let mut wider = scope.clone();
                        if let Some(wider) = wider.as_object_mut() {
                            wider.insert("in".to_owned(), json!({ "entity": group }));
                        }
                        add(wider, format!("for every {of} in `{}` instead of `{}`", name(group), name(entity)), false);
                    }
                    let kind = scope.get("entity_type").cloned().unwrap_or_default();
                    let words = format!("for every {of} of its type, not only in `{}`", name(entity));
                    add(json!({ "op": "is", "entity_type": kind }), words, false);
                    add(json!({ "op": "in", "entity": entity }), format!("for a {of} of any type"), true);
                    add(any(), format!("for every {of}"), false);
                } else {
                    add(any(), format!("for a {of} of any type"), true);
                }
            }
            _ => {}
        }
    }
    found
}

/// Actions, and each group that includes one of them.
fn listed(scope: &Value, groups: &Groups, add: &mut impl FnMut(Value, String, bool)) {
    let one = scope.get("entity").cloned();
    let all: Vec<Value> =
        one.into_iter().chain(scope.get("entities").and_then(Value::as_array).into_iter().flatten().cloned()).collect();
    let mut seen = Vec::new();
    for group in all.iter().flat_map(|action| groups.above(action)) {
        if all.contains(group) || seen.contains(&group) {
            continue;
        }
        seen.push(group);
        let mut wider = all.clone();
        wider.push(group.clone());
        add(json!({ "op": "in", "entities": wider }), format!("for every action in `{}`, too", name(group)), true);
    }
}

fn name(entity: &Value) -> &str {
    entity.get("id").and_then(Value::as_str).unwrap_or_default()
}
