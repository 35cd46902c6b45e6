//! Fuzzing: libFuzzer looks for inputs that break a parser, for a while each; what it found before is replayed by `cargo test`.

use crate::step::{Outcome, cargo, root, say};
use std::path::PathBuf;
use std::process::Command;

/// Seconds for each target in `cargo xtask soak`.
pub(crate) const SECONDS_A_TARGET: u32 = 60;

/// The longest input tried, in bytes.
const INPUT_BYTES_MAX: u32 = 16 * 1024;

/// What makes rustc count which edges were taken, with nothing but the stable compiler: the flags that cargo-fuzz sets.
const COVERAGE: &str = "-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares -Cdebug-assertions=yes -Cpanic=abort";

/// Builds the fuzzer and runs each target for so many seconds; with a name only that one.
pub(crate) fn run_for(seconds: u32, only: Option<&str>) -> Outcome {
    let fuzzer = build()?;
    let corpus = root().join("fuzz/corpus");
    let mut targets: Vec<String> = std::fs::read_dir(&corpus)?
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| only.is_none_or(|only| only == name))
        .collect();
    targets.sort();
    if targets.is_empty() {
        return Err(format!("no such target in {}", corpus.display()).into());
    }
    for target in targets {
        look(&fuzzer, &target, seconds)?;
    }
    Ok(())
}

fn build() -> Outcome<PathBuf> {
    // Naming the triple keeps the flags away from build scripts.
    let triple = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    let folder = root().join("target/fuzz");
    let folder_text = folder.display().to_string();
    say("building the fuzzer, with its own instrumented copy of everything");
    let status = Command::new(cargo())
        .args(["build", "--release", "--locked", "--package", "fuzz", "--features", "libfuzzer", "--bin", "fuzz"])
        .args(["--target", &triple, "--target-dir", &folder_text])
        .env("RUSTFLAGS", COVERAGE)
        .current_dir(root())
        .status()?;
    if !status.success() {
        return Err("the fuzzer does not build".into());
    }
    Ok(folder.join(triple).join("release/fuzz"))
}

/// New inputs go to a folder of their own; the kept ones are read and not changed.
fn look(fuzzer: &std::path::Path, target: &str, seconds: u32) -> Outcome {
    let found = root().join("target/fuzz/found").join(target);
    std::fs::create_dir_all(&found)?;
    let kept = root().join("fuzz/corpus").join(target);
    let broken = format!("{}/broken-", found.display());
    let args = [
        found.display().to_string(),
        kept.display().to_string(),
        format!("-max_total_time={seconds}"),
        format!("-max_len={INPUT_BYTES_MAX}"),
        format!("-artifact_prefix={broken}"),
        "-timeout=10".to_owned(),
        "-rss_limit_mb=4096".to_owned(),
        "-print_final_stats=1".to_owned(),
        "-verbosity=0".to_owned(),
    ];
    say(&format!("fuzzing {target} for {seconds} s"));
    let status = Command::new(fuzzer).args(&args).env("FUZZ_TARGET", target).current_dir(root()).status()?;
    if status.success() {
        return Ok(());
    }
    Err(format!(
        "{target}: an input broke it; it is in {}: mend the parser and keep the input in fuzz/corpus/{target}",
        found.display()
    )
    .into())
}
