//! `handrail charter test`: a charter's scenarios, and whether they notice a changed policy.

use super::refused;
use crate::command::failure::Failure;
use crate::command::output::{Output, counted, note};
use crate::server::local::told;
use charter::{Charter, Scenario};
use decision::Engine;
use decision::mutation::{self, Survivor, Trial};
use decision::scenario::{self, Outcome};
use events::Timestamp;
use plane::{Clock as _, SystemClock};
use serde_json::{Value, json};
use std::path::Path;
use std::sync::Arc;

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

/// Runs the scenarios; then, if all is well, changes the policies whose id or file contains `mutants`.
pub(super) fn test(dir: &Path, only: Option<&str>, mutants: Option<&str>, out: Output) -> Result<(), Failure> {
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
    let trial = match mutants.filter(|_| failed == 0) {
        Some(of) => {
            Some(mutation::run(&engine, now, |policy| policy.id.as_str().contains(of) || policy.file.contains(of))?)
        }
        None => None,
    };
    let answer = json!({
        "policies": charter.policies().len(),
        "workflows": charter.workflows().len(),
        "scenarios": ran.iter().map(Ran::json).collect::<Vec<_>>(),
        "questions": questions,
        "failed": failed,
        "mutants": trial,
    });
    let survivors = || trial.iter().flat_map(|trial| &trial.survivors).map(survivor);
    out.data(&answer, || ran.iter().map(Ran::text).chain(survivors()).collect::<Vec<_>>().join("\n"))?;
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
    trial.map_or(Ok(()), |trial| judged(&trial))
}

/// What nobody noticed, as a line and a place.
fn survivor(found: &Survivor) -> String {
    let Survivor { policy, file, line, kind, change } = found;
    format!("SURVIVED  {file}:{line}: {policy}: {}: {change}", kind.as_str())
}

/// The count of changes, which fails where a change was not noticed.
fn judged(trial: &Trial) -> Result<(), Failure> {
    let counted_apart = format!(
        "besides, {} that no charter could have and {} that provably change no answer",
        counted(trial.refused, "change"),
        trial.same + trial.forbidden
    );
    let tried = format!("{} of {}", counted(trial.changes, "change"), counted(trial.policies, "policy"));
    match trial.survivors.len() {
        0 => note(&format!("{tried}: a scenario notices each ({counted_apart})")),
        survivors => {
            return Err(Failure::unverified(format!(
                "{tried}: no scenario notices {survivors} of them ({counted_apart}); write one for each, or take out what nothing needs"
            )));
        }
    }
    Ok(())
}

fn run_one<'a>(engine: &Engine, file: &'a str, scenario: &'a Scenario, now: Timestamp) -> Ran<'a> {
    let (outcomes, broken) = match scenario::run(engine, scenario, now) {
        Ok(outcomes) => (outcomes, None),
        Err(error) => (Vec::new(), Some(told(&error))),
    };
    Ran { file, title: &scenario.title, outcomes, broken }
}
