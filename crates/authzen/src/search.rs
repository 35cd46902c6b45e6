//! The search endpoints (AuthZEN 1.0 section 8): who may, to what or whom, and what.
//!
//! A search is no way around a decision. It finds what evaluations of the same caller would permit, and of patients only those with whom
//! something connects the asker: whoever may open every chart in an emergency is not given a list of the house. Every page is recorded.

use crate::reply::{Body, ReplyError, request_id};
use crate::seal::digest_of;
use crate::wire::{
    Action, ActionSearch, Asked, Entity, Open, PageMade, PageWanted, ResourceSearch, Result as Found, Results,
    SubjectSearch,
};
use crate::{Api, ask};
use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use callers::Caller;
use decision::search::{RESULTS_MAX, Walk};
use events::decision::{Question, Values};
use events::search::{ANYTHING, Sought};
use events::{PrincipalId, Timestamp};
use plane::{Place, Search};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::time::Duration;

/// How long a page token can be used.
const PAGE_TOKEN_LIFETIME: Duration = Duration::from_secs(15 * 60);
/// How many requests of a caller's rate one page counts for.
const PAGE_COST: usize = 50;
/// Pages at work at the same time on one node; more wait.
pub(crate) const PAGES_AT_ONCE_MAX: usize = 2;

/// `POST /access/v1/search/subject`
pub(crate) async fn subjects(
    State(api): State<Api>,
    caller: Caller<callers::Search>,
    headers: HeaderMap,
    Body(sent): Body<SubjectSearch>,
) -> Result<Json<Results>, ReplyError> {
    let SubjectSearch { subject, action, resource, context, page } = sent;
    let digest = digest(Sought::Subject, json!([open(&subject), act(&action), entity(&resource), context]));
    let open = unknown(&subject);
    let asked = Asked { subject: &open, action: &action, resource: &resource, context: context.as_ref() };
    let mut question = put(&api, &caller, asked)?;
    question.principal.id = anything()?;
    let walk = Walk::Subjects(question);
    let found = |id: String| Found::Entity { kind: subject.kind.clone(), id };
    answer(&api, &caller, &headers, walk, digest, page, found).await
}

/// `POST /access/v1/search/resource`
pub(crate) async fn resources(
    State(api): State<Api>,
    caller: Caller<callers::Search>,
    headers: HeaderMap,
    Body(sent): Body<ResourceSearch>,
) -> Result<Json<Results>, ReplyError> {
    let ResourceSearch { subject, action, resource, context, page } = sent;
    let digest = digest(Sought::Resource, json!([entity(&subject), act(&action), open(&resource), context]));
    let open = unknown(&resource);
    let asked = Asked { subject: &subject, action: &action, resource: &open, context: context.as_ref() };
    let mut question = put(&api, &caller, asked)?;
    question.resource.id = anything()?;
    let walk = Walk::Resources(question);
    let found = |id: String| Found::Entity { kind: resource.kind.clone(), id };
    answer(&api, &caller, &headers, walk, digest, page, found).await
}

/// `POST /access/v1/search/action`
pub(crate) async fn actions(
    State(api): State<Api>,
    caller: Caller<callers::Search>,
    headers: HeaderMap,
    Body(sent): Body<ActionSearch>,
) -> Result<Json<Results>, ReplyError> {
    let ActionSearch { subject, resource, context, page } = sent;
    let digest = digest(Sought::Action, json!([entity(&subject), entity(&resource), context]));
    let any = Action { name: ANYTHING.to_owned(), properties: None };
    let with = |action: &Action| {
        put(&api, &caller, Asked { subject: &subject, action, resource: &resource, context: context.as_ref() })
    };
    let mut asked = with(&any)?;
    let mut each = Vec::new();
    for name in decision::search::actions(&api.plane.engine(), &asked.principal.kind, &asked.resource.kind) {
        let question = with(&Action { name: name.to_string(), properties: None })?;
        // What is recorded is all that counted for any of them.
        let said: Values = question.asserted.context.clone();
        asked.asserted.context.extend(said);
        each.push(question);
    }
    let walk = Walk::Actions { asked, each };
    answer(&api, &caller, &headers, walk, digest, page, |name| Found::Action { name }).await
}

fn put(api: &Api, caller: &Caller<callers::Search>, asked: Asked<'_>) -> Result<Question, ReplyError> {
    Ok(ask::question(asked, caller.charter(), caller.entry(), &api.plane)?.question)
}

/// What stands in for what is sought.
fn anything() -> Result<PrincipalId, ReplyError> {
    PrincipalId::new(ANYTHING).map_err(|error| ReplyError::BadRequest(error.to_string()))
}

fn unknown(open: &Open) -> Entity {
    Entity { kind: open.kind.clone(), id: ANYTHING.to_owned(), properties: open.properties.clone() }
}

/// What of a search has to stay the same from page to page.
fn digest(sought: Sought, parts: Value) -> String {
    digest_of(&json!([sought, parts]))
}

fn open(sent: &Open) -> Value {
    json!([sent.kind, sent.properties])
}

fn act(sent: &Action) -> Value {
    json!([sent.name, sent.properties])
}

fn entity(sent: &Entity) -> Value {
    json!([sent.kind, sent.id, sent.properties])
}

/// What a page token holds.
#[derive(Serialize, Deserialize)]
struct Token {
    /// The digest of the search.
    search: String,
    /// Whose it is.
    caller: String,
    /// Where the next page begins.
    after: Place,
    /// The limit of the first page, which later ones keep.
    limit: Option<u64>,
    /// No good from then on.
    expires_at: Timestamp,
}

/// Where a page begins, and the limit it was asked for with.
fn begin(
    api: &Api,
    caller: &Caller<callers::Search>,
    search: &str,
    wanted: PageWanted,
) -> Result<(Option<Place>, Option<u64>), ReplyError> {
    let PageWanted { token, limit } = wanted;
    let Some(token) = token else { return Ok((None, limit)) };
    let bad = |why: &str| ReplyError::BadRequest(format!("`page.token`: {why}"));
    // One of another caller is no token at all, as one that was changed.
    let opened = api.seal.page.open::<Token>(&token).filter(|token| token.caller == caller.name().as_str());
    let token = opened.ok_or_else(|| bad("this is not a token of yours"))?;
    if token.expires_at <= api.plane.now() {
        return Err(bad("this token has expired; begin again without one"));
    }
    if token.search != search || limit.is_some_and(|limit| token.limit != Some(limit)) {
        return Err(bad("the search is not the one this token is for; begin again without one"));
    }
    Ok((Some(token.after), token.limit))
}

async fn answer(
    api: &Api,
    caller: &Caller<callers::Search>,
    headers: &HeaderMap,
    walk: Walk,
    digest: String,
    page: Option<PageWanted>,
    result: impl Fn(String) -> Found,
) -> Result<Json<Results>, ReplyError> {
    let (after, limit) = begin(api, caller, &digest, page.unwrap_or_default())?;
    caller.charge(PAGE_COST - 1)?;
    let most = limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(RESULTS_MAX).min(RESULTS_MAX);
    let place = api.searching.acquire().await;
    let search = Search { walk, after, limit: most, actor: caller.actor(), request: request_id(headers) };
    let found = api.plane.search(search).await?;
    drop(place);
    metrics::counter!("handrail_search_pages_total").increment(1);
    let token = found.next.as_ref().and_then(|after| {
        api.seal.page.seal(&Token {
            search: digest,
            caller: caller.name().to_string(),
            after: after.clone(),
            limit,
            expires_at: api.plane.now() + PAGE_TOKEN_LIFETIME,
        })
    });
    let results: Vec<Found> = found.ids().iter().map(|id| result(id.to_string())).collect();
    let mut context = Map::new();
    context.insert("entry".to_owned(), json!(found.entry()));
    let page = PageMade { next_token: token.unwrap_or_default(), count: results.len() };
    Ok(Json(Results { page, context, results }))
}
