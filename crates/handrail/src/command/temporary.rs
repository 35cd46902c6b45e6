//! `handrail patient temporary`, `merge` and `unmerge`: patients nobody can name yet, and who they turn out to be.

use super::connection::Connection;
use super::failure::Failure;
use super::output::{Output, note};
use super::patient::{asked, described, line};
use crate::cli::Data;
use axum::http::Method;
use serde_json::{Value, json};

/// Gives an unknown patient a number.
pub(crate) async fn give(unit: String, data: Data, out: Output) -> Result<(), Failure> {
    let connection = Connection::open(&data.data, None)?;
    let answer: Value = connection.post("/patients/temporary", &json!({ "unit": unit })).await?;
    connection.close();
    out.data(&answer, || answer.get("record").and_then(Value::as_str).unwrap_or_default().to_owned())
}

/// Makes a temporary record part of the patient's own.
pub(crate) async fn merge(retired: &str, into: &str, yes: bool, data: Data) -> Result<(), Failure> {
    let connection = Connection::open(&data.data, None)?;
    let (goes, stays) = (who(&connection, retired).await?, who(&connection, into).await?);
    note(&format!("`{retired}`, which goes:\n{goes}\n`{into}`, which stays:\n{stays}"));
    if !yes {
        note(
            "They will be one patient: whoever treats either sees the records of both. `handrail patient unmerge` takes it back.",
        );
        note("Type the number that stays once more to go on:");
        if line()? != into.trim() {
            connection.close();
            return Err(Failure::local("that is not the same number; nothing was merged"));
        }
    }
    send(&connection, "/patients/merge", retired, into).await?;
    connection.close();
    note("the two records are one patient from now on");
    Ok(())
}

/// Takes a merge back.
pub(crate) async fn unmerge(retired: &str, from: &str, yes: bool, data: Data) -> Result<(), Failure> {
    let connection = Connection::open(&data.data, None)?;
    let both = who(&connection, retired).await?;
    note(&format!("`{retired}`, with all that goes with it:\n{both}"));
    if !yes {
        note(&format!(
            "`{retired}` and `{from}` will be two patients again, each with what came under its own number."
        ));
        note("Type the number that had gone once more to go on:");
        if line()? != retired.trim() {
            connection.close();
            return Err(Failure::local("that is not the same number; nothing was taken back"));
        }
    }
    send(&connection, "/patients/unmerge", retired, from).await?;
    connection.close();
    note("the two records are two patients again");
    Ok(())
}

/// Whom a number stands for, in words.
async fn who(connection: &Connection, number: &str) -> Result<String, Failure> {
    let found: Result<Value, Failure> = connection.post("/patients/find", &asked(number, String::new(), None)?).await;
    let found = found.map_err(|failure| Failure { message: format!("`{number}`: {}", failure.message), ..failure })?;
    Ok(described(&found))
}

async fn send(connection: &Connection, path: &str, retired: &str, record: &str) -> Result<(), Failure> {
    let body = serde_json::to_vec(&json!({ "record": record.trim(), "retired": retired.trim() }))?;
    connection.send(Method::POST, path, body).await.map(drop)
}
