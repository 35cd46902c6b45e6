//! `handrail charter diff` and `handrail charter matrix`: what a charter, or a change of it, lets people do.

use super::{load, told_of};
use crate::command::connection::Connection;
use crate::command::failure::Failure;
use crate::command::output::{Output, counted};
use charter::Charter;
use decision::Engine;
use decision::difference::{self, Sentence};
use decision::matrix::{self, CellChange, Direction, Matrix, Plan};
use events::CharterDigest;
use serde::Deserialize;
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;

/// How the charter that a node judges by is named on the command line.
pub(super) const IN_FORCE: &str = "@in-force";

/// Everything that differs between two charters.
pub(super) struct Compared {
    before: Arc<Charter>,
    after: Arc<Charter>,
    plan: Plan,
    sentences: Vec<Sentence>,
    cells: Vec<CellChange>,
}

impl Compared {
    /// Works both matrices out over one plan.
    pub(super) fn of(before: Charter, after: Charter) -> Result<Self, Failure> {
        let (before, after) = (Arc::new(before), Arc::new(after));
        let plan = Plan::of(&[&before, &after])?;
        let matrix = |charter: &Arc<Charter>| -> Result<Matrix, Failure> {
            Ok(Matrix::of(&Engine::new(Arc::clone(charter))?, &plan)?)
        };
        let cells = matrix::compare(&matrix(&before)?, &matrix(&after)?);
        let sentences = difference::sentences(&before, &after);
        Ok(Self { before, after, plan, sentences, cells })
    }

    fn count(&self, direction: Direction) -> usize {
        self.cells.iter().filter(|cell| cell.direction == direction).count()
    }

    fn json(&self) -> Value {
        json!({
            "before": self.before.digest(),
            "after": self.after.digest(),
            "sentences": self.sentences,
            "wider": self.count(Direction::Wider),
            "narrower": self.count(Direction::Narrower),
            "cells": self.cells,
        })
    }

    /// Sentences first, then the cells: the widened before the narrowed.
    fn text(&self) -> String {
        if self.before.digest() == self.after.digest() {
            return "The two are the same charter.".to_owned();
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
        text.push_str(&self.authority());
        text
    }

    fn authority(&self) -> String {
        if self.cells.is_empty() {
            return "\nAuthority: no cell of the matrix changes.\n".to_owned();
        }
        let mut text = format!(
            "\nAuthority: {} wider, {} narrower\n",
            counted(self.count(Direction::Wider), "cell"),
            counted(self.count(Direction::Narrower), "cell")
        );
        for group in matrix::grouped(&self.cells) {
            let mark = if group.direction == Direction::Wider { "+ WIDER   " } else { "- narrower" };
            let role = group.line.who.role.as_ref();
            let gone = role.is_some_and(|role| !self.after.entities().roles.contains_key(role));
            let known = if gone { &self.before } else { &self.after };
            let title = self.after.entities().actions.get(&group.line.action);
            let deed = title.map_or_else(|| group.line.action.to_string(), |action| action.title.clone());
            let _ = writeln!(
                text,
                "\n{mark} {}: {deed} ({} on {})\n             {} → {}, when",
                matrix::who(known, &group.line.who),
                group.line.action,
                group.line.resource,
                group.before,
                group.after
            );
            for key in &group.circumstances {
                let says = self.plan.circumstance(key).map_or("", |circumstance| circumstance.says.as_str());
                let _ = writeln!(text, "               {key}: {says}");
            }
        }
        text
    }
}

/// `handrail charter diff`.
pub(super) async fn diff(before: &str, after: &str, data: &Path, out: Output) -> Result<(), Failure> {
    let (before, after) = (find(before, data).await?, find(after, data).await?);
    let compared = Compared::of(before, after)?;
    out.data(&compared.json(), || compared.text())
}

/// `handrail charter matrix`.
pub(super) async fn matrix(of: &str, data: &Path, out: Output) -> Result<(), Failure> {
    let charter = Arc::new(find(of, data).await?);
    let plan = Plan::of(&[&charter])?;
    let matrix = Matrix::of(&Engine::new(Arc::clone(&charter))?, &plan)?;
    let cells = matrix.lines.iter().flat_map(|(line, cells)| {
        cells.iter().map(move |(key, cell)| {
            json!({ "role": line.who.role, "type": line.who.kind, "action": line.action, "resource": line.resource,
                "circumstance": key, "answer": cell })
        })
    });
    let circumstances = plan.circumstances().iter().map(|one| json!({ "key": one.key, "says": one.says }));
    let value = || {
        json!({ "charter": charter.digest(), "circumstances": circumstances.collect::<Vec<_>>(),
            "cells": cells.collect::<Vec<_>>() })
    };
    if out.is_json() { out.data(&value(), String::new) } else { out.data(&(), || matrix.text(&charter, &plan)) }
}

/// What the local socket says of the charter in force.
#[derive(Deserialize)]
struct Status {
    charter: CharterDigest,
}

/// A charter by directory, by digest, or the one in force; the last two out of a node's store.
pub(super) async fn find(named: &str, data: &Path) -> Result<Charter, Failure> {
    let digest = named.parse::<CharterDigest>().ok();
    if named != IN_FORCE && digest.is_none() {
        return load(Path::new(named));
    }
    let connection = Connection::open(data, None)?;
    let found = kept(&connection, digest).await;
    connection.close();
    found
}

/// A charter of a node's store: by digest, or the one in force.
pub(super) async fn kept(connection: &Connection, digest: Option<CharterDigest>) -> Result<Charter, Failure> {
    let digest = match digest {
        Some(digest) => digest,
        None => connection.get::<Status>("/status").await?.charter,
    };
    let bytes = connection.send(http::Method::GET, &format!("/charters/{digest}"), Vec::new()).await?;
    Charter::from_bundle(&bytes).map_err(|found| told_of(&format!("the stored charter `{digest}`"), &found))
}
