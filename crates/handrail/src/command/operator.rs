//! `handrail operator`: the people who work with the console.

use super::connection::Connection;
use super::failure::Failure;
use super::output::Output;
use crate::cli::Operator;
use events::OperatorId;
use serde_json::{Value, json};

/// Runs it.
pub(crate) async fn run(operator: Operator, out: Output) -> Result<(), Failure> {
    let Operator::Link { name, data } = operator;
    OperatorId::new(&name)
        .map_err(|error| Failure::local(format!("{name:?} cannot be an operator's name: {error}")))?;
    let connection = Connection::open(&data.data, None)?;
    let answer: Value = connection.post("/operators/links", &json!({ "operator": name })).await?;
    connection.close();
    out.data(&answer, || answer.get("url").and_then(Value::as_str).unwrap_or_default().to_owned())
}
