//! Bad input: a clear refusal, no crash, nothing lost, nothing in the log that cannot be read again.

use crate::house::{House, PATIENT, question, request, with};
use authzen::BODY_BYTES_MAX;
use axum::body::Body;
use axum::http::{Method, StatusCode, header};
use events::{Leaf, Seq};
use plane::Readiness;
use serde_json::{Value, json};
use std::ops::ControlFlow;

const PATHS: [&str; 3] = ["/access/v1/evaluation", "/access/v1/evaluations", "/handrail/v1/permits"];

fn whole() -> Value {
    question("n-amara", "record_observations", PATIENT)
}

/// Every entry can be read, and the node answers.
fn is_well(house: &House) {
    let mut read = 0;
    let scanned = house.plane.store().read(|reader| {
        reader.scan(Seq(0), house.plane.store().head().next, |seq, bytes| {
            Leaf::parse(bytes).unwrap_or_else(|error| panic!("entry {seq}: {error}"));
            read += 1;
            ControlFlow::Continue(())
        })
    });
    scanned.unwrap();
    assert_eq!(read, house.entries());
    assert_eq!(house.plane.readiness(), Readiness::Ready);
}

#[tokio::test]
async fn another_content_type_is_a_bad_request() {
    let house = House::open().await;
    let send = async |path: &str, kind: Option<&str>| {
        let mut request = request(Method::POST, path, &house.ehr);
        if let Some(kind) = kind {
            request = request.header(header::CONTENT_TYPE, kind);
        }
        house.send(request.body(Body::from(whole().to_string())).unwrap()).await
    };
    for path in PATHS {
        for kind in [
            None,
            Some(""),
            Some("text/plain"),
            Some("application/x-www-form-urlencoded"),
            Some("application/jsonp"),
            Some("text/json; application/json"),
        ] {
            let got = send(path, kind).await;
            assert_eq!(got.status, StatusCode::BAD_REQUEST, "{kind:?}");
            assert_eq!(got.message(), "the content type has to be application/json");
        }
        for kind in ["application/json", "Application/JSON; charset=utf-8", " application/json ;x=y"] {
            assert!(send(path, Some(kind)).await.status.is_success(), "{kind}");
        }
    }
}

#[tokio::test]
async fn bodies_that_are_not_as_expected_are_bad_requests() {
    let house = House::open().await;
    let before = house.entries();
    let text = whole().to_string();
    let mut truncated: Vec<Vec<u8>> = (0..text.len()).step_by(7).map(|end| text.as_bytes()[..end].to_vec()).collect();
    let mut bad: Vec<Vec<u8>> = [
        "null",
        "true",
        "1",
        "\"\"",
        "[]",
        "{}",
        "{}{}",
        "{\"subject\":}",
        "{'subject':1}",
        "NaN",
        "{\"subject\":{}}",
        "\u{feff}{}",
        "\0",
        "{\"subject\":{\"type\":\"user\",\"id\":\"\\ud800\"}}",
        "// {}",
    ]
    .map(|text| text.as_bytes().to_vec())
    .to_vec();
    bad.append(&mut truncated);
    bad.push([b"\xef\xbb\xbf", text.as_bytes()].concat());
    bad.push([text.as_bytes(), b"x"].concat());
    bad.push(text.replace("n-amara", "n-amara\u{1}").into_bytes());
    let mut invalid = text.clone().into_bytes();
    let at = text.find("n-amara").unwrap();
    invalid[at] = 0xff;
    bad.push(invalid);
    bad.push(text.encode_utf16().flat_map(u16::to_le_bytes).collect());
    for path in PATHS {
        for body in &bad {
            let got = house.post_bytes(&house.ehr, path, body.clone()).await;
            let shown = String::from_utf8_lossy(body).into_owned();
            assert_eq!(got.status, StatusCode::BAD_REQUEST, "{path}: {shown}");
            assert!(!got.message().is_empty(), "{path}: {shown}");
        }
    }
    assert_eq!(house.entries(), before, "nothing was decided");
    is_well(&house);
}

#[tokio::test]
async fn members_of_wrong_types_are_bad_requests() {
    let house = House::open().await;
    for place in [
        "/subject",
        "/subject/type",
        "/subject/id",
        "/subject/properties",
        "/action",
        "/action/name",
        "/action/properties",
        "/resource",
        "/resource/type",
        "/resource/id",
        "/resource/properties",
        "/context",
        "/context/workflow",
    ] {
        for value in [json!(1), json!(true), json!([]), json!([1]), json!({ "a": 1 }), json!("")] {
            let container = place.ends_with("properties") || place == "/context";
            if container && value.is_object() {
                continue;
            }
            let got = house.evaluate(&with(whole(), place, value.clone())).await;
            assert_eq!(got.status, StatusCode::BAD_REQUEST, "{place} = {value}");
        }
        let optional = place.ends_with("properties") || place.starts_with("/context");
        let got = house.evaluate(&with(whole(), place, Value::Null)).await;
        assert_eq!(got.status.is_success(), optional, "{place} = null");
    }
    is_well(&house);
}

#[tokio::test]
async fn members_in_a_list_are_no_object() {
    let house = House::open().await;
    let parts = whole();
    let list = json!([parts["subject"], parts["action"], parts["resource"], parts["context"]]);
    for path in PATHS {
        let mut lists = vec![
            list.clone(),
            with(whole(), "/subject", json!(["user", "n-amara"])),
            with(whole(), "/subject", json!(["user", "n-amara", {}])),
            with(whole(), "/action", json!(["record_observations"])),
            with(whole(), "/resource", json!(["patient", PATIENT])),
        ];
        if path.ends_with("evaluations") {
            lists.push(with(whole(), "/options", json!(["execute_all"])));
        }
        for asked in lists {
            let got = house.post(path, &asked).await;
            assert_eq!(got.status, StatusCode::BAD_REQUEST, "{path} {asked}");
            assert!(got.message().contains("expected an object"), "{}", got.message());
        }
    }
    let got = house.post(PATHS[1], &json!({ "evaluations": [list] })).await;
    assert_eq!(got.json()["evaluations"][0]["context"]["error"]["status"], 400);
}

#[tokio::test]
async fn a_member_that_stands_twice_is_a_bad_request_wherever_it_stands() {
    let house = House::open().await;
    let before = house.entries();
    let text = whole().to_string();
    let other = r#""subject":{"type":"user","id":"n-bo"},"#;
    let in_item = format!("{{\"evaluations\":[{text},{}]}}", text.replacen('{', &format!("{{{other}"), 1));
    let in_context = with(whole(), "/context/session", json!("PLACE")).to_string();
    let in_context = in_context.replace("\"PLACE\"", r#"{"level":1,"age_minutes":1,"level":3}"#);
    let session = r#"{"level":3,"age_minutes":1}"#;
    let sessions = with(whole(), "/context", json!("PLACE")).to_string();
    let sessions = sessions.replace("\"PLACE\"", &format!(r#"{{"session":{session},"session":{session}}}"#));
    let properties = with(whole(), "/resource/properties", json!("PLACE")).to_string();
    let properties = properties.replace("\"PLACE\"", r#"{"a":1,"a":1}"#);
    let top = text.replacen('{', &format!("{{{other}"), 1);
    for body in [&top, &in_context, &sessions, &properties] {
        for path in PATHS {
            let got = house.post_bytes(&house.ehr, path, body.clone().into_bytes()).await;
            assert_eq!(got.status, StatusCode::BAD_REQUEST, "{path}: {body}");
        }
    }
    let got = house.post_bytes(&house.ehr, PATHS[1], in_item.into_bytes()).await;
    assert_eq!(got.status, StatusCode::BAD_REQUEST, "an item of several");
    assert!(got.message().contains("twice"), "{}", got.message());
    assert_eq!(house.entries(), before, "nothing was decided");
}

#[tokio::test]
async fn what_nobody_sees_is_no_part_of_a_name_or_number() {
    let house = House::open().await;
    let before = house.entries();
    for (place, value) in [
        ("/subject/id", "n-amara\u{202e}"),
        ("/subject/id", "n-am\u{200b}ara"),
        ("/action/name", "read\u{ad}chart"),
        ("/resource/type", "pat\u{2066}ient"),
        ("/resource/id", "9000\u{feff}01"),
        ("/resource/id", " 900001"),
        ("/resource/id", "900001 "),
        ("/resource/id", "temp-hr-6a3q-v3ndh"),
        ("/context/workflow", "x\u{200d}"),
        ("/context/device", "ws\u{202e}-1"),
    ] {
        let got = house.evaluate(&with(whole(), place, json!(value))).await;
        assert_eq!(got.status, StatusCode::BAD_REQUEST, "{place} = {value:?}");
        let part = place.trim_start_matches('/').replace('/', ".");
        assert!(got.message().starts_with(&format!("`{part}`")), "{}", got.message());
    }
    assert_eq!(house.entries(), before, "nothing was decided");
}

#[tokio::test]
async fn asserted_values_of_wrong_types_deny_and_are_said_to() {
    let house = House::open().await;
    for (place, value) in [
        ("/context/session", json!("strong")),
        ("/context/session", json!({ "level": 9, "age_minutes": 0 })),
        ("/context/session", json!({ "level": 2, "age_minutes": -5 })),
        ("/context/session", json!({ "level": 2.5, "age_minutes": 1 })),
        ("/context/session", json!({ "level": 1e300, "age_minutes": 1 })),
        ("/context/session", json!({ "level": 18_446_744_073_709_551_615_u64, "age_minutes": 1 })),
        ("/context/device", json!(7)),
        ("/context/device", json!("")),
        ("/context/purpose", json!({ "code": "TREAT" })),
        ("/context/purpose", json!("x".repeat(1000))),
    ] {
        let got = house.evaluate(&with(whole(), place, value.clone())).await;
        assert!(!got.decision(), "{place} = {value}");
        let reasons = got.json()["context"]["reasons"].to_string();
        assert!(reasons.contains("context."), "{place} = {value}: {reasons}");
    }
    is_well(&house);
}

#[tokio::test]
async fn names_that_are_empty_too_long_or_unprintable_are_bad_requests() {
    let house = House::open().await;
    let before = house.entries();
    for place in ["/subject/type", "/subject/id", "/action/name", "/resource/type", "/resource/id", "/context/workflow"]
    {
        let most = if place == "/resource/id" { 64 } else { 128 };
        for value in [String::new(), "x".repeat(most + 1), "a\nb".into(), "a\u{0}b".into(), "a\u{7f}".into()] {
            let got = house.evaluate(&with(whole(), place, json!(value))).await;
            assert_eq!(got.status, StatusCode::BAD_REQUEST, "{place} = {value:?}");
            let part = place.trim_start_matches('/').replace('/', ".");
            assert!(got.message().starts_with(&format!("`{part}`")), "{}", got.message());
        }
        assert_eq!(house.entries(), before);
    }
    for place in ["/subject/id", "/action/name", "/resource/id"] {
        let most = if place == "/resource/id" { 64 } else { 128 };
        assert!(!house.evaluate(&with(whole(), place, json!("x".repeat(most)))).await.decision());
    }
    is_well(&house);
}

#[tokio::test]
async fn deep_nesting_is_refused_and_harms_nothing() {
    let house = House::open().await;
    let deep = |open: &str, close: &str, levels: usize| open.repeat(levels) + &close.repeat(levels);
    let inside = |place: &str, value: &str| {
        with(whole(), place, json!("PLACE")).to_string().replace("\"PLACE\"", value).into_bytes()
    };
    for path in PATHS {
        for levels in [200, 100_000] {
            // A body has its own limit, and objects take more of it.
            let objects = levels.min(40_000);
            for body in [
                "[".repeat(levels).into_bytes(),
                "{\"a\":".repeat(objects).into_bytes(),
                deep("[", "]", levels).into_bytes(),
                inside("/context/device", &deep("[", "]", levels)),
                inside("/subject/id", &deep("{\"a\":", "}", objects).replace(":}", ":1}")),
            ] {
                let got = house.post_bytes(&house.ehr, path, body).await;
                assert_eq!(got.status, StatusCode::BAD_REQUEST);
            }
            // What nobody reads need not be refused, but must not harm.
            let got = house.post_bytes(&house.ehr, path, inside("/nothing", &deep("[", "]", levels))).await;
            assert!(got.status.is_success() || got.status == StatusCode::BAD_REQUEST);
        }
        let items = format!("{{\"evaluations\":[{}]}}", deep("[", "]", 100_000)).into_bytes();
        assert_eq!(house.post_bytes(&house.ehr, path, items).await.status, StatusCode::BAD_REQUEST);
    }
    is_well(&house);
}

#[tokio::test]
async fn what_is_asserted_stays_readable_however_deep_it_is() {
    let house = House::open().await;
    // Every depth the reader of bodies lets through: the log adds levels of its own.
    for levels in 1..=130 {
        for place in ["/context/device", "/action/properties/scanned"] {
            let asked = with(question("n-amara", "administer_medication", PATIENT), "/action/properties", json!({}));
            let value = "[".repeat(levels) + &"]".repeat(levels);
            let body = with(asked, place, json!("PLACE")).to_string().replace("\"PLACE\"", &value);
            let got = house.post_bytes(&house.ehr, PATHS[0], body.into_bytes()).await;
            if levels <= 16 {
                assert!(!got.decision());
            } else {
                assert_eq!(got.status, StatusCode::BAD_REQUEST, "{levels} levels");
            }
        }
    }
    is_well(&house);
}

#[tokio::test]
async fn large_bodies_are_refused_and_large_assertions_too() {
    let house = House::open().await;
    let before = house.entries();
    for path in PATHS {
        for bytes in [BODY_BYTES_MAX + 1, 10 * 1024 * 1024] {
            let got = house.post_bytes(&house.ehr, path, vec![b' '; bytes]).await;
            assert_eq!(got.status, StatusCode::PAYLOAD_TOO_LARGE);
            assert!(got.message().contains("262144"), "{}", got.message());
        }
    }
    let much = with(whole(), "/context/purpose", json!("x".repeat(5_000)));
    let got = house.evaluate(&much).await;
    assert_eq!(got.status, StatusCode::BAD_REQUEST);
    assert!(got.message().contains("4096"), "{}", got.message());
    assert_eq!(house.entries(), before);
    // What this caller may not assert may be long: it is dropped.
    let ignored = with(whole(), "/context/note", json!("x".repeat(200_000)));
    assert!(house.evaluate(&ignored).await.decision());
    is_well(&house);
}

#[tokio::test]
async fn a_question_that_does_not_fit_a_leaf_is_the_askers_mistake() {
    let mut files = crate::house::starter();
    let systems = files.get_mut("systems.toml").unwrap();
    systems.push_str(
        "\n[callers.talker]\ntitle = \"Says much\"\nowner = \"integration-team\"\nmay = [\"evaluate\"]\nasserts = [\"*\"]\nrate_per_s = 100\n",
    );
    let house = House::with(files).await;
    let talker = house.token("talker").await;
    let long = |bytes: usize| "\u{e9}".repeat(bytes / 2);
    let asked = json!({
        "subject": { "type": "user", "id": "n-amara", "properties": { "labels": [long(4_000)] } },
        "action": { "name": "administer_medication", "properties": { "scanned": long(4_000) } },
        "resource": { "type": "patient", "id": PATIENT, "properties": { "labels": [long(4_000)] } },
        "context": { "purpose": long(4_000) },
    });
    let got = house.post_as(&talker, PATHS[0], &asked).await;
    assert_eq!(got.status, StatusCode::BAD_REQUEST, "{got:?}");
    assert!(got.message().contains("too long"), "{}", got.message());
    is_well(&house);
}

#[tokio::test]
async fn other_methods_and_paths_are_refused() {
    let house = House::open().await;
    for path in PATHS {
        assert_eq!(house.get(&house.ehr, path).await.status, StatusCode::METHOD_NOT_ALLOWED);
    }
    for path in ["/access/v1/evaluation/", "/access/v2/evaluation", "/access/v1/search/unit", "/"] {
        assert_eq!(house.post(path, &whole()).await.status, StatusCode::NOT_FOUND);
    }
    for entry in ["x", "-1", "1.5", "18446744073709551616", "%00", "..%2f"] {
        let got = house.get(&house.ehr, &format!("/handrail/v1/permits/{entry}")).await;
        assert_eq!((got.status, got.message().as_str()), (StatusCode::NOT_FOUND, "no such live permit"), "{entry}");
    }
}
