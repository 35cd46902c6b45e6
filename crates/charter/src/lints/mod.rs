//! What loads but is most likely not meant: warnings for whoever writes a charter, each with its place and what to do about it.
//!
//! They are looked for only when somebody asks (`handrail charter check`), never when a charter is loaded to decide by. A lint that is
//! wrong about a charter that is right is a defect: make the lint better, or give people a way to say why.

mod friction;
mod role_only;
mod ties;
mod unowned;
mod unreachable;
mod unscoped;
mod untested;
mod unused;

use crate::diagnostic::Findings;
use crate::parts::Parts;
use crate::policy::ReadPolicy;
use crate::vocabulary::Vocabulary;
use cedar_policy::{Effect, Schema};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use ties::{Actions, Env};

/// Says everything. For charters without errors: what could not be read is not looked at.
pub(crate) fn all(parts: &Parts<'_>, findings: &mut Findings) {
    friction::check(parts, findings);
    unowned::check(parts, findings);
    unused::check(parts, findings);
    untested::check(parts, findings);
    let Some((schema, vocabulary)) = &parts.schema else { return };
    let rules = Rules {
        vocabulary,
        actions: actions(schema),
        list: parts.policies.iter().filter_map(|read| Rule::of(read, schema)).collect(),
    };
    unscoped::check(&rules, findings);
    role_only::check(parts, &rules, findings);
    unreachable::check(parts, &rules, findings);
}

/// The policies, ready to be looked into.
struct Rules<'a> {
    vocabulary: &'a Vocabulary,
    /// Each action with its groups.
    actions: Actions,
    list: Vec<Rule<'a>>,
}

/// A policy, taken apart.
struct Rule<'a> {
    read: &'a ReadPolicy,
    /// As Cedar's JSON.
    json: Value,
    /// The requests it can bear on, by the schema.
    reach: Vec<Env>,
}

impl<'a> Rule<'a> {
    fn of(read: &'a ReadPolicy, schema: &Schema) -> Option<Self> {
        let reach = read.cedar.get_valid_request_envs(schema).map(|env| Env {
            principal: env.principal().to_string(),
            action: env.action().id().unescaped().to_owned(),
            resource: env.resource().to_string(),
        });
        Some(Self { read, json: read.cedar.to_json().ok()?, reach: reach.collect() })
    }

    fn permits(&self) -> bool {
        self.read.cedar.effect() == Effect::Permit
    }

    /// What its head demands of `principal`, `action` or `resource`.
    fn head(&self, of: &str) -> Demand<'_> {
        let scope = self.json.get(of).unwrap_or(&Value::Null);
        let text = |value: Option<&'_ Value>| value.and_then(Value::as_str).map(str::to_owned);
        let entity = |of: &Value| {
            let entity = of.get("entity")?;
            Some((text(entity.get("type"))?, text(entity.get("id"))?))
        };
        Demand {
            is_any: scope.get("op").and_then(Value::as_str) == Some("All"),
            is_one: scope.get("op").and_then(Value::as_str) == Some("=="),
            kind: text(scope.get("entity_type")),
            entity: entity(scope).or_else(|| entity(scope.get("in")?)),
            scope,
        }
    }

    /// Its conditions: whether it is a `when`, and what must be so, or not be so.
    fn conditions(&self) -> impl Iterator<Item = (bool, &Value)> {
        let all = self.json.get("conditions").and_then(Value::as_array).into_iter().flatten();
        all.filter_map(|one| Some((one.get("kind")?.as_str()? == "when", one.get("body")?)))
    }
}

/// What a policy's head demands of one of its three parts.
struct Demand<'a> {
    /// Nothing.
    is_any: bool,
    /// One entity and no other.
    is_one: bool,
    /// A type.
    kind: Option<String>,
    /// An entity that it is, or is in: type and id.
    entity: Option<(String, String)>,
    /// As Cedar's JSON.
    scope: &'a Value,
}

/// Each action of a schema with the groups it is in, itself among them.
fn actions(schema: &Schema) -> Actions {
    let Ok(entities) = schema.action_entities() else { return Actions::new() };
    let with_groups = entities.iter().map(|action| {
        let uid = action.uid();
        let above = entities.ancestors(&uid).into_iter().flatten().map(|group| group.id().unescaped().to_owned());
        let own = uid.id().unescaped().to_owned();
        (own.clone(), above.chain([own]).collect::<BTreeSet<_>>())
    });
    with_groups.collect::<BTreeMap<_, _>>()
}
