//! `handrail decide` and `handrail who`: one decision, explained in a terminal.

use super::connection::Connection;
use super::explained::{Decided, Happened, decided, happened, who as accountable};
use super::failure::Failure;
use super::output::Output;
use crate::cli::{Decide, Who};
use crate::server::local::LocalQuestion;
use events::WorkflowName;
use events::decision::Values;
use serde_json::{Value, json};

/// Asks for a decision and explains it. A deny is not a failure of the command, but has its own exit code.
pub(crate) async fn run(args: Decide, out: Output) -> Result<(), Failure> {
    let workflow = args.workflow.as_deref().map(WorkflowName::new).transpose();
    let mut context = Values::new();
    if let Some(device) = args.device {
        context.insert("device".to_owned(), Value::String(device));
    }
    if let Some(level) = args.session {
        // Nobody at this terminal knows by which method; a policy that asks for one is not met.
        context.insert("session".to_owned(), json!({ "level": level, "age_minutes": 0, "method": "unknown" }));
    }
    if let Some(purpose) = args.purpose {
        context.insert("purpose".to_owned(), Value::String(purpose));
    }
    let question = LocalQuestion {
        subject_type: args.subject_type,
        subject: args.subject,
        action: args.action,
        resource_type: args.resource_type,
        resource: args.resource,
        workflow: workflow.map_err(|error| Failure::local(format!("--workflow: {error}")))?,
        context,
    };
    let connection = Connection::open(&args.data.data, None)?;
    let answer: Result<Value, Failure> = connection.post("/decide", &question).await;
    connection.close();
    let answer = answer?;
    let made: Decided = serde_json::from_value(answer.clone())?;
    out.data(&answer, || decided(&made, &args.data.data))?;
    if made.permitted { Ok(()) } else { Err(Failure::denied()) }
}

/// Says who is accountable for an entry.
pub(crate) async fn who(args: Who, out: Output) -> Result<(), Failure> {
    let data = &args.data.data;
    let connection = Connection::open(data, None)?;
    let answer: Result<Value, Failure> = connection.get(&format!("/who/{}", args.entry)).await;
    connection.close();
    let answer = answer?;
    let text = if answer.get("explanation").is_some() {
        accountable(&serde_json::from_value::<Decided>(answer.clone())?, data)
    } else {
        happened(&serde_json::from_value::<Happened>(answer.clone())?, data)
    };
    out.data(&answer, || text)
}
