//! Writes every page of the console with a made-up morning on it, to look at: `cargo run -p console@0.1.0 --example pictures -- OUT_DIR`.

#![expect(clippy::unwrap_used, unreachable_pub, dead_code, reason = "shares the tests' house")]

#[path = "../tests/console/house/mod.rs"]
mod house;

use house::{House, MINUTE, START};
use std::path::{Path, PathBuf};

async fn write(house: &House, out: &Path, name: &str, path: &str) {
    let got = house.get(path).await;
    std::fs::write(out.join(name), got.html.replace("\"/assets/", "\"assets/")).unwrap();
}

#[tokio::main]
async fn main() {
    let out = std::env::args_os().nth(1).map(PathBuf::from).unwrap();
    std::fs::create_dir_all(out.join("assets")).unwrap();
    std::fs::write(out.join(pages::styles_path().trim_start_matches('/')), pages::styles()).unwrap();

    let empty = House::empty().await;
    for (name, path) in
        [("empty-now.html", "/"), ("empty-decisions.html", "/decisions"), ("empty-feeds.html", "/feeds")]
    {
        write(&empty, &out, name, path).await;
    }

    let house = House::busy().await;
    let deny = house.ask("lindqvist.s", "read_chart", "70011", "ws-3a-05", Some("chart-review")).await;
    let permit = house.ask("haddad.a", "read_chart", "70011", "ws-ed-014", None).await;
    let vip = house.ask("okafor.j", "read_chart", "70012", "ws-ed-014", Some("ed-chart-review")).await;
    for (name, path) in [
        ("now.html", "/".to_owned()),
        ("decisions.html", "/decisions".to_owned()),
        ("decisions-live.html", "/decisions?effect=deny&live=1".to_owned()),
        ("deny.html", format!("/decisions/{deny}")),
        ("permit.html", format!("/decisions/{permit}")),
        ("vip.html", format!("/decisions/{vip}")),
        ("audit.html", "/audit?search=1".to_owned()),
        ("audit-empty.html", "/audit".to_owned()),
        ("audit-patient.html", format!("/audit?patient={}&effect=deny", house.plane.directory().patient("70011"))),
        ("account.html", format!("/audit/account?patient={}", house.plane.directory().patient("70011"))),
        ("account-ask.html", "/audit/account".to_owned()),
        ("feeds.html", "/feeds".to_owned()),
        ("ledger.html", "/ledger".to_owned()),
        ("entry.html", "/ledger/5".to_owned()),
        ("missing.html", "/decisions/999999".to_owned()),
        ("nowhere.html", "/no/such/page".to_owned()),
    ] {
        write(&house, &out, name, &path).await;
    }
    house.clock.set(START + MINUTE * 90);
    let got = house.get_as("/", "").await;
    std::fs::write(out.join("signed-out.html"), got.html.replace("\"/assets/", "\"assets/")).unwrap();
    let mut later = house;
    later.sign_in().await;
    write(&later, &out, "silent.html", "/").await;
}
