//! Decisions, from outside: the index against the full set, and the engine over whole charters.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

mod answers;
mod boundaries;
mod charters;
mod dice;
mod differential;
mod hostile;
mod house;
mod matrix;
mod narrowing;
mod places;
mod plain;
mod time;
mod words;
