//! What people do for each other when a key does not: vouch, hand over, bring somebody back, let somebody in by name; and when one touch is not enough.

use super::{HOME, are, console, entries, told_of};
use crate::peer::{Node, handrail};
use crate::screen::{Screen, is_in, is_told};
use crate::step::{Outcome, root};
use crate::story::hospital::{Feeds, instant, workstation};
use crate::story::{Teller, expect};
use authenticator::SecurityKey;
use serde_json::{Value, json};

/// Who is on shift in the emergency department.
const PEOPLE: [(&str, &str, &str); 4] = [
    ("n-amara", "Amara Osei", "nurse"),
    ("n-bea", "Bea Lind", "nurse"),
    ("n-dora", "Dora Falk", "charge_nurse"),
    ("d-ruiz", "Elena Ruiz", "doctor"),
];

/// Everything that the steps need.
struct Ward {
    node: Node,
    one: Screen,
    two: Screen,
    amara: SecurityKey,
    bea: SecurityKey,
    dora: SecurityKey,
    ruiz: SecurityKey,
    /// A patient of Amara's and Elena's, by pseudonym.
    patient: String,
}

/// Tells it.
pub(super) fn tell(teller: &mut Teller) -> Outcome {
    let dir = tempfile::tempdir()?;
    let mut ward = Ward::open(&dir.path().join("data"))?;
    teller.step("another day: a charge nurse, two nurses and a doctor, each with a badge number and a key, invited by one list in which each voucher is one whom the charter names");
    vouched_for(teller, &mut ward)?;
    handed_over(teller, &mut ward)?;
    stepped_up(teller, &mut ward)?;
    second_key(teller, &mut ward)?;
    brought_back(teller, &mut ward)?;
    by_name(teller, &mut ward)?;
    let figures = handrail(&["sign-in", "figures", "--data", &ward.data()])?;
    expect(figures.contains("colleague") || figures.contains("recover"), || format!("no figures: {figures}"))?;
    teller.step("`handrail sign-in figures` counts it all, beside what the charter promises");
    ward.node.stop()
}

impl Ward {
    fn open(data: &std::path::Path) -> Outcome<Self> {
        let node = Node::start(data, &root().join("charter"))?;
        let feeds = Feeds::of(&node)?;
        feeds.nurse("n-amara", "Amara Osei", "ED")?;
        feeds.devices.tell("PUT", "/feeds/v1/devices", &workstation("ws-ED-2", "ED"))?;
        let healthy = json!({ "device": "ws-ED-2", "posture": "healthy", "good_until": instant(6 * 3600)? });
        feeds.devices.tell("PUT", "/feeds/v1/posture", &json!({ "reports": [healthy] }))?;
        let head = json!({ "id": "dagny-moreau", "class": "staff", "roles": ["ehr_approver"], "name": "Dagny Moreau" });
        feeds.identity.tell("PUT", "/feeds/v1/people", &json!({ "people": [head] }))?;
        for (id, name, role) in PEOPLE {
            let person = json!({
                "id": id, "class": "staff", "roles": [role], "name": name, "home_unit": "ED", "aliases": [format!("badge-{id}")],
            });
            feeds.identity.tell("PUT", "/feeds/v1/people", &json!({ "people": [person] }))?;
            let shift = json!({
                "shift": format!("{id}-today"), "person": id, "unit": "ED", "from": instant(-3600)?, "until": instant(6 * 3600)?,
            });
            feeds.rota.tell("PUT", "/feeds/v1/rota", &json!({ "shifts": [shift] }))?;
        }
        let given =
            node.caller("registration")?.tell("POST", "/feeds/v1/patients/temporary", &json!({ "unit": "ED" }))?;
        let text = |name: &str| given.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let members: Vec<Value> =
            ["n-amara", "d-ruiz"].iter().map(|who| json!({ "record": text("record"), "person": who })).collect();
        node.caller("care-teams")?.tell("PUT", "/feeds/v1/teams", &json!({ "members": members }))?;

        let (mut one, mut two) = (Screen::new(node.http.port()), Screen::new(node.http.port()));
        for (screen, device) in [(&mut one, "ws-ED"), (&mut two, "ws-ED-2")] {
            screen.enrols(device, &console(&node, &["workstation", "code", device])?)?;
        }
        let mut keys = Vec::new();
        // The charge nurse is invited by the lead of the identity team, the others by her.
        let list = "person,voucher,checked,proofing\nn-dora,dagny-moreau,passport and face,3\nn-amara,n-dora,staff card and face,2\n\
                    n-bea,n-dora,staff card and face,2\nd-ruiz,n-dora,staff card and face,2\n";
        let (file, at) = (data.with_file_name("list.csv"), data.display().to_string());
        std::fs::write(&file, list.replace("dagny-moreau", "n-bea"))?;
        let file = file.display().to_string();
        let invited = || handrail(&["person", "invite", "--csv", &file, "--data", &at]);
        expect(invited().is_err(), || "a nurse invited somebody".to_owned())?;
        std::fs::write(&file, list)?;
        let links = invited()?;
        for (who, ..) in PEOPLE {
            let link = links.lines().find_map(|line| line.strip_prefix(&format!("{who},")));
            let mut key = SecurityKey::default();
            two.registers(&mut key, link.ok_or_else(|| format!("no link for {who}: {links}"))?)?;
            keys.push(key);
        }
        // In the order of `PEOPLE`.
        let [amara, bea, dora, ruiz] = keys.try_into().map_err(|_| "four people have four keys")?;
        Ok(Self { node, one, two, amara, bea, dora, ruiz, patient: text("patient") })
    }

    fn data(&self) -> String {
        self.node.data.display().to_string()
    }
}

fn vouched_for(teller: &mut Teller, ward: &mut Ward) -> Outcome {
    let Ward { node, one, two, bea, amara, .. } = ward;
    let wanted = json!({ "badge": "badge-n-amara", "reason": "left-behind" });
    is_told(&one.ceremony("/bedside/vouch", bea, &wanted)?, "signed in at a workstation")?;
    is_in(&two.touch(bea)?)?;
    is_in(&one.ceremony("/bedside/vouch", bea, &wanted)?)?;
    let page = one.opens(HOME)?;
    page.says("Amara Osei")?;
    page.says("Bea Lind vouches for them")?;
    are(&told_of(node, "session.vouched", "voucher")?, &["n-bea"])?;
    teller.step("Amara's key is at home: Bea, signed in on the unit, touches her own, and both names stand on the screen and in the record");
    is_in(&one.touch(amara)?)?;
    one.opens(HOME)?.keeps_silent_of("vouches for them")?;
    teller.step("her key is brought: one touch of it takes the place of the word");
    Ok(())
}

fn handed_over(teller: &mut Teller, ward: &mut Ward) -> Outcome {
    let Ward { node, one, bea, patient, .. } = ward;
    let page = one.opens("/bedside/hand-over")?;
    let chosen = [("badge", "badge-n-bea"), ("patient", patient.as_str())];
    one.sends(&page, "/bedside/hand-over", &chosen)?.says("Bea Lind: touch your key to take over")?;
    are(&told_of(node, "session.handed_over", "to")?, &[])?;
    let fields = json!({ "to": "n-bea", "patients": patient });
    is_in(&one.ceremony("/bedside/hand-over", bea, &fields)?)?;
    one.opens(HOME)?.says("Bea Lind")?;
    are(&told_of(node, "session.handed_over", "to")?, &["n-bea"])?;
    teller.step("the end of a shift: Amara chooses, Bea touches, and patient and screen are Bea's in one entry");
    Ok(())
}

fn stepped_up(teller: &mut Teller, ward: &mut Ward) -> Outcome {
    let Ward { two, ruiz, patient, .. } = ward;
    let path = format!("/bedside/patient/{patient}");
    let deed = [("ask", "prescribe_controlled_drug"), ("why", "pain after the fall")];
    is_in(&two.touch(ruiz)?)?;
    let page = two.opens(&path)?;
    two.sends(&page, &path, &deed)?.says("Permitted")?;
    teller.step("a doctor who just signed in with PIN prescribes a controlled drug, and is asked for nothing more");

    let home = two.opens(HOME)?;
    two.sends(&home, "/bedside/lock", &[])?.says("Locked for Elena Ruiz")?;
    ruiz.verifies = false;
    is_in(&two.ceremony("/bedside/reconnect", ruiz, &json!({ "badge": "badge-d-ruiz" }))?)?;
    ruiz.verifies = true;
    let page = two.opens(&path)?;
    let touch = two.sends(&page, &path, &deed)?;
    touch.says("One touch more")?;
    touch.keeps_silent_of("pain after the fall")?;
    let told = two.ceremony("/bedside/step-up", ruiz, &json!({}))?;
    expect(told.get("resume").is_some(), || format!("the touch did not go on: {told}"))?;
    let on = two.sends(&touch, "/bedside/resume", &[("resume", &touch.field("resume")?)])?;
    on.says("pain after the fall")?;
    two.sends(&on, &path, &deed)?.says("Permitted")?;
    teller
        .step("back by badge and a touch without PIN, the same takes one touch more, and goes on with what was typed");
    Ok(())
}

fn second_key(teller: &mut Teller, ward: &mut Ward) -> Outcome {
    let Ward { node, two, ruiz, .. } = ward;
    let mut red = SecurityKey::default();
    let told = two.makes(&mut red, "/bedside/me/keys", &json!({ "name": "Red key" }))?;
    expect(told.get("go").is_some_and(|go| go == "/bedside/me"), || format!("no second key: {told}"))?;
    let page = two.opens("/bedside/me")?;
    page.says("Blue key")?;
    page.says("Red key")?;
    let home = two.opens(HOME)?;
    two.sends(&home, "/bedside/sign-out", &[])?;
    is_in(&two.touch(&mut red)?)?;
    let keys = handrail(&["person", "keys", "d-ruiz", "--data", &node.data.display().to_string()])?;
    expect(keys.contains("Red key"), || keys.clone())?;
    *ruiz = red;
    teller.step("she registers a second key, and signs in with it");
    Ok(())
}

fn brought_back(teller: &mut Teller, ward: &mut Ward) -> Outcome {
    let Ward { node, one, two, amara, bea, dora, .. } = ward;
    let home = one.opens(HOME)?;
    one.sends(&home, "/bedside/sign-out", &[])?;
    let fields = json!({ "badge": "badge-n-amara", "path": "colleague", "lost": "yes" });
    let asked = one.ceremony("/bedside/recovery", bea, &fields)?;
    expect(asked.get("go").is_some(), || format!("nothing was asked: {asked}"))?;
    is_in(&two.touch(dora)?)?;
    let page = two.opens(HOME)?;
    page.says("1 colleague waits for a way back in")?;
    let list = two.opens("/bedside/recovery")?;
    list.says("Bea Lind stands for them")?;
    let request = list.field("recovery")?;
    let page = two.sends(&list, "/bedside/recovery/answer", &[("recovery", &request), ("approve", "yes")])?;
    let pass = page.text.split("<strong class=\"code\">").nth(1).and_then(|rest| rest.split('<').next());
    let pass = pass.ok_or_else(|| format!("no pass on:\n{}", page.text))?.to_owned();
    teller.step("Amara's key is lost: Bea stands for her, the charge nurse approves, and a pass is shown once");

    let page = one.opens("/bedside/recovery/pass")?;
    one.sends(&page, "/bedside/recovery/pass", &[("code", &pass)])?.says("You are back")?;
    let page = two.opens("/bedside/recovery/pass")?;
    two.sends(&page, "/bedside/recovery/pass", &[("code", &pass)])?.keeps_silent_of("You are back")?;
    let mut new = SecurityKey::default();
    one.makes(&mut new, "/bedside/recovery/key", &json!({ "name": "New key" }))?;
    let home = one.opens(HOME)?;
    one.sends(&home, "/bedside/sign-out", &[])?;
    is_told(&one.touch(amara)?, "not registered here")?;
    is_in(&one.touch(&mut new)?)?;
    are(&told_of(node, "authenticator.revoked", "cause")?, &["recovered"])?;
    *amara = new;
    let page = one.opens(HOME)?;
    page.says("A way back in was asked for in your name")?;
    one.opens("/bedside/me")?.says("Bea Lind stood for me")?;
    let told = handrail(&["sign-in", "recoveries", "--data", &node.data.display().to_string()])?;
    let row = told.lines().find(|line| line.contains("n-amara")).unwrap_or_default();
    expect(["approved", "n-dora", " met"].iter().all(|word| row.contains(word)), || told.clone())?;
    teller.step("the pass works once and lets her register a new key; the lost one opens nothing any more, and she is told on her own screen, the identity team in a list");
    Ok(())
}

fn by_name(teller: &mut Teller, ward: &mut Ward) -> Outcome {
    let Ward { node, one, .. } = ward;
    let home = one.opens(HOME)?;
    one.sends(&home, "/bedside/sign-out", &[])?;
    let until = json!({ "until": instant(3600)? });
    node.caller("site-coordinator")?.tell("PUT", "/feeds/v1/emergencies/ED", &until)?;
    let page = one.opens("/bedside/provisional")?;
    one.sends(&page, "/bedside/provisional", &[("badge", "badge-of-nobody")])?
        .says("Nobody is let in by this badge")?;
    one.sends(&page, "/bedside/provisional", &[("badge", "badge-n-bea")])?.says("Bea Lind")?;
    let last = entries(node, "session.started")?.pop().unwrap_or_default();
    expect(last.get("review_due").is_some_and(|due| !due.is_null()), || format!("to be reviewed by nobody: {last}"))?;
    let listed = handrail(&["sign-in", "provisional", "--data", &node.data.display().to_string()])?;
    let row = listed.lines().find(|line| line.contains("n-bea") && line.contains("to be done"));
    let entry = row.and_then(|row| row.split_whitespace().next()).ok_or_else(|| format!("not listed: {listed}"))?;
    let data = node.data.display().to_string();
    let review = |by: &str| {
        let words = ["--finding", "justified", "--words", "on shift, and the patient was in arrest"];
        handrail(&[&["sign-in", "review", entry, "--by", by], &words[..], &["--data", &data]].concat())
    };
    expect(review("n-bea").is_err(), || "somebody reviewed herself".to_owned())?;
    expect(review("n-dora").is_err(), || "somebody reviewed whom the charter does not name".to_owned())?;
    review("liesbeth-amari")?;
    expect(review("liesbeth-amari").is_err(), || "it was reviewed twice".to_owned())?;
    are(&told_of(node, "provisional.reviewed", "reviewer")?, &["liesbeth-amari"])?;
    let listed = handrail(&["sign-in", "provisional", "--data", &data])?;
    expect(listed.contains("justified, by liesbeth-amari"), || listed.clone())?;
    teller.step("in a declared emergency somebody without anything is let in by name, for minutes; the privacy officer reviews it, once, and nobody else does");
    Ok(())
}
