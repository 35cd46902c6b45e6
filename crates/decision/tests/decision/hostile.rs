//! Whatever is asked and asserted, the answer is a permit or a deny, never a panic.

use crate::boundaries::{at, patient};
use crate::dice::Dice;
use crate::house;
use crate::time::facts;
use decision::Refusal;
use events::decision::{Asserted, Effect, Question, Values};
use events::{CharterDigest, EntityRef, Seq};
use proptest::prelude::*;
use serde_json::Value;
use std::sync::LazyLock;

static ENGINE: LazyLock<decision::Engine> = LazyLock::new(house::engine);

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
        Just(Value::from("ED")),
        (0..4_i64).prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        let name = prop_oneof![
            ".{0,4}",
            Just("level".to_owned()),
            Just("age_minutes".to_owned()),
            Just("type".to_owned()),
            Just("id".to_owned()),
            Just("__entity".to_owned()),
            Just("__extn".to_owned()),
        ];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(name, inner, 0..4).prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

fn values() -> impl Strategy<Value = Values> {
    let names = [
        "device", "session", "purpose", "care", "live", "ticket", "near", "soft", "scanned", "count", "labels",
        "class", "active", "role", "supplier", "unit", "x",
    ];
    prop::collection::btree_map(prop::sample::select(names.map(str::to_owned).to_vec()), value(), 0..5)
}

fn entity() -> impl Strategy<Value = EntityRef> {
    let kinds = ["Person", "Agent", "Patient", "Unit", "System", "Role", "Action", "Ghost", "a::b", "\"", "Ein Typ"];
    let ids = prop_oneof![
        Just(patient().to_string()),
        Just("ehr".to_owned()),
        Just("hana".to_owned()),
        "[ -~]{1,20}",
        "\\PC{1,8}",
    ];
    (prop::sample::select(kinds.to_vec()), ids).prop_filter_map("ids are printable", |(kind, id)| {
        Some(EntityRef { kind: kind.parse().ok()?, id: id.parse().ok()? })
    })
}

fn questions() -> impl Strategy<Value = Question> {
    let actions = ["read_chart", "give_medication", "configure", "listen", "reading", "fly", "\"::\""];
    let asserted = (values(), values(), values(), values());
    let workflow = prop::option::of(prop::sample::select(vec!["chart-review", "everything-else", "none"]));
    (entity(), prop::sample::select(actions.to_vec()), entity(), workflow, asserted).prop_map(
        |(principal, action, resource, workflow, (subject, action_values, of_resource, context))| Question {
            session: None,
            principal,
            action: action.parse().unwrap(),
            resource,
            workflow: workflow.map(|workflow| workflow.parse().unwrap()),
            asserted: Asserted { subject, action: action_values, resource: of_resource, context },
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 20_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_question_is_answered(asked in questions(), seed in any::<u64>()) {
        let facts = facts(&mut Dice(seed));
        let subject = ENGINE.subject(&asked);
        prop_assert_eq!(&subject.principal, &asked.principal.id);
        let judgement = ENGINE.decide(&asked, &facts, at(0));
        prop_assert!(judgement.refused.is_none() || judgement.effect == Effect::Deny);
        // What this crate finds to fit the schema, Cedar does too: debug builds ask it, and it would refuse.
        prop_assert!(judgement.refused != Some(Refusal::Unputtable));
        prop_assert!(judgement.permits() == judgement.remedies.is_empty());
        prop_assert!(judgement.remedies.len() <= charter::workflow::REMEDIES_MAX);
        prop_assert_eq!(&judgement, &ENGINE.decide(&asked, &facts, at(0)));
        let made = judgement.into_made(asked, Seq(1), CharterDigest([0; 32]), at(0));
        prop_assert!(!ENGINE.answer(&made).headline.is_empty());
        prop_assert!(!ENGINE.explain(&made).accountable.is_empty());
    }
}
