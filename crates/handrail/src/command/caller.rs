//! `handrail caller`: tokens of the systems that ask for decisions or feed facts.

use super::connection::Connection;
use super::failure::Failure;
use super::output::{Output, note};
use crate::cli::Caller;
use axum::http::Method;
use charter::Charter;
use events::CallerName;
use serde_json::{Value, json};
use std::path::Path;

/// The longest certificate file that is read, in bytes.
const PEM_BYTES_MAX: usize = 64 * 1024;

/// Runs it.
pub(crate) async fn run(caller: Caller, out: Output) -> Result<(), Failure> {
    match caller {
        Caller::Add { name, certificate, data, charter } => {
            named(&name)?;
            let certificate = certificate.as_deref().map(pem).transpose()?;
            let seed = charter.as_deref().map(load).transpose()?;
            let connection = Connection::open(&data.data, seed)?;
            let answer: Value =
                connection.post("/callers", &json!({ "name": name, "certificate": certificate })).await?;
            connection.close();
            if answer.get("named_in_charter") == Some(&Value::Bool(false)) {
                note(&format!(
                    "note: the charter does not name `{name}`, so it has the rights of `default` in systems.toml"
                ));
            }
            let shown = ["token", "certificate"].iter().find_map(|name| answer.get(name).and_then(Value::as_str));
            out.data(&answer, || shown.unwrap_or_default().to_owned())
        }
        Caller::List { data } => {
            let connection = Connection::open(&data.data, None)?;
            let names: Vec<String> = connection.get("/callers").await?;
            connection.close();
            out.data(&names, || if names.is_empty() { "no caller has a token".to_owned() } else { names.join("\n") })
        }
        Caller::Revoke { name, data } => {
            named(&name)?;
            let connection = Connection::open(&data.data, None)?;
            connection.send(Method::DELETE, &format!("/callers/{}", segment(&name)), Vec::new()).await?;
            connection.close();
            note(&format!("all tokens and certificates of `{name}` are ended"));
            Ok(())
        }
    }
}

/// Reads a certificate's file, as far as a certificate can be long.
fn pem(file: &Path) -> Result<String, Failure> {
    let text = std::fs::read_to_string(file)
        .map_err(|error| Failure::local(format!("`{}` cannot be read: {error}", file.display())))?;
    if text.len() > PEM_BYTES_MAX {
        return Err(Failure::local(format!("`{}` has more than {PEM_BYTES_MAX} bytes", file.display())));
    }
    Ok(text)
}

/// Refuses what cannot be a caller's name before anything is opened.
fn named(name: &str) -> Result<CallerName, Failure> {
    CallerName::new(name).map_err(|error| Failure::local(format!("{name:?} cannot be a caller's name: {error}")))
}

/// A name as one segment of a path.
pub(super) fn segment(name: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    name.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

/// Loads a charter, or says everything that is wrong with it.
pub(crate) fn load(dir: &Path) -> Result<Charter, Failure> {
    Charter::load(dir).map_err(|found| super::charter::refused(dir, &found))
}
