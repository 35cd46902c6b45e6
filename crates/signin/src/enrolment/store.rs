//! Invitations and registrations, recorded.

use super::inviting::{InviteError, lifetime};
use crate::passkey::{Attestation, Registered as Made, UserHandle};
use crate::point::PointOfCare;
use crate::session::Refusal;
use crate::slip::{Errand, Slip};
use aws_lc_rs::hmac;
use events::authenticator::{Invited, Registered, Way};
use events::signin::Cause;
use events::{Actor, AuthenticatorId, Draft, PrincipalId};
use plane::Plane;
use smol_str::SmolStr;
use std::time::Duration;
use store::{AppendError, Batch};
use world::PrincipalFacts;

/// Where an invitation leads.
pub const INVITATION_PATH: &str = "/enrol";
/// The longest account of what was checked, in characters.
pub const EVIDENCE_CHARS_MAX: usize = 120;

/// Who stands for somebody's being who they are, and by what.
#[derive(Clone, Debug)]
pub struct Evidence {
    /// Who.
    pub voucher: PrincipalId,
    /// What they checked, such as `staff card and face`. Never a number of a document.
    pub checked: SmolStr,
    /// The identity assurance level reached (SP 800-63A-4), 1 to 3.
    pub proofing: u8,
}

/// Whether somebody is known and may act.
pub(crate) fn may_act(plane: &Plane, who: &PrincipalId) -> bool {
    known(plane, who).is_some_and(|known| known.active)
}

/// What is known of somebody.
fn known(plane: &Plane, who: &PrincipalId) -> Option<PrincipalFacts> {
    let subject = world::Subject { principal: who.clone(), patient: None, device: None, session: None };
    plane.world(|world| world.facts(&subject, plane.now())).principal
}

/// How long each invitation is good for, if all of them may be; otherwise which may not, and why.
pub(super) fn lifetimes(
    plane: &Plane,
    asked: &[(PrincipalId, Evidence)],
) -> Result<Vec<Duration>, (usize, InviteError)> {
    let engine = plane.engine();
    let judge = |(at, (who, evidence)): (usize, &(PrincipalId, Evidence))| {
        let (person, voucher) = (known(plane, who), known(plane, &evidence.voucher));
        lifetime(engine.charter(), who, person.as_ref(), evidence, voucher.as_ref()).map_err(|no| (at, no))
    };
    asked.iter().enumerate().map(judge).collect()
}

/// Makes one-use invitations that were judged, in one commit, each in place of any other there was for the person.
pub(super) async fn make(
    plane: &Plane,
    asked: Vec<(PrincipalId, Evidence)>,
    lifetimes: Vec<Duration>,
    by: Actor,
) -> Result<Vec<(PrincipalId, Slip)>, AppendError> {
    let now = plane.now();
    let (mut batch, mut made) = (Batch::default(), Vec::new());
    for ((who, evidence), lifetime) in asked.into_iter().zip(lifetimes) {
        let slip = Slip::new(Errand::Invitation, now + lifetime);
        let invited = Invited {
            principal: who.clone(),
            slip: slip.id().clone(),
            good_until: slip.good_until,
            voucher: evidence.voucher,
            evidence: evidence.checked.trim().into(),
            proofing: evidence.proofing,
        };
        batch.drafts.push(Draft { on_behalf_of: Some(who.clone()), ..Draft::new(by.clone(), invited) });
        batch = slip.with(batch, who.as_str(), now);
        made.push((who, slip));
    }
    plane.record(batch).await?;
    Ok(made)
}

/// Makes a one-use invitation, in place of any other there was for the person.
///
/// # Errors
/// When the charter does not let it be made so, or it could not be recorded; then there is none.
pub async fn invite(plane: &Plane, who: &PrincipalId, evidence: Evidence, by: Actor) -> Result<Slip, InviteError> {
    let asked = vec![(who.clone(), evidence)];
    let judged = lifetimes(plane, &asked).map_err(|(_, no)| no)?;
    let made = make(plane, asked, judged, by).await?;
    // One was asked for.
    made.into_iter().next().map(|(_, slip)| slip).ok_or_else(|| InviteError::NoSuchPerson(who.clone()))
}

/// The handle a person's authenticators keep: the one they have, or one that only this house can work out, and always alike.
pub(crate) fn handle_of(plane: &Plane, who: &PrincipalId) -> UserHandle {
    let known = plane.world(|world| world.authenticators_of(who).first().map(|one| one.user_handle.clone()));
    known.and_then(|text| text.parse().ok()).unwrap_or_else(|| {
        let root = hmac::Key::new(hmac::HMAC_SHA256, plane.store().keys().token.bytes());
        let tag = hmac::sign(&root, format!("user handle 1\0{who}").as_bytes());
        let mut handle = [0; 16];
        handle.iter_mut().zip(tag.as_ref()).for_each(|(to, from)| *to = *from);
        UserHandle::new(handle)
    })
}

/// Refuses a key that is somebody's already.
pub(crate) fn unknown_yet(point: &PointOfCare, made: &Made) -> Result<(), Refusal> {
    if point.plane().world(|world| world.authenticator_by_credential(&made.credential).is_some()) {
        let words = "This key is registered already. If it is yours, you can use it as it is; if not, take another.";
        return Err(Refusal::new(words, Cause::Authenticator, "already_registered"));
    }
    Ok(())
}

/// What says that somebody has what a ceremony made.
pub(crate) fn registered(
    point: &PointOfCare,
    who: &PrincipalId,
    made: Made,
    method: &'static str,
    name: &str,
    by: Way,
) -> Draft {
    let text = format!("au-{:032x}", u128::from_be_bytes(plane::random()));
    // Letters and digits of a fixed number: always an id.
    let authenticator = AuthenticatorId::new(&text).unwrap_or_else(|_| unreachable!("{text} is an id"));
    let name: SmolStr = name.trim().chars().take(events::authenticator::NAME_CHARS_MAX).collect::<String>().into();
    let registered = Registered {
        principal: who.clone(),
        authenticator,
        credential: made.credential.clone(),
        user_handle: handle_of(point.plane(), who).to_string().into(),
        key: made.key.clone(),
        counter: made.counter,
        method: method.into(),
        name: if name.is_empty() { "Key".into() } else { name },
        aaguid: made.aaguid.clone(),
        attestation: attested(&made.attestation),
        backup_eligible: made.backup_eligible,
        by,
    };
    Draft { on_behalf_of: Some(who.clone()), ..Draft::new(Actor::handrail("sign-in"), Box::new(registered)) }
}

/// What vouches for what an authenticator says it is, as leaves have it.
fn attested(attestation: &Attestation) -> SmolStr {
    match attestation {
        Attestation::None => SmolStr::new_static("none"),
        Attestation::Own => SmolStr::new_static("self"),
        Attestation::Certificate { sha256, .. } => sha256.clone(),
    }
}
