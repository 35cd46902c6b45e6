//! The ceremonies of WebAuthn, gone through with a security key in software: as they should go, and in every way they should not.

#![expect(clippy::unwrap_used, reason = "tests")]

use authenticator::{Maker, Refusal, SecurityKey, forge};
use events::Timestamp;
use serde_json::Value;
use signin::passkey::{
    ANSWER_BYTES_MAX, Attestation, AttestationRoots, CHALLENGE_LIFETIME, Ceremonies, Ceremony, CeremonyError, Claimed,
    Enrollee, Means, Place, Proved, Purpose, Registered, Stored, Traits, UserHandle, Verification, means,
};
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

const ORIGIN: &str = "https://handrail.hospital.example";
const START: Timestamp = Timestamp::from_millis(1_795_000_000_000);
const HERE: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 1, 2, 3));

/// A node's ceremonies, and one nurse with her key.
struct Ward {
    ceremonies: Ceremonies,
    key: SecurityKey,
    handle: UserHandle,
    stored: Option<Stored>,
    credential: String,
}

fn ceremonies() -> Ceremonies {
    Ceremonies::new(&ORIGIN.parse().unwrap()).unwrap()
}

fn registering() -> Ceremony {
    let principal = "amara".parse().unwrap();
    Ceremony { purpose: Purpose::Register { principal }, place: Place::Away("slip-1".into()) }
}

fn at(device: &str, purpose: Purpose) -> Ceremony {
    Ceremony { purpose, place: Place::Workstation(device.parse().unwrap()) }
}

fn signing_in() -> Ceremony {
    at("ED-WS-1", Purpose::SignIn)
}

impl Ward {
    fn new(key: SecurityKey) -> Self {
        let handle = UserHandle::new(plane::random());
        Self { ceremonies: ceremonies(), key, handle, stored: None, credential: String::new() }
    }

    fn registered(key: SecurityKey) -> Self {
        let mut ward = Self::new(key);
        let registered = ward.register().unwrap();
        ward.keep(&registered);
        ward
    }

    fn keep(&mut self, registered: &Registered) {
        self.credential = registered.credential.to_string();
        self.stored = Some(Stored {
            key: registered.key.clone(),
            counter: registered.counter,
            user_handle: self.handle.to_string().into(),
            backup_eligible: registered.backup_eligible,
        });
    }

    fn registration_options(&self, existing: &[&str]) -> Value {
        let existing: Vec<_> = existing.iter().map(|id| (*id).into()).collect();
        let person = Enrollee {
            handle: self.handle,
            name: "amara",
            display_name: "Amara Okafor",
            hospital: "Harbour General",
            existing: &existing,
        };
        let options = self.ceremonies.registration(registering(), HERE, &person, START).unwrap();
        serde_json::to_value(options).unwrap()
    }

    fn register(&mut self) -> Result<Registered, CeremonyError> {
        let options = self.registration_options(&[]);
        let answer = self.key.create(ORIGIN, &options).unwrap();
        self.finish_registration(&answer)
    }

    fn finish_registration(&self, answer: &Value) -> Result<Registered, CeremonyError> {
        self.ceremonies.register(&registering(), answer.to_string().as_bytes(), None, START)
    }

    fn options(&self, claimed: &[Claimed], verification: Verification) -> Value {
        let options = self.ceremonies.authentication(signing_in(), HERE, claimed, verification, START).unwrap();
        serde_json::to_value(options).unwrap()
    }

    /// An answer to a question for anybody, at the ward's own address.
    fn answer(&mut self) -> Value {
        let options = self.options(&[], Verification::Required);
        self.key.get(ORIGIN, &options).unwrap()
    }

    fn finish(&self, answer: &Value) -> Result<Proved, CeremonyError> {
        self.finish_as(&signing_in(), answer, START)
    }

    fn finish_as(&self, ceremony: &Ceremony, answer: &Value, now: Timestamp) -> Result<Proved, CeremonyError> {
        self.ceremonies.authenticate(ceremony, answer.to_string().as_bytes(), now, |id| {
            (id == self.credential).then(|| self.stored.clone()).flatten()
        })
    }

    fn claimed(&self) -> Claimed {
        Claimed { credential: self.credential.as_str().into(), transports: Vec::new() }
    }
}

#[test]
fn a_key_is_registered_with_everything_that_will_be_asked_of_it() {
    let mut ward = Ward::new(SecurityKey::self_attesting());
    ward.key.counter = Some(7);
    let options = ward.registration_options(&[]);
    let asked = &options["publicKey"];
    assert_eq!(asked["rp"], serde_json::json!({ "id": "handrail.hospital.example", "name": "Harbour General" }));
    assert_eq!(asked["user"]["id"], ward.handle.to_string());
    assert_eq!(asked["attestation"], "direct");
    assert_eq!(asked["authenticatorSelection"]["residentKey"], "required");
    assert_eq!(asked["authenticatorSelection"]["requireResidentKey"], true);
    assert_eq!(asked["authenticatorSelection"]["userVerification"], "required");
    let algorithms: Vec<_> = asked["pubKeyCredParams"].as_array().unwrap().iter().map(|one| &one["alg"]).collect();
    assert_eq!(algorithms, [-7, -35, -257]);
    assert_eq!(asked["extensions"]["credentialProtectionPolicy"], "userVerificationOptionalWithCredentialIDList");

    let answer = ward.key.create(ORIGIN, &options).unwrap();
    let registered = ward.finish_registration(&answer).unwrap();
    assert_eq!(registered.credential, answer["id"].as_str().unwrap());
    assert_eq!((registered.counter, registered.verified, registered.backup_eligible), (7, true, false));
    assert_eq!(registered.aaguid, "68616e64-7261-696c-2d74-6573746b6579");
    assert_eq!(registered.attestation, Attestation::Own);
    assert_eq!(registered.attestation.to_string(), "self");
    let traits = Traits {
        verified: true,
        backup_eligible: registered.backup_eligible,
        attachment: registered.attachment,
        transports: &registered.transports,
        aaguid: &registered.aaguid,
        attestation: &registered.attestation,
    };
    assert_eq!(means(&traits, &[] as &[&str]), Some(Means::SecurityKey));
}

#[test]
fn a_makers_certificate_counts_only_where_that_maker_is_trusted() {
    let (maker, other) = (Maker::new("Maker of keys"), Maker::new("Another maker of keys"));
    let same_name = Maker::new("Maker of keys");
    let roots = |makers: &[&Maker]| AttestationRoots::from_pem(makers.iter().map(|maker| maker.root_pem())).unwrap();
    for (trusted, roots) in [
        (true, roots(&[&maker])),
        (true, roots(&[&other, &maker])),
        (true, roots(&[&same_name, &maker])),
        (true, roots(&[&maker, &same_name])),
        (false, roots(&[&same_name])),
        (false, roots(&[&other])),
        (false, roots(&[])),
    ] {
        let mut ward = Ward::new(SecurityKey::made_by(&maker));
        let options = ward.registration_options(&[]);
        let answer = ward.key.create(ORIGIN, &options).unwrap().to_string();
        let registered = ward.ceremonies.register(&registering(), answer.as_bytes(), roots.as_ref(), START).unwrap();
        assert_eq!(registered.attestation.is_trusted(), trusted);
        let sha256 = registered.attestation.to_string();
        assert!(sha256.len() == 64 && sha256.bytes().all(|byte| byte.is_ascii_hexdigit()), "{sha256}");
    }
    let mut ward = Ward::new(SecurityKey::made_by(&maker));
    ward.key.aaguid = [7; 16];
    assert_eq!(ward.register().unwrap_err().code(), "attestation", "a make that the certificate does not name");
}

#[test]
fn a_synced_passkey_says_that_it_is_one() {
    let mut ward = Ward::new(SecurityKey::synced_passkey());
    let registered = ward.register().unwrap();
    assert!(registered.backup_eligible && registered.backed_up);
    assert_eq!(registered.attestation.to_string(), "none");
    ward.keep(&registered);
    for _ in 0..2 {
        let answer = ward.answer();
        let proved = ward.finish(&answer).unwrap();
        assert_eq!((proved.counter, proved.backed_up), (0, true), "a counter that is always zero is no regression");
    }
}

#[test]
fn a_key_cannot_be_registered_twice_by_an_honest_browser_nor_by_another() {
    let mut ward = Ward::registered(SecurityKey::default());
    let credential = ward.credential.clone();
    let options = ward.registration_options(&[&credential]);
    assert_eq!(ward.key.create(ORIGIN, &options), Err(Refusal::InvalidState));
    let mut other = SecurityKey::default();
    let mut answer = other.create(ORIGIN, &options).unwrap();
    answer["rawId"] = credential.into();
    assert!(matches!(ward.finish_registration(&answer), Err(CeremonyError::AlreadyRegistered)));
}

#[test]
fn a_registration_that_is_not_what_was_asked_is_refused() {
    let refused = |change: fn(&mut SecurityKey), forgery: fn(&mut Value)| {
        let mut ward = Ward::new(SecurityKey::self_attesting());
        ward.key.claims = Some("handrail.hospital.example".to_owned());
        change(&mut ward.key);
        let options = ward.registration_options(&[]);
        let mut answer = ward.key.create(ORIGIN, &options).unwrap();
        forgery(&mut answer);
        ward.finish_registration(&answer).unwrap_err().code()
    };
    let honest = |_: &mut Value| {};
    assert_eq!(refused(|key| key.verifies = false, honest), "not_verified");
    assert_eq!(refused(|key| key.touched = false, honest), "not_present");
    assert_eq!(refused(|key| key.claims = Some("evil.example".to_owned()), honest), "wrong_relying_party");
    let as_it_is = |_: &mut SecurityKey| {};
    assert_eq!(refused(as_it_is, |answer| answer["rawId"] = "AAAA".into()), "answer_unreadable");
    assert_eq!(refused(|key| key.id_bytes = 1_024, honest), "answer_unreadable", "longer than the standard's longest");
    assert_eq!(
        refused(as_it_is, |answer| answer["clientExtensionResults"]["credProps"]["rk"] = false.into()),
        "not_discoverable"
    );
    // The signature of an attestation of its own: "sig", the head of its bytes, and then the signature.
    let code = refused(as_it_is, |answer| {
        forge(answer, "attestationObject", |bytes| {
            let sig = bytes.windows(4).position(|w| w == b"csig").unwrap() + 12;
            bytes[sig] ^= 1;
        });
    });
    assert_eq!(code, "attestation");
    for cut in [1, 40, 90, 150] {
        let mut ward = Ward::new(SecurityKey::default());
        let options = ward.registration_options(&[]);
        let mut answer = ward.key.create(ORIGIN, &options).unwrap();
        forge(&mut answer, "attestationObject", |bytes| bytes.truncate(bytes.len() - cut));
        assert_eq!(ward.finish_registration(&answer).unwrap_err().code(), "answer_unreadable", "{cut} bytes cut");
    }
}

#[test]
fn signing_in_says_who_by_handle_and_counts() {
    let mut ward = Ward::registered(SecurityKey::default());
    let options = ward.options(&[], Verification::Required);
    assert_eq!(options["publicKey"]["allowCredentials"], serde_json::json!([]));
    assert_eq!(options["publicKey"]["userVerification"], "required");
    assert_eq!(options["publicKey"]["rpId"], "handrail.hospital.example");
    let answer = ward.key.get(ORIGIN, &options).unwrap();
    let proved = ward.finish(&answer).unwrap();
    assert_eq!((proved.credential.as_str(), proved.counter), (ward.credential.as_str(), 1));
    assert!(proved.verified && !proved.backed_up);
}

#[test]
fn a_touch_is_enough_only_where_a_touch_was_asked_for() {
    let mut ward = Ward::registered(SecurityKey::default());
    ward.key.verifies = false;
    let options = ward.options(&[ward.claimed()], Verification::PresenceOnly);
    assert_eq!(options["publicKey"]["userVerification"], "discouraged");
    let answer = ward.key.get(ORIGIN, &options).unwrap();
    assert!(!ward.finish(&answer).unwrap().verified);

    let options = ward.options(&[ward.claimed()], Verification::Required);
    assert_eq!(ward.key.get(ORIGIN, &options), Err(Refusal::NotAllowed), "an honest key does not answer");
    ward.key.claims = Some("handrail.hospital.example".to_owned());
    let answer = ward.key.get(ORIGIN, &options).unwrap();
    assert!(matches!(ward.finish(&answer), Err(CeremonyError::NotVerified)));
}

#[test]
fn an_answer_from_another_address_is_refused() {
    for origin in [
        "https://evil.example",
        "https://login.handrail.hospital.example",
        "https://handrail.hospital.example:8443",
        "http://handrail.hospital.example",
        "https://hospital.example",
        "https://handrail.hospital.example/",
        "https://handrail.hospital.example.evil.example",
        "null",
    ] {
        let mut ward = Ward::registered(SecurityKey::default());
        ward.key.claims = Some("handrail.hospital.example".to_owned());
        let options = ward.options(&[], Verification::Required);
        let answer = ward.key.get(origin, &options).unwrap();
        match ward.finish(&answer) {
            Err(CeremonyError::WrongOrigin { origin: shown }) => assert_eq!(shown, origin),
            other => panic!("{origin}: {other:?}"),
        }
        let answer = ward.key.create(origin, &ward.registration_options(&[])).unwrap();
        assert_eq!(ward.finish_registration(&answer).unwrap_err().code(), "wrong_origin", "{origin}");
    }
}

#[test]
fn a_page_in_a_frame_of_another_site_is_refused() {
    for (field, value) in [("crossOrigin", Value::Bool(true)), ("topOrigin", "https://evil.example".into())] {
        let mut ward = Ward::registered(SecurityKey::default());
        let mut answer = ward.answer();
        forge(&mut answer, "clientDataJSON", |bytes| {
            let mut data: Value = serde_json::from_slice(bytes).unwrap();
            data[field] = value;
            *bytes = data.to_string().into_bytes();
        });
        assert!(matches!(ward.finish(&answer), Err(CeremonyError::CrossOrigin)));
    }
}

#[test]
fn an_answer_counts_once_in_time_for_its_purpose_at_its_place() {
    let mut ward = Ward::registered(SecurityKey::default());
    let answer = ward.answer();
    ward.finish(&answer).unwrap();
    assert!(matches!(ward.finish(&answer), Err(CeremonyError::ChallengeUsed)));

    let answer = ward.answer();
    let late = START + CHALLENGE_LIFETIME + Duration::from_millis(1);
    assert!(matches!(ward.finish_as(&signing_in(), &answer, late), Err(CeremonyError::ChallengeExpired)));

    for other in [
        at("ED-WS-2", Purpose::SignIn),
        at("ED-WS-1", Purpose::StepUp { session: "s1".parse().unwrap() }),
        at("ED-WS-1", Purpose::Reconnect { session: "s1".parse().unwrap() }),
        Ceremony { purpose: Purpose::SignIn, place: Place::Away("ED-WS-1".into()) },
    ] {
        let answer = ward.answer();
        assert!(matches!(ward.finish_as(&other, &answer, START), Err(CeremonyError::OtherPurpose)), "{other:?}");
        assert!(matches!(ward.finish(&answer), Err(CeremonyError::ChallengeUsed)), "it is used up");
    }

    let answer = ward.answer();
    ward.ceremonies = ceremonies();
    assert!(matches!(ward.finish(&answer), Err(CeremonyError::ChallengeUnknown)), "another node");
}

#[test]
fn one_ceremony_never_finishes_the_other() {
    let mut ward = Ward::registered(SecurityKey::default());
    let answer = ward.answer();
    let refused = ward.ceremonies.register(&signing_in(), answer.to_string().as_bytes(), None, START);
    assert_eq!(refused.unwrap_err().code(), "answer_unreadable");
    let mut answer = ward.answer();
    forge(&mut answer, "clientDataJSON", |bytes| {
        *bytes = String::from_utf8_lossy(bytes).replace("webauthn.get", "webauthn.create").into_bytes();
    });
    assert!(matches!(ward.finish(&answer), Err(CeremonyError::OtherKind)));
}

#[test]
fn a_flipped_bit_a_wrong_party_and_a_cut_answer_are_refused() {
    let mut ward = Ward::registered(SecurityKey::default());
    let mut flipped = ward.answer();
    forge(&mut flipped, "signature", |bytes| *bytes.last_mut().unwrap() ^= 1);
    assert!(matches!(ward.finish(&flipped), Err(CeremonyError::BadSignature)));

    let mut counted = ward.answer();
    forge(&mut counted, "authenticatorData", |bytes| bytes[36] ^= 0x40);
    assert!(matches!(ward.finish(&counted), Err(CeremonyError::BadSignature)), "a counter made up is not signed");

    let mut cut = ward.answer();
    forge(&mut cut, "authenticatorData", |bytes| bytes.truncate(36));
    assert!(matches!(ward.finish(&cut), Err(CeremonyError::Unreadable { .. })));

    let mut nonsense = ward.answer();
    forge(&mut nonsense, "signature", Vec::clear);
    assert!(matches!(ward.finish(&nonsense), Err(CeremonyError::BadSignature)));

    ward.key.claims = Some("evil.example".to_owned());
    let answer = ward.answer();
    assert!(matches!(ward.finish(&answer), Err(CeremonyError::WrongRelyingParty)));
    ward.key.claims = None;

    ward.key.touched = false;
    let answer = ward.answer();
    assert!(matches!(ward.finish(&answer), Err(CeremonyError::NotPresent)));
}

#[test]
fn a_counter_that_goes_back_or_stands_is_told_apart() {
    let mut ward = Ward::registered(SecurityKey::default());
    let mut copy = ward.key.clone();
    for _ in 0..3 {
        let answer = ward.answer();
        let proved = ward.finish(&answer).unwrap();
        ward.stored.as_mut().unwrap().counter = proved.counter;
    }
    for shown in [1, 2, 3] {
        let options = ward.options(&[], Verification::Required);
        let answer = copy.get(ORIGIN, &options).unwrap();
        match ward.finish(&answer) {
            Err(CeremonyError::CounterWentBack { credential, kept: 3, shown: now }) => {
                assert_eq!((credential.as_str(), now), (ward.credential.as_str(), shown));
            }
            other => panic!("{other:?}"),
        }
    }
    copy.counter = None;
    let answer = copy.get(ORIGIN, &ward.options(&[], Verification::Required)).unwrap();
    assert_eq!(ward.finish(&answer).unwrap_err().code(), "counter_went_back", "from three to none");
    let mut forged = copy.get(ORIGIN, &ward.options(&[], Verification::Required)).unwrap();
    forge(&mut forged, "signature", |bytes| *bytes.last_mut().unwrap() ^= 1);
    assert_eq!(ward.finish(&forged).unwrap_err().code(), "bad_signature", "nobody's key is revoked by a stranger");
}

#[test]
fn whose_it_is_has_to_be_said_and_to_be_true() {
    let mut ward = Ward::registered(SecurityKey::default());
    let mut of_another = ward.answer();
    of_another["response"]["userHandle"] = UserHandle::new([9; 16]).to_string().into();
    assert!(matches!(ward.finish(&of_another), Err(CeremonyError::OtherUserHandle { .. })));

    let mut silent = ward.answer();
    silent["response"].as_object_mut().unwrap().remove("userHandle");
    assert!(matches!(ward.finish(&silent), Err(CeremonyError::NoUserHandle)));

    let options = ward.options(&[ward.claimed()], Verification::Required);
    let mut silent = ward.key.get(ORIGIN, &options).unwrap();
    silent["response"].as_object_mut().unwrap().remove("userHandle");
    assert!(ward.finish(&silent).is_ok(), "where we asked for the key itself, we know whose it is");

    let options = ward.options(&[ward.claimed()], Verification::Required);
    let mut of_another = ward.key.get(ORIGIN, &options).unwrap();
    of_another["response"]["userHandle"] = UserHandle::new([9; 16]).to_string().into();
    assert!(matches!(ward.finish(&of_another), Err(CeremonyError::OtherUserHandle { .. })));
}

#[test]
fn a_key_that_is_not_kept_or_not_asked_for_is_refused() {
    let mut ward = Ward::registered(SecurityKey::default());
    let stored = ward.stored.take();
    let answer = ward.answer();
    assert!(matches!(ward.finish(&answer), Err(CeremonyError::UnknownCredential { .. })));
    ward.stored = stored;

    let somebody_elses = Claimed { credential: "AAAA".into(), transports: Vec::new() };
    let options = ward.options(&[somebody_elses], Verification::Required);
    assert_eq!(ward.key.get(ORIGIN, &options), Err(Refusal::NotAllowed));
    let mut anybody = options.clone();
    anybody["publicKey"]["allowCredentials"] = serde_json::json!([]);
    let answer = ward.key.get(ORIGIN, &anybody).unwrap();
    assert!(matches!(ward.finish(&answer), Err(CeremonyError::NotAllowed { .. })));
}

#[test]
fn what_is_said_of_copies_may_not_change() {
    let mut ward = Ward::registered(SecurityKey::default());
    ward.key.synced = true;
    let answer = ward.answer();
    assert!(matches!(ward.finish(&answer), Err(CeremonyError::BackupChanged)));
}

#[test]
fn answers_too_long_or_senseless_are_not_read() {
    let ward = Ward::registered(SecurityKey::default());
    let long = Value::from(vec![0; ANSWER_BYTES_MAX]);
    assert!(matches!(ward.finish(&long), Err(CeremonyError::TooLarge { .. })));
    assert!(matches!(ward.finish_registration(&long), Err(CeremonyError::TooLarge { .. })));
    for senseless in [Value::Null, Value::from("x"), serde_json::json!({ "id": 1 }), serde_json::json!([])] {
        assert!(matches!(ward.finish(&senseless), Err(CeremonyError::Unreadable { .. })));
        assert!(matches!(ward.finish_registration(&senseless), Err(CeremonyError::Unreadable { .. })));
    }
}

#[test]
fn on_this_machine_a_port_of_localhost_works() {
    let origin = "http://localhost:7410";
    let ceremonies = Ceremonies::new(&origin.parse().unwrap()).unwrap();
    assert_eq!(ceremonies.relying_party_id(), "localhost");
    let person = Enrollee {
        handle: UserHandle::new([1; 16]),
        name: "amara",
        display_name: "Amara",
        hospital: "Harbour General",
        existing: &[],
    };
    let options = ceremonies.registration(registering(), HERE, &person, START).unwrap();
    let answer = SecurityKey::default().create(origin, &serde_json::to_value(options).unwrap()).unwrap();
    assert!(ceremonies.register(&registering(), answer.to_string().as_bytes(), None, START).is_ok());
}

#[test]
fn every_refusal_has_kind_words_and_a_next_step() {
    let credential = || "AAAA".into();
    for error in [
        CeremonyError::ChallengeUnknown,
        CeremonyError::WrongOrigin { origin: "https://evil.example".into() },
        CeremonyError::NotVerified,
        CeremonyError::UnknownCredential { credential: credential() },
        CeremonyError::CounterWentBack { credential: credential(), kept: 3, shown: 1 },
    ] {
        let words = error.words();
        for text in [words.what, words.next] {
            assert!(text.ends_with('.') && text.len() > 20, "{error}: {text}");
            for jargon in ["challenge", "credential", "origin", "authenticat", "assertion", "WebAuthn", "RP "] {
                assert!(!text.contains(jargon), "{text} says {jargon}");
            }
        }
        assert!(!error.to_string().is_empty() && !error.code().contains(' '));
    }
}
