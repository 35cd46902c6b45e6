//! Everything that must hold before a change lands, in the order in which failures are cheapest to find.

use crate::step::{Outcome, cargo, elapsed_since_start, run, say};
use crate::{examples, fhir, kill, story, sync_trace, tidy, tools};

/// Rounds of the kill test in every test run; `cargo xtask soak` does many more.
const KILL_ROUNDS: u32 = 6;

/// Runs it all.
pub(crate) fn all() -> Outcome {
    let _ = elapsed_since_start();
    tools::debian()?;
    run("formatting", cargo(), &["fmt", "--all", "--check"])?;
    tidy::run()?;
    let deny = tools::cargo_deny()?;
    run("licences", &deny.display().to_string(), &["check", "licenses", "bans", "sources"])?;
    run("lints", cargo(), &["clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"])?;
    tools::oidc_provider()?;
    tools::axe()?;
    run("unit, integration and browser tests", cargo(), &["test", "--workspace", "--locked", "--no-fail-fast"])?;
    charter()?;
    story::run(None)?;
    fhir::run()?;
    examples::all()?;
    sync_trace::run()?;
    kill::rounds(KILL_ROUNDS)?;
    say(&format!("\neverything holds, after {:.0} s", elapsed_since_start().as_secs_f64()));
    Ok(())
}

fn charter() -> Outcome {
    let binary = crate::peer::binary();
    let binary = binary.display().to_string();
    run("starter charter", &binary, &["charter", "check", "charter", "--deny-warnings"])?;
    run("starter charter", &binary, &["charter", "test", "charter"])
}
