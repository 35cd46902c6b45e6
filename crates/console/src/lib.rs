//! What do operators look at? What needs them now, every decision and why it was made, and whether feeds and ledger are well.
//!
//! Every page needs an [`Operator`](signin::operator::Operator), every page works without a script, and reading evidence is itself an entry
//! in the ledger. Pages never decide anything.
//!
//! - [`now`]: what needs somebody now, worst first.
//! - [`decisions`]: all decisions, newest first; and one, explained so that a privacy officer understands it.
//! - [`audit`]: who was given access to what, found; and the account of one patient, to print.
//! - [`charter`]: the rules in force, and signing a change of them.
//! - [`feeds`]: which source of facts was heard when, and what it sent that could not be used.
//! - [`evidence`]: the ledger's state, any entry as it was written, and the proof that it is in the log.
//! - [`tally`]: the counts behind these pages, folded from the log on demand, with a watermark.

mod address;
mod audit;
mod charter;
mod decisions;
mod evidence;
mod feeds;
mod frame;
mod now;
mod tally;
mod trouble;

use axum::Router;
use axum::extract::{FromRef, State};
use axum::http::Uri;
use axum::routing::{get, post};
use pages::Document;
use signin::operator::{Desk, Operator};
use tally::Tally;

/// What the console's routes work with. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Console {
    desk: Desk,
    tally: Tally,
    readings: evidence::Readings,
    search: store::Search,
}

impl Console {
    /// A console for the node behind this desk, whose entries `search` finds.
    #[must_use]
    pub fn new(desk: Desk, search: store::Search) -> Self {
        Self { desk, search, tally: Tally::default(), readings: evidence::Readings::default() }
    }
}

impl FromRef<Console> for Desk {
    fn from_ref(console: &Console) -> Self {
        console.desk.clone()
    }
}

/// Everything people see in a browser: signing in, every page, the stylesheet, and a kind answer for addresses that do not exist. Merge it
/// with the application's other routes; it sets the fallback.
pub fn routes(console: Console) -> Router {
    Router::new()
        .route("/", get(now::routes::show))
        .route("/decisions", get(decisions::routes::list))
        .route("/decisions/{entry}", get(decisions::routes::explain))
        .route("/audit", get(audit::routes::show).post(audit::routes::seek))
        .route("/audit.csv", get(audit::routes::csv))
        .route("/audit/account", get(audit::routes::account).post(audit::routes::account_of_number))
        .route("/charter", get(charter::routes::show))
        .route("/charter/what-if", get(charter::what_if::routes::show).post(charter::what_if::routes::ask))
        .route("/charter/workflows/{name}", get(charter::routes::workflow))
        .route("/charter/proposals/{number}", get(charter::routes::proposal))
        .route("/charter/proposals/{number}/sign", post(charter::routes::sign))
        .route("/charter/proposals/{number}/reject", post(charter::routes::reject))
        .route("/feeds", get(feeds::routes::show))
        .route("/ledger", get(evidence::routes::show))
        .route("/ledger/{entry}", get(evidence::routes::entry))
        .merge(signin::operator::routes())
        .merge(pages::asset_routes())
        .fallback(nowhere)
        .with_state(console)
}

/// An address that does not exist: inside the navigation for whoever is signed in, without it for others.
async fn nowhere(State(console): State<Console>, operator: Result<Operator, Document>, uri: Uri) -> Document {
    let shell = match operator {
        Ok(operator) => frame::shell(&console, &operator),
        Err(_) => console.desk.shell(),
    };
    trouble::Trouble::NoSuchPage { path: uri.path().chars().take(120).collect() }.page(&shell)
}
