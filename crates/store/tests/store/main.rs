//! The store from outside: what callers rely on.
#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod clocks;
mod conditions;
mod damage;
mod detail;
mod directories;
mod erased;
mod folding;
mod group_commit;
mod rotation;
mod sealing;
mod searching;
mod snapshots;
mod space;
mod spool;
mod ward;
