//! What would be decided: as it would be, imagined otherwise, under a proposal; recorded, and no access.

use crate::changes::{hidden, minimal, post};
use crate::house::{BASE, House, MINUTE, START};
use crate::text;
use axum::http::StatusCode;
use events::charter::WhatIf;
use events::decision::Effect;
use events::{Actor, Event};

const AT_WORK: &str = "device=healthy&level=2&feeds=heard";

async fn what_if(house: &House, fields: &str) -> (StatusCode, String) {
    let page = house.get("/charter/what-if").await.html;
    let fields = format!("form_token={}&{fields}", hidden(&page, "form_token"));
    let (status, html) = post(house, &house.cookie, "/charter/what-if", BASE, &fields).await;
    (status, html)
}

fn asked(house: &House) -> Vec<WhatIf> {
    let of = |leaf: events::Leaf| match leaf.draft.event {
        Event::WhatIfAsked(asked) => Some(asked),
        _ => None,
    };
    house.leaves().into_iter().filter_map(of).collect()
}

#[tokio::test]
async fn a_named_person_and_patient_are_answered_as_they_are_and_as_they_might_be() {
    let house = House::busy().await;
    let (decisions, live) = (house.plane.decisions(), house.plane.live().len());
    let before = house.leaves().len();
    let question = format!("person=lindqvist.s&action=read_chart&record_number=70011&{AT_WORK}");
    let (status, html) = what_if(&house, &question).await;
    let told = text(&html);
    assert_eq!(status, StatusCode::OK, "{told}");
    assert!(told.contains("Would be denied") && told.contains("Sanna Lindqvist may not read the chart"), "{told}");
    assert!(told.contains("What would help") && told.contains("Who answers for it"), "{told}");
    assert!(!html.contains("70011"), "the number does not come back");

    let (_, html) = what_if(&house, &format!("{question}&shift=on:ED")).await;
    let told = text(&html);
    assert!(told.contains("Would be permitted") && told.contains("care-unit"), "{told}");
    let again = format!("person=lindqvist.s&action=read_chart&patient={}&{AT_WORK}", hidden(&html, "patient"));
    for (imagined, permitted) in [
        ("shift=on:ED&place=in:WARD-3B", false),
        ("place=in:WARD-3A", true),
        ("team=on&shift=none", true),
        ("held=break_glass", true),
        ("held=elevation:unit_cover", true),
        ("shift=on:ED&label=vip", false),
        ("shift=on:ED&device=failed", false),
        ("shift=on:ED&feeds=adt:300", true),
        ("shift=on:ED&role=ward_clerk", false),
        ("shift=none&order=performing", true),
        ("shift=none&order=ordered", false),
        ("shift=none&order=performed:60", true),
        ("shift=none&order=performed:1440", false),
        ("shift=none&order=unit:RADIOLOGY", false),
        ("shift=call:RADIOLOGY&order=unit:RADIOLOGY", true),
        ("shift=none&appointment=now", true),
        ("shift=none&appointment=ahead:60", true),
        ("shift=none&appointment=ahead:1440", false),
        ("shift=none&appointment=over:60", true),
        ("shift=none&appointment=over:1440", false),
        ("shift=on:WARD-3B&appointment=unit:WARD-3B", true),
        ("shift=on:WARD-3B&appointment=none", false),
    ] {
        let later: Vec<&str> =
            again.split('&').filter(|part| !imagined.contains(part.split('=').next().unwrap())).collect();
        let (_, html) = what_if(&house, &format!("{}&{imagined}", later.join("&"))).await;
        let word = if permitted { "Would be permitted" } else { "Would be denied" };
        assert!(text(&html).contains(word), "{imagined}: {}", text(&html));
    }
    let asked = asked(&house);
    assert_eq!(house.leaves().len(), before + asked.len(), "each is one entry, and nothing else is recorded");
    assert_eq!(asked.len(), 24);
    assert_eq!(asked[1].patient, Some(house.plane.directory().patient("70011")));
    assert_eq!((asked[0].effect, asked[1].effect), (Effect::Deny, Effect::Permit));
    assert_eq!(asked[1].imagined["shift"], "on:ED");
    assert_eq!((house.plane.decisions(), house.plane.live().len()), (decisions, live), "nobody got anything");
    let whole: String = house.leaves().iter().map(|leaf| format!("{leaf:?}")).collect();
    assert!(!whole.contains("70011"), "the number is in no entry");
}

#[tokio::test]
async fn a_declared_emergency_is_imagined_and_imagined_away() {
    let house = House::busy().await;
    let waiting =
        "person=lindqvist.s&record_number=70011&action=administer_medication&shift=on:WARD-3B&place=expected:WARD-3B";
    for (emergency, permitted) in [("", false), ("&emergency=in:WARD-3B", true), ("&emergency=in:PAEDS", false)] {
        let (_, html) = what_if(&house, &format!("{waiting}&{AT_WORK}{emergency}")).await;
        let word = if permitted { "Would be permitted" } else { "Would be denied" };
        assert!(text(&html).contains(word), "{emergency}: {}", text(&html));
        assert!(!permitted || text(&html).contains("emergency-declared"), "{}", text(&html));
    }
    let until = START + MINUTE * 600;
    house.record("command-centre", events::emergency::Declared { unit: "WARD-3A".parse().unwrap(), until }).await;
    let waiting = waiting.replace("WARD-3B", "WARD-3A");
    for (emergency, permitted) in [("", true), ("&emergency=none", false)] {
        let (_, html) = what_if(&house, &format!("{waiting}&{AT_WORK}{emergency}")).await;
        let word = if permitted { "Would be permitted" } else { "Would be denied" };
        assert!(text(&html).contains(word), "{emergency}: {}", text(&html));
    }
}

#[tokio::test]
async fn what_was_asked_of_a_patient_stands_in_their_account() {
    let house = House::busy().await;
    what_if(&house, &format!("person=haddad.a&action=read_chart&record_number=70011&{AT_WORK}")).await;
    let patient = house.plane.directory().patient("70011");
    let account = text(&house.get(&format!("/audit/account?patient={patient}")).await.html);
    let (_, looks) = account.split_once("Who looked at this evidence").unwrap();
    assert!(looks.contains("m.keller") && looks.contains("what if"), "{looks}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proposal_is_asked_beside_the_charter_in_force() {
    let house = House::under(minimal(false)).await;
    let by = Actor::local("uid 1000").unwrap();
    let number = house.plane.propose(minimal(true), "to try", by).await.unwrap();
    assert!(house.get("/charter/what-if").await.html.contains(&format!("of proposal {number}")));
    let page = house.get(&format!("/charter/proposals/{number}")).await.html;
    let href = format!("/charter/what-if?charter={number}");
    assert!(page.contains(&href), "the proposal leads to it");
    assert!(house.get(&href).await.html.contains(&format!("<option value=\"{number}\" selected>")));
    let question = format!("person=nora&role=nurse&action=read_summary&{AT_WORK}");
    let (_, html) = what_if(&house, &question).await;
    assert!(text(&html).contains("Would be denied"), "{}", text(&html));
    let (_, html) = what_if(&house, &format!("{question}&charter={number}")).await;
    assert!(text(&html).contains("Would be permitted"), "{}", text(&html));
    let digests: Vec<_> = asked(&house).iter().map(|asked| asked.digest).collect();
    assert_eq!(digests, [minimal(false).digest(), minimal(true).digest()]);
}

#[tokio::test]
async fn what_makes_no_sense_is_refused_and_not_recorded() {
    let house = House::empty().await;
    let before = house.leaves().len();
    for fields in [
        "action=read_chart",
        "person=a&action=",
        "person=a&action=read_chart&shift=sometimes",
        "person=a&action=read_chart&place=in:",
        "person=a&action=read_chart&device=melted",
        "person=a&action=read_chart&level=high",
        "person=a&action=read_chart&feeds=adt:-1",
        "person=a&action=read_chart&held=keys",
        "person=a&action=read_chart&order=pizza",
        "person=a&action=read_chart&order=performed:-1",
        "person=a&action=read_chart&order=performed:99999999999",
        "person=a&action=read_chart&order=unit:",
        "person=a&action=read_chart&appointment=sometime",
        "person=a&action=read_chart&appointment=ahead:soon",
        "person=a&action=read_chart&emergency=ED",
        "person=a&action=read_chart&emergency=in:",
        "person=a&action=read_chart&charter=77",
        "person=a&action=read_chart&patient=somebody",
    ] {
        let (status, html) = what_if(&house, fields).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{fields}: {}", text(&html));
    }
    assert_eq!(house.leaves().len(), before);
    let (status, html) = what_if(&house, "person=nobody-known&action=read_chart").await;
    assert!(status == StatusCode::OK && text(&html).contains("Would be denied"), "{}", text(&html));
}
