//! A real provider (`oidc-provider` of npm, in a process of its own) and a person's browser at it.

use crate::house::{BASE, CLIENT, SECRET};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// How a provider is to be.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    pub(crate) port: u16,
    pub(crate) algorithm: &'static str,
    pub(crate) client: Value,
    /// Its certificate and key in PEM, where it speaks TLS.
    pub(crate) tls: Option<(String, String)>,
}

/// A running provider. It ends with this.
pub(crate) struct Real {
    process: Child,
    scheme: &'static str,
    pub(crate) port: u16,
}

impl Wanted {
    pub(crate) fn new() -> Self {
        let client = json!({
            "client_id": CLIENT,
            "client_secret": SECRET,
            "redirect_uris": [format!("{BASE}/federation/hospital-id/callback")],
            "post_logout_redirect_uris": [format!("{BASE}/bedside")],
            "id_token_signed_response_alg": "ES256",
        });
        Self { port: 0, algorithm: "ES256", client, tls: None }
    }

    pub(crate) fn signing_by(mut self, algorithm: &'static str) -> Self {
        self.algorithm = algorithm;
        self.client["id_token_signed_response_alg"] = algorithm.into();
        self
    }

    pub(crate) fn start(&self) -> Real {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let package = here.join("../../target/tools/oidc-provider/node_modules/oidc-provider/lib/index.js");
        assert!(package.is_file(), "no {}: `cargo xtask test` installs it from npm", package.display());
        let tls = self.tls.as_ref().map(|(cert, key)| json!({ "cert": cert, "key": key }));
        let config = json!({
            "tls": tls,
            "port": self.port,
            "alg": self.algorithm,
            "clients": [self.client],
            "accounts": {
                "acc-nadia": { "employee_number": "n-17", "name": "Omar Said", "email": "nadia@hospital.example", "email_verified": true,
                               "groups": ["ward-nurses"] },
                "acc-omar": { "employee_number": "n-18" },
                "acc-twin": { "employee_number": "n-2" },
                "acc-lena": { "employee_number": "n-3" },
                "acc-stranger": { "employee_number": "n-99", "name": "nadia" },
            },
        });
        let mut process = Command::new("node")
            .arg(here.join("tests/federation/provider.mjs"))
            .args([package.display().to_string(), config.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let port = line.trim().parse().expect("the provider says its port");
        Real { process, scheme: if self.tls.is_some() { "https" } else { "http" }, port }
    }
}

impl Real {
    pub(crate) fn issuer(&self) -> String {
        format!("{}://127.0.0.1:{}", self.scheme, self.port)
    }
}

impl Drop for Real {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A person's browser at the provider.
pub(crate) struct Browser {
    client: reqwest::Client,
    cookies: BTreeMap<(String, String), String>,
}

struct Got {
    status: u16,
    location: Option<String>,
    text: String,
}

impl Browser {
    pub(crate) fn new() -> Self {
        Self::trusting(None)
    }

    /// One that trusts this authority alone.
    pub(crate) fn trusting(authority: Option<&str>) -> Self {
        if rustls::crypto::CryptoProvider::get_default().is_none() {
            let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        }
        let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy();
        let client = match authority {
            Some(pem) => client.tls_certs_only([reqwest::Certificate::from_pem(pem.as_bytes()).unwrap()]),
            None => client,
        };
        Self { client: client.build().unwrap(), cookies: BTreeMap::new() }
    }

    async fn send(&mut self, url: &str, form: Option<&[(&str, &str)]>) -> Got {
        let at = url::Url::parse(url).unwrap();
        let cookies: Vec<String> = self
            .cookies
            .iter()
            .filter(|((_, path), _)| at.path().starts_with(path.as_str()))
            .map(|((name, _), value)| format!("{name}={value}"))
            .collect();
        let request = match form {
            None => self.client.get(url),
            Some(form) => {
                let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
                self.client.post(url).header("content-type", "application/x-www-form-urlencoded").body(body)
            }
        };
        let response = request.header("cookie", cookies.join("; ")).send().await.unwrap();
        for cookie in response.headers().get_all("set-cookie") {
            let (pair, attributes) = cookie.to_str().unwrap().split_once(';').unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            let path = attributes.split(';').find_map(|each| each.trim().strip_prefix("path=")).unwrap_or("/");
            self.cookies.insert((name.to_owned(), path.to_owned()), value.to_owned());
        }
        let location = response.headers().get("location").map(|to| at.join(to.to_str().unwrap()).unwrap().to_string());
        Got { status: response.status().as_u16(), location, text: response.text().await.unwrap() }
    }

    /// Follows an address, signing in and consenting where asked, until it leads back to the node.
    pub(crate) async fn follow(&mut self, address: &str, answers: &[(&str, &str)]) -> String {
        let mut at = address.to_owned();
        for _ in 0..12 {
            if at.starts_with(BASE) {
                return at;
            }
            let mut got = self.send(&at, None).await;
            if got.location.is_none() && at.contains("/interaction/") {
                got = self.send(&at, Some(answers)).await;
            }
            at = got.location.unwrap_or_else(|| panic!("{at} ends here with {}: {}", got.status, got.text));
        }
        panic!("{address} leads nowhere");
    }

    /// As [`Self::follow`], as somebody with this account.
    pub(crate) async fn sign_in(&mut self, address: &str, account: &str) -> String {
        self.follow(address, &[("login", account)]).await
    }

    /// Confirms on the provider's own page that the session there ends.
    pub(crate) async fn sign_out(&mut self, address: &str) -> String {
        let page = self.send(address, None).await;
        let action = between(&page.text, "action=\"", "\"");
        let secret = between(&page.text, "name=\"xsrf\" value=\"", "\"");
        let action = url::Url::parse(address).unwrap().join(action).unwrap();
        let got = self.send(action.as_str(), Some(&[("xsrf", secret), ("logout", "yes")])).await;
        got.location.unwrap_or_else(|| panic!("{}: {}", got.status, got.text))
    }
}

fn between<'a>(text: &'a str, from: &str, to: &str) -> &'a str {
    let rest = text.split_once(from).unwrap_or_else(|| panic!("no {from} in {text}")).1;
    rest.split_once(to).unwrap().0
}
