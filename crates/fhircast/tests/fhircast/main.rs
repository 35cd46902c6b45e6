//! The hub, through its real router and over real connections.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod following;
mod house;
mod nodes;
mod rights;
mod subscribing;
