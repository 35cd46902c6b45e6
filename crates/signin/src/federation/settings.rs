//! `[[federation]]` of a node's configuration: where a provider is and how it is spoken to.

use super::address::Reach;
use super::client::{Client, ClientError};
use super::provider::Provider;
use charter::name::ProviderName;
use serde::Deserialize;
use std::io::Read as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// The largest file of a secret or of authorities, in bytes.
const FILE_BYTES_MAX: u64 = 256 * 1024;
/// The most a provider's clock may differ from ours.
const SKEW_S_MAX: u32 = 300;

/// One provider, as configured.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Its name, as in `[provider.NAME]` of the charter.
    pub name: ProviderName,
    /// Its issuer identifier, byte for byte as it writes it.
    pub issuer: String,
    /// What it calls us.
    pub client_id: String,
    /// The file with the secret it gave us.
    pub client_secret: Option<PathBuf>,
    /// The file with our private key, PEM (PKCS#8), instead of a secret (`private_key_jwt`).
    pub client_key: Option<PathBuf>,
    /// What it calls that key.
    pub client_key_id: Option<String>,
    /// To whom an assertion made with that key is addressed.
    #[serde(default)]
    pub client_key_audience: Audience,
    /// What is asked for; `openid` among it.
    #[serde(default = "scopes")]
    pub scopes: Vec<String>,
    /// The authentication contexts that are asked for, the preferred first.
    #[serde(default)]
    pub acr_values: Vec<String>,
    /// How long ago somebody may have signed in there at most.
    #[serde(default = "max_age_s")]
    pub max_age_s: u32,
    /// How much its clock may differ from ours.
    #[serde(default = "clock_skew_s")]
    pub clock_skew_s: u32,
    /// The authorities that vouch for its certificate, PEM, instead of the system's.
    pub ca: Option<PathBuf>,
    /// Other hosts than the issuer's that its addresses may be at, with a port where it is not 443.
    #[serde(default)]
    pub hosts: Vec<String>,
}

/// To whom a client's assertion is addressed: one value only, and providers differ in which.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Audience {
    /// The issuer, as newer rules have it.
    #[default]
    Issuer,
    /// The address of the token endpoint.
    TokenEndpoint,
}

fn scopes() -> Vec<String> {
    vec!["openid".to_owned()]
}

const fn max_age_s() -> u32 {
    12 * 60 * 60
}

const fn clock_skew_s() -> u32 {
    30
}

/// Why a provider's settings cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SettingsError {
    /// Two of one name.
    #[error("`[[federation]]` names `{0}` twice")]
    Twice(ProviderName),
    /// A value is not of its form.
    #[error("`[[federation]]` `{name}`: {what}")]
    Value {
        /// Which provider.
        name: ProviderName,
        /// What is wrong.
        what: &'static str,
    },
    /// A file cannot be read.
    #[error("`[[federation]]` `{name}`: `{}` cannot be read", path.display())]
    Read {
        /// Which provider.
        name: ProviderName,
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Others than its owner may read a secret.
    #[error("`[[federation]]` `{name}`: others than its owner may use `{}` (mode {mode:03o}); set it to 600 and consider the secret known", path.display())]
    Exposed {
        /// Which provider.
        name: ProviderName,
        /// Which file.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// A file does not hold what it should.
    #[error("`[[federation]]` `{name}`: `{}` {what}", path.display())]
    Content {
        /// Which provider.
        name: ProviderName,
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        what: &'static str,
    },
}

impl Settings {
    /// With the paths taken relative to a folder.
    #[must_use]
    pub fn within(self, folder: &Path) -> Self {
        let within = |path: Option<PathBuf>| path.map(|path| folder.join(path));
        Self {
            client_secret: within(self.client_secret),
            client_key: within(self.client_key),
            ca: within(self.ca),
            ..self
        }
    }

    /// Checks everything, the files it names among it, without asking the provider anything.
    ///
    /// # Errors
    /// What is wrong first.
    pub fn verify(&self) -> Result<(), SettingsError> {
        Provider::open(self.clone()).map(|_| ())
    }

    /// Everything but the files.
    pub(super) fn check(&self) -> Result<Reach, SettingsError> {
        let wrong = |what| SettingsError::Value { name: self.name.clone(), what };
        if self.client_id.is_empty() || self.client_id.len() > 512 || self.client_id.chars().any(char::is_control) {
            return Err(wrong("`client_id` is what the provider calls this house, and cannot be empty"));
        }
        if self.client_secret.is_some() == self.client_key.is_some() {
            return Err(wrong("give either `client_secret` or `client_key`"));
        }
        if !self.scopes.iter().any(|scope| scope == "openid") {
            return Err(wrong(
                "`openid` must be among `scopes`: without it the provider says nothing of who somebody is",
            ));
        }
        if self.scopes.iter().chain(&self.acr_values).any(|word| word.is_empty() || word.contains(char::is_whitespace))
        {
            return Err(wrong("each of `scopes` and `acr_values` is one word"));
        }
        if self.clock_skew_s > SKEW_S_MAX {
            return Err(wrong("`clock_skew_s` is at most 300: set the clocks right instead"));
        }
        Reach::new(&self.issuer, &self.hosts).map_err(wrong)
    }

    /// What proves that it is us who asks.
    pub(super) fn client(&self) -> Result<Client, SettingsError> {
        if let Some(path) = &self.client_secret {
            let text = self.secret(path)?;
            let secret = text.trim_end_matches(['\r', '\n']);
            if secret.is_empty() || secret.chars().any(char::is_control) {
                return Err(self.content(path, "does not hold one line with the secret"));
            }
            return Ok(Client::secret(Zeroizing::new(secret.to_owned())));
        }
        let path = self.client_key.as_ref().ok_or_else(|| SettingsError::Value {
            name: self.name.clone(),
            what: "give either `client_secret` or `client_key`",
        })?;
        let text = self.secret(path)?;
        Client::key(&text, self.client_key_id.clone(), self.client_key_audience).map_err(|error| match error {
            ClientError::Pem => {
                self.content(path, "does not hold one private key in PEM form (`BEGIN PRIVATE KEY`, PKCS#8)")
            }
            ClientError::Kind => {
                self.content(path, "holds a key that is neither P-256, Ed25519 nor RSA of 2048 bits or more")
            }
        })
    }

    /// The authorities that vouch for it, where they are not the system's.
    pub(super) fn authorities(&self) -> Result<Option<Vec<reqwest::Certificate>>, SettingsError> {
        let Some(path) = &self.ca else { return Ok(None) };
        let (text, _) = self.read(path)?;
        let all = reqwest::Certificate::from_pem_bundle(text.as_bytes()).ok().filter(|all| !all.is_empty());
        all.map(Some).ok_or_else(|| self.content(path, "holds no certificate in PEM form"))
    }

    fn content(&self, path: &Path, what: &'static str) -> SettingsError {
        SettingsError::Content { name: self.name.clone(), path: path.to_owned(), what }
    }

    /// A file that only its owner may read.
    fn secret(&self, path: &Path) -> Result<Zeroizing<String>, SettingsError> {
        let (text, mode) = self.read(path)?;
        if mode & 0o077 != 0 {
            return Err(SettingsError::Exposed { name: self.name.clone(), path: path.to_owned(), mode: mode & 0o777 });
        }
        Ok(text)
    }

    fn read(&self, path: &Path) -> Result<(Zeroizing<String>, u32), SettingsError> {
        let wrong = |source| SettingsError::Read { name: self.name.clone(), path: path.to_owned(), source };
        let file = std::fs::File::open(path).map_err(wrong)?;
        let metadata = file.metadata().map_err(wrong)?;
        if metadata.len() > FILE_BYTES_MAX {
            return Err(self.content(path, "is far too large to be what it should be"));
        }
        // Room for all of it at once: growing would leave pieces of the secret behind.
        let mut text = Zeroizing::new(String::with_capacity(usize::try_from(metadata.len()).unwrap_or(0) + 1));
        file.take(FILE_BYTES_MAX).read_to_string(&mut text).map_err(wrong)?;
        Ok((text, metadata.mode()))
    }
}
