//! A hospital with a provider in its charter, and a node that federates.

use charter::Charter;
use charter::name::ProviderName;
use events::principal::{IdentityClass, Registered};
use events::{Actor, Draft, Event, PrincipalId, RoleName, Timestamp};
use plane::{Clock as _, Plane, SetClock, Settings as PlaneSettings, SystemClock};
use signin::federation::{Begun, Bound, Brought, Federated, Federation, Purpose, Refusal, Settings};
use std::io::Write as _;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use store::Batch;

/// How people reach the node.
pub(crate) const BASE: &str = "http://127.0.0.1:7410";
/// What the provider calls the house.
pub(crate) const CLIENT: &str = "handrail";
/// What both know. It has letters that must be encoded on the way.
pub(crate) const SECRET: &str = "a secret: with+signs & 100%";

/// What the charter says of the provider.
const SECTION: &str = r#"
[provider.hospital-id]
title = "Hospital sign-in"
claim = "employee_number"
classes = ["staff"]
level = 1

[provider.hospital-id.acr]
mfa = { level = 2 }
phr = { level = 3, phishing_resistant = true }
"#;

pub(crate) struct House {
    pub(crate) plane: Plane,
    pub(crate) clock: SetClock,
    pub(crate) dir: tempfile::TempDir,
}

pub(crate) fn provider() -> ProviderName {
    ProviderName::new("hospital-id").unwrap()
}

pub(crate) fn person(name: &str) -> PrincipalId {
    PrincipalId::new(name).unwrap()
}

pub(crate) fn to_sign_in() -> Bound {
    Bound { workstation: None, key: None, purpose: Purpose::SignIn }
}

/// The time there is: a real provider's tokens are of it.
pub(crate) fn time() -> Timestamp {
    SystemClock.now()
}

fn minimal() -> Vec<(String, String)> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../charter/tests/fixtures/minimal");
    let entries = ["", "policies", "scenarios"].iter().flat_map(|folder| std::fs::read_dir(dir.join(folder)).unwrap());
    let files = entries.map(|entry| entry.unwrap().path()).filter(|path| path.is_file());
    let named = files.map(|path| {
        let name = path.strip_prefix(&dir).unwrap().to_str().unwrap().to_owned();
        (name, std::fs::read_to_string(&path).unwrap())
    });
    named.collect()
}

fn charter(section: &str) -> Charter {
    let mut files = minimal();
    let (_, assurance) = files.iter_mut().find(|(name, _)| name == "assurance.toml").unwrap();
    assurance.push_str(section);
    Charter::from_files(files).unwrap()
}

impl House {
    /// With Nadia, a nurse who goes by the number n-17, and two people who share one.
    pub(crate) async fn open() -> Self {
        Self::with(SECTION).await
    }

    pub(crate) async fn with(section: &str) -> Self {
        let charter = charter(section);
        let opened = tokio::task::spawn_blocking(move || {
            let (dir, clock) = (tempfile::tempdir().unwrap(), SetClock::new(time()));
            let settings = PlaneSettings::new(Arc::new(clock.clone()), "test.example/log");
            let settings = PlaneSettings { clock_skew_max: None, ..settings };
            let plane = Plane::open(&dir.path().join("data"), Some(charter), settings).unwrap();
            Self { plane, clock, dir }
        });
        let house = opened.await.unwrap();
        for (who, class, aliases) in [
            ("nadia", IdentityClass::Staff, &["n-17", "nadia@hospital.example"] as &[&str]),
            ("omar", IdentityClass::Staff, &["n-18"]),
            ("twin-a", IdentityClass::Staff, &["n-2"]),
            ("twin-b", IdentityClass::Staff, &["n-2"]),
            ("lena", IdentityClass::Patient, &["n-3"]),
        ] {
            house.tell(registered(who, class, aliases)).await;
        }
        house
    }

    pub(crate) async fn tell(&self, event: impl Into<Event>) {
        self.plane.record(Batch::one(Draft::new(Actor::handrail("test"), event))).await.unwrap();
    }

    /// A file that only its owner may read.
    pub(crate) fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.dir.path().join(name);
        let mut file =
            std::fs::OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(&path).unwrap();
        file.write_all(text.as_bytes()).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        path
    }

    /// How the provider at this address is spoken to.
    pub(crate) fn settings(&self, issuer: &str) -> Settings {
        let secret = self.file("secret", &format!("{SECRET}\n"));
        let text = serde_json::json!({
            "name": "hospital-id", "issuer": issuer, "client_id": CLIENT, "client_secret": secret,
        });
        serde_json::from_value(text).unwrap()
    }

    pub(crate) fn federation(&self, settings: Settings) -> Federation {
        Federation::open(self.plane.clone(), BASE.parse().unwrap(), vec![settings]).unwrap()
    }

    /// Lets time pass.
    pub(crate) fn later(&self, by: Duration) {
        self.clock.set(self.plane.now() + by);
    }
}

pub(crate) fn registered(who: &str, class: IdentityClass, aliases: &[&str]) -> Registered {
    Registered {
        principal: person(who),
        class,
        roles: vec![RoleName::new("nurse").unwrap()],
        name: None,
        home_unit: None,
        aliases: aliases.iter().map(|alias| person(alias)).collect(),
        labels: Vec::new(),
    }
}

/// A browser as the node sees it: the cookie that it was sent last.
#[derive(Clone, Debug)]
pub(crate) struct Here {
    pub(crate) cookie: String,
}

impl Here {
    pub(crate) fn of(begun: &Begun) -> Self {
        let cookie = begun.cookie.split(';').next().unwrap().split_once('=').unwrap().1;
        Self { cookie: cookie.to_owned() }
    }

    pub(crate) async fn brings(&self, federation: &Federation, brought: &Brought) -> Result<Federated, Refusal> {
        federation.finish(&provider(), brought, Some(&self.cookie)).await
    }
}

/// What an address that leads back to the node brings.
pub(crate) fn brought(address: &str) -> Brought {
    let url = url::Url::parse(address).unwrap();
    assert!(address.starts_with(&format!("{BASE}/federation/hospital-id/callback?")), "{address}");
    let of = |name: &str| url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned());
    Brought { code: of("code"), error: of("error"), state: of("state"), iss: of("iss") }
}

/// A parameter of an address.
pub(crate) fn parameter(address: &str, name: &str) -> Option<String> {
    let url = url::Url::parse(address).unwrap();
    url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
}

/// An address with one parameter changed.
pub(crate) fn changed(address: &str, name: &str, value: &str) -> String {
    let mut url = url::Url::parse(address).unwrap();
    let all: Vec<(String, String)> = url.query_pairs().into_owned().collect();
    url.query_pairs_mut()
        .clear()
        .extend_pairs(all.iter().map(|(key, old)| (key, if key == name { value } else { old })));
    url.into()
}
