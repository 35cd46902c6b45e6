//! Two charters compared, whole: what changed in people's words, and which cells of the authority matrix. What signers of a change are shown.

use crate::difference::{self, Sentence};
use crate::engine::{Engine, EngineError};
use crate::matrix::{self, CellChange, Direction, Matrix, Plan};
use charter::Charter;
use events::{ActionName, CharterDigest, IdError, TypeName};
use serde::Serialize;
use std::fmt::Write as _;
use std::sync::Arc;

/// Why two charters cannot be compared. Those that were loaded can.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ComparisonError {
    /// One of them cannot be made ready.
    #[error("a charter cannot be made ready")]
    Engine(#[from] EngineError),
    /// A name of the matrix is none.
    #[error("a name of the matrix cannot be an id")]
    Id(#[from] IdError),
}

/// Everything that differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Comparison {
    /// The charter before.
    pub before: CharterDigest,
    /// The charter after.
    pub after: CharterDigest,
    /// What changed, in people's words.
    pub sentences: Vec<Sentence>,
    /// How many cells of the matrix are wider.
    pub wider: u64,
    /// How many are narrower.
    pub narrower: u64,
    /// The changed cells, the widened first.
    pub changes: Vec<Change>,
    /// What `charter check` warns of in the charter after, first what it did not in the one before.
    pub warnings: Vec<Warning>,
}

/// A warning of `charter check`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Warning {
    /// Whether the charter before has nothing like it.
    pub new: bool,
    /// Its code, such as `role_only`.
    pub code: &'static str,
    /// Where it is, as file, line and column.
    pub place: String,
    /// What it says.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
}

impl Warning {
    /// Those of a charter, first what another one has nothing like.
    fn all(before: &Charter, after: &Charter) -> Vec<Self> {
        let mut known = before.remarks();
        let mut all: Vec<Self> = after
            .remarks()
            .iter()
            .map(|found| {
                let place = known.iter().position(|old| old.says_the_same(found));
                if let Some(place) = place {
                    known.swap_remove(place);
                }
                Self {
                    new: place.is_none(),
                    code: found.code().as_str(),
                    place: found.place(),
                    message: found.message().to_owned(),
                    help: found.help().map(str::to_owned),
                }
            })
            .collect();
        all.sort_by_key(|warning| !warning.new);
        all
    }
}

/// Cells of one line that change in the same way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Change {
    /// Which way.
    pub direction: Direction,
    /// Who, in people's words.
    pub who: String,
    /// What they want to do, in people's words: the end of "may …".
    pub deed: String,
    /// The action's name.
    pub action: ActionName,
    /// The type of what they want to do it to.
    pub resource: TypeName,
    /// The answer before.
    pub before: String,
    /// The answer after.
    pub after: String,
    /// When: the circumstances.
    pub when: Vec<When>,
}

/// One circumstance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct When {
    /// Its key.
    pub key: String,
    /// What it is.
    pub says: String,
}

impl Comparison {
    /// Works both matrices out over one plan.
    ///
    /// # Errors
    /// Only for a defect of this crate.
    pub fn of(before: &Arc<Charter>, after: &Arc<Charter>) -> Result<Self, ComparisonError> {
        let sentences = difference::sentences(before, after);
        let cells = if before.digest() == after.digest() { Vec::new() } else { cells(before, after)? };
        let count = |direction| cells.iter().filter(|cell| cell.direction == direction).count() as u64;
        let plan = Plan::of(&[before, after])?;
        let changes = matrix::grouped(&cells).into_iter().map(|group| {
            let gone = group.line.who.role.as_ref().is_some_and(|role| !after.entities().roles.contains_key(role));
            let title = after.entities().actions.get(&group.line.action);
            Change {
                direction: group.direction,
                who: matrix::who(if gone { before } else { after }, &group.line.who),
                deed: title.map_or_else(|| group.line.action.to_string(), |action| action.title.clone()),
                action: group.line.action.clone(),
                resource: group.line.resource.clone(),
                when: group.circumstances.iter().map(|key| When::of(&plan, key)).collect(),
                before: group.before,
                after: group.after,
            }
        });
        Ok(Self {
            before: before.digest(),
            after: after.digest(),
            wider: count(Direction::Wider),
            narrower: count(Direction::Narrower),
            changes: changes.collect(),
            warnings: Warning::all(before, after),
            sentences,
        })
    }

    /// How many warnings are new.
    #[must_use]
    pub fn new_warnings(&self) -> usize {
        self.warnings.iter().filter(|warning| warning.new).count()
    }

    /// The warnings, as a terminal shows them; nothing where there are none.
    #[must_use]
    pub fn warned(&self) -> String {
        if self.warnings.is_empty() {
            return String::new();
        }
        let new = self.new_warnings();
        let mut text = format!("\nWarnings of `charter check`: {new} new, {} as before\n", self.warnings.len() - new);
        for Warning { new, code, place, message, help } in &self.warnings {
            let _ = writeln!(text, "  {} {place} ({code}): {message}", if *new { "NEW   " } else { "before" });
            if let Some(help) = help {
                let _ = writeln!(text, "         {help}");
            }
        }
        text
    }

    /// As a terminal shows it: sentences first, then what `charter check` warns of, then the cells, the widened before the
    /// narrowed.
    #[must_use]
    pub fn text(&self) -> String {
        if self.before == self.after {
            return "The two are the same charter.\n".to_owned();
        }
        let mut text = String::new();
        let mut last = None;
        for sentence in &self.sentences {
            if last != Some(sentence.about) {
                let _ = writeln!(text, "{}{}", if last.is_some() { "\n" } else { "" }, sentence.about);
                last = Some(sentence.about);
            }
            let _ = writeln!(text, "  {}", sentence.text);
        }
        if self.sentences.is_empty() {
            text.push_str("They decide and say the same: only comments or the order of files differ.\n");
        }
        text.push_str(&self.warned());
        let cells = |count: u64| if count == 1 { "1 cell".to_owned() } else { format!("{count} cells") };
        let _ = writeln!(text, "\nAuthority: {} wider, {} narrower", cells(self.wider), cells(self.narrower));
        for change in &self.changes {
            let mark = if change.direction == Direction::Wider { "+ WIDER   " } else { "- narrower" };
            let _ = writeln!(
                text,
                "\n{mark} {}: {} ({} on {})\n             {} → {}, when",
                change.who, change.deed, change.action, change.resource, change.before, change.after
            );
            for when in &change.when {
                let _ = writeln!(text, "               {}: {}", when.key, when.says);
            }
        }
        text
    }
}

impl When {
    fn of(plan: &Plan, key: &str) -> Self {
        let says = plan.circumstance(key).map_or_else(String::new, |circumstance| circumstance.says.clone());
        Self { key: key.to_owned(), says }
    }
}

fn cells(before: &Arc<Charter>, after: &Arc<Charter>) -> Result<Vec<CellChange>, ComparisonError> {
    let plan = Plan::of(&[before, after])?;
    let engine = |charter: &Arc<Charter>| Engine::new(Arc::clone(charter));
    let (before, after) = Matrix::differing(&engine(before)?, &engine(after)?, &plan)?;
    Ok(matrix::compare(&before, &after))
}
