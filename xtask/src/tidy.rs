//! The house rules as a failing test: who may use whom, how long a file may be, that every module says what it is for, that no file is
//! dead and no path in the documentation stale.

use crate::step::{Outcome, root, say};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The longest source file, in lines.
const FILE_LINES_MAX: usize = 600;

/// What must not stand in any file that is committed: this kind of path is some machine's, and words of unfinished work.
const FORBIDDEN: [&str; 6] = ["/ro\u{6f}t/", "/wo\u{72}k/", "#[ign\u{6f}re", "TO\u{44}O", "FIX\u{4d}E", "todo\u{21}("];

/// Reads the tree and lists everything that is out of order.
pub(crate) fn run() -> Outcome {
    let root = root();
    let files = tracked(&root)?;
    let mut findings = Vec::new();
    edges(&root, &mut findings)?;
    for file in &files {
        let Ok(text) = std::fs::read_to_string(root.join(file)) else { continue };
        forbidden(file, &text, &mut findings);
        match file.extension().and_then(|e| e.to_str()) {
            Some("rs") => source(&root, file, &text, &mut findings),
            Some("md") => paths(&root, file, &text, &mut findings),
            _ => {}
        }
    }
    say(&format!("== tidy: {} files", files.len()));
    if findings.is_empty() {
        return Ok(());
    }
    for finding in &findings {
        say(&format!("tidy: {finding}"));
    }
    Err(format!("tidy has {} findings", findings.len()).into())
}

/// Every file git knows or would add.
fn tracked(root: &Path) -> Outcome<Vec<PathBuf>> {
    let output = Command::new("git").args(["ls-files", "-co", "--exclude-standard"]).current_dir(root).output()?;
    let listed = String::from_utf8(output.stdout)?;
    Ok(listed.lines().map(PathBuf::from).filter(|file| root.join(file).is_file()).collect())
}

fn forbidden(file: &Path, text: &str, findings: &mut Vec<String>) {
    if file.starts_with("Cargo.lock") {
        return;
    }
    for (number, line) in text.lines().enumerate() {
        for word in FORBIDDEN.iter().filter(|word| line.contains(**word)) {
            findings.push(format!("{}:{}: `{word}` does not belong in a commit", file.display(), number + 1));
        }
    }
}

/// Rules of one Rust file.
fn source(root: &Path, file: &Path, text: &str, findings: &mut Vec<String>) {
    let lines = text.lines().count();
    if lines > FILE_LINES_MAX {
        findings
            .push(format!("{}: {lines} lines, at most {FILE_LINES_MAX}: find the second idea in it", file.display()));
    }
    let generated = text.starts_with("// @generated");
    if !generated && !text.lines().find(|line| !line.is_empty()).is_some_and(|line| line.starts_with("//! ")) {
        findings.push(format!("{}: its first line does not say what it is for (`//! …`)", file.display()));
    }
    if !declared(root, file) {
        findings.push(format!("{}: no module declares it: dead file", file.display()));
    }
}

/// Whether some parent declares the module, or cargo takes the file as a target by its place.
fn declared(root: &Path, file: &Path) -> bool {
    let name = file.file_stem().and_then(|s| s.to_str()).unwrap_or_default();
    let folder = file.parent().unwrap_or(Path::new(""));
    let folder_name = folder.file_name().and_then(|s| s.to_str()).unwrap_or_default();
    if matches!(name, "lib" | "main" | "build")
        || matches!(folder_name, "tests" | "benches" | "examples" | "bin" | "fuzz_targets")
    {
        return true;
    }
    let (module, parents) = if name == "mod" {
        let above = folder.parent().unwrap_or(Path::new(""));
        (folder_name, vec![above.to_path_buf()])
    } else {
        (name, vec![folder.to_path_buf()])
    };
    let mut candidates = Vec::new();
    for parent in parents {
        if let Ok(entries) = std::fs::read_dir(root.join(&parent)) {
            candidates.extend(
                entries.flatten().map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|e| e == "rs")),
            );
        }
        if let (Some(above), Some(stem)) = (parent.parent(), parent.file_name()) {
            candidates.push(root.join(above).join(stem).with_extension("rs"));
        }
    }
    let declaration = format!("mod {module};");
    candidates.iter().any(|path| std::fs::read_to_string(path).is_ok_and(|text| text.contains(&declaration)))
}

/// Back-quoted paths in documentation that do not exist.
fn paths(root: &Path, file: &Path, text: &str, findings: &mut Vec<String>) {
    let first_folders = ["crates/", "xtask/", "docs/", "charter/", "examples/", ".ci/"];
    for (number, line) in text.lines().enumerate() {
        for word in line.split('`').skip(1).step_by(2) {
            let path = word.split(['#', ' ', ':']).next().unwrap_or_default();
            let concrete = !path.contains(['*', '<', '{', '…', '$']);
            let ours = first_folders.iter().any(|folder| path.starts_with(folder))
                && path.len() > path.find('/').unwrap_or(0) + 1;
            let from_here = file.parent().is_some_and(|folder| root.join(folder).join(path).exists());
            if ours && concrete && !root.join(path).exists() && !from_here {
                findings.push(format!("{}:{}: `{path}` does not exist", file.display(), number + 1));
            }
        }
    }
}

/// The crate table of ARCHITECTURE.md is the whole list of what a crate may use.
fn edges(root: &Path, findings: &mut Vec<String>) -> Outcome {
    let allowed = table(&std::fs::read_to_string(root.join("ARCHITECTURE.md"))?);
    let crates: BTreeSet<String> = std::fs::read_dir(root.join("crates"))?
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    for name in &crates {
        let manifest: toml::Table =
            std::fs::read_to_string(root.join("crates").join(name).join("Cargo.toml"))?.parse()?;
        let uses = manifest
            .get("dependencies")
            .and_then(toml::Value::as_table)
            .map(|table| table.keys().cloned().collect::<Vec<_>>());
        let Some(may_use) = allowed.get(name) else {
            findings.push(format!("ARCHITECTURE.md: the crate `{name}` is not in the table of the house"));
            continue;
        };
        for used in uses.unwrap_or_default().iter().filter(|used| crates.contains(*used)) {
            if !may_use.contains(used) {
                findings.push(format!(
                    "crates/{name}/Cargo.toml: `{name}` may not use `{used}` (table in ARCHITECTURE.md)"
                ));
            }
        }
    }
    for name in allowed.keys().filter(|name| !crates.contains(*name)) {
        findings.push(format!("ARCHITECTURE.md: the table names `{name}`, which does not exist"));
    }
    Ok(())
}

/// Rows `| `name` | question | `a` `b` |`; `all` stands for every crate.
fn table(architecture: &str) -> BTreeMap<String, BTreeSet<String>> {
    let quoted = |cell: &str| cell.split('`').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>();
    let rows: Vec<(String, BTreeSet<String>)> = architecture
        .lines()
        .filter(|line| line.starts_with("| `"))
        .filter_map(|line| {
            let mut cells = line.trim_matches('|').split(" | ");
            let name = quoted(cells.next()?).into_iter().next()?;
            let uses = cells.nth(1)?;
            Some((name, quoted(uses).into_iter().collect()))
        })
        .collect();
    let names: BTreeSet<String> = rows.iter().map(|(name, _)| name.clone()).collect();
    rows.into_iter()
        .map(|(name, uses)| if uses.contains("all") { (name, names.clone()) } else { (name, uses) })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_read_as_written() {
        let rows = table(
            "| crate | q | may use |\n|---|---|---|\n| `a` | what? | – |\n| `b` | which `x`? | `a` |\n| `c` | who? | `all` |\n",
        );
        assert_eq!(rows["a"], BTreeSet::new());
        assert_eq!(rows["b"], BTreeSet::from(["a".to_owned()]));
        assert_eq!(rows["c"].len(), 3);
    }

    #[test]
    fn a_long_file_a_silent_file_and_a_stale_path_are_found() {
        let mut findings = Vec::new();
        source(&root(), Path::new("xtask/src/absent.rs"), &"fn f() {}\n".repeat(601), &mut findings);
        assert_eq!(findings.len(), 3, "{findings:?}");
        findings.clear();
        paths(
            &root(),
            Path::new("README.md"),
            "see `crates/nowhere/src/lib.rs` and `xtask/src/tidy.rs`",
            &mut findings,
        );
        assert_eq!(findings.len(), 1, "{findings:?}");
    }
}
