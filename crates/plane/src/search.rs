//! Searches: candidates from the world's indexes and the charter's static entities, decided one after another, one leaf a page.

use crate::{DecideError, Plane};
use charter::vocabulary::{PRINCIPAL_TYPES, principal_type};
use decision::Engine;
use decision::search::{CANDIDATES_MAX, Walk};
use events::decision::Question;
use events::search::{Answered, Sought};
use events::{Actor, Draft, Event, Leaf, PatientPseudonym, PrincipalId, RequestId, Seq, Timestamp, TypeName};
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;
use store::{AppendError, Recorded};
use tokio::time::Instant;

/// How long one page looks at candidates.
pub const PAGE_TIME_MAX: Duration = Duration::from_millis(50);
/// How often a page is looked for again because another charter came into force meanwhile.
const ROUNDS_MAX: usize = 4;

/// A search, as an authenticated caller puts it.
#[derive(Clone, Debug)]
pub struct Search {
    /// What is looked for.
    pub walk: Walk,
    /// Where the page before ended; nothing for the first.
    pub after: Option<Place>,
    /// The most results wanted on this page.
    pub limit: usize,
    /// Who asks.
    pub actor: Actor,
    /// The caller's id for the request.
    pub request: Option<RequestId>,
}

/// How far a search came. Candidates have one order: by tier, and within a tier by one that does not change while they come and go.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    tier: u8,
    id: SmolStr,
}

/// Those whom something ties to what was asked about.
const TIED: u8 = 0;
/// Everybody else the world knows.
const OTHERS: u8 = 1;
/// What stands still in the charter.
const STATIC: u8 = 2;

/// A recorded page.
#[derive(Debug)]
pub struct Found {
    entry: Recorded<Arc<Leaf>>,
    /// Where the next page begins; nothing when this was the last.
    pub next: Option<Place>,
}

impl Found {
    /// The entry that proves it.
    #[must_use]
    pub fn entry(&self) -> Seq {
        self.entry.seq
    }

    /// What was found. Nothing for an entry of another kind, which [`Plane::search`] never returns.
    #[must_use]
    pub fn ids(&self) -> &[SmolStr] {
        match &self.entry.draft.event {
            Event::SearchAnswered(answered) => &answered.found,
            _ => &[],
        }
    }
}

/// Candidates in order, and where there are more after the last of them.
#[derive(Default)]
struct Candidates {
    places: Vec<Place>,
    rest: Option<Place>,
}

impl Candidates {
    /// Adds those of a tier that come after `after`, in the order of their ids.
    fn sorted(&mut self, tier: u8, ids: impl IntoIterator<Item = SmolStr>, after: Option<&Place>) {
        if after.is_some_and(|after| after.tier > tier) {
            return;
        }
        let beyond = after.filter(|after| after.tier == tier).map(|after| after.id.clone());
        let mut ids: Vec<SmolStr> =
            ids.into_iter().filter(|id| beyond.as_ref().is_none_or(|beyond| id > beyond)).collect();
        ids.sort_unstable();
        self.places.extend(ids.into_iter().map(|id| Place { tier, id }));
    }
}

impl Plane {
    /// Answers one page of a search, recorded. It looks at no more than [`CANDIDATES_MAX`] candidates and for no longer than
    /// [`PAGE_TIME_MAX`]; facts are taken one candidate at a time, so that the fold never waits for a page.
    ///
    /// # Errors
    /// When it cannot be recorded, or when the node must not answer.
    pub async fn search(&self, search: Search) -> Result<Found, DecideError> {
        self.knows_what_holds()?;
        for _ in 0..ROUNDS_MAX {
            let (plane, search) = (self.clone(), search.clone());
            let looked = tokio::task::spawn_blocking(move || plane.look(search)).await;
            let (draft, next) = looked.map_err(|_| DecideError::Unsettled)?;
            match self.append_one(draft).await {
                // Another node put another charter into force.
                Err(DecideError::Record(AppendError::Stale)) => {}
                recorded => return recorded.map(|entry| Found { entry, next }),
            }
        }
        Err(DecideError::Unsettled)
    }

    fn look(&self, search: Search) -> (Draft, Option<Place>) {
        let Search { walk, after, limit, actor, request } = search;
        let engine = self.engine();
        let (now, world_seq) = (self.now(), self.world(world::World::next_seq));
        let candidates = self.candidates(&engine, &walk, after.as_ref(), now);
        let begun = Instant::now();
        let page = walk.page(
            &engine,
            candidates.places.iter().map(|place| place.id.as_str()),
            limit,
            now,
            |subject| self.world(|world| world.facts(subject, now)),
            || begun.elapsed() >= PAGE_TIME_MAX,
        );
        let next = match page.looked_at.checked_sub(1) {
            _ if page.looked_at >= candidates.places.len() => candidates.rest,
            Some(last) => candidates.places.get(last).cloned(),
            None => Some(after.unwrap_or(Place { tier: TIED, id: SmolStr::default() })),
        };
        let asked = walk.asked();
        let patient = patient(&engine, asked).map(|patient| self.world(|world| world.canonical(patient)));
        let answered = Answered {
            sought: walk.sought(),
            question: asked.clone(),
            patient,
            found: page.found,
            looked_at: u32::try_from(page.looked_at).unwrap_or(u32::MAX),
            more: next.is_some(),
            world_seq,
            charter: engine.charter().digest(),
            decided_at: now,
        };
        let on_behalf_of = (walk.sought() != Sought::Subject).then(|| asked.principal.id.clone());
        let workflow = asked.workflow.clone();
        let draft = Draft { on_behalf_of, workflow, request, ..Draft::new(actor, Box::new(answered)) };
        (draft, next)
    }

    fn candidates(&self, engine: &Engine, walk: &Walk, after: Option<&Place>, now: Timestamp) -> Candidates {
        let mut found = Candidates::default();
        match walk {
            Walk::Resources(asked) => {
                if engine.charter().systems().is_patient(asked.resource.kind.as_str()) {
                    let patients = self.world(|world| world.patients_tied_to(&asked.principal.id, now));
                    found.sorted(TIED, patients.iter().map(|patient| patient.to_string().into()), after);
                }
                found.sorted(STATIC, standing(engine, &asked.resource.kind), after);
            }
            Walk::Subjects(asked) => {
                self.people(engine, asked, after, now, &mut found);
                if found.rest.is_none() {
                    found.sorted(STATIC, standing(engine, &asked.principal.kind), after);
                }
            }
            Walk::Actions { each, .. } => {
                found.sorted(TIED, each.iter().map(|question| question.action.as_str().into()), after);
            }
        }
        found
    }

    /// People, workloads, agents and devices of the type: those tied to the patient first, then the others as the log named them.
    fn people(&self, engine: &Engine, asked: &Question, after: Option<&Place>, now: Timestamp, found: &mut Candidates) {
        let kind = asked.principal.kind.as_str();
        if !PRINCIPAL_TYPES.contains(&kind) || after.is_some_and(|after| after.tier > OTHERS) {
            return;
        }
        let tied: Vec<PrincipalId> = patient(engine, asked)
            .map_or_else(Vec::new, |patient| self.world(|world| world.people_tied_to(patient, now)));
        found.sorted(TIED, tied.iter().map(|id| id.as_str().into()), after);
        let from = after.filter(|after| after.tier == OTHERS).and_then(|after| PrincipalId::new(&after.id).ok());
        let room = CANDIDATES_MAX.saturating_sub(found.places.len()).max(1);
        let (others, last) = self.world(|world| world.somebody_after(from.as_ref(), room));
        let tied: HashSet<&PrincipalId> = tied.iter().collect();
        let others = others.iter().filter(|other| principal_type(other.class) == kind && !tied.contains(&other.id));
        found.places.extend(others.map(|other| Place { tier: OTHERS, id: other.id.as_str().into() }));
        found.rest = last.map(|last| Place { tier: OTHERS, id: last.as_str().into() });
    }
}

/// The patient a question is about, if it is about one that is named.
fn patient(engine: &Engine, asked: &Question) -> Option<PatientPseudonym> {
    let about_one = engine.charter().systems().is_patient(asked.resource.kind.as_str());
    about_one.then(|| asked.resource.id.as_str().parse().ok()).flatten()
}

/// The charter's own entities of a type.
fn standing<'a>(engine: &'a Engine, kind: &'a TypeName) -> impl Iterator<Item = SmolStr> + 'a {
    let all = &engine.charter().entities().entity;
    all.iter().filter(move |entity| entity.kind == *kind).map(|entity| entity.id.as_str().into())
}
