//! The few entities one request needs: who asks, what about, the action, and the static entities their attributes and the candidate
//! policies name. Cedar's store costs what it holds, so it holds no more.
//!
//! Every entity lists all its ancestors as parents, so the ancestors themselves need not be there: `in` looks only at the entity on its
//! left, and an entity can be on the left only if it is in the request, an attribute, or a literal of a policy.

use crate::cedar::Whole;
use crate::refusal::Refusal;
use crate::shape;
use cedar_policy::{EntityId, EntityTypeName, EntityUid, RestrictedExpression};
use charter::entities::StaticEntities;
use charter::vocabulary::{Attributes, Shape, Vocabulary};
use events::decision::Values;
use events::{Label, RoleName, TypeName};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use world::PrincipalFacts;

/// The schema's type of roles.
pub const ROLE: &str = "Role";

/// Attributes by name, as Cedar wants them, in one order.
pub type Expressions = BTreeMap<String, RestrictedExpression>;

/// A type of the schema, ready for use.
#[derive(Debug)]
pub struct Kind {
    /// Its name.
    pub name: TypeName,
    cedar: EntityTypeName,
    attributes: Attributes,
    has_roles: bool,
}

/// Everything of the charter that stands still.
#[derive(Debug)]
pub struct Statics {
    kinds: HashMap<TypeName, Kind>,
    roles: HashMap<RoleName, Vec<EntityUid>>,
    entities: HashMap<EntityUid, Static>,
}

#[derive(Debug)]
struct Static {
    attributes: Expressions,
    ancestors: Vec<EntityUid>,
    /// The entities its attributes name.
    names: Vec<EntityUid>,
    whole: Whole,
}

/// One of the two entities a request is about, before it is built.
#[derive(Clone, Debug)]
pub struct Party {
    /// Which.
    pub uid: EntityUid,
    /// Everything it is in.
    pub ancestors: Vec<EntityUid>,
    /// Its attributes.
    pub attributes: Expressions,
    /// The entities its attributes name.
    pub names: Vec<EntityUid>,
    /// What its attribute `active` is, where the world says so.
    pub active: Option<bool>,
    /// Whether its attribute `labels` is known to be an empty set.
    pub unlabelled: bool,
}

/// Why static entities cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StaticError {
    /// A type name that Cedar refuses.
    #[error("`{0}` is not the name of a type")]
    Type(TypeName),
    /// An attribute does not have the declared shape.
    #[error("an attribute of `{entity}` does not fit the schema")]
    Attribute {
        /// The entity.
        entity: String,
        /// What is wrong.
        #[source]
        source: shape::ShapeError,
    },
    /// Cedar refuses an entity.
    #[error("entity `{0}` cannot be built")]
    Entity(String),
}

impl Kind {
    /// An entity of this type.
    #[must_use]
    pub fn uid(&self, id: &str) -> EntityUid {
        EntityUid::from_type_name_and_id(self.cedar.clone(), EntityId::new(id))
    }

    /// Checks what a caller asserts about an entity of this type; what the schema does not declare is left out.
    fn asserted(&self, part: &str, values: &Values, names: &mut Vec<EntityUid>) -> Result<Expressions, Refusal> {
        let mut made = Expressions::new();
        for (name, value) in values {
            if let Some(attribute) = self.attributes.get(name.as_str()) {
                let at = format!("{part}.{name}");
                made.insert(name.clone(), shape::conform(&at, value, &attribute.shape, names)?);
            }
        }
        Ok(made)
    }

    fn declares_labels(&self) -> bool {
        matches!(self.attributes.get("labels").map(|a| &a.shape), Some(Shape::Set(of)) if **of == Shape::String)
    }

    /// Every attribute an entity of this type always has must be there.
    fn complete(&self, made: &Expressions) -> Result<(), Refusal> {
        let missing = self.attributes.iter().find(|(name, a)| a.required && !made.contains_key(name.as_str()));
        missing
            .map_or(Ok(()), |(name, _)| Err(Refusal::Missing { kind: self.name.clone(), attribute: name.to_string() }))
    }
}

impl Statics {
    /// Prepares the charter's types and entities.
    ///
    /// # Errors
    /// When an entity does not fit the schema; a charter that was checked has none such.
    pub fn new(vocabulary: &Vocabulary, of: &StaticEntities) -> Result<Self, StaticError> {
        let mut statics = Self { kinds: HashMap::new(), roles: HashMap::new(), entities: HashMap::new() };
        for (name, shape) in &vocabulary.types {
            let cedar = name.as_str().parse().map_err(|_| StaticError::Type(name.clone()))?;
            let has_roles = shape.member_of.iter().any(|kind| kind.as_str() == ROLE);
            let attributes = shape.attributes.clone();
            statics.kinds.insert(name.clone(), Kind { name: name.clone(), cedar, attributes, has_roles });
        }
        statics.add_roles(of)?;
        statics.add_entities(of)?;
        Ok(statics)
    }

    fn add_roles(&mut self, of: &StaticEntities) -> Result<(), StaticError> {
        let parents = |role: &RoleName| of.roles.get(role).map_or(&[][..], |role| role.parents.as_slice());
        let Some(kind) = TypeName::new(ROLE).ok().and_then(|role| self.kinds.get(&role)) else { return Ok(()) };
        let mut made = Vec::new();
        for name in of.roles.keys() {
            let above = closure(name, parents);
            let line: Vec<EntityUid> =
                std::iter::once(name).chain(&above).map(|role| kind.uid(role.as_str())).collect();
            made.push((name.clone(), line));
        }
        for (name, line) in made {
            if let Some((uid, above)) = line.split_first() {
                self.add(uid.clone(), Expressions::new(), above.to_vec(), Vec::new())?;
            }
            self.roles.insert(name, line);
        }
        Ok(())
    }

    fn add_entities(&mut self, of: &StaticEntities) -> Result<(), StaticError> {
        let name = |kind: &TypeName, id: &str| {
            let known = self.kinds.get(kind).ok_or_else(|| StaticError::Type(kind.clone()))?;
            Ok((known, known.uid(id)))
        };
        let mut parents: HashMap<EntityUid, Vec<EntityUid>> =
            self.entities.iter().map(|(uid, role)| (uid.clone(), role.ancestors.clone())).collect();
        for entity in &of.entity {
            let above = entity.parents.iter().map(|above| name(&above.kind, above.id.as_str()).map(|(_, uid)| uid));
            let above = above.collect::<Result<Vec<_>, StaticError>>()?;
            parents.entry(name(&entity.kind, entity.id.as_str())?.1).or_default().extend(above);
        }
        let mut made = Vec::new();
        for entity in &of.entity {
            let (kind, uid) = name(&entity.kind, entity.id.as_str())?;
            let above = closure(&uid, |uid| parents.get(uid).map_or(&[][..], Vec::as_slice));
            let mut names = Vec::new();
            let mut attributes = Expressions::new();
            for (name, value) in &entity.attributes {
                let Some(declared) = kind.attributes.get(name.as_str()) else { continue };
                let value = shape::conform(name, value, &declared.shape, &mut names)
                    .map_err(|source| StaticError::Attribute { entity: uid.to_string(), source })?;
                attributes.insert(name.clone(), value);
            }
            made.push((uid, attributes, above, names));
        }
        made.into_iter().try_for_each(|(uid, attributes, above, names)| self.add(uid, attributes, above, names))
    }

    fn add(
        &mut self,
        uid: EntityUid,
        attributes: Expressions,
        ancestors: Vec<EntityUid>,
        names: Vec<EntityUid>,
    ) -> Result<(), StaticError> {
        let party = Party { uid: uid.clone(), ancestors, attributes, names, active: None, unlabelled: false };
        let whole = Whole::of(&party).map_err(|_| StaticError::Entity(uid.to_string()))?;
        let Party { ancestors, attributes, names, .. } = party;
        self.entities.insert(uid, Static { attributes, ancestors, names, whole });
        Ok(())
    }

    /// A type of the schema.
    ///
    /// # Errors
    /// When the schema has no such type.
    pub fn kind(&self, name: &TypeName) -> Result<&Kind, Refusal> {
        self.kinds.get(name).ok_or_else(|| Refusal::UnknownType(name.clone()))
    }

    /// Whether an entity is this role.
    #[must_use]
    pub fn is_role(&self, uid: &EntityUid, role: &RoleName) -> bool {
        self.roles.get(role).and_then(|line| line.first()).is_some_and(|known| known == uid)
    }

    /// A role and every role it belongs to. A role the charter does not know stands alone.
    fn role(&self, name: &RoleName) -> Vec<EntityUid> {
        if let Some(line) = self.roles.get(name) {
            return line.clone();
        }
        let kind = TypeName::new(ROLE).ok().and_then(|role| self.kinds.get(&role));
        kind.map(|kind| kind.uid(name.as_str())).into_iter().collect()
    }

    /// Who asks, as policies see them: what the world knows holds over what was asserted, and that over what stands still.
    ///
    /// # Errors
    /// When something asserted does not fit the schema.
    pub fn principal(
        &self,
        kind: &Kind,
        id: &str,
        known: Option<&PrincipalFacts>,
        asserted: &Values,
    ) -> Result<Party, Refusal> {
        let labels = known.map_or(&[][..], |known| known.labels.as_slice());
        let mut party = self.party(kind, id, "subject.properties", asserted, labels)?;
        if let Some(known) = known {
            let told = [
                ("class", RestrictedExpression::new_string(known.class.as_str().to_owned())),
                ("active", RestrictedExpression::new_bool(known.active)),
            ];
            for (name, value) in told {
                if kind.attributes.contains_key(name) {
                    party.attributes.insert(name.to_owned(), value);
                }
            }
            party.active = kind.attributes.contains_key("active").then_some(known.active);
            if kind.has_roles {
                party.ancestors = self.above(&party.uid, &known.roles);
            }
        }
        kind.complete(&party.attributes)?;
        Ok(party)
    }

    /// Everything somebody of these roles is in.
    pub(crate) fn above(&self, uid: &EntityUid, roles: &[RoleName]) -> Vec<EntityUid> {
        let mut above = self.entities.get(uid).map_or_else(Vec::new, |still| still.ancestors.clone());
        above.extend(roles.iter().flat_map(|role| self.role(role)));
        above.sort_unstable();
        above.dedup();
        above
    }

    /// What is asked about. A patient's labels are those the world knows and those that were asserted.
    ///
    /// # Errors
    /// When something asserted does not fit the schema.
    pub fn resource(&self, kind: &Kind, id: &str, labels: &[Label], asserted: &Values) -> Result<Party, Refusal> {
        let party = self.party(kind, id, "resource.properties", asserted, labels)?;
        kind.complete(&party.attributes)?;
        Ok(party)
    }

    fn party(&self, kind: &Kind, id: &str, part: &str, asserted: &Values, labels: &[Label]) -> Result<Party, Refusal> {
        let uid = kind.uid(id);
        let still = self.entities.get(&uid);
        let mut names = still.map_or_else(Vec::new, |still| still.names.clone());
        let mut attributes = still.map_or_else(Expressions::new, |still| still.attributes.clone());
        if !asserted.is_empty() {
            attributes.extend(kind.asserted(part, asserted, &mut names)?);
        }
        let mut unlabelled = false;
        if kind.declares_labels() {
            let said = asserted.get("labels").and_then(|labels| labels.as_array());
            let said = said.into_iter().flatten().filter_map(|label| label.as_str());
            let all: BTreeSet<&str> = labels.iter().map(Label::as_str).chain(said).collect();
            if !all.is_empty() || !attributes.contains_key("labels") {
                unlabelled = all.is_empty();
                let all = all.into_iter().map(|label| RestrictedExpression::new_string(label.to_owned()));
                attributes.insert("labels".to_owned(), RestrictedExpression::new_set(all));
            }
        }
        // Nobody who is not registered is of any class, or active.
        for (name, shape, value) in [
            ("class", Shape::String, RestrictedExpression::new_string("unknown".to_owned())),
            ("active", Shape::Bool, RestrictedExpression::new_bool(false)),
        ] {
            if !attributes.contains_key(name)
                && kind.attributes.get(name).is_some_and(|a| a.required && a.shape == shape)
            {
                attributes.insert(name.to_owned(), value);
            }
        }
        let ancestors = still.map_or_else(Vec::new, |still| still.ancestors.clone());
        Ok(Party { uid, ancestors, attributes, names, active: None, unlabelled })
    }

    /// The static entities that these names lead to, each once: those they name, those their attributes name, and so on.
    pub(crate) fn reached<'a>(&'a self, from: impl Iterator<Item = &'a EntityUid>, but: [&EntityUid; 2]) -> Vec<Whole> {
        let mut waiting: Vec<&EntityUid> = from.collect();
        let mut seen: BTreeSet<&EntityUid> = BTreeSet::new();
        let mut found = Vec::new();
        while let Some(uid) = waiting.pop() {
            let Some(still) = self.entities.get(uid) else { continue };
            if but.contains(&uid) || !seen.insert(uid) {
                continue;
            }
            // To Cedar an entity without ancestors and attributes is the same as none.
            if !still.ancestors.is_empty() || !still.attributes.is_empty() {
                found.push(still.whole.clone());
            }
            waiting.extend(&still.names);
        }
        found
    }
}

/// Everything above, directly or not, in order; cycles end.
fn closure<'a, T: Ord + Clone + 'a>(of: &T, parents: impl Fn(&T) -> &'a [T]) -> Vec<T> {
    let mut above = BTreeSet::new();
    let mut waiting: Vec<&T> = parents(of).iter().collect();
    while let Some(next) = waiting.pop() {
        if above.insert(next.clone()) {
            waiting.extend(parents(next));
        }
    }
    above.into_iter().collect()
}
