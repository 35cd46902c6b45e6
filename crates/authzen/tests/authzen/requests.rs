//! What a deny offers to ask for, and what answers oblige to, as the drafts of AuthZEN's profiles write them.

use crate::house::{House, PATIENT, id, question, with};
use aws_lc_rs::hmac;
use axum::http::StatusCode;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use events::principal::Ended;
use serde_json::{Value, json};

/// A colleague's word would help a nurse from another unit.
async fn denied(house: &House) -> Value {
    let answer = house.evaluate(&question("n-bo", "read_chart", PATIENT)).await.json();
    assert_eq!(answer["decision"], false);
    answer["context"].clone()
}

fn claims(token: &str) -> Value {
    let payload = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap()
}

#[tokio::test]
async fn a_deny_that_can_be_asked_about_says_so_and_binds_it_to_this_decision_and_caller() {
    let house = House::open().await;
    let context = denied(&house).await;
    let request = &context["access_request"];
    let token = request["binding_token"].as_str().unwrap();
    let claims = claims(token);
    assert_eq!(claims["caller"], "ehr");
    assert_eq!(claims["evaluation_id"], context["entry"].to_string());
    assert_eq!(claims["evaluation_id"], context["evaluation_id"]);
    assert_eq!(claims["denial_expires_at"], request["expires_at"]);
    assert!(claims["exp"].as_i64() > claims["iat"].as_i64());
    assert!(!claims.to_string().contains(PATIENT), "no record number");
    assert!(request.get("endpoint").is_none(), "nothing takes requests yet, and so none is named");
    let other = denied(&house).await;
    assert_ne!(other["access_request"]["binding_token"], token);
}

#[tokio::test]
async fn a_binding_token_is_signed_by_this_node_and_no_byte_of_it_can_be_changed() {
    let house = House::open().await;
    let context = denied(&house).await;
    let token = context["access_request"]["binding_token"].as_str().unwrap();
    let (signed, tag) = token.rsplit_once('.').unwrap();
    let root = hmac::Key::new(hmac::HMAC_SHA256, house.plane.store().keys().token.bytes());
    let key = hmac::Key::new(hmac::HMAC_SHA256, hmac::sign(&root, b"authzen binding token 1").as_ref());
    let tag = URL_SAFE_NO_PAD.decode(tag).unwrap();
    assert!(hmac::verify(&key, signed.as_bytes(), &tag).is_ok());
    assert!(hmac::verify(&key, signed.replacen('a', "b", 1).as_bytes(), &tag).is_err());
}

#[tokio::test]
async fn where_nothing_can_be_asked_for_nothing_is_offered() {
    let house = House::open().await;
    let permitted = house.evaluate(&question("n-amara", "read_chart", PATIENT)).await.json();
    assert!(permitted["context"].get("access_request").is_none());
    let unknown = house.evaluate(&question("n-amara", "no_such_action", PATIENT)).await.json();
    assert!(unknown["context"].get("access_request").is_none());
}

#[tokio::test]
async fn every_obligation_has_the_form_of_the_profile_beside_its_own() {
    let house = House::open().await;
    let answer = house.evaluate(&question("n-amara", "read_chart", PATIENT)).await.json();
    let duties = answer["context"]["obligations"].as_array().unwrap();
    assert!(duties.len() >= 2);
    for duty in duties {
        assert!(duty["id"].is_string() && duty["type"] == "custom" && duty["kind"].is_string(), "{duty}");
        assert_eq!(duty["properties"]["vendor"], "handrail");
        assert_eq!(duty["properties"]["action"], duty["kind"]);
    }
    let mut ids: Vec<&str> = duties.iter().map(|duty| duty["id"].as_str().unwrap()).collect();
    ids.dedup();
    assert_eq!(ids.len(), duties.len());
}

#[tokio::test]
async fn where_signing_in_again_is_the_cheapest_help_a_deny_obliges_to_it() {
    let house = House::open().await;
    let weak = json!({ "level": 1, "age_minutes": 1, "method": "badge" });
    let asked = with(question("n-amara", "administer_medication", PATIENT), "/context/session", weak);
    let answer = house.evaluate(&asked).await.json();
    assert_eq!(answer["context"]["remedies"][0]["kind"], "step_up", "{answer}");
    let duty = &answer["context"]["obligations"][0];
    assert_eq!(duty["type"], "step-up");
    let level = answer["context"]["remedies"][0]["level"].as_u64().unwrap();
    assert_eq!(duty["properties"]["acr_value"], format!("http://idmanagement.gov/ns/assurance/aal/{level}"));
    let max_age = duty["properties"]["max_age"].as_u64().unwrap();
    assert!(max_age >= 60);
    // As a resource server would say it to an OAuth client.
    let challenge = &answer["context"]["challenge"];
    assert_eq!(challenge["error"], "insufficient_user_authentication");
    assert_eq!((&challenge["acr_values"], &challenge["max_age"]), (&duty["properties"]["acr_value"], &json!(max_age)));
    let header = challenge["www_authenticate"].as_str().unwrap();
    assert!(header.starts_with("Bearer error=") && header.ends_with(&format!("max_age=\"{max_age}\"")), "{header}");
    let permitted = house.evaluate(&question("n-amara", "read_chart", PATIENT)).await.json();
    assert!(permitted["context"].get("challenge").is_none());
}

#[tokio::test]
async fn a_deny_to_somebody_who_may_not_act_any_more_ends_their_sessions() {
    let house = House::open().await;
    house.tell(Ended { principal: id("n-amara") }).await;
    let answer = house.evaluate(&question("n-amara", "read_chart", PATIENT)).await.json();
    let duty = &answer["context"]["obligations"][0];
    assert_eq!((&duty["type"], &duty["properties"]), (&json!("session_termination"), &json!({ "subject": "n-amara" })));
}

#[tokio::test]
async fn the_metadata_names_the_obligations_and_no_endpoint_that_is_not_there() {
    let house = House::open().await;
    let got = house.get("", "/.well-known/authzen-configuration").await;
    assert_eq!(got.status, StatusCode::OK);
    let told = got.json();
    assert_eq!(told["supported_obligations"], json!(["step-up", "notification", "session_termination", "custom"]));
    assert!(told.get("capabilities").is_none() && told.get("access_request_endpoint").is_none());
}
