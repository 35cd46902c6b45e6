//! Many invitations at once: a CSV file with a heading and the columns `person`, `voucher`, `checked` and `proofing`, in any order.

use super::inviting::InviteError;
use super::store::{Evidence, lifetimes, make};
use crate::slip::Slip;
use events::{Actor, PrincipalId};
use plane::Plane;
use std::collections::BTreeSet;

/// The most people one file invites.
pub const LIST_ROWS_MAX: usize = 1_000;
/// The longest file, in bytes.
pub const LIST_BYTES_MAX: usize = 256 * 1024;
/// The columns.
const COLUMNS: [&str; 4] = ["person", "voucher", "checked", "proofing"];

/// Why nobody was invited.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ListError {
    /// It is too long.
    #[error("a list has at most {LIST_ROWS_MAX} people and {} KiB", LIST_BYTES_MAX / 1024)]
    TooLong,
    /// It names nobody.
    #[error("the list names nobody: it needs a heading `person,voucher,checked,proofing` and a line for each person")]
    Empty,
    /// Its columns are others.
    #[error("the columns are `person`, `voucher`, `checked` and `proofing`, each once, and no others")]
    Columns,
    /// A line cannot be read.
    #[error("line {line}: {why}; nobody was invited")]
    Line {
        /// Which, counted from 1, the heading included.
        line: u64,
        /// What is wrong with it.
        why: String,
    },
    /// Somebody may not be invited so.
    #[error("line {line}: {no}; nobody was invited")]
    No {
        /// Which.
        line: u64,
        /// Why not.
        #[source]
        no: InviteError,
    },
    /// They could not be recorded.
    #[error("the invitations could not be recorded")]
    Record(#[from] store::AppendError),
}

/// A line, read.
#[derive(Debug, PartialEq, Eq)]
struct Row {
    line: u64,
    person: PrincipalId,
    voucher: PrincipalId,
    checked: String,
    proofing: u8,
}

/// Invites everybody on a list, in one commit. Every line is judged before anything is made.
///
/// # Errors
/// The first line that is wrong; then nobody is invited.
pub async fn invite_all(plane: &Plane, file: &[u8], by: Actor) -> Result<Vec<(PrincipalId, Slip)>, ListError> {
    let rows = read(file)?;
    let (lines, asked): (Vec<u64>, Vec<(PrincipalId, Evidence)>) = rows
        .into_iter()
        .map(|row| {
            let evidence = Evidence { voucher: row.voucher, checked: row.checked.into(), proofing: row.proofing };
            (row.line, (row.person, evidence))
        })
        .unzip();
    let judged = lifetimes(plane, &asked).map_err(|(at, no)| {
        // Of as many lines as people.
        let line = lines.get(at).copied().unwrap_or_default();
        ListError::No { line, no }
    })?;
    Ok(make(plane, asked, judged, by).await?)
}

fn read(file: &[u8]) -> Result<Vec<Row>, ListError> {
    if file.len() > LIST_BYTES_MAX {
        return Err(ListError::TooLong);
    }
    let file = file.strip_prefix(b"\xef\xbb\xbf").unwrap_or(file);
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(file);
    let heading = reader.headers().map_err(|error| unreadable(file, &error))?.clone();
    if heading.iter().all(str::is_empty) {
        return Err(ListError::Empty);
    }
    let place = |name| heading.iter().position(|column| column == name);
    let [Some(person), Some(voucher), Some(checked), Some(proofing)] = COLUMNS.map(place) else {
        return Err(ListError::Columns);
    };
    if heading.len() != COLUMNS.len() {
        return Err(ListError::Columns);
    }
    let (mut rows, mut named) = (Vec::new(), BTreeSet::new());
    for record in reader.records() {
        let record = record.map_err(|error| unreadable(file, &error))?;
        let line = line_of(file, record.position());
        let wrong = |why: String| ListError::Line { line, why };
        let field = |at: usize| record.get(at).unwrap_or_default();
        let id = |at: usize, what: &str| {
            PrincipalId::new(field(at)).map_err(|error| wrong(format!("`{what}` cannot be an id: {error}")))
        };
        let row = Row {
            line,
            person: id(person, "person")?,
            voucher: id(voucher, "voucher")?,
            checked: field(checked).to_owned(),
            proofing: field(proofing).parse().map_err(|_| wrong("`proofing` is a level of 1 to 3".to_owned()))?,
        };
        if !named.insert(row.person.clone()) {
            return Err(ListError::No { line, no: InviteError::Twice(row.person) });
        }
        rows.push(row);
        if rows.len() > LIST_ROWS_MAX {
            return Err(ListError::TooLong);
        }
    }
    if rows.is_empty() { Err(ListError::Empty) } else { Ok(rows) }
}

/// The line that somebody's editor shows for what begins at a position, behind the ends of lines there: the library counts CR LF otherwise.
fn line_of(file: &[u8], position: Option<&csv::Position>) -> u64 {
    let at = position.and_then(|position| usize::try_from(position.byte()).ok()).unwrap_or_default();
    let (before, after) = file.split_at_checked(at).unwrap_or((file, &[]));
    let ends = after.iter().take_while(|byte| matches!(byte, b'\r' | b'\n'));
    let count = before.iter().chain(ends).filter(|byte| **byte == b'\n').count();
    1 + count as u64
}

fn unreadable(file: &[u8], error: &csv::Error) -> ListError {
    let line = line_of(file, error.position());
    let why = match error.kind() {
        csv::ErrorKind::Utf8 { .. } => "this is not UTF-8".to_owned(),
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            format!("there are {len} fields, and {expected_len} columns")
        }
        other => format!("this is no CSV: {other:?}"),
    };
    ListError::Line { line, why }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADING: &str = "person,voucher,checked,proofing";

    fn people(file: &str) -> Result<Vec<(String, String, u8, u64)>, String> {
        let rows = read(file.as_bytes()).map_err(|no| no.to_string())?;
        Ok(rows.into_iter().map(|row| (row.person.to_string(), row.checked, row.proofing, row.line)).collect())
    }

    #[test]
    fn a_list_is_read_as_people_write_it() {
        let wanted = Ok(vec![
            ("n-amara".to_owned(), "staff card, and face".to_owned(), 2, 2),
            ("n-bea".to_owned(), "says \"Bea\"".to_owned(), 3, 3),
        ]);
        let plain = "n-amara,n-lead,\"staff card, and face\",2\nn-bea,n-lead,\"says \"\"Bea\"\"\",3";
        assert_eq!(people(&format!("{HEADING}\n{plain}\n")), wanted);
        assert_eq!(people(&format!("\u{feff}{HEADING}\r\n{}\r\n", plain.replace('\n', "\r\n"))), wanted);
        let turned = "proofing, checked ,voucher,person\n2,face,n-lead, n-amara \n";
        assert_eq!(people(turned), Ok(vec![("n-amara".to_owned(), "face".to_owned(), 2, 2)]));
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line() {
        let after = |rows: &str| people(&format!("{HEADING}\nn-amara,n-lead,face,2\n{rows}\n")).unwrap_err();
        for (rows, said) in [
            ("n-bea,n-lead,face", "line 3: there are 3 fields"),
            ("n-bea,n-lead,face,two", "line 3: `proofing`"),
            ("n-bea,n-lead,face,-1", "line 3: `proofing`"),
            (",n-lead,face,2", "line 3: `person` cannot be an id"),
            ("n-bea,n lead\u{1},face,2", "line 3: `voucher` cannot be an id"),
            ("n-bea,n-lead,\"two\nlines\",2\nn-amara,n-lead,face,2", "line 5: `n-amara` is in the list twice"),
        ] {
            assert!(after(rows).starts_with(said), "{rows}: {}", after(rows));
            assert!(after(rows).ends_with("nobody was invited"));
            let of_windows = people(&format!("{HEADING}\nn-amara,n-lead,face,2\n{rows}\n").replace('\n', "\r\n"));
            assert!(of_windows.unwrap_err().starts_with(said), "{rows}, with CR LF");
        }
        for empty in ["", "\u{feff}", "\n\n", HEADING, "person,voucher,checked,proofing\r\n"] {
            assert!(people(empty).unwrap_err().contains("names nobody"), "{empty:?}");
        }
        for columns in ["person,voucher,checked\na,b,c\n", "person,person,voucher,checked,proofing\n", "a;b;c;d\n"] {
            assert!(people(columns).unwrap_err().contains("the columns are"), "{columns:?}");
        }
        assert!(read(b"\xff\xfep\0e\0").unwrap_err().to_string().contains("UTF-8"));
    }

    #[test]
    fn a_list_has_an_end() {
        let mut long = HEADING.to_owned();
        (0..=LIST_ROWS_MAX).for_each(|n| long.push_str(&format!("\nn-{n},n-lead,face,2")));
        assert!(matches!(read(long.as_bytes()), Err(ListError::TooLong)));
        assert!(matches!(read(&vec![b'a'; LIST_BYTES_MAX + 1]), Err(ListError::TooLong)));
    }
}
