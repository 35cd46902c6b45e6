//! One TOML file, read so that everything wrong with it is found at once.
//!
//! Serde stops at the first mistake. So after each mistake the tree is mended, the bad part replaced by the same part of a built-in
//! example, and read again. What came from the example has no place in the file; whoever asks for its place gets none, and says nothing.

use crate::diagnostic::{Code, Diagnostic, Findings};
use crate::files::TOML_BYTES_MAX;
use crate::mistake::{Example, Mistake, syntax};
use crate::source::Source;
use serde::de::DeserializeOwned;
use std::ops::Range;
use std::sync::Arc;
use toml::Spanned;
use toml::de::{DeArray, DeTable, Deserializer};

/// The most mistakes found in one file.
const MISTAKES_MAX: usize = 50;

/// The place of everything that is not in the file.
pub(crate) const NOWHERE: Range<usize> = usize::MAX..usize::MAX;

/// A file and what it says.
#[derive(Debug)]
pub(crate) struct Document<'t, T> {
    pub(crate) source: Arc<Source>,
    /// The tree `value` was read from: same shape, so that paths through the value find their places.
    tree: Spanned<DeTable<'t>>,
    pub(crate) value: T,
}

/// One step of a path through a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step<'a> {
    Key(&'a str),
    Index(usize),
}

impl<'a> From<&'a str> for Step<'a> {
    fn from(key: &'a str) -> Self {
        Self::Key(key)
    }
}

impl From<usize> for Step<'_> {
    fn from(index: usize) -> Self {
        Self::Index(index)
    }
}

/// A path: `at!["workflow", 0, "owners", "identity"]`.
macro_rules! at {
    ($($step:expr),* $(,)?) => { &[$($crate::document::Step::from($step)),*] };
}
pub(crate) use at;

impl<'t, T: DeserializeOwned> Document<'t, T> {
    /// Reads a file. `None` if nothing can be made of it; every mistake is among the findings either way.
    pub(crate) fn read(path: &str, text: &'t str, example: &'static str, findings: &mut Findings) -> Option<Self> {
        if text.len() > TOML_BYTES_MAX {
            let problem =
                Diagnostic::of_file(Code::File, path, format!("the file has more than {TOML_BYTES_MAX} bytes"));
            findings.push(problem.with_help("no TOML file of a charter needs as much; scenarios can be several files"));
            return None;
        }
        let source = Source::new(path, text);
        let (mut tree, errors) = DeTable::parse_recoverable(text);
        if !errors.is_empty() {
            let mut line = 0;
            for error in errors.into_iter().take(MISTAKES_MAX) {
                let problem = syntax(&source, &error);
                // A table that comes twice has every key twice: its header says it all.
                let next = problem.position().map_or(0, |position| position.line);
                let again = problem.code() == Code::Duplicate && line != 0 && next == line + 1;
                line = if problem.code() == Code::Duplicate { next } else { 0 };
                if !again {
                    findings.push(problem);
                }
            }
            return None;
        }
        let example = Example::new(example);
        let mut last = None;
        let mut meant: Vec<String> = Vec::new();
        for _ in 0..MISTAKES_MAX {
            let error = match serde::Deserialize::deserialize(Deserializer::from(tree.clone())) {
                Ok(value) => return Some(Self { source, tree, value }),
                Err(error) => error,
            };
            let mistake = Mistake::of(&error);
            let again = last.as_ref() == Some(&error);
            meant.extend(mistake.meant().map(str::to_owned));
            // Whoever misspelt a key does not need to hear that it is missing as well.
            let explained = matches!(&mistake, Mistake::MissingKey { key } if take(&mut meant, key));
            if !again && !explained && error.span() != Some(NOWHERE) {
                findings.push(mistake.diagnostic(&source, &tree, &error, &example));
            }
            if !mistake.mend(&mut tree, &error, &example, again) {
                return None;
            }
            last = Some(error);
        }
        None
    }
}

/// Takes a name out of a list, if it is there.
fn take(names: &mut Vec<String>, name: &str) -> bool {
    let at = names.iter().position(|known| known == name);
    at.map(|at| names.swap_remove(at)).is_some()
}

impl<T> Document<'_, T> {
    /// The place of a value; of its nearest ancestor where there is none such; `None` if it is not in the file at all.
    pub(crate) fn place(&self, path: &[Step<'_>]) -> Option<Range<usize>> {
        self.walk(path).map(|(_, value)| value)
    }

    /// The place of the last key of a path.
    pub(crate) fn key_place(&self, path: &[Step<'_>]) -> Option<Range<usize>> {
        self.walk(path).map(|(key, _)| key)
    }

    fn walk(&self, path: &[Step<'_>]) -> Option<(Range<usize>, Range<usize>)> {
        let start = Range { start: 0, end: 0 };
        let mut found = (start.clone(), start);
        let mut table = Some(self.tree.get_ref());
        let mut array = None;
        for step in path {
            let (key, value) = match step {
                Step::Key(key) => match table.and_then(|table| table.get_key_value(*key)) {
                    Some((key, value)) => (key.span(), value),
                    None => break,
                },
                Step::Index(index) => match array.and_then(|array: &DeArray<'_>| array.get(*index)) {
                    Some(value) => (value.span(), value),
                    None => break,
                },
            };
            found = (key, value.span());
            table = value.get_ref().as_table();
            array = value.get_ref().as_array();
        }
        (found.1 != NOWHERE).then_some(found)
    }

    /// A problem with the value at a path, unless the value is not in the file.
    pub(crate) fn problem(&self, code: Code, path: &[Step<'_>], message: impl Into<String>) -> Option<Diagnostic> {
        self.place(path).map(|span| Diagnostic::at(code, &self.source, span, message))
    }

    /// A problem with the last key of a path, unless it is not in the file.
    pub(crate) fn key_problem(&self, code: Code, path: &[Step<'_>], message: impl Into<String>) -> Option<Diagnostic> {
        self.key_place(path).map(|span| Diagnostic::at(code, &self.source, span, message))
    }
}
