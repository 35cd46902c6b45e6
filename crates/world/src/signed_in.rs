//! Who is signed in where: what the world says of workstations, authenticators and sessions, and how entries change it.

use crate::authenticators::Authenticator;
use crate::facts::DeviceFacts;
use crate::keys::{Changed, Key, Touched};
use crate::sessions::{SessionFacts, VouchFacts};
use crate::world::World;
use events::workstation::{DeviceKey, Keeper};
use events::{AuthenticatorId, DeviceId, Event, Leaf, PrincipalId, SessionId, Timestamp};

impl World {
    pub(crate) fn fold_signing_in(&mut self, leaf: &Leaf, touched: &mut Touched) {
        let (at, sessions) = (leaf.recorded_at, &mut self.sessions);
        let changed = match &leaf.draft.event {
            Event::WorkstationEnrolled(body) => {
                self.workstations.enrol(body);
                return self.touch_sessions_at(&body.device, touched);
            }
            Event::WorkstationWithdrawn(body) => {
                self.workstations.withdraw(&body.device);
                return self.touch_sessions_at(&body.device, touched);
            }
            Event::AuthenticatorRegistered(body) => {
                self.authenticators.register(body, at);
                return self.touch_sessions_of(&body.authenticator, touched);
            }
            Event::AuthenticatorRenamed(body) => return self.authenticators.rename(&body.authenticator, &body.name),
            Event::AuthenticatorRevoked(body) => {
                self.authenticators.revoke(&body.authenticator);
                return self.touch_sessions_of(&body.authenticator, touched);
            }
            Event::SessionVouched(body) => {
                sessions.vouch(body, at);
                return touched.add(Key::Principal(body.principal.clone()));
            }
            Event::SessionStarted(body) => {
                sessions.start(body, at, Changed::by(leaf.seq.0));
                self.authenticators.prove(&body.proof, at);
                self.end_words(&body.session, at, touched);
                Some(&body.session)
            }
            Event::SessionLocked(body) => sessions.lock(&body.session, body.cause, at).then_some(&body.session),
            Event::SessionResumed(body) => {
                self.authenticators.prove(&body.proof, at);
                let known = sessions.resume(&body.session, body.workstation.as_ref(), &body.proof, at);
                self.end_words(&body.session, at, touched);
                known.then_some(&body.session)
            }
            Event::SessionSteppedUp(body) => {
                self.authenticators.prove(&body.proof, at);
                let known = sessions.prove(&body.session, &body.proof, at);
                self.end_words(&body.session, at, touched);
                known.then_some(&body.session)
            }
            Event::SessionUsed(body) => sessions.use_now(&body.session, at).then_some(&body.session),
            Event::SessionHandedOver(body) => {
                sessions.hand_over(&body.from_session, body.ends_at).then_some(&body.from_session)
            }
            Event::SessionEnded(body) => {
                if let Some(who) = sessions.end_its_word(&body.session, at) {
                    touched.add(Key::Principal(who));
                }
                sessions.end(&body.session, Changed::by(leaf.seq.0)).then_some(&body.session)
            }
            _ => None,
        };
        if let Some(session) = changed {
            touched.add(Key::Session(session.clone()));
        }
    }

    /// Whatever rests on the sessions at a workstation is looked at again.
    pub(crate) fn touch_sessions_at(&self, device: &DeviceId, touched: &mut Touched) {
        for one in self.sessions.at(device) {
            touched.add(Key::Session(one.session.clone()));
        }
    }

    /// The same of the sessions that rest on an authenticator.
    fn touch_sessions_of(&self, authenticator: &AuthenticatorId, touched: &mut Touched) {
        for one in self.sessions.iter().filter(|one| one.authenticator.as_ref() == Some(authenticator)) {
            touched.add(Key::Session(one.session.clone()));
        }
    }

    /// Whether what a session rests on counts: its key, and the workstation it is at. Nobody waits for an entry that says so.
    pub(crate) fn rests_on_something(&self, one: &SessionFacts) -> bool {
        let enrolled = |device: &DeviceId| self.workstation_key(device, Keeper::Browser).is_some();
        one.workstation.as_ref().is_none_or(enrolled)
            && one.authenticator.as_ref().is_none_or(|id| self.authenticators.find(id).is_some())
    }

    /// Whoever proved who they are in a session of their own needs nobody's word any more.
    fn end_words(&mut self, session: &SessionId, at: Timestamp, touched: &mut Touched) {
        if let Some(who) = self.sessions.end_words(session, at) {
            touched.add(Key::Principal(who));
        }
    }

    /// A session that is not over, as far as entries say. Its time may be.
    #[must_use]
    pub fn session(&self, id: &SessionId) -> Option<&SessionFacts> {
        self.sessions.find(id)
    }

    /// Every session that is not over.
    pub fn sessions(&self) -> impl Iterator<Item = &SessionFacts> {
        self.sessions.iter()
    }

    /// A person's sessions.
    pub fn sessions_of(&self, who: &PrincipalId) -> impl Iterator<Item = &SessionFacts> {
        self.sessions.of_principal(who)
    }

    /// The sessions at a workstation.
    pub fn sessions_at(&self, device: &DeviceId) -> impl Iterator<Item = &SessionFacts> {
        self.sessions.at(device)
    }

    /// Colleagues' words for a person that are kept, the oldest first. They may be past their time.
    #[must_use]
    pub fn vouches(&self, who: &PrincipalId) -> &[VouchFacts] {
        self.sessions.vouches(who)
    }

    /// An authenticator that counts.
    #[must_use]
    pub fn authenticator(&self, id: &AuthenticatorId) -> Option<&Authenticator> {
        self.authenticators.find(id)
    }

    /// The same by the id of its credential, base64url.
    #[must_use]
    pub fn authenticator_by_credential(&self, credential: &str) -> Option<&Authenticator> {
        self.authenticators.by_credential(credential)
    }

    /// A person's authenticators, the oldest first.
    #[must_use]
    pub fn authenticators_of(&self, who: &PrincipalId) -> Vec<&Authenticator> {
        self.authenticators.of(who)
    }

    /// A device that is enrolled and in use.
    #[must_use]
    pub fn device(&self, id: &DeviceId) -> Option<DeviceFacts> {
        self.devices.facts(id, &self.names)
    }

    /// The key of an enrolled workstation that is in use.
    #[must_use]
    pub fn workstation_key(&self, device: &DeviceId, keeper: Keeper) -> Option<&DeviceKey> {
        self.devices.facts(device, &self.names)?;
        self.workstations.key(device, keeper)
    }

    /// Every workstation that was enrolled and not withdrawn, once for each that keeps a key of it.
    pub fn workstations(&self) -> impl Iterator<Item = &DeviceId> {
        self.workstations.iter()
    }
}
