//! Sign-in at somebody else's: over a real provider from the registry, and over one of our own that misbehaves as no real one would.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod house;
mod misbehaving;
mod over_misbehaving;
mod over_real;
mod over_router;
mod real;
