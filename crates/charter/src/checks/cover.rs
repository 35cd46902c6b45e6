//! Whether everything is answered for: every action has a risk and a workflow, every identity class and policy an owner.

use super::Check;
use crate::diagnostic::{Code, Diagnostic, Findings};
use crate::document::at;
use crate::entities::StaticEntities;
use crate::names::{Names, Noun};
use crate::owners::{Owners, SIGNATURES_MIN};
use crate::parts::Parts;
use crate::vocabulary::ROLE;
use events::RoleName;
use events::principal::IdentityClass;
use std::collections::BTreeSet;

pub(super) fn entities(check: &mut Check<'_, '_, StaticEntities>, parts: &Parts<'_>) {
    let entities = &check.doc.value;
    for (name, role) in &entities.roles {
        check.words(at!["roles", name.as_str(), "title"], &role.title);
        check.refer(Noun::Role, at!["roles", name.as_str(), "in"], role.parents.iter().map(RoleName::as_str));
        if is_its_own_ancestor(entities, name) {
            let message = format!("the role `{name}` belongs to itself in the end");
            check.say_key(Code::Value, at!["roles", name.as_str()], message, "break the circle in `in`");
        }
    }
    for (name, action) in &entities.actions {
        check.words(at!["actions", name.as_str(), "title"], &action.title);
        if let Some((message, help)) = check.names.unknown(Noun::Action, name.as_str()) {
            check.say_key(Code::Reference, at!["actions", name.as_str()], message, &help);
        }
    }
    for (name, label) in &entities.labels {
        check.words(at!["labels", name.as_str(), "title"], &label.title);
    }
    let Some((_, vocabulary)) = &parts.schema else { return };
    let placed: Option<BTreeSet<_>> =
        parts.workflows.as_ref().map(|doc| doc.value.workflow.iter().flat_map(|workflow| &workflow.actions).collect());
    for action in vocabulary.actions.keys() {
        if !entities.actions.contains_key(action) {
            let help = format!("add `[actions.{action}]` with a title and a risk");
            let message = format!("the action `{action}` of the schema has no risk");
            check.say_key(Code::Coverage, at!["actions"], message, &help);
        } else if placed.as_ref().is_some_and(|placed| !placed.contains(action)) {
            let help = "add it to the `actions` of a workflow in workflows.toml: a workflow says who answers for it";
            let message = format!("the action `{action}` is in no workflow");
            check.say_key(Code::Coverage, at!["actions", action.as_str()], message, help);
        }
    }
}

fn is_its_own_ancestor(entities: &StaticEntities, role: &RoleName) -> bool {
    let mut seen = BTreeSet::new();
    let mut next = vec![role];
    while let Some(name) = next.pop() {
        for parent in entities.roles.get(name).map(|role| role.parents.as_slice()).unwrap_or_default() {
            if parent == role {
                return true;
            }
            if seen.insert(parent) {
                next.push(parent);
            }
        }
    }
    false
}

pub(super) fn owners(check: &mut Check<'_, '_, Owners>) {
    let owners = &check.doc.value;
    let single = [
        ("policy_owner", &owners.policy_owner),
        ("control_owner", &owners.control_owner),
        ("help_desk", &owners.help_desk),
    ];
    for (key, owner) in single {
        check.refers(Noun::Owner, at![key], owner.as_str());
    }
    check.refers(Noun::Owner, at!["risk_owner", "usual"], owners.risk_owner.usual.as_str());
    check.refers(Noun::Owner, at!["risk_owner", "executive"], owners.risk_owner.executive.as_str());
    for class in IdentityClass::ALL {
        match owners.identity_class.get(&class) {
            Some(owner) => check.refers(Noun::Owner, at!["identity_class", class.as_str()], owner.as_str()),
            None => {
                let message = format!("nobody answers for identities of the class `{}`", class.as_str());
                let help = format!("add `{} = \"…\"` with a team or person of this file", class.as_str());
                check.say_key(Code::Coverage, at!["identity_class"], message, &help);
            }
        }
    }
    change_rule(check);
    let mut before = 0;
    for (index, step) in owners.escalation.iter().enumerate() {
        check.refers(Noun::Owner, at!["escalation", index, "owner"], step.owner.as_str());
        if step.after_min.get() <= before {
            let message = "this step is not later than the one before it";
            check.say(
                Code::Value,
                at!["escalation", index, "after_min"],
                message,
                "put the steps in the order of time",
            );
        }
        before = step.after_min.get();
    }
    for (id, team) in &owners.teams {
        let id = id.as_str();
        check.words(at!["teams", id, "name"], &team.name);
        check.words(at!["teams", id, "contact"], &team.contact);
        check.refers(Noun::Person, at!["teams", id, "lead"], team.lead.as_str());
        if owners.people.contains_key(id) {
            let message = format!("`{id}` is a team and a person");
            check.say_key(Code::Duplicate, at!["teams", id], message, "give one of them another id");
        }
    }
    for (id, person) in &owners.people {
        check.words(at!["people", id.as_str(), "name"], &person.name);
        check.words(at!["people", id.as_str(), "contact"], &person.contact);
    }
}

/// A charter that too few people could change would stay for ever.
fn change_rule(check: &mut Check<'_, '_, Owners>) {
    let Some(rule) = &check.doc.value.change else { return };
    check.some(at!["change", "signed_by"], &rule.signed_by, "name teams or people of this file");
    check.refer(Noun::Owner, at!["change", "signed_by"], rule.signed_by.iter().map(|id| id.as_str()));
    if rule.signatures < SIGNATURES_MIN {
        let message = format!("a change of the charter needs {SIGNATURES_MIN} signatures or more");
        check.say(Code::Value, at!["change", "signatures"], message, "nobody changes the rules alone");
    }
    let signatories = check.doc.value.signatories();
    if !rule.signed_by.is_empty() && !signatories.suffice() {
        let (people, needed) = (signatories.people.len(), signatories.signatures);
        let message = format!("{needed} different people must sign, and this names {people}");
        check.say(Code::Value, at!["change", "signed_by"], message, "a team signs by its lead; name more people");
    }
}

pub(super) fn policies(parts: &Parts<'_>, names: &Names<'_>, findings: &mut Findings) {
    for read in &parts.policies {
        let mut refers = |noun, annotation: &str, name: &str| {
            if let Some((message, help)) = names.unknown(noun, name) {
                let span = read.annotation(annotation);
                findings.push(Diagnostic::at(Code::Reference, &read.source, span, message).with_help(help));
            }
        };
        if let Some(owner) = &read.owner {
            refers(Noun::Owner, "owner", owner.as_str());
        }
        if let Some(workflow) = &read.workflow {
            refers(Noun::Workflow, "workflow", workflow.as_str());
        }
        for (kind, id) in read.entities() {
            let Some((message, help)) = (kind == ROLE).then(|| names.unknown(Noun::Role, &id)).flatten() else {
                continue;
            };
            findings.push(Diagnostic::at(Code::Reference, &read.source, read.text_span(&id), message).with_help(help));
        }
    }
}
