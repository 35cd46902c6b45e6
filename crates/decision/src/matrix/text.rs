//! The matrix and its changes as text: one line for each answer, with the circumstances it is given in, so that a changed cell is a changed
//! line in review.

use super::{Cell, CellChange, Direction, Line, Matrix, Plan, Who};
use charter::Charter;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// The widest a line of keys is drawn, in characters.
const WIDTH: usize = 120;

impl Matrix {
    /// The whole matrix, with what each circumstance means at its end.
    #[must_use]
    pub fn text(&self, charter: &Charter, plan: &Plan) -> String {
        let mut text = format!(
            "Authority matrix of {}\n{} lines, {} cells. What is not listed is denied, with nothing to offer but the help desk.\n",
            charter.hospital().name,
            self.lines.len(),
            self.cells()
        );
        let mut last: Option<&Who> = None;
        for (line, cells) in &self.lines {
            if last != Some(&line.who) {
                let _ = write!(text, "\n## {}\n", who(charter, &line.who));
                last = Some(&line.who);
            }
            let _ = write!(text, "\n{} on {}\n", line.action, line.resource);
            let mut by_answer: BTreeMap<(bool, String), Vec<&str>> = BTreeMap::new();
            for circumstance in plan.circumstances() {
                if let Some(cell) = cells.get(&circumstance.key).filter(|cell| **cell != Cell::default()) {
                    by_answer.entry((!cell.permit, cell.to_string())).or_default().push(&circumstance.key);
                }
            }
            for ((_, answer), keys) in by_answer {
                text.push_str(&wrapped(&format!("  {answer}: "), &keys));
            }
        }
        text.push_str("\n## Circumstances\n\n");
        for circumstance in plan.circumstances() {
            let _ = writeln!(text, "{}: {}", circumstance.key, circumstance.says);
        }
        text
    }
}

/// Who, in people's words.
#[must_use]
pub fn who(charter: &Charter, who: &Who) -> String {
    let Some(role) = &who.role else { return format!("{} without a role", who.kind) };
    let title = charter.entities().roles.get(role).map_or(role.as_str(), |known| known.title.as_str());
    format!("{title} ({role}, {})", who.kind)
}

/// Keys after a beginning, broken so that no line is too wide.
fn wrapped(begin: &str, keys: &[&str]) -> String {
    let mut text = String::new();
    let mut line = begin.to_owned();
    for (index, key) in keys.iter().enumerate() {
        let comma = if index + 1 == keys.len() { "" } else { "," };
        if line.len() + key.len() + 1 > WIDTH {
            text.push_str(line.trim_end());
            text.push('\n');
            line = "      ".to_owned();
        }
        let _ = write!(line, "{key}{comma} ");
    }
    text.push_str(line.trim_end());
    text.push('\n');
    text
}

/// Changes that read as one sentence: the same line, the same answers before and after, in several circumstances.
#[derive(Clone, Debug)]
pub struct Grouped<'a> {
    /// Which way.
    pub direction: Direction,
    /// Whose line.
    pub line: &'a Line,
    /// The answer before, as text.
    pub before: String,
    /// The answer after, as text.
    pub after: String,
    /// The circumstances' keys.
    pub circumstances: Vec<&'a str>,
}

/// Puts changes together that differ in nothing but their circumstance; the order stays.
#[must_use]
pub fn grouped(changes: &[CellChange]) -> Vec<Grouped<'_>> {
    let mut groups: Vec<Grouped<'_>> = Vec::new();
    let mut places: BTreeMap<(Direction, &Line, String, String), usize> = BTreeMap::new();
    for change in changes {
        let (before, after) = (change.before.to_string(), change.after.to_string());
        let key = (change.direction, &change.line, before.clone(), after.clone());
        let place = *places.entry(key).or_insert_with(|| {
            let (direction, line) = (change.direction, &change.line);
            groups.push(Grouped { direction, line, before, after, circumstances: Vec::new() });
            groups.len() - 1
        });
        if let Some(group) = groups.get_mut(place) {
            group.circumstances.push(&change.circumstance);
        }
    }
    groups
}
