//! Decisions, from outside: the index against the full set, and the engine over whole charters.
#![expect(clippy::unwrap_used, reason = "tests")]

mod answers;
mod boundaries;
mod charters;
mod dice;
mod differential;
mod house;
mod plain;
mod time;
