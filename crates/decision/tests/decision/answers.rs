//! Answers: errors deny, questions that do not fit are refused, what nobody may learn is not told, what helps is offered.

use crate::boundaries::{at, known_patient, nothing_known, patient, shift, stay};
use crate::house::{self, about, asserting, question, signed_in};
use decision::judgement::Judgement;
use decision::refusal::Refusal;
use events::decision::{Effect, EndMode, Obligation, Remedy};
use events::encounter::Presence;
use events::{CharterDigest, PatientPseudonym, Seq};
use serde_json::json;
use world::Facts;

const HOUR: i64 = 3_600_000;
const PERMIT: &str = "@id(\"yes\") permit(principal, action, resource);";

fn on_shift(unit: &str) -> Facts {
    let mut facts = nothing_known();
    facts.shifts = vec![shift(unit, 0, 8 * HOUR, false)];
    facts.feeds = world::FeedFacts { adt: Some(at(HOUR)), rota: Some(at(HOUR)) };
    facts
}

fn ids<T: ToString>(of: &[T]) -> Vec<String> {
    of.iter().map(ToString::to_string).collect()
}

#[test]
fn a_forbid_that_errs_denies_and_is_reported() {
    let asked = question("nora", "read_chart", patient());
    let overflow = "9223372036854775807 + context.session.level > 0";
    let forbid = format!("@id(\"broken\") forbid(principal, action, resource) when {{ {overflow} }};");
    let engine = house::engine_with(&format!("{PERMIT} {forbid}"));
    let judgement = engine.decide(&signed_in(asked.clone(), 2, 0), &nothing_known(), at(0));
    assert_eq!(judgement.effect, Effect::Deny);
    assert_eq!(ids(&judgement.errors), ["broken"]);
    assert!(judgement.policies.is_empty(), "what would have permitted did not decide");
    // A permit that errs permits nothing, and takes nothing from another.
    let permit = format!("@id(\"broken\") permit(principal, action, resource) when {{ {overflow} }};");
    let engine = house::engine_with(&format!("{PERMIT} {permit}"));
    let judgement = engine.decide(&signed_in(asked, 2, 0), &nothing_known(), at(0));
    assert_eq!(judgement.effect, Effect::Permit);
    assert_eq!((ids(&judgement.policies), ids(&judgement.errors)), (vec!["yes".to_owned()], vec!["broken".to_owned()]));
}

#[test]
fn a_question_that_does_not_fit_is_denied_with_a_reason() {
    let engine = house::engine_with(PERMIT);
    let asked = || question("nora", "read_chart", patient());
    let refused = |asked| {
        let judgement: Judgement = engine.decide(&asked, &on_shift("ED"), at(HOUR));
        assert_eq!(judgement.effect, Effect::Deny);
        assert_eq!(judgement.values().len(), 1, "only why");
        assert!(matches!(judgement.remedies.as_slice(), [Remedy::HelpDesk { .. }]));
        judgement.refused.unwrap()
    };
    assert!(engine.decide(&asked(), &on_shift("ED"), at(HOUR)).permits());
    assert!(matches!(refused(question("nora", "fly", patient())), Refusal::UnknownAction(_)));
    assert!(matches!(refused(question("nora", "reading", patient())), Refusal::UnknownAction(_)), "a group");
    assert!(matches!(refused(about("nora", "read_chart", "Ghost", "g")), Refusal::UnknownType(_)));
    assert!(matches!(refused(about("nora", "read_chart", "System", "ehr")), Refusal::NotForResource { .. }));
    assert!(matches!(refused(about("nora", "read_chart", "Patient", "MRN-17")), Refusal::NotAPseudonym));
    let mut robot = asked();
    robot.principal.kind = "Agent".parse().unwrap();
    assert!(matches!(refused(robot), Refusal::NotForPrincipal { .. }));
    for (name, value) in [
        ("session", json!("level 2")),
        ("session", json!({ "level": "2", "age_minutes": 0 })),
        ("session", json!({ "level": 4, "age_minutes": 0 })),
        ("session", json!({ "level": 2 })),
        ("session", json!({ "level": 2, "age_minutes": -1 })),
        ("session", json!({ "level": 2, "age_minutes": 1e99 })),
        ("device", json!(17)),
        ("device", json!("a\u{0}b")),
        ("purpose", json!(["TREAT"])),
        ("purpose", json!("")),
    ] {
        let why = refused(asserting(asked(), name, value));
        assert!(matches!(&why, Refusal::Asserted(_)) && why.to_string().contains(name), "{why}");
    }
    let mut labels = asked();
    labels.asserted.resource.insert("labels".to_owned(), json!("vip"));
    assert_eq!(
        refused(labels).to_string(),
        "what was sent does not fit: `resource.properties.labels` is not a list of at most 256 values"
    );
    let mut scanned = question("nora", "give_medication", patient());
    scanned.asserted.action.insert("scanned".to_owned(), json!("yes"));
    assert_eq!(
        refused(scanned).to_string(),
        "what was sent does not fit: `action.properties.scanned` is not true or false"
    );
}

#[test]
fn nobody_asserts_that_they_are_at_the_screen_or_that_a_workstation_proved_itself() {
    let bold = json!({ "level": 3, "age_minutes": 0, "method": "passkey", "presence": "present", "bound": true });
    let asked = asserting(question("nora", "read_chart", patient()), "session", bold);
    for field in ["presence", "bound"] {
        let permit = format!(
            "@id(\"yes\") permit(principal, action, resource) when {{ context has session && context.session has {field} }};"
        );
        let judgement = house::engine_with(&permit).decide(&asked, &nothing_known(), at(0));
        assert_eq!((judgement.effect, judgement.errors.len()), (Effect::Deny, 0), "{field}");
        assert_eq!(judgement.values()["session"], json!({ "level": 3, "age_minutes": 0, "method": "passkey" }));
    }
}

#[test]
fn what_a_caller_asserts_beyond_the_schema_changes_nothing() {
    let engine = house::engine();
    let mut facts = on_shift("ED");
    facts.patient = Some(known_patient(vec![stay("ICU", Presence::Present, 0, None)], None));
    let asked = signed_in(question("nora", "read_chart", patient()), 2, 0);
    let plain = engine.decide(&asked, &facts, at(HOUR));
    let mut bold = asked;
    for (name, value) in [
        ("care", json!({ "team": true })),
        ("shift", json!({ "on": true, "units": ["ICU"], "on_call_units": [] })),
        ("live", json!({ "break_glass": true })),
        ("emergency", json!(true)),
        ("feeds", json!(null)),
        ("asker", json!({ "class": "staff", "roles": ["doctor"] })),
        ("labels", json!(["x"])),
        ("unheard_of", json!({ "a": [1, 2, 3] })),
    ] {
        bold.asserted.context.insert(name.to_owned(), value);
    }
    bold.asserted.subject.insert("role".to_owned(), json!("admin"));
    bold.asserted.subject.insert("active".to_owned(), json!(true));
    bold.asserted.action.insert("hard".to_owned(), json!(true));
    assert_eq!(plain.effect, Effect::Deny);
    assert_eq!(engine.decide(&bold, &facts, at(HOUR)), plain);
    assert_eq!(engine.decide(&bold, &facts, at(HOUR)).values(), plain.values());
}

#[test]
fn what_the_world_knows_of_the_asker_holds_over_what_is_asserted() {
    let engine = house::engine_with(
        "permit(principal, action, resource) when { principal.active && principal.class == \"staff\" };",
    );
    let mut asked = question("nora", "read_chart", patient());
    asked.asserted.subject.insert("active".to_owned(), json!(true));
    asked.asserted.subject.insert("class".to_owned(), json!("staff"));
    let mut facts = nothing_known();
    facts.principal.as_mut().unwrap().active = false;
    assert_eq!(engine.decide(&asked, &facts, at(0)).effect, Effect::Deny);
    // Labels add up: a caller can say that a record needs care, never that it does not.
    let engine = house::engine_with(
        "permit(principal, action, resource) when { resource.labels.containsAll([\"vip\", \"adolescent\"]) };",
    );
    let mut facts = on_shift("ED");
    facts.patient = Some(known_patient(vec![stay("ED", Presence::Present, 0, None)], None));
    facts.patient.as_mut().unwrap().labels = vec!["vip".parse().unwrap()];
    let mut asked = question("nora", "read_chart", patient());
    assert_eq!(engine.decide(&asked, &facts, at(HOUR)).effect, Effect::Deny);
    asked.asserted.resource.insert("labels".to_owned(), json!(["adolescent"]));
    assert_eq!(engine.decide(&asked, &facts, at(HOUR)).effect, Effect::Permit);
}

#[test]
fn an_unknown_patient_is_answered_like_one_nothing_connects_with() {
    let engine = house::engine();
    let mut known = on_shift("ICU");
    let mut hidden = known_patient(vec![stay("ED", Presence::Present, 0, Some(5 * HOUR))], None);
    hidden.labels = ["vip", "psychiatric", "adolescent"].map(|label| label.parse().unwrap()).to_vec();
    hidden.encounters[0].attending = vec!["otto".parse().unwrap()];
    known.patient = Some(hidden);
    known.emergencies = vec![("ED".parse().unwrap(), at(6 * HOUR))];
    let unknown = Facts { patient: None, emergencies: Vec::new(), ..known.clone() };
    let stranger = PatientPseudonym::from_bytes([8; 16]);
    let mut denied = 0;
    for role in ["nurse", "doctor", "ward_clerk", "engineer"] {
        for action in engine.charter().vocabulary().actions.keys() {
            for level in [1, 2] {
                let ask = |patient, facts: &Facts| {
                    let mut facts = facts.clone();
                    facts.principal.as_mut().unwrap().roles = vec![role.parse().unwrap()];
                    let asked = signed_in(question("nora", action.as_str(), patient), level, 5);
                    let judgement = engine.decide(&asked, &facts, at(HOUR));
                    judgement.into_made(asked, Seq(4), CharterDigest([1; 32]), at(HOUR))
                };
                let (of_known, of_unknown) = (ask(patient(), &known), ask(stranger, &unknown));
                if of_known.effect == Effect::Permit && of_unknown.effect == Effect::Permit {
                    continue;
                }
                denied += 1;
                assert_eq!(engine.answer(&of_known), engine.answer(&of_unknown), "{role} {action}");
                let anonymous =
                    |made| serde_json::to_string(made).unwrap().replace(&stranger.to_string(), &patient().to_string());
                assert_eq!(anonymous(&of_known), anonymous(&of_unknown), "{role} {action}");
            }
        }
    }
    assert!(denied > 15, "{denied}");
}

#[test]
fn remedies_are_the_cheapest_first_and_each_alone_would_permit() {
    let engine = house::engine_with(
        "permit(principal, action == Action::\"read_summary\", resource);
         permit(principal, action == Action::\"read_chart\", resource) when { context.live.vouched };
         permit(principal, action == Action::\"read_chart\", resource) when { context.live.break_glass };
         permit(principal, action == Action::\"read_chart\", resource) when { context has session && context.session.level >= 3 };",
    );
    let asked = signed_in(question("nora", "read_chart", patient()), 2, 0);
    let judgement = engine.decide(&asked, &on_shift("ED"), at(HOUR));
    // Level 2 would not help, so the step-up is to the least level that does; the entitlement would not help at all.
    let action = "read_summary".parse().unwrap();
    let expected = [Remedy::Narrow { action }, Remedy::StepUp { level: 3 }, Remedy::Vouch, Remedy::BreakGlass];
    assert_eq!(judgement.remedies, expected);
    // Whoever may not break the glass is not offered it.
    let mut clerk = on_shift("ED");
    clerk.principal.as_mut().unwrap().roles = vec!["ward_clerk".parse().unwrap()];
    let offered = engine.decide(&asked, &clerk, at(HOUR)).remedies;
    assert!(!offered.contains(&Remedy::BreakGlass) && !offered.is_empty(), "{offered:?}");
}

#[test]
fn the_help_desk_is_offered_when_nothing_else_helps() {
    let engine = house::engine_with("permit(principal, action, resource) when { context.shift.on };");
    let asked = question("nora", "read_chart", patient());
    let judgement = engine.decide(&asked, &nothing_known(), at(0));
    assert_eq!(judgement.remedies, [Remedy::HelpDesk { owner: engine.charter().owners().help_desk.clone() }]);
    assert!(engine.decide(&asked, &on_shift("ED"), at(HOUR)).remedies.is_empty());
}

#[test]
fn a_permit_obliges_to_ask_again_and_to_end_as_the_workflow_says() {
    let engine = house::engine_with("permit(principal, action, resource) when { context.shift.on };");
    let asked = question("nora", "read_chart", patient());
    let judgement = engine.decide(&asked, &on_shift("ED"), at(HOUR));
    let mode: EndMode = engine.charter().workflow_for(None, &asked.action).unwrap().end;
    assert_eq!(judgement.obligations, [Obligation::AskAgain { at: at(8 * HOUR) }, Obligation::EndAccess { mode }]);
    // Where an emergency is what permits, every screen says so.
    let engine = house::engine_with("permit(principal, action, resource) when { context.emergency };");
    let mut facts = on_shift("ED");
    facts.emergencies = vec![("ED".parse().unwrap(), at(2 * HOUR))];
    let judgement = engine.decide(&asked, &facts, at(HOUR));
    assert!(judgement.permits() && judgement.obligations.contains(&Obligation::MarkEmergency));
}

#[test]
fn the_same_question_is_answered_bit_for_bit_the_same() {
    let facts = {
        let mut facts = on_shift("ED");
        facts.patient = Some(known_patient(vec![stay("ED", Presence::Present, 0, None)], None));
        facts
    };
    let (warm, cold) = (house::engine(), house::engine());
    for action in warm.charter().vocabulary().actions.keys() {
        for level in [1, 2, 3] {
            let asked = signed_in(question("nora", action.as_str(), patient()), level, 5);
            let made = |engine: &decision::engine::Engine| {
                let judgement = engine.decide(&asked, &facts, at(HOUR));
                serde_json::to_vec(&judgement.into_made(asked.clone(), Seq(4), CharterDigest([1; 32]), at(HOUR)))
                    .unwrap()
            };
            let first = made(&warm);
            assert_eq!(first, made(&warm), "{action}");
            assert_eq!(first, made(&cold), "{action}");
        }
    }
}
