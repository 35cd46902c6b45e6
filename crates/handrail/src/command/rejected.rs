//! `handrail feed rejected`: messages that could not be used.

use super::connection::Connection;
use super::failure::Failure;
use super::output::{Output, counted, note, table};
use crate::cli::FeedRejected;
use axum::http::Method;
use serde_json::{Value, json};
use std::io::Write as _;

/// Runs it.
pub(crate) async fn run(rejected: FeedRejected, out: Output) -> Result<(), Failure> {
    match rejected {
        FeedRejected::List { data } => {
            let connection = Connection::open(&data.data, None)?;
            let listed: Vec<Value> = connection.get("/feeds/rejected").await?;
            connection.close();
            out.data(&listed, || listing(&listed))
        }
        FeedRejected::Show { id, data } => {
            let connection = Connection::open(&data.data, None)?;
            let message = connection.send(Method::GET, &format!("/feeds/rejected/{id}"), Vec::new()).await?;
            connection.close();
            out.raw(&lines(&message))
        }
        FeedRejected::Repair { id, with, unchanged, editor, data } => {
            let connection = Connection::open(&data.data, None)?;
            let message = match with {
                Some(file) => {
                    let shown = file.display();
                    let text = std::fs::read_to_string(&file);
                    Some(text.map_err(|error| Failure::local(format!("`{shown}` cannot be read: {error}")))?)
                }
                None if unchanged => None,
                None => {
                    let came = connection.send(Method::GET, &format!("/feeds/rejected/{id}"), Vec::new()).await?;
                    Some(edited(&came, editor)?)
                }
            };
            let answer: Value =
                connection.post(&format!("/feeds/rejected/{id}/replay"), &json!({ "message": message })).await?;
            connection.close();
            let recorded = answer.get("recorded").and_then(Value::as_array).map_or(0, Vec::len);
            note(&format!("it is used now: {} recorded", counted(recorded, "event")));
            out.data(&answer, String::new)
        }
        FeedRejected::Discard { id, reason, data } => {
            let connection = Connection::open(&data.data, None)?;
            let body = serde_json::to_vec(&json!({ "reason": reason }))?;
            connection.send(Method::POST, &format!("/feeds/rejected/{id}/discard"), body).await?;
            connection.close();
            note("given up; the reason stands in the ledger");
            Ok(())
        }
    }
}

fn listing(listed: &[Value]) -> String {
    if listed.is_empty() {
        return "no rejected message is kept".to_owned();
    }
    let word = |message: &Value, name: &str| match message.get(name) {
        Some(Value::String(text)) => text.clone(),
        Some(value) => value.to_string(),
        None => String::new(),
    };
    let row = |message: &Value| ["id", "at", "sender", "type", "reason"].map(|name| word(message, name));
    table(["id", "came at", "sender", "type", "why"], listed.iter().map(row))
}

/// A message with a line for each segment.
fn lines(message: &[u8]) -> Vec<u8> {
    let mut lines: Vec<u8> = message.iter().map(|byte| if *byte == b'\r' { b'\n' } else { *byte }).collect();
    lines.push(b'\n');
    lines
}

/// What somebody makes of a message in their editor. The file is theirs alone, and gone when this returns.
fn edited(message: &[u8], editor: Option<String>) -> Result<String, Failure> {
    let editor = editor.ok_or_else(|| {
        Failure::local("set EDITOR to put the message right in it, or give --with FILE or --unchanged")
    })?;
    let mut file = tempfile::Builder::new().prefix("handrail-").suffix(".hl7").tempfile()?;
    file.write_all(String::from_utf8_lossy(&lines(message)).as_bytes())?;
    let mut words = editor.split_whitespace();
    let program = words.next().ok_or_else(|| Failure::local("EDITOR is empty"))?;
    let ended = std::process::Command::new(program).args(words).arg(file.path()).status()?;
    if !ended.success() {
        return Err(Failure::local("the editor did not end well; nothing was sent through"));
    }
    Ok(std::fs::read_to_string(file.path())?)
}
