//! The point of care through the real router over a real store: workstations, keys, sessions, and everything that can go wrong with them.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests: a wrong assumption should stop them"
)]

mod desktop;
mod hand_over;
mod house;
mod me;
mod mishaps;
mod nodes;
mod patient;
mod patients;
mod presence;
mod provisional;
mod recovery;
mod sessions;
mod theatre;
mod vouching;
