//! How long does a page of a search take in a region of a million patients?
//!
//! The world is that of `region`. One page is everything between a parsed request and the draft of its leaf: candidates from the
//! indexes, facts and a decision for each, the starter charter. `my patients` is what one nurse may read; `who may` is everybody who may read
//! one chart, first page; `what may I` is what one nurse may do to one patient.
//!
//! `cargo bench -p decision --bench search`
#![expect(clippy::expect_used, clippy::print_stdout, reason = "a benchmark that cannot set up has nothing to say")]

mod region;

use charter::Charter;
use decision::Engine;
use decision::search::{self, RESULTS_MAX, Walk};
use events::decision::{Asserted, Question};
use events::search::ANYTHING;
use events::{ActionName, EntityRef};
use region::{IN_HOUSE, NURSES, PATIENTS, now, patient, region};
use serde_json::json;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use world::World;

/// The allocator of the real binary.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const PAGES: u32 = 2_000;
/// As a node has it.
const PAGE_TIME_MAX: Duration = Duration::from_millis(50);

fn question(who: &str, whom: &str) -> Question {
    let entity = |kind: &str, id: &str| EntityRef { kind: kind.parse().expect("type"), id: id.parse().expect("id") };
    let session = json!({ "level": 2, "age_minutes": 1, "method": "passkey" });
    let asserted = Asserted { context: [("session".to_owned(), session)].into(), ..Asserted::default() };
    let action = "read_chart".parse().expect("action");
    Question {
        principal: entity("Person", who),
        action,
        resource: entity("Patient", whom),
        workflow: None,
        session: None,
        asserted,
    }
}

/// Runs pages, and says how long half of them and nearly all of them took.
#[expect(clippy::disallowed_methods, reason = "a benchmark")]
fn pages(what: &str, mut page: impl FnMut(u32) -> usize) {
    let (mut times, mut found) = (Vec::new(), 0);
    for number in 0..PAGES {
        let begun = Instant::now();
        found += page(number);
        times.push(begun.elapsed());
    }
    times.sort_unstable();
    let at = |share: f64| times.get((times.len() as f64 * share) as usize).map_or(0.0, |time| time.as_secs_f64() * 1e6);
    println!(
        "{what:<32} p50 {:>8.0} µs   p99 {:>8.0} µs   {:>5.1} results a page",
        at(0.5),
        at(0.99),
        found as f64 / f64::from(PAGES)
    );
}

#[expect(clippy::disallowed_methods, reason = "a benchmark")]
fn walk<T: ToString>(engine: &Engine, world: &World, walk: &Walk, candidates: &[T]) -> usize {
    let begun = Instant::now();
    let mut candidates: Vec<String> = candidates.iter().map(ToString::to_string).collect();
    candidates.sort_unstable();
    let candidates = candidates.iter().map(String::as_str);
    let facts = |subject: &world::Subject| world.facts(subject, now());
    walk.page(engine, candidates, RESULTS_MAX, now(), facts, || begun.elapsed() > PAGE_TIME_MAX).found.len()
}

fn main() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../charter");
    let engine = Engine::new(Arc::new(Charter::load(&dir).expect("the starter charter"))).expect("an engine");
    let world = region();
    pages("my patients", |number| {
        let asked = question(&format!("n-{}", number % NURSES), ANYTHING);
        let tied = world.patients_tied_to(&asked.principal.id, now());
        walk(&engine, &world, &Walk::Resources(asked), &tied)
    });
    pages("who may, first page", |number| {
        let whom = patient(number % (PATIENTS / IN_HOUSE) * IN_HOUSE);
        let asked = question(ANYTHING, &whom.to_string());
        let tied = world.people_tied_to(whom, now());
        walk(&engine, &world, &Walk::Subjects(asked), &tied)
    });
    pages("what may I", |number| {
        let nurse = number % NURSES;
        let tied = world.patients_tied_to(&format!("n-{nurse}").parse().expect("id"), now());
        let whom = tied.first().copied().unwrap_or_else(|| patient(0));
        let asked = question(&format!("n-{nurse}"), &whom.to_string());
        let (subject, resource) = (&asked.principal.kind, &asked.resource.kind);
        let names: Vec<ActionName> = search::actions(&engine, subject, resource);
        let each = names.iter().map(|action| Question { action: action.clone(), ..asked.clone() }).collect();
        walk(&engine, &world, &Walk::Actions { asked, each }, &names)
    });
}
