//! Enrolment: how somebody comes by their first authenticator, and by more.
//!
//! An [invitation](invite) is a one-use link for one person, given by somebody who stands for their being who they are, with what was checked.
//! Registering by it uses it up in the same commit. More authenticators are registered in a session that one of the person's own has just
//! verified.

mod allowed;
mod keys;
mod page;
mod routes;
mod store;

pub(crate) use allowed::Rules;
pub use keys::{KeyError, PROOF_AGE_MAX, Sureness};
pub use routes::routes;
pub use store::{EVIDENCE_CHARS_MAX, Evidence, INVITATION_PATH, InviteError, invite};
pub(crate) use store::{handle_of, may_act, registered, unknown_yet};

use std::time::Duration;

/// An invitation that nobody used within this is worthless, unless the charter says less.
pub const INVITATION_LIFETIME: Duration = Duration::from_secs(72 * 60 * 60);
