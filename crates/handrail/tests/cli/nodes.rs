//! Two nodes of one database, as whoever runs them sees them.

use crate::desk::{Desk, starter_charter};
use cluster::Cluster;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

fn serve(desk: &Desk, data: &str, more: &[&str]) -> crate::desk::Node {
    let charter = starter_charter();
    let charter = charter.to_str().unwrap();
    let options = ["--data", data, "--charter", charter, "--listen", "127.0.0.1:0", "--mllp", "127.0.0.1:0"];
    desk.serve_with(&[&options[..], more].concat())
}

#[test]
fn a_second_node_joins_with_the_keys_of_the_first_and_is_listed() {
    let (desk, address) = (Desk::new(), Cluster::shared().database().unwrap());
    let first = serve(&desk, "data", &["--store", &address]);

    // Without keys it does not begin, and says where they come from.
    let charter = starter_charter();
    let alone = ["serve", "--data", "second", "--charter", charter.to_str().unwrap(), "--listen", "127.0.0.1:0"];
    let refused = desk.run(&[&alone[..], &["--store", &address]].concat()).ended(1);
    refused.notes(&["has no keys", "handrail node keys --to FILE", "handrail node join --data second"]);
    assert!(!desk.path("second/keys").exists());

    let written = desk.run(&["node", "keys", "--to", "for-second"]).ended(0);
    written.notes(&["as secret as the directory `keys`"]).says(&["for-second", "/ledger"]);
    assert_eq!(fs::metadata(desk.path("for-second")).unwrap().permissions().mode() & 0o777, 0o600);
    let joined = desk.run(&["node", "join", "--data", "second", "--keys", "for-second"]).ended(0);
    joined.says(&["second is node", "/ledger"]).notes(&["remove for-second now"]);
    let second = serve(&desk, "second", &[]);

    // A token made over one is good at the other.
    let token = desk.run(&["caller", "add", "ehr"]).ended(0).out;
    let seen = || second.ask("GET", "/access/v1/nothing", token.trim(), "application/json", "").0;
    let good = (0..500).any(|_| {
        std::thread::sleep(Duration::from_millis(10));
        seen() != 401
    });
    assert!(good, "{}", seen());

    // Each is listed by either, and from the database when none runs.
    let both = |args: &[&str]| {
        (0..100)
            .map(|_| {
                std::thread::sleep(Duration::from_millis(100));
                desk.run(args).ended(0).json()
            })
            .find(|nodes| {
                nodes.as_array().is_some_and(|all| all.len() == 2 && all.iter().all(|one| one["state"] == "ready"))
            })
            .expect("both beat")
    };
    let listed = both(&["node", "list", "--json"]);
    let versions: Vec<_> = listed.as_array().unwrap().iter().map(|node| node["version"].clone()).collect();
    assert_eq!(versions, [env!("CARGO_PKG_VERSION"), env!("CARGO_PKG_VERSION")]);
    both(&["node", "list", "--json", "--data", "second"]);
    desk.run(&["node", "list"]).ended(0).says(&["(this one)", "ready", "BEHIND"]);
    let name = listed[0]["name"].as_str().unwrap();
    desk.run(&["node", "forget", name]).ended(1).notes(&["only one that has been silent for an hour"]);
    desk.run(&["node", "forget", "nobody"]).ended(1).notes(&["handrail node list"]);
    second.stop();
    first.stop();
    desk.run(&["node", "list", "--json"]).ended(0).says(&["\"beat_ms_ago\""]);
    // The first directory copied is not another node.
    let file = Desk::with_store();
    file.run(&["node", "list"]).ended(1).notes(&["a file has one node", "handrail store move"]);
}
