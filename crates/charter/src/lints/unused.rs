//! Roles and labels that make no difference to anybody.

use crate::diagnostic::{Code, Findings};
use crate::document::at;
use crate::entities::StaticEntities;
use crate::parts::Parts;
use crate::vocabulary::{FAMILY_PREFIX, ROLE};
use events::RoleName;
use std::collections::BTreeSet;

pub(super) fn check(parts: &Parts<'_>, findings: &mut Findings) {
    let Some(doc) = &parts.entities else { return };
    let entities = &doc.value;
    let named = roles_named(parts);
    for (name, _) in entities.roles.iter().filter(|(name, _)| !is_named(entities, name, &named)) {
        let message = format!("the role `{name}` makes no difference: no policy names it, nor a role it belongs to");
        let help = "write what it may do, put it into a role that may do something (`in`), or take it out";
        let problem = doc.key_problem(Code::Unused, at!["roles", name.as_str()], message);
        findings.warn(problem, help);
    }
    let texts: Vec<String> = parts.policies.iter().map(|read| read.cedar.to_string()).collect();
    for (name, label) in &entities.labels {
        let name = name.as_str();
        let begins = if label.prefix { format!("\"{name}") } else { format!("\"{name}\"") };
        let in_entities = || {
            let values = entities.entity.iter().flat_map(|entity| entity.attributes.values());
            values.map(ToString::to_string).any(|text| text.contains(&begins))
        };
        if name == FAMILY_PREFIX || texts.iter().any(|text| text.contains(&begins)) || in_entities() {
            continue;
        }
        let message = format!("the label `{name}` makes no difference: no policy and no entity speaks of it");
        let help = "write a policy that asks for it (`resource.labels.contains(…)`), or take it out";
        let problem = doc.key_problem(Code::Unused, at!["labels", name], message);
        findings.warn(problem, help);
    }
}

/// Roles that policies name, or that may ask, vouch or break the glass.
fn roles_named(parts: &Parts<'_>) -> BTreeSet<String> {
    let in_policies = parts.policies.iter().flat_map(|read| read.entities());
    let mut named: BTreeSet<String> = in_policies.filter(|(kind, _)| kind == ROLE).map(|(_, id)| id).collect();
    let mut add = |roles: &[RoleName]| named.extend(roles.iter().map(ToString::to_string));
    if let Some(doc) = &parts.assurance {
        add(&doc.value.vouching.roles);
    }
    if let Some(doc) = &parts.emergency {
        add(&doc.value.may_break_glass);
    }
    for entitlement in parts.elevation.iter().flat_map(|doc| doc.value.entitlements.values()) {
        add(&entitlement.may_ask);
    }
    named
}

/// Whether a role, or one it belongs to, is named. Roles do not belong to themselves: that is an error.
fn is_named(entities: &StaticEntities, role: &RoleName, named: &BTreeSet<String>) -> bool {
    let parents = || entities.roles.get(role).into_iter().flat_map(|role| &role.parents);
    named.contains(role.as_str()) || parents().any(|parent| is_named(entities, parent, named))
}
