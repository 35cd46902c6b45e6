//! `handrail charter`: what the hospital has decided, checked and tried out before it is put into force.

mod compare;

use super::failure::Failure;
use super::output::{Output, counted, note};
use crate::cli::Charter as Command;
use crate::server::local::told;
use charter::{Charter, Diagnostic, Scenario, Severity};
use decision::Engine;
use decision::scenario::{self, Outcome};
use events::Timestamp;
use plane::{Clock as _, SystemClock};
use serde_json::{Value, json};
use std::fmt;
use std::path::Path;
use std::sync::Arc;

/// The widest a problem is drawn, in characters.
const REPORT_WIDTH: usize = 110;

/// Runs it.
pub(crate) async fn run(command: Command, out: Output) -> Result<(), Failure> {
    match command {
        Command::Diff { before, after, data } => compare::diff(&before, &after, &data.data, out).await,
        Command::Matrix { charter, data } => compare::matrix(&charter, &data.data, out).await,
        Command::Check { dir } => check(&dir, out),
        Command::Test { dir, only } => test(&dir, only.as_deref(), out),
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

fn check(dir: &Path, out: Output) -> Result<(), Failure> {
    match Charter::load(dir) {
        Ok(charter) => {
            show(charter.warnings());
            out.data(&charter.warnings(), || {
                format!(
                    "{}: fine, {}\n{}, {}, {}\ndigest {}",
                    charter.hospital().name,
                    counted(charter.warnings().len(), "warning"),
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
            note(&format!("  and {} in the same place (--json lists each)", counted(group.len() - 1, "more error")));
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

/// One scenario, run.
struct Ran<'a> {
    file: &'a str,
    title: &'a str,
    outcomes: Vec<Outcome>,
    /// Why it could not be run to its end.
    broken: Option<String>,
}

impl Ran<'_> {
    fn passed(&self) -> bool {
        self.broken.is_none() && self.outcomes.iter().all(Outcome::passed)
    }

    /// A line, and under it what came out otherwise than it must.
    fn text(&self) -> String {
        let mark = if self.passed() { "ok  " } else { "FAIL" };
        let mut text = format!("{mark}  {}: {} ({})", self.file, self.title, counted(self.outcomes.len(), "question"));
        for outcome in self.outcomes.iter().filter(|outcome| !outcome.passed()) {
            text.push_str(&format!("\n        {}", outcome.title));
            for difference in &outcome.differences {
                text.push_str(&format!("\n          {difference}"));
            }
        }
        if let Some(broken) = &self.broken {
            text.push_str(&format!("\n        cannot be run: {broken}"));
        }
        text
    }

    fn json(&self) -> Value {
        let questions = self.outcomes.iter().map(
            |outcome| json!({ "title": outcome.title, "passed": outcome.passed(), "differences": outcome.differences }),
        );
        json!({
            "file": self.file,
            "title": self.title,
            "passed": self.passed(),
            "questions": questions.collect::<Vec<_>>(),
            "cannot_be_run": self.broken,
        })
    }
}

fn test(dir: &Path, only: Option<&str>, out: Output) -> Result<(), Failure> {
    let charter = Charter::load(dir).map_err(|found| refused(dir, &found))?;
    let engine = Engine::new(Arc::new(charter))?;
    let charter = engine.charter();
    let wanted = |file: &str, scenario: &Scenario| {
        let lower = only.unwrap_or_default().to_lowercase();
        let names = std::iter::once(scenario.title.as_str()).chain(scenario.ask.iter().map(|ask| ask.title.as_str()));
        std::iter::once(file).chain(names).any(|name| name.to_lowercase().contains(&lower))
    };
    let now = SystemClock.now();
    let scenarios = charter.scenarios().iter().filter(|(file, scenario)| wanted(file, scenario));
    let ran: Vec<Ran<'_>> = scenarios.map(|(file, scenario)| run_one(&engine, file, scenario, now)).collect();
    if let (true, Some(only)) = (ran.is_empty(), only) {
        return Err(Failure::local(format!(
            "no scenario of `{}` has `{only}` in its file's name, its title or a question",
            dir.display()
        )));
    }
    let failed = ran.iter().filter(|one| !one.passed()).count();
    let questions: usize = ran.iter().map(|one| one.outcomes.len()).sum();
    let answer = json!({
        "policies": charter.policies().len(),
        "workflows": charter.workflows().len(),
        "scenarios": ran.iter().map(Ran::json).collect::<Vec<_>>(),
        "questions": questions,
        "failed": failed,
    });
    out.data(&answer, || ran.iter().map(Ran::text).collect::<Vec<_>>().join("\n"))?;
    let tried = format!(
        "{}, {}; {} with {}",
        counted(charter.policies().len(), "policy"),
        counted(charter.workflows().len(), "workflow"),
        counted(ran.len(), "scenario"),
        counted(questions, "question"),
    );
    if failed > 0 {
        return Err(Failure::unverified(format!("{tried}: {failed} did not come out as expected")));
    }
    note(&format!("{tried}: all as expected"));
    Ok(())
}

fn run_one<'a>(engine: &Engine, file: &'a str, scenario: &'a Scenario, now: Timestamp) -> Ran<'a> {
    let (outcomes, broken) = match scenario::run(engine, scenario, now) {
        Ok(outcomes) => (outcomes, None),
        Err(error) => (Vec::new(), Some(told(&error))),
    };
    Ran { file, title: &scenario.title, outcomes, broken }
}
