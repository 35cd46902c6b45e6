//! The API's description in OpenAPI 3.1, generated from the types that read and write it and held by a golden file.

use crate::wire::{Action, Decision, Decisions, Entity, Evaluation, Evaluations, Options, Semantic};
use serde_json::{Value, json};
use utoipa::OpenApi;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Handrail decision API",
        description = "OpenID AuthZEN Authorization API 1.0, and permits that stay live.",
        license(name = "Apache-2.0", identifier = "Apache-2.0")
    ),
    components(schemas(Action, Decision, Decisions, Entity, Evaluation, Evaluations, Options, Semantic))
)]
struct Document;

/// The whole document, as JSON.
#[must_use]
pub fn document() -> Value {
    let mut document = serde_json::to_value(Document::openapi()).unwrap_or_default();
    if let Some(document) = document.as_object_mut() {
        document.insert("paths".to_owned(), paths());
        document.insert("security".to_owned(), json!([{ "caller": [] }]));
        if let Some(components) = document.get_mut("components").and_then(Value::as_object_mut) {
            let scheme =
                json!({ "type": "http", "scheme": "bearer", "description": "a token of `handrail caller add`" });
            components.insert("securitySchemes".to_owned(), json!({ "caller": scheme }));
        }
    }
    document
}

fn reference(schema: &str) -> Value {
    json!({ "application/json": { "schema": { "$ref": format!("#/components/schemas/{schema}") } } })
}

fn answers(success: &[(&str, &str, Value)]) -> Value {
    let error = json!({ "application/json": { "schema": { "type": "string" } } });
    let mut responses = serde_json::Map::new();
    for (status, description, content) in success {
        responses.insert((*status).to_owned(), json!({ "description": description, "content": content }));
    }
    for (status, description) in [
        ("400", "the request is not as expected"),
        ("401", "no valid token"),
        ("403", "this caller may not"),
        ("413", "the body is too large"),
        ("429", "this caller calls too fast"),
        ("503", "nothing can be recorded, so nothing is permitted"),
    ] {
        responses.insert(status.to_owned(), json!({ "description": description, "content": error }));
    }
    Value::Object(responses)
}

fn post(id: &str, summary: &str, request: &str, success: &[(&str, &str, Value)]) -> Value {
    json!({ "post": {
        "operationId": id,
        "summary": summary,
        "parameters": [{ "name": "X-Request-ID", "in": "header", "required": false, "schema": { "type": "string", "maxLength": 128 } }],
        "requestBody": { "required": true, "content": reference(request) },
        "responses": answers(success),
    }})
}

fn paths() -> Value {
    let entry =
        json!([{ "name": "entry", "in": "path", "required": true, "schema": { "type": "integer", "minimum": 0 } }]);
    let permit = |id: &str, summary: &str, success: Value| {
        json!({ "operationId": id, "summary": summary, "parameters": entry, "responses": {
            "200": success,
            "404": { "description": "this caller holds no such live permit" },
        }})
    };
    let decision = || ("200", "decided and recorded", reference("Decision"));
    json!({
        "/.well-known/authzen-configuration": { "get": {
            "operationId": "configuration",
            "summary": "Where the endpoints are (AuthZEN 1.0 section 9)",
            "security": [],
            "responses": { "200": { "description": "the metadata", "content": { "application/json": { "schema": { "type": "object" } } } } },
        }},
        "/access/v1/evaluation": post("evaluate", "May this happen? (AuthZEN 1.0 section 6)", "Evaluation", &[decision()]),
        "/access/v1/evaluations": post("evaluateMany", "May these happen? (AuthZEN 1.0 section 7)", "Evaluations",
            &[("200", "decided and recorded, in order", reference("Decisions"))]),
        "/handrail/v1/permits": post("openPermit", "The same as an evaluation, but a permit stays live", "Evaluation",
            &[("201", "permitted and live", reference("Decision")), ("200", "denied", reference("Decision"))]),
        "/handrail/v1/permits/{entry}": {
            "get": permit("permitStanding", "Does it still hold?", json!({ "description": "it does" })),
            "delete": { "operationId": "releasePermit", "summary": "Give it back", "parameters": entry, "responses": {
                "204": { "description": "it is ended" }, "404": { "description": "this caller holds no such live permit" } } },
        },
        "/handrail/v1/permits/{entry}/watch": {
            "get": permit("watchPermit", "Server-sent events: `holds` when the watch begins, `ended` when the permit does", json!({
                "description": "the events", "content": { "text/event-stream": { "schema": { "type": "string" } } } })),
        },
    })
}
