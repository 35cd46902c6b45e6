//! `handrail store move`: the same store in another place, byte for byte.

use super::failure::Failure;
use super::output::{Output, counted, note};
use crate::cli::Stored;
use crate::server::local::told;
use plane::{Clock as _, SystemClock};
use serde_json::json;
use store::{Address, MoveError, OpenError};

/// What stands for the file in the data directory.
const FILE: &str = "file";

/// Runs it.
pub(crate) async fn run(args: Stored, out: Output) -> Result<(), Failure> {
    let Stored::Move { to, data } = args;
    let address = if to == FILE { None } else { Some(Address::parse(&to)?) };
    let place = address.as_ref().map_or_else(|| data.data.display().to_string(), |address| address.place().to_owned());
    let directory = data.data.clone();
    let moved = tokio::task::spawn_blocking(move || store::move_store(&directory, address.as_ref(), SystemClock.now()));
    let moved = moved.await?.map_err(|error| match error {
        MoveError::Open(OpenError::Locked(_)) => Failure::local(format!("{}; stop the node first", told(&error))),
        error => Failure::local(told(&error)),
    })?;
    if let Some(left) = &moved.left {
        note(&format!("what was there stays as {}; remove it when the new place has a backup", left.display()));
    }
    let value = json!({
        "to": place,
        "entries": moved.entries,
        "root": moved.root.to_string(),
        "rows": moved.rows,
        "digest": moved.digest,
    });
    out.data(&value, || {
        format!(
            "moved to {place}: {} with root {}, {} altogether with digest {}",
            counted(moved.entries, "entry"),
            moved.root,
            counted(moved.rows, "row"),
            moved.digest
        )
    })
}
