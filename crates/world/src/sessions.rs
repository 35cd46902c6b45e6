//! People's sessions, and colleagues' words for one another.
//!
//! A session that is over is forgotten at once: whoever asks by it asks by no session. [`Sessions::changed`] of one that is not known is the
//! last end there was, so that what rested on any that ended is looked at again.

use crate::canon::{Canon, Reading, Unfit};
use crate::keys::Changed;
use crate::workstations::{read_key, write_key};
use events::session::{LockCause, Proof, Started, Vouched};
use events::workstation::DeviceKey;
use events::{AuthenticatorId, DeviceId, PrincipalId, SessionId, Timestamp, UnitId};
use smol_str::SmolStr;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::Hash;
use std::time::Duration;

/// How long a session whose time is over is kept when nobody says that it ended.
const KEPT_AFTER: Duration = Duration::from_secs(24 * 3_600);

/// A person's session, as far as it is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionFacts {
    /// Which.
    pub session: SessionId,
    /// Whose.
    pub principal: PrincipalId,
    /// Where it is now.
    pub workstation: Option<DeviceId>,
    /// The key of the browser it is in, where that is no enrolled workstation's.
    pub key: Option<DeviceKey>,
    /// The charter's method they proved themselves by, last.
    pub method: SmolStr,
    /// The level that gave.
    pub level: u8,
    /// With which authenticator.
    pub authenticator: Option<AuthenticatorId>,
    /// When they were last verified.
    pub proved_at: Timestamp,
    /// When it began.
    pub started_at: Timestamp,
    /// When it was last used, to the minute.
    pub used_at: Timestamp,
    /// It is over then.
    pub good_until: Timestamp,
    /// Since when it is locked, and why.
    pub locked: Option<(Timestamp, LockCause)>,
    /// Who stands for them, where a colleague does.
    pub vouched_by: Option<PrincipalId>,
    /// By when it is to be reviewed, where who they are is only claimed.
    pub review_due: Option<Timestamp>,
    /// The session at the provider that signed them in.
    pub provider_session: Option<SmolStr>,
    /// Whether its owner has handed over to a colleague: it ends at the end of the grace.
    pub handed_over: bool,
}

impl SessionFacts {
    /// Whether its owner proved with something of their own who they are, a key or a provider's sign-in: not a colleague's word, not a pass, and
    /// not an emergency.
    #[must_use]
    pub fn rests_on_their_own(&self) -> bool {
        let lent = self.vouched_by.is_some() || self.review_due.is_some();
        !lent && (self.authenticator.is_some() || self.provider_session.is_some())
    }
}

/// A colleague's word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VouchFacts {
    /// Whose word it is.
    pub voucher: PrincipalId,
    /// For which workstation.
    pub workstation: DeviceId,
    /// In which unit.
    pub unit: Option<UnitId>,
    /// It counts until then.
    pub until: Timestamp,
    /// When it was given.
    pub at: Timestamp,
}

/// The most a session is worth after a proof that showed only that its owner is there, until they are verified again.
pub const PRESENCE_LEVEL_MAX: u8 = 2;
/// The most words for one person that are kept, the latest.
pub const VOUCHES_MAX: usize = 16;

#[derive(Clone, Debug)]
struct Session {
    facts: SessionFacts,
    changed: Changed,
}

/// Every session that is not over, and every word of a colleague that may still be counted.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sessions {
    of: BTreeMap<SessionId, Session>,
    vouches: BTreeMap<PrincipalId, Vec<VouchFacts>>,
    /// The last entry by which any session ended.
    ended: Changed,
    /// By when each is over; follows from the rest.
    ends: BTreeSet<(Timestamp, SessionId)>,
    /// By whose it is; follows from the rest.
    by_principal: HashMap<PrincipalId, BTreeSet<SessionId>>,
    /// By where it is; follows from the rest.
    by_workstation: HashMap<DeviceId, BTreeSet<SessionId>>,
}

impl Sessions {
    pub(crate) fn start(&mut self, body: &Started, at: Timestamp, changed: Changed) {
        let over = |until: Timestamp| until + KEPT_AFTER < at;
        while let Some((_, session)) = self.ends.first().filter(|(until, _)| over(*until)).cloned() {
            self.end(&session, changed);
        }
        if self.of.contains_key(&body.session) {
            return;
        }
        self.add(Session {
            facts: SessionFacts {
                session: body.session.clone(),
                principal: body.principal.clone(),
                workstation: body.workstation.clone(),
                key: body.key.clone(),
                method: body.proof.method.clone(),
                level: body.proof.level,
                authenticator: body.proof.authenticator.clone(),
                proved_at: body.proof.proved_at.unwrap_or(at).min(at),
                started_at: at,
                used_at: at,
                good_until: body.good_until,
                locked: None,
                vouched_by: body.vouched_by.clone(),
                review_due: body.review_due,
                provider_session: body.provider_session.clone(),
                handed_over: false,
            },
            changed: Changed::default(),
        });
    }

    fn add(&mut self, session: Session) {
        let facts = &session.facts;
        self.ends.insert((facts.good_until, facts.session.clone()));
        insert(&mut self.by_principal, &facts.principal, &facts.session);
        if let Some(device) = &facts.workstation {
            insert(&mut self.by_workstation, device, &facts.session);
        }
        self.of.insert(facts.session.clone(), session);
    }

    /// Whether it was not locked before.
    pub(crate) fn lock(&mut self, id: &SessionId, cause: LockCause, at: Timestamp) -> bool {
        let Some(session) = self.of.get_mut(id) else { return false };
        let open = session.facts.locked.is_none();
        if open {
            session.facts.locked = Some((at, cause));
        }
        open
    }

    /// Unlocks it, where its owner is now.
    pub(crate) fn resume(
        &mut self,
        id: &SessionId,
        at_device: Option<&DeviceId>,
        proof: &Proof,
        at: Timestamp,
    ) -> bool {
        let Some(session) = self.of.get_mut(id) else { return false };
        session.facts.locked = None;
        session.facts.used_at = at;
        let before = std::mem::replace(&mut session.facts.workstation, at_device.cloned());
        if before.as_ref() != at_device {
            if let Some(device) = before {
                remove(&mut self.by_workstation, &device, id);
            }
            if let Some(device) = at_device {
                insert(&mut self.by_workstation, device, id);
            }
        }
        self.prove(id, proof, at)
    }

    /// Takes note of a proof. One that only showed presence makes nobody surer than they were, and less sure than both factors did.
    pub(crate) fn prove(&mut self, id: &SessionId, proof: &Proof, at: Timestamp) -> bool {
        let Some(session) = self.of.get_mut(id) else { return false };
        let facts = &mut session.facts;
        facts.used_at = at;
        if proof.verified {
            facts.method = proof.method.clone();
            facts.level = proof.level;
            facts.authenticator = proof.authenticator.clone();
            facts.proved_at = proof.proved_at.unwrap_or(at).min(at);
        } else {
            facts.level = facts.level.min(PRESENCE_LEVEL_MAX);
        }
        true
    }

    /// Its owner handed over: it is over by then at the latest.
    pub(crate) fn hand_over(&mut self, id: &SessionId, ends_at: Timestamp) -> bool {
        let Some(session) = self.of.get_mut(id) else { return false };
        let facts = &mut session.facts;
        facts.handed_over = true;
        self.ends.remove(&(facts.good_until, id.clone()));
        facts.good_until = facts.good_until.min(ends_at);
        self.ends.insert((facts.good_until, id.clone()));
        true
    }

    pub(crate) fn use_now(&mut self, id: &SessionId, at: Timestamp) -> bool {
        let Some(session) = self.of.get_mut(id) else { return false };
        session.facts.used_at = at;
        true
    }

    /// Whether it was not over before.
    pub(crate) fn end(&mut self, id: &SessionId, changed: Changed) -> bool {
        let Some(Session { facts, .. }) = self.of.remove(id) else { return false };
        self.ended = changed;
        self.ends.remove(&(facts.good_until, id.clone()));
        remove(&mut self.by_principal, &facts.principal, id);
        if let Some(device) = &facts.workstation {
            remove(&mut self.by_workstation, device, id);
        }
        true
    }

    pub(crate) fn vouch(&mut self, body: &Vouched, at: Timestamp) {
        let words = self.vouches.entry(body.principal.clone()).or_default();
        if words.len() >= VOUCHES_MAX {
            words.remove(0);
        }
        words.push(VouchFacts {
            voucher: body.voucher.clone(),
            workstation: body.workstation.clone(),
            unit: body.unit.clone(),
            until: body.until,
            at,
        });
    }

    /// Ends what colleagues' words are worth for the owner of a session who was just proved in it by something of their own; they are counted
    /// all the same. Answers whose words, if any counted.
    pub(crate) fn end_words(&mut self, id: &SessionId, at: Timestamp) -> Option<PrincipalId> {
        let facts = self.find(id).filter(|facts| facts.rests_on_their_own())?;
        let who = facts.principal.clone();
        let words = self.vouches.get_mut(&who)?;
        let counted = words.iter().any(|word| at < word.until);
        words.iter_mut().for_each(|word| word.until = word.until.min(at));
        counted.then_some(who)
    }

    /// Ends what a colleague's word is worth with the session it opened. Answers whose word, if it counted.
    pub(crate) fn end_its_word(&mut self, id: &SessionId, at: Timestamp) -> Option<PrincipalId> {
        let facts = self.find(id)?;
        let (voucher, here, who) = (facts.vouched_by.clone()?, facts.workstation.clone()?, facts.principal.clone());
        let words = self.vouches.get_mut(&who)?.iter_mut();
        let mut counted = false;
        for word in words.filter(|word| word.voucher == voucher && word.workstation == here && at < word.until) {
            word.until = at;
            counted = true;
        }
        counted.then_some(who)
    }

    pub(crate) fn mark(&mut self, id: &SessionId, changed: Changed) {
        if let Some(session) = self.of.get_mut(id) {
            session.changed = changed;
        }
    }

    pub(crate) fn changed(&self, id: &SessionId) -> Changed {
        self.of.get(id).map_or(self.ended, |session| session.changed)
    }

    pub(crate) fn find(&self, id: &SessionId) -> Option<&SessionFacts> {
        self.of.get(id).map(|session| &session.facts)
    }

    pub(crate) fn of_principal(&self, who: &PrincipalId) -> impl Iterator<Item = &SessionFacts> {
        self.by_principal.get(who).into_iter().flatten().filter_map(|id| self.find(id))
    }

    pub(crate) fn at(&self, device: &DeviceId) -> impl Iterator<Item = &SessionFacts> {
        self.by_workstation.get(device).into_iter().flatten().filter_map(|id| self.find(id))
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &SessionFacts> {
        self.of.values().map(|session| &session.facts)
    }

    /// The words for a person that are kept, the oldest first. They may be past their time.
    pub(crate) fn vouches(&self, who: &PrincipalId) -> &[VouchFacts] {
        self.vouches.get(who).map_or(&[], Vec::as_slice)
    }

    pub(crate) fn write(&self, canon: &mut Canon<'_>) {
        self.ended.write(canon);
        canon.count(self.of.len());
        for (id, Session { facts, changed }) in &self.of {
            canon.text(id.as_str());
            changed.write(canon);
            canon.text(facts.principal.as_str());
            canon.maybe(facts.workstation.as_ref(), |canon, device| canon.text(device.as_str()));
            canon.maybe(facts.key.as_ref(), write_key);
            canon.text(&facts.method);
            canon.number(facts.level.into());
            canon.maybe(facts.authenticator.as_ref(), |canon, id| canon.text(id.as_str()));
            for time in [facts.proved_at, facts.started_at, facts.used_at, facts.good_until] {
                canon.time(time);
            }
            canon.maybe(facts.locked, |canon, (at, cause)| {
                canon.time(at);
                canon.text(cause.as_str());
            });
            canon.maybe(facts.vouched_by.as_ref(), |canon, who| canon.text(who.as_str()));
            canon.maybe(facts.review_due, Canon::time);
            canon.maybe(facts.provider_session.as_ref(), |canon, id| canon.text(id));
            canon.flag(facts.handed_over);
        }
        canon.count(self.vouches.len());
        for (who, words) in &self.vouches {
            canon.text(who.as_str());
            canon.count(words.len());
            for word in words {
                canon.text(word.voucher.as_str());
                canon.text(word.workstation.as_str());
                canon.maybe(word.unit.as_ref(), |canon, unit| canon.text(unit.as_str()));
                canon.time(word.until);
                canon.time(word.at);
            }
        }
    }

    pub(crate) fn read(reading: &mut Reading<'_>) -> Result<Self, Unfit> {
        let mut read = Self { ended: Changed::read(reading)?, ..Self::default() };
        for session in reading.list(read_session)? {
            read.add(session);
        }
        let vouches = reading.list(|reading| {
            let who = reading.parsed()?;
            let words = reading.list(|reading| {
                Ok(VouchFacts {
                    voucher: reading.parsed()?,
                    workstation: reading.parsed()?,
                    unit: reading.maybe(Reading::parsed)?,
                    until: reading.time()?,
                    at: reading.time()?,
                })
            })?;
            Ok((who, words))
        })?;
        read.vouches = vouches.into_iter().collect();
        Ok(read)
    }
}

fn insert<K: Clone + Eq + Hash>(index: &mut HashMap<K, BTreeSet<SessionId>>, key: &K, id: &SessionId) {
    index.entry(key.clone()).or_default().insert(id.clone());
}

fn remove<K: Eq + Hash>(index: &mut HashMap<K, BTreeSet<SessionId>>, key: &K, id: &SessionId) {
    if let Some(ids) = index.get_mut(key) {
        ids.remove(id);
        if ids.is_empty() {
            index.remove(key);
        }
    }
}

fn read_session(reading: &mut Reading<'_>) -> Result<Session, Unfit> {
    let session = reading.parsed()?;
    let changed = Changed::read(reading)?;
    let facts = SessionFacts {
        session,
        principal: reading.parsed()?,
        workstation: reading.maybe(Reading::parsed)?,
        key: reading.maybe(read_key)?,
        method: reading.text()?.into(),
        level: u8::try_from(reading.number()?).map_err(|_| Unfit::Form("level"))?,
        authenticator: reading.maybe(Reading::parsed)?,
        proved_at: reading.time()?,
        started_at: reading.time()?,
        used_at: reading.time()?,
        good_until: reading.time()?,
        locked: reading.maybe(|reading| Ok((reading.time()?, reading.named(&LockCause::ALL, LockCause::as_str)?)))?,
        vouched_by: reading.maybe(Reading::parsed)?,
        review_due: reading.maybe(Reading::time)?,
        provider_session: reading.maybe(|reading| Ok(SmolStr::from(reading.text()?)))?,
        handed_over: reading.flag()?,
    };
    Ok(Session { facts, changed })
}
