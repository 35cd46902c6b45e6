//! A shift at the bedside: workstations and keys are enrolled, one touch signs in, comes back, follows and takes over, and a copied cookie is worth a minute.

mod colleagues;

use super::follows::Follower;
use super::hospital::{Feeds, workstation};
use super::{Teller, expect};
use crate::peer::{Node, handrail, until};
use crate::screen::{Screen, is_in, is_told, link};
use crate::step::{Outcome, root, run};
use authenticator::SecurityKey;
use serde_json::{Value, json};
use std::path::Path;
use std::time::Duration;

/// How long a cookie counts, and a little.
const A_MINUTE: Duration = Duration::from_secs(61);
/// How long what time does to sessions may take to be recorded.
const SWEPT: Duration = Duration::from_secs(20);
/// What people see who are signed in.
const HOME: &str = "/bedside/patients";

/// Tells it.
pub(crate) fn tell(teller: &mut Teller) -> Outcome {
    let dir = tempfile::tempdir()?;
    let data = dir.path().join("data");
    let node = Node::start(&data, &root().join("charter"))?;
    let feeds = Feeds::of(&node)?;
    for (id, name) in [("n-amara", "Amara Osei"), ("n-bea", "Bea Lind")] {
        feeds.nurse(id, name, "ED")?;
    }
    let lead =
        json!({ "id": "n-lead", "class": "staff", "roles": ["charge_nurse"], "name": "Lena Arden", "home_unit": "ED" });
    feeds.identity.tell("PUT", "/feeds/v1/people", &json!({ "people": [lead] }))?;
    feeds.devices.tell("PUT", "/feeds/v1/devices", &workstation("ws-ED-2", "ED"))?;
    teller.step("a node starts; two nurses are on shift in the ED, where two shared workstations stand");

    let (mut one, mut two) = (Screen::new(node.http.port()), Screen::new(node.http.port()));
    enrolment(teller, &node, &mut one, &mut two)?;
    let (mut amara, mut bea) = keys(teller, &node, &mut one)?;

    is_in(&one.touch(&mut amara)?)?;
    let page = one.opens("/bedside")?;
    page.says("My patients")?;
    page.says("Amara Osei")?;
    teller.step("one touch, and Amara is signed in and where she works");
    let mut thief = one.copied();
    thief.opens_as_it_is(HOME)?.says("Amara Osei")?;
    teller.step("somebody copies her cookie: for what is left of its minute it shows what she sees");

    let mut beside = opened(teller, &node, &mut one)?;
    lock_and_back(teller, &node, &mut one, &mut amara)?;
    beside.hears("Patient-close")?;
    beside.hears("UserHibernate")?;
    teller.step(
        "the pharmacy's window beside it closed the patient and hid when the screen locked, and was asked nothing",
    );
    a_form_survives(teller, &mut one, (&mut amara, &mut bea))?;
    beside.hears("UserHibernate")?;
    elsewhere(teller, &mut one, &mut two, &mut amara)?;
    beside.hears("UserHibernate")?;
    beside.is_cut("another workstation")?;
    taken_over(teller, &node, &mut one, &mut two, (&mut amara, &mut bea))?;
    copied(teller, &node, &mut thief, &mut one)?;
    ended(teller, &node, &feeds, &mut one, &mut amara)?;
    evidence(teller, &node, dir.path())?;
    node.stop()?;
    teller.step("the node stops and loses nothing");
    colleagues::tell(teller)
}

/// The link that a command at the node's console prints.
fn console(node: &Node, args: &[&str]) -> Outcome<String> {
    link(&handrail(&[args, &["--data", &node.data.display().to_string()]].concat())?)
}

/// The bodies of the entries of a kind, oldest first.
fn entries(node: &Node, kind: &str) -> Outcome<Vec<Value>> {
    let data = node.data.display().to_string();
    let shown = handrail(&["ledger", "show", "0", "--count", "1000", "--data", &data])?;
    let entries = shown.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let of_kind = entries.filter(|entry| entry.get("kind").is_some_and(|found| found == kind));
    Ok(of_kind.filter_map(|mut entry| entry.get_mut("body").map(Value::take)).collect())
}

/// What the entries of a kind say under a name.
fn told_of(node: &Node, kind: &str, name: &str) -> Outcome<Vec<String>> {
    let text = |entry: &Value| entry.get(name).and_then(Value::as_str).unwrap_or("-").to_owned();
    Ok(entries(node, kind)?.iter().map(text).collect())
}

/// They are these, and no others.
fn are(found: &[String], wanted: &[&str]) -> Outcome {
    expect(found == wanted, || format!("recorded is {found:?}, not {wanted:?}"))
}

fn enrolment(teller: &mut Teller, node: &Node, one: &mut Screen, two: &mut Screen) -> Outcome {
    for (screen, device) in [(&mut *one, "ws-ED"), (two, "ws-ED-2")] {
        let code = console(node, &["workstation", "code", device])?;
        screen.opens(&code)?.says(&format!("This browser becomes <strong>{device}</strong>"))?;
        let told = screen.enrols(device, &code)?;
        expect(told.get("go").is_some(), || format!("{device} was not enrolled: {told}"))?;
        screen.opens("/bedside")?.says("Who is there?")?;
        is_told(&Screen::new(node.http.port()).enrols(device, &code)?, "This code does not work any more.")?;
    }
    teller.step("each browser becomes its workstation by a code that works once");
    Ok(())
}

fn keys(teller: &mut Teller, node: &Node, screen: &mut Screen) -> Outcome<(SecurityKey, SecurityKey)> {
    let (mut amara, mut bea) = (SecurityKey::default(), SecurityKey::default());
    for (who, key) in [("n-amara", &mut amara), ("n-bea", &mut bea)] {
        let invite = ["person", "invite", who, "--voucher", "n-lead", "--checked", "staff card and face"];
        let invitation = console(node, &invite)?;
        let told = screen.registers(key, &invitation)?;
        expect(told.get("go").is_some_and(|go| go == "/enrol/done"), || format!("{who}: {told}"))?;
        let again = screen.registers(&mut SecurityKey::default(), &invitation)?;
        is_told(&again, "This invitation does not work any more.")?;
    }
    teller.step(
        "each nurse registers a key by an invitation that works once, with who vouches and what was checked recorded",
    );
    Ok((amara, bea))
}

/// A patient is opened, and told to an application that follows.
fn opened(teller: &mut Teller, node: &Node, screen: &mut Screen) -> Outcome<Follower> {
    let made = node.caller("registration")?.tell("POST", "/feeds/v1/patients/temporary", &json!({ "unit": "ED" }))?;
    let of = |name: &str| made.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let (record, patient) = (of("record"), of("patient"));
    let session = told_of(node, "session.started", "session")?.pop().ok_or("nobody is signed in")?;
    let mut beside = Follower::of(node, &node.caller("pharmacy")?, &session)?;
    let home = screen.opens(HOME)?;
    screen.sends(&home, HOME, &[("number", &record)])?;
    let told = beside.hears("Patient-open")?;
    let id = patient.replace('_', "-");
    expect(told.get("id") == Some(&json!(id)), || format!("not {patient}: {told}"))?;
    teller.step("she scans a wristband, and the pharmacy's window beside it has that patient, by its own right and on the record");
    Ok(beside)
}

fn lock_and_back(teller: &mut Teller, node: &Node, screen: &mut Screen, key: &mut SecurityKey) -> Outcome {
    let home = screen.opens(HOME)?;
    let locked = screen.sends(&home, "/bedside/lock", &[])?;
    locked.says("Locked for Amara Osei")?;
    screen.opens(HOME)?.keeps_silent_of("My patients")?;
    is_in(&screen.touch(key)?)?;
    screen.opens(HOME)?.says("My patients")?;
    are(&told_of(node, "session.started", "principal")?, &["n-amara"])?;
    teller.step("she locks the screen, and one touch brings her back to the session she had");
    Ok(())
}

fn a_form_survives(
    teller: &mut Teller,
    screen: &mut Screen,
    (amara, bea): (&mut SecurityKey, &mut SecurityKey),
) -> Outcome {
    const NOTE: &str = "allergic to penicillin";
    let home = screen.opens(HOME)?;
    let locked = screen.sends(&home, "/bedside/lock", &[("kept_action", "/bedside/sign-out"), ("note", NOTE)])?;
    locked.keeps_silent_of(NOTE)?;
    let sealed = locked.field("resume")?;
    is_in(&screen.touch(bea)?)?;
    let others = screen.sends(&locked, "/bedside/resume", &[("resume", &sealed)])?;
    others.keeps_silent_of(NOTE)?;
    is_in(&screen.touch(amara)?)?;
    let own = screen.sends(&locked, "/bedside/resume", &[("resume", &sealed)])?;
    own.says(NOTE)?;
    teller.step("a half-written form survives a lock and a colleague in between, readable to its writer alone");
    Ok(())
}

fn elsewhere(teller: &mut Teller, one: &mut Screen, two: &mut Screen, key: &mut SecurityKey) -> Outcome {
    is_in(&two.touch(key)?)?;
    two.opens(HOME)?.says("Amara Osei")?;
    one.opens(HOME)?.says("Amara Osei went on at another workstation in ED.")?;
    teller.step("a touch at the next workstation: her session follows, and the screen she left says so");
    Ok(())
}

fn taken_over(
    teller: &mut Teller,
    node: &Node,
    one: &mut Screen,
    two: &mut Screen,
    (amara, bea): (&mut SecurityKey, &mut SecurityKey),
) -> Outcome {
    is_in(&two.touch(bea)?)?;
    two.opens(HOME)?.says("Bea Lind")?;
    is_in(&one.touch(amara)?)?;
    one.opens(HOME)?.says("Amara Osei")?;
    are(&told_of(node, "session.started", "principal")?, &["n-amara", "n-bea"])?;
    let causes = told_of(node, "session.locked", "cause")?;
    expect(causes.last().is_some_and(|last| last == "taken_over"), || format!("{causes:?}"))?;
    teller.step(
        "a colleague takes over the screen she is at with one touch; Amara goes on at another, and nothing is lost",
    );
    Ok(())
}

fn copied(teller: &mut Teller, node: &Node, thief: &mut Screen, own: &mut Screen) -> Outcome {
    thief.waits_until(A_MINUTE);
    let refused = thief.opens_as_it_is(HOME)?;
    expect(refused.status == 401, || format!("an old cookie was answered {}", refused.status))?;
    refused.keeps_silent_of("Amara Osei")?;
    is_told(&thief.renews()?, "could not prove which one it is")?;
    expect(thief.opens_as_it_is(HOME)?.status == 401, || "a thief was given a new minute".to_owned())?;
    own.opens(HOME)?.says("Amara Osei")?;
    are(&told_of(node, "signin.signalled", "sign")?, &["copied_cookie"])?;
    teller.step("a minute later the copied cookie opens nothing, its thief cannot renew it, and a sign of it is recorded; she works on");
    Ok(())
}

fn ended(teller: &mut Teller, node: &Node, feeds: &Feeds, screen: &mut Screen, key: &mut SecurityKey) -> Outcome {
    screen.opens(HOME)?.says("Amara Osei")?;
    feeds.identity.delete("/feeds/v1/people/n-amara")?;
    until("the end of her session", SWEPT, || {
        Ok(told_of(node, "session.ended", "cause")?.iter().any(|cause| cause == "principal_ended"))
    })?;
    screen.opens(HOME)?.says("Who is there?")?;
    is_told(&screen.touch(key)?, "This account has ended.")?;
    teller.step(
        "her account ends in the middle of a session: the screen is closed within seconds and her key opens none",
    );
    Ok(())
}

fn evidence(teller: &mut Teller, node: &Node, dir: &Path) -> Outcome {
    let measured = entries(node, "signin.attempted")?;
    for step in ["enrol", "register", "sign_in", "reconnect", "roam"] {
        let done = |one: &&Value| one.get("step") == Some(&json!(step)) && one.get("outcome") == Some(&json!("done"));
        expect(measured.iter().any(|one| done(&one)), || format!("no attempt of {step} is recorded: {measured:?}"))?;
    }
    teller.step("every try is measured in the ledger, by step, outcome, cause and time");
    let export = dir.join("export").display().to_string();
    handrail(&["ledger", "export", &export, "--data", &node.data.display().to_string()])?;
    let verifier = crate::peer::binary().with_file_name("handrail-verify").display().to_string();
    run("verified elsewhere", &verifier, &[&export, "--key", &format!("{export}/log.vkey")])?;
    teller.step("`handrail-verify` finds the ledger whole");
    Ok(())
}
