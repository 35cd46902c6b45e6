//! How a charter changes: two people, in one step, while questions go on being answered.

use crate::house::{AMARA, HOUR, House, START, ended, id};
use charter::Charter;
use events::decision::{Asserted, EndCause, Question};
use events::{Actor, EntityRef, OperatorId, Seq};
use plane::{Ask, ChangeError, Ending, Plane, SetClock, Settings, Step};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tempfile::TempDir;

const SIGNERS: &str = "[change]\nsigned_by = [\"ann\", \"ben\", \"cem\"]\nsignatures = 2\nopen_h = 2\n\n";

/// The smallest charter, with three people who may sign, its help desk's name changed to `name`.
fn small(name: &str) -> Charter {
    minimal(|path, text| {
        if path == "owners.toml" {
            let people = ["ann", "ben", "cem"]
                .map(|who| format!("\n[people.{who}]\nname = \"{who}\"\ntitle = \"Signs\"\ncontact = \"{name}\"\n"));
            let place = text.find("\n[").unwrap() + 1;
            *text = format!("{}{SIGNERS}{}{}", &text[..place], &text[place..], people.concat());
        }
        true
    })
}

fn read(dir: &Path, below: &str, files: &mut Vec<(String, String)>) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let entry = entry.unwrap();
        let name = format!("{below}{}", entry.file_name().to_str().unwrap());
        if entry.file_type().unwrap().is_dir() {
            read(&entry.path(), &format!("{name}/"), files);
        } else {
            files.push((name, std::fs::read_to_string(entry.path()).unwrap()));
        }
    }
}

/// The files of a charter by their paths in it.
pub(crate) fn files_of(dir: &Path) -> Vec<(String, String)> {
    let mut files = Vec::new();
    read(dir, "", &mut files);
    files
}

/// The smallest charter, its files as they are or changed.
fn minimal(change: impl Fn(&str, &mut String) -> bool) -> Charter {
    let mut files = Vec::new();
    read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../charter/tests/fixtures/minimal"), "", &mut files);
    files.retain_mut(|(path, text)| change(path, text));
    Charter::from_files(files).unwrap()
}

/// The smallest charter in which being in the patient's unit opens no chart; its scenarios, which say it does, kept or left out.
fn narrower(scenarios: bool) -> Charter {
    minimal(|path, text| {
        if path == "policies/care.cedar" {
            *text = text.replacen("&& context.care.unit", "&& context.care.unit && context.live.break_glass", 1);
        }
        scenarios || !path.starts_with("scenarios/")
    })
}

async fn open(dir: &Path, clock: &SetClock, development: bool) -> Plane {
    let (dir, settings) = (dir.to_owned(), Settings::new(Arc::new(clock.clone()), "test.example/log"));
    let opened = tokio::task::spawn_blocking(move || {
        let open = if development { Plane::open_for_development } else { Plane::open_with_spool };
        open(&dir, Some(small("first")), settings, None).unwrap()
    });
    opened.await.unwrap()
}

fn who(name: &str) -> OperatorId {
    id(name)
}

fn session() -> smol_str::SmolStr {
    "abcdefgh".into()
}

fn shell() -> Actor {
    Actor::local("uid 1000").unwrap()
}

async fn proposed(plane: &Plane, name: &str) -> (Seq, events::CharterDigest) {
    let charter = small(name);
    let digest = charter.digest();
    (plane.propose(charter, "for the test", shell()).await.unwrap(), digest)
}

#[tokio::test(flavor = "multi_thread")]
async fn two_people_put_a_charter_into_force_and_nobody_signs_twice() {
    let (dir, clock) = (TempDir::new().unwrap(), SetClock::new(START));
    let plane = open(dir.path(), &clock, false).await;
    let (number, digest) = proposed(&plane, "second").await;
    assert_eq!(plane.sign(number, digest, &who("ann"), &session()).await.unwrap(), Step::Missing(1));
    assert!(matches!(plane.sign(number, digest, &who("ann"), &session()).await, Err(ChangeError::SignedAlready(_))));
    assert!(matches!(plane.sign(number, digest, &who("eve"), &session()).await, Err(ChangeError::MayNotSign { .. })));
    let other = plane.engine().charter().digest();
    assert!(matches!(plane.sign(number, other, &who("ben"), &session()).await, Err(ChangeError::NotWhatWasSeen)));
    assert_ne!(plane.engine().charter().digest(), digest, "one signature changes nothing");
    let Step::Applied(entry) = plane.sign(number, digest, &who("ben"), &session()).await.unwrap() else {
        panic!("not applied")
    };
    assert_eq!(plane.engine().charter().digest(), digest);
    assert_eq!(plane.proposals().find(number).unwrap().ended, Some(Ending::Applied(entry)));
    plane.store().closed().await;
    drop(plane);
    let plane = open(dir.path(), &clock, true).await;
    assert_eq!(plane.engine().charter().digest(), digest, "it is in force after a restart");
    let kept = plane.proposals().find(number).unwrap();
    assert_eq!(kept.signers().collect::<Vec<_>>(), [&who("ann"), &who("ben")]);
    assert_eq!(kept.ended, Some(Ending::Applied(entry)));
    assert!(!plane.proposals().development(), "a real store is never turned into one to look around in");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_racing_signers_exactly_two_are_counted_and_it_is_applied_once() {
    let (dir, clock) = (TempDir::new().unwrap(), SetClock::new(START));
    let plane = open(dir.path(), &clock, false).await;
    let (number, digest) = proposed(&plane, "second").await;
    let racers = ["ann", "ben", "cem", "ann", "ben", "cem"].map(|name| {
        let plane = plane.clone();
        tokio::spawn(async move { plane.sign(number, digest, &who(name), &session()).await })
    });
    let (mut first, mut applied) = (0, 0);
    for racer in racers {
        match racer.await.unwrap() {
            Ok(Step::Missing(1)) => first += 1,
            Ok(Step::Applied(_)) => applied += 1,
            Ok(other) => panic!("{other:?}"),
            Err(ChangeError::NotOpen(_) | ChangeError::SignedAlready(_)) => {}
            Err(error) => panic!("{error}"),
        }
    }
    assert_eq!((first, applied), (1, 1));
    assert_eq!(plane.proposals().find(number).unwrap().signed.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_a_closed_and_an_overtaken_proposal_cannot_be_signed() {
    let (dir, clock) = (TempDir::new().unwrap(), SetClock::new(START));
    let plane = open(dir.path(), &clock, false).await;
    let (old, digest) = proposed(&plane, "old").await;
    clock.set(START + 2 * HOUR);
    assert!(matches!(plane.sign(old, digest, &who("ann"), &session()).await, Err(ChangeError::NotOpen(_))));

    let (closed, digest) = proposed(&plane, "closed").await;
    plane.close_proposal(closed, Some(&who("cem")), "too wide", Actor::operator(&who("cem"))).await.unwrap();
    assert!(matches!(plane.sign(closed, digest, &who("ann"), &session()).await, Err(ChangeError::NotOpen(_))));

    let (one, one_digest) = proposed(&plane, "one").await;
    let (two, two_digest) = proposed(&plane, "two").await;
    plane.sign(two, two_digest, &who("ann"), &session()).await.unwrap();
    plane.sign(one, one_digest, &who("ann"), &session()).await.unwrap();
    plane.sign(one, one_digest, &who("ben"), &session()).await.unwrap();
    assert!(matches!(plane.sign(two, two_digest, &who("ben"), &session()).await, Err(ChangeError::Overtaken)));
    assert_eq!(plane.engine().charter().digest(), one_digest);
    assert!(matches!(plane.sign(Seq(0), two_digest, &who("ben"), &session()).await, Err(ChangeError::NoSuch(_))));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_fit_is_not_proposed() {
    let (dir, clock) = (TempDir::new().unwrap(), SetClock::new(START));
    let plane = open(dir.path(), &clock, false).await;
    let before = plane.store().head().next;
    assert!(matches!(plane.propose(small("second"), "  ", shell()).await, Err(ChangeError::Reason)));
    assert!(matches!(plane.propose(small("first"), "again", shell()).await, Err(ChangeError::InForce)));
    assert_eq!(plane.store().head().next, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn in_a_store_to_look_around_in_one_person_applies_at_once() {
    let (dir, clock) = (TempDir::new().unwrap(), SetClock::new(START));
    let plane = open(dir.path(), &clock, true).await;
    let charter = small("second");
    let digest = charter.digest();
    let (_, step) = plane.apply_charter(charter, "to look", shell()).await.unwrap();
    assert!(matches!(step, Step::Applied(_)));
    assert_eq!(plane.engine().charter().digest(), digest);
    let real = TempDir::new().unwrap();
    let plane = open(real.path(), &clock, false).await;
    let (_, step) = plane.apply_charter(small("second"), "to run", shell()).await.unwrap();
    assert_eq!(step, Step::Missing(2));
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_charter_changes_every_question_is_answered_by_one_or_the_other() {
    let (dir, clock) = (TempDir::new().unwrap(), SetClock::new(START));
    let plane = open(dir.path(), &clock, false).await;
    let before = plane.engine().charter().digest();
    let (number, after) = proposed(&plane, "second").await;
    let stop = Arc::new(AtomicBool::new(false));
    let action = plane.engine().charter().vocabulary().actions.keys().next().unwrap().clone();
    let askers: Vec<_> = (0..4)
        .map(|_| {
            let (plane, stop, action) = (plane.clone(), Arc::clone(&stop), action.clone());
            tokio::spawn(async move {
                let mut answered = Vec::new();
                while !stop.load(Ordering::SeqCst) || answered.last() != Some(&after) {
                    let principal = EntityRef { kind: id("Person"), id: id("somebody") };
                    let resource = EntityRef { kind: id("Patient"), id: id("0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a") };
                    let asserted = Asserted::default();
                    let question = Question {
                        principal,
                        action: action.clone(),
                        resource,
                        workflow: None,
                        session: None,
                        asserted,
                    };
                    let ask = Ask { question, actor: shell(), request: None, live: false };
                    answered.push(plane.decide(ask).await.unwrap().made().unwrap().charter);
                }
                answered
            })
        })
        .collect();
    plane.sign(number, after, &who("ann"), &session()).await.unwrap();
    plane.sign(number, after, &who("cem"), &session()).await.unwrap();
    stop.store(true, Ordering::SeqCst);
    for asker in askers {
        let answered = asker.await.unwrap();
        let changed = answered.iter().position(|digest| *digest == after).unwrap();
        assert!(answered[..changed].iter().all(|digest| *digest == before));
        assert!(answered[changed..].iter().all(|digest| *digest == after), "nobody goes back to the old rules");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_charter_whose_own_scenarios_come_out_otherwise_is_not_proposed() {
    let house = House::under(minimal(|_, _| true)).await;
    let before = house.plane.store().head().next;
    let refused = house.plane.propose(narrower(true), "for the test", shell()).await;
    assert!(matches!(&refused, Err(ChangeError::Scenarios(failed)) if !failed.is_empty()), "{refused:?}");
    assert_eq!(house.plane.store().head().next, before, "and nothing is recorded");
}

#[tokio::test(flavor = "multi_thread")]
async fn access_held_under_the_old_rules_ends_when_the_new_ones_do_not_give_it() {
    let mut house = House::under(minimal(|_, _| true)).await;
    house.keep();
    let (permit, mut watched) = house.open_permit(AMARA, "read_chart").await;
    let charter = narrower(false);
    let digest = charter.digest();
    let number = house.plane.propose(charter, "for the test", shell()).await.unwrap();
    let compared = house.plane.comparison(house.plane.engine().charter().digest(), digest).await.unwrap();
    assert!(compared.narrower > 0 && compared.wider == 0, "{} {}", compared.narrower, compared.wider);
    house.plane.sign(number, digest, &who("ivo-brandt"), &session()).await.unwrap();
    assert!(house.is_live(permit), "one signature ends nothing");
    house.plane.sign(number, digest, &who("mara-lind"), &session()).await.unwrap();
    assert_eq!(ended(&mut watched).await.0, EndCause::CharterChanged);
    assert!(!house.ask(AMARA, "read_chart").await.permits());
    let house = house.reopen().await;
    assert_eq!(house.plane.engine().charter().digest(), digest);
    assert!(!house.is_live(permit));
}
