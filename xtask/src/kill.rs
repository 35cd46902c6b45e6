//! SIGKILL at random instants under load: every answered decision and every acknowledged message is in the ledger afterwards, the world is the
//! same as a rebuild, and the ledger verifies.

use crate::peer::{Caller, Node, Sender, handrail, pause};
use crate::step::{Outcome, root, say};
use crate::story::expect;
use crate::story::hospital::{Adt, Feeds, request};
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Rounds of the long run.
pub(crate) const SOAK_ROUNDS: u32 = 200;
/// Callers and senders at work when the kill comes.
const CALLERS: usize = 6;
const SENDERS: usize = 3;

/// What the outside was told.
#[derive(Default)]
struct Told {
    /// Entry and what it answered.
    answered: Vec<(u64, bool)>,
    /// Control ids of acknowledged messages.
    acknowledged: Vec<String>,
}

/// Kills a node under load that many times, and checks after each.
pub(crate) fn rounds(rounds: u32) -> Outcome {
    say(&format!("\n== kill test: {rounds} rounds"));
    let dir = tempfile::tempdir()?;
    let data = dir.path().join("data");
    let charter = root().join("charter");
    let node = Node::start(&data, &charter)?;
    Feeds::of(&node)?.nurse("n-amara", "Amara Osei", "ED")?;
    let ehr = node.caller("ehr")?;
    node.stop()?;
    let mut all = Told::default();
    for round in 0..rounds {
        let told = one_round(&data, &charter, &ehr, round)?;
        all.answered.extend(told.answered);
        all.acknowledged.extend(told.acknowledged);
        check(&data, &all).map_err(|problem| format!("round {round}: {problem}"))?;
    }
    say(&format!(
        "{} answers and {} acknowledgements survived {rounds} kills",
        all.answered.len(),
        all.acknowledged.len()
    ));
    expect(!all.answered.is_empty() && !all.acknowledged.is_empty(), || "there was no load to speak of".to_owned())
}

/// Starts a node, puts it under load, and kills it somewhere in between.
fn one_round(data: &Path, charter: &Path, ehr: &Caller, round: u32) -> Outcome<Told> {
    let node = Node::start(data, charter)?;
    let told = Arc::new(Mutex::new(Told::default()));
    let over = Arc::new(AtomicBool::new(false));
    let mut workers = Vec::new();
    for number in 0..CALLERS {
        let (told, over, ehr) = (Arc::clone(&told), Arc::clone(&over), ehr.at(node.http));
        workers.push(std::thread::spawn(move || ask(&ehr, number, &over, &told)));
    }
    for number in 0..SENDERS {
        let (told, over, mllp) = (Arc::clone(&told), Arc::clone(&over), node.mllp);
        workers.push(std::thread::spawn(move || feed(mllp, &format!("{round}-{number}"), &over, &told)));
    }
    // Not random in the cryptographic sense; only never at the same place twice.
    pause(150 + u64::from(round.wrapping_mul(2_654_435_761) % 700));
    node.kill()?;
    over.store(true, Ordering::SeqCst);
    for worker in workers {
        worker.join().map_err(|_| "a worker panicked")?;
    }
    let told = Arc::into_inner(told).ok_or("a worker is still at work")?;
    Ok(told.into_inner().unwrap_or_else(PoisonError::into_inner))
}

fn ask(ehr: &Caller, number: usize, over: &AtomicBool, told: &Mutex<Told>) {
    for count in 0.. {
        if over.load(Ordering::SeqCst) {
            return;
        }
        let patient = format!("{number}-{}", count % 50);
        let Ok((200, answer)) =
            ehr.send("POST", "/access/v1/evaluation", &request("n-amara", "read_chart", &patient, "ED"))
        else {
            return;
        };
        let entry = answer.pointer("/context/entry").and_then(Value::as_u64);
        let decision = answer.get("decision").and_then(Value::as_bool);
        if let (Some(entry), Some(decision)) = (entry, decision) {
            told.lock().unwrap_or_else(PoisonError::into_inner).answered.push((entry, decision));
        }
    }
}

fn feed(mllp: std::net::SocketAddr, name: &str, over: &AtomicBool, told: &Mutex<Told>) {
    let Ok(mut sender) = Sender::connect(mllp) else { return };
    for count in 0.. {
        if over.load(Ordering::SeqCst) {
            return;
        }
        let control = format!("K{name}-{count}");
        let patient = format!("{}-{}", count % CALLERS, count % 50);
        let visit = format!("V{name}-{count}");
        let adt = Adt {
            trigger: "A01",
            control: &control,
            patient: &patient,
            visit: &visit,
            place: "ED",
            before: "",
            merged: None,
            at: -60,
        };
        let Ok(text) = adt.text() else { return };
        if sender.accepted(&text).is_err() {
            return;
        }
        told.lock().unwrap_or_else(PoisonError::into_inner).acknowledged.push(control);
    }
}

/// Holds what was told against what the ledger says.
fn check(data: &Path, told: &Told) -> Outcome {
    let data = data.display().to_string();
    let verified = handrail(&["ledger", "verify", "--data", &data])?;
    expect(verified.starts_with("verified"), || verified.clone())?;
    let mut messages = BTreeSet::new();
    let mut decisions = std::collections::BTreeMap::new();
    let mut from = 0;
    loop {
        let lines = handrail(&["ledger", "show", &from.to_string(), "--count", "1000", "--data", &data])?;
        if lines.is_empty() {
            break;
        }
        for line in lines.lines() {
            let leaf: Value = serde_json::from_str(line)?;
            let seq = leaf.get("seq").and_then(Value::as_u64).ok_or("a leaf has no sequence")?;
            expect(seq == from, || format!("entry {seq} stands where {from} should"))?;
            from += 1;
            if let Some(message) = leaf.pointer("/source/message").and_then(Value::as_str) {
                messages.insert(message.to_owned());
            }
            if let Some(effect) = leaf.pointer("/body/effect").and_then(Value::as_str) {
                decisions.insert(seq, effect == "permit");
            }
        }
        if lines.lines().count() < 1000 {
            break;
        }
    }
    for (entry, decision) in &told.answered {
        expect(decisions.get(entry) == Some(decision), || format!("answer {entry} ({decision}) is not in the ledger"))?;
    }
    for control in &told.acknowledged {
        expect(messages.contains(control), || format!("acknowledged message {control} is not in the ledger"))?;
    }
    let replayed = handrail(&["replay", "--data", &data])?;
    expect(replayed.contains("reproduced"), || replayed.clone())
}
