//! The console through its real router over a real node.

#![expect(clippy::unwrap_used, dead_code, unreachable_pub, reason = "tests")]

mod audits;
mod changes;
mod house;
mod what_if;

use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use events::{Actor, Event, OperatorId, Seq};
use house::{BASE, House, MINUTE, START};
use std::time::Duration;
use tower::ServiceExt as _;

const PAGES: [&str; 11] = [
    "/",
    "/audit?search=1",
    "/audit/account",
    "/charter",
    "/charter/what-if",
    "/charter/workflows/chart-review",
    "/decisions",
    "/feeds",
    "/ledger",
    "/ledger/0",
    "/decisions?effect=deny&live=1",
];

/// What a reader sees: the text between tags, with white space as it is shown.
fn text(html: &str) -> String {
    let body = html.split_once("<body>").unwrap().1;
    let mut out = String::new();
    for part in body.split('<') {
        let shown = part.split_once('>').map_or(part, |(_, text)| text);
        out.push_str(shown);
        out.push(' ');
    }
    out.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The headings of a page, in order: what it is about.
fn outline(html: &str) -> String {
    let mut lines = Vec::new();
    for part in html.split("<h").skip(1).filter(|part| part.starts_with(['1', '2'])) {
        let inner = part.split_once('>').unwrap().1.split("</h").next().unwrap();
        lines.push(format!("h{} {}", &part[..1], text(&format!("<body>{inner}"))));
    }
    lines.join("\n")
}

#[tokio::test]
async fn nobody_sees_a_page_without_signing_in() {
    let house = House::empty().await;
    for path in PAGES {
        let got = house.get_as(path, "").await;
        assert_eq!(got.status, StatusCode::UNAUTHORIZED, "{path}");
        assert!(!got.html.contains("charter.applied"), "{path}");
    }
    let entries = house.leaves().len();
    house.get_as("/decisions/1", "handrail-operator-7410=x.y").await;
    assert_eq!(house.leaves().len(), entries, "a stranger's look shows nothing and records nothing");
}

#[tokio::test]
async fn every_page_has_its_headers_and_neither_script_nor_style_of_its_own() {
    let house = House::busy().await;
    for path in PAGES {
        let request = Request::get(path).header(header::COOKIE, &house.cookie).body(Body::empty()).unwrap();
        let response = house.router.clone().oneshot(request).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        let policy = response.headers().get(header::CONTENT_SECURITY_POLICY).unwrap().to_str().unwrap();
        assert!(policy.starts_with("default-src 'none'"), "{path}");
        assert_eq!(response.headers().get(header::CACHE_CONTROL).unwrap(), "no-store", "{path}");
        let html = house.get(path).await.html;
        for unwanted in ["<script", "<style", " style=\"", "javascript:", "http://", "https://"] {
            assert!(!html.contains(unwanted), "{unwanted} on {path}");
        }
        assert_eq!(html.matches("<h1").count(), 1, "{path}");
        assert!(html.len() < 120_000, "{path} has {} bytes", html.len());
    }
}

#[tokio::test]
async fn an_empty_house_says_what_will_be_where() {
    let house = House::empty().await;
    assert!(text(&house.get("/").await.html).contains("Nobody was stopped"));
    assert!(text(&house.get("/decisions").await.html).contains("No decisions yet"));
    assert!(text(&house.get("/feeds").await.html).contains("Never heard"));
    let never = text(&house.get("/").await.html);
    assert!(never.contains("The feed “adt” was never heard"), "{never}");
}

#[tokio::test]
async fn a_deny_is_explained_to_a_privacy_officer() {
    let house = House::busy().await;
    let entry = house.ask("lindqvist.s", "read_chart", "70011", "ws-3a-05", Some("chart-review")).await;
    let got = house.get(&format!("/decisions/{entry}")).await;
    assert_eq!(got.status, StatusCode::OK);
    let told = text(&got.html);
    for part in [
        "Denied",
        "Sanna Lindqvist may not",
        "Signed in as lindqvist.s",
        "No policy permits this",
        "What would have helped",
        "What was true",
        "On shift in WARD-3A",
        "ws-3a-05",
        "What the calling system said",
        "Who answers for it",
        "Nursing",
        "site-coordinator@harbour-general.example",
        "Proof checked just now",
        "How to check it elsewhere",
        "req-7f3a90",
    ] {
        assert!(told.contains(part), "“{part}” is missing from: {told}");
    }
    assert!(!got.html.contains("70011"), "the record number is nowhere");
}

#[tokio::test]
async fn a_permit_names_the_policy_its_reason_and_its_owner() {
    let house = House::busy().await;
    let entry = house.ask("haddad.a", "read_chart", "70011", "ws-ed-014", None).await;
    let told = text(&house.get(&format!("/decisions/{entry}")).await.html);
    for part in [
        "Permitted",
        "care-unit",
        "You are working in the unit where this patient is",
        "policies/care.cedar",
        "Owned by",
        "This permit is live",
    ] {
        assert!(told.contains(part), "“{part}” is missing from: {told}");
    }
}

#[tokio::test]
async fn the_proof_on_the_page_holds_without_this_server() {
    let house = House::busy().await;
    let entry = house.ask("haddad.a", "read_chart", "70011", "ws-ed-014", Some("chart-review")).await;
    let html = house.get(&format!("/ledger/{entry}")).await.html;
    let block = |label: &str| {
        let rest = html.split_once(&format!("<figcaption>{label}</figcaption>")).unwrap().1;
        let code = rest.split_once("<code>").unwrap().1.split_once("</code>").unwrap().0;
        code.replace("&quot;", "\"").replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
    };
    let key = ledger::VerifyingKey::parse(&block("Key that signed it")).unwrap();
    let checkpoint = ledger::note::open(block("Signed checkpoint").as_bytes(), &key).unwrap();
    let path: Vec<ledger::Hash> =
        block("From the entry to the root, one hash a line").lines().map(|line| line.parse().unwrap()).collect();
    let leaf = ledger::leaf_hash(block("The bytes that were hashed").as_bytes());
    ledger::proof::verify_inclusion(entry.0, checkpoint.size, &leaf, &path, &checkpoint.root).unwrap();
}

#[tokio::test]
async fn reading_is_recorded_before_it_is_shown_and_following_live_does_not_flood_the_ledger() {
    let house = House::busy().await;
    let readings =
        || house.leaves().into_iter().filter(|leaf| matches!(leaf.draft.event, Event::LedgerRead(_))).count();
    let entry = house.ask("haddad.a", "read_chart", "70011", "ws-ed-014", Some("chart-review")).await;

    house.get(&format!("/decisions/{entry}")).await;
    let last = house.leaves().pop().unwrap();
    assert_eq!(last.draft.actor, Actor::operator(&OperatorId::new("m.keller").unwrap()));
    let Event::LedgerRead(read) = &last.draft.event else { panic!("{last:?}") };
    assert_eq!((read.how.as_str(), read.from, read.to), ("console", entry, Seq(entry.0 + 1)));

    let before = readings();
    for _ in 0..5 {
        house.get("/decisions?live=1").await;
    }
    assert_eq!(readings(), before + 1, "the same list is one reading");
    house.ask("haddad.a", "read_chart", "70011", "ws-ed-014", Some("chart-review")).await;
    house.get("/decisions?live=1").await;
    assert_eq!(readings(), before + 2, "a list with something new on it is another");
}

#[tokio::test]
async fn nothing_is_shown_that_cannot_be_recorded_as_read() {
    let house = House::busy().await;
    let entry = house.ask("haddad.a", "read_chart", "70011", "ws-ed-014", Some("chart-review")).await;
    house.plane.store().closed().await;
    for path in
        [format!("/decisions/{entry}"), format!("/ledger/{entry}"), "/decisions".to_owned(), "/ledger".to_owned()]
    {
        let got = house.get(&path).await;
        assert_eq!(got.status, StatusCode::SERVICE_UNAVAILABLE, "{path}");
        assert!(!got.html.contains("haddad.a"), "{path}");
        assert!(text(&got.html).contains("takes no entries"), "{path}");
    }
    let first = text(&house.get("/").await.html);
    assert!(first.contains("Nothing can be recorded, so nothing is answered"), "{first}");
    assert!(first.contains("Not shown"), "{first}");
}

#[tokio::test]
async fn the_list_can_be_filtered_and_turned_without_missing_or_repeating_any() {
    let house = House::busy().await;
    for _ in 0..130 {
        house.ask("okafor.j", "read_chart", "70011", "ws-ed-014", Some("ed-chart-review")).await;
    }
    let all: Vec<u64> = house
        .leaves()
        .into_iter()
        .filter(|leaf| matches!(&leaf.draft.event, Event::DecisionMade(_)))
        .map(|leaf| leaf.seq.0)
        .rev()
        .collect();
    let rows = |html: &str| -> Vec<u64> {
        html.split("href=\"/decisions/").skip(1).map(|rest| rest.split('"').next().unwrap().parse().unwrap()).collect()
    };
    let turn = |html: &str, rel: &str| -> Option<String> {
        let (before, _) = html.split_once(&format!("rel=\"{rel}\""))?;
        Some(before.rsplit_once("href=\"")?.1.split('"').next()?.replace("&amp;", "&"))
    };
    let (mut path, mut seen) = ("/decisions".to_owned(), Vec::new());
    let oldest = loop {
        let got = house.get(&path).await;
        assert_eq!(got.status, StatusCode::OK, "{path}");
        seen.extend(rows(&got.html));
        match turn(&got.html, "next") {
            Some(next) => path = next,
            None => break got.html,
        }
    };
    assert_eq!(seen, all);
    let back = house.get(&turn(&oldest, "prev").unwrap()).await.html;
    let back = rows(&back);
    assert!(!back.is_empty() && back.last() > rows(&oldest).first(), "newer decisions, right after the oldest page");

    let denies = house.get("/decisions?effect=deny").await.html;
    assert!(denies.contains("Denied") && !text(&denies).contains("Permitted okafor.j"), "only denies");
    let workflow = house.get("/decisions?workflow=ed-chart-review").await.html;
    assert_eq!(rows(&workflow).len(), 50);
    let none = text(&house.get("/decisions?workflow=no-such-workflow").await.html);
    assert!(none.contains("None like this") && none.contains("no-such-workflow (not in this charter)"), "{none}");
}

#[tokio::test]
async fn following_live_reloads_and_looking_back_does_not() {
    let house = House::busy().await;
    assert!(house.get("/decisions?live=1").await.html.contains("http-equiv=\"refresh\" content=\"5\""));
    for path in ["/decisions", "/decisions?live=0", "/decisions?live=1&before=20"] {
        assert!(!house.get(path).await.html.contains("http-equiv=\"refresh\""), "{path}");
    }
}

#[tokio::test]
async fn nonsense_is_answered_kindly() {
    let house = House::busy().await;
    let huge = format!("/decisions/{}", "9".repeat(5_000));
    let evil = "/decisions/%3Cscript%3Ealert(1)%3C%2Fscript%3E";
    for path in [
        "/decisions/999999",
        "/decisions/-1",
        "/decisions/+1",
        "/decisions/18446744073709551616",
        "/decisions/abc",
        "/ledger/1e3",
        &huge,
        evil,
    ] {
        let got = house.get(path).await;
        assert_eq!(got.status, StatusCode::NOT_FOUND, "{path}");
        let told = text(&got.html);
        assert!(told.contains("There is no entry") && told.contains("numbered from 0 to"), "{told}");
        assert!(told.contains("All decisions"), "there is a way on: {told}");
        assert!(!got.html.contains("<script") && got.html.len() < 10_000, "{path}");
    }
    for path in [
        "/decisions?effect=maybe",
        "/decisions?before=x",
        "/decisions?after=99999999999999999999",
        "/decisions?workflow=%00",
    ] {
        let got = house.get(path).await;
        assert_eq!(got.status, StatusCode::BAD_REQUEST, "{path}");
        assert!(text(&got.html).contains("This address cannot be understood"), "{path}");
    }
    for path in [
        "/decisions?before=18446744073709551615",
        "/decisions?after=18446744073709551615",
        "/decisions?before=0",
        "/decisions?%",
        "/decisions?effect",
        "/decisions?x=y&&&=&",
    ] {
        assert_eq!(house.get(path).await.status, StatusCode::OK, "{path}");
    }
    assert_eq!(house.get("/no/such/page").await.status, StatusCode::NOT_FOUND);
    assert_eq!(house.get_as("/no/such/page", "").await.status, StatusCode::NOT_FOUND);
    let other = house.get("/decisions/0").await;
    assert_eq!(other.status, StatusCode::NOT_FOUND);
    assert!(text(&other.html).contains("This entry is not a decision"), "the way to the entry is offered");
    assert!(other.html.contains("href=\"/ledger/0\""));
}

#[tokio::test]
async fn a_feed_that_falls_silent_needs_somebody() {
    let mut house = House::busy().await;
    assert!(!text(&house.get("/").await.html).contains("has been silent"));
    house.clock.set(START + MINUTE * 40 + Duration::from_secs(30 * 60));
    house.sign_in().await;
    let told = text(&house.get("/").await.html);
    assert!(told.contains("The feed “adt” has been silent for"), "{told}");
    assert!(told.contains("Whose it is"), "{told}");
    assert!(text(&house.get("/feeds").await.html).contains("Silent for"));
}

#[tokio::test]
async fn a_workflow_that_stops_too_many_needs_its_incident_owner() {
    let house = House::busy().await;
    assert!(
        !text(&house.get("/").await.html).contains("denied in the last hour"),
        "few are stopped on a usual morning"
    );
    for _ in 0..30 {
        house.ask("lindqvist.s", "read_chart", "70011", "ws-3a-05", Some("chart-review")).await;
    }
    let got = house.get("/").await;
    let told = text(&got.html);
    assert!(told.contains("Chart review on the wards: ") && told.contains("% denied in the last hour"), "{told}");
    assert!(told.contains("Whose it is: Nursing"), "{told}");
    let denies = got.html.split_once("href=\"/decisions?effect=deny&amp;workflow=chart-review\"").is_some();
    assert!(denies, "the way to these denies is offered");
}

#[tokio::test]
async fn what_a_feed_sent_that_nobody_could_use_is_listed_while_it_is_kept() {
    let house = House::busy().await;
    let told = text(&house.get("/feeds").await.html);
    let [kept] = &feeds::listener::again::list(&house.plane).await.unwrap()[..] else { panic!("one is kept") };
    for word in ["PID-3 is empty", "PAS", "ADT^A02", "59 bytes", "to be put right, of 1 that could not be used"] {
        assert!(told.contains(word), "{word}: {told}");
    }
    for command in ["show", "repair", "discard"] {
        assert!(told.contains(&format!("handrail feed rejected {command} {} ", kept.id)), "{told}");
    }
    let first = text(&house.get("/").await.html);
    assert!(first.contains("A message could not be used in the last hour"), "{first}");

    let actor = Actor::local("uid 0").unwrap();
    feeds::listener::again::discard(&house.plane, kept.id, "a test system sent it", actor).await.unwrap();
    let told = text(&house.get("/feeds").await.html);
    assert!(
        told.contains("none of 1 that could not be used is still kept") && told.contains("No message waits"),
        "{told}"
    );
    assert!(!told.contains("PID-3 is empty") && !told.contains("handrail feed rejected show"), "{told}");
}

#[tokio::test]
async fn every_page_is_about_what_was_agreed() {
    let house = House::busy().await;
    let deny = house.ask("lindqvist.s", "read_chart", "70011", "ws-3a-05", Some("chart-review")).await;
    insta::assert_snapshot!("now", outline(&house.get("/").await.html));
    insta::assert_snapshot!("decisions", outline(&house.get("/decisions").await.html));
    insta::assert_snapshot!("deny", outline(&house.get(&format!("/decisions/{deny}")).await.html));
    insta::assert_snapshot!("feeds", outline(&house.get("/feeds").await.html));
    insta::assert_snapshot!("ledger", outline(&house.get("/ledger").await.html));
}

#[tokio::test]
async fn the_stylesheet_is_served_for_ever_and_to_anybody() {
    let house = House::empty().await;
    let request = Request::get(pages::styles_path()).body(Body::empty()).unwrap();
    let response = house.router.clone().oneshot(request).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    assert!(response.headers().get(header::CACHE_CONTROL).unwrap().to_str().unwrap().contains("immutable"));
    assert!(house.get("/").await.html.contains(pages::styles_path()));
    assert!(BASE.starts_with("http://127.0.0.1"), "tests stay on this machine");
}
