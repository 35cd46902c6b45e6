//! Orders and appointments: what a feed says of them in any order, and what follows.

use crate::recipes::{minute, patient, person, unit};
use crate::stories::Ward;
use events::appointment::{self, Why, Window};
use events::{AppointmentPseudonym, Event, OrderPseudonym, order, patient as records};
use proptest::prelude::*;
use world::{APPOINTMENTS_MAX, AppointmentFacts, Key, ORDERS_MAX, OrderFacts};

fn number(number: u8) -> OrderPseudonym {
    OrderPseudonym::from_bytes([number; 16])
}

fn booked(number: u8) -> AppointmentPseudonym {
    AppointmentPseudonym::from_bytes([number; 16])
}

fn placed(order: u8) -> Event {
    let (ordered_by, performers) = (vec![person(1)], vec![person(2)]);
    order::Placed { order: number(order), patient: patient(1), ordered_by, performers, unit: Some(unit(1)) }.into()
}

fn changed(order: u8, performer: u8) -> Event {
    let performers = Some(vec![person(performer)]);
    order::Changed { order: number(order), patient: patient(1), ordered_by: None, performers, unit: None }.into()
}

fn completed(order: u8) -> Event {
    let (ordered_by, performers, unit) = (None, None, None);
    order::Completed { order: number(order), patient: patient(1), ordered_by, performers, unit }.into()
}

fn cancelled(order: u8) -> Event {
    order::Cancelled { order: number(order), patient: patient(1) }.into()
}

fn books(which: u8, from: i64, until: i64) -> Event {
    let (from, until) = (minute(from), minute(until));
    let (unit, people) = (Some(unit(1)), vec![person(3)]);
    appointment::Booked { appointment: booked(which), patient: patient(1), from, until, unit, people }.into()
}

fn moves(which: u8, from: i64, until: i64) -> Event {
    let window = Some(Window { from: minute(from), until: minute(until) });
    appointment::Changed { appointment: booked(which), patient: patient(1), window, unit: None, people: None }.into()
}

fn withdrawn(which: u8) -> Event {
    appointment::Withdrawn { appointment: booked(which), patient: patient(1), why: Why::NoShow }.into()
}

fn told(events: &[(i64, Event)]) -> (Vec<OrderFacts>, Vec<AppointmentFacts>) {
    let mut ward = Ward::default();
    for (at, event) in events {
        ward.told(*at, event.clone());
    }
    let facts = ward.facts(&person(0), patient(1)).patient.unwrap();
    (facts.orders, facts.appointments)
}

fn the_order(events: &[(i64, Event)]) -> OrderFacts {
    told(events).0.remove(0)
}

#[test]
fn an_order_is_open_until_its_end_whichever_is_heard_first() {
    let open = the_order(&[(5, placed(1))]);
    assert_eq!((open.placed_at, open.ended_at, open.cancelled), (minute(5), None, false));
    assert_eq!((open.ordered_by, open.performers, open.unit), (vec![person(1)], vec![person(2)], Some(unit(1))));
    for events in [[(5, placed(1)), (9, completed(1))], [(9, completed(1)), (5, placed(1))]] {
        let done = the_order(&events);
        assert_eq!((done.placed_at, done.ended_at, done.cancelled), (minute(5), Some(minute(9)), false));
    }
    let off = the_order(&[(9, cancelled(1)), (5, placed(1)), (9, cancelled(1))]);
    assert_eq!((off.ended_at, off.cancelled), (Some(minute(9)), true));
}

#[test]
fn a_corrected_result_does_not_keep_an_order_open_and_a_reopened_one_is() {
    let corrected = [(5, placed(1)), (9, completed(1)), (50, completed(1))];
    assert_eq!(the_order(&corrected).ended_at, Some(minute(9)));
    let again = [(5, placed(1)), (9, completed(1)), (20, changed(1, 4))];
    assert_eq!(the_order(&again).ended_at, None);
    assert_eq!(the_order(&again).performers, [person(4)]);
    let done = [(5, placed(1)), (9, completed(1)), (20, changed(1, 4)), (30, completed(1))];
    assert_eq!(the_order(&done).ended_at, Some(minute(30)));
}

#[test]
fn an_appointment_is_as_last_said() {
    let at = |events: &[(i64, Event)]| {
        let found = told(events).1.remove(0);
        (found.from, found.until, found.withdrawn_at)
    };
    assert_eq!(at(&[(1, books(1, 60, 90))]), (minute(60), minute(90), None));
    assert_eq!(at(&[(2, moves(1, 70, 95)), (1, books(1, 60, 90))]), (minute(70), minute(95), None));
    assert_eq!(at(&[(3, withdrawn(1)), (1, books(1, 60, 90))]).2, Some(minute(3)));
    assert_eq!(at(&[(3, withdrawn(1)), (4, moves(1, 70, 95)), (1, books(1, 60, 90))]).2, None);
    assert!(told(&[(3, withdrawn(1))]).1.is_empty(), "of one nobody booked no time is known");
    assert!(told(&[(3, books(1, 90, 60))]).1.is_empty(), "nor of one that ends before it begins");
}

#[test]
fn what_is_said_touches_the_patient_and_follows_a_merge() {
    let mut ward = Ward::default();
    assert!(ward.told(1, placed(1)).keys.contains(&Key::Patient(patient(1))));
    assert!(ward.told(1, books(1, 5, 9)).keys.contains(&Key::Patient(patient(1))));
    ward.told(2, records::Merged { survivor: patient(2), retired: patient(1) });
    // The same order, completed under the other record.
    let (ordered_by, performers) = (None, None);
    ward.told(3, order::Completed { order: number(1), patient: patient(2), ordered_by, performers, unit: None });
    let facts = ward.facts(&person(0), patient(1)).patient.unwrap();
    assert_eq!(facts.orders.len(), 1);
    assert_eq!(facts.orders[0].ended_at, Some(minute(3)));
    assert_eq!(facts.appointments.len(), 1);
}

#[test]
fn only_so_many_are_kept_and_open_ones_longest() {
    let mut ward = Ward::default();
    ward.told(0, placed(0));
    for which in 1..=u8::try_from(ORDERS_MAX).unwrap() + 9 {
        ward.told(i64::from(which), placed(which));
        ward.told(i64::from(which) + 1, completed(which));
        ward.told(i64::from(which), books(which, i64::from(which), i64::from(which) + 5));
    }
    let facts = ward.facts(&person(0), patient(1)).patient.unwrap();
    assert_eq!((facts.orders.len(), facts.appointments.len()), (ORDERS_MAX, APPOINTMENTS_MAX));
    assert_eq!(facts.orders[0].order, number(0));
}

proptest! {
    #[test]
    fn late_messages_fold_to_the_same_in_any_order(
        events in prop::collection::vec((0u8..6, 0u8..3, 1i64..90), 1..14),
        shuffled in any::<prop::sample::Index>(),
        seed in any::<u64>(),
    ) {
        // Each at a time of its own: what is said of the very same instant goes by the log.
        let all: Vec<(i64, Event)> = (0i64..).zip(&events).map(|(place, (what, which, hour))| {
            let event = match what {
                0 => placed(*which),
                1 => changed(*which, u8::try_from(place).unwrap()),
                2 => completed(*which),
                3 => cancelled(*which),
                4 => moves(*which, place * 10 + 1, place * 10 + 9),
                _ => if place % 2 == 0 { withdrawn(*which) } else { books(*which, place * 10, place * 10 + 5) },
            };
            (hour * 100 + place, event)
        }).collect();
        let mut other = all.clone();
        other.rotate_left(shuffled.index(all.len()));
        let mut dice = seed;
        for place in (1..other.len()).rev() {
            dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            other.swap(place, usize::try_from(dice >> 33).unwrap() % (place + 1));
        }
        // And some of them twice.
        let again: Vec<_> = other.iter().step_by(3).cloned().collect();
        other.extend(again);
        prop_assert_eq!(told(&all), told(&other));
    }
}
