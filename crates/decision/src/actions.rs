//! The actions of a charter's schema, made ready to be asked for.

use crate::cedar::Whole;
use crate::context::ContextPlan;
use cedar_policy::EntityUid;
use cedar_policy::entities_errors::EntitiesError;
use charter::Charter;
use events::{ActionName, TypeName};
use std::collections::{BTreeSet, HashMap};

/// An action that can be asked for.
#[derive(Debug)]
pub(crate) struct Action {
    pub(crate) name: ActionName,
    pub(crate) uid: EntityUid,
    pub(crate) ancestors: Vec<EntityUid>,
    pub(crate) entity: Whole,
    pub(crate) principals: BTreeSet<TypeName>,
    pub(crate) resources: BTreeSet<TypeName>,
    pub(crate) context: ContextPlan,
}

/// The schema's actions, each with its groups.
pub(crate) fn of(charter: &Charter) -> Result<HashMap<ActionName, Action>, Box<EntitiesError>> {
    let entities = charter.schema().action_entities().map_err(Box::new)?;
    let mut actions = HashMap::new();
    for entity in entities.iter() {
        let uid = entity.uid();
        let Ok(name) = ActionName::new(uid.id().unescaped()) else { continue };
        let Some(shape) = charter.vocabulary().actions.get(&name) else { continue };
        let mut ancestors: Vec<EntityUid> =
            entities.ancestors(&uid).map(|all| all.cloned().collect()).unwrap_or_default();
        ancestors.sort_unstable();
        let action = Action {
            name: name.clone(),
            entity: Whole::bare(&uid, &ancestors),
            uid,
            ancestors,
            principals: shape.principals.clone(),
            resources: shape.resources.clone(),
            context: ContextPlan::new(&shape.context),
        };
        actions.insert(name, action);
    }
    Ok(actions)
}
