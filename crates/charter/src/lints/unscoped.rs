//! A policy whose head leaves open what it is about.

use super::{Rule, Rules};
use crate::diagnostic::{Code, Findings};
use std::collections::BTreeSet;

pub(super) fn check(rules: &Rules<'_>, findings: &mut Findings) {
    for rule in &rules.list {
        let any = |of: &str| rule.head(of).is_any;
        if !rule.permits() {
            if any("principal") && any("action") && any("resource") && rule.conditions().next().is_none() {
                let message = "this forbids everything to everybody, always";
                let help = "say in its head what it is about, or under what conditions it holds";
                findings.warn(rule.read.problem(Code::Unscoped, message), help);
            }
            continue;
        }
        let open: Vec<&str> =
            ["action", "principal", "resource"].into_iter().filter(|of| any(of) && is_open(rule, of)).collect();
        if open.is_empty() {
            continue;
        }
        let message = format!("the head of this permit leaves open the {}", open.join(" and the "));
        let help = "say it in the head, such as `principal is Person in Role::\"nurse\", action == Action::\"read_chart\", resource is Patient`: what is added to the schema tomorrow is permitted with the rest";
        findings.warn(rule.read.problem(Code::Unscoped, message), help);
    }
}

/// Whether more than one type could be meant. An action is always one of many.
fn is_open(rule: &Rule<'_>, of: &str) -> bool {
    let kinds: BTreeSet<&str> = rule
        .reach
        .iter()
        .filter_map(|env| match of {
            "principal" => Some(env.principal.as_str()),
            "resource" => Some(env.resource.as_str()),
            _ => None,
        })
        .collect();
    of == "action" || kinds.len() > 1
}
