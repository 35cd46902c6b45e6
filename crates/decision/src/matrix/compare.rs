//! Which cells of two matrices differ, and which way.

use super::{Cell, Line, Matrix};
use serde::Serialize;
use smol_str::SmolStr;
use std::collections::{BTreeMap, BTreeSet};

/// Which way a cell changed. Wider sorts first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// More access than before: permitted where it was denied, or a way in that was not offered.
    Wider,
    /// Less.
    Narrower,
}

/// One changed cell.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct CellChange {
    /// Which way.
    pub direction: Direction,
    /// Whether the permit itself changed, and not only what is offered on a deny.
    pub permit: bool,
    /// Whose line.
    #[serde(flatten)]
    pub line: Line,
    /// The circumstance's key.
    pub circumstance: SmolStr,
    /// The answer before.
    pub before: Cell,
    /// The answer after.
    pub after: Cell,
}

impl PartialOrd for Cell {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Cell {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.permit, &self.remedies).cmp(&(other.permit, &other.remedies))
    }
}

/// Every changed cell, the widened first. Both matrices must be of one plan.
#[must_use]
pub fn compare(before: &Matrix, after: &Matrix) -> Vec<CellChange> {
    let none = BTreeMap::new();
    let lines: BTreeSet<&Line> = before.lines.keys().chain(after.lines.keys()).collect();
    let mut changes = Vec::new();
    for line in lines {
        let (old, new) = (before.lines.get(line).unwrap_or(&none), after.lines.get(line).unwrap_or(&none));
        let keys: BTreeSet<&SmolStr> = old.keys().chain(new.keys()).collect();
        for key in keys {
            // A line that no policy covers is denied throughout.
            let (before, after) =
                (old.get(key).cloned().unwrap_or_default(), new.get(key).cloned().unwrap_or_default());
            if let Some(direction) = direction(&before, &after) {
                let permit = before.permit != after.permit;
                let (line, circumstance) = (line.clone(), key.clone());
                changes.push(CellChange { direction, permit, line, circumstance, before, after });
            }
        }
    }
    // What is permitted weighs more than what is offered.
    changes.sort_by_key(|change| (change.direction, !change.permit));
    changes
}

/// Which way; `None` when nothing changed. A way in that was added is wider, whatever else was taken away.
fn direction(before: &Cell, after: &Cell) -> Option<Direction> {
    match (before.permit, after.permit) {
        (false, true) => Some(Direction::Wider),
        (true, false) => Some(Direction::Narrower),
        (true, true) => None,
        (false, false) if before.remedies == after.remedies => None,
        (false, false) if after.remedies.is_subset(&before.remedies) => Some(Direction::Narrower),
        (false, false) => Some(Direction::Wider),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use charter::workflow::RemedyKind::{BreakGlass, StepUp};

    fn deny(remedies: &[charter::workflow::RemedyKind]) -> Cell {
        Cell { permit: false, remedies: remedies.iter().copied().collect() }
    }

    #[test]
    fn a_new_permit_and_a_new_way_in_are_wider_and_their_loss_is_narrower() {
        let permit = Cell { permit: true, ..Cell::default() };
        assert_eq!(direction(&deny(&[]), &permit), Some(Direction::Wider));
        assert_eq!(direction(&permit, &deny(&[BreakGlass])), Some(Direction::Narrower));
        assert_eq!(direction(&deny(&[]), &deny(&[BreakGlass])), Some(Direction::Wider));
        assert_eq!(direction(&deny(&[BreakGlass, StepUp]), &deny(&[StepUp])), Some(Direction::Narrower));
        assert_eq!(direction(&deny(&[BreakGlass]), &deny(&[StepUp])), Some(Direction::Wider));
        assert_eq!(direction(&permit, &permit), None);
        assert_eq!(direction(&deny(&[StepUp]), &deny(&[StepUp])), None);
    }
}
