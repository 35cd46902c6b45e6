//! Enrolment: how somebody comes by their first authenticator, and by more.
//!
//! An [invitation](invite) is a one-use link for one person, given by somebody who stands for their being who they are, with what was checked;
//! who may, on what evidence and for how long is the charter's, and judged in one place.
//! Registering by it uses it up in the same commit. More authenticators are registered in a session that one of the person's own has just
//! verified.

mod allowed;
mod inviting;
mod keys;
mod list;
mod page;
mod routes;
mod store;

pub(crate) use allowed::Rules;
pub use allowed::makers_known;
pub use inviting::InviteError;
pub use keys::{KeyError, PROOF_AGE_MAX, Removed, Sureness, revoke};
pub use list::{LIST_BYTES_MAX, LIST_ROWS_MAX, ListError, invite_all};
pub use routes::routes;
pub use store::{EVIDENCE_CHARS_MAX, Evidence, INVITATION_PATH, invite};
pub(crate) use store::{handle_of, may_act, registered, unknown_yet};
