//! Who may act.

use super::{Api, Problem, Reply, at_most, few, id, seen, short, unit};
use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use callers::{Caller, FeedPeople};
use charter::Charter;
use events::patient::LABELS_MAX;
use events::principal::{ALIASES_MAX, Ended, IdentityClass, ROLES_MAX, Registered};
use events::{Draft, ID_BYTES_MAX, Label, PrincipalId, RoleName};
use plane::Plane;
use serde::Deserialize;
use smol_str::SmolStr;
use std::collections::BTreeMap;
use store::{AppendError, Batch};
use world::World;

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
        seen("id", self.id.as_str())?;
        self.aliases.iter().try_for_each(|alias| seen("aliases", alias.as_str()))?;
        seen("name", self.name.as_deref().unwrap_or_default())?;
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

/// The stream that orders who goes by which name, so that two requests at once do not each find it free.
const STREAM: &str = "people";
/// How often a request is looked at again because another one was faster.
const ROUNDS_MAX: usize = 8;

pub(super) async fn tell(
    caller: Caller<FeedPeople>,
    State(api): State<Api>,
    body: Result<Json<People>, JsonRejection>,
) -> Reply {
    let Json(People { people }) = body?;
    few(people.len())?;
    let people: Vec<Registered> =
        people.into_iter().map(|person| person.registered(caller.charter())).collect::<Result<_, _>>()?;
    let told = each_means_one(&people)?;
    for _ in 0..ROUNDS_MAX {
        let version = version_the_world_has(&api.plane).await?;
        api.plane.world(|world| nobody_else_goes_by(&people, &told, world))?;
        let drafts = people.iter().map(|person| Draft::new(caller.actor(), person.clone())).collect::<Vec<_>>();
        if drafts.is_empty() {
            return api.record_all(drafts).await;
        }
        match api.record(Batch::of(drafts).expect(STREAM, version)).await {
            Err(Problem::Unrecorded(AppendError::Conflict(_))) => {}
            reply => return reply,
        }
    }
    Err(Problem::Taken("somebody else keeps telling of people; send it again".to_owned()))
}

/// The stream's version, once the world has every entry there was then.
async fn version_the_world_has(plane: &Plane) -> Result<u64, Problem> {
    let behind = || Problem::Body(StatusCode::SERVICE_UNAVAILABLE, "the log cannot be read just now".to_owned());
    plane.version_folded(STREAM).await.ok().flatten().ok_or_else(behind)
}

/// What each person of a request goes by: the row of each id and alias.
type Told<'a> = BTreeMap<&'a PrincipalId, usize>;

fn codes(person: &Registered) -> impl Iterator<Item = &PrincipalId> {
    std::iter::once(&person.principal).chain(&person.aliases)
}

/// Of two rows about different people, none has an id or alias of the other.
fn each_means_one(people: &[Registered]) -> Result<Told<'_>, Problem> {
    let mut told = Told::new();
    for (row, person) in people.iter().enumerate() {
        for code in codes(person) {
            let first = *told.entry(code).or_insert(row);
            if people.get(first).is_some_and(|other| other.principal != person.principal) {
                let (code, row, first) = (short(code.as_str()), row + 1, first + 1);
                return Err(Problem::Taken(format!(
                    "person {row}: `{code}` is an id or alias of person {first} too, and can mean only one of them"
                )));
            }
        }
    }
    Ok(told)
}

/// Nobody who may act, and is not described anew in the same request, has an id or alias of anybody in it.
fn nobody_else_goes_by(people: &[Registered], told: &Told<'_>, world: &World) -> Result<(), Problem> {
    // Whoever is in the request goes by what it says of them from then on.
    let is_told =
        |id: &PrincipalId| told.get(id).and_then(|row| people.get(*row)).is_some_and(|row| row.principal == *id);
    for (row, person) in people.iter().enumerate() {
        for code in codes(person) {
            if let Some(other) = world.who_goes_by(code).iter().find(|other| !is_told(other)) {
                let (row, code, other) = (row + 1, short(code.as_str()), short(other.as_str()));
                return Err(Problem::Taken(format!(
                    "person {row}: `{code}` is an id or alias of `{other}`, who may act: describe them without it, or end them, first"
                )));
            }
        }
    }
    Ok(())
}

pub(super) async fn end(caller: Caller<FeedPeople>, State(api): State<Api>, Path(who): Path<String>) -> Reply {
    let principal = id("id", PrincipalId::new(&who))?;
    api.record_all(vec![Draft::new(caller.actor(), Ended { principal })]).await
}
