//! Becoming a workstation's helper: a key, a code used up, a configuration. The code is used last of all that can fail.

use crate::ask::Line;
use crate::files::{Config, beside, put, write_private};
use crate::key::Key;
use crate::say;
use crate::trouble::Trouble;
use serde_json::json;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// The longest code or link, in bytes.
const CODE_BYTES_MAX: u64 = 4 * 1024;

/// The code on a slip: what comes last in the link, if it is one.
fn code(given: Option<String>) -> Zeroizing<String> {
    let given = Zeroizing::new(given.unwrap_or_else(|| {
        let mut read = String::new();
        // What cannot be read is no code, and the node says so.
        let _unreadable = std::io::stdin().lock().take(CODE_BYTES_MAX).read_to_string(&mut read);
        read
    }));
    Zeroizing::new(given.trim().rsplit('/').next().unwrap_or_default().to_owned())
}

pub(crate) async fn run(url: &str, given: Option<String>, ca: Option<PathBuf>, config: &Path) -> Result<(), Trouble> {
    let line = Line::new(url, ca.as_deref())?;
    let (_, told) = line.nonce().await?;
    if told != line.url() {
        return Err(Trouble::OtherAddress { told });
    }
    let place = config.with_extension("key");
    let kept = Key::make()?;
    let (x, y) = Key::of(&kept).and_then(|key| key.coordinates()).ok_or(Trouble::Randomness)?;
    write_private(&place, &kept)?;
    // Whether it can be written shows before the code is gone; which device it is only the node knows.
    let mut written = Config::new(line.url().to_owned(), String::new(), place.clone(), ca);
    write_private(config, written.text()?.as_bytes())?;
    let said = line.post("/workstation/helper", &json!({ "code": *code(given), "x": x, "y": y })).await?;
    let Some(device) = said.device else {
        for unused in [beside(&place), beside(config)] {
            // What is left behind of a code that did not work is a key nobody knows.
            let _gone = std::fs::remove_file(unused);
        }
        return Err(said.say.map_or(Trouble::Unreadable, Trouble::No));
    };
    written.device.clone_from(&device);
    write_private(config, written.text()?.as_bytes())?;
    put(&place)?;
    put(config)?;
    say(&format!("This machine is the helper of {device}. Its key is in {}.", place.display()));
    say("Now add the lines for PAM (docs/workstations.md), and keep a root shell open while you do.");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_may_come_in_its_link() {
        for given in ["c0de", " c0de\n", "https://handrail.example/workstation/c0de"] {
            assert_eq!(code(Some(given.to_owned())).as_str(), "c0de", "{given}");
        }
    }
}
