//! The fold against a naive oracle, its promises as properties, and ward stories with their answers.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "tests: a wrong assumption should stop them"
)]

mod kinds;
mod limits;
mod oracle;
mod privacy;
mod promises;
mod recipes;
mod services;
mod signing_in;
mod sittings;
mod stories;
