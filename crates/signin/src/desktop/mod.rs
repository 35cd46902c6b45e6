//! The desktop around the browser: its lock screen, and `sudo`, opened by the session that is at this workstation.
//!
//! A workstation's helper asks, by a key of its own that only the machine's administrator can read ([`events::workstation::Keeper::Helper`]).
//! It asks for the person the desktop belongs to, by their local name; the answer comes from the same session and the same touch as
//! everything else, by [`rules`] alone. Whatever is answered is an entry, and a yes is one before it leaves.

mod routes;
pub mod rules;
mod waiting;

pub use routes::routes;
pub use waiting::Waiting;
