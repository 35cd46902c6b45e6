//! Which session a topic names, and which patient is open in it, for a caller who may be told.

use crate::Hub;
use crate::refusal::Refusal;
use axum::Json;
use axum::extract::{Path, State};
use callers::{Caller, Follow};
use charter::Caller as Entry;
use charter::vocabulary::principal_type;
use events::decision::{Asserted, Question};
use events::{Actor, CallerName, DeviceId, EntityRef, PatientPseudonym, PrincipalId, Seq, SessionId, TypeName};
use plane::followed::{Opened, Phase};
use plane::{Ask, DecideError, Naming, Plane, Standing};
use serde_json::{Value, json};
use tokio::sync::watch;
use world::{SessionFacts, Subject};

/// The session of a topic and the workstation it is at, where this caller may follow it.
pub(crate) fn session(hub: &Hub, entry: &Entry, topic: &str) -> Result<(SessionFacts, DeviceId), Refusal> {
    let id = SessionId::new(topic).map_err(|_| Refusal::NoSuchSession)?;
    let now = hub.plane.now();
    let known = hub.plane.world(|world| {
        let session = world.session(&id)?.clone();
        let workstation = session.workstation.clone()?;
        let unit = world.device(&workstation)?.unit;
        Some((session, workstation, unit))
    });
    let (session, workstation, unit) =
        known.filter(|(session, ..)| now < session.good_until).ok_or(Refusal::NoSuchSession)?;
    let units = entry.follows.as_ref().map_or(&[][..], |follows| &follows.units);
    if !units.is_empty() && !unit.is_some_and(|unit| units.contains(&unit)) {
        return Err(Refusal::NoSuchSession);
    }
    Ok((session, workstation))
}

/// What is asked before a caller is told which patient was opened: whether the person may, there and then, what the charter says the caller does with it.
fn question(plane: &Plane, entry: &Entry, session: &SessionId, patient: PatientPseudonym) -> Option<Question> {
    let action = entry.follows.as_ref()?.patient.clone()?;
    let now = plane.now();
    let (known, person) = plane.world(|world| {
        let known = world.session(session)?.clone();
        let principal = known.principal.clone();
        let subject = Subject { principal, patient: None, device: None, session: None };
        let person = world.facts(&subject, now).principal?;
        Some((known, person))
    })?;
    let kind = TypeName::new(principal_type(person.class)).ok()?;
    let of = plane.engine().charter().systems().patient_types.first()?.clone();
    let device = known.workstation.map(|device| ("device".to_owned(), device.as_str().into()));
    Some(Question {
        principal: EntityRef { kind, id: known.principal },
        action,
        resource: EntityRef { kind: of, id: PrincipalId::new(&patient.to_string()).ok()? },
        workflow: None,
        session: Some(session.clone()),
        asserted: Asserted { context: device.into_iter().collect(), ..Asserted::default() },
    })
}

/// A patient that was told to a caller, by a live permit of its own.
pub(crate) struct Shown {
    pub(crate) opened: Opened,
    pub(crate) patient: Value,
    pub(crate) permit: Seq,
    pub(crate) standing: watch::Receiver<Standing>,
}

/// Asks whether a caller may be told of a patient, on the record and for as long as it holds.
pub(crate) async fn show(
    plane: &Plane,
    entry: &Entry,
    caller: &CallerName,
    session: &SessionId,
    opened: Opened,
) -> Result<Option<Shown>, DecideError> {
    let Some(question) = question(plane, entry, session, opened.patient) else { return Ok(None) };
    let actor = Actor::caller(caller);
    let answer = plane.decide(Ask { question, actor: actor.clone(), request: None, live: true }).await?;
    if !answer.permits() {
        return Ok(None);
    }
    let permit = answer.entry();
    // None where it has ended meanwhile.
    let Some(standing) = plane.live().watch(permit) else { return Ok(None) };
    Ok(Some(Shown { opened, patient: resource(plane, opened.patient).await, permit, standing }))
}

/// A patient as the feeds know them: the record number, and Handrail's own name. No name, no date of birth.
async fn resource(plane: &Plane, patient: PatientPseudonym) -> Value {
    let reader = plane.clone();
    let named = tokio::task::spawn_blocking(move || reader.name_of(patient)).await;
    let number = match named {
        Ok(Ok(Naming::Known(identity))) => identity.numbers.into_iter().next(),
        _ => None,
    };
    let record = number.map(|number| {
        let kind = json!({ "coding": [{ "system": "http://terminology.hl7.org/CodeSystem/v2-0203", "code": "MR" }] });
        json!({ "use": "usual", "type": kind, "value": number })
    });
    let own = json!({ "use": "secondary", "system": "urn:handrail:patient-pseudonym", "value": patient });
    let identifiers: Vec<Value> = record.into_iter().chain([own]).collect();
    // An id of FHIR has no underline.
    let id = patient.to_string().replace('_', "-");
    json!({ "resourceType": "Patient", "id": id, "identifier": identifiers })
}

/// `GET /fhircast/{topic}`: the patient that is open, decided and recorded like any other disclosure.
pub(crate) async fn current(
    State(hub): State<Hub>,
    caller: Caller<Follow>,
    Path(topic): Path<String>,
) -> Result<Json<Value>, Refusal> {
    hub.plane.lost().map_or(Ok(()), |why| Err(Refusal::Lost(why)))?;
    let (session, _) = session(&hub, caller.entry(), &topic)?;
    let course = hub.plane.follow(&session.session).ok_or(Refusal::NoSuchSession)?.borrow().clone();
    let opened = course.opened.filter(|_| course.phase == Phase::Open);
    let question = opened.and_then(|opened| {
        question(&hub.plane, caller.entry(), &session.session, opened.patient).map(|question| (opened, question))
    });
    let none = json!({ "context.type": "", "context.versionId": "none", "context": [] });
    let Some((opened, question)) = question else { return Ok(Json(none)) };
    let ask = Ask { question, actor: caller.actor(), request: None, live: false };
    match hub.plane.decide(ask).await {
        Ok(answer) if answer.permits() => Ok(Json(json!({
            "context.type": "Patient",
            "context.versionId": opened.entry.to_string(),
            "context": [{ "key": "patient", "resource": resource(&hub.plane, opened.patient).await }],
        }))),
        // As if none were open: why not is the person's to be told.
        _ => Ok(Json(none)),
    }
}
