//! What do other systems tell us? HL7 v2 over MLLP, turned into event drafts; nothing is acknowledged before it is recorded.
//!
//! - [`mllp`] is the envelope: frames in, frames out, damage reported and never dropped.
//! - [`hl7`] reads what is inside one, however it is written, and writes acknowledgements.
//! - [`translate`] says, without doing anything, which events a message stands for.

pub mod hl7;
pub mod mllp;
pub mod translate;
