//! What policies can speak of: the attributes the schema declares, by action and by type, with common types resolved; and the shapes
//! the decision offers, which a schema may leave out but not change.

use events::principal::IdentityClass;
use events::{ActionName, TypeName};
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// What the schema declares.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Vocabulary {
    /// Actions, groups of actions left out.
    pub actions: BTreeMap<ActionName, ActionShape>,
    /// Entity types.
    pub types: BTreeMap<TypeName, TypeShape>,
    /// Groups of actions, with the actions in them, directly or not.
    pub groups: BTreeMap<ActionName, BTreeSet<ActionName>>,
}

impl Vocabulary {
    /// Whether an action is one of these, or in one of these groups.
    #[must_use]
    pub fn is_among(&self, action: &ActionName, names: &[ActionName]) -> bool {
        names.iter().any(|name| name == action || self.groups.get(name).is_some_and(|group| group.contains(action)))
    }
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

/// The attribute of a context that is there whenever the question is about a patient.
pub const CARE: &str = "care";

/// The attribute of a context that is there whenever `assurance.toml` says what is required by risk.
pub const ASSURANCE: &str = "assurance";

/// The type of units that can be asked about; their ids are those of `hospital.toml`.
pub const UNIT: &str = "Unit";

/// What labels of a family begin with; Handrail itself compares them, for `care.family`.
pub const FAMILY_PREFIX: &str = "family:";

/// The attribute of a context that holds what callers assert about the action.
pub const REQUEST: &str = "request";

/// The attributes of a context that Handrail offers and callers may assert, if the charter lets them.
pub const ASSERTED: [&str; 3] = ["device", "session", "purpose"];

/// The attributes of a context that Handrail fills itself, whoever asks.
pub const OWN: [&str; 7] = ["shift", "care", "live", "feeds", "emergency", ASSURANCE, REQUEST];

/// The types of principals the world knows: their `class`, `active` and `labels` come from it, and they belong to roles.
pub const PRINCIPAL_TYPES: [&str; 4] = ["Person", "Workload", "Agent", "Device"];

/// The type of roles.
pub const ROLE: &str = "Role";

/// Whether the owner of a session is at the screen that asks. Known only of sessions that Handrail keeps itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SessionPresence {
    /// There.
    Present,
    /// The screen is locked.
    Locked,
    /// The session went with its owner to another workstation.
    Elsewhere,
}

impl SessionPresence {
    /// Every one.
    pub const ALL: [Self; 3] = [Self::Present, Self::Locked, Self::Elsewhere];

    /// Its name in policies, scenarios and leaves.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Present => "present",
            Self::Locked => "locked",
            Self::Elsewhere => "elsewhere",
        }
    }
}

/// Whether nobody asserts an attribute of this name.
#[must_use]
pub fn is_own(name: &str) -> bool {
    OWN.contains(&name)
}

/// The shape of an attribute of the context that Handrail offers; `None` for names it offers nothing under. `request` has the shape the
/// schema gives it.
#[must_use]
pub fn offered(name: &str) -> Option<Attribute> {
    let (shape, required) = match name {
        "shift" => (record(&[("on", Bool), ("units", Texts), ("on_call_units", Texts)]), true),
        "care" => (
            record(&[
                ("known", Bool),
                ("team", Bool),
                ("attending", Bool),
                ("participant", Bool),
                ("unit", Bool),
                ("expecting", Bool),
                ("ordered", Bool),
                ("performing", Bool),
                ("scheduled", Bool),
                ("left_minutes?", Long),
                ("present", Bool),
                ("self", Bool),
                ("family", Bool),
            ]),
            false,
        ),
        "session" => (
            record(&[("level", Long), ("age_minutes", Long), ("method", Text), ("presence?", Text), ("bound?", Bool)]),
            false,
        ),
        "device" => (
            record(&[
                ("id", Text),
                ("kind", Text),
                ("managed", Bool),
                ("shared", Bool),
                ("posture", Text),
                ("unit?", Text),
            ]),
            false,
        ),
        "live" => {
            (record(&[("break_glass", Bool), ("vouched", Bool), ("elevations", Texts), ("exceptions", Texts)]), true)
        }
        "feeds" => (
            record(&[
                ("adt_stale", Bool),
                ("rota_stale", Bool),
                ("adt_quiet_minutes?", Long),
                ("rota_quiet_minutes?", Long),
            ]),
            true,
        ),
        ASSURANCE => (record(&[("required", Long), ("enough", Bool)]), false),
        "emergency" => (Bool.shape(), true),
        "purpose" => (Text.shape(), false),
        _ => return None,
    };
    Some(Attribute { shape, required })
}

/// Whether a schema declares what is offered: the same shape, or, of a record, some of its attributes, each as it is offered. Policies then see
/// those; so a schema that was written before an attribute was offered stays good.
#[must_use]
pub fn declares(declared: &Shape, offered: &Shape) -> bool {
    match (declared, offered) {
        (Shape::Record(declared), Shape::Record(offered)) => {
            declared.iter().all(|(name, attribute)| offered.get(name) == Some(attribute))
        }
        (declared, offered) => declared == offered,
    }
}

/// The shape of an attribute that the world gives principals of [`PRINCIPAL_TYPES`], or patients.
#[must_use]
pub fn given(name: &str, patient: bool) -> Option<Shape> {
    match name {
        "labels" => Some(Texts.shape()),
        "class" if !patient => Some(Text.shape()),
        "active" if !patient => Some(Bool.shape()),
        _ => None,
    }
}

/// A shape without parts, to write the tables above in.
#[derive(Clone, Copy)]
enum Plain {
    Bool,
    Long,
    Text,
    Texts,
}
use Plain::{Bool, Long, Text, Texts};

impl Plain {
    fn shape(self) -> Shape {
        match self {
            Bool => Shape::Bool,
            Long => Shape::Long,
            Text => Shape::String,
            Texts => Shape::Set(Box::new(Shape::String)),
        }
    }
}

/// A record; a name that ends in `?` need not be there.
fn record(attributes: &[(&str, Plain)]) -> Shape {
    let attribute = |(name, plain): &(&str, Plain)| {
        let shape = plain.shape();
        match name.strip_suffix('?') {
            Some(name) => (name.into(), Attribute { shape, required: false }),
            None => ((*name).into(), Attribute { shape, required: true }),
        }
    };
    Shape::Record(attributes.iter().map(attribute).collect())
}

impl fmt::Display for Shape {
    /// As a schema writes it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool => f.write_str("Bool"),
            Self::Long => f.write_str("Long"),
            Self::String => f.write_str("String"),
            Self::Set(of) => write!(f, "Set<{of}>"),
            Self::Entity(of) => write!(f, "{of}"),
            Self::Extension(name) => f.write_str(name),
            Self::Record(attributes) => {
                f.write_str("{ ")?;
                for (index, (name, attribute)) in attributes.iter().enumerate() {
                    let (comma, mark) = (if index == 0 { "" } else { ", " }, if attribute.required { "" } else { "?" });
                    write!(f, "{comma}{name}{mark}: {}", attribute.shape)?;
                }
                f.write_str(" }")
            }
        }
    }
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
