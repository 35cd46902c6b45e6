//! Which source of facts was heard when, how much it sent, and what it sent that could not be used.
//!
//! The promise: a feed the charter names is listed even if it was never heard, and a feed that was heard is listed even if the charter does
//! not name it.

mod page;
pub(crate) mod routes;
pub(crate) mod rules;

pub(crate) use page::counted;
