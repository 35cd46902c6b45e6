//! `handrail patient`: who somebody is, what must be kept of them, and what must go.

use super::connection::Connection;
use super::failure::Failure;
use super::output::{Output, counted, note, table};
use crate::cli::{Patient, PatientReason};
use crate::server::patients::Asked;
use events::OwnerId;
use serde_json::{Value, json};
use std::io::BufRead as _;
use std::io::Read as _;

/// The longest line read from standard input, in bytes; what is longer is refused later with its limit.
const LINE_BYTES_MAX: u64 = 256;

/// Runs it.
pub(crate) async fn run(patient: Patient, out: Output) -> Result<(), Failure> {
    match patient {
        Patient::Temporary { unit, data } => super::temporary::give(unit, data, out).await,
        Patient::Merge { retired, into, yes, data } => super::temporary::merge(&retired, &into, yes, data).await,
        Patient::Unmerge { retired, from, yes, data } => super::temporary::unmerge(&retired, &from, yes, data).await,
        Patient::Show { record_number, data } => {
            let asked = asked(&record_number, String::new(), None)?;
            let connection = Connection::open(&data.data, None)?;
            let found: Value = connection.post("/patients/find", &asked).await?;
            connection.close();
            out.data(&found, || described(&found))
        }
        Patient::Erase { of, yes } => erase(of, yes, out).await,
        Patient::Hold { of, owner } => {
            let owner = OwnerId::new(&owner).map_err(|error| Failure::local(format!("{owner:?}: {error}")))?;
            let entry = send("/patients/hold", of, Some(owner)).await?;
            out.data(&entry, || format!("held: entry {}", number(&entry, "entry")))
        }
        Patient::Release { of } => {
            let entry = send("/patients/release", of, None).await?;
            out.data(&entry, || format!("released: entry {}", number(&entry, "entry")))
        }
        Patient::Holds { data } => {
            let connection = Connection::open(&data.data, None)?;
            let answer: Value = connection.get("/patients/holds").await?;
            connection.close();
            out.data(&answer, || held(&answer))
        }
    }
}

async fn send(path: &str, of: PatientReason, owner: Option<OwnerId>) -> Result<Value, Failure> {
    let asked = asked(&of.record_number, of.reason, owner)?;
    let connection = Connection::open(&of.data.data, None)?;
    let answer = connection.post(path, &asked).await?;
    connection.close();
    Ok(answer)
}

async fn erase(of: PatientReason, yes: bool, out: Output) -> Result<(), Failure> {
    let asked = asked(&of.record_number, of.reason, None)?;
    let connection = Connection::open(&of.data.data, None)?;
    let found: Value = connection.post("/patients/find", &asked).await?;
    note(&described(&found));
    if !yes {
        note(
            "Everything that tells who this is will be destroyed, for ever. Backups made before keep it until they are destroyed too.",
        );
        note("Type the record number once more to go on:");
        if line()? != asked.record_number {
            connection.close();
            return Err(Failure::local("that is not the same number; nothing was erased"));
        }
    }
    let done: Value = connection.post("/patients/erase", &asked).await?;
    connection.close();
    if done.get("scrubbed") == Some(&Value::Bool(false)) {
        note(
            "somebody is reading: the write-ahead log may hold traces for some moments more; the node goes on until it does not",
        );
    }
    let unreadable = number(&done, "unreadable");
    if unreadable > 0 {
        note(&format!(
            "{} of what told who this is could not be read and went unread: kept messages were looked through for what the others say",
            counted(unreadable, "piece")
        ));
    }
    out.data(&done, || {
        let erased = done.get("erased").unwrap_or(&Value::Null);
        let merged = erased.get("merged").and_then(Value::as_array).map_or(0, Vec::len);
        format!(
            "erased: entry {}\n  {}, {} of records, visits, orders and appointments, {} of detail, {}\nthe log verifies as before: handrail ledger verify",
            number(&done, "entry"),
            counted(merged + 1, "record"),
            counted(number(erased, "numbers"), "number"),
            counted(number(erased, "details"), "piece"),
            counted(number(erased, "messages"), "kept message"),
        )
    })
}

/// The question, with a number of `-` read from standard input.
pub(super) fn asked(record_number: &str, reason: String, owner: Option<OwnerId>) -> Result<Asked, Failure> {
    let record_number = if record_number == "-" { line()? } else { record_number.trim().to_owned() };
    if record_number.is_empty() {
        return Err(Failure::local("no record number was given"));
    }
    Ok(Asked { record_number, reason, owner })
}

pub(super) fn line() -> Result<String, Failure> {
    let mut line = String::new();
    std::io::stdin().lock().take(LINE_BYTES_MAX).read_line(&mut line)?;
    Ok(line.trim().to_owned())
}

fn number(of: &Value, name: &str) -> u64 {
    of.get(name).and_then(Value::as_u64).unwrap_or(0)
}

fn texts<'a>(of: &'a Value, name: &str) -> Vec<&'a str> {
    of.get(name).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect()
}

pub(super) fn described(found: &Value) -> String {
    let mut lines = vec![format!("pseudonyms: {}", texts(found, "records").join(", "))];
    for identity in found.get("identities").and_then(Value::as_array).into_iter().flatten() {
        let text = |name: &str| identity.get(name).and_then(Value::as_str).unwrap_or("–");
        lines.push(format!(
            "  {}, born {}, numbers {}",
            text("name"),
            text("birth_date"),
            texts(identity, "numbers").join(", ")
        ));
    }
    let unreadable = number(found, "unreadable");
    if unreadable > 0 {
        lines.push(format!("  {} of what was told cannot be read any more: damaged", counted(unreadable, "piece")));
    }
    if let Some(hold) = found.get("hold").filter(|hold| !hold.is_null()) {
        let text = |name: &str| hold.get(name).and_then(Value::as_str).unwrap_or_default();
        lines.push(format!(
            "under a legal hold since entry {}, for {}: {}",
            number(hold, "entry"),
            text("owner"),
            text("reason")
        ));
    }
    lines.join("\n")
}

fn held(answer: &Value) -> String {
    let holds: Vec<&Value> = answer.get("holds").and_then(Value::as_array).into_iter().flatten().collect();
    let text = |hold: &Value, name: &str| hold.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let rows = holds.iter().map(|hold| {
        [number(hold, "entry").to_string(), text(hold, "patient"), text(hold, "owner"), text(hold, "reason")]
    });
    let whole = if answer.get("hospital") == Some(&Value::Bool(true)) {
        "the charter holds everything (`retention.legal_hold = true`)\n"
    } else {
        ""
    };
    let listed = if holds.is_empty() {
        "no patient is under a hold".to_owned()
    } else {
        table(["entry", "patient", "owner", "reason"], rows)
    };
    format!("{whole}{listed}")
}

/// What became of the detail beside an entry, as one more line under it.
pub(crate) fn detail_line(told: &Value) -> String {
    let entry = number(told, "detail_of");
    let text = |name: &str| told.get(name).and_then(Value::as_str).unwrap_or_default();
    let line = match text("kept") {
        "here" => json!({ "detail_of": entry, "sort": text("sort"), "detail": told.get("detail") }),
        "erased" => {
            let erased = format!("erased on {} by {}, entry {}", text("on"), text("by"), number(told, "erasure"));
            json!({ "detail_of": entry, "gone": erased })
        }
        other => json!({ "detail_of": entry, "gone": other }),
    };
    line.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_became_of_detail_is_said_in_words() {
        let here = json!({ "detail_of": 3, "kept": "here", "sort": "words", "detail": "she asked" });
        assert_eq!(detail_line(&here), r#"{"detail_of":3,"sort":"words","detail":"she asked"}"#);
        let erased = json!({ "detail_of": 3, "kept": "erased", "on": "2026-11-22T08:00:00.000Z", "by": "local:uid 0", "erasure": 9 });
        assert!(detail_line(&erased).contains("erased on 2026-11-22T08:00:00.000Z by local:uid 0, entry 9"));
        assert_eq!(detail_line(&json!({ "detail_of": 3, "kept": "expired" })), r#"{"detail_of":3,"gone":"expired"}"#);
    }
}
