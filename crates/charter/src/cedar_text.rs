//! Cedar's own texts, before Cedar reads them: the statements of a policy file, the annotations of a statement, and the limits that keep
//! a hostile text from exhausting the stack of Cedar's recursive parser.

use std::ops::Range;

/// The deepest nesting of brackets, in policies and schema.
pub const NESTING_MAX: usize = 32;
/// The largest policy, in bytes.
pub const POLICY_BYTES_MAX: usize = 32 * 1024;
/// The most `if`s in one policy: each nests the next.
pub const IFS_MAX: usize = 64;

/// A word, a string or a single other character; trivia left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Token<'t> {
    pub(crate) text: &'t str,
    pub(crate) span: Range<usize>,
}

/// The tokens of a text. Never fails: what Cedar would refuse comes out as single characters.
pub(crate) fn tokens(text: &str) -> impl Iterator<Item = Token<'_>> {
    let mut at = 0;
    std::iter::from_fn(move || {
        loop {
            let rest = text.get(at..)?;
            let first = rest.chars().next()?;
            let length = if first.is_whitespace() {
                first.len_utf8()
            } else if rest.starts_with("//") {
                rest.find('\n').unwrap_or(rest.len())
            } else {
                let length = token_bytes(rest, first);
                let span = at..at + length;
                at += length;
                return Some(Token { text: rest.get(..length)?, span });
            };
            at += length;
        }
    })
}

fn token_bytes(rest: &str, first: char) -> usize {
    if first == '"' {
        let mut escaped = false;
        for (at, c) in rest.char_indices().skip(1) {
            match c {
                _ if escaped => escaped = false,
                '\\' => escaped = true,
                '"' => return at + 1,
                _ => {}
            }
        }
        return rest.len();
    }
    let word = |c: char| c.is_alphanumeric() || c == '_';
    if word(first) { rest.find(|c| !word(c)).unwrap_or(rest.len()) } else { first.len_utf8() }
}

/// One policy of a file: where it stands, without the trivia around it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Statement {
    pub(crate) span: Range<usize>,
    pub(crate) annotations: Vec<Annotation>,
}

/// An annotation of a statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Annotation {
    pub(crate) name: String,
    /// Of the name.
    pub(crate) name_span: Range<usize>,
    /// Of the value with its quotes, or of the name where there is none.
    pub(crate) value_span: Range<usize>,
}

/// The statements of a policy file. A last one without its `;` is among them, so that Cedar can say what is missing.
pub(crate) fn statements(text: &str) -> Vec<Statement> {
    let mut all = Vec::new();
    let mut current: Vec<Token<'_>> = Vec::new();
    for token in tokens(text) {
        let ends = token.text == ";";
        current.push(token);
        if ends {
            all.extend(statement(&std::mem::take(&mut current)));
        }
    }
    all.extend(statement(&current));
    all
}

fn statement(tokens: &[Token<'_>]) -> Option<Statement> {
    let span = tokens.first()?.span.start..tokens.last()?.span.end;
    let mut annotations = Vec::new();
    let mut rest = tokens;
    while let [at, name, after @ ..] = rest {
        if at.text != "@" {
            break;
        }
        let mut value_span = name.span.clone();
        rest = after;
        if let [open, value, close, after @ ..] = after
            && (open.text, close.text) == ("(", ")")
        {
            value_span = value.span.clone();
            rest = after;
        }
        annotations.push(Annotation { name: name.text.to_owned(), name_span: name.span.clone(), value_span });
    }
    Some(Statement { span, annotations })
}

/// A text that is too much for Cedar's parser.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TooMuch {
    #[error("brackets are nested more than {NESTING_MAX} deep from here on")]
    Nesting(Range<usize>),
    #[error("one policy has more than {IFS_MAX} `if`s")]
    Ifs(Range<usize>),
}

impl TooMuch {
    pub(crate) fn span(&self) -> Range<usize> {
        match self {
            Self::Nesting(span) | Self::Ifs(span) => span.clone(),
        }
    }
}

/// Checks one policy, or a schema, against the limits.
pub(crate) fn check(text: &str) -> Result<(), TooMuch> {
    let (mut depth, mut sets, mut ifs) = (0_usize, 0_usize, 0_usize);
    let mut before = "";
    for token in tokens(text) {
        match token.text {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" => depth = depth.saturating_sub(1),
            // Only a schema has these; elsewhere `<` compares.
            "<" if before == "Set" => sets += 1,
            ">" => sets = sets.saturating_sub(1),
            "if" => ifs += 1,
            _ => {}
        }
        before = token.text;
        if depth + sets > NESTING_MAX {
            return Err(TooMuch::Nesting(token.span));
        }
        if ifs > IFS_MAX {
            return Err(TooMuch::Ifs(token.span));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn statements_end_at_semicolons_outside_strings_and_comments() {
        let text = "// a; b\n@id(\"x;\\\";\")\npermit (principal, action, resource); // c;\n\n forbid (x)";
        let all = statements(text);
        let texts: Vec<_> = all.iter().map(|s| text.get(s.span.clone()).unwrap_or_default()).collect();
        assert_eq!(texts, ["@id(\"x;\\\";\")\npermit (principal, action, resource);", "forbid (x)"]);
        let values: Vec<_> = all.iter().flat_map(|s| &s.annotations).map(|a| &text[a.value_span.clone()]).collect();
        assert_eq!(values, ["\"x;\\\";\""]);
    }

    #[test]
    fn comparisons_are_not_brackets() {
        assert_eq!(check(&"1 < 2 && ".repeat(100)), Ok(()));
        assert!(check(&"(1 > ".repeat(33)).is_err());
        assert!(check(&"Set<".repeat(33)).is_err());
        assert!(check(&"if ".repeat(65)).is_err());
    }

    proptest! {
        #[test]
        fn any_text_has_statements_in_order(text in "[-a-z;@(){}\"\\\\/\n é]{0,80}") {
            let mut end = 0;
            for statement in statements(&text) {
                prop_assert!(statement.span.start >= end);
                prop_assert!(text.get(statement.span.clone()).is_some());
                end = statement.span.end;
            }
        }
    }
}
