//! Events by name, and as they are written.

use crate::subscription::Refused;
use events::session::{EndCause, LockCause};
use events::{SessionId, Timestamp};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// What can be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum EventName {
    /// The person opened a patient.
    PatientOpen,
    /// That patient is not open any more.
    PatientClose,
    /// The screen locked.
    UserHibernate,
    /// The session is over.
    UserLogout,
    /// Another application did not follow.
    SyncError,
}

impl EventName {
    /// Every name.
    pub const ALL: [Self; 5] =
        [Self::PatientOpen, Self::PatientClose, Self::UserHibernate, Self::UserLogout, Self::SyncError];

    /// The name as FHIRcast writes it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PatientOpen => "Patient-open",
            Self::PatientClose => "Patient-close",
            Self::UserHibernate => "UserHibernate",
            Self::UserLogout => "UserLogout",
            Self::SyncError => "SyncError",
        }
    }

    /// The event of a name, however its letters are written.
    fn of(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|name| name.as_str().eq_ignore_ascii_case(text))
    }

    /// Whether it says which patient.
    pub(crate) const fn names_a_patient(self) -> bool {
        matches!(self, Self::PatientOpen | Self::PatientClose)
    }
}

/// What is subscribed to.
pub(crate) type Names = BTreeSet<EventName>;

/// Those of a list that this hub knows.
pub(crate) fn read(list: &str) -> Names {
    list.split(',').filter_map(|name| EventName::of(name.trim())).collect()
}

/// The same, written.
pub(crate) fn written(names: &Names) -> String {
    names.iter().map(|name| name.as_str()).collect::<Vec<_>>().join(",")
}

/// An event, ready to be sent.
pub(crate) struct Notice {
    pub(crate) id: String,
    pub(crate) name: EventName,
    pub(crate) text: String,
}

/// An event of a session.
pub(crate) fn notice(topic: &SessionId, name: EventName, at: Timestamp, key: &str, resource: &Value) -> Notice {
    let id = format!("{:032x}", u128::from_be_bytes(plane::random::<16>()));
    let text = json!({
        "timestamp": at,
        "id": id,
        "event": {
            "hub.topic": topic,
            "hub.event": name.as_str(),
            "context": [{ "key": key, "resource": resource }],
        },
    });
    Notice { id, name, text: text.to_string() }
}

/// Who brought about what happened to a session.
#[derive(Clone, Copy)]
pub(crate) enum Reason {
    Person,
    Time,
    System,
}

impl From<LockCause> for Reason {
    fn from(cause: LockCause) -> Self {
        match cause {
            LockCause::Asked | LockCause::BadgeAway => Self::Person,
            LockCause::Idle => Self::Time,
            LockCause::TakenOver => Self::System,
        }
    }
}

impl From<EndCause> for Reason {
    fn from(cause: EndCause) -> Self {
        match cause {
            EndCause::SignedOut | EndCause::HandedOver => Self::Person,
            EndCause::Over => Self::Time,
            EndCause::Revoked
            | EndCause::AuthenticatorRevoked
            | EndCause::WorkstationWithdrawn
            | EndCause::PrincipalEnded
            | EndCause::Replaced
            | EndCause::ProviderSignedOut => Self::System,
        }
    }
}

/// Why somebody signed out, or a screen locked.
pub(crate) fn parameters(reason: Reason) -> Value {
    let code = match reason {
        Reason::Person => "user-initiated",
        Reason::Time => "system-timeout",
        Reason::System => "system-initiated",
    };
    let system = "http://hl7.org/fhir/uv/fhircast/CodeSystem/fhircast-codesystem";
    json!({
        "resourceType": "Parameters",
        "parameter": [{ "name": "code", "valueCoding": { "system": system, "code": code } }],
    })
}

/// That an application did not follow.
pub(crate) fn outcome(refused: &Refused) -> Value {
    let coding = |what: &str, code: &str| json!({ "system": format!("https://fhircast.hl7.org/events/syncerror/{what}"), "code": code });
    json!({
        "resourceType": "OperationOutcome",
        "issue": [{
            "severity": "warning",
            "code": "processing",
            "diagnostics": format!("{} did not follow {}", refused.subscriber, refused.event),
            "details": { "coding": [
                coding("eventid", &refused.id),
                coding("eventname", &refused.event),
                coding("subscribername", &refused.subscriber),
            ] },
        }],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_in_any_letters_and_each_counts_once() {
        let names = read("patient-OPEN, userlogout,Patient-open,Encounter-open,");
        assert_eq!(written(&names), "Patient-open,UserLogout");
        assert!(read("").is_empty());
    }
}
