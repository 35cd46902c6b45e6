//! One mistake in a TOML file: what to say of it, and how to go on as if it had not been made.

use crate::diagnostic::{Code, Diagnostic};
use crate::document::{NOWHERE, Step};
use crate::nearest::{nearest, suggest};
use crate::source::Source;
use std::ops::Range;
use std::sync::Arc;
use toml::Spanned;
use toml::de::{DeArray, DeTable, DeValue, Error};

/// A file as it could be, with everything that can be in it.
pub(crate) struct Example {
    text: &'static str,
    tree: DeTable<'static>,
}

impl Example {
    pub(crate) fn new(text: &'static str) -> Self {
        Self { text, tree: DeTable::parse_recoverable(text).0.into_inner() }
    }

    /// The part of the example that a path leads to. Where the file has names of its own, the example's first stands for all.
    fn part(&self, path: &[Step<'_>]) -> Option<&Spanned<DeValue<'static>>> {
        let (first, rest) = path.split_first()?;
        let Step::Key(key) = first else { return None };
        let mut part = self.tree.get(*key)?;
        for step in rest {
            part = match (step, part.get_ref()) {
                (Step::Key(key), DeValue::Table(table)) => table.get(*key).or_else(|| table.values().next())?,
                (Step::Index(_), DeValue::Array(array)) => array.iter().next()?,
                _ => return None,
            };
        }
        Some(part)
    }

    /// How a key could be written.
    fn such_as(&self, key: &str, part: &Spanned<DeValue<'static>>) -> String {
        let text = self.text.get(part.span()).unwrap_or_default();
        match part.get_ref() {
            DeValue::Table(_) if !text.starts_with('{') => format!("add a table `{key}`, such as `{text}`"),
            DeValue::Array(_) if !text.starts_with("[") || text.starts_with("[[") => format!("add `[[{key}]]` tables"),
            _ => format!("add it, such as `{key} = {text}`"),
        }
    }
}

/// A file that is not TOML.
pub(crate) fn syntax(source: &Arc<Source>, error: &Error) -> Diagnostic {
    let message = error.message();
    let help = match message {
        _ if message.contains("duplicate key") => "give it another name, or keep only one of them",
        _ if message.contains("recursion limit") => "nest less: no file of a charter needs more than a few levels",
        _ => "this is not TOML; see https://toml.io for how it is written",
    };
    let code = if message.contains("duplicate key") { Code::Duplicate } else { Code::Toml };
    Diagnostic::at(code, source, error.span().unwrap_or(0..0), message).with_help(help)
}

/// What serde found.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Mistake<'e> {
    UnknownKey { key: &'e str, known: Vec<&'e str> },
    MissingKey { key: &'e str },
    UnknownChoice { choice: &'e str, known: Vec<&'e str> },
    Value,
}

impl<'e> Mistake<'e> {
    /// Reads what serde's own messages say; whatever they say else is about a value.
    pub(crate) fn of(error: &'e Error) -> Self {
        let message = error.message();
        let mut quoted = message.split('`').skip(1).step_by(2);
        let first = quoted.next().unwrap_or_default();
        if message.starts_with("unknown field `") {
            Self::UnknownKey { key: first, known: quoted.collect() }
        } else if message.starts_with("missing field `") {
            Self::MissingKey { key: first }
        } else if message.starts_with("unknown variant `") {
            Self::UnknownChoice { choice: first, known: quoted.collect() }
        } else {
            Self::Value
        }
    }

    pub(crate) fn diagnostic(
        &self,
        source: &Arc<Source>,
        tree: &Spanned<DeTable<'_>>,
        error: &Error,
        example: &Example,
    ) -> Diagnostic {
        let span = error.span().unwrap_or(0..0);
        match self {
            Self::UnknownKey { key, known } => {
                let help = suggest(key, known.iter().copied());
                Diagnostic::at(Code::UnknownKey, source, span, format!("unknown key `{key}`")).with_help_if(help)
            }
            Self::MissingKey { key } => {
                let help = missing_from(tree, &span, key, example).map(|(_, part)| example.such_as(key, part));
                let root = span == tree.span();
                let message = format!("the key `{key}` is missing{}", if root { "" } else { " here" });
                let span = if root { 0..0 } else { span };
                Diagnostic::at(Code::MissingKey, source, span, message).with_help_if(help)
            }
            Self::UnknownChoice { choice, known } => {
                let help = suggest(choice, known.iter().copied());
                Diagnostic::at(Code::Value, source, span, format!("`{choice}` is not possible here")).with_help_if(help)
            }
            Self::Value => {
                let path = path_to(tree.get_ref(), &span);
                let help = path.as_ref().filter(|(_, is_key)| !is_key).and_then(|(path, _)| {
                    let part = example.part(path)?;
                    let text = example.text.get(part.span())?;
                    (!text.contains('\n')).then(|| format!("write a value such as `{text}`"))
                });
                let span = element(tree.get_ref(), &span, error.message()).unwrap_or(span);
                Diagnostic::at(Code::Toml, source, span, plain(error.message())).with_help_if(help)
            }
        }
    }

    /// The key this one was most likely meant to be.
    pub(crate) fn meant(&self) -> Option<&'e str> {
        match self {
            Self::UnknownKey { key, known } => nearest(key, known.iter().copied()),
            _ => None,
        }
    }

    /// Puts the example's part in the place of the mistake; takes the mistake out where there is none, or where it did not help before
    /// (`again`). False if that cannot be done.
    pub(crate) fn mend(&self, tree: &mut Spanned<DeTable<'_>>, error: &Error, example: &Example, again: bool) -> bool {
        let Some(span) = error.span().filter(|span| *span != NOWHERE) else { return false };
        if let Self::MissingKey { key } = self {
            let Some((path, part)) = missing_from(tree, &span, key, example) else { return false };
            let part = nowhere(part);
            let path: Vec<OwnedStep> = path.iter().map(OwnedStep::from).collect();
            let Some(table) = table_at(tree.get_mut(), &path) else { return false };
            table.insert(Spanned::new(NOWHERE, (*key).to_owned().into()), part);
            return true;
        }
        let Some((path, is_key)) = path_to(tree.get_ref(), &span) else { return false };
        let out = again || is_key || matches!(self, Self::UnknownKey { .. });
        let replacement = if out { None } else { example.part(&path).map(nowhere) };
        let path: Vec<OwnedStep> = path.iter().map(OwnedStep::from).collect();
        replace(tree.get_mut(), &path, replacement)
    }
}

/// Serde's message in the words of a ward.
fn plain(message: &str) -> String {
    const WORDS: [(&str, &str); 9] = [
        ("expected i64", "expected a whole number"),
        ("expected u8", "expected a whole number from 0 to 255"),
        ("expected u32", "expected a whole number, 0 or more"),
        ("expected a sequence", "expected a list"),
        ("expected a map", "expected a table"),
        ("expected a borrowed string", "expected a text"),
        ("expected a string", "expected a text"),
        ("wanted string or table", "expected a text"),
        ("invalid type: map", "invalid type: table"),
    ];
    let message = match message.split_once(", expected struct ") {
        Some((before, _)) => format!("{before}, expected a table"),
        None => message.to_owned(),
    };
    WORDS.iter().fold(message, |message, (serde, ward)| match message.strip_suffix(serde) {
        Some(before) => format!("{before}{ward}"),
        None if message.starts_with(serde) => message.replacen(serde, ward, 1),
        None => message,
    })
}

/// The element of a list that a message quotes: toml knows only the place of the list.
fn element(table: &DeTable<'_>, span: &Range<usize>, message: &str) -> Option<Range<usize>> {
    let quoted = message.split('`').nth(1)?;
    let mut found = None;
    visit(table, &mut Vec::new(), &mut |_, _, value| {
        let DeValue::Array(array) = value.get_ref() else { return };
        if value.span() == *span {
            let element = array.iter().find(|element| element.get_ref().as_str() == Some(quoted));
            found = element.map(Spanned::span).or(found.take());
        }
    });
    found
}

/// A step that borrows nothing, so that the tree it leads through can be changed.
enum OwnedStep {
    Key(String),
    Index(usize),
}

impl From<&Step<'_>> for OwnedStep {
    fn from(step: &Step<'_>) -> Self {
        match step {
            Step::Key(key) => Self::Key((*key).to_owned()),
            Step::Index(index) => Self::Index(*index),
        }
    }
}

/// A copy without a place.
fn nowhere(value: &Spanned<DeValue<'static>>) -> Spanned<DeValue<'static>> {
    let value = match value.get_ref() {
        DeValue::Array(array) => DeValue::Array(array.iter().map(nowhere).collect::<DeArray<'_>>()),
        DeValue::Table(table) => DeValue::Table(
            table
                .iter()
                .map(|(key, value)| (Spanned::new(NOWHERE, key.get_ref().clone()), nowhere(value)))
                .collect::<DeTable<'_>>(),
        ),
        plain => plain.clone(),
    };
    Spanned::new(NOWHERE, value)
}

/// The path to the smallest key or value that a span lies in, and whether it is the key.
fn path_to<'t>(table: &'t DeTable<'_>, span: &Range<usize>) -> Option<(Vec<Step<'t>>, bool)> {
    let mut best: Option<(usize, Vec<Step<'t>>, bool)> = None;
    visit(table, &mut Vec::new(), &mut |path, key, value| {
        for (place, is_key) in key.into_iter().map(|key| (key, true)).chain([(value.span(), false)]) {
            let holds = place.start <= span.start && span.end <= place.end && place != NOWHERE;
            let size = place.len();
            if holds && best.as_ref().is_none_or(|(least, ..)| size < *least || size == *least && !is_key) {
                best = Some((size, path.to_vec(), is_key));
            }
        }
    });
    best.map(|(_, path, is_key)| (path, is_key))
}

/// Sees a value: its path, the place of its key if it has one, and the value.
type See<'s, 't, 'v> = dyn FnMut(&[Step<'t>], Option<Range<usize>>, &'t Spanned<DeValue<'v>>) + 's;

/// Every value below a table.
fn visit<'t, 'v>(table: &'t DeTable<'v>, path: &mut Vec<Step<'t>>, see: &mut See<'_, 't, 'v>) {
    for (key, value) in table {
        path.push(Step::Key(key.get_ref()));
        see(path, Some(key.span()), value);
        visit_value(value.get_ref(), path, see);
        path.pop();
    }
}

fn visit_value<'t, 'v>(value: &'t DeValue<'v>, path: &mut Vec<Step<'t>>, see: &mut See<'_, 't, 'v>) {
    match value {
        DeValue::Table(table) => visit(table, path, see),
        DeValue::Array(array) => {
            for (index, value) in array.iter().enumerate() {
                path.push(Step::Index(index));
                see(path, None, value);
                visit_value(value.get_ref(), path, see);
                path.pop();
            }
        }
        _ => {}
    }
}

/// The table at a span that lacks a key the example has there: the path to it, and what the example has.
fn missing_from<'t, 'x>(
    tree: &'t Spanned<DeTable<'_>>,
    span: &Range<usize>,
    key: &str,
    example: &'x Example,
) -> Option<(Vec<Step<'t>>, &'x Spanned<DeValue<'static>>)> {
    let part = example.tree.get(key).filter(|_| tree.span() == *span && !tree.get_ref().contains_key(key));
    if let Some(part) = part {
        return Some((Vec::new(), part));
    }
    let mut found = None;
    visit(tree.get_ref(), &mut Vec::new(), &mut |path, _, value| {
        let lacks = value.get_ref().as_table().is_some_and(|table| !table.contains_key(key));
        if found.is_none() && lacks && value.span() == *span {
            let table = example.part(path).and_then(|part| part.get_ref().as_table());
            found = table.and_then(|table| table.get(key)).map(|part| (path.to_vec(), part));
        }
    });
    found
}

fn table_at<'m, 't>(table: &'m mut DeTable<'t>, path: &[OwnedStep]) -> Option<&'m mut DeTable<'t>> {
    let Some((first, rest)) = path.split_first() else { return Some(table) };
    let OwnedStep::Key(key) = first else { return None };
    let mut value = table.get_mut(key.as_str())?.get_mut();
    for step in rest {
        value = step_into(value, step)?.get_mut();
    }
    match value {
        DeValue::Table(table) => Some(table),
        _ => None,
    }
}

fn step_into<'m, 't>(value: &'m mut DeValue<'t>, step: &OwnedStep) -> Option<&'m mut Spanned<DeValue<'t>>> {
    match (step, value) {
        (OwnedStep::Key(key), DeValue::Table(table)) => table.get_mut(key.as_str()),
        (OwnedStep::Index(index), DeValue::Array(array)) => array.get_mut(*index),
        _ => None,
    }
}

/// Replaces or removes what a path leads to.
fn replace<'t>(table: &mut DeTable<'t>, path: &[OwnedStep], with: Option<Spanned<DeValue<'t>>>) -> bool {
    let Some((last, before)) = path.split_last() else { return false };
    let Some((first, rest)) = before.split_first() else {
        let OwnedStep::Key(key) = last else { return false };
        return replace_key(table, key, with);
    };
    let OwnedStep::Key(first) = first else { return false };
    let Some(value) = table.get_mut(first.as_str()) else { return false };
    let mut value = value.get_mut();
    for step in rest {
        let Some(next) = step_into(value, step) else { return false };
        value = next.get_mut();
    }
    match (last, value) {
        (OwnedStep::Key(key), DeValue::Table(table)) => replace_key(table, key, with),
        (OwnedStep::Index(index), DeValue::Array(array)) if *index < array.len() => {
            match with {
                Some(with) => {
                    if let Some(place) = array.get_mut(*index) {
                        *place = with;
                    }
                }
                None => {
                    let all = std::mem::replace(array, DeArray::new()).into_iter().enumerate();
                    *array = all.filter(|(at, _)| at != index).map(|(_, value)| value).collect();
                }
            }
            true
        }
        _ => false,
    }
}

fn replace_key<'t>(table: &mut DeTable<'t>, key: &str, with: Option<Spanned<DeValue<'t>>>) -> bool {
    match (with, table.get_mut(key)) {
        (Some(with), Some(place)) => {
            *place = with;
            true
        }
        (None, Some(_)) => table.remove(key).is_some(),
        (_, None) => false,
    }
}
