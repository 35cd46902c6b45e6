//! `handrail operator`: the people who work with the console.

use super::caller::segment;
use super::connection::Connection;
use super::failure::Failure;
use super::output::{Output, note, table};
use crate::cli::Operator;
use axum::http::Method;
use events::OperatorId;
use serde_json::{Value, json};

/// Runs it.
pub(crate) async fn run(operator: Operator, out: Output) -> Result<(), Failure> {
    match operator {
        Operator::Link { name, data } => {
            named(&name)?;
            let connection = Connection::open(&data.data, None)?;
            let answer: Value = connection.post("/operators/links", &json!({ "operator": name })).await?;
            connection.close();
            out.data(&answer, || answer.get("url").and_then(Value::as_str).unwrap_or_default().to_owned())
        }
        Operator::List { data } => {
            let connection = Connection::open(&data.data, None)?;
            let live: Vec<Value> = connection.get("/operators").await?;
            connection.close();
            out.data(&live, || listing(&live))
        }
        Operator::Revoke { name, data } => {
            named(&name)?;
            let connection = Connection::open(&data.data, None)?;
            connection.send(Method::DELETE, &format!("/operators/{}", segment(&name)), Vec::new()).await?;
            connection.close();
            note(&format!("all links and sessions of `{name}` are ended"));
            Ok(())
        }
    }
}

/// Refuses what cannot be an operator's name before anything is opened.
fn named(name: &str) -> Result<OperatorId, Failure> {
    OperatorId::new(name).map_err(|error| Failure::local(format!("{name:?} cannot be an operator's name: {error}")))
}

fn listing(live: &[Value]) -> String {
    if live.is_empty() {
        return "nobody has an unused link or a session".to_owned();
    }
    let word = |live: &Value, name: &str| live.get(name).and_then(Value::as_str).unwrap_or("-").to_owned();
    let row = |live: &Value| ["operator", "has", "id", "last_used", "good_until"].map(|name| word(live, name));
    table(["operator", "has a", "id", "last used", "good until"], live.iter().map(row))
}
