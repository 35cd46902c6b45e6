//! Searches in a hospital: my patients, who may, what may I; and what a search must not tell.

use crate::house::{HOUR, House, MERGED, NOBODY, PATIENT, START, VIP, charter, id, question, starter};
use axum::http::StatusCode;
use events::Event;
use events::team::Joined;
use serde_json::{Value, json};

const SUBJECTS: &str = "/access/v1/search/subject";
const RESOURCES: &str = "/access/v1/search/resource";
const ACTIONS: &str = "/access/v1/search/action";

/// Who is asked about, at the workstation in the emergency department.
fn patients_of(who: &str, action: &str) -> Value {
    let mut asked = question(who, action, PATIENT);
    asked["resource"] = json!({ "type": "patient" });
    asked
}

fn people_for(action: &str, record: &str) -> Value {
    let mut asked = question("n-amara", action, record);
    asked["subject"] = json!({ "type": "user" });
    asked
}

fn ids(answer: &Value) -> Vec<String> {
    let results = answer["results"].as_array().unwrap_or_else(|| panic!("{answer}"));
    results.iter().map(|found| found["id"].as_str().unwrap().to_owned()).collect()
}

/// Every page's results: a page of a slow machine may be short.
async fn all(house: &House, path: &str, asked: &Value) -> Vec<Value> {
    let (mut asked, mut found) = (asked.clone(), Vec::new());
    loop {
        let answer = house.post(path, &asked).await.json();
        found.extend(answer["results"].as_array().unwrap_or_else(|| panic!("{answer}")).clone());
        let token = answer["page"]["next_token"].as_str().unwrap();
        if token.is_empty() {
            return found;
        }
        asked["page"] = json!({ "token": token });
    }
}

/// The ids of everything found.
async fn all_ids(house: &House, path: &str, asked: &Value) -> Vec<String> {
    all(house, path, asked).await.iter().map(|found| found["id"].as_str().unwrap().to_owned()).collect()
}

fn pseudonym(house: &House, record: &str) -> String {
    house.plane.directory().patient(record).to_string()
}

#[tokio::test]
async fn a_nurse_finds_her_patients_and_nobody_elses() {
    let house = House::open().await;
    house.admit("900020", "WARD-3A").await;
    let found = all(&house, RESOURCES, &patients_of("n-amara", "read_chart")).await;
    // The very important patient needs more than the unit; the merged record is the same patient.
    assert_eq!(found, [json!({ "type": "patient", "id": pseudonym(&house, PATIENT) })]);
    assert_eq!(all_ids(&house, RESOURCES, &patients_of("n-bo", "read_chart")).await, [pseudonym(&house, "900020")]);
    // What was found is permitted when asked for by the id that was answered.
    let found = pseudonym(&house, PATIENT);
    assert!(house.evaluate(&question("n-amara", "read_chart", &found)).await.decision());
    assert_ne!(pseudonym(&house, PATIENT), pseudonym(&house, VIP));
    assert_eq!(house.plane.world(|world| world.canonical(id(&pseudonym(&house, MERGED)))).to_string(), found);
}

#[tokio::test]
async fn a_search_agrees_with_evaluations_of_every_patient() {
    let house = House::open().await;
    for number in 0..12 {
        let unit = ["ED", "WARD-3A", "WARD-3B"][number % 3];
        let patient = house.admit(&format!("91{number:04}"), unit).await;
        if number % 5 == 0 {
            house.tell(Joined { patient, person: id("d-cai"), until: Some(START + HOUR) }).await;
        }
    }
    for who in ["n-amara", "n-bo", "d-cai"] {
        for action in ["read_chart", "write_note", "prescribe", "view_demographics"] {
            let found = all_ids(&house, RESOURCES, &patients_of(who, action)).await;
            for record in (0..12).map(|number| format!("91{number:04}")).chain([PATIENT.to_owned(), VIP.to_owned()]) {
                let answer = house.evaluate(&question(who, action, &record)).await.json();
                let patient = pseudonym(&house, &record);
                let leaf = house.leaf(&answer["context"]["entry"]);
                let Event::DecisionMade(made) = leaf.draft.event else { panic!("another kind") };
                let related = made.circumstances["care"]["known"] == true;
                assert_eq!(found.contains(&patient), answer["decision"] == true && related, "{who} {action} {record}");
            }
        }
    }
}

#[tokio::test]
async fn pages_add_up_to_the_whole_and_belong_to_one_search_of_one_caller() {
    let mut files = starter();
    let systems = files.get_mut("systems.toml").unwrap();
    systems.push_str("\n[callers.another]\ntitle = \"Another\"\nowner = \"integration-team\"\nmay = [\"search\"]\nasserts = [\"*\"]\nrate_per_s = 1000\n");
    let house = House::with(files).await;
    for number in 0..7 {
        house.admit(&format!("92{number:04}"), "ED").await;
    }
    let whole = all_ids(&house, RESOURCES, &patients_of("n-amara", "read_chart")).await;
    assert_eq!(whole.len(), 8);
    let mut asked = patients_of("n-amara", "read_chart");
    asked["page"] = json!({ "limit": 3 });
    let (mut pages, mut tokens) = (Vec::new(), Vec::new());
    loop {
        let answer = house.post(RESOURCES, &asked).await.json();
        pages.extend(ids(&answer));
        let token = answer["page"]["next_token"].as_str().unwrap().to_owned();
        if token.is_empty() {
            break;
        }
        asked["page"] = json!({ "limit": 3, "token": token });
        tokens.push(token);
    }
    assert_eq!(pages, whole);
    assert_eq!(tokens.len(), 2);

    let token = &tokens[0];
    let refused = async |asked: &Value, token: &str, why: &str| {
        let got = house.post_as(token, RESOURCES, asked).await;
        assert_eq!(got.status, StatusCode::BAD_REQUEST, "{got:?}");
        assert!(got.message().contains(why), "{}", got.message());
    };
    asked["page"] = json!({ "limit": 4, "token": token });
    refused(&asked, &house.ehr, "not the one this token is for").await;
    asked["page"] = json!({ "token": token });
    let mut other = asked.clone();
    other["action"]["name"] = json!("write_note");
    refused(&other, &house.ehr, "not the one this token is for").await;
    let mut other = asked.clone();
    other["context"]["purpose"] = json!("HRESCH");
    refused(&other, &house.ehr, "not the one this token is for").await;
    refused(&asked, &house.token("another").await, "not a token of yours").await;
    let mut forged = token.clone().into_bytes();
    forged[20] ^= 1;
    asked["page"] = json!({ "token": String::from_utf8_lossy(&forged) });
    refused(&asked, &house.ehr, "not a token of yours").await;
    asked["page"] = json!({ "token": token });
    assert_eq!(ids(&house.post(RESOURCES, &asked).await.json()), whole[3..6]);
    house.clock.set(START + HOUR);
    refused(&asked, &house.ehr, "expired").await;
}

#[tokio::test]
async fn who_may_read_a_chart_is_told_by_name() {
    let house = House::open().await;
    let found = all_ids(&house, SUBJECTS, &people_for("read_chart", PATIENT)).await;
    assert_eq!(found, ["n-amara"]);
    let patient = id(&pseudonym(&house, PATIENT));
    house.tell(Joined { patient, person: id("d-cai"), until: None }).await;
    assert_eq!(all_ids(&house, SUBJECTS, &people_for("read_chart", PATIENT)).await, ["d-cai", "n-amara"]);
    assert_eq!(all_ids(&house, SUBJECTS, &people_for("prescribe", PATIENT)).await, ["d-cai"]);
    assert!(all_ids(&house, SUBJECTS, &people_for("read_chart", NOBODY)).await.is_empty());
}

#[tokio::test]
async fn what_may_be_done_is_told_by_name() {
    let house = House::open().await;
    let mut asked = question("n-amara", "read_chart", PATIENT);
    asked.as_object_mut().unwrap().remove("action");
    let found = all(&house, ACTIONS, &asked).await;
    let names: Vec<&str> = found.iter().map(|a| a["name"].as_str().unwrap()).collect();
    for action in charter(starter()).vocabulary().actions.keys() {
        let permitted = house.evaluate(&question("n-amara", action.as_str(), PATIENT)).await.decision();
        assert_eq!(names.contains(&action.as_str()), permitted, "{action}");
    }
    assert!(names.contains(&"read_chart") && !names.contains(&"prescribe"));
}

#[tokio::test]
async fn every_page_is_one_leaf_without_a_record_number() {
    let house = House::open().await;
    let before = house.entries();
    let answer = house.post(SUBJECTS, &people_for("read_chart", PATIENT)).await.json();
    assert_eq!(house.entries(), before + 1);
    let leaf = house.leaf(&answer["context"]["entry"]);
    let Event::SearchAnswered(found) = leaf.draft.event else { panic!("another kind") };
    assert_eq!(found.found, ["n-amara"]);
    assert_eq!(found.patient.map(|patient| patient.to_string()), Some(pseudonym(&house, PATIENT)));
    assert_eq!(found.question.principal.id.as_str(), "*");
    assert!(found.looked_at > 0);
}

#[tokio::test]
async fn searching_is_a_right_of_its_own() {
    let house = House::open().await;
    let token = house.token("portal").await;
    for path in [SUBJECTS, RESOURCES, ACTIONS] {
        let got = house.post_as(&token, path, &patients_of("n-amara", "read_chart")).await;
        assert_eq!((got.status, got.message().as_str()), (StatusCode::FORBIDDEN, "this caller may not `search`"));
    }
}

#[tokio::test]
async fn a_page_of_nothing_begins_where_it_was() {
    let house = House::open().await;
    let mut asked = patients_of("n-amara", "read_chart");
    asked["page"] = json!({ "limit": 0 });
    let answer = house.post(RESOURCES, &asked).await.json();
    assert_eq!(answer["page"]["count"], 0);
    let token = answer["page"]["next_token"].as_str().unwrap();
    assert!(!token.is_empty());
}
