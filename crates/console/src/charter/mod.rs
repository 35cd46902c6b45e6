//! The charter as pages: its workflows with owners, policies, limits and fallbacks; proposed changes, and signing them.

mod proposal_page;
pub(crate) mod routes;
mod workflow_page;
