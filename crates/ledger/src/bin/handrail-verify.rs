//! Verifies a Handrail ledger with nothing but its public key: an exported directory, a receipt of one entry, or that it only grew.

use ledger::audit::Audit;
use std::error::Error;
use std::io::Write as _;
use std::process::ExitCode;

const USAGE: &str = "\
handrail-verify: check a ledger with nothing but its public key

  handrail-verify DIR [--key KEY] [--retained CHECKPOINT]... [--witness KEY]... [--quorum N] [--json]
      Hashes every entry and every tile of an exported directory again and names whatever does not fit: file, entry, bytes.
      Without --key the directory is only checked against the key that lies in it, which shows nothing about who made it.
  handrail-verify --proof RECEIPT --entry FILE --key KEY [--rotation RECORD]... [--witness KEY]... [--quorum N] [--json]
      Checks that the entry is in the log.
  handrail-verify --growth FILE --retained CHECKPOINT --key KEY [--rotation RECORD]... [--witness KEY]... [--quorum N] [--json]
      Checks that the log only grew since that checkpoint.

  --key KEY              the log's public key, held from before: a file or the key itself
  --retained CHECKPOINT  a checkpoint kept from earlier; the log must begin with it
  --witness KEY          a witness's public key: a file or the key itself
  --quorum N             how many of the witnesses must have cosigned; without it all of them
  --rotation RECORD      how one signing key took over from another (an export's rotations/N.tlog-proof), oldest first
  --json                 answer with JSON

Exit codes: 0 verified, 1 wrong usage or a file that cannot be read, 4 does not verify.";

/// The exit code of what does not verify.
const UNVERIFIED: u8 = 4;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args_os().skip(1).map(|word| word.to_string_lossy().into_owned()).collect();
    if words.is_empty() || words.iter().any(|word| word == "--help" || word == "-h") {
        say(USAGE);
        return if words.is_empty() { ExitCode::FAILURE } else { ExitCode::SUCCESS };
    }
    if words.iter().any(|word| word == "--version") {
        say(concat!("handrail-verify ", env!("CARGO_PKG_VERSION")));
        return ExitCode::SUCCESS;
    }
    let (audit, json) = match asked(words) {
        Ok(asked) => asked,
        Err(problem) => return complain(&format!("{problem}; see --help")),
    };
    match audit.run() {
        Ok(verdict) => {
            say(&if json { format!("{:#}", verdict.json) } else { verdict.text });
            if verdict.verified { ExitCode::SUCCESS } else { ExitCode::from(UNVERIFIED) }
        }
        Err(error) => {
            let mut text = error.to_string();
            let mut source = error.source();
            while let Some(under) = source {
                text = format!("{text}: {under}");
                source = under.source();
            }
            complain(&text)
        }
    }
}

/// The question on the command line, and whether to answer with JSON.
fn asked(words: Vec<String>) -> Result<(Audit, bool), String> {
    let (mut audit, mut json) = (Audit::default(), false);
    let mut words = words.into_iter();
    while let Some(word) = words.next() {
        let (name, inline) = match word.split_once('=') {
            Some((name, value)) if name.starts_with("--") => (name.to_owned(), Some(value.to_owned())),
            _ => (word, None),
        };
        if !name.starts_with('-') {
            once(&mut audit.dir, name.into(), "DIR")?;
            continue;
        }
        if name == "--json" {
            json = true;
            continue;
        }
        let value = inline.or_else(|| words.next()).ok_or_else(|| format!("`{name}` needs a value"))?;
        match name.as_str() {
            "--key" => once(&mut audit.key, value, "--key")?,
            "--proof" => once(&mut audit.proof, value.into(), "--proof")?,
            "--entry" => once(&mut audit.entry, value.into(), "--entry")?,
            "--growth" => once(&mut audit.growth, value.into(), "--growth")?,
            "--quorum" => {
                let quorum = value.parse().map_err(|_| format!("`{value}` is not a number of witnesses"))?;
                once(&mut audit.quorum, quorum, "--quorum")?;
            }
            "--retained" => audit.retained.push(value.into()),
            "--witness" => audit.witnesses.push(value),
            "--rotation" => audit.rotations.push(value.into()),
            _ => return Err(format!("there is no option `{name}`")),
        }
    }
    Ok((audit, json))
}

fn once<T>(place: &mut Option<T>, value: T, name: &str) -> Result<(), String> {
    if place.replace(value).is_some() { Err(format!("`{name}` is given twice")) } else { Ok(()) }
}

/// Data; a reader that has gone away is no failure.
fn say(text: &str) {
    let _ = writeln!(std::io::stdout(), "{text}");
}

fn complain(text: &str) -> ExitCode {
    let _ = writeln!(std::io::stderr(), "handrail-verify: {text}");
    ExitCode::FAILURE
}
