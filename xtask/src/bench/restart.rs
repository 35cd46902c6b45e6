//! How long a node takes to be ready on a region's log, and how much memory it then has.

use super::figures::Goal;
use crate::peer::{Node, pause};
use crate::step::{Outcome, elapsed_since_start, root, run as run_step};
use std::fmt::Write as _;
use std::path::Path;

/// How long after it is ready memory is looked at again: every live permit was decided again by then.
const LATER_MS: u64 = 15_000;

/// Fills a data directory with a region of a million patients and a hundred thousand live permits, then starts a node on it: from its newest
/// snapshot and the log after it, and from the log alone.
pub(super) fn run(binary: &Path, charter: &Path, goals: &mut Vec<Goal>) -> Outcome<String> {
    let dir = tempfile::tempdir_in(root().join("target"))?;
    let data = dir.path().join("data");
    let loader = super::built().join("examples").join("region").display().to_string();
    run_step("a region", &loader, &[&data.display().to_string(), &charter.display().to_string()])?;
    let mut text =
        "| restart with 1,000,000 patients, 100,000 staff, 100,000 live permits | ready s | resident MiB when ready | 15 s later |\n|---|---:|---:|---:|\n"
            .to_owned();
    for (number, what) in
        ["from the newest snapshot and the log after it", "from the whole log"].into_iter().enumerate()
    {
        let before = elapsed_since_start();
        let node = match Node::start_under(&[], binary, &data, charter) {
            Ok(node) => node,
            // A log of millions of entries may take longer than anybody waits for a node in a test.
            Err(error) if number > 0 => {
                let _infallible = writeln!(text, "| {what} | not ready in time: {error} | | |");
                break;
            }
            Err(error) => return Err(error),
        };
        let ready = (elapsed_since_start() - before).as_secs_f64();
        let resident = resident_mib(&node)?;
        pause(LATER_MS);
        let later = resident_mib(&node)?;
        if number == 0 {
            goals.push(Goal::at_most("restart with 1,000,000 patients, 100,000 live permits: ready", 5.0, ready, "s"));
            goals.push(Goal::at_most("the same: resident memory", 2_048.0, resident.max(later) as f64, "MiB"));
        }
        let _infallible = writeln!(text, "| {what} | {ready:.2} | {resident} | {later} |");
        node.stop()?;
        std::fs::remove_dir_all(data.join("snapshots"))?;
    }
    Ok(text)
}

fn resident_mib(node: &Node) -> Outcome<u64> {
    let status = std::fs::read_to_string(format!("/proc/{}/status", node.id()))?;
    let kib = status.lines().find_map(|line| line.strip_prefix("VmRSS:")?.split_whitespace().next()?.parse().ok());
    let kib: u64 = kib.ok_or("the system does not say how much memory is resident")?;
    Ok(kib / 1024)
}
