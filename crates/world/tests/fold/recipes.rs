//! Leaves made from a few small numbers, so that failing cases shrink well and meet often: few people, few patients, few times.

use events::device::{DeviceKind, Posture};
use events::encounter::{Class, Movement, Place, Presence};
use events::principal::IdentityClass;
use events::{
    Actor, CharterDigest, DeviceId, Draft, EncounterPseudonym, Event, FeedName, Label, Leaf, PatientPseudonym,
    PrincipalId, RoleName, Seq, ShiftId, Source, Timestamp, UnitId, caller, charter, device, emergency, encounter,
    feed, patient, principal, rota, team,
};
use proptest::collection::vec;
use proptest::prelude::*;
use std::time::Duration;
use world::Subject;

/// How many of each there are. Principals 0 to 3 act; codes 4 to 6 are what other systems call them.
pub(crate) const PRINCIPALS: u8 = 4;
pub(crate) const CODES: u8 = 7;
pub(crate) const PATIENTS: u8 = 5;
pub(crate) const DEVICES: u8 = 2;
const UNITS: u8 = 6;
const ENCOUNTERS: u8 = 3;
const SHIFTS: u8 = 6;

/// Small numbers from which one leaf follows.
#[derive(Clone, Debug)]
pub(crate) struct Recipe {
    pub(crate) kind: u8,
    pub(crate) a: u8,
    pub(crate) b: u8,
    pub(crate) c: u8,
    pub(crate) time: Option<u8>,
    pub(crate) other: u8,
}

pub(crate) fn recipe() -> impl Strategy<Value = Recipe> {
    let time = prop_oneof![1 => Just(None), 3 => (0..24_u8).prop_map(Some)];
    (0..40_u8, any::<u8>(), any::<u8>(), any::<u8>(), time, any::<u8>())
        .prop_map(|(kind, a, b, c, time, other)| Recipe { kind, a, b, c, time, other })
}

/// Only what bears on patients: encounters, labels, merges and teams.
pub(crate) fn patient_recipe() -> impl Strategy<Value = Recipe> {
    recipe().prop_map(|recipe| Recipe { kind: 10 + recipe.kind % 30, ..recipe })
}

/// One encounter of one patient under two records, at few times: ties, undos that name times, undos before what they undo.
fn crowded_encounter(recipe: Recipe) -> Recipe {
    match recipe.kind {
        10..=33 => Recipe { a: 0, b: recipe.b % 2, time: Some(recipe.time.unwrap_or(3) % 8), ..recipe },
        34 => recipe,
        _ => Recipe { kind: 35, a: 0, b: 1, ..recipe },
    }
}

/// One team of one patient under three records that are merged and unmerged.
fn crowded_team(recipe: Recipe) -> Recipe {
    Recipe { kind: 35 + recipe.kind % 5, a: recipe.a % 3, b: recipe.b % 3, ..recipe }
}

/// Logs of all sorts.
pub(crate) fn recipes() -> impl Strategy<Value = Vec<Recipe>> {
    let crowded = |crowd: fn(Recipe) -> Recipe| vec(patient_recipe().prop_map(crowd), 1..24);
    prop_oneof![
        2 => vec(recipe(), 1..60),
        2 => vec(patient_recipe(), 1..40),
        2 => crowded(crowded_encounter),
        1 => crowded(crowded_team),
    ]
}

/// Logs in which people sign in, too.
pub(crate) fn with_sittings() -> impl Strategy<Value = Vec<Recipe>> {
    let sitting =
        || recipe().prop_map(|recipe| Recipe { kind: crate::sittings::KINDS.start + recipe.kind % 12, ..recipe });
    // Who signs in, where, and in whose teams they are.
    let around =
        || recipe().prop_map(|recipe| Recipe { kind: [0, 0, 1, 5, 6, 38][usize::from(recipe.kind % 6)], ..recipe });
    prop_oneof![2 => recipes(), 3 => vec(prop_oneof![around(), sitting(), sitting()], 1..60)]
}

pub(crate) fn log(recipes: &[Recipe]) -> Vec<Leaf> {
    recipes.iter().enumerate().map(|(seq, recipe)| leaf(seq as u64, recipe)).collect()
}

/// Minutes in the middle of which everything happens.
pub(crate) fn minute(minute: i64) -> Timestamp {
    Timestamp::from_millis(1_795_000_000_000 + minute * 60_000)
}

/// One of the few times things occur at: every ten minutes.
pub(crate) fn moment(number: u8) -> Timestamp {
    minute(i64::from(number % 24) * 10)
}

pub(crate) fn unit(number: u8) -> UnitId {
    UnitId::new(&format!("ward-{}", number % UNITS)).unwrap()
}

pub(crate) fn person(number: u8) -> PrincipalId {
    PrincipalId::new(&format!("p{}", number % CODES)).unwrap()
}

pub(crate) fn patient(number: u8) -> PatientPseudonym {
    // Not in order of their numbers, nor of their first mention.
    PatientPseudonym::from_bytes([(number % PATIENTS).wrapping_mul(113); 16])
}

pub(crate) fn encounter_id(number: u8) -> EncounterPseudonym {
    EncounterPseudonym::from_bytes([(number % ENCOUNTERS).wrapping_mul(71); 16])
}

pub(crate) fn device(number: u8) -> DeviceId {
    DeviceId::new(&format!("ws-{}", number % DEVICES)).unwrap()
}

pub(crate) fn label(number: u8) -> Label {
    Label::new(&format!("label-{}", number % 4)).unwrap()
}

fn place(number: u8) -> Place {
    Place { unit: unit(number), room: None, bed: None }
}

fn presence(number: u8) -> Presence {
    if number.is_multiple_of(3) { Presence::Expected } else { Presence::Present }
}

fn class(number: u8) -> Class {
    [Class::Inpatient, Class::Outpatient, Class::Emergency, Class::Other][usize::from(number % 4)]
}

fn people(number: u8) -> Vec<PrincipalId> {
    [vec![], vec![person(number)], vec![person(number), person(number / 7)], vec![person(number), person(number)]]
        [usize::from(number % 4)]
    .clone()
}

fn maybe<T>(number: u8, value: T) -> Option<T> {
    number.is_multiple_of(2).then_some(value)
}

/// The leaf a recipe makes at a place in the log. Entries are a minute apart.
pub(crate) fn leaf(seq: u64, recipe: &Recipe) -> Leaf {
    let recorded_at = minute(i64::try_from(seq).unwrap());
    let mut draft = Draft::new(Actor::handrail("test"), event(recipe));
    draft.occurred_at = recipe.time.map(moment);
    draft.source = recipe.other.is_multiple_of(3).then(|| Source {
        feed: FeedName::new(if recipe.other.is_multiple_of(2) { "adt" } else { "rota" }).unwrap(),
        message: "1".into(),
    });
    Leaf { seq: Seq(seq), recorded_at, draft }
}

fn event(recipe: &Recipe) -> Event {
    match recipe.kind {
        0..10 => other_event(recipe),
        10..34 => encounter_event(recipe),
        kind if crate::sittings::KINDS.contains(&kind) => crate::sittings::event(recipe),
        _ => patient_event(recipe),
    }
}

fn other_event(recipe: &Recipe) -> Event {
    let &Recipe { kind, a, b, c, other, .. } = recipe;
    // Shifts lie within six days of the rest, so that some are too long ago.
    let from = minute((i64::from(c % 48) - 24) * 360);
    match kind {
        0 => principal::Registered {
            principal: person(a % PRINCIPALS),
            class: [IdentityClass::Staff, IdentityClass::Agent][usize::from(b % 2)],
            roles: (0..b % 3).map(|role| RoleName::new(&format!("role-{}", role + c % 2)).unwrap()).collect(),
            name: maybe(b, "Sam".into()),
            home_unit: maybe(c, unit(c)),
            aliases: people(other),
            labels: (0..c % 3).map(|offset| label(b.wrapping_sub(offset))).collect(),
        }
        .into(),
        1 => principal::Ended { principal: person(a) }.into(),
        2 | 3 => rota::ShiftAssigned {
            shift: ShiftId::new(&format!("s{}", a % SHIFTS)).unwrap(),
            person: person(b % PRINCIPALS),
            unit: unit(other),
            from,
            until: from + Duration::from_secs(u64::from(other % 13) * 3600),
            on_call: other.is_multiple_of(2),
        }
        .into(),
        4 => rota::ShiftWithdrawn {
            shift: ShiftId::new(&format!("s{}", a % SHIFTS)).unwrap(),
            person: person(b % PRINCIPALS),
        }
        .into(),
        5 => device::Registered {
            device: device(a),
            kind: [DeviceKind::Workstation, DeviceKind::Mobile][usize::from(b % 2)],
            unit: maybe(b, unit(c)),
            shared: b.is_multiple_of(3),
            managed: c.is_multiple_of(3),
        }
        .into(),
        6 if b.is_multiple_of(3) => device::Retired { device: device(a) }.into(),
        6 => device::PostureReported {
            device: device(a),
            posture: [Posture::Healthy, Posture::Degraded, Posture::Failed][usize::from(b % 3)],
            good_until: moment(c),
            reason: None,
        }
        .into(),
        7 if b.is_multiple_of(3) => emergency::Ended { unit: unit(a) }.into(),
        7 => emergency::Declared { unit: unit(a), until: moment(c) }.into(),
        8 if b.is_multiple_of(2) => caller::Revoked { caller: events::CallerName::new("ehr").unwrap() }.into(),
        8 => feed::Heard {
            feed: FeedName::new(if a % 2 == 0 { "lab" } else { "rota" }).unwrap(),
            message_type: "ORU^R01".into(),
            sha256: "00".into(),
        }
        .into(),
        _ => charter::Applied { digest: CharterDigest([a; 32]), hospital: "H".into(), signed_by: vec![] }.into(),
    }
}

fn encounter_event(recipe: &Recipe) -> Event {
    let &Recipe { kind, a, b, c, other, .. } = recipe;
    let (encounter, patient) = (encounter_id(a), patient(b));
    match kind {
        10..16 => encounter::Opened {
            encounter,
            patient,
            class: class(c),
            presence: presence(c),
            place: place(c),
            attending: people(other),
            participants: people(other / 5),
        }
        .into(),
        16..22 => encounter::Moved { encounter, patient, presence: presence(other), place: place(c) }.into(),
        22..25 => encounter::Closed { encounter, patient }.into(),
        25..27 => encounter::Updated {
            encounter,
            patient,
            attending: maybe(c, people(other)),
            participants: maybe(other, people(c)),
            class: maybe(c / 2, class(other)),
        }
        .into(),
        _ => encounter::MovementCancelled {
            encounter,
            patient,
            movement: [Movement::Admission, Movement::Transfer, Movement::Discharge][usize::from(c % 3)],
            happened_at: maybe(other, moment(other / 2)),
        }
        .into(),
    }
}

fn patient_event(recipe: &Recipe) -> Event {
    let &Recipe { kind, a, b, c, .. } = recipe;
    match kind {
        34 => patient::Labelled {
            patient: patient(a),
            labels: (0..b % 3).map(|more| label(c.wrapping_add(more))).collect(),
        }
        .into(),
        35 | 36 => patient::Merged { survivor: patient(a), retired: patient(b) }.into(),
        37 => patient::Unmerged { survivor: patient(a), retired: patient(b) }.into(),
        38 => team::Joined { patient: patient(a), person: person(b), until: maybe(c, moment(c)) }.into(),
        _ => team::Left { patient: patient(a), person: person(b) }.into(),
    }
}

/// The same, and in every session.
pub(crate) fn askers() -> Vec<(Subject, Timestamp)> {
    [subjects(), crate::sittings::subjects()].concat()
}

/// Everybody who can ask, about every patient, at every device, now and then.
pub(crate) fn subjects() -> Vec<(Subject, Timestamp)> {
    let mut subjects = Vec::new();
    for who in 0..=PRINCIPALS {
        for about in 0..=PATIENTS {
            let subject = Subject {
                session: None,
                principal: if who == PRINCIPALS { PrincipalId::new("nobody").unwrap() } else { person(who) },
                patient: (about < PATIENTS).then(|| patient(about)),
                device: (about % (DEVICES + 1) < DEVICES).then(|| device(about % (DEVICES + 1))),
            };
            subjects.push((subject, minute(i64::from(who) * 40 + i64::from(about) * 700)));
        }
    }
    subjects
}
