//! The two places where Cedar's public interface would cost more than the decision itself, and so its core is used directly: values of
//! the context are built as values, not as expressions to evaluate; and entities that already list all their ancestors are put together
//! without working the ancestors out again. Nothing outside this module knows the core.
//!
//! The core's interface may change with any release, so its version is fixed beside `cedar-policy`'s; a change shows when compiling.

use crate::entities::{Expressions, Party};
use crate::refusal::Refusal;
use cedar_policy::{Context, Entities, EntityUid};
use cedar_policy_core::ast::{self, Value};
use cedar_policy_core::entities::{NoEntitiesSchema, TCComputation};
use cedar_policy_core::extensions::Extensions;
use smol_str::SmolStr;
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

/// A value as policies see it.
#[derive(Clone, Debug)]
pub(crate) struct Seen(Value);

impl Seen {
    pub(crate) fn truth(value: bool) -> Self {
        Self(value.into())
    }

    pub(crate) fn number(value: i64) -> Self {
        Self(value.into())
    }

    pub(crate) fn text(value: &str) -> Self {
        Self(SmolStr::new(value).into())
    }

    pub(crate) fn texts<'a>(values: impl Iterator<Item = &'a str>) -> Self {
        Self(Value::set_of_lits(values.map(|value| SmolStr::new(value).into()), None))
    }

    pub(crate) fn record(fields: impl Iterator<Item = (&'static str, Self)>) -> Self {
        Self(Value::record(fields.map(|(name, value)| (SmolStr::new_static(name), value.0)), None))
    }
}

/// The words of a context.
#[derive(Debug, Default)]
pub(crate) struct Words(BTreeMap<SmolStr, Value>);

impl Words {
    /// Those that were asserted.
    ///
    /// # Errors
    /// When Cedar cannot evaluate one, such as an address that is none.
    pub(crate) fn asserted(pairs: &Expressions) -> Result<Self, Refusal> {
        if pairs.is_empty() {
            return Ok(Self::default());
        }
        let pairs = pairs.iter().map(|(name, value)| (name.clone(), value.clone()));
        match Context::from_pairs(pairs).map_err(|_| Refusal::Unputtable)?.as_ref() {
            ast::Context::Value(words) => Ok(Self((**words).clone())),
            ast::Context::RestrictedResidual(_) => Err(Refusal::Unputtable),
        }
    }

    pub(crate) fn add(&mut self, word: &'static str, value: Seen) {
        self.0.insert(SmolStr::new_static(word), value.0);
    }

    pub(crate) fn context(self) -> Context {
        ast::Context::Value(Arc::new(self.0)).into()
    }
}

/// An entity that lists all its ancestors as parents.
#[derive(Clone, Debug)]
pub(crate) struct Whole(Arc<ast::Entity>);

impl Whole {
    /// # Errors
    /// When Cedar cannot evaluate an attribute.
    pub(crate) fn of(party: &Party) -> Result<Self, Refusal> {
        let attributes = party.attributes.iter().map(|(name, value)| (SmolStr::new(name), value.as_ref().clone()));
        let parents: HashSet<_> = party.ancestors.iter().map(|uid| uid.as_ref().clone()).collect();
        let uid = party.uid.as_ref().clone();
        ast::Entity::new(uid, attributes, HashSet::new(), parents, [], Extensions::all_available())
            .map(|entity| Self(Arc::new(entity)))
            .map_err(|_| Refusal::Unputtable)
    }

    /// An entity without attributes.
    pub(crate) fn bare(uid: &EntityUid, ancestors: &[EntityUid]) -> Self {
        let parents = ancestors.iter().map(|uid| uid.as_ref().clone()).collect();
        let uid = uid.as_ref().clone();
        Self(Arc::new(ast::Entity::new_with_attr_partial_value(uid, [], HashSet::new(), parents, [])))
    }
}

/// Puts entities together.
///
/// # Errors
/// When two different ones have the same name.
pub(crate) fn entities(all: Vec<Whole>) -> Result<Entities, Refusal> {
    let all = all.into_iter().map(|whole| whole.0);
    let closed = TCComputation::AssumeAlreadyComputed;
    let store = cedar_policy_core::entities::Entities::new();
    let store = store.add_entities(all, None::<&NoEntitiesSchema>, closed, Extensions::all_available());
    store.map(Entities::from).map_err(|_| Refusal::Unputtable)
}
