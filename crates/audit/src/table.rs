//! Lists as CSV, for spreadsheets that believe what a cell begins with.

use crate::account::{Account, Line};
use crate::period;
use crate::tell::Access;
use events::decision::Effect;
use jiff::tz::TimeZone;

/// What a cell must not begin with, because a spreadsheet would take it for a formula.
const FORMULAS: [char; 6] = ['=', '+', '-', '@', '\t', '\r'];

/// A cell's text, which no spreadsheet runs.
fn cell(text: &str) -> String {
    if text.starts_with(FORMULAS) { format!("'{text}") } else { text.to_owned() }
}

/// Rows under a heading.
#[must_use]
pub fn written<const N: usize>(head: [&str; N], rows: impl Iterator<Item = [String; N]>) -> Vec<u8> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    // Writing to memory does not fail.
    let _ = writer.write_record(head);
    for row in rows {
        let _ = writer.write_record(row.iter().map(|text| cell(text)));
    }
    writer.into_inner().unwrap_or_default()
}

/// Decisions, one a row.
#[must_use]
pub fn accesses<'a>(accesses: impl IntoIterator<Item = &'a Access>) -> Vec<u8> {
    let head = [
        "entry",
        "recorded_at",
        "answer",
        "who",
        "name",
        "roles",
        "what",
        "patient",
        "unit",
        "device",
        "workflow",
        "purpose",
        "emergency",
        "policies",
        "through",
    ];
    written(
        head,
        accesses.into_iter().map(|access| {
            let text = |value: &Option<String>| value.clone().unwrap_or_default();
            let answer = if access.effect == Effect::Permit { "permitted" } else { "denied" };
            [
                access.entry.to_string(),
                access.at.to_string(),
                answer.to_owned(),
                access.who.to_string(),
                text(&access.name),
                access.roles.join("; "),
                access.did.clone(),
                access.patient.map(|patient| patient.to_string()).unwrap_or_default(),
                text(&access.place),
                text(&access.device),
                text(&access.workflow),
                text(&access.purpose),
                access.emergency.map(|kind| kind.words().to_owned()).unwrap_or_default(),
                access.policies.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "),
                access.through.clone(),
            ]
        }),
    )
}

/// An account, one line a row.
#[must_use]
pub fn account(account: &Account) -> Vec<u8> {
    let zone = period::zone(&account.time_zone);
    let head = [
        "day",
        "answer",
        "first",
        "last",
        "times",
        "who",
        "name",
        "roles",
        "purpose",
        "accessed",
        "units",
        "authority",
        "emergency",
        "through",
        "entries",
    ];
    let permitted = account.accesses.iter().map(|line| row(line, "permitted", &zone));
    let refused = account.refused.iter().map(|line| row(line, "refused", &zone));
    written(head, permitted.chain(refused))
}

fn row(line: &Line, answer: &str, zone: &TimeZone) -> [String; 15] {
    let list = |texts: &std::collections::BTreeSet<String>| texts.iter().cloned().collect::<Vec<_>>().join("; ");
    let authority = line.authority.iter().map(|authority| match &authority.owner {
        Some(owner) => format!("{} ({owner})", authority.policy),
        None => authority.policy.to_string(),
    });
    [
        line.day.clone(),
        answer.to_owned(),
        period::minute(line.first, zone),
        period::minute(line.last, zone),
        line.times.to_string(),
        line.who.to_string(),
        line.name.clone().unwrap_or_default(),
        list(&line.roles),
        line.purpose.clone().unwrap_or_default(),
        list(&line.did),
        list(&line.places),
        authority.collect::<Vec<_>>().join("; "),
        line.emergency.map(|kind| kind.words().to_owned()).unwrap_or_default(),
        list(&line.through),
        line.entries.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_cell_begins_a_formula() {
        let rows = [["=1+1".to_owned(), "a,\"b\"\n".to_owned()], ["@x".to_owned(), "-2".to_owned()]];
        let text = String::from_utf8(written(["a", "b"], rows.into_iter())).unwrap();
        assert_eq!(text, "a,b\n'=1+1,\"a,\"\"b\"\"\n\"\n'@x,'-2\n");
    }
}
