//! The binary as it is built for hospitals under load from outside, on the same cores; decisions beside Cerbos, which is asked the same.

use super::cerbos::Cerbos;
use super::figures::Goal;
use super::load::{self, Asked, Measured};
use crate::peer::{Caller, Node, Sender};
use crate::step::Outcome;
use crate::story::hospital::{Adt, Feeds, request};
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// How long each load lasts.
const LOAD: Duration = Duration::from_secs(5);
/// Patients in the ED, and as many in a ward, before the load begins.
const PATIENTS: usize = 1000;
/// How many connections ask for decisions.
const CONNECTIONS: [usize; 3] = [1, 16, 64];
/// A load that sends half as many as were answered at the most.
const HALF: &str = "half the highest rate";
/// Over how many connections.
const HALF_LOAD_CONNECTIONS: usize = 64;
/// Senders of HL7 messages.
const SENDERS: usize = 16;
/// Where Cerbos finds what Handrail knows by itself: who works where.
const ON_SHIFT: [(&str, &str); 2] = [("n-amara", "ED"), ("n-berta", "WARD-3B")];
/// A nurse who is not on shift.
const OFF_SHIFT: &str = "n-chidi";

/// Loads it; `filter` may leave out decisions (`http`) or messages (`mllp`).
pub(super) fn run(filter: &str, binary: &Path, charter: &Path, goals: &mut Vec<Goal>) -> Outcome<Vec<String>> {
    // Beside what is built, for there is a disk under that.
    let dir = tempfile::tempdir_in(crate::step::root().join("target"))?;
    let node = Node::start_under(&[], binary, &dir.path().join("data"), charter)?;
    let mut tables = Vec::new();
    if "http".contains(filter) {
        admit(&node)?;
        tables.push(decisions(&node, &dir.path().join("cerbos"), goals)?);
    }
    if "mllp".contains(filter) {
        let measured = load::mllp(node.mllp, SENDERS, LOAD)?;
        let what = "HL7 messages committed before ACK, 16 senders";
        goals.push(Goal::at_least(what, 5_000.0, measured.per_second, "a second"));
        let row = (format!("HL7 messages committed before ACK, {SENDERS} senders"), measured);
        tables.push(table("messages over MLLP", &[row]));
    }
    node.stop()?;
    Ok(tables)
}

pub(super) fn table(what: &str, rows: &[(String, Measured)]) -> String {
    let mut text = format!("| {what} | per second | p50 ms | p99 ms | not as expected |\n|---|---:|---:|---:|---:|\n");
    for (what, measured) in rows {
        let Measured { per_second, p50_ms, p99_ms, failed } = measured;
        let _infallible = writeln!(text, "| {what} | {per_second:.0} | {p50_ms:.2} | {p99_ms:.2} | {failed} |");
    }
    text
}

/// The same requests to Handrail and to Cerbos, without its audit log and with it, one after another on otherwise idle cores.
fn decisions(node: &Node, dir: &Path, goals: &mut Vec<Goal>) -> Outcome<String> {
    let ehr = node.caller("ehr")?;
    let mut rows: Vec<(String, Measured)> = Vec::new();
    let ours = |scene: &Scene| Asked::new(node.http, ehr.token(), &scene.for_handrail(), scene.permitted);
    everything_is_answered_as_expected("Handrail", ours, node.http)?;
    rows.extend(loads("Handrail, durable", &[(node.http, requests(ours))])?);
    let fastest = rows.iter().map(|(_, measured)| measured.per_second).fold(0.0, f64::max);
    goals.push(Goal::at_least("AuthZEN evaluation over HTTP, durable", 15_000.0, fastest, "a second"));
    let half = rows.last().map_or(f64::MAX, |(_, measured)| measured.p99_ms);
    goals.push(Goal::at_most("the same at half that rate: p99", 5.0, half, "ms"));
    for audit in [false, true] {
        let cerbos = Cerbos::start(dir, audit)?;
        let theirs = |scene: &Scene| Asked::new(cerbos.http, "", &scene.for_cerbos(), scene.permitted);
        everything_is_answered_as_expected("Cerbos", theirs, cerbos.http)?;
        let what = if audit { "Cerbos, decision log to a file" } else { "Cerbos, nothing recorded" };
        rows.extend(loads(what, &[(cerbos.http, requests(theirs))])?);
        cerbos.stop()?;
    }
    Ok(table("AuthZEN evaluation over HTTP", &rows))
}

/// What a load asks, made ready.
fn requests(asked: impl Fn(&Scene) -> Asked) -> Arc<Vec<Asked>> {
    Arc::new((0..PATIENTS).map(|number| asked(&Scene::of_the_load(number))).collect())
}

/// The same as a caller of a node asks it.
pub(super) fn requests_to(node: &Node, ehr: &Caller) -> Arc<Vec<Asked>> {
    requests(|scene| Asked::new(node.http, ehr.token(), &scene.for_handrail(), scene.permitted))
}

/// Over each number of connections, then half the highest rate.
pub(super) fn loads(who: &str, targets: &[(SocketAddr, Arc<Vec<Asked>>)]) -> Outcome<Vec<(String, Measured)>> {
    let mut rows = Vec::new();
    let mut load = |what: String, connections, pace| -> Outcome<f64> {
        let measured = load::http(targets, connections, LOAD, pace)?;
        if measured.failed > 0 {
            return Err(format!("{who}: {} answers were not as expected", measured.failed).into());
        }
        let per_second = measured.per_second;
        rows.push((format!("{who}, {what}"), measured));
        Ok(per_second)
    };
    let mut fastest = 0.0_f64;
    for connections in CONNECTIONS {
        let plural = if connections == 1 { "" } else { "s" };
        fastest = fastest.max(load(format!("{connections} connection{plural}"), connections, None)?);
    }
    load(HALF.to_owned(), HALF_LOAD_CONNECTIONS, Some(fastest / 2.0))?;
    Ok(rows)
}

/// Asks each scene once, so that nobody is measured who answers something else.
fn everything_is_answered_as_expected(who: &str, asked: impl Fn(&Scene) -> Asked, address: SocketAddr) -> Outcome {
    let scenes = Scene::all();
    let requests: Vec<Asked> = scenes.iter().map(asked).collect();
    match load::unexpected(address, &requests)?.and_then(|place| scenes.get(place)) {
        Some(scene) => Err(format!("{who} does not answer as expected: {scene:?}").into()),
        None => Ok(()),
    }
}

/// Somebody asks for somebody's chart.
#[derive(Clone, Debug)]
struct Scene {
    who: &'static str,
    patient: String,
    /// The unit whose workstation is used: one of [`ON_SHIFT`], or the one in the corridor that nobody manages.
    at: &'static str,
    level: i64,
    purpose: &'static str,
    permitted: bool,
}

impl Scene {
    fn usual(patient: String) -> Self {
        Self { who: "n-amara", patient, at: "ED", level: 2, purpose: "TREAT", permitted: true }
    }

    /// Of ten requests, one is for a patient of another ward and one from a device nobody manages: denies that look for remedies.
    fn of_the_load(number: usize) -> Self {
        match number % 10 {
            0 => Self { permitted: false, ..Self::usual(format!("W{number}")) },
            5 => Self { at: "CORRIDOR", permitted: false, ..Self::usual(format!("B{number}")) },
            _ => Self::usual(format!("B{number}")),
        }
    }

    /// What both have to answer the same: each reason for which the answer can be another.
    fn all() -> Vec<Self> {
        let usual = || Self::usual("B1".to_owned());
        let ward = || Self { who: "n-berta", at: "WARD-3B", ..Self::usual("W1".to_owned()) };
        let deny = |scene: Self| Self { permitted: false, ..scene };
        let mut all: Vec<Self> = (0..20).map(Self::of_the_load).collect();
        all.extend([
            ward(),
            deny(Self { patient: "B1".to_owned(), ..ward() }),
            deny(Self { level: 1, ..usual() }),
            deny(Self { purpose: "HRESCH", ..usual() }),
            deny(Self { who: OFF_SHIFT, ..usual() }),
            deny(Self { who: "n-nobody", ..usual() }),
            deny(Self { patient: "X1".to_owned(), ..usual() }),
            deny(Self { at: "CORRIDOR", ..ward() }),
        ]);
        all
    }

    /// With what a caller of Handrail says.
    fn for_handrail(&self) -> Value {
        let mut asked = request(self.who, "read_chart", &self.patient, self.at);
        for (place, value) in [("/context/session/level", json!(self.level)), ("/context/purpose", json!(self.purpose))]
        {
            if let Some(member) = asked.pointer_mut(place) {
                *member = value;
            }
        }
        asked
    }

    /// With everything Handrail knows by itself besides: Cerbos keeps no facts.
    fn for_cerbos(&self) -> Value {
        let units: Vec<&str> = ON_SHIFT.iter().filter(|(who, _)| *who == self.who).map(|(_, unit)| *unit).collect();
        let known = self.who == OFF_SHIFT || !units.is_empty();
        let place: &[&str] = match self.patient.chars().next() {
            Some('B') => &["ED"],
            Some('W') => &["WARD-3B"],
            _ => &[],
        };
        let managed = ON_SHIFT.iter().any(|(_, unit)| *unit == self.at);
        let posture = if managed { "healthy" } else { "unknown" };
        let subject = json!({
            "cerbos.roles": ["user"], "roles": if known { &["nurse"][..] } else { &[] }, "active": known, "class": "staff", "units": units,
            "on_call_units": [], "elevations": [], "vouched": false, "break_glass": false, "emergency": false, "adt_quiet_minutes": 0, "purpose": self.purpose,
            "session": { "level": self.level, "age_minutes": 1, "method": "passkey" },
            "device": { "posture": posture, "managed": managed, "kind": "workstation" },
        });
        let patient = json!({
            "units": place, "expecting": [], "team": [], "attending": [], "participants": [], "performing": [], "scheduled": [], "left": [], "labels": [],
            "family": [], "is": "",
        });
        json!({
            "subject": { "type": "user", "id": self.who, "properties": subject },
            "action": { "name": "read_chart" },
            "resource": { "type": "patient", "id": self.patient, "properties": patient },
        })
    }
}

/// The people, and the patients that are asked about.
pub(super) fn admit(node: &Node) -> Outcome {
    let feeds = Feeds::of(node)?;
    for (who, unit) in ON_SHIFT {
        feeds.nurse(who, who, unit)?;
    }
    let off = json!({ "id": OFF_SHIFT, "class": "staff", "roles": ["nurse"], "name": OFF_SHIFT, "home_unit": "ED" });
    Caller::tell(&feeds.identity, "PUT", "/feeds/v1/people", &json!({ "people": [off] }))?;
    let own = json!({ "id": "ws-CORRIDOR", "kind": "workstation", "unit": "ED", "shared": true, "managed": false });
    Caller::tell(&feeds.devices, "PUT", "/feeds/v1/devices", &json!({ "devices": [own] }))?;
    let mut sender = Sender::connect(node.mllp)?;
    for (letter, place) in [('B', "ED"), ('W', "WARD-3B")] {
        let (control, visit) = (format!("{letter}@"), format!("V{letter}@"));
        let adt = Adt {
            trigger: "A01",
            control: &control,
            patient: &control,
            visit: &visit,
            place,
            before: "",
            merged: None,
            at: -60,
        };
        let template = adt.text()?;
        for number in 0..PATIENTS {
            sender.accepted(&template.replace('@', &number.to_string()))?;
        }
    }
    Ok(())
}
