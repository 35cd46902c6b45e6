//! Record numbers as people and systems write them, and the form of the temporary ones that this house gives out itself.
//!
//! A temporary number begins with [`PREFIX`] and ends with a letter that changes when any other does. One of that form that was never given
//! out is nobody's; one whose last letter does not fit was never given out, whoever looks.

use std::borrow::Cow;

/// The longest record or visit number, in bytes.
pub const NUMBER_BYTES_MAX: usize = 64;
/// What every temporary record number begins with.
pub const PREFIX: &str = "TEMP-HR-";
/// Letters and digits that cannot be taken for each other (Crockford's).
const LETTERS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/// How many of them a temporary number has before its last letter: 40 bits.
pub const RANDOM_LETTERS: usize = 8;

/// Why a text is no record number, told from the text alone: whether anybody has it, it does not say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NumberError {
    /// Nothing, or too much.
    #[error("a record number has 1 to {NUMBER_BYTES_MAX} bytes")]
    Length,
    /// What a scanner or a form leaves behind.
    #[error(
        "a record number has no control characters, no characters that cannot be seen, and no white space at its ends"
    )]
    Unprintable,
    /// A slip of the keyboard.
    #[error(
        "this temporary number was never given out: one of its letters is wrong, so look at the wristband once more"
    )]
    Slip,
}

/// Checks a record number as it was sent.
///
/// # Errors
/// When it cannot be one, whoever has it.
pub fn check(number: &str) -> Result<(), NumberError> {
    if number.is_empty() || number.len() > NUMBER_BYTES_MAX {
        return Err(NumberError::Length);
    }
    if number.trim().len() != number.len() || number.chars().any(events::is_unseen) {
        return Err(NumberError::Unprintable);
    }
    if is_temporary(number) && !fits(number) { Err(NumberError::Slip) } else { Ok(()) }
}

/// Whether a number has the form of ours. One that has and was never given out is nobody's.
#[must_use]
pub fn is_temporary(number: &str) -> bool {
    number.get(..PREFIX.len()).is_some_and(|start| start.eq_ignore_ascii_case(PREFIX))
}

/// A number as it is filed: one of ours in capitals, however it was typed.
pub(crate) fn filed(number: &str) -> Cow<'_, str> {
    if is_temporary(number) { Cow::Owned(number.to_ascii_uppercase()) } else { Cow::Borrowed(number) }
}

/// The temporary number of these bytes, five bits of each.
#[must_use]
pub fn temporary(bytes: [u8; RANDOM_LETTERS]) -> String {
    let letter = |value: usize| LETTERS.get(value % LETTERS.len()).map_or('0', |letter| char::from(*letter));
    let mut number = String::from(PREFIX);
    let mut check = 0;
    for (weight, byte) in (1..).zip(bytes) {
        let value = usize::from(byte) % LETTERS.len();
        check += value * (2 * weight + 1);
        number.push(letter(value));
        if weight == RANDOM_LETTERS / 2 {
            number.push('-');
        }
    }
    number.push(letter(check));
    number
}

/// Whether a number of our form is one that [`temporary`] could have written.
fn fits(number: &str) -> bool {
    let filed = filed(number);
    let letters = filed.get(PREFIX.len()..).unwrap_or_default().bytes().filter(|letter| *letter != b'-');
    let values = letters.map(|letter| LETTERS.iter().position(|known| *known == letter));
    let values: Vec<u8> =
        values.map(|value| value.and_then(|value| u8::try_from(value).ok()).unwrap_or(u8::MAX)).collect();
    let first = values.get(..RANDOM_LETTERS).and_then(|values| <[u8; RANDOM_LETTERS]>::try_from(values).ok());
    first.is_some_and(|bytes| temporary(bytes) == *filed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_shows_its_kind_and_no_slip_makes_another_of_it() {
        let number = temporary([0, 1, 2, 31, 4, 5, 6, 7]);
        assert!(number.starts_with("TEMP-HR-012Z-4567") && is_temporary(&number), "{number}");
        assert!(is_temporary(&number.to_lowercase()) && !is_temporary("TEMP-1") && !is_temporary("4567"));
        assert!(number.len() <= NUMBER_BYTES_MAX);
        assert_eq!(check(&number), Ok(()));
        assert_eq!(check(&number.to_lowercase()), Ok(()), "typed without the shift key");
        for place in PREFIX.len()..number.len() {
            for letter in LETTERS.iter().chain(b"-OIL").map(|letter| char::from(*letter)) {
                let mut slip = number.clone();
                slip.replace_range(place..=place, &letter.to_string());
                assert_eq!(check(&slip).is_ok(), slip == number, "{slip}");
            }
        }
        for cut in [PREFIX, "TEMP-HR-012Z-4567", "TEMP-HR-é", &format!("{number}0")] {
            assert_eq!(check(cut), Err(NumberError::Slip), "{cut}");
        }
    }

    #[test]
    fn what_nobody_sees_is_no_part_of_a_number() {
        assert_eq!(check("4711"), Ok(()));
        assert_eq!(check("A 47/11-é"), Ok(()));
        assert_eq!(check(""), Err(NumberError::Length));
        assert_eq!(check(&"9".repeat(NUMBER_BYTES_MAX + 1)), Err(NumberError::Length));
        for unseen in ["4711 ", " 4711", "47\u{0}11", "4711\n", "47\u{200b}11", "\u{202e}1174", "\u{feff}4711"] {
            assert_eq!(check(unseen), Err(NumberError::Unprintable), "{unseen:?}");
        }
    }
}
