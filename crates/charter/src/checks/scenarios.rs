//! `scenarios/*.toml`: whether the little worlds hang together. What comes of the questions is for `decision` to find out.

use super::Check;
use crate::diagnostic::Code;
use crate::document::{Step, at};
use crate::names::Noun;
use crate::nearest::nearest;
use crate::scenario::{Ask, Scenario, UNKNOWN};
use events::{Label, OwnerId, PolicyId, PrincipalId, RoleName};
use std::collections::BTreeSet;

/// The ids of one sort in a scenario.
struct Ids<'s> {
    noun: &'static str,
    table: &'static str,
    known: BTreeSet<&'s str>,
}

pub(super) fn check(check: &mut Check<'_, '_, Scenario>) {
    let scenario = &check.doc.value;
    check.words(at!["title"], &scenario.title);
    check.some(at!["ask"], &scenario.ask, "add an `[[ask]]` table: without a question it shows nothing");
    let people = ids(check, "person", "person", scenario.person.iter().map(|person| person.id.as_str()));
    let devices = ids(check, "device", "device", scenario.device.iter().map(|device| device.id.as_str()));
    let patients = ids(check, "patient", "patient", scenario.patient.iter().map(|patient| patient.id.as_str()));
    let stays = ids(check, "encounter", "encounter", scenario.encounter.iter().map(|stay| stay.id.as_str()));
    for (index, person) in scenario.person.iter().enumerate() {
        if let Some(kind) = &person.kind {
            check.refers(Noun::Type, at!["person", index, "type"], kind.as_str());
        }
        check.refer(Noun::Role, at!["person", index, "roles"], person.roles.iter().map(RoleName::as_str));
        if let Some(unit) = &person.home_unit {
            check.refers(Noun::Unit, at!["person", index, "home_unit"], unit.as_str());
        }
    }
    for (index, shift) in scenario.shift.iter().enumerate() {
        one_of(check, &people, at!["shift", index, "person"], shift.person.as_str());
        check.refers(Noun::Unit, at!["shift", index, "unit"], shift.unit.as_str());
        if shift.from >= shift.until {
            let message = "this shift ends before it begins";
            check.say(Code::Value, at!["shift", index, "until"], message, "make `until` later than `from`");
        }
    }
    for (index, device) in scenario.device.iter().enumerate() {
        if let Some(unit) = &device.unit {
            check.refers(Noun::Unit, at!["device", index, "unit"], unit.as_str());
        }
    }
    encounters(check, &patients, &people, &stays);
    services(check, &patients, &people);
    for (index, team) in scenario.team.iter().enumerate() {
        one_of(check, &patients, at!["team", index, "patient"], &team.patient);
        one_of(check, &people, at!["team", index, "person"], team.person.as_str());
    }
    for (index, merge) in scenario.merge.iter().enumerate() {
        one_of(check, &patients, at!["merge", index, "survivor"], &merge.survivor);
        one_of(check, &patients, at!["merge", index, "merged"], &merge.merged);
        if merge.survivor == merge.merged {
            let path = at!["merge", index, "merged"];
            check.say(Code::Value, path, "a record cannot be merged with itself", "name two patients");
        }
    }
    for (index, emergency) in scenario.emergency.iter().enumerate() {
        check.refers(Noun::Unit, at!["emergency", index, "unit"], emergency.unit.as_str());
    }
    for (index, ask) in scenario.ask.iter().enumerate() {
        question(check, index, ask, [&people, &patients, &devices]);
    }
}

fn encounters(check: &mut Check<'_, '_, Scenario>, patients: &Ids<'_>, people: &Ids<'_>, stays: &Ids<'_>) {
    let scenario = &check.doc.value;
    for (index, stay) in scenario.encounter.iter().enumerate() {
        one_of(check, patients, at!["encounter", index, "patient"], &stay.patient);
        check.refers(Noun::Unit, at!["encounter", index, "unit"], stay.unit.as_str());
        let everybody = everybody(scenario, people);
        for (key, list) in [("attending", &stay.attending), ("participants", &stay.participants)] {
            for (at, person) in list.iter().enumerate() {
                one_of(check, &everybody, at!["encounter", index, key, at], person.as_str());
            }
        }
    }
    for (index, movement) in scenario.moves.iter().enumerate() {
        one_of(check, stays, at!["move", index, "encounter"], &movement.encounter);
        check.refers(Noun::Unit, at!["move", index, "unit"], movement.unit.as_str());
    }
    for (index, discharge) in scenario.discharge.iter().enumerate() {
        one_of(check, stays, at!["discharge", index, "encounter"], &discharge.encounter);
    }
    for (index, cancel) in scenario.cancel.iter().enumerate() {
        one_of(check, stays, at!["cancel", index, "encounter"], &cancel.encounter);
    }
}

/// Orders and appointments.
fn services(check: &mut Check<'_, '_, Scenario>, patients: &Ids<'_>, people: &Ids<'_>) {
    let scenario = &check.doc.value;
    let everybody = everybody(scenario, people);
    ids(check, "order", "order", scenario.order.iter().map(|order| order.id.as_str()));
    ids(check, "appointment", "appointment", scenario.appointment.iter().map(|booked| booked.id.as_str()));
    for (index, order) in scenario.order.iter().enumerate() {
        one_of(check, patients, at!["order", index, "patient"], &order.patient);
        for (key, list) in [("ordered_by", &order.ordered_by), ("performers", &order.performers)] {
            for (at, person) in list.iter().enumerate() {
                one_of(check, &everybody, at!["order", index, key, at], person.as_str());
            }
        }
        if let Some(unit) = &order.unit {
            check.refers(Noun::Unit, at!["order", index, "unit"], unit.as_str());
        }
    }
    for (index, booked) in scenario.appointment.iter().enumerate() {
        one_of(check, patients, at!["appointment", index, "patient"], &booked.patient);
        for (at, person) in booked.people.iter().enumerate() {
            one_of(check, &everybody, at!["appointment", index, "people", at], person.as_str());
        }
        if let Some(unit) = &booked.unit {
            check.refers(Noun::Unit, at!["appointment", index, "unit"], unit.as_str());
        }
        if booked.from >= booked.until {
            let message = "this appointment ends before it begins";
            check.say(Code::Value, at!["appointment", index, "until"], message, "make `until` later than `from`");
        }
    }
}

/// Somebody may be named by a code of their own, so only names that nobody has at all are wrong.
fn everybody<'s>(scenario: &'s Scenario, people: &Ids<'s>) -> Ids<'s> {
    let aliases = scenario.person.iter().flat_map(|person| &person.aliases).map(PrincipalId::as_str);
    Ids { noun: people.noun, table: people.table, known: people.known.iter().copied().chain(aliases).collect() }
}

fn question(check: &mut Check<'_, '_, Scenario>, index: usize, ask: &Ask, [people, patients, devices]: [&Ids<'_>; 3]) {
    check.words(at!["ask", index, "title"], &ask.title);
    check.refers(Noun::Action, at!["ask", index, "action"], ask.action.as_str());
    match (&ask.patient, &ask.resource) {
        (Some(_), Some(_)) => {
            let path = at!["ask", index, "resource"];
            check.say(
                Code::Value,
                path,
                "a question is about a patient or another resource, not both",
                "keep one of them",
            );
        }
        (None, None) => {
            let help = "add `patient = \"…\"` or `resource = { type = \"…\", id = \"…\" }`";
            check.say(Code::MissingKey, at!["ask", index], "this question is about nothing", help);
        }
        (None, Some(resource)) => {
            check.refers(Noun::Type, at!["ask", index, "resource", "type"], resource.kind.as_str())
        }
        (Some(_), None) => {}
    }
    let named = [
        ("who", people, Some(ask.who.as_str())),
        ("patient", patients, ask.patient.as_deref()),
        ("device", devices, ask.device.as_ref().map(|device| device.as_str())),
    ];
    for (key, ids, name) in named {
        if let Some(name) = name.filter(|name| !name.starts_with(UNKNOWN)) {
            one_of(check, ids, at!["ask", index, key], name);
        }
    }
    if let Some(workflow) = &ask.workflow {
        check.refers(Noun::Workflow, at!["ask", index, "workflow"], workflow.as_str());
    }
    if let Some(level) = ask.session_level {
        check.level(at!["ask", index, "session_level"], level, 3);
    }
    let about_session =
        [("session_presence", ask.session_presence.is_some()), ("session_bound", ask.session_bound.is_some())];
    for (key, said) in about_session {
        if said && ask.session_level.is_none() {
            let message = format!("`{key}` without `session_level` says nothing");
            check.say(Code::Value, at!["ask", index, key], message, "add `session_level`, or take it out");
        }
    }
    if let Some(method) = &ask.session_method {
        check.refers(Noun::Method, at!["ask", index, "session_method"], method);
    }
    let held = ask.live.elevations.iter().map(Label::as_str);
    check.refer(Noun::Entitlement, at!["ask", index, "live", "elevations"], held);
    if let Some(policies) = &ask.policies {
        check.refer(Noun::Policy, at!["ask", index, "policies"], policies.iter().map(PolicyId::as_str));
    }
    for (at, remedy) in ask.remedies.iter().flatten().enumerate() {
        if let Some(action) = &remedy.action {
            check.refers(Noun::Action, at!["ask", index, "remedies", at], action.as_str());
        }
    }
    if let Some(owners) = &ask.accountable {
        check.refer(Noun::Owner, at!["ask", index, "accountable"], owners.iter().map(OwnerId::as_str));
    }
}

/// The ids of a table, each of which must come once.
fn ids<'s>(
    check: &mut Check<'_, '_, Scenario>,
    noun: &'static str,
    table: &'static str,
    all: impl Iterator<Item = &'s str>,
) -> Ids<'s> {
    let mut known = BTreeSet::new();
    for (index, id) in all.enumerate() {
        if !known.insert(id) {
            let message = format!("there is already a {noun} `{id}` in this scenario");
            check.say(Code::Duplicate, at![table, index, "id"], message, "give it another id");
        }
    }
    Ids { noun, table, known }
}

fn one_of(check: &mut Check<'_, '_, Scenario>, ids: &Ids<'_>, path: &[Step<'_>], id: &str) {
    if !ids.known.contains(id) {
        let message = format!("there is no {} `{id}` in this scenario", ids.noun);
        let help = nearest(id, ids.known.iter().copied()).map_or_else(
            || format!("add it as `[[{}]]`; an `[[ask]]` may name one that nobody knows: `{UNKNOWN}-…`", ids.table),
            |near| format!("did you mean `{near}`?"),
        );
        check.say(Code::Reference, path, message, &help);
    }
}
