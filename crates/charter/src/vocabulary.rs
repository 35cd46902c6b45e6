//! What policies can speak of: the attributes the schema declares, by action and by type, with common types resolved; and the shapes
//! the decision offers, which a schema may leave out but not change.

use events::principal::IdentityClass;
use events::{ActionName, TypeName};
use smol_str::SmolStr;
use std::collections::{BTreeMap, BTreeSet};

/// What the schema declares.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Vocabulary {
    /// Actions, groups of actions left out.
    pub actions: BTreeMap<ActionName, ActionShape>,
    /// Entity types.
    pub types: BTreeMap<TypeName, TypeShape>,
}

/// What the schema declares of an action.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ActionShape {
    /// Who can ask for it.
    pub principals: BTreeSet<TypeName>,
    /// What it can be asked of.
    pub resources: BTreeSet<TypeName>,
    /// The top-level attributes of its context.
    pub context: Attributes,
}

/// What the schema declares of an entity type.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TypeShape {
    /// Its attributes.
    pub attributes: Attributes,
    /// The types it can belong to.
    pub member_of: BTreeSet<TypeName>,
}

/// Attributes by name.
pub type Attributes = BTreeMap<SmolStr, Attribute>;

/// One attribute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attribute {
    /// Its shape.
    pub shape: Shape,
    /// Whether it is always there.
    pub required: bool,
}

/// The shape of a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shape {
    /// True or false.
    Bool,
    /// A whole number.
    Long,
    /// A text.
    String,
    /// A set of one shape.
    Set(Box<Shape>),
    /// A record.
    Record(Attributes),
    /// An entity of a type.
    Entity(TypeName),
    /// A value of an extension such as `datetime` or `ipaddr`.
    Extension(SmolStr),
}

/// The schema's type for principals of a class.
#[must_use]
pub const fn principal_type(class: IdentityClass) -> &'static str {
    match class {
        IdentityClass::Staff | IdentityClass::Vendor | IdentityClass::Patient => "Person",
        IdentityClass::ServiceAccount | IdentityClass::ApiKey => "Workload",
        IdentityClass::Device => "Device",
        IdentityClass::Agent => "Agent",
    }
}
