//! Whether the parts of a charter fit together. Every check says all it finds; none stops at the first.

mod care;
mod cover;
mod edges;
mod hospital;
mod offered;
mod overlays;
mod privilege;
mod provider;
mod scenarios;
mod signing_in;

use crate::diagnostic::{Code, Diagnostic, Findings};
use crate::document::{Document, Step};
use crate::names::{Names, Noun};
use crate::parts::Parts;

/// Checks everything that can be checked of the parts that could be read.
pub(crate) fn all(parts: &Parts<'_>, findings: &mut Findings) {
    let names = parts.names();
    if let Some(doc) = &parts.hospital {
        hospital::check(&mut Check { doc, names: &names, findings });
    }
    if let Some(doc) = &parts.entities {
        cover::entities(&mut Check { doc, names: &names, findings }, parts);
    }
    if let Some(doc) = &parts.workflows {
        care::workflows(&mut Check { doc, names: &names, findings });
    }
    if let Some(doc) = &parts.owners {
        cover::owners(&mut Check { doc, names: &names, findings });
    }
    if let Some(doc) = &parts.assurance {
        privilege::assurance(&mut Check { doc, names: &names, findings });
        provider::all(&mut Check { doc, names: &names, findings });
        let vocabulary = parts.schema.as_ref().map(|(_, vocabulary)| vocabulary);
        signing_in::all(&mut Check { doc, names: &names, findings }, vocabulary);
    }
    if let Some(doc) = &parts.elevation {
        privilege::elevation(&mut Check { doc, names: &names, findings });
    }
    if let Some(doc) = &parts.emergency {
        privilege::emergency(&mut Check { doc, names: &names, findings });
    }
    if let Some(doc) = &parts.systems {
        edges::systems(&mut Check { doc, names: &names, findings }, parts);
    }
    for doc in &parts.scenarios {
        scenarios::check(&mut Check { doc, names: &names, findings });
    }
    overlays::all(parts, &names, findings);
    offered::check(parts, findings);
    cover::policies(parts, &names, findings);
}

/// One document under check.
pub(crate) struct Check<'c, 't, T> {
    pub(crate) doc: &'c Document<'t, T>,
    pub(crate) names: &'c Names<'c>,
    pub(crate) findings: &'c mut Findings,
}

impl<T> Check<'_, '_, T> {
    /// Says that something is wrong with the value at a path.
    fn say(&mut self, code: Code, path: &[Step<'_>], message: impl Into<String>, help: &str) {
        let problem = self.doc.problem(code, path, message);
        self.keep(problem, help);
    }

    /// Says that something is wrong with the last key of a path.
    fn say_key(&mut self, code: Code, path: &[Step<'_>], message: impl Into<String>, help: &str) {
        let problem = self.doc.key_problem(code, path, message);
        self.keep(problem, help);
    }

    fn keep(&mut self, problem: Option<Diagnostic>, help: &str) {
        if let Some(problem) = problem {
            self.findings.push(problem.with_help(help));
        }
    }

    /// The value at a path must be a known name.
    fn refers(&mut self, noun: Noun, path: &[Step<'_>], name: &str) {
        if let Some((message, help)) = self.names.unknown(noun, name) {
            self.say(Code::Reference, path, message, &help);
        }
    }

    /// Every value of the list at a path must be a known name, and come once.
    fn refer<'n>(&mut self, noun: Noun, path: &[Step<'_>], names: impl IntoIterator<Item = &'n str>) {
        let mut seen = std::collections::BTreeSet::new();
        for (index, name) in names.into_iter().enumerate() {
            let path = [path, &[Step::Index(index)]].concat();
            self.refers(noun, &path, name);
            if !seen.insert(name) {
                self.say(Code::Duplicate, &path, format!("`{name}` is listed twice"), "keep it once");
            }
        }
    }

    /// The list at a path must not be empty.
    fn some<I>(&mut self, path: &[Step<'_>], list: &[I], help: &str) {
        if list.is_empty() {
            self.say(Code::Value, path, "this list is empty", help);
        }
    }

    /// An assurance level.
    fn level(&mut self, path: &[Step<'_>], level: u8, most: u8) {
        if !(1..=most).contains(&level) {
            let message = format!("{level} is not an assurance level here");
            self.say(Code::Value, path, message, &format!("write 1 to {most} (SP 800-63B-4)"));
        }
    }

    /// A share in percent.
    fn percent(&mut self, path: &[Step<'_>], percent: u8) {
        if !(1..=100).contains(&percent) {
            self.say(Code::Value, path, format!("{percent} is not a share in percent"), "write 1 to 100");
        }
    }

    /// A text people read.
    fn words(&mut self, path: &[Step<'_>], text: &str) {
        if text.trim().is_empty() {
            self.say(Code::Value, path, "this text is empty", "write what people would say");
        }
    }
}
