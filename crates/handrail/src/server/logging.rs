//! Logs: structured, without anything that names a patient. Record numbers never reach a log line because nothing that holds one implements
//! what a log line needs; a test seeds identifiers and secrets and looks for them.

use crate::cli::LogFormat;
use std::io::IsTerminal as _;
use tracing::{Level, Metadata};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::{FilterFn, filter_fn};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

/// What speaks to the database.
const DATABASE: &str = "tokio_postgres";

/// Starts logging to standard error. A second start in one process changes nothing.
pub(crate) fn start(format: LogFormat, filter: &str) {
    let filter = EnvFilter::try_new(filter).unwrap_or_else(|_| EnvFilter::new("info"));
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(true);
    let started = match format {
        LogFormat::Text => builder.finish().with(discreet()).try_init(),
        LogFormat::Json => builder.json().flatten_event(true).finish().with(discreet()).try_init(),
    };
    drop(started);
}

/// What goes to the database is nobody's to read in a log, whatever the filter asks for.
fn discreet() -> FilterFn {
    filter_fn(|about: &Metadata<'_>| !about.target().starts_with(DATABASE) || *about.level() <= Level::WARN)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tracing::{enabled, subscriber::with_default};

    #[test]
    fn no_filter_makes_what_goes_to_the_database_be_logged() {
        let filter = EnvFilter::new("trace,tokio_postgres::query=trace,tokio_postgres=debug");
        let told = tracing_subscriber::fmt().with_env_filter(filter).finish().with(discreet());
        with_default(told, || {
            assert!(!enabled!(target: "tokio_postgres::query", Level::DEBUG));
            assert!(!enabled!(target: "tokio_postgres", Level::INFO));
            assert!(enabled!(target: "tokio_postgres::connection", Level::WARN));
            assert!(enabled!(target: "handrail", Level::TRACE));
        });
    }
}
