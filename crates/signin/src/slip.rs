//! One-use secrets on a slip of paper or in a link: invitations, codes for workstations, temporary passes.
//!
//! The promise: a slip works once, for one errand and one subject, until its time; looking at it does not use it up; and nothing of its
//! secret is kept but a digest. A slip that was never made, was used, or is past its time is answered alike.

use crate::token::Token;
use events::Timestamp;
use plane::Plane;
use smol_str::SmolStr;
use std::time::Duration;
use store::statements::{SLIP_ADD, SLIP_FIND, SLIP_PRUNE, SLIP_USE, SLIPS_END};
use store::{Batch, ReadError};
use zeroize::Zeroizing;

/// Slips are forgotten so long after their end.
const FORGET_AFTER: Duration = Duration::from_secs(7 * 24 * 3_600);

/// What a slip is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Errand {
    /// Registering a first authenticator; the subject is the person.
    Invitation,
    /// Enrolling a workstation; the subject is the device.
    Workstation,
    /// Getting back in; the subject is the person.
    Recovery,
}

impl Errand {
    const fn name(self) -> &'static str {
        match self {
            Self::Invitation => "invitation",
            Self::Workstation => "workstation",
            Self::Recovery => "recovery",
        }
    }
}

/// A slip, to be handed to whom it is for and nobody else.
#[derive(Debug)]
pub struct Slip {
    token: Token,
    /// What is on one that somebody types.
    typed: Option<Zeroizing<String>>,
    errand: Errand,
    /// It is worthless from then on.
    pub good_until: Timestamp,
}

/// A slip that somebody showed and that is good now.
#[derive(Debug)]
pub struct Shown {
    /// Its public id.
    pub id: SmolStr,
    /// Whom or what it is for.
    pub subject: String,
    /// It is worthless from then on.
    pub good_until: Timestamp,
}

impl Slip {
    /// A new one, good for nothing until a batch it [goes with](Self::with) is recorded.
    #[must_use]
    pub fn new(errand: Errand, good_until: Timestamp) -> Self {
        Self { token: Token::random(), typed: None, errand, good_until }
    }

    /// One that somebody types: four groups of four letters and digits.
    #[must_use]
    pub fn to_type(errand: Errand, good_until: Timestamp) -> Self {
        let (token, text) = Token::to_type();
        Self { token, typed: Some(text), errand, good_until }
    }

    /// Its public id, as the ledger has it.
    #[must_use]
    pub fn id(&self) -> &SmolStr {
        self.token.id()
    }

    /// What is on it, for its bearer alone.
    #[must_use]
    pub fn text(&self) -> Zeroizing<String> {
        self.typed.clone().unwrap_or_else(|| self.token.text())
    }

    /// Recorded together with what says so. Earlier slips of the same errand for the same subject are worth nothing from then on.
    #[must_use]
    pub fn with(&self, batch: Batch, subject: &str, now: Timestamp) -> Batch {
        let errand = self.errand.name();
        let (id, digest) = (self.token.id().as_str(), self.token.digest());
        batch
            .write(SLIP_PRUNE, [(now - FORGET_AFTER).into()])
            .write(SLIPS_END, [errand.into(), subject.into(), now.into()])
            .write(SLIP_ADD, [id.into(), errand.into(), subject.into(), digest.into(), self.good_until.into()])
    }
}

/// What a slip is for, without using it up. Nothing, when it does not work (any more).
///
/// # Errors
/// When the store cannot be read.
pub fn shown(plane: &Plane, errand: Errand, text: &str) -> Result<Option<Shown>, ReadError> {
    Token::parse(text).map_or(Ok(None), |token| found(plane, errand, &token))
}

/// The same for one that somebody typed.
///
/// # Errors
/// When the store cannot be read.
pub fn shown_typed(plane: &Plane, errand: Errand, text: &str) -> Result<Option<Shown>, ReadError> {
    Token::parse_typed(text).map_or(Ok(None), |token| found(plane, errand, &token))
}

fn found(plane: &Plane, errand: Errand, token: &Token) -> Result<Option<Shown>, ReadError> {
    let values = [token.id().as_str().into(), errand.name().into(), plane.now().into()];
    let found = plane
        .store()
        .read(|reader| reader.find(SLIP_FIND, &values, |row| Ok((row.text(0)?, row.bytes(1)?, row.time(2)?))))?;
    let good = found.filter(|(_, kept, _)| token.is_of(kept));
    Ok(good.map(|(subject, _, good_until)| Shown { id: token.id().clone(), subject, good_until }))
}

impl Shown {
    /// Used up together with what is recorded. Of two who use it at once one succeeds; the other's batch is a conflict.
    #[must_use]
    pub fn used_with(&self, batch: Batch, now: Timestamp) -> Batch {
        batch.write(SLIP_USE, [self.id.as_str().into(), now.into()])
    }
}
