//! The API's description in OpenAPI 3.1, generated from the types that read and write it and held by a golden file.

use crate::wire::{
    Action, ActionSearch, Decision, Decisions, Entity, Evaluation, Evaluations, Item, Open, Options, PageMade,
    PageWanted, ResourceSearch, Result as Found, Results, Semantic, SubjectSearch,
};
use serde_json::{Value, json};
use utoipa::OpenApi;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Handrail decision API",
        description = "OpenID AuthZEN Authorization API 1.0, and permits that stay live.",
        license(name = "Apache-2.0", identifier = "Apache-2.0")
    ),
    components(schemas(
        Action,
        ActionSearch,
        Decision,
        Decisions,
        Entity,
        Evaluation,
        Evaluations,
        Found,
        Item,
        Open,
        Options,
        PageMade,
        PageWanted,
        ResourceSearch,
        Results,
        Semantic,
        SubjectSearch
    ))
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

/// What every endpoint that wants a token may answer instead.
const REFUSALS: [(&str, &str); 3] =
    [("401", "no valid token"), ("403", "this caller may not"), ("429", "this caller calls too fast")];
/// What an endpoint that reads a body may answer instead.
const UNREADABLE: [(&str, &str); 2] =
    [("400", "the request is not as expected, or of another content type"), ("413", "the body is too large")];
const UNRECORDED: (&str, &str) = ("503", "nothing can be recorded, so nothing is permitted: try again");
const NOT_HELD: (&str, &str) = ("404", "this caller holds no such live permit");

fn answers(success: &[(&str, &str, Option<Value>)], errors: &[(&str, &str)]) -> Value {
    let mut responses = serde_json::Map::new();
    for (status, description, content) in success {
        let answer = match content {
            Some(content) => json!({ "description": description, "content": content }),
            None => json!({ "description": description }),
        };
        responses.insert((*status).to_owned(), answer);
    }
    for (status, description) in REFUSALS.iter().chain(errors) {
        let text = |name: &str| json!({ name: { "schema": { "type": "string" } } });
        let mut answer = json!({ "description": description,
            "content": { "application/json": { "schema": { "type": "string" } } } });
        let header = match *status {
            "401" => Some(text("WWW-Authenticate")),
            "429" => Some(text("Retry-After")),
            _ => None,
        };
        if let (Some(answer), Some(header)) = (answer.as_object_mut(), header) {
            answer.insert("headers".to_owned(), header);
        }
        responses.insert((*status).to_owned(), answer);
    }
    Value::Object(responses)
}

fn request_id() -> Value {
    json!({ "name": "X-Request-ID", "in": "header", "required": false,
        "description": "echoed and recorded; anything else is replaced by a new one, which the answer carries",
        "schema": { "type": "string", "pattern": "^[0-9A-Za-z._:-]{1,64}$" } })
}

fn post(id: &str, summary: &str, request: &str, success: &[(&str, &str, Option<Value>)]) -> Value {
    let errors = [UNREADABLE[0], UNREADABLE[1], UNRECORDED];
    json!({ "post": {
        "operationId": id,
        "summary": summary,
        "parameters": [request_id()],
        "requestBody": { "required": true, "content": reference(request) },
        "responses": answers(success, &errors),
    }})
}

fn permit(id: &str, summary: &str, success: (&str, &str, Option<Value>), errors: &[(&str, &str)]) -> Value {
    let entry =
        json!({ "name": "entry", "in": "path", "required": true, "schema": { "type": "integer", "minimum": 0 } });
    json!({
        "operationId": id,
        "summary": summary,
        "parameters": [entry, request_id()],
        "responses": answers(&[success], errors),
    })
}

fn paths() -> Value {
    let decision = |of: &str| Some(reference(of));
    let standing = json!({ "application/json": { "schema": {
        "type": "object",
        "required": ["permit", "standing", "expires_at"],
        "properties": {
            "permit": { "type": "integer" },
            "standing": { "enum": ["holds", "ended", "unknown"] },
            "expires_at": { "type": "string", "format": "date-time" },
            "cause": { "enum": [
                "facts_changed", "expired", "charter_changed", "released", "caller_revoked", "cut_off", "cannot_read",
            ] },
            "mode": { "enum": ["now", "finish_action", "read_only"] },
        },
    }}});
    let events = json!({ "text/event-stream": { "schema": { "type": "string" } } });
    let metadata = json!({ "application/json": { "schema": { "type": "object" } } });
    json!({
        "/.well-known/authzen-configuration": { "get": {
            "operationId": "configuration",
            "summary": "Where the endpoints are (AuthZEN 1.0 section 9)",
            "security": [],
            "responses": { "200": { "description": "the metadata", "content": metadata } },
        }},
        "/access/v1/evaluation": post("evaluate", "May this happen? (AuthZEN 1.0 section 6)", "Evaluation",
            &[("200", "decided and recorded", decision("Decision"))]),
        "/access/v1/evaluations": post("evaluateMany", "May these happen? (AuthZEN 1.0 section 7)", "Evaluations",
            &[("200", "decided and recorded, in order; one decision if there are no evaluations", decision("Decisions"))]),
        "/access/v1/search/subject": post("searchSubjects", "Who may? (AuthZEN 1.0 section 8.4)", "SubjectSearch",
            &[("200", "a page, recorded", decision("Results"))]),
        "/access/v1/search/resource": post("searchResources", "To what or whom may they? (AuthZEN 1.0 section 8.5)",
            "ResourceSearch", &[("200", "a page, recorded", decision("Results"))]),
        "/access/v1/search/action": post("searchActions", "What may they do? (AuthZEN 1.0 section 8.6)", "ActionSearch",
            &[("200", "a page, recorded", decision("Results"))]),
        "/handrail/v1/permits": post("openPermit", "The same as an evaluation, but a permit stays live", "Evaluation",
            &[("201", "permitted and live", decision("Decision")), ("200", "denied", decision("Decision"))]),
        "/handrail/v1/permits/{entry}": {
            "get": permit("permitStanding", "Does it still hold?", ("200", "how it stands", Some(standing)), &[NOT_HELD]),
            "delete": permit("releasePermit", "Give it back", ("204", "it has ended", None), &[NOT_HELD, UNRECORDED]),
        },
        "/handrail/v1/permits/{entry}/watch": {
            "get": permit("watchPermit", "Server-sent events: `holds` when the watch begins, `ended` when the permit does, `unknown` when the node cannot say any more",
                ("200", "the events", Some(events)), &[NOT_HELD]),
        },
    })
}
