//! The local socket's way to audits: the account of one patient, and entries as other systems read them.

use super::http::Peer;
use super::local::{Local, Trouble, actor, bad};
use ::audit::account::{self, Account, Asked};
use ::audit::period;
use axum::extract::{Extension, State};
use axum::routing::post;
use axum::{Json, Router};
use plane::{NUMBER_BYTES_MAX, Plane};
use serde::{Deserialize, Serialize};
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

    fn of(&self, plane: &Plane) -> std::io::Result<Search> {
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
    Router::new().route("/audit/account", post(accounted))
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
    if number.is_empty() || number.len() > NUMBER_BYTES_MAX {
        return Err(bad(format!("a record number has 1 to {NUMBER_BYTES_MAX} bytes")));
    }
    let zone = period::zone(&plane.engine().charter().hospital().time_zone);
    let period = period::of_account(sent.from.as_deref(), sent.until.as_deref(), &zone, plane.now())
        .map_err(|error| bad(error.to_string()))?;
    let search = local.search.of(plane)?;
    let (end, waiting) = (plane.store().head().next, search.clone());
    let _complete = tokio::task::spawn_blocking(move || waiting.wait_until(end, COMPLETE_WITHIN)).await?;
    let asked = Asked { patient: plane.directory().patient(number), period };
    Ok(Json(account::make(plane, &search, &asked, actor(peer)?).await?))
}
