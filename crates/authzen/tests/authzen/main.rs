//! The decision API through its real router, over a real node with the starter charter.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod alike;
mod assertions;
mod batches;
mod certification;
mod decisions;
mod document;
mod house;
mod input;
mod known_sessions;
mod permits;
mod requests;
mod rights;
mod searches;
