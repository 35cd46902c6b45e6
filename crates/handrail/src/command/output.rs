//! Data on standard output, everything else on standard error, JSON where asked for.

use super::failure::Failure;
use serde::Serialize;
use std::io::Write as _;

/// How a command answers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Output {
    json: bool,
}

impl Output {
    /// Text, or JSON.
    pub(crate) const fn new(json: bool) -> Self {
        Self { json }
    }

    /// Whether JSON was asked for.
    pub(crate) const fn is_json(self) -> bool {
        self.json
    }

    /// Writes data: as JSON where asked for, else as `text` says it.
    pub(crate) fn data(self, value: &impl Serialize, text: impl FnOnce() -> String) -> Result<(), Failure> {
        let text = if self.json { serde_json::to_string_pretty(value)? } else { text() };
        self.raw(format!("{}\n", text.trim_end()).as_bytes())
    }

    /// Writes bytes as they are. A reader that has gone away is no failure.
    #[expect(clippy::unused_self, reason = "data is written through one hand")]
    pub(crate) fn raw(self, bytes: &[u8]) -> Result<(), Failure> {
        match std::io::stdout().write_all(bytes).and_then(|()| std::io::stdout().flush()) {
            Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error.into()),
            _ => Ok(()),
        }
    }
}

/// Says something that is not data.
pub(crate) fn note(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// A table for people.
pub(crate) fn table<const N: usize>(head: [&str; N], rows: impl IntoIterator<Item = [String; N]>) -> String {
    let mut table = comfy_table::Table::new();
    table.load_style(comfy_table::presets::NOTHING).set_header(head);
    for row in rows {
        table.add_row(row);
    }
    table.trim_fmt()
}

/// A number with its noun.
pub(crate) fn counted(count: impl TryInto<u64>, noun: &str) -> String {
    let count: u64 = count.try_into().unwrap_or(u64::MAX);
    format!("{count} {}", pages::plural(count, noun))
}
