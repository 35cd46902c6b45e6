//! One way to write a fold down, so that two can be compared by a digest and one can be kept and read again.
//!
//! Every value is self-delimiting: numbers as LEB128, times as zigzag LEB128 of milliseconds, texts and lists after their length. Names
//! stand as texts, never as the numbers a world gives them. What is written depends only on what is known: maps are written in order of
//! their keys. [`Canon`] writes, [`Reading`] reads; whoever changes what is written raises `plane::FOLD_VERSION`.

use events::Timestamp;
use std::io::{self, Read, Write};
use std::str::FromStr;

/// How much is gathered before it is passed on, in bytes.
const PIECE_BYTES: usize = 64 * 1024;
/// The longest text or run of bytes, in bytes: a leaf, with room.
pub const BYTES_MAX: usize = 2 * events::LEAF_BYTES_MAX;
/// The most places reserved before the things for them were read: a count that lies costs no more memory than this many.
const RESERVED_MAX: usize = 64;

/// Writes values one after another.
pub struct Canon<'a> {
    to: &'a mut dyn Write,
    piece: Vec<u8>,
    failed: Option<io::Error>,
}

impl std::fmt::Debug for Canon<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Canon")
    }
}

impl<'a> Canon<'a> {
    /// Writes there. What goes wrong is said by [`Self::finish`].
    pub fn new(to: &'a mut dyn Write) -> Self {
        Self { to, piece: Vec::with_capacity(PIECE_BYTES + BYTES_MAX), failed: None }
    }

    /// A number, a position, or which of several.
    pub fn number(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.piece.push((number & 0x7f) as u8 | 0x80);
            number >>= 7;
        }
        self.piece.push((number & 0x7f) as u8);
        self.pass_on();
    }

    /// How many things follow.
    pub fn count(&mut self, count: usize) {
        self.number(count as u64);
    }

    /// Yes or no.
    pub fn flag(&mut self, flag: bool) {
        self.number(u64::from(flag));
    }

    /// Bytes of any length.
    pub fn bytes(&mut self, bytes: &[u8]) {
        self.count(bytes.len());
        self.piece.extend_from_slice(bytes);
        self.pass_on();
    }

    /// A text.
    pub fn text(&mut self, text: &str) {
        self.bytes(text.as_bytes());
    }

    /// Which of several, and a text.
    pub fn kind_and_text(&mut self, kind: u64, text: &str) {
        self.number(kind);
        self.text(text);
    }

    /// A time.
    pub fn time(&mut self, time: Timestamp) {
        let millis = time.as_millis();
        self.number(millis.unsigned_abs() << 1 | u64::from(millis < 0));
    }

    /// Something or nothing.
    pub fn maybe<T>(&mut self, value: Option<T>, write: impl FnOnce(&mut Self, T)) {
        self.flag(value.is_some());
        if let Some(value) = value {
            write(self, value);
        }
    }

    /// Passes the rest on.
    ///
    /// # Errors
    /// The first failure of what it writes to.
    pub fn finish(mut self) -> io::Result<()> {
        self.flush();
        self.failed.map_or(Ok(()), Err)
    }

    fn pass_on(&mut self) {
        if self.piece.len() >= PIECE_BYTES {
            self.flush();
        }
    }

    fn flush(&mut self) {
        if self.failed.is_none() {
            self.failed = self.to.write_all(&self.piece).err();
        }
        self.piece.clear();
    }
}

/// Why bytes are not what [`Canon`] writes.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Unfit {
    /// They could not be read, or end too soon.
    #[error("it cannot be read to its end")]
    Io(#[from] io::Error),
    /// A value that is not of its form.
    #[error("it has no {0} where one must stand")]
    Form(&'static str),
}

/// Reads what [`Canon`] wrote. Trusts nothing: whatever the bytes are, it errs or gives values within their bounds, and reserves no
/// more memory than it has read bytes for.
pub struct Reading<'a> {
    from: &'a mut dyn Read,
    piece: Vec<u8>,
    at: usize,
    text: Vec<u8>,
}

impl std::fmt::Debug for Reading<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Reading")
    }
}

impl<'a> Reading<'a> {
    /// Reads from there, ahead: what follows in `from` is not to be read by others.
    pub fn new(from: &'a mut dyn Read) -> Self {
        Self { from, piece: Vec::new(), at: 0, text: Vec::new() }
    }

    /// A number.
    ///
    /// # Errors
    /// When there is none.
    pub fn number(&mut self) -> Result<u64, Unfit> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7f);
            if bits << shift >> shift != bits || (byte == 0 && shift > 0) {
                break;
            }
            number |= bits << shift;
            if byte < 0x80 {
                return Ok(number);
            }
        }
        Err(Unfit::Form("number"))
    }

    /// How many things follow, and as many places for them as may be reserved beforehand.
    ///
    /// # Errors
    /// When no number follows.
    pub fn count(&mut self) -> Result<(usize, usize), Unfit> {
        let count = usize::try_from(self.number()?).map_err(|_| Unfit::Form("count"))?;
        Ok((count, count.min(RESERVED_MAX)))
    }

    /// As many things as were written.
    ///
    /// # Errors
    /// When one of them is missing.
    pub fn list<T>(&mut self, mut each: impl FnMut(&mut Self) -> Result<T, Unfit>) -> Result<Vec<T>, Unfit> {
        let (count, reserve) = self.count()?;
        let mut list = Vec::with_capacity(reserve);
        for _ in 0..count {
            list.push(each(self)?);
        }
        Ok(list)
    }

    /// Yes or no.
    ///
    /// # Errors
    /// When neither stands there.
    pub fn flag(&mut self) -> Result<bool, Unfit> {
        match self.byte()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(Unfit::Form("flag")),
        }
    }

    /// Bytes, at most [`BYTES_MAX`].
    ///
    /// # Errors
    /// When they are longer or end too soon.
    pub fn bytes(&mut self) -> Result<&[u8], Unfit> {
        let length = usize::try_from(self.number()?).unwrap_or(usize::MAX);
        if length > BYTES_MAX {
            return Err(Unfit::Form("length"));
        }
        if self.piece.len() - self.at < length {
            self.text.clear();
            let mut missing = length;
            while missing > 0 {
                if self.at == self.piece.len() {
                    self.fill()?;
                }
                let ready = self.piece.get(self.at..).unwrap_or_default();
                let some = ready.get(..missing).unwrap_or(ready);
                self.text.extend_from_slice(some);
                self.at += some.len();
                missing -= some.len();
            }
            return Ok(&self.text);
        }
        self.at += length;
        Ok(self.piece.get(self.at - length..self.at).unwrap_or_default())
    }

    /// Bytes of one length.
    ///
    /// # Errors
    /// When they have another.
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], Unfit> {
        self.bytes()?.try_into().map_err(|_| Unfit::Form("run of that length"))
    }

    /// A text.
    ///
    /// # Errors
    /// When it is none.
    pub fn text(&mut self) -> Result<&str, Unfit> {
        std::str::from_utf8(self.bytes()?).map_err(|_| Unfit::Form("text"))
    }

    /// What a text stands for.
    ///
    /// # Errors
    /// When it stands for nothing of that sort.
    pub fn parsed<T: FromStr>(&mut self) -> Result<T, Unfit> {
        self.text()?.parse().map_err(|_| Unfit::Form("name"))
    }

    /// Which of several was written, by its place among them.
    ///
    /// # Errors
    /// When it is none of them.
    pub fn one_of<T: Copy>(&mut self, all: &[T]) -> Result<T, Unfit> {
        let place = usize::try_from(self.number()?).unwrap_or(usize::MAX);
        all.get(place).copied().ok_or(Unfit::Form("choice"))
    }

    /// Which of several was written, by its name.
    ///
    /// # Errors
    /// When it is none of them.
    pub fn named<T: Copy>(&mut self, all: &[T], name: impl Fn(T) -> &'static str) -> Result<T, Unfit> {
        let text = self.text()?;
        all.iter().copied().find(|one| name(*one) == text).ok_or(Unfit::Form("choice"))
    }

    /// A time.
    ///
    /// # Errors
    /// When it is none, or out of the years that can be written.
    pub fn time(&mut self) -> Result<Timestamp, Unfit> {
        let number = self.number()?;
        let millis = i64::try_from(number >> 1).map_err(|_| Unfit::Form("time"))?;
        let millis = if number & 1 == 1 { -millis } else { millis };
        let time = Timestamp::from_millis(millis);
        if time.as_millis() == millis { Ok(time) } else { Err(Unfit::Form("time")) }
    }

    /// Something or nothing.
    ///
    /// # Errors
    /// What `read` errs with.
    pub fn maybe<T>(&mut self, read: impl FnOnce(&mut Self) -> Result<T, Unfit>) -> Result<Option<T>, Unfit> {
        if self.flag()? { read(self).map(Some) } else { Ok(None) }
    }

    /// That nothing follows.
    ///
    /// # Errors
    /// When something does.
    pub fn end(mut self) -> Result<(), Unfit> {
        if self.at < self.piece.len() || self.more()? { Err(Unfit::Form("end")) } else { Ok(()) }
    }

    fn byte(&mut self) -> Result<u8, Unfit> {
        if self.at == self.piece.len() {
            self.fill()?;
        }
        let byte = self.piece.get(self.at).copied().ok_or(Unfit::Form("byte"))?;
        self.at += 1;
        Ok(byte)
    }

    fn fill(&mut self) -> Result<(), Unfit> {
        if self.more()? { Ok(()) } else { Err(io::Error::from(io::ErrorKind::UnexpectedEof).into()) }
    }

    /// Reads the next piece; whether there is one.
    fn more(&mut self) -> Result<bool, Unfit> {
        self.at = 0;
        self.piece.resize(PIECE_BYTES, 0);
        let read = loop {
            match self.from.read(&mut self.piece) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                read => break read,
            }
        };
        self.piece.truncate(read.as_ref().copied().unwrap_or(0));
        Ok(read? > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(write: impl FnOnce(&mut Canon<'_>)) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut canon = Canon::new(&mut bytes);
        write(&mut canon);
        canon.finish().unwrap();
        bytes
    }

    #[test]
    fn every_value_comes_back() {
        let numbers = [0, 1, 127, 128, 300, u64::from(u32::MAX), u64::MAX];
        let times = [Timestamp::MIN, Timestamp::from_millis(-1), Timestamp::from_millis(0), Timestamp::MAX];
        let long = "ä".repeat(BYTES_MAX / 2);
        let bytes = written(|canon| {
            numbers.iter().for_each(|number| canon.number(*number));
            times.iter().for_each(|time| canon.time(*time));
            (0..5).for_each(|_| canon.text(&long));
            canon.maybe(Some(true), Canon::flag);
            canon.maybe(None, Canon::flag);
        });
        let mut from = bytes.as_slice();
        let mut reading = Reading::new(&mut from);
        numbers.iter().for_each(|number| assert_eq!(reading.number().unwrap(), *number));
        times.iter().for_each(|time| assert_eq!(reading.time().unwrap(), *time));
        (0..5).for_each(|_| assert_eq!(reading.text().unwrap(), long));
        assert_eq!(reading.maybe(Reading::flag).unwrap(), Some(true));
        assert_eq!(reading.maybe(Reading::flag).unwrap(), None);
        reading.end().unwrap();
    }

    #[test]
    fn what_is_not_in_its_form_is_refused() {
        let refused = |mut bytes: &[u8], read: fn(&mut Reading<'_>) -> bool| read(&mut Reading::new(&mut bytes));
        let number = |reading: &mut Reading<'_>| reading.number().is_err();
        assert!(refused(&[], number) && refused(&[0x80], number) && refused(&[0xff; 10], number));
        assert!(refused(&[0x80, 0], number), "a longer form of the same number");
        assert!(refused(&[2], |reading| reading.flag().is_err()));
        assert!(refused(&[3, 1, 2], |reading| reading.bytes().is_err()));
        assert!(refused(&[0xff, 0xff, 0xff, 0xff, 0x0f], |reading| reading.bytes().is_err()));
        assert!(refused(&[2, 0xc3, 0x28], |reading| reading.text().is_err()));
        assert!(refused(&[0xff, 0xff, 0xff, 0xff, 0x0f, 1], |reading| reading.list(Reading::flag).is_err()));
        assert!(refused(&[7], |reading| reading.one_of(&[1, 2, 3]).is_err()));
        let whole: &[u8] = &[1];
        assert!(Reading::new(&mut &*whole).end().is_err());
    }

    #[test]
    fn a_failure_of_what_is_written_to_is_not_lost() {
        let mut full = [0_u8; 10];
        let mut to = full.as_mut_slice();
        let mut canon = Canon::new(&mut to);
        canon.bytes(&[1; 20]);
        assert!(canon.finish().is_err());
    }
}
