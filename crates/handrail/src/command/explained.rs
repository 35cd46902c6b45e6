//! A recorded decision as text: first what somebody at the bedside needs, then everything an auditor asks for.

use super::output::table;
use events::Spooled;
use serde::Deserialize;
use std::fmt::Write as _;
use std::path::Path;

/// A recorded decision, as the local socket answers it.
#[derive(Debug, Deserialize)]
pub(crate) struct Decided {
    entry: u64,
    /// Where it was recorded first, if the log could not take it then.
    #[serde(default)]
    spooled: Option<Spooled>,
    actor: String,
    recorded_at: String,
    charter: String,
    #[serde(default)]
    workflow: Option<String>,
    pub(crate) permitted: bool,
    answer: Answer,
    explanation: Explanation,
}

/// An entry that is no decision, as the local socket answers it.
#[derive(Debug, Deserialize)]
pub(crate) struct Happened {
    entry: u64,
    kind: String,
    actor: String,
    recorded_at: String,
    #[serde(default)]
    accountable: Vec<Accountable>,
}

#[derive(Debug, Deserialize)]
struct Answer {
    reasons: Vec<String>,
    contact: Option<Accountable>,
}

#[derive(Debug, Deserialize)]
struct Explanation {
    headline: String,
    reasons: Vec<Reason>,
    errors: Vec<Reason>,
    facts: Vec<Fact>,
    remedies: Vec<Words>,
    obligations: Vec<Words>,
    accountable: Vec<Accountable>,
}

#[derive(Debug, Deserialize)]
struct Reason {
    policy: String,
    text: String,
}

#[derive(Debug, Deserialize)]
struct Fact {
    label: String,
    text: String,
}

/// A remedy or an obligation: its words are enough here.
#[derive(Debug, Deserialize)]
struct Words {
    text: String,
}

#[derive(Clone, Debug, Deserialize)]
struct Accountable {
    role: Role,
    name: String,
    person: String,
    contact: String,
}

/// What somebody answers for, with what tells one such role from another.
#[derive(Clone, Debug, Deserialize)]
struct Role {
    answers_for: String,
    #[serde(default)]
    policy: Option<String>,
    #[serde(default)]
    class: Option<String>,
}

impl Role {
    fn text(&self) -> String {
        let class = || self.class.as_deref().unwrap_or("these").replace('_', " ");
        match self.answers_for.as_str() {
            "operations" => "runs the work".to_owned(),
            "clinical_it" => "runs the clinical systems".to_owned(),
            "identity" => "answers for sign-in".to_owned(),
            "availability" => "keeps it available".to_owned(),
            "policy" => format!("owns policy {}", self.policy.as_deref().unwrap_or("of this decision")),
            "policies" => "owns the policies".to_owned(),
            "identity_class" => format!("owns {} identities", class()),
            "risk" => "accepts the clinical risk".to_owned(),
            "control" => "operates the control".to_owned(),
            "incident" => "owns an incident here".to_owned(),
            "help" => "helps whoever is stuck".to_owned(),
            other => other.replace('_', " "),
        }
    }
}

impl Accountable {
    /// A team with the person who leads it, or the person alone.
    fn named(&self) -> String {
        if self.name == self.person { self.name.clone() } else { format!("{}, {}", self.name, self.person) }
    }
}

/// The answer to `decide`: the nurse's part, then the auditor's.
pub(crate) fn decided(made: &Decided, data: &Path) -> String {
    let mut text = String::new();
    let yes = if made.permitted { "YES" } else { "NO" };
    let _ = writeln!(text, "{yes}: {}", made.explanation.headline);
    bedside(&mut text, made);
    let _ = writeln!(text, "\nFor whoever has to answer for it");
    audit(&mut text, made);
    section(&mut text, "Accountable", std::iter::once(accountable(&made.explanation.accountable)));
    match &made.spooled {
        None => proof(&mut text, made.entry, data),
        Some(Spooled { origin, index, .. }) => {
            let _ = writeln!(text, "\n  Recorded as {index} of {origin}");
            let _ = writeln!(
                text,
                "    the log cannot be written just now: this holds for minutes only, and its entry follows"
            );
        }
    }
    text
}

/// The answer to `who` about a decision: the people first.
pub(crate) fn who(made: &Decided, data: &Path) -> String {
    let mut text = String::new();
    let _ = writeln!(text, "Entry {}: {}", made.entry, made.explanation.headline);
    section(&mut text, "Accountable", std::iter::once(accountable(&made.explanation.accountable)));
    audit(&mut text, made);
    proof(&mut text, made.entry, data);
    text
}

/// The answer to `who` about any other entry.
pub(crate) fn happened(entry: &Happened, data: &Path) -> String {
    let mut text =
        format!("Entry {}: {}, caused by {}, recorded {}\n", entry.entry, entry.kind, entry.actor, entry.recorded_at);
    if !entry.accountable.is_empty() {
        section(&mut text, "Accountable", std::iter::once(accountable(&entry.accountable)));
    }
    proof(&mut text, entry.entry, data);
    text
}

fn bedside(text: &mut String, made: &Decided) {
    section(text, "Why", made.answer.reasons.iter().cloned());
    let remedies = &made.explanation.remedies;
    section(text, "What would help", numbered(remedies.iter().map(|remedy| remedy.text.as_str())));
    section(text, "What it asks of the system", made.explanation.obligations.iter().map(|duty| duty.text.clone()));
    if let (false, Some(contact)) = (made.permitted, &made.answer.contact) {
        section(text, "Turn to", std::iter::once(format!("{}: {}", contact.named(), contact.contact)));
    }
}

fn audit(text: &mut String, made: &Decided) {
    let told = &made.explanation;
    let policy = |reason: &Reason| format!("{}: {}", reason.policy, reason.text);
    if told.reasons.is_empty() && !made.permitted {
        section(text, "Policies", std::iter::once("none permits this, so it is denied".to_owned()));
    } else {
        section(text, "Policies", told.reasons.iter().map(policy));
    }
    section(text, "Policies that could not be evaluated", told.errors.iter().map(policy));
    let width = told.facts.iter().map(|fact| fact.label.chars().count()).max().unwrap_or(0);
    section(text, "What was true", told.facts.iter().map(|fact| format!("{:<width$}  {}", fact.label, fact.text)));
    let mut record =
        vec![format!("entry {}, recorded {}", made.entry, made.recorded_at), format!("asked by {}", made.actor)];
    record.extend(made.workflow.iter().map(|workflow| format!("workflow {workflow}")));
    record.push(format!("charter {}", made.charter));
    section(text, "On record", record.into_iter());
}

fn proof(text: &mut String, entry: u64, data: &Path) {
    let data = data.display();
    let _ = writeln!(text, "\n  Prove it\n    handrail ledger prove {entry} --data {data}");
}

fn accountable(people: &[Accountable]) -> String {
    let rows = people.iter().map(|one| [one.role.text(), one.named(), one.contact.clone()]);
    table(["answers for it", "who", "how to reach them"], rows).replace('\n', "\n    ")
}

/// A heading and its lines; nothing at all when there are none.
fn section(text: &mut String, heading: &str, lines: impl Iterator<Item = String>) {
    for (place, line) in lines.enumerate() {
        if place == 0 {
            let _ = writeln!(text, "\n  {heading}");
        }
        let _ = writeln!(text, "    {line}");
    }
}

/// Several lines are numbered: their order matters.
fn numbered<'a>(lines: impl ExactSizeIterator<Item = &'a str>) -> impl Iterator<Item = String> {
    let several = lines.len() > 1;
    (1..).zip(lines).map(move |(place, line)| if several { format!("{place}. {line}") } else { line.to_owned() })
}
