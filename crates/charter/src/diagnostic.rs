//! What is wrong with a charter, where, and how to put it right.

use crate::source::Source;
use serde::Serialize;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

/// The most problems reported at once; more are only counted.
pub const DIAGNOSTICS_MAX: usize = 500;

/// One problem, with its place and its remedy. Its `Display` is the bare message; `miette` renders it with the source.
#[derive(Clone, Debug, Serialize)]
pub struct Diagnostic {
    severity: Severity,
    code: Code,
    file: String,
    #[serde(flatten)]
    position: Option<Position>,
    message: String,
    help: Option<String>,
    #[serde(skip)]
    excerpt: Option<Excerpt>,
}

#[derive(Clone, Debug)]
struct Excerpt {
    source: Arc<Source>,
    span: Range<usize>,
}

impl Excerpt {
    fn words(&self) -> &str {
        self.source.text.get(self.span.clone()).unwrap_or_default()
    }
}

/// How bad a problem is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// The charter does not load.
    Error,
    /// The charter loads, but somebody should look.
    Warning,
}

/// What sort of problem, as a name that stays the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Code {
    /// A file or directory that is missing, unexpected, too large or unreadable.
    File,
    /// A bundle that is not one.
    Bundle,
    /// A file that cannot be read as TOML, or a value of the wrong type.
    Toml,
    /// A key nobody knows.
    UnknownKey,
    /// A key that must be there.
    MissingKey,
    /// A value that cannot be right.
    Value,
    /// A name that is given twice.
    Duplicate,
    /// A name that stands for nothing.
    Reference,
    /// A schema that Cedar refuses.
    Schema,
    /// A schema that changes what decisions offer to policies.
    Vocabulary,
    /// A policy that cannot be parsed.
    PolicySyntax,
    /// An annotation that is missing or unknown.
    Annotation,
    /// A policy that fails strict validation.
    PolicyValidation,
    /// Something nobody answers for, or that no workflow has.
    Coverage,
    /// A site that goes beyond what the hospital lets sites do.
    Bounds,
    /// Lint: a policy whose head leaves open what it is about.
    Unscoped,
    /// Lint: a permit over patients' records that rests on the role alone.
    RoleOnly,
    /// Lint: a workflow or action that nobody ever gets to.
    Unreachable,
    /// Lint: a system nobody answers for.
    UnownedSystem,
    /// Lint: a workflow that says nothing of how much friction is too much.
    NoFrictionLimits,
    /// Lint: a role or label that makes no difference.
    Unused,
    /// Lint: a policy that decides in no scenario.
    Untested,
}

/// A place in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Position {
    /// From 1.
    pub line: usize,
    /// In characters, from 1.
    pub column: usize,
}

impl Diagnostic {
    /// A problem of a file as a whole.
    pub(crate) fn of_file(code: Code, file: &str, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            code,
            file: file.to_owned(),
            position: None,
            message: message.into(),
            help: None,
            excerpt: None,
        }
    }

    /// A problem at a place, in bytes of the source.
    pub(crate) fn at(code: Code, source: &Arc<Source>, span: Range<usize>, message: impl Into<String>) -> Self {
        Self {
            position: Some(source.position(span.start)),
            excerpt: Some(Excerpt { source: Arc::clone(source), span }),
            ..Self::of_file(code, &source.path, message)
        }
    }

    /// With a way to put it right.
    pub(crate) fn with_help(self, help: impl Into<String>) -> Self {
        Self { help: Some(help.into()), ..self }
    }

    /// With a way to put it right, if there is one.
    pub(crate) fn with_help_if(self, help: Option<String>) -> Self {
        if help.is_some() { Self { help, ..self } } else { self }
    }

    /// Only a warning.
    pub(crate) fn into_warning(self) -> Self {
        Self { severity: Severity::Warning, ..self }
    }

    /// How bad it is.
    #[must_use]
    pub const fn severity(&self) -> Severity {
        self.severity
    }

    /// What sort it is.
    #[must_use]
    pub const fn code(&self) -> Code {
        self.code
    }

    /// The file, relative to the charter.
    #[must_use]
    pub fn file(&self) -> &str {
        &self.file
    }

    /// Where in the file, unless it is about the file as a whole.
    #[must_use]
    pub const fn position(&self) -> Option<Position> {
        self.position
    }

    /// What is wrong.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// How to put it right.
    #[must_use]
    pub fn help(&self) -> Option<&str> {
        self.help.as_deref()
    }

    /// `file:line:column`, or only the file.
    #[must_use]
    pub fn place(&self) -> String {
        match self.position {
            Some(Position { line, column }) => format!("{}:{line}:{column}", self.file),
            None => self.file.clone(),
        }
    }

    /// Whether another charter's problem is this one: the same of the same words, wherever they stand in their files.
    #[must_use]
    pub fn says_the_same(&self, other: &Self) -> bool {
        let words = |of: &Self| of.excerpt.as_ref().map(|excerpt| excerpt.words().to_owned());
        self.code == other.code && self.message == other.message && words(self) == words(other)
    }

    /// The problem in plain text: one line, and one more for the help.
    #[must_use]
    pub fn plain(&self) -> String {
        let severity = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        let help = self.help.as_ref().map(|help| format!("\n  help: {help}")).unwrap_or_default();
        format!("{}: {severity}: {}{help}", self.place(), self.message)
    }

    fn order(&self) -> (&str, usize, usize) {
        let Position { line, column } = self.position.unwrap_or(Position { line: 0, column: 0 });
        (&self.file, line, column)
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Diagnostic {}

impl Code {
    /// Those that are only said when somebody asks for lints.
    pub const LINTS: [Self; 7] = [
        Self::Unscoped,
        Self::RoleOnly,
        Self::Unreachable,
        Self::UnownedSystem,
        Self::NoFrictionLimits,
        Self::Unused,
        Self::Untested,
    ];

    /// Its name, such as `unknown_key`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Bundle => "bundle",
            Self::Toml => "toml",
            Self::UnknownKey => "unknown_key",
            Self::MissingKey => "missing_key",
            Self::Value => "value",
            Self::Duplicate => "duplicate",
            Self::Reference => "reference",
            Self::Schema => "schema",
            Self::Vocabulary => "vocabulary",
            Self::PolicySyntax => "policy_syntax",
            Self::Annotation => "annotation",
            Self::PolicyValidation => "policy_validation",
            Self::Coverage => "coverage",
            Self::Bounds => "bounds",
            Self::Unscoped => "unscoped",
            Self::RoleOnly => "role_only",
            Self::Unreachable => "unreachable",
            Self::UnownedSystem => "unowned_system",
            Self::NoFrictionLimits => "no_friction_limits",
            Self::Unused => "unused",
            Self::Untested => "untested",
        }
    }
}

impl miette::Diagnostic for Diagnostic {
    fn code(&self) -> Option<Box<dyn fmt::Display + '_>> {
        Some(Box::new(format!("charter::{}", self.code.as_str())))
    }

    fn severity(&self) -> Option<miette::Severity> {
        Some(match self.severity {
            Severity::Error => miette::Severity::Error,
            Severity::Warning => miette::Severity::Warning,
        })
    }

    fn help(&self) -> Option<Box<dyn fmt::Display + '_>> {
        self.help.as_ref().map(|help| Box::new(help) as Box<dyn fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn miette::SourceCode> {
        self.excerpt.as_ref().map(|excerpt| &*excerpt.source as &dyn miette::SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = miette::LabeledSpan> + '_>> {
        let span = self.excerpt.as_ref()?.span.clone();
        Some(Box::new(std::iter::once(miette::LabeledSpan::at(span, "here"))))
    }
}

/// Problems found so far.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    list: Vec<Diagnostic>,
    more: usize,
    errors: usize,
}

impl Findings {
    /// Keeps a problem.
    pub(crate) fn push(&mut self, diagnostic: Diagnostic) {
        self.errors += usize::from(diagnostic.severity == Severity::Error);
        if self.list.len() < DIAGNOSTICS_MAX {
            self.list.push(diagnostic);
        } else {
            self.more += 1;
        }
    }

    /// Keeps a problem, if it is in a file at all, as a warning.
    pub(crate) fn warn(&mut self, problem: impl Into<Option<Diagnostic>>, help: &str) {
        if let Some(problem) = problem.into() {
            self.push(problem.with_help(help).into_warning());
        }
    }

    /// How many errors there are so far.
    pub(crate) fn errors(&self) -> usize {
        self.errors
    }

    /// All of them, by file, line and column.
    pub(crate) fn into_list(mut self) -> Vec<Diagnostic> {
        self.list.sort_by(|a, b| a.order().cmp(&b.order()));
        if self.more > 0 {
            self.list.push(Diagnostic::of_file(Code::File, ".", format!("{} more problems are not shown", self.more)));
        }
        self.list
    }
}
