//! Answers while the log cannot be written: short, in workflows that say so, and in the log as soon as it can be.

use crate::full::{fill, grow};
use crate::house::{AMARA, BO, House, ehr};
use crate::replay::replay;
use charter::Charter;
use events::Event;
use events::decision::{Obligation, Question};
use plane::{DecideError, SPOOLED_PERMIT_MAX};
use std::path::Path;
use store::AppendError;

/// Copies a directory, without a child process: one that is just being started holds every other test's locks.
fn copy(from: &Path, to: &Path) {
    std::fs::create_dir(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        if from.is_dir() {
            copy(&from, &to);
        } else {
            std::fs::copy(&from, &to).unwrap();
        }
    }
}

/// The starter charter, with one workflow that goes on for a while without the log.
fn lenient() -> Charter {
    let folder = tempfile::tempdir().unwrap();
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../charter");
    copy(&from, &folder.path().join("charter"));
    let file = folder.path().join("charter/workflows.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(text.contains("store = \"block\""));
    std::fs::write(&file, text.replacen("store = \"block\"", "store = \"temporary\"", 1)).unwrap();
    Charter::load(&folder.path().join("charter")).unwrap()
}

/// The workflow that is lenient then, an action of it that Amara may do, and another workflow that has the action too.
const LENIENT: (&str, &str) = ("chart-review", "record_observations");
const STRICT: &str = "ed-chart-review";

#[tokio::test]
async fn only_a_temporary_workflow_is_answered_from_the_spool_and_its_answers_come_into_the_log() {
    let house = House::with_spool(4 * 1024 * 1024, lenient()).await;
    let question = |who: &str, action: &str| house.question(who, action);
    let mut lenient = question(AMARA, LENIENT.1);
    lenient.workflow = Some(LENIENT.0.parse().unwrap());
    assert!(house.asked(lenient.clone(), false).await.unwrap().permits(), "while all is well");
    fill(&house).await;
    let (entries, decisions) = (house.plane.store().head().next, house.plane.decisions());

    let answer = house.asked(lenient.clone(), false).await.unwrap();
    assert!(answer.permits() && answer.leaf().in_spool() && !answer.leaf().in_log());
    let (made, spooled) = (answer.made().unwrap(), answer.spooled().unwrap().clone());
    let until = made.decided_at + SPOOLED_PERMIT_MAX;
    assert!(made.holds_until.unwrap() <= until);
    assert!(made.obligations.iter().any(|one| matches!(one, Obligation::AskAgain { at } if *at <= until)));
    let full = |result| matches!(result, Err(DecideError::Record(AppendError::Full)));
    let strict = Question { workflow: Some(STRICT.parse().unwrap()), ..lenient.clone() };
    assert!(full(house.asked(strict, false).await.map(drop)), "another workflow is refused");
    assert!(full(house.asked(lenient.clone(), true).await.map(drop)), "nothing stays live without the log");
    let mut denied = question(BO, LENIENT.1);
    denied.workflow.clone_from(&lenient.workflow);
    assert!(full(house.asked(denied, false).await.map(drop)), "a deny opens nothing and takes no room");
    assert_eq!((house.plane.store().head().next, house.plane.decisions()), (entries, decisions));
    assert!(house.plane.fold_spool().await.is_err());

    grow(&house).await;
    assert_eq!(house.plane.fold_spool().await.unwrap(), 1);
    assert_eq!(house.plane.fold_spool().await.unwrap(), 0);
    assert_eq!(house.plane.decisions(), decisions + 1);
    let log = house.log();
    let (_, leaf) = log.iter().find(|(_, leaf)| leaf.draft.spooled.as_ref() == Some(&spooled)).unwrap();
    assert!(matches!(&leaf.draft.event, Event::DecisionMade(folded) if **folded == *made));
    assert_eq!(leaf.draft.actor, ehr());
    let house = house.reopen().await;
    assert_eq!(replay(&house) as u64, house.plane.decisions());
}
