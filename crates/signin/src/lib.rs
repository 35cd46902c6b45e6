//! Who is at the workstation? Today: the people who work with Handrail itself.
//!
//! - [`operator`]: one-use sign-in links, operators' sessions, and the extractors that put an operator's authority into a signature.

pub mod operator;
