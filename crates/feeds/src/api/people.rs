//! Who may act.

use super::{Api, Problem, Reply, at_most, few, id, short, unit};
use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, State};
use callers::{Caller, FeedPeople};
use charter::Charter;
use events::patient::LABELS_MAX;
use events::principal::{ALIASES_MAX, Ended, IdentityClass, ROLES_MAX, Registered};
use events::{Draft, ID_BYTES_MAX, Label, PrincipalId, RoleName};
use serde::Deserialize;
use smol_str::SmolStr;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct People {
    people: Vec<Person>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Person {
    id: PrincipalId,
    class: IdentityClass,
    roles: Vec<RoleName>,
    name: Option<SmolStr>,
    home_unit: Option<String>,
    #[serde(default)]
    aliases: Vec<PrincipalId>,
    #[serde(default)]
    labels: Vec<Label>,
}

impl Person {
    fn registered(self, charter: &Charter) -> Result<Registered, Problem> {
        at_most("roles", self.roles.len(), ROLES_MAX)?;
        at_most("aliases", self.aliases.len(), ALIASES_MAX)?;
        at_most("labels", self.labels.len(), LABELS_MAX)?;
        at_most("bytes in a name", self.name.as_ref().map_or(0, SmolStr::len), ID_BYTES_MAX)?;
        if let Some(role) = self.roles.iter().find(|role| !charter.entities().roles.contains_key(*role)) {
            return Err(Problem::Wrong(format!("the charter knows no role called `{}`", short(role.as_str()))));
        }
        Ok(Registered {
            principal: self.id,
            class: self.class,
            roles: self.roles,
            name: self.name,
            home_unit: self.home_unit.map(|code| unit(charter, &code)).transpose()?,
            aliases: self.aliases,
            labels: self.labels,
        })
    }
}

pub(super) async fn tell(
    caller: Caller<FeedPeople>,
    State(api): State<Api>,
    body: Result<Json<People>, JsonRejection>,
) -> Reply {
    let Json(People { people }) = body?;
    few(people.len())?;
    let draft = |person: Person| Ok(Draft::new(caller.actor(), person.registered(caller.charter())?));
    api.record_all(people.into_iter().map(draft).collect::<Result<_, Problem>>()?).await
}

pub(super) async fn end(caller: Caller<FeedPeople>, State(api): State<Api>, Path(who): Path<String>) -> Reply {
    let principal = id("id", PrincipalId::new(&who))?;
    api.record_all(vec![Draft::new(caller.actor(), Ended { principal })]).await
}
