//! Every time that matters, to the millisecond: what connects an asker with a patient begins and ends where the charter says.

use crate::house::charter;
use charter::hospital::{Grace, Staleness};
use charter::length::Seconds;
use charter::overlay::Rules;
use decision::circumstances::{Asker, AssertedCircumstances, By, Circumstances, Live, find};
use events::device::{DeviceKind, Posture};
use events::encounter::{Class, Presence};
use events::principal::IdentityClass;
use events::{EncounterPseudonym, PatientPseudonym, PrincipalId, Seq, Timestamp};
use std::time::Duration;
use world::{DeviceFacts, EncounterFacts, Facts, FeedFacts, PatientFacts, PrincipalFacts, ShiftFacts, Stay, TeamFacts};

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;
/// The charter of these tests: grace after a transfer and a discharge, late charting, staleness of the feeds.
const TRANSFER: i64 = 30 * MINUTE;
const DISCHARGE: i64 = 2 * HOUR;
const LATE_CHARTING: i64 = 24 * HOUR;
const ADT_STALE: i64 = 15 * MINUTE;
const ROTA_STALE: i64 = 12 * HOUR;

pub(crate) fn grace() -> Grace {
    Grace {
        transfer_s: seconds(TRANSFER),
        discharge_s: seconds(DISCHARGE),
        late_charting_s: seconds(LATE_CHARTING),
        order_s: seconds(DISCHARGE),
        open_order_days: charter::length::Days::new(31).unwrap(),
        appointment_before_s: seconds(TRANSFER),
        appointment_after_s: seconds(TRANSFER),
    }
}

pub(crate) fn staleness() -> Staleness {
    Staleness { adt_s: seconds(ADT_STALE), rota_s: seconds(ROTA_STALE) }
}

/// The starter charter's rules with these times.
fn rules(grace: Grace) -> Rules {
    Rules { grace, staleness: staleness(), ..charter().rules_at(None).clone() }
}

fn seconds(millis: i64) -> Seconds {
    Seconds::new(u32::try_from(millis / 1_000).unwrap()).unwrap()
}

/// An instant so long after the tests' beginning.
pub(crate) fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(1_790_000_000_000 + millis)
}

pub(crate) fn nora() -> PrincipalId {
    PrincipalId::new("nora").unwrap()
}

pub(crate) fn patient() -> PatientPseudonym {
    PatientPseudonym::from_bytes([7; 16])
}

/// Nora, registered, with nothing else known.
pub(crate) fn nothing_known() -> Facts {
    Facts {
        vouched_until: None,
        session: None,
        world_seq: Seq(1),
        principal: Some(PrincipalFacts {
            class: IdentityClass::Staff,
            roles: vec!["nurse".parse().unwrap()],
            name: None,
            active: true,
            home_unit: None,
            labels: Vec::new(),
            aliases: Vec::new(),
        }),
        shifts: Vec::new(),
        patient: None,
        device: None,
        emergencies: Vec::new(),
        feeds: FeedFacts::default(),
        keys: Default::default(),
    }
}

pub(crate) fn shift(unit: &str, from: i64, until: i64, on_call: bool) -> ShiftFacts {
    let shift = format!("{unit}{from}").parse().unwrap();
    ShiftFacts { shift, unit: unit.parse().unwrap(), from: at(from), until: at(until), on_call }
}

pub(crate) fn stay(unit: &str, presence: Presence, from: i64, until: Option<i64>) -> Stay {
    Stay { unit: unit.parse().unwrap(), presence, from: at(from), until: until.map(at) }
}

pub(crate) fn known_patient(stays: Vec<Stay>, closed_at: Option<i64>) -> PatientFacts {
    let opened_at = stays.iter().map(|stay| stay.from).min().unwrap_or_else(|| at(0));
    PatientFacts {
        canonical: patient(),
        records: vec![patient()],
        labels: Vec::new(),
        encounters: vec![EncounterFacts {
            encounter: EncounterPseudonym::from_bytes([9; 16]),
            class: Class::Inpatient,
            opened_at,
            closed_at: closed_at.map(at),
            stays,
            attending: Vec::new(),
            participants: Vec::new(),
        }],
        team: Vec::new(),
        orders: Vec::new(),
        appointments: Vec::new(),
    }
}

fn seen(facts: &Facts, asked: Option<PatientPseudonym>, now: i64) -> Circumstances {
    let asserted = AssertedCircumstances { device: Some("ws-1".parse().unwrap()), ..AssertedCircumstances::default() };
    let principal = nora();
    let asker = Asker { principal: &principal, patient: asked };
    let (rules, live) = (rules(grace()), Live::default());
    find(asker, facts, asserted, &By { rules: &rules, live: &live, assurance: None }, at(now)).circumstances
}

/// Holds from the first instant until just before the second, and at no other.
fn holds_between(facts: &Facts, from: i64, until: i64, holds: impl Fn(&Circumstances) -> bool) {
    for (now, expected) in [(from - 1, false), (from, true), (until - 1, true), (until, false)] {
        assert_eq!(holds(&seen(facts, Some(patient()), now)), expected, "{now} of {from}..{until}");
    }
}

fn care(circumstances: &Circumstances) -> &decision::circumstances::Care {
    circumstances.care.as_ref().unwrap()
}

#[test]
fn a_shift_holds_from_its_first_instant_until_its_last() {
    let mut facts = nothing_known();
    facts.shifts = vec![shift("ED", 0, 8 * HOUR, false), shift("ICU", HOUR, 2 * HOUR, true)];
    holds_between(&facts, 0, 8 * HOUR, |seen| seen.shift.on && seen.shift.units.contains("ED"));
    holds_between(&facts, HOUR, 2 * HOUR, |seen| seen.shift.on_call_units.contains("ICU"));
    // On call is not on shift.
    facts.shifts.remove(0);
    assert!(!seen(&facts, None, HOUR).shift.on);
}

#[test]
fn the_unit_connects_while_shift_and_stay_overlap_and_a_grace_after_a_transfer() {
    let mut facts = nothing_known();
    facts.patient = Some(known_patient(
        vec![stay("ED", Presence::Present, HOUR, Some(2 * HOUR)), stay("ICU", Presence::Present, 2 * HOUR, None)],
        None,
    ));
    facts.shifts = vec![shift("ED", 0, 8 * HOUR, false)];
    holds_between(&facts, HOUR, 2 * HOUR + TRANSFER, |seen| care(seen).unit);
    // On call counts as well; the shift's end ends it at once.
    facts.shifts = vec![shift("ED", 90 * MINUTE, 2 * HOUR + MINUTE, true)];
    holds_between(&facts, 90 * MINUTE, 2 * HOUR + MINUTE, |seen| care(seen).unit);
    facts.shifts = vec![shift("ICU", 0, 8 * HOUR, false)];
    holds_between(&facts, 2 * HOUR, 8 * HOUR, |seen| care(seen).unit);
    facts.shifts = vec![shift("WARD", 0, 8 * HOUR, false)];
    assert!(!care(&seen(&facts, Some(patient()), 90 * MINUTE)).unit);
}

#[test]
fn after_a_discharge_unit_attending_and_participants_keep_the_longer_grace() {
    let mut facts = nothing_known();
    let mut known = known_patient(vec![stay("ED", Presence::Present, HOUR, Some(2 * HOUR))], Some(2 * HOUR));
    known.encounters[0].attending = vec![nora()];
    known.encounters[0].participants = vec![nora()];
    facts.patient = Some(known);
    facts.shifts = vec![shift("ED", 0, 8 * HOUR, false)];
    holds_between(&facts, HOUR, 2 * HOUR + DISCHARGE, |seen| care(seen).unit);
    holds_between(&facts, HOUR, 2 * HOUR + DISCHARGE, |seen| care(seen).attending);
    holds_between(&facts, HOUR, 2 * HOUR + DISCHARGE, |seen| care(seen).participant);
    holds_between(&facts, HOUR, 2 * HOUR, |seen| care(seen).present);
}

#[test]
fn an_expecting_unit_is_connected_without_a_grace() {
    let mut facts = nothing_known();
    facts.patient = Some(known_patient(
        vec![
            stay("ED", Presence::Present, 0, Some(4 * HOUR)),
            stay("ICU", Presence::Expected, HOUR, Some(4 * HOUR)),
            stay("ICU", Presence::Present, 4 * HOUR, None),
        ],
        None,
    ));
    facts.shifts = vec![shift("ICU", 0, 8 * HOUR, false)];
    holds_between(&facts, HOUR, 4 * HOUR, |seen| care(seen).expecting);
    holds_between(&facts, 4 * HOUR, 8 * HOUR, |seen| care(seen).unit);
}

#[test]
fn the_team_holds_until_its_time_and_then_late_charting_runs_out() {
    let mut facts = nothing_known();
    let mut known = known_patient(vec![stay("ED", Presence::Present, -HOUR, None)], None);
    known.team = vec![TeamFacts { person: nora(), until: Some(at(HOUR)) }];
    facts.patient = Some(known);
    let left = |now: i64| care(&seen(&facts, Some(patient()), now)).left_minutes;
    assert!(care(&seen(&facts, Some(patient()), HOUR - 1)).team);
    assert!(!care(&seen(&facts, Some(patient()), HOUR)).team);
    assert_eq!(left(HOUR - 1), None);
    assert_eq!(left(HOUR), Some(0));
    assert_eq!(left(HOUR + MINUTE - 1), Some(0));
    assert_eq!(left(HOUR + MINUTE), Some(1));
    assert_eq!(left(HOUR + LATE_CHARTING - 1), Some(24 * 60 - 1));
    assert_eq!(left(HOUR + LATE_CHARTING), None);
}

#[test]
fn nothing_has_been_left_while_another_claim_holds_or_when_none_ever_did() {
    let mut facts = nothing_known();
    let mut known = known_patient(vec![stay("ED", Presence::Present, 0, None)], None);
    known.team = vec![TeamFacts { person: nora(), until: Some(at(HOUR)) }];
    facts.patient = Some(known);
    facts.shifts = vec![shift("ED", 0, 8 * HOUR, false)];
    assert_eq!(care(&seen(&facts, Some(patient()), 2 * HOUR)).left_minutes, None);
    assert_eq!(care(&seen(&facts, Some(patient()), 9 * HOUR)).left_minutes, Some(60));
    facts.shifts.clear();
    facts.patient.as_mut().unwrap().team[0].person = "otto".parse().unwrap();
    assert_eq!(care(&seen(&facts, Some(patient()), 2 * HOUR)).left_minutes, None);
}

#[test]
fn a_posture_is_unknown_from_the_instant_it_is_no_longer_good() {
    let mut facts = nothing_known();
    facts.device = Some(DeviceFacts {
        kind: DeviceKind::Workstation,
        unit: None,
        shared: true,
        managed: true,
        posture: Some((Posture::Healthy, at(HOUR))),
    });
    let posture = |now: i64| seen(&facts, None, now).device.unwrap().posture;
    assert_eq!((posture(HOUR - 1), posture(HOUR)), ("healthy", "unknown"));
}

#[test]
fn an_emergency_ends_by_itself_and_counts_in_the_askers_units_only() {
    let mut facts = nothing_known();
    facts.emergencies = vec![("ED".parse().unwrap(), at(HOUR))];
    assert!(!seen(&facts, None, 0).emergency);
    facts.shifts = vec![shift("ED", 0, 8 * HOUR, false)];
    assert!(seen(&facts, None, HOUR - 1).emergency);
    assert!(!seen(&facts, None, HOUR).emergency);
    facts.shifts.clear();
    facts.principal.as_mut().unwrap().home_unit = Some("ED".parse().unwrap());
    assert!(seen(&facts, None, 0).emergency);
}

#[test]
fn a_feed_is_stale_from_its_limit_on_and_always_when_never_heard() {
    let mut facts = nothing_known();
    let never = seen(&facts, None, 0).feeds;
    assert!(
        never.adt_stale && never.rota_stale && never.adt_quiet_minutes.is_none() && never.rota_quiet_minutes.is_none()
    );
    facts.feeds = FeedFacts { adt: Some(at(0)), rota: Some(at(0)) };
    let before = seen(&facts, None, ADT_STALE - 1).feeds;
    assert!(!before.adt_stale && before.adt_quiet_minutes == Some(14));
    let after = seen(&facts, None, ADT_STALE).feeds;
    assert!(after.adt_stale && !after.rota_stale && after.adt_quiet_minutes == Some(15));
    assert!(seen(&facts, None, ROTA_STALE).feeds.rota_stale);
}

#[test]
fn an_unknown_patient_and_one_nothing_connects_with_look_the_same() {
    let mut facts = nothing_known();
    facts.shifts = vec![shift("ICU", 0, 8 * HOUR, false)];
    let unknown = seen(&facts, Some(patient()), HOUR);
    let mut known = known_patient(vec![stay("ED", Presence::Present, 0, None)], None);
    known.labels = vec!["vip".parse().unwrap()];
    known.encounters[0].attending = vec!["otto".parse().unwrap()];
    facts.patient = Some(known);
    facts.emergencies = vec![("ED".parse().unwrap(), at(2 * HOUR))];
    assert_eq!(seen(&facts, Some(patient()), HOUR), unknown);
}

#[test]
fn family_and_self_connect_whatever_the_time() {
    let mut facts = nothing_known();
    facts.patient = Some(known_patient(vec![stay("ED", Presence::Present, 0, None)], None));
    facts.patient.as_mut().unwrap().labels = vec!["family:F17".parse().unwrap(), "vip".parse().unwrap()];
    facts.principal.as_mut().unwrap().labels = vec!["vip".parse().unwrap()];
    assert!(!care(&seen(&facts, Some(patient()), HOUR)).family, "a label that is not a family's");
    facts.principal.as_mut().unwrap().labels = vec!["family:F17".parse().unwrap()];
    let family = seen(&facts, Some(patient()), HOUR);
    assert!(care(&family).family && care(&family).known && care(&family).present && family.labels.len() == 2);
    facts.principal.as_mut().unwrap().aliases = vec![patient().to_string().parse().unwrap()];
    assert!(care(&seen(&facts, Some(patient()), HOUR)).is_self);
}

#[test]
fn a_grace_never_outlives_what_the_world_remembers() {
    let mut facts = nothing_known();
    let mut known = known_patient(vec![stay("ED", Presence::Present, -HOUR, None)], None);
    known.team = vec![TeamFacts { person: nora(), until: Some(at(0)) }];
    facts.patient = Some(known);
    let long = rules(Grace { late_charting_s: Seconds::new(Seconds::MAX).unwrap(), ..grace() });
    let live = Live::default();
    let remembered = Duration::from_secs(world::PAST_HOURS * 3_600);
    let principal = nora();
    let left = |now: Timestamp| {
        let asker = Asker { principal: &principal, patient: Some(patient()) };
        let asserted = AssertedCircumstances::default();
        let found = find(asker, &facts, asserted, &By { rules: &long, live: &live, assurance: None }, now);
        found.circumstances.care.unwrap().left_minutes
    };
    assert!(left(at(-1) + remembered).is_some());
    assert!(left(at(0) + remembered).is_none());
}
