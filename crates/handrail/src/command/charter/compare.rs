//! `handrail charter diff` and `handrail charter matrix`: what a charter, or a change of it, lets people do.

use super::{load, told_of};
use crate::command::connection::Connection;
use crate::command::failure::Failure;
use crate::command::output::Output;
use charter::Charter;
use decision::matrix::{Matrix, Plan};
use decision::{Comparison, Engine};
use events::CharterDigest;
use serde::Deserialize;
use serde_json::json;
use std::path::Path;
use std::sync::Arc;

/// How the charter that a node judges by is named on the command line.
pub(super) const IN_FORCE: &str = "@in-force";

/// `handrail charter diff`.
pub(super) async fn diff(before: &str, after: &str, data: &Path, out: Output) -> Result<(), Failure> {
    let (before, after) = (find(before, data).await?, find(after, data).await?);
    let compared = Comparison::of(&Arc::new(before), &Arc::new(after))?;
    out.data(&compared, || compared.text())
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
