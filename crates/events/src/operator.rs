//! People who work with Handrail itself.

use crate::{OperatorId, Timestamp};
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

/// A one-use link to the console was made for an operator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkIssued {
    /// For whom.
    pub operator: OperatorId,
    /// The link's public id.
    pub link: SmolStr,
    /// It is worthless after this.
    pub good_until: Timestamp,
}

/// An operator used a link and has a session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedIn {
    /// Who.
    pub operator: OperatorId,
    /// The link used.
    pub link: SmolStr,
    /// The session's public id.
    pub session: SmolStr,
    /// The session ends by itself then.
    pub good_until: Timestamp,
}

/// Somebody with a shell on the server ended every link and every session of an operator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revoked {
    /// Whose.
    pub operator: OperatorId,
}

/// An operator ended a session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedOut {
    /// Who.
    pub operator: OperatorId,
    /// The session's public id.
    pub session: SmolStr,
}
