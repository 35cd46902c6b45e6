//! The figures of `docs/benchmarks.md`: benchmarks in process, then the release binary under load from outside on the same cores.

use crate::figures;
use crate::load::{self, Measured};
use crate::peer::{Node, Sender, until};
use crate::step::{Outcome, cargo, elapsed_since_start, root, run as run_step, say};
use crate::story::hospital::{Adt, Feeds, request};
use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

/// How long each load lasts.
const LOAD: Duration = Duration::from_secs(5);
/// Patients in the ED before the load begins.
const PATIENTS: usize = 1000;
/// Entries in the export that is verified.
const LARGE_EXPORT_ENTRIES: u64 = 10_000_000;
/// The least rate at which they must be.
const VERIFIED_PER_SECOND_MIN: f64 = 1_000_000.0;
/// Senders of HL7 messages.
const SENDERS: usize = 16;

/// Runs them; with a filter only those whose name contains it (`decide`, `search`, `store`, `ledger`, `http`, `mllp`, `restart`). When `write`
/// is set, all figures go into `docs/benchmarks.md`.
pub(crate) fn run(filter: &str, write: bool) -> Outcome {
    let (mut medians, mut tables) = (Vec::new(), Vec::new());
    for (name, package) in [("decide", "decision"), ("search", "decision"), ("store", "store"), ("ledger", "ledger")] {
        if name.contains(filter) {
            let printed = in_process(name, package)?;
            let pages: Vec<&str> = printed.lines().filter(|line| line.contains(" p99 ")).collect();
            if !pages.is_empty() {
                tables.push(format!("```text\n{}\n```\n", pages.join("\n")));
            }
            medians.extend(figures::medians(&printed));
        }
    }
    tables.insert(0, figures::table(&medians));
    if "ledger".contains(filter) {
        tables.push(verify_a_large_export()?);
    }
    if ["http", "mllp", "restart"].iter().any(|name| name.contains(filter)) {
        tables.extend(from_outside(filter)?);
    }
    tables.iter().for_each(|table| say(&format!("\n{table}")));
    if write { figures::write(&tables, &medians) } else { Ok(()) }
}

/// One package's benchmarks: what they printed.
fn in_process(name: &str, package: &str) -> Outcome<String> {
    say(&format!("\n== {name}: cargo bench -p {package} --bench {name}"));
    let output = Command::new(cargo())
        .args(["bench", "--locked", "-p", package, "--bench", name])
        .current_dir(root())
        .stderr(Stdio::inherit())
        .output()?;
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    say(&printed);
    if output.status.success() { Ok(printed) } else { Err(format!("{name}: {}", output.status).into()) }
}

/// The release binary under load, and how it starts again with the log that load left.
fn from_outside(filter: &str) -> Outcome<Vec<String>> {
    run_step("the release binary", cargo(), &["build", "--release", "--locked", "-p", "handrail"])?;
    let dir = tempfile::tempdir()?;
    let binary = root().join("target").join("release").join("handrail");
    let (data, charter) = (dir.path().join("data"), root().join("charter"));
    let node = Node::start_under(&[], &binary, &data, &charter)?;
    Feeds::of(&node)?.nurse("n-amara", "Amara Osei", "ED")?;
    admit(&node)?;
    let mut rows: Vec<(String, Measured)> = Vec::new();
    if "http".contains(filter) || "restart".contains(filter) {
        let ehr = node.caller("ehr")?;
        for connections in [1, 16, 64] {
            let body = |n: usize| {
                let device = if n.is_multiple_of(5) { "WARD-3A" } else { "ED" };
                request("n-amara", "read_chart", &format!("B{}", n % PATIENTS), device).to_string()
            };
            let measured = load::http(node.http, "/access/v1/evaluation", ehr.token(), connections, LOAD, body)?;
            rows.push((format!("AuthZEN evaluation over HTTP, durable, {connections} connections"), measured));
        }
    }
    if "mllp".contains(filter) {
        let measured = load::mllp(node.mllp, SENDERS, LOAD)?;
        rows.push((format!("HL7 messages committed before ACK, {SENDERS} senders"), measured));
    }
    let mut tables = vec![loads(&rows)];
    if "restart".contains(filter) {
        tables.push(restarts(node, &binary, &charter)?);
    } else {
        node.stop()?;
    }
    Ok(tables)
}

fn loads(rows: &[(String, Measured)]) -> String {
    let mut text =
        "| from outside | per second | p50 ms | p99 ms | not as expected |\n|---|---:|---:|---:|---:|\n".to_owned();
    for (what, measured) in rows {
        let Measured { per_second, p50_ms, p99_ms, failed } = measured;
        let _infallible = writeln!(text, "| {what} | {per_second:.0} | {p50_ms:.2} | {p99_ms:.2} | {failed} |");
    }
    text
}

/// Starts a node again on the log it wrote: from its snapshot, then without one.
fn restarts(node: Node, binary: &Path, charter: &Path) -> Outcome<String> {
    let data = node.data.clone();
    let folder = data.join("snapshots");
    let there = || {
        let named = |file: &std::fs::DirEntry| file.path().extension().is_some_and(|end| end == "snapshot");
        Ok(std::fs::read_dir(&folder).is_ok_and(|files| files.flatten().any(|file| named(&file))))
    };
    until("a snapshot", Duration::from_secs(120), there)?;
    node.stop()?;
    let mut text =
        "| restart, on the log the loads above left | ready s | resident MiB |\n|---|---:|---:|\n".to_owned();
    for what in ["from the newest snapshot and the log after it", "from the whole log"] {
        let before = elapsed_since_start();
        let node = Node::start_under(&[], binary, &data, charter)?;
        let ready = (elapsed_since_start() - before).as_secs_f64();
        let status = std::fs::read_to_string(format!("/proc/{}/status", node.id()))?;
        let resident =
            status.lines().find_map(|line| line.strip_prefix("VmRSS:")?.split_whitespace().next()?.parse().ok());
        let resident: u64 = resident.ok_or("the system does not say how much memory is resident")?;
        let _infallible = writeln!(text, "| {what} | {ready:.2} | {} |", resident / 1024);
        node.stop()?;
        std::fs::remove_dir_all(&folder)?;
    }
    Ok(text)
}

/// Verifies an export of ten million entries with the verifier that stands alone, as an auditor would: about 4 GiB, removed afterwards.
fn verify_a_large_export() -> Outcome<String> {
    run_step("the verifier", cargo(), &["build", "--release", "--locked", "-p", "ledger", "--bins", "--examples"])?;
    let release = root().join("target").join("release");
    let dir = tempfile::tempdir_in(root().join("target"))?;
    let export = dir.path().join("export").display().to_string();
    let generator = release.join("examples").join("large_export").display().to_string();
    run_step("an export of 10 million entries", &generator, &[&export, &LARGE_EXPORT_ENTRIES.to_string()])?;
    let (verifier, key) = (release.join("handrail-verify").display().to_string(), format!("{export}/log.vkey"));
    let before = elapsed_since_start();
    run_step("verified", &verifier, &[&export, "--key", &key])?;
    let took = (elapsed_since_start() - before).as_secs_f64();
    let per_second = LARGE_EXPORT_ENTRIES as f64 / took;
    if per_second < VERIFIED_PER_SECOND_MIN {
        return Err(format!("fewer than {VERIFIED_PER_SECOND_MIN} entries a second").into());
    }
    Ok(format!(
        "| `handrail-verify` | seconds | entries a second |\n|---|---:|---:|\n| an export of {LARGE_EXPORT_ENTRIES} entries of 400 bytes | {took:.1} | {per_second:.0} |\n"
    ))
}

/// Admits the patients that are asked about.
fn admit(node: &Node) -> Outcome {
    let mut sender = Sender::connect(node.mllp)?;
    for number in 0..PATIENTS {
        let (control, patient, visit) = (format!("B{number}"), format!("B{number}"), format!("VB{number}"));
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
        sender.accepted(&adt.text()?)?;
    }
    Ok(())
}
