//! The changes of one policy.

use super::CHANGES_MAX;
use super::expression::{self, Part};
use super::scope::{self, Groups};
use cedar_policy::{Effect, Policy};
use charter::name::SiteId;
use serde::Serialize;
use serde_json::{Value, json};

/// What sort of change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The policy is taken out.
    Delete,
    /// It permits what it forbade, or the other way round.
    Reverse,
    /// It holds where it did not, and does not where it did.
    Negate,
    /// It holds in more cases.
    Widen,
    /// It holds in fewer cases.
    Narrow,
}

impl Kind {
    /// Its name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Delete => "delete",
            Self::Reverse => "reverse",
            Self::Negate => "negate",
            Self::Widen => "widen",
            Self::Narrow => "narrow",
        }
    }
}

/// One change.
pub(super) struct Change {
    pub(super) kind: Kind,
    /// What was changed, in words.
    pub(super) words: String,
    /// The policy after it; none when it is taken out.
    pub(super) policy: Option<Policy>,
    /// Whether only a demand on types or actions was changed: those the schema knows all of.
    pub(super) only_types: bool,
    /// The policy stays, but holds outside its site, too.
    pub(super) everywhere: bool,
}

/// Every change of a policy. `None` if it cannot be taken apart.
pub(super) fn all(policy: &Policy, groups: &Groups) -> Option<Vec<Change>> {
    let whole = policy.to_json().ok()?;
    let mut changes = vec![Change {
        kind: Kind::Delete,
        words: "taken out".to_owned(),
        policy: None,
        only_types: false,
        everywhere: false,
    }];
    let mut add = |kind, words: String, json: Value, only_types| {
        // Cedar refuses a few forms outright, such as `is T in` an entity of another type: nobody could write them.
        if let Ok(changed) = Policy::from_json(Some(policy.id().clone()), json)
            && changes.len() < CHANGES_MAX
        {
            changes.push(Change { kind, words, policy: Some(changed), only_types, everywhere: false });
        }
    };
    let (now, then) = match policy.effect() {
        Effect::Permit => ("permit", "forbid"),
        Effect::Forbid => ("forbid", "permit"),
    };
    add(Kind::Reverse, format!("`{then}` instead of `{now}`"), with(&whole, "effect", json!(then)), false);
    for wider in scope::wider(&whole, groups) {
        add(Kind::Widen, wider.words, with(&whole, wider.of, wider.scope), wider.only_types);
    }
    let conditions = whole.get("conditions").and_then(Value::as_array)?;
    if !conditions.is_empty() {
        let negated = json!([{ "kind": "unless", "body": all_of(conditions)? }]);
        add(Kind::Negate, "its conditions negated".to_owned(), with(&whole, "conditions", negated), false);
    }
    for (place, condition) in conditions.iter().enumerate() {
        let (kind, body) = (condition.get("kind")?.as_str()?, condition.get("body")?);
        let text = expression::text(body);
        let rest: Vec<&Value> = conditions.iter().enumerate().filter(|(at, _)| *at != place).map(|(_, c)| c).collect();
        let without = with(&whole, "conditions", json!(rest));
        add(Kind::Widen, format!("without `{kind} {{ {text} }}`"), without, false);
        for Part { left, words, holds_more } in expression::parts(body) {
            let mut changed = conditions.clone();
            changed.get_mut(place)?.as_object_mut()?.insert("body".to_owned(), left);
            let kind = if holds_more == (kind == "when") { Kind::Widen } else { Kind::Narrow };
            add(kind, words, with(&whole, "conditions", json!(changed)), false);
        }
    }
    Some(changes)
}

/// A policy of one site, holding everywhere.
pub(super) fn everywhere(policy: &Policy, site: &SiteId) -> Change {
    let words = format!("everywhere, not only at the site `{site}`");
    Change { kind: Kind::Widen, words, policy: Some(policy.clone()), only_types: false, everywhere: true }
}

/// A policy with one of its parts changed.
fn with(whole: &Value, part: &str, value: Value) -> Value {
    let mut changed = whole.clone();
    if let Some(parts) = changed.as_object_mut() {
        parts.insert(part.to_owned(), value);
    }
    changed
}

/// What all conditions together say.
fn all_of(conditions: &[Value]) -> Option<Value> {
    let said = |condition: &Value| {
        let body = condition.get("body")?.clone();
        Some(if condition.get("kind")?.as_str()? == "when" { body } else { json!({ "!": { "arg": body } }) })
    };
    let mut all = conditions.iter().map(said);
    let first = all.next()??;
    all.try_fold(first, |left, right| Some(json!({ "&&": { "left": left, "right": right? } })))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mutation::scope::Groups;

    fn of(text: &str) -> Vec<String> {
        let policy = Policy::parse(None, text).unwrap();
        let all = all(&policy, &Groups::default()).unwrap();
        all.iter().map(|change| format!("{}: {}", change.kind.as_str(), change.words)).collect()
    }

    #[test]
    fn a_policy_is_changed_in_every_way() {
        let found = of(r#"permit (principal is Person in Role::"nurse", action == Action::"read", resource is Patient)
            when { context.a && (context.b || context.c) } unless { context.d && !context.e };"#);
        assert_eq!(
            found,
            [
                "delete: taken out",
                "reverse: `forbid` instead of `permit`",
                "widen: for every principal of its type, not only in `nurse`",
                "widen: for a principal of any type",
                "widen: for every principal",
                "widen: for every action",
                "widen: for a resource of any type",
                "negate: its conditions negated",
                "widen: without `when { context.a && (context.b || context.c) }`",
                "widen: without `context.a`",
                "widen: without `context.b || context.c`",
                "narrow: without `context.b`",
                "narrow: without `context.c`",
                "widen: without `unless { context.d && (!context.e) }`",
                "narrow: without `context.d`",
                "narrow: without `!context.e`",
            ]
        );
    }

    #[test]
    fn a_list_loses_each_element_but_the_last() {
        let found = of(r#"forbid (principal, action, resource) when { ["a", "b"].contains(context.x) };"#);
        assert_eq!(
            found.get(4..).unwrap(),
            ["narrow: without `\"a\"` in `[\"a\", \"b\"]`", "narrow: without `\"b\"` in `[\"a\", \"b\"]`"]
        );
        assert_eq!(of(r#"forbid (principal, action, resource) when { ["a"].contains(context.x) };"#).len(), 4);
    }

    #[test]
    fn what_was_changed_is_a_policy_with_the_same_id() {
        let policy = Policy::parse(
            Some(cedar_policy::PolicyId::new("p")),
            "permit(principal, action, resource) when { context.a };",
        );
        let all = all(&policy.unwrap(), &Groups::default()).unwrap();
        let texts: Vec<String> = all
            .iter()
            .filter_map(|change| change.policy.as_ref()?.to_cedar())
            .map(|text| text.replace(['\n', ' '], ""))
            .collect();
        assert!(texts.iter().any(|text| text.contains("{!context.a}")), "{texts:?}");
        assert!(texts.iter().any(|text| text.starts_with("forbid(")), "{texts:?}");
        assert!(texts.iter().any(|text| !text.contains("context.a")), "{texts:?}");
        assert!(all.iter().filter_map(|change| change.policy.as_ref()).all(|policy| policy.id().to_string() == "p"));
    }
}
