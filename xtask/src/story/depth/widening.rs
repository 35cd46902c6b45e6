//! A change of the charter that widens access shows as cells, and takes two people: one signature changes nothing, and nobody signs twice.

use crate::peer::{Caller, Node, Sender, handrail};
use crate::step::{Outcome, root};
use crate::story::hospital::{Adt, Feeds, request};
use crate::story::{Teller, expect};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::Command;

const WHO: &str = "h-olek";
const PATIENT: &str = "950001";
/// What is proposed: a pharmacy technician on the unit sees whom to call.
const RULE: &str = r#"
@id("care-technician-demographics")
@owner("pharmacy")
@reason("You are working in the unit where this patient is, so you may see who they are and whom to call.")
@workflow("chart-review")
permit (
    principal is Person in Role::"pharmacy_technician",
    action == Action::"view_demographics",
    resource is Patient
)
when { context.care.unit };
"#;

/// An operator's browser: a session's cookie and forms sent from the pages they stand on.
struct Browser {
    agent: ureq::Agent,
    base: String,
    cookie: String,
}

impl Browser {
    /// Signs in with a link made at the node's console.
    fn sign_in(name: &str, data: &str) -> Outcome<Self> {
        let link = handrail(&["operator", "link", name, "--data", data])?;
        let (base, token) = link.trim().split_once("/sign-in/").ok_or_else(|| format!("no link: {link}"))?;
        let config = ureq::Agent::config_builder().http_status_as_error(false).max_redirects(0);
        let mut browser = Self { agent: config.build().into(), base: base.to_owned(), cookie: String::new() };
        let answer = browser.agent.post(format!("{base}/sign-in")).header("origin", base);
        let answer = answer.send_form([("form_token", token)])?;
        let cookie = answer.headers().get("set-cookie").and_then(|value| value.to_str().ok()).unwrap_or_default();
        cookie.split(';').next().unwrap_or_default().clone_into(&mut browser.cookie);
        expect(!browser.cookie.is_empty(), || format!("{name} is not signed in: {}", answer.status()))?;
        Ok(browser)
    }

    fn page(&self, path: &str) -> Outcome<String> {
        let mut answer = self.agent.get(format!("{}{path}", self.base)).header("cookie", &self.cookie).call()?;
        Ok(answer.body_mut().read_to_string()?)
    }

    /// Presses the button that signs, on the page as it stood when it was looked at.
    fn sign(&self, path: &str, page: &str, origin: &str) -> Outcome<(u16, String)> {
        let form = [("form_token", hidden(page, "form_token")?), ("digest", hidden(page, "digest")?)];
        let request = self.agent.post(format!("{}{path}/sign", self.base)).header("cookie", &self.cookie);
        let mut answer = request.header("origin", origin).send_form(form)?;
        Ok((answer.status().as_u16(), answer.body_mut().read_to_string()?))
    }
}

/// What a hidden field of a page holds.
fn hidden<'a>(page: &'a str, name: &str) -> Outcome<&'a str> {
    let after = page.split_once(&format!("name=\"{name}\" value=\"")).and_then(|(_, after)| after.split_once('"'));
    after.map(|(value, _)| value).ok_or_else(|| format!("the page has no {name}: {page}").into())
}

/// The starter charter with one rule more.
fn wider(dir: &Path) -> Outcome<PathBuf> {
    let copy = dir.join("wider");
    let copied = Command::new("cp").arg("-r").arg(root().join("charter")).arg(&copy).status()?;
    expect(copied.success(), || "the starter charter could not be copied".to_owned())?;
    let file = copy.join("policies").join("care.cedar");
    let text = std::fs::read_to_string(&file)? + RULE;
    std::fs::write(&file, text)?;
    Ok(copy)
}

fn may(ehr: &Caller) -> Outcome<bool> {
    let answer = ehr.tell("POST", "/access/v1/evaluation", &request(WHO, "view_demographics", PATIENT, "ED"))?;
    Ok(answer.get("decision") == Some(&Value::Bool(true)))
}

/// Tells it.
pub(crate) fn tell(teller: &mut Teller) -> Outcome {
    let dir = tempfile::tempdir()?;
    let node = Node::start(&dir.path().join("data"), &root().join("charter"))?;
    let feeds = Feeds::of(&node)?;
    feeds.nurse(WHO, "Olek Brandt", "ED")?;
    let person = json!({ "id": WHO, "class": "staff", "roles": ["pharmacy_technician"], "name": "Olek Brandt" });
    feeds.identity.tell("PUT", "/feeds/v1/people", &json!({ "people": [person] }))?;
    let ehr = node.caller("ehr")?;
    let (patient, visit) = (PATIENT, "W1");
    let admit = Adt { trigger: "A01", control: "W1", patient, visit, place: "ED", before: "", merged: None, at: -600 };
    Sender::connect(node.mllp)?.accepted(&admit.text()?)?;
    expect(!may(&ehr)?, || "the technician should not see demographics yet".to_owned())?;
    teller.step("a pharmacy technician who works in the ED may not see whom to call for a patient there");

    let data = node.data.display().to_string();
    let charter = wider(dir.path())?.display().to_string();
    let args = [
        "charter",
        "propose",
        &charter,
        "--reason",
        "They ask at the bedside what was taken at home.",
        "--data",
        &data,
        "--json",
    ];
    let proposed: Value = serde_json::from_str(&handrail(&args)?)?;
    let cells = proposed.get("wider").and_then(Value::as_u64).unwrap_or(0);
    let closed = proposed.get("narrower").and_then(Value::as_u64);
    expect(cells > 0 && closed == Some(0), || format!("it should only widen: {proposed}"))?;
    let number = proposed.get("proposal").and_then(Value::as_u64).ok_or("no number")?;
    let path = format!("/charter/proposals/{number}");
    teller.step(&format!("a rule for that is proposed: {cells} cells of the authority matrix wider, none narrower"));

    let stranger = Browser::sign_in("tomasz-adeyemi", &data)?;
    let first = Browser::sign_in("imke-duarte", &data)?;
    let page = first.page(&path)?;
    expect(page.contains("become wider") && page.contains("Wider"), || format!("no cells: {page}"))?;
    let (status, _) = first.sign(&path, &page, "http://elsewhere.example")?;
    expect(status == 403, || format!("a form from elsewhere: {status}"))?;
    let (status, _) = first.sign(&path, &page, &first.base)?;
    expect(status == 303, || format!("the first signature: {status}"))?;
    expect(!may(&ehr)?, || "one signature opened it".to_owned())?;
    teller.step("the first signer sees the cells and signs; nothing has changed");

    let (status, said) = first.sign(&path, &page, &first.base)?;
    expect(status == 409 && said.contains("Signed already"), || format!("signed twice: {status} {said}"))?;
    let looked = stranger.page(&path)?;
    expect(!looked.contains("/sign\""), || "somebody who may not sign is given the button".to_owned())?;
    expect(!may(&ehr)?, || "signing twice opened it".to_owned())?;
    teller.step("they cannot sign twice, and somebody the charter does not name is given no button");

    let second = Browser::sign_in("solveig-arden", &data)?;
    let (status, _) = second.sign(&path, &second.page(&path)?, &second.base)?;
    expect(status == 303, || format!("the second signature: {status}"))?;
    expect(may(&ehr)?, || "two signatures did not open it".to_owned())?;
    let entries = handrail(&["ledger", "show", "0", "--count", "1000", "--data", &data, "--json"])?;
    let both = r#""signed_by":["imke-duarte","solveig-arden"]"#;
    expect(entries.replace(": ", ":").replace(", ", ",").contains(both), || format!("who signed? {entries}"))?;
    teller.step("with the second person's signature the technician may, and the entry names both");

    let replayed = handrail(&["replay", "--data", &data])?;
    expect(replayed.contains("reproduced"), || replayed.clone())?;
    teller.step("every decision is reproduced, each by the charter it was judged by");
    node.stop()
}
