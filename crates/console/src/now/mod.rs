//! What needs somebody now, worst first. When nothing does, the page says so.

mod page;
pub(crate) mod routes;
mod rules;
