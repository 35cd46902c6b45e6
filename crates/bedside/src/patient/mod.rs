//! A patient: what I may do for them now, why I may not do the rest, and what would help as a button.
//!
//! What the page shows is foreseen and not recorded; whatever is pressed is decided and recorded. Where one touch more would do, the touch is
//! asked for at once and what was pressed goes on by itself.

mod page;

use crate::asking::Asker;
use crate::frame::{self, PATIENT};
use axum::Router;
use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use decision::{Answer, Unsaid};
use events::decision::{Effect, Made, Question, Remedy};
use events::{ActionName, PatientPseudonym};
use serde::Deserialize;
use serde_json::Value;
use signin::point::{PointOfCare, Posted, SignedIn};
use std::time::Duration;

/// Who touched so lately and is still not sure enough is told so, and not asked again and again.
const JUST_TOUCHED: Duration = Duration::from_secs(60);

/// A patient's page, and where its buttons lead. Both are for whoever is signed in: what they may do is decided, not assumed.
pub(crate) fn routes() -> Router<PointOfCare> {
    Router::new().route(&format!("{PATIENT}/{{patient}}"), get(show).post(press))
}

/// An action and what would be answered.
pub(crate) struct Line {
    action: ActionName,
    made: Made,
    answer: Answer,
}

fn lines(asker: &Asker, patient: PatientPseudonym) -> Vec<Line> {
    let line = |action: ActionName| {
        let (made, answer) = asker.foresee(asker.about(&action, patient));
        Line { action, made, answer }
    };
    asker.deeds().into_iter().map(line).collect()
}

async fn show(State(point): State<PointOfCare>, by: SignedIn, Path(patient): Path<String>) -> Response {
    let Ok(patient) = patient.parse::<PatientPseudonym>() else {
        return frame::nothing_there(&point, &by).into_response();
    };
    overview(&point, &by, patient, "")
}

fn overview(point: &PointOfCare, by: &SignedIn, patient: PatientPseudonym, why: &str) -> Response {
    match Asker::of(point, &by.session) {
        Some(asker) => page::overview(point, by, &asker, patient, &lines(&asker, patient), why).into_response(),
        None => frame::nothing_there(point, by).into_response(),
    }
}

#[derive(Debug, Deserialize)]
struct Pressed {
    /// The action, and after a colon what the person says of it: `administer_controlled_drug:witnessed`.
    #[serde(default)]
    ask: String,
    /// In their own words.
    #[serde(default)]
    why: String,
}

/// What was pressed, if it is one of the page's buttons. What can be said of an action is what would make a difference, and nothing else.
fn pressed(asker: &Asker, patient: PatientPseudonym, ask: &str) -> Option<Question> {
    let (action, said) = ask.split_once(':').unwrap_or((ask, ""));
    let action = asker.deeds().into_iter().find(|deed| deed.as_str() == action)?;
    let mut question = asker.about(&action, patient);
    if !said.is_empty() {
        let (made, _) = asker.foresee(question.clone());
        let open = Unsaid::of(&made).map(|unsaid| unsaid.properties).unwrap_or_default();
        for word in said.split(',') {
            let known = open.iter().find(|property| property.as_str() == word)?;
            question.asserted.action.insert(known.to_string(), Value::Bool(true));
        }
    }
    Some(question)
}

async fn press(
    State(point): State<PointOfCare>,
    Path(patient): Path<String>,
    Posted { by, fields }: Posted<Pressed>,
) -> Response {
    let Ok(patient) = patient.parse::<PatientPseudonym>() else {
        return frame::nothing_there(&point, &by).into_response();
    };
    let Some(asker) = Asker::of(&point, &by.session) else {
        return frame::nothing_there(&point, &by).into_response();
    };
    // Half filled when the screen was locked, or a button that is gone: the page again, with the words.
    let Some(question) = pressed(&asker, patient, &fields.ask) else {
        return overview(&point, &by, patient, &fields.why);
    };
    let answer = match asker.ask(question, Some(&fields.why)).await {
        Ok(answer) => answer,
        Err(error) => return frame::unanswered(&point, &by, &error).into_response(),
    };
    let Some(made) = answer.made() else { return frame::nothing_there(&point, &by).into_response() };
    if wants_a_touch(&point, &asker, made) {
        let again = vec![("ask".to_owned(), fields.ask), ("why".to_owned(), fields.why)];
        return point.touch_first(&by, &format!("{PATIENT}/{patient}"), again).into_response();
    }
    page::outcome(&point, &by, &asker, patient, &answer, made).into_response()
}

/// Whether one touch more is all it takes, and they have what to touch.
fn wants_a_touch(point: &PointOfCare, asker: &Asker, made: &Made) -> bool {
    let level = made.remedies.iter().find_map(|remedy| match remedy {
        Remedy::StepUp { level } => Some(*level),
        _ => None,
    });
    let session = &asker.session;
    let just_touched = asker.now.since(session.proved_at) < JUST_TOUCHED;
    // A key that showed only that somebody is there can do more, with its PIN.
    let did_its_best = point.level_of_its_key(session) <= session.level;
    let surer = |level: u8| point.surest_level_in(session) >= level;
    // A touch that was just made did not do: another of the same would not either.
    made.effect == Effect::Deny
        && level.is_some_and(|level| surer(level) && !(just_touched && did_its_best && session.level < level))
}
