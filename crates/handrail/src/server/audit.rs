//! The local socket's way to audits: the account of one patient, and entries as other systems read them.

use super::http::Peer;
use super::local::{ENTRIES_MAX, Local, Span, Trouble, actor, bad, record_reading};
use ::audit::account::{self, Account, Asked};
use ::audit::period;
use ::audit::tell::Teller;
use axum::extract::{Extension, Path as AtPath, Query, State};
use axum::routing::{get, post};
use axum::{Json, Router};
use events::{Leaf, Seq};
use plane::Plane;
use serde::{Deserialize, Serialize};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use store::Search;

/// How long an account waits for the search file to have everything: it may have to be made first.
const COMPLETE_WITHIN: Duration = Duration::from_secs(60);

/// The node's search file, or one that is opened when first needed.
#[derive(Clone)]
pub(crate) struct Searching {
    directory: PathBuf,
    started: Arc<Mutex<Option<Search>>>,
}

impl Searching {
    /// For a process that opened the store for one command.
    pub(crate) fn when_needed(directory: &Path) -> Self {
        Self { directory: directory.to_owned(), started: Arc::default() }
    }

    /// A node's, which follows its log already.
    pub(crate) fn running(directory: &Path, search: Search) -> Self {
        Self { directory: directory.to_owned(), started: Arc::new(Mutex::new(Some(search))) }
    }

    pub(super) fn of(&self, plane: &Plane) -> std::io::Result<Search> {
        let mut started = self.started.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(search) = started.as_ref() {
            return Ok(search.clone());
        }
        let search = Search::start(&self.directory, plane.store().clone())?;
        *started = Some(search.clone());
        Ok(search)
    }
}

/// The routes.
pub(crate) fn routes() -> Router<Local> {
    Router::new()
        .route("/audit/account", post(accounted))
        .route("/audit/export", post(begin))
        .route("/audit/export/{format}", get(exported))
}

/// A form in which other systems read entries.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum View {
    /// FHIR R4 AuditEvents, one a line.
    Fhir,
    /// RFC 5424 messages, one a line.
    Syslog,
}

/// Which view is exported.
#[derive(Serialize, Deserialize)]
pub(crate) struct Begin {
    pub(crate) format: View,
}

/// How far an export goes.
#[derive(Serialize, Deserialize)]
pub(crate) struct Begun {
    /// To before this entry.
    pub(crate) to: u64,
}

/// Records that everything there is at this moment is read in another form.
async fn begin(
    State(local): State<Local>,
    Extension(peer): Extension<Peer>,
    Json(sent): Json<Begin>,
) -> Result<Json<Begun>, Trouble> {
    let to = local.plane.store().head().next.0;
    let how = match sent.format {
        View::Fhir => "export fhir",
        View::Syslog => "export syslog",
    };
    record_reading(&local, peer, how, 0, to).await?;
    Ok(Json(Begun { to }))
}

/// A piece of an export that was begun: at most [`ENTRIES_MAX`] entries, one line each. What this build cannot read is left out.
async fn exported(
    State(local): State<Local>,
    AtPath(view): AtPath<View>,
    Query(span): Query<Span>,
) -> Result<Vec<u8>, Trouble> {
    let to = span.to.min(span.from.saturating_add(ENTRIES_MAX));
    let (plane, base_url) = (local.plane.clone(), Arc::clone(&local.base_url));
    let lines = tokio::task::spawn_blocking(move || {
        let mut entries = Vec::new();
        plane.store().read(|reader| {
            reader.scan(Seq(span.from), Seq(to), |_, bytes| {
                entries.extend(Leaf::parse(bytes).ok().map(|leaf| (leaf, ledger::leaf_hash(bytes))));
                ControlFlow::Continue(())
            })
        })?;
        let (mut teller, mut lines) = (Teller::new(&plane), Vec::new());
        let host = base_url.split("://").last().and_then(|rest| rest.split([':', '/']).next()).unwrap_or_default();
        for (leaf, hash) in &entries {
            let line = match view {
                View::Fhir => ::audit::fhir::audit_event(&mut teller, leaf, hash).to_string(),
                View::Syslog => ::audit::syslog::message(&mut teller, leaf, hash, host),
            };
            lines.extend_from_slice(line.as_bytes());
            lines.push(b'\n');
        }
        Ok::<_, store::ReadError>(lines)
    });
    Ok(lines.await??)
}

/// Whose account, as somebody at the server's console asks for it. The number goes no further than the directory.
#[derive(Serialize, Deserialize)]
pub(crate) struct AskedFor {
    pub(crate) record_number: String,
    pub(crate) from: Option<String>,
    pub(crate) until: Option<String>,
}

async fn accounted(
    State(local): State<Local>,
    Extension(peer): Extension<Peer>,
    Json(sent): Json<AskedFor>,
) -> Result<Json<Account>, Trouble> {
    let plane = &local.plane;
    let number = sent.record_number.trim();
    plane::number::check(number).map_err(|error| bad(error.to_string()))?;
    let zone = period::zone(&plane.engine().charter().hospital().time_zone);
    let period = period::of_account(sent.from.as_deref(), sent.until.as_deref(), &zone, plane.now())
        .map_err(|error| bad(error.to_string()))?;
    let search = local.search.of(plane)?;
    let (end, waiting) = (plane.store().head().next, search.clone());
    let _complete = tokio::task::spawn_blocking(move || waiting.wait_until(end, COMPLETE_WITHIN)).await?;
    let asked = Asked { patient: plane.directory().patient(number), period };
    Ok(Json(account::make(plane, &search, &asked, actor(peer)?).await?))
}
