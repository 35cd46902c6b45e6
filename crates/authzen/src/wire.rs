//! Requests and answers as AuthZEN 1.0 writes them. Unknown fields are ignored (section 5).

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

/// The largest request body, in bytes.
pub const BODY_BYTES_MAX: usize = 256 * 1024;
/// The most evaluations in one request.
pub const EVALUATIONS_MAX: usize = 256;
/// The most bytes of JSON one part of a request may assert, after everything not assertable was dropped.
pub(crate) const ASSERTED_BYTES_MAX: usize = 4 * 1024;

/// Who asks, or what is asked about (sections 5.1, 5.2).
#[derive(Clone, Debug, Deserialize, ToSchema)]
pub(crate) struct Entity {
    /// The type, as the caller calls it.
    #[serde(rename = "type")]
    pub(crate) kind: String,
    /// The id within the type. For patients: the record number.
    pub(crate) id: String,
    /// Attributes. They count only where the charter lets this caller assert them.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    pub(crate) properties: Option<Map<String, Value>>,
}

/// What is wanted (section 5.3).
#[derive(Clone, Debug, Deserialize, ToSchema)]
pub(crate) struct Action {
    /// Its name in the charter.
    pub(crate) name: String,
    /// Attributes. They count only where the charter lets this caller assert them.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    pub(crate) properties: Option<Map<String, Value>>,
}

/// One request (section 6.1).
#[derive(Clone, Debug, Deserialize, ToSchema)]
pub(crate) struct Evaluation {
    pub(crate) subject: Entity,
    pub(crate) action: Action,
    pub(crate) resource: Entity,
    /// The circumstances: `device`, `session`, `purpose`, `workflow` and what else the charter lets this caller assert.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    pub(crate) context: Option<Map<String, Value>>,
}

/// Several requests (section 7.1). The top-level members are defaults for those that an item leaves out.
#[derive(Clone, Debug, Deserialize, ToSchema)]
pub(crate) struct Evaluations {
    #[schema(value_type = Option<Entity>)]
    pub(crate) subject: Option<Value>,
    #[schema(value_type = Option<Action>)]
    pub(crate) action: Option<Value>,
    #[schema(value_type = Option<Entity>)]
    pub(crate) resource: Option<Value>,
    #[schema(value_type = Option<Object>)]
    pub(crate) context: Option<Value>,
    /// Each item is an evaluation; what it leaves out is taken from the top level.
    #[serde(default)]
    #[schema(value_type = Vec<Object>)]
    pub(crate) evaluations: Vec<Value>,
    #[serde(default)]
    pub(crate) options: Options,
}

/// How several requests are worked through (section 7.1.2).
#[derive(Clone, Copy, Debug, Default, Deserialize, ToSchema)]
pub(crate) struct Options {
    #[serde(default)]
    pub(crate) evaluations_semantic: Semantic,
}

/// When to stop.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Semantic {
    /// Never.
    #[default]
    ExecuteAll,
    /// After the first deny.
    DenyOnFirstDeny,
    /// After the first permit.
    PermitOnFirstPermit,
}

/// One answer (section 6.2).
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct Decision {
    /// Whether the access is permitted.
    pub(crate) decision: bool,
    /// Why, what would help, who is accountable, and which ledger entry proves it.
    #[schema(value_type = Object)]
    pub(crate) context: Map<String, Value>,
}

/// Several answers (section 7.2), in the order of the requests.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct Decisions {
    pub(crate) evaluations: Vec<Decision>,
}
