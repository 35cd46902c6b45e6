//! The figures of `docs/benchmarks.md`: benchmarks in process, then the binary as it is built for hospitals under load from outside on the same cores.

mod bedside;
mod cerbos;
mod figures;
mod load;
mod nodes;
mod outside;
mod restart;

use crate::step::{Outcome, cargo, elapsed_since_start, root, run as run_step, say};
use figures::Goal;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// Entries in the export that is verified.
const LARGE_EXPORT_ENTRIES: u64 = 10_000_000;

/// Runs them; with a filter only those whose name contains it (`decide`, `search`, `store`, `ledger`, `http`, `mllp`, `bedside`,
/// `nodes`, `restart`). When `write`
/// is set, all figures go into `docs/benchmarks.md`.
pub(crate) fn run(filter: &str, write: bool) -> Outcome {
    let build = [
        "build",
        "--profile",
        "dist",
        "--locked",
        "--workspace",
        "--bins",
        "--example",
        "region",
        "--example",
        "large_export",
    ];
    run_step("what is measured", cargo(), &build)?;
    let (mut medians, mut tables, mut goals) = (Vec::new(), Vec::new(), Vec::new());
    for name in ["decide", "search", "store", "ledger"] {
        if name.contains(filter) {
            let printed = in_process(name)?;
            let pages: Vec<&str> = printed.lines().filter(|line| line.contains(" p99 ")).collect();
            if !pages.is_empty() {
                tables.push(format!("```text\n{}\n```\n", pages.join("\n")));
            }
            medians.extend(figures::medians(&printed));
        }
    }
    tables.insert(0, figures::table(&medians));
    goals.extend(figures::decision_goals(&medians));
    let mut missing = Vec::new();
    let mut take = |what: &str, taken: Outcome<Vec<String>>| {
        taken.unwrap_or_else(|problem| {
            missing.push(format!("{what}: {problem}"));
            vec![format!("Not taken this time, because it failed: {what}.\n")]
        })
    };
    if "ledger".contains(filter) {
        let taken = verify_a_large_export(&mut goals).map(|table| vec![table]);
        tables.extend(take("verification of a large export", taken));
    }
    let (binary, charter) = (built().join("handrail"), root().join("charter"));
    if ["http", "mllp"].iter().any(|name| name.contains(filter)) {
        let taken = outside::run(filter, &binary, &charter, &mut goals);
        tables.extend(take("load from outside", taken));
    }
    if "bedside".contains(filter) {
        let taken = bedside::run(&binary, &mut goals);
        tables.extend(take("signing in and pages at the bedside", taken));
    }
    if "nodes".contains(filter) {
        tables.extend(take("several nodes over PostgreSQL", nodes::run(&binary, &charter)));
    }
    if "restart".contains(filter) {
        let taken = restart::run(&binary, &charter, &mut goals).map(|table| vec![table]);
        tables.extend(take("restart at size", taken));
    }
    tables.insert(0, figures::goals(&goals));
    tables.iter().for_each(|table| say(&format!("\n{table}")));
    if write {
        figures::write(&tables, &medians)?;
    }
    // What was measured is kept whatever else failed.
    if missing.is_empty() { Ok(()) } else { Err(missing.join("; ").into()) }
}

/// The figures of signing in, of whatever the debug binary is: to see that they can be taken.
pub(crate) fn bedside_in_debug() -> Outcome {
    crate::peer::build(&[])?;
    let mut goals = Vec::new();
    let tables = bedside::run(&crate::peer::binary(), &mut goals)?;
    tables.iter().for_each(|table| say(&format!("\n{table}")));
    say(&figures::goals(&goals));
    Ok(())
}

/// Where what is measured from outside was built, as it is for hospitals.
fn built() -> PathBuf {
    root().join("target").join("dist")
}

/// One benchmark: what it printed.
fn in_process(name: &str) -> Outcome<String> {
    say(&format!("\n== {name}: cargo bench --workspace --bench {name}"));
    let output = Command::new(cargo())
        .args(["bench", "--locked", "--workspace", "--bench", name])
        .current_dir(root())
        .stderr(Stdio::inherit())
        .output()?;
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    say(&printed);
    if output.status.success() { Ok(printed) } else { Err(format!("{name}: {}", output.status).into()) }
}

/// Verifies an export of ten million entries with the verifier that stands alone, as an auditor would: about 4 GiB, removed afterwards.
fn verify_a_large_export(goals: &mut Vec<Goal>) -> Outcome<String> {
    let release = built();
    let dir = tempfile::tempdir_in(root().join("target"))?;
    let export = dir.path().join("export").display().to_string();
    let generator = release.join("examples").join("large_export").display().to_string();
    run_step("an export of 10 million entries", &generator, &[&export, &LARGE_EXPORT_ENTRIES.to_string()])?;
    let (verifier, key) = (release.join("handrail-verify").display().to_string(), format!("{export}/log.vkey"));
    let before = elapsed_since_start();
    run_step("verified", &verifier, &[&export, "--key", &key])?;
    let took = (elapsed_since_start() - before).as_secs_f64();
    let per_second = LARGE_EXPORT_ENTRIES as f64 / took;
    goals.push(Goal::at_least("ledger verification", 1_000_000.0, per_second, "entries a second"));
    Ok(format!(
        "| `handrail-verify` | seconds | entries a second |\n|---|---:|---:|\n| an export of {LARGE_EXPORT_ENTRIES} entries of 400 bytes | {took:.1} | {per_second:.0} |\n"
    ))
}
