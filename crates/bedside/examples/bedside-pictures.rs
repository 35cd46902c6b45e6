//! Writes the bedside pages with a made-up morning on them, to look at:
//! `cargo run --example bedside-pictures -- OUT_DIR`.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    dead_code,
    reason = "shares the tests' house: a wrong assumption should stop it"
)]

#[path = "../tests/bedside/house.rs"]
mod house;

use house::{Browser, House, SECOND};
use std::path::{Path, PathBuf};

async fn write(browser: &mut Browser<'_>, out: &Path, name: &str, path: &str) -> String {
    let got = browser.get(path).await;
    keep(out, name, &got.text);
    got.text
}

fn keep(out: &Path, name: &str, text: &str) {
    std::fs::write(out.join(name), text.replace("\"/assets/", "\"assets/")).unwrap();
}

#[tokio::main]
async fn main() {
    let out = std::env::args_os().nth(1).map(PathBuf::from).unwrap();
    std::fs::create_dir_all(out.join("assets")).unwrap();
    std::fs::write(out.join(pages::styles_path().trim_start_matches('/')), pages::styles()).unwrap();
    let house = House::open().await;
    let (mut amara, mut theo) = (house.key_of("n-amara").await, house.key_of("n-theo").await);
    let mut one = house.workstation("ws-1").await;
    one.touch(&mut amara).await;
    write(&mut one, &out, "nobody.html", "/bedside/patients").await;
    let mut patient = String::new();
    for number in 0..5 {
        patient = house.admit(&format!("7{number:04}"), "ED").await.to_string();
        house.wait(SECOND * 7);
    }
    let elsewhere = house.admit("70099", "ICU").await;
    house.admit("70021", "THEATRE").await;
    let path = format!("/bedside/patient/{patient}");
    write(&mut one, &out, "patients.html", "/bedside/patients").await;
    write(&mut one, &out, "me.html", "/bedside/me").await;
    write(&mut one, &out, "forbidden.html", &format!("/bedside/patient/{elsewhere}")).await;
    let page = write(&mut one, &out, "patient.html", &path).await;
    for (name, ask) in [("permitted.html", "read_chart"), ("denied.html", "administer_controlled_drug")] {
        let got = one.form(&page, &path, &[("ask", ask)]).await;
        keep(&out, name, &got.text);
    }
    let got = one.form(&page, "/bedside/me/keys/add", &[]).await;
    keep(&out, "another-key.html", &got.text);
    let mut screen = house.workstation("ws-or").await;
    screen.touch(&mut theo).await;
    let view = screen.get("/bedside/theatre").await.to.unwrap();
    write(&mut screen, &out, "theatre.html", &view).await;
}
