//! Every name a charter gives, so that every use of one can be checked against them.

use crate::nearest::suggest;
use std::collections::BTreeSet;

/// What a name stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Noun {
    Owner,
    Person,
    Role,
    Unit,
    Site,
    Target,
    Vendor,
    Workflow,
    Entitlement,
    Action,
    Type,
    Policy,
    Label,
    Method,
}

impl Noun {
    const ALL: [Self; 14] = [
        Self::Owner,
        Self::Person,
        Self::Role,
        Self::Unit,
        Self::Site,
        Self::Target,
        Self::Vendor,
        Self::Workflow,
        Self::Entitlement,
        Self::Action,
        Self::Type,
        Self::Policy,
        Self::Label,
        Self::Method,
    ];

    /// As in "there is no … `x`".
    pub(crate) const fn noun(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Person => "person",
            Self::Role => "role",
            Self::Unit => "unit",
            Self::Site => "site",
            Self::Target => "target system",
            Self::Vendor => "vendor",
            Self::Workflow => "workflow",
            Self::Entitlement => "entitlement",
            Self::Action => "action",
            Self::Type => "entity type",
            Self::Policy => "policy",
            Self::Label => "label",
            Self::Method => "sign-in method",
        }
    }

    /// Where such names are given.
    pub(crate) const fn home(self) -> &'static str {
        match self {
            Self::Owner => "`[teams]` or `[people]` of owners.toml",
            Self::Person => "`[people]` of owners.toml",
            Self::Role => "`[roles]` of entities.toml",
            Self::Unit => "`[units]` of hospital.toml",
            Self::Site => "`[sites]` of hospital.toml",
            Self::Target => "`[targets]` of systems.toml",
            Self::Vendor => "`[vendors]` of systems.toml",
            Self::Workflow => "workflows.toml",
            Self::Entitlement => "`[entitlements]` of elevation.toml",
            Self::Action | Self::Type => "schema.cedarschema",
            Self::Policy => "policies/",
            Self::Label => "`[labels]` of entities.toml",
            Self::Method => "`[methods]` of assurance.toml",
        }
    }
}

/// The names, by what they stand for. `None`: the file that gives them could not be read, so nothing can be said of their use.
#[derive(Debug)]
pub(crate) struct Names<'a>(Vec<(Noun, Option<BTreeSet<&'a str>>)>);

impl<'a> Names<'a> {
    pub(crate) fn new() -> Self {
        Self(Noun::ALL.iter().map(|noun| (*noun, None)).collect())
    }

    /// These are all there are.
    pub(crate) fn give(&mut self, noun: Noun, names: impl IntoIterator<Item = &'a str>) {
        if let Some((_, known)) = self.0.iter_mut().find(|(known, _)| *known == noun) {
            *known = Some(names.into_iter().collect());
        }
    }

    /// All there are, if that is known.
    pub(crate) fn all(&self, noun: Noun) -> Option<&BTreeSet<&'a str>> {
        self.0.iter().find(|(known, _)| *known == noun).and_then(|(_, names)| names.as_ref())
    }

    /// What to say of a name that is not known, and what would help; `None` if it is, or if nobody can tell.
    pub(crate) fn unknown(&self, noun: Noun, name: &str) -> Option<(String, String)> {
        let known = self.all(noun)?;
        if known.contains(name) {
            return None;
        }
        let help = match crate::nearest::nearest(name, known.iter().copied()) {
            Some(near) => format!("did you mean `{near}`? (Otherwise add it to {})", noun.home()),
            None => match suggest(name, known.iter().copied()) {
                Some(known) => format!("add it to {}; {known}", noun.home()),
                None => format!("add it to {}", noun.home()),
            },
        };
        Some((format!("there is no {} `{name}`", noun.noun()), help))
    }
}
