//! The touch: options for the browser, and what came back, turned into a proof of who it was.

use crate::attempt::Try;
use crate::passkey::{AuthenticationOptions, Ceremony, CeremonyError, Claimed, Place, Purpose, Stored, Verification};
use crate::point::{PointOfCare, Visitor};
use charter::signing_in::level_after_touch;
use events::authenticator::{RevokeCause, Revoked};
use events::session::Proof;
use events::signin::{Cause, Outcome, Sign, Step};
use events::workstation::DeviceKey;
use serde::Deserialize;
use serde_json::value::RawValue;
use smol_str::SmolStr;
use store::Batch;
use world::Authenticator;

/// What a browser posts when a touch is done.
#[derive(Debug, Deserialize)]
pub(crate) struct CeremonyAnswer {
    /// What the authenticator answered, as its `toJSON()` gives it.
    pub(crate) credential: Box<RawValue>,
    /// From the first touch on, in milliseconds.
    #[serde(default)]
    pub(crate) elapsed_ms: Option<u32>,
    /// How often the person had to touch or type.
    #[serde(default)]
    pub(crate) interactions: Option<u8>,
    /// The key of a browser that is no enrolled workstation: its first coordinate.
    #[serde(default)]
    pub(crate) x: Option<SmolStr>,
    /// Its second.
    #[serde(default)]
    pub(crate) y: Option<SmolStr>,
    /// The badge that was scanned with it.
    #[serde(default)]
    pub(crate) badge: Option<String>,
}

impl CeremonyAnswer {
    /// The key of the browser, where it sent one that is one.
    pub(crate) fn key(&self) -> Option<DeviceKey> {
        let key = DeviceKey { x: self.x.clone()?, y: self.y.clone()? };
        crate::workstation::is_key(&key).then_some(key)
    }
}

/// Why a touch came to nothing, in words for whoever stands there.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) words: String,
    pub(crate) cause: Cause,
    pub(crate) detail: &'static str,
    /// Which credential it was about, if one showed itself.
    pub(crate) about: Option<SmolStr>,
}

impl Refusal {
    pub(crate) fn new(words: impl Into<String>, cause: Cause, detail: &'static str) -> Self {
        Self { words: words.into(), cause, detail, about: None }
    }

    pub(crate) fn of(error: &CeremonyError) -> Self {
        let words = error.words();
        let about = match error {
            CeremonyError::UnknownCredential { credential }
            | CeremonyError::NotAllowed { credential }
            | CeremonyError::OtherUserHandle { credential }
            | CeremonyError::CounterWentBack { credential, .. } => Some(credential.clone()),
            _ => None,
        };
        let text = format!("{} {}", words.what, words.next);
        Self { about, ..Self::new(text, error.cause(), error.code()) }
    }

    pub(crate) fn no_passkeys() -> Self {
        Self::new(
            "Passkeys do not work at this address. Ask clinical IT for the right one.",
            Cause::Network,
            "no_passkeys_here",
        )
    }

    /// Somebody else touched than whose turn it was.
    pub(crate) fn others_key() -> Self {
        Self::new(
            "This is a colleague’s key. Use your own, or lock the screen so that they can go on as themselves.",
            Cause::User,
            "others_authenticator",
        )
    }

    pub(crate) fn too_many_names() -> Self {
        Self::new(
            "This badge was tried too often in the last minute. Leave the field empty and touch your key, or use a hospital workstation.",
            Cause::Policy,
            "too_many_tries",
        )
    }

    pub(crate) fn too_many() -> Self {
        Self::new(
            "Too many tries came from here in the last minute. Wait a moment, or use another workstation.",
            Cause::Policy,
            "too_many_tries",
        )
    }
}

/// What is kept of an authenticator, as the ceremony wants it.
pub(crate) fn stored(one: &Authenticator) -> Stored {
    Stored {
        key: one.key.clone(),
        counter: one.counter,
        user_handle: one.user_handle.clone(),
        backup_eligible: one.backup_eligible,
    }
}

/// Where a visitor's ceremonies take place.
fn place(visitor: &Visitor) -> Place {
    match visitor.device() {
        Some(device) => Place::Workstation(device.clone()),
        None => Place::Away(visitor.form_token().into()),
    }
}

/// The proof that an authenticator gave, at the level the charter gives its method.
pub(crate) fn proof_of(point: &PointOfCare, one: &Authenticator, verified: bool, counter: u32) -> Proof {
    let engine = point.plane().engine();
    let methods = &engine.charter().assurance().methods;
    let method = methods.iter().find(|(name, _)| name.as_str() == one.method.as_str());
    // A method that the charter does not know any more makes nobody sure.
    let level = method.map_or(1, |(_, method)| method.level);
    // A key that may be on several devices is never the surest (SP 800-63B-4, 3.1.7).
    let level = if one.backup_eligible { level.min(2) } else { level };
    let level = if verified { level } else { level_after_touch(level) };
    let authenticator = Some(one.authenticator.clone());
    Proof { method: one.method.clone(), level, verified, authenticator, counter: Some(counter), proved_at: None }
}

impl PointOfCare {
    /// Options for a touch.
    pub(crate) fn touch_options(
        &self,
        visitor: &Visitor,
        purpose: Purpose,
        verification: Verification,
    ) -> Result<AuthenticationOptions, Refusal> {
        self.touch_options_of(visitor, purpose, &[], verification)
    }

    /// Options for a touch of one of these.
    pub(crate) fn touch_options_of(
        &self,
        visitor: &Visitor,
        purpose: Purpose,
        claimed: &[Claimed],
        verification: Verification,
    ) -> Result<AuthenticationOptions, Refusal> {
        let now = self.plane().now();
        if !self.may_try(visitor) {
            return Err(Refusal::too_many());
        }
        let ceremonies = self.ceremonies().map_err(|_| Refusal::no_passkeys())?;
        let ceremony = Ceremony { purpose, place: place(visitor) };
        ceremonies.authentication(ceremony, visitor.address, claimed, verification, now).map_err(|e| Refusal::of(&e))
    }

    /// Who touched, and their proof. A key of which there may be two is revoked at once, and a sign is recorded.
    pub(crate) async fn touched(
        &self,
        visitor: &Visitor,
        purpose: Purpose,
        answer: &[u8],
    ) -> Result<(Authenticator, Proof), Refusal> {
        let now = self.plane().now();
        let ceremonies = self.ceremonies().map_err(|_| Refusal::no_passkeys())?;
        let ceremony = Ceremony { purpose, place: place(visitor) };
        let find =
            |credential: &str| self.plane().world(|world| world.authenticator_by_credential(credential).map(stored));
        let proved = match ceremonies.authenticate(&ceremony, answer, now, find) {
            Ok(proved) => proved,
            Err(error) => {
                if let CeremonyError::CounterWentBack { credential, .. } = &error {
                    self.revoke_cloned(visitor, credential).await;
                }
                return Err(Refusal::of(&error));
            }
        };
        let found = self.plane().world(|world| world.authenticator_by_credential(&proved.credential).cloned());
        let one =
            found.ok_or_else(|| Refusal::of(&CeremonyError::UnknownCredential { credential: proved.credential }))?;
        let subject = world::Subject { principal: one.principal.clone(), patient: None, device: None, session: None };
        let active = self.plane().world(|world| world.facts(&subject, now)).principal.is_some_and(|known| known.active);
        if !active {
            let words = "This account has ended. The service desk can tell why.";
            let about = Some(one.principal.as_str().into());
            return Err(Refusal { about, ..Refusal::new(words, Cause::Policy, "principal_ended") });
        }
        let proof = proof_of(self, &one, proved.verified, proved.counter);
        Ok((one, proof))
    }

    /// Ends an authenticator of which there may be a copy.
    async fn revoke_cloned(&self, visitor: &Visitor, credential: &str) {
        let Some(one) = self.plane().world(|world| world.authenticator_by_credential(credential).cloned()) else {
            return;
        };
        let revoked = Revoked { authenticator: one.authenticator.clone(), cause: RevokeCause::Cloned };
        let draft = self.at_screen(visitor.device(), revoked);
        if let Err(error) = self.plane().record(Batch::one(draft)).await {
            tracing::error!(%error, "an authenticator that may have been copied could not be revoked");
        }
        self.signal(Sign::ClonedAuthenticator, visitor.device(), Some(&one.principal), None, None).await;
        self.keep_sessions_true().await;
    }

    /// Records that a touch came to nothing.
    pub(crate) async fn refused(&self, visitor: &Visitor, step: Step, refusal: &Refusal, elapsed_ms: Option<u32>) {
        let tried = Try::failed(step, Outcome::Refused, refusal.cause, refusal.detail);
        self.tried(visitor, Try { elapsed_ms, about: refusal.about.clone(), ..tried }).await;
    }
}
