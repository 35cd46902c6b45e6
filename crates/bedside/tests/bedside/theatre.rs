//! The view in theatre: shown to whoever's session is there, locked or not, without use; badges at the door say who, and let nobody in.

use crate::house::{House, SECOND, id};
use axum::http::StatusCode;
use events::rota::ShiftAssigned;

#[tokio::test(flavor = "multi_thread")]
async fn the_view_stays_while_the_screen_is_locked_and_is_recorded_when_it_changes() {
    let house = House::open().await;
    let mut theo = house.key_of("n-theo").await;
    let patient = house.admit("70021", "THEATRE").await;
    let mut screen = house.workstation("ws-or").await;
    assert_eq!(screen.get("/bedside/theatre").await.status, StatusCode::UNAUTHORIZED, "nobody is there");
    screen.touch(&mut theo).await;
    let path = screen.get("/bedside/theatre").await.to.unwrap();
    let page = screen.get(&path).await.text;
    let short = &patient.to_string()[4..10];
    assert!(page.contains(&format!("Patient {short}")) && page.contains("Operating theatres"), "{page}");
    assert!(page.contains("data-again=\"20\"") && page.contains("Nurse theo"), "{page}");
    let entries = || house.entries("search.answered").len();
    assert_eq!(entries(), 1);
    screen.form(&page, "/bedside/lock", &[]).await;
    let used = house.entries("session.used").len();
    for _ in 0..3 {
        house.wait(SECOND * 40);
        screen.renew().await;
        assert!(screen.get(&path).await.text.contains(&format!("Patient {short}")));
    }
    assert_eq!((entries(), house.entries("session.used").len()), (1, used), "the same view is no use and no new entry");
    house.admit("70022", "THEATRE").await;
    let changed = screen.get(&path).await.to.unwrap();
    assert!(changed != path && screen.get(&changed).await.status == StatusCode::OK);
    assert_eq!(entries(), 2);
    // An entry of something else stands for nothing.
    assert!(screen.get("/bedside/theatre?shown=1").await.to.is_some());
    assert_eq!(entries(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn outside_theatre_the_view_shows_nobody() {
    let house = House::open().await;
    let (mut theo, mut amara) = (house.key_of("n-theo").await, house.key_of("n-amara").await);
    let patient = house.admit("70021", "THEATRE").await;
    let short = patient.to_string()[4..10].to_owned();
    let mut one = house.workstation("ws-1").await;
    one.touch(&mut theo).await;
    let path = one.get("/bedside/theatre").await.to.unwrap();
    let page = one.get(&path).await.text;
    assert!(page.contains("work inside theatre only") && !page.contains(&short), "{page}");
    one.touch(&mut amara).await;
    assert!(one.get("/bedside/theatre").await.text.contains("nothing to do in theatre"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_badge_at_the_door_says_who_came_in_and_lets_nobody_in() {
    let house = House::open().await;
    let mut theo = house.key_of("n-theo").await;
    let mut screen = house.workstation("ws-or").await;
    house
        .record(ShiftAssigned {
            shift: id("s-bea-or"),
            person: id("n-bea"),
            unit: id("THEATRE"),
            from: house.plane.now(),
            until: house.plane.now() + SECOND * 3_600,
            on_call: false,
        })
        .await;
    let badge = [("badge", "badge-n-bea")];
    let got = screen.form_with("", "/bedside/theatre", &badge).await;
    assert!(got.status == StatusCode::UNAUTHORIZED && !got.text.contains("Nurse bea"), "{}", got.text);
    screen.touch(&mut theo).await;
    let got = screen.form_with("", "/bedside/theatre", &badge).await;
    assert!(got.text.contains("Nurse bea") && got.text.contains("/bedside/vouch"), "{}", got.text);
    // Whoever does not work here is as unknown as nobody, and who does not work in theatre asks for nobody.
    for other in ["badge-of-nobody", "badge-n-amara"] {
        let got = screen.form_with("", "/bedside/theatre", &[("badge", other)]).await;
        assert!(got.text.contains("Nobody on shift here goes by this badge") && !got.text.contains("Nurse amara"));
    }
    let mut amara = house.key_of("n-amara").await;
    let mut ward = house.workstation("ws-1").await;
    ward.touch(&mut amara).await;
    let got = ward.form_with("", "/bedside/theatre", &[("badge", "badge-d-ruiz")]).await;
    assert!(got.text.contains("nothing to do in theatre") && !got.text.contains("Doctor ruiz"), "{}", got.text);
    assert!(!ward.get("/bedside/patients").await.text.contains(">Theatre<"), "a way that leads nowhere is not shown");
    let sessions = house.plane.world(|world| world.sessions().count());
    assert_eq!(sessions, 2);
}
