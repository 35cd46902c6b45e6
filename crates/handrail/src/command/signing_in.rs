//! `handrail person` and `handrail workstation`: who may sign in at the bedside, and where.

use super::caller::segment;
use super::connection::Connection;
use super::failure::Failure;
use super::output::{Output, note, table};
use crate::cli::signing_in::{Person, Recover, Workstation};
use crate::server::signing_in::{NewCode, NewInvitation, NewPass};
use axum::http::Method;
use events::{DeviceId, PrincipalId};
use serde_json::Value;

/// Runs `handrail person`.
pub(crate) async fn person(person: Person, out: Output) -> Result<(), Failure> {
    match person {
        Person::Invite { person, voucher, checked, proofing, data } => {
            let new = NewInvitation {
                person: id::<PrincipalId>(&person)?,
                voucher: id::<PrincipalId>(&voucher)?,
                checked,
                proofing,
            };
            let connection = Connection::open(&data.data, None)?;
            let answer: Value = connection.post("/people/invitations", &new).await?;
            connection.close();
            out.data(&answer, || word(&answer, "url"))
        }
        Person::Keys { person, data } => {
            let who = id::<PrincipalId>(&person)?;
            let connection = Connection::open(&data.data, None)?;
            let path = format!("/people/{}/authenticators", segment(who.as_str()));
            let keys: Vec<Value> = connection.get(&path).await?;
            connection.close();
            out.data(&keys, || {
                if keys.is_empty() {
                    return format!("{who} has no key and no passkey");
                }
                let row =
                    |one: &Value| ["name", "method", "registered_at", "used_at", "authenticator"].map(|n| word(one, n));
                table(["name", "method", "registered", "last used", "id"], keys.iter().map(row))
            })
        }
    }
}

/// Runs `handrail recover`.
pub(crate) async fn recover(args: Recover, out: Output) -> Result<(), Failure> {
    let Recover { person, why, lost, data } = args;
    let new = NewPass { person: id::<PrincipalId>(&person)?, why, lost };
    let connection = Connection::open(&data.data, None)?;
    let answer: Value = connection.post("/people/recovery", &new).await?;
    connection.close();
    note(&format!("type it at an enrolled workstation: {}", word(&answer, "url")));
    out.data(&answer, || word(&answer, "code"))
}

/// Runs `handrail workstation`.
pub(crate) async fn workstation(workstation: Workstation, out: Output) -> Result<(), Failure> {
    match workstation {
        Workstation::Code { device, data } => {
            let new = NewCode { device: id::<DeviceId>(&device)? };
            let connection = Connection::open(&data.data, None)?;
            let answer: Value = connection.post("/workstations/codes", &new).await?;
            connection.close();
            out.data(&answer, || word(&answer, "url"))
        }
        Workstation::List { data } => {
            let connection = Connection::open(&data.data, None)?;
            let all: Vec<Value> = connection.get("/workstations").await?;
            connection.close();
            out.data(&all, || listing(&all))
        }
        Workstation::Withdraw { device, data } => {
            let device = id::<DeviceId>(&device)?;
            let connection = Connection::open(&data.data, None)?;
            let path = format!("/workstations/{}", segment(device.as_str()));
            connection.send(Method::DELETE, &path, Vec::new()).await?;
            connection.close();
            note(&format!("`{device}` is no workstation any more; sessions at it end"));
            Ok(())
        }
    }
}

/// Refuses what cannot be an id before anything is opened.
fn id<T: std::str::FromStr<Err = events::IdError>>(text: &str) -> Result<T, Failure> {
    text.parse().map_err(|error| Failure::local(format!("{text:?} cannot be an id: {error}")))
}

fn word(value: &Value, name: &str) -> String {
    value.get(name).and_then(Value::as_str).unwrap_or("-").to_owned()
}

fn listing(all: &[Value]) -> String {
    if all.is_empty() {
        return "no workstation is enrolled".to_owned();
    }
    let people = |one: &Value| {
        let people = one.get("sessions").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
        people.collect::<Vec<_>>().join(", ")
    };
    table(
        ["workstation", "unit", "sessions"],
        all.iter().map(|one| [word(one, "device"), word(one, "unit"), people(one)]),
    )
}
