//! What a store and the node on it say of themselves.

use super::place::{self, Node};
use super::{Checks, Finding, LEDGER};
use crate::command::connection::Connection;
use crate::command::failure::Failure;
use crate::command::output::counted;
use crate::server::witnesses::Said;
use axum::http::Method;
use charter::Charter;
use events::Timestamp;
use plane::{Clock as _, SystemClock};
use serde::Deserialize;
use serde_json::Value;
use signin::enrolment::makers_known;
use std::path::Path;
use std::time::Duration;

/// Entries are sealed within a second; this long, with room for a slow disk, they may be waited for.
const SEAL_WAIT: Duration = Duration::from_millis(2500);
/// How often to look meanwhile.
const SEAL_LOOK: Duration = Duration::from_millis(250);
/// The wall clock may lie behind the last entry by as much.
const CLOCK_BEHIND_MAX: Duration = Duration::from_secs(1);
/// A clock that says an earlier time than this was never set: 2026-01-01.
const CLOCK_MIN: Timestamp = Timestamp::from_millis(1_767_225_600_000);

#[derive(Debug, Deserialize)]
struct Status {
    now: Timestamp,
    hospital: String,
    charter: String,
    entries: u64,
    sealed: u64,
    last_recorded_at: Timestamp,
    trouble: Option<String>,
    spool: Option<Spooled>,
    /// Nothing when it cannot be asked.
    database: Option<Database>,
    patients: Heard,
    rota: Heard,
}

/// What waits in the spool of a running node.
#[derive(Debug, Deserialize)]
pub(super) struct Spooled {
    pub(super) waiting: u64,
    /// Why it was not folded when that was tried last.
    pub(super) trouble: Option<String>,
}

/// Where the store is.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Database {
    /// In a file, as this word says.
    File(String),
    Server {
        place: String,
        version: String,
        standbys: String,
    },
}

/// When the facts of one sort were last told.
#[derive(Debug, Deserialize)]
struct Heard {
    heard_at: Option<Timestamp>,
    stale_after_s: u64,
}

/// Whether a node runs on a directory and answers.
pub(super) async fn ready(data: &Path) -> Result<(), Failure> {
    if place::process(data).1 != Node::Running {
        return Err(Failure::remote("no node runs on this directory"));
    }
    let connection = Connection::open(data, None)?;
    let status: Status = connection.get("/status").await?;
    connection.close();
    status.trouble.map_or(Ok(()), |why| Err(Failure::remote(why)))
}

/// What to do when the ledger does not verify.
const ALTERED: &str =
    "keep this directory as it is, tell the control owner, and compare with an export or a retained checkpoint";

/// Whether makers of authenticators are known where the charter asks for their word.
const MAKERS: &str = "makers of keys";

/// The checks this file makes after the first, in order.
const REST: [&str; 8] = [LEDGER, "sealing keeps up", "witnesses", "charter", MAKERS, "clock", "feeds", "database"];

/// Lists the checks that cannot be made. `altered` says that the store does not open because it is not what was sealed.
pub(super) fn skip(checks: &mut Checks, why: &str, altered: bool) {
    for name in REST {
        let finding = match name {
            "clock" => clock(None),
            LEDGER if altered => Finding::fail("what is there is not what was sealed", ALTERED),
            _ => Finding::skipped(why),
        };
        checks.add(name, finding);
    }
}

/// Makes the checks that need the store.
pub(super) async fn examine(connection: &Connection, node: Node, checks: &mut Checks) -> Option<Spooled> {
    let status: Status = match connection.get("/status").await {
        Ok(status) => status,
        Err(failure) => {
            checks.add("store opens", Finding::fail(failure.message, "restart the node, and look at its log"));
            skip(checks, "the node does not say", false);
            return None;
        }
    };
    checks.add("store opens", opens(&status));
    checks.add(LEDGER, ledger(connection, &status).await);
    checks.add("sealing keeps up", sealing(connection, &status).await);
    checks.add("witnesses", witnesses(connection, &status).await);
    let (finding, makers) = charter(connection, &status).await;
    checks.add("charter", finding);
    checks.add(MAKERS, makers);
    checks.add("clock", clock(Some(&status)));
    checks.add("feeds", feeds(node, &status));
    checks.add("database", database(status.database));
    status.spool
}

fn opens(status: &Status) -> Finding {
    match &status.trouble {
        None => Finding::ok(format!("{} of {}, all folded", entries(status.entries), status.hospital)),
        Some(why) => Finding::fail(
            why.clone(),
            "if it is full or read-only: make room or let it be written, it recovers by itself; if it cannot be read: run the build that wrote it",
        ),
    }
}

/// Whether what is committed outlives the server.
fn database(state: Option<Database>) -> Finding {
    let (place, version, standbys) = match state {
        Some(Database::Server { place, version, standbys }) => (place, version, standbys),
        Some(Database::File(file)) => return Finding::skipped(format!("the store is a {file} in the data directory")),
        None => {
            let fix = "see that it runs and is reached; the node goes on by itself";
            return Finding::fail("its server cannot be asked", fix);
        }
    };
    if standbys.is_empty() {
        return Finding::look(
            format!("PostgreSQL {version} at {place}; commits wait for no standby"),
            "name a synchronous standby (`synchronous_standby_names`): without one, a failover may lose what was answered",
        );
    }
    Finding::ok(format!("PostgreSQL {version} at {place}; commits wait for standby {standbys}"))
}

fn entries(count: u64) -> String {
    counted(count, "entry")
}

async fn ledger(connection: &Connection, status: &Status) -> Finding {
    if status.sealed == 0 {
        return Finding::skipped("nothing is sealed yet");
    }
    match connection.get::<Value>("/ledger/verify").await {
        Ok(answer) if answer.get("verified") == Some(&Value::Bool(true)) => {
            let size = answer.get("size").and_then(Value::as_u64).unwrap_or(0);
            Finding::ok(format!("{} hashed again, as sealed", entries(size)))
        }
        Ok(answer) => {
            let findings = answer.get("findings").and_then(Value::as_str).unwrap_or("it does not verify");
            Finding::fail(findings.to_owned(), ALTERED)
        }
        Err(failure) => Finding::fail(failure.message, ALTERED),
    }
}

/// What is recorded now must be sealed shortly after.
async fn sealing(connection: &Connection, status: &Status) -> Finding {
    let mut sealed = status.sealed;
    let mut waited = Duration::ZERO;
    while sealed < status.entries && waited < SEAL_WAIT {
        tokio::time::sleep(SEAL_LOOK).await;
        waited += SEAL_LOOK;
        match connection.get::<Status>("/status").await {
            Ok(later) => sealed = later.sealed,
            Err(failure) => return Finding::fail(failure.message, "restart the node, and look at its log"),
        }
    }
    let behind = status.entries.saturating_sub(sealed);
    if behind > 0 {
        let found = format!("{} still unsealed after {} ms", entries(behind), waited.as_millis());
        return Finding::fail(
            found,
            "look at the node's log for why it cannot seal: disk full, read-only, or too slow",
        );
    }
    Finding::ok(format!("{} sealed", entries(sealed)))
}

/// Whether somebody else remembers how long the log is.
async fn witnesses(connection: &Connection, status: &Status) -> Finding {
    let said: Vec<Said> = match connection.get("/ledger/witnesses").await {
        Ok(said) => said,
        Err(failure) => return Finding::fail(failure.message, "restart the node, and look at its log"),
    };
    let asked: Vec<&Said> = said.iter().filter(|one| one.configured).collect();
    if asked.is_empty() {
        return Finding::skipped("none is configured: nobody elsewhere would notice a rewritten log");
    }
    let each = asked.iter().map(|one| match one.trouble.as_str() {
        "" => format!("{} cosigned {} of {}", one.name, one.size, entries(status.entries)),
        trouble => format!("{} did not cosign: {trouble}", one.name),
    });
    let found = each.collect::<Vec<_>>().join("; ");
    if asked.iter().all(|one| one.trouble.is_empty()) {
        return Finding::ok(found);
    }
    Finding::look(
        found,
        "see that the witness runs and is reached; after the ledger's key was rotated, start it with --rotation FILE; if it has seen more or other entries than this log has, tell the control owner: the log was cut back or split",
    )
}

/// What can be said of keys' makers by a charter.
fn makers(charter: &Charter) -> Finding {
    match makers_known(charter) {
        Ok(0) => Finding::ok("nobody's word about what they made is asked for".to_owned()),
        Ok(some) => Finding::ok(counted(some as u64, "certificate")),
        Err(wrong) => Finding::look(
            wrong.join("; "),
            "add `[makers.NAME]` with the maker's root certificate to assurance.toml, or ask for less (`attestation`)",
        ),
    }
}

async fn charter(connection: &Connection, status: &Status) -> (Finding, Finding) {
    let unread = || Finding::skipped("the charter in force cannot be read");
    let fix = "apply a charter that this build takes, or run the build that took this one";
    let bytes = match connection.send(Method::GET, &format!("/charters/{}", status.charter), Vec::new()).await {
        Ok(bytes) => bytes,
        Err(failure) => return (Finding::fail(failure.message, fix), unread()),
    };
    match Charter::from_bundle(&bytes) {
        Ok(charter) => {
            let parts = format!(
                "{}, {}",
                counted(charter.policies().len(), "policy"),
                counted(charter.workflows().len(), "workflow")
            );
            let digest: String = status.charter.chars().take(12).collect();
            let found = match charter.warnings() {
                [] => Finding::ok(format!("{parts}, digest {digest}…")),
                some => Finding::look(
                    format!("{parts}, digest {digest}…; {}", counted(some.len(), "warning")),
                    "see them with `handrail charter check` in the charter's directory",
                ),
            };
            (found, makers(&charter))
        }
        Err(found) => {
            let found = format!("the charter in force does not load: {}", counted(found.len(), "problem"));
            (Finding::fail(found, fix), unread())
        }
    }
}

fn clock(status: Option<&Status>) -> Finding {
    let now = SystemClock.now();
    let fix = "set the machine's clock and keep it set (chrony or systemd-timesyncd); meanwhile decisions go by the time of the last entry";
    if now < CLOCK_MIN {
        return Finding::fail(format!("the clock says {now}, which cannot be"), fix);
    }
    let behind = status.map_or(Duration::ZERO, |status| status.last_recorded_at.since(now));
    if behind > CLOCK_BEHIND_MAX {
        return Finding::fail(
            format!("the clock says {now}, {} s before the last entry was recorded", behind.as_secs()),
            fix,
        );
    }
    Finding::ok(format!("{now}"))
}

/// Whether policies still take what feeds told for true.
fn feeds(node: Node, status: &Status) -> Finding {
    if node == Node::None {
        return Finding::skipped("no node runs to hear them");
    }
    let mut said = Vec::new();
    let mut silent = Vec::new();
    for (name, heard) in [("patients", &status.patients), ("rota", &status.rota)] {
        let quiet = heard.heard_at.map(|at| status.now.since(at));
        let stale = quiet.is_none_or(|quiet| quiet > Duration::from_secs(heard.stale_after_s));
        said.push(match quiet {
            Some(quiet) => {
                format!("{name} heard {} min ago{}", quiet.as_secs() / 60, if stale { ", stale" } else { "" })
            }
            None => format!("{name} never heard"),
        });
        if stale {
            silent.push(name);
        }
    }
    let found = said.join("; ");
    match silent.as_slice() {
        [] => Finding::ok(found),
        ["patients"] => Finding::look(
            found,
            "see that the ADT sender connects to the MLLP address, or send a file: handrail feed replay FILE",
        ),
        ["rota"] => {
            Finding::look(found, "see that the rota is sent: PUT /feeds/v1/rota by a caller that may `feed_rota`")
        }
        _ => Finding::look(
            found,
            "see that the ADT sender connects to the MLLP address and that the rota is sent to /feeds/v1/rota",
        ),
    }
}
