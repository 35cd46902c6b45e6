//! Signing a change of the charter in the console: who is shown what, and what a form can and cannot do.

use crate::house::{BASE, House};
use crate::text;
use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use charter::Charter;
use events::{Actor, Event, Seq};
use http_body_util::BodyExt as _;
use std::path::Path;
use tower::ServiceExt as _;

fn read(dir: &Path, below: &str, files: &mut Vec<(String, String)>) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let entry = entry.unwrap();
        let name = format!("{below}{}", entry.file_name().to_str().unwrap());
        if entry.file_type().unwrap().is_dir() {
            read(&entry.path(), &format!("{name}/"), files);
        } else {
            files.push((name, std::fs::read_to_string(entry.path()).unwrap()));
        }
    }
}

/// The smallest charter, in which two people may sign; and one in which clinicians off shift read the summary, too.
pub(crate) fn minimal(wider: bool) -> Charter {
    let mut files = Vec::new();
    read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../charter/tests/fixtures/minimal"), "", &mut files);
    for (_, text) in files.iter_mut().filter(|(path, _)| wider && path == "policies/care.cedar") {
        *text = text.replace(" && context.shift.on", "");
    }
    Charter::from_files(files).unwrap()
}

async fn proposed(house: &House) -> String {
    let by = Actor::local("uid 1000").unwrap();
    let number = house.plane.propose(minimal(true), "Handover starts before the shift.", by).await.unwrap();
    format!("/charter/proposals/{number}")
}

pub(crate) fn hidden<'a>(page: &'a str, name: &str) -> &'a str {
    page.split_once(&format!("name=\"{name}\" value=\"")).unwrap().1.split('"').next().unwrap()
}

pub(crate) async fn post(house: &House, cookie: &str, path: &str, origin: &str, fields: &str) -> (StatusCode, String) {
    let request = Request::post(path)
        .header(header::ORIGIN, origin)
        .header(header::COOKIE, cookie)
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(Body::from(fields.to_owned()))
        .unwrap();
    let response = house.router.clone().oneshot(request).await.unwrap();
    let status = response.status();
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8(bytes.to_vec()).unwrap())
}

/// Presses the button that signs, on the page as it stands for them.
async fn sign(house: &House, cookie: &str, path: &str) -> (StatusCode, String) {
    let page = house.get_as(path, cookie).await.html;
    let fields = format!("form_token={}&digest={}", hidden(&page, "form_token"), hidden(&page, "digest"));
    post(house, cookie, &format!("{path}/sign"), BASE, &fields).await
}

fn in_force(house: &House) -> events::CharterDigest {
    house.plane.engine().charter().digest()
}

#[tokio::test(flavor = "multi_thread")]
async fn two_people_see_the_cells_and_sign_and_the_ledger_says_in_which_sessions() {
    let house = House::under(minimal(false)).await;
    let (before, path) = (in_force(&house), proposed(&house).await);
    let (first, second) = (house.session_of("ivo-brandt").await, house.session_of("mara-lind").await);
    let shown = text(&house.get_as(&path, &first).await.html);
    assert!(shown.contains("become wider") && shown.contains("read the summary"), "{shown}");
    assert!(shown.contains("Another person has to sign as well."), "{shown}");
    // What `charter check` warns of: first what is new, all of it above the button that signs.
    assert!(shown.contains("1 warning that the charter it follows does not have"), "{shown}");
    let (_, warned) = shown.split_once("What charter check warns of").unwrap();
    let (warned, signing) = warned.split_once("Your signature").unwrap();
    assert!(warned.contains("1 new, 3 as before") && signing.contains("Sign"), "{shown}");
    let places = ["opens every patient's record to whoever has the role `clinician`", "no scenario has a question"];
    let places = places.map(|words| warned.find(words).unwrap_or_else(|| panic!("no {words} in {warned}")));
    assert!(places[0] < places[1] && warned.find("New") < warned.find("Before"), "{warned}");
    assert_eq!(sign(&house, &first, &path).await.0, StatusCode::SEE_OTHER);
    assert_eq!(in_force(&house), before);
    let page = house.get_as(&path, &first).await.html;
    assert!(!page.contains("/sign\""), "who has signed is given no button");
    assert!(text(&page).contains("You have signed."));
    let page = house.get_as(&path, &second).await.html;
    assert!(text(&page).contains("Yours is the last signature"), "{}", text(&page));
    assert_eq!(sign(&house, &second, &path).await.0, StatusCode::SEE_OTHER);
    assert_eq!(in_force(&house), minimal(true).digest());

    let leaves = house.leaves();
    let mut signed = Vec::new();
    for leaf in &leaves {
        if let Event::CharterSigned(body) = &leaf.draft.event {
            let session = body.session.as_ref().unwrap();
            let began = leaves.iter().any(|leaf| {
                matches!(&leaf.draft.event, Event::OperatorSignedIn(begun) if begun.session == *session && begun.operator == body.operator)
            });
            assert!(began, "the entry leads to the session's");
            signed.push(body.operator.to_string());
        }
    }
    assert_eq!(signed, ["ivo-brandt", "mara-lind"]);
    let shown = text(&house.get_as(&path, &second).await.html);
    assert!(shown.contains("In force") && shown.contains("2 of 2"), "{shown}");
    let all = text(&house.get("/charter").await.html);
    assert!(all.contains("Handover starts before the shift.") && all.contains("In force"), "{all}");
    let workflow = text(&house.get("/charter/workflows/chart-review").await.html);
    assert!(workflow.contains("clinician-reads-summary"), "{workflow}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_signs_twice_or_for_another_or_from_elsewhere_or_something_they_did_not_see() {
    let house = House::under(minimal(false)).await;
    let (before, path) = (in_force(&house), proposed(&house).await);
    let signer = house.session_of("ivo-brandt").await;
    let page = house.get_as(&path, &signer).await.html;
    let (token, digest) = (hidden(&page, "form_token"), hidden(&page, "digest"));
    let to = format!("{path}/sign");
    let fields = format!("form_token={token}&digest={digest}");

    assert_eq!(post(&house, &signer, &to, "http://elsewhere.example", &fields).await.0, StatusCode::FORBIDDEN);
    assert_eq!(post(&house, "", &to, BASE, &fields).await.0, StatusCode::UNAUTHORIZED);
    let forged = format!("form_token=x&digest={digest}");
    assert_eq!(post(&house, &signer, &to, BASE, &forged).await.0, StatusCode::FORBIDDEN);
    assert_eq!(post(&house, &signer, &to, BASE, &format!("form_token={token}")).await.0, StatusCode::BAD_REQUEST);
    let unseen = format!("form_token={token}&digest={before}");
    let (status, said) = post(&house, &signer, &to, BASE, &unseen).await;
    assert!(status == StatusCode::CONFLICT && said.contains("What you saw is not what is proposed"), "{said}");
    assert_eq!(house.get_as(&to, &signer).await.status, StatusCode::METHOD_NOT_ALLOWED);
    let nowhere = post(&house, &signer, "/charter/proposals/0/sign", BASE, &fields).await;
    assert_eq!(nowhere.0, StatusCode::NOT_FOUND);

    let page = house.get(&path).await.html;
    assert!(!page.contains("/sign\""), "somebody who may not sign is given no button");
    let theirs = hidden(&page, "form_token");
    let (status, said) = post(&house, &house.cookie, &to, BASE, &format!("form_token={theirs}&digest={digest}")).await;
    assert!(status == StatusCode::FORBIDDEN && said.contains("may not sign"), "{said}");
    assert_eq!(house.plane.proposals().all()[0].signed.len(), 0, "nothing of that signed");

    assert_eq!(post(&house, &signer, &to, BASE, &fields).await.0, StatusCode::SEE_OTHER);
    let (status, said) = post(&house, &signer, &to, BASE, &fields).await;
    assert!(status == StatusCode::CONFLICT && said.contains("Signed already by ivo-brandt"), "{said}");
    assert_eq!(in_force(&house), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_those_who_may_sign_can_turn_it_down_with_a_reason() {
    let house = House::under(minimal(false)).await;
    let path = proposed(&house).await;
    let number: u64 = path.rsplit('/').next().unwrap().parse().unwrap();
    let signer = house.session_of("mara-lind").await;
    let page = house.get_as(&path, &signer).await.html;
    let token = hidden(&page, "form_token");
    let to = format!("{path}/reject");
    let silent = post(&house, &signer, &to, BASE, &format!("form_token={token}&reason=+")).await;
    assert!(silent.0 == StatusCode::CONFLICT && silent.1.contains("Say why"), "{}", silent.1);
    let why = format!("form_token={token}&reason=Too+wide.");
    assert_eq!(post(&house, &signer, &to, BASE, &why).await.0, StatusCode::SEE_OTHER);
    let ended = house.plane.proposals().find(Seq(number)).unwrap().ended;
    assert_eq!(ended, Some(plane::Ending::Rejected("Too wide.".into())));
    let shown = text(&house.get_as(&path, &signer).await.html);
    assert!(shown.contains("Too wide.") && shown.contains("can no longer be signed"), "{shown}");
}
