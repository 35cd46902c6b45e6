//! Over a provider that misbehaves as no real one would, and settings that cannot be used.

use crate::house::{BASE, Here, House, SECRET, brought, parameter, person, provider, to_sign_in};
use crate::misbehaving::{Misbehaving, Way};
use charter::name::ProviderName;
use events::signin::Cause;
use serde_json::{Value, json};
use signin::federation::{Federated, Federation, FetchFault, Refusal, Settings, SettingsError, TokenFault};
use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

struct Stage {
    house: House,
    there: Misbehaving,
    federation: Federation,
}

impl Stage {
    async fn set() -> Self {
        let (house, there) = (House::open().await, Misbehaving::start().await);
        let federation = house.federation(house.settings(&there.issuer));
        Self { house, there, federation }
    }

    /// Signs in; the provider misbehaves once the browser is there.
    async fn signs_in(&self, way: Way) -> Result<Federated, Refusal> {
        self.there.behaves(Way::Right);
        let begun = self.federation.begin(&provider(), to_sign_in(), None).await?;
        self.there.behaves(way);
        self.there.answers(parameter(&begun.location, "nonce").unwrap(), self.house.plane.now().as_millis() / 1000);
        let state = parameter(&begun.location, "state").unwrap();
        let back = format!("{BASE}/federation/hospital-id/callback?code=a-code&state={state}");
        Here::of(&begun).brings(&self.federation, &brought(&back)).await
    }
}

#[tokio::test]
async fn a_server_of_many_threads_can_do_all_of_it() {
    let stage = Stage::set().await;
    let stage = tokio::spawn(async move {
        assert_eq!(stage.signs_in(Way::Right).await.unwrap().principal, person("nadia"));
        assert_eq!(stage.federation.sign_out(&provider(), &person("nadia")).await, Ok(None), "it has no such place");
        let told = stage.federation.told_of_end(&provider(), "no.token.atall").await;
        assert_eq!(told, Err(Refusal::Token(TokenFault::Form)));
    });
    stage.await.unwrap();
}

#[tokio::test]
async fn a_token_that_is_not_what_it_must_be_signs_nobody_in() {
    let stage = Stage::set().await;
    assert_eq!(stage.signs_in(Way::Right).await.unwrap().principal, person("nadia"));
    let now = stage.house.plane.now().as_millis() / 1000;
    for (way, fault) in [
        (Way::Changed, TokenFault::Signature),
        (Way::OtherKey, TokenFault::Signature),
        (Way::Unsigned, TokenFault::Algorithm),
        (Way::Confused, TokenFault::Algorithm),
        (Way::Claim("iss", json!("https://evil.example")), TokenFault::Wrong("iss")),
        (Way::Claim("aud", json!("another-client")), TokenFault::Wrong("aud")),
        (Way::Claim("nonce", json!("another")), TokenFault::Wrong("nonce")),
        (Way::Claim("nonce", Value::Null), TokenFault::Claim("nonce")),
        (Way::Claim("exp", json!(now - 60)), TokenFault::Time("exp")),
        (Way::Claim("iat", json!(now + 600)), TokenFault::Time("iat")),
        (Way::Claim("auth_time", Value::Null), TokenFault::Claim("auth_time")),
        (Way::Claim("auth_time", json!(now - 13 * 3600)), TokenFault::Time("auth_time")),
        (Way::Claim("at_hash", json!("AAAAAAAAAAAAAAAAAAAAAA")), TokenFault::Wrong("at_hash")),
    ] {
        let refusal = stage.signs_in(way.clone()).await.unwrap_err();
        assert_eq!(refusal, Refusal::Token(fault), "{way:?}");
        assert_eq!((refusal.cause(), refusal.code()), (Cause::Federation, "token"), "{way:?}");
    }
}

#[tokio::test]
async fn what_the_token_endpoint_says_instead_of_a_token_is_bounded() {
    let stage = Stage::set().await;
    let named = |code: &str| Refusal::Exchange(code.into());
    let fault = |fault| Refusal::Unreachable { what: "its token endpoint", fault };
    let long = format!("{{\"error\":\"{}\"}}", "a".repeat(65));
    for (status, text, refusal) in [
        (400, "{\"error\":\"invalid_grant\",\"error_description\":\"n-17 is locked\"}", named("invalid_grant")),
        (401, "{\"error\":\"invalid_client\"}", named("invalid_client")),
        (400, "{\"error\":\"<script>\"}", named("an error without a usable name")),
        (400, long.as_str(), named("an error without a usable name")),
        (400, "{}", named("an error without a usable name")),
        (500, "{}", fault(FetchFault::Status(500))),
        (503, "<html>later</html>", fault(FetchFault::Status(503))),
        (200, "[]", fault(FetchFault::Form)),
        (200, "{}", Refusal::Token(TokenFault::Claim("id_token"))),
        (200, "{\"id_token\":\"x\"}", Refusal::Token(TokenFault::Claim("access_token"))),
        (200, "{\"id_token\":\"x\",\"access_token\":\"x\"}", Refusal::Token(TokenFault::Form)),
    ] {
        let said = stage.signs_in(Way::Says(status, text.to_owned())).await.unwrap_err();
        assert_eq!(said, refusal, "{status} {text:.40}");
        assert!(!said.to_string().contains("n-17"));
    }
}

#[tokio::test]
async fn a_redirect_is_followed_by_nobody_and_the_secret_goes_only_where_it_should() {
    let stage = Stage::set().await;
    let refusal = stage.signs_in(Way::Redirects).await.unwrap_err();
    assert_eq!(refusal, Refusal::Unreachable { what: "its token endpoint", fault: FetchFault::Status(307) });
    let heard = stage.there.heard();
    assert_eq!(heard.len(), 1, "{heard:?}");
    let (authorization, form) = &heard[0];
    // RFC 6749, section 2.3.1: encoded as in a form, then in base64.
    assert_eq!(authorization.as_deref(), Some("Basic aGFuZHJhaWw6YStzZWNyZXQlM0Erd2l0aCUyQnNpZ25zKyUyNisxMDAlMjU="));
    assert!(form.starts_with(
        "grant_type=authorization_code&code=a-code&redirect_uri=http%3A%2F%2F127.0.0.1%3A7410%2Ffederation%2F"
    ));
    assert!(!form.contains("secret"), "{form}");
}

#[tokio::test]
async fn a_description_that_leads_elsewhere_has_no_end_or_never_comes_is_not_used() {
    let stage = Stage::set().await;
    let begins = async |way: Way| {
        // Past the pause after the last failure.
        stage.house.later(Duration::from_secs(6));
        stage.there.behaves(way);
        stage.federation.begin(&provider(), to_sign_in(), None).await.unwrap_err()
    };
    let described = |name, value: &str| Way::Described(name, json!(value));
    for (way, said) in [
        (
            described("token_endpoint", "https://evil.example/token"),
            "its `token_endpoint` is not encrypted, or at a host that is not configured",
        ),
        (
            described("jwks_uri", "http://169.254.169.254/latest"),
            "its `jwks_uri` is not encrypted, or at a host that is not configured",
        ),
        (
            described("authorization_endpoint", "javascript:alert(1)"),
            "its `authorization_endpoint` is not encrypted, or at a host that is not configured",
        ),
        (described("issuer", "https://evil.example"), "it is of another issuer"),
    ] {
        assert_eq!(begins(way).await, Refusal::Metadata(said.into()));
    }
    let fault = |fault| Refusal::Unreachable { what: "its description", fault };
    assert_eq!(begins(Way::Endless).await, fault(FetchFault::Size));
    let refusal = begins(Way::Silent).await;
    assert_eq!(refusal, fault(FetchFault::Timeout));
    assert_eq!(refusal.words().what, "The other sign-in service does not answer");
    // Whoever comes right after does not wait as long, and does not ask again.
    let asked = stage.there.asked();
    stage.there.behaves(Way::Right);
    assert_eq!(stage.federation.begin(&provider(), to_sign_in(), None).await.unwrap_err(), refusal);
    assert_eq!(stage.there.asked(), asked);
    stage.house.later(Duration::from_secs(6));
    assert!(stage.federation.begin(&provider(), to_sign_in(), None).await.is_ok());
}

#[tokio::test]
async fn what_a_provider_says_of_itself_is_kept_for_a_while_and_no_longer() {
    let stage = Stage::set().await;
    assert_eq!(stage.there.asked(), 0, "nobody is asked before somebody signs in");
    stage.signs_in(Way::Right).await.unwrap();
    assert_eq!(stage.there.asked(), 3, "description, token, keys");
    stage.signs_in(Way::Right).await.unwrap();
    assert_eq!(stage.there.asked(), 4, "token");
    stage.house.later(Duration::from_secs(600));
    stage.signs_in(Way::Right).await.unwrap();
    assert_eq!(stage.there.asked(), 7);
}

#[tokio::test]
async fn a_provider_that_is_in_one_place_only_signs_nobody_in() {
    let stage = Stage::set().await;
    let other = ProviderName::new("other").unwrap();
    assert_eq!(stage.federation.begin(&other, to_sign_in(), None).await.unwrap_err(), Refusal::NotConfigured);
    let house = House::with("").await;
    let federation = house.federation(house.settings(&stage.there.issuer));
    assert_eq!(federation.unlisted(), [provider()]);
    assert!(federation.choices().is_empty());
    let refusal = federation.begin(&provider(), to_sign_in(), None).await.unwrap_err();
    assert_eq!((refusal.cause(), refusal), (Cause::Policy, Refusal::NotInCharter));
}

#[tokio::test]
async fn settings_that_cannot_be_used_are_said_before_anybody_signs_in() {
    let house = House::open().await;
    let with = |name: &str, value: Value| {
        let mut text = json!({
            "name": "hospital-id", "issuer": "https://id.example", "client_id": "handrail", "client_secret": house.file("secret", SECRET),
        });
        text[name] = value;
        serde_json::from_value::<Settings>(text)
    };
    let said = |name: &str, value: Value| match with(name, value) {
        Ok(settings) => settings.verify().map_err(|error| error.to_string()),
        Err(error) => Err(error.to_string()),
    };
    assert_eq!(said("client_id", json!("handrail")), Ok(()));
    let absent = house.dir.path().join("absent");
    for (name, value, words) in [
        ("issuer", json!("http://id.example"), "`issuer` is an address"),
        ("client_id", json!(""), "cannot be empty"),
        ("client_key", json!(house.file("key", "")), "either `client_secret` or `client_key`"),
        ("client_secret", Value::Null, "either `client_secret` or `client_key`"),
        ("client_secret", json!(absent), "cannot be read"),
        ("client_secret", json!(house.file("two", "one\ntwo\n")), "one line with the secret"),
        ("client_secret", json!(house.file("empty", "\n")), "one line with the secret"),
        ("client_secret", json!(house.file("large", &"x".repeat(300_000))), "far too large"),
        ("scopes", json!(["email"]), "`openid` must be among"),
        ("scopes", json!(["openid", "email groups"]), "one word"),
        ("clock_skew_s", json!(301), "at most 300"),
        ("hosts", json!(["a/b"]), "each of `hosts`"),
        ("ca", json!(house.file("ca", "no certificate")), "holds no certificate"),
        ("titel", json!("Hospital"), "unknown field `titel`"),
    ] {
        let error = said(name, value.clone()).unwrap_err();
        assert!(error.contains(words), "{name} {value}: {error}");
    }
    for (pem, words) in [
        ("no key", "does not hold one private key"),
        ("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----", "neither P-256, Ed25519 nor RSA"),
    ] {
        let mut settings = with("client_id", json!("handrail")).unwrap();
        (settings.client_secret, settings.client_key) = (None, Some(house.file("key", pem)));
        assert!(settings.verify().unwrap_err().to_string().contains(words), "{pem}");
    }
    let settings = with("client_id", json!("handrail")).unwrap();
    let twice = Federation::open(house.plane.clone(), BASE.parse().unwrap(), vec![settings.clone(), settings.clone()]);
    assert!(matches!(twice, Err(SettingsError::Twice(_))));
    let open_to_all = std::fs::Permissions::from_mode(0o640);
    std::fs::set_permissions(settings.client_secret.clone().unwrap(), open_to_all).unwrap();
    let error = settings.verify().unwrap_err();
    assert!(matches!(error, SettingsError::Exposed { mode: 0o640, .. }), "{error}");
    assert!(!format!("{error} {error:?}").contains(SECRET));
}
