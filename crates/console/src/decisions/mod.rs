//! Every decision, newest first; and one of them, explained so that somebody who was not there understands it.
//!
//! The promise: what is shown is what was recorded, under the charter it was decided by, and showing it is itself recorded.

pub(crate) mod explained_page;
pub(crate) mod find;
pub(crate) mod list_page;
pub(crate) mod routes;
mod wanted;
