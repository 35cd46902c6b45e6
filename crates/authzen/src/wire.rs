//! Requests and answers as AuthZEN 1.0 writes them. Unknown fields are ignored (section 5).

use crate::object::{items, members, optional, required};
use decision::Accountable;
use events::decision::Remedy;
use events::{CharterDigest, Seq, Timestamp, WorkflowName};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

/// The largest request body, in bytes.
pub const BODY_BYTES_MAX: usize = 256 * 1024;
/// The most evaluations in one request.
pub const EVALUATIONS_MAX: usize = 256;
/// The most bytes of JSON one part of a request may assert, after everything not assertable was dropped.
pub(crate) const ASSERTED_BYTES_MAX: usize = 4 * 1024;
/// How deep lists and objects may be nested in what is asserted. A leaf adds levels of its own and has to be readable for ever.
pub(crate) const ASSERTED_LEVELS_MAX: usize = 16;

/// Who asks, or what is asked about (sections 5.1, 5.2).
#[derive(Clone, Debug, Deserialize, ToSchema)]
pub(crate) struct Entity {
    /// The type, as the caller calls it.
    #[serde(rename = "type")]
    pub(crate) kind: String,
    /// The id within the type. For patients: the record number.
    pub(crate) id: String,
    /// Attributes. They count only where the charter lets this caller assert them.
    #[serde(default, deserialize_with = "members")]
    #[schema(value_type = Option<Object>)]
    pub(crate) properties: Option<Map<String, Value>>,
}

/// What is wanted (section 5.3).
#[derive(Clone, Debug, Deserialize, ToSchema)]
pub(crate) struct Action {
    /// Its name in the charter.
    pub(crate) name: String,
    /// Attributes. They count only where the charter lets this caller assert them.
    #[serde(default, deserialize_with = "members")]
    #[schema(value_type = Option<Object>)]
    pub(crate) properties: Option<Map<String, Value>>,
}

/// One request (section 6.1).
#[derive(Clone, Debug, Deserialize, ToSchema)]
pub(crate) struct Evaluation {
    #[serde(deserialize_with = "required")]
    pub(crate) subject: Entity,
    #[serde(deserialize_with = "required")]
    pub(crate) action: Action,
    #[serde(deserialize_with = "required")]
    pub(crate) resource: Entity,
    /// The circumstances: `device`, `session`, `purpose`, `workflow` and what else the charter lets this caller assert.
    #[serde(default, deserialize_with = "members")]
    #[schema(value_type = Option<Object>)]
    pub(crate) context: Option<Map<String, Value>>,
}

/// What is sought: its type, and what is asserted of each candidate. An id is ignored (sections 8.4, 8.5).
#[derive(Clone, Debug, Deserialize, ToSchema)]
pub(crate) struct Open {
    /// The type, as the caller calls it.
    #[serde(rename = "type")]
    pub(crate) kind: String,
    /// Attributes. They count only where the charter lets this caller assert them.
    #[serde(default, deserialize_with = "members")]
    #[schema(value_type = Option<Object>)]
    pub(crate) properties: Option<Map<String, Value>>,
}

/// Who may do this? (section 8.4)
#[derive(Clone, Debug, Deserialize, ToSchema)]
pub(crate) struct SubjectSearch {
    #[serde(deserialize_with = "required")]
    pub(crate) subject: Open,
    #[serde(deserialize_with = "required")]
    pub(crate) action: Action,
    #[serde(deserialize_with = "required")]
    pub(crate) resource: Entity,
    #[serde(default, deserialize_with = "members")]
    #[schema(value_type = Option<Object>)]
    pub(crate) context: Option<Map<String, Value>>,
    #[serde(default, deserialize_with = "optional")]
    pub(crate) page: Option<PageWanted>,
}

/// To what or whom may they do it? (section 8.5)
#[derive(Clone, Debug, Deserialize, ToSchema)]
pub(crate) struct ResourceSearch {
    #[serde(deserialize_with = "required")]
    pub(crate) subject: Entity,
    #[serde(deserialize_with = "required")]
    pub(crate) action: Action,
    #[serde(deserialize_with = "required")]
    pub(crate) resource: Open,
    #[serde(default, deserialize_with = "members")]
    #[schema(value_type = Option<Object>)]
    pub(crate) context: Option<Map<String, Value>>,
    #[serde(default, deserialize_with = "optional")]
    pub(crate) page: Option<PageWanted>,
}

/// What may they do to it? (section 8.6)
#[derive(Clone, Debug, Deserialize, ToSchema)]
pub(crate) struct ActionSearch {
    #[serde(deserialize_with = "required")]
    pub(crate) subject: Entity,
    #[serde(deserialize_with = "required")]
    pub(crate) resource: Entity,
    #[serde(default, deserialize_with = "members")]
    #[schema(value_type = Option<Object>)]
    pub(crate) context: Option<Map<String, Value>>,
    #[serde(default, deserialize_with = "optional")]
    pub(crate) page: Option<PageWanted>,
}

/// Which page of the results (section 8.2.1).
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
pub(crate) struct PageWanted {
    /// The `next_token` of the page before; everything else has to be as it was for that one.
    #[serde(default)]
    pub(crate) token: Option<String>,
    /// The most results wanted; more than a page holds is as many as it holds.
    #[serde(default)]
    pub(crate) limit: Option<u64>,
}

/// A page of results (section 8.3).
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct Results {
    pub(crate) page: PageMade,
    /// The ledger entry that proves what was answered.
    #[schema(value_type = Object)]
    pub(crate) context: Map<String, Value>,
    /// Subjects or resources as type and id, or actions by name.
    pub(crate) results: Vec<Result>,
}

/// Where the page stands among the results (section 8.2.2).
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct PageMade {
    /// For the next page; empty when this is the last. A page may be short, or empty, and not be the last.
    pub(crate) next_token: String,
    /// How many results this page has.
    pub(crate) count: usize,
}

/// One result.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub(crate) enum Result {
    /// A subject or a resource.
    Entity {
        /// The type, as the caller calls it.
        #[serde(rename = "type")]
        kind: String,
        /// The id: of patients the pseudonym, which evaluations take in place of the record number.
        id: String,
    },
    /// An action.
    Action {
        /// Its name.
        name: String,
    },
}

/// Several requests (section 7.1). The top-level members are defaults for those that an item leaves out.
#[derive(Clone, Debug, Deserialize, ToSchema)]
pub(crate) struct Evaluations {
    #[serde(default, deserialize_with = "optional")]
    pub(crate) subject: Option<Entity>,
    #[serde(default, deserialize_with = "optional")]
    pub(crate) action: Option<Action>,
    #[serde(default, deserialize_with = "optional")]
    pub(crate) resource: Option<Entity>,
    #[serde(default, deserialize_with = "members")]
    #[schema(value_type = Option<Object>)]
    pub(crate) context: Option<Map<String, Value>>,
    /// Each item is an evaluation; what it leaves out is taken from the top level. None at all: the top level is the only one.
    #[serde(default, deserialize_with = "items")]
    #[schema(value_type = Option<Vec<Item>>)]
    pub(crate) evaluations: Option<Vec<Value>>,
    #[serde(default, deserialize_with = "optional")]
    pub(crate) options: Option<Options>,
}

/// One of several requests: what it leaves out is taken from the top level.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
pub(crate) struct Item {
    #[serde(default, deserialize_with = "optional")]
    pub(crate) subject: Option<Entity>,
    #[serde(default, deserialize_with = "optional")]
    pub(crate) action: Option<Action>,
    #[serde(default, deserialize_with = "optional")]
    pub(crate) resource: Option<Entity>,
    #[serde(default, deserialize_with = "members")]
    #[schema(value_type = Option<Object>)]
    pub(crate) context: Option<Map<String, Value>>,
}

/// One request as it is asked, wherever its parts stood.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked<'a> {
    pub(crate) subject: &'a Entity,
    pub(crate) action: &'a Action,
    pub(crate) resource: &'a Entity,
    pub(crate) context: Option<&'a Map<String, Value>>,
}

impl Evaluation {
    pub(crate) const fn asked(&self) -> Asked<'_> {
        let Self { subject, action, resource, context } = self;
        Asked { subject, action, resource, context: context.as_ref() }
    }
}

impl Item {
    /// With the members it lacks taken from `defaults`; or the name of one that neither has.
    pub(crate) fn or<'a>(&'a self, defaults: &'a Self) -> std::result::Result<Asked<'a>, &'static str> {
        Ok(Asked {
            subject: self.subject.as_ref().or(defaults.subject.as_ref()).ok_or("subject")?,
            action: self.action.as_ref().or(defaults.action.as_ref()).ok_or("action")?,
            resource: self.resource.as_ref().or(defaults.resource.as_ref()).ok_or("resource")?,
            context: self.context.as_ref().or(defaults.context.as_ref()),
        })
    }
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
    pub(crate) context: Told,
}

/// What an answer says besides yes or no; what does not apply is left out.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Told {
    /// What was wrong with one item of several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) error: Option<Value>,
    /// The ledger entry that proves it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) entry: Option<Seq>,
    /// That only the spool has recorded it, and until when it holds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) temporary: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) spooled: Option<Value>,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub(crate) decided: Option<Decided>,
}

/// A decision in words and names.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Decided {
    pub(crate) reason: String,
    pub(crate) reasons: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) remedies: Vec<Help>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) obligations: Vec<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) challenge: Option<Value>,
    pub(crate) accountable: Vec<Accountable>,
    pub(crate) decided_at: Timestamp,
    pub(crate) charter: CharterDigest,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) workflow: Option<WorkflowName>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) live: bool,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub(crate) request: Option<AccessRequest>,
}

/// A remedy with its sentence beside its machine-readable form.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Help {
    #[serde(flatten)]
    pub(crate) remedy: Remedy,
    pub(crate) text: String,
}

/// How to ask for what would help (access request profile, draft).
#[derive(Clone, Debug, Serialize)]
pub(crate) struct AccessRequest {
    pub(crate) evaluation_id: String,
    pub(crate) access_request: Value,
}

/// Several answers (section 7.2), in the order of the requests.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct Decisions {
    pub(crate) evaluations: Vec<Decision>,
}
