//! The engine against plain Cedar: the few policies, the few entities and the hand-built context must give the same answer as all
//! policies over all entities, validated, with the context read from the circumstances the leaf keeps.

use crate::boundaries::{at, patient};
use crate::dice::Dice;
use crate::house::{self, about, asserting, question, signed_in};
use crate::time::facts;
use cedar_policy::{AuthorizationError, Authorizer, Context, Decision, Entities, Entity, EntityUid, Request};
use decision::Engine;
use decision::circumstances::Circumstances;
use events::decision::{Effect, Question};
use serde_json::{Value, json};
use world::Facts;

const CASES: u32 = 1_500;

fn uid(kind: &str, id: &str) -> EntityUid {
    EntityUid::from_json(json!({ "type": kind, "id": id })).unwrap()
}

fn texts<T: ToString>(of: &[T]) -> Vec<String> {
    of.iter().map(ToString::to_string).collect()
}

/// Everything there is, as Cedar reads and validates it.
fn everything(engine: &Engine, asked: &Question, facts: &Facts) -> Entities {
    let charter = engine.charter();
    let known = facts.principal.as_ref().unwrap();
    let mut roles = texts(&known.roles);
    let mut attrs = json!({ "class": known.class.as_str(), "active": known.active, "labels": texts(&known.labels) });
    if asked.principal.id.as_str() == "hana" {
        // She stands in `entities.toml` as well: what is said of her there holds where the world says nothing else.
        attrs["role"] = json!("head");
        roles.push("doctor".to_owned());
    }
    let principal = json!({
        "uid": { "type": asked.principal.kind, "id": asked.principal.id },
        "attrs": attrs,
        "parents": roles.iter().map(|role| json!({ "type": "Role", "id": role })).collect::<Vec<_>>(),
    });
    let mut all = vec![principal];
    if asked.resource.kind.as_str() == "Patient" {
        let labels = facts.patient.as_ref().map(|known| texts(&known.labels)).unwrap_or_default();
        all.push(json!({
            "uid": { "type": "Patient", "id": asked.resource.id }, "attrs": { "labels": labels }, "parents": [],
        }));
    }
    let entity = |json: Value| Entity::from_json_value(json, Some(charter.schema())).unwrap();
    let still = charter.static_entities().clone();
    let still = still.upsert_entities(all.into_iter().map(entity), Some(charter.schema())).unwrap();
    let actions = charter.schema().action_entities().unwrap();
    still.add_entities(actions, Some(charter.schema())).unwrap()
}

fn context(engine: &Engine, of: &Circumstances, action: &EntityUid) -> Context {
    let declared = &engine.charter().vocabulary().actions[action.id().unescaped()].context;
    let seen = of.values().into_iter().chain(of.other.clone());
    let seen = seen.filter(|(word, _)| declared.contains_key(word.as_str())).collect();
    Context::from_json_value(Value::Object(seen), Some((engine.charter().schema(), action))).unwrap()
}

pub(crate) fn ask(dice: &mut Dice) -> Question {
    let actions = ["read_chart", "read_summary", "give_medication", "configure", "configure"];
    let asked = match dice.pick(&actions) {
        "configure" => {
            let who = dice.pick(&["nora", "hana"]);
            let asked = about(who, "configure", "System", dice.pick(&["ehr", "ehr", "clinical", "unheard-of"]));
            if dice.roll(2) == 0 { asserting(asked, "near", json!({ "type": "Unit", "id": "ED" })) } else { asked }
        }
        action => question("nora", action, patient()),
    };
    let mut asked =
        if dice.roll(6) > 0 { signed_in(asked, 1 + i64::try_from(dice.roll(3)).unwrap(), 5) } else { asked };
    if asked.resource.kind.as_str() == "System" {
        asked.asserted.resource.insert("supplier".to_owned(), json!(dice.pick(&["acme", "none"])));
    }
    if asked.action.as_str() == "give_medication" && dice.roll(2) == 0 {
        asked.asserted.action.insert("scanned".to_owned(), json!(dice.roll(2) == 0));
    }
    asserting(asked, "device", json!("ws-1"))
}

#[test]
fn the_engine_answers_as_plain_cedar_does() {
    let mut dice = Dice(5);
    let engine = house::engine();
    let (mut permits, mut compared) = (0, 0);
    for _ in 0..CASES {
        let mut facts = facts(&mut dice);
        let asked = ask(&mut dice);
        let principal = facts.principal.as_mut().unwrap();
        principal.roles = vec![dice.pick(&["nurse", "doctor", "ward_clerk", "engineer"]).parse().unwrap()];
        principal.active = dice.roll(8) > 0;
        principal.labels = vec![dice.pick(&["acme", "family:F1", "none"]).parse().unwrap()];
        if let Some(known) = &mut facts.patient {
            known.labels = vec![dice.pick(&["vip", "family:F1", "plain"]).parse().unwrap()];
        }
        let judgement = engine.decide(&asked, &facts, at(0));
        assert_eq!(judgement.refused, None, "{asked:?}");
        let circumstances = judgement.circumstances.as_ref().unwrap();
        // With a patient nothing connects with, the reasons leave the labels out on purpose.
        let hidden = facts.patient.is_some() && !circumstances.related();
        let mut entities = everything(&engine, &asked, &facts);
        if let Some(supplier) = asked.asserted.resource.get("supplier") {
            entities = with_supplier(&engine, entities, &asked, supplier);
        }
        let action = uid("Action", asked.action.as_str());
        let request = Request::new(
            uid(asked.principal.kind.as_str(), asked.principal.id.as_str()),
            action.clone(),
            uid(asked.resource.kind.as_str(), asked.resource.id.as_str()),
            context(&engine, circumstances, &action),
            Some(engine.charter().schema()),
        )
        .unwrap();
        let plain = Authorizer::new().is_authorized(&request, engine.charter().policy_set(), &entities);
        let mut reasons: Vec<_> = plain.diagnostics().reason().map(ToString::to_string).collect();
        reasons.sort_unstable();
        let errors = plain.diagnostics().errors().map(|error| match error {
            AuthorizationError::PolicyEvaluationError(error) => error.policy_id().to_string(),
        });
        assert_eq!(judgement.effect == Effect::Permit, plain.decision() == Decision::Allow, "{asked:?}");
        if !hidden {
            assert_eq!(texts(&judgement.policies), reasons, "{asked:?}");
            assert_eq!(texts(&judgement.errors), errors.collect::<Vec<_>>(), "{asked:?}");
            compared += 1;
        }
        permits += u32::from(judgement.permits());
    }
    assert!(permits > CASES / 10 && permits < CASES * 9 / 10, "{permits} permits");
    assert!(compared > CASES / 2, "{compared} compared in full");
}

fn with_supplier(engine: &Engine, entities: Entities, asked: &Question, supplier: &Value) -> Entities {
    let resource = uid("System", asked.resource.id.as_str());
    let known = entities.get(&resource).map(|known| known.to_json_value().unwrap());
    let mut json = known
        .unwrap_or_else(|| json!({ "uid": { "type": "System", "id": asked.resource.id }, "attrs": {}, "parents": [] }));
    json["attrs"]["supplier"] = supplier.clone();
    let schema = Some(engine.charter().schema());
    entities.upsert_entities([Entity::from_json_value(json, schema).unwrap()], schema).unwrap()
}
