//! `handrail patient temporary` and `merge`: patients nobody can name yet, and who they turn out to be.

use super::connection::Connection;
use super::failure::Failure;
use super::output::{Output, note};
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

/// Makes one record part of another.
pub(crate) async fn merge(retired: String, into: String, data: Data) -> Result<(), Failure> {
    let connection = Connection::open(&data.data, None)?;
    let body = serde_json::to_vec(&json!({ "record": into, "retired": retired }))?;
    connection.send(Method::POST, "/patients/merge", body).await?;
    connection.close();
    note("the two records are one patient from now on");
    Ok(())
}
