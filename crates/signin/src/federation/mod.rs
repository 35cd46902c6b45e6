//! Federation: somebody else says who is here (OpenID Connect, authorization code with PKCE), and the charter says what that is worth.
//!
//! [`Federation`] begins a sign-in, takes the answer, and tells of sessions that end elsewhere. It starts no session and keeps no person: what comes out is
//! [`Federated`], one registered person with a level and a time, or a [`Refusal`] with kind words and the exact reason.
//!
//! - A provider says who somebody is, by one claim that the charter names, and never makes a person or gives a role (`person`).
//! - Nothing is asked but of hosts that the configuration names (`address`), nothing is followed, everything is bounded in time and size (`fetch`).
//! - An answer counts once, in the browser that began, for what it began for (`attempt`).
//! - What a token must say is pure and stands in one place (`token`); who signed it in another (`keys`).

mod address;
mod attempt;
mod client;
mod fetch;
mod hint;
mod keys;
mod metadata;
mod person;
mod provider;
mod refusal;
mod routes;
mod settings;
mod token;

pub use attempt::{ATTEMPT_LIFETIME, Bound, Purpose};
pub use person::Disagreement;
pub use refusal::{FetchFault, PersonFault, Refusal, StateFault, TokenFault};
pub use routes::routes;
pub use settings::{Audience, Settings, SettingsError};

use crate::operator::BaseUrl;
use attempt::{Browser, Desk, Spent, challenge};
use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use charter::Charter;
use charter::name::ProviderName;
use events::session::Proof;
use events::{DeviceId, PrincipalId, Timestamp};
use hint::{Forms, Hints};
use person::Known;
use plane::Plane;
use provider::Provider;
use refusal::error_code;
use serde::Deserialize;
use smol_str::{SmolStr, format_smolstr};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use token::{Asked, Identity, Logout};
use world::{SessionFacts, Subject};

/// The longest code or state that is looked at, in bytes.
const ANSWER_BYTES_MAX: usize = 4096;
/// All providers of a node. Cheap to clone.
#[derive(Clone)]
pub struct Federation(Arc<Inside>);

struct Inside {
    plane: Plane,
    base: BaseUrl,
    desk: Desk,
    providers: BTreeMap<ProviderName, Provider>,
    spent: Spent<String>,
    logouts: Spent<(ProviderName, SmolStr)>,
    hints: Hints,
    forms: Forms,
}

impl std::fmt::Debug for Federation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.0.providers.keys()).finish()
    }
}

/// A provider that people can choose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// Its name, as in the path.
    pub name: ProviderName,
    /// What stands on the button.
    pub title: String,
}

/// A sign-in has begun.
#[derive(Clone, Debug)]
pub struct Begun {
    /// Where the browser goes now.
    pub location: String,
    /// The `Set-Cookie` to send with it.
    pub cookie: String,
}

/// What the browser brings back: the query of the callback.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Brought {
    /// The code, if the provider says yes.
    pub code: Option<String>,
    /// What it says if not.
    pub error: Option<String>,
    /// What went out with the question.
    pub state: Option<String>,
    /// Who answers (RFC 9207).
    pub iss: Option<String>,
}

/// Somebody signed in at a provider, and is one of us.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Federated {
    /// Which provider.
    pub provider: ProviderName,
    /// Who.
    pub principal: PrincipalId,
    /// How: `federation:` and the provider's name.
    pub method: SmolStr,
    /// How surely (SP 800-63B-4).
    pub level: u8,
    /// When they signed in there, which may be long ago; never later than now.
    pub auth_time: Timestamp,
    /// The context the provider states.
    pub acr: Option<SmolStr>,
    /// The session there: what [`EndedThere::ends`] knows it by. It says nothing to anybody else.
    pub provider_session: SmolStr,
    /// What the sign-in was for, and where it began.
    pub bound: Bound,
    /// Where provider and roster say different things of the person.
    pub disagreements: Vec<Disagreement>,
}

impl Federated {
    /// The proof that a session of it begins with, or steps up by.
    #[must_use]
    pub fn proof(&self) -> Proof {
        Proof {
            method: self.method.clone(),
            level: self.level,
            verified: self.level >= 2,
            authenticator: None,
            counter: None,
            proved_at: Some(self.auth_time),
        }
    }
}

/// A provider tells that sessions end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndedThere {
    provider: ProviderName,
    logout: Logout,
}

impl EndedThere {
    /// Whether a session that began so, then, ends by it: where the provider names a session, that one; else every one of the person's with this provider.
    /// What began after the provider said so is another session.
    #[must_use]
    pub fn ends(&self, provider_session: &str, began: Timestamp) -> bool {
        let mut parts = provider_session.rsplitn(3, ' ');
        let (subject, session, provider) = (parts.next(), parts.next(), parts.next());
        let is = |name: &Option<SmolStr>, part: Option<&str>| {
            name.as_ref().is_some_and(|name| part == Some(&*blinded(&self.provider, name)))
        };
        let meant = match (&self.logout.session, &self.logout.subject) {
            (Some(_), None) => is(&self.logout.session, session),
            (Some(_), Some(_)) => is(&self.logout.session, session) && is(&self.logout.subject, subject),
            (None, _) => is(&self.logout.subject, subject),
        };
        meant && provider == Some(self.provider.as_str()) && began <= self.logout.made_at + self.logout.skew
    }
}

/// What a session here keeps of the one there: enough to know it again, nothing to find a person by.
fn session_there(provider: &ProviderName, identity: &Identity) -> SmolStr {
    let session = identity.session.as_ref().map_or_else(|| "-".to_owned(), |session| blinded(provider, session));
    format_smolstr!("{provider} {session} {}", blinded(provider, &identity.subject))
}

fn blinded(provider: &ProviderName, name: &str) -> String {
    let mut context = digest::Context::new(&digest::SHA256);
    for part in ["session at a provider", provider.as_str(), name] {
        context.update(part.as_bytes());
        context.update(b"\0");
    }
    URL_SAFE_NO_PAD.encode(context.finish().as_ref().get(..16).unwrap_or_default())
}

impl Federation {
    /// Checks all settings and reads the files they name. Nobody is asked anything yet.
    ///
    /// # Errors
    /// When a provider's settings, secret or authorities cannot be used.
    pub fn open(plane: Plane, base: BaseUrl, settings: Vec<Settings>) -> Result<Self, SettingsError> {
        let mut providers = BTreeMap::new();
        for each in settings {
            let name = each.name.clone();
            if providers.insert(name.clone(), Provider::open(each)?).is_some() {
                return Err(SettingsError::Twice(name));
            }
        }
        Ok(Self::of(plane, base, providers))
    }

    /// One without providers.
    #[must_use]
    pub fn none(plane: Plane, base: BaseUrl) -> Self {
        Self::of(plane, base, BTreeMap::new())
    }

    fn of(plane: Plane, base: BaseUrl, providers: BTreeMap<ProviderName, Provider>) -> Self {
        let desk = Desk::new(plane.store().keys().token.bytes());
        let (spent, logouts, hints) = (Spent::default(), Spent::default(), Hints::default());
        Self(Arc::new(Inside { plane, base, desk, providers, spent, logouts, hints, forms: Forms::default() }))
    }

    /// Where a sign-in that is under way began, as its state says it; nothing where that is not one of this browser's.
    pub(crate) fn begun_at(&self, name: &ProviderName, brought: &Brought, cookie: Option<&str>) -> Option<DeviceId> {
        let state = brought.state.as_deref()?;
        let opened = self.0.desk.open(name, Browser::read(cookie)?, state, self.0.plane.now()).ok()?;
        opened.bound.workstation
    }

    /// The providers people can choose: configured here, and in the charter in force.
    #[must_use]
    pub fn choices(&self) -> Vec<Choice> {
        let engine = self.0.plane.engine();
        let listed = &engine.charter().assurance().provider;
        let both = self.0.providers.keys().filter_map(|name| Some((name, listed.get(name)?)));
        both.map(|(name, provider)| Choice { name: name.clone(), title: provider.title.clone() }).collect()
    }

    /// The provider by which the owner of a session signed in, and the surest level it gives, where it can be asked now.
    #[must_use]
    pub fn way_of(&self, session: &SessionFacts) -> Option<(Choice, u8)> {
        let name = ProviderName::new(session.provider_session.as_deref()?.split(' ').next()?).ok()?;
        let engine = self.0.plane.engine();
        let (_, listed) = self.provider(&name, engine.charter()).ok()?;
        let level = listed.acr.values().map(|acr| acr.level).chain(listed.level).max()?;
        Some((Choice { name, title: listed.title.clone() }, level))
    }

    /// Keeps a sealed form, or none any more, until its owner comes back from their provider.
    pub(crate) fn keep_form(&self, of: &PrincipalId, sealed: Option<&str>) {
        self.0.forms.keep(of, sealed, self.0.plane.now());
    }

    /// The form that was kept.
    pub(crate) fn take_form(&self, of: &PrincipalId) -> Option<String> {
        self.0.forms.take(of, self.0.plane.now())
    }

    /// The providers that are configured and of which the charter in force says nothing.
    #[must_use]
    pub fn unlisted(&self) -> Vec<ProviderName> {
        let engine = self.0.plane.engine();
        let listed = &engine.charter().assurance().provider;
        self.0.providers.keys().filter(|name| !listed.contains_key(*name)).cloned().collect()
    }

    /// Begins a sign-in. `cookie` is the value of [`Self::cookie_name`] that the browser sent: one browser may have several sign-ins under way.
    ///
    /// # Errors
    /// When there is no such provider, or it does not answer.
    pub async fn begin(&self, name: &ProviderName, bound: Bound, cookie: Option<&str>) -> Result<Begun, Refusal> {
        let engine = self.0.plane.engine();
        let (provider, listed) = self.provider(name, engine.charter())?;
        let metadata = provider.metadata(self.0.plane.now()).await?;
        let browser = Browser::read(cookie).unwrap_or_else(Browser::new);
        let attempt = Desk::begin(browser.clone(), bound, self.0.plane.now());
        let state = self.0.desk.state(name, &attempt).ok_or(StateFault::Incomplete)?;
        let settings = &provider.settings;
        let mut location = metadata.authorization.clone();
        location
            .query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("response_mode", "query")
            .append_pair("client_id", &settings.client_id)
            .append_pair("redirect_uri", &self.redirect_uri(name))
            .append_pair("scope", &settings.scopes.join(" "))
            .append_pair("state", &state)
            .append_pair("nonce", &self.0.desk.nonce(&attempt))
            .append_pair("code_challenge", &challenge(&self.0.desk.verifier(&attempt)))
            .append_pair("code_challenge_method", "S256");
        let acr_values = match &attempt.bound.purpose {
            Purpose::SignIn => settings.acr_values.join(" "),
            Purpose::Again { level, .. } => listed.acr_for(*level).join(" "),
        };
        if !acr_values.is_empty() {
            location.query_pairs_mut().append_pair("acr_values", &acr_values);
        }
        match attempt.bound.purpose {
            Purpose::SignIn => {
                location.query_pairs_mut().append_pair("max_age", &settings.max_age_s.to_string());
            }
            Purpose::Again { .. } => {
                location.query_pairs_mut().append_pair("max_age", "0").append_pair("prompt", "login");
            }
        }
        Ok(Begun { location: location.into(), cookie: self.cookie(&browser) })
    }

    /// Takes the answer.
    ///
    /// # Errors
    /// When it is not one to a question of this browser, the provider says no or cannot be reached, the token is not what it must be, or it is of nobody who
    /// may come in by it.
    pub async fn finish(
        &self,
        name: &ProviderName,
        brought: &Brought,
        cookie: Option<&str>,
    ) -> Result<Federated, Refusal> {
        let plane = &self.0.plane;
        let engine = plane.engine();
        let (provider, listed) = self.provider(name, engine.charter())?;
        let browser = Browser::read(cookie).ok_or(StateFault::NoCookie)?;
        let short = |text: &Option<String>| text.clone().filter(|text| (1..=ANSWER_BYTES_MAX).contains(&text.len()));
        let state = short(&brought.state).ok_or(StateFault::Incomplete)?;
        let attempt = self.0.desk.open(name, browser, &state, plane.now())?;
        if !self.0.spent.spend(attempt.id().to_owned(), attempt.begun + ATTEMPT_LIFETIME, plane.now()) {
            return Err(StateFault::Used.into());
        }
        let metadata = provider.metadata(plane.now()).await?;
        let issuer = brought.iss.as_deref();
        if issuer.is_some_and(|issuer| issuer != provider.settings.issuer)
            || (issuer.is_none() && metadata.names_issuer)
        {
            return Err(Refusal::AnswerIssuer);
        }
        if let Some(error) = &brought.error {
            return Err(Refusal::Answered(error_code(error)));
        }
        let code = short(&brought.code).ok_or(StateFault::Incomplete)?;
        let verifier = self.0.desk.verifier(&attempt);
        let tokens = provider.exchange(&code, &verifier, &self.redirect_uri(name), plane.now()).await?;
        let signed = provider.signed(&tokens.id, &["JWT"], plane.now()).await?;
        let again = attempt.bound.purpose != Purpose::SignIn;
        let asked = Asked {
            nonce: &self.0.desk.nonce(&attempt),
            access_token: Some(&tokens.access),
            max_age: Duration::from_secs(provider.settings.max_age_s.into()),
            since: again.then_some(attempt.begun),
        };
        let now = plane.now();
        let identity = provider.frame(now).identity(signed, asked)?;
        let linked = person::link(engine.charter(), listed, &identity, |code| self.who_goes_by(code))?;
        if let Purpose::Again { person, level } = &attempt.bound.purpose {
            if *person != linked.principal {
                return Err(PersonFault::SomebodyElse.into());
            }
            if linked.level < *level {
                return Err(PersonFault::Level.into());
            }
        }
        self.0.hints.keep((name.clone(), linked.principal.clone()), tokens.id, now);
        Ok(Federated {
            provider: name.clone(),
            principal: linked.principal,
            method: format_smolstr!("federation:{name}"),
            level: linked.level,
            auth_time: identity.auth_time,
            provider_session: session_there(name, &identity),
            acr: identity.acr,
            bound: attempt.bound,
            disagreements: linked.disagreements,
        })
    }

    /// Where the browser of somebody whose session ended here goes to end the one at the provider too; nowhere if it has no such place.
    ///
    /// # Errors
    /// When there is no such provider, or it does not answer.
    pub async fn sign_out(&self, name: &ProviderName, person: &PrincipalId) -> Result<Option<String>, Refusal> {
        let provider = self.0.providers.get(name).ok_or(Refusal::NotConfigured)?;
        let hint = self.0.hints.take(&(name.clone(), person.clone()), self.0.plane.now());
        let metadata = provider.metadata(self.0.plane.now()).await?;
        Ok(metadata.end_session.clone().map(|mut location| {
            location
                .query_pairs_mut()
                .append_pair("client_id", &provider.settings.client_id)
                .append_pair("post_logout_redirect_uri", &self.after_sign_out());
            if let Some(token) = hint {
                location.query_pairs_mut().append_pair("id_token_hint", &token);
            }
            location.into()
        }))
    }

    /// Takes a logout token (back-channel logout). What it tells counts once.
    ///
    /// # Errors
    /// When there is no such provider, it does not answer, or the token is not what it must be.
    pub async fn told_of_end(&self, name: &ProviderName, token: &str) -> Result<EndedThere, Refusal> {
        let plane = &self.0.plane;
        let provider = self.0.providers.get(name).ok_or(Refusal::NotConfigured)?;
        let signed = provider.signed(token, &["JWT", "logout+jwt"], plane.now()).await?;
        let logout = provider.frame(plane.now()).logout(&signed)?;
        if !self.0.logouts.spend((name.clone(), logout.id.clone()), logout.good_until, plane.now()) {
            return Err(TokenFault::Used.into());
        }
        Ok(EndedThere { provider: name.clone(), logout })
    }

    /// The sessions here that end by what a provider told. They are the caller's to end.
    #[must_use]
    pub fn sessions_ended(&self, told: &EndedThere) -> Vec<SessionFacts> {
        let ends = |session: &&SessionFacts| {
            session.provider_session.as_ref().is_some_and(|there| told.ends(there, session.started_at))
        };
        self.0.plane.world(|world| world.sessions().filter(ends).cloned().collect())
    }

    /// Where a provider sends the browser back to; registered there.
    #[must_use]
    pub fn redirect_uri(&self, name: &ProviderName) -> String {
        format!("{}/federation/{name}/callback", self.0.base)
    }

    /// Where it sends the browser after signing out; registered there.
    #[must_use]
    pub fn after_sign_out(&self) -> String {
        format!("{}/bedside", self.0.base)
    }

    /// The name of the cookie of a browser that is signing in. It is `Lax`, as it must come with the provider's redirect, and holds nothing but a secret that
    /// answers are bound to: it signs nobody in.
    #[must_use]
    pub fn cookie_name(&self) -> String {
        self.0.base.cookie_name("federation")
    }

    fn cookie(&self, browser: &Browser) -> String {
        let secure = if self.0.base.is_https() { "; Secure" } else { "" };
        let (name, seconds) = (self.cookie_name(), ATTEMPT_LIFETIME.as_secs());
        format!("{name}={}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}", browser.text())
    }

    fn provider<'a>(
        &'a self,
        name: &ProviderName,
        charter: &'a Charter,
    ) -> Result<(&'a Provider, &'a charter::provider::Provider), Refusal> {
        let provider = self.0.providers.get(name).ok_or(Refusal::NotConfigured)?;
        let listed = charter.assurance().provider.get(name).ok_or(Refusal::NotInCharter)?;
        Ok((provider, listed))
    }

    fn who_goes_by(&self, code: &PrincipalId) -> Vec<Known> {
        let now = self.0.plane.now();
        self.0.plane.world(|world| {
            let known = world.who_goes_by(code).into_iter().filter_map(|principal| {
                let subject = Subject { principal: principal.clone(), patient: None, device: None, session: None };
                let facts = world.facts(&subject, now).principal?;
                Some(Known { principal, class: facts.class, roles: facts.roles })
            });
            known.collect()
        })
    }
}
