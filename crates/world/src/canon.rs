//! One way to write a world down, so that two worlds can be compared by a digest.

use aws_lc_rs::digest::{Context, SHA256};
use events::Timestamp;

/// The version of the form below. Another fold or another form has another.
const FORM: u64 = 1;

/// A running SHA-256 over values, each self-delimiting.
pub(crate) struct Canon(Context);

impl Canon {
    pub(crate) fn new() -> Self {
        let mut canon = Self(Context::new(&SHA256));
        canon.number(FORM);
        canon
    }

    pub(crate) fn number(&mut self, number: u64) {
        self.0.update(&number.to_be_bytes());
    }

    pub(crate) fn count(&mut self, count: usize) {
        self.number(count as u64);
    }

    pub(crate) fn flag(&mut self, flag: bool) {
        self.0.update(&[u8::from(flag)]);
    }

    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        self.count(bytes.len());
        self.0.update(bytes);
    }

    pub(crate) fn text(&mut self, text: &str) {
        self.bytes(text.as_bytes());
    }

    pub(crate) fn time(&mut self, time: Timestamp) {
        self.0.update(&time.as_millis().to_be_bytes());
    }

    pub(crate) fn maybe<T>(&mut self, value: Option<T>, write: impl FnOnce(&mut Self, T)) {
        self.flag(value.is_some());
        if let Some(value) = value {
            write(self, value);
        }
    }

    pub(crate) fn finish(self) -> [u8; 32] {
        let mut out = [0; 32];
        for (to, from) in out.iter_mut().zip(self.0.finish().as_ref()) {
            *to = *from;
        }
        out
    }
}
