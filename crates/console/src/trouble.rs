//! What the console says when it cannot show what was asked for: what is wrong, and what to do now.

use axum::http::StatusCode;
use events::Seq;
use maud::html;
use pages::{Document, Shell, form, number};
use store::{AppendError, ReadError};

/// Why a page cannot be shown.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Trouble {
    /// No page has that address.
    #[error("no page has the address `{path}`")]
    NoSuchPage {
        /// The address.
        path: String,
    },
    /// The log has no such entry.
    #[error("there is no entry `{asked}`")]
    NoSuchEntry {
        /// What was asked for, as sent and cut short.
        asked: String,
        /// How many entries there are.
        entries: u64,
    },
    /// The entry is something other than a decision.
    #[error("entry {entry} is not a decision")]
    NotADecision {
        /// Which.
        entry: Seq,
        /// What it is.
        kind: &'static str,
    },
    /// A parameter of the address makes no sense.
    #[error("`{sent}` is not {expected}")]
    Parameter {
        /// What was sent, cut short.
        sent: String,
        /// What would be.
        expected: &'static str,
    },
    /// Reading could not be recorded, so nothing is shown.
    #[error("reading could not be recorded")]
    Unrecorded(#[from] AppendError),
    /// The store cannot be read.
    #[error("the store cannot be read")]
    Read(#[from] ReadError),
    /// The proof cannot be made.
    #[error("the proof cannot be made")]
    Proof(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// Evidence cannot be searched.
    #[error("the evidence cannot be searched")]
    Audit(#[from] ::audit::AuditError),
    /// What is kept of messages that could not be used cannot be listed.
    #[error("the messages that could not be used cannot be listed")]
    Rejected(#[from] ::feeds::listener::again::AgainError),
    /// Counting was cut off.
    #[error("the counts cannot be made")]
    Counts(#[from] tokio::task::JoinError),
}

impl Trouble {
    fn told(&self) -> (StatusCode, String, String) {
        let say = |status, title: &str, why: &str| (status, title.to_owned(), why.to_owned());
        match self {
            Self::NoSuchPage { path } => {
                let why =
                    format!("{path} is not an address here. It may have been mistyped, or come from another version.");
                (StatusCode::NOT_FOUND, "There is no such page".to_owned(), why)
            }
            Self::NoSuchEntry { asked, entries } => {
                let why = match entries {
                    0 => "The log has no entries yet.".to_owned(),
                    1 => "The log has 1 entry, number 0.".to_owned(),
                    entries => {
                        format!("The log has {} entries, numbered from 0 to {}.", number(*entries), number(entries - 1))
                    }
                };
                (StatusCode::NOT_FOUND, format!("There is no entry {asked}"), why)
            }
            Self::NotADecision { entry, kind } => {
                let why = format!("Entry {} records something else: {kind}.", number(entry.0));
                (StatusCode::NOT_FOUND, "This entry is not a decision".to_owned(), why)
            }
            Self::Parameter { sent, expected } => (
                StatusCode::BAD_REQUEST,
                "This address cannot be understood".to_owned(),
                format!("“{sent}” is not {expected}."),
            ),
            Self::Audit(::audit::AuditError::Period(wrong)) => {
                (StatusCode::BAD_REQUEST, "This period cannot be used".to_owned(), format!("{wrong}."))
            }
            Self::Unrecorded(_) | Self::Audit(::audit::AuditError::Unrecorded(_)) => say(
                StatusCode::SERVICE_UNAVAILABLE,
                "Evidence cannot be read now",
                "Reading evidence is itself recorded, and the ledger takes no entries at the moment.",
            ),
            Self::Audit(_) | Self::Rejected(_) | Self::Read(_) | Self::Proof(_) | Self::Counts(_) => say(
                StatusCode::SERVICE_UNAVAILABLE,
                "The ledger cannot be read now",
                "Something is wrong with the store. What it is stands in the server’s log.",
            ),
        }
    }

    /// The page that says so.
    pub(crate) fn page(&self, shell: &Shell) -> Document {
        let (status, title, why) = self.told();
        if status.is_server_error() {
            tracing::error!(error = %self, source = std::error::Error::source(self).map(tracing::field::display), "a page cannot be shown");
        }
        let next = html! {
            @if let Self::NotADecision { entry, .. } = self {
                (form::link(form::Weight::Main, &format!("/ledger/{entry}"), "Show the entry"))
            } @else {
                (form::link(form::Weight::Main, "/decisions", "All decisions"))
            }
            (form::link(form::Weight::Usual, "/", "What needs you now"))
        };
        shell.trouble(status, &title, &why, &next)
    }
}
