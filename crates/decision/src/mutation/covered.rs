//! A permit that was widened only to what a `forbid` denies in any case has not changed an answer: a deny names the forbidding policies only.
//!
//! Proved by form alone: the `forbid` has no demand but on types and actions, reaches every request that is new, and demands nothing that
//! the permit does not demand itself.

use super::expression;
use cedar_policy::{Effect, Policy, RequestEnv, Schema};
use charter::Charter;
use serde_json::Value;
use std::collections::BTreeSet;

/// The requests a policy can apply to by the schema: types of principal and resource, and the action.
pub(super) type Reach = BTreeSet<String>;

/// The reach of a policy.
pub(super) fn reach(policy: &Policy, schema: &Schema) -> Reach {
    let words = |env: RequestEnv| format!("{} {} {}", env.principal(), env.action(), env.resource());
    policy.get_valid_request_envs(schema).map(words).collect()
}

/// Whether everything a changed permit newly reaches is forbidden whenever it would permit.
pub(super) fn is_forbidden(charter: &Charter, before: &Reach, permit: &Policy) -> bool {
    let local = |id: &str| charter.policies().get(id).is_none_or(|policy| policy.site.is_some());
    let everywhere = charter.policy_set().policies().filter(|policy| !local(policy.id().as_ref()));
    is_covered(everywhere, before, permit, charter.schema())
}

fn is_covered<'a>(all: impl Iterator<Item = &'a Policy>, before: &Reach, permit: &Policy, schema: &Schema) -> bool {
    if permit.effect() != Effect::Permit {
        return false;
    }
    let Some(demanded) = demands(permit) else { return false };
    let forbids: Vec<Reach> = all
        .filter(|policy| policy.effect() == Effect::Forbid && !names_entities(policy))
        .filter(|policy| demands(policy).is_some_and(|demands| demands.is_subset(&demanded)))
        .map(|policy| reach(policy, schema))
        .collect();
    let after = reach(permit, schema);
    after.difference(before).all(|new| forbids.iter().any(|forbidden| forbidden.contains(new)))
}

/// Whether the head names a principal or a resource, or a group of them.
fn names_entities(policy: &Policy) -> bool {
    use cedar_policy::{PrincipalConstraint, ResourceConstraint};
    let principal = matches!(policy.principal_constraint(), PrincipalConstraint::Any | PrincipalConstraint::Is(_));
    let resource = matches!(policy.resource_constraint(), ResourceConstraint::Any | ResourceConstraint::Is(_));
    !principal || !resource
}

/// Every conjunct that must hold, as text. `None` where an `unless` makes it more than conjuncts.
fn demands(policy: &Policy) -> Option<BTreeSet<String>> {
    let whole = policy.to_json().ok()?;
    let mut found = BTreeSet::new();
    for condition in whole.get("conditions")?.as_array()? {
        if condition.get("kind")?.as_str()? != "when" {
            // What a permit demands besides makes it narrower: leaving that out of account is safe. For a `forbid` it is not.
            if policy.effect() == Effect::Forbid {
                return None;
            }
            continue;
        }
        conjuncts(condition.get("body")?, &mut found);
    }
    Some(found)
}

fn conjuncts(body: &Value, found: &mut BTreeSet<String>) {
    match body.get("&&").map(|and| (and.get("left"), and.get("right"))) {
        Some((Some(left), Some(right))) => {
            conjuncts(left, found);
            conjuncts(right, found);
        }
        _ => drop(found.insert(expression::whole_text(body))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCHEMA: &str = "entity Person; entity Patient; entity Unit;\n\
        action read, write appliesTo { principal: Person, resource: Patient, context: { own: Bool, late: Bool } };\n\
        action list appliesTo { principal: Person, resource: Unit, context: { own: Bool, late: Bool } };";

    /// Whether everything that a permit for reading newly reaches is forbidden when it is for every action on patients.
    fn covered(forbids: &str, condition: &str) -> bool {
        let (schema, _) = Schema::from_cedarschema_str(SCHEMA).unwrap();
        let permit = |action: &str| {
            let text = format!("permit(principal, {action}, resource is Patient) {condition};");
            Policy::parse(None, text).unwrap()
        };
        let before = reach(&permit("action == Action::\"read\""), &schema);
        let forbids: cedar_policy::PolicySet = forbids.parse().unwrap();
        is_covered(forbids.policies(), &before, &permit("action"), &schema)
    }

    #[test]
    fn only_a_forbid_that_demands_no_more_than_the_permit_proves_anything() {
        let forbid = |text: &str| format!("forbid(principal, action == Action::\"write\", resource) {text};");
        let own = "when { context.own }";
        assert!(covered(&forbid(own), "when { context.own && context.late }"));
        assert!(covered(&forbid(""), own));
        assert!(!covered(&forbid("when { context.own && context.late }"), own), "it demands more");
        assert!(!covered(&forbid("when { context.own } unless { context.late }"), own), "it makes an exception");
        assert!(!covered(&forbid(own), "unless { context.own }"), "the permit demands the opposite");
        assert!(!covered("forbid(principal, action == Action::\"list\", resource) when { context.own };", own));
        assert!(!covered("forbid(principal == Person::\"x\", action, resource) when { context.own };", own));
        assert!(!covered("permit(principal, action, resource) when { context.own };", own));
    }
}
