//! Decisions in plain words and names: what the asker is told, what a privacy officer reads, and who answers for it.

use crate::boundaries::{at, known_patient, nothing_known, patient, shift, stay};
use crate::house::{self, about, asserting, question, signed_in};
use events::decision::{Made, Question};
use events::encounter::Presence;
use events::{CharterDigest, Seq};
use serde_json::json;
use world::Facts;

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
