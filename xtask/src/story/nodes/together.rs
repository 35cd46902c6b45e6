//! Two nodes answer together, while one is killed and replaced, stands still, is cut off, and the primary fails over. Clients are at work at both all
//! the time, and in the end what they saw is held against the log.

use super::load::{Load, answered_within, longest_gap, patient};
use super::several::{SOON, Several};
use crate::peer::{Caller, pause, until};
use crate::step::{Outcome, elapsed_since_start};
use crate::story::hospital::{Feeds, request_at};
use crate::story::{Teller, expect};
use serde_json::Value;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// How long a node may be cut off before it is not ready and lets go of whoever watches a permit, and a little more for a slow machine.
const CUT_OFF: Duration = Duration::from_secs(5 + 5);
/// How long a node stands still: longer than the server leaves a transaction to a session that says nothing.
const STILL: Duration = Duration::from_secs(3);
/// How many answers show that somebody is at work.
const SOME: usize = 40;

/// Tells it.
pub(super) fn tell(teller: &mut Teller) -> Outcome {
    let mut several = Several::start()?;
    let feeds = Feeds::of(several.node(0)?)?;
    feeds.nurse("n-amara", "Amara Osei", "ED")?;
    let ehr = several.node(0)?.caller("ehr")?;
    let load = Load::new(&ehr, &feeds.devices, [several.doors(0)?, several.doors(1)?])?;
    teller.step("two nodes are up over one database, whose commits wait for a standby; people and patients are told to one of them");

    load.during(|| {
        answers(&load, 0)?;
        answers(&load, 1)?;
        teller.step("both answer, deny and permit as devices fail and heal, hold permits and take messages");
        killed(teller, &mut several, &load)?;
        still(teller, &several, &load)?;
        cut_off(teller, &several, &load)?;
        failed_over(teller, &several, &load)
    })?;
    let (seen, (answered, acknowledged)) = (load.seen(), load.all_answers());
    let entries = several.holds_together(|several| &several.standby, &seen)?;
    teller.step(&format!(
        "{answered} answers and {acknowledged} acknowledgements stand in {entries} entries: none lost, none on withdrawn facts, in one order, nothing twice"
    ));
    Ok(())
}

/// Waits until a node has answered some more.
fn answers(load: &Load, node: usize) -> Outcome {
    let before = load.answers_of(node);
    until(&format!("an answer of node {node}"), SOON, || Ok(load.answers_of(node) > before + SOME))
}

fn killed(teller: &mut Teller, several: &mut Several, load: &Load) -> Outcome {
    several.kill(0)?;
    answers(load, 1)?;
    several.replace(0)?;
    load.moved(0, several.doors(0)?);
    answers(load, 0)?;
    answers(load, 1)?;
    teller.step("one is killed: the other goes on alone; another node takes its place, with a new data directory");
    Ok(())
}

fn still(teller: &mut Teller, several: &Several, load: &Load) -> Outcome {
    for node in [0, 1] {
        let (held, from) = (several.node(node)?, elapsed_since_start());
        held.stand_still()?;
        let other = answers(load, 1 - node);
        while elapsed_since_start() - from < STILL {
            pause(20);
        }
        held.go_on()?;
        other?;
        answers(load, node)?;
    }
    teller.step("each stands still for a while, in the middle of whatever it did: the other goes on, then both do");
    Ok(())
}

/// Opens a watch on a permit, and waits for what it says first.
fn watched(ehr: &Caller, address: SocketAddr) -> Outcome<TcpStream> {
    let mut entry = None;
    until("a permit to watch", SOON, || {
        let asked = request_at("ws-ED", "n-amara", "read_chart", &patient(0));
        let (status, said) = ehr.send("POST", "/handrail/v1/permits", &asked)?;
        entry = said.pointer("/context/entry").and_then(Value::as_u64).filter(|_| status == 201);
        Ok(entry.is_some())
    })?;
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(CUT_OFF))?;
    let entry = entry.ok_or("there is no permit to watch")?;
    let asked = format!(
        "GET /handrail/v1/permits/{entry}/watch HTTP/1.1\r\nhost: node\r\nauthorization: Bearer {}\r\nconnection: close\r\n\r\n",
        ehr.token()
    );
    stream.write_all(asked.as_bytes())?;
    let (mut said, mut bytes) = (String::new(), [0; 4096]);
    while !said.contains("event: holds") {
        let read = stream.read(&mut bytes)?;
        expect(read > 0, || format!("the watch ended at once: {said}"))?;
        said.push_str(&String::from_utf8_lossy(bytes.get(..read).unwrap_or_default()));
    }
    Ok(stream)
}

fn cut_off(teller: &mut Teller, several: &Several, load: &Load) -> Outcome {
    let mut watch = watched(&load.ehr_at(0), several.doors(0)?.http)?;
    let wires = several.wires(0)?;
    // In the middle of whatever is said: nothing gets through, and nobody is told.
    wires.iter().for_each(cluster::Wire::stall);
    let from = elapsed_since_start();
    until("a node that is cut off is not ready", CUT_OFF, || Ok(!several.is_ready(0)?))?;
    let (mut said, mut bytes) = (String::new(), [0; 4096]);
    // It says from time to time that it is still there.
    until("a node that is cut off lets go of a watch", CUT_OFF, || {
        let read = watch.read(&mut bytes)?;
        said.push_str(&String::from_utf8_lossy(bytes.get(..read).unwrap_or_default()));
        Ok(read == 0)
    })?;
    expect(said.contains("cut_off"), || format!("whoever watched was not told why: {said}"))?;
    let took = elapsed_since_start() - from;
    expect(several.is_ready(1)?, || "the other node is not ready".to_owned())?;
    answers(load, 1)?;
    let given = answered_within(&load.seen(), 0, from, elapsed_since_start());
    expect(given.is_empty(), || format!("a node that is cut off gave answers {given:?}"))?;
    teller.step(&format!(
        "one is cut off from the database: it answers nothing any more, and within {:.0} s is not ready and lets go of whoever watches a permit",
        took.as_secs_f64().ceil()
    ));
    wires.iter().for_each(cluster::Wire::mend);
    answers(load, 0)?;
    until("readiness", SOON, || several.is_ready(0))?;
    teller.step("it gets through again and goes on by itself");
    Ok(())
}

fn failed_over(teller: &mut Teller, several: &Several, load: &Load) -> Outcome {
    let from = elapsed_since_start();
    several.primary.stop()?;
    several.standby.promote()?;
    let promoted = elapsed_since_start() - from;
    answers(load, 0)?;
    answers(load, 1)?;
    let gap = longest_gap(&load.seen(), from, elapsed_since_start());
    teller.step(&format!(
        "the primary is killed and its standby promoted ({:.1} s): both go on there by themselves; clients saw no answer for {:.1} s",
        promoted.as_secs_f64(),
        gap.as_secs_f64()
    ));
    Ok(())
}
