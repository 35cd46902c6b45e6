//! Running one command as one step, said on one line, failing loudly.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// What a step that failed has to say.
pub(crate) type Outcome<T = ()> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// Says a line to whoever watches.
#[expect(clippy::print_stdout, reason = "a command-line tool")]
pub(crate) fn say(line: &str) {
    println!("{line}");
}

/// The repository's root.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().map_or_else(PathBuf::new, Path::to_path_buf)
}

/// Monotonic time since an arbitrary start.
#[expect(clippy::disallowed_methods, reason = "how long steps take is said, never judged")]
pub(crate) fn elapsed_since_start() -> Duration {
    static START: std::sync::OnceLock<std::time::Instant> = std::sync::OnceLock::new();
    START.get_or_init(std::time::Instant::now).elapsed()
}

/// Runs a program to its end, its output passing through.
pub(crate) fn run(what: &str, program: &str, args: &[&str]) -> Outcome {
    say(&format!("\n== {what}: {program} {}", args.join(" ")));
    let before = elapsed_since_start();
    let status =
        Command::new(program).args(args).current_dir(root()).status().map_err(|e| format!("{program}: {e}"))?;
    say(&format!("== {what}: {:.0} s", (elapsed_since_start() - before).as_secs_f64()));
    if status.success() { Ok(()) } else { Err(format!("{what}: {program} ended with {status}").into()) }
}

/// The cargo that runs us.
pub(crate) fn cargo() -> &'static str {
    option_env!("CARGO").unwrap_or("cargo")
}
