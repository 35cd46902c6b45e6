//! Facts that move while a question is being answered.

use crate::house::{House, TOVE, ehr, id, sent};
use crate::replay::{judge, replay};
use events::decision::{Effect, Made};
use events::team::{Joined, Left};
use events::{Draft, Event, Seq};
use plane::{Ask, DecideError};
use smallvec::SmallVec;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;
use store::Batch;
use world::{Key, World};

/// How many answers of each sort must have been seen, and the most questions asked until they are.
const ENOUGH: usize = 30;
const ASKED_MAX: usize = 5_000;

#[derive(Default)]
struct Seen {
    asked: AtomicUsize,
    permits: AtomicUsize,
    denies: AtomicUsize,
    superseding: AtomicUsize,
    unsettled: AtomicUsize,
}

impl Seen {
    fn enough(&self) -> bool {
        let few = [&self.permits, &self.denies, &self.superseding].iter().any(|n| n.load(Ordering::SeqCst) < ENOUGH);
        !few || self.asked.load(Ordering::SeqCst) >= ASKED_MAX
    }
}

/// Moves the patient and changes the team until told to stop.
fn unrest(house: &Arc<House>, stop: &Arc<AtomicBool>) -> Vec<tokio::task::JoinHandle<()>> {
    let patient = house.patient;
    let there = |house: &House| sent(house.movement("WARD-3A"));
    let back = |house: &House| sent(house.movement("ED"));
    let join = Draft::new(ehr(), Joined { patient, person: id(TOVE), until: None });
    let leave = Draft::new(ehr(), Left { patient, person: id(TOVE) });
    let turns = [vec![there(house), back(house)], vec![join.clone(), leave.clone()], vec![join, leave]];
    let tasks = turns.into_iter().enumerate().map(|(index, turns)| {
        let (house, stop) = (Arc::clone(house), Arc::clone(stop));
        tokio::spawn(async move {
            for turn in 0_u64.. {
                if stop.load(Ordering::SeqCst) {
                    return;
                }
                let draft = turns[usize::try_from(turn % 2).unwrap()].clone();
                house.plane.record(Batch::one(draft)).await.unwrap();
                tokio::time::sleep(Duration::from_millis(1 + (turn * 7 + index as u64) % 12)).await;
            }
        })
    });
    tasks.collect()
}

/// Asks until enough was seen; the entries of what was answered.
async fn askers(house: &Arc<House>, seen: &Arc<Seen>, live: bool) -> HashSet<Seq> {
    let tasks: Vec<_> = (0..8)
        .map(|_| {
            let (house, seen) = (Arc::clone(house), Arc::clone(seen));
            tokio::spawn(async move {
                let mut answered = Vec::new();
                while !seen.enough() {
                    seen.asked.fetch_add(1, Ordering::SeqCst);
                    let question = house.question(TOVE, "record_observations");
                    match house.plane.decide(Ask { question, actor: ehr(), request: None, live }).await {
                        Ok(answer) => {
                            let made = answer.made().unwrap();
                            let sort = if answer.permits() { &seen.permits } else { &seen.denies };
                            sort.fetch_add(1, Ordering::SeqCst);
                            seen.superseding.fetch_add(made.supersedes.is_some().into(), Ordering::SeqCst);
                            answered.push(answer.entry());
                        }
                        Err(DecideError::Unsettled) => drop(seen.unsettled.fetch_add(1, Ordering::SeqCst)),
                        Err(other) => panic!("{other:?}"),
                    }
                }
                answered
            })
        })
        .collect();
    let mut answered = HashSet::new();
    for task in tasks {
        answered.extend(task.await.unwrap());
    }
    answered
}

/// Folds the log and holds every permit that was answered against it: from the world it was judged in to its own place nothing touched what
/// it rests on, and judged in its own place it is a permit still.
fn nothing_withdrawn(house: &House, answered: &HashSet<Seq>) -> usize {
    let log = house.log();
    let permits: HashMap<Seq, &Made> = log
        .iter()
        .filter_map(|(_, leaf)| match &leaf.draft.event {
            Event::DecisionMade(made) if made.effect == Effect::Permit && answered.contains(&leaf.seq) => {
                Some((leaf.seq, &**made))
            }
            _ => None,
        })
        .collect();
    let mut judged_in: BTreeMap<Seq, Vec<Seq>> = BTreeMap::new();
    for (seq, made) in &permits {
        judged_in.entry(made.world_seq).or_default().push(*seq);
    }
    let engine = house.plane.engine();
    let mut keys: HashMap<Seq, SmallVec<[Key; 16]>> = HashMap::new();
    let mut world = World::new();
    for (_, leaf) in &log {
        for seq in judged_in.remove(&world.next_seq()).unwrap_or_default() {
            let made = permits[&seq];
            keys.insert(seq, judge(&engine, &world, made, made.decided_at).1.keys);
        }
        if let Some(made) = permits.get(&leaf.seq) {
            assert!(keys[&leaf.seq].contains(&Key::Patient(house.patient)));
            assert!(!world.changed_since(&keys[&leaf.seq], made.world_seq), "entry {} rests on the past", leaf.seq);
            assert_eq!(judge(&engine, &world, made, made.decided_at).0.effect, Effect::Permit);
        }
        world.apply(leaf);
    }
    permits.len()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_permit_is_answered_on_facts_that_were_withdrawn() {
    let house = Arc::new(House::open().await);
    let (seen, stop) = (Arc::new(Seen::default()), Arc::new(AtomicBool::new(false)));
    let unrest = unrest(&house, &stop);
    let answered = askers(&house, &seen, false).await;
    stop.store(true, Ordering::SeqCst);
    for task in unrest {
        task.await.unwrap();
    }
    for sort in [&seen.permits, &seen.denies, &seen.superseding] {
        assert!(sort.load(Ordering::SeqCst) >= ENOUGH, "asked {} times", seen.asked.load(Ordering::SeqCst));
    }
    assert_eq!(nothing_withdrawn(&house, &answered), seen.permits.load(Ordering::SeqCst));

    // What was superseded is the same question, judged earlier, and was given to nobody.
    let log = house.log();
    for (_, leaf) in &log {
        let Event::DecisionMade(made) = &leaf.draft.event else { continue };
        let Some(old) = made.supersedes else { continue };
        let Event::DecisionMade(earlier) = &log[usize::try_from(old.0).unwrap()].1.draft.event else {
            panic!("not a decision")
        };
        assert_eq!(earlier.question, made.question);
        assert!(old < leaf.seq && earlier.world_seq < made.world_seq && !answered.contains(&old));
    }
    assert!(replay(&house) > answered.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn live_permits_end_however_facts_move_while_they_are_opened() {
    let mut house = House::open().await;
    house.keep();
    let house = Arc::new(house);
    let (seen, stop) = (Arc::new(Seen::default()), Arc::new(AtomicBool::new(false)));
    let unrest = unrest(&house, &stop);
    askers(&house, &seen, true).await;
    stop.store(true, Ordering::SeqCst);
    for task in unrest {
        task.await.unwrap();
    }
    assert!(seen.permits.load(Ordering::SeqCst) >= ENOUGH);
    // Now nothing connects them: within reach of the keeper no permit stays, whether anybody was given it or not.
    house.tell(Left { patient: house.patient, person: id(TOVE) }).await;
    let deadline = tokio::time::timeout(crate::house::PATIENCE, async {
        while !house.plane.live().is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    deadline.await.expect("every live permit ends");
    replay(&house);
    let log = house.log();
    let opened = log.iter().filter(|(_, leaf)| match &leaf.draft.event {
        Event::DecisionMade(made) => made.live && made.effect == Effect::Permit,
        _ => false,
    });
    for (_, leaf) in opened {
        let superseded = log.iter().any(|(_, other)| match &other.draft.event {
            Event::DecisionMade(made) => made.supersedes == Some(leaf.seq),
            Event::PermitEnded(ended) => ended.permit == leaf.seq,
            _ => false,
        });
        assert!(superseded, "the log does not say how entry {} ended", leaf.seq);
    }
}
