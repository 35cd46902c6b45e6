//! The repository's own commands: `cargo xtask test` runs everything that must hold before a change lands.

mod bench;
mod examples;
mod fhir;
mod fuzzing;
mod kill;
mod peer;
mod screen;
mod step;
mod story;
mod sync_trace;
mod test;
mod tidy;
mod tools;

use std::process::ExitCode;

const USAGE: &str = "\
cargo xtask <command>

  test            install what the tests need, then formatting, lints, tidy, unit, integration and browser tests, stories, kill test
  tidy            the house rules: crate edges, file sizes, first sentences, dead files, stale paths
  story [NAME]    acceptance told as stories against the real binary; without NAME all of them
  fhir            the FHIR view, read by an independent model
  examples        the programs of examples/integrate against the real binary
  bench [FILTER]  the figures of docs/benchmarks.md, as tables; with --write all of them, put into that page with their chart;
                  `bench bedside --debug` takes those of signing in of the debug binary, to try them
  fuzz [TARGET]   libFuzzer for a minute on each parser, or on one
  soak [ROUNDS]   the long runs: the fuzzers, the durability trace, then 200 rounds of the kill test";

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let done = match words.as_slice() {
        ["test"] => test::all(),
        ["tidy"] => tidy::run(),
        ["fhir"] => peer::build(&[]).and_then(|()| fhir::run()),
        ["examples"] => peer::build(&[]).and_then(|()| examples::all()),
        ["story"] => story::run(None),
        ["story", name] => story::run(Some(name)),
        ["bench"] => bench::run("", false),
        ["bench", "bedside", "--debug"] => bench::bedside_in_debug(),
        ["bench", "--write"] => bench::run("", true),
        ["bench", filter] => bench::run(filter, false),
        ["fuzz"] => fuzzing::run_for(fuzzing::SECONDS_A_TARGET, None),
        ["fuzz", target] => fuzzing::run_for(fuzzing::SECONDS_A_TARGET, Some(target)),
        ["soak"] => soak(kill::SOAK_ROUNDS),
        ["soak", rounds] => rounds.parse().map_err(Into::into).and_then(soak),
        _ => {
            step::say(USAGE);
            return ExitCode::from(1);
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            step::say(&format!("failed: {problem}"));
            ExitCode::FAILURE
        }
    }
}

/// The long runs.
fn soak(rounds: u32) -> step::Outcome {
    fuzzing::run_for(fuzzing::SECONDS_A_TARGET, None)?;
    peer::build(&[])?;
    sync_trace::run()?;
    kill::rounds(rounds)
}
