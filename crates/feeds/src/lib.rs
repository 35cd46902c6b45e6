//! What do other systems tell us? HL7 v2 over MLLP, turned into event drafts; nothing is acknowledged before it is recorded.
//!
//! - [`mllp`] is the envelope: frames in, frames out, damage reported and never dropped.
//! - [`hl7`] reads what is inside one, however it is written, and writes acknowledgements.
//! - [`translate`] says, without doing anything, which events a message stands for.
//! - [`listener`] puts the three together and answers; [`replay`] is the sender at the other end.
//! - [`listener::again`] is for messages that could not be used: read, repaired, sent through again or given up.
//! - [`temporary`] gives patients nobody can name a record number, and merges it away later.
//! - [`kept`] is how a message that could not be used is kept.
//! - [`api`] is for systems that speak JSON: people, rota, devices, posture, treatment teams, emergencies; [`rota`] reads rota files.

pub mod api;
pub mod hl7;
pub mod kept;
pub mod listener;
pub mod mllp;
pub mod replay;
pub mod rota;
pub mod temporary;
pub mod translate;
