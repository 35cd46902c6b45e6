//! The ledger over HTTP as C2SP tlog-tiles has it, so that any client of such logs works. Checkpoint and hashes are for everybody; entries are
//! personal data and only for callers the charter lets read them.

use super::local::told;
use super::witnesses::Witnesses;
use axum::Router;
use axum::extract::{FromRef, Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use callers::{Caller, Callers, Evaluate, ReadLedger};
use events::{Draft, Event, Seq};
use ledger::paths::TilePath;
use ledger::receipt::Receipt;
use ledger::source::{TILE_WIDTH, tile_width};
use ledger::{EntrySource as _, TileSource as _};
use plane::Plane;
use store::Batch;

/// What the routes work with.
#[derive(Clone)]
pub(crate) struct Tiles {
    pub(crate) plane: Plane,
    pub(crate) callers: Callers,
    pub(crate) witnesses: Witnesses,
}

impl FromRef<Tiles> for Callers {
    fn from_ref(tiles: &Tiles) -> Self {
        tiles.callers.clone()
    }
}

/// `/checkpoint` and hash tiles for anybody, entry bundles for callers that may `read_ledger`, receipts for the caller that was answered.
pub(crate) fn routes(tiles: Tiles) -> Router {
    Router::new()
        .route("/checkpoint", get(checkpoint))
        .route("/tile/entries/{*index}", get(entries))
        .route("/tile/{level}/{*index}", get(hashes))
        .route("/access/v1/receipt/{entry}", get(receipt))
        .with_state(tiles)
}

/// What is not there, or cannot be read now: in broad words, for whoever asks.
struct Trouble(StatusCode, &'static str);

impl Trouble {
    const fn not_found(what: &'static str) -> Self {
        Self(StatusCode::NOT_FOUND, what)
    }
}

impl IntoResponse for Trouble {
    fn into_response(self) -> Response {
        (self.0, axum::Json(self.1)).into_response()
    }
}

impl<E: std::error::Error> From<E> for Trouble {
    fn from(error: E) -> Self {
        tracing::warn!(error = told(&error), "the ledger could not be read");
        Self(StatusCode::SERVICE_UNAVAILABLE, "the ledger cannot be read now")
    }
}

/// What never changes may be kept for a year.
const FOR_EVER: &str = "max-age=31536000, immutable";
/// A checkpoint is soon followed by another.
const BRIEFLY: &str = "max-age=1";

fn plain(cache: &'static str, text: String) -> Response {
    ([(header::CONTENT_TYPE, "text/plain; charset=utf-8"), (header::CACHE_CONTROL, cache)], text).into_response()
}

fn bytes(cache: String, bytes: Vec<u8>) -> Response {
    let headers = [(header::CONTENT_TYPE, "application/octet-stream".to_owned()), (header::CACHE_CONTROL, cache)];
    (headers, bytes).into_response()
}

/// The latest checkpoint, with the cosignatures there are for it. For anybody: it says how long the log is and nothing of what is in it.
async fn checkpoint(State(tiles): State<Tiles>) -> Result<Response, Trouble> {
    let note = tiles.plane.store().checkpoint()?.ok_or_else(|| Trouble::not_found("nothing is sealed"))?;
    Ok(plain(BRIEFLY, tiles.witnesses.cosigned_note(&note)?))
}

/// How many entries the latest checkpoint has.
fn sealed(tiles: &Tiles) -> Result<u64, Trouble> {
    let latest = tiles.plane.store().read(|reader| reader.checkpoint())?;
    Ok(latest.map_or(0, |(size, _)| size))
}

/// A hash tile. For anybody: a hash tells nothing of an entry with a pseudonym in it.
async fn hashes(State(tiles): State<Tiles>, Path((level, index)): Path<(String, String)>) -> Result<Response, Trouble> {
    let absent = || Trouble::not_found("there is no such tile");
    let Ok(TilePath::Tile { level, index, width }) = format!("tile/{level}/{index}").parse() else {
        return Err(absent());
    };
    if width > tile_width(level, index, sealed(&tiles)?) {
        return Err(absent());
    }
    Ok(bytes(format!("public, {FOR_EVER}"), tiles.plane.store().tile(level, index, width)?))
}

/// Entries, in bundles of up to 256. Reading them is recorded.
async fn entries(
    State(tiles): State<Tiles>,
    caller: Caller<ReadLedger>,
    Path(index): Path<String>,
) -> Result<Response, Trouble> {
    let absent = || Trouble::not_found("there is no such bundle");
    let Ok(TilePath::Entries { index, width }) = format!("tile/entries/{index}").parse() else { return Err(absent()) };
    if width > tile_width(0, index, sealed(&tiles)?) {
        return Err(absent());
    }
    let from = index.saturating_mul(u64::from(TILE_WIDTH));
    let to = Seq(from.saturating_add(width.into()));
    let read = events::ledger::Read { how: "tiles".into(), from: Seq(from), to, patient: None };
    tiles.plane.record(Batch::one(Draft::new(caller.actor(), read))).await?;
    Ok(bytes(format!("private, {FOR_EVER}"), tiles.plane.store().bundle(index, width)?))
}

/// The receipt of a decision, for the caller that got it: that its entry is in the log. It does not hold the entry. Whatever is not this
/// caller's decision is answered as what is not there.
async fn receipt(
    State(tiles): State<Tiles>,
    caller: Caller<Evaluate>,
    Path(entry): Path<u64>,
) -> Result<Response, Trouble> {
    let store = tiles.plane.store();
    let leaf = store.read(|reader| reader.leaf(Seq(entry)))?;
    let own = leaf
        .is_some_and(|leaf| leaf.draft.actor == caller.actor() && matches!(leaf.draft.event, Event::DecisionMade(_)));
    if !own {
        return Err(Trouble::not_found("no decision of yours has this number"));
    }
    let Some((size, note)) = store.read(|reader| reader.checkpoint())?.filter(|(size, _)| entry < *size) else {
        let soon = "it is sealed within a second; ask again then\n";
        return Ok((StatusCode::SERVICE_UNAVAILABLE, [(header::RETRY_AFTER, "1")], soon).into_response());
    };
    let path = ledger::proof::inclusion(store, entry, size)?;
    let note = tiles.witnesses.cosigned_note(&note)?;
    Ok(plain("private, no-store", Receipt { extra: None, index: entry, path, note }.to_string()))
}
