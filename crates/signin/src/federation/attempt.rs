//! One sign-in under way: what goes out with it, and how the answer is known to be one to it.
//!
//! What must be remembered travels in `state`, sealed under a key that all nodes share, so that any of them may take the answer. It opens only together with a
//! secret in a cookie of the browser that began, so an answer that somebody else obtained is worth nothing there. `nonce` and PKCE verifier are derived
//! from that secret and the attempt: neither ever leaves the house.

use super::refusal::StateFault;
use aws_lc_rs::{digest, hmac};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use charter::name::ProviderName;
use events::workstation::DeviceKey;
use events::{DeviceId, PrincipalId, Timestamp};
use plane::Sealer;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use subtle::ConstantTimeEq as _;

/// How long a sign-in may take, from the button to the answer.
pub const ATTEMPT_LIFETIME: Duration = Duration::from_secs(10 * 60);
/// The longest state that is looked at, in bytes.
const STATE_BYTES_MAX: usize = 2048;
/// The most used attempts that are remembered.
const SPENT_MAX: usize = 65_536;

/// What a sign-in is bound to, from its beginning to its end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bound {
    /// The workstation it began at.
    #[serde(rename = "w", default, skip_serializing_if = "Option::is_none")]
    pub workstation: Option<DeviceId>,
    /// The key of the browser it began in, where that is no enrolled workstation's: a session away from one is held by it.
    #[serde(rename = "k", default, skip_serializing_if = "Option::is_none")]
    pub key: Option<DeviceKey>,
    /// What it is for.
    #[serde(rename = "p")]
    pub purpose: Purpose,
}

/// What a sign-in at somebody else's is for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// A session begins.
    SignIn,
    /// Somebody who has a session proves again, now, who they are: nobody else will do.
    Again {
        /// Who.
        person: PrincipalId,
        /// The level that is needed.
        level: u8,
    },
}

/// What is sealed in a state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Content {
    #[serde(rename = "a")]
    attempt: String,
    #[serde(rename = "t")]
    begun_ms: i64,
    #[serde(rename = "b")]
    bound: Bound,
    /// What it is tied to: the provider and the browser's secret, which it does not give away.
    #[serde(rename = "s")]
    tied: String,
}

/// A browser's own secret while it signs in.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Browser(String);

/// A sign-in under way.
pub(super) struct Attempt {
    id: String,
    browser: Browser,
    pub(super) begun: Timestamp,
    pub(super) bound: Bound,
}

/// Seals states and derives what belongs to them.
pub(super) struct Desk {
    sealer: Sealer,
    derive: hmac::Key,
}

impl Browser {
    /// The secret in a cookie, if it has the form of one of ours.
    pub(super) fn read(cookie: Option<&str>) -> Option<Self> {
        let text = cookie?;
        let right = URL_SAFE_NO_PAD.decode(text).is_ok_and(|bytes| bytes.len() == 32);
        right.then(|| Self(text.to_owned()))
    }

    pub(super) fn new() -> Self {
        Self(URL_SAFE_NO_PAD.encode(plane::random::<32>()))
    }

    /// What the cookie holds.
    pub(super) fn text(&self) -> &str {
        &self.0
    }
}

impl Desk {
    /// The keys, derived from the one that all nodes share.
    pub(super) fn new(root: &[u8; 32]) -> Self {
        let sealer = Sealer::under(root, "federation state 2", STATE_BYTES_MAX);
        let root = hmac::Key::new(hmac::HMAC_SHA256, root);
        Self { sealer, derive: hmac::Key::new(hmac::HMAC_SHA256, hmac::sign(&root, b"federation secrets 1").as_ref()) }
    }

    /// Begins an attempt.
    pub(super) fn begin(browser: Browser, bound: Bound, now: Timestamp) -> Attempt {
        Attempt { id: URL_SAFE_NO_PAD.encode(plane::random::<16>()), browser, begun: now, bound }
    }

    /// Its state.
    pub(super) fn state(&self, provider: &ProviderName, attempt: &Attempt) -> Option<String> {
        let content = Content {
            attempt: attempt.id.clone(),
            begun_ms: attempt.begun.as_millis(),
            bound: attempt.bound.clone(),
            tied: self.tied(provider, &attempt.browser),
        };
        self.sealer.seal(&content).filter(|state| state.len() <= STATE_BYTES_MAX)
    }

    /// The attempt a state is of, if it was sealed for this provider and browser and is not too old.
    pub(super) fn open(
        &self,
        provider: &ProviderName,
        browser: Browser,
        state: &str,
        now: Timestamp,
    ) -> Result<Attempt, StateFault> {
        let content = self.unseal(provider, &browser, state).ok_or(StateFault::NotOurs)?;
        let begun = Timestamp::from_millis(content.begun_ms);
        if now.since(begun) >= ATTEMPT_LIFETIME {
            return Err(StateFault::Expired);
        }
        Ok(Attempt { id: content.attempt, browser, begun, bound: content.bound })
    }

    fn unseal(&self, provider: &ProviderName, browser: &Browser, state: &str) -> Option<Content> {
        let content: Content = self.sealer.open(state)?;
        let tied = self.tied(provider, browser);
        bool::from(content.tied.as_bytes().ct_eq(tied.as_bytes())).then_some(content)
    }

    fn tied(&self, provider: &ProviderName, browser: &Browser) -> String {
        let text = [b"tied to\0", provider.as_str().as_bytes(), b"\0", browser.0.as_bytes()].concat();
        URL_SAFE_NO_PAD.encode(hmac::sign(&self.derive, &text))
    }

    /// What the ID token must repeat.
    pub(super) fn nonce(&self, attempt: &Attempt) -> String {
        self.derived(b"nonce", attempt)
    }

    /// The verifier of PKCE (RFC 7636).
    pub(super) fn verifier(&self, attempt: &Attempt) -> String {
        self.derived(b"verifier", attempt)
    }

    fn derived(&self, what: &[u8], attempt: &Attempt) -> String {
        let mut context = hmac::Context::with_key(&self.derive);
        for part in [what, attempt.id.as_bytes(), attempt.browser.0.as_bytes()] {
            context.update(part);
            context.update(b"\0");
        }
        URL_SAFE_NO_PAD.encode(context.sign().as_ref())
    }
}

impl Attempt {
    /// Its name among all attempts.
    pub(super) fn id(&self) -> &str {
        &self.id
    }
}

/// The challenge of a verifier: its SHA-256.
pub(super) fn challenge(verifier: &str) -> String {
    URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, verifier.as_bytes()).as_ref())
}

/// What may be used once, until when it would have been good. Of this node: at another, the provider's own one use of a code stands in its place.
#[derive(Debug)]
pub(super) struct Spent<K>(Mutex<HashMap<K, Timestamp>>);

impl<K> Default for Spent<K> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Hash + Eq + Clone> Spent<K> {
    /// Uses it up. Whether it was there to be used.
    pub(super) fn spend(&self, what: K, good_until: Timestamp, now: Timestamp) -> bool {
        let mut spent = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if spent.len() >= SPENT_MAX {
            spent.retain(|_, until| *until > now);
        }
        if spent.len() >= SPENT_MAX {
            // Rather forget the one that would soonest be no good than turn somebody away.
            let soonest = spent.iter().min_by_key(|(_, until)| **until).map(|(key, _)| key.clone());
            soonest.map(|key| spent.remove(&key));
        }
        spent.insert(what, good_until).is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_795_000_000_000);

    fn name(text: &str) -> ProviderName {
        ProviderName::new(text).unwrap()
    }

    fn bound() -> Bound {
        Bound {
            workstation: Some(DeviceId::new("ED-WS-07").unwrap()),
            key: Some(DeviceKey { x: "x".into(), y: "y".into() }),
            purpose: Purpose::Again { person: PrincipalId::new("nadia-okafor").unwrap(), level: 2 },
        }
    }

    #[test]
    fn a_state_opens_for_its_browser_and_provider_and_its_time_only() {
        let desk = Desk::new(&[7; 32]);
        let (browser, other) = (Browser::new(), Browser::new());
        let attempt = Desk::begin(browser.clone(), bound(), NOW);
        let state = desk.state(&name("a"), &attempt).unwrap();
        let open = |desk: &Desk, provider: &str, browser: &Browser, state: &str, now| {
            desk.open(&name(provider), browser.clone(), state, now).map(|attempt| attempt.bound)
        };
        let late = NOW + ATTEMPT_LIFETIME;
        assert_eq!(open(&desk, "a", &browser, &state, NOW), Ok(bound()));
        assert_eq!(open(&Desk::new(&[7; 32]), "a", &browser, &state, NOW), Ok(bound()), "another node of the house");
        assert_eq!(open(&desk, "a", &browser, &state, late), Err(StateFault::Expired));
        assert_eq!(open(&desk, "b", &browser, &state, NOW), Err(StateFault::NotOurs));
        assert_eq!(open(&desk, "a", &other, &state, NOW), Err(StateFault::NotOurs));
        assert_eq!(open(&Desk::new(&[8; 32]), "a", &browser, &state, NOW), Err(StateFault::NotOurs));
        for wrong in ["", "x", &state[1..], &"A".repeat(STATE_BYTES_MAX + 4)] {
            assert_eq!(open(&desk, "a", &browser, wrong, NOW), Err(StateFault::NotOurs), "{wrong}");
        }
        assert!(
            !state.contains("ED-WS-07")
                && !URL_SAFE_NO_PAD.decode(&state).unwrap().windows(8).any(|at| at == b"ED-WS-07")
        );
    }

    #[test]
    fn nonce_and_verifier_are_of_one_attempt_of_one_browser() {
        let desk = Desk::new(&[7; 32]);
        let browser = Browser::new();
        let (one, two) = (Desk::begin(browser.clone(), bound(), NOW), Desk::begin(browser.clone(), bound(), NOW));
        let state = desk.state(&name("a"), &one).unwrap();
        let again = desk.open(&name("a"), browser, &state, NOW).unwrap();
        assert_eq!((desk.nonce(&one), desk.verifier(&one)), (desk.nonce(&again), desk.verifier(&again)));
        let all = [desk.nonce(&one), desk.verifier(&one), desk.nonce(&two), desk.verifier(&two)];
        let different: std::collections::HashSet<_> = all.iter().collect();
        assert_eq!(different.len(), 4);
        assert!(all.iter().all(|text| text.len() == 43), "RFC 7636 wants 43 to 128 letters");
    }

    #[test]
    fn the_challenge_is_that_of_rfc_7636_appendix_b() {
        let challenge = challenge("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk");
        assert_eq!(challenge, "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
    }

    #[test]
    fn a_cookie_that_is_not_ours_is_none() {
        assert!(Browser::read(Some(Browser::new().text())).is_some());
        for wrong in [None, Some(""), Some("abc"), Some("a b"), Some(&*"A".repeat(100))] {
            assert!(Browser::read(wrong).is_none(), "{wrong:?}");
        }
    }

    #[test]
    fn what_was_used_is_used_and_the_memory_of_it_is_bounded() {
        let spent = Spent::default();
        assert!(spent.spend(0_usize, NOW + ATTEMPT_LIFETIME, NOW));
        assert!(!spent.spend(0, NOW + ATTEMPT_LIFETIME, NOW));
        for each in 1..=SPENT_MAX {
            assert!(spent.spend(each, NOW + ATTEMPT_LIFETIME + Duration::from_secs(1), NOW));
        }
        assert_eq!(spent.0.lock().unwrap().len(), SPENT_MAX);
        assert!(!spent.spend(SPENT_MAX, NOW + ATTEMPT_LIFETIME, NOW), "the newest are kept");
    }
}
