//! `handrail charter propose`, `apply`, `proposals` and `withdraw`: a change of the charter on its way.

use super::load;
use crate::command::connection::Connection;
use crate::command::failure::Failure;
use crate::command::output::{Output, counted, note, table};
use serde_json::Value;
use std::path::Path;

fn text(of: &Value, name: &str) -> String {
    of.get(name).map_or_else(String::new, |value| value.as_str().map_or_else(|| value.to_string(), str::to_owned))
}

/// A text as one part of an address.
fn escaped(text: &str) -> String {
    text.bytes()
        .map(|byte| if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

/// Sends a charter to the node, to be proposed or, where one person may, applied.
pub(super) async fn send(dir: &Path, how: &str, reason: &str, data: &Path, out: Output) -> Result<(), Failure> {
    let charter = load(dir)?;
    let connection = Connection::open(data, None)?;
    let path = format!("/charter/{how}?reason={}", escaped(reason));
    let sent = connection.send(http::Method::POST, &path, charter.bundle_bytes().to_vec()).await;
    connection.close();
    let answer: Value = serde_json::from_slice(&sent?)?;
    let applied = answer.get("applied").is_some_and(Value::is_number);
    out.data(&answer, || {
        let wider = answer.get("wider").and_then(Value::as_u64).unwrap_or_default();
        let cells = format!("{} wider, {} narrower", counted(wider, "cell"), text(&answer, "narrower"));
        if applied {
            return format!("in force since entry {}: {cells}", text(&answer, "applied"));
        }
        format!("proposal {}: {cells}; {}", text(&answer, "proposal"), text(&answer, "standing"))
    })?;
    let warned = text(&answer, "warned");
    if !warned.is_empty() {
        note(warned.trim());
    }
    if !applied {
        let may: Vec<&str> =
            answer.get("may_sign").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
        note(&format!(
            "{} of these people sign it at {} before {}: {}",
            text(&answer, "signatures"),
            text(&answer, "sign_at"),
            text(&answer, "good_until"),
            may.join(", ")
        ));
        note("a link for one of them: handrail operator link NAME");
    }
    Ok(())
}

/// Every proposal, the newest first.
pub(super) async fn list(data: &Path, out: Output) -> Result<(), Failure> {
    let connection = Connection::open(data, None)?;
    let all = connection.get::<Vec<Value>>("/charter/proposals").await;
    connection.close();
    let all = all?;
    out.data(&all, || {
        if all.is_empty() {
            return "no charter was proposed".to_owned();
        }
        let rows =
            all.iter().map(|one| ["proposal", "standing", "wider", "narrower", "reason"].map(|name| text(one, name)));
        table(["proposal", "standing", "wider", "narrower", "reason"], rows)
    })
}

/// Takes a proposal back.
pub(super) async fn withdraw(number: u64, reason: &str, data: &Path) -> Result<(), Failure> {
    let connection = Connection::open(data, None)?;
    let path = format!("/charter/proposals/{number}/withdraw?reason={}", escaped(reason));
    let sent = connection.send(http::Method::POST, &path, Vec::new()).await;
    connection.close();
    sent?;
    note(&format!("proposal {number} is withdrawn"));
    Ok(())
}
