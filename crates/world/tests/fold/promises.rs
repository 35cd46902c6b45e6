//! What the fold promises, as properties of any log.

use crate::oracle;
use crate::recipes::{self, Recipe, askers, log, patient_recipe, recipes, subjects, with_sittings};
use crate::sittings;
use events::{Bearing, Event, Leaf, Seq};
use proptest::collection::vec;
use proptest::prelude::*;
use std::collections::BTreeSet;
use world::canon::{Canon, Reading};
use world::{Facts, KEYS_MAX, Key, World};

fn fold(leaves: &[Leaf]) -> World {
    let mut world = World::new();
    for leaf in leaves {
        world.apply(leaf);
    }
    world
}

fn written(world: &World) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut canon = Canon::new(&mut bytes);
    world.write(&mut canon);
    canon.finish().unwrap();
    bytes
}

fn read(mut bytes: &[u8]) -> Option<World> {
    let mut reading = Reading::new(&mut bytes);
    let world = World::read(&mut reading).ok()?;
    reading.end().ok().map(|()| world)
}

fn kept(world: &World) -> World {
    read(&written(world)).unwrap()
}

/// Facts but for what is excepted from the promise on keys.
fn resting_on_keys(mut facts: Facts) -> Facts {
    facts.world_seq = Seq(0);
    facts.feeds = world::FeedFacts::default();
    facts
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_log_gives_the_facts_a_naive_oracle_finds(recipes in recipes()) {
        let leaves = log(&recipes);
        let world = fold(&leaves);
        for (subject, now) in subjects() {
            let mut facts = world.facts(&subject, now);
            facts.keys.clear();
            prop_assert_eq!(facts, oracle::facts(&leaves, &subject, now), "{:?} at {}", subject, now);
        }
    }

    #[test]
    fn facts_differ_only_if_one_of_their_keys_was_touched(
        recipes in with_sittings(),
        cut in any::<prop::sample::Index>(),
    ) {
        let leaves = log(&recipes);
        let (before, after) = leaves.split_at(cut.index(leaves.len()));
        let mut world = fold(before);
        let asked: Vec<_> =
            askers().into_iter().map(|(subject, now)| (world.facts(&subject, now), subject, now)).collect();
        for leaf in after {
            world.apply(leaf);
            for (old, subject, now) in &asked {
                if !world.changed_since(&old.keys, old.world_seq) {
                    let new = world.facts(subject, *now);
                    prop_assert_eq!(resting_on_keys(new), resting_on_keys(old.clone()), "{:?} after {:?}", subject, leaf);
                }
            }
        }
    }

    /// Whoever works in a unit where the patient is or was, is on the team, attends or takes part, is found from both ends.
    #[test]
    fn whoever_is_tied_to_a_patient_is_found_from_both_ends(recipes in recipes()) {
        let leaves = log(&recipes);
        let world = fold(&leaves);
        let last = leaves.iter().map(|leaf| leaf.recorded_at).max().unwrap();
        for (subject, now) in subjects() {
            let now = now.max(last);
            let Some(patient) = subject.patient else { continue };
            let facts = world.facts(&subject, now);
            let Some(known) = &facts.patient else { continue };
            let me = &subject.principal;
            let here = |stay: &world::Stay| facts.shifts.iter().any(|shift| shift.unit == stay.unit);
            let goes_on = |until: Option<events::Timestamp>| until.is_none_or(|until| until >= now);
            let tied = known.team.iter().any(|member| member.person == *me && goes_on(member.until))
                || known.encounters.iter().any(|encounter| {
                    let takes_part = encounter.attending.contains(me) || encounter.participants.contains(me);
                    (takes_part && goes_on(encounter.closed_at))
                        || encounter.stays.iter().any(|stay| goes_on(stay.until) && here(stay))
                });
            if tied {
                prop_assert!(world.patients_tied_to(me, now).contains(&known.canonical), "{} of {}", patient, me);
                let active = facts.principal.as_ref().is_some_and(|known| known.active);
                prop_assert!(!active || world.people_tied_to(patient, now).contains(me), "{} to {}", me, patient);
            }
        }
    }

    #[test]
    fn ties_built_again_are_those_kept_leaf_by_leaf(recipes in recipes()) {
        let leaves = log(&recipes);
        let world = fold(&leaves);
        let mut again = world.clone();
        again.tie_again();
        let last = leaves.iter().map(|leaf| leaf.recorded_at).max().unwrap();
        for (subject, now) in subjects() {
            let (me, now) = (&subject.principal, now.max(last));
            prop_assert_eq!(world.patients_tied_to(me, now), again.patients_tied_to(me, now));
            if let Some(patient) = subject.patient {
                prop_assert_eq!(world.people_tied_to(patient, now), again.people_tied_to(patient, now));
            }
        }
        prop_assert_eq!(world.digest(), again.digest());
    }

    #[test]
    fn what_a_leaf_touched_is_what_changed_since_it(recipes in with_sittings()) {
        let mut world = World::new();
        for leaf in log(&recipes) {
            let touched = world.apply(&leaf);
            for (subject, now) in askers() {
                for key in world.facts(&subject, now).keys {
                    // Of a session that is over or never was, only the last end of any is remembered: a change too many, and none too few.
                    let over = matches!(&key, Key::Session(session) if world.session(session).is_none());
                    let keys = [key];
                    let changed = world.changed_since(&keys, leaf.seq);
                    prop_assert!(changed == touched.keys.contains(&keys[0]) || (over && changed), "{:?}", keys);
                    prop_assert!(!world.changed_since(&keys, world.next_seq()));
                }
            }
        }
    }

    #[test]
    fn keys_are_few_and_each_once(recipes in with_sittings()) {
        let world = fold(&log(&recipes));
        for (subject, now) in askers() {
            let keys = world.facts(&subject, now).keys;
            prop_assert!(keys.len() <= KEYS_MAX && !keys.spilled());
            prop_assert!(keys.contains(&Key::Principal(subject.principal.clone())));
            prop_assert!(keys.iter().enumerate().all(|(index, key)| !keys[..index].contains(key)));
        }
    }

    #[test]
    fn a_world_kept_at_any_entry_goes_on_as_if_it_had_never_been(recipes in with_sittings(), cut in any::<prop::sample::Index>()) {
        let leaves = log(&recipes);
        let (before, after) = leaves.split_at(cut.index(leaves.len() + 1));
        let mut world = fold(before);
        let mut again = kept(&world);
        prop_assert_eq!(again.digest(), world.digest());
        for leaf in after {
            // In which order keys are touched is nobody's business.
            let [one, other] = [again.apply(leaf), world.apply(leaf)].map(|mut touched| {
                touched.keys.sort_unstable();
                touched
            });
            prop_assert_eq!(one, other);
        }
        prop_assert_eq!(again.digest(), world.digest());
        prop_assert_eq!(again.counts(), world.counts());
        for (subject, now) in askers() {
            prop_assert_eq!(again.facts(&subject, now), world.facts(&subject, now));
        }
    }

    #[test]
    fn bytes_that_are_no_world_are_refused_or_another_world(recipes in with_sittings(), at in any::<prop::sample::Index>(), flip in 1..=255_u8) {
        let world = fold(&log(&recipes));
        let whole = written(&world);
        let mut changed = whole.clone();
        changed[at.index(whole.len())] ^= flip;
        prop_assert!(read(&changed).is_none_or(|other| other.digest() != world.digest()));
        prop_assert!(read(&whole[..at.index(whole.len())]).is_none());
    }

    #[test]
    fn a_world_rebuilt_from_the_log_is_the_same(recipes in with_sittings()) {
        let mut world = World::new();
        let leaves = log(&recipes);
        for leaf in &leaves {
            world.apply(leaf);
            let so_far = &leaves[..=usize::try_from(leaf.seq.0).unwrap()];
            if leaf.seq.0.is_multiple_of(16) {
                prop_assert_eq!(world.digest(), fold(so_far).digest());
            }
        }
        prop_assert_eq!(world.digest(), fold(&leaves).digest());
        prop_assert_eq!(world.digest(), world.clone().digest());
    }

    #[test]
    fn a_leaf_folded_again_changes_nothing(recipes in with_sittings(), again in any::<prop::sample::Index>()) {
        let leaves = log(&recipes);
        let mut world = fold(&leaves);
        let digest = world.digest();
        prop_assert!(world.apply(again.get(&leaves)).is_empty());
        prop_assert_eq!(world.digest(), digest);
    }

    /// Distinct times, every message at least once and some twice, in any two orders: the same encounters.
    #[test]
    fn the_order_of_delivery_does_not_matter_for_encounters(
        (first, second) in vec(patient_recipe(), 1..20).prop_flat_map(|recipes| {
            let told = messages(recipes);
            (Just(told.clone()).prop_shuffle(), Just(told).prop_shuffle())
        }),
    ) {
        let (one, other) = (fold(&log(&first)), fold(&log(&second)));
        for (subject, now) in subjects() {
            let encounters = |world: &World| world.facts(&subject, now).patient.map(|patient| patient.encounters);
            prop_assert_eq!(encounters(&one), encounters(&other), "{:?}", subject);
        }
    }

    #[test]
    fn the_same_movements_again_touch_nobody(recipes in vec(patient_recipe(), 1..30)) {
        let timed = |(index, recipe): (usize, Recipe)| Recipe { time: Some(u8::try_from(index % 24).unwrap()), ..recipe };
        let movement = |recipe: &Recipe| (10..25).contains(&recipe.kind) || (27..34).contains(&recipe.kind);
        let recipes: Vec<_> = recipes.into_iter().filter(movement).enumerate().map(timed).collect();
        let mut world = fold(&log(&recipes));
        for (index, recipe) in recipes.iter().enumerate() {
            let again = recipes::leaf((recipes.len() + index) as u64, recipe);
            // What is said of people and class beside a movement holds anew when it is said anew.
            if !matches!(again.draft.event, Event::EncounterOpened(_)) {
                prop_assert!(world.apply(&again).is_empty(), "{:?}", again);
            }
        }
    }

    /// Where a merge is followed by its unmerge, the records' encounters and labels are what they were.
    #[test]
    fn an_unmerge_gives_each_record_its_own_back(recipes in vec(patient_recipe(), 0..30), a in 0..5_u8, b in 0..5_u8) {
        let recipes: Vec<_> = recipes.into_iter().filter(|recipe| !(35..38).contains(&recipe.kind)).collect();
        let before = fold(&log(&recipes));
        let merge = |kind| Recipe { kind, a, b, c: 0, time: None, other: 1 };
        let after = fold(&log(&[recipes, vec![merge(35), merge(37)]].concat()));
        for (subject, now) in subjects() {
            let (old, new) = (before.facts(&subject, now).patient, after.facts(&subject, now).patient);
            if let Some(old) = old {
                prop_assert_eq!(Some(old), new);
            }
        }
    }
}

/// Encounter messages at times of their own, and one merge; every third message twice.
fn messages(recipes: Vec<Recipe>) -> Vec<Recipe> {
    let mut told = vec![Recipe { kind: 35, a: 0, b: 1, c: 0, time: None, other: 1 }];
    let encounters = recipes.into_iter().filter(|recipe| (10..34).contains(&recipe.kind));
    for (index, recipe) in encounters.enumerate() {
        let time = u8::try_from(index % 24).unwrap();
        let recipe = Recipe { time: Some(time), b: recipe.b % 3, ..recipe };
        if index % 3 == 0 {
            told.push(recipe.clone());
        }
        told.push(recipe);
    }
    told
}

#[test]
fn every_fact_bearing_kind_shows_in_the_digest() {
    let variants = |kind| (0..7).map(move |n| Recipe { kind, a: n, b: n + 1, c: n * 37, time: Some(n), other: n * 31 });
    // Nobody has ended or left yet.
    let all: Vec<Recipe> = (0..39).chain(40..46).filter(|kind| *kind != 1).flat_map(variants).collect();
    let base = log(&all);
    let world = fold(&base);
    let with = |recipe: &Recipe, event: Option<Event>| {
        let mut leaf = recipes::leaf(base.len() as u64, recipe);
        leaf.draft.event = event.unwrap_or(leaf.draft.event);
        let mut world = world.clone();
        world.apply(&leaf);
        (leaf.draft.event.kind(), world.digest())
    };
    // The same leaf, but record-only.
    let silent = || Event::from(events::caller::Revoked { caller: events::CallerName::new("ehr").unwrap() });
    let mut shown = BTreeSet::new();
    for (kind, n) in (0..sittings::KINDS.end).flat_map(|kind| (0..250).map(move |n| (kind, n))) {
        let recipe = Recipe {
            kind,
            a: n,
            b: n / 3,
            c: n.wrapping_mul(31),
            time: Some(n % 24),
            other: if sittings::KINDS.contains(&kind) { n } else { 1 },
        };
        let (kind, digest) = with(&recipe, None);
        if !shown.contains(kind.name) && digest != with(&recipe, Some(silent())).1 {
            shown.insert(kind.name);
        }
    }
    // Who may call is folded by the plane: no fact of the world rests on it.
    // Erasures, holds, orders and appointments have tests of their own: no recipe makes them.
    let elsewhere = ["caller.", "patient.erased", "patient.hold_", "order.", "appointment."];
    let of_the_world = |kind: &&events::Kind| {
        kind.bearing == Bearing::Fact && !elsewhere.iter().any(|start| kind.name.starts_with(start))
    };
    let bearing = Event::KINDS.iter().filter(of_the_world).map(|kind| kind.name);
    assert_eq!(shown, bearing.collect());
}
