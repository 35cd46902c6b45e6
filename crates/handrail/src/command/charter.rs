//! `handrail charter`: what the hospital has decided, checked and tried out before it is put into force.

mod change;
mod compare;
mod tried;

use super::failure::Failure;
use super::output::{Output, counted, note};
use crate::cli::Charter as Command;
use charter::{Charter, Diagnostic, Severity};
use std::fmt;
use std::path::Path;

/// The widest a problem is drawn, in characters.
const REPORT_WIDTH: usize = 110;

/// Runs it.
pub(crate) async fn run(command: Command, out: Output) -> Result<(), Failure> {
    match command {
        Command::Propose { dir, reason, data } => change::send(&dir, "proposals", &reason, &data.data, out).await,
        Command::Apply { dir, reason, data } => change::send(&dir, "apply", &reason, &data.data, out).await,
        Command::Proposals { data } => change::list(&data.data, out).await,
        Command::Withdraw { proposal, reason, data } => change::withdraw(proposal, &reason, &data.data).await,
        Command::Diff { before, after, data } => compare::diff(&before, &after, &data.data, out).await,
        Command::Matrix { charter, data } => compare::matrix(&charter, &data.data, out).await,
        Command::Check { dir, deny_warnings } => check(&dir, deny_warnings, out),
        Command::Test { dir, only, no_mutants, mutants_of } => {
            let change = !no_mutants && only.is_none();
            tried::test(&dir, only.as_deref(), change.then_some(mutants_of.as_deref().unwrap_or_default()), out)
        }
    }
}

/// Shows everything that is wrong with a charter on standard error; the failure says how much there is.
pub(crate) fn refused(dir: &Path, found: &[Diagnostic]) -> Failure {
    told_of(&format!("the charter in `{}`", dir.display()), found)
}

/// Reads a charter's directory, showing what is wrong with it.
fn load(dir: &Path) -> Result<Charter, Failure> {
    Charter::load(dir).map_err(|found| refused(dir, &found))
}

fn told_of(charter: &str, found: &[Diagnostic]) -> Failure {
    show(found);
    let errors = found.iter().filter(|one| one.severity() == Severity::Error).count();
    Failure::local(format!(
        "{charter} does not load: {}; mend {} and try `handrail charter check` again",
        counted(errors, "error"),
        if errors == 1 { "it" } else { "them" }
    ))
}

fn check(dir: &Path, deny_warnings: bool, out: Output) -> Result<(), Failure> {
    match Charter::load(dir) {
        Ok(charter) => {
            let warnings = charter.remarks();
            show(&warnings);
            if deny_warnings && !warnings.is_empty() {
                if out.is_json() {
                    out.data(&warnings, String::new)?;
                }
                return Err(Failure::local(format!(
                    "the charter in `{}` loads, with {}, which `--deny-warnings` does not let pass",
                    dir.display(),
                    counted(warnings.len(), "warning")
                )));
            }
            out.data(&warnings, || {
                format!(
                    "{}: fine, {}\n{}, {}, {}\ndigest {}",
                    charter.hospital().name,
                    counted(warnings.len(), "warning"),
                    counted(charter.policies().len(), "policy"),
                    counted(charter.workflows().len(), "workflow"),
                    counted(charter.scenarios().len(), "scenario"),
                    charter.digest()
                )
            })
        }
        Err(found) => {
            if out.is_json() {
                out.data(&found, String::new)?;
            }
            Err(refused(dir, &found))
        }
    }
}

/// Draws problems on standard error, with the lines they are about. What is wrong in one place for many reasons alike (a mistake in a policy
/// for seven actions, say) is drawn once.
fn show(found: &[Diagnostic]) {
    let handler = miette::MietteHandlerOpts::new().width(REPORT_WIDTH).build();
    let alike =
        |a: &Diagnostic, b: &Diagnostic| a.position().is_some() && a.place() == b.place() && a.help() == b.help();
    for group in found.chunk_by(alike) {
        let Some(first) = group.first() else { continue };
        // What is about no line of a file would not say which file it is about.
        if first.position().is_none() {
            note(&format!("{}:", first.file()));
        }
        note(Drawn { handler: &handler, problem: first }.to_string().trim_end());
        if group.len() > 1 {
            note(&format!("  and {} in the same place (--json lists each)", counted(group.len() - 1, "more problem")));
        }
        note("");
    }
}

struct Drawn<'a> {
    handler: &'a miette::MietteHandler,
    problem: &'a Diagnostic,
}

impl fmt::Display for Drawn<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        miette::ReportHandler::debug(self.handler, self.problem, f)
    }
}
