//! Tokens: made once, shown once, kept as digests, ended at once.

#![expect(clippy::unwrap_used, reason = "tests")]

use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use callers::Callers;
use charter::Charter;
use events::{Actor, CallerName, Event, Leaf, Seq, Timestamp};
use plane::{Plane, SetClock, Settings};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use store::AppendError;
use tempfile::TempDir;

struct House {
    plane: Plane,
    callers: Callers,
    dir: TempDir,
}

async fn open(dir: &Path, seed: bool) -> (Plane, Callers) {
    let dir = dir.to_owned();
    let opened = tokio::task::spawn_blocking(move || {
        let charter = || Charter::load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../charter")).unwrap();
        let clock = SetClock::new(Timestamp::from_millis(1_795_000_000_000));
        let settings = Settings::new(Arc::new(clock), "test.example/log");
        let plane = Plane::open(&dir, seed.then(charter), settings).unwrap();
        let callers = Callers::new(&plane);
        (plane, callers)
    });
    opened.await.unwrap()
}

impl House {
    async fn open() -> Self {
        let dir = TempDir::new().unwrap();
        let (plane, callers) = open(dir.path(), true).await;
        Self { plane, callers, dir }
    }

    async fn reopen(self) -> Self {
        self.plane.store().closed().await;
        let (plane, callers) = open(self.dir.path(), false).await;
        Self { plane, callers, ..self }
    }

    async fn token(&self, caller: &str) -> String {
        self.callers.add(name(caller), by()).await.unwrap().text.to_string()
    }

    async fn revoke(&self, caller: &str) -> Result<(), AppendError> {
        self.callers.revoke(&name(caller), by()).await
    }

    fn log(&self) -> Vec<Leaf> {
        let mut log = Vec::new();
        let read = self.plane.store().read(|reader| {
            reader.scan(Seq(0), Seq(u64::MAX >> 1), |_, bytes| {
                log.push(Leaf::parse(bytes).unwrap());
                ControlFlow::Continue(())
            })
        });
        read.unwrap();
        log
    }
}

fn name(caller: &str) -> CallerName {
    CallerName::new(caller).unwrap()
}

fn by() -> Actor {
    Actor::local("tester").unwrap()
}

/// Whose a token is by the log alone.
fn by_the_log(log: &[Leaf], token: &str) -> Option<CallerName> {
    let mut whose = None;
    for leaf in log {
        match &leaf.draft.event {
            Event::CallerAdded(added) if added.token == parts(token).0 => whose = Some(added.caller.clone()),
            Event::CallerRevoked(revoked) if whose.as_ref() == Some(&revoked.caller) => whose = None,
            _ => {}
        }
    }
    whose
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A token's id and secret.
fn parts(token: &str) -> (&str, &str) {
    token.strip_prefix("hr_").unwrap().split_once('_').unwrap()
}

#[tokio::test]
async fn a_token_is_its_callers_and_nobody_elses() {
    let house = House::open().await;
    assert!(house.callers.names().is_empty());
    let (ehr, rota) = (house.token("ehr").await, house.token("rota").await);
    assert_eq!(house.callers.authenticate(&ehr), Some(name("ehr")));
    assert_eq!(house.callers.authenticate(&rota), Some(name("rota")));
    assert_eq!(house.callers.names(), [name("ehr"), name("rota")]);
    let added = house.log().into_iter().filter_map(|leaf| match leaf.draft.event {
        Event::CallerAdded(added) => Some((leaf.draft.actor, added.caller, added.token)),
        _ => None,
    });
    let told = [("ehr", &ehr), ("rota", &rota)].map(|(caller, token)| (by(), name(caller), parts(token).0.into()));
    assert_eq!(added.collect::<Vec<_>>(), told);
}

#[tokio::test]
async fn a_token_that_is_not_whole_is_nobodys() {
    let house = House::open().await;
    let (ehr, rota) = (house.token("ehr").await, house.token("rota").await);
    for end in 0..ehr.len() {
        assert_eq!(house.callers.authenticate(&ehr[..end]), None, "the first {end} bytes");
    }
    let (id, secret) = parts(&ehr);
    let (other_id, other_secret) = parts(&rota);
    let mut flipped = secret.to_owned();
    flipped.replace_range(..1, if secret.starts_with('A') { "B" } else { "A" });
    for wrong in [
        String::new(),
        "hr".into(),
        "hr_".into(),
        "hr__".into(),
        format!("hr_{id}"),
        format!("hr_{id}_"),
        format!("hr_{id}_{flipped}"),
        format!("hr_{id}_{secret}="),
        format!("hr_{id}_{secret} "),
        format!(" hr_{id}_{secret}"),
        format!("hr_{id}_{secret}\0"),
        format!("hr_{id}_{other_secret}"),
        format!("hr_{other_id}_{secret}"),
        format!("hr__{secret}"),
        format!("HR_{id}_{secret}"),
        format!("{id}_{secret}"),
        secret.to_owned(),
        format!("hr_{id}_{}", URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, secret.as_bytes()))),
        format!("hr_{id}_{}", hexadecimal(digest::digest(&digest::SHA256, secret.as_bytes()).as_ref())),
        format!("hr_{id}_{secret}{}", "x".repeat(10_000_000)),
        "hr_".repeat(5_000_000),
        "_".repeat(128),
        "hr_\u{1F511}_\u{1F511}".into(),
    ] {
        assert_eq!(house.callers.authenticate(&wrong), None, "{}", wrong.chars().take(80).collect::<String>());
    }
    assert_eq!(house.callers.authenticate(&ehr), Some(name("ehr")));
}

#[tokio::test]
async fn a_secret_is_256_bits_and_new_each_time() {
    let house = House::open().await;
    let mut seen = std::collections::HashSet::new();
    for _ in 0..20 {
        let token = house.token("ehr").await;
        let (id, secret) = parts(&token);
        assert_eq!(URL_SAFE_NO_PAD.decode(secret).unwrap().len(), 32);
        assert!(seen.insert(id.to_owned()) && seen.insert(secret.to_owned()));
        assert!(
            token.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-'),
            "safe in a header and a shell"
        );
    }
}

#[tokio::test]
async fn revoking_ends_all_tokens_of_one_caller_at_once() {
    let house = House::open().await;
    let (one, two, other) = (house.token("ehr").await, house.token("ehr").await, house.token("rota").await);
    assert_eq!(house.callers.authenticate(&two), Some(name("ehr")));
    house.revoke("ehr").await.unwrap();
    assert_eq!((house.callers.authenticate(&one), house.callers.authenticate(&two)), (None, None));
    assert_eq!(house.callers.authenticate(&other), Some(name("rota")));
    assert_eq!(house.callers.names(), [name("rota")]);
    let log = house.log();
    assert!(matches!(&log.last().unwrap().draft.event, Event::CallerRevoked(of) if of.caller == name("ehr")));

    // Nothing is left to revoke: saying so again ends nobody else's.
    for nobody in ["ehr", "never-added"] {
        house.revoke(nobody).await.unwrap();
    }
    assert_eq!(house.callers.authenticate(&other), Some(name("rota")));
    let again = house.token("ehr").await;
    assert_eq!(house.callers.authenticate(&again), Some(name("ehr")));
    assert_eq!(house.callers.authenticate(&one), None);
}

#[tokio::test]
async fn tokens_are_the_same_after_a_restart() {
    let house = House::open().await;
    let (revoked, other) = (house.token("ehr").await, house.token("rota").await);
    house.revoke("ehr").await.unwrap();
    let added = house.token("ehr").await;
    let house = house.reopen().await;
    assert_eq!(house.callers.authenticate(&revoked), None);
    assert_eq!(house.callers.authenticate(&added), Some(name("ehr")));
    assert_eq!(house.callers.authenticate(&other), Some(name("rota")));
    house.revoke("rota").await.unwrap();
    let house = house.reopen().await;
    assert_eq!(house.callers.names(), [name("ehr")]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn whatever_is_added_and_revoked_at_once_memory_and_log_agree() {
    let house = House::open().await;
    let mut tokens = Vec::new();
    for _ in 0..30 {
        let tasks: Vec<_> = (0..4)
            .map(|turn| {
                let callers = house.callers.clone();
                tokio::spawn(async move {
                    if turn % 2 == 0 {
                        return Some(callers.add(name("ehr"), by()).await.unwrap().text.to_string());
                    }
                    callers.revoke(&name("ehr"), by()).await.unwrap();
                    None
                })
            })
            .collect();
        for task in tasks {
            tokens.extend(task.await.unwrap());
        }
    }
    let log = house.log();
    let known: Vec<_> = tokens.iter().map(|token| house.callers.authenticate(token)).collect();
    for (token, known) in tokens.iter().zip(&known) {
        assert_eq!(known, &by_the_log(&log, token));
    }
    let house = house.reopen().await;
    assert_eq!(tokens.iter().map(|token| house.callers.authenticate(token)).collect::<Vec<_>>(), known);
    house.token("ehr").await;
    house.revoke("ehr").await.unwrap();
    assert!(tokens.iter().all(|token| house.callers.authenticate(token).is_none()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revocation_takes_effect_though_whoever_asked_for_it_is_gone() {
    let house = House::open().await;
    for _ in 0..20 {
        let token = house.token("ehr").await;
        let callers = house.callers.clone();
        let gone = tokio::spawn(async move { callers.revoke(&name("ehr"), by()).await });
        tokio::task::yield_now().await;
        gone.abort();
        let asked = gone.await.is_ok();
        // Once this is answered, whatever was waiting before it is recorded.
        let other = house.token("rota").await;
        let known = house.callers.authenticate(&token);
        assert_eq!(known, by_the_log(&house.log(), &token));
        assert!(!asked || known.is_none());
        assert!(house.callers.authenticate(&other).is_some());
        house.revoke("ehr").await.unwrap();
    }
}

fn files(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found
}

#[tokio::test]
async fn no_file_holds_a_token_or_its_secret_only_the_digest() {
    let house = House::open().await;
    let (live, revoked) = (house.token("ehr").await, house.token("rota").await);
    house.revoke("rota").await.unwrap();
    for closed in [false, true] {
        if closed {
            house.plane.store().closed().await;
        }
        let bytes: Vec<_> = files(house.dir.path()).iter().map(|path| std::fs::read(path).unwrap()).collect();
        let held = |wanted: &[u8]| bytes.iter().any(|file| file.windows(wanted.len()).any(|window| window == wanted));
        for token in [&live, &revoked] {
            let (id, secret) = parts(token);
            assert!(!held(token.as_bytes()) && !held(secret.as_bytes()));
            assert!(!held(&URL_SAFE_NO_PAD.decode(secret).unwrap()), "nor its bytes");
            assert!(held(id.as_bytes()), "the search finds what is there");
            let digest = digest::digest(&digest::SHA256, secret.as_bytes());
            assert!(held(hexadecimal(digest.as_ref()).as_bytes()));
            assert!(!held(hexadecimal(secret.as_bytes()).as_bytes()));
        }
    }
}
