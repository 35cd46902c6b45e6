//! Policies added, removed and changed, each with its reason and who owns it.

use super::{About, Sentence};
use charter::{Charter, Policy};
use events::{OwnerId, PolicyId};
use std::collections::BTreeSet;

/// What changed among the policies.
pub(super) fn changed(before: &Charter, after: &Charter) -> Vec<Sentence> {
    let ids: BTreeSet<&PolicyId> = before.policies().keys().chain(after.policies().keys()).collect();
    let mut all = Vec::new();
    for id in ids {
        let text = match (before.policy(id), after.policy(id)) {
            (None, Some(new)) => {
                let local = new.site.as_ref().map_or_else(String::new, |_| format!(" {}", place(after, new)));
                format!(
                    "New policy {id}, which {}{local} ({}): “{}”",
                    effect(new),
                    owned(after, &new.owner),
                    new.reason
                )
            }
            (Some(old), None) => {
                format!("Policy {id}, which {} ({}), is gone: “{}”", past(old), owned(before, &old.owner), old.reason)
            }
            (Some(old), Some(new)) => match what_changed(before, after, old, new) {
                Some(text) => text,
                None => continue,
            },
            (None, None) => continue,
        };
        all.push(Sentence { about: About::Policies, text });
    }
    all
}

fn effect(policy: &Policy) -> &'static str {
    if policy.effect == cedar_policy::Effect::Permit { "permits" } else { "forbids" }
}

fn past(policy: &Policy) -> &'static str {
    if policy.effect == cedar_policy::Effect::Permit { "permitted" } else { "forbade" }
}

/// Where a policy holds.
fn place(charter: &Charter, policy: &Policy) -> String {
    let site = policy.site.as_ref().and_then(|site| charter.hospital().sites.get_key_value(site));
    site.map_or_else(|| "everywhere".to_owned(), |(site, known)| format!("at {} ({site})", known.name))
}

/// An owner by the name people call them.
pub(super) fn owned(charter: &Charter, owner: &OwnerId) -> String {
    match charter.owner(owner) {
        Some(known) if known.name() == known.person().name => format!("owned by {}", known.name()),
        Some(known) => format!("owned by {}, {}", known.name(), known.person().name),
        None => format!("owned by {owner}"),
    }
}

fn what_changed(before: &Charter, after: &Charter, old: &Policy, new: &Policy) -> Option<String> {
    let id = &new.id;
    let mut parts = Vec::new();
    if old.effect != new.effect {
        parts.push(format!("it {} now, and {} before", effect(new), past(old)));
    }
    let (was, is) = (rule(before, id), rule(after, id));
    if was != is {
        let of = |part: &str| was.get(part) != is.get(part);
        let mut what: Vec<&str> = Vec::new();
        for (part, name) in
            [("principal", "whom it covers"), ("action", "which actions it covers"), ("resource", "what it covers")]
        {
            if of(part) {
                what.push(name);
            }
        }
        if of("conditions") {
            what.push("its conditions");
        }
        if !what.is_empty() {
            parts.push(format!("{} changed", what.join(" and ")));
        }
    }
    if old.reason != new.reason {
        parts.push(format!("its reason was “{}”", old.reason));
    }
    if old.owner != new.owner {
        parts.push(format!("it was {}", owned(before, &old.owner)));
    }
    if old.workflow != new.workflow {
        let named = |workflow: &Option<events::WorkflowName>| {
            workflow.as_ref().map_or_else(|| "none".to_owned(), ToString::to_string)
        };
        parts.push(format!("its workflow is {} now, and was {}", named(&new.workflow), named(&old.workflow)));
    }
    if old.every_patient != new.every_patient {
        parts.push(match &new.every_patient {
            Some(why) => format!("it opens every patient's record by role alone, because “{why}”"),
            None => "it no longer says why it opens every patient's record by role alone".to_owned(),
        });
    }
    if old.site != new.site {
        parts.push(format!("it holds {} now, and {} before", place(after, new), place(before, old)));
    }
    if parts.is_empty() {
        return None;
    }
    let (effect, owned) = (effect(new), owned(after, &new.owner));
    Some(format!("Policy {id}, which {effect} ({owned}), changed: {}. “{}”", parts.join("; "), new.reason))
}

/// A policy's rule without its annotations, however it is written down.
fn rule(charter: &Charter, id: &PolicyId) -> serde_json::Value {
    let policy = charter.policy_set().policy(&cedar_policy::PolicyId::new(id.as_str()));
    let mut rule = policy.and_then(|policy| policy.to_json().ok()).unwrap_or_default();
    if let Some(parts) = rule.as_object_mut() {
        parts.remove("annotations");
        parts.remove("effect");
    }
    rule
}
