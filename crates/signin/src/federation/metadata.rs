//! What a provider says of itself (OpenID Connect Discovery 1.0), and what of it is used.

use super::address::Reach;
use super::keys::ALGORITHMS;
use jsonwebtoken::Algorithm;
use serde_json::{Map, Value};
use smol_str::{SmolStr, format_smolstr};
use std::str::FromStr as _;
use url::Url;

/// A provider's description, checked.
#[derive(Clone, Debug)]
pub(super) struct Metadata {
    pub(super) authorization: Url,
    pub(super) token: Url,
    pub(super) keys: Url,
    pub(super) end_session: Option<Url>,
    /// Whether its answers name their issuer (RFC 9207).
    pub(super) names_issuer: bool,
    /// How clients prove themselves to it.
    pub(super) client_auth: Vec<String>,
    /// By what it signs, of what is allowed here.
    pub(super) algorithms: Vec<Algorithm>,
}

impl Metadata {
    /// Reads a description. The reason why not is for the ledger.
    pub(super) fn read(fields: &Map<String, Value>, issuer: &str, reach: &Reach) -> Result<Self, SmolStr> {
        if fields.get("issuer").and_then(Value::as_str) != Some(issuer) {
            return Err(SmolStr::new_static("it is of another issuer"));
        }
        let address = |name: &'static str| match fields.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => match value.as_str().and_then(|text| reach.admit(text)) {
                Some(url) => Ok(Some(url)),
                None => Err(format_smolstr!("its `{name}` is not encrypted, or at a host that is not configured")),
            },
        };
        let needed = |name: &'static str| address(name)?.ok_or_else(|| format_smolstr!("it has no `{name}`"));
        for (name, word) in [
            ("response_types_supported", "code"),
            ("response_modes_supported", "query"),
            ("code_challenge_methods_supported", "S256"),
        ] {
            if list(fields, name).is_some_and(|all| !all.iter().any(|each| each == word)) {
                return Err(format_smolstr!("`{name}` has no `{word}`"));
            }
        }
        let signs = list(fields, "id_token_signing_alg_values_supported").unwrap_or_else(|| vec!["RS256".to_owned()]);
        let signs = signs.iter().filter_map(|name| Algorithm::from_str(name).ok());
        let algorithms: Vec<Algorithm> = signs.filter(|algorithm| ALGORITHMS.contains(algorithm)).collect();
        if algorithms.is_empty() {
            return Err(SmolStr::new_static("it signs by nothing that is allowed here"));
        }
        Ok(Self {
            authorization: needed("authorization_endpoint")?,
            token: needed("token_endpoint")?,
            keys: needed("jwks_uri")?,
            end_session: address("end_session_endpoint")?,
            names_issuer: fields.get("authorization_response_iss_parameter_supported") == Some(&Value::Bool(true)),
            client_auth: list(fields, "token_endpoint_auth_methods_supported")
                .unwrap_or_else(|| vec!["client_secret_basic".to_owned()]),
            algorithms,
        })
    }
}

fn list(fields: &Map<String, Value>, name: &str) -> Option<Vec<String>> {
    let all = fields.get(name)?.as_array()?;
    Some(all.iter().filter_map(Value::as_str).map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const ISSUER: &str = "https://id.example/ward";

    fn description() -> Value {
        json!({
            "issuer": ISSUER,
            "authorization_endpoint": "https://id.example/ward/auth",
            "token_endpoint": "https://id.example/ward/token",
            "jwks_uri": "https://id.example/ward/jwks",
            "end_session_endpoint": "https://id.example/ward/out",
            "response_types_supported": ["code", "id_token"],
            "id_token_signing_alg_values_supported": ["HS256", "none", "ES256", "RS512"],
            "authorization_response_iss_parameter_supported": true,
        })
    }

    fn read(value: &Value) -> Result<Metadata, SmolStr> {
        let reach = Reach::new(ISSUER, &[]).unwrap();
        Metadata::read(value.as_object().unwrap(), ISSUER, &reach)
    }

    #[test]
    fn what_is_used_of_it() {
        let metadata = read(&description()).unwrap();
        assert_eq!(metadata.algorithms, [Algorithm::ES256]);
        assert_eq!(metadata.client_auth, ["client_secret_basic"]);
        assert!(metadata.names_issuer && metadata.end_session.is_some());
    }

    #[test]
    fn what_would_lead_elsewhere_or_weaken_a_sign_in_is_refused() {
        for (name, value, said) in [
            ("issuer", json!("https://id.example/ward/"), "it is of another issuer"),
            ("issuer", json!(null), "it is of another issuer"),
            (
                "token_endpoint",
                json!("https://evil.example/token"),
                "its `token_endpoint` is not encrypted, or at a host that is not configured",
            ),
            (
                "jwks_uri",
                json!("http://id.example/ward/jwks"),
                "its `jwks_uri` is not encrypted, or at a host that is not configured",
            ),
            (
                "end_session_endpoint",
                json!("https://evil.example/out"),
                "its `end_session_endpoint` is not encrypted, or at a host that is not configured",
            ),
            ("authorization_endpoint", json!(null), "it has no `authorization_endpoint`"),
            ("response_types_supported", json!(["id_token"]), "`response_types_supported` has no `code`"),
            ("code_challenge_methods_supported", json!(["plain"]), "`code_challenge_methods_supported` has no `S256`"),
            (
                "id_token_signing_alg_values_supported",
                json!(["none", "HS256"]),
                "it signs by nothing that is allowed here",
            ),
        ] {
            let mut wrong = description();
            wrong[name] = value;
            assert_eq!(read(&wrong).unwrap_err(), said, "{name}");
        }
    }
}
