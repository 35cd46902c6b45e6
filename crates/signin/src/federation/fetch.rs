//! Asking a provider: one client for each, bounded in time and size, which follows nobody anywhere.

use super::refusal::FetchFault;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use reqwest::{Certificate, Client, RequestBuilder, redirect};
use serde_json::{Map, Value};
use std::time::Duration;
use url::Url;

/// The longest answer, in bytes.
pub(super) const BODY_BYTES_MAX: usize = 256 * 1024;
/// How long a connection may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// How long an answer may take, all of it.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(6);

/// Speaks to one provider.
#[derive(Clone, Debug)]
pub(super) struct Fetch(Client);

/// An answer in JSON.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) fields: Map<String, Value>,
}

impl Fetch {
    /// With the system's authorities, or these instead. No proxy is taken from the environment.
    pub(super) fn new(authorities: Option<Vec<Certificate>>) -> Result<Self, reqwest::Error> {
        if rustls::crypto::CryptoProvider::get_default().is_none() {
            // When another thread was quicker, it chose the same one: the house has no other.
            let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        }
        let client = Client::builder()
            .redirect(redirect::Policy::none())
            .referer(false)
            .no_proxy()
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(ANSWER_TIMEOUT);
        let client = match authorities {
            Some(authorities) => client.tls_certs_only(authorities),
            None => client,
        };
        client.build().map(Self)
    }

    /// A document.
    pub(super) async fn document(&self, url: &Url) -> Result<Map<String, Value>, FetchFault> {
        let answer = answer(self.0.get(url.clone())).await?;
        if answer.status == 200 { Ok(answer.fields) } else { Err(FetchFault::Status(answer.status)) }
    }

    /// What it says to a form; with a status of its own, so that a refusal can be read.
    pub(super) async fn form(
        &self,
        url: &Url,
        form: String,
        authorization: Option<HeaderValue>,
    ) -> Result<Answer, FetchFault> {
        let request = self.0.post(url.clone()).header(CONTENT_TYPE, "application/x-www-form-urlencoded").body(form);
        let request = match authorization {
            Some(authorization) => request.header(AUTHORIZATION, authorization),
            None => request,
        };
        let answer = answer(request).await?;
        if matches!(answer.status, 200 | 400 | 401) { Ok(answer) } else { Err(FetchFault::Status(answer.status)) }
    }
}

async fn answer(request: RequestBuilder) -> Result<Answer, FetchFault> {
    let broken = |error: reqwest::Error| if error.is_timeout() { FetchFault::Timeout } else { FetchFault::Connection };
    let mut response = request.header(ACCEPT, "application/json").send().await.map_err(broken)?;
    let status = response.status().as_u16();
    let mut body = Vec::new();
    while let Some(piece) = response.chunk().await.map_err(broken)? {
        if body.len() + piece.len() > BODY_BYTES_MAX {
            return Err(FetchFault::Size);
        }
        body.extend_from_slice(&piece);
    }
    match serde_json::from_slice(&body) {
        Ok(Value::Object(fields)) => Ok(Answer { status, fields }),
        // What it cannot do, it says by status; what it says instead of JSON then is of no interest.
        _ if status != 200 => Err(FetchFault::Status(status)),
        _ => Err(FetchFault::Form),
    }
}
