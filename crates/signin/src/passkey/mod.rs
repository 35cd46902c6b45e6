//! Passkeys and security keys: the two ceremonies of WebAuthn, and what they prove.
//!
//! [`Ceremonies`] makes the options that a browser hands to an authenticator, remembers each challenge for what it is for, and judges what
//! comes back. It knows no person, no session and no store: who an authenticator belongs to is looked up by whoever asks, and what came out
//! is theirs to record. Time is an argument. Challenges are drawn by the library from the system's randomness.
//!
//! The promises:
//! - An answer counts once, within [`CHALLENGE_LIFETIME`], for the very [`Purpose`] and [`Place`] its challenge was made for.
//! - The origin is the node's own, letter for letter: no other port, no name below it, and never from inside another site's frame.
//! - Whether the person was verified is what the authenticator signed, not what we asked for.
//! - What is recorded of a key ([`events::authenticator::PublicKey`]) is a form of our own: the ledger keeps it longer than any library lives.
//! - A counter that goes back is told apart from every other refusal ([`CeremonyError::CounterWentBack`]), and only after the signature held.
//!
//! Where the address is an IP address, or neither encrypted nor this machine, browsers offer no passkeys: [`Ceremonies::new`] says so
//! ([`AddressError`]), and everything else of the node goes on.

mod attested;
mod authenticate;
mod challenge;
mod client_data;
mod error;
mod key;
mod method;
mod register;
mod relying;

pub use attested::{Attestation, AttestationRoots, RootError};
pub use authenticate::{Claimed, Proved, Stored, Verification};
pub use challenge::{
    CHALLENGE_LIFETIME, CHALLENGE_REMEMBERED, CHALLENGES_MAX, CHALLENGES_PER_ADDRESS_MAX,
    CHALLENGES_PER_WORKSTATION_MAX, Ceremony, Place, Purpose,
};
pub use error::{CeremonyError, Words};
pub use key::KeyError;
pub use method::{Means, Traits, means};
pub use register::{Attachment, Enrollee, Registered, Transport, UserHandle, UserHandleError};
pub use relying::AddressError;
pub use webauthn_rs_proto::{
    CreationChallengeResponse as RegistrationOptions, RequestChallengeResponse as AuthenticationOptions,
};

use crate::operator::BaseUrl;
use challenge::Challenges;
use events::Timestamp;
use relying::RelyingParty;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// How long a browser waits for the authenticator before it gives up. Long enough to fetch a key from a pocket, and within
/// [`CHALLENGE_LIFETIME`].
pub const PROMPT_TIMEOUT: Duration = Duration::from_secs(2 * 60);
/// The most bytes of an answer. The longest honest ones carry a chain of certificates from a TPM.
pub const ANSWER_BYTES_MAX: usize = 32 * 1024;

/// Both ceremonies at one address.
#[derive(Debug)]
pub struct Ceremonies {
    party: RelyingParty,
    challenges: Mutex<Challenges>,
}

impl Ceremonies {
    /// For the node that people reach at `base`.
    ///
    /// # Errors
    ///
    /// When browsers offer no passkeys there.
    pub fn new(base: &BaseUrl) -> Result<Self, AddressError> {
        Ok(Self { party: RelyingParty::new(base)?, challenges: Mutex::default() })
    }

    /// What authenticators know this node by: the host of its address. It can never change without registering everybody anew.
    #[must_use]
    pub fn relying_party_id(&self) -> &str {
        self.party.id()
    }

    /// Options for registering an authenticator: one that keeps the person's handle, verifies them, and says what it is.
    ///
    /// # Errors
    ///
    /// When the person has no name.
    pub fn registration(
        &self,
        ceremony: Ceremony,
        from: IpAddr,
        person: &Enrollee<'_>,
        now: Timestamp,
    ) -> Result<RegistrationOptions, CeremonyError> {
        let (options, pending) = register::options(&self.party, person)?;
        self.keep(ceremony, from, &options.public_key.challenge, pending, now);
        Ok(options)
    }

    /// Judges what `navigator.credentials.create()` gave, as the JSON of its `toJSON()`. `roots` are certificates of makers the charter
    /// trusts; without them an attestation is recorded and proves nothing.
    ///
    /// # Errors
    ///
    /// Everything that can be wrong with it; the challenge is used up all the same.
    pub fn register(
        &self,
        ceremony: &Ceremony,
        answer: &[u8],
        roots: Option<&AttestationRoots>,
        now: Timestamp,
    ) -> Result<Registered, CeremonyError> {
        register::finish(&self.party, |challenge| self.take(challenge, ceremony, now), answer, roots)
    }

    /// Options for proving who one is. `claimed` is empty where nobody said who they are: the authenticator then says it by its handle.
    ///
    /// # Errors
    ///
    /// When a credential id is not base64url.
    pub fn authentication(
        &self,
        ceremony: Ceremony,
        from: IpAddr,
        claimed: &[Claimed],
        verification: Verification,
        now: Timestamp,
    ) -> Result<AuthenticationOptions, CeremonyError> {
        let (options, pending) = authenticate::options(&self.party, claimed, verification)?;
        self.keep(ceremony, from, &options.public_key.challenge, pending, now);
        Ok(options)
    }

    /// Judges what `navigator.credentials.get()` gave, as the JSON of its `toJSON()`. `find` looks a credential up by its id in base64url.
    ///
    /// # Errors
    ///
    /// Everything that can be wrong with it; the challenge is used up all the same.
    pub fn authenticate(
        &self,
        ceremony: &Ceremony,
        answer: &[u8],
        now: Timestamp,
        find: impl FnOnce(&str) -> Option<Stored>,
    ) -> Result<Proved, CeremonyError> {
        authenticate::finish(&self.party, |challenge| self.take(challenge, ceremony, now), answer, find)
    }

    fn keep(&self, ceremony: Ceremony, from: IpAddr, challenge: &[u8], pending: challenge::Pending, now: Timestamp) {
        let mut challenges = self.challenges.lock().unwrap_or_else(PoisonError::into_inner);
        challenges.keep(ceremony, from, challenge, pending, now);
    }

    fn take(&self, challenge: &[u8], ceremony: &Ceremony, now: Timestamp) -> Result<challenge::Pending, CeremonyError> {
        self.challenges.lock().unwrap_or_else(PoisonError::into_inner).take(challenge, ceremony, now)
    }
}
