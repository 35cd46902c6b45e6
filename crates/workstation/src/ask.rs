//! Asking the node: bounded in time and size, over TLS, and whatever is not a yes is a no.

use crate::files::{Config, read_public};
use crate::key::Key;
use crate::say;
use crate::trouble::Trouble;
use reqwest::{Certificate, Client, Url, redirect};
use serde::Deserialize;
use serde_json::{Value, json};
use std::path::Path;
use std::time::Duration;
use tokio::time::{sleep, timeout};

/// The longest answer, in bytes.
const ANSWER_BYTES_MAX: usize = 64 * 1024;
/// How long a connection may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// How long an answer may take, all of it.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(4);
/// How often it is looked whether the touch is there.
const LOOKED_EVERY: Duration = Duration::from_millis(500);

/// Whatever a node says.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Said {
    answer: String,
    pub(crate) say: Option<String>,
    question: Option<String>,
    nonce: Option<String>,
    pub(crate) device: Option<String>,
    pub(crate) url: Option<String>,
    unit: Option<String>,
    locked: Option<u32>,
}

/// What speaks to one node.
pub(crate) struct Line {
    client: Client,
    url: String,
}

impl Line {
    /// To an address, with the system's authorities or these instead. No proxy is taken from the environment, and nobody is followed anywhere.
    pub(crate) fn new(url: &str, ca: Option<&Path>) -> Result<Self, Trouble> {
        let unusable = || Trouble::Address(url.to_owned());
        let parsed = Url::parse(url).map_err(|_| unusable())?;
        let own = matches!(parsed.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
        let safe = parsed.scheme() == "https" || (parsed.scheme() == "http" && own);
        if !safe || !matches!(parsed.path(), "" | "/") || parsed.query().is_some() || !parsed.username().is_empty() {
            return Err(unusable());
        }
        if rustls::crypto::CryptoProvider::get_default().is_none() {
            let _chosen = rustls::crypto::aws_lc_rs::default_provider().install_default();
        }
        let client = Client::builder()
            .redirect(redirect::Policy::none())
            .referer(false)
            .no_proxy()
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(ANSWER_TIMEOUT);
        let client = match ca {
            None => client,
            Some(path) => {
                let all = Certificate::from_pem_bundle(&read_public(path)?).ok().filter(|all| !all.is_empty());
                client.tls_certs_only(all.ok_or_else(|| Trouble::Certificates(path.to_owned()))?)
            }
        };
        let client = client.build().map_err(|_| Trouble::Unreachable)?;
        Ok(Self { client, url: url.trim_end_matches('/').to_owned() })
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Result<Said, Trouble> {
        let request = self.client.post(format!("{}{path}", self.url)).json(body);
        let mut response = request.send().await.map_err(|_| Trouble::Unreachable)?;
        let status = response.status().as_u16();
        if status >= 500 {
            return Err(Trouble::Unreachable);
        }
        if status != 200 {
            return Err(Trouble::Unreadable);
        }
        let mut answer = Vec::new();
        while let Some(piece) = response.chunk().await.map_err(|_| Trouble::Unreachable)? {
            if answer.len() + piece.len() > ANSWER_BYTES_MAX {
                return Err(Trouble::Unreadable);
            }
            answer.extend_from_slice(&piece);
        }
        serde_json::from_slice(&answer).map_err(|_| Trouble::Unreadable)
    }

    /// A nonce for the next proof, and what the node calls itself.
    pub(crate) async fn nonce(&self) -> Result<(String, String), Trouble> {
        let said = self.post("/workstation/helper/nonce", &json!({})).await?;
        said.nonce.zip(said.url).ok_or(Trouble::Unreadable)
    }
}

/// A node that knows this machine.
pub(crate) struct Node {
    line: Line,
    key: Key,
    device: String,
}

/// What is asked.
#[derive(Clone, Copy, Default)]
struct Asked<'a> {
    user: &'a str,
    service: &'a str,
    question: &'a str,
    last: bool,
}

impl Node {
    pub(crate) fn new(config: Config) -> Result<Self, Trouble> {
        let line = Line::new(&config.url, config.ca.as_deref())?;
        Ok(Self { line, key: Key::read(&config.key)?, device: config.device })
    }

    pub(crate) fn url(&self) -> &str {
        self.line.url()
    }

    async fn ask(&self, path: &str, nonce: Option<String>, asked: Asked<'_>) -> Result<Said, Trouble> {
        let nonce = match nonce {
            Some(nonce) => nonce,
            None => self.line.nonce().await?.0,
        };
        let Asked { user, service, question, last } = asked;
        let signature = self.key.prove(&self.device, self.line.url(), &nonce, [user, service, question])?;
        let body = json!({
            "device": self.device, "nonce": nonce, "signature": signature,
            "user": user, "service": service, "question": question, "last": last,
        });
        self.line.post(path, &body).await
    }

    /// Which workstation the node knows this machine as.
    pub(crate) async fn status(&self) -> Result<String, Trouble> {
        let asked = Asked { service: "status", ..Asked::default() };
        let said = self.ask("/workstation/helper/status", None, asked).await?;
        match (said.answer.as_str(), said.device) {
            ("yes", Some(device)) => Ok(said.unit.map_or(device.clone(), |unit| format!("{device}, {unit}"))),
            _ => Err(said.say.map_or(Trouble::Unreadable, Trouble::No)),
        }
    }

    /// Says that the badge was taken from this workstation's reader; how many screens locked.
    pub(crate) async fn badge_away(&self) -> Result<u32, Trouble> {
        let asked = Asked { service: "badge-away", ..Asked::default() };
        let said = self.ask("/workstation/helper/badge-away", None, asked).await?;
        let locked = said.locked.unwrap_or(0);
        decided(said).map(|()| locked)
    }

    /// Asks whether somebody may get in, and waits for their touch if one is wanted.
    pub(crate) async fn let_in(&self, user: &str, service: &str, wait: Duration) -> Result<(), Trouble> {
        let asked = Asked { user, service, ..Asked::default() };
        let said = self.ask("/workstation/helper/ask", None, asked).await?;
        if said.answer != "wait" {
            return decided(said);
        }
        let question = said.question.ok_or(Trouble::Unreadable)?;
        say(&said.say.unwrap_or_else(|| "Touch your key on the Handrail page.".to_owned()));
        let asked = Asked { question: &question, ..asked };
        match timeout(wait, self.touched(asked, said.nonce)).await {
            Ok(said) => decided(said),
            // Whoever walked away has not been answered: the node is told, and has the last word.
            Err(_) => decided(self.ask("/workstation/helper/ask", None, Asked { last: true, ..asked }).await?),
        }
    }

    /// Looks until there is an answer. A node that does not answer once may answer the next time.
    async fn touched(&self, asked: Asked<'_>, mut nonce: Option<String>) -> Said {
        loop {
            sleep(LOOKED_EVERY).await;
            match self.ask("/workstation/helper/ask", nonce.take(), asked).await {
                Ok(said) if said.answer == "wait" => nonce = said.nonce,
                Ok(said) => return said,
                Err(_) => {}
            }
        }
    }
}

fn decided(said: Said) -> Result<(), Trouble> {
    match said.answer.as_str() {
        "yes" => Ok(()),
        _ => Err(said.say.map_or(Trouble::Unreadable, Trouble::No)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_yes_is_one() {
        let said = |text: &str| decided(serde_json::from_str(text).unwrap());
        assert!(said(r#"{"answer":"yes"}"#).is_ok());
        for no in ["{}", r#"{"answer":"no"}"#, r#"{"answer":"YES"}"#, r#"{"answer":"wait","question":"q"}"#] {
            assert!(said(no).is_err(), "{no}");
        }
        assert_eq!(said(r#"{"answer":"no","say":"Not now."}"#).unwrap_err().to_string(), "Not now.");
    }

    #[test]
    fn only_an_encrypted_address_or_this_machine_is_spoken_to() {
        for good in ["https://handrail.example", "https://handrail.example:8443/", "http://localhost:7410"] {
            assert!(Line::new(good, None).is_ok(), "{good}");
        }
        for wrong in
            ["http://handrail.example", "https://h.example/path", "handrail.example", "https://u@h.example", ""]
        {
            assert!(matches!(Line::new(wrong, None), Err(Trouble::Address(_))), "{wrong}");
        }
    }
}
