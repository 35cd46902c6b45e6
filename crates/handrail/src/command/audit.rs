//! `handrail audit`: who saw what?

use super::connection::Connection;
use super::failure::Failure;
use super::output::{Output, counted, note};
use crate::cli::Audit;
use crate::server::audit::{AskedFor, Begin, Begun, View};
use crate::server::local::ENTRIES_MAX;
use ::audit::account::{Account, Line};
use ::audit::{period, table};
use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::path::Path;

/// The longest record number read from standard input, in bytes; what is longer is refused later with its limit.
const STDIN_BYTES_MAX: u64 = 256;

/// Runs it.
pub(crate) async fn run(audit: Audit, out: Output) -> Result<(), Failure> {
    match audit {
        Audit::Accounting { record_number, from, until, csv, data } => {
            let record_number = if record_number == "-" { from_stdin()? } else { record_number };
            let connection = Connection::open(&data.data, None)?;
            let asked = AskedFor { record_number, from, until };
            let account: Account = connection.post("/audit/account", &asked).await?;
            connection.close();
            warn(&account);
            if csv { out.raw(&table::account(&account)) } else { out.data(&account, || text(&account)) }
        }
    }
}

/// Writes every entry there is at this moment in another system's form, to a new file or, for `-`, to standard output.
pub(crate) async fn export(to: &Path, format: View, data: &Path, out: Output) -> Result<(), Failure> {
    let mut file = match to.as_os_str() == "-" {
        true => None,
        false => Some(std::fs::File::create_new(to)?),
    };
    let connection = Connection::open(data, None)?;
    let begun: Begun = connection.post("/audit/export", &Begin { format }).await?;
    let name = match format {
        View::Fhir => "fhir",
        View::Syslog => "syslog",
    };
    let mut lines_written = 0_usize;
    for from in (0..begun.to).step_by(usize::try_from(ENTRIES_MAX).unwrap_or(usize::MAX)) {
        let path = format!("/audit/export/{name}?from={from}&to={}", begun.to);
        let lines = connection.send(http::Method::GET, &path, Vec::new()).await?;
        lines_written += lines.iter().filter(|byte| **byte == b'\n').count();
        match &mut file {
            Some(file) => file.write_all(&lines)?,
            None => out.raw(&lines)?,
        }
    }
    connection.close();
    note(&format!("{}; a view: the evidence is the log itself", counted(lines_written, "entry")));
    Ok(())
}

fn from_stdin() -> Result<String, Failure> {
    let mut number = String::new();
    std::io::stdin().take(STDIN_BYTES_MAX).read_to_string(&mut number)?;
    Ok(number.trim().to_owned())
}

fn warn(account: &Account) {
    if account.cut_short {
        note("this is not all: there is more than one account holds; ask for a shorter period");
    }
    if account.complete_to < account.entries {
        note(&format!("this is complete up to entry {} of {}; ask again", account.complete_to, account.entries));
    }
}

fn text(account: &Account) -> String {
    let zone = period::zone(&account.time_zone);
    let mut text = format!("Who was given access to this record at {}\n", account.hospital);
    let (from, until) = (period::minute(account.from, &zone), period::minute(account.until, &zone));
    if let Some(name) = &account.name {
        let _ = writeln!(text, "Name     {name}, as the last message called them");
    }
    if let Some(by) = account.erased {
        let _ = writeln!(text, "Name     erased by entry {by}: nobody can tell any more who this was");
    }
    let _ = writeln!(text, "Patient  {}", account.patient);
    if !account.merged.is_empty() {
        let _ = writeln!(text, "         with {} merged into it", counted(account.merged.len(), "record"));
    }
    let _ = writeln!(text, "Period   {from} to {until} ({})", account.time_zone);
    section(&mut text, "Permitted", &account.accesses, account);
    section(&mut text, "Refused: nothing was shown", &account.refused, account);
    let _ = writeln!(text, "\nWho looked at this evidence: {}", counted(account.looks.len(), "time"));
    let checkpoint = &account.checkpoint;
    let _ = writeln!(
        text,
        "\nEvidence\n  ledger {}, {} entries, root {}\n  verify: handrail ledger export DIR && handrail ledger verify DIR --key '{}'",
        checkpoint.origin, checkpoint.size, checkpoint.root, checkpoint.key
    );
    text
}

fn section(text: &mut String, heading: &str, lines: &[Line], account: &Account) {
    let _ = writeln!(text, "\n{heading}");
    if lines.is_empty() {
        let _ = writeln!(text, "  nobody");
    }
    let zone = period::zone(&account.time_zone);
    for line in lines {
        let who = line.name.as_ref().map_or_else(|| line.who.to_string(), |name| format!("{name} ({})", line.who));
        let list = |texts: &std::collections::BTreeSet<String>| texts.iter().cloned().collect::<Vec<_>>().join(", ");
        let _ = writeln!(text, "  {}  {who}, {}", period::minute(line.first, &zone), list(&line.roles));
        let mut told = vec![format!("{}: {}", counted(line.times, "time"), list(&line.did))];
        told.extend(line.purpose.iter().map(|purpose| format!("for {purpose}")));
        told.extend((!line.places.is_empty()).then(|| format!("in {}", list(&line.places))));
        told.extend(line.emergency.map(|kind| kind.words().to_uppercase()));
        let _ = writeln!(text, "      {}", told.join(", "));
        for authority in &line.authority {
            let owner = authority.owner.as_ref().map_or_else(String::new, |owner| format!(", {owner}"));
            let _ = writeln!(text, "      under rule {}{owner}", authority.policy);
        }
        let entries: Vec<_> = line.entries.iter().map(ToString::to_string).collect();
        let _ = writeln!(text, "      entries {}", entries.join(" "));
    }
}
