//! `GET /decisions` and `GET /decisions/{entry}`.

use super::explained_page::{self, Explained};
use super::find::find;
use super::list_page;
use super::wanted::Wanted;
use crate::evidence::proof::{self, Proof};
use crate::evidence::wanted_entry;
use crate::trouble::Trouble;
use crate::{Console, frame};
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use events::{Event, Seq};
use maud::html;
use pages::{Document, Page, form};
use signin::operator::Operator;

/// The list.
pub(crate) async fn list(
    State(console): State<Console>,
    operator: Operator,
    query: Result<Query<Vec<(String, String)>>, QueryRejection>,
) -> Result<Document, Document> {
    let shell = frame::shell(&console, &operator);
    let query = query.map(|Query(query)| query).unwrap_or_default();
    let shown = async {
        let wanted = Wanted::read(&query)?;
        let plane = console.desk.plane();
        let found = find(plane.store(), &wanted)?;
        if let (Some(newest), Some(oldest)) = (found.rows.first(), found.rows.last()) {
            let to = Seq(newest.leaf().seq.0 + 1);
            console.readings.listed(plane, &operator, oldest.leaf().seq, to).await?;
        }
        Ok::<_, Trouble>((wanted, found))
    };
    let (wanted, found) = shown.await.map_err(|trouble| trouble.page(&shell))?;
    let engine = console.desk.plane().engine();
    let live = Wanted { live: !wanted.live, ..wanted.at(super::wanted::Place::Newest) };
    let weight = if wanted.live { form::Weight::Main } else { form::Weight::Usual };
    Ok(shell.page(Page {
        title: "Decisions",
        place: "/decisions",
        lead: Some(html! {
            "Every answer Handrail gave, newest first. Open one to see why, who is accountable, and the proof that it was recorded."
        }),
        controls: Some(form::link(weight, &live.href(), if wanted.live { "Stop following" } else { "Follow live" })),
        refresh_s: wanted.live.then_some(u32::try_from(frame::LIVE_EVERY.as_secs()).unwrap_or(5)),
        body: list_page::body(engine.charter(), &wanted, &found, &frame::watch(&console)),
        ..Page::default()
    }))
}

/// One of them.
pub(crate) async fn explain(
    State(console): State<Console>,
    operator: Operator,
    Path(entry): Path<String>,
) -> Result<Document, Document> {
    let shell = frame::shell(&console, &operator);
    let found = read(&console, &operator, &entry).await;
    let (proof, watch) = found.map_err(|trouble| trouble.page(&shell))?;
    let title = format!("Decision {}", proof.leaf.seq);
    let body = match &proof.leaf.draft.event {
        Event::DecisionMade(made) => {
            let plane = console.desk.plane();
            // Always the charter it was decided by: another one's reasons and owners would be a false account.
            let engine = plane.engine_of(made.charter).map_err(|lost| Trouble::Proof(Box::new(lost)).page(&shell))?;
            explained_page::body(&Explained {
                made,
                proof: &proof,
                engine: &engine,
                who: frame::name_of(&console, &made.question.principal.id),
                live: plane.live().find(proof.leaf.seq).is_some(),
                watch: &watch,
            })
        }
        other => {
            let trouble = Trouble::NotADecision { entry: proof.leaf.seq, kind: other.kind().name };
            return Err(trouble.page(&shell));
        }
    };
    Ok(shell.page(Page {
        title: &title,
        place: "/decisions",
        trail: &[("/decisions", "Decisions")],
        bare_head: true,
        body,
        ..Page::default()
    }))
}

async fn read(console: &Console, operator: &Operator, entry: &str) -> Result<(Proof, pages::Watch), Trouble> {
    let plane = console.desk.plane();
    let entry = wanted_entry(plane.store(), entry)?;
    console.readings.opened(plane, operator, entry).await?;
    Ok((proof::prove(plane.store(), entry).await?, frame::watch(console)))
}
