//! May this happen; if not, what would help; who is accountable? Pure: no input or output, clock, randomness or waiting.
//!
//! - [`Engine::decide`] answers a question by facts and a time with a [`Judgement`]; the same charter, question, facts and time give the
//!   same judgement, bit for bit.
//! - [`Engine::subject`] says whose facts a question needs; [`Judgement::into_made`] makes the leaf's body of an answer.
//! - [`Engine::answer`] and [`Engine::explain`] put a recorded decision in plain words, [`Engine::accountable`] in names.
//! - [`aged`] is what a caller asserted, some time later: a live permit is decided again with it.
//! - [`search::Walk`] looks through candidates for what would be permitted, a page at a time.
//! - [`scenario::run`] asks whether the charter answers as its scenarios say it must.
//! - [`matrix::Matrix`] is who may do what in which circumstances, and [`matrix::compare`] what a change of the charter changes of it;
//!   [`difference::sentences`] says the change in people's words.
//! - [`mutation::run`] asks whether the scenarios would notice a changed policy.
//!
//! On the way: [`circumstances`] works out what is true in the words policies use, [`index`] finds the few policies that can bear on a
//! request, [`entities`] the few entities, [`clockwork`] and [`claims`] until when an answer holds, [`remedy`] what would help,
//! [`unsaid`] what the caller had only to say.

mod cedar;
mod guard;

pub mod accountable;
mod actions;
pub mod circumstances;
pub mod claims;
pub mod clockwork;
pub mod comparison;
pub mod context;
pub mod difference;
pub mod engine;
pub mod entities;
pub mod explain;
pub mod index;
pub mod judgement;
mod known_session;
pub mod matrix;
pub mod mutation;
pub mod obligation;
pub mod place;
pub mod refusal;
pub mod remedy;
pub mod scenario;
pub mod search;
pub mod shape;
pub mod truths;
pub mod unsaid;

pub use accountable::{Accountable, Role};
pub use comparison::Comparison;
pub use context::aged;
pub use engine::{Engine, EngineError};
pub use explain::{Answer, Explanation};
pub use judgement::{Glance, Judgement};
pub use refusal::Refusal;
pub use unsaid::Unsaid;
