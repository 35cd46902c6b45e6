//! The list of everything that can happen, each kind with its name, version and bearing.
//!
//! To add a kind: a struct in its slice's file, a line in [`events!`] below, a case in `golden/leaves.jsonl` (the test prints it), and,
//! if it is fact-bearing, its fold in `world`. To change one: raise its version here and keep reading the old one in [`Event::decode`].

use crate::{AppointmentPseudonym, EncounterPseudonym, OrderPseudonym, PatientPseudonym, leaf::LeafError};
use crate::{
    appointment, authenticator, caller, charter, clock, decision, device, emergency, encounter, feed, ledger, operator,
    order, patient, principal, rota, search, session, signin, team, workstation,
};
use serde_json::value::RawValue;

/// Whether the world folds a kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bearing {
    /// Folded: a node that does not understand it must not answer.
    Fact,
    /// Evidence only: a node that does not understand it may go on.
    Record,
}

/// What sort of event, in which version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kind {
    /// Its name in leaves, `noun.past_participle`.
    pub name: &'static str,
    /// The version written today.
    pub version: u16,
    /// Whether the world folds it.
    pub bearing: Bearing,
}

macro_rules! events {
    ($($bearing:ident $name:literal v $version:literal $variant:ident($body:ty) $doc:literal;)*) => {
        /// One thing that happened.
        #[derive(Clone, Debug, PartialEq)]
        #[non_exhaustive]
        pub enum Event {
            $(#[doc = $doc] $variant($body),)*
        }

        impl Event {
            /// Every kind this build writes.
            pub const KINDS: &'static [Kind] = &[
                $(Kind { name: $name, version: $version, bearing: Bearing::$bearing },)*
            ];

            /// This event's kind.
            #[must_use]
            pub const fn kind(&self) -> Kind {
                match self {
                    $(Self::$variant(_) => Kind { name: $name, version: $version, bearing: Bearing::$bearing },)*
                }
            }

            /// The body as JSON, to a writer.
            pub(crate) fn serialize_body<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                match self {
                    $(Self::$variant(body) => serde::Serialize::serialize(body, serializer),)*
                }
            }

            /// Reads a body of the named kind and version.
            ///
            /// # Errors
            /// When the kind or version is not known here, or the body is not of its form.
            pub fn decode(name: &str, version: u16, body: &RawValue) -> Result<Self, LeafError> {
                match (name, version) {
                    $(($name, $version) => serde_json::from_str(body.get())
                        .map(Self::$variant)
                        .map_err(|source| LeafError::Body { kind: $name, source }),)*
                    _ => Err(LeafError::UnknownKind { kind: name.chars().take(64).collect(), version }),
                }
            }
        }

        $(impl From<$body> for Event {
            fn from(body: $body) -> Self {
                Self::$variant(body)
            }
        })*
    };
}

events! {
    Fact "principal.registered" v 1 PrincipalRegistered(principal::Registered) "Somebody or something may now act, in these roles.";
    Fact "principal.ended" v 1 PrincipalEnded(principal::Ended) "They may not any more.";
    Fact "rota.shift_assigned" v 1 ShiftAssigned(rota::ShiftAssigned) "A shift was planned or changed.";
    Fact "rota.shift_withdrawn" v 1 ShiftWithdrawn(rota::ShiftWithdrawn) "A shift will not be worked.";
    Fact "device.registered" v 1 DeviceRegistered(device::Registered) "A device was enrolled or changed.";
    Fact "device.retired" v 1 DeviceRetired(device::Retired) "A device is no longer in use.";
    Fact "device.posture_reported" v 1 PostureReported(device::PostureReported) "A device's health was checked.";
    Fact "encounter.opened" v 1 EncounterOpened(encounter::Opened) "A patient arrived or is expected.";
    Fact "encounter.moved" v 1 EncounterMoved(encounter::Moved) "A patient changed place.";
    Fact "encounter.closed" v 1 EncounterClosed(encounter::Closed) "A patient left.";
    Fact "encounter.updated" v 1 EncounterUpdated(encounter::Updated) "Who attends a patient changed.";
    Fact "encounter.movement_cancelled" v 1 MovementCancelled(encounter::MovementCancelled) "An admission, transfer or discharge was undone.";
    Fact "patient.labelled" v 1 PatientLabelled(patient::Labelled) "A patient's sensitivity labels changed.";
    Fact "patient.merged" v 1 PatientMerged(patient::Merged) "Two records are one patient.";
    Fact "patient.unmerged" v 1 PatientUnmerged(patient::Unmerged) "They were not after all.";
    Record "patient.merge_refused" v 1 PatientMergeRefused(patient::MergeRefused) "Somebody wanted two records to be one patient, and it was not done.";
    Fact "patient.erased" v 1 PatientErased(patient::Erased) "What told who a patient is was destroyed.";
    Fact "patient.hold_placed" v 1 HoldPlaced(patient::HoldPlaced) "Nothing of a patient may be erased or expire.";
    Fact "patient.hold_lifted" v 1 HoldLifted(patient::HoldLifted) "It may again.";
    Fact "team.joined" v 1 TeamJoined(team::Joined) "Somebody joined a patient's treatment team.";
    Fact "team.left" v 1 TeamLeft(team::Left) "Somebody left it.";
    Fact "order.placed" v 1 OrderPlaced(order::Placed) "Something was ordered for a patient.";
    Fact "order.changed" v 1 OrderChanged(order::Changed) "What is known of an open order changed.";
    Fact "order.completed" v 1 OrderCompleted(order::Completed) "An order is done.";
    Fact "order.cancelled" v 1 OrderCancelled(order::Cancelled) "An order will not be done.";
    Fact "appointment.booked" v 1 AppointmentBooked(appointment::Booked) "A patient will be seen.";
    Fact "appointment.changed" v 1 AppointmentChanged(appointment::Changed) "An appointment was moved or changed.";
    Fact "appointment.withdrawn" v 1 AppointmentWithdrawn(appointment::Withdrawn) "An appointment does not take place, or not any longer.";
    Fact "emergency.declared" v 1 EmergencyDeclared(emergency::Declared) "A unit is in an emergency until a time.";
    Fact "emergency.ended" v 1 EmergencyEnded(emergency::Ended) "It is over.";
    Fact "feed.heard" v 1 FeedHeard(feed::Heard) "A message arrived that changed nothing.";
    Record "feed.message_rejected" v 1 MessageRejected(feed::MessageRejected) "A message could not be used; it is kept.";
    Record "feed.rejection_handled" v 1 RejectionHandled(feed::RejectionHandled) "Somebody read, repaired, replayed or gave up a message that could not be used.";
    Fact "charter.applied" v 1 CharterApplied(charter::Applied) "These rules are in force from here on.";
    Record "charter.made_for_development" v 1 MadeForDevelopment(charter::MadeForDevelopment) "This store is one to look around in.";
    Record "charter.proposed" v 1 CharterProposed(charter::Proposed) "Other rules were proposed.";
    Record "charter.signed" v 1 CharterSigned(charter::Signed) "An operator signed proposed rules.";
    Record "charter.proposal_closed" v 1 ProposalClosed(charter::ProposalClosed) "A proposal was given up.";
    Record "charter.what_if" v 1 WhatIfAsked(charter::WhatIf) "An operator asked what would be decided.";
    Record "decision.made" v 1 DecisionMade(Box<decision::Made>) "A request for access was answered.";
    Record "permit.ended" v 1 PermitEnded(decision::Ended) "A live permit ended before or at its time.";
    Record "search.answered" v 1 SearchAnswered(Box<search::Answered>) "A page of a search was answered.";
    Fact "caller.added" v 1 CallerAdded(caller::Added) "A calling system was given a token.";
    Fact "caller.certificate_added" v 1 CallerCertificateAdded(caller::CertificateAdded) "A certificate was registered for a calling system.";
    Fact "caller.revoked" v 1 CallerRevoked(caller::Revoked) "A calling system's tokens and certificates were ended.";
    Record "operator.link_issued" v 1 OperatorLinkIssued(operator::LinkIssued) "A one-use sign-in link was made.";
    Record "operator.signed_in" v 1 OperatorSignedIn(operator::SignedIn) "An operator signed in.";
    Record "operator.signed_out" v 1 OperatorSignedOut(operator::SignedOut) "An operator signed out.";
    Record "operator.revoked" v 1 OperatorRevoked(operator::Revoked) "Every link and session of an operator was ended.";
    Record "ledger.read" v 1 LedgerRead(ledger::Read) "Somebody read evidence.";
    Record "spool.record_lost" v 1 SpoolRecordLost(ledger::SpoolRecordLost) "A record of the spool could not be read.";
    Record "ledger.key_rotated" v 1 LedgerKeyRotated(ledger::KeyRotated) "Another key signs the ledger.";
    Record "ledger.backed_up" v 1 LedgerBackedUp(ledger::BackedUp) "A copy of the store was made.";
    Record "ledger.restored" v 1 LedgerRestored(ledger::Restored) "The store goes on from a backup, under another origin.";
    Record "detail.expired" v 1 DetailExpired(ledger::DetailExpired) "Detail older than the charter keeps it was destroyed.";
    Record "clock.jumped" v 1 ClockJumped(clock::Jumped) "The wall clock moved further than it may.";
    Fact "workstation.enrolled" v 1 WorkstationEnrolled(workstation::Enrolled) "A workstation can prove which one it is.";
    Fact "workstation.withdrawn" v 1 WorkstationWithdrawn(workstation::Withdrawn) "Its keys count no longer.";
    Record "workstation.code_issued" v 1 WorkstationCodeIssued(workstation::CodeIssued) "A one-use code for enrolling a workstation was made.";
    Record "person.invited" v 1 PersonInvited(authenticator::Invited) "Somebody was invited to register an authenticator.";
    Fact "authenticator.registered" v 1 AuthenticatorRegistered(Box<authenticator::Registered>) "Somebody can prove who they are with this.";
    Fact "authenticator.renamed" v 1 AuthenticatorRenamed(authenticator::Renamed) "It was given another name.";
    Fact "authenticator.revoked" v 1 AuthenticatorRevoked(authenticator::Revoked) "It counts no longer.";
    Fact "session.started" v 1 SessionStarted(Box<session::Started>) "Somebody signed in.";
    Fact "session.locked" v 1 SessionLocked(session::Locked) "A screen locked.";
    Fact "session.resumed" v 1 SessionResumed(session::Resumed) "Its owner came back.";
    Fact "session.stepped_up" v 1 SessionSteppedUp(session::SteppedUp) "Its owner proved again who they are.";
    Fact "session.used" v 1 SessionUsed(session::Used) "It was used.";
    Fact "session.ended" v 1 SessionEnded(session::Ended) "It is over.";
    Fact "session.handed_over" v 1 SessionHandedOver(session::HandedOver) "A shift was handed over.";
    Fact "session.vouched" v 1 SessionVouched(session::Vouched) "A colleague stood up for somebody.";
    Record "signin.attempted" v 1 SigninAttempted(Box<signin::Attempted>) "Somebody tried to sign in, come back or step up.";
    Record "signin.signalled" v 1 SigninSignalled(signin::Signalled) "There was a sign of a workaround or of abuse.";
    Record "recovery.asked" v 1 RecoveryAsked(signin::RecoveryAsked) "Somebody asked for a way back in.";
    Record "recovery.answered" v 1 RecoveryAnswered(signin::RecoveryAnswered) "They were answered.";
    Record "recovery.at_console" v 1 RecoveredAtConsole(signin::RecoveredAtConsole) "A way back in was made at the server.";
    Record "recovery.needed" v 1 RecoveryNeeded(signin::RecoveryNeeded) "Somebody gave up their last authenticator.";
    Record "provisional.reviewed" v 1 ProvisionalReviewed(signin::ProvisionalReviewed) "Somebody's having been let in by name alone was reviewed.";
    Record "ledger.searched" v 1 LedgerSearched(ledger::Searched) "Somebody searched evidence.";
}

impl Event {
    /// The patient it is about, if it is about one.
    #[must_use]
    pub const fn patient(&self) -> Option<PatientPseudonym> {
        match self {
            Self::EncounterOpened(body) => Some(body.patient),
            Self::EncounterMoved(body) => Some(body.patient),
            Self::EncounterClosed(body) => Some(body.patient),
            Self::EncounterUpdated(body) => Some(body.patient),
            Self::MovementCancelled(body) => Some(body.patient),
            Self::PatientLabelled(body) => Some(body.patient),
            Self::PatientMerged(body) => Some(body.survivor),
            Self::PatientUnmerged(body) => Some(body.survivor),
            Self::PatientMergeRefused(body) => Some(body.survivor),
            Self::PatientErased(body) => Some(body.patient),
            Self::HoldPlaced(body) => Some(body.patient),
            Self::HoldLifted(body) => Some(body.patient),
            Self::TeamJoined(body) => Some(body.patient),
            Self::TeamLeft(body) => Some(body.patient),
            Self::OrderPlaced(body) => Some(body.patient),
            Self::OrderChanged(body) => Some(body.patient),
            Self::OrderCompleted(body) => Some(body.patient),
            Self::OrderCancelled(body) => Some(body.patient),
            Self::AppointmentBooked(body) => Some(body.patient),
            Self::AppointmentChanged(body) => Some(body.patient),
            Self::AppointmentWithdrawn(body) => Some(body.patient),
            Self::DecisionMade(body) => body.patient,
            Self::LedgerSearched(body) => body.patient,
            Self::LedgerRead(body) => body.patient,
            Self::WhatIfAsked(body) => body.patient,
            Self::SearchAnswered(body) => body.patient,
            _ => None,
        }
    }

    /// Every record it is about: two where records become one patient or are not after all, each one of an erasure.
    pub fn records(&self) -> impl Iterator<Item = PatientPseudonym> + '_ {
        let others: &[PatientPseudonym] = match self {
            Self::PatientMerged(body) => std::slice::from_ref(&body.retired),
            Self::PatientUnmerged(body) => std::slice::from_ref(&body.retired),
            Self::PatientErased(body) => &body.merged,
            _ => &[],
        };
        self.patient().into_iter().chain(others.iter().copied())
    }

    /// The stay it is about, if it is about one.
    #[must_use]
    pub const fn encounter(&self) -> Option<EncounterPseudonym> {
        match self {
            Self::EncounterOpened(body) => Some(body.encounter),
            Self::EncounterMoved(body) => Some(body.encounter),
            Self::EncounterClosed(body) => Some(body.encounter),
            Self::EncounterUpdated(body) => Some(body.encounter),
            Self::MovementCancelled(body) => Some(body.encounter),
            _ => None,
        }
    }
    /// The order it is about, if it is about one.
    #[must_use]
    pub const fn order(&self) -> Option<OrderPseudonym> {
        match self {
            Self::OrderPlaced(body) => Some(body.order),
            Self::OrderChanged(body) => Some(body.order),
            Self::OrderCompleted(body) => Some(body.order),
            Self::OrderCancelled(body) => Some(body.order),
            _ => None,
        }
    }

    /// The appointment it is about, if it is about one.
    #[must_use]
    pub const fn appointment(&self) -> Option<AppointmentPseudonym> {
        match self {
            Self::AppointmentBooked(body) => Some(body.appointment),
            Self::AppointmentChanged(body) => Some(body.appointment),
            Self::AppointmentWithdrawn(body) => Some(body.appointment),
            _ => None,
        }
    }
}
