//! What has the hospital decided? A directory of reviewed files becomes one validated, immutable `Charter`, or a list of everything that
//! is wrong with it.

pub mod assurance;
pub mod elevation;
pub mod emergency;
pub mod entities;
pub mod hospital;
pub mod length;
pub mod name;
pub mod owners;
pub mod policy;
pub mod scenario;
pub mod systems;
pub mod vocabulary;
pub mod workflow;
