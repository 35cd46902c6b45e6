//! A message as segments, fields, repetitions, components: views into the text, split when asked for.

use std::borrow::Cow;
use std::str::Split;

/// The most segments one message may have.
pub const SEGMENTS_MAX: usize = 10_000;

/// Why a text is no message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MessageError {
    /// It does not begin with a message header.
    #[error("{HEADER_REASON}")]
    NoHeader,
    /// MSH-1 and MSH-2 do not name delimiters that can be told apart.
    #[error("MSH-1 and MSH-2 name no usable delimiters")]
    Delimiters,
    /// More than [`SEGMENTS_MAX`] segments.
    #[error("the message has more than {SEGMENTS_MAX} segments")]
    TooManySegments,
}

/// What a message without a header is told.
pub const HEADER_REASON: &str = "the message does not begin with an MSH segment";

/// What separates what, as MSH-1 and MSH-2 say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delimiters {
    /// Between fields.
    pub field: char,
    /// Between components.
    pub component: char,
    /// Between repetitions.
    pub repetition: char,
    /// Around escape sequences.
    pub escape: char,
    /// Between subcomponents.
    pub subcomponent: char,
}

impl Default for Delimiters {
    fn default() -> Self {
        Self { field: '|', component: '^', repetition: '~', escape: '\\', subcomponent: '&' }
    }
}

impl Delimiters {
    /// From a header segment's text. Where MSH-2 is short, the usual characters fill in.
    fn of(header: &str) -> Result<Self, MessageError> {
        Self::after(header.strip_prefix("MSH").ok_or(MessageError::NoHeader)?)
    }

    /// From what follows the name of a header segment.
    pub(super) fn after(name: &str) -> Result<Self, MessageError> {
        let usual = Self::default();
        let mut rest = name.chars();
        let field = rest.next().ok_or(MessageError::NoHeader)?;
        let mut named = rest.take_while(|letter| *letter != field);
        let all = Self {
            field,
            component: named.next().unwrap_or(usual.component),
            repetition: named.next().unwrap_or(usual.repetition),
            escape: named.next().unwrap_or(usual.escape),
            subcomponent: named.next().unwrap_or(usual.subcomponent),
        };
        let letters = [all.field, all.component, all.repetition, all.escape, all.subcomponent];
        let usable = |letter: &char| {
            !letter.is_alphanumeric() && !letter.is_whitespace() && !letter.is_control() && *letter != '"'
        };
        let distinct = letters.iter().enumerate().all(|(at, letter)| !letters.iter().skip(at + 1).any(|l| l == letter));
        if letters.iter().all(usable) && distinct { Ok(all) } else { Err(MessageError::Delimiters) }
    }

    /// MSH-2 as it would be written.
    #[must_use]
    pub fn encoding_characters(&self) -> String {
        [self.component, self.repetition, self.escape, self.subcomponent].iter().collect()
    }

    /// Text as it may stand in a field: delimiters escaped, control characters left out.
    #[must_use]
    pub fn escape<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let plain = |letter: char| self.escape_letter(letter).is_none() && !letter.is_control();
        if text.chars().all(plain) {
            return Cow::Borrowed(text);
        }
        let mut escaped = String::with_capacity(text.len() + 8);
        for letter in text.chars() {
            match self.escape_letter(letter) {
                Some(name) => escaped.extend([self.escape, name, self.escape]),
                None if letter.is_control() => {}
                None => escaped.push(letter),
            }
        }
        Cow::Owned(escaped)
    }

    fn escape_letter(&self, letter: char) -> Option<char> {
        [(self.field, 'F'), (self.component, 'S'), (self.subcomponent, 'T'), (self.repetition, 'R'), (self.escape, 'E')]
            .into_iter()
            .find_map(|(delimiter, name)| (delimiter == letter).then_some(name))
    }

    /// The text a field's raw text stands for. A sequence that is not known, or does not end, stays as it is written.
    #[must_use]
    pub fn unescape<'t>(&self, raw: &'t str) -> Cow<'t, str> {
        if !raw.contains(self.escape) {
            return Cow::Borrowed(raw);
        }
        let mut text = String::with_capacity(raw.len());
        let mut rest = raw;
        while let Some((before, after)) = rest.split_once(self.escape) {
            text.push_str(before);
            match after.split_once(self.escape) {
                Some((sequence, next)) if self.expand(sequence, &mut text) => rest = next,
                _ => {
                    text.push(self.escape);
                    rest = after;
                }
            }
        }
        text.push_str(rest);
        Cow::Owned(text)
    }

    fn expand(&self, sequence: &str, text: &mut String) -> bool {
        match sequence {
            "F" => text.push(self.field),
            "S" => text.push(self.component),
            "T" => text.push(self.subcomponent),
            "R" => text.push(self.repetition),
            "E" => text.push(self.escape),
            "P" => text.push('#'),
            ".br" | ".sp" => text.push('\n'),
            "H" | "N" => {}
            _ => {
                let Some(bytes) = sequence.strip_prefix('X').and_then(hexadecimal) else { return false };
                match String::from_utf8(bytes) {
                    Ok(decoded) => text.push_str(&decoded),
                    Err(latin) => text.extend(latin.as_bytes().iter().map(|byte| char::from(*byte))),
                }
            }
        }
        true
    }
}

fn hexadecimal(digits: &str) -> Option<Vec<u8>> {
    if digits.is_empty() || !digits.len().is_multiple_of(2) || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(digits.get(at..at + 2)?, 16).ok()).collect()
}

/// A message: its delimiters and its segments, in the order they came.
#[derive(Clone, Debug)]
pub struct Message<'a> {
    delimiters: Delimiters,
    segments: Vec<Segment<'a>>,
}

impl<'a> Message<'a> {
    /// Splits a text. Lines may end with CR, LF or both; blank lines and white space before the header are skipped.
    ///
    /// # Errors
    /// When there is no header, its delimiters are unusable, or there are more than [`SEGMENTS_MAX`] segments.
    pub fn read(text: &'a str) -> Result<Self, MessageError> {
        let blank = |letter: char| letter.is_whitespace() || letter.is_control() || letter == '\u{feff}';
        let mut lines = text.split(['\r', '\n']).map(|line| line.trim_matches(blank)).filter(|line| !line.is_empty());
        let header = lines.next().ok_or(MessageError::NoHeader)?;
        let delimiters = Delimiters::of(header)?;
        let segments: Vec<_> = std::iter::once(header)
            .chain(lines)
            .take(SEGMENTS_MAX + 1)
            .map(|text| Segment { text, delimiters })
            .collect();
        if segments.len() > SEGMENTS_MAX {
            return Err(MessageError::TooManySegments);
        }
        Ok(Self { delimiters, segments })
    }

    /// What separates what.
    #[must_use]
    pub const fn delimiters(&self) -> Delimiters {
        self.delimiters
    }

    /// All segments.
    pub fn segments(&self) -> impl Iterator<Item = Segment<'a>> + '_ {
        self.segments.iter().copied()
    }

    /// The first segment of a name; one without any fields when there is none.
    #[must_use]
    pub fn segment(&self, name: &str) -> Segment<'a> {
        self.segments()
            .find(|segment| segment.name() == name)
            .unwrap_or(Segment { text: "", delimiters: self.delimiters })
    }
}

/// One line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment<'a> {
    text: &'a str,
    delimiters: Delimiters,
}

impl<'a> Segment<'a> {
    /// Its name, such as `PID`; empty when the message has no such segment.
    #[must_use]
    pub fn name(&self) -> &'a str {
        self.text.split(self.delimiters.field).next().unwrap_or_default().trim()
    }

    /// Whether it begins a message, in whatever delimiters: a frame may hold one of another sender.
    #[must_use]
    pub fn is_header(&self) -> bool {
        let after = self.text.strip_prefix("MSH").and_then(|rest| rest.chars().next());
        after.is_some_and(|letter| !letter.is_alphanumeric())
    }

    /// Whether the message has it at all.
    #[must_use]
    pub fn exists(&self) -> bool {
        !self.text.is_empty()
    }

    /// A field by its number in the standard, counted from 1; empty when there is none.
    #[must_use]
    pub fn field(&self, number: usize) -> Field<'a> {
        let mut fields = self.text.split(self.delimiters.field);
        // MSH-1 is the separator itself, so everything after it counts one less.
        let at = if self.text.starts_with("MSH") { number.saturating_sub(1) } else { number };
        let text = if number == 0 || at == 0 { None } else { fields.nth(at) };
        Field { text: text.unwrap_or_default(), delimiters: self.delimiters }
    }
}

/// A field, or one repetition of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field<'a> {
    text: &'a str,
    delimiters: Delimiters,
}

impl<'a> Field<'a> {
    /// As it stands in the message.
    #[must_use]
    pub const fn raw(&self) -> &'a str {
        self.text
    }

    /// Whether it says nothing: absent, or delimiters only.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.text.chars().all(|letter| {
            letter.is_whitespace()
                || [self.delimiters.component, self.delimiters.repetition, self.delimiters.subcomponent]
                    .contains(&letter)
        })
    }

    /// Whether it says that there is nothing: HL7's null, two double quotes.
    #[must_use]
    pub fn is_null(&self) -> bool {
        self.text.trim() == "\"\""
    }

    /// Its repetitions.
    #[must_use]
    pub fn repetitions(&self) -> Repetitions<'a> {
        Repetitions { texts: self.text.split(self.delimiters.repetition), delimiters: self.delimiters }
    }

    /// The text of a component of the first repetition, counted from 1: its first subcomponent, unescaped and trimmed; empty when
    /// absent or null.
    #[must_use]
    pub fn component(&self, number: usize) -> Cow<'a, str> {
        self.subcomponent(number, 1)
    }

    /// The text of a subcomponent of a component of the first repetition, both counted from 1.
    #[must_use]
    pub fn subcomponent(&self, component: usize, subcomponent: usize) -> Cow<'a, str> {
        let nth = |text: &'a str, delimiter: char, number: usize| {
            number.checked_sub(1).and_then(|at| text.split(delimiter).nth(at)).unwrap_or_default()
        };
        let first = nth(self.text, self.delimiters.repetition, 1);
        let raw = nth(nth(first, self.delimiters.component, component), self.delimiters.subcomponent, subcomponent);
        match raw.trim() {
            "\"\"" => Cow::Borrowed(""),
            text => self.delimiters.unescape(text),
        }
    }
}

/// The repetitions of a field.
#[derive(Clone, Debug)]
pub struct Repetitions<'a> {
    texts: Split<'a, char>,
    delimiters: Delimiters,
}

impl<'a> Iterator for Repetitions<'a> {
    type Item = Field<'a>;

    fn next(&mut self) -> Option<Field<'a>> {
        self.texts.next().map(|text| Field { text, delimiters: self.delimiters })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_through_what_trips_other_parsers() {
        let text = "\u{feff}\n MSH|^~\\&|A\n\n\nZ1|x\rNOFIELDS\r\n\rLONGNAME|y\rMRG|618^^^SIM&1.2&ISO^MR\u{0}";
        let message = Message::read(text).unwrap();
        let names: Vec<_> = message.segments().map(|segment| segment.name()).collect();
        assert_eq!(names, ["MSH", "Z1", "NOFIELDS", "LONGNAME", "MRG"]);
        let merged = message.segment("MRG").field(1);
        assert_eq!(merged.component(1), "618");
        assert_eq!(merged.subcomponent(4, 2), "1.2");
        assert_eq!(merged.component(9), "");
        assert!(!message.segment("PID").exists());
        assert!(message.segment("PID").field(3).is_empty());
    }

    #[test]
    fn header_fields_count_from_the_separator() {
        let message = Message::read("MSH|^~\\&|APP|FAC").unwrap();
        let header = message.segment("MSH");
        assert_eq!((header.field(2).raw(), header.field(3).raw(), header.field(4).raw()), ("^~\\&", "APP", "FAC"));
        assert!(header.field(0).is_empty() && header.field(1).is_empty());
    }

    #[test]
    fn short_headers_get_the_usual_delimiters_and_impossible_ones_are_refused() {
        for header in ["MSH|", "MSH||A", "MSH|^~|A", "MSH|^~\\&#|A", "MSH#^~\\&#A"] {
            assert!(Message::read(header).is_ok(), "{header}");
        }
        for header in ["MSH", "", "PID|1", "{\"json\":1}"] {
            assert_eq!(Message::read(header).err(), Some(MessageError::NoHeader), "{header}");
        }
        for header in ["MSHa^~\\&", "MSH|^^\\&|", "MSH|abcd|", "MSH^"] {
            assert_eq!(Message::read(header).err(), Some(MessageError::Delimiters), "{header}");
        }
    }

    #[test]
    fn escape_sequences_stand_for_their_characters() {
        let delimiters = Delimiters::default();
        for (raw, text) in [
            (r"a\F\b\S\c\T\d\R\e\E\f", r"a|b^c&d~e\f"),
            (r"\X4d\\XC3BC\\XfC\", "Müü"),
            (r"one\.br\two\H\three\N\", "one\ntwothree"),
            (r"left \Zab\ and \ alone", r"left \Zab\ and \ alone"),
            (r"\", r"\"),
            (r"\\", r"\\"),
        ] {
            assert_eq!(delimiters.unescape(raw), text, "{raw}");
        }
    }

    #[test]
    fn more_segments_than_allowed_are_refused() {
        let text = format!("MSH|^~\\&|A{}", "\rZ".repeat(SEGMENTS_MAX));
        assert_eq!(Message::read(&text).err(), Some(MessageError::TooManySegments));
    }

    proptest! {
        #[test]
        fn no_text_breaks_it(text in any::<String>(), tail in any::<String>(), number in 0usize..30) {
            for text in [text.clone(), format!("MSH|^~\\&|{text}\r{tail}")] {
                if let Ok(message) = Message::read(&text) {
                    for segment in message.segments() {
                        for field in segment.field(number).repetitions() {
                            let _ = (field.component(number), field.subcomponent(1, number), field.is_empty());
                        }
                    }
                }
            }
        }

        #[test]
        fn what_is_escaped_reads_back(text in "[^\\p{Cc}]{0,40}", letters in Just(vec!['|', '^', '~', '\\', '&', '#', '$', '!', '*']).prop_shuffle()) {
            let delimiters = Delimiters { field: letters[0], component: letters[1], repetition: letters[2], escape: letters[3], subcomponent: letters[4] };
            let escaped = delimiters.escape(&text);
            prop_assert!(!escaped.contains(delimiters.field) && !escaped.contains(delimiters.component));
            prop_assert_eq!(delimiters.unescape(&escaped).into_owned(), text);
        }
    }
}
