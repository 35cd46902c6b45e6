//! Who may call, and how fast.

use crate::house::{House, PATIENT, question, starter};
use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use serde_json::Value;

const PATH: &str = "/access/v1/evaluation";

async fn with_header(house: &House, value: Option<&[u8]>) -> crate::house::Got {
    let mut request = Request::post(PATH).header(header::CONTENT_TYPE, "application/json");
    if let Some(value) = value {
        request = request.header(header::AUTHORIZATION, value);
    }
    let body = question("n-amara", "read_chart", PATIENT).to_string();
    house.send(request.body(Body::from(body)).unwrap()).await
}

#[tokio::test]
async fn without_a_valid_token_nobody_learns_anything() {
    let house = House::open().await;
    let revoked = house.token("pharmacy").await;
    house.callers.revoke(&"pharmacy".parse().unwrap(), crate::house::by()).await.unwrap();
    let before = house.entries();
    let good = house.ehr.clone();
    let shown: Vec<String> = ["Bearer", "Bearer ", "Basic ZWhyOmVocg==", "Bearer garbage", "Bearer hr_a_b", "DPoP x"]
        .map(str::to_owned)
        .into_iter()
        .chain([
            format!("Bearer {revoked}"),
            good.clone(),
            format!("Token {good}"),
            format!("Bearer{good}"),
            format!("Bearer {}", &good[..good.len() - 1]),
            format!("Bearer {good}{}", "x".repeat(8_000)),
            format!("Bearer {good}, Bearer {good}"),
        ])
        .collect();
    let values = shown.iter().map(|value| Some(value.as_bytes())).chain([None, Some(&b"Bearer \xff\xfe"[..])]);
    for value in values {
        let got = with_header(&house, value).await;
        assert_eq!(got.status, StatusCode::UNAUTHORIZED, "{value:?}");
        assert_eq!(got.headers[header::WWW_AUTHENTICATE], "Bearer realm=\"handrail\"");
        assert_eq!(got.message(), "a valid bearer token is needed");
    }
    assert_eq!(house.entries(), before);
    for value in [format!("bearer {good}"), format!("BEARER   {good} ")] {
        assert!(with_header(&house, Some(value.as_bytes())).await.decision(), "the scheme's case does not matter");
    }
}

#[tokio::test]
async fn a_token_is_asked_for_before_the_body_is_read() {
    let house = House::open().await;
    let huge = house.post_bytes("nobody", PATH, vec![b'['; 10 * 1024 * 1024]).await;
    assert_eq!(huge.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_caller_without_the_right_is_refused_by_name_of_the_right() {
    let house = House::open().await;
    let asked = question("n-amara", "read_chart", PATIENT);
    let before = house.entries();
    let (rota, portal, unnamed) =
        (house.token("rota").await, house.token("portal").await, house.token("something-new").await);
    for (token, path, right) in [
        (&rota, PATH, "evaluate"),
        (&rota, "/access/v1/evaluations", "evaluate"),
        (&rota, "/handrail/v1/permits", "evaluate_live"),
        (&portal, "/handrail/v1/permits", "evaluate_live"),
        (&unnamed, "/handrail/v1/permits", "evaluate_live"),
    ] {
        let got = house.post_as(token, path, &asked).await;
        assert_eq!(got.status, StatusCode::FORBIDDEN);
        assert_eq!(got.message(), format!("this caller may not `{right}`"));
    }
    assert_eq!(house.entries(), before + 3, "nothing but the tokens");
    for path in ["/handrail/v1/permits/1", "/handrail/v1/permits/1/watch"] {
        assert_eq!(house.get(&portal, path).await.status, StatusCode::FORBIDDEN);
    }
    assert_eq!(house.delete(&portal, "/handrail/v1/permits/1").await.status, StatusCode::FORBIDDEN);
    // One the charter does not name may ask and is believed nothing.
    let got = house.post_as(&unnamed, PATH, &asked).await;
    assert!(!got.decision());
    let leaf = house.leaf(&got.json()["context"]["entry"]);
    let events::Event::DecisionMade(made) = leaf.draft.event else { panic!("another kind") };
    assert!(made.question.asserted.is_empty());
}

#[tokio::test]
async fn a_caller_that_calls_too_fast_is_told_when_to_try_again() {
    let mut files = starter();
    let systems = files.get_mut("systems.toml").unwrap();
    systems.push_str(
        "\n[callers.slow]\ntitle = \"Slow\"\nowner = \"integration-team\"\nmay = [\"evaluate\", \"evaluate_live\"]\nrate_per_s = 1\n",
    );
    let house = House::with(files).await;
    let slow = house.token("slow").await;
    let asked = question("n-amara", "read_chart", PATIENT);
    let mut refused = None;
    for _ in 0..50 {
        let got = house.post_as(&slow, PATH, &asked).await;
        if got.status == StatusCode::TOO_MANY_REQUESTS {
            refused = Some(got);
            break;
        }
    }
    let refused = refused.expect("fifty requests a second are too fast for one");
    assert_eq!(refused.headers[header::RETRY_AFTER], "1");
    assert_eq!(refused.message(), "this caller calls too fast; try again in 1 s");
    let before = house.entries();
    assert_eq!(house.post_as(&slow, "/handrail/v1/permits", &asked).await.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(house.entries(), before);
    assert_ne!(house.evaluate(&asked).await.json(), Value::Null, "others go on");
}

#[tokio::test]
async fn every_evaluation_of_a_batch_counts() {
    let mut files = starter();
    let systems = files.get_mut("systems.toml").unwrap();
    systems.push_str(
        "\n[callers.steady]\ntitle = \"Steady\"\nowner = \"integration-team\"\nmay = [\"evaluate\"]\nrate_per_s = 20\n",
    );
    let house = House::with(files).await;
    let steady = house.token("steady").await;
    let mut batch = question("n-amara", "read_chart", PATIENT);
    batch["evaluations"] = serde_json::json!(vec![serde_json::json!({}); 15]);
    let mut answered = 0;
    for _ in 0..50 {
        let before = house.entries();
        let got = house.post_as(&steady, "/access/v1/evaluations", &batch).await;
        if got.status == StatusCode::TOO_MANY_REQUESTS {
            assert!(got.headers.contains_key(header::RETRY_AFTER));
            assert_eq!(house.entries(), before, "none of them was decided");
            assert!(answered > 0, "the first fits");
            return;
        }
        answered += got.json()["evaluations"].as_array().unwrap().len();
    }
    panic!("{answered} evaluations went through at 20 a second");
}
