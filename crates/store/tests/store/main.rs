//! The store from outside: what callers rely on.
#![expect(clippy::unwrap_used, reason = "tests")]

mod group_commit;
mod ward;
