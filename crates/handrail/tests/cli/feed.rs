//! `feed replay`: files of messages, sent to a real listener.

use crate::decisions::admission;
use crate::desk::Desk;

#[test]
fn a_file_is_sent_and_counted() {
    let desk = Desk::new();
    let node = desk.serve();
    let to = node.mllp.clone();
    let text = [admission("a", "MRN-1", "ER"), admission("b", "MRN-2", "ICU")]
        .map(|message| message.replace('\r', "\n"))
        .join("\n\n");
    std::fs::write(desk.path("day.hl7"), text).unwrap();
    let said = desk.run(&["feed", "replay", "day.hl7", "--to", &to]).ended(0);
    said.says(&["2 messages in", "AA accepted  2", "AE failed    0", "AR refused   0"]);
    // The same again changes nothing, and is accepted again.
    let again = desk.run(&["feed", "replay", "day.hl7", "--to", &to, "--json"]).ended(0).json();
    assert_eq!((again["sent"].as_u64(), again["accepted"].as_u64()), (Some(2), Some(2)));
    let framed = format!("\u{b}{}\u{1c}\r", admission("c", "MRN-3", "ICU"));
    std::fs::write(desk.path("framed.hl7"), framed).unwrap();
    desk.run(&["feed", "replay", "framed.hl7", "--to", &to, "--rate", "50"]).ended(0).says(&["1 message in"]);
    let shifted = desk
        .run(&["feed", "replay", "framed.hl7", "--to", &to, "--shift-dates", "--time-zone", "Europe/London"])
        .ended(0);
    shifted.notes(&["dates are moved by 0 days"]).says(&["AA accepted  1"]);
    drop(node);
}

#[test]
fn what_is_refused_is_counted_with_its_reason() {
    let desk = Desk::new();
    let node = desk.serve();
    let nobody = admission("a", "MRN-1", "ER").replace("MRN-1^^^HG^MR", "");
    std::fs::write(desk.path("bad.hl7"), nobody).unwrap();
    let said = desk.run(&["feed", "replay", "bad.hl7", "--to", &node.mllp]).ended(2);
    said.says(&["AA accepted  0", "AR refused   1", "1 × "]).notes(&["1 message not accepted"]);
    drop(node);
}

#[test]
fn a_file_without_messages_and_a_place_without_listener_are_said() {
    let desk = Desk::new();
    desk.run(&["feed", "replay", "nowhere.hl7"]).ended(1).notes(&["nowhere.hl7", "cannot be read"]);
    std::fs::write(desk.path("notes.txt"), "nothing here\n").unwrap();
    desk.run(&["feed", "replay", "notes.txt"]).ended(1).notes(&["no HL7 v2 messages"]);
    std::fs::write(desk.path("day.hl7"), admission("a", "MRN-1", "ER")).unwrap();
    // Port 1 of loopback has no listener.
    desk.run(&["feed", "replay", "day.hl7", "--to", "127.0.0.1:1"])
        .ended(2)
        .notes(&["nothing takes messages at 127.0.0.1:1", "--mllp"]);
    desk.run(&["feed", "replay", "day.hl7", "--shift-dates", "--time-zone", "Atlantis"])
        .ended(1)
        .notes(&["Atlantis", "Europe/London"]);
}
