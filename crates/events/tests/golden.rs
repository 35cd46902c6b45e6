//! Every kind of leaf in every version ever released stands in `golden/leaves.jsonl` and must be readable for ever; today's versions must be
//! written exactly as they stand there.
#![expect(clippy::unwrap_used, reason = "tests")]

mod signing_in;

use events::decision::{Asserted, Effect, EndCause, EndMode, Ended, Made, Obligation, Question, Remedy};
use events::device::{DeviceKind, Posture};
use events::encounter::{Class, Movement, Place, Presence};
use events::principal::IdentityClass;
use events::*;
use std::collections::BTreeSet;
use std::fmt::Debug;
use std::str::FromStr;

const GOLDEN: &str = include_str!("../golden/leaves.jsonl");

fn id<T: FromStr<Err: Debug>>(text: &str) -> T {
    text.parse().unwrap()
}

fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

const PATIENT: PatientPseudonym = PatientPseudonym::from_bytes([0xa1; 16]);
const OTHER: PatientPseudonym = PatientPseudonym::from_bytes([0xa2; 16]);
const STAY: EncounterPseudonym = EncounterPseudonym::from_bytes([0xe1; 16]);

fn place() -> Place {
    Place { unit: id("ED"), room: Some("3".into()), bed: None }
}

fn people() -> Vec<Event> {
    vec![
        principal::Registered {
            principal: id("n-amara"),
            class: IdentityClass::Staff,
            roles: vec![id("nurse")],
            name: Some("Amara Osei".into()),
            home_unit: Some(id("ED")),
            aliases: vec![id("C006")],
            labels: vec![id("family:F17")],
        }
        .into(),
        principal::Ended { principal: id("n-amara") }.into(),
        rota::ShiftAssigned {
            shift: id("s-1"),
            person: id("n-amara"),
            unit: id("ED"),
            from: time("2026-11-22T07:00:00Z"),
            until: time("2026-11-22T19:00:00Z"),
            on_call: true,
        }
        .into(),
        rota::ShiftWithdrawn { shift: id("s-1"), person: id("n-amara") }.into(),
        device::Registered {
            device: id("ws-1"),
            kind: DeviceKind::Workstation,
            unit: Some(id("ED")),
            shared: true,
            managed: true,
        }
        .into(),
        device::Retired { device: id("ws-1") }.into(),
        device::PostureReported {
            device: id("ws-1"),
            posture: Posture::Degraded,
            good_until: time("2026-11-22T19:00:00Z"),
            reason: Some("updates are missing".into()),
        }
        .into(),
    ]
}

fn patients() -> Vec<Event> {
    vec![
        encounter::Opened {
            encounter: STAY,
            patient: PATIENT,
            class: Class::Emergency,
            presence: Presence::Present,
            place: place(),
            attending: vec![id("C006")],
            participants: vec![id("C007")],
        }
        .into(),
        encounter::Moved { encounter: STAY, patient: PATIENT, presence: Presence::Expected, place: place() }.into(),
        encounter::Closed { encounter: STAY, patient: PATIENT }.into(),
        encounter::Updated {
            encounter: STAY,
            patient: PATIENT,
            attending: Some(vec![]),
            participants: None,
            class: Some(Class::Inpatient),
        }
        .into(),
        encounter::MovementCancelled {
            encounter: STAY,
            patient: PATIENT,
            movement: Movement::Transfer,
            happened_at: Some(time("2026-11-22T07:00:00Z")),
        }
        .into(),
        patient::Labelled { patient: PATIENT, labels: vec![id("vip")] }.into(),
        patient::Merged { survivor: PATIENT, retired: OTHER }.into(),
        patient::Unmerged { survivor: PATIENT, retired: OTHER }.into(),
        team::Joined { patient: PATIENT, person: id("n-amara"), until: Some(time("2026-11-22T19:00:00Z")) }.into(),
        team::Left { patient: PATIENT, person: id("n-amara") }.into(),
        emergency::Declared { unit: id("ED"), until: time("2026-11-22T19:00:00Z") }.into(),
        emergency::Ended { unit: id("ED") }.into(),
        feed::Heard { feed: id("adt"), message_type: "ORU^R01".into(), sha256: "00".repeat(32).into() }.into(),
        feed::MessageRejected {
            feed: id("adt"),
            sha256: "00".repeat(32).into(),
            bytes: 12,
            reason: "no PID segment".into(),
        }
        .into(),
    ]
}

/// The ledger's key.
fn keys() -> Event {
    ledger::KeyRotated { from: "log.example+01+old".into(), to: "log.example+02+new".into() }.into()
}

fn changes_of_the_charter() -> Vec<Event> {
    let digest = CharterDigest([8; 32]);
    vec![
        charter::MadeForDevelopment { by: "dev".into() }.into(),
        charter::Proposed {
            digest,
            against: CharterDigest([7; 32]),
            reason: "Porters need to know where to go.".into(),
            wider: 12,
            narrower: 0,
            comparison_sha256: "00".repeat(32).into(),
            good_until: time("2026-11-25T08:00:00Z"),
        }
        .into(),
        charter::Signed { proposal: Seq(40), digest, operator: id("imke-duarte"), session: Some("abcdefgh".into()) }
            .into(),
        charter::ProposalClosed { proposal: Seq(40), how: charter::Closing::Rejected, reason: "Too wide.".into() }
            .into(),
        charter::WhatIf {
            digest,
            person: id("n-amara"),
            action: id("read_chart"),
            patient: Some(PATIENT),
            imagined: [("shift".into(), "on:ED".into())].into(),
            effect: Effect::Permit,
        }
        .into(),
    ]
}

fn applied() -> Event {
    charter::Applied { digest: CharterDigest([7; 32]), hospital: "Harbour General".into(), signed_by: vec![id("ada")] }
        .into()
}

fn answers() -> Vec<Event> {
    let asserted = Asserted { context: [("device".to_owned(), "ws-1".into())].into(), ..Asserted::default() };
    vec![
        applied(),
        Box::new(Made {
            question: Question {
                session: None,
                principal: EntityRef { kind: id("Person"), id: id("n-amara") },
                action: id("read_chart"),
                resource: EntityRef { kind: id("Patient"), id: id(&PATIENT.to_string()) },
                workflow: Some(id("chart-review")),
                asserted,
            },
            patient: Some(PATIENT),
            effect: Effect::Deny,
            workflow: Some(id("chart-review")),
            policies: vec![id("guard")],
            errors: vec![id("broken")],
            remedies: vec![
                Remedy::Narrow { action: id("view_demographics") },
                Remedy::StepUp { level: 3 },
                Remedy::Vouch,
                Remedy::Elevation { entitlement: id("unit_cover") },
                Remedy::BreakGlass,
                Remedy::HelpDesk { owner: id("help-desk") },
            ],
            obligations: vec![
                Obligation::AskAgain { at: time("2026-11-22T19:00:00Z") },
                Obligation::EndAccess { mode: EndMode::FinishAction },
                Obligation::Notify { owner: id("privacy") },
                Obligation::MarkEmergency,
            ],
            circumstances: [("emergency".to_owned(), false.into())].into(),
            holds_until: Some(time("2026-11-22T19:00:00Z")),
            world_seq: Seq(41),
            charter: CharterDigest([7; 32]),
            decided_at: time("2026-11-22T08:00:00Z"),
            supersedes: Some(Seq(40)),
            live: true,
        })
        .into(),
        Ended { permit: Seq(40), cause: EndCause::FactsChanged, mode: EndMode::ReadOnly }.into(),
        caller::Added { caller: id("ehr"), token: "abcdefgh".into(), sha256: "00".repeat(32).into() }.into(),
        caller::Revoked { caller: id("ehr") }.into(),
        operator::LinkIssued { operator: id("ada"), link: "l1".into(), good_until: time("2026-11-22T09:00:00Z") }
            .into(),
        operator::SignedIn {
            operator: id("ada"),
            link: "l1".into(),
            session: "s1".into(),
            good_until: time("2026-11-22T19:00:00Z"),
        }
        .into(),
        operator::SignedOut { operator: id("ada"), session: "s1".into() }.into(),
        ledger::Read { how: "show".into(), from: Seq(0), to: Seq(20), patient: None }.into(),
        clock::Jumped { from: time("2026-11-22T08:00:00Z"), to: time("2026-11-23T08:00:00Z") }.into(),
        ledger::Searched {
            how: "console".into(),
            patient: Some(PATIENT),
            person: Some(id("n-amara")),
            from: Some(time("2026-11-01T00:00:00Z")),
            until: Some(time("2026-11-23T00:00:00Z")),
            narrowed: [("workflow".into(), "chart-review".into())].into(),
            shown: 3,
        }
        .into(),
    ]
}

fn callers_and_searches() -> Vec<Event> {
    vec![
        caller::CertificateAdded {
            caller: id("ehr"),
            sha256: "00".repeat(32).into(),
            not_after: time("2027-11-22T08:00:00Z"),
        }
        .into(),
        Box::new(search::Answered {
            sought: search::Sought::Resource,
            question: Question {
                session: None,
                principal: EntityRef { kind: id("Person"), id: id("n-amara") },
                action: id("read_chart"),
                resource: EntityRef { kind: id("Patient"), id: id(search::ANYTHING) },
                workflow: None,
                asserted: Asserted::default(),
            },
            patient: None,
            found: vec![PATIENT.to_string().into()],
            looked_at: 7,
            more: true,
            world_seq: Seq(41),
            charter: CharterDigest([7; 32]),
            decided_at: time("2026-11-22T08:00:00Z"),
        })
        .into(),
    ]
}

/// Orders and appointments; their leaves are numbered on their own, so that kinds added before them move none.
fn services() -> Vec<Event> {
    let (order, booked) = (OrderPseudonym::from_bytes([0x0d; 16]), AppointmentPseudonym::from_bytes([0x0a; 16]));
    let (from, until) = (time("2026-11-22T09:00:00Z"), time("2026-11-22T09:30:00Z"));
    let (by, who) = (vec![id("C006")], vec![id("C009")]);
    vec![
        order::Placed {
            order,
            patient: PATIENT,
            ordered_by: by.clone(),
            performers: who.clone(),
            unit: Some(id("RADIOLOGY")),
        }
        .into(),
        order::Changed {
            order,
            patient: PATIENT,
            ordered_by: Some(by.clone()),
            performers: Some(vec![]),
            unit: Some(id("LAB")),
        }
        .into(),
        order::Completed {
            order,
            patient: PATIENT,
            ordered_by: Some(by),
            performers: Some(who.clone()),
            unit: Some(id("LAB")),
        }
        .into(),
        order::Cancelled { order, patient: PATIENT }.into(),
        appointment::Booked {
            appointment: booked,
            patient: PATIENT,
            from,
            until,
            unit: Some(id("CLINIC")),
            people: who.clone(),
        }
        .into(),
        appointment::Changed {
            appointment: booked,
            patient: PATIENT,
            window: Some(appointment::Window { from, until }),
            unit: Some(id("THEATRE")),
            people: Some(who),
        }
        .into(),
        appointment::Withdrawn { appointment: booked, patient: PATIENT, why: appointment::Why::NoShow }.into(),
        feed::RejectionHandled {
            feed: id("adt"),
            sha256: "00".repeat(32).into(),
            how: feed::Handling::Discarded,
            reason: Some("sent twice".into()),
        }
        .into(),
        patient::MergeRefused { survivor: PATIENT, retired: OTHER, why: patient::MergeRefusal::NotTemporary }.into(),
    ]
}

/// Copies of the store.
fn copies() -> Vec<Event> {
    vec![
        ledger::BackedUp { entries: 1566, root: "n7Zy".into(), keys: false }.into(),
        ledger::Restored {
            from_origin: "log.example".into(),
            from_key: "log.example+01+old".into(),
            to_origin: "log.example/restored-20261122T080000Z".into(),
            sealed: 1566,
            root: Some("n7Zy".into()),
            reason: "the disk died".into(),
        }
        .into(),
    ]
}

/// A decision in a session of Handrail's own.
fn in_a_session() -> Event {
    let asked = answers().into_iter().find_map(|event| match event {
        Event::DecisionMade(made) => Some(made),
        _ => None,
    });
    let mut made = asked.unwrap();
    made.question.session = Some(id("se-1"));
    made.into()
}

/// One leaf of every kind, with every optional member there.
fn leaves() -> Vec<Leaf> {
    let everything = people().into_iter().chain(patients()).chain(answers()).chain([keys()]);
    // A slice that is added gets numbers of its own, so that no other moves.
    everything
        .zip(0..)
        .chain(callers_and_searches().into_iter().zip(100..))
        .chain(services().into_iter().zip(200..))
        .chain(copies().into_iter().zip(300..))
        .chain(changes_of_the_charter().into_iter().zip(400..))
        .chain(signing_in::events().into_iter().chain([in_a_session()]).zip(500..))
        .chain(signing_in::reviews().into_iter().zip(600..))
        .map(|(event, seq)| Leaf {
            seq: Seq(seq),
            recorded_at: time("2026-11-22T08:00:00.250Z"),
            draft: Draft {
                occurred_at: Some(time("2026-11-22T07:59:00Z")),
                actor: id("caller:ehr"),
                on_behalf_of: Some(id("n-amara")),
                workflow: Some(id("chart-review")),
                device: Some(id("ws-1")),
                place: Some(id("ED")),
                purpose: Some(id("TREAT")),
                request: Some(id("r-1")),
                source: Some(Source { feed: id("adt"), message: "M1".into() }),
                detail: None,
                spooled: None,
                event,
            },
        })
        .chain(detailed())
        .collect()
}

/// What concerns detail kept beside the log, and leaves that commit to some or come out of the spool.
fn detailed() -> impl Iterator<Item = Leaf> {
    const FIRST: u64 = 1000;
    let holds = [
        patient::HoldPlaced { patient: PATIENT, reason: "case 7".into(), owner: id("privacy") }.into(),
        patient::HoldLifted { patient: PATIENT, reason: "settled".into() }.into(),
        patient::Erased {
            patient: PATIENT,
            merged: vec![OTHER],
            reason: "asked for in writing".into(),
            details: 3,
            numbers: 4,
            messages: 1,
        }
        .into(),
        ledger::DetailExpired { until: time("2026-11-22T07:00:00Z"), details: 2 }.into(),
        encounter::Closed { encounter: STAY, patient: PATIENT }.into(),
        operator::Revoked { operator: id("ada") }.into(),
        ledger::Read { how: "who".into(), from: Seq(7), to: Seq(8), patient: Some(PATIENT) }.into(),
        ledger::SpoolRecordLost { origin: "hospital.example/ledger/spool".into(), index: 3 }.into(),
    ];
    holds.into_iter().zip(FIRST..).map(|(event, seq): (Event, u64)| {
        let mut draft = Draft::new(id("local:uid 0"), event);
        draft.detail = Some(DetailCommitment([0xd1; 32]));
        draft.spooled =
            Some(Spooled { origin: "hospital.example/ledger/spool".into(), index: 3, sha256: "00".repeat(32).into() });
        Leaf { seq: Seq(seq), recorded_at: time("2026-11-22T08:00:00.250Z"), draft }
    })
}

#[test]
fn every_kind_is_written_as_it_always_was() {
    let written: Vec<String> = leaves()
        .iter()
        .map(|leaf| String::from_utf8(Leaf::bytes(leaf.seq, leaf.recorded_at, &leaf.draft.tail().unwrap())).unwrap())
        .collect();
    let missing: Vec<&String> = written.iter().filter(|line| !GOLDEN.lines().any(|golden| golden == **line)).collect();
    assert!(
        missing.is_empty(),
        "these do not stand in golden/leaves.jsonl:\n{}",
        missing.into_iter().cloned().collect::<Vec<_>>().join("\n")
    );
}

#[test]
fn every_leaf_ever_released_is_still_read_as_what_it_was() {
    let today = leaves();
    for line in GOLDEN.lines() {
        let leaf = Leaf::parse(line.as_bytes()).unwrap_or_else(|error| panic!("{error}: {line}"));
        assert!(today.contains(&leaf), "read as something else: {line}");
    }
}

#[test]
fn every_kind_has_a_golden_leaf() {
    let seen: BTreeSet<&str> = leaves().iter().map(|leaf| leaf.draft.event.kind().name).collect();
    let all: BTreeSet<&str> = Event::KINDS.iter().map(|kind| kind.name).collect();
    assert_eq!(seen, all);
}

#[test]
fn an_unknown_kind_bears_facts_unless_it_says_otherwise() {
    let line = GOLDEN.lines().next().unwrap();
    let unknown = line.replace("principal.registered", "principal.cloned");
    assert!(matches!(Leaf::parse(unknown.as_bytes()), Err(LeafError::UnknownKind { .. })));
    assert!(Leaf::may_bear_facts(unknown.as_bytes()));
    assert!(!Leaf::may_bear_facts(unknown.replace("\"fact\"", "\"record\"").as_bytes()));
    assert!(Leaf::may_bear_facts(b"not JSON at all"));
}

#[test]
fn a_leaf_that_would_be_too_long_is_refused() {
    let mut leaf = leaves().swap_remove(0);
    leaf.draft.event = charter::Applied {
        digest: CharterDigest([0; 32]),
        hospital: "x".into(),
        signed_by: vec![id(&"s".repeat(100)); 200],
    }
    .into();
    assert!(matches!(leaf.draft.tail(), Err(LeafError::TooLong { .. })));
}
