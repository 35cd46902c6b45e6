//! `handrail ledger`: the evidence, to be checked here or elsewhere.

use super::connection::Connection;
use super::failure::Failure;
use super::output::{Output, note};
use crate::cli::Ledger;
use crate::server::local::ENTRIES_MAX;
use ledger::{EntrySource, TileSource, VerifyingKey};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// Runs it.
pub(crate) async fn run(ledger: Ledger, out: Output) -> Result<(), Failure> {
    match ledger {
        Ledger::Verify { export: Some(dir), key, retained, .. } => {
            verify_export(&dir, key.as_deref(), retained.as_deref(), out)
        }
        Ledger::Verify { data, .. } => verify_store(&data.data, out).await,
        Ledger::Show { from, count, data } => {
            let connection = Connection::open(&data.data, None)?;
            let to = from.saturating_add(count.min(ENTRIES_MAX));
            let lines =
                connection.send(http::Method::GET, &format!("/ledger/entries?from={from}&to={to}"), Vec::new()).await?;
            connection.close();
            out.raw(&lines)
        }
        Ledger::Prove { entry, data } => {
            let connection = Connection::open(&data.data, None)?;
            let proof: Value = connection.get(&format!("/ledger/proof/{entry}")).await?;
            connection.close();
            out.data(&proof, || serde_json::to_string_pretty(&proof).unwrap_or_default())
        }
        Ledger::Export { dir, data } => export(dir, &data.data, out).await,
    }
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

fn verify_export(dir: &Path, key: Option<&str>, retained: Option<&Path>, out: Output) -> Result<(), Failure> {
    let key = key.map(held_key).transpose()?;
    let retained = match (retained, &key) {
        (None, _) => None,
        (Some(path), Some(key)) => Some(ledger::note::open(&std::fs::read(path)?, key)?),
        (Some(_), None) => {
            return Err(Failure::local("--retained needs --key: without it nobody vouches for that checkpoint"));
        }
    };
    match ledger::verify::directory(dir, key.as_ref(), retained.as_ref()) {
        Ok(report) => {
            let value = json!({
                "verified": true,
                "size": report.checkpoint.size,
                "origin": report.checkpoint.origin.as_str(),
                "root": report.checkpoint.root.to_string(),
                "signature": report.signature.to_string(),
                "begins_with": report.retained,
            });
            out.data(&value, || {
                let began = report
                    .retained
                    .map_or_else(String::new, |size| format!("\nit begins with the {size} entries you knew"));
                format!(
                    "verified: {} entries of `{}`, root {}\n{}{began}",
                    report.checkpoint.size, report.checkpoint.origin, report.checkpoint.root, report.signature
                )
            })
        }
        Err(failure) => {
            let findings: Vec<String> = failure.findings().iter().map(ToString::to_string).collect();
            out.data(&json!({ "verified": false, "findings": findings, "more": failure.more() }), || {
                findings.join("\n")
            })?;
            Err(Failure::unverified("the ledger does not verify"))
        }
    }
}

/// A key given as itself or as a file.
fn held_key(text: &str) -> Result<VerifyingKey, Failure> {
    let path = Path::new(text);
    let text = if path.exists() { std::fs::read_to_string(path)? } else { text.to_owned() };
    Ok(VerifyingKey::parse(text.trim())?)
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
}

async fn export(dir: PathBuf, data: &Path, out: Output) -> Result<(), Failure> {
    let connection = Connection::open(data, None)?;
    let sealed: Sealed = connection.post("/ledger/checkpoint", &json!({})).await?;
    let key = VerifyingKey::parse(&sealed.key)?;
    let remote = Remote { connection, runtime: tokio::runtime::Handle::current() };
    let (exported, remote, dir) = tokio::task::spawn_blocking(move || {
        let exported = ledger::export::write(&dir, &remote, &sealed.note, &key);
        (exported, remote, dir)
    })
    .await?;
    remote.connection.close();
    let exported = exported?;
    note(&format!("verify it anywhere: handrail ledger verify {} --key '{}'", dir.display(), sealed.key.trim()));
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
