//! `policies/*.cedar`: what may happen. Every policy says who owns it and why it is there.

use cedar_policy::Effect;
use events::{OwnerId, PolicyId, WorkflowName};

/// What is known of one policy besides its Cedar text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Its `@id`, also its id in the Cedar policy set. Unique in the charter.
    pub id: PolicyId,
    /// Its `@owner`: a team or person of `owners.toml`.
    pub owner: OwnerId,
    /// Its `@reason`: why it is there, in words a nurse understands.
    pub reason: String,
    /// Its `@workflow`, if it belongs to one.
    pub workflow: Option<WorkflowName>,
    /// Whether it permits or forbids.
    pub effect: Effect,
    /// The file it stands in, relative to the charter.
    pub file: String,
    /// The line it begins on, from 1.
    pub line: usize,
}
