//! Theatre: a large view that nobody touches. It loads itself again without counting as use, and stays while the screen is locked: there the
//! place stands for the person. What is shown is decided for whoever's session is at the screen; a search is recorded when what it shows changes.

use crate::asking::{ACTOR, Asker};
use crate::frame::{self, PATIENTS, THEATRE};
use crate::whereabouts::{Whereabouts, short};
use axum::extract::{Form, Query, State};
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::routing::get;
use axum::{Router, http::StatusCode};
use charter::RemedyKind;
use decision::search::Walk;
use events::search::ANYTHING;
use events::{ActionName, DeviceId, Event, PatientPseudonym, PrincipalId, Seq};
use maud::{Markup, html};
use pages::{Bedside, Document, form, sheet};
use plane::{DecideError, Search};
use serde::Deserialize;
use signin::point::{FromOwnPage, PointOfCare, Visitor};
use signin::session::rules::Standing;
use std::time::Duration;
use world::{SessionFacts, Subject};

/// How often it loads itself again.
const AGAIN_S: u32 = 20;
/// The most patients shown.
const PATIENTS_MAX: usize = 8;
/// What is shown unchanged is recorded again after this.
const RECORDED_AGAIN: Duration = Duration::from_secs(15 * 60);

/// The view, and where badges at the door are read. It needs a session at the screen, open or locked; what it shows is decided for that.
pub(crate) fn routes() -> Router<PointOfCare> {
    Router::new().route(THEATRE, get(show).post(door))
}

/// Whose session is at the screen. One that was locked counts here: nobody touches a key with gloves on.
fn present(visitor: &Visitor) -> Option<(SessionFacts, DeviceId)> {
    let device = visitor.device()?.clone();
    match &visitor.session {
        Some((session, Standing::Open | Standing::Locked(_))) => Some((session.clone(), device)),
        _ => None,
    }
}

/// What one does here without hands: looks, in a workflow none of whose remedies asks for a touch.
fn hands_free(asker: &Asker) -> Option<ActionName> {
    let touches = |kind: &RemedyKind| matches!(kind, RemedyKind::StepUp | RemedyKind::Vouch);
    let workflows = asker.engine.charter().workflows().iter();
    let free: Vec<_> = workflows.filter(|workflow| !workflow.remedies.iter().any(touches)).collect();
    asker.looks_first().into_iter().find(|action| free.iter().any(|workflow| workflow.actions.contains(action)))
}

#[derive(Deserialize)]
struct Shown {
    /// The entry of the search whose result is on the screen.
    #[serde(default)]
    shown: Option<u64>,
}

async fn show(State(point): State<PointOfCare>, visitor: Visitor, Query(on): Query<Shown>) -> Response {
    let Some((session, device)) = present(&visitor) else { return point.arrive_first(&visitor).into_response() };
    let Some((asker, action)) = Asker::of(&point, &session).and_then(|asker| {
        let action = hands_free(&asker)?;
        Some((asker, action))
    }) else {
        return not_here(&point, &visitor, &session).into_response();
    };
    match found(&point, &asker, &action, on.shown.map(Seq)).await {
        // The page loads its own address again: that has to name the entry it shows.
        Ok((_, entry)) if on.shown != Some(entry.0) => {
            Redirect::to(&format!("{THEATRE}?shown={entry}")).into_response()
        }
        Ok((patients, entry)) => view(&point, &visitor, &asker, &device, &action, &patients, entry).into_response(),
        Err(error) => {
            tracing::error!(%error, "the theatre view got no answer");
            let none = html! { p { "Handrail could not answer, so nothing is shown. It tries again by itself." } };
            let body = pages::kept_true(AGAIN_S, &none);
            let page = Bedside { title: "Theatre", large: true, body, ..Bedside::default() };
            point.page_with(&visitor, None, page).with_status(StatusCode::SERVICE_UNAVAILABLE).into_response()
        }
    }
}

/// Who may be shown now; recorded, unless the screen shows the very same by an entry of this session that is not old.
async fn found(
    point: &PointOfCare,
    asker: &Asker,
    action: &ActionName,
    shown: Option<Seq>,
) -> Result<(Vec<PatientPseudonym>, Seq), DecideError> {
    let tied = point.plane().world(|world| world.patients_tied_to(&asker.session.principal, asker.now));
    let may = |patient: &PatientPseudonym| {
        let glance = asker.glance(&asker.about(action, *patient));
        glance.permits && glance.related
    };
    let now: Vec<PatientPseudonym> = tied.into_iter().filter(may).take(PATIENTS_MAX).collect();
    if let Some(entry) = shown.filter(|entry| is_recorded(point, asker, action, *entry, &now)) {
        return Ok((now, entry));
    }
    let Ok(anything) = PrincipalId::new(ANYTHING) else { return Ok((Vec::new(), Seq(0))) };
    let walk = Walk::Resources(asker.question(action, anything));
    let search = Search { walk, after: None, limit: PATIENTS_MAX, actor: ACTOR, request: None };
    let page = point.plane().search(search).await?;
    Ok((page.ids().iter().filter_map(|id| id.parse().ok()).collect(), page.entry()))
}

fn is_recorded(point: &PointOfCare, asker: &Asker, action: &ActionName, entry: Seq, now: &[PatientPseudonym]) -> bool {
    let Ok(Some(leaf)) = point.plane().store().read(|reader| reader.leaf(entry)) else { return false };
    let Event::SearchAnswered(answered) = leaf.draft.event else { return false };
    let ids: Vec<String> = now.iter().map(ToString::to_string).collect();
    answered.question.session.as_ref() == Some(&asker.session.session)
        && answered.question.action == *action
        && asker.now.since(answered.decided_at) < RECORDED_AGAIN
        && answered.found.iter().map(|id| id.as_str()).eq(ids.iter().map(String::as_str))
}

fn view(
    point: &PointOfCare,
    visitor: &Visitor,
    asker: &Asker,
    device: &DeviceId,
    action: &ActionName,
    patients: &[PatientPseudonym],
    entry: Seq,
) -> Document {
    let watch = frame::watch(point);
    let place = |patient: &PatientPseudonym| {
        let principal = asker.session.principal.clone();
        let subject = Subject { principal, patient: Some(*patient), device: None, session: None };
        let facts = point.plane().world(|world| world.facts(&subject, asker.now));
        Whereabouts::of(facts.patient.as_ref(), asker.now)
    };
    let view = html! {
        (sheet("Patients", &html! { "Entry " (entry) }, &html! {
            ul.list {
                @for patient in patients {
                    @let place = place(patient);
                    li { div {
                        h3 { "Patient " (short(*patient)) }
                        p { @if let Some(unit) = place.unit() { (asker.unit(unit)) ". " } (place.words(&watch)) }
                    } }
                }
                @if patients.is_empty() { li { div { p { (nobody_because(asker, action, point)) } } } }
            }
        }))
        (sheet("Here now", &html! {}, &people(point, device)))
    };
    let body = html! {
        // First, since it has the focus: below, it would scroll the patients away.
        (door_field(visitor))
        (pages::kept_true(AGAIN_S, &view))
        p { (form::link(form::Weight::Usual, PATIENTS, "My patients")) }
    };
    let page = Bedside { title: "Theatre", large: true, body, ..Bedside::default() };
    point.page_with(visitor, Some(&asker.session), page)
}

/// Why nobody is shown, by the first who could be.
fn nobody_because(asker: &Asker, action: &ActionName, point: &PointOfCare) -> String {
    let tied = point.plane().world(|world| world.patients_tied_to(&asker.session.principal, asker.now));
    let told = tied.first().map(|patient| asker.foresee(asker.about(action, *patient)).1);
    let reason = told.and_then(|answer| answer.reasons.into_iter().next());
    reason.unwrap_or_else(|| "No patient is in your care in theatre now.".to_owned())
}

/// Who is signed in at the screens of this unit, and on whose word.
fn people(point: &PointOfCare, device: &DeviceId) -> Markup {
    let (now, unit) = (point.plane().now(), point.unit_of(device));
    let sessions: Vec<SessionFacts> = point.plane().world(|world| {
        let near = |one: &&SessionFacts| {
            let at = one.workstation.as_ref();
            let same = at.and_then(|at| world.device(at)).and_then(|at| at.unit);
            now < one.good_until && (at == Some(device) || (unit.is_some() && same == unit))
        };
        world.sessions().filter(near).take(PATIENTS_MAX).cloned().collect()
    });
    html! {
        ul.list {
            @for one in &sessions {
                li { div {
                    h3 { (point.name_of(&one.principal)) }
                    @if let Some(colleague) = &one.vouched_by { p { "On the word of " (point.name_of(colleague)) } }
                } }
            }
        }
    }
}

/// The scanner at the door.
fn door_field(visitor: &Visitor) -> Markup {
    let field = signin::badge::field("Badge at the door", true, true);
    form::post(
        THEATRE,
        &visitor.form_token(),
        &html! { div.stack { (field) (form::button(form::Weight::Usual, "Who is it?")) } },
    )
}

#[derive(Deserialize)]
struct Badge {
    #[serde(default)]
    badge: String,
}

/// Whether somebody works in theatre.
pub(crate) fn is_for(point: &PointOfCare, session: &SessionFacts) -> bool {
    Asker::of(point, session).is_some_and(|asker| hands_free(&asker).is_some())
}

/// A badge says who came in, to those who work there, and lets nobody in: a colleague's word does. It names whom they could see on the rota, and
/// nobody else.
async fn door(
    State(point): State<PointOfCare>,
    visitor: Visitor,
    _own: FromOwnPage,
    Form(sent): Form<Badge>,
) -> Response {
    let Some((session, device)) = present(&visitor) else { return point.arrive_first(&visitor).into_response() };
    if !is_for(&point, &session) {
        return not_here(&point, &visitor, &session).into_response();
    }
    let on_shift = point.unit_of(&device).map(|unit| point.who_could_take_over(&unit, &session.principal));
    let near = |who: &PrincipalId| on_shift.as_ref().is_some_and(|people| people.contains(who));
    let person =
        point.claim(&sent.badge).filter(|_| point.may_try(&visitor)).and_then(|claim| claim.person).filter(near);
    let body = html! {
        @match &person {
            Some(person) => p { "The badge is " strong { (point.name_of(person)) } "’s. It says who came in, and proves nothing." },
            None => p { "Nobody on shift here goes by this badge. Scan it again." },
        }
        div.row {
            @if person.is_some() { (form::link(form::Weight::Main, signin::vouching::VOUCH_PATH, "Stand up for them")) }
            (form::link(form::Weight::Usual, THEATRE, "Back to the view"))
        }
    };
    let page = Bedside { title: "At the door", large: true, body, ..Bedside::default() };
    point.page_with(&visitor, Some(&session), page).into_response()
}

fn not_here(point: &PointOfCare, visitor: &Visitor, session: &SessionFacts) -> Document {
    let body = html! { p { (form::link(form::Weight::Main, PATIENTS, "My patients")) } };
    let lead = html! { "Your roles have nothing to do in theatre, so nothing is shown here." };
    point.page_with(visitor, Some(session), Bedside { title: "Theatre", lead: Some(lead), body, ..Bedside::default() })
}
