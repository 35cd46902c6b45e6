//! Decisions in plain words and names: what the asker is told, what a privacy officer reads, and who answers for it.

use crate::boundaries::{at, known_patient, nothing_known, patient, shift, stay};
use crate::house::{self, about, asserting, question, signed_in};
use decision::Engine;
use events::decision::{Made, Question};
use events::device::{DeviceKind, Posture};
use events::encounter::Presence;
use events::{CharterDigest, Seq};
use serde_json::json;
use std::sync::Arc;
use world::{DeviceFacts, Facts};

const HOUR: i64 = 3_600_000;

fn on_shift() -> Facts {
    let mut facts = nothing_known();
    facts.shifts = vec![shift("ED", 0, 8 * HOUR, false)];
    facts.feeds = world::FeedFacts { adt: Some(at(HOUR)), rota: Some(at(HOUR)) };
    facts.patient = Some(known_patient(vec![stay("ED", Presence::Present, 0, None)], None));
    facts
}

fn made(asked: Question, facts: &Facts) -> Made {
    let judgement = house::engine().decide(&asked, facts, at(HOUR));
    judgement.into_made(asked, Seq(4), CharterDigest([1; 32]), at(HOUR))
}

#[test]
fn a_permit_says_why_and_what_it_obliges_to() {
    let engine = house::engine();
    let made = made(signed_in(question("nora", "read_chart", patient()), 2, 5), &on_shift());
    let answer = engine.answer(&made);
    assert_eq!(answer.headline, "You may read the chart.");
    assert_eq!(answer.reasons, ["You are working in the unit where this patient is, so their chart is open to you."]);
    assert!(answer.remedies.is_empty());
    let explanation = engine.explain(&made);
    assert_eq!(explanation.headline, "nora may read the chart.");
    let facts: Vec<_> = explanation.facts.iter().map(|fact| (fact.label, fact.text.as_str())).collect();
    assert_eq!(
        facts,
        [
            ("Asker", "staff: nurse"),
            ("Shift", "on shift in ED"),
            ("Connection with the patient", "works where the patient is, or was within the grace"),
            ("Session", "level 2 by passkey, 5 minutes before, as sent"),
            ("Device", "none known"),
            ("Authority held for a while", "none"),
            ("Feeds", "patients heard 0 minutes before; rota heard 0 minutes before"),
        ]
    );
    assert_eq!(explanation.obligations.len(), 2);
    assert!(explanation.obligations[0].text.starts_with("Ask again at "));
}

#[test]
fn a_deny_says_only_what_is_about_the_asker_and_what_helps() {
    let engine = house::engine();
    let mut facts = on_shift();
    facts.shifts.clear();
    let answer = engine.answer(&made(signed_in(question("nora", "read_chart", patient()), 2, 5), &facts));
    assert_eq!(answer.headline, "You may not read the chart.");
    assert_eq!(
        answer.reasons,
        ["Nothing on record connects you with this patient's care now.", "You are not on shift."]
    );
    let offers: Vec<_> = answer.remedies.iter().map(|offer| offer.text.as_str()).collect();
    assert_eq!(
        offers,
        [
            "Ask for the entitlement “Read charts for approved research”.",
            "In an emergency, break the glass: it opens for 60 min, others are alerted, and it is reviewed.",
        ]
    );
    assert_eq!(answer.contact.unwrap().name, "Nursing");
}

#[test]
fn a_refused_question_is_said_to_be_one() {
    let engine = house::engine();
    let made = made(asserting(question("nora", "read_chart", patient()), "session", json!(2)), &on_shift());
    let why = "what was sent does not fit: `context.session.level` is not an assurance level, 1 to 3";
    assert_eq!(engine.answer(&made).reasons, [format!("The question could not be judged: {why}.")]);
    assert_eq!(engine.explain(&made).facts[0].text, why);
    let unknown = about("nora", "fly", "Patient", "x");
    let unknown = house::engine().decide(&unknown, &on_shift(), at(HOUR)).into_made(
        unknown,
        Seq(4),
        CharterDigest([1; 32]),
        at(HOUR),
    );
    assert_eq!(engine.answer(&unknown).headline, "You may not do `fly`.");
    assert!(!engine.accountable(&unknown).is_empty());
}

#[test]
fn somebody_with_a_name_answers_for_every_part_of_a_decision() {
    let engine = house::engine();
    let accountable = |made: &Made| -> Vec<String> {
        engine.accountable(made).iter().map(|who| format!("{}: {} ({})", who.role, who.name, who.person)).collect()
    };
    assert_eq!(
        accountable(&made(signed_in(question("nora", "read_chart", patient()), 2, 5), &on_shift())),
        [
            "runs the work: Nursing (Mara Lind)",
            "owns an incident here: Nursing (Mara Lind)",
            "owns policy unit-reads-chart: Nursing (Mara Lind)",
            "owns the policies: Identity and security (Ivo Brandt)",
            "owns staff identities: Identity and security (Ivo Brandt)",
            "accepts the clinical risk: Nursing (Mara Lind)",
            "answers for sign-in: Identity and security (Ivo Brandt)",
            "runs the clinical systems: Identity and security (Ivo Brandt)",
            "keeps it available: Identity and security (Ivo Brandt)",
            "operates the control: Identity and security (Ivo Brandt)",
        ]
    );
    // A risk from the threshold on is an executive's, and whoever can only call somebody is told whom.
    let denied = accountable(&made(about("nora", "configure", "System", "ehr"), &nothing_known()));
    assert!(denied.contains(&"accepts the clinical risk: Mara Lind (Mara Lind)".to_owned()), "{denied:?}");
    assert!(denied.contains(&"helps whoever is stuck: Identity and security (Ivo Brandt)".to_owned()), "{denied:?}");
}

#[test]
fn a_policy_of_another_charter_is_named_all_the_same() {
    let engine = house::engine();
    let mut made = made(signed_in(question("nora", "read_chart", patient()), 2, 5), &on_shift());
    made.policies = vec!["long-gone".parse().unwrap()];
    assert_eq!(engine.answer(&made).reasons, ["Policy long-gone of an earlier charter decided."]);
}

#[test]
fn a_role_that_may_never_is_what_is_missing() {
    let engine = house::engine();
    let reasons = |roles: &[&str], mut facts: Facts| {
        facts.principal.as_mut().unwrap().roles = roles.iter().map(|role| role.parse().unwrap()).collect();
        let asked = signed_in(question("nora", "give_medication", patient()), 2, 5);
        engine.answer(&made(asked, &facts)).reasons
    };
    let clerk = ["Your role (ward clerk) may not give medication."];
    assert_eq!(reasons(&["ward_clerk"], on_shift()), clerk);
    // Neither a shift nor a tie to the patient would help, so neither is spoken of.
    assert_eq!(reasons(&["ward_clerk"], nothing_known()), clerk);
    let both = reasons(&["ward_clerk", "engineer"], on_shift());
    assert_eq!(both, ["Your roles (ward clerk, engineer) may not give medication."]);
    assert_eq!(reasons(&[], on_shift()), ["You have no role here that may give medication."]);
    assert!(!reasons(&["nurse"], on_shift()).iter().any(|reason| reason.contains("role")));
    // With a forbid both are said: signing in again would not be enough.
    let mut facts = on_shift();
    facts.principal.as_mut().unwrap().roles = vec!["ward_clerk".parse().unwrap()];
    let answer = engine.answer(&made(question("nora", "give_medication", patient()), &facts));
    assert_eq!(answer.reasons, ["Patient data needs a full sign-in.", clerk[0]]);
}

#[test]
fn away_from_patients_a_shift_is_spoken_of_only_where_the_rules_look_at_it() {
    let made = made(signed_in(about("nora", "configure", "System", "ehr"), 2, 5), &nothing_known());
    let elsewhere = house::engine().answer(&made).reasons;
    assert_eq!(elsewhere, ["No policy permits this in these circumstances."]);
    let rota = "@id(\"on\") permit(principal, action, resource) when { context.shift.on };";
    assert_eq!(house::engine_with(rota).answer(&made).reasons, ["You are not on shift."]);
}

#[test]
fn what_the_caller_had_only_to_say_is_told() {
    let engine = house::engine();
    let give = |level, facts: &Facts| made(signed_in(question("nora", "give_medication", patient()), level, 5), facts);
    let reasons = |made: &Made| engine.answer(made).reasons;
    let signed_in_well = give(2, &on_shift());
    assert_eq!(signed_in_well.circumstances["unsaid"], json!({ "properties": ["scanned"] }));
    assert_eq!(reasons(&signed_in_well).last().unwrap(), "It would be permitted with: scanned.");
    let weakly = reasons(&give(1, &on_shift()));
    let both = "It would be permitted with: scanned, after signing in again at level 2.";
    assert_eq!(weakly, ["Patient data needs a full sign-in.", both]);
    // Remedies are recorded as ever.
    assert!(!signed_in_well.remedies.is_empty());
    // Not where it would not help, and not against what was said.
    let mut away = on_shift();
    away.shifts.clear();
    assert!(!give(2, &away).circumstances.contains_key("unsaid"));
    let mut mismatch = signed_in(question("nora", "give_medication", patient()), 2, 5);
    mismatch.asserted.action.insert("scanned".to_owned(), json!(false));
    assert!(!made(mismatch, &on_shift()).circumstances.contains_key("unsaid"));
}

#[test]
fn a_workflow_that_does_not_count_is_said_not_to() {
    let engine = house::engine();
    let reasons = |workflow: &str, facts: &Facts| {
        let mut asked = signed_in(question("nora", "read_chart", patient()), 2, 5);
        asked.workflow = Some(workflow.parse().unwrap());
        engine.answer(&made(asked, facts)).reasons
    };
    let said = |name| format!("The workflow `{name}` is not known for this action; judged as `chart-review`.");
    for named in ["nope", "everything-else"] {
        assert_eq!(reasons(named, &on_shift()).last(), Some(&said(named)));
        assert_eq!(reasons(named, &nothing_known()).last(), Some(&said(named)));
    }
    assert_eq!(reasons("chart-review", &on_shift()).len(), 1);
}

#[test]
fn at_harbour_general_a_nurse_learns_that_nurses_do_not_prescribe_and_that_somebody_must_watch() {
    let charter = house::load(&house::own("../../charter"));
    let engine = Engine::new(Arc::new(charter)).unwrap();
    let mut facts = on_shift();
    facts.device = Some(DeviceFacts {
        kind: DeviceKind::Workstation,
        unit: Some("ED".parse().unwrap()),
        shared: true,
        managed: true,
        posture: Some((Posture::Healthy, at(8 * HOUR))),
    });
    let told = |action: &str, level| {
        let asked = asserting(signed_in(question("nora", action, patient()), level, 5), "device", json!("cart-1"));
        let made = engine.decide(&asked, &facts, at(HOUR)).into_made(asked, Seq(4), CharterDigest([1; 32]), at(HOUR));
        engine.answer(&made).reasons
    };
    assert_eq!(told("prescribe", 2), ["Your role (nurse) may not prescribe."]);
    assert_eq!(told("administer_controlled_drug", 3), ["It would be permitted with: witnessed."]);
    let weakly = told("administer_controlled_drug", 2);
    assert_eq!(weakly.last().unwrap(), "It would be permitted with: witnessed, after signing in again at level 3.");
}

#[test]
fn a_sign_in_that_is_not_enough_for_the_risk_is_told_with_what_is_asked_for() {
    let engine = Engine::new(Arc::new(house::load(&house::own("../../charter")))).unwrap();
    let facts = on_shift();
    let told = |action: &str| {
        let asked = signed_in(question("nora", action, patient()), 2, 5);
        let made = engine.decide(&asked, &facts, at(HOUR)).into_made(asked, Seq(4), CharterDigest([1; 32]), at(HOUR));
        let facts = engine.explain(&made).facts;
        facts.into_iter().find(|fact| fact.label == "Sign-in asked for").map(|fact| fact.text)
    };
    let asked_for = "level 3 or higher, and not too long ago: this one is not enough";
    assert_eq!(told("administer_controlled_drug").as_deref(), Some(asked_for));
    assert_eq!(told("read_chart"), None);
}
