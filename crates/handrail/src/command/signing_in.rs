//! `handrail person` and `handrail workstation`: who may sign in at the bedside, and where.

use super::caller::segment;
use super::connection::Connection;
use super::failure::Failure;
use super::output::{Output, note, table};
use crate::cli::signing_in::{Person, Recover, SignIn, Workstation};
use crate::server::figures::NewReview;
use crate::server::signing_in::{NewCode, NewInvitation, NewPass};
use axum::http::Method;
use events::{AuthenticatorId, DeviceId, PrincipalId};
use serde_json::Value;
use signin::enrolment::LIST_BYTES_MAX;
use signin::figures::Figures;
use signin::recovery::account::Way;
use std::io::Read as _;
use std::path::Path;

/// Runs `handrail person`.
pub(crate) async fn person(person: Person, out: Output) -> Result<(), Failure> {
    match person {
        Person::Invite { csv: Some(file), data, .. } => invite_all(&file, &data.data, out).await,
        Person::Invite { person, voucher, checked, proofing, csv: None, data } => {
            let new = NewInvitation {
                person: id::<PrincipalId>(&person.unwrap_or_default())?,
                voucher: id::<PrincipalId>(&voucher.unwrap_or_default())?,
                checked: checked.unwrap_or_default(),
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
        Person::Revoke { person, key, data } => {
            let (who, key) = (id::<PrincipalId>(&person)?, id::<AuthenticatorId>(&key)?);
            let connection = Connection::open(&data.data, None)?;
            let path = format!("/people/{}/authenticators/{}", segment(who.as_str()), segment(key.as_str()));
            let answer: Value = serde_json::from_slice(&connection.send(Method::DELETE, &path, Vec::new()).await?)?;
            connection.close();
            out.data(&answer, || match answer.get("left").and_then(Value::as_u64) {
                Some(0) => format!("revoked; {who} has no key now: invite them anew, or `handrail recover {who}`"),
                left => format!("revoked; {who} has {} left", left.unwrap_or_default()),
            })
        }
    }
}

/// Invites everybody on a list.
async fn invite_all(file: &Path, data: &Path, out: Output) -> Result<(), Failure> {
    let most = LIST_BYTES_MAX as u64 + 1;
    let mut list = Vec::new();
    let read = if file == Path::new("-") {
        std::io::stdin().lock().take(most).read_to_end(&mut list)
    } else {
        std::fs::File::open(file).and_then(|opened| opened.take(most).read_to_end(&mut list))
    };
    read.map_err(|error| Failure::local(format!("{}: {error}", file.display())))?;
    let connection = Connection::open(data, None)?;
    let answer = connection.send(Method::POST, "/people/invitations/list", list).await?;
    connection.close();
    let made: Vec<Value> = serde_json::from_slice(&answer)?;
    if out.is_json() {
        return out.data(&made, String::new);
    }
    let rows = made.iter().map(|one| [word(one, "person"), word(one, "url")]);
    out.raw(&audit::table::written(["person", "link"], rows))
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

/// Runs `handrail sign-in`.
pub(crate) async fn sign_in(args: SignIn, out: Output) -> Result<(), Failure> {
    match args {
        SignIn::Figures { days, data } => {
            let connection = Connection::open(&data.data, None)?;
            let figures: Figures = connection.get(&format!("/sign-in/figures?days={days}")).await?;
            connection.close();
            out.data(&figures, || counted(&figures))
        }
        SignIn::Provisional { days, data } => {
            let connection = Connection::open(&data.data, None)?;
            let all: Vec<Value> = connection.get(&format!("/sign-in/provisional?days={days}")).await?;
            connection.close();
            out.data(&all, || {
                if all.is_empty() {
                    return "nobody was let in by name alone".to_owned();
                }
                table(["entry", "said to be", "workstation", "began", "review due", "review"], all.iter().map(let_in))
            })
        }
        SignIn::Review { entry, by, finding, words, data } => {
            let reviewer = id::<PrincipalId>(&by)?;
            let new = NewReview { entry, reviewer, finding: serde_json::from_value(finding.into())?, words };
            let connection = Connection::open(&data.data, None)?;
            connection.send(Method::POST, "/sign-in/reviews", serde_json::to_vec(&new)?).await?;
            connection.close();
            note(&format!("entry {entry} is reviewed"));
            Ok(())
        }
        SignIn::Recoveries { days, data } => {
            let connection = Connection::open(&data.data, None)?;
            let all: Vec<Way> = connection.get(&format!("/sign-in/recoveries?days={days}")).await?;
            connection.close();
            out.data(&all, || if all.is_empty() { "nobody needed a way back in".to_owned() } else { ways(&all) })
        }
    }
}

/// One who was let in by name alone.
fn let_in(one: &Value) -> [String; 6] {
    let entry = one.get("entry").map(ToString::to_string).unwrap_or_default();
    let review = one.get("review").filter(|review| !review.is_null());
    let state = match review {
        Some(review) => format!("{}, by {}", word(review, "finding"), word(review, "reviewer")),
        None if one.get("overdue") == Some(&Value::Bool(true)) => "OVERDUE".to_owned(),
        None => "to be done".to_owned(),
    };
    let [person, workstation, began, due] = ["said_to_be", "workstation", "began", "review_due"].map(|n| word(one, n));
    [entry, person, workstation, began, due, state]
}

/// Whether a promise was kept.
fn met(kept: Option<bool>) -> String {
    kept.map_or("-", |kept| if kept { "met" } else { "not met" }).to_owned()
}

/// Ways back in as a table.
fn ways(all: &[Way]) -> String {
    let number = |number: Option<u64>| number.map_or_else(|| "-".to_owned(), |number| number.to_string());
    let rows = all.iter().map(|one| {
        [
            one.at.to_string(),
            one.person.to_string(),
            one.path.clone(),
            one.voucher.as_ref().map_or_else(|| "-".to_owned(), ToString::to_string),
            one.state.clone(),
            one.by.clone().unwrap_or_else(|| "-".to_owned()),
            number(one.waited_s),
            number(one.promised_s),
            met(one.in_time),
        ]
    });
    table(["since", "person", "way", "stands for them", "state", "by", "waited s", "promised s", "promise"], rows)
}

/// Figures as tables.
fn counted(figures: &Figures) -> String {
    let number = |number: Option<u32>| number.map_or_else(|| "-".to_owned(), |number| number.to_string());
    let attempts = figures.attempts.iter().map(|row| {
        let by = [&row.by.step, &row.by.device_kind, &row.by.place, &row.by.method, &row.by.outcome, &row.by.cause];
        let touches = row.interactions.map_or_else(|| "-".to_owned(), |mean| format!("{mean:.1}"));
        let [step, device, place, method, outcome, cause] = by.map(Clone::clone);
        [
            step,
            device,
            place,
            method,
            outcome,
            cause,
            row.count.to_string(),
            number(row.p50_ms),
            number(row.p95_ms),
            touches,
        ]
    });
    let head = ["step", "device", "place", "method", "outcome", "cause", "count", "p50 ms", "p95 ms", "touches"];
    let mut text = table(head, attempts);
    let signs = figures.signs.iter().map(|(sign, count)| [sign.clone(), count.to_string()]);
    if !figures.signs.is_empty() {
        text.push_str("\n\n");
        text.push_str(&table(["sign", "count"], signs));
    }
    if figures.recovery.is_empty() {
        return text;
    }
    let percent = |percent: Option<u8>| percent.map_or_else(|| "-".to_owned(), |percent| percent.to_string());
    let paths = figures.recovery.iter().map(|row| {
        [
            row.path.clone(),
            row.asked.to_string(),
            row.answered.to_string(),
            number(row.waited_p50_s),
            number(row.waited_p95_s),
            number(row.promised_s),
            met(row.waiting_met),
            row.late.to_string(),
            percent(row.available_percent),
            percent(row.wanted_percent),
            met(row.available_met),
        ]
    });
    let head = [
        "way back in",
        "asked",
        "answered",
        "p50 s",
        "p95 s",
        "promised s",
        "waiting",
        "late",
        "available %",
        "wanted %",
        "available",
    ];
    text.push_str("\n\n");
    text.push_str(&table(head, paths));
    text
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
