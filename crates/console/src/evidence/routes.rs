//! `GET /ledger` and `GET /ledger/{entry}`.

use super::page;
use super::proof::{self, Proof};
use super::wanted_entry;
use crate::trouble::Trouble;
use crate::{Console, frame};
use axum::extract::{Path, State};
use events::{Leaf, Seq};
use maud::html;
use pages::{Document, Page};
use signin::operator::Operator;
use std::ops::ControlFlow;
use store::statements;

/// How many of the newest entries are listed.
const NEWEST: u64 = 15;

/// How the ledger is.
pub(crate) async fn show(State(console): State<Console>, operator: Operator) -> Result<Document, Document> {
    let shell = frame::shell(&console, &operator);
    let state = state(&console, &operator).await.map_err(|trouble| trouble.page(&shell))?;
    Ok(shell.page(Page {
        title: "Ledger",
        place: "/ledger",
        lead: Some(html! {
            "Everything that happened, in order, in a log that can only grow. Whoever holds an earlier checkpoint can prove that nothing before it was changed."
        }),
        body: page::state(&state, &frame::watch(&console)),
        ..Page::default()
    }))
}

/// One entry, of any kind.
pub(crate) async fn entry(
    State(console): State<Console>,
    operator: Operator,
    Path(entry): Path<String>,
) -> Result<Document, Document> {
    let shell = frame::shell(&console, &operator);
    let proof = open(&console, &operator, &entry).await.map_err(|trouble| trouble.page(&shell))?;
    let title = format!("Entry {}", proof.leaf.seq);
    Ok(shell.page(Page {
        title: &title,
        place: "/ledger",
        trail: &[("/ledger", "Ledger")],
        body: page::entry(&proof, &frame::watch(&console)),
        ..Page::default()
    }))
}

async fn open(console: &Console, operator: &Operator, entry: &str) -> Result<Proof, Trouble> {
    let plane = console.desk.plane();
    let entry = wanted_entry(plane.store(), entry)?;
    console.readings.opened(plane, operator, entry).await?;
    proof::prove(plane.store(), entry).await
}

async fn state(console: &Console, operator: &Operator) -> Result<page::State, Trouble> {
    let plane = console.desk.plane();
    let store = plane.store();
    let (head, health) = (store.head(), store.health());
    let from = Seq(head.next.0.saturating_sub(NEWEST));
    let mut newest: Vec<Leaf> = Vec::new();
    store.read(|reader| {
        reader.scan(from, head.next, |_, bytes| {
            newest.extend(Leaf::parse(bytes).ok());
            ControlFlow::Continue(())
        })
    })?;
    newest.reverse();
    if from < head.next {
        console.readings.listed(plane, operator, from, head.next).await?;
    }
    let witnesses = store.read(|reader| {
        reader.query(statements::WITNESS_ALL, &[], |row| {
            let size = u64::try_from(row.int(1)?).unwrap_or(0);
            Ok(page::Witness { name: row.text(0)?, size, trouble: row.text(4)? })
        })
    })?;
    let (checkpoint, key) = (store.checkpoint()?, store.verifying_key().to_string());
    Ok(page::State { head, health, checkpoint, key, witnesses, newest })
}
