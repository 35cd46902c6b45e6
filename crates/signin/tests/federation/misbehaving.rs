//! A provider of our own that misbehaves in one way at a time.

use crate::house::CLIENT;
use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// In which way.
#[derive(Clone, Debug, Default)]
pub(crate) enum Way {
    /// In none.
    #[default]
    Right,
    /// A claim of its token is another, or is not there.
    Claim(&'static str, Value),
    /// Its token was changed after it was signed.
    Changed,
    /// Its token is not signed.
    Unsigned,
    /// Its token is signed with its public key as a secret.
    Confused,
    /// Its token is signed by another's key.
    OtherKey,
    /// A field of its description is another.
    Described(&'static str, Value),
    /// It answers with this at its token endpoint.
    Says(u16, String),
    /// It sends whoever asks for a token elsewhere.
    Redirects,
    /// Its description has no end.
    Endless,
    /// It takes a connection and says nothing.
    Silent,
}

pub(crate) struct Misbehaving {
    pub(crate) issuer: String,
    state: Arc<Inside>,
}

struct Inside {
    issuer: String,
    key: EcdsaKeyPair,
    other: EcdsaKeyPair,
    way: Mutex<Way>,
    nonce: Mutex<String>,
    now_s: Mutex<i64>,
    asked: AtomicUsize,
    /// What it was sent at its token endpoint.
    heard: Mutex<Vec<(Option<String>, String)>>,
}

type Shared = Arc<Inside>;

fn key() -> EcdsaKeyPair {
    EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap()
}

impl Misbehaving {
    pub(crate) async fn start() -> Self {
        let socket = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let issuer = format!("http://{}", socket.local_addr().unwrap());
        let state = Arc::new(Inside {
            issuer: issuer.clone(),
            key: key(),
            other: key(),
            way: Mutex::default(),
            nonce: Mutex::default(),
            now_s: Mutex::default(),
            asked: AtomicUsize::new(0),
            heard: Mutex::default(),
        });
        let router = Router::new()
            .route("/.well-known/openid-configuration", get(description))
            .route("/keys", get(keys))
            .route("/token", post(token))
            .route("/elsewhere", post(elsewhere))
            .with_state(Arc::clone(&state));
        tokio::spawn(async move { axum::serve(socket, router).await });
        Self { issuer, state }
    }

    /// From now on in this way.
    pub(crate) fn behaves(&self, way: Way) {
        *self.state.way.lock().unwrap() = way;
    }

    /// Its next token answers this question, now.
    pub(crate) fn answers(&self, nonce: String, now_s: i64) {
        *self.state.nonce.lock().unwrap() = nonce;
        *self.state.now_s.lock().unwrap() = now_s;
    }

    /// How often it was asked anything.
    pub(crate) fn asked(&self) -> usize {
        self.state.asked.load(Ordering::SeqCst)
    }

    /// What came to its token endpoint: the authorization and the form.
    pub(crate) fn heard(&self) -> Vec<(Option<String>, String)> {
        std::mem::take(&mut *self.state.heard.lock().unwrap())
    }
}

async fn description(State(state): State<Shared>) -> Response {
    state.asked.fetch_add(1, Ordering::SeqCst);
    let way = state.way.lock().unwrap().clone();
    let issuer = &state.issuer;
    let mut description = json!({
        "issuer": issuer,
        "authorization_endpoint": format!("{issuer}/authorize"),
        "token_endpoint": format!("{issuer}/token"),
        "jwks_uri": format!("{issuer}/keys"),
        "response_types_supported": ["code"],
        "id_token_signing_alg_values_supported": ["ES256"],
    });
    match way {
        Way::Described(name, value) => description[name] = value,
        Way::Endless => description["more"] = "x".repeat(300 * 1024).into(),
        Way::Silent => tokio::time::sleep(Duration::from_secs(60)).await,
        _ => {}
    }
    axum::Json(description).into_response()
}

async fn keys(State(state): State<Shared>) -> Response {
    state.asked.fetch_add(1, Ordering::SeqCst);
    let (x, y) = state.key.public_key().as_ref()[1..].split_at(32);
    let key = json!({ "kty": "EC", "crv": "P-256", "kid": "one", "x": URL_SAFE_NO_PAD.encode(x), "y": URL_SAFE_NO_PAD.encode(y) });
    axum::Json(json!({ "keys": [key] })).into_response()
}

/// Where nobody must ever come: it was not configured, only redirected to.
async fn elsewhere(State(state): State<Shared>, headers: HeaderMap, body: String) -> Response {
    hear(&state, &headers, format!("elsewhere: {body}"));
    StatusCode::OK.into_response()
}

fn hear(state: &Inside, headers: &HeaderMap, body: String) {
    let authorization = headers.get(header::AUTHORIZATION).map(|value| value.to_str().unwrap().to_owned());
    state.heard.lock().unwrap().push((authorization, body));
}

async fn token(State(state): State<Shared>, headers: HeaderMap, body: String) -> Response {
    state.asked.fetch_add(1, Ordering::SeqCst);
    hear(&state, &headers, body);
    let way = state.way.lock().unwrap().clone();
    match &way {
        Way::Says(status, text) => return (StatusCode::from_u16(*status).unwrap(), text.clone()).into_response(),
        Way::Redirects => {
            let to = format!("{}/elsewhere", state.issuer);
            return (StatusCode::TEMPORARY_REDIRECT, [(header::LOCATION, to)]).into_response();
        }
        _ => {}
    }
    let token = state.id_token(&way);
    axum::Json(json!({ "access_token": "opaque", "token_type": "Bearer", "id_token": token })).into_response()
}

impl Inside {
    fn id_token(&self, way: &Way) -> String {
        let now = *self.now_s.lock().unwrap();
        let mut claims = json!({
            "iss": self.issuer, "aud": CLIENT, "sub": "4711", "employee_number": "n-17", "nonce": *self.nonce.lock().unwrap(),
            "iat": now, "exp": now + 60, "auth_time": now - 30,
        });
        if let Way::Claim(name, value) = way {
            match value {
                Value::Null => drop(claims.as_object_mut().unwrap().remove(*name)),
                value => claims[*name] = value.clone(),
            }
        }
        let algorithm = match way {
            Way::Unsigned => "none",
            Way::Confused => "HS256",
            _ => "ES256",
        };
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", part(&json!({ "alg": algorithm, "kid": "one" })), part(&claims));
        let by = |key: &EcdsaKeyPair| key.sign(&SystemRandom::new(), signed.as_bytes()).unwrap().as_ref().to_vec();
        let signature = match way {
            Way::Unsigned => Vec::new(),
            Way::Confused => {
                let secret = hmac::Key::new(hmac::HMAC_SHA256, self.key.public_key().as_ref());
                hmac::sign(&secret, signed.as_bytes()).as_ref().to_vec()
            }
            Way::OtherKey => by(&self.other),
            _ => by(&self.key),
        };
        let signature = URL_SAFE_NO_PAD.encode(signature);
        if matches!(way, Way::Changed) {
            claims["employee_number"] = "n-18".into();
            let (head, _) = signed.split_once('.').unwrap();
            return format!("{head}.{}.{signature}", part(&claims));
        }
        format!("{signed}.{signature}")
    }
}
