//! What a provider's token must say: the rules of OpenID Connect Core 1.0, section 3.1.3.7, and Back-Channel Logout 1.0, section 2.6. Pure: the time is given,
//! and the signature has been checked ([`super::keys`]).

use super::keys::Signed;
use super::refusal::TokenFault;
use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use events::Timestamp;
use jsonwebtoken::Algorithm;
use serde_json::{Map, Value};
use smol_str::SmolStr;
use std::time::Duration;
use subtle::ConstantTimeEq as _;

/// A token is fetched as soon as it is made: one that was made longer ago is not for us.
const MADE_WITHIN: Duration = Duration::from_secs(10 * 60);
/// The event that makes a token one of back-channel logout.
const LOGOUT_EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";
/// The longest claim that names something, in bytes.
const NAME_BYTES_MAX: usize = 255;

/// From whom and for whom a token must be, and the time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Frame<'a> {
    pub(super) issuer: &'a str,
    pub(super) client_id: &'a str,
    pub(super) now: Timestamp,
    pub(super) skew: Duration,
}

/// What one sign-in asked for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked<'a> {
    pub(super) nonce: &'a str,
    pub(super) access_token: Option<&'a str>,
    /// How long ago they may have signed in at most.
    pub(super) max_age: Duration,
    /// They must have signed in after this.
    pub(super) since: Option<Timestamp>,
}

/// What an ID token says, but for who of us it is.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Identity {
    pub(super) subject: SmolStr,
    pub(super) auth_time: Timestamp,
    pub(super) acr: Option<SmolStr>,
    pub(super) session: Option<SmolStr>,
    pub(super) claims: Map<String, Value>,
}

/// What a logout token says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Logout {
    pub(super) subject: Option<SmolStr>,
    pub(super) session: Option<SmolStr>,
    pub(super) id: SmolStr,
    pub(super) made_at: Timestamp,
    pub(super) good_until: Timestamp,
    /// How much their clock may differ from ours.
    pub(super) skew: Duration,
}

impl Frame<'_> {
    /// Reads an ID token.
    pub(super) fn identity(&self, signed: Signed, asked: Asked<'_>) -> Result<Identity, TokenFault> {
        let claims = &signed.claims;
        self.frame(claims)?;
        let nonce = claims.get("nonce").and_then(Value::as_str).ok_or(TokenFault::Claim("nonce"))?;
        if !bool::from(nonce.as_bytes().ct_eq(asked.nonce.as_bytes())) {
            return Err(TokenFault::Wrong("nonce"));
        }
        if let Some(hash) = claims.get("at_hash") {
            let right = asked.access_token.and_then(|token| half_hash(signed.algorithm, token));
            let hash = hash.as_str().ok_or(TokenFault::Claim("at_hash"))?;
            if right.is_none_or(|right| right != hash) {
                return Err(TokenFault::Wrong("at_hash"));
            }
        }
        let auth_time = self.auth_time(claims, asked)?;
        Ok(Identity {
            subject: name(claims, "sub")?.ok_or(TokenFault::Claim("sub"))?,
            auth_time,
            acr: name(claims, "acr")?,
            session: name(claims, "sid")?,
            claims: signed.claims,
        })
    }

    /// Reads a logout token.
    pub(super) fn logout(&self, signed: &Signed) -> Result<Logout, TokenFault> {
        let claims = &signed.claims;
        let (made_at, good_until) = self.frame(claims)?;
        if claims.contains_key("nonce") {
            return Err(TokenFault::Wrong("nonce"));
        }
        let event = claims.get("events").and_then(Value::as_object).ok_or(TokenFault::Claim("events"))?;
        if !event.get(LOGOUT_EVENT).is_some_and(Value::is_object) {
            return Err(TokenFault::Wrong("events"));
        }
        let (subject, session) = (name(claims, "sub")?, name(claims, "sid")?);
        if subject.is_none() && session.is_none() {
            return Err(TokenFault::Claim("sid"));
        }
        let id = name(claims, "jti")?.ok_or(TokenFault::Claim("jti"))?;
        Ok(Logout { subject, session, id, made_at, good_until: good_until + self.skew, skew: self.skew })
    }

    /// From whom, for whom, when. Gives when it was made and until when it is good.
    fn frame(&self, claims: &Map<String, Value>) -> Result<(Timestamp, Timestamp), TokenFault> {
        if claims.get("iss").and_then(Value::as_str).ok_or(TokenFault::Claim("iss"))? != self.issuer {
            return Err(TokenFault::Wrong("iss"));
        }
        // For us alone: there is nobody else whom we would trust with the same token.
        let audience = match claims.get("aud") {
            Some(Value::String(one)) => Some(one.as_str()),
            Some(Value::Array(all)) => match all.as_slice() {
                [Value::String(one)] => Some(one.as_str()),
                _ => None,
            },
            _ => return Err(TokenFault::Claim("aud")),
        };
        if audience != Some(self.client_id) {
            return Err(TokenFault::Wrong("aud"));
        }
        if claims.get("azp").is_some_and(|party| party.as_str() != Some(self.client_id)) {
            return Err(TokenFault::Wrong("azp"));
        }
        let good_until = time(claims, "exp")?.ok_or(TokenFault::Claim("exp"))?;
        if self.now >= good_until + self.skew {
            return Err(TokenFault::Time("exp"));
        }
        let made_at = time(claims, "iat")?.ok_or(TokenFault::Claim("iat"))?;
        if made_at > self.now + self.skew || made_at + MADE_WITHIN + self.skew < self.now {
            return Err(TokenFault::Time("iat"));
        }
        if time(claims, "nbf")?.is_some_and(|from| from > self.now + self.skew) {
            return Err(TokenFault::Time("nbf"));
        }
        Ok((made_at, good_until))
    }

    /// When they signed in there; never later than now.
    fn auth_time(&self, claims: &Map<String, Value>, asked: Asked<'_>) -> Result<Timestamp, TokenFault> {
        let at = time(claims, "auth_time")?.ok_or(TokenFault::Claim("auth_time"))?;
        let too_old = at + asked.max_age + self.skew < self.now;
        let too_early = asked.since.is_some_and(|since| at + self.skew < since);
        if too_old || too_early || at > self.now + self.skew {
            return Err(TokenFault::Time("auth_time"));
        }
        Ok(at.min(self.now))
    }
}

/// A claim in whole seconds since 1970, or with a fraction, which is dropped.
fn time(claims: &Map<String, Value>, name: &'static str) -> Result<Option<Timestamp>, TokenFault> {
    let Some(value) = claims.get(name) else { return Ok(None) };
    let seconds = value.as_i64().or_else(|| value.to_string().split('.').next()?.parse().ok());
    match seconds.filter(|seconds| (0..=253_402_000_000).contains(seconds) && value.is_number()) {
        Some(seconds) => Ok(Some(Timestamp::from_millis(seconds.saturating_mul(1000)))),
        None => Err(TokenFault::Claim(name)),
    }
}

/// A claim that names something.
fn name(claims: &Map<String, Value>, name: &'static str) -> Result<Option<SmolStr>, TokenFault> {
    match claims.get(name) {
        None => Ok(None),
        Some(Value::String(text))
            if !text.is_empty() && text.len() <= NAME_BYTES_MAX && !text.chars().any(char::is_control) =>
        {
            Ok(Some(SmolStr::new(text)))
        }
        Some(_) => Err(TokenFault::Claim(name)),
    }
}

/// The left half of a token's hash, by the hash of the algorithm that signed.
fn half_hash(algorithm: Algorithm, token: &str) -> Option<String> {
    let hash = match algorithm {
        Algorithm::EdDSA => &digest::SHA512,
        _ => &digest::SHA256,
    };
    let hash = digest::digest(hash, token.as_bytes());
    let left = hash.as_ref().get(..hash.as_ref().len() / 2)?;
    Some(URL_SAFE_NO_PAD.encode(left))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const NOW_S: i64 = 1_795_000_000;
    const NOW: Timestamp = Timestamp::from_millis(NOW_S * 1000);
    const FRAME: Frame<'_> =
        Frame { issuer: "https://id.example", client_id: "handrail", now: NOW, skew: Duration::from_secs(30) };
    const ASKED: Asked<'_> =
        Asked { nonce: "n-1", access_token: Some("an access token"), max_age: Duration::from_secs(3600), since: None };

    fn id_token() -> Value {
        json!({
            "iss": "https://id.example", "aud": "handrail", "sub": "4711", "nonce": "n-1", "sid": "s-1", "acr": "phr",
            "iat": NOW_S - 2, "exp": NOW_S + 300, "auth_time": NOW_S - 600,
            "at_hash": half_hash(Algorithm::ES256, "an access token"),
        })
    }

    fn signed(claims: &Value) -> Signed {
        Signed { claims: claims.as_object().unwrap().clone(), algorithm: Algorithm::ES256 }
    }

    fn read(claims: &Value) -> Result<Identity, TokenFault> {
        FRAME.identity(signed(claims), ASKED)
    }

    fn with(mut claims: Value, name: &str, value: Value) -> Value {
        if value.is_null() {
            claims.as_object_mut().unwrap().remove(name);
        } else {
            claims[name] = value;
        }
        claims
    }

    #[test]
    fn a_token_that_is_right_says_who_when_and_how() {
        let identity = read(&id_token()).unwrap();
        assert_eq!(
            (&*identity.subject, identity.acr.as_deref(), identity.session.as_deref()),
            ("4711", Some("phr"), Some("s-1"))
        );
        assert_eq!(identity.auth_time, Timestamp::from_millis((NOW_S - 600) * 1000));
        assert!(read(&with(id_token(), "aud", json!(["handrail"]))).is_ok());
        assert!(read(&with(id_token(), "azp", json!("handrail"))).is_ok());
        assert!(read(&with(id_token(), "at_hash", Value::Null)).is_ok(), "it is optional with a code");
        assert!(read(&with(id_token(), "exp", json!(NOW_S as f64 + 0.5))).is_ok());
    }

    #[test]
    fn each_claim_that_is_wrong_is_refused_by_its_name() {
        use TokenFault::{Claim, Time, Wrong};
        for (name, value, fault) in [
            ("iss", json!("https://id.example/"), Wrong("iss")),
            ("iss", json!(["https://id.example"]), Claim("iss")),
            ("aud", json!("other"), Wrong("aud")),
            ("aud", json!(["handrail", "other"]), Wrong("aud")),
            ("aud", json!([]), Wrong("aud")),
            ("aud", Value::Null, Claim("aud")),
            ("azp", json!("other"), Wrong("azp")),
            ("nonce", json!("n-2"), Wrong("nonce")),
            ("nonce", Value::Null, Claim("nonce")),
            ("sub", Value::Null, Claim("sub")),
            ("sub", json!(4711), Claim("sub")),
            ("sub", json!("a".repeat(256)), Claim("sub")),
            ("exp", Value::Null, Claim("exp")),
            ("exp", json!("tomorrow"), Claim("exp")),
            ("exp", json!(-1), Claim("exp")),
            ("exp", json!(1e300), Claim("exp")),
            ("exp", json!(NOW_S - 30), Time("exp")),
            ("iat", Value::Null, Claim("iat")),
            ("iat", json!(NOW_S + 31), Time("iat")),
            ("iat", json!(NOW_S - 631), Time("iat")),
            ("nbf", json!(NOW_S + 31), Time("nbf")),
            ("auth_time", Value::Null, Claim("auth_time")),
            ("auth_time", json!(NOW_S - 3631), Time("auth_time")),
            ("auth_time", json!(NOW_S + 31), Time("auth_time")),
            ("at_hash", json!("AAAA"), Wrong("at_hash")),
            ("at_hash", json!(1), Claim("at_hash")),
            ("acr", json!(["phr"]), Claim("acr")),
            ("sid", json!(""), Claim("sid")),
        ] {
            let said = read(&with(id_token(), name, value.clone()));
            assert_eq!(said.unwrap_err(), fault, "{name} {value}");
        }
    }

    #[test]
    fn the_edges_of_the_clock_are_where_they_are_said_to_be() {
        for (name, edge) in
            [("exp", NOW_S - 29), ("iat", NOW_S + 30), ("iat", NOW_S - 630), ("auth_time", NOW_S - 3630)]
        {
            assert!(read(&with(id_token(), name, json!(edge))).is_ok(), "{name} {edge}");
        }
        let ahead = read(&with(id_token(), "auth_time", json!(NOW_S + 30))).unwrap();
        assert_eq!(ahead.auth_time, NOW, "nobody signed in later than now");
    }

    #[test]
    fn whoever_must_prove_it_again_must_have_done_so_since() {
        let again = |auth_time: i64| {
            let asked = Asked { since: Some(NOW - Duration::from_secs(60)), ..ASKED };
            FRAME.identity(signed(&with(id_token(), "auth_time", json!(auth_time))), asked).err()
        };
        assert_eq!(again(NOW_S - 10), None);
        assert_eq!(again(NOW_S - 90), None, "the clocks may differ");
        assert_eq!(again(NOW_S - 91), Some(TokenFault::Time("auth_time")));
    }

    #[test]
    fn the_half_hash_is_that_of_the_specification() {
        // OpenID Connect Core 1.0, appendix A.3.
        let access = "jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y";
        assert_eq!(half_hash(Algorithm::RS256, access).as_deref(), Some("77QmUPtjPfzWtF2AnpK9RQ"));
        assert_eq!(half_hash(Algorithm::EdDSA, access).unwrap().len(), 43, "half of SHA-512");
    }

    fn logout_token() -> Value {
        json!({
            "iss": "https://id.example", "aud": "handrail", "sub": "4711", "sid": "s-1", "jti": "j-1",
            "iat": NOW_S - 2, "exp": NOW_S + 120, "events": { LOGOUT_EVENT: {} },
        })
    }

    #[test]
    fn a_logout_token_is_one_only_by_its_event_and_without_a_nonce() {
        use TokenFault::{Claim, Time, Wrong};
        let read = |claims: &Value| FRAME.logout(&signed(claims));
        let right = read(&logout_token()).unwrap();
        assert_eq!(
            (right.subject.as_deref(), right.session.as_deref(), &*right.id),
            (Some("4711"), Some("s-1"), "j-1")
        );
        assert!(read(&with(logout_token(), "sub", Value::Null)).is_ok());
        assert!(read(&with(logout_token(), "sid", Value::Null)).is_ok());
        for (name, value, fault) in [
            ("events", Value::Null, Claim("events")),
            ("events", json!({}), Wrong("events")),
            ("events", json!({ LOGOUT_EVENT: "yes" }), Wrong("events")),
            ("events", json!([LOGOUT_EVENT]), Claim("events")),
            ("nonce", json!("n-1"), Wrong("nonce")),
            ("jti", Value::Null, Claim("jti")),
            ("iss", json!("https://evil.example"), Wrong("iss")),
            ("aud", json!("other"), Wrong("aud")),
            ("iat", Value::Null, Claim("iat")),
            ("exp", json!(NOW_S - 31), Time("exp")),
        ] {
            assert_eq!(read(&with(logout_token(), name, value.clone())).unwrap_err(), fault, "{name} {value}");
        }
        let nobody = with(with(logout_token(), "sub", Value::Null), "sid", Value::Null);
        assert_eq!(read(&nobody).unwrap_err(), Claim("sid"));
        assert!(FRAME.logout(&signed(&id_token())).is_err(), "an ID token ends nobody's session");
        assert_eq!(FRAME.identity(signed(&logout_token()), ASKED).unwrap_err(), Claim("nonce"));
    }
}
