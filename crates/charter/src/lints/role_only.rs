//! A permit over patients' records that asks for nothing but who somebody is: one stolen account, and every record is open.

use super::ties::{Env, Look};
use super::{Demand, Rule, Rules};
use crate::diagnostic::{Code, Diagnostic, Findings};
use crate::parts::Parts;
use crate::policy::EVERY_PATIENT;
use crate::vocabulary::ROLE;
use serde_json::Value;
use std::collections::BTreeSet;

/// The most actions named in a warning.
const NAMED_MAX: usize = 3;

pub(super) fn check(parts: &Parts<'_>, rules: &Rules<'_>, findings: &mut Findings) {
    let patients = parts.systems.as_ref().map(|doc| doc.value.patient_types.as_slice()).unwrap_or_default();
    let is_patient = |kind: &str| patients.iter().any(|patient| patient.as_str() == kind);
    let forbids: Vec<&Rule<'_>> =
        rules.list.iter().filter(|rule| !rule.permits() && rule.read.site.is_none()).collect();
    for rule in &rules.list {
        let open: BTreeSet<&str> = rule
            .reach
            .iter()
            .filter(|env| rule.permits() && is_patient(&env.resource) && !names_one_patient(rule, &is_patient))
            .filter(|env| {
                let look = Look { env, actions: &rules.actions, is_patient: &is_patient };
                !needs_a_tie(rule, &look)
                    && !forbids.iter().any(|forbid| forbid_needs_a_tie(parts, forbid, rule, &look))
            })
            .map(|env| env.action.as_str())
            .collect();
        match (open.is_empty(), rule.read.cedar.annotation(EVERY_PATIENT)) {
            (false, None) => findings.push(said(rule, &open)),
            (true, Some(_)) => {
                let message = format!(
                    "`@{EVERY_PATIENT}` excuses nothing: this policy does not open every patient's record by role alone"
                );
                let problem =
                    Diagnostic::at(Code::RoleOnly, &rule.read.source, rule.read.annotation(EVERY_PATIENT), message);
                findings.push(
                    problem
                        .with_help("take it out: should the policy ever lose its condition, this warning must be able to say so")
                        .into_warning(),
                );
            }
            _ => {}
        }
    }
}

fn said(rule: &Rule<'_>, open: &BTreeSet<&str>) -> Diagnostic {
    let who = match rule.head("principal") {
        Demand { is_one: true, entity: Some((kind, id)), .. } => format!("{kind}::\"{id}\""),
        Demand { entity: Some((kind, id)), .. } if kind == ROLE => format!("whoever has the role `{id}`"),
        Demand { kind: Some(kind), .. } => format!("every {kind}"),
        _ => "everybody".to_owned(),
    };
    let mut actions: Vec<String> = open.iter().take(NAMED_MAX).map(|action| format!("`{action}`")).collect();
    if open.len() > NAMED_MAX {
        actions.push(format!("{} more", open.len() - NAMED_MAX));
    }
    let message = format!(
        "this opens every patient's record to {who} ({}): it does not ask what they have to do with the patient",
        actions.join(", ")
    );
    let help = format!(
        "add a condition on `context.care`, `context.shift`, `context.live` or `context.emergency` (sign-in, device and labels are none); \
         if it must be every patient, say why: @{EVERY_PATIENT}(\"…\")"
    );
    rule.read.problem(Code::RoleOnly, message).with_help(help).into_warning()
}

/// Whether the permit itself cannot permit without a tie.
fn needs_a_tie(rule: &Rule<'_>, look: &Look<'_>) -> bool {
    rule.conditions().any(|(when, body)| look.shows(body, when))
}

/// Whether the head names one patient.
fn names_one_patient(rule: &Rule<'_>, is_patient: &dyn Fn(&str) -> bool) -> bool {
    rule.head("resource").entity.is_some_and(|(kind, _)| is_patient(&kind))
}

/// Whether everything the permit permits in this case passes a `forbid` that lets nobody by without a tie.
fn forbid_needs_a_tie(parts: &Parts<'_>, forbid: &Rule<'_>, permit: &Rule<'_>, look: &Look<'_>) -> bool {
    forbid.reach.contains(look.env)
        && principal_covers(parts, &forbid.head("principal"), &permit.head("principal"), look.env)
        && forbid.head("resource").entity.is_none()
        && is_about(&forbid.head("action"), look)
        && forbid.conditions().all(|(when, body)| look.shows(body, !when))
}

/// Whether a head's demand on principals holds for all whom another demands.
fn principal_covers(parts: &Parts<'_>, wide: &Demand<'_>, narrow: &Demand<'_>, env: &Env) -> bool {
    if wide.kind.as_ref().is_some_and(|kind| *kind != env.principal) {
        return false;
    }
    match (&wide.entity, &narrow.entity) {
        (None, _) => true,
        (Some(wide), Some(narrow)) if wide == narrow => true,
        (Some((kind, above)), Some((own, role))) => kind == ROLE && own == ROLE && is_in(parts, role, above),
        _ => false,
    }
}

/// Whether a role is in another, through any number of others.
fn is_in(parts: &Parts<'_>, role: &str, above: &str) -> bool {
    let known = parts.entities.as_ref().and_then(|doc| doc.value.roles.get(role));
    known.is_some_and(|known| {
        known.parents.iter().any(|parent| parent.as_str() == above || is_in(parts, parent.as_str(), above))
    })
}

fn is_about(demand: &Demand<'_>, look: &Look<'_>) -> bool {
    let groups = look.actions.get(&look.env.action);
    let list = demand.scope.get("entities").and_then(Value::as_array).into_iter().flatten();
    let listed = list.filter_map(|one| one.get("id").and_then(Value::as_str));
    let mut named = listed.chain(demand.entity.as_ref().map(|(_, id)| id.as_str()));
    demand.is_any || named.any(|id| groups.is_some_and(|groups| groups.contains(id)))
}
