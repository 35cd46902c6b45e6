//! The charter as pages: its workflows with owners, policies, limits and fallbacks; proposed changes, and signing them.

mod proposal_page;
pub(crate) mod routes;
pub(crate) mod what_if;
mod workflow_page;
