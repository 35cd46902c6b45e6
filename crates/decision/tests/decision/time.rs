//! Until an answer's `holds_until`, the passing of time changes nothing.

use crate::boundaries::{at, known_patient, nora, nothing_known, patient, shift, stay};
use crate::dice::Dice;
use crate::house;
use decision::context::aged;
use events::device::{DeviceKind, Posture};
use events::encounter::Presence;
use events::{PrincipalId, Timestamp, UnitId};
use std::time::Duration;
use world::{DeviceFacts, Facts, FeedFacts, TeamFacts};

const UNITS: [&str; 3] = ["ED", "ICU", "WARD-3A"];

/// What time can change, and combinations of it. Each becomes a policy of its own.
const CONDITIONS: [&str; 24] = [
    "context.shift.on",
    "context.shift.units.contains(\"ED\")",
    "context.shift.on_call_units.contains(\"ICU\")",
    "context.care.known",
    "context.care.team",
    "context.care.attending",
    "context.care.participant",
    "context.care.unit",
    "context.care.expecting",
    "context.care.present",
    "context.care has left_minutes",
    "context.care has left_minutes && context.care.left_minutes < 90",
    "context has session && context.session.age_minutes <= 15",
    "context has session && context.session.age_minutes == 30",
    "context has session && 60 > context.session.age_minutes",
    "context has device && context.device.posture == \"healthy\"",
    "context.feeds.adt_stale",
    "context.feeds.rota_stale",
    "context.feeds has adt_quiet_minutes && context.feeds.adt_quiet_minutes > 20",
    "context.feeds has rota_quiet_minutes && context.feeds.rota_quiet_minutes * 2 > 300",
    "context.emergency",
    "context.emergency && context.care.expecting",
    "!context.care.unit && context.shift.on || context.feeds.adt_stale",
    "context.care == context.care && context.care.unit == context.shift.on",
];

/// Minutes around now, mostly near, so that spans begin, overlap and end within reach.
fn minute(dice: &mut Dice) -> i64 {
    let far = if dice.roll(4) == 0 { 2_000 } else { 200 };
    (i64::try_from(dice.roll(2 * far)).unwrap() - i64::try_from(far).unwrap()) * 60_000 + i64::from(dice.roll(3) == 0)
}

fn span(dice: &mut Dice) -> (i64, i64) {
    let (a, b) = (minute(dice), minute(dice));
    (a.min(b), a.max(b) + 60_000)
}

fn unit(dice: &mut Dice) -> &'static str {
    UNITS[usize::try_from(dice.roll(3)).unwrap()]
}

/// Nora's shifts, and what connects her with the patient, all around now.
pub(crate) fn facts(dice: &mut Dice) -> Facts {
    let mut facts = nothing_known();
    for _ in 0..dice.roll(4) {
        let (from, until) = span(dice);
        facts.shifts.push(shift(unit(dice), from, until, dice.roll(4) == 0));
    }
    let somebody =
        |dice: &mut Dice| -> PrincipalId { if dice.roll(2) == 0 { nora() } else { "otto".parse().unwrap() } };
    if dice.roll(5) > 0 {
        let mut stays = Vec::new();
        for _ in 0..dice.roll(3) {
            let (from, until) = span(dice);
            let presence = if dice.roll(3) == 0 { Presence::Expected } else { Presence::Present };
            stays.push(stay(unit(dice), presence, from, (dice.roll(3) > 0).then_some(until)));
        }
        let closed = stays.first().and_then(|stay| stay.until).filter(|_| dice.roll(2) == 0);
        let mut known = known_patient(stays, closed.map(|closed| closed.as_millis() - at(0).as_millis()));
        known.encounters[0].attending = vec![somebody(dice)];
        known.encounters[0].participants = vec![somebody(dice)];
        let until = (dice.roll(3) > 0).then(|| at(minute(dice)));
        known.team = vec![TeamFacts { person: somebody(dice), until }];
        facts.patient = Some(known);
    }
    let heard = |dice: &mut Dice| (dice.roll(5) > 0).then(|| at(-minute(dice).abs()));
    facts.feeds = FeedFacts { adt: heard(dice), rota: heard(dice) };
    let place: UnitId = unit(dice).parse().unwrap();
    facts.device = (dice.roll(2) == 0).then(|| DeviceFacts {
        kind: DeviceKind::Workstation,
        unit: Some(place.clone()),
        shared: false,
        managed: true,
        posture: (dice.roll(3) > 0).then(|| (Posture::Healthy, at(minute(dice)))),
    });
    if dice.roll(3) == 0 {
        facts.emergencies = vec![(unit(dice).parse().unwrap(), at(minute(dice).abs() + 1))];
    }
    facts
}

#[test]
fn the_effect_is_constant_until_it_no_longer_holds() {
    let mut dice = Dice(11);
    let (mut bounded, mut flipped, mut constant) = (0, 0, 0);
    for condition in CONDITIONS {
        let engine = house::engine_with(&format!("permit(principal, action, resource) when {{ {condition} }};"));
        for _ in 0..60 {
            let facts = facts(&mut dice);
            let mut asked = house::question("nora", "read_chart", patient());
            if dice.roll(3) > 0 {
                asked = house::signed_in(asked, 2, i64::try_from(dice.roll(70)).unwrap());
            }
            let asked = house::asserting(asked, "device", "ws-1".into());
            let decide = |now: Timestamp| {
                let mut later = asked.clone();
                later.asserted.context = aged(&asked.asserted.context, now.since(at(0)));
                engine.decide(&later, &facts, now)
            };
            let first = decide(at(0));
            assert!(first.refused.is_none() && first.errors.is_empty(), "{condition}: {first:?}");
            let until = first.holds_until.unwrap_or_else(|| at(400 * 24 * 3_600_000));
            assert!(until > at(0));
            let span = until.since(at(0)).as_millis();
            for part in [0, 1, 2, 3, 5, 7, 11, 13] {
                let within = Duration::from_millis(u64::try_from(span * part / 14).unwrap());
                assert_eq!(decide(at(0) + within).effect, first.effect, "{condition} after {within:?} of {span} ms");
            }
            let last = until - Duration::from_millis(1);
            assert_eq!(decide(last).effect, first.effect, "{condition} just before {until}");
            match first.holds_until {
                None => constant += 1,
                Some(until) => {
                    bounded += 1;
                    flipped += u32::from(decide(until).effect != first.effect);
                }
            }
        }
    }
    // Neither always bounded nor never; and where it is, time often does change the effect there.
    assert!(constant > 100, "{constant} constant");
    assert!(bounded > 300 && flipped * 3 > bounded, "{flipped} of {bounded} changed");
}

#[test]
fn a_policy_that_looks_at_no_time_holds_for_ever() {
    let engine = house::engine_with("permit(principal, action, resource) when { principal.active };");
    let mut facts = nothing_known();
    facts.shifts = vec![shift("ED", 0, 8 * 3_600_000, false)];
    let judgement = engine.decide(&house::question("nora", "read_chart", patient()), &facts, at(1));
    assert!(judgement.permits());
    assert_eq!(judgement.holds_until, None);
}
