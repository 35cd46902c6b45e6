//! As much of CBOR (RFC 8949) as authenticators write.

fn head(major: u8, number: u64, out: &mut Vec<u8>) {
    let major = major << 5;
    match number {
        0..=23 => out.push(major | u8::try_from(number).unwrap_or(0)),
        24..=0xff => out.extend([major | 24, u8::try_from(number).unwrap_or(0)]),
        0x100..=0xffff => {
            out.push(major | 25);
            out.extend(u16::try_from(number).unwrap_or(0).to_be_bytes());
        }
        _ => {
            out.push(major | 27);
            out.extend(number.to_be_bytes());
        }
    }
}

/// A whole number.
pub(crate) fn integer(number: i64) -> Vec<u8> {
    let mut out = Vec::new();
    match u64::try_from(number) {
        Ok(number) => head(0, number, &mut out),
        Err(_) => head(1, number.unsigned_abs() - 1, &mut out),
    }
    out
}

/// A string of bytes.
pub(crate) fn bytes(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    head(2, bytes.len() as u64, &mut out);
    out.extend(bytes);
    out
}

/// A text.
pub(crate) fn text(text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    head(3, text.len() as u64, &mut out);
    out.extend(text.as_bytes());
    out
}

/// A list of what is written already.
pub(crate) fn array(items: &[Vec<u8>]) -> Vec<u8> {
    let mut out = Vec::new();
    head(4, items.len() as u64, &mut out);
    out.extend(items.concat());
    out
}

/// A map of what is written already, in the order given.
pub(crate) fn map(pairs: &[(Vec<u8>, Vec<u8>)]) -> Vec<u8> {
    let mut out = Vec::new();
    head(5, pairs.len() as u64, &mut out);
    for (key, value) in pairs {
        out.extend(key);
        out.extend(value);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From appendix A of RFC 8949.
    #[test]
    fn what_it_writes_is_what_the_standard_shows() {
        assert_eq!(integer(0), [0x00]);
        assert_eq!(integer(1_000_000), [0x1b, 0, 0, 0, 0, 0, 0x0f, 0x42, 0x40], "longer than need be, and allowed");
        assert_eq!(integer(-1), [0x20]);
        assert_eq!(integer(-257), [0x39, 0x01, 0x00]);
        assert_eq!(bytes(&[1, 2, 3, 4]), [0x44, 1, 2, 3, 4]);
        assert_eq!(text("IETF"), [0x64, 0x49, 0x45, 0x54, 0x46]);
        assert_eq!(array(&[integer(1), integer(2)]), [0x82, 1, 2]);
        assert_eq!(map(&[(integer(1), integer(2)), (integer(3), integer(4))]), [0xa2, 1, 2, 3, 4]);
    }
}
