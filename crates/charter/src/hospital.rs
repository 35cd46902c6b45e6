//! `hospital.toml`: the hospital itself. Sites, units, time, and what happens when facts are late or recording fails.

use crate::length::{Days, Minutes, Seconds};
use crate::name::SiteId;
use crate::workflow::{FallbackMode, RemedyKind};
use events::UnitId;
use events::decision::EndMode;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The hospital and its limits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hospital {
    /// What people call it.
    pub name: String,
    /// Its IANA time zone, such as `Europe/Berlin`: for showing times and reading feeds that give none.
    pub time_zone: String,
    /// The origin of its ledger (a C2SP checkpoint origin): a host and path without scheme, fixed for life.
    pub origin: String,
    /// Its sites, at least one.
    pub sites: BTreeMap<SiteId, Site>,
    /// Its units: wards, departments, clinics, theatres; at least one.
    pub units: BTreeMap<UnitId, Unit>,
    /// How long a claim to a patient outlives the fact it rested on.
    pub grace: Grace,
    /// From when a silent feed counts as stale.
    pub staleness: Staleness,
    /// What happens when a decision cannot be recorded.
    pub recording: Recording,
    /// How long evidence is kept.
    pub retention: Retention,
    /// How far overlays of sites may go; absent: they may only be stricter than the hospital.
    #[serde(default)]
    pub bounds: Bounds,
}

/// How far overlays of sites may go. What is absent is as the hospital has it: stricter is always possible, laxer never.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Bounds {
    /// The longest grace after a transfer.
    pub grace_transfer_s_max: Option<Seconds>,
    /// The longest grace after a discharge.
    pub grace_discharge_s_max: Option<Seconds>,
    /// The longest time for late charting.
    pub late_charting_s_max: Option<Seconds>,
    /// The latest a silent ADT feed is stale.
    pub adt_stale_s_max: Option<Seconds>,
    /// The latest a silent rota is stale.
    pub rota_stale_s_max: Option<Seconds>,
    /// The longest downtime tolerated in any workflow.
    pub downtime_tolerance_min_max: Option<Minutes>,
    /// Remedies a site may offer although the workflow does not.
    pub remedies: Vec<RemedyKind>,
    /// Fallbacks a site may choose for any cause; `block` always is.
    pub fallbacks: Vec<FallbackMode>,
    /// How a site may end access; `now` always is.
    pub ends: Vec<EndMode>,
    /// Whether a site may have policies. They can only forbid.
    pub policies: bool,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            grace_transfer_s_max: None,
            grace_discharge_s_max: None,
            late_charting_s_max: None,
            adt_stale_s_max: None,
            rota_stale_s_max: None,
            downtime_tolerance_min_max: None,
            remedies: Vec::new(),
            fallbacks: Vec::new(),
            ends: Vec::new(),
            policies: true,
        }
    }
}

/// One site.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Site {
    /// What people call it.
    pub name: String,
}

/// One unit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Unit {
    /// What people call it.
    pub name: String,
    /// The site it is at: a key of `sites`.
    pub site: SiteId,
    /// What feeds call it (HL7 PV1-3.1 and other location codes). No two units share one. The unit's id always counts as a code as well.
    #[serde(default)]
    pub codes: Vec<String>,
}

/// How long a claim to a patient outlives the fact it rested on, applied at decision, never in the fold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Grace {
    /// After a transfer the old unit keeps its claim so long.
    pub transfer_s: Seconds,
    /// After a discharge the unit keeps its claim so long (results still arrive).
    pub discharge_s: Seconds,
    /// After every claim has ended, late charting is possible so long. Policies see `context.care.left_minutes` only within it.
    pub late_charting_s: Seconds,
    /// After an order is done, whoever ordered and whoever performed it keep their claim so long. After a cancellation they do not.
    #[serde(default = "order_s")]
    pub order_s: Seconds,
    /// An order counts as open so long if nothing more is heard of it.
    #[serde(default = "open_order_days")]
    pub open_order_days: Days,
    /// So long before an appointment begins, whoever is to see the patient may prepare.
    #[serde(default = "appointment_s")]
    pub appointment_before_s: Seconds,
    /// So long after it ends, they may write up what was done.
    #[serde(default = "appointment_s")]
    pub appointment_after_s: Seconds,
}

/// Four hours: late enough for a second look at a result, over before the next day.
#[expect(clippy::expect_used, reason = "a constant")]
fn order_s() -> Seconds {
    Seconds::new(14_400).expect("within its limits")
}

/// A month: what nobody has done by then will not be done.
#[expect(clippy::expect_used, reason = "a constant")]
fn open_order_days() -> Days {
    Days::new(31).expect("within its limits")
}

/// Two hours: an afternoon's list is read at noon.
#[expect(clippy::expect_used, reason = "a constant")]
fn appointment_s() -> Seconds {
    Seconds::new(7_200).expect("within its limits")
}

/// From when a silent feed counts as stale, so that policies can tell "no" from "we do not know".
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Staleness {
    /// The ADT feed.
    pub adt_s: Seconds,
    /// The rota.
    pub rota_s: Seconds,
}

/// What happens when a decision cannot be recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recording {
    /// The rule.
    pub on_failure: OnRecordingFailure,
}

/// The rule for decisions that cannot be recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnRecordingFailure {
    /// Nothing is answered and nothing opens: no authority without evidence.
    Refuse,
}

/// How long evidence is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Retention {
    /// Entries of the ledger (their hashes stay for ever).
    pub ledger_days: Days,
    /// Encrypted detail beside the ledger.
    pub detail_days: Days,
    /// Messages that could not be used.
    pub rejected_messages_days: Days,
    /// While true nothing expires.
    #[serde(default)]
    pub legal_hold: bool,
}
