//! Code systems, and which code says what.

use events::Event;
use serde_json::{Value, json};

pub(super) const EVENT_TYPE: &str = "http://terminology.hl7.org/CodeSystem/audit-event-type";
pub(super) const INTERACTION: &str = "http://hl7.org/fhir/restful-interaction";
pub(super) const ENTITY_TYPE: &str = "http://terminology.hl7.org/CodeSystem/audit-entity-type";
pub(super) const OBJECT_ROLE: &str = "http://terminology.hl7.org/CodeSystem/object-role";
pub(super) const SOURCE_TYPE: &str = "http://terminology.hl7.org/CodeSystem/security-source-type";
pub(super) const PARTICIPATION: &str = "http://terminology.hl7.org/CodeSystem/v3-ParticipationType";
pub(super) const ACT_REASON: &str = "http://terminology.hl7.org/CodeSystem/v3-ActReason";
pub(super) const BALP_ENTITY: &str = "https://profiles.ihe.net/ITI/BALP/CodeSystem/BasicAuditEntityType";
const DCM: &str = "http://dicom.nema.org/resources/ontology/DCM";

/// Names of our own; a URN each, so that nobody takes them for addresses.
pub(super) const LEDGER: &str = "urn:handrail:ledger";
pub(super) const KIND: &str = "urn:handrail:event-kind";
pub(super) const PATIENT: &str = "urn:handrail:patient-pseudonym";
pub(super) const RESOURCE: &str = "urn:handrail:resource";
pub(super) const PRINCIPAL: &str = "urn:handrail:principal";
pub(super) const ACTOR: &str = "urn:handrail:actor";
pub(super) const DEVICE: &str = "urn:handrail:device";
/// What a policy's id is put behind in `agent.policy`.
pub(super) const POLICY: &str = "urn:handrail:policy:";

pub(super) fn coding(system: &str, code: &str, display: &str) -> Value {
    json!({ "system": system, "code": code, "display": display })
}

pub(super) fn dcm(code: &str, display: &str) -> Value {
    coding(DCM, code, display)
}

/// A profile of BALP by the end of its name.
pub(super) fn balp(name: &str) -> String {
    format!("https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit.{name}")
}

/// Type, subtype and action of an event that is no decision.
pub(super) fn of_event(event: &Event) -> (Value, Option<Value>, &'static str) {
    let alert = |code, display, action| (dcm("110113", "Security Alert"), Some(dcm(code, display)), action);
    let sign_in = |code, display| (dcm("110114", "User Authentication"), Some(dcm(code, display)), "E");
    match event {
        Event::EmergencyDeclared(_) => alert("110127", "Emergency Override Started", "E"),
        Event::EmergencyEnded(_) => alert("110138", "Emergency Override Stopped", "E"),
        Event::OperatorSignedIn(_)
        | Event::SessionStarted(_)
        | Event::SessionResumed(_)
        | Event::SessionSteppedUp(_)
        | Event::SigninAttempted(_) => sign_in("110122", "Login"),
        Event::OperatorSignedOut(_) | Event::SessionEnded(_) | Event::SessionLocked(_) => sign_in("110123", "Logout"),
        Event::SigninSignalled(_) => (dcm("110113", "Security Alert"), None, "E"),
        Event::OperatorLinkIssued(_)
        | Event::OperatorRevoked(_)
        | Event::CallerAdded(_)
        | Event::CallerRevoked(_)
        | Event::PrincipalRegistered(_)
        | Event::PrincipalEnded(_)
        | Event::PersonInvited(_)
        | Event::AuthenticatorRegistered(_)
        | Event::AuthenticatorRevoked(_)
        | Event::WorkstationEnrolled(_)
        | Event::WorkstationWithdrawn(_)
        | Event::SessionVouched(_)
        | Event::RecoveryAnswered(_)
        | Event::RecoveredAtConsole(_) => alert("110137", "User Security Attributes Changed", "U"),
        Event::CharterApplied(_) => alert("110136", "Security Roles Changed", "U"),
        Event::LedgerRead(_) | Event::LedgerSearched(_) => (dcm("110101", "Audit Log Used"), None, "R"),
        event if event.patient().is_some() => (dcm("110110", "Patient Record"), None, "U"),
        Event::FeedHeard(_) | Event::MessageRejected(_) => (dcm("110107", "Import"), None, "C"),
        _ => (dcm("110100", "Application Activity"), None, "E"),
    }
}

/// The purposes of use (HL7 v3 ActReason) that are sent as codes; any other text is sent as text.
pub(super) const PURPOSES: [(&str, &str); 12] = [
    ("TREAT", "treatment"),
    ("ETREAT", "Emergency Treatment"),
    ("BTG", "break the glass"),
    ("HPAYMT", "healthcare payment"),
    ("HOPERAT", "healthcare operations"),
    ("HRESCH", "healthcare research"),
    ("PATRQT", "patient requested"),
    ("FAMRQT", "family requested"),
    ("PUBHLTH", "public health"),
    ("HQUALIMP", "health quality improvement"),
    ("HSYSADMIN", "health system administration"),
    ("CAREMGT", "care management"),
];
