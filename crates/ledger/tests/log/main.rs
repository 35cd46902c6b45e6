//! The log against a naive tree, against foreign implementations, against tampering and against hostile input.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "tests")]

mod audits;
mod export;
mod foreign;
mod hostile;
mod naive;
mod sample;
mod tamper;
mod tree;
mod witnessing;
