//! The API's description: held by a file, complete, and true about who may call.

use crate::house::{House, sorted};
use axum::body::Body;
use axum::http::{Method, Request, StatusCode, header};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

const METHODS: [&str; 5] = ["get", "post", "put", "delete", "patch"];

/// Methods by path, as documented.
fn documented() -> BTreeMap<String, BTreeMap<String, Value>> {
    let document = authzen::document();
    let methods = |item: &Map<String, Value>| {
        let of = item.iter().filter(|(name, _)| METHODS.contains(&name.as_str()));
        of.map(|(name, operation)| (name.clone(), operation.clone())).collect()
    };
    let paths = document["paths"].as_object().unwrap();
    paths.iter().map(|(path, item)| (path.clone(), methods(item.as_object().unwrap()))).collect()
}

/// Methods by path, as the router is built: read from its source, since a router does not list its routes.
fn routed() -> BTreeMap<String, BTreeSet<String>> {
    let source = include_str!("../../src/lib.rs");
    let mut routes = BTreeMap::new();
    for line in source.lines() {
        let Some(rest) = line.trim().strip_prefix(".route(\"") else { continue };
        let (path, handlers) = rest.split_once("\", ").unwrap();
        let methods = METHODS.iter().filter(|method| handlers.contains(&format!("{method}(")));
        routes.insert(path.to_owned(), methods.map(|method| (*method).to_owned()).collect());
    }
    assert!(routes.len() >= 6, "the router is not written as this test reads it");
    routes
}

#[test]
fn the_document_is_the_one_in_the_repository() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/openapi.json");
    let kept: Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap_or_default()).unwrap_or_default();
    let document = authzen::document();
    if kept == document {
        return;
    }
    let [kept, now] = [&kept, &document].map(|value| serde_json::to_string_pretty(&sorted(value)).unwrap());
    let whole = serde_json::to_string_pretty(&document).unwrap();
    let differs = kept.lines().zip(now.lines()).position(|(kept, now)| kept != now);
    let first = differs.unwrap_or_else(|| kept.lines().count().min(now.lines().count()));
    let shown = |text: &str| text.lines().skip(first).take(5).collect::<Vec<_>>().join("\n");
    panic!(
        "docs/openapi.json differs:\n- {}\n+ {}\nIf that is meant, make it this:\n{whole}",
        shown(&kept),
        shown(&now)
    );
}

#[test]
fn every_route_is_documented_and_nothing_else_is() {
    let documented: BTreeMap<String, BTreeSet<String>> =
        documented().into_iter().map(|(path, methods)| (path, methods.into_keys().collect())).collect();
    assert_eq!(documented, routed());
}

#[test]
fn every_reference_leads_somewhere_and_every_operation_has_its_own_name() {
    fn references<'a>(value: &'a Value, into: &mut Vec<&'a str>) {
        match value {
            Value::Object(members) => {
                into.extend(members.get("$ref").and_then(Value::as_str));
                members.values().for_each(|value| references(value, into));
            }
            Value::Array(items) => items.iter().for_each(|value| references(value, into)),
            _ => {}
        }
    }
    let document = authzen::document();
    assert_eq!(document["openapi"].as_str().map(|version| &version[..3]), Some("3.1"));
    let mut found = Vec::new();
    references(&document, &mut found);
    assert!(found.len() > 5);
    for reference in found {
        let place = reference.strip_prefix('#').unwrap();
        assert!(document.pointer(place).is_some(), "{reference}");
    }
    let operations: Vec<Value> =
        documented().into_values().flat_map(BTreeMap::into_values).map(|of| of["operationId"].clone()).collect();
    let names: BTreeSet<String> = operations.iter().map(Value::to_string).collect();
    assert_eq!(names.len(), operations.len());
}

#[tokio::test]
async fn everything_but_the_metadata_refuses_whoever_has_no_token() {
    let house = House::open().await;
    let before = house.entries();
    for (path, methods) in documented() {
        for (name, operation) in methods {
            let method = Method::from_bytes(name.to_uppercase().as_bytes()).unwrap();
            let open = operation.get("security").is_some_and(|security| *security == serde_json::json!([]));
            assert_eq!(open, path.starts_with("/.well-known/"), "{path}");
            for body in [Body::empty(), Body::from("{}"), Body::from("[".repeat(1000))] {
                let request = Request::builder()
                    .method(method.clone())
                    .uri(path.replace("{entry}", "0"))
                    .header(header::CONTENT_TYPE, "application/json");
                let got = house.send(request.body(body).unwrap()).await;
                if open {
                    assert_eq!(got.status, StatusCode::OK, "{name} {path}");
                } else {
                    assert_eq!(got.status, StatusCode::UNAUTHORIZED, "{name} {path}");
                    assert!(got.headers.contains_key(header::WWW_AUTHENTICATE));
                    assert!(operation["responses"].get("401").is_some(), "{name} {path}");
                }
            }
        }
    }
    assert_eq!(house.entries(), before);
}

#[tokio::test]
async fn every_answer_seen_is_one_the_document_names() {
    let house = House::open().await;
    let paths = documented();
    let asked = crate::house::question("n-amara", "record_observations", crate::house::PATIENT);
    let seen = [
        ("/access/v1/evaluation", "post", house.evaluate(&asked).await.status),
        (
            "/access/v1/evaluation",
            "post",
            house.post_bytes(&house.ehr, "/access/v1/evaluation", vec![b'{']).await.status,
        ),
        ("/access/v1/evaluations", "post", house.post("/access/v1/evaluations", &asked).await.status),
        ("/handrail/v1/permits", "post", house.post("/handrail/v1/permits", &asked).await.status),
        ("/handrail/v1/permits/{entry}", "get", house.get(&house.ehr, "/handrail/v1/permits/0").await.status),
        ("/handrail/v1/permits/{entry}", "delete", house.delete(&house.ehr, "/handrail/v1/permits/0").await.status),
    ];
    for (path, method, status) in seen {
        assert!(paths[path][method]["responses"].get(status.as_str()).is_some(), "{method} {path}: {status}");
    }
    let schema = &authzen::document()["components"]["schemas"]["Decision"];
    let required: BTreeSet<&str> = schema["required"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    assert_eq!(required, BTreeSet::from(["context", "decision"]));
}
