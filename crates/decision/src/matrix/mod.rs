//! The authority matrix: role × action × resource × circumstance → permit, or deny and what would help. Worked out by the real engine over
//! a bounded list of circumstances that depends on nothing but the charters, so that a change of authority shows as changed cells.
//!
//! What it cannot show: circumstances that are not in its list, people with several roles at once, and permits that rest on the name of one
//! person or patient. A scenario is the place for those.

pub mod circumstance;
mod compare;
mod plan;
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
    fn of(judgement: &Judgement) -> Self {
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
        let mut lines = BTreeMap::new();
        for who in plan.askers() {
            let roles: Vec<RoleName> = who.role.iter().cloned().collect();
            let mut wanted: Vec<Line> = Vec::new();
            for line in plan.lines(&who) {
                if !engine.lacks_role(&stage::bare_question(&line)?, &roles) {
                    wanted.push(line);
                }
            }
            for circumstance in plan.circumstances().iter().filter(|_| !wanted.is_empty()) {
                let stage = Stage::new(plan, &who, circumstance)?;
                for line in wanted.iter().filter(|line| plan.fits(circumstance, line)) {
                    let cell = Cell::of(&stage.ask(engine, plan, line)?);
                    let cells: &mut BTreeMap<SmolStr, Cell> = lines.entry(line.clone()).or_default();
                    cells.insert(circumstance.key.clone(), cell);
                }
            }
        }
        Ok(Self { lines })
    }

    /// How many cells there are.
    #[must_use]
    pub fn cells(&self) -> usize {
        self.lines.values().map(BTreeMap::len).sum()
    }
}
