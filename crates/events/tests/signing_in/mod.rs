//! One event of every kind of signing in.

use super::{id, time};
use events::authenticator::{PublicKey, RevokeCause, Way};
use events::session::{EndCause, LockCause, Proof};
use events::signin::{Cause, Outcome, Sign, Step};
use events::workstation::{DeviceKey, Keeper};
use events::{Event, PatientPseudonym, Timestamp, authenticator, session, signin, workstation};

const PATIENT: PatientPseudonym = PatientPseudonym::from_bytes([0xa1; 16]);

fn end() -> Timestamp {
    time("2026-11-22T20:00:00Z")
}

fn proof() -> Proof {
    Proof {
        method: "security-key".into(),
        level: 3,
        verified: true,
        authenticator: Some(id("au-1")),
        counter: Some(7),
        proved_at: None,
    }
}

fn registered(number: u8, key: PublicKey, by: Way) -> Event {
    let registered = authenticator::Registered {
        principal: id("n-amara"),
        authenticator: id(&format!("au-{number}")),
        credential: format!("Y3JlZC0{number}").into(),
        user_handle: "AAECAwQFBgcICQoLDA0ODw".into(),
        key,
        counter: 0,
        method: "security-key".into(),
        name: "Blue key".into(),
        aaguid: "2fc0579f-8113-47ea-b116-bb5a8db9202a".into(),
        attestation: "none".into(),
        backup_eligible: false,
        by,
    };
    Box::new(registered).into()
}

fn authenticators() -> Vec<Event> {
    let slip = || "slip-1".into();
    vec![
        authenticator::Invited {
            principal: id("n-amara"),
            slip: slip(),
            good_until: end(),
            voucher: id("n-lead"),
            evidence: "staff card and face".into(),
            proofing: 2,
        }
        .into(),
        registered(1, PublicKey::Es256 { x: "eA".into(), y: "eQ".into() }, Way::Invitation { slip: slip() }),
        registered(2, PublicKey::Es384 { x: "eA".into(), y: "eQ".into() }, Way::Recovery { slip: slip() }),
        registered(3, PublicKey::Ed25519 { x: "eA".into() }, Way::Session { session: id("se-1") }),
        registered(4, PublicKey::Rs256 { n: "bg".into(), e: "AQAB".into() }, Way::Session { session: id("se-1") }),
        authenticator::Renamed { authenticator: id("au-1"), name: "Green key".into() }.into(),
        authenticator::Revoked { authenticator: id("au-2"), cause: RevokeCause::Lost }.into(),
        authenticator::Revoked { authenticator: id("au-3"), cause: RevokeCause::Cloned }.into(),
        workstation::CodeIssued { device: id("ws-1"), slip: slip(), good_until: end() }.into(),
        workstation::Enrolled {
            device: id("ws-1"),
            keeper: Keeper::Browser,
            key: DeviceKey { x: "eA".into(), y: "eQ".into() },
            slip: slip(),
        }
        .into(),
        workstation::Withdrawn { device: id("ws-2") }.into(),
    ]
}

fn started(session: &str) -> session::Started {
    session::Started {
        session: id(session),
        principal: id("n-amara"),
        workstation: Some(id("ws-1")),
        key: None,
        proof: proof(),
        good_until: end(),
        vouched_by: None,
        review_due: None,
        provider_session: None,
    }
}

fn sessions() -> Vec<Event> {
    let at = |workstation: &str| session::Resumed {
        session: id("se-1"),
        workstation: Some(id(workstation)),
        proof: Proof { verified: false, ..proof() },
    };
    vec![
        Box::new(started("se-1")).into(),
        Box::new(session::Started {
            workstation: None,
            key: Some(DeviceKey { x: "eA".into(), y: "eQ".into() }),
            proof: Proof {
                method: "vouched".into(),
                level: 2,
                verified: false,
                authenticator: None,
                counter: None,
                proved_at: Some(time("2026-11-22T07:59:00Z")),
            },
            vouched_by: Some(id("n-lead")),
            review_due: Some(end()),
            provider_session: Some("sid-1".into()),
            ..started("se-2")
        })
        .into(),
        session::Locked { session: id("se-1"), cause: LockCause::BadgeAway }.into(),
        at("ws-2").into(),
        session::SteppedUp { session: id("se-1"), proof: proof() }.into(),
        session::Used { session: id("se-1") }.into(),
        session::Vouched {
            principal: id("n-amara"),
            voucher: id("n-lead"),
            voucher_session: id("se-3"),
            workstation: id("ws-1"),
            unit: Some(id("ED")),
            reason: "forgot-key".into(),
            until: end(),
        }
        .into(),
        session::HandedOver {
            from_session: id("se-1"),
            from: id("n-amara"),
            to: id("n-lead"),
            to_session: id("se-3"),
            patients: vec![PATIENT],
            ends_at: end(),
        }
        .into(),
        session::Ended { session: id("se-2"), cause: EndCause::ProviderSignedOut }.into(),
    ]
}

fn attempts() -> Vec<Event> {
    vec![
        Box::new(signin::Attempted {
            step: Step::Reconnect,
            outcome: Outcome::Failed,
            cause: Some(Cause::Authenticator),
            detail: Some("challenge_expired".into()),
            principal: Some(id("n-amara")),
            claimed: Some(id("n-amara")),
            session: Some(id("se-1")),
            method: Some("security-key".into()),
            device_kind: Some("workstation".into()),
            elapsed_ms: Some(1_250),
            interactions: Some(1),
            unrecorded: 3,
        })
        .into(),
        signin::Signalled {
            sign: Sign::CopiedCookie,
            principal: Some(id("n-amara")),
            session: Some(id("se-1")),
            other: Some(id("ws-2")),
            times: Some(2),
        }
        .into(),
        signin::RecoveryAsked {
            recovery: "re-1".into(),
            principal: id("n-amara"),
            path: "service-desk".into(),
            voucher: id("n-lead"),
            due: end(),
        }
        .into(),
        signin::RecoveryAnswered {
            recovery: "re-1".into(),
            principal: id("n-amara"),
            approver: id("d-ruiz"),
            approved: true,
            slip: Some("slip-2".into()),
            good_until: Some(end()),
            waited_s: 240,
        }
        .into(),
        signin::RecoveredAtConsole {
            principal: id("n-amara"),
            slip: "slip-3".into(),
            good_until: end(),
            why: "the only administrator lost her key".into(),
        }
        .into(),
    ]
}

/// All of them.
pub(crate) fn events() -> Vec<Event> {
    [authenticators(), sessions(), attempts()].concat()
}

/// What came later.
pub(crate) fn reviews() -> Vec<Event> {
    vec![
        signin::RecoveryNeeded { principal: id("n-amara"), authenticator: id("au-1") }.into(),
        signin::ProvisionalReviewed {
            session: id("se-2"),
            principal: id("n-amara"),
            reviewer: id("n-lead"),
            finding: signin::Finding::Unjustified,
            words: "she was on leave".into(),
        }
        .into(),
    ]
}
