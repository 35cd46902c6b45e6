//! The authority matrix: role × action × resource × circumstance → permit, or deny and what would help. Worked out by the real engine over
//! a bounded list of circumstances that depends on nothing but the charters, so that a change of authority shows as changed cells.
//!
//! What it cannot show: circumstances that are not in its list, people with several roles at once, and permits that rest on the name of one
//! person or patient. A scenario is the place for those.

pub mod circumstance;
mod compare;
mod plan;
mod reach;
mod setting;
mod stage;
mod text;

pub use circumstance::{About, Circumstance};
pub use compare::{CellChange, Direction, compare};
pub use plan::Plan;
pub use text::{Grouped, grouped, who};

use crate::engine::Engine;
use crate::judgement::Judgement;
use crate::remedy;
use charter::workflow::RemedyKind;
use events::decision::Effect;
use events::{ActionName, IdError, RoleName, TypeName};
use reach::Reach;
use serde::{Serialize, Serializer};
use smol_str::SmolStr;
use stage::Stage;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// Who asks: somebody or something of one role, or of none.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Who {
    /// The role; absent for somebody registered without one.
    pub role: Option<RoleName>,
    /// The schema's type of them.
    #[serde(rename = "type")]
    pub kind: TypeName,
}

/// One line of the matrix: who wants to do what to what.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Line {
    /// Who asks.
    #[serde(flatten)]
    pub who: Who,
    /// What they want to do.
    pub action: ActionName,
    /// The type of what they want to do it to.
    pub resource: TypeName,
}

/// The answer in one set of circumstances.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Cell {
    /// Whether it is permitted.
    pub permit: bool,
    /// On a deny: the sorts of remedy that would help, the help desk left out, for it is always there.
    pub remedies: BTreeSet<RemedyKind>,
}

impl Cell {
    /// What a decision comes to.
    #[must_use]
    pub fn of(judgement: &Judgement) -> Self {
        let remedies = judgement.remedies.iter().map(remedy::kind).filter(|kind| *kind != RemedyKind::HelpDesk);
        Self { permit: judgement.effect == Effect::Permit, remedies: remedies.collect() }
    }
}

impl fmt::Display for Cell {
    /// `permit`, `deny`, or `deny, but step_up or break_glass`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.permit {
            return f.write_str("permit");
        }
        f.write_str("deny")?;
        for (index, kind) in self.remedies.iter().enumerate() {
            write!(f, "{}{}", if index == 0 { ", but " } else { " or " }, kind.as_str())?;
        }
        Ok(())
    }
}

impl Serialize for Cell {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// The matrix of one charter, over a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Matrix {
    /// Every line for which some policy could permit, with its cells by the key of their circumstance. Lines that are not here are denied
    /// throughout, because no policy covers them.
    pub lines: BTreeMap<Line, BTreeMap<SmolStr, Cell>>,
}

impl Matrix {
    /// Works it out.
    ///
    /// # Errors
    /// Only for a defect of this crate: a name of its own that is none.
    pub fn of(engine: &Engine, plan: &Plan) -> Result<Self, IdError> {
        let mut matrix = Self { lines: BTreeMap::new() };
        each(&[engine], plan, |_| true, |_, line, circumstance, judged| matrix.insert(line, circumstance, judged))?;
        Ok(matrix)
    }

    /// Those of two charters, without the lines that no difference between them can reach: they are the same in both. The plan must be of
    /// both charters.
    ///
    /// # Errors
    /// As [`Self::of`].
    pub fn differing(before: &Engine, after: &Engine, plan: &Plan) -> Result<(Self, Self), IdError> {
        let reach = Reach::of(before, after);
        let mut two = [Self { lines: BTreeMap::new() }, Self { lines: BTreeMap::new() }];
        each(
            &[before, after],
            plan,
            |line| reach.covers(before, after, line),
            |which, line, circumstance, judged| {
                if let Some(matrix) = two.get_mut(which) {
                    matrix.insert(line, circumstance, judged);
                }
            },
        )?;
        let [before, after] = two;
        Ok((before, after))
    }

    fn insert(&mut self, line: &Line, circumstance: &Circumstance, judged: &Judgement) {
        let cells = match self.lines.get_mut(line) {
            Some(cells) => cells,
            None => self.lines.entry(line.clone()).or_default(),
        };
        cells.insert(circumstance.key.clone(), Cell::of(judged));
    }

    /// How many cells there are.
    #[must_use]
    pub fn cells(&self) -> usize {
        self.lines.values().map(BTreeMap::len).sum()
    }
}

/// Asks some charters everything that a plan has about the lines that are wanted. A line that no permit of a charter covers is not asked of it.
/// Told are the charter's place among them, the line, the circumstance and what comes of it.
///
/// # Errors
/// Only for a defect of this crate: a name of its own that is none.
pub fn each(
    engines: &[&Engine],
    plan: &Plan,
    wanted: impl Fn(&Line) -> bool,
    mut tell: impl FnMut(usize, &Line, &Circumstance, &Judgement),
) -> Result<(), IdError> {
    for who in plan.askers() {
        let roles: Vec<RoleName> = who.role.iter().cloned().collect();
        let mut lines: Vec<(Line, Vec<(usize, &Engine)>)> = Vec::new();
        for line in plan.lines(&who).filter(|line| wanted(line)) {
            let question = stage::bare_question(&line)?;
            let covering = engines.iter().copied().enumerate().filter(|(_, one)| !one.lacks_role(&question, &roles));
            lines.push((line, covering.collect()));
        }
        lines.retain(|(_, engines)| !engines.is_empty());
        for circumstance in plan.circumstances().iter().filter(|_| !lines.is_empty()) {
            // What is so does not depend on the charter, so it is told once for all of them.
            let stage = Stage::new(plan, &who, circumstance)?;
            for (line, engines) in lines.iter().filter(|(line, _)| plan.fits(circumstance, line)) {
                for (which, engine) in engines {
                    tell(*which, line, circumstance, &stage.ask(engine, plan, line)?);
                }
            }
        }
    }
    Ok(())
}

/// One cell by itself.
///
/// # Errors
/// As [`each`].
pub fn cell(engine: &Engine, plan: &Plan, line: &Line, circumstance: &Circumstance) -> Result<Cell, IdError> {
    let stage = Stage::new(plan, &line.who, circumstance)?;
    Ok(Cell::of(&stage.ask(engine, plan, line)?))
}
