//! `handrail ledger`: the evidence, to be checked here or elsewhere.

use super::connection::Connection;
use super::failure::Failure;
use super::output::{Output, note, table};
use crate::cli::{ExportFormat, Ledger};
use crate::server::audit::View;
use crate::server::local::{ENTRIES_MAX, LedgerKey};
use ledger::audit::Audit;
use ledger::{EntrySource, TileSource, VerifyingKey};
use serde_json::{Value, json};
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// Runs it.
pub(crate) async fn run(ledger: Ledger, out: Output) -> Result<(), Failure> {
    match ledger {
        Ledger::Verify { export: Some(dir), key, retained, witness, quorum, .. } => {
            verify_export(Audit { dir: Some(dir), key, retained, witnesses: witness, quorum, ..Audit::default() }, out)
        }
        Ledger::Verify { data, .. } => verify_store(&data.data, out).await,
        Ledger::Show { from, count, detail, data } => {
            let connection = Connection::open(&data.data, None)?;
            let to = from.saturating_add(count.min(ENTRIES_MAX));
            let lines =
                connection.send(http::Method::GET, &format!("/ledger/entries?from={from}&to={to}"), Vec::new()).await?;
            let lines = if detail { with_detail(&connection, &lines).await? } else { lines.to_vec() };
            connection.close();
            out.raw(&lines)
        }
        Ledger::Prove { entry, out: file, entry_out, data } => {
            let connection = Connection::open(&data.data, None)?;
            let proof: Value = connection.get(&format!("/ledger/proof/{entry}")).await?;
            connection.close();
            match file {
                None => out.data(&proof, || serde_json::to_string_pretty(&proof).unwrap_or_default()),
                Some(file) => write_receipt(&proof, &file, entry_out.as_deref(), out),
            }
        }
        Ledger::Growth { from, out: file, data } => {
            let connection = Connection::open(&data.data, None)?;
            let grown: Grown = connection.get(&format!("/ledger/growth/{from}")).await?;
            connection.close();
            put_new(&file, grown.proof.as_bytes())?;
            note(&format!("check it: handrail-verify --growth {} --retained CHECKPOINT --key KEY", file.display()));
            out.data(&json!({ "from": from, "size": grown.size, "file": file }), || {
                format!("from {from} to {} entries: {}", grown.size, file.display())
            })
        }
        Ledger::Keys { data } => {
            let connection = Connection::open(&data.data, None)?;
            let keys: Vec<LedgerKey> = connection.get("/ledger/keys").await?;
            connection.close();
            let when =
                |at: Option<events::Timestamp>, other: &str| at.map_or_else(|| other.to_owned(), |at| at.to_string());
            let row = |key: &LedgerKey| {
                [key.id.clone(), when(key.since, "the beginning"), when(key.until, "in force"), key.key.clone()]
            };
            out.data(&keys, || table(["id", "since", "until", "key"], keys.iter().map(row)))
        }
        Ledger::RotateKey { out: file, data } => rotate_key(file.as_deref(), &data.data, out).await,
        Ledger::Export { dir, format: ExportFormat::Tlog, data } => export(dir, &data.data, out).await,
        Ledger::Export { dir, format: ExportFormat::Fhir, data } => {
            super::audit::export(&dir, View::Fhir, &data.data, out).await
        }
        Ledger::Export { dir, format: ExportFormat::Syslog, data } => {
            super::audit::export(&dir, View::Syslog, &data.data, out).await
        }
    }
}

/// Has the node change its key, and writes the record of that for witnesses.
async fn rotate_key(file: Option<&Path>, data: &Path, out: Output) -> Result<(), Failure> {
    // Before the key is changed: what cannot be written then would be lost.
    let mut record = file.map(create_new).transpose()?;
    let connection = Connection::open(data, None)?;
    let rotated = connection.post::<Value>("/ledger/keys", &json!({})).await;
    connection.close();
    let rotated = rotated.inspect_err(|_| drop(file.map(std::fs::remove_file)))?;
    let text = |name: &str| rotated.get(name).and_then(Value::as_str).unwrap_or_default();
    if let Some(record) = &mut record
        && let Err(error) = record.write_all(text("record").as_bytes())
    {
        note(&format!(
            "the key was changed, and its record could not be written ({error}); this is it:\n{}",
            text("record")
        ));
    }
    note(
        "give the new key to whoever holds the old one, and the record to each witness: handrail witness run --rotation FILE",
    );
    out.data(&rotated, || text("to").to_owned())
}

/// Entries, with a line under each that has detail.
async fn with_detail(connection: &Connection, lines: &[u8]) -> Result<Vec<u8>, Failure> {
    #[derive(serde::Deserialize)]
    struct Peek {
        seq: u64,
        detail: Option<events::DetailCommitment>,
    }
    let mut told = Vec::with_capacity(lines.len());
    for line in lines.split_inclusive(|byte| *byte == b'\n') {
        told.extend_from_slice(line);
        if let Ok(Peek { seq, detail: Some(_) }) = serde_json::from_slice(line) {
            let detail: Value = connection.get(&format!("/ledger/detail/{seq}")).await?;
            told.extend_from_slice(super::patient::detail_line(&detail).as_bytes());
            told.push(b'\n');
        }
    }
    Ok(told)
}

fn verify_export(audit: Audit, out: Output) -> Result<(), Failure> {
    let verdict = audit.run()?;
    let text = verdict.text;
    out.data(&verdict.json, || text)?;
    if verdict.verified { Ok(()) } else { Err(Failure::unverified("the ledger does not verify")) }
}

async fn verify_store(data: &Path, out: Output) -> Result<(), Failure> {
    let connection = Connection::open(data, None)?;
    let answer: Value = connection.get("/ledger/verify").await?;
    connection.close();
    let text = |name: &str| {
        answer.get(name).map_or_else(String::new, |v| v.as_str().map_or_else(|| v.to_string(), str::to_owned))
    };
    if answer.get("verified") == Some(&Value::Bool(true)) {
        return out.data(&answer, || {
            format!("verified: {} entries of `{}`, root {}", text("size"), text("origin"), text("root"))
        });
    }
    out.data(&answer, || text("findings"))?;
    Err(Failure::unverified("the ledger does not verify"))
}

/// A proof that the log only grew.
#[derive(serde::Deserialize)]
struct Grown {
    size: u64,
    proof: String,
}

/// Writes what [`ledger::receipt`] describes, and the entry itself where it is wanted.
fn write_receipt(proof: &Value, file: &Path, entry_out: Option<&Path>, out: Output) -> Result<(), Failure> {
    let unexpected = || Failure::remote("the node answered in an unexpected form");
    let text = |name: &str| proof.get(name).and_then(Value::as_str).ok_or_else(unexpected);
    put_new(file, text("receipt")?.as_bytes())?;
    if let Some(entry_out) = entry_out {
        put_new(entry_out, text("leaf")?.as_bytes())?;
    }
    note(&format!("check it: handrail-verify --proof {} --entry ENTRY --key '{}'", file.display(), text("key")?));
    let (entry, size) = (proof.get("entry"), proof.get("tree_size"));
    out.data(&json!({ "entry": entry, "tree_size": size, "receipt": file, "leaf": entry_out }), || {
        format!("receipt of an entry of {}: {}", size.unwrap_or(&Value::Null), file.display())
    })
}

/// Writes a file that was not there.
fn put_new(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let written = create_new(path)?.write_all(bytes);
    written.map_err(|error| Failure::local(format!("`{}` cannot be written: {error}", path.display())))
}

fn create_new(path: &Path) -> Result<std::fs::File, Failure> {
    std::fs::File::create_new(path)
        .map_err(|error| Failure::local(format!("`{}` cannot be written: {error}", path.display())))
}

/// Tiles and bundles read through a connection, from a thread that may wait.
struct Remote {
    connection: Connection,
    runtime: tokio::runtime::Handle,
}

/// Why a piece of the log did not come.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct RemoteError(String);

impl Remote {
    fn get(&self, path: &str) -> Result<Vec<u8>, RemoteError> {
        let got = self.runtime.block_on(self.connection.send(http::Method::GET, path, Vec::new()));
        got.map(|bytes| bytes.to_vec()).map_err(|failure| RemoteError(failure.message))
    }
}

impl TileSource for Remote {
    type Error = RemoteError;

    fn tile(&self, level: u8, index: u64, width: u16) -> Result<Vec<u8>, RemoteError> {
        self.get(&format!("/ledger/tile/{level}/{index}/{width}"))
    }
}

impl EntrySource for Remote {
    fn bundle(&self, index: u64, width: u16) -> Result<Vec<u8>, RemoteError> {
        self.get(&format!("/ledger/bundle/{index}/{width}"))
    }
}

#[derive(serde::Deserialize)]
struct Sealed {
    note: String,
    key: String,
    rotations: Vec<String>,
}

async fn export(dir: PathBuf, data: &Path, out: Output) -> Result<(), Failure> {
    let connection = Connection::open(data, None)?;
    let sealed: Sealed = connection.post("/ledger/checkpoint", &json!({})).await?;
    let key = VerifyingKey::parse(&sealed.key)?;
    let remote = Remote { connection, runtime: tokio::runtime::Handle::current() };
    let (exported, remote, dir) = tokio::task::spawn_blocking(move || {
        let exported = ledger::export::write(&dir, &remote, &sealed.note, &key, &sealed.rotations);
        (exported, remote, dir)
    })
    .await?;
    remote.connection.close();
    let exported = exported?;
    note(&format!("verify it anywhere: handrail-verify {} --key '{}'", dir.display(), sealed.key.trim()));
    let value =
        json!({ "dir": dir, "size": exported.checkpoint.size, "files": exported.files, "bytes": exported.bytes });
    out.data(&value, || {
        format!(
            "{} entries in {} files, {} bytes: {}",
            exported.checkpoint.size,
            exported.files,
            exported.bytes,
            dir.display()
        )
    })
}
