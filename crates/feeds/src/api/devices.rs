//! What people work at, and how healthy it is.

use super::{Api, Problem, Reply, at_most, few, id, seen, unit};
use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, State};
use callers::{Caller, FeedDevices};
use charter::Charter;
use events::device::{DeviceKind, Posture, PostureReported, Registered, Retired};
use events::{DeviceId, Draft, Timestamp};
use serde::Deserialize;
use smol_str::SmolStr;
use std::time::Duration;

/// The longest reason of a posture, in characters.
const REASON_CHARS_MAX: usize = 200;
/// How far ahead a finding may say that it holds.
const GOOD_FOR_MAX: Duration = Duration::from_secs(31 * 24 * 60 * 60);

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Devices {
    devices: Vec<Device>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Device {
    id: DeviceId,
    kind: DeviceKind,
    unit: Option<String>,
    shared: bool,
    managed: bool,
}

impl Device {
    fn registered(self, charter: &Charter) -> Result<Registered, Problem> {
        seen("id", self.id.as_str())?;
        let unit = self.unit.map(|code| unit(charter, &code)).transpose()?;
        Ok(Registered { device: self.id, kind: self.kind, unit, shared: self.shared, managed: self.managed })
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Reports {
    reports: Vec<Report>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Report {
    device: DeviceId,
    posture: Posture,
    good_until: Timestamp,
    reason: Option<SmolStr>,
}

pub(super) async fn tell(
    caller: Caller<FeedDevices>,
    State(api): State<Api>,
    body: Result<Json<Devices>, JsonRejection>,
) -> Reply {
    let Json(Devices { devices }) = body?;
    few(devices.len())?;
    let draft = |device: Device| Ok(Draft::new(caller.actor(), device.registered(caller.charter())?));
    api.record_all(devices.into_iter().map(draft).collect::<Result<_, Problem>>()?).await
}

pub(super) async fn retire(caller: Caller<FeedDevices>, State(api): State<Api>, Path(which): Path<String>) -> Reply {
    let device = id("id", DeviceId::new(&which))?;
    api.record_all(vec![Draft::new(caller.actor(), Retired { device })]).await
}

pub(super) async fn report(
    caller: Caller<FeedDevices>,
    State(api): State<Api>,
    body: Result<Json<Reports>, JsonRejection>,
) -> Reply {
    let Json(Reports { reports }) = body?;
    few(reports.len())?;
    let latest = api.plane.now() + GOOD_FOR_MAX;
    let draft = |report: Report| {
        at_most(
            "characters in a reason",
            report.reason.as_ref().map_or(0, |reason| reason.chars().count()),
            REASON_CHARS_MAX,
        )?;
        if report.good_until > latest {
            return Err(Problem::Wrong("a finding holds for at most 31 days".to_owned()));
        }
        let Report { device, posture, good_until, reason } = report;
        Ok(Draft::new(caller.actor(), PostureReported { device, posture, good_until, reason }))
    };
    api.record_all(reports.into_iter().map(draft).collect::<Result<_, Problem>>()?).await
}
