//! What calling systems prove themselves with, tokens and certificates: a fold of the log like the world. A row slipped into a table makes
//! nobody a caller.

use events::caller::{Added, CertificateAdded, Revoked};
use events::{Actor, CallerName, Timestamp};
use smol_str::SmolStr;
use std::collections::{HashMap, HashSet};
use std::sync::{PoisonError, RwLock};
use world::canon::{Canon, Reading, Unfit};

/// One live token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// Whose.
    pub caller: CallerName,
    /// SHA-256 of its secret, hexadecimal.
    pub sha256: SmolStr,
}

/// One registered certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// Whose.
    pub caller: CallerName,
    /// It is no good from then on.
    pub not_after: Timestamp,
}

/// Every live token by its public id, and every registered certificate by its SHA-256.
#[derive(Debug, Default)]
pub struct Tokens {
    by_id: RwLock<HashMap<SmolStr, Token>>,
    certificates: RwLock<HashMap<SmolStr, Certificate>>,
    /// Callers that were ended and given nothing new since.
    ended: RwLock<HashSet<Actor>>,
}

impl Tokens {
    /// A live token.
    #[must_use]
    pub fn find(&self, id: &str) -> Option<Token> {
        self.by_id.read().unwrap_or_else(PoisonError::into_inner).get(id).cloned()
    }

    /// A registered certificate, by its SHA-256 in hexadecimal. It may be past its time.
    #[must_use]
    pub fn certificate(&self, sha256: &str) -> Option<Certificate> {
        self.certificates.read().unwrap_or_else(PoisonError::into_inner).get(sha256).cloned()
    }

    /// Whether a caller was ended, and has been given no token or certificate since.
    #[must_use]
    pub fn is_ended(&self, actor: &Actor) -> bool {
        self.ended.read().unwrap_or_else(PoisonError::into_inner).contains(actor)
    }

    /// Every caller that has a live token or a certificate, each once, in order.
    #[must_use]
    pub fn callers(&self) -> Vec<CallerName> {
        let by_id = self.by_id.read().unwrap_or_else(PoisonError::into_inner);
        let mut names: Vec<_> = by_id.values().map(|token| token.caller.clone()).collect();
        drop(by_id);
        let certificates = self.certificates.read().unwrap_or_else(PoisonError::into_inner);
        names.extend(certificates.values().map(|certificate| certificate.caller.clone()));
        names.sort();
        names.dedup();
        names
    }

    pub(crate) fn add(&self, added: &Added) {
        let token = Token { caller: added.caller.clone(), sha256: added.sha256.clone() };
        self.by_id.write().unwrap_or_else(PoisonError::into_inner).insert(added.token.clone(), token);
        self.begin(&added.caller);
    }

    pub(crate) fn add_certificate(&self, added: &CertificateAdded) {
        let certificate = Certificate { caller: added.caller.clone(), not_after: added.not_after };
        let mut certificates = self.certificates.write().unwrap_or_else(PoisonError::into_inner);
        certificates.insert(added.sha256.clone(), certificate);
        drop(certificates);
        self.begin(&added.caller);
    }

    fn begin(&self, caller: &CallerName) {
        self.ended.write().unwrap_or_else(PoisonError::into_inner).remove(&Actor::caller(caller));
    }

    pub(crate) fn write(&self, canon: &mut Canon<'_>) {
        let by_id = self.by_id.read().unwrap_or_else(PoisonError::into_inner);
        let mut all: Vec<_> = by_id.iter().collect();
        all.sort_unstable_by_key(|(id, _)| *id);
        canon.count(all.len());
        for (id, token) in all {
            canon.text(id);
            canon.text(token.caller.as_str());
            canon.text(&token.sha256);
        }
        let certificates = self.certificates.read().unwrap_or_else(PoisonError::into_inner);
        let mut all: Vec<_> = certificates.iter().collect();
        all.sort_unstable_by_key(|(sha256, _)| *sha256);
        canon.count(all.len());
        for (sha256, certificate) in all {
            canon.text(sha256);
            canon.text(certificate.caller.as_str());
            canon.time(certificate.not_after);
        }
        let ended = self.ended.read().unwrap_or_else(PoisonError::into_inner);
        let mut all: Vec<_> = ended.iter().map(|actor| &actor.name).collect();
        all.sort_unstable();
        canon.count(all.len());
        all.into_iter().for_each(|name| canon.text(name));
    }

    pub(crate) fn read(&self, reading: &mut Reading<'_>) -> Result<(), Unfit> {
        let all = reading.list(|reading| {
            let id = SmolStr::new(reading.text()?);
            Ok((id, Token { caller: reading.parsed()?, sha256: SmolStr::new(reading.text()?) }))
        })?;
        let certificates = reading.list(|reading| {
            let sha256 = SmolStr::new(reading.text()?);
            Ok((sha256, Certificate { caller: reading.parsed()?, not_after: reading.time()? }))
        })?;
        let ended = reading.list(|reading| Ok(Actor::caller(&reading.parsed()?)))?;
        self.replace(all.into_iter().collect(), certificates.into_iter().collect(), ended.into_iter().collect());
        Ok(())
    }

    /// Forgets everything.
    pub(crate) fn clear(&self) {
        self.replace(HashMap::new(), HashMap::new(), HashSet::new());
    }

    fn replace(
        &self,
        by_id: HashMap<SmolStr, Token>,
        certificates: HashMap<SmolStr, Certificate>,
        ended: HashSet<Actor>,
    ) {
        *self.by_id.write().unwrap_or_else(PoisonError::into_inner) = by_id;
        *self.certificates.write().unwrap_or_else(PoisonError::into_inner) = certificates;
        *self.ended.write().unwrap_or_else(PoisonError::into_inner) = ended;
    }

    pub(crate) fn revoke(&self, revoked: &Revoked) {
        let mut by_id = self.by_id.write().unwrap_or_else(PoisonError::into_inner);
        by_id.retain(|_, token| token.caller != revoked.caller);
        drop(by_id);
        let mut certificates = self.certificates.write().unwrap_or_else(PoisonError::into_inner);
        certificates.retain(|_, certificate| certificate.caller != revoked.caller);
        drop(certificates);
        self.ended.write().unwrap_or_else(PoisonError::into_inner).insert(Actor::caller(&revoked.caller));
    }
}
