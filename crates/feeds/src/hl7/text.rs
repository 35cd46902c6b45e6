//! From bytes to text: byte-order marks, MSH-18, and what to do when it is missing or wrong.

use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};
use std::borrow::Cow;

/// The character set a message was read in, so that its answer can be written in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Charset(&'static Encoding);

impl Default for Charset {
    fn default() -> Self {
        Self(UTF_8)
    }
}

impl Charset {
    /// The character set that MSH-18 names, by HL7 table 0211 or by its usual name elsewhere; `None` for ASCII, which claims nothing.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        let plain: String =
            name.chars().filter(char::is_ascii_alphanumeric).map(|letter| letter.to_ascii_uppercase()).collect();
        let label = match plain.as_str() {
            "UNICODEUTF8" | "UTF8" | "UNICODE" => "utf-8",
            "UNICODEUTF16" => "utf-16be",
            "88591" | "ISO88591" | "LATIN1" | "CP1252" => "windows-1252",
            "88592" => "iso-8859-2",
            "88593" => "iso-8859-3",
            "88594" => "iso-8859-4",
            "88595" => "iso-8859-5",
            "88596" => "iso-8859-6",
            "88597" => "iso-8859-7",
            "88598" => "iso-8859-8",
            "88599" => "windows-1254",
            "885915" => "iso-8859-15",
            "ISOIR14" | "ISOIR87" | "ISOIR159" | "JISX02081990" => "iso-2022-jp",
            "GB180302000" => "gb18030",
            "KSX1001" => "euc-kr",
            "CNS116431992" | "BIG5" => "big5",
            // Plain ASCII is what senders say who never thought about it.
            "ASCII" | "USASCII" => return None,
            _ => name.trim(),
        };
        Encoding::for_label(label.as_bytes()).map(Self)
    }

    /// Text in this character set; what it cannot write becomes a numeric reference. UTF-16 is answered in UTF-8.
    #[must_use]
    pub fn encode(self, text: &str) -> Cow<'_, [u8]> {
        self.0.encode(text).0
    }
}

/// A message as text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decoded<'a> {
    /// The text, without a byte-order mark. A byte that means nothing in its character set became U+FFFD: an identifier with one
    /// must not be used, since two different ones could look alike.
    pub text: Cow<'a, str>,
    /// What it was read in.
    pub charset: Charset,
}

/// Reads bytes as text: by byte-order mark; else as MSH-18 says; else (or if it says ASCII and is not) UTF-8 and, when it is not that
/// either, Latin-1 as the machines that say so write it (Windows-1252).
#[must_use]
pub fn decode(bytes: &[u8]) -> Decoded<'_> {
    if let Some((encoding, mark_bytes)) = Encoding::for_bom(bytes) {
        let text = encoding.decode_without_bom_handling(bytes.get(mark_bytes..).unwrap_or_default()).0;
        return Decoded { text, charset: Charset(encoding) };
    }
    if let Some(encoding) = bare_utf_16(bytes) {
        return Decoded { text: encoding.decode_without_bom_handling(bytes).0, charset: Charset(encoding) };
    }
    let declared = declared(bytes).and_then(|name| Charset::named(&name)).map(|charset| charset.0);
    match declared {
        // A wrong claim of ASCII or UTF-8 is the commonest lie of all.
        None => undeclared(bytes),
        Some(encoding) if encoding == UTF_8 || encoding == UTF_16BE || encoding == UTF_16LE => undeclared(bytes),
        Some(encoding) => Decoded { text: encoding.decode_without_bom_handling(bytes).0, charset: Charset(encoding) },
    }
}

fn undeclared(bytes: &[u8]) -> Decoded<'_> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Decoded { text: Cow::Borrowed(text), charset: Charset(UTF_8) },
        Err(_) => Decoded { text: WINDOWS_1252.decode_without_bom_handling(bytes).0, charset: Charset(WINDOWS_1252) },
    }
}

/// `MSH` in two-byte units without a mark in front.
fn bare_utf_16(bytes: &[u8]) -> Option<&'static Encoding> {
    if bytes.starts_with(b"M\0S\0H\0") {
        Some(UTF_16LE)
    } else if bytes.starts_with(b"\0M\0S\0H") {
        Some(UTF_16BE)
    } else {
        None
    }
}

/// The first name in MSH-18, read from the bytes: everything up to there is ASCII in every character set that MLLP can carry.
fn declared(bytes: &[u8]) -> Option<String> {
    let start = bytes.iter().position(|byte| !byte.is_ascii_whitespace())?;
    let header = bytes.get(start..)?;
    let header = header.split(|byte| matches!(*byte, b'\r' | b'\n')).next()?;
    let separator = *header.strip_prefix(b"MSH")?.first()?;
    let mut fields = header.split(|byte| *byte == separator);
    let repetition = fields.nth(1)?.get(1).copied().unwrap_or(b'~');
    let field = fields.nth(15)?;
    let name = field.split(|byte| *byte == repetition).find(|name| !name.is_empty())?;
    std::str::from_utf8(name).ok().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(charset: &str, name: &[u8]) -> Vec<u8> {
        let mut bytes = format!("MSH|^~\\&|A|B|C|D|20260101||ADT^A01|1|P|2.5||||||{charset}\rPID|1||7||").into_bytes();
        bytes.extend_from_slice(name);
        bytes
    }

    fn name(bytes: &[u8]) -> String {
        decode(bytes).text.rsplit('|').next().unwrap().to_owned()
    }

    #[test]
    fn reads_what_is_declared() {
        for (charset, bytes, expected) in [
            ("8859/1", &b"M\xfcller"[..], "Müller"),
            ("8859/2", b"\xa3ukasz", "Łukasz"),
            ("8859/5", b"\xb8\xd2\xd0\xdd", "Иван"),
            ("8859/15", b"\xa4", "€"),
            ("UNICODE UTF-8", "Müller".as_bytes(), "Müller"),
            ("~8859/1", b"M\xfcller", "Müller"),
            ("KS X 1001", b"\xb1\xe8", "김"),
            ("GB 18030-2000", b"\x81\x7c", "亅"),
            ("windows-1251", b"\xc8", "И"),
        ] {
            assert_eq!(name(&header(charset, bytes)), expected, "{charset}");
        }
    }

    #[test]
    fn a_missing_wrong_or_unknown_declaration_is_read_as_utf_8_or_latin_1() {
        for charset in ["", "ASCII", "UNICODE UTF-8", "EBCDIC", "8859/77"] {
            assert_eq!(name(&header(charset, b"M\xfcller")), "Müller", "{charset}");
            assert_eq!(name(&header(charset, "Müller".as_bytes())), "Müller", "{charset}");
        }
    }

    #[test]
    fn byte_order_marks_are_obeyed_and_removed() {
        let mut marked = b"\xef\xbb\xbf".to_vec();
        marked.extend(header("8859/1", "Müller".as_bytes()));
        assert!(decode(&marked).text.starts_with("MSH|"));
        assert_eq!(name(&marked), "Müller");
        for bare in [&b""[..], b"\xff\xfe"] {
            let mut wide = bare.to_vec();
            wide.extend("MSH|^~\\&|Müller".encode_utf16().flat_map(u16::to_le_bytes));
            assert_eq!(decode(&wide).text, "MSH|^~\\&|Müller");
        }
    }

    #[test]
    fn odd_delimiters_do_not_hide_the_declaration() {
        assert_eq!(
            decode(b"\r\nMSH#^~\\&#A#B#C#D#2026##ADT^A01#1#P#2.5######8859/5\rPID#\xb8").text.chars().last(),
            Some('И')
        );
    }
}
