//! A security key for tests, in software: it makes keys and signs as a real one does, together with the browser around it, so that a ceremony
//! can be gone through, and gone through wrongly, without hands.
//!
//! [`SecurityKey::create`] and [`SecurityKey::get`] take the options a server gives and answer with the JSON that a browser's `toJSON()`
//! would. Fields say how the key behaves; [`SecurityKey::clone`] is what a thief does. [`WorkstationKey`] proves which workstation it is,
//! as the script of bedside pages does. Never part of the product: other
//! crates name it among their dependencies for tests alone.

#![expect(clippy::expect_used, clippy::indexing_slicing, reason = "a test that cannot go on ends")]

mod cbor;
mod key;
mod maker;
mod workstation;

pub use key::{Refusal, SecurityKey, base64url, forge};
pub use maker::Maker;
pub use workstation::{WorkstationKey, proof_holds};
