//! A node with two nurses and a workstation, and the browser that stands there, with a key in somebody's hand.

use authenticator::{SecurityKey, WorkstationKey};
use jiff::{Timestamp, ToSpan as _};
use serde_json::{Value, json};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tempfile::TempDir;

/// How often something is looked for, and how long is slept in between.
const LOOKS: u32 = 600;
const BETWEEN: Duration = Duration::from_millis(100);

pub(crate) struct Ward {
    pub(crate) base: String,
    dir: TempDir,
    node: Child,
}

impl Drop for Ward {
    fn drop(&mut self) {
        let _gone = self.node.kill();
        let _gone = self.node.wait();
    }
}

/// Asks over HTTP: whether it worked, the headers, and what came back.
fn curl(args: &[&str]) -> (bool, String, String) {
    let output = Command::new("curl").args(["-sS", "-i"]).args(args).stdin(Stdio::null()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let (head, body) = said.split_once("\r\n\r\n").unwrap_or((&said, ""));
    (output.status.success() && head.contains(" 200 "), head.to_owned(), body.to_owned())
}

impl Ward {
    pub(crate) fn open() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let base = format!("http://localhost:{port}");
        let node = Command::new(env!("CARGO_BIN_EXE_handrail"))
            .arg("serve")
            .args(["--charter".as_ref(), Path::new(env!("CARGO_MANIFEST_DIR")).join("../../charter").as_os_str()])
            .args(["--data".as_ref(), dir.path().join("data").as_os_str()])
            .args(["--listen", &format!("127.0.0.1:{port}"), "--base-url", &base])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let ward = Self { base, dir, node };
        let ready = (0..LOOKS).any(|_| {
            std::thread::sleep(BETWEEN);
            curl(&[&format!("{}/readyz", ward.base)]).0
        });
        assert!(ready, "the node did not become ready");
        ward.populate();
        ward
    }

    #[expect(clippy::disallowed_methods, reason = "the node's clock is this machine's")]
    fn populate(&self) {
        let token = |name: &str| self.handrail(&["caller", "add", name]);
        let person = |id: &str, local: &str, role: &str| json!({ "id": id, "class": "staff", "roles": [role], "name": id, "home_unit": "ED", "aliases": [local] });
        let people = json!({ "people": [person("n-amara", "amara", "nurse"), person("n-bea", "bea", "charge_nurse")] });
        self.tell(&token("identity"), "people", &people);
        let now = Timestamp::now();
        let (from, until) = ((now - 1.hour()).to_string(), (now + 8.hours()).to_string());
        let shift = json!({ "shift": "today", "person": "n-amara", "unit": "ED", "from": from, "until": until });
        self.tell(&token("rota"), "rota", &json!({ "shifts": [shift] }));
        let screen = json!({ "id": "ws-1", "kind": "workstation", "unit": "ED", "shared": false, "managed": true });
        self.tell(&token("device-management"), "devices", &json!({ "devices": [screen] }));
    }

    fn tell(&self, token: &str, path: &str, what: &Value) {
        let (bearer, url) = (format!("authorization: Bearer {token}"), format!("{}/feeds/v1/{path}", self.base));
        let kind = "content-type: application/json";
        let (told, _, said) = curl(&["-X", "PUT", "-H", &bearer, "-H", kind, "-d", &what.to_string(), &url]);
        assert!(told, "{path}: {said}");
    }

    /// Runs a command at the node's console; what it prints.
    pub(crate) fn handrail(&self, args: &[&str]) -> String {
        let data = self.dir.path().join("data");
        let mut command = Command::new(env!("CARGO_BIN_EXE_handrail"));
        let output = command.args(args).arg("--data").arg(data).stdin(Stdio::null()).output().unwrap();
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// The link with a code for a workstation.
    pub(crate) fn code(&self, device: &str) -> String {
        link(&self.handrail(&["workstation", "code", device]))
    }

    /// What every attempt came to, in its fixed word, oldest first.
    pub(crate) fn attempts(&self) -> Vec<String> {
        let shown = self.handrail(&["ledger", "show", "0", "--count", "1000"]);
        let entries = shown.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let attempts = entries.filter(|entry| entry["kind"] == "signin.attempted");
        attempts.map(|entry| entry["body"]["detail"].as_str().unwrap_or_default().to_owned()).collect()
    }
}

fn link(said: &str) -> String {
    let word = said.split_whitespace().find(|word| word.starts_with("http"));
    word.unwrap_or_else(|| panic!("no link in: {said}")).to_owned()
}

/// The browser of a workstation.
pub(crate) struct Screen {
    base: String,
    cookie: String,
    device: String,
    key: WorkstationKey,
}

impl Screen {
    pub(crate) fn enrolled(ward: &Ward, device: &str) -> Self {
        let key = WorkstationKey::default();
        let mut screen = Self { base: ward.base.clone(), cookie: String::new(), device: device.to_owned(), key };
        let (link, (x, y)) = (ward.code(device), screen.key.coordinates());
        let code = link.rsplit('/').next().unwrap();
        let told = screen.script("/workstation", &json!({ "code": code, "x": x, "y": y }));
        assert_eq!(told["go"], "/bedside", "{told}");
        screen
    }

    fn ask(&mut self, path: &str, more: &[&str]) -> String {
        let (cookie, origin) = (format!("cookie: {}", self.cookie), format!("origin: {}", self.base));
        let url = format!("{}{path}", self.base);
        let own = ["-H", &cookie, "-H", &origin, "-H", "sec-fetch-site: same-origin", &url];
        let (_, head, body) = curl(&[&own[..], more].concat());
        if let Some(given) = head.lines().find_map(|line| line.strip_prefix("set-cookie: ")) {
            given.split(';').next().unwrap().clone_into(&mut self.cookie);
        }
        body
    }

    fn script(&mut self, path: &str, what: &Value) -> Value {
        let body = self.ask(path, &["-H", "content-type: application/json", "-d", &what.to_string()]);
        serde_json::from_str(&body).unwrap_or_else(|_| panic!("{path}: {body}"))
    }

    /// Proves which workstation it is, as the page's script does; its cookie is good for a minute again.
    fn renews(&mut self) {
        let asked = self.script("/bedside/renew", &json!({ "device": self.device }));
        let nonce = asked["nonce"].as_str().unwrap().to_owned();
        let signature = self.key.prove(&self.device, &self.base, &nonce);
        let proof = json!({ "device": self.device, "nonce": nonce, "signature": signature, "idle_s": 0 });
        assert_eq!(self.script("/bedside/renew", &proof)["renewed"], true);
    }

    /// A key in somebody's hand, registered here.
    pub(crate) fn key_of(&mut self, ward: &Ward, who: &str) -> SecurityKey {
        let made = ward.handrail(&["person", "invite", who, "--voucher", "n-bea", "--checked", "staff card and face"]);
        let (link, mut key) = (link(&made), SecurityKey::default());
        let invitation = link.rsplit('/').next().unwrap();
        let options = self.script("/enrol/options", &json!({ "invitation": invitation }));
        let credential = key.create(&self.base, &options).unwrap();
        let told = json!({ "invitation": invitation, "credential": credential, "name": "Blue key" });
        assert_eq!(self.script("/enrol/result", &told)["go"], "/enrol/done");
        key
    }

    /// One touch of a key, for something in particular.
    pub(crate) fn touch(&mut self, what: &str, key: &mut SecurityKey) {
        self.renews();
        let options = self.script(&format!("/bedside/{what}/options"), &json!({}));
        let credential = key.get(&self.base, &options).unwrap();
        let sent = json!({ "credential": credential, "elapsed_ms": 900, "interactions": 1 });
        let told = self.script(&format!("/bedside/{what}/result"), &sent);
        assert!(told["go"].is_string(), "{what}: {told}");
    }

    /// Opens its page again and again until that says something.
    pub(crate) fn opens_until(&mut self, words: &str) {
        let says = (0..LOOKS).any(|_| {
            std::thread::sleep(BETWEEN);
            self.ask("/bedside/patients", &[]).contains(words)
        });
        assert!(says, "the page never says {words:?}");
    }

    /// Its owner locks it.
    pub(crate) fn locks(&mut self) {
        self.renews();
        let page = self.ask("/bedside/patients", &[]);
        let token = page.split("name=\"form_token\"").nth(1).unwrap().split("value=\"").nth(1).unwrap();
        let form = format!("form_token={}", token.split('"').next().unwrap());
        let locked = self.ask("/bedside/lock", &["-d", &form]);
        assert!(locked.contains("Locked for"), "{locked}");
    }
}
