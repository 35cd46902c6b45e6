//! A browser at the bedside, as the page's script makes it act: its cookie, the key it keeps, and keys in software that people touch to it.

use crate::peer::pause;
use crate::step::{Outcome, elapsed_since_start};
use authenticator::{SecurityKey, WorkstationKey};
use serde_json::{Value, json};
use std::time::Duration;

/// A cookie this old is renewed before anything is asked with it, as the script does.
const FRESH: Duration = Duration::from_secs(40);
/// How long one answer may take.
const ANSWER: Duration = Duration::from_secs(20);

/// What came back.
pub(crate) struct Page {
    pub(crate) status: u16,
    pub(crate) text: String,
}

impl Page {
    /// It says this.
    pub(crate) fn says(&self, words: &str) -> Outcome {
        if self.text.contains(words) {
            return Ok(());
        }
        Err(format!("a page ({}) does not say {words:?} but:\n{}", self.status, self.text).into())
    }

    /// It does not say this.
    pub(crate) fn keeps_silent_of(&self, words: &str) -> Outcome {
        if self.text.contains(words) {
            return Err(format!("a page says {words:?}:\n{}", self.text).into());
        }
        Ok(())
    }

    /// The value of one of its hidden fields.
    pub(crate) fn field(&self, name: &str) -> Outcome<String> {
        let after = self.text.split_once(&format!("name=\"{name}\"")).map(|(_, after)| after);
        let value = after.and_then(|after| after.split("value=\"").nth(1)).and_then(|value| value.split('"').next());
        value.map(str::to_owned).ok_or_else(|| format!("no field {name} on:\n{}", self.text).into())
    }
}

/// A browser.
pub(crate) struct Screen {
    base: String,
    agent: ureq::Agent,
    cookie: Option<String>,
    renewed: Duration,
    nonce: Option<String>,
    device: String,
    key: WorkstationKey,
}

impl Screen {
    /// One that nobody knows, which reaches a node on this machine by its name.
    pub(crate) fn new(port: u16) -> Self {
        let config = ureq::Agent::config_builder().http_status_as_error(false).max_redirects(0);
        let agent = config.timeout_global(Some(ANSWER)).build().into();
        let (base, key) = (format!("http://localhost:{port}"), WorkstationKey::default());
        Self { base, agent, cookie: None, renewed: Duration::ZERO, nonce: None, device: "browser".to_owned(), key }
    }

    /// The same browser as it was copied by somebody: with its cookie, and a key of their own.
    pub(crate) fn copied(&self) -> Self {
        let cookie = self.cookie.clone();
        let (base, agent, device) = (self.base.clone(), self.agent.clone(), self.device.clone());
        Self { base, agent, cookie, renewed: self.renewed, nonce: None, device, key: WorkstationKey::default() }
    }

    fn got(&mut self, mut response: ureq::http::Response<ureq::Body>) -> Outcome<(Page, Option<String>)> {
        let header = |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let to = header("location");
        if let Some(cookie) = header("set-cookie") {
            self.cookie = cookie.split(';').next().map(str::to_owned);
            self.renewed = elapsed_since_start();
        }
        let status = response.status().as_u16();
        Ok((Page { status, text: response.body_mut().read_to_string()? }, to))
    }

    /// Opens a page, as it is, and goes where it sends one.
    pub(crate) fn opens(&mut self, path: &str) -> Outcome<Page> {
        self.keeps_fresh()?;
        self.opens_as_it_is(path)
    }

    /// The same without renewing anything.
    pub(crate) fn opens_as_it_is(&mut self, path: &str) -> Outcome<Page> {
        let url = if path.starts_with("http") { path.to_owned() } else { format!("{}{path}", self.base) };
        let request = self.agent.get(&url).header("cookie", self.cookie.as_deref().unwrap_or_default());
        let (page, to) =
            request.call().map_err(|e| format!("GET {path}: {e}").into()).and_then(|response| self.got(response))?;
        match to {
            Some(to) => self.opens_as_it_is(&to),
            None => Ok(page),
        }
    }

    fn posts(&mut self, path: &str, kind: &str, body: &str) -> Outcome<(Page, Option<String>)> {
        let request = self.agent.post(format!("{}{path}", self.base)).header("content-type", kind);
        let request = request.header("origin", &self.base).header("sec-fetch-site", "same-origin");
        let request = request.header("cookie", self.cookie.as_deref().unwrap_or_default());
        request.send(body).map_err(|e| format!("POST {path}: {e}").into()).and_then(|response| self.got(response))
    }

    /// What the script posts, and what it is told.
    pub(crate) fn script(&mut self, path: &str, what: &Value) -> Outcome<Value> {
        let (page, _) = self.posts(path, "application/json", &what.to_string())?;
        serde_json::from_str(&page.text).map_err(|_| format!("{path}: {} {}", page.status, page.text).into())
    }

    /// Sends a form of a page, with the token that page has.
    pub(crate) fn sends(&mut self, page: &Page, path: &str, fields: &[(&str, &str)]) -> Outcome<Page> {
        let token = page.field("form_token")?;
        self.keeps_fresh()?;
        let mut body = format!("form_token={token}");
        for (name, value) in fields {
            body.push_str(&format!("&{name}={}", form_encoded(value)));
        }
        let (page, to) = self.posts(path, "application/x-www-form-urlencoded", &body)?;
        match to {
            Some(to) => self.opens_as_it_is(&to),
            None => Ok(page),
        }
    }

    /// Opens the link of a one-use code and becomes that workstation; answers with what it is told.
    pub(crate) fn enrols(&mut self, device: &str, link: &str) -> Outcome<Value> {
        let code = link.rsplit('/').next().unwrap_or_default();
        let (x, y) = self.key.coordinates();
        device.clone_into(&mut self.device);
        self.script("/workstation", &json!({ "code": code, "x": x, "y": y }))
    }

    /// Renews its cookie where it is old, as the script does before anything is asked with it.
    pub(crate) fn keeps_fresh(&mut self) -> Outcome {
        if self.cookie.is_some() && elapsed_since_start() - self.renewed >= FRESH {
            self.renews()?;
        }
        Ok(())
    }

    /// Proves which browser it is, with the nonce of the answer before if that is good; answers with what it is told.
    pub(crate) fn renews(&mut self) -> Outcome<Value> {
        let told = match self.nonce.take() {
            Some(nonce) => self.proves(&nonce)?,
            None => self.script("/bedside/renew", &json!({ "device": self.device }))?,
        };
        let next = told.get("nonce").and_then(Value::as_str).map(str::to_owned);
        match next {
            Some(nonce) if told.get("renewed") == Some(&Value::Bool(false)) => self.proves(&nonce),
            next => {
                self.nonce = next;
                Ok(told)
            }
        }
    }

    fn proves(&mut self, nonce: &str) -> Outcome<Value> {
        let signature = self.key.prove(&self.device, &self.base, nonce);
        let proof = json!({ "device": self.device, "nonce": nonce, "signature": signature, "idle_s": 0 });
        let told = self.script("/bedside/renew", &proof)?;
        self.nonce = told.get("nonce").and_then(Value::as_str).map(str::to_owned);
        Ok(told)
    }

    /// Somebody registers a key by the link of an invitation; answers with what the page is told.
    pub(crate) fn registers(&mut self, key: &mut SecurityKey, link: &str) -> Outcome<Value> {
        let invitation = link.rsplit('/').next().unwrap_or_default();
        self.makes(key, "/enrol", &json!({ "invitation": invitation, "name": "Blue key" }))
    }

    /// Somebody registers a key where they may, with the fields of the form; answers with what the page is told.
    pub(crate) fn makes(&mut self, key: &mut SecurityKey, path: &str, fields: &Value) -> Outcome<Value> {
        let options = self.script(&format!("{path}/options"), fields)?;
        if options.get("publicKey").is_none() {
            return Ok(options);
        }
        let credential = key.create(&self.base, &options).map_err(|refusal| format!("the key refuses: {refusal:?}"))?;
        let mut made = json!({ "credential": credential });
        if let (Some(made), Some(fields)) = (made.as_object_mut(), fields.as_object()) {
            made.extend(fields.clone());
        }
        self.script(&format!("{path}/result"), &made)
    }

    /// One touch: whatever it turns out to be. Answers with what the page is told.
    pub(crate) fn touch(&mut self, key: &mut SecurityKey) -> Outcome<Value> {
        self.ceremony("/bedside/sign-in", key, &json!({}))
    }

    /// A touch for something in particular, with the fields of its form.
    pub(crate) fn ceremony(&mut self, path: &str, key: &mut SecurityKey, fields: &Value) -> Outcome<Value> {
        self.keeps_fresh()?;
        let options = self.script(&format!("{path}/options"), fields)?;
        if options.get("publicKey").is_none() {
            return Ok(options);
        }
        let credential = key.get(&self.base, &options).map_err(|refusal| format!("the key refuses: {refusal:?}"))?;
        let mut sent = json!({ "credential": credential, "elapsed_ms": 900, "interactions": 1 });
        if let (Some(sent), Some(fields)) = (sent.as_object_mut(), fields.as_object()) {
            sent.extend(fields.clone());
            if self.device == "browser" {
                let (x, y) = self.key.coordinates();
                sent.extend([("x".to_owned(), x.into()), ("y".to_owned(), y.into())]);
            }
        }
        self.script(&format!("{path}/result"), &sent)
    }

    /// How long ago its cookie was given.
    pub(crate) fn age(&self) -> Duration {
        elapsed_since_start() - self.renewed
    }

    /// Waits until its cookie is this old.
    pub(crate) fn waits_until(&self, age: Duration) {
        while self.age() < age {
            pause(100);
        }
    }
}

/// As forms write a value: everything but letters and digits in percent.
fn form_encoded(value: &str) -> String {
    value.bytes().fold(String::new(), |mut text, byte| {
        if byte.is_ascii_alphanumeric() || b"-_.".contains(&byte) {
            text.push(char::from(byte));
        } else {
            text.push_str(&format!("%{byte:02X}"));
        }
        text
    })
}

/// The page was told to go where people work.
pub(crate) fn is_in(told: &Value) -> Outcome {
    match told.get("go").and_then(Value::as_str) {
        Some("/bedside/patients") => Ok(()),
        _ => Err(format!("a touch came to nothing: {told}").into()),
    }
}

/// The page was told to say this.
pub(crate) fn is_told(told: &Value, words: &str) -> Outcome {
    match told.get("say").and_then(Value::as_str) {
        Some(said) if said.contains(words) => Ok(()),
        _ => Err(format!("the page was not told to say {words:?} but: {told}").into()),
    }
}

/// The link in what a command printed.
pub(crate) fn link(said: &str) -> Outcome<String> {
    let link = said.split_whitespace().find(|word| word.starts_with("http"));
    link.map(str::to_owned).ok_or_else(|| format!("no link in: {said}").into())
}
