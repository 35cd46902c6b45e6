//! `handrail doctor`: numbered checks of a data directory and the node on it, each with its fix. It changes nothing it can leave alone.

mod node;
mod place;

use super::connection::Connection;
use super::failure::Failure;
use super::output::Output;
use crate::cli::Doctor;
use crate::config::Config;
use crate::server::local::told;
use serde::Serialize;
use std::path::{Path, PathBuf};

/// What a check came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum State {
    /// As it should be.
    Ok,
    /// It works; somebody should look.
    Look,
    /// It does not work, or is not safe.
    Fail,
    /// There was nothing to check, or an earlier failure kept it from being checked.
    Skipped,
}

impl State {
    const fn mark(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Look => "look",
            Self::Fail => "FAIL",
            Self::Skipped => "-",
        }
    }
}

/// One check.
#[derive(Debug, Serialize)]
struct Check {
    number: usize,
    name: &'static str,
    state: State,
    found: String,
    fix: Option<String>,
}

/// What was found and, where something is wrong, what to do.
#[derive(Debug)]
struct Finding {
    state: State,
    found: String,
    fix: Option<String>,
}

impl Finding {
    fn ok(found: impl Into<String>) -> Self {
        Self { state: State::Ok, found: found.into(), fix: None }
    }

    fn skipped(found: impl Into<String>) -> Self {
        Self { state: State::Skipped, found: found.into(), fix: None }
    }

    fn look(found: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { state: State::Look, found: found.into(), fix: Some(fix.into()) }
    }

    fn fail(found: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { state: State::Fail, found: found.into(), fix: Some(fix.into()) }
    }
}

/// The checks made so far. Every check is always listed, so that a number means the same everywhere.
#[derive(Debug, Default)]
struct Checks(Vec<Check>);

impl Checks {
    fn add(&mut self, name: &'static str, finding: Finding) -> State {
        let Finding { state, found, fix } = finding;
        self.0.push(Check { number: self.0.len() + 1, name, state, found, fix });
        state
    }

    fn text(&self) -> String {
        let width = self.0.iter().map(|check| check.name.len()).max().unwrap_or(0);
        let mut lines = Vec::new();
        for Check { number, name, state, found, fix } in &self.0 {
            lines.push(format!("{number:>2}. {:<4}  {name:<width$}  {found}", state.mark()));
            lines.extend(fix.iter().map(|fix| format!("{:12}{:width$}fix: {fix}", "", "")));
        }
        lines.join("\n")
    }

    fn failed(&self) -> impl Iterator<Item = &Check> {
        self.0.iter().filter(|check| check.state == State::Fail)
    }
}

/// The check whose failure means that evidence was altered.
const LEDGER: &str = "ledger verifies";

/// Runs it.
pub(crate) async fn run(args: Doctor, out: Output) -> Result<(), Failure> {
    if args.ready {
        return node::ready(&args.data.data).await;
    }
    let mut checks = Checks::default();
    let (finding, data, spool) = configuration(args.config.as_deref(), args.data.data);
    checks.add("configuration", finding);
    let waiting = examine(&data, &mut checks).await;
    checks.add("spool", place::spool(&data, spool.as_deref(), waiting.as_ref()));
    out.data(&checks.0, || checks.text())?;
    let failed = checks.failed().count();
    if checks.failed().any(|check| check.name == LEDGER) {
        return Err(Failure::unverified(format!(
            "{failed} of {} checks failed, the ledger's among them",
            checks.0.len()
        )));
    }
    if failed > 0 {
        return Err(Failure::local(format!("{failed} of {} checks failed", checks.0.len())));
    }
    Ok(())
}

/// The configuration file, and the data directory and the spool it names.
fn configuration(file: Option<&Path>, data: PathBuf) -> (Finding, PathBuf, Option<PathBuf>) {
    let usual = data.join("spool");
    let Some(file) = file else { return (Finding::skipped("no --config given"), data, Some(usual)) };
    match Config::load(file) {
        Ok(config) => {
            let missing = config.charter.as_ref().filter(|charter| !charter.is_dir());
            let federation = config.federation.iter().find_map(|settings| settings.verify().err());
            let finding = match (missing, federation) {
                (None, None) => Finding::ok(format!("{} is understood", file.display())),
                (Some(charter), _) => Finding::fail(
                    format!("its `charter` is not a directory: {}", charter.display()),
                    "name the charter's directory, relative to the file, or leave the key out once the store has a charter",
                ),
                (None, Some(error)) => Finding::fail(
                    told(&error),
                    "mend what it names; docs/configuration.md says what each key of `[[federation]]` means",
                ),
            };
            let spool = config.spool().map(|at| at.path);
            (finding, config.data, spool)
        }
        Err(error) => {
            let fix = "mend the file; docs/configuration.md says what each key means";
            (Finding::fail(told(&error), fix), data, Some(usual))
        }
    }
}

async fn examine(data: &Path, checks: &mut Checks) -> Option<node::Spooled> {
    let there = checks.add("data directory", place::directory(data)) != State::Fail || data.is_dir();
    let store = there && store::has_store(data);
    let of_store = |finding: fn(&Path) -> Finding| {
        if store { finding(data) } else { Finding::skipped("there is no store yet") }
    };
    let keys = checks.add("keys", of_store(place::keys));
    checks.add("disk space", place::space(data));
    let (lock, node) =
        if store { place::process(data) } else { (Finding::skipped("there is no store yet"), place::Node::None) };
    let free = checks.add("one process", lock) != State::Fail;
    // Opening a store with keys that are exposed fails anyway, and says less.
    let connection = match (store, free, keys) {
        (false, ..) => Err(Unopened::NotTried("there is no store yet")),
        (true, false, _) => Err(Unopened::NotTried("another process has the store")),
        (true, true, State::Fail) if node == place::Node::None => Err(Unopened::NotTried("the keys cannot be used")),
        _ => Connection::open(data, None).map_err(Unopened::Failed),
    };
    match connection {
        Ok(connection) => {
            let waiting = node::examine(&connection, node, checks).await;
            connection.close();
            return waiting;
        }
        Err(Unopened::Failed(failure)) => {
            let (found, fix) =
                failure.message.split_once("; ").unwrap_or((&failure.message, "look at what the message says"));
            checks.add("store opens", Finding::fail(found, fix));
            node::skip(checks, "the store does not open", failure.code == Failure::UNVERIFIED);
        }
        Err(Unopened::NotTried(why)) => {
            checks.add("store opens", Finding::skipped(why));
            node::skip(checks, why, false);
        }
    }
    None
}

/// Why there is no connection to the store.
enum Unopened {
    /// It would not have helped to try.
    NotTried(&'static str),
    /// It was tried.
    Failed(Failure),
}
