//! How long does a decision take, in process, as policies grow from ten to a hundred thousand?
//!
//! `permit` is the facts of one of a million patients, taken from the world of `region`, and all of [`Engine::decide`] for a permit:
//! circumstances, candidates (cached, as in a running house), context with request validation, entities, evaluation, obligations and the time
//! it holds until. Every time another nurse asks for another patient. `plain` is Cedar alone over all policies, entities and request ready
//! made. `deny` is a deny that tries five remedies; it and the others are given the same facts each time. Each policy beside the ten that bear on the
//! request permits some role some action on one system, as policies of a large house do.
//!
//! `cargo bench -p decision`
#![expect(clippy::expect_used, reason = "a benchmark that cannot set up has nothing to say")]

mod region;

use cedar_policy::{Authorizer, Context, Entities, EntityUid, PolicySet, Request};
use charter::Charter;
use decision::Engine;
use divan::{Bencher, black_box};
use events::decision::{Asserted, Question};
use events::encounter::{Class, Presence};
use events::principal::IdentityClass;
use events::{EncounterPseudonym, EntityRef, PatientPseudonym, Seq};
use region::{NURSES, hours, now, region};
use serde_json::json;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;
use std::sync::{Arc, LazyLock, Mutex};
use world::{EncounterFacts, Facts, FeedFacts, PatientFacts, PrincipalFacts, ShiftFacts, Stay, World};

/// The allocator of the real binary.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const SIZES: [usize; 5] = [10, 100, 1_000, 10_000, 100_000];

fn main() {
    divan::main();
}

/// The ten policies of the test charter that bear on the request, then its others, then as many as wanted that bear on others.
fn policies(size: usize) -> PolicySet {
    let charter = charter();
    let mut bearing: Vec<_> = charter.policy_set().policies().cloned().collect();
    let elsewhere = ["engineer-configures", "head-configures", "scribe-listens", "unit-gives", "vouched-summary"];
    bearing.sort_by_key(|policy| (elsewhere.contains(&policy.id().as_ref()), policy.id().to_string()));
    bearing.truncate(size);
    let mut text = String::new();
    for number in bearing.len()..size {
        let (role, action) = (number % 37, ["read_chart", "read_summary", "configure"].get(number % 3).expect("three"));
        let resource =
            if number % 3 == 2 { format!("resource == System::\"s{number}\"") } else { "resource".to_owned() };
        let scope = if number % 5 == 0 {
            format!("principal == Person::\"p{number}\"")
        } else {
            format!("principal in Role::\"r{role}-{number}\"")
        };
        writeln!(text, "permit({scope}, action == Action::\"{action}\", {resource}) when {{ context.shift.on }};")
            .expect("text");
    }
    let more: PolicySet = text.parse().expect("policies");
    let more = more.policies().map(|policy| policy.new_id(format!("more-{}", policy.id()).parse().expect("id")));
    PolicySet::from_policies(bearing.into_iter().chain(more)).expect("no id twice")
}

fn charter() -> Arc<Charter> {
    static CHARTER: LazyLock<Arc<Charter>> = LazyLock::new(|| {
        let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/charter");
        Arc::new(Charter::load(&dir).expect("the charter of the tests"))
    });
    Arc::clone(&CHARTER)
}

fn engine(size: usize) -> Arc<Engine> {
    static MADE: Mutex<BTreeMap<usize, Arc<Engine>>> = Mutex::new(BTreeMap::new());
    let mut made = MADE.lock().expect("one thread");
    let make = || Arc::new(Engine::with_policies(charter(), policies(size)).expect("an engine"));
    Arc::clone(made.entry(size).or_insert_with(make))
}

fn facts() -> Facts {
    let patient = PatientPseudonym::from_bytes([7; 16]);
    let unit = || "ED".parse().expect("unit");
    let shift = |number: u64| ShiftFacts {
        shift: format!("s{number}").parse().expect("shift"),
        unit: unit(),
        from: now() - hours(50) + hours(24 * number),
        until: now() - hours(42) + hours(24 * number),
        on_call: false,
    };
    Facts {
        vouched_until: None,
        session: None,
        world_seq: Seq(1_000_000),
        principal: Some(PrincipalFacts {
            class: IdentityClass::Staff,
            roles: vec!["nurse".parse().expect("role")],
            name: None,
            active: true,
            home_unit: Some(unit()),
            labels: Vec::new(),
            aliases: vec!["N-1001".parse().expect("alias")],
        }),
        shifts: (0..4).map(shift).collect(),
        patient: Some(PatientFacts {
            canonical: patient,
            records: vec![patient],
            labels: Vec::new(),
            encounters: vec![EncounterFacts {
                encounter: EncounterPseudonym::from_bytes([9; 16]),
                class: Class::Emergency,
                opened_at: now() - hours(3),
                closed_at: None,
                stays: vec![Stay { unit: unit(), presence: Presence::Present, from: now() - hours(3), until: None }],
                attending: vec!["D-7".parse().expect("code")],
                participants: Vec::new(),
            }],
            team: Vec::new(),
            orders: Vec::new(),
            appointments: Vec::new(),
        }),
        device: None,
        emergencies: Vec::new(),
        feeds: FeedFacts { adt: Some(now()), rota: Some(now() - hours(1)) },
        keys: Default::default(),
    }
}

fn question(level: i64) -> Question {
    let session = json!({ "level": level, "age_minutes": 12, "method": "passkey" });
    Question {
        session: None,
        principal: EntityRef { kind: "Person".parse().expect("type"), id: "nora".parse().expect("id") },
        action: "read_chart".parse().expect("action"),
        resource: EntityRef {
            kind: "Patient".parse().expect("type"),
            id: PatientPseudonym::from_bytes([7; 16]).to_string().parse().expect("id"),
        },
        workflow: None,
        asserted: Asserted { context: [("session".to_owned(), session)].into(), ..Asserted::default() },
    }
}

/// Nurses of the region with patients of their units, far apart from one another in memory.
fn everywhere(world: &World) -> Vec<Question> {
    let pairs = (0..NURSES).flat_map(|number| {
        let nurse = format!("n-{number}").parse().expect("id");
        let tied = world.patients_tied_to(&nurse, now());
        tied.into_iter().step_by(7).map(move |patient| (nurse.clone(), patient))
    });
    let question = |(nurse, patient): (_, PatientPseudonym)| {
        let mut question = question(2);
        question.principal.id = nurse;
        question.resource.id = patient.to_string().parse().expect("id");
        question
    };
    pairs.map(question).collect()
}

#[divan::bench(args = SIZES)]
fn permit(bencher: Bencher<'_, '_>, size: usize) {
    static WORLD: LazyLock<World> = LazyLock::new(region);
    let engine = engine(size);
    let questions = everywhere(&WORLD);
    let decide = |question: &Question| engine.decide(question, &WORLD.facts(&engine.subject(question), now()), now());
    for question in &questions {
        let judgement = decide(question);
        assert!(judgement.permits(), "{judgement:?}");
    }
    let mut number = 0;
    bencher.bench_local(|| {
        // A step without a common factor, so that neighbours do not follow one another.
        number = (number + 7_919) % questions.len();
        decide(black_box(questions.get(number).expect("one of them")))
    });
}

/// A permit with so many policies that bear on it, of a thousand.
#[divan::bench(args = [10, 20, 50])]
fn permit_by_candidates(bencher: Bencher<'_, '_>, candidates: usize) {
    let own = charter();
    // Ten of the charter's own bear on it.
    let more = (10..candidates).map(|number| {
        let condition = "context has care && context.care.team && context.shift.units.contains(\"ICU\")";
        let scope = "principal in Role::\"nurse\", action in Action::\"reading\", resource is Patient";
        let text = format!("permit({scope}) when {{ {condition} }};");
        cedar_policy::Policy::parse(Some(format!("bearing-{number}").parse().expect("id")), text).expect("a policy")
    });
    let set = PolicySet::from_policies(policies(1_000).policies().cloned().chain(more)).expect("no id twice");
    let engine = Engine::with_policies(own, set).expect("an engine");
    let (question, facts) = (question(2), facts());
    assert!(engine.decide(&question, &facts, now()).permits());
    bencher.bench_local(|| engine.decide(black_box(&question), black_box(&facts), now()));
}

/// A permit under the charter this repository ships, alone and with a thousand more policies.
#[divan::bench(args = [0, 1_000])]
fn permit_starter(bencher: Bencher<'_, '_>, more: usize) {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../charter");
    let own = Arc::new(Charter::load(&dir).expect("the starter charter"));
    let others = policies(15 + more);
    let others = others.policies().filter(|policy| policy.id().to_string().starts_with("more-")).cloned();
    let set = PolicySet::from_policies(own.policy_set().policies().cloned().chain(others)).expect("no id twice");
    let engine = Engine::with_policies(own, set).expect("an engine");
    let (question, facts) = (question(2), facts());
    let judgement = engine.decide(&question, &facts, now());
    assert!(judgement.permits(), "{judgement:?}");
    bencher.bench_local(|| engine.decide(black_box(&question), black_box(&facts), now()));
}

#[divan::bench(args = SIZES)]
fn deny(bencher: Bencher<'_, '_>, size: usize) {
    let (engine, question, mut facts) = (engine(size), question(2), facts());
    facts.shifts.clear();
    assert!(!engine.decide(&question, &facts, now()).permits());
    bencher.bench_local(|| engine.decide(black_box(&question), black_box(&facts), now()));
}

/// At a hundred thousand one takes a fifth of a second, so a few have to do.
#[divan::bench(args = SIZES, max_time = 3)]
fn plain(bencher: Bencher<'_, '_>, size: usize) {
    let set = policies(size);
    let engine = engine(size);
    let circumstances = engine.decide(&question(2), &facts(), now()).circumstances.expect("fits");
    let uid = |kind: &str, id: &str| EntityUid::from_json(json!({ "type": kind, "id": id })).expect("uid");
    let (principal, action) = (uid("Person", "nora"), uid("Action", "read_chart"));
    let resource = uid("Patient", &PatientPseudonym::from_bytes([7; 16]).to_string());
    let words = circumstances.values().into_iter().filter(|(word, _)| word != "asker" && word != "labels");
    let words = serde_json::Value::Object(words.collect());
    let context = Context::from_json_value(words, Some((charter().schema(), &action))).expect("context");
    let attributes = json!({ "class": "staff", "active": true, "labels": [] });
    let parents = ["nurse", "clinician"].map(|role| json!({ "type": "Role", "id": role }));
    let nora = json!({ "uid": { "type": "Person", "id": "nora" }, "attrs": attributes, "parents": parents });
    let patient = json!({ "uid": { "type": "Patient", "id": resource.id().unescaped() }, "attrs": { "labels": [] }, "parents": [] });
    let entities = Entities::from_json_value(json!([nora, patient]), Some(charter().schema())).expect("entities");
    let request = Request::new(principal, action, resource, context, Some(charter().schema())).expect("request");
    let authorizer = Authorizer::new();
    bencher.bench_local(|| authorizer.is_authorized(black_box(&request), black_box(&set), black_box(&entities)));
}
