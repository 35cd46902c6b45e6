//! How long does a page of a search take in a region of a million patients?
//!
//! The world is folded from leaves: a million patients admitted once, all but twenty thousand of them discharged a month ago, in four hundred
//! units, each with two nurses on shift. One page is everything between a parsed request and the draft of its leaf: candidates from the
//! indexes, facts and a decision for each, the starter charter. `my patients` is what one nurse may read; `who may` is everybody who may read
//! one chart, first page; `what may I` is what one nurse may do to one patient.
//!
//! `cargo bench -p decision --bench search`
#![expect(clippy::expect_used, clippy::print_stdout, reason = "a benchmark that cannot set up has nothing to say")]

use charter::Charter;
use decision::Engine;
use decision::search::{self, RESULTS_MAX, Walk};
use events::decision::{Asserted, Question};
use events::encounter::{Class, Closed, Opened, Place, Presence};
use events::principal::{IdentityClass, Registered};
use events::rota::ShiftAssigned;
use events::search::ANYTHING;
use events::{
    ActionName, Actor, Draft, EncounterPseudonym, EntityRef, Event, Leaf, PatientPseudonym, Seq, Timestamp, UnitId,
};
use serde_json::json;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use world::World;

/// The allocator of the real binary.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const PATIENTS: u32 = 1_000_000;
/// One in so many is in the house.
const IN_HOUSE: u32 = 50;
const UNITS: u32 = 400;
const NURSES: u32 = 2 * UNITS;
const PAGES: u32 = 2_000;
/// As a node has it.
const PAGE_TIME_MAX: Duration = Duration::from_millis(50);

fn now() -> Timestamp {
    Timestamp::from_millis(1_790_000_000_000)
}

fn hours(hours: u64) -> Duration {
    Duration::from_secs(hours * 3_600)
}

fn patient(number: u32) -> PatientPseudonym {
    // Scattered, as random ones are.
    PatientPseudonym::from_bytes((u128::from(number) * 0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835).to_be_bytes())
}

fn unit(number: u32) -> UnitId {
    format!("U{}", number % UNITS).parse().expect("unit")
}

/// Folds leaves one after another.
struct Log {
    world: World,
    next: u64,
}

impl Log {
    fn tell(&mut self, at: Timestamp, event: impl Into<Event>) {
        let draft = Draft { occurred_at: Some(at), ..Draft::new(Actor::handrail("bench"), event) };
        self.world.apply(&Leaf { seq: Seq(self.next), recorded_at: at, draft });
        self.next += 1;
    }
}

fn region() -> World {
    let mut log = Log { world: World::new(), next: 0 };
    let before = now() - hours(24 * 30);
    for number in 0..PATIENTS {
        let here = number.is_multiple_of(IN_HOUSE);
        let at = if here { now() - hours(5) } else { before - hours(24) };
        let encounter = EncounterPseudonym::from_bytes(patient(number).to_bytes());
        let place = Place { unit: unit(number / IN_HOUSE + number % IN_HOUSE), room: None, bed: None };
        let (attending, participants) = (vec![format!("d-{}", number % 500).parse().expect("id")], Vec::new());
        log.tell(
            at,
            Opened {
                encounter,
                patient: patient(number),
                class: Class::Inpatient,
                presence: Presence::Present,
                place,
                attending,
                participants,
            },
        );
        if !here {
            log.tell(before, Closed { encounter, patient: patient(number) });
        }
    }
    for number in 0..NURSES {
        let person = format!("n-{number}").parse().expect("id");
        log.tell(
            now() - hours(2),
            Registered {
                principal: format!("n-{number}").parse().expect("id"),
                class: IdentityClass::Staff,
                roles: vec!["nurse".parse().expect("role")],
                name: None,
                home_unit: Some(unit(number)),
                aliases: Vec::new(),
                labels: Vec::new(),
            },
        );
        let shift = format!("s-{number}").parse().expect("id");
        let (from, until) = (now() - hours(2), now() + hours(6));
        log.tell(now() - hours(2), ShiftAssigned { shift, person, unit: unit(number), from, until, on_call: false });
    }
    log.world
}

fn question(who: &str, whom: &str) -> Question {
    let entity = |kind: &str, id: &str| EntityRef { kind: kind.parse().expect("type"), id: id.parse().expect("id") };
    let session = json!({ "level": 2, "age_minutes": 1, "method": "passkey" });
    let asserted = Asserted { context: [("session".to_owned(), session)].into(), ..Asserted::default() };
    let action = "read_chart".parse().expect("action");
    Question { principal: entity("Person", who), action, resource: entity("Patient", whom), workflow: None, asserted }
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
