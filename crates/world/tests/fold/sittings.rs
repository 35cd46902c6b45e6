//! Leaves about signing in, made from small numbers as the other recipes are: few sessions, few keys, few screens, so that they meet often.

use crate::recipes::{CODES, Recipe, device, minute, moment, patient, person, unit};
use events::authenticator::{self, PublicKey, RevokeCause, Way};
use events::session::{self, EndCause, LockCause, Proof};
use events::workstation::{self, DeviceKey, Keeper};
use events::{AuthenticatorId, Event, SessionId};
use world::Subject;

/// The kinds of recipes that this file makes leaves of.
pub(crate) const KINDS: std::ops::Range<u8> = 40..52;
const SESSIONS: u8 = 4;
const KEYS: u8 = 4;

pub(crate) fn session_id(number: u8) -> SessionId {
    SessionId::new(&format!("se-{}", number % SESSIONS)).unwrap()
}

fn key(number: u8) -> AuthenticatorId {
    AuthenticatorId::new(&format!("au-{}", number % KEYS)).unwrap()
}

fn maybe<T>(number: u8, value: T) -> Option<T> {
    number.is_multiple_of(2).then_some(value)
}

fn browser(number: u8) -> DeviceKey {
    DeviceKey { x: format!("x{}", number % 3).into(), y: "eQ".into() }
}

fn proof(number: u8) -> Proof {
    Proof {
        method: ["passkey", "security-key", "vouched", "federated"][usize::from(number % 4)].into(),
        level: 1 + number % 3,
        verified: number.is_multiple_of(3),
        authenticator: maybe(number, key(number)),
        counter: maybe(number / 2, u32::from(number)),
        proved_at: maybe(number / 3, moment(number)),
    }
}

pub(crate) fn event(recipe: &Recipe) -> Event {
    match recipe.kind {
        40..44 => means(recipe),
        _ => sitting(recipe),
    }
}

/// Workstations and keys.
fn means(recipe: &Recipe) -> Event {
    let &Recipe { kind, a, b, c, other, .. } = recipe;
    match kind {
        40 if other.is_multiple_of(4) => workstation::Withdrawn { device: device(a) }.into(),
        40 => workstation::Enrolled {
            device: device(a),
            keeper: [Keeper::Browser, Keeper::Helper][usize::from(b % 2)],
            key: browser(c),
            slip: "s".into(),
        }
        .into(),
        41 | 42 => Box::new(authenticator::Registered {
            principal: person(a),
            authenticator: key(b),
            credential: format!("credential-{}", c % KEYS).into(),
            user_handle: format!("handle-{}", a % CODES).into(),
            key: PublicKey::Ed25519 { x: "eA".into() },
            counter: u32::from(c),
            method: "passkey".into(),
            name: "key".into(),
            aaguid: "".into(),
            attestation: "none".into(),
            backup_eligible: other.is_multiple_of(2),
            by: Way::Invitation { slip: "s".into() },
        })
        .into(),
        _ if b.is_multiple_of(2) => {
            authenticator::Renamed { authenticator: key(a), name: format!("key {}", c % 3).into() }.into()
        }
        _ => authenticator::Revoked { authenticator: key(a), cause: RevokeCause::Lost }.into(),
    }
}

/// Sessions, from their beginning to their end.
fn sitting(recipe: &Recipe) -> Event {
    let &Recipe { kind, a, b, c, other, .. } = recipe;
    let session = session_id(a);
    match kind {
        44 | 45 => Box::new(session::Started {
            session,
            principal: person(b),
            workstation: maybe(c, device(c / 2)),
            key: maybe(c / 3, browser(other)),
            proof: proof(other),
            good_until: minute(i64::from(c) * 4),
            vouched_by: maybe(other / 2, person(other)),
            review_due: maybe(other / 4, moment(b)),
            provider_session: maybe(other / 8, format!("p{}", b % 2).into()),
        })
        .into(),
        46 => {
            let causes = [LockCause::Asked, LockCause::Idle, LockCause::BadgeAway, LockCause::TakenOver];
            session::Locked { session, cause: causes[usize::from(b % 4)] }.into()
        }
        47 => session::Resumed { session, workstation: maybe(b, device(c)), proof: proof(other) }.into(),
        48 if b.is_multiple_of(2) => session::SteppedUp { session, proof: proof(other) }.into(),
        48 => session::Used { session }.into(),
        49 => session::Ended { session, cause: EndCause::SignedOut }.into(),
        50 => session::HandedOver {
            from_session: session,
            from: person(b),
            to: person(c),
            to_session: session_id(c),
            patients: (0..other % 3).map(|more| patient(c.wrapping_add(more))).collect(),
            ends_at: moment(other),
        }
        .into(),
        _ => session::Vouched {
            principal: person(a),
            voucher: person(b),
            voucher_session: session_id(c),
            workstation: device(other),
            unit: maybe(other, unit(c)),
            reason: "broken".into(),
            until: moment(c),
        }
        .into(),
    }
}

/// Everybody in every session, their own or not.
pub(crate) fn subjects() -> Vec<(Subject, events::Timestamp)> {
    let all = (0..SESSIONS).flat_map(|session| (0..CODES).map(move |who| (session, who)));
    let asked = all.map(|(session, who)| {
        let subject = Subject {
            session: Some(session_id(session)),
            principal: person(who),
            patient: maybe(who, patient(who)),
            device: maybe(session, device(who)),
        };
        (subject, minute(i64::from(who) * 60 + i64::from(session) * 200))
    });
    asked.collect()
}
