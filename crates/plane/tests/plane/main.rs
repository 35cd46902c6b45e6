//! The loop as its callers see it, over a real store and the starter charter, on a clock that stands still until it is set.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod answers;
mod changes;
mod erasures;
mod full;
mod house;
mod live;
mod nodes;
mod numbers;
mod privacy;
mod races;
mod replay;
mod snapshots;
mod spooled;
