//! `GET /feeds`.

use crate::trouble::Trouble;
use crate::{Console, feeds, frame};
use ::feeds::listener::again;
use axum::extract::State;
use pages::{Document, Page};
use signin::operator::Operator;

/// How the feeds are.
pub(crate) async fn show(State(console): State<Console>, operator: Operator) -> Result<Document, Document> {
    let shell = frame::shell(&console, &operator);
    let plane = console.desk.plane();
    let counts = console.tally.look(plane.store()).await.map_err(|trouble| trouble.page(&shell))?;
    let kept = again::list(plane).await.map_err(|error| Trouble::from(error).page(&shell))?;
    let engine = plane.engine();
    let watch = frame::watch(&console);
    let rows = feeds::rules::rows(engine.charter(), &counts, watch.now());
    Ok(shell.page(Page {
        title: "Feeds",
        place: "/feeds",
        lead: Some(maud::html! {
            "Where facts about patients, people, shifts and devices come from. When a feed falls silent, answers rest on what was true when it was last heard."
        }),
        body: feeds::page::body(engine.charter(), &rows, &counts, &kept, &watch),
        ..Page::default()
    }))
}
