//! A charter from outside: what loads, what does not, and what is said of it.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

/// Compares with the snapshot of the test's name, which holds the text alone.
macro_rules! shows {
    ($text:expr) => {
        insta::with_settings!({ omit_expression => true }, { insta::assert_snapshot!($text) })
    };
}
pub(crate) use shows;

mod broken;
mod hostile;
mod lints;
mod providers;
mod signing_in;
mod sites;
mod whole;

use charter::{Charter, Diagnostic};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Where the smallest charter is.
fn minimal() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/minimal")
}

/// Its files.
fn minimal_files() -> BTreeMap<String, String> {
    let mut paths: Vec<String> = ["policies/care.cedar", "scenarios/ed.toml"].map(str::to_owned).into();
    for entry in std::fs::read_dir(minimal()).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_file() {
            paths.push(entry.file_name().into_string().unwrap());
        }
    }
    paths.into_iter().map(|path| (path.clone(), std::fs::read_to_string(minimal().join(path)).unwrap())).collect()
}

/// All that was said, in plain text.
fn said(diagnostics: &[Diagnostic]) -> String {
    diagnostics.iter().map(Diagnostic::plain).collect::<Vec<_>>().join("\n")
}

/// What is said of these files.
fn load(files: &BTreeMap<String, String>) -> Result<Charter, String> {
    Charter::from_files(files).map_err(|all| said(&all))
}
