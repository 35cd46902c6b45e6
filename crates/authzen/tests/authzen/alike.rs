//! Asking does not tell a patient who is here from one who is not.

use crate::house::{Got, House, MERGED, NOBODY, PATIENT, VIP, question, with};
use axum::http::header;
use events::Seq;
use serde_json::{Value, json};

/// What an answer is to whoever compares two of them: everything but the entry and the time of day.
fn seen(got: &Got) -> (String, Vec<(String, String)>) {
    let mut body = got.json();
    let context = body["context"].as_object_mut().unwrap();
    assert!(context.remove("entry").is_some_and(|entry| entry.is_u64()));
    assert!(context.remove("decided_at").is_some());
    // What is asked for by it is named by the entry and the time, like the answer itself.
    if let Some(request) = context.get_mut("access_request").and_then(Value::as_object_mut) {
        assert!(request.remove("binding_token").is_some() && request.remove("expires_at").is_some());
        assert!(context.remove("evaluation_id").is_some());
    }
    for duty in context.get_mut("obligations").and_then(Value::as_array_mut).into_iter().flatten() {
        assert!(duty.as_object_mut().unwrap().remove("id").is_some());
    }
    let headers = got.headers.iter().filter(|(name, _)| **name != header::CONTENT_LENGTH);
    let mut headers: Vec<_> =
        headers.map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned())).collect();
    headers.sort();
    (body.to_string(), headers)
}

const ACTIONS: [&str; 11] = [
    "read_chart",
    "read_results",
    "view_images",
    "read_medication_chart",
    "write_note",
    "record_observations",
    "administer_medication",
    "order_test",
    "prescribe",
    "view_demographics",
    "no_such_action",
];

#[tokio::test]
async fn unknown_unrelated_merged_and_sensitive_patients_answer_alike() {
    let house = House::open().await;
    for path in ["/access/v1/evaluation", "/handrail/v1/permits"] {
        for who in ["n-bo", "d-cai", "n-nobody"] {
            for action in ACTIONS {
                for session in [json!({ "level": 2, "age_minutes": 1 }), json!({ "level": 1, "age_minutes": 900 })] {
                    let ask = async |number: &str| {
                        let asked = with(question(who, action, number), "/context/session", session.clone());
                        let got = house.post(path, &asked).await;
                        assert!(!got.decision(), "{who} {action} {number}");
                        (got.status, seen(&got))
                    };
                    let nobody = ask(NOBODY).await;
                    for number in [PATIENT, MERGED, VIP, "900405", "pat_00000000000000000000000000000000"] {
                        assert_eq!(ask(number).await, nobody, "{who} {action} {number}");
                    }
                }
            }
        }
    }
}

#[tokio::test]
async fn to_whoever_cares_for_them_they_are_not_alike() {
    let house = House::open().await;
    let ask = async |number: &str, action: &str| house.evaluate(&question("n-amara", action, number)).await.decision();
    assert!(ask(PATIENT, "read_chart").await);
    assert!(ask(MERGED, "read_chart").await, "the retired number means the patient");
    assert!(!ask(NOBODY, "read_chart").await);
    assert!(!ask(VIP, "read_chart").await, "named people only");
    assert!(ask(VIP, "record_observations").await);
}

#[tokio::test]
async fn in_a_batch_they_are_alike_too() {
    let house = House::open().await;
    let whole = question("n-bo", "read_chart", PATIENT);
    let batch = json!({
        "subject": whole["subject"], "action": whole["action"], "context": whole["context"],
        "evaluations": Value::from([NOBODY, PATIENT, MERGED, VIP].map(|number| json!({ "resource": { "type": "patient", "id": number } })).to_vec()),
    });
    let got = house.post("/access/v1/evaluations", &batch).await.json();
    let mut answers: Vec<Value> = got["evaluations"].as_array().unwrap().clone();
    for answer in &mut answers {
        let context = answer["context"].as_object_mut().unwrap();
        for name in ["entry", "decided_at", "evaluation_id", "access_request"] {
            assert!(context.remove(name).is_some(), "{name}");
        }
    }
    let texts: Vec<String> = answers.iter().map(Value::to_string).collect();
    assert!(texts.iter().all(|text| *text == texts[0]));
    assert_eq!(answers[0]["decision"], false);
}

#[tokio::test]
async fn the_log_knows_what_the_answer_does_not_tell() {
    let house = House::open().await;
    let ask = async |number: &str| {
        let answer = house.evaluate(&question("n-bo", "read_chart", number)).await.json();
        let seq = Seq(answer["context"]["entry"].as_u64().unwrap());
        match house.plane.store().read(|reader| reader.leaf(seq)).unwrap().unwrap().draft.event {
            events::Event::DecisionMade(made) => made.patient.unwrap(),
            _ => panic!("another kind"),
        }
    };
    let directory = house.plane.directory();
    assert_eq!(ask(PATIENT).await, directory.patient(PATIENT));
    assert_eq!(ask(MERGED).await, directory.patient(PATIENT), "after the merge");
    assert_eq!(ask(NOBODY).await, directory.patient(NOBODY));
    assert_ne!(directory.patient(NOBODY), directory.patient(PATIENT));
}
