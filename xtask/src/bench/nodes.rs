//! Several nodes over one PostgreSQL database, beside one node on a file, all of it on the same cores and disk: decisions, facts that travel, a failover.

use super::load::Measured;
use super::outside;
use crate::peer::{Caller, Node, Sender, pause, until};
use crate::step::{Outcome, elapsed_since_start};
use crate::story::hospital::{Adt, request};
use cluster::Cluster;
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// How often to look for what is not sealed, in milliseconds.
const LOOK_MS: u64 = 500;
/// How often a patient is moved.
const MOVES: usize = 200;
/// How often the primary is lost.
const FAILOVERS: usize = 3;
/// What the answer before a lost primary may take at most until the next.
const BACK: Duration = Duration::from_secs(60);
/// The memory that a server may keep pages in, as an administrator would set it on a machine like this.
const SETTINGS: [(&str, &str); 2] = [("shared_buffers", "1GB"), ("max_wal_size", "4GB")];

/// All of it.
pub(super) fn run(binary: &Path, charter: &Path) -> Outcome<Vec<String>> {
    let dir = tempfile::tempdir_in(crate::step::root().join("target"))?;
    let mut rows = on_a_file(binary, charter, dir.path())?;
    let cluster = Cluster::start(&SETTINGS, |_| Ok(()))?;
    let address = cluster.database()?;
    let first = node_of(binary, charter, &dir.path().join("first"), &address, None)?;
    outside::admit(&first)?;
    let ehr = first.caller("ehr")?;
    let asked = |node: &Node| (node.http, outside::requests_to(node, &ehr));
    rows.extend(outside::loads("one node, PostgreSQL", &[asked(&first)])?);
    let second = node_of(binary, charter, &dir.path().join("second"), &address, Some(&first))?;
    let targets = [asked(&first), asked(&second)];
    let (loaded, unsealed_max) =
        watching_seals(&cluster, &address, || outside::loads("two nodes, PostgreSQL", &targets))?;
    rows.extend(loaded);
    let size = size(&cluster, &address, unsealed_max)?;
    let travelled = facts_travel(&first, &ehr.at(second.http))?;
    second.stop()?;
    first.stop()?;
    drop(cluster);
    let waits = with_a_standby(binary, charter, dir.path(), &mut rows)?;
    Ok(vec![outside::table("several nodes over one database", &rows), travelled, waits, size])
}

fn on_a_file(binary: &Path, charter: &Path, dir: &Path) -> Outcome<Vec<(String, Measured)>> {
    let node = Node::start_under(&[], binary, &dir.join("file"), charter)?;
    outside::admit(&node)?;
    let ehr = node.caller("ehr")?;
    let rows = outside::loads("one node, a file", &[(node.http, outside::requests_to(&node, &ehr))])?;
    node.stop()?;
    Ok(rows)
}

/// A node whose directory names the database, with the keys of another if there is one.
fn node_of(binary: &Path, charter: &Path, data: &Path, address: &str, other: Option<&Node>) -> Outcome<Node> {
    let made = Command::new("mkdir").args(["-m", "700"]).arg(data).status()?;
    let copied = match other {
        Some(other) => Command::new("cp").arg("-a").arg(other.data.join("keys")).arg(data).status()?,
        None => made,
    };
    if !made.success() || !copied.success() {
        return Err("the node's directory could not be made".into());
    }
    std::fs::write(data.join("store"), address)?;
    Node::start_under(&[], binary, data, charter)
}

/// How long after its acknowledgement at one node a move ends the live permit that is watched at the other.
fn facts_travel(first: &Node, there: &Caller) -> Outcome<String> {
    let mut sender = Sender::connect(first.mllp)?;
    let mut times = Vec::with_capacity(MOVES);
    for number in 0..MOVES {
        let patient = format!("B{number}");
        let asked = request("n-amara", "read_chart", &patient, "ED");
        let (status, answer) = there.send("POST", "/handrail/v1/permits", &asked)?;
        let entry = answer.pointer("/context/entry").and_then(Value::as_u64);
        let entry = entry.filter(|_| status == 201).ok_or_else(|| format!("{status} {answer}"))?;
        let mut watch = watch(there, entry)?;
        let (control, visit) = (format!("MOVE{number}"), format!("VB{number}"));
        // Discharged: what rests on the stay ends without grace.
        let adt = Adt {
            trigger: "A11",
            control: &control,
            patient: &patient,
            visit: &visit,
            place: "ED",
            before: "",
            merged: None,
            at: 0,
        };
        sender.accepted(&adt.text()?)?;
        let acknowledged = elapsed_since_start();
        let mut line = String::new();
        while !line.contains("ended") {
            line.clear();
            if watch.read_line(&mut line)? == 0 {
                return Err("a watch ended without a word".into());
            }
        }
        times.push(elapsed_since_start().saturating_sub(acknowledged));
    }
    times.sort_unstable();
    let at = |share: f64| {
        let place = (times.len() as f64 * share) as usize;
        times.get(place.min(times.len().saturating_sub(1))).map_or(0.0, |time| time.as_secs_f64() * 1000.0)
    };
    Ok(format!(
        "| a fact on its way to another node | p50 ms | p99 ms |\n|---|---:|---:|\n\
         | from the acknowledgement of an admission's cancellation at one node until a watch of a live permit at the other has heard that it ended, {MOVES} times | {:.2} | {:.2} |\n",
        at(0.5),
        at(0.99)
    ))
}

/// Watches a live permit: what comes, from the first event on.
fn watch(there: &Caller, entry: u64) -> Outcome<BufReader<TcpStream>> {
    let address = there.address();
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(BACK))?;
    stream.set_nodelay(true)?;
    write!(
        stream,
        "GET /handrail/v1/permits/{entry}/watch HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {}\r\n\r\n",
        there.token()
    )?;
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    while !line.contains("holds") {
        line.clear();
        if reader.read_line(&mut line)? == 0 {
            return Err("the watch was refused".into());
        }
    }
    Ok(reader)
}

/// Two nodes whose commits wait for a standby; then the primary is lost, and the standby promoted at once.
fn with_a_standby(binary: &Path, charter: &Path, dir: &Path, rows: &mut Vec<(String, Measured)>) -> Outcome<String> {
    let mut gaps = Vec::new();
    for number in 0..FAILOVERS {
        let primary = Cluster::start(&SETTINGS, |_| Ok(()))?;
        let standby = primary.standby()?;
        let address = cluster::at_ports(&primary.database()?, &[primary.port(), standby.port()]);
        let first = node_of(binary, charter, &dir.join(format!("a{number}")), &address, None)?;
        outside::admit(&first)?;
        let ehr = first.caller("ehr")?;
        let second = node_of(binary, charter, &dir.join(format!("b{number}")), &address, Some(&first))?;
        if number == 0 {
            let asked = |node: &Node| (node.http, outside::requests_to(node, &ehr));
            rows.extend(outside::loads("two nodes, PostgreSQL with a standby", &[asked(&first), asked(&second)])?);
        }
        gaps.push(gap(&primary, &standby, &ehr.at(second.http))?);
        second.stop()?;
        first.stop()?;
    }
    let mut text = String::from("| a primary is lost and the standby promoted at once | seconds |\n|---|---:|\n");
    for (promoted, gap) in gaps {
        let _infallible = writeln!(
            text,
            "| from the loss until a client that tries on is permitted again; the promotion alone took {:.1} | {:.1} |",
            promoted.as_secs_f64(),
            gap.as_secs_f64()
        );
    }
    Ok(text)
}

/// How long the promotion took, and how long nobody was permitted.
fn gap(primary: &Cluster, standby: &Cluster, ehr: &Caller) -> Outcome<(Duration, Duration)> {
    let permitted = || {
        let asked = request("n-amara", "read_chart", "B1", "ED");
        let answer = ehr.send("POST", "/access/v1/evaluation", &asked);
        // Not one from the spool: those need no database.
        answer.is_ok_and(|(_, said)| {
            said.get("decision") == Some(&json!(true)) && said.pointer("/context/spooled").is_none()
        })
    };
    until("a permit", BACK, || Ok(permitted()))?;
    let begun = elapsed_since_start();
    primary.stop()?;
    standby.set("synchronous_standby_names", "")?;
    standby.promote()?;
    let promoted = elapsed_since_start() - begun;
    until("a permit after the promotion", BACK, || Ok(permitted()))?;
    Ok((promoted, elapsed_since_start() - begun))
}

/// Does something, and looks meanwhile how many entries are not sealed yet: the most.
fn watching_seals<T>(cluster: &Cluster, address: &str, work: impl FnOnce() -> Outcome<T>) -> Outcome<(T, u64)> {
    const UNSEALED: &str =
        "SELECT coalesce((SELECT max(seq) + 1 FROM entry), 0) - coalesce((SELECT max(size) FROM checkpoint), 0)";
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let looking = scope.spawn(|| {
            let mut most = 0;
            while !over.load(Ordering::SeqCst) {
                let said = cluster.sql_at(address, UNSEALED).unwrap_or_default();
                most = most.max(said.parse::<u64>().unwrap_or(0));
                pause(LOOK_MS);
            }
            most
        });
        let done = work();
        over.store(true, Ordering::SeqCst);
        let most = looking.join().map_err(|_| "whoever looks at seals panicked")?;
        Ok((done?, most))
    })
}

/// What the entries take on the server's disk.
fn size(cluster: &Cluster, address: &str, unsealed_max: u64) -> Outcome<String> {
    // What is recorded now is sealed.
    pause(3000);
    let number = |sql: &str| -> Outcome<f64> { Ok(cluster.sql_at(address, sql)?.parse()?) };
    let entries = number("SELECT count(*) FROM entry")?;
    let log = number("SELECT pg_total_relation_size('entry')")?;
    let tiles = number("SELECT pg_total_relation_size('tile')")?;
    let all = number("SELECT pg_database_size(current_database())")?;
    Ok(format!(
        "| {entries:.0} entries of this load on the server | bytes for each |\n|---|---:|\n| the log, with its index | {:.0} |\n\
         | the tree's tiles | {:.0} |\n| the whole database | {:.0} |\n\n\
         While two nodes were under load, at most {unsealed_max} entries were found not to be sealed yet.\n",
        log / entries,
        tiles / entries,
        all / entries
    ))
}
