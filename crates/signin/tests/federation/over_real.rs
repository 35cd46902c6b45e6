//! Over a real provider.

use crate::house::{
    BASE, Here, House, SECRET, brought, changed, parameter, person, provider, registered, time, to_sign_in,
};
use crate::real::{Browser, Real, Wanted};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use axum::Router;
use axum::extract::{Form, State};
use axum::routing::post;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use events::principal::{Ended, IdentityClass};
use events::session::Started;
use events::signin::Cause;
use events::{SessionId, Timestamp};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use serde_json::json;
use signin::federation::{
    Bound, Brought, Federated, Federation, FetchFault, PersonFault, Purpose, Refusal, StateFault, TokenFault,
};
use std::collections::HashMap;
use std::time::Duration;
use tokio::sync::mpsc;

/// A house, a provider, and how the house speaks to it.
async fn together() -> (House, Real, Federation) {
    let (house, real) = (House::open().await, Wanted::new().start());
    let federation = house.federation(house.settings(&real.issuer()));
    (house, real, federation)
}

/// Signs in from the button to what the browser brings back.
async fn brings(federation: &Federation, browser: &mut Browser, account: &str) -> (Here, Brought) {
    let begun = federation.begin(&provider(), to_sign_in(), None).await.unwrap();
    let back = browser.sign_in(&begun.location, account).await;
    (Here::of(&begun), brought(&back))
}

async fn signs_in(federation: &Federation, account: &str) -> Result<Federated, Refusal> {
    let (here, brought) = brings(federation, &mut Browser::new(), account).await;
    here.brings(federation, &brought).await
}

#[tokio::test]
async fn a_nurse_signs_in_there_and_is_known_here() {
    let (house, _real, federation) = together().await;
    let before = house.plane.now();
    assert_eq!(
        federation.choices().iter().map(|choice| choice.title.as_str()).collect::<Vec<_>>(),
        ["Hospital sign-in"]
    );
    let begun = federation.begin(&provider(), to_sign_in(), None).await.unwrap();
    assert!(begun.cookie.starts_with("handrail-federation-7410="), "{}", begun.cookie);
    assert!(begun.cookie.ends_with("; Path=/; Max-Age=600; HttpOnly; SameSite=Lax"), "{}", begun.cookie);
    let back = Browser::new().sign_in(&begun.location, "acc-nadia").await;
    let federated = Here::of(&begun).brings(&federation, &brought(&back)).await.unwrap();
    assert_eq!(federated.principal, person("nadia"));
    assert_eq!((&*federated.method, federated.level, federated.acr.as_deref()), ("federation:hospital-id", 1, None));
    assert!(federated.auth_time + Duration::from_secs(5) >= before && federated.auth_time <= house.plane.now());
    assert_eq!(federated.bound, to_sign_in());
    let proof = federated.proof();
    assert_eq!((proof.level, proof.verified, proof.proved_at), (1, false, Some(federated.auth_time)));
    assert!(!federated.provider_session.contains("acc-nadia"), "the log learns no account names");
}

#[tokio::test]
async fn every_algorithm_that_is_allowed_signs_a_real_providers_token() {
    for algorithm in ["RS256", "PS256", "EdDSA"] {
        let (house, real) = (House::open().await, Wanted::new().signing_by(algorithm).start());
        let federation = house.federation(house.settings(&real.issuer()));
        assert_eq!(signs_in(&federation, "acc-nadia").await.unwrap().principal, person("nadia"), "{algorithm}");
    }
}

#[tokio::test]
async fn the_house_proves_itself_by_a_key_of_its_own_as_well() {
    let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
    let document = key.to_pkcs8v1().unwrap();
    let pem =
        format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", STANDARD.encode(document.as_ref()));
    let (x, y) = key.public_key().as_ref()[1..].split_at(32);
    let mut wanted = Wanted::new();
    wanted.client["token_endpoint_auth_method"] = "private_key_jwt".into();
    wanted.client["token_endpoint_auth_signing_alg"] = "ES256".into();
    wanted.client["jwks"] = json!({ "keys": [{
        "kty": "EC", "crv": "P-256", "kid": "house", "use": "sig", "x": URL_SAFE_NO_PAD.encode(x), "y": URL_SAFE_NO_PAD.encode(y),
    }] });
    let (house, real) = (House::open().await, wanted.start());
    let path = house.file("house.key", &pem);
    for audience in ["issuer", "token_endpoint"] {
        let settings = json!({
            "name": "hospital-id", "issuer": real.issuer(), "client_id": "handrail", "client_key": path, "client_key_id": "house",
            "client_key_audience": audience,
        });
        let federation = house.federation(serde_json::from_value(settings).unwrap());
        assert_eq!(signs_in(&federation, "acc-nadia").await.unwrap().principal, person("nadia"), "{audience}");
    }
}

#[tokio::test]
async fn the_level_is_that_of_how_they_signed_in_there() {
    let (house, real, _) = together().await;
    let mut settings = house.settings(&real.issuer());
    settings.acr_values = vec!["mfa".to_owned()];
    let federation = house.federation(settings);
    let begun = federation.begin(&provider(), to_sign_in(), None).await.unwrap();
    assert_eq!(parameter(&begun.location, "acr_values").as_deref(), Some("mfa"));
    let back = Browser::new().follow(&begun.location, &[("login", "acc-nadia"), ("acr", "mfa")]).await;
    let federated = Here::of(&begun).brings(&federation, &brought(&back)).await.unwrap();
    assert_eq!((federated.level, federated.acr.as_deref()), (2, Some("mfa")));
}

#[tokio::test]
async fn to_prove_it_again_they_must_do_so_now_and_be_the_same_person() {
    let (_house, _real, federation) = together().await;
    let mut browser = Browser::new();
    let (here, first) = brings(&federation, &mut browser, "acc-nadia").await;
    let before = here.brings(&federation, &first).await.unwrap();
    let again =
        |level| Bound { workstation: None, key: None, purpose: Purpose::Again { person: person("nadia"), level } };

    let begun = federation.begin(&provider(), again(2), Some(&here.cookie)).await.unwrap();
    assert_eq!(parameter(&begun.location, "prompt").as_deref(), Some("login"));
    assert_eq!(parameter(&begun.location, "max_age").as_deref(), Some("0"));
    assert_eq!(parameter(&begun.location, "acr_values").as_deref(), Some("mfa phr"));
    tokio::time::sleep(Duration::from_millis(1100)).await;
    let back = browser.follow(&begun.location, &[("login", "acc-nadia"), ("acr", "mfa")]).await;
    let stepped = here.brings(&federation, &brought(&back)).await.unwrap();
    assert_eq!((stepped.level, stepped.bound), (2, again(2)));
    assert!(stepped.auth_time >= before.auth_time);

    let begun = federation.begin(&provider(), again(2), Some(&here.cookie)).await.unwrap();
    let back = Browser::new().follow(&begun.location, &[("login", "acc-omar"), ("acr", "mfa")]).await;
    let refusal = here.brings(&federation, &brought(&back)).await.unwrap_err();
    assert_eq!((&refusal, refusal.cause()), (&Refusal::Person(PersonFault::SomebodyElse), Cause::User));

    let begun = federation.begin(&provider(), again(3), Some(&here.cookie)).await.unwrap();
    let back = Browser::new().follow(&begun.location, &[("login", "acc-nadia"), ("acr", "mfa")]).await;
    let refusal = here.brings(&federation, &brought(&back)).await.unwrap_err();
    assert_eq!(refusal, Refusal::Person(PersonFault::Level));
}

#[tokio::test]
async fn nobody_but_one_person_the_provider_may_speak_for_comes_in() {
    let (house, _real, federation) = together().await;
    let of = async |account: &str| signs_in(&federation, account).await.map(|federated| federated.principal);
    assert_eq!(of("acc-stranger").await, Err(Refusal::Person(PersonFault::Unknown)), "a name is nobody");
    assert_eq!(of("acc-twin").await, Err(Refusal::Person(PersonFault::Several)));
    assert_eq!(of("acc-lena").await, Err(Refusal::Person(PersonFault::Class("patient"))));
    house.tell(Ended { principal: person("twin-b") }).await;
    assert_eq!(of("acc-twin").await, Ok(person("twin-a")), "whoever may not act takes nobody's code");
    house.tell(Ended { principal: person("twin-a") }).await;
    assert_eq!(of("acc-twin").await, Err(Refusal::Person(PersonFault::Unknown)));
    house.tell(registered("twin-a", IdentityClass::Staff, &["n-2"])).await;
    assert_eq!(of("acc-twin").await, Ok(person("twin-a")));
}

#[tokio::test]
async fn a_verified_address_names_a_person_too_and_groups_let_them_in() {
    let section = "\n[provider.hospital-id]\ntitle = \"Mail\"\nclaim = \"email\"\nclasses = [\"staff\"]\nlevel = 1\n\
                   groups = { ward-nurses = \"nurse\" }\n";
    let (house, real) = (House::with(section).await, Wanted::new().start());
    let mut settings = house.settings(&real.issuer());
    settings.scopes.push("email".to_owned());
    let federation = house.federation(settings);
    assert_eq!(signs_in(&federation, "acc-nadia").await.unwrap().principal, person("nadia"));
    assert_eq!(
        signs_in(&federation, "acc-omar").await,
        Err(Refusal::Person(PersonFault::Unnamed)),
        "no address at all"
    );
}

#[tokio::test]
async fn an_answer_counts_once_and_only_in_the_browser_that_began() {
    let (house, _real, federation) = together().await;
    let (here, right) = brings(&federation, &mut Browser::new(), "acc-nadia").await;
    let begun = federation.begin(&provider(), to_sign_in(), None).await.unwrap();
    let other = Here::of(&begun);
    let refused = |fault| Err(Refusal::State(fault));
    assert_eq!(other.brings(&federation, &right).await, refused(StateFault::NotOurs), "somebody else's browser");
    assert_eq!(federation.finish(&provider(), &right, None).await, refused(StateFault::NoCookie));
    let stateless = Brought { state: None, ..right.clone() };
    assert_eq!(here.brings(&federation, &stateless).await, refused(StateFault::Incomplete));
    // None of that used it up.
    assert_eq!(here.brings(&federation, &right).await.unwrap().principal, person("nadia"));
    let again = here.brings(&federation, &right).await;
    assert_eq!(again, refused(StateFault::Used), "the back button");
    assert_eq!(again.unwrap_err().cause(), Cause::User);

    let (here, late) = brings(&federation, &mut Browser::new(), "acc-nadia").await;
    house.later(Duration::from_secs(600));
    let refusal = here.brings(&federation, &late).await.unwrap_err();
    assert_eq!(refusal, Refusal::State(StateFault::Expired));
    assert_eq!(refusal.words().next, "Go back and start again.");
}

#[tokio::test]
async fn two_tabs_of_one_browser_both_arrive() {
    let (_house, _real, federation) = together().await;
    let first = federation.begin(&provider(), to_sign_in(), None).await.unwrap();
    let here = Here::of(&first);
    let second = federation.begin(&provider(), to_sign_in(), Some(&here.cookie)).await.unwrap();
    assert_eq!(Here::of(&second).cookie, here.cookie);
    let mut browser = Browser::new();
    let (one, two) =
        (browser.sign_in(&first.location, "acc-nadia").await, browser.sign_in(&second.location, "acc-nadia").await);
    assert!(here.brings(&federation, &brought(&two)).await.is_ok());
    assert!(here.brings(&federation, &brought(&one)).await.is_ok());
}

#[tokio::test]
async fn a_code_counts_once_and_for_its_own_sign_in_only() {
    let (_house, _real, federation) = together().await;
    let mut browser = Browser::new();
    let (here, first) = brings(&federation, &mut browser, "acc-nadia").await;
    here.brings(&federation, &first).await.unwrap();
    // A used code, under a state that was not used.
    let begun = federation.begin(&provider(), to_sign_in(), Some(&here.cookie)).await.unwrap();
    let fresh = brought(&browser.sign_in(&begun.location, "acc-nadia").await);
    let replayed = Brought { code: first.code.clone(), ..fresh };
    let refusal = here.brings(&federation, &replayed).await.unwrap_err();
    assert_eq!((&refusal, refusal.cause()), (&Refusal::Exchange("invalid_grant".into()), Cause::User));
    // Somebody else's code that was not used: the verifier is not the one it was given out for.
    let (_, stolen) = brings(&federation, &mut Browser::new(), "acc-omar").await;
    let begun = federation.begin(&provider(), to_sign_in(), Some(&here.cookie)).await.unwrap();
    let own = brought(&browser.sign_in(&begun.location, "acc-nadia").await);
    let injected = Brought { code: stolen.code, ..own };
    assert_eq!(here.brings(&federation, &injected).await, Err(Refusal::Exchange("invalid_grant".into())));
}

#[tokio::test]
async fn a_token_for_another_nonce_is_not_ours() {
    let (_house, _real, federation) = together().await;
    let begun = federation.begin(&provider(), to_sign_in(), None).await.unwrap();
    let led_astray = changed(&begun.location, "nonce", "one-of-somebody-else");
    let back = Browser::new().sign_in(&led_astray, "acc-nadia").await;
    let refusal = Here::of(&begun).brings(&federation, &brought(&back)).await.unwrap_err();
    assert_eq!((&refusal, refusal.cause()), (&Refusal::Token(TokenFault::Wrong("nonce")), Cause::Federation));
}

#[tokio::test]
async fn an_answer_names_its_issuer_because_this_provider_says_it_does() {
    let (_house, _real, federation) = together().await;
    for issuer in [None, Some("https://evil.example".to_owned())] {
        let (here, right) = brings(&federation, &mut Browser::new(), "acc-nadia").await;
        let mixed_up = Brought { iss: issuer, ..right };
        assert_eq!(here.brings(&federation, &mixed_up).await, Err(Refusal::AnswerIssuer));
    }
}

#[tokio::test]
async fn whoever_goes_back_from_the_providers_page_is_told_kindly() {
    let (_house, _real, federation) = together().await;
    let begun = federation.begin(&provider(), to_sign_in(), None).await.unwrap();
    let back = Browser::new().follow(&begun.location, &[("cancel", "yes")]).await;
    let refusal = Here::of(&begun).brings(&federation, &brought(&back)).await.unwrap_err();
    assert_eq!((&refusal, refusal.cause()), (&Refusal::Answered("access_denied".into()), Cause::User));
    assert_eq!(refusal.words().what, "The sign-in was not completed");
}

#[tokio::test]
async fn a_wrong_secret_lets_nobody_in_and_is_nobodys_own_fault() {
    let (house, real, _) = together().await;
    let settings = house.settings(&real.issuer());
    house.file("secret", "not the secret");
    let federation = house.federation(settings);
    let refusal = signs_in(&federation, "acc-nadia").await.unwrap_err();
    assert_eq!((&refusal, refusal.cause()), (&Refusal::Exchange("invalid_client".into()), Cause::Federation));
    assert!(!format!("{refusal} {refusal:?} {federation:?}").contains(SECRET));
}

#[tokio::test]
async fn a_provider_that_is_down_is_said_kindly_and_sign_in_works_when_it_is_back() {
    let (house, real, federation) = together().await;
    let (here, brought) = brings(&federation, &mut Browser::new(), "acc-nadia").await;
    let wanted = Wanted { port: real.port, ..Wanted::new() };
    drop(real);
    let refusal = here.brings(&federation, &brought).await.unwrap_err();
    assert_eq!((refusal.cause(), refusal.code()), (Cause::Federation, "provider_unreachable"));
    assert_eq!(refusal.words().what, "The other sign-in service does not answer");
    assert!(refusal.words().next.contains("key or badge"));
    // What was known of it is forgotten after a while; then not even the button leads there.
    house.later(Duration::from_secs(601));
    let refusal = federation.begin(&provider(), to_sign_in(), None).await.unwrap_err();
    assert_eq!(refusal.code(), "provider_unreachable");
    house.later(Duration::from_secs(6));
    let _real = wanted.start();
    house.clock.set(time());
    house.later(Duration::from_secs(6));
    assert_eq!(signs_in(&federation, "acc-nadia").await.unwrap().principal, person("nadia"));
}

#[tokio::test]
async fn when_the_provider_changes_its_keys_sign_in_goes_on() {
    let (house, real, federation) = together().await;
    assert!(signs_in(&federation, "acc-nadia").await.is_ok());
    let wanted = Wanted { port: real.port, ..Wanted::new() };
    drop(real);
    let real = wanted.start();
    assert!(
        signs_in(&federation, "acc-nadia").await.is_ok(),
        "the key was not known, so the keys were asked for again"
    );
    drop(real);
    let _real = wanted.start();
    assert_eq!(
        signs_in(&federation, "acc-nadia").await,
        Err(Refusal::Token(TokenFault::Key)),
        "not twice within a minute"
    );
    house.later(Duration::from_secs(61));
    // The token is made now, and the house believes that to be a minute ago: within what a token may be old.
    assert!(signs_in(&federation, "acc-nadia").await.is_ok());
}

/// A certificate of this machine, its key, and the authority that signed it, all PEM.
fn certified() -> (String, String, String) {
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority_key = KeyPair::generate().unwrap();
    let root = authority.self_signed(&authority_key).unwrap().pem();
    let own = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
    let key = KeyPair::generate().unwrap();
    let certificate = own.signed_by(&key, &Issuer::new(authority, authority_key)).unwrap();
    (certificate.pem(), key.serialize_pem(), root)
}

#[tokio::test]
async fn over_tls_a_provider_is_trusted_by_the_authority_configured_and_by_no_other() {
    let (certificate, key, root) = certified();
    let (house, real) = (House::open().await, Wanted { tls: Some((certificate, key)), ..Wanted::new() }.start());
    let with = |authority: Option<&str>| {
        let mut settings = house.settings(&real.issuer());
        assert!(settings.issuer.starts_with("https://"));
        settings.ca = authority.map(|pem| house.file("ca.pem", pem));
        house.federation(settings)
    };
    let federation = with(Some(&root));
    let (here, answer) = brings(&federation, &mut Browser::trusting(Some(&root)), "acc-nadia").await;
    assert_eq!(here.brings(&federation, &answer).await.unwrap().principal, person("nadia"));
    let (_, _, another) = certified();
    for authority in [None, Some(another.as_str())] {
        let refusal = with(authority).begin(&provider(), to_sign_in(), None).await.unwrap_err();
        let fault = FetchFault::Connection;
        assert_eq!(refusal, Refusal::Unreachable { what: "its description", fault }, "{}", authority.is_some());
    }
}

/// Where the provider tells of logouts.
pub(crate) async fn listener() -> (String, mpsc::UnboundedReceiver<String>) {
    async fn told(State(tell): State<mpsc::UnboundedSender<String>>, Form(form): Form<HashMap<String, String>>) {
        tell.send(form["logout_token"].clone()).unwrap();
    }
    let (tell, heard) = mpsc::unbounded_channel();
    let socket = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}/federation/hospital-id/back-channel", socket.local_addr().unwrap());
    let router = Router::new().route("/federation/hospital-id/back-channel", post(told)).with_state(tell);
    tokio::spawn(async move { axum::serve(socket, router).await });
    (address, heard)
}

fn started(session: &str, federated: &Federated, now: Timestamp) -> Started {
    Started {
        session: SessionId::new(session).unwrap(),
        principal: federated.principal.clone(),
        workstation: None,
        key: None,
        proof: federated.proof(),
        good_until: now + Duration::from_secs(3600),
        vouched_by: None,
        review_due: None,
        provider_session: Some(federated.provider_session.clone()),
    }
}

#[tokio::test]
async fn signing_out_here_signs_out_there_and_what_ends_there_ends_here() {
    let (address, mut heard) = listener().await;
    let mut wanted = Wanted::new();
    wanted.client["backchannel_logout_uri"] = address.into();
    wanted.client["backchannel_logout_session_required"] = true.into();
    let (house, real) = (House::open().await, wanted.start());
    let federation = house.federation(house.settings(&real.issuer()));
    let mut browser = Browser::new();
    let (here, answer) = brings(&federation, &mut browser, "acc-nadia").await;
    let nadia = here.brings(&federation, &answer).await.unwrap();
    let elsewhere = signs_in(&federation, "acc-nadia").await.unwrap();
    let omar = signs_in(&federation, "acc-omar").await.unwrap();
    let began = house.plane.now();
    for (session, federated) in [("s-nadia", &nadia), ("s-elsewhere", &elsewhere), ("s-omar", &omar)] {
        house.tell(Box::new(started(session, federated, began))).await;
    }

    let out = federation.sign_out(&provider(), &person("nadia")).await.unwrap().unwrap();
    assert!(parameter(&out, "id_token_hint").is_some());
    assert_eq!(browser.sign_out(&out).await, format!("{BASE}/bedside"));

    let token = tokio::time::timeout(Duration::from_secs(20), heard.recv()).await.unwrap().unwrap();
    let ended = federation.told_of_end(&provider(), &token).await.unwrap();
    let ends: Vec<String> =
        federation.sessions_ended(&ended).iter().map(|session| session.session.to_string()).collect();
    assert_eq!(ends, ["s-nadia"]);
    assert!(ended.ends(&nadia.provider_session, began));
    assert!(!ended.ends(&elsewhere.provider_session, began), "the session of another browser goes on");
    assert!(!ended.ends(&omar.provider_session, began));
    assert!(
        !ended.ends(&nadia.provider_session, began + Duration::from_secs(60)),
        "what begins later is another session"
    );
    assert!(!ended.ends(&nadia.provider_session.replace("hospital-id", "other-id"), began));
    assert_eq!(federation.told_of_end(&provider(), &token).await, Err(Refusal::Token(TokenFault::Used)));
    let (head, rest) = token.split_once('.').unwrap();
    let forged = format!("{head}.{}", rest.replacen(|letter: char| letter.is_ascii_digit(), "x", 1));
    assert!(federation.told_of_end(&provider(), &forged).await.is_err());
    let again = federation.sign_out(&provider(), &person("nadia")).await.unwrap().unwrap();
    assert_eq!(parameter(&again, "id_token_hint"), None, "without a token to show, the provider asks");
}
