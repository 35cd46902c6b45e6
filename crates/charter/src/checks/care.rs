//! `workflows.toml`.

use super::Check;
use crate::diagnostic::Code;
use crate::document::at;
use crate::names::Noun;
use crate::workflow::{REMEDIES_MAX, RemedyKind, Workflow, WorkflowsFile};
use events::{ActionName, OwnerId};
use std::collections::BTreeMap;

pub(super) fn workflows(check: &mut Check<'_, '_, WorkflowsFile>) {
    let doc = check.doc;
    let all = &doc.value.workflow;
    check.some(at!["workflow"], all, "add a `[[workflow]]` table");
    let mut seen = BTreeMap::new();
    for (index, workflow) in all.iter().enumerate() {
        if let Some(first) = seen.insert(workflow.name.as_str(), index) {
            let line = doc.place(at!["workflow", first, "name"]).map(|span| doc.source.position(span.start).line);
            let message = format!("there is already a workflow `{}`", workflow.name);
            let help = format!("give it another name; the first is on line {}", line.unwrap_or_default());
            check.say(Code::Duplicate, at!["workflow", index, "name"], message, &help);
        }
        check.words(at!["workflow", index, "title"], &workflow.title);
        actions(check, index, workflow);
        remedies(check, index, workflow);
        people(check, index, workflow);
    }
}

fn actions(check: &mut Check<'_, '_, WorkflowsFile>, index: usize, workflow: &Workflow) {
    check.some(at!["workflow", index, "systems"], &workflow.systems, "name a target of systems.toml");
    check.refer(Noun::Target, at!["workflow", index, "systems"], workflow.systems.iter().map(|name| name.as_str()));
    check.some(at!["workflow", index, "actions"], &workflow.actions, "name an action of the schema");
    check.refer(Noun::Action, at!["workflow", index, "actions"], workflow.actions.iter().map(ActionName::as_str));
    check.level(at!["workflow", index, "assurance", "level"], workflow.assurance.level, 3);
    for (wide, narrower) in &workflow.narrow {
        let path = at!["workflow", index, "narrow", wide.as_str()];
        let help = "both must be among its `actions`, so that the narrower request stays in the workflow";
        if !workflow.actions.contains(wide) {
            let message = format!("`{wide}` is not an action of the workflow `{}`", workflow.name);
            check.say_key(Code::Reference, path, message, help);
        }
        check.some(path, narrower, "name at least one action that asks for less, or leave the key out");
        for (at, action) in narrower.iter().enumerate() {
            let path = at!["workflow", index, "narrow", wide.as_str(), at];
            if action == wide {
                check.say(Code::Value, path, format!("`{action}` does not ask for less than itself"), "take it out");
            } else if !workflow.actions.contains(action) {
                let message = format!("`{action}` is not an action of the workflow `{}`", workflow.name);
                check.say(Code::Reference, path, message, help);
            }
        }
    }
    if let Some(percent) = workflow.friction.denied_percent_max {
        check.percent(at!["workflow", index, "friction", "denied_percent_max"], percent);
    }
}

fn remedies(check: &mut Check<'_, '_, WorkflowsFile>, index: usize, workflow: &Workflow) {
    let path = at!["workflow", index, "remedies"];
    if workflow.remedies.len() > REMEDIES_MAX {
        let message = format!("{} remedies are more than {REMEDIES_MAX}", workflow.remedies.len());
        check.say(Code::Value, path, message, "keep those that help most: each costs one more decision");
    }
    for (at, remedy) in workflow.remedies.iter().enumerate() {
        let path = at!["workflow", index, "remedies", at];
        if workflow.remedies.iter().take(at).any(|before| before == remedy) {
            check.say(Code::Duplicate, path, format!("`{}` is listed twice", remedy.as_str()), "keep it once");
        }
        let lacks = match remedy {
            RemedyKind::Narrow if workflow.narrow.is_empty() => Some("narrow = { read_chart = [\"read_summary\"] }"),
            RemedyKind::Elevation if workflow.elevation.is_none() => Some("elevation = \"…\""),
            _ => None,
        };
        if let Some(lacks) = lacks {
            let message = format!("`{}` can never help: the workflow does not say how", remedy.as_str());
            check.say(Code::Value, path, message, &format!("add `{lacks}`, or take the remedy out"));
        }
    }
    if let Some(entitlement) = &workflow.elevation {
        check.refers(Noun::Entitlement, at!["workflow", index, "elevation"], entitlement.as_str());
    }
}

fn people(check: &mut Check<'_, '_, WorkflowsFile>, index: usize, workflow: &Workflow) {
    let owners = &workflow.owners;
    let roles = [
        ("identity", &owners.identity),
        ("clinical_it", &owners.clinical_it),
        ("operations", &owners.operations),
        ("availability", &owners.availability),
    ];
    for (role, owner) in roles {
        check.refers(Noun::Owner, at!["workflow", index, "owners", role], owner.as_str());
    }
    for (key, owner) in [("incident_owner", &workflow.incident_owner), ("monitored_by", &workflow.monitored_by)] {
        check.refers(Noun::Owner, at!["workflow", index, key], owner.as_str());
    }
    let lists = [("exceptions_granted_by", &workflow.exceptions_granted_by), ("bypass_told", &workflow.bypass_told)];
    for (key, list) in lists {
        check.some(at!["workflow", index, key], list, "name a team or person of owners.toml");
        check.refer(Noun::Owner, at!["workflow", index, key], list.iter().map(OwnerId::as_str));
    }
}
