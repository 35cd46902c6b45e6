//! What nobody can ever get to: workflows and actions that no policy permits, workflows that never count.

use super::Rules;
use crate::diagnostic::{Code, Findings};
use crate::document::at;
use crate::parts::Parts;
use std::collections::BTreeSet;

pub(super) fn check(parts: &Parts<'_>, rules: &Rules<'_>, findings: &mut Findings) {
    let Some(doc) = &parts.workflows else { return };
    let permits = rules.list.iter().filter(|rule| rule.permits());
    let permitted: BTreeSet<&str> = permits.flat_map(|rule| &rule.reach).map(|env| env.action.as_str()).collect();
    let asks = parts.scenarios.iter().flat_map(|doc| &doc.value.ask);
    let asked: BTreeSet<&str> = asks.filter_map(|ask| ask.workflow.as_ref()).map(|name| name.as_str()).collect();
    let mut placed: BTreeSet<&str> = BTreeSet::new();
    let mut told: BTreeSet<&str> = BTreeSet::new();
    for (index, workflow) in doc.value.workflow.iter().enumerate() {
        let actions: BTreeSet<&str> = workflow.actions.iter().map(|action| action.as_str()).collect();
        let mut say = |message: &str, help: &str| {
            let problem = doc.problem(Code::Unreachable, at!["workflow", index, "name"], message);
            findings.warn(problem, help);
        };
        if actions.is_disjoint(&permitted) {
            let help = "write a permit for one of its actions, or take the workflow out";
            say("no policy permits any action of this workflow: everybody is denied, always", help);
            told.extend(&actions);
        } else if actions.is_subset(&placed) && !asked.contains(workflow.name.as_str()) {
            say(
                "every action of this workflow is in an earlier one, too: it counts only where a caller names it, and no scenario does",
                "give it an action of its own, put it earlier in the file, or write a question with its name as `workflow`",
            );
        }
        placed.extend(actions);
    }
    let Some(entities) = &parts.entities else { return };
    for action in rules.vocabulary.actions.keys().filter(|action| !permitted.contains(action.as_str())) {
        if told.contains(action.as_str()) {
            continue;
        }
        let message = format!("no policy permits `{action}` to anybody");
        let problem = entities.key_problem(Code::Unreachable, at!["actions", action.as_str()], message);
        let help = "write a permit for it, or take the action out of the schema";
        findings.warn(problem, help);
    }
}
