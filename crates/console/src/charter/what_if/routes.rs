//! `GET` and `POST /charter/what-if`. The form is answered as it is posted: a record number never stands in an address.

use super::page::{self, Answer, View};
use super::{NOBODY, Sent, odd};
use crate::trouble::Trouble;
use crate::{Console, frame};
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use decision::Engine;
use events::charter::WhatIf;
use events::decision::Made;
use events::principal::IdentityClass;
use events::{Actor, Draft, PatientPseudonym, Seq};
use maud::html;
use pages::{Document, Page};
use plane::{Plane, Proposal};
use serde::Deserialize;
use signin::operator::{Operator, Posted};
use std::sync::Arc;
use store::Batch;
use world::Subject;

/// Which charter is to be asked.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Of {
    charter: String,
}

/// The form, with nothing asked yet.
pub(crate) async fn show(
    State(console): State<Console>,
    operator: Operator,
    of: Result<Query<Of>, QueryRejection>,
) -> Document {
    let of = of.map(|Query(of)| of).unwrap_or_default();
    let plane = console.desk.plane();
    let engine = plane.engine();
    let view = View {
        sent: &Sent { charter: of.charter, ..Sent::default() },
        engine: &engine,
        proposals: &open(plane),
        answer: None,
        form_token: operator.form_token(),
    };
    frame::shell(&console, &operator).page(Page {
        title: "What if",
        place: "/charter",
        trail: &[("/charter", "Charter")],
        lead: Some(html! { "What would be decided if somebody asked, with the facts as they are now or imagined otherwise. It gives nobody access." }),
        body: page::body(&view),
        ..Page::default()
    })
}

/// The answer there would be.
pub(crate) async fn ask(State(console): State<Console>, posted: Posted<Sent>) -> Result<Document, Document> {
    let (operator, sent) = (&posted.operator, &posted.fields);
    let shell = frame::shell(&console, operator);
    let asked = answer(console.desk.plane(), operator, sent).await;
    let (engine, made, patient) = asked.map_err(|trouble| trouble.page(&shell))?;
    let name = frame::name_of(&console, &made.question.principal.id);
    let view = View {
        sent,
        engine: &engine,
        proposals: &open(console.desk.plane()),
        answer: Some(Answer { made: &made, name, patient }),
        form_token: operator.form_token(),
    };
    Ok(shell.page(Page {
        title: "What if",
        place: "/charter",
        trail: &[("/charter", "Charter")],
        bare_head: true,
        body: page::body(&view),
        ..Page::default()
    }))
}

/// Works it out, and records that it was asked before anybody sees it.
async fn answer(
    plane: &Plane,
    operator: &Operator,
    sent: &Sent,
) -> Result<(Arc<Engine>, Made, Option<PatientPseudonym>), Trouble> {
    let engine = chosen(plane, &sent.charter).await?;
    let (person, patient) = (sent.person()?, sent.patient(plane)?);
    let (about, now) = (patient.unwrap_or(NOBODY), plane.now());
    let subject = Subject { principal: person.clone(), patient: Some(about), device: None, session: None };
    let mut facts = plane.world(|world| world.facts(&subject, now));
    sent.imagine(&mut facts, about, now)?;
    let class = facts.principal.as_ref().map_or(IdentityClass::Staff, |known| known.class);
    let question = sent.question(&engine, class, patient)?;
    let (action, digest) = (question.action.clone(), engine.charter().digest());
    let judgement = engine.decide_holding(&question, &facts, &sent.held()?, now);
    let made = judgement.into_made(question, facts.world_seq, digest, now);
    let imagined = sent.imagined().map(|(name, value)| (name.into(), value.into())).collect();
    let asked = WhatIf { digest, person, action, patient, imagined, effect: made.effect };
    plane.record(Batch::one(Draft::new(Actor::operator(operator.id()), asked))).await?;
    Ok((engine, made, patient))
}

/// The engine over the charter that is meant.
async fn chosen(plane: &Plane, number: &str) -> Result<Arc<Engine>, Trouble> {
    if number.is_empty() {
        return Ok(plane.engine());
    }
    let meant = number.parse().ok().and_then(|number| plane.proposals().find(Seq(number)));
    let digest = meant.ok_or_else(|| odd(number, "a proposal"))?.proposed.digest;
    let plane = plane.clone();
    let made = tokio::task::spawn_blocking(move || plane.engine_of(digest)).await?;
    made.map_err(|lost| Trouble::Proof(Box::new(lost)))
}

fn open(plane: &Plane) -> Vec<Proposal> {
    let now = plane.now();
    plane.proposals().all().into_iter().filter(|proposal| proposal.is_open(now)).collect()
}
