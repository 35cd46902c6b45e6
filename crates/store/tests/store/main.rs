//! The store from outside: what callers rely on.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod clocks;
mod conditions;
mod damage;
mod directories;
mod folding;
mod group_commit;
mod rotation;
mod sealing;
mod searching;
mod space;
mod ward;
