//! May this happen; if not, what would help; who is accountable?
pub mod clockwork;
pub mod index;
