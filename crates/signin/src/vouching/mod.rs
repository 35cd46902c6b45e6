//! A colleague stands up for somebody whose key fails: one touch, both named, for minutes, and never in turn.
//!
//! Either at the screen of whoever is stuck, which a signed-in colleague touches their key at, or from the colleague's own screen; then whoever
//! is stuck goes on at theirs with their badge. The session it opens is at level 1: the badge only says who it is. What it may do besides is what
//! decisions give for `live.vouched`, the charter's `[vouching] actions`.

mod page;
mod routes;
pub mod rules;

pub use page::VOUCH_PATH;
pub use routes::routes;

use crate::point::PointOfCare;
use crate::session::{Basis, Screen, SessionError};
use events::session::{Proof, Vouched};
use events::{DeviceId, PrincipalId, SessionId, Timestamp, UnitId};
use rules::{Case, Known, No};
use store::Batch;
use world::{SessionFacts, Subject};

/// The way in of a session that rests on a colleague's word.
pub const METHOD: &str = "vouched";
/// What such a session is worth by itself.
const LEVEL: u8 = 1;

/// A word that counts.
#[derive(Clone, Debug)]
pub struct Word {
    /// Who gave it.
    pub voucher: PrincipalId,
    /// In which session.
    pub session: SessionId,
    /// For whom.
    pub person: PrincipalId,
    /// Where.
    pub workstation: DeviceId,
    /// In which unit that stands.
    pub unit: UnitId,
    /// Why.
    pub reason: String,
    /// Until when it is good.
    pub until: Timestamp,
}

/// What is asked of the rules.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// Whoever touched.
    pub voucher: &'a PrincipalId,
    /// What they proved.
    pub proof: &'a Proof,
    /// The session they vouch from; any of theirs where they touch at the screen of whoever is stuck.
    pub from: Option<&'a SessionId>,
    /// For whom, where the badge is somebody's.
    pub person: Option<&'a PrincipalId>,
    /// Where.
    pub workstation: &'a DeviceId,
    /// Why.
    pub reason: &'a str,
}

impl PointOfCare {
    /// Whether a word counts.
    ///
    /// # Errors
    /// The rule that is not kept.
    pub fn word(&self, asked: &Asked<'_>) -> Result<Word, No> {
        let now = self.plane().now();
        let unit = self.unit_of(asked.workstation).ok_or(No::NoUnit)?;
        let engine = self.plane().engine();
        let rule = &engine.charter().rules_at(Some(&unit)).assurance.vouching;
        if !rule.reasons.keys().any(|reason| reason.as_str() == asked.reason) {
            return Err(No::Reason);
        }
        let subject =
            |who: &PrincipalId| Subject { principal: who.clone(), patient: None, device: None, session: None };
        let (voucher, person, sessions, earlier) = self.plane().world(|world| {
            let sessions =
                world.sessions_of(asked.voucher).filter(|one| asked.from.is_none_or(|id| one.session == *id));
            let sessions: Vec<SessionFacts> = sessions.cloned().collect();
            let person = asked.person.map(|who| world.facts(&subject(who), now));
            let earlier = asked.person.map_or_else(Vec::new, |who| world.vouches(who).to_vec());
            (world.facts(&subject(asked.voucher), now), person, sessions, earlier)
        });
        let case = Case {
            rule,
            unit: &unit,
            voucher: Known { id: asked.voucher, facts: &voucher },
            sessions: &sessions,
            proof: asked.proof,
            person: asked.person.zip(person.as_ref()).map(|(id, facts)| Known { id, facts }),
            workstation: asked.workstation,
            earlier: &earlier,
            now,
        };
        let judged = case.judge()?;
        let (session, until) = (judged.session.session.clone(), judged.until);
        let person = asked.person.ok_or(No::NotHere)?.clone();
        let (voucher, workstation) = (asked.voucher.clone(), asked.workstation.clone());
        Ok(Word { voucher, session, person, workstation, unit, reason: asked.reason.to_owned(), until })
    }

    /// A word becomes entries: that it was given, and the session it opens, in one.
    ///
    /// # Errors
    /// When it could not be recorded; then nothing happened.
    pub async fn vouch(&self, word: &Word) -> Result<SessionId, SessionError> {
        let lasts = word.until.since(self.plane().now());
        let proof = Proof {
            method: METHOD.into(),
            level: LEVEL,
            verified: false,
            authenticator: None,
            counter: None,
            proved_at: None,
        };
        let vouched = Vouched {
            principal: word.person.clone(),
            voucher: word.voucher.clone(),
            voucher_session: word.session.clone(),
            workstation: word.workstation.clone(),
            unit: Some(word.unit.clone()),
            reason: word.reason.as_str().into(),
            until: word.until,
        };
        let given = self.by(&word.voucher, Some(&word.workstation), vouched);
        let screen = Screen { workstation: Some(word.workstation.clone()), key: None, carried: None };
        let basis = Basis { vouched_by: Some(word.voucher.clone()), at_most: Some(lasts), ..Basis::default() };
        let with = |mut batch: Batch, _: &SessionId| {
            batch.drafts.push(given);
            batch
        };
        let (session, _) = self.arrive_with(&word.person, &screen, proof, &basis, with).await?;
        Ok(session)
    }

    /// Whether somebody else works at a workstation now.
    pub(crate) fn is_in_use_by_others(&self, workstation: &DeviceId, but: &[&PrincipalId]) -> bool {
        let there: Vec<SessionFacts> = self.plane().world(|world| world.sessions_at(workstation).cloned().collect());
        there.iter().any(|one| !but.contains(&&one.principal) && self.is_open(&one.session))
    }
}
