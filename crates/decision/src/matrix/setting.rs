//! What is so in one circumstance of the matrix.

use crate::circumstances::Live;
use charter::vocabulary::SessionPresence;
use events::device::{DeviceKind, Posture};
use events::{Label, UnitId};
use std::time::Duration;

/// Where the asker works.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Work {
    In(UnitId),
    OnCallFor(UnitId),
    /// Worked there until so long ago.
    Left(UnitId, Duration),
    Off,
}

/// Where the patient is.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Bed {
    In(UnitId),
    /// Expected in the first, now in the second.
    Expected(UnitId, UnitId),
    /// Was there until three days ago.
    Left(UnitId),
    /// No entry ever named them.
    Unknown,
}

/// How the asker's account stands.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Account {
    Usual,
    Supplier,
    Patient,
    /// Registered as something of another type than it is used as.
    OtherSort,
    Ended,
    Unregistered,
}

/// What connects the asker with the patient besides where they work.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Ties {
    pub(super) team: bool,
    pub(super) attending: bool,
    pub(super) named: bool,
    pub(super) own: bool,
    pub(super) family: bool,
}

/// What was ordered for the patient, as it stands to the asker.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Order {
    /// They ordered it, and it is open.
    Placed,
    /// They are to do it, and it is open.
    Open,
    /// They did it; done so long ago.
    Done(Duration),
}

/// An appointment of the patient with the asker.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Appointment {
    /// It begins in so long.
    Ahead(Duration),
    Now,
    /// It ended so long ago.
    Over(Duration),
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Device {
    pub(super) kind: DeviceKind,
    pub(super) managed: bool,
    pub(super) posture: Option<Posture>,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Setting {
    pub(super) work: Work,
    pub(super) bed: Bed,
    pub(super) ties: Ties,
    pub(super) order: Option<Order>,
    pub(super) appointment: Option<Appointment>,
    pub(super) account: Account,
    /// The labels of what is asked about, the asker's too, as a supplier's people carry their supplier's.
    pub(super) shares_label: bool,
    pub(super) labels: Vec<Label>,
    /// Level and minutes ago.
    pub(super) sign_in: Option<(i64, i64)>,
    /// In a session that Handrail keeps itself: whether they are at the screen, and whether the workstation proved itself.
    pub(super) screen: Option<(SessionPresence, bool)>,
    pub(super) device: Option<Device>,
    /// Where the device stands; otherwise where the asker works.
    pub(super) device_at: Option<UnitId>,
    pub(super) emergency: bool,
    pub(super) held: Live,
    pub(super) adt_silent: bool,
    pub(super) rota_silent: bool,
    /// What the caller says to everything the action asks about, if anything.
    pub(super) says: Option<bool>,
    pub(super) purpose: &'static str,
}
