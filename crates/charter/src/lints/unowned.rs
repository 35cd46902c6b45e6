//! Systems for which nobody answers: those no workflow runs through, and those that only the entities know.

use crate::diagnostic::{Code, Findings};
use crate::document::at;
use crate::parts::Parts;
use std::collections::BTreeSet;

pub(super) fn check(parts: &Parts<'_>, findings: &mut Findings) {
    let (Some(systems), Some(workflows)) = (&parts.systems, &parts.workflows) else { return };
    let targets = &systems.value.targets;
    let served: BTreeSet<&str> =
        workflows.value.workflow.iter().flat_map(|workflow| &workflow.systems).map(|name| name.as_str()).collect();
    for name in targets.keys().filter(|name| !served.contains(name.as_str())) {
        let message = format!("no workflow runs through the system `{name}`: nobody answers for access to it");
        let problem = systems.key_problem(Code::UnownedSystem, at!["targets", name.as_str()], message);
        let help = "add it to the `systems` of a workflow, or take it out";
        findings.warn(problem, help);
    }
    let Some(entities) = &parts.entities else { return };
    let all = &entities.value.entity;
    // A type is one of systems where the hospital has named at least one of its entities as a target.
    let kinds: BTreeSet<&str> = all
        .iter()
        .filter(|entity| targets.contains_key(entity.id.as_str()))
        .map(|entity| entity.kind.as_str())
        .collect();
    for (index, entity) in all.iter().enumerate() {
        if kinds.contains(entity.kind.as_str()) && !targets.contains_key(entity.id.as_str()) {
            let message = format!("nobody runs `{}`: systems.toml has no such target", entity.id);
            let problem = entities.problem(Code::UnownedSystem, at!["entity", index, "id"], message);
            let help = format!("add `[targets.{}]` with a title and an owner to systems.toml", entity.id);
            findings.warn(problem, &help);
        }
    }
}
