//! The local socket: what somebody with a shell on the server may do. Reached through a socket only their user can open, or, when no node
//! runs, through the same routes in the command's own process.
//!
//! Every route here may be called by the operating-system user that owns the data directory, and by root; nobody else can open the socket.

use super::http::Peer;
use super::witnesses::{Round, Said, Witnesses};
use axum::extract::{Extension, Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post};
use axum::{Json, Router};
use callers::{Callers, CertificateError};
use decision::Engine;
use decision::accountable::Role;
use events::decision::{Asserted, Effect, Made, Question};
use events::{
    ActionName, Actor, CallerName, CharterDigest, Draft, EntityRef, Event, Leaf, PatientPseudonym, PrincipalId, Seq,
    TypeName, WorkflowName,
};
use ledger::growth::Growth;
use ledger::receipt::Receipt;
use ledger::{EntrySource as _, TileSource as _};
use plane::{Ask, Plane, Readiness};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::sync::Arc;
use world::Subject;

/// The most entries one request shows.
pub(crate) const ENTRIES_MAX: u64 = 1000;

/// What the routes work with.
#[derive(Clone)]
pub(crate) struct Local {
    pub(crate) plane: Plane,
    pub(crate) callers: Callers,
    pub(crate) base_url: Arc<str>,
    pub(crate) witnesses: Witnesses,
    pub(crate) search: super::audit::Searching,
    /// Where operators sign in, when a node runs: it knows when a session was last used.
    pub(crate) desk: Option<signin::operator::Desk>,
    /// Held while the whole ledger is hashed again.
    pub(crate) verifying: Arc<tokio::sync::Mutex<()>>,
}

/// Every route of the local socket.
pub(crate) fn routes(local: Local) -> Router {
    Router::new()
        .route("/status", get(status))
        .route("/callers", get(callers).post(add_caller))
        .route("/callers/{name}", delete(revoke_caller))
        .route("/decide", post(decide))
        .route("/who/{entry}", get(who))
        .route("/ledger/entries", get(entries))
        .route("/ledger/proof/{entry}", get(proof))
        .route("/ledger/growth/{from}", get(growth))
        .route("/ledger/keys", get(keys).post(rotate_key))
        .route("/ledger/witnesses", get(witnesses))
        .route("/ledger/checkpoint", post(checkpoint))
        .route("/ledger/tile/{level}/{index}/{width}", get(tile))
        .route("/ledger/bundle/{index}/{width}", get(bundle))
        .route("/ledger/verify", get(verify))
        .route("/ledger/backups", post(backed_up))
        .route("/charters/{digest}", get(charter))
        .merge(super::operators::routes())
        .merge(super::local_charter::routes())
        .merge(super::audit::routes())
        .merge(super::patients::routes())
        .merge(super::signing_in::routes())
        .merge(super::figures::routes())
        .merge(super::local_feeds::routes())
        .merge(super::nodes::routes())
        .with_state(local)
}

/// What went wrong, as a status and one JSON string.
pub(crate) struct Trouble(pub(super) StatusCode, pub(super) String);

impl Trouble {
    pub(crate) fn not_found(what: impl Into<String>) -> Self {
        Self(StatusCode::NOT_FOUND, what.into())
    }
}

impl IntoResponse for Trouble {
    fn into_response(self) -> Response {
        (self.0, Json(self.1)).into_response()
    }
}

/// An error with the errors under it, as one line.
pub(crate) fn told(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(under) = source {
        text.push_str(": ");
        text.push_str(&under.to_string());
        source = under.source();
    }
    text
}

impl<E: std::error::Error> From<E> for Trouble {
    fn from(error: E) -> Self {
        Self(StatusCode::SERVICE_UNAVAILABLE, told(&error))
    }
}

pub(crate) fn bad(what: impl Into<String>) -> Trouble {
    Trouble(StatusCode::BAD_REQUEST, what.into())
}

/// The actor behind a local request.
pub(crate) fn actor(peer: Peer) -> Result<Actor, Trouble> {
    match peer {
        Peer::User(user) => Actor::local(&format!("uid {user}")).map_err(|error| bad(error.to_string())),
        Peer::Network(_) => Err(Trouble(StatusCode::FORBIDDEN, "only from this machine".to_owned())),
    }
}

/// Records that a copy was made; the command made it.
async fn backed_up(
    State(local): State<Local>,
    Extension(peer): Extension<Peer>,
    Json(made): Json<events::ledger::BackedUp>,
) -> Result<(), Trouble> {
    local.plane.record(store::Batch::one(Draft::new(actor(peer)?, made))).await?;
    Ok(())
}

pub(super) async fn record_reading(local: &Local, peer: Peer, how: &str, from: u64, to: u64) -> Result<(), Trouble> {
    let read = audit::find::reading(&local.plane, how, Seq(from), Seq(to))?;
    local.plane.record(store::Batch::one(Draft::new(actor(peer)?, read))).await?;
    Ok(())
}

async fn status(State(local): State<Local>) -> Result<Json<Value>, Trouble> {
    let head = local.plane.store().head();
    let engine = local.plane.engine();
    let now = local.plane.now();
    let (feeds, heard) = local.plane.world(|world| {
        let by_name: serde_json::Map<String, Value> =
            world.feeds().map(|(feed, at)| (feed.to_string(), json!(at))).collect();
        // As decisions see it: whoever asks, the feeds are the same.
        let nobody = Subject { principal: PrincipalId::new("handrail")?, patient: None, device: None, session: None };
        Ok::<_, events::IdError>((by_name, world.facts(&nobody, now).feeds))
    })?;
    let staleness = &engine.charter().hospital().staleness;
    Ok(Json(json!({
        "now": now,
        "feeds": feeds,
        "patients": { "heard_at": heard.adt, "stale_after_s": staleness.adt_s },
        "rota": { "heard_at": heard.rota, "stale_after_s": staleness.rota_s },
        "hospital": engine.charter().hospital().name,
        "charter": engine.charter().digest(),
        "policies": engine.charter().policies().len(),
        "workflows": engine.charter().workflows().len(),
        "entries": head.next,
        "sealed": head.sealed,
        "last_recorded_at": head.recorded_at,
        "decisions": local.plane.decisions(),
        "live_permits": local.plane.live().len(),
        "callers": local.callers.names(),
        "spool": local.plane.spool_state().map(|spool| json!({ "waiting": spool.waiting(), "trouble": spool.trouble() })),
        "database": database(&local.plane),
        "trouble": trouble(&local.plane),
        "url": &*local.base_url,
    })))
}

/// Where the store is: a file, a server that says how it is, or one that does not answer.
fn database(plane: &Plane) -> Value {
    match plane.store().database() {
        Ok(None) => json!("file"),
        Ok(Some(store::Database { place, version, standbys })) => {
            json!({ "place": place, "version": version, "standbys": standbys })
        }
        Err(_) => Value::Null,
    }
}

/// Why the node must not answer; nothing when it may.
fn trouble(plane: &Plane) -> Option<String> {
    match plane.readiness() {
        Readiness::Ready => None,
        Readiness::CannotRead { entry, why } => Some(format!("entry {entry} cannot be read by this build: {why}")),
        Readiness::CannotRecord { why } => Some(why),
    }
}

async fn callers(State(local): State<Local>) -> Json<Vec<CallerName>> {
    Json(local.callers.names())
}

#[derive(Deserialize)]
struct NewCaller {
    name: CallerName,
    /// A certificate (PEM) to register instead of making a token.
    #[serde(default)]
    certificate: Option<String>,
}

async fn add_caller(
    State(local): State<Local>,
    Extension(peer): Extension<Peer>,
    Json(new): Json<NewCaller>,
) -> Result<Json<Value>, Trouble> {
    let engine = local.plane.engine();
    let named = engine.charter().systems().callers.contains_key(&new.name);
    if let Some(pem) = &new.certificate {
        let added = local.callers.add_certificate(new.name, pem, actor(peer)?).await;
        let added = added.map_err(|error| match error {
            CertificateError::Record(error) => error.into(),
            other => bad(other.to_string()),
        })?;
        let not_after = added.not_after;
        return Ok(Json(json!({ "certificate": added.sha256, "not_after": not_after, "named_in_charter": named })));
    }
    let token = local.callers.add(new.name.clone(), actor(peer)?).await?;
    Ok(Json(json!({ "token": token.text.as_str(), "named_in_charter": named })))
}

async fn revoke_caller(
    State(local): State<Local>,
    Extension(peer): Extension<Peer>,
    Path(name): Path<CallerName>,
) -> Result<StatusCode, Trouble> {
    if !local.callers.names().contains(&name) {
        return Err(Trouble::not_found(format!("`{name}` has no live token and no certificate")));
    }
    local.callers.revoke(&name, actor(peer)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A request for access put at the server's own console.
#[derive(Serialize, Deserialize)]
pub(crate) struct LocalQuestion {
    pub(crate) subject_type: String,
    pub(crate) subject: String,
    pub(crate) action: String,
    pub(crate) resource_type: String,
    pub(crate) resource: String,
    pub(crate) workflow: Option<WorkflowName>,
    /// The circumstances, taken as they are: whoever has the console may assert anything, and the entry says who did.
    pub(crate) context: events::decision::Values,
}

/// A recorded decision, whole: for whoever has the server's own console.
fn explained(engine: &Engine, leaf: &Leaf, made: &Made) -> Value {
    json!({
        "entry": leaf.seq,
        "spooled": leaf.draft.spooled,
        "kind": leaf.draft.event.kind().name,
        "actor": leaf.draft.actor,
        "recorded_at": leaf.recorded_at,
        "charter": made.charter,
        "workflow": made.workflow,
        "permitted": made.effect == Effect::Permit,
        "answer": engine.answer(made),
        "explanation": engine.explain(made),
    })
}

async fn decide(
    State(local): State<Local>,
    Extension(peer): Extension<Peer>,
    Json(sent): Json<LocalQuestion>,
) -> Result<Json<Value>, Trouble> {
    let question = local_question(&local, sent)?;
    let answer = local.plane.decide(Ask { question, actor: actor(peer)?, request: None, live: false }).await?;
    let made = answer.made().ok_or_else(|| Trouble::not_found("no decision"))?;
    let engine = local.plane.engine_of(made.charter)?;
    Ok(Json(explained(&engine, answer.leaf(), made)))
}

fn local_question(local: &Local, sent: LocalQuestion) -> Result<Question, Trouble> {
    let engine = local.plane.engine();
    let systems = engine.charter().systems();
    let entity = |kind: &str, id: &str| -> Result<EntityRef, Trouble> {
        let kind = TypeName::new(systems.type_of(kind)).map_err(|error| bad(format!("type: {error}")))?;
        let number = systems.is_patient(kind.as_str()) && id.parse::<PatientPseudonym>().is_err();
        if number {
            plane::number::check(id).map_err(|error| bad(error.to_string()))?;
        }
        let id = if number { local.plane.directory().patient(id).to_string() } else { id.to_owned() };
        Ok(EntityRef { kind, id: PrincipalId::new(&id).map_err(|error| bad(format!("id: {error}")))? })
    };
    Ok(Question {
        session: None,
        principal: entity(&sent.subject_type, &sent.subject)?,
        action: ActionName::new(&sent.action).map_err(|error| bad(format!("action: {error}")))?,
        resource: entity(&sent.resource_type, &sent.resource)?,
        workflow: sent.workflow,
        asserted: Asserted { context: sent.context, ..Asserted::default() },
    })
}

async fn who(
    State(local): State<Local>,
    Extension(peer): Extension<Peer>,
    Path(entry): Path<u64>,
) -> Result<Json<Value>, Trouble> {
    let leaf = local.plane.store().read(|reader| reader.leaf(Seq(entry)))?;
    let leaf = leaf.ok_or_else(|| Trouble::not_found(format!("there is no entry {entry}")))?;
    record_reading(&local, peer, "who", entry, entry + 1).await?;
    if let Event::DecisionMade(made) = &leaf.draft.event {
        return Ok(Json(explained(&*local.plane.engine_of(made.charter)?, &leaf, made)));
    }
    // What is not a decision was done by the control, under the policies.
    let engine = local.plane.engine();
    let owners = engine.charter().owners();
    let accountable = [(Role::Policies, &owners.policy_owner), (Role::Control, &owners.control_owner)];
    Ok(Json(json!({
        "entry": leaf.seq,
        "kind": leaf.draft.event.kind().name,
        "actor": leaf.draft.actor,
        "recorded_at": leaf.recorded_at,
        "accountable": accountable.into_iter().filter_map(|(role, owner)| engine.named(role, owner)).collect::<Vec<_>>(),
    })))
}

#[derive(Deserialize)]
pub(super) struct Span {
    pub(super) from: u64,
    pub(super) to: u64,
}

/// Entries as they were written, one a line.
async fn entries(
    State(local): State<Local>,
    Extension(peer): Extension<Peer>,
    Query(span): Query<Span>,
) -> Result<Vec<u8>, Trouble> {
    let to = span.to.min(span.from.saturating_add(ENTRIES_MAX)).min(local.plane.store().head().next.0);
    record_reading(&local, peer, "show", span.from, to).await?;
    let mut lines = Vec::new();
    local.plane.store().read(|reader| {
        reader.scan(Seq(span.from), Seq(to), |_, bytes| {
            lines.extend_from_slice(bytes);
            lines.push(b'\n');
            std::ops::ControlFlow::Continue(())
        })
    })?;
    Ok(lines)
}

/// An entry with the proof that it is in the log a checkpoint signs.
async fn proof(
    State(local): State<Local>,
    Extension(peer): Extension<Peer>,
    Path(entry): Path<u64>,
) -> Result<Json<Value>, Trouble> {
    let store = local.plane.store();
    if store.head().next.0 <= entry {
        return Err(Trouble::not_found(format!("there is no entry {entry}")));
    }
    record_reading(&local, peer, "prove", entry, entry + 1).await?;
    store.seal().await?;
    Ok(Json(proven(store, entry)?))
}

fn proven(store: &store::Store, entry: u64) -> Result<Value, Trouble> {
    let bytes =
        store.read(|reader| reader.leaf_bytes(Seq(entry)))?.ok_or_else(|| Trouble::not_found("no such entry"))?;
    let (size, note) =
        store.read(|reader| reader.checkpoint())?.ok_or_else(|| Trouble::not_found("nothing is sealed"))?;
    let path = ledger::proof::inclusion(store, entry, size)?;
    Ok(json!({
        "entry": entry,
        "leaf": String::from_utf8_lossy(&bytes),
        "leaf_hash": ledger::leaf_hash(&bytes).to_string(),
        "tree_size": size,
        "proof": path.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "checkpoint": note,
        "key": store.signer_of(&note).to_string(),
        "receipt": Receipt { extra: None, index: entry, path, note }.to_string(),
    }))
}

/// The proof that the log only grew since it had so many entries, under a checkpoint made now.
async fn growth(State(local): State<Local>, Path(from): Path<u64>) -> Result<Json<Value>, Trouble> {
    let store = local.plane.store();
    store.seal().await?;
    let (size, note) =
        store.read(|reader| reader.checkpoint())?.ok_or_else(|| Trouble::not_found("nothing is sealed"))?;
    if from > size {
        return Err(Trouble::not_found(format!("the log has {size} entries, not {from}")));
    }
    let path = ledger::proof::consistency(store, from, size)?;
    Ok(Json(json!({ "size": size, "proof": Growth { old: from, path, note }.to_string() })))
}

/// A key the ledger signs or signed with.
#[derive(Serialize, Deserialize)]
pub(crate) struct LedgerKey {
    /// What signatures name it by.
    pub(crate) id: String,
    pub(crate) key: String,
    /// The entry that announced it; none for the first.
    pub(crate) announced_in: Option<u64>,
    /// Since when it signs; none for the first, which has from the beginning.
    pub(crate) since: Option<events::Timestamp>,
    /// When another took over.
    pub(crate) until: Option<events::Timestamp>,
}

async fn keys(State(local): State<Local>) -> Result<Json<Vec<LedgerKey>>, Trouble> {
    let store = local.plane.store();
    let rotations = store.rotations()?;
    let first = rotations.first().map_or_else(|| store.verifying_key().to_string(), |first| first.from.clone());
    let key = |key: String| -> Result<LedgerKey, Trouble> {
        let id = key.parse::<ledger::VerifyingKey>()?.id_text();
        Ok(LedgerKey { id, key, announced_in: None, since: None, until: None })
    };
    let mut keys = vec![key(first)?];
    for rotation in rotations {
        if let Some(retired) = keys.last_mut() {
            retired.until = Some(rotation.at);
        }
        keys.push(LedgerKey { announced_in: Some(rotation.entry.0), since: Some(rotation.at), ..key(rotation.to)? });
    }
    Ok(Json(keys))
}

/// Makes another key sign the ledger.
async fn rotate_key(State(local): State<Local>, Extension(peer): Extension<Peer>) -> Result<Json<Value>, Trouble> {
    let rotated = local.plane.store().rotate_key(actor(peer)?).await?;
    Ok(Json(json!({
        "entry": rotated.entry, "size": rotated.size, "from": rotated.from, "to": rotated.to, "record": rotated.record,
    })))
}

/// What each witness said last.
async fn witnesses(State(local): State<Local>) -> Result<Json<Vec<Said>>, Trouble> {
    Ok(Json(local.witnesses.said()?))
}

/// Seals what is committed, asks the witnesses and answers with the checkpoint: the beginning of an export.
async fn checkpoint(State(local): State<Local>, Extension(peer): Extension<Peer>) -> Result<Json<Value>, Trouble> {
    let store = local.plane.store();
    record_reading(&local, peer, "export", 0, store.head().next.0).await?;
    store.seal().await?;
    let round = local.witnesses.round().await?;
    let Round { size, note, .. } = round.ok_or_else(|| Trouble::not_found("nothing is sealed"))?;
    let rotations = store.rotations()?.into_iter().filter(|rotation| rotation.size <= size);
    let rotations: Vec<String> = rotations.map(|rotation| rotation.record).collect();
    Ok(Json(json!({ "size": size, "note": note, "key": store.signer_of(&note).to_string(), "rotations": rotations })))
}

async fn tile(
    State(local): State<Local>,
    Path((level, index, width)): Path<(u8, u64, u16)>,
) -> Result<Vec<u8>, Trouble> {
    Ok(local.plane.store().tile(level, index, width)?)
}

async fn bundle(State(local): State<Local>, Path((index, width)): Path<(u64, u16)>) -> Result<Vec<u8>, Trouble> {
    Ok(local.plane.store().bundle(index, width)?)
}

/// A charter the store holds, as its canonical bytes: for judging a decision again elsewhere.
async fn charter(State(local): State<Local>, Path(digest): Path<CharterDigest>) -> Result<Vec<u8>, Trouble> {
    let named = [store::Value::Text(digest.to_string())];
    let found =
        local.plane.store().read(|reader| reader.find(store::statements::CHARTER_FIND, &named, |row| row.bytes(0)))?;
    found.ok_or_else(|| Trouble::not_found(format!("the store holds no charter `{digest}`")))
}

/// Hashes every entry again and holds the tree against the last checkpoint.
async fn verify(State(local): State<Local>) -> Result<Json<Value>, Trouble> {
    let store = local.plane.store().clone();
    let origin = store.verifying_key().origin().to_string();
    store.seal().await?;
    // One at a time, and until it is done: whoever asked may have gone.
    let turn = local.verifying.clone().lock_owned().await;
    let verified = tokio::task::spawn_blocking(move || {
        let verified = store.verify();
        drop(turn);
        verified
    })
    .await?;
    Ok(Json(match verified {
        Ok(verified) => json!({ "verified": true, "size": verified.size, "root": verified.root.to_string(),
            "origin": origin }),
        Err(finding) => json!({ "verified": false, "findings": told(&finding) }),
    }))
}
