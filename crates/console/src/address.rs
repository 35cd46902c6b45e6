//! Addresses of our own pages, with what others wrote safely encoded in them.

use std::fmt::Write as _;

/// Percent-encodes everything but letters, digits and `-._~`.
pub(crate) fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

/// A path with those of the parameters that have a value.
pub(crate) fn with_query(path: &str, parameters: &[(&str, Option<String>)]) -> String {
    let mut out = path.to_owned();
    let set = parameters.iter().filter_map(|(name, value)| value.as_ref().map(|value| (name, value)));
    for (place, (name, value)) in set.enumerate() {
        let _ = write!(out, "{}{name}={}", if place == 0 { '?' } else { '&' }, encoded(value));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_wrote_cannot_leave_its_parameter() {
        assert_eq!(encoded("a b&c=d/ü"), "a%20b%26c%3Dd%2F%C3%BC");
        let parameters =
            [("workflow", Some("x&live=1".to_owned())), ("effect", None), ("before", Some("7".to_owned()))];
        assert_eq!(with_query("/decisions", &parameters), "/decisions?workflow=x%26live%3D1&before=7");
        assert_eq!(with_query("/decisions", &[]), "/decisions");
    }
}
