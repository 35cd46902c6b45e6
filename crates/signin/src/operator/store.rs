//! Links and sessions in the store, each change in one commit with its entry in the ledger.

use super::rules::{FORGET_AFTER, LINK_LIFETIME, SESSION_LIFETIME, is_good};
use super::{Desk, Operator};
use crate::operator::routes::SIGN_IN_PATH;
use crate::token::Token;
use events::operator::{LinkIssued, Revoked, SignedIn, SignedOut};
use events::{Actor, Draft, OperatorId, Timestamp};
use plane::Plane;
use store::statements::{
    OPERATOR_DOORS_COUNT, OPERATOR_LINK_ADD, OPERATOR_LINK_FIND, OPERATOR_LINK_PRUNE, OPERATOR_LINK_USE,
    OPERATOR_LINKS_END, OPERATOR_LINKS_LIVE, OPERATOR_SESSION_ADD, OPERATOR_SESSION_END, OPERATOR_SESSION_FIND,
    OPERATOR_SESSION_PRUNE, OPERATOR_SESSIONS_END, OPERATOR_SESSIONS_LIVE,
};
use store::{AppendError, Batch, ReadError, Value};
use zeroize::Zeroizing;

/// Why signing in, or making a link for it, did not succeed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SignInError {
    /// The link was never made, was used, or is past its time. Which of these is not said.
    #[error("this sign-in link does not work any more")]
    Spent,
    /// The store holds an operator name that is none.
    #[error("the stored operator cannot be read")]
    Stored(#[from] events::IdError),
    /// Nothing could be recorded, so nothing happened.
    #[error("signing in could not be recorded")]
    Record(#[source] AppendError),
    /// The store cannot be read.
    #[error("the store cannot be read")]
    Read(#[from] ReadError),
}

/// A sign-in link, to be handed to its operator and nobody else.
#[derive(Debug)]
pub struct Link {
    /// Its public id, as the ledger has it.
    pub id: smol_str::SmolStr,
    /// The path to open, with the secret in it; to be put behind the node's address.
    pub path: Zeroizing<String>,
    /// It is worthless from then on.
    pub good_until: Timestamp,
}

/// The most links, and the most sessions, that [`live`] tells of.
const LIVE_MAX: usize = 1_000;

/// Which way into the console.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    /// A link that nobody has used yet.
    Link,
    /// A session.
    Session,
}

/// A way into the console that is open now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Live {
    /// Whose.
    pub operator: OperatorId,
    /// Which.
    pub door: Door,
    /// Its public id, as the ledger has it.
    pub id: smol_str::SmolStr,
    /// It is over then at the latest.
    pub good_until: Timestamp,
    /// When a session was last used, as far as the desk knows.
    pub last_used: Option<Timestamp>,
}

/// The links nobody has used yet and the sessions that are good, of every operator. Without a desk, which alone remembers when a session was used,
/// one counts as last used when it was signed in, as after a restart.
///
/// # Errors
/// When the store cannot be read.
pub fn live(plane: &Plane, desk: Option<&Desk>) -> Result<Vec<Live>, SignInError> {
    let (now, most) = (plane.now(), Value::Int(i64::try_from(LIVE_MAX).unwrap_or(i64::MAX)));
    let rows = |statement| {
        plane.store().read(|reader| {
            reader.query(statement, &[now.into(), most.clone()], |row| Ok((row.text(0)?, row.text(1)?, row.time(2)?)))
        })
    };
    let mut found = Vec::new();
    for (operator, id, good_until) in rows(OPERATOR_LINKS_LIVE)? {
        let operator = OperatorId::new(&operator)?;
        found.push(Live { operator, door: Door::Link, id: id.into(), good_until, last_used: None });
    }
    for (operator, id, good_until) in rows(OPERATOR_SESSIONS_LIVE)? {
        let last_used = desk.and_then(|desk| desk.last_used(&id));
        if is_good(good_until, last_used, now) {
            let operator = OperatorId::new(&operator)?;
            found.push(Live { operator, door: Door::Session, id: id.into(), good_until, last_used });
        }
    }
    found.sort_by(|one, other| (&one.operator, one.good_until).cmp(&(&other.operator, other.good_until)));
    Ok(found)
}

/// Whether an operator has a link or a session to end. Unlike [`live`] it misses nobody, however many others there are.
///
/// # Errors
/// When the store cannot be read.
pub fn may_come_in(plane: &Plane, operator: &OperatorId) -> Result<bool, SignInError> {
    let values = [operator.as_str().into(), plane.now().into()];
    let doors = plane.store().read(|reader| reader.find(OPERATOR_DOORS_COUNT, &values, |row| row.int(0)))?;
    Ok(doors.is_some_and(|doors| doors > 0))
}

/// Ends every link and every session of an operator, from the next request on, and records who did. A link made later works.
///
/// # Errors
/// When it could not be recorded; then nothing ended.
pub async fn revoke(plane: &Plane, operator: &OperatorId, by: Actor) -> Result<(), SignInError> {
    let (now, revoked) = (plane.now(), Revoked { operator: operator.clone() });
    let batch = Batch::one(Draft::new(by, revoked))
        .write(OPERATOR_LINKS_END, [operator.as_str().into(), now.into()])
        .write(OPERATOR_SESSIONS_END, [operator.as_str().into(), now.into()]);
    plane.record(batch).await.map(drop).map_err(SignInError::Record)
}

/// Makes a one-use sign-in link for an operator and records that it was made, and by whom.
///
/// # Errors
/// When it could not be recorded; then there is no link.
pub async fn issue_link(plane: &Plane, operator: OperatorId, by: Actor) -> Result<Link, SignInError> {
    let (token, now) = (Token::random(), plane.now());
    let good_until = now + LINK_LIFETIME;
    let issued = LinkIssued { operator: operator.clone(), link: token.id().clone(), good_until };
    let batch = Batch::one(Draft::new(by, issued)).write(OPERATOR_LINK_PRUNE, [(now - FORGET_AFTER).into()]).write(
        OPERATOR_LINK_ADD,
        [token.id().as_str().into(), operator.as_str().into(), token.digest().into(), good_until.into()],
    );
    plane.record(batch).await.map_err(SignInError::Record)?;
    let path = Zeroizing::new(format!("{SIGN_IN_PATH}/{}", *token.text()));
    Ok(Link { id: token.id().clone(), path, good_until })
}

/// Whom a link signs in, without using it up. Nobody, when it does not work any more.
pub(super) fn holder(plane: &Plane, link: &str) -> Result<Option<OperatorId>, SignInError> {
    let Some(token) = Token::parse(link) else { return Ok(None) };
    let found = plane.store().read(|reader| {
        reader.find(OPERATOR_LINK_FIND, &[token.id().as_str().into(), plane.now().into()], |row| {
            Ok((row.text(0)?, row.bytes(1)?))
        })
    })?;
    match found {
        Some((operator, kept)) if token.is_of(&kept) => Ok(Some(OperatorId::new(&operator)?)),
        _ => Ok(None),
    }
}

/// Uses a link up and opens a session; gives the cookie's value. Of two who use it at once, one succeeds.
pub(super) async fn sign_in(desk: &Desk, link: &str) -> Result<Zeroizing<String>, SignInError> {
    let plane = desk.plane();
    let operator = holder(plane, link)?.ok_or(SignInError::Spent)?;
    let used = Token::parse(link).ok_or(SignInError::Spent)?;
    let (session, now) = (Token::random(), plane.now());
    let good_until = now + SESSION_LIFETIME;
    let signed_in =
        SignedIn { operator: operator.clone(), link: used.id().clone(), session: session.id().clone(), good_until };
    let batch = Batch::one(Draft::new(Actor::operator(&operator), signed_in))
        .write(OPERATOR_LINK_USE, [used.id().as_str().into(), now.into()])
        .write(OPERATOR_SESSION_PRUNE, [(now - FORGET_AFTER).into()])
        .write(
            OPERATOR_SESSION_ADD,
            [session.id().as_str().into(), operator.as_str().into(), session.digest().into(), good_until.into()],
        );
    plane.record(batch).await.map_err(|error| match error {
        AppendError::Conflict(_) => SignInError::Spent,
        other => SignInError::Record(other),
    })?;
    desk.use_now(session.id(), now);
    Ok(session.text())
}

/// Whose session a cookie is of, if it is good now.
pub(super) fn recognise(desk: &Desk, cookie: &str) -> Result<Option<Operator>, SignInError> {
    let Some(token) = Token::parse(cookie) else { return Ok(None) };
    let now = desk.plane().now();
    let found = desk.plane().store().read(|reader| {
        reader.find(OPERATOR_SESSION_FIND, &[token.id().as_str().into(), now.into()], |row| {
            Ok((row.text(0)?, row.bytes(1)?, row.time(2)?))
        })
    })?;
    let Some((operator, kept, good_until)) = found else { return Ok(None) };
    if !token.is_of(&kept) || !is_good(good_until, desk.last_used(token.id()), now) {
        return Ok(None);
    }
    Ok(Some(Operator::of_session(OperatorId::new(&operator)?, &token, good_until)))
}

/// Ends a session.
pub(super) async fn sign_out(desk: &Desk, operator: &Operator) -> Result<(), SignInError> {
    let signed_out = SignedOut { operator: operator.id().clone(), session: operator.session().clone() };
    let batch = Batch::one(Draft::new(Actor::operator(operator.id()), signed_out))
        .write(OPERATOR_SESSION_END, [operator.session().as_str().into(), desk.plane().now().into()]);
    match desk.plane().record(batch).await {
        // A conflict means that it has ended meanwhile, which is what was wanted.
        Ok(_) | Err(AppendError::Conflict(_)) => {
            desk.forget(operator.session());
            Ok(())
        }
        Err(error) => Err(SignInError::Record(error)),
    }
}
