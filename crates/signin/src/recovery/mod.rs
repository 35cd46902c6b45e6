//! The ways back in for those who cannot sign in: a request that somebody stands for and somebody else approves, a one-use pass, a short
//! session at a reduced level, and a new authenticator of their own. No security questions.
//!
//! What may happen is [`rules`]; that it happened is an entry in the same commit as its row. For an administrator who is locked out,
//! [`at_console`] makes a pass on the server itself.

pub mod account;
mod notices;
mod page;
mod routes;
pub mod rules;
mod store;

pub use notices::{Notice, TOLD_FIRST_FOR, TOLD_FOR, notices};
pub use routes::{how_many_wait_for, routes};
pub use store::{RecoverError, at_console};

/// Where somebody asks for a way back in.
pub const ASK_PATH: &str = "/bedside/recovery/ask";
/// Where those who approve see what waits.
pub const WAITING_PATH: &str = "/bedside/recovery";
/// Where a pass is used.
pub const PASS_PATH: &str = "/bedside/recovery/pass";
/// Where whoever used one registers a new key.
pub const KEY_PATH: &str = "/bedside/recovery/key";
/// The method of a session that a pass began.
pub const METHOD: &str = "recovery";
