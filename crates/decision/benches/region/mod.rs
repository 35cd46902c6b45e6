//! The region that benchmarks look at: a million patients admitted once, all but twenty thousand of them discharged a month ago, in four hundred
//! units, each with two nurses on shift. Folded from leaves, as a node folds them.

use events::encounter::{Class, Closed, Opened, Place, Presence};
use events::feed::Heard;
use events::principal::{IdentityClass, Registered};
use events::rota::ShiftAssigned;
use events::{Actor, Draft, EncounterPseudonym, Event, Leaf, PatientPseudonym, Seq, Timestamp, UnitId};
use std::time::Duration;
use world::World;

pub(crate) const PATIENTS: u32 = 1_000_000;
/// One in so many is in the house.
pub(crate) const IN_HOUSE: u32 = 50;
const UNITS: u32 = 400;
pub(crate) const NURSES: u32 = 2 * UNITS;

pub(crate) fn now() -> Timestamp {
    Timestamp::from_millis(1_790_000_000_000)
}

pub(crate) fn hours(hours: u64) -> Duration {
    Duration::from_secs(hours * 3_600)
}

pub(crate) fn patient(number: u32) -> PatientPseudonym {
    // Scattered, as random ones are.
    PatientPseudonym::from_bytes(
        u128::from(number).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835).to_be_bytes(),
    )
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

pub(crate) fn region() -> World {
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
    // Every feed was heard just now: silence would deny what is measured.
    for feed in ["adt", "rota"] {
        let feed = feed.parse().expect("feed");
        log.tell(now(), Heard { feed, message_type: "ADT^A08".into(), sha256: "0".into() });
    }
    log.world
}
