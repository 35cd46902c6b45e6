//! What can happen? Every event kind Handrail knows, the ids they speak in, and the leaf they are written as.
//!
//! One file a slice. Nothing here behaves: `world` folds these values, `decision` fills one of them, `store` keeps them.
//!
//! - [`Event`] is one thing that happened; [`Kind`] is its name, version and whether the world folds it.
//! - [`Draft`] is an event with its circumstances, not yet recorded; [`Leaf`] is the same after it was.
//! - Ids are newtypes that cannot hold anything unprintable or unbounded.

mod event;
mod ids;
mod leaf;
mod time;

pub mod appointment;
pub mod authenticator;
pub mod caller;
pub mod charter;
pub mod clock;
pub mod decision;
pub mod device;
pub mod emergency;
pub mod encounter;
pub mod feed;
pub mod ledger;
pub mod operator;
pub mod order;
pub mod patient;
pub mod principal;
pub mod rota;
pub mod search;
pub mod session;
pub mod signin;
pub mod team;
pub mod workstation;

pub use event::{Bearing, Event, Kind};
pub use ids::{
    ActionName, Actor, ActorKind, AppointmentPseudonym, AuthenticatorId, CallerName, CharterDigest, DetailCommitment,
    DeviceId, EncounterPseudonym, EntityRef, FeedName, ID_BYTES_MAX, IdError, Label, OperatorId, OrderPseudonym,
    OwnerId, PatientPseudonym, PolicyId, PrincipalId, Purpose, RequestId, RoleName, Seq, SessionId, ShiftId, TypeName,
    UnitId, WorkflowName, is_unseen,
};
pub use leaf::{Draft, LEAF_BYTES_MAX, LEAF_VERSION, Leaf, LeafError, Source, Spooled};
pub use time::{Timestamp, TimestampError};
