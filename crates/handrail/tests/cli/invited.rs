//! `person invite`: by whom the charter lets it be done, one at a time or a whole list.

use crate::desk::{Desk, Node};
use serde_json::json;

/// A desk with a node and some people: a charge nurse, nurses, and an engineer of a supplier.
fn staffed() -> (Desk, Node) {
    let desk = Desk::new();
    let node = desk.serve();
    let token = desk.run(&["caller", "add", "identity"]).ended(0).out;
    let person = |id: &str, class: &str, role: &str| json!({ "id": id, "class": class, "roles": [role], "name": id });
    let people = [
        person("n-lead", "staff", "charge_nurse"),
        person("n-amara", "staff", "nurse"),
        person("n-bea", "staff", "nurse"),
        person("v-odile", "vendor", "vendor_engineer"),
        person("oskar-delacroix", "staff", "ehr_analyst"),
    ];
    node.tell("/feeds/v1/people", token.trim(), &json!({ "people": people }));
    (desk, node)
}

fn invitations(desk: &Desk) -> usize {
    let shown = desk.run(&["ledger", "show", "0", "--count", "1000"]).ended(0).out;
    shown.matches("\"kind\":\"person.invited\"").count()
}

#[test]
fn the_charter_says_who_invites_whom_on_what_proof_and_for_how_long() {
    let (desk, node) = staffed();
    let invite = |who: &str, by: &str, proofing: &str| {
        desk.run(&["person", "invite", who, "--voucher", by, "--checked", "card and face", "--proofing", proofing])
    };
    invite("n-amara", "n-bea", "2").ended(1).notes(&["`n-bea` may not invite", "Service desk", "every `charge_nurse`"]);
    invite("n-amara", "n-lead", "1").ended(1).notes(&["level 2 or above", "not 1"]);
    invite("n-lead", "n-lead", "2").ended(1).notes(&["cannot stand for them"]);
    invite("v-odile", "n-lead", "2").ended(1).notes(&["`n-lead` may not invite", "Supplier management"]);
    assert_eq!(invitations(&desk), 0);
    let args = ["person", "invite", "--voucher", "n-lead", "--checked", "card and face", "--json"];
    let hours = |who: &str, by: &str| {
        let mut args = args;
        args[3] = by;
        let made = desk.run(&[&args[..], &[who]].concat()).ended(0).json();
        let until: jiff::Timestamp = made["good_until"].as_str().unwrap().parse().unwrap();
        #[expect(clippy::disallowed_methods, reason = "the node's clock is this machine's")]
        let left = until.duration_since(jiff::Timestamp::now());
        (left.as_secs() + 1_800) / 3_600
    };
    assert_eq!((hours("n-amara", "n-lead"), hours("v-odile", "oskar-delacroix")), (72, 24));
    assert_eq!(invitations(&desk), 2);
    node.stop();
}

#[test]
fn a_list_invites_everybody_or_nobody() {
    let (desk, node) = staffed();
    let list = |rows: &str| {
        std::fs::write(desk.path("list.csv"), rows).unwrap();
        desk.run(&["person", "invite", "--csv", "list.csv"])
    };
    let heading = "\u{feff}person,voucher,checked,proofing\r\n";
    let good = format!("{heading}n-amara,n-lead,\"card, and face\",2\r\nn-bea,n-lead,card and face,3\r\n");
    for (wrong, said) in [
        (String::new(), "names nobody"),
        (format!("{good}n-nobody,n-lead,face,2\r\n"), "line 4: nobody `n-nobody` is known"),
        (format!("{good}n-amara,n-lead,face,2\r\n"), "line 4: `n-amara` is in the list twice"),
        (format!("{good}v-odile,n-lead,face,2\r\n"), "line 4: `n-lead` may not invite"),
        (format!("{good}n-lead,oskar-delacroix,face,1\r\n"), "line 4: `oskar-delacroix` may not invite"),
        (format!("{good}\"n-lead\r\n"), "line 4:"),
    ] {
        list(&wrong).ended(1).notes(&[said]);
    }
    assert_eq!(invitations(&desk), 0, "one bad line, and nobody is invited");
    let made = list(&good).ended(0).out;
    let rows: Vec<_> = made.lines().map(|line| line.split_once(',').unwrap()).collect();
    let [("person", "link"), ("n-amara", first), ("n-bea", second)] = rows[..] else { panic!("{made}") };
    assert!(first != second && first.contains("/enrol/"), "{made}");
    assert_eq!(invitations(&desk), 2);
    desk.run(&["person", "invite", "--csv", "no-such-file"]).ended(1).notes(&["no-such-file"]);
    desk.run(&["person", "invite", "n-amara", "--csv", "list.csv"]).ended(1);
    desk.run(&["person", "invite", "n-amara"]).ended(1).notes(&["--voucher"]);
    node.stop();
}
