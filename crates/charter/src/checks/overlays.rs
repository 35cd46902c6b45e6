//! `sites/<site>/*`: whether overlays keep within the bounds of `hospital.toml`.

use super::Check;
use crate::assurance::Assurance;
use crate::diagnostic::{Code, Findings};
use crate::document::{Step, at};
use crate::entities::Risk;
use crate::hospital::{Bounds, Hospital};
use crate::name::SiteId;
use crate::names::{Names, Noun};
use crate::overlay::{LocalWorkflow, Overlay};
use crate::parts::Parts;
use crate::signing_in::Reconnect;
use crate::workflow::{FallbackMode, RequiredAssurance, Workflow};
use cedar_policy::Effect;
use events::UnitId;
use events::decision::EndMode;
use std::fmt::Display;

/// What overlays are measured by.
struct Measure<'a> {
    hospital: &'a Hospital,
    bounds: &'a Bounds,
    assurance: Option<&'a Assurance>,
    workflows: &'a [Workflow],
    site: &'a SiteId,
}

pub(super) fn all(parts: &Parts<'_>, names: &Names<'_>, findings: &mut Findings) {
    let Some(hospital) = parts.hospital.as_ref().map(|doc| &doc.value) else { return };
    for (site, doc) in &parts.overlays {
        let measure = Measure {
            hospital,
            bounds: &hospital.bounds,
            assurance: parts.assurance.as_ref().map(|doc| &doc.value),
            workflows: parts.workflows.as_ref().map(|doc| doc.value.workflow.as_slice()).unwrap_or_default(),
            site,
        };
        overlay(&mut Check { doc, names, findings }, &measure);
    }
    for read in parts.policies.iter().filter(|read| read.site.is_some()) {
        let (message, help) = if read.cedar.effect() == Effect::Permit {
            (
                "a site may only forbid: this policy permits".to_owned(),
                "move it to `policies/`, where it holds everywhere, or write what the site forbids",
            )
        } else if !hospital.bounds.policies {
            (
                "the hospital lets no site have policies".to_owned(),
                "`policies = true` in `[bounds]` of hospital.toml lets them",
            )
        } else if !read.site.as_ref().is_some_and(|site| hospital.sites.contains_key(site)) {
            let message = format!("there is no site `{}`", read.site.as_ref().map_or("", |site| site.as_str()));
            (message, "name the directory as in `[sites]` of hospital.toml")
        } else {
            continue;
        };
        findings.push(read.problem(Code::Bounds, message).with_help(help));
    }
}

fn overlay(check: &mut Check<'_, '_, Overlay>, by: &Measure<'_>) {
    let overlay = &check.doc.value;
    check.words(at!["title"], &overlay.title);
    check.refers(Noun::Owner, at!["owner"], overlay.owner.as_str());
    check.refers(Noun::Site, at!["title"], by.site.as_str());
    units(check, at!["units"], &overlay.units, by);
    let (grace, bounds) = (&overlay.grace, by.bounds);
    let lengths = [
        ("grace", "transfer_s", grace.transfer_s, by.hospital.grace.transfer_s, bounds.grace_transfer_s_max),
        ("grace", "discharge_s", grace.discharge_s, by.hospital.grace.discharge_s, bounds.grace_discharge_s_max),
        (
            "grace",
            "late_charting_s",
            grace.late_charting_s,
            by.hospital.grace.late_charting_s,
            bounds.late_charting_s_max,
        ),
        ("staleness", "adt_s", overlay.staleness.adt_s, by.hospital.staleness.adt_s, bounds.adt_stale_s_max),
        ("staleness", "rota_s", overlay.staleness.rota_s, by.hospital.staleness.rota_s, bounds.rota_stale_s_max),
    ];
    for (table, key, local, own, bound) in lengths {
        at_most(check, at![table, key], local, bound.unwrap_or(own));
    }
    for (risk, raised) in &overlay.required {
        let path = at!["required", risk.as_str()];
        match by.assurance.and_then(|assurance| assurance.required.as_ref()) {
            Some(required) => is_raised(check, path, raised, required.of(*risk)),
            None => check.say_key(
                Code::Bounds,
                path,
                "the hospital requires nothing by risk, so there is nothing to raise",
                "add `[required]` to assurance.toml first",
            ),
        }
    }
    rising(check, by);
    sessions(check, by);
    for (name, local) in &overlay.workflow {
        let Some(own) = by.workflows.iter().find(|workflow| workflow.name == *name) else {
            if let Some((message, help)) = check.names.unknown(Noun::Workflow, name.as_str()) {
                check.say_key(Code::Reference, at!["workflow", name.as_str()], message, &help);
            }
            continue;
        };
        workflow(check, at!["workflow", name.as_str()], local, own, by.bounds);
    }
}

/// What a sign-in must be never falls as the risk rises, here either.
fn rising(check: &mut Check<'_, '_, Overlay>, by: &Measure<'_>) {
    let Some(own) = by.assurance.and_then(|assurance| assurance.required) else { return };
    let raised = &check.doc.value.required;
    let here = Risk::ALL.map(|risk| (risk, raised.get(&risk).copied().unwrap_or_else(|| own.of(risk))));
    for ((lower, least), (risk, required)) in here.into_iter().zip(here.into_iter().skip(1)) {
        // Where the hospital's own falls, assurance.toml says so; what is lower than the hospital's own has been said.
        let was_raised = |risk| raised.get(&risk).is_some_and(|required| required.is_at_least(own.of(risk)));
        if required.is_at_least(least) || !was_raised(lower) {
            continue;
        }
        let message = format!("`{}` would require less here than `{}`", risk.as_str(), lower.as_str());
        let help = format!("raise `{}` with it", risk.as_str());
        check.say_key(Code::Bounds, at!["required", lower.as_str()], message, &help);
    }
}

/// Units of the site only.
fn units(check: &mut Check<'_, '_, Overlay>, path: &[Step<'_>], units: &[UnitId], by: &Measure<'_>) {
    check.refer(Noun::Unit, path, units.iter().map(UnitId::as_str));
    for (index, id) in units.iter().enumerate() {
        if by.hospital.units.get(id).is_some_and(|unit| unit.site != *by.site) {
            let path = [path, &[Step::Index(index)]].concat();
            let message = format!("the unit `{id}` is not at the site `{}`", by.site);
            check.say(Code::Bounds, &path, message, "an overlay reaches the units of its own site only");
        }
    }
}

fn sessions(check: &mut Check<'_, '_, Overlay>, by: &Measure<'_>) {
    let overlay = &check.doc.value;
    for (index, limit) in overlay.session.iter().enumerate() {
        check.level(at!["session", index, "level"], limit.level, 3);
        units(check, at!["session", index, "units"], &limit.units, by);
        let Some(assurance) = by.assurance else { continue };
        let everywhere: Vec<&UnitId> =
            by.hospital.units.iter().filter(|(_, unit)| unit.site == *by.site).map(|(id, _)| id).collect();
        let named = if limit.units.is_empty() { &overlay.units } else { &limit.units };
        let here = if named.is_empty() { everywhere } else { named.iter().collect() };
        let own = here.iter().filter_map(|unit| assurance.session_limit(limit.level, Some(unit)));
        let (mut idle, mut overall) = (None, None);
        for own in own {
            idle = Some(idle.map_or(own.idle_min, |least| own.idle_min.min(least)));
            overall = Some(overall.map_or(own.overall_min, |least| own.overall_min.min(least)));
        }
        for (key, local, own) in [("idle_min", limit.idle_min, idle), ("overall_min", limit.overall_min, overall)] {
            if let Some(own) = own {
                at_most(check, at!["session", index, key], Some(local), own);
            }
        }
        super::signing_in::warning(check, index, limit);
        let own = || here.iter().filter_map(|unit| assurance.session_rules(limit.level, Some(unit)));
        if limit.reconnect == Some(Reconnect::Touch) && own().any(|rules| rules.reconnect == Reconnect::Verify) {
            let message = "a site may not let a touch be enough to come back where the hospital wants PIN or finger";
            check.say(Code::Bounds, at!["session", index, "reconnect"], message, "write `verify`, or leave it out");
        }
        if limit.badge_away_locks == Some(false) && own().any(|rules| rules.badge_away_locks) {
            let message = "a site may not leave screens open where the hospital locks them";
            let help = "write `true`, or leave it out";
            check.say(Code::Bounds, at!["session", index, "badge_away_locks"], message, help);
        }
    }
}

fn workflow(
    check: &mut Check<'_, '_, Overlay>,
    path: &[Step<'_>],
    local: &LocalWorkflow,
    own: &Workflow,
    bounds: &Bounds,
) {
    let below = |steps: &[Step<'static>]| [path, steps].concat();
    if let Some(raised) = &local.assurance {
        check.level(&below(at!["assurance", "level"]), raised.level, 3);
        is_raised(check, &below(at!["assurance"]), raised, own.assurance);
    }
    if let Some(end) = local.end.filter(|end| *end != own.end && *end != EndMode::Now && !bounds.ends.contains(end)) {
        let message = format!("a site may not end access here with `{}`", name(end));
        let help =
            format!("write `now`, `{}`, or a mode that `ends` in `[bounds]` of hospital.toml allows", name(own.end));
        check.say(Code::Bounds, &below(at!["end"]), message, &help);
    }
    for (index, remedy) in local.remedies.iter().flatten().enumerate() {
        let mut path = below(at!["remedies"]);
        path.push(Step::Index(index));
        if !own.remedies.contains(remedy) && !bounds.remedies.contains(remedy) {
            let message = format!("the hospital does not offer `{}` in this workflow", remedy.as_str());
            let help = "take it out, or let sites offer it: `remedies` in `[bounds]` of hospital.toml";
            check.say(Code::Bounds, &path, message, help);
        }
    }
    at_most(
        check,
        &below(at!["downtime_tolerance_min"]),
        local.downtime_tolerance_min,
        bounds.downtime_tolerance_min_max.unwrap_or(own.downtime_tolerance_min),
    );
    let (here, house) = (&local.fallback, &own.fallback);
    let causes = [
        ("authenticator", here.authenticator, house.authenticator),
        ("device_trust", here.device_trust, house.device_trust),
        ("feed", here.feed, house.feed),
        ("store", here.store, house.store),
        ("reader", here.reader, house.reader.unwrap_or(house.authenticator)),
        ("federation", here.federation, house.federation.unwrap_or(house.authenticator)),
        ("network", here.network, house.network.unwrap_or(house.store)),
    ];
    for (cause, mode, own) in causes {
        let Some(mode) = mode.filter(|mode| *mode != FallbackMode::Block && *mode != own) else { continue };
        if !bounds.fallbacks.contains(&mode) {
            let message = format!("a site may not fall back on `{}` here", mode.as_str());
            let help = format!(
                "write `block`, `{}`, or a mode that `fallbacks` in `[bounds]` of hospital.toml allows",
                own.as_str()
            );
            check.say(Code::Bounds, &below(at!["fallback", cause]), message, &help);
        }
    }
    let (lower, limits) = (&local.friction, &own.friction);
    lowered(check, &below(at!["friction", "denied_percent_max"]), lower.denied_percent_max, limits.denied_percent_max);
    lowered(
        check,
        &below(at!["friction", "prompts_per_shift_max"]),
        lower.prompts_per_shift_max,
        limits.prompts_per_shift_max,
    );
    lowered(check, &below(at!["friction", "access_p95_s_max"]), lower.access_p95_s_max, limits.access_p95_s_max);
    lowered(
        check,
        &below(at!["friction", "approval_p95_min_max"]),
        lower.approval_p95_min_max,
        limits.approval_p95_min_max,
    );
    let weekly = (lower.workarounds_per_week_max, limits.workarounds_per_week_max);
    lowered(check, &below(at!["friction", "workarounds_per_week_max"]), weekly.0, weekly.1);
}

const fn name(end: EndMode) -> &'static str {
    match end {
        EndMode::Now => "now",
        EndMode::FinishAction => "finish_action",
        EndMode::ReadOnly => "read_only",
    }
}

/// A limit that the hospital has can only be lowered.
fn lowered<T: PartialOrd + Display + Copy>(
    check: &mut Check<'_, '_, Overlay>,
    path: &[Step<'_>],
    local: Option<T>,
    own: Option<T>,
) {
    if let Some(own) = own {
        at_most(check, path, local, own);
    }
}

fn at_most<T: PartialOrd + Display + Copy>(
    check: &mut Check<'_, '_, Overlay>,
    path: &[Step<'_>],
    local: Option<T>,
    most: T,
) {
    if let Some(local) = local.filter(|local| *local > most) {
        let message = format!("{local} is more than the hospital lets a site have");
        let help =
            format!("write at most {most}; the bound is the hospital's own value, or in `[bounds]` of hospital.toml");
        check.say(Code::Bounds, path, message, &help);
    }
}

fn is_raised(
    check: &mut Check<'_, '_, Overlay>,
    path: &[Step<'_>],
    raised: &RequiredAssurance,
    own: RequiredAssurance,
) {
    if !raised.is_at_least(own) {
        let allowed = own.max_age_min.map(|age| format!(", at most {age} old")).unwrap_or_default();
        let message = "a site can only raise what a sign-in must be";
        let help = format!("ask for level {} or higher{allowed}", own.level);
        check.say(Code::Bounds, path, message, &help);
    }
}
