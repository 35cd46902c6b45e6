//! `assurance.toml`, `elevation.toml` and `emergency.toml`: what makes somebody sure, what can be had for a while, what is open to all.

use super::Check;
use crate::assurance::{Assurance, SessionLimit};
use crate::diagnostic::Code;
use crate::document::at;
use crate::elevation::Elevation;
use crate::emergency::Emergency;
use crate::entities::Risk;
use crate::names::Noun;
use events::{Label, OwnerId, RoleName, UnitId};

/// SP 800-63B-4: level, idle minutes, overall minutes.
const SESSION_BOUNDS: [(u8, u32, u32); 2] = [(2, 60, 24 * 60), (3, 15, 12 * 60)];

pub(super) fn assurance(check: &mut Check<'_, '_, Assurance>) {
    let assurance = &check.doc.value;
    for (name, method) in &assurance.methods {
        let name = name.as_str();
        check.words(at!["methods", name, "title"], &method.title);
        check.level(at!["methods", name, "level"], method.level, 3);
        if method.level == 3 && !method.phishing_resistant {
            let help = "SP 800-63B-4 asks for it at level 3: lower the level";
            let message = "a method that does not withstand phishing cannot give level 3";
            check.say(Code::Value, at!["methods", name, "phishing_resistant"], message, help);
        }
    }
    for (index, limit) in assurance.session.iter().enumerate() {
        session(check, index, limit);
    }
    for (level, ..) in SESSION_BOUNDS {
        if !assurance.session.iter().any(|limit| limit.level == level && limit.units.is_empty()) {
            let message = format!("nothing says how long a session of level {level} lasts everywhere");
            let help = format!("add a `[[session]]` with `level = {level}` and without `units`, after those with");
            check.say(Code::Coverage, at!["session"], message, &help);
        }
    }
    required(check);
    let vouching = &assurance.vouching;
    check.some(at!["vouching", "roles"], &vouching.roles, "name a role of entities.toml");
    check.refer(Noun::Role, at!["vouching", "roles"], vouching.roles.iter().map(RoleName::as_str));
    check.level(at!["vouching", "level"], vouching.level, 3);
    for (name, path) in &assurance.recovery {
        let name = name.as_str();
        check.words(at!["recovery", name, "title"], &path.title);
        check.refers(Noun::Owner, at!["recovery", name, "owner"], path.owner.as_str());
        check.level(at!["recovery", name, "level"], path.level, 2);
    }
}

/// What a sign-in must be never falls as the risk rises.
fn required(check: &mut Check<'_, '_, Assurance>) {
    let Some(required) = check.doc.value.required else { return };
    let mut before: Option<Risk> = None;
    for risk in Risk::ALL {
        check.level(at!["required", risk.as_str(), "level"], required.of(risk).level, 3);
        if let Some(lower) = before
            && !required.of(risk).is_at_least(required.of(lower))
        {
            let message = format!("`{}` requires less than `{}`", risk.as_str(), lower.as_str());
            let help = "ask for the same level or a higher one, and a sign-in as fresh or fresher, as the risk rises";
            check.say(Code::Value, at!["required", risk.as_str()], message, help);
        }
        before = Some(risk);
    }
}

fn session(check: &mut Check<'_, '_, Assurance>, index: usize, limit: &SessionLimit) {
    check.level(at!["session", index, "level"], limit.level, 3);
    check.refer(Noun::Unit, at!["session", index, "units"], limit.units.iter().map(UnitId::as_str));
    let Some((level, idle, overall)) = SESSION_BOUNDS.into_iter().find(|(level, ..)| *level == limit.level) else {
        return;
    };
    let bounds = [("idle_min", limit.idle_min, idle), ("overall_min", limit.overall_min, overall)];
    for (key, length, most) in bounds {
        if length.get() > most {
            let message = format!("{} minutes are too long at level {level}", length.get());
            check.say(Code::Value, at!["session", index, key], message, &format!("SP 800-63B-4 allows at most {most}"));
        }
    }
    let shadowed = check.doc.value.session.iter().take(index).any(|b| b.level == limit.level && b.units.is_empty());
    if shadowed {
        let message = "this limit never counts: one before it holds for the level everywhere";
        check.say(Code::Value, at!["session", index], message, "put limits with `units` before those without");
    }
}

pub(super) fn elevation(check: &mut Check<'_, '_, Elevation>) {
    for (name, entitlement) in &check.doc.value.entitlements {
        let id = name.as_str();
        check.words(at!["entitlements", id, "title"], &entitlement.title);
        check.some(at!["entitlements", id, "may_ask"], &entitlement.may_ask, "name a role of entities.toml");
        check.refer(Noun::Role, at!["entitlements", id, "may_ask"], entitlement.may_ask.iter().map(RoleName::as_str));
        let help = "name who must agree, such as `[{ by = \"privacy\", count = 1 }]`: nobody approves themselves";
        check.some(at!["entitlements", id, "approvals"], &entitlement.approvals, help);
        for (index, approval) in entitlement.approvals.iter().enumerate() {
            check.refers(Noun::Owner, at!["entitlements", id, "approvals", index, "by"], approval.by.as_str());
            let one = check.names.all(Noun::Person).is_some_and(|people| people.contains(approval.by.as_str()));
            if approval.count == 0 || one && approval.count > 1 {
                let message = format!("{} people cannot agree here", approval.count);
                let help = if one { "one person is one: write 1" } else { "write at least 1" };
                check.say(Code::Value, at!["entitlements", id, "approvals", index, "count"], message, help);
            }
        }
        let separate = at!["entitlements", id, "separate_from"];
        check.refer(Noun::Entitlement, separate, entitlement.separate_from.iter().map(Label::as_str));
        if entitlement.separate_from.contains(name) {
            check.say(Code::Value, separate, "an entitlement cannot be separate from itself", "take it out");
        }
    }
}

pub(super) fn emergency(check: &mut Check<'_, '_, Emergency>) {
    let emergency = &check.doc.value;
    check.some(at!["may_break_glass"], &emergency.may_break_glass, "name a role of entities.toml");
    check.refer(Noun::Role, at!["may_break_glass"], emergency.may_break_glass.iter().map(RoleName::as_str));
    check.some(at!["alerts"], &emergency.alerts, "name who is told at once");
    check.refer(Noun::Owner, at!["alerts"], emergency.alerts.iter().map(OwnerId::as_str));
    check.refers(Noun::Owner, at!["review", "by"], emergency.review.by.as_str());
    let percent = emergency.routinisation.same_reason_percent_max;
    check.percent(at!["routinisation", "same_reason_percent_max"], percent);
    if emergency.reasons.is_empty() {
        let help = "add a table such as `[reasons.unconscious]`";
        check.say(Code::Value, at!["reasons"], "there is no reason to choose from", help);
    }
    for (id, reason) in &emergency.reasons {
        check.words(at!["reasons", id.as_str(), "title"], &reason.title);
    }
}
