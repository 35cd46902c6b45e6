//! An auditor with nothing but the public key and last year's checkpoint finds a rewritten entry, though the thief had the signing key; and a
//! witness would not have signed it.

use crate::peer::{Caller, Node, handrail, pause};
use crate::step::{Outcome, root};
use crate::story::hospital::{Feeds, request};
use crate::story::{Teller, expect};
use ledger::directory::Directory;
use ledger::source::{EntrySource, TileSource, tile_width};
use ledger::{SigningKey, Tree, VerifyingKey, bundle, growth::Growth, leaf_hash, note, proof};
use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use zeroize::Zeroizing;

/// The verifier that stands alone.
fn verify(args: &[&str]) -> Outcome<(i32, String)> {
    let verifier = root().join("target").join("debug").join("handrail-verify");
    let output = Command::new(verifier).args(args).stdin(Stdio::null()).output()?;
    Ok((output.status.code().unwrap_or(-1), String::from_utf8_lossy(&output.stdout).into_owned()))
}

fn verified(args: &[&str], says: &str) -> Outcome {
    let (code, said) = verify(args)?;
    expect(code == 0 && said.contains(says), || format!("{args:?} exits {code}: {said}"))
}

fn refused(args: &[&str], says: &str) -> Outcome {
    let (code, said) = verify(args)?;
    expect(code == 4 && said.contains(says), || format!("{args:?} exits {code}: {said}"))
}

/// A witness's process; it ends with this value.
struct Watching {
    child: Child,
    url: String,
}

impl Watching {
    fn start(state: &Path, log_key: &str) -> Outcome<Self> {
        let address = crate::peer::free_address()?;
        let child = Command::new(crate::peer::binary())
            .args(["witness", "run", "--listen", &address.to_string(), "--log-key", log_key, "--state"])
            .arg(state)
            .stderr(Stdio::null())
            .spawn()?;
        let watching = Self { child, url: format!("http://{address}/add-checkpoint") };
        for _ in 0..500 {
            if std::net::TcpStream::connect(address).is_ok() {
                return Ok(watching);
            }
            pause(20);
        }
        Err("the witness did not start".into())
    }

    /// What it answers to a checkpoint and the proof that it continues the one before.
    fn add(&self, request: &str) -> Outcome<(u16, String)> {
        let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
        let mut response = agent.post(&self.url).send(request)?;
        Ok((response.status().as_u16(), response.body_mut().read_to_string()?))
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _gone = self.child.wait();
    }
}

/// A log in memory, as a thief rewrites it.
#[derive(Default)]
struct Forged {
    tiles: BTreeMap<(u8, u64), Vec<u8>>,
    bundles: Vec<Vec<u8>>,
    tree: Tree,
}

impl TileSource for Forged {
    type Error = std::convert::Infallible;

    fn tile(&self, level: u8, index: u64, _width: u16) -> Result<Vec<u8>, Self::Error> {
        Ok(self.tiles.get(&(level, index)).cloned().unwrap_or_default())
    }
}

impl EntrySource for Forged {
    fn bundle(&self, index: u64, _width: u16) -> Result<Vec<u8>, Self::Error> {
        Ok(usize::try_from(index).ok().and_then(|index| self.bundles.get(index)).cloned().unwrap_or_default())
    }
}

/// The log of an export with `denied` turned into permission, every hash above it made to fit.
fn rewritten(export: &Path, size: u64, denied: u64) -> Outcome<Forged> {
    let (source, mut forged) = (Directory::at(export), Forged::default());
    for index in 0..size.div_ceil(256) {
        let width = tile_width(0, index, size);
        let bytes = source.bundle(index, width)?;
        let mut entries = Vec::new();
        for entry in bundle::decode(&bytes, width)? {
            let mut text = String::from_utf8(entry.bytes.to_vec())?;
            if index * 256 + u64::from(entry.place) == denied {
                let honest = text.clone();
                text = text.replacen("\"effect\":\"deny\"", "\"effect\":\"permit\"", 1);
                expect(text != honest, || format!("entry {denied} is no denial: {honest}"))?;
            }
            forged.tree.append(leaf_hash(text.as_bytes()));
            entries.push(text);
        }
        forged.bundles.push(bundle::encode(&entries)?);
    }
    for tile in forged.tree.take_changed_tiles() {
        forged.tiles.insert((tile.level, tile.index), tile.bytes);
    }
    Ok(forged)
}

/// Tells it.
pub(crate) fn tell(teller: &mut Teller) -> Outcome {
    let dir = tempfile::tempdir()?;
    let at = |name: &str| dir.path().join(name).display().to_string();
    let data = dir.path().join("data");
    let shown = data.display().to_string();
    let node = Node::start(&data, &root().join("charter"))?;
    Feeds::of(&node)?.nurse("n-amara", "Amara Osei", "ED")?;
    let ehr = node.caller("ehr")?;
    let denied = denied(&ehr)?;
    handrail(&["ledger", "export", &at("last-year"), "--data", &shown])?;
    let (key, kept) = (at("last-year/log.vkey"), at("last-year/checkpoint"));
    teller.step("a nurse is denied; the auditor keeps the public key and the checkpoint of the day");

    handrail(&["witness", "init", "--state", &at("witness"), "--name", "witness.example/1"])?;
    let witness = Watching::start(Path::new(&at("witness")), &key)?;
    handrail(&["ledger", "growth", "0", "--out", &at("from-nothing"), "--data", &shown])?;
    let first = std::fs::read_to_string(at("from-nothing"))?;
    let (status, cosigned) = witness.add(&first)?;
    expect(status == 200 && cosigned.contains("witness.example/1"), || format!("{status}: {cosigned}"))?;
    teller.step("a witness, another process with its own key and state, cosigns the log");

    receipts(teller, &shown, denied, &at, &key)?;
    for _ in 0..5 {
        self::denied(&ehr)?;
    }
    handrail(&["ledger", "export", &at("this-year"), "--data", &shown])?;
    verified(&[&at("this-year"), "--key", &key, "--retained", &kept], "it begins with")?;
    teller.step("a year later the whole log is exported, hashed again offline, and begins with what the auditor kept");
    node.stop()?;
    teller.step("the node stops");

    forged(teller, &data, dir.path(), denied, &witness, &first)?;
    rotated(teller, &shown, &at, &key, &kept)
}

/// A question that is denied; its entry.
fn denied(ehr: &Caller) -> Outcome<u64> {
    let answer = ehr.tell("POST", "/access/v1/evaluation", &request("n-amara", "read_chart", "900001", "ED"))?;
    let entry = answer.pointer("/context/entry").and_then(serde_json::Value::as_u64);
    expect(answer.get("decision") == Some(&serde_json::Value::Bool(false)), || format!("not denied: {answer}"))?;
    entry.ok_or_else(|| "the answer names no entry".into())
}

fn receipts(teller: &mut Teller, data: &str, entry: u64, at: &dyn Fn(&str) -> String, key: &str) -> Outcome {
    let (receipt, leaf) = (at("denial.tlog-proof"), at("denial.json"));
    handrail(&["ledger", "prove", &entry.to_string(), "--out", &receipt, "--entry-out", &leaf, "--data", data])?;
    verified(&["--proof", &receipt, "--entry", &leaf, "--key", key], "verified: this is entry")?;
    let altered = std::fs::read_to_string(&leaf)?.replacen("deny", "permit", 1);
    std::fs::write(at("altered.json"), altered)?;
    refused(&["--proof", &receipt, "--entry", &at("altered.json"), "--key", key], "does not show")?;
    teller.step("the receipt of one denial is checked offline with the key alone; of an altered one it is none");
    Ok(())
}

fn forged(teller: &mut Teller, data: &Path, dir: &Path, entry: u64, witness: &Watching, first: &str) -> Outcome {
    let (export, forgery) = (dir.join("this-year"), dir.join("forgery"));
    let key = std::fs::read_to_string(export.join("log.vkey"))?;
    let key: VerifyingKey = key.trim().parse()?;
    let honest = note::open(&std::fs::read(export.join("checkpoint"))?, &key)?;
    let stolen: [u8; 32] = std::fs::read(data.join("keys").join("ledger"))?.try_into().map_err(|_| "not 32 bytes")?;
    let thief = SigningKey::from_seed(key.origin().clone(), &Zeroizing::new(stolen))?;
    let forged = rewritten(&export, honest.size, entry)?;
    let signed = note::sign(honest.size, forged.tree.root(), &thief)?;
    ledger::export::write(&forgery, &forged, &signed, &key, &[])?;
    let (forgery, vkey) = (forgery.display().to_string(), dir.join("last-year/log.vkey").display().to_string());
    verified(&[&forgery, "--key", &vkey], "verified")?;
    teller.step(
        "root turns the denial into a permit, makes every hash fit and signs with the stolen key: sound by itself",
    );

    let kept = dir.join("last-year/checkpoint").display().to_string();
    refused(&[&forgery, "--key", &vkey, "--retained", &kept], "rewritten or split")?;
    teller.step("last year's checkpoint shows that history was rewritten");

    let old = Growth::parse(first.as_bytes())?;
    let seen = note::open(old.note.as_bytes(), &key)?.size;
    let path = proof::consistency(&forged, seen, honest.size)?;
    let (status, said) = witness.add(&Growth { old: seen, path, note: signed }.to_string())?;
    expect(status == 422, || format!("the witness answers {status}: {said}"))?;
    let path = proof::consistency(&Directory::at(&export), seen, honest.size)?;
    let honest_note = std::fs::read_to_string(export.join("checkpoint"))?;
    let (status, said) = witness.add(&Growth { old: seen, path, note: honest_note }.to_string())?;
    expect(status == 200, || format!("the witness answers {status}: {said}"))?;
    teller.step("the witness refuses the forgery with 422 and cosigns the honest log");

    let bundle = export.join("tile/entries").join(format!("000.p/{}", honest.size));
    let mut bytes = std::fs::read(&bundle)?;
    if let Some(byte) = bytes.get_mut(1000) {
        *byte ^= 1;
    }
    std::fs::write(&bundle, bytes)?;
    refused(&[&export.display().to_string(), "--key", &vkey], "tile/entries/000.p/")?;
    teller.step("one flipped byte is named with its file, entry and bytes");
    Ok(())
}

fn rotated(teller: &mut Teller, data: &str, at: &dyn Fn(&str) -> String, key: &str, kept: &str) -> Outcome {
    let new = handrail(&["ledger", "rotate-key", "--out", &at("rotation"), "--data", data])?;
    handrail(&["ledger", "export", &at("rotated"), "--data", data])?;
    verified(&[&at("rotated"), "--key", key, "--retained", kept], "replaced 1 time")?;
    verified(&[&at("rotated"), "--key", new.trim(), "--retained", kept], "replaced 1 time")?;
    teller.step("the key is changed: whoever holds the old key is led to the new one, whoever holds the new one back to last year");
    Ok(())
}
