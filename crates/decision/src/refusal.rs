//! Why a question cannot be put to policies at all. Such a question is denied, in words that only repeat what was asked.

use crate::shape::ShapeError;
use events::{ActionName, TypeName};

/// Why a question does not fit the charter.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The schema has no such action.
    #[error("the charter knows no action `{0}`")]
    UnknownAction(ActionName),
    /// The schema has no such type.
    #[error("the charter knows no type `{0}`")]
    UnknownType(TypeName),
    /// Principals of the type never do the action.
    #[error("`{action}` is not something a `{kind}` does")]
    NotForPrincipal {
        /// The action.
        action: ActionName,
        /// The type.
        kind: TypeName,
    },
    /// The action is never done to resources of the type.
    #[error("`{action}` is not something done to a `{kind}`")]
    NotForResource {
        /// The action.
        action: ActionName,
        /// The type.
        kind: TypeName,
    },
    /// A patient's id must be a pseudonym.
    #[error("the resource is of a type for patients, but its id is not a pseudonym")]
    NotAPseudonym,
    /// An asserted value has the wrong shape.
    #[error("what was sent does not fit: {0}")]
    Asserted(#[from] ShapeError),
    /// An attribute that every entity of the type has is not known and was not sent.
    #[error("`{kind}.{attribute}` is needed and not known")]
    Missing {
        /// The type.
        kind: TypeName,
        /// The attribute.
        attribute: String,
    },
    /// The circumstances do not have the form the schema declares for the action: something it always needs is not there.
    #[error("`{action}` needs circumstances that were not given")]
    Circumstances {
        /// The action.
        action: ActionName,
    },
    /// Cedar could not put the pieces together.
    #[error("the question could not be put to the policies")]
    Unputtable,
}
