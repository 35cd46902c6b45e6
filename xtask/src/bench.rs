//! The figures of `docs/benchmarks.md`: benchmarks in process, then the release binary under load from outside on the same cores.

use crate::load::{self, Measured};
use crate::peer::{Node, Sender};
use crate::step::{Outcome, cargo, elapsed_since_start, root, run as run_step, say};
use crate::story::hospital::{Adt, Feeds, request};
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

/// Runs them; with a filter only those whose name contains it (`decide`, `search`, `store`, `ledger`, `http`, `mllp`).
pub(crate) fn run(filter: &str) -> Outcome {
    for (name, package) in [("decide", "decision"), ("search", "decision"), ("store", "store"), ("ledger", "ledger")] {
        if name.contains(filter) {
            run_step(name, cargo(), &["bench", "--locked", "-p", package, "--bench", name])?;
        }
    }
    if "ledger".contains(filter) {
        verify_a_large_export()?;
    }
    if !"http".contains(filter) && !"mllp".contains(filter) {
        return Ok(());
    }
    run_step("the release binary", cargo(), &["build", "--release", "--locked", "-p", "handrail"])?;
    let dir = tempfile::tempdir()?;
    let binary = root().join("target").join("release").join("handrail");
    let node = Node::start_under(&[], &binary, &dir.path().join("data"), &root().join("charter"))?;
    Feeds::of(&node)?.nurse("n-amara", "Amara Osei", "ED")?;
    admit(&node)?;
    let mut rows: Vec<(String, Measured)> = Vec::new();
    if "http".contains(filter) {
        let ehr = node.caller("ehr")?;
        for connections in [1, 16, 64] {
            let body = |n: usize| {
                request(
                    "n-amara",
                    "read_chart",
                    &format!("B{}", n % PATIENTS),
                    if n.is_multiple_of(5) { "WARD-3A" } else { "ED" },
                )
                .to_string()
            };
            let measured = load::http(node.http, "/access/v1/evaluation", ehr.token(), connections, LOAD, body)?;
            rows.push((format!("AuthZEN evaluation over HTTP, durable, {connections} connections"), measured));
        }
    }
    if "mllp".contains(filter) {
        rows.push((
            format!("HL7 messages committed before ACK, {SENDERS} senders"),
            load::mllp(node.mllp, SENDERS, LOAD)?,
        ));
    }
    node.stop()?;
    say("\n| what | per second | p50 ms | p99 ms | not as expected |\n|---|---:|---:|---:|---:|");
    for (what, measured) in rows {
        say(&format!(
            "| {what} | {:.0} | {:.2} | {:.2} | {} |",
            measured.per_second, measured.p50_ms, measured.p99_ms, measured.failed
        ));
    }
    Ok(())
}

/// Verifies an export of ten million entries with the verifier that stands alone, as an auditor would: about 4 GiB, removed afterwards.
fn verify_a_large_export() -> Outcome {
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
    say(&format!("\nverified {LARGE_EXPORT_ENTRIES} entries of 400 bytes in {took:.1} s: {per_second:.0} a second"));
    if per_second < VERIFIED_PER_SECOND_MIN {
        return Err(format!("fewer than {VERIFIED_PER_SECOND_MIN} entries a second").into());
    }
    Ok(())
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
