//! Who saw this record: searched, accounted for, taken away, and recorded.

use crate::house::{BASE, House};
use crate::text;
use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use events::{Event, ledger};
use http_body_util::BodyExt as _;
use tower::ServiceExt as _;

async fn post(house: &House, path: &str, fields: &str) -> (StatusCode, String, String) {
    let page = house.get("/audit/account").await.html;
    let token = page.split("name=\"form_token\" value=\"").last().unwrap().split('"').next().unwrap().to_owned();
    let request = Request::post(path)
        .header(header::ORIGIN, BASE)
        .header(header::COOKIE, &house.cookie)
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(Body::from(format!("form_token={token}&{fields}")))
        .unwrap();
    let response = house.router.clone().oneshot(request).await.unwrap();
    let status = response.status();
    let to = response.headers().get(header::LOCATION).map(|to| to.to_str().unwrap().to_owned()).unwrap_or_default();
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    (status, to, String::from_utf8(bytes.to_vec()).unwrap())
}

fn searches(house: &House) -> Vec<ledger::Searched> {
    let of = |leaf: events::Leaf| match leaf.draft.event {
        Event::LedgerSearched(searched) => Some(searched),
        _ => None,
    };
    house.leaves().into_iter().filter_map(of).collect()
}

#[tokio::test]
async fn a_record_number_ends_at_the_form_and_its_patient_is_found() {
    let house = House::busy().await;
    let (status, to, _) = post(&house, "/audit", "record_number=70011&effect=deny").await;
    assert_eq!(status, StatusCode::SEE_OTHER);
    let patient = house.plane.directory().patient("70011");
    assert!(to.contains(&patient.to_string()) && !to.contains("70011"), "{to}");
    let got = house.get(&to).await;
    let told = text(&got.html);
    assert!(told.contains("Sanna Lindqvist") && told.contains("Denied"), "{told}");
    assert!(!told.contains("Permitted Amira"), "{told}");
    let last = searches(&house).pop().unwrap();
    assert_eq!((last.how.as_str(), last.patient), ("console", Some(patient)));
    assert!(last.shown > 0 && last.narrowed["effect"] == "deny", "{last:?}");
    let whole: String = house.leaves().iter().map(|leaf| format!("{leaf:?}")).collect();
    assert!(!whole.contains("70011"), "the number is in no entry");
}

#[tokio::test]
async fn whoever_opens_a_decision_about_a_patient_stands_in_their_account() {
    let house = House::busy().await;
    let (patient, other) = (house.plane.directory().patient("70011"), house.plane.directory().patient("70013"));
    let decision = house.ask("haddad.a", "read_chart", "70011", "ws-ed-014", None).await;
    let account = async |of| {
        text(&house.get(&format!("/audit/account?patient={of}&from=2026-11-22&until=2026-11-22")).await.html)
    };
    let looked = format!("console, entry {decision}");
    assert!(!account(patient).await.contains(&looked));
    for page in ["decisions", "ledger"] {
        house.get(&format!("/{page}/{decision}")).await;
        let read = house.leaves().into_iter().rev().find_map(|leaf| match leaf.draft.event {
            Event::LedgerRead(read) => Some(read),
            _ => None,
        });
        assert_eq!(read.map(|read| (read.from, read.patient)), Some((decision, Some(patient))), "{page}");
    }
    assert!(account(patient).await.contains(&looked));
    assert!(!account(other).await.contains(&looked));
}

#[tokio::test]
async fn the_form_alone_shows_and_records_nothing() {
    let house = House::busy().await;
    let before = house.leaves().len();
    let told = text(&house.get("/audit").await.html);
    assert!(told.contains("Record number") && !told.contains("Found"), "{told}");
    assert_eq!(house.leaves().len(), before);
}

#[tokio::test]
async fn pages_of_a_search_lead_to_each_other_and_miss_nothing() {
    let house = House::busy().await;
    let (mut path, mut seen) = ("/audit?search=1".to_owned(), Vec::new());
    loop {
        let html = house.get(&path).await.html;
        let entries = html.split("href=\"/decisions/").skip(1).map(|rest| rest.split('"').next().unwrap().to_owned());
        seen.extend(entries);
        let Some(older) = html.split("rel=\"next\"").next().filter(|_| html.contains("rel=\"next\"")) else { break };
        path = older.rsplit("href=\"").next().unwrap().split('"').next().unwrap().replace("&amp;", "&");
    }
    let decisions = house.leaves().into_iter().filter(|leaf| matches!(leaf.draft.event, Event::DecisionMade(_)));
    let mut all: Vec<String> = decisions.map(|leaf| leaf.seq.to_string()).collect();
    all.reverse();
    assert_eq!(seen, all);
}

#[tokio::test]
async fn a_patient_reads_who_was_given_access_and_the_number_is_shown_once() {
    let house = House::busy().await;
    let (status, _, html) = post(&house, "/audit/account", "record_number=70011&from=&until=").await;
    assert_eq!(status, StatusCode::OK);
    let told = text(&html);
    for part in [
        "Who was given access to this record",
        "70011",
        "Amira Haddad",
        "Registered nurse",
        "treatment",
        "read the chart, record observations",
        "“You are working in the unit where this patient is",
        "rule care-unit, Nursing",
        "Access that was refused",
        "Sanna Lindqvist",
        "operator:m.keller",
        "Root hash",
        "ledger verify EXPORT",
    ] {
        assert!(told.contains(part), "“{part}” is missing from: {told}");
    }
    assert_eq!(searches(&house).pop().unwrap().how, "account");
    let whole: String = house.leaves().iter().map(|leaf| format!("{leaf:?}")).collect();
    assert!(!whole.contains("70011"));
    let patient = house.plane.directory().patient("70011");
    let again = house.get(&format!("/audit/account?patient={patient}")).await.html;
    assert!(!again.contains("70011") && again.contains("fill-in"));
}

#[tokio::test]
async fn what_makes_no_sense_is_refused_and_a_number_is_not_repeated() {
    let house = House::busy().await;
    let long = "9".repeat(65);
    let (status, _, html) = post(&house, "/audit/account", &format!("record_number={long}")).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert!(!html.contains(&long));
    let patient = house.plane.directory().patient("70011");
    for path in [
        "/audit?effect=maybe".to_owned(),
        "/audit?patient=70011".to_owned(),
        format!("/audit/account?patient={patient}&from=2001-01-01"),
        format!("/audit/account?patient={patient}&from=2026-11-22&until=2026-11-01"),
    ] {
        assert_eq!(house.get(&path).await.status, StatusCode::BAD_REQUEST, "{path}");
    }
}

#[tokio::test]
async fn a_table_to_take_away_has_a_row_for_each_decision() {
    let house = House::busy().await;
    let patient = house.plane.directory().patient("70013");
    let got = house.get(&format!("/audit.csv?patient={patient}")).await;
    let rows: Vec<&str> = got.html.lines().collect();
    assert!(rows[0].starts_with("entry,recorded_at,answer,who"), "{}", rows[0]);
    assert!(rows.len() > 2 && rows[1..].iter().all(|row| row.contains(&patient.to_string())));
    assert_eq!(searches(&house).pop().unwrap().how, "csv");
}
