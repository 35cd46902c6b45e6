//! The key, the browser around it, and the forger.

use crate::cbor;
use crate::maker::{Batch, Maker};
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::{SystemRandom, fill};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use std::sync::Arc;

/// What it says to vouch for itself.
#[derive(Clone, Debug)]
enum Attests {
    /// Nothing.
    None,
    /// The new key signs for itself (`packed`, without certificate).
    Own,
    /// Its maker's certificate.
    Certificate(Batch),
}

/// Why it, or the browser around it, does not answer: names of the standard's exceptions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// `InvalidStateError`: it has a key that may not be registered twice.
    InvalidState,
    /// `NotAllowedError`: it has no key that was asked for, or cannot do what was asked.
    NotAllowed,
    /// `SecurityError`: the site asks for another's keys.
    Security,
}

#[derive(Clone, Debug)]
struct Resident {
    id: Vec<u8>,
    relying_party: String,
    user_handle: Vec<u8>,
    pair: Arc<EcdsaKeyPair>,
}

/// A security key and the browser it is plugged into. A clone has the same keys and counts on its own.
#[derive(Clone, Debug)]
pub struct SecurityKey {
    /// Whether its owner gives the PIN.
    pub verifies: bool,
    /// Whether its owner touches it.
    pub touched: bool,
    /// What it counts; `None` for the many that always say zero.
    pub counter: Option<u32>,
    /// Whether its keys may be copied to other devices, as synced passkeys' may.
    pub synced: bool,
    /// What make it says it is.
    pub aaguid: [u8; 16],
    /// How the browser says it is attached.
    pub attachment: &'static str,
    /// By what the browser says it can be reached.
    pub transports: Vec<&'static str>,
    /// Signs for this relying party whatever the options say, and whatever the origin is: no honest browser does.
    pub claims: Option<String>,
    /// How long the ids of its keys are.
    pub id_bytes: usize,
    attests: Attests,
    residents: Vec<Resident>,
}

impl Default for SecurityKey {
    /// A key on a key ring, with a PIN and a counter.
    fn default() -> Self {
        Self {
            verifies: true,
            touched: true,
            counter: Some(0),
            synced: false,
            aaguid: *b"handrail-testkey",
            attests: Attests::None,
            attachment: "cross-platform",
            transports: vec!["usb", "nfc"],
            claims: None,
            id_bytes: 24,
            residents: Vec::new(),
        }
    }
}

impl SecurityKey {
    /// A passkey that a phone or a browser keeps in somebody's account: synced, and never counting.
    #[must_use]
    pub fn synced_passkey() -> Self {
        Self {
            counter: None,
            synced: true,
            attachment: "platform",
            transports: vec!["hybrid", "internal"],
            ..Self::default()
        }
    }

    /// A key whose new keys sign for themselves.
    #[must_use]
    pub fn self_attesting() -> Self {
        Self { attests: Attests::Own, ..Self::default() }
    }

    /// A key with its maker's certificate inside.
    #[must_use]
    pub fn made_by(maker: &Maker) -> Self {
        let key = Self::default();
        Self { attests: Attests::Certificate(maker.batch(key.aaguid)), ..key }
    }

    /// The same, of another make.
    #[must_use]
    pub fn of_make(maker: &Maker, aaguid: [u8; 16]) -> Self {
        Self { aaguid, attests: Attests::Certificate(maker.batch(aaguid)), ..Self::default() }
    }

    /// What `navigator.credentials.create()` gives a page of `origin` for these options, `{"publicKey": {...}}`.
    ///
    /// # Errors
    ///
    /// As browsers and authenticators refuse.
    ///
    /// # Panics
    ///
    /// When the options are not the standard's.
    pub fn create(&mut self, origin: &str, options: &Value) -> Result<Value, Refusal> {
        let asked = &options["publicKey"];
        let relying_party = self.relying_party(origin, &asked["rp"]["id"])?;
        let excluded = ids(&asked["excludeCredentials"]);
        if self.residents.iter().any(|resident| excluded.contains(&resident.id)) {
            return Err(Refusal::InvalidState);
        }
        self.can_verify(&asked["authenticatorSelection"]["userVerification"])?;
        let resident = Resident {
            id: random(self.id_bytes),
            relying_party,
            user_handle: decoded(&asked["user"]["id"]),
            pair: Arc::new(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).expect("a key is made")),
        };
        let client_data = client_data("webauthn.create", asked, origin);
        let mut data = self.authenticator_data(&resident.relying_party, 0x40);
        data.extend(self.aaguid);
        data.extend(u16::try_from(resident.id.len()).expect("an id is short").to_be_bytes());
        data.extend(&resident.id);
        data.extend(cose(&resident.pair));
        let signed = |pair| {
            vec![
                (cbor::text("alg"), cbor::integer(-7)),
                (cbor::text("sig"), cbor::bytes(&sign(pair, &data, &client_data))),
            ]
        };
        let (format, statement) = match &self.attests {
            Attests::None => ("none", Vec::new()),
            Attests::Own => ("packed", signed(&resident.pair)),
            Attests::Certificate(batch) => {
                let chain = cbor::array(&[cbor::bytes(&batch.certificate)]);
                ("packed", [signed(&batch.pair), vec![(cbor::text("x5c"), chain)]].concat())
            }
        };
        let object = cbor::map(&[
            (cbor::text("fmt"), cbor::text(format)),
            (cbor::text("attStmt"), cbor::map(&statement)),
            (cbor::text("authData"), cbor::bytes(&data)),
        ]);
        let answer = json!({
            "id": base64url(&resident.id), "rawId": base64url(&resident.id), "type": "public-key",
            "authenticatorAttachment": self.attachment,
            "clientExtensionResults": { "credProps": { "rk": true } },
            "response": {
                "clientDataJSON": base64url(&client_data), "attestationObject": base64url(&object),
                "authenticatorData": base64url(&data), "transports": self.transports, "publicKeyAlgorithm": -7,
            },
        });
        self.residents.push(resident);
        Ok(answer)
    }

    /// What `navigator.credentials.get()` gives a page of `origin` for these options. Where several keys would do, the newest answers.
    ///
    /// # Errors
    ///
    /// As browsers and authenticators refuse.
    ///
    /// # Panics
    ///
    /// When the options are not the standard's.
    pub fn get(&mut self, origin: &str, options: &Value) -> Result<Value, Refusal> {
        let asked = &options["publicKey"];
        let relying_party = self.relying_party(origin, &asked["rpId"])?;
        let allowed = ids(&asked["allowCredentials"]);
        let fits = |resident: &&Resident| {
            (self.claims.is_some() || resident.relying_party == relying_party)
                && (allowed.is_empty() || allowed.contains(&resident.id))
        };
        let resident = self.residents.iter().rev().find(fits).cloned().ok_or(Refusal::NotAllowed)?;
        self.can_verify(&asked["userVerification"])?;
        self.counter = self.counter.map(|counter| counter + 1);
        let client_data = client_data("webauthn.get", asked, origin);
        let data = self.authenticator_data(&relying_party, 0);
        Ok(json!({
            "id": base64url(&resident.id), "rawId": base64url(&resident.id), "type": "public-key",
            "authenticatorAttachment": self.attachment, "clientExtensionResults": {},
            "response": {
                "clientDataJSON": base64url(&client_data), "authenticatorData": base64url(&data),
                "signature": base64url(&sign(&resident.pair, &data, &client_data)),
                "userHandle": base64url(&resident.user_handle),
            },
        }))
    }

    /// The relying party the browser lets through: the origin's host, or a name above it.
    fn relying_party(&self, origin: &str, asked: &Value) -> Result<String, Refusal> {
        if let Some(claimed) = &self.claims {
            return Ok(claimed.clone());
        }
        let id = asked.as_str().expect("options name the relying party");
        let authority = origin.split_once("://").map_or(origin, |(_, rest)| rest);
        let host = authority.split(':').next().unwrap_or_default();
        if host == id || host.strip_suffix(id).is_some_and(|below| below.ends_with('.')) {
            Ok(id.to_owned())
        } else {
            Err(Refusal::Security)
        }
    }

    /// An honest key does not answer without PIN where one is required; one with `claims` set is not honest.
    fn can_verify(&self, policy: &Value) -> Result<(), Refusal> {
        if policy == "required" && !self.verifies && self.claims.is_none() { Err(Refusal::NotAllowed) } else { Ok(()) }
    }

    fn authenticator_data(&self, relying_party: &str, flags: u8) -> Vec<u8> {
        let flag = |set: bool, bit: u8| if set { bit } else { 0 };
        let mut data = digest(&SHA256, relying_party.as_bytes()).as_ref().to_vec();
        data.push(flags | flag(self.touched, 1) | flag(self.verifies, 4) | flag(self.synced, 8 | 16));
        data.extend(self.counter.unwrap_or(0).to_be_bytes());
        data
    }
}

fn client_data(kind: &str, asked: &Value, origin: &str) -> Vec<u8> {
    let challenge = asked["challenge"].as_str().expect("options have a challenge");
    json!({ "type": kind, "challenge": challenge, "origin": origin, "crossOrigin": false }).to_string().into_bytes()
}

fn sign(pair: &EcdsaKeyPair, data: &[u8], client_data: &[u8]) -> Vec<u8> {
    let mut signed = data.to_vec();
    signed.extend(digest(&SHA256, client_data).as_ref());
    pair.sign(&SystemRandom::new(), &signed).expect("it signs").as_ref().to_vec()
}

/// The public key as COSE writes it: EC2, ES256, P-256, and the point.
fn cose(pair: &EcdsaKeyPair) -> Vec<u8> {
    let point = pair.public_key().as_ref();
    let (x, y) = point.get(1..).and_then(|point| point.split_at_checked(32)).expect("an uncompressed point");
    cbor::map(&[
        (cbor::integer(1), cbor::integer(2)),
        (cbor::integer(3), cbor::integer(-7)),
        (cbor::integer(-1), cbor::integer(1)),
        (cbor::integer(-2), cbor::bytes(x)),
        (cbor::integer(-3), cbor::bytes(y)),
    ])
}

fn random(bytes: usize) -> Vec<u8> {
    let mut random = vec![0; bytes];
    fill(&mut random).expect("the system gives random bytes");
    random
}

fn ids(list: &Value) -> Vec<Vec<u8>> {
    list.as_array().into_iter().flatten().map(|one| decoded(&one["id"])).collect()
}

fn decoded(text: &Value) -> Vec<u8> {
    BASE64_URL_SAFE_NO_PAD.decode(text.as_str().expect("a text")).expect("base64url")
}

/// Bytes as the standard writes them.
#[must_use]
pub fn base64url(bytes: &[u8]) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

/// Changes the bytes of one field of an answer's `response`: what somebody does who sits in between.
///
/// # Panics
///
/// When there is no such field.
pub fn forge(answer: &mut Value, field: &str, change: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = decoded(&answer["response"][field]);
    change(&mut bytes);
    answer["response"][field] = base64url(&bytes).into();
}
