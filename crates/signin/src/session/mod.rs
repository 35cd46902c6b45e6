//! Sessions: a person at a screen, from the first touch to the last.
//!
//! One touch is all there is: whether it begins a session, comes back to a locked one, follows from another workstation or takes over a locked
//! screen is found out, not asked ([`rules::touch`]). Everything that happens is an entry; what counts is the world's fold of them, on every node.

mod ceremony;
mod page;
mod reconnect;
mod routes;
pub mod rules;
mod store;

pub(crate) use page::{go_on, step_up};
pub use routes::routes;
pub(crate) use routes::{HOME, told, unrecorded, with_cookie, with_next_cookie};
pub(crate) use store::ended_by;
pub use store::{Basis, Screen, SessionError};

pub(crate) use ceremony::Refusal;
