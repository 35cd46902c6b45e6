//! Data that an earlier release wrote, under today's binary: nothing is lost, nothing is judged otherwise, and life goes on.

use crate::desk::{Desk, done};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The releases whose data is kept in `tests/upgrade`, with the decisions each recorded.
const RELEASES: [(&str, &str); 1] = [("0.1.0", "33 decisions reproduced bit for bit")];

fn kept(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/upgrade").join(name)
}

/// A desk whose data directory an earlier release left behind.
fn desk_of(release: &str) -> Desk {
    let desk = Desk::new();
    let archive = kept(&format!("data-{release}.tar.gz"));
    done(Command::new("tar").arg("-xzf").arg(archive).arg("-C").arg(desk.path(""))).ended(0);
    desk
}

#[test]
fn what_an_earlier_release_wrote_still_verifies_against_its_key_and_checkpoint() {
    for (release, _) in RELEASES {
        let desk = desk_of(release);
        desk.run(&["ledger", "verify"]).ended(0).says(&["verified"]);
        desk.run(&["ledger", "export", "out"]).ended(0);
        let (key, checkpoint) = (kept(&format!("log-{release}.vkey")), kept(&format!("checkpoint-{release}")));
        let held = ["--key", key.to_str().unwrap(), "--retained", checkpoint.to_str().unwrap()];
        desk.run(&["ledger", "verify", "out", held[0], held[1], held[2], held[3]]).ended(0).says(&["verified"]);
    }
}

#[test]
fn decisions_of_an_earlier_release_are_reproduced_bit_for_bit() {
    for (release, reproduced) in RELEASES {
        desk_of(release).run(&["replay"]).ended(0).says(&[reproduced]);
    }
}

#[test]
fn a_node_goes_on_where_an_earlier_release_stopped() {
    for (release, _) in RELEASES {
        let desk = desk_of(release);
        let node = desk.serve();
        let token = desk.run(&["caller", "add", "ehr"]).ended(0).out;
        let asked = r#"{"subject":{"type":"user","id":"s.moorcroft"},"action":{"name":"read_chart"},
            "resource":{"type":"patient","id":"nobody"}}"#;
        let (status, answer) = node.ask("POST", "/access/v1/evaluation", token.trim(), "application/json", asked);
        assert_eq!(status, 200, "{answer}");
        let (status, said) = node.ask("GET", "/readyz", "", "text/plain", "");
        assert_eq!(status, 200, "{said}");
        assert_eq!(node.stop(), 0);
        desk.run(&["replay"]).ended(0).says(&["34 decisions reproduced bit for bit"]);
        desk.run(&["ledger", "verify"]).ended(0).says(&["verified"]);
    }
}
