//! My patients: the recorded search, the wristband, and what is said when there is nobody.

use crate::house::{House, SECOND};
use axum::http::StatusCode;
use events::Event;
use events::decision::{Effect, Made};
use events::search::Answered;

fn searches(house: &House) -> Vec<Answered> {
    let found = house.entries("search.answered").into_iter();
    found
        .filter_map(|leaf| match leaf.draft.event {
            Event::SearchAnswered(answered) => Some(*answered),
            _ => None,
        })
        .collect()
}

pub(crate) fn decisions(house: &House) -> Vec<Made> {
    let made = house.entries("decision.made").into_iter();
    made.filter_map(|leaf| match leaf.draft.event {
        Event::DecisionMade(made) => Some(*made),
        _ => None,
    })
    .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn my_patients_are_those_a_recorded_search_finds() {
    let house = House::open().await;
    let mut amara = house.key_of("n-amara").await;
    let (here, too) = (house.admit("70011", "ED").await, house.admit("70012", "ED").await);
    let elsewhere = house.admit("70099", "ICU").await;
    let mut one = house.workstation("ws-1").await;
    one.touch(&mut amara).await;
    let page = one.get("/bedside/patients").await.text;
    assert!(page.contains(&here.to_string()) && page.contains(&too.to_string()), "{page}");
    assert!(page.contains("Emergency department") && !page.contains(&elsewhere.to_string()), "{page}");
    assert!(!page.contains("70011"), "no record number is on a page");
    assert!(page.contains("autofocus") && page.contains("Scan a wristband"), "{page}");
    let recorded = searches(&house);
    assert_eq!(recorded.len(), 1);
    let asked = &recorded[0].question;
    assert_eq!((asked.action.as_str(), asked.session.is_some()), ("read_chart", true));
    assert_eq!(asked.asserted.context["device"], "ws-1");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_list_goes_on_for_whoever_began_it() {
    let house = House::open().await;
    let (mut amara, mut bea) = (house.key_of("n-amara").await, house.key_of("n-bea").await);
    let mut all = Vec::new();
    for number in 0..20 {
        all.push(house.admit(&format!("8{number:04}"), "ED").await.to_string());
    }
    let mut one = house.workstation("ws-1").await;
    one.touch(&mut amara).await;
    let first = one.get("/bedside/patients").await.text;
    let more = first.split("href=\"/bedside/patients?after=").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let path = format!("/bedside/patients?after={more}");
    let second = one.get(&path).await.text;
    let on = |page: &str| all.iter().filter(|one| page.contains(one.as_str())).count();
    assert_eq!((on(&first), on(&second)), (16, 4));

    // Nobody else's list goes on by it, and neither does one that was left lying.
    let mut two = house.workstation("ws-2").await;
    two.touch(&mut bea).await;
    assert_eq!(on(&two.get(&path).await.text), 16);
    house.wait(SECOND * 60 * 8);
    one.renew().await;
    one.get("/bedside/patients").await;
    house.wait(SECOND * 60 * 8);
    one.renew().await;
    assert_eq!(on(&one.get(&path).await.text), 16);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_that_nobody_has_is_answered_like_one_that_is_not_mine() {
    let house = House::open().await;
    let mut amara = house.key_of("n-amara").await;
    house.admit("70099", "ICU").await;
    let mut one = house.workstation("ws-1").await;
    one.touch(&mut amara).await;
    let mut pages = Vec::new();
    for number in ["70099", "70404"] {
        let list = one.get("/bedside/patients").await.text;
        let got = one.form(&list, "/bedside/patients", &[("number", number)]).await;
        assert_eq!(got.status, StatusCode::SEE_OTHER, "{}", got.text);
        let to = got.to.unwrap();
        let pseudonym = to.rsplit('/').next().unwrap().to_owned();
        let page = one.get(&to).await;
        assert_eq!(page.status, StatusCode::OK);
        let short = &pseudonym.rsplit('_').next().unwrap()[..6];
        let body = page.text.split("<main").nth(1).unwrap().split("</main").next().unwrap().to_owned();
        pages.push(body.replace(&pseudonym, "P").replace(short, "S"));
    }
    assert_eq!(pages[0], pages[1]);
    assert!(!pages[0].contains("Intensive care"), "{}", pages[0]);
    let made = decisions(&house);
    assert_eq!(made.len(), 2);
    assert!(made.iter().all(|made| made.effect == Effect::Deny && made.question.session.is_some()));
    assert!(house.entries("search.answered").iter().all(|leaf| !format!("{leaf:?}").contains("70099")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scanned_wristband_opens_the_patients_page_and_one_misread_does_not() {
    let house = House::open().await;
    let mut amara = house.key_of("n-amara").await;
    let patient = house.admit("70011", "ED").await;
    let mut one = house.workstation("ws-1").await;
    one.touch(&mut amara).await;
    let list = one.get("/bedside/patients").await.text;
    let got = one.form(&list, "/bedside/patients", &[("number", " 70011 ")]).await;
    assert_eq!(got.to, Some(format!("/bedside/patient/{patient}")));
    assert!(one.get(&got.to.unwrap()).await.text.contains("Emergency department"));
    let long = "7".repeat(65);
    for (number, words) in
        [("", "no record number"), (long.as_str(), "no record number"), ("TEMP-HR-12345678Z", "One letter of this")]
    {
        let got = one.form(&list, "/bedside/patients", &[("number", number)]).await;
        assert!(got.status == StatusCode::BAD_REQUEST && got.text.contains(words), "{number}: {}", got.text);
    }
    assert_eq!(decisions(&house).len(), 1, "what is no number is not asked about");
}

#[tokio::test(flavor = "multi_thread")]
async fn with_nobody_to_show_the_page_says_what_would_help() {
    let house = House::open().await;
    let mut far = house.key_of("n-far").await;
    let mut icu = house.workstation("ws-icu").await;
    icu.touch(&mut far).await;
    let page = icu.get("/bedside/patients").await.text;
    assert!(page.contains("You are on shift in Intensive care") && page.contains("scan their wristband"), "{page}");
    assert!(searches(&house).len() > 1, "what else their role does was looked for as well");

    // Her patients are there, and something of hers stands in the way: what, and what helps, in the words of the policy.
    house.admit("70099", "ICU").await;
    house.wait(SECOND * 60 * 60 * 5);
    icu.renew().await;
    icu.touch(&mut far).await;
    let page = icu.get("/bedside/patients").await.text;
    assert!(page.contains("We have not heard who is where for four hours"), "{page}");
    assert!(page.contains("href=\"/bedside/help\""), "{page}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_sees_patients_without_a_session() {
    let house = House::open().await;
    let patient = house.admit("70011", "ED").await;
    let mut one = house.workstation("ws-1").await;
    for path in ["/bedside/patients", &format!("/bedside/patient/{patient}")] {
        let got = one.get(path).await;
        assert!(got.status == StatusCode::UNAUTHORIZED && !got.text.contains(&patient.to_string()), "{}", got.text);
    }
    let got = one.form_with("", "/bedside/patients", &[("number", "70011")]).await;
    assert!(got.status == StatusCode::FORBIDDEN && got.to.is_none(), "{} {}", got.status, got.text);
    assert!(decisions(&house).is_empty() && searches(&house).is_empty());
}
