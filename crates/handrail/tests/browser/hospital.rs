//! A hospital for browsers: the real binary on a store of its own, people on shift, workstations, and the screens that stand there.

use crate::keys::Key;
use crate::{BETWEEN, LOOKS, Running, browser, free_port, text};
use jiff::{Timestamp, ToSpan as _};
use serde_json::{Value, json};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use thirtyfour::prelude::*;

/// Where the node keeps everything.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Store {
    /// In its data directory.
    File,
    /// In a database of a PostgreSQL server.
    Server,
}

/// Who is on shift, where.
const PEOPLE: [(&str, &str, &str, &str); 6] = [
    ("n-amara", "Amara Osei", "nurse", "ED"),
    ("n-bea", "Bea Lind", "nurse", "ED"),
    ("n-chidi", "Chidi Eze", "nurse", "ED"),
    ("n-dora", "Dora Falk", "charge_nurse", "ED"),
    ("d-ruiz", "Elena Ruiz", "doctor", "ED"),
    ("n-theo", "Theo Brandt", "theatre_nurse", "THEATRE"),
];
/// Who invites them.
const LEAD: &str = "n-lead";
/// Workstations, and where they stand.
const WORKSTATIONS: [(&str, &str); 3] = [("ws-1", "ED"), ("ws-2", "ED"), ("ws-or", "THEATRE")];

/// A node, reached as people reach it.
pub(crate) struct Hospital {
    pub(crate) base: String,
    data: tempfile::TempDir,
    identity: String,
    _node: Running,
}

fn run(program: &str, args: &[&str]) -> String {
    let output = Command::new(program).args(args).stdin(Stdio::null()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{program} {args:?}: {said} {}", String::from_utf8_lossy(&output.stderr));
    said
}

impl Hospital {
    /// Opens one, with the starter charter.
    pub(crate) async fn open(store: Store) -> Self {
        let (data, port) = (tempfile::tempdir().unwrap(), free_port());
        let base = format!("http://localhost:{port}");
        let charter = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../charter");
        let mut serve = Command::new(env!("CARGO_BIN_EXE_handrail"));
        serve
            .arg("serve")
            .args(["--charter".as_ref(), charter.as_os_str(), "--data".as_ref(), data.path().join("data").as_os_str()])
            .args(["--listen", &format!("127.0.0.1:{port}"), "--base-url", &base]);
        if store == Store::Server {
            let database = tokio::task::spawn_blocking(|| cluster::Cluster::shared().database().unwrap()).await;
            serve.args(["--store", &database.unwrap()]);
        }
        let node = Running(serve.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
        let mut hospital = Self { base, data, identity: String::new(), _node: node };
        hospital.until_ready().await;
        hospital.populate();
        hospital
    }

    async fn until_ready(&self) {
        for _ in 0..LOOKS {
            let asked = Command::new("curl").args(["-sf", &format!("{}/readyz", self.base)]).output().unwrap();
            if asked.status.success() {
                return;
            }
            tokio::time::sleep(BETWEEN).await;
        }
        panic!("the node did not become ready");
    }

    #[expect(clippy::disallowed_methods, reason = "the node's clock is this machine's")]
    fn populate(&mut self) {
        self.identity = self.handrail(&["caller", "add", "identity"]);
        let (rota, devices) =
            (self.handrail(&["caller", "add", "rota"]), self.handrail(&["caller", "add", "device-management"]));
        let now = Timestamp::now();
        let (from, until) = ((now - 1.hour()).to_string(), (now + 8.hours()).to_string());
        let lead = (LEAD, "Lena Arden", "charge_nurse", "ED");
        let people: Vec<_> = PEOPLE
            .iter()
            .chain([&lead])
            .map(|(id, name, role, unit)| {
                let aliases = [format!("badge-{id}")];
                json!({ "id": id, "class": "staff", "roles": [role], "name": name, "home_unit": unit, "aliases": aliases })
            })
            .collect();
        let shifts: Vec<_> = PEOPLE
            .iter()
            .map(|(id, _, _, unit)| {
                json!({ "shift": format!("{id}-today"), "person": id, "unit": unit, "from": from, "until": until })
            })
            .collect();
        let (screens, reports): (Vec<_>, Vec<_>) = WORKSTATIONS
            .iter()
            .map(|(id, unit)| {
                let screen = json!({ "id": id, "kind": "workstation", "unit": unit, "shared": true, "managed": true });
                (screen, json!({ "device": id, "posture": "healthy", "good_until": until }))
            })
            .unzip();
        self.tell(&self.identity, "PUT", "/feeds/v1/people", &json!({ "people": people }));
        self.tell(&rota, "PUT", "/feeds/v1/rota", &json!({ "shifts": shifts }));
        self.tell(&devices, "PUT", "/feeds/v1/devices", &json!({ "devices": screens }));
        self.tell(&devices, "PUT", "/feeds/v1/posture", &json!({ "reports": reports }));
    }

    fn tell(&self, token: &str, method: &str, path: &str, what: &Value) -> String {
        let (bearer, url) = (format!("authorization: Bearer {token}"), format!("{}{path}", self.base));
        let kind = "content-type: application/json";
        run(
            "curl",
            &["-sS", "--fail-with-body", "-X", method, "-H", &bearer, "-H", kind, "-d", &what.to_string(), &url],
        )
    }

    /// Runs a command at the node's console, and answers with what it prints.
    pub(crate) fn handrail(&self, args: &[&str]) -> String {
        let data = self.data.path().join("data").display().to_string();
        let said = run(env!("CARGO_BIN_EXE_handrail"), &[args, &["--data", &data]].concat());
        said.trim().to_owned()
    }

    /// The link that makes a browser a workstation.
    pub(crate) fn code(&self, device: &str) -> String {
        link(&self.handrail(&["workstation", "code", device]))
    }

    /// The link by which somebody registers a key.
    pub(crate) fn invitation(&self, who: &str) -> String {
        link(&self.handrail(&["person", "invite", who, "--voucher", LEAD, "--checked", "staff card and face"]))
    }

    /// Somebody works here no more.
    pub(crate) fn ends(&self, who: &str) {
        self.tell(&self.identity, "DELETE", &format!("/feeds/v1/people/{who}"), &json!({}));
    }

    /// Somebody nobody can name yet is brought into a unit, and has a treatment team; answers with their pseudonym.
    pub(crate) fn admits(&self, unit: &str, team: &[&str]) -> String {
        let registration = self.handrail(&["caller", "add", "registration"]);
        let given = self.tell(&registration, "POST", "/feeds/v1/patients/temporary", &json!({ "unit": unit }));
        let given: Value = serde_json::from_str(&given).unwrap();
        let teams = self.handrail(&["caller", "add", "care-teams"]);
        let members: Vec<_> =
            team.iter().map(|person| json!({ "record": given["record"], "person": person })).collect();
        self.tell(&teams, "PUT", "/feeds/v1/teams", &json!({ "members": members }));
        given["patient"].as_str().unwrap().to_owned()
    }

    /// An emergency is declared in a unit.
    #[expect(clippy::disallowed_methods, reason = "the node's clock is this machine's")]
    pub(crate) fn declares_an_emergency(&self, unit: &str) {
        let coordinator = self.handrail(&["caller", "add", "site-coordinator"]);
        let until = (Timestamp::now() + 1.hour()).to_string();
        self.tell(&coordinator, "PUT", &format!("/feeds/v1/emergencies/{unit}"), &json!({ "until": until }));
    }

    /// The bodies of all entries of a kind, oldest first, with the device they happened at.
    pub(crate) fn entries(&self, kind: &str) -> Vec<Value> {
        let shown = self.handrail(&["ledger", "show", "0", "--count", "1000"]);
        let entries = shown.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        entries.filter(|entry| entry["kind"] == kind).map(|entry| entry["body"].clone()).collect()
    }

    /// Waits for the first entry of a kind.
    pub(crate) async fn until_recorded(&self, kind: &str) {
        for _ in 0..LOOKS {
            if !self.entries(kind).is_empty() {
                return;
            }
            tokio::time::sleep(BETWEEN).await;
        }
        panic!("no {kind} was recorded");
    }

    /// The first recorded attempt of this kind that ended so, as soon as there is one.
    pub(crate) async fn attempt(&self, step: &str, outcome: &str) -> Value {
        for _ in 0..LOOKS / 10 {
            let attempts = self.entries("signin.attempted");
            if let Some(found) = attempts.into_iter().find(|one| one["step"] == step && one["outcome"] == outcome) {
                return found;
            }
            tokio::time::sleep(BETWEEN).await;
        }
        panic!("no attempt to {step} was {outcome}");
    }

    /// Whether an attempt of this kind is recorded, now or in a moment: a page tells of some after it has spoken.
    pub(crate) async fn recorded(&self, step: &str, outcome: &str, detail: &str) -> bool {
        for _ in 0..LOOKS / 10 {
            let attempts = self.entries("signin.attempted");
            let is = |one: &Value| one["step"] == step && one["outcome"] == outcome && one["detail"] == detail;
            if attempts.iter().any(is) {
                return true;
            }
            tokio::time::sleep(BETWEEN).await;
        }
        false
    }
}

/// The link in what a command printed.
fn link(said: &str) -> String {
    let word = said.split_whitespace().find(|word| word.starts_with("http"));
    word.unwrap_or_else(|| panic!("no link in: {said}")).to_owned()
}

/// A browser, as it stands somewhere.
pub(crate) struct Screen {
    pub(crate) page: WebDriver,
    base: String,
    /// What people pressed, scanned, ticked or typed here since they were last counted.
    acts: AtomicU32,
    _driver: Running,
}

impl Screen {
    /// A browser that nobody knows.
    pub(crate) async fn unknown(hospital: &Hospital) -> Self {
        let (driver, page) = browser().await;
        Self { page, base: hospital.base.clone(), acts: AtomicU32::new(0), _driver: driver }
    }

    /// An enrolled workstation, with its page open.
    pub(crate) async fn enrolled(hospital: &Hospital, device: &str) -> Self {
        let screen = Self::unknown(hospital).await;
        screen.opens(&hospital.code(device)).await;
        screen.reads(&format!("This browser becomes {device} in")).await;
        screen.presses("Make this browser the workstation").await;
        screen.reads("Who is there?").await;
        screen
    }

    /// Opens a page, by its path or by a link somebody was given.
    pub(crate) async fn opens(&self, path: &str) {
        let url = if path.starts_with("http") { path.to_owned() } else { format!("{}{path}", self.base) };
        self.page.goto(&url).await.unwrap();
    }

    /// Waits until the page says something; answers with all that it says.
    pub(crate) async fn reads(&self, words: &str) -> String {
        let said = text(&self.page, words).await;
        self.photographed(words).await;
        assert!(said.contains(words), "the page does not say {words:?} but: {said}");
        said
    }

    /// Presses a button, or what looks like one.
    pub(crate) async fn presses(&self, label: &str) {
        for _ in 0..LOOKS {
            for button in self.page.find_all(By::Css("button, a.button")).await.unwrap_or_default() {
                if button.text().await.is_ok_and(|text| text.contains(label)) && button.click().await.is_ok() {
                    self.acts.fetch_add(1, Ordering::Relaxed);
                    return;
                }
            }
            tokio::time::sleep(BETWEEN).await;
        }
        panic!("no button {label:?} on: {}", text(&self.page, "").await);
    }

    /// Types into a field, by its name.
    pub(crate) async fn types(&self, field: &str, text: &str) {
        self.acts.fetch_add(1, Ordering::Relaxed);
        self.element(&format!("main [name='{field}']:not([type=hidden])")).await.send_keys(text).await.unwrap();
    }

    /// Presses what a selector finds, where it has no words of its own: what is ticked or chosen.
    pub(crate) async fn ticks(&self, selector: &str) {
        self.acts.fetch_add(1, Ordering::Relaxed);
        self.element(selector).await.click().await.unwrap();
    }

    async fn element(&self, selector: &str) -> WebElement {
        for _ in 0..LOOKS {
            if let Ok(found) = self.page.find(By::Css(selector)).await {
                return found;
            }
            tokio::time::sleep(BETWEEN).await;
        }
        panic!("no {selector} on: {}", text(&self.page, "").await);
    }

    /// Signs in with the key that is plugged in here.
    pub(crate) async fn signs_in(&self, name: &str) {
        self.opens("/bedside").await;
        self.presses("Sign in with your key").await;
        self.reads("My patients").await;
        self.reads(name).await;
    }

    /// Somebody registers the key that is plugged in here, by an invitation.
    pub(crate) async fn registers(&self, hospital: &Hospital, who: &str) {
        self.opens(&hospital.invitation(who)).await;
        self.presses("Register my key or phone").await;
        self.reads("Your key is registered").await;
    }

    /// A key in somebody's hand, registered here and unplugged again.
    pub(crate) async fn key_of(&self, hospital: &Hospital, who: &str) -> crate::keys::Pocketed {
        let key = Key::usb(&self.page).await;
        self.registers(hospital, who).await;
        key.unplugged().await
    }

    /// How many times somebody had to do something here since this was last asked: presses, scans, ticks. Touches of keys, and their PIN where
    /// they ask for one, come on top.
    pub(crate) fn counted(&self) -> u32 {
        self.acts.swap(0, Ordering::Relaxed)
    }

    /// Runs a script in the page as the driver does, not as the page could.
    pub(crate) async fn asks(&self, script: &str) -> Value {
        self.page.execute(script, Vec::new()).await.unwrap().json().clone()
    }

    /// Keeps a picture where somebody wants to look at all pages: `HANDRAIL_PICTURES` names the directory.
    #[expect(clippy::disallowed_methods, reason = "for people who run one test to look at its pages")]
    async fn photographed(&self, words: &str) {
        let Some(dir) = std::env::var_os("HANDRAIL_PICTURES") else { return };
        let name: String = words.chars().map(|c| if c.is_alphanumeric() { c } else { '-' }).collect();
        self.page.screenshot(&Path::new(&dir).join(format!("{name}.png"))).await.unwrap();
    }

    /// Everybody goes home.
    pub(crate) async fn closes(self) {
        self.page.quit().await.unwrap();
    }
}
