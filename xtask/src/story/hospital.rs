//! A few people, shifts, devices and messages that stories are told with.

use crate::peer::{Caller, Node};
use crate::step::{Outcome, root};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The hospital's name for an instant, in seconds from now: RFC 3339.
pub(crate) fn instant(seconds: i64) -> Outcome<String> {
    date(seconds, "%Y-%m-%dT%H:%M:%SZ")
}

/// The same as HL7 writes it, with its zone.
pub(crate) fn hl7_instant(seconds: i64) -> Outcome<String> {
    date(seconds, "%Y%m%d%H%M%S+0000")
}

fn date(seconds: i64, form: &str) -> Outcome<String> {
    let output =
        Command::new("date").args(["-u", "-d", &format!("{seconds} seconds"), &format!("+{form}")]).output()?;
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}

/// A copy of the starter charter whose grace after a transfer is only seconds, so that a story need not wait half an hour.
pub(crate) fn hasty_charter(dir: &Path, grace_s: u64) -> Outcome<PathBuf> {
    let copy = dir.join("charter");
    let from = root().join("charter");
    let status = Command::new("cp").arg("-r").arg(&from).arg(&copy).status()?;
    if !status.success() {
        return Err("the starter charter could not be copied".into());
    }
    let file = copy.join("hospital.toml");
    let text = std::fs::read_to_string(&file)?;
    let hasty: Vec<String> = text
        .lines()
        .map(|line| if line.starts_with("transfer_s") { format!("transfer_s = {grace_s}") } else { line.to_owned() })
        .collect();
    if !hasty.iter().any(|line| *line == format!("transfer_s = {grace_s}")) {
        return Err("the starter charter names no grace after a transfer".into());
    }
    std::fs::write(&file, hasty.join("\n") + "\n")?;
    Ok(copy)
}

/// The systems that tell a node about people, shifts and devices.
pub(crate) struct Feeds {
    pub(crate) identity: Caller,
    pub(crate) rota: Caller,
    pub(crate) devices: Caller,
}

impl Feeds {
    /// Tokens for each, made at the node's console.
    pub(crate) fn of(node: &Node) -> Outcome<Self> {
        Ok(Self {
            identity: node.caller("identity")?,
            rota: node.caller("rota")?,
            devices: node.caller("device-management")?,
        })
    }

    /// A nurse on shift in a unit, now, with a healthy workstation there.
    pub(crate) fn nurse(&self, id: &str, name: &str, unit: &str) -> Outcome {
        let person = json!({ "id": id, "class": "staff", "roles": ["nurse"], "name": name, "home_unit": unit });
        self.identity.tell("PUT", "/feeds/v1/people", &json!({ "people": [person] }))?;
        let shift = json!({
            "shift": format!("{id}-today"), "person": id, "unit": unit, "from": instant(-3600)?, "until": instant(6 * 3600)?,
        });
        self.rota.tell("PUT", "/feeds/v1/rota", &json!({ "shifts": [shift] }))?;
        let device = format!("ws-{unit}");
        self.devices.tell("PUT", "/feeds/v1/devices", &workstation(&device, unit))?;
        let posture = json!({ "device": device, "posture": "healthy", "good_until": instant(6 * 3600)? });
        self.devices.tell("PUT", "/feeds/v1/posture", &json!({ "reports": [posture] }))?;
        Ok(())
    }
}

/// What is said of a workstation of a unit.
pub(crate) fn workstation(device: &str, unit: &str) -> Value {
    json!({ "devices": [{ "id": device, "kind": "workstation", "unit": unit, "shared": true, "managed": true }] })
}

/// A request for a patient at a unit's workstation, freshly signed in.
pub(crate) fn request(who: &str, action: &str, patient: &str, unit: &str) -> Value {
    request_at(&format!("ws-{unit}"), who, action, patient)
}

/// The same at a device.
pub(crate) fn request_at(device: &str, who: &str, action: &str, patient: &str) -> Value {
    json!({
        "subject": { "type": "user", "id": who },
        "action": { "name": action },
        "resource": { "type": "patient", "id": patient },
        "context": { "device": device, "session": { "level": 2, "age_minutes": 1, "method": "passkey" }, "purpose": "TREAT" },
    })
}

/// One ADT message about one patient.
pub(crate) struct Adt<'a> {
    pub(crate) trigger: &'a str,
    pub(crate) control: &'a str,
    pub(crate) patient: &'a str,
    pub(crate) visit: &'a str,
    pub(crate) place: &'a str,
    /// PV1-6, where the patient was before.
    pub(crate) before: &'a str,
    /// MRG-1, for merges.
    pub(crate) merged: Option<&'a str>,
    /// When it happened, in seconds from now.
    pub(crate) at: i64,
}

impl Adt<'_> {
    /// As text, segments separated by CR.
    pub(crate) fn text(&self) -> Outcome<String> {
        let (now, at) = (hl7_instant(0)?, hl7_instant(self.at)?);
        let Self { trigger, control, patient, visit, place, before, .. } = self;
        let mut segments = vec![
            format!("MSH|^~\\&|STORY|HARBOUR|HANDRAIL|HARBOUR|{now}||ADT^{trigger}|{control}|P|2.5.1"),
            format!("EVN|{trigger}|{now}||||{at}"),
            format!("PID|1||{patient}^^^HARBOUR^MR||Sample^Story||19700101|F"),
        ];
        match self.merged {
            Some(retired) => segments.push(format!("MRG|{retired}^^^HARBOUR^MR")),
            None => segments.push(format!("PV1|1|I|{place}^1^A|||{before}^1^A|||||||||||||{visit}")),
        }
        Ok(segments.join("\r") + "\r")
    }
}
