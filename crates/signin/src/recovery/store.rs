//! Requests and passes, recorded: each entry in the same commit as the row that answers for it.

use super::METHOD;
use super::rules::{Helper, Request};
use crate::enrolment::may_act;
use crate::point::PointOfCare;
use crate::session::{Basis, Screen, SessionError};
use crate::slip::{Errand, Shown, Slip, shown_typed};
use charter::assurance::RecoveryPath;
use charter::name::RecoveryName;
use events::authenticator::{RevokeCause, Revoked};
use events::principal::IdentityClass;
use events::session::Proof;
use events::signin::{RecoveredAtConsole, RecoveryAnswered, RecoveryAsked};
use events::{Actor, DeviceId, Draft, Event, PrincipalId, SessionId};
use plane::Plane;
use smol_str::SmolStr;
use std::time::Duration;
use store::statements::{
    RECOVERY_ADD, RECOVERY_ANSWER, RECOVERY_FIND, RECOVERY_KEY, RECOVERY_OF_SESSION, RECOVERY_OF_SLIP, RECOVERY_PRUNE,
    RECOVERY_REDEEM, RECOVERY_SUPERSEDE, RECOVERY_WAITING,
};
use store::{AppendError, Batch, ReadError, Row};

/// What the path of a pass made on the server's console is called.
pub(super) const CONSOLE: &str = "console";
/// How long such a pass is good for, and how long what it opens lasts.
const CONSOLE_LIFETIME: Duration = Duration::from_secs(60 * 60);
/// The longest reason somebody gives at the console, in characters.
pub(crate) const WHY_CHARS_MAX: usize = 200;
/// Requests are forgotten so long after they were due; the ledger is not.
const FORGET_AFTER: Duration = Duration::from_secs(30 * 24 * 3_600);

fn request(row: &Row<'_>) -> Result<Option<Request>, ReadError> {
    let (principal, voucher) = (row.text(1)?.parse(), row.text(2)?.parse());
    let (Ok(principal), Ok(voucher)) = (principal, voucher) else { return Ok(None) };
    Ok(Some(Request {
        id: row.text(0)?,
        principal,
        voucher,
        path: row.text(3)?,
        lost: row.int(4)? != 0,
        asked_at: row.time(5)?,
        due: row.time(6)?,
        answered: row.int(7)? != 0,
    }))
}

fn new_id() -> String {
    format!("re-{:016x}", u64::from_be_bytes(plane::random()))
}

/// Keeps a request somebody stands for, in place of any other of the same person.
pub(super) async fn ask(
    point: &PointOfCare,
    at: &DeviceId,
    who: &PrincipalId,
    voucher: &PrincipalId,
    (name, path): (&RecoveryName, &RecoveryPath),
    lost: bool,
) -> Result<(), AppendError> {
    let (now, id) = (point.plane().now(), new_id());
    let due = now + path.incident_after().duration();
    let asked = RecoveryAsked {
        recovery: id.as_str().into(),
        principal: who.clone(),
        path: name.as_str().into(),
        voucher: voucher.clone(),
        due,
    };
    let draft = Draft { on_behalf_of: Some(who.clone()), ..point.at_screen(Some(at), asked) };
    let row = [
        id.into(),
        who.as_str().into(),
        voucher.as_str().into(),
        name.as_str().into(),
        lost.into(),
        now.into(),
        due.into(),
        "".into(),
    ];
    let batch = Batch::one(draft)
        .write(RECOVERY_PRUNE, [(now - FORGET_AFTER).into()])
        .write(RECOVERY_SUPERSEDE, [who.as_str().into(), now.into(), voucher.as_str().into()])
        .write(RECOVERY_ADD, row);
    point.plane().record(batch).await.map(drop)
}

/// Every request that waits, the longest first.
pub(super) fn waiting(point: &PointOfCare) -> Result<Vec<Request>, ReadError> {
    let now = point.plane().now().into();
    let found = point.plane().store().read(|reader| reader.query(RECOVERY_WAITING, &[now], request))?;
    Ok(found.into_iter().flatten().collect())
}

/// One request.
pub(super) fn find(point: &PointOfCare, id: &str) -> Result<Option<Request>, ReadError> {
    let found = point.plane().store().read(|reader| reader.find(RECOVERY_FIND, &[id.into()], request))?;
    Ok(found.flatten())
}

/// Answers a request; where it is approved, with the pass.
pub(super) async fn answer(
    point: &PointOfCare,
    by: &world::SessionFacts,
    request: &Request,
    pass: Option<Duration>,
) -> Result<Option<Slip>, AppendError> {
    let now = point.plane().now();
    let slip = pass.map(|good_for| Slip::to_type(Errand::Recovery, now + good_for));
    let answered = RecoveryAnswered {
        recovery: request.id.as_str().into(),
        principal: request.principal.clone(),
        approver: by.principal.clone(),
        approved: slip.is_some(),
        slip: slip.as_ref().map(|slip| slip.id().clone()),
        good_until: slip.as_ref().map(|slip| slip.good_until),
        waited_s: u32::try_from(now.since(request.asked_at).as_secs()).unwrap_or(u32::MAX),
    };
    let draft =
        Draft { on_behalf_of: Some(request.principal.clone()), ..point.at_screen(by.workstation.as_ref(), answered) };
    let of_slip = slip.as_ref().map_or("", |slip| slip.id().as_str());
    let batch = Batch::one(draft).write(RECOVERY_ANSWER, [request.id.as_str().into(), now.into(), of_slip.into()]);
    let batch = match &slip {
        Some(slip) => slip.with(batch, request.principal.as_str(), now),
        None => batch,
    };
    point.plane().record(batch).await?;
    Ok(slip)
}

/// Why there is no pass.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RecoverError {
    /// Nobody of that name may act.
    #[error("nobody `{0}` is known who may act; register them first")]
    NoSuchPerson(PrincipalId),
    /// Why is not said, or at too great length.
    #[error("say in at most {WHY_CHARS_MAX} characters why")]
    Why,
    /// It could not be recorded.
    #[error("the pass could not be recorded")]
    Record(#[from] AppendError),
}

/// Makes a pass for somebody who is locked out, on the server itself. `lost`: their old authenticators count no longer once there is a new one.
///
/// # Errors
/// When nobody of that name may act, no reason is given, or it could not be recorded; then there is none.
pub async fn at_console(
    plane: &Plane,
    who: &PrincipalId,
    why: &str,
    lost: bool,
    by: Actor,
) -> Result<Slip, RecoverError> {
    let why = why.trim();
    if why.is_empty() || why.chars().count() > WHY_CHARS_MAX {
        return Err(RecoverError::Why);
    }
    if !may_act(plane, who) {
        return Err(RecoverError::NoSuchPerson(who.clone()));
    }
    let now = plane.now();
    let slip = Slip::to_type(Errand::Recovery, now + CONSOLE_LIFETIME);
    let made = RecoveredAtConsole {
        principal: who.clone(),
        slip: slip.id().clone(),
        good_until: slip.good_until,
        why: why.into(),
    };
    let row = [
        new_id().into(),
        who.as_str().into(),
        CONSOLE.into(),
        CONSOLE.into(),
        lost.into(),
        now.into(),
        slip.good_until.into(),
        slip.id().as_str().into(),
    ];
    let draft = Draft { on_behalf_of: Some(who.clone()), ..Draft::new(by, made) };
    let batch = Batch::one(draft)
        .write(RECOVERY_SUPERSEDE, [who.as_str().into(), now.into(), "".into()])
        .write(RECOVERY_ADD, row);
    plane.record(slip.with(batch, who.as_str(), now)).await?;
    Ok(slip)
}

/// A pass that is good now: whose, and what it opens for how long.
pub(super) struct Pass {
    pub(super) principal: PrincipalId,
    shown: Shown,
    level: u8,
    lasts: Duration,
}

/// What a typed pass is good for. Nothing, when it does not work (any more).
pub(super) fn pass(point: &PointOfCare, code: &str) -> Result<Option<Pass>, ReadError> {
    let Some(shown) = shown_typed(point.plane(), Errand::Recovery, code)? else { return Ok(None) };
    let Ok(principal) = shown.subject.parse::<PrincipalId>() else { return Ok(None) };
    let of_slip = [shown.id.as_str().into()];
    let path = point.plane().store().read(|reader| reader.find(RECOVERY_OF_SLIP, &of_slip, |row| row.text(0)))?;
    if !may_act(point.plane(), &principal) {
        return Ok(None);
    }
    let engine = point.plane().engine();
    let paths = &engine.charter().assurance().recovery;
    let found = path.as_deref().and_then(|path| paths.iter().find(|(name, _)| name.as_str() == path));
    let (level, lasts) = match found {
        Some((_, path)) => (path.level.clamp(1, 2), path.pass_min.duration()),
        None if path.as_deref() == Some(CONSOLE) => (2, CONSOLE_LIFETIME),
        // The charter has given up the path since.
        None => return Ok(None),
    };
    Ok(Some(Pass { principal, shown, level, lasts }))
}

/// Uses a pass up: a short session at its level.
pub(super) async fn redeem(point: &PointOfCare, at: &DeviceId, pass: &Pass) -> Result<SessionId, SessionError> {
    let proof = Proof {
        method: SmolStr::new_static(METHOD),
        level: pass.level,
        verified: false,
        authenticator: None,
        counter: None,
        proved_at: None,
    };
    let now = point.plane().now();
    let screen = Screen { workstation: Some(at.clone()), key: None, carried: None };
    let basis = Basis { at_most: Some(pass.lasts), ..Basis::default() };
    let with = |batch: Batch, session: &SessionId| {
        let row = [pass.shown.id.as_str().into(), session.as_str().into()];
        pass.shown.used_with(batch, now).write(RECOVERY_REDEEM, row)
    };
    point.arrive_with(&pass.principal, &screen, proof, &basis, with).await.map(|(session, _)| session)
}

/// What a session that a pass began still allows.
pub(super) struct Owed {
    /// The pass's public id: what the registration is bound to.
    pub(super) slip: SmolStr,
    pub(super) lost: bool,
}

/// Whether a session may register one authenticator because a pass began it.
pub(super) fn owed(point: &PointOfCare, session: &SessionId) -> Result<Option<Owed>, ReadError> {
    let of_session = [session.as_str().into()];
    point.plane().store().read(|reader| {
        reader.find(RECOVERY_OF_SESSION, &of_session, |row| {
            Ok(Owed { slip: row.text(0)?.into(), lost: row.int(1)? != 0 })
        })
    })
}

/// Records the new authenticator, and ends the old ones where they are lost.
pub(super) async fn keep(
    point: &PointOfCare,
    session: &world::SessionFacts,
    owed: &Owed,
    registered: Draft,
) -> Result<(), AppendError> {
    let who = &session.principal;
    let old: Vec<Event> = point.plane().world(|world| {
        let theirs = world.authenticators_of(who).into_iter().filter(|_| owed.lost);
        let ended = theirs
            .map(|one| Revoked { authenticator: one.authenticator.clone(), cause: RevokeCause::Recovered }.into());
        ended.collect()
    });
    // The old ones first: there is a limit to how many one person has.
    let drafts = old
        .into_iter()
        .map(|event| Draft { on_behalf_of: Some(who.clone()), ..point.at_screen(session.workstation.as_ref(), event) });
    let batch = Batch::of(drafts.chain([registered]).collect());
    let batch = batch.write(RECOVERY_KEY, [session.session.as_str().into(), point.plane().now().into()]);
    point.plane().record(batch).await.map(drop)
}

/// Whether the charter names somebody for a path: themselves, as the lead of a team, or by a role of theirs.
pub(super) fn is_named(point: &PointOfCare, who: &PrincipalId, path: &str) -> bool {
    let engine = point.plane().engine();
    let charter = engine.charter();
    let Some((_, path)) = charter.assurance().recovery.iter().find(|(name, _)| name.as_str() == path) else {
        return false;
    };
    let subject = world::Subject { principal: who.clone(), patient: None, device: None, session: None };
    let facts = point.plane().world(|world| world.facts(&subject, point.plane().now()));
    let roles = facts.principal.map(|known| known.roles).unwrap_or_default();
    path.approvers().iter().any(|owner| charter.owners().is_led_by(owner, who.as_str()))
        || roles.iter().any(|role| path.approving_roles.contains(role))
}

/// Whether somebody is staff and may act.
fn is_staff(point: &PointOfCare, who: &PrincipalId) -> bool {
    let subject = world::Subject { principal: who.clone(), patient: None, device: None, session: None };
    let facts = point.plane().world(|world| world.facts(&subject, point.plane().now()));
    facts.principal.is_some_and(|known| known.active && known.class == IdentityClass::Staff)
}

/// How somebody stands who just touched.
pub(super) fn helper_by_touch(point: &PointOfCare, who: PrincipalId, proof: &Proof) -> Helper {
    let active = is_staff(point, &who);
    let proved_at = point.plane().now();
    Helper { principal: who, active, level: proof.level, proved_at, own_proof: proof.verified }
}

/// How somebody stands who is signed in.
pub(super) fn helper(point: &PointOfCare, session: &world::SessionFacts) -> Helper {
    let lent = session.vouched_by.is_some() || session.review_due.is_some() || session.method == METHOD;
    Helper {
        principal: session.principal.clone(),
        active: is_staff(point, &session.principal),
        level: session.level,
        proved_at: session.proved_at,
        own_proof: !lent && (session.authenticator.is_some() || session.provider_session.is_some()),
    }
}
