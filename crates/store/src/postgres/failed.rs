//! What can go wrong with a server, and what it means.

use super::AddressError;
use crate::database::Fault;
use std::fmt;
use std::time::Duration;
use tokio_postgres::error::SqlState;

/// Why a server did not do what it was asked.
#[derive(Debug)]
pub(crate) enum Failed {
    /// It said no, or the way to it broke.
    Said(tokio_postgres::Error),
    /// It did not answer in time.
    Late(Duration),
    /// A value the statement does not take; it was not asked.
    Unfit(String),
    /// Somebody else holds what has to be held: the database, or this node's name in it.
    Held(String),
    /// What this process committed last still waits for its standby.
    Standby,
    /// It is a connection of before the writer had to connect again.
    Former,
    /// Its address, or a file named there, cannot be used.
    Address(AddressError),
    /// It does not keep what it says it committed.
    Unsafe(String),
}

impl Failed {
    /// Whether the way to it broke: what was asked for last may have been done.
    pub(crate) fn is_lost(&self) -> bool {
        match self {
            Self::Late(_) | Self::Standby | Self::Former => true,
            Self::Said(error) => match error.code() {
                Some(code) => is_of_the_session(code),
                None => true,
            },
            Self::Unfit(_) | Self::Held(_) | Self::Unsafe(_) | Self::Address(_) => false,
        }
    }

    pub(crate) fn fault(&self) -> Fault {
        let code = match self {
            Self::Unfit(_) => return Fault::Unfit,
            Self::Said(error) => error.code(),
            _ => None,
        };
        let Some(code) = code else { return Fault::Other };
        if [SqlState::DISK_FULL].contains(code) {
            Fault::Full
        } else if [SqlState::READ_ONLY_SQL_TRANSACTION].contains(code) {
            Fault::ReadOnly
        } else if [SqlState::UNIQUE_VIOLATION].contains(code) {
            Fault::Duplicate
        } else if [SqlState::DATA_CORRUPTED, SqlState::INDEX_CORRUPTED].contains(code) {
            Fault::Corrupt
        } else if code.code().starts_with("22") || code.code().starts_with("23") {
            Fault::Unfit
        } else {
            Fault::Other
        }
    }
}

/// Errors that end the session, whatever was going on in it: shut down, crashed, terminated, not yet up, stood still in a transaction, the
/// connection itself; and that the server takes no writes (any more), for another host may.
fn is_of_the_session(code: &SqlState) -> bool {
    let ends = [SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT, SqlState::READ_ONLY_SQL_TRANSACTION];
    code.code().starts_with("57P") || code.code().starts_with("08") || ends.contains(code)
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // Not the detail: it may quote the row.
            Self::Said(error) => match error.as_db_error() {
                Some(said) => write!(f, "PostgreSQL: {} ({})", said.message(), said.code().code()),
                None => write!(f, "the way to PostgreSQL: {}", innermost(error)),
            },
            Self::Late(time) => write!(f, "PostgreSQL did not answer within {} seconds", time.as_secs()),
            Self::Unfit(why) => f.write_str(why),
            Self::Held(by) => write!(f, "another session is in the way: {by}"),
            Self::Standby => f.write_str("PostgreSQL still waits for the standby to have the last commit"),
            Self::Former => f.write_str("this was a connection to PostgreSQL as it was before"),
            Self::Address(error) => error.fmt(f),
            Self::Unsafe(why) => write!(f, "PostgreSQL would not keep what it commits: {why}"),
        }
    }
}

/// Told in full by `Display`: the causes of a `tokio_postgres::Error` may quote a row.
impl std::error::Error for Failed {}

impl From<tokio_postgres::Error> for Failed {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Said(error)
    }
}

impl From<AddressError> for Failed {
    fn from(error: AddressError) -> Self {
        Self::Address(error)
    }
}

/// An error and what caused it, in one line.
fn innermost(error: &tokio_postgres::Error) -> String {
    let mut told = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(next) = cause {
        let next_told = next.to_string();
        if !told.contains(&next_told) {
            told = format!("{told}: {next_told}");
        }
        cause = next.source();
    }
    told
}
