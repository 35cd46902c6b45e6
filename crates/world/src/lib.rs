//! What is true now? A pure fold of leaves into facts, and the keys by which a permit knows that its facts changed.
//!
//! - [`World::apply`] folds one leaf and says which [`Key`]s it touched.
//! - [`World::facts`] answers, for one [`Subject`], everything a decision may rest on, as owned values, with the keys it rests on.
//! - [`World::changed_since`] says whether any of those keys was touched by the entries since.
//! - [`World::write`] and [`World::read`] keep a world and bring it back; [`World::digest`] is over what is written.
//!
//! What the fold promises:
//!
//! 1. *Leaves only.* The world never reads a clock or a charter: the same leaves give the same world, byte for byte of
//!    [`World::digest`]. Grace periods and "on shift now" are computed by `decision` from the times in [`Facts`].
//! 2. *Facts depend on their keys.* While [`World::changed_since`] says no for the keys of some facts, the same subject at the same `now`
//!    has the same facts, but for [`Facts::world_seq`] and [`Facts::feeds`] (a feed falling silent is a matter of time).
//! 3. *Encounters are a set of statements.* What is known of an encounter's movements depends on which were stated and when each
//!    occurred, not on the order they were delivered in; only movements of the very same millisecond are told apart by their place in
//!    the log. The same holds for orders and appointments. Everything else (principals, rota, devices, labels, teams, emergencies) goes by the log: the last entry holds.
//!    A code that two who may act go by, as id or alias, means neither of them ([`World::who_goes_by`]).
//! 4. *Every leaf folds.* A leaf already folded changes nothing; a record-only leaf only moves [`World::next_seq`].
//! 5. *Everything is bounded*, by the `…_MAX` constants of this crate and of `events`.

mod appointments;
mod authenticators;
mod called;
mod candidates;
pub mod canon;
mod course;
mod devices;
mod emergencies;
mod encounters;
mod facts;
mod feeds;
mod gather;
mod holds;
mod keys;
mod merges;
mod names;
mod orders;
mod passing_on;
mod patients;
mod principals;
mod rota;
mod sessions;
mod signed_in;
mod teams;
mod told;
mod workstations;
mod world;

pub use appointments::APPOINTMENTS_MAX;
pub use authenticators::{AUTHENTICATORS_MAX, Authenticator};
pub use candidates::Somebody;
pub use encounters::{ENCOUNTERS_MAX, STATEMENTS_MAX};
pub use facts::{
    AppointmentFacts, DeviceFacts, EncounterFacts, Facts, FeedFacts, OrderFacts, PatientFacts, PrincipalFacts,
    ShiftFacts, Stay, Subject, TeamFacts,
};
pub use feeds::ROTA_FEED;
pub use gather::PAST_HOURS;
pub use holds::Hold;
pub use keys::{Heard, KEYS_MAX, Key, Touched};
pub use merges::MERGED_RECORDS_MAX;
pub use orders::ORDERS_MAX;
pub use passing_on::Membership;
pub use rota::SHIFTS_MAX;
pub use sessions::{PRESENCE_LEVEL_MAX, SessionFacts, VOUCHES_MAX, VouchFacts};
pub use teams::TEAM_MAX;
pub use world::{Counts, World};
