//! MLLP, the envelope HL7 v2 travels in over TCP: VT, a message, FS, CR.
//!
//! Senders get it wrong in known ways, and each has an answer here: stray bytes between frames are skipped up to a limit, a missing CR
//! is not waited for, a second VT starts over and hands out what came before it, and a frame without end is cut. Nothing that arrived
//! inside a frame disappears: what is no whole message comes out as [`Received::Partial`].

use bytes::{Buf, BufMut, Bytes, BytesMut};
use futures_util::{SinkExt, StreamExt};
use std::io;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, ToSocketAddrs};
use tokio_util::codec::{Decoder, Encoder, Framed};

/// The byte before a message: VT.
pub const START: u8 = 0x0b;
/// The byte after a message: FS.
pub const END: u8 = 0x1c;
/// The byte that should follow [`END`]: CR.
pub const TRAIL: u8 = 0x0d;

/// The longest message, in bytes, unless the listener is told otherwise.
pub const FRAME_BYTES_MAX: usize = 2 * 1024 * 1024;
/// How much of a message that is too long is kept, in bytes: enough for its header, so that it can be answered.
pub const HEAD_BYTES_MAX: usize = 8 * 1024;
/// The most bytes other than white space that may come without a frame around them before the peer is taken not to speak MLLP.
pub const STRAY_BYTES_MAX: usize = 4 * 1024;

/// Why a frame is no whole message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Partial {
    /// A second VT came before the FS: the sender started over.
    Restarted,
    /// The connection ended before the FS.
    Ended,
    /// It exceeded the limit and was cut; only its head was kept, and the connection is of no more use.
    TooLong,
}

impl Partial {
    /// The reason in plain words.
    #[must_use]
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Restarted => "the sender started a new message before it had ended this one",
            Self::Ended => "the connection ended before the message did",
            Self::TooLong => "the message is longer than this listener takes",
        }
    }
}

/// What came out of the envelope.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Received {
    /// A whole message; may be empty.
    Message(Bytes),
    /// The beginning of one.
    Partial {
        /// What there is of it.
        bytes: Bytes,
        /// Why there is no more.
        why: Partial,
    },
}

/// Why a connection can no longer be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MllpError {
    /// The connection itself failed.
    #[error("the connection failed")]
    Io(#[from] io::Error),
    /// More than [`STRAY_BYTES_MAX`] bytes outside of any frame.
    #[error("{bytes} bytes came without a frame around them: the peer does not seem to speak MLLP")]
    NoFrame {
        /// How many.
        bytes: usize,
    },
    /// A message exceeded the limit.
    #[error("a message was longer than {bytes_max} bytes")]
    TooLong {
        /// The limit.
        bytes_max: usize,
    },
    /// A message to send contains a framing byte.
    #[error("a message to send contains a VT or FS byte")]
    Unsendable,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Between,
    Inside,
    Cut,
}

/// The codec: one for each connection.
#[derive(Clone, Debug)]
pub struct Mllp {
    frame_bytes_max: usize,
    state: State,
    /// How much of the buffer is known to hold no framing byte.
    scanned: usize,
    stray: usize,
    stray_total: u64,
}

impl Default for Mllp {
    fn default() -> Self {
        Self::new(FRAME_BYTES_MAX)
    }
}

impl Mllp {
    /// A codec that cuts messages longer than `frame_bytes_max`.
    #[must_use]
    pub const fn new(frame_bytes_max: usize) -> Self {
        Self { frame_bytes_max, state: State::Between, scanned: 0, stray: 0, stray_total: 0 }
    }

    /// Whether a message has begun and not ended: time runs against the sender.
    #[must_use]
    pub fn is_inside(&self) -> bool {
        self.state == State::Inside
    }

    /// How many bytes other than white space came outside of any frame so far.
    #[must_use]
    pub const fn stray_bytes(&self) -> u64 {
        self.stray_total
    }

    fn skip_to_start(&mut self, src: &mut BytesMut) -> Result<bool, MllpError> {
        let start = src.iter().position(|&byte| byte == START);
        let skipped = src.split_to(start.unwrap_or(src.len()));
        let stray = skipped.iter().filter(|byte| !byte.is_ascii_whitespace()).count();
        self.stray += stray;
        self.stray_total += stray as u64;
        if self.stray > STRAY_BYTES_MAX {
            return Err(MllpError::NoFrame { bytes: self.stray });
        }
        if start.is_some() {
            src.advance(1);
            self.state = State::Inside;
            self.scanned = 0;
        }
        Ok(start.is_some())
    }

    fn cut(&mut self, src: &mut BytesMut) -> Received {
        let mut head = src.split();
        head.truncate(HEAD_BYTES_MAX);
        self.state = State::Cut;
        // Copied so that the head does not hold the whole buffer.
        Received::Partial { bytes: Bytes::copy_from_slice(&head), why: Partial::TooLong }
    }
}

impl Decoder for Mllp {
    type Item = Received;
    type Error = MllpError;

    fn decode(&mut self, src: &mut BytesMut) -> Result<Option<Received>, MllpError> {
        loop {
            match self.state {
                State::Cut => {
                    src.clear();
                    return Err(MllpError::TooLong { bytes_max: self.frame_bytes_max });
                }
                State::Between => {
                    if !self.skip_to_start(src)? {
                        return Ok(None);
                    }
                }
                State::Inside => {
                    let fresh = src.get(self.scanned..).unwrap_or_default();
                    let found = fresh.iter().position(|byte| matches!(*byte, START | END));
                    let length = self.scanned + found.unwrap_or(fresh.len());
                    if length > self.frame_bytes_max {
                        return Ok(Some(self.cut(src)));
                    }
                    if found.is_none() {
                        self.scanned = length;
                        return Ok(None);
                    }
                    let bytes = src.split_to(length).freeze();
                    let ended = src.get_u8() == END;
                    self.scanned = 0;
                    if ended {
                        // The CR, if there is one, is white space before the next frame.
                        self.state = State::Between;
                        self.stray = 0;
                        return Ok(Some(Received::Message(bytes)));
                    }
                    if !bytes.is_empty() {
                        return Ok(Some(Received::Partial { bytes, why: Partial::Restarted }));
                    }
                }
            }
        }
    }

    fn decode_eof(&mut self, src: &mut BytesMut) -> Result<Option<Received>, MllpError> {
        if let Some(received) = self.decode(src)? {
            return Ok(Some(received));
        }
        if self.state == State::Inside {
            self.state = State::Between;
            self.scanned = 0;
            if !src.is_empty() {
                return Ok(Some(Received::Partial { bytes: src.split().freeze(), why: Partial::Ended }));
            }
        }
        Ok(None)
    }
}

impl Encoder<Bytes> for Mllp {
    type Error = MllpError;

    fn encode(&mut self, message: Bytes, dst: &mut BytesMut) -> Result<(), MllpError> {
        if message.iter().any(|byte| matches!(*byte, START | END)) {
            return Err(MllpError::Unsendable);
        }
        dst.reserve(message.len() + 3);
        dst.put_u8(START);
        dst.put_slice(&message);
        dst.put_u8(END);
        dst.put_u8(TRAIL);
        Ok(())
    }
}

/// The sending side of a connection, as an interface engine has it.
#[derive(Debug)]
pub struct Sender<T = TcpStream> {
    framed: Framed<T, Mllp>,
}

impl Sender<TcpStream> {
    /// Connects to a listener.
    ///
    /// # Errors
    /// When nothing listens there.
    pub async fn connect(to: impl ToSocketAddrs) -> Result<Self, MllpError> {
        let stream = TcpStream::connect(to).await?;
        stream.set_nodelay(true)?;
        Ok(Self::new(stream))
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin> Sender<T> {
    /// Speaks MLLP over an open connection.
    #[must_use]
    pub fn new(stream: T) -> Self {
        Self { framed: Framed::new(stream, Mllp::default()) }
    }

    /// Sends one message, without waiting for its acknowledgement.
    ///
    /// # Errors
    /// When the connection fails or the message contains a framing byte.
    pub async fn send(&mut self, message: Bytes) -> Result<(), MllpError> {
        self.framed.send(message).await
    }

    /// The next thing that comes back; `None` when the listener closed the connection.
    ///
    /// # Errors
    /// When the connection fails or what comes back is not MLLP.
    pub async fn receive(&mut self) -> Result<Option<Received>, MllpError> {
        self.framed.next().await.transpose()
    }

    /// Sends one message and waits for what comes back.
    ///
    /// # Errors
    /// As [`Self::send`] and [`Self::receive`].
    pub async fn exchange(&mut self, message: Bytes) -> Result<Option<Received>, MllpError> {
        self.send(message).await?;
        self.receive().await
    }

    /// The framed connection, to send and receive at the same time.
    #[must_use]
    pub fn into_framed(self) -> Framed<T, Mllp> {
        self.framed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn message(text: &[u8]) -> Received {
        Received::Message(Bytes::copy_from_slice(text))
    }

    fn partial(text: &[u8], why: Partial) -> Received {
        Received::Partial { bytes: Bytes::copy_from_slice(text), why }
    }

    /// Everything that comes out when the bytes arrive in the given pieces and the connection then ends.
    fn received(codec: &mut Mllp, pieces: &[&[u8]]) -> (Vec<Received>, Option<MllpError>) {
        let mut src = BytesMut::new();
        let mut all = Vec::new();
        for piece in pieces {
            src.extend_from_slice(piece);
            loop {
                match codec.decode(&mut src) {
                    Ok(Some(one)) => all.push(one),
                    Ok(None) => break,
                    Err(error) => return (all, Some(error)),
                }
            }
        }
        loop {
            match codec.decode_eof(&mut src) {
                Ok(Some(one)) => all.push(one),
                Ok(None) => return (all, None),
                Err(error) => return (all, Some(error)),
            }
        }
    }

    #[test]
    fn reads_frames_with_anything_harmless_between_them() {
        let (all, error) = received(&mut Mllp::default(), &[b"\r\n\x0bone\x1c\r\n\n\x0btwo\x1cjunk\x0bthree\x1c\r"]);
        assert!(error.is_none());
        assert_eq!(all, [message(b"one"), message(b"two"), message(b"three")]);
    }

    #[test]
    fn does_not_wait_for_the_missing_carriage_return() {
        let mut src = BytesMut::from(&b"\x0bone\x1c"[..]);
        assert_eq!(Mllp::default().decode(&mut src).unwrap(), Some(message(b"one")));
    }

    #[test]
    fn a_second_start_hands_out_what_came_before_it() {
        let (all, error) = received(&mut Mllp::default(), &[b"\x0bone\x0b\x0btwo\x1c\r"]);
        assert!(error.is_none());
        assert_eq!(all, [partial(b"one", Partial::Restarted), message(b"two")]);
    }

    #[test]
    fn an_ended_connection_hands_out_the_beginning_it_left() {
        let (all, error) = received(&mut Mllp::default(), &[b"\x0bone\x1c\r\x0btw"]);
        assert!(error.is_none());
        assert_eq!(all, [message(b"one"), partial(b"tw", Partial::Ended)]);
    }

    #[test]
    fn an_endless_frame_is_cut_with_its_head_kept() {
        let mut codec = Mllp::new(16);
        let (all, error) = received(&mut codec, &[b"\x0b0123456789", b"0123456789", b"0123\x1c\r"]);
        assert_eq!(all, [partial(b"01234567890123456789", Partial::TooLong)]);
        assert!(matches!(error, Some(MllpError::TooLong { bytes_max: 16 })));
        let (all, _) = received(&mut Mllp::new(16), &[b"\x0b0123456789abcdef\x1c\r"]);
        assert_eq!(all, [message(b"0123456789abcdef")]);
    }

    #[test]
    fn a_peer_that_speaks_something_else_is_told_from_a_sloppy_one() {
        let (all, error) = received(&mut Mllp::default(), &[&[b'x'; STRAY_BYTES_MAX], b"\x0bone\x1c"]);
        assert_eq!((all.len(), error.is_none()), (1, true));
        let (all, error) = received(&mut Mllp::default(), &[&[b'x'; STRAY_BYTES_MAX + 1]]);
        assert!(all.is_empty());
        assert!(matches!(error, Some(MllpError::NoFrame { .. })));
    }

    #[test]
    fn refuses_to_send_what_would_break_the_frame() {
        let mut dst = BytesMut::new();
        assert!(matches!(Mllp::default().encode(Bytes::from_static(b"a\x1cb"), &mut dst), Err(MllpError::Unsendable)));
        assert!(dst.is_empty());
    }

    proptest! {
        #[test]
        fn whole_messages_survive_any_cutting(
            messages in prop::collection::vec(prop::collection::vec(0x1du8..=255, 0..40), 0..6),
            cut in 1usize..7,
        ) {
            let mut wire = BytesMut::new();
            let mut codec = Mllp::default();
            for message in &messages {
                codec.encode(Bytes::copy_from_slice(message), &mut wire).unwrap();
            }
            let pieces: Vec<&[u8]> = wire.chunks(cut).collect();
            let (all, error) = received(&mut codec, &pieces);
            prop_assert!(error.is_none());
            prop_assert_eq!(all, messages.iter().map(|one| message(one)).collect::<Vec<_>>());
        }

        #[test]
        fn no_bytes_break_it_and_none_inside_a_frame_are_lost(
            bytes in prop::collection::vec(prop_oneof![Just(START), Just(END), any::<u8>()], 0..200),
            cut in 1usize..9,
        ) {
            let pieces: Vec<&[u8]> = bytes.chunks(cut).collect();
            let (all, error) = received(&mut Mllp::default(), &pieces);
            prop_assert!(error.is_none());
            let kept: usize = all.iter().map(|one| match one {
                Received::Message(bytes) | Received::Partial { bytes, .. } => bytes.len(),
            }).sum();
            let mut inside = false;
            let mut expected = 0;
            for byte in &bytes {
                match (inside, *byte) {
                    (_, START) => inside = true,
                    (true, END) => inside = false,
                    (true, _) => expected += 1,
                    (false, _) => {}
                }
            }
            prop_assert_eq!(kept, expected);
        }
    }
}
