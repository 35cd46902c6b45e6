//! What people prove themselves with. A row slipped into a table is nobody's key: only an entry makes one.

use crate::canon::{Canon, Reading, Unfit};
use events::authenticator::{PublicKey, Registered};
use events::session::Proof;
use events::{AuthenticatorId, PrincipalId, Timestamp};
use smol_str::SmolStr;
use std::collections::{BTreeMap, HashMap};

/// An authenticator that counts.
#[derive(Clone, Debug, PartialEq)]
pub struct Authenticator {
    /// What it is called by.
    pub authenticator: AuthenticatorId,
    /// Whose it is.
    pub principal: PrincipalId,
    /// The id of its credential, base64url.
    pub credential: SmolStr,
    /// The user handle it keeps, base64url.
    pub user_handle: SmolStr,
    /// Its public key.
    pub key: PublicKey,
    /// The last signature counter it showed.
    pub counter: u32,
    /// The charter's method it counts as.
    pub method: SmolStr,
    /// What people call it.
    pub name: SmolStr,
    /// Its make (AAGUID).
    pub aaguid: SmolStr,
    /// Whether it may be on several devices.
    pub backup_eligible: bool,
    /// Since when.
    pub registered_at: Timestamp,
    /// When it last proved anything.
    pub used_at: Option<Timestamp>,
}

/// The most authenticators of one person.
pub const AUTHENTICATORS_MAX: usize = 16;

/// Every authenticator that counts.
#[derive(Clone, Debug, Default)]
pub(crate) struct Authenticators {
    of: BTreeMap<AuthenticatorId, Authenticator>,
    /// By the id of its credential; follows from the rest.
    by_credential: HashMap<SmolStr, AuthenticatorId>,
    /// By whose it is; follows from the rest.
    by_principal: HashMap<PrincipalId, Vec<AuthenticatorId>>,
}

impl Authenticators {
    /// Keeps an authenticator, unless its credential is somebody's already or its owner has too many.
    pub(crate) fn register(&mut self, body: &Registered, at: Timestamp) {
        let held = self.by_principal.get(&body.principal).map_or(0, Vec::len);
        if self.by_credential.contains_key(&body.credential)
            || self.of.contains_key(&body.authenticator)
            || held >= AUTHENTICATORS_MAX
        {
            return;
        }
        self.add(Authenticator {
            authenticator: body.authenticator.clone(),
            principal: body.principal.clone(),
            credential: body.credential.clone(),
            user_handle: body.user_handle.clone(),
            key: body.key.clone(),
            counter: body.counter,
            method: body.method.clone(),
            name: body.name.clone(),
            aaguid: body.aaguid.clone(),
            backup_eligible: body.backup_eligible,
            registered_at: at,
            used_at: None,
        });
    }

    fn add(&mut self, one: Authenticator) {
        self.by_credential.insert(one.credential.clone(), one.authenticator.clone());
        self.by_principal.entry(one.principal.clone()).or_default().push(one.authenticator.clone());
        self.of.insert(one.authenticator.clone(), one);
    }

    pub(crate) fn rename(&mut self, id: &AuthenticatorId, name: &SmolStr) {
        if let Some(one) = self.of.get_mut(id) {
            one.name = name.clone();
        }
    }

    pub(crate) fn revoke(&mut self, id: &AuthenticatorId) {
        let Some(one) = self.of.remove(id) else { return };
        self.by_credential.remove(&one.credential);
        if let Some(held) = self.by_principal.get_mut(&one.principal) {
            held.retain(|held| held != id);
        }
    }

    /// Takes note of what an authenticator proved: its counter never goes back here.
    pub(crate) fn prove(&mut self, proof: &Proof, at: Timestamp) {
        let Some(one) = proof.authenticator.as_ref().and_then(|id| self.of.get_mut(id)) else { return };
        one.counter = one.counter.max(proof.counter.unwrap_or_default());
        one.used_at = Some(at);
    }

    pub(crate) fn find(&self, id: &AuthenticatorId) -> Option<&Authenticator> {
        self.of.get(id)
    }

    pub(crate) fn by_credential(&self, credential: &str) -> Option<&Authenticator> {
        self.of.get(self.by_credential.get(credential)?)
    }

    /// A person's, the oldest first.
    pub(crate) fn of(&self, principal: &PrincipalId) -> Vec<&Authenticator> {
        let held = self.by_principal.get(principal).into_iter().flatten();
        let mut found: Vec<_> = held.filter_map(|id| self.of.get(id)).collect();
        found.sort_unstable_by_key(|one| (one.registered_at, &one.authenticator));
        found
    }

    pub(crate) fn write(&self, canon: &mut Canon<'_>) {
        canon.count(self.of.len());
        for (id, one) in &self.of {
            canon.text(id.as_str());
            canon.text(one.principal.as_str());
            canon.text(&one.credential);
            canon.text(&one.user_handle);
            // A form of our own made of texts: it can be written.
            canon.text(&serde_json::to_string(&one.key).unwrap_or_default());
            canon.number(one.counter.into());
            canon.text(&one.method);
            canon.text(&one.name);
            canon.text(&one.aaguid);
            canon.flag(one.backup_eligible);
            canon.time(one.registered_at);
            canon.maybe(one.used_at, Canon::time);
        }
    }

    pub(crate) fn read(reading: &mut Reading<'_>) -> Result<Self, Unfit> {
        let all = reading.list(|reading| {
            Ok(Authenticator {
                authenticator: reading.parsed()?,
                principal: reading.parsed()?,
                credential: reading.text()?.into(),
                user_handle: reading.text()?.into(),
                key: serde_json::from_str(reading.text()?).map_err(|_| Unfit::Form("public key"))?,
                counter: u32::try_from(reading.number()?).map_err(|_| Unfit::Form("counter"))?,
                method: reading.text()?.into(),
                name: reading.text()?.into(),
                aaguid: reading.text()?.into(),
                backup_eligible: reading.flag()?,
                registered_at: reading.time()?,
                used_at: reading.maybe(Reading::time)?,
            })
        })?;
        let mut read = Self::default();
        all.into_iter().for_each(|one| read.add(one));
        Ok(read)
    }
}
