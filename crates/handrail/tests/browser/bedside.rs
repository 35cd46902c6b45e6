//! The frame and the script of bedside pages in a real browser, against real ceremonies: what a workstation proves, what a key answers, and
//! what people read when it does not. The pages are as bare as can be; there is no node around them.

use crate::keys::Key;
use crate::{browser, free_port, text};
use authenticator::proof_holds;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Form, Json, Router};
use events::{SessionId, Timestamp};
use pages::form::{Field, wide_button};
use pages::{Bedside, CeremonyForm, Environment, Icon, Script, Shell, kept_form, resume_form, workstation_form};
use serde_json::{Value, json};
use signin::passkey::{
    Ceremonies, Ceremony, CeremonyError, Enrollee, Means, Place, Purpose, Registered, Stored, Traits, UserHandle,
    Verification, means,
};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, Mutex};
use thirtyfour::prelude::*;

const NOW: Timestamp = Timestamp::from_millis(1_795_000_000_000);
const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const DEVICE: &str = "ED-WS-1";

/// What the server behind the pages knows.
#[derive(Default)]
struct Known {
    workstation: Option<(String, String)>,
    registered: Vec<Registered>,
    counter: u32,
    nonces: u32,
    proofs: u32,
    /// The next proof finds the screen locked.
    locked: bool,
    /// How many proofs there were when a page that wants one was asked for.
    wanted_at: Option<u32>,
    told: Vec<Value>,
}

struct Behind {
    ceremonies: Ceremonies,
    origin: String,
    handle: UserHandle,
    known: Mutex<Known>,
}

type Node = State<Arc<Behind>>;

fn ceremony(name: &str) -> Ceremony {
    let purpose = match name {
        "register" => Purpose::Register { principal: "amara".parse().unwrap() },
        "step-up" => Purpose::StepUp { session: "s1".parse::<SessionId>().unwrap() },
        _ => Purpose::SignIn,
    };
    Ceremony { purpose, place: Place::Workstation(DEVICE.parse().unwrap()) }
}

fn shell() -> Shell {
    Shell {
        hospital: "Harbour General".into(),
        environment: Environment::Development,
        links: Vec::new(),
        account: None,
        foot: String::new(),
    }
}

async fn page(State(behind): Node, Path(name): Path<String>) -> Response {
    let proofs = behind.known.lock().unwrap().proofs;
    let renew_now = match name.as_str() {
        "resuming" => true,
        // Wants a proof, and is itself once there was one.
        "fresh" => *behind.known.lock().unwrap().wanted_at.get_or_insert(proofs) == proofs,
        _ => false,
    };
    let form = CeremonyForm {
        name: &name,
        options: &format!("/options/{name}"),
        result: &format!("/result/{name}"),
        attempt: "/attempt",
        form_token: "t0ken",
        start: false,
        browser_key: false,
    };
    let body = match name.as_str() {
        "enrol" => workstation_form("/enrol", DEVICE, "t0ken", &wide_button("Go")),
        "resuming" => resume_form("/sent", "sealed", "t0ken"),
        "fresh" if renew_now => pages::empty(Icon::Clock, "One moment", "The workstation proves itself."),
        "note" => {
            let note = Field { name: "note", label: "Note", ..Field::default() };
            kept_form("/sent?a=b", "t0ken", &pages::sheet("Note", &note.text(), &wide_button("Save")))
        }
        "home" | "fresh" => pages::empty(Icon::Check, "You are in", "Here is what you wanted."),
        _ => form.render(&wide_button("Go")),
    };
    let enrolled = behind.known.lock().unwrap().workstation.is_some();
    let script = Script {
        renew: enrolled.then_some("/renew"),
        renew_now,
        usable: (name == "home").then_some("/usable"),
        ..Script::default()
    };
    let words = [
        ("cancelled", "Nothing happened. Try again when you are ready."),
        ("already_registered", "You have this one already."),
        ("failed", "That did not work."),
    ];
    shell().bedside(&Bedside { title: &name, script, words: &words, body, ..Bedside::default() }).into_response()
}

async fn sent(Form(fields): Form<Vec<(String, String)>>) -> Response {
    let fields: Vec<_> = fields.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let body = pages::empty(Icon::Check, "Sent", &fields.join(" "));
    shell().bedside(&Bedside { title: "Sent", body, ..Bedside::default() }).into_response()
}

async fn enrol(State(behind): Node, Json(told): Json<Value>) -> Json<Value> {
    let coordinate = |name: &str| told[name].as_str().unwrap().to_owned();
    behind.known.lock().unwrap().workstation = Some((coordinate("x"), coordinate("y")));
    Json(json!({ "go": "/register" }))
}

async fn renew(State(behind): Node, Json(told): Json<Value>) -> Json<Value> {
    let mut known = behind.known.lock().unwrap();
    let (x, y) = known.workstation.clone().unwrap();
    let asked = format!("nonce-{}", known.nonces);
    known.nonces += 1;
    let next = format!("nonce-{}", known.nonces);
    let holds = told["nonce"] == asked
        && told["device"] == DEVICE
        && proof_holds((&x, &y), DEVICE, &behind.origin, &asked, told["signature"].as_str().unwrap_or_default());
    known.proofs += u32::from(holds);
    if holds && std::mem::take(&mut known.locked) {
        return Json(json!({ "lock": "/sent" }));
    }
    Json(json!({ "renewed": holds, "nonce": next }))
}

async fn options(State(behind): Node, Path(name): Path<String>) -> Json<Value> {
    let existing: Vec<_> =
        behind.known.lock().unwrap().registered.iter().map(|registered| registered.credential.clone()).collect();
    let person = Enrollee {
        handle: behind.handle,
        name: "amara",
        display_name: "Amara Okafor",
        hospital: "Harbour General",
        existing: &existing,
    };
    let asked = if name == "register" {
        serde_json::to_value(behind.ceremonies.registration(ceremony(&name), HERE, &person, NOW).unwrap())
    } else {
        let verification = Verification::Required;
        serde_json::to_value(behind.ceremonies.authentication(ceremony(&name), HERE, &[], verification, NOW).unwrap())
    };
    Json(asked.unwrap())
}

async fn result(State(behind): Node, Path(name): Path<String>, Json(told): Json<Value>) -> Json<Value> {
    let answer = told["credential"].to_string();
    let mut known = behind.known.lock().unwrap();
    let judged: Result<(), CeremonyError> = if name == "register" {
        let registered = behind.ceremonies.register(&ceremony(&name), answer.as_bytes(), None, NOW);
        registered.map(|registered| {
            known.counter = registered.counter;
            known.registered.push(registered);
        })
    } else {
        let find = |id: &str| {
            let registered = known.registered.iter().find(|registered| registered.credential == id)?;
            Some(Stored {
                key: registered.key.clone(),
                counter: known.counter,
                user_handle: behind.handle.to_string().into(),
                backup_eligible: registered.backup_eligible,
            })
        };
        let proved = behind.ceremonies.authenticate(&ceremony(&name), answer.as_bytes(), NOW, find);
        proved.map(|proved| known.counter = proved.counter)
    };
    Json(match judged {
        Ok(()) => json!({ "go": "/home" }),
        Err(error) => json!({ "say": format!("{} {}", error.words().what, error.words().next) }),
    })
}

async fn told(State(behind): Node, Json(told): Json<Value>) -> Json<Value> {
    behind.known.lock().unwrap().told.push(told);
    Json(json!({}))
}

async fn serve() -> Arc<Behind> {
    let port = free_port();
    let origin = format!("http://localhost:{port}");
    let behind = Arc::new(Behind {
        ceremonies: Ceremonies::new(&origin.parse().unwrap()).unwrap(),
        origin,
        handle: UserHandle::new(*b"amaras user hand"),
        known: Mutex::default(),
    });
    let router = Router::new()
        .route("/{name}", get(page))
        .route("/enrol", get(async |node: Node| page(node, Path("enrol".to_owned())).await).post(enrol))
        .route("/sent", post(sent))
        .route("/renew", post(renew))
        .route("/options/{name}", post(options))
        .route("/result/{name}", post(result))
        .route("/attempt", post(told))
        .route("/usable", post(told))
        .merge(pages::asset_routes())
        .with_state(behind.clone());
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await.unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    behind
}

async fn go(page: &WebDriver) {
    page.find(By::Css("main form button")).await.unwrap().click().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_workstation_proves_itself_and_a_key_its_owner_or_people_read_why_not() {
    let behind = serve().await;
    let (_driver, page) = browser().await;
    let open = async |name: &str| page.goto(&format!("{}/{name}", behind.origin)).await.unwrap();
    let proofs = || behind.known.lock().unwrap().proofs;

    open("enrol").await;
    go(&page).await;
    assert!(text(&page, "register").await.contains("register"));
    assert!(behind.known.lock().unwrap().workstation.is_some());

    let key = Key::usb(&page).await;
    go(&page).await;
    let home = text(&page, "You are in").await;
    assert!(home.contains("You are in"), "{home}");
    assert!(proofs() > 0, "the ceremony went without a fresh proof of the workstation");
    let registered = behind.known.lock().unwrap().registered[0].clone();
    let traits = Traits {
        verified: registered.verified,
        backup_eligible: registered.backup_eligible,
        attachment: registered.attachment,
        transports: &registered.transports,
        aaguid: &registered.aaguid,
        attestation: &registered.attestation,
    };
    assert_eq!(means(&traits, &[] as &[&str]), Some(Means::SecurityKey), "{registered:?}");

    for name in ["sign-in", "step-up"] {
        open(name).await;
        go(&page).await;
        let home = text(&page, "You are in").await;
        assert!(home.contains("You are in"), "{name}: {home}");
    }
    assert_eq!(key.credentials().await.len(), 1);

    open("register").await;
    go(&page).await;
    assert!(text(&page, "already").await.contains("You have this one already."));

    open("sign-in").await;
    key.verifies(false).await;
    go(&page).await;
    assert!(text(&page, "ready").await.contains("Try again when you are ready."));
    key.verifies(true).await;
    go(&page).await;
    assert!(text(&page, "You are in").await.contains("You are in"), "once more, on the same page");

    open("sign-in").await;
    key.becomes_a_copy(0).await;
    go(&page).await;
    let copied = text(&page, "copy").await;
    assert!(copied.contains("There may be a copy of this key"), "{copied}");

    key.pull_out().await;
    let passkey = Key::synced(&page).await;
    open("register").await;
    go(&page).await;
    assert!(text(&page, "You are in").await.contains("You are in"));
    assert!(behind.known.lock().unwrap().registered[1].backup_eligible);
    passkey.touched(false).await;
    open("sign-in").await;
    go(&page).await;
    open("home").await;
    assert!(text(&page, "You are in").await.contains("You are in"), "one may walk away from a key that waits");

    let told = behind.known.lock().unwrap().told.clone();
    let outcomes: Vec<_> = told.iter().filter_map(|told| told["outcome"].as_str()).collect();
    assert_eq!(outcomes, ["already_registered", "cancelled"]);
    let measured = told.iter().filter(|told| told["outcome"].is_null());
    assert!(measured.clone().any(|told| told["step"] == "sign-in"), "{told:?}");
    assert!(measured.clone().count() >= 4 && measured.clone().all(|told| told["interactions"].as_u64() >= Some(1)));
    page.quit().await.unwrap();
}

/// Moves the page's clock on, as an hour at another bed would.
async fn later(page: &WebDriver) {
    let clock = "const now = performance.now.bind(performance); performance.now = () => now() + 3600000;";
    page.execute(clock, Vec::new()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_being_done_goes_on_after_a_proof_and_survives_a_lock() {
    let behind = serve().await;
    let (_driver, page) = browser().await;
    let open = async |name: &str| page.goto(&format!("{}/{name}", behind.origin)).await.unwrap();
    let proofs = || behind.known.lock().unwrap().proofs;
    open("enrol").await;
    go(&page).await;
    assert!(text(&page, "register").await.contains("register"));

    open("fresh").await;
    assert!(text(&page, "You are in").await.contains("You are in"), "it did not come back by itself");
    open("resuming").await;
    let resumed = text(&page, "Sent").await;
    assert!(resumed.contains("resume=sealed"), "{resumed}");

    let write = async |words: &str| {
        open("note").await;
        page.find(By::Name("note")).await.unwrap().send_keys(words).await.unwrap();
    };
    write("half a sentence").await;
    // The proof that the page makes as it opens is over before the next one is due.
    let before = proofs();
    behind.known.lock().unwrap().locked = true;
    later(&page).await;
    let locked = text(&page, "Sent").await;
    assert!(locked.contains("note=half a sentence") && locked.contains("kept_action=/sent?a=b"), "{locked}");
    assert!(proofs() > before);

    write("a whole one").await;
    later(&page).await;
    let before = proofs();
    go(&page).await;
    let saved = text(&page, "Sent").await;
    assert!(saved.contains("note=a whole one") && !saved.contains("kept_action"), "{saved}");
    assert!(proofs() > before, "sent with a cookie an hour old");
    page.quit().await.unwrap();
}
