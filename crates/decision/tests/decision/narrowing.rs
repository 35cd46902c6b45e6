//! Candidates narrowed by circumstances against plain Cedar over all of them: over generated conditions and circumstances, leaving out
//! what is certainly false must change neither the decision nor its reasons nor what errs.

use crate::boundaries::at;
use crate::dice::Dice;
use crate::differential::outcome;
use crate::house;
use crate::plain::ask;
use crate::time::facts;
use cedar_policy::{Context, Entities, EntityUid, Policy, PolicySet, Request};
use charter::vocabulary::SessionPresence;
use decision::Engine;
use decision::circumstances::{Care, Circumstances, Device, Feeds, Live, Session, Shift};
use decision::index::{Placed, PolicyIndex};
use decision::truths::Truths;
use events::decision::Question;
use serde_json::json;
use std::fmt::Write;
use world::Facts;

/// Questions asked of an engine that sees into its policies and of one that does not.
const ASKED: u32 = 1_500;
/// Policy sets generated.
const SETS: u64 = 300;
/// Circumstances each is asked in.
const REQUESTS: u64 = 100;
/// Policies of one set.
const POLICIES: u64 = 12;

/// Facts of yes or no, and other things, some of which err where a word or an attribute is missing.
const ATOMS: [&str; 36] = [
    "context.shift.on",
    "context.care.known",
    "context.care.team",
    "context.care.attending",
    "context.care.unit",
    "context.care.self",
    "context.care.present",
    "context.device.managed",
    "context.device.shared",
    "context.live.break_glass",
    "context.live.vouched",
    "context.feeds.adt_stale",
    "context.assurance.enough",
    "context.emergency",
    "context has care",
    "context has session",
    "context has device",
    "context has nothing",
    "context has device.unit",
    "context has session.presence",
    "context.session has presence",
    "context has care.left_minutes",
    "context.care has left_minutes",
    "context.device has unit",
    "context.feeds has adt_quiet_minutes",
    "context.shift.units.contains(\"ED\")",
    "context.live.elevations.contains(\"cover\")",
    "context.live.elevations.containsAny([\"cover\", \"other\"])",
    "context.live.exceptions.contains(principal.missing)",
    "context.session.level >= 2",
    "context.care.left_minutes < 60",
    "context.purpose == \"TREAT\"",
    "context.care.nothing",
    "principal.missing",
    "principal is Person",
    "resource in Folder::\"ed\"",
];

fn condition(dice: &mut Dice, depth: u64) -> String {
    let inner = |dice: &mut Dice| condition(dice, depth - 1);
    match if depth == 0 { 9 } else { dice.roll(10) } {
        0..=2 => format!("({} && {})", inner(dice), inner(dice)),
        3 | 4 => format!("({} || {})", inner(dice), inner(dice)),
        5 => format!("!({})", inner(dice)),
        6 => format!("(if {} then {} else {})", inner(dice), inner(dice), inner(dice)),
        7 => dice.pick(&["true", "false"]).to_owned(),
        _ => dice.pick(&ATOMS).to_owned(),
    }
}

fn policies(dice: &mut Dice) -> PolicySet {
    let mut text = String::new();
    for _ in 0..POLICIES {
        let effect = dice.pick(&["permit", "permit", "forbid"]);
        write!(text, "{effect}(principal, action, resource)").unwrap();
        for _ in 0..dice.roll(4) {
            write!(text, " {} {{ {} }}", dice.pick(&["when", "when", "unless"]), condition(dice, 3)).unwrap();
        }
        text.push_str(";\n");
    }
    text.parse().unwrap()
}

fn circumstances(dice: &mut Dice) -> Circumstances {
    let yes = |dice: &mut Dice| dice.roll(3) == 0;
    let unit = || "ED".parse().unwrap();
    let label = || "cover".parse().unwrap();
    Circumstances {
        asker: None,
        labels: Default::default(),
        shift: Shift {
            on: yes(dice),
            units: yes(dice).then(unit).into_iter().collect(),
            on_call_units: yes(dice).then(unit).into_iter().collect(),
        },
        care: (dice.roll(4) > 0).then(|| Care {
            known: yes(dice),
            team: yes(dice),
            attending: yes(dice),
            unit: yes(dice),
            present: yes(dice),
            is_self: yes(dice),
            left_minutes: yes(dice).then_some(30),
            ..Care::default()
        }),
        session: yes(dice).then(|| {
            let asserted = Session::asserted(2, 3, "passkey".into());
            let presence = SessionPresence::ALL[usize::try_from(dice.roll(3)).unwrap()];
            if yes(dice) { asserted.known(presence, yes(dice)) } else { asserted }
        }),
        assurance: None,
        site: None,
        device: yes(dice).then(|| Device {
            id: "ws-1".parse().unwrap(),
            kind: "workstation",
            managed: yes(dice),
            shared: yes(dice),
            posture: "healthy",
            unit: yes(dice).then(unit),
        }),
        live: Live {
            break_glass: yes(dice),
            vouched: yes(dice),
            elevations: yes(dice).then(label).into_iter().collect(),
            exceptions: yes(dice).then(label).into_iter().collect(),
        },
        feeds: Feeds {
            adt_stale: yes(dice),
            rota_stale: yes(dice),
            adt_quiet_minutes: yes(dice).then_some(4),
            rota_quiet_minutes: None,
        },
        emergency: yes(dice),
        purpose: yes(dice).then(|| "TREAT".into()),
        request: Default::default(),
        other: Default::default(),
    }
}

#[test]
fn what_circumstances_leave_decides_as_all_candidates_do() {
    let mut dice = Dice(34);
    let uid = |text: &str| -> EntityUid { text.parse().unwrap() };
    let (principal, action, resource) = (uid("Person::\"ann\""), uid("Action::\"read\""), uid("Chart::\"c1\""));
    let placed = |uid| Placed { uid, ancestors: &[] };
    let (mut left_out, mut permits, mut erring) = (0, 0, 0);
    for _ in 0..SETS {
        let set = policies(&mut dice);
        let index = PolicyIndex::new(set.clone());
        let candidates = index.candidates(placed(&principal), placed(&action), placed(&resource)).unwrap();
        for _ in 0..REQUESTS {
            let circumstances = circumstances(&mut dice);
            let words = serde_json::Value::Object(circumstances.values().into_iter().collect());
            let context = Context::from_json_value(words, None).unwrap();
            let request = Request::new(principal.clone(), action.clone(), resource.clone(), context, None).unwrap();
            let full = outcome(&request, &set, &Entities::empty());
            let narrowed = candidates.narrowed(Truths::of(&circumstances)).unwrap();
            assert_eq!(outcome(&request, &narrowed.set, &Entities::empty()), full, "{circumstances:?} with {set}");
            assert!(!narrowed.denies || full.0 == cedar_policy::Decision::Deny, "{circumstances:?} with {set}");
            left_out += set.policies().count() - narrowed.set.policies().count();
            permits += u64::from(full.0 == cedar_policy::Decision::Allow);
            erring += u64::from(!full.2.is_empty());
        }
    }
    let cases = SETS * REQUESTS;
    assert!(left_out as u64 > cases * POLICIES / 5, "{left_out} left out of {cases} cases");
    assert!(permits > cases / 50 && erring > cases / 3, "{permits} permits, {erring} erring of {cases}");
}

/// The same policy with conditions that nothing can be seen through: each in a branch of its own.
fn opaque(policy: &Policy) -> Policy {
    let mut json = policy.to_json().unwrap();
    for condition in json["conditions"].as_array_mut().unwrap() {
        let body = condition["body"].take();
        let (yes, no) = (json!({ "Value": true }), json!({ "Value": false }));
        condition["body"] = json!({ "if-then-else": { "if": body, "then": yes, "else": no } });
    }
    Policy::from_json(Some(policy.id().clone()), json).unwrap()
}

/// Somebody and something as the world, the charter and callers may have it: known or not, active or not, labelled by either.
fn unsettle(dice: &mut Dice, facts: &mut Facts, asked: &mut Question) {
    if let Some(principal) = &mut facts.principal {
        principal.active = dice.roll(6) > 0;
        principal.labels = (0..dice.roll(3)).map(|_| dice.pick(&["acme", "family:F1"]).parse().unwrap()).collect();
        principal.roles = vec![dice.pick(&["nurse", "doctor", "ward_clerk", "engineer"]).parse().unwrap()];
    }
    if dice.roll(8) == 0 {
        facts.principal = None;
    }
    if let Some(patient) = &mut facts.patient {
        patient.labels = (0..dice.roll(3)).map(|_| dice.pick(&["vip", "family:F1"]).parse().unwrap()).collect();
    }
    for (values, label) in [(&mut asked.asserted.subject, "acme"), (&mut asked.asserted.resource, "vip")] {
        match dice.roll(5) {
            0 => drop(values.insert("labels".to_owned(), json!([label]))),
            1 => drop(values.insert("labels".to_owned(), json!([]))),
            _ => {}
        }
    }
    if dice.roll(5) == 0 {
        asked.asserted.subject.insert("active".to_owned(), json!(dice.roll(2) == 0));
    }
}

#[test]
fn an_engine_that_cannot_see_into_its_policies_answers_the_same() {
    let mut dice = Dice(43);
    let engine = house::engine();
    let policies = house::charter().policy_set().policies().map(opaque).collect::<Vec<_>>();
    let blind = Engine::with_policies(house::charter(), PolicySet::from_policies(policies).unwrap()).unwrap();
    let (mut permits, mut remedied) = (0, 0);
    for _ in 0..ASKED {
        let (mut facts, mut asked) = (facts(&mut dice), ask(&mut dice));
        unsettle(&mut dice, &mut facts, &mut asked);
        let seen = engine.decide(&asked, &facts, at(0));
        assert_eq!(seen, blind.decide(&asked, &facts, at(0)), "{asked:?} {facts:?}");
        permits += u32::from(seen.permits());
        remedied += u32::from(seen.remedies.len() > 1);
    }
    assert!(permits > ASKED / 20 && remedied > ASKED / 20, "{permits} permits, {remedied} denies that can be helped");
}
