//! One sender: frames in, commits side by side, acknowledgements out in order.

use super::batch::{Part, Reply, parts};
use super::intake::{Allowed, Intake, Opened, Taken};
use crate::mllp::{Mllp, MllpError, Partial, Received};
use bytes::{Bytes, BytesMut};
use callers::Seated;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesOrdered;
use futures_util::{FutureExt, StreamExt};
use smol_str::SmolStr;
use std::collections::{HashSet, VecDeque};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::time::{Instant, timeout};
use tokio_util::codec::{Decoder, Encoder};
use tokio_util::sync::CancellationToken;

/// How much is read at once, in bytes.
const READ_BYTES: usize = 64 * 1024;
/// How many acknowledgements are written at once, in bytes, before the sender's next messages are looked at.
const WRITE_BYTES_MAX: usize = 64 * 1024;

/// After so many messages in a row that were begun anew before they ended, the sender is taken not to speak MLLP.
const RESTARTS_MAX: u32 = 16;

/// How long a connection that is given up is still listened to, so that its last acknowledgements arrive: closing a socket over unread
/// bytes would take them back.
const LINGER: Duration = Duration::from_secs(1);

/// Why a connection ended.
#[derive(Debug)]
pub(super) enum Ended {
    /// The sender closed it.
    BySender,
    /// The listener stops.
    Stopped,
    /// No whole message came soon after it was opened.
    NoFirstMessage,
    /// Another connection was given its place.
    Displaced,
    /// No message came for too long.
    Idle,
    /// A message began and did not end in time.
    SlowMessage,
    /// The sender began message after message and ended none.
    Restarts,
    /// The sender does not take its acknowledgements.
    SlowReader,
    /// It cannot be used any more.
    Broken(MllpError),
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BySender => f.write_str("the sender closed it"),
            Self::Stopped => f.write_str("the listener stops"),
            Self::NoFirstMessage => f.write_str("no whole message came soon enough"),
            Self::Displaced => f.write_str(
                "all places were taken, and no message of its was accepted or its address had more than half of them",
            ),
            Self::Idle => f.write_str("no message came for too long"),
            Self::SlowMessage => f.write_str("a message did not end in time"),
            Self::Restarts => f.write_str("the sender began message after message and ended none"),
            Self::SlowReader => f.write_str("the sender does not take its acknowledgements"),
            Self::Broken(error) => error.fmt(f),
        }
    }
}

/// What became of a message, the records it was about, and its place in a batch.
type Answer = (Taken, Vec<SmolStr>, Part);

struct Connection<'a, S> {
    intake: &'a Arc<Intake>,
    /// The feeds its sender may speak for; any when absent.
    allowed: Allowed,
    reader: ReadHalf<S>,
    writer: WriteHalf<S>,
    codec: Mllp,
    buffer: BytesMut,
    /// Being committed, in the order they came.
    in_flight: FuturesOrdered<BoxFuture<'static, Answer>>,
    /// The records those are about.
    busy: HashSet<SmolStr>,
    /// Waits for a record or for room.
    waiting: Option<(Opened, Part)>,
    /// What is left of a batch.
    batch: VecDeque<(Bytes, Part)>,
    /// The batch of answers that is being put together.
    reply: Reply,
    deadline: Instant,
    /// Until the first whole message has come: when it must have.
    first_due: Option<Instant>,
    seated: Seated,
    /// Messages in a row that were begun anew.
    restarts: u32,
    /// Nothing more is read: why.
    ending: Option<Ended>,
}

/// Serves a connection to its end.
pub(super) async fn run<S>(
    stream: S,
    intake: &Arc<Intake>,
    seated: Seated,
    allowed: Allowed,
    stop: CancellationToken,
) -> Ended
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let (reader, writer) = tokio::io::split(stream);
    let mut connection = Connection {
        intake,
        allowed,
        reader,
        writer,
        codec: Mllp::new(intake.settings().frame_bytes_max),
        buffer: BytesMut::with_capacity(READ_BYTES),
        in_flight: FuturesOrdered::new(),
        busy: HashSet::new(),
        waiting: None,
        batch: VecDeque::new(),
        reply: Reply::default(),
        deadline: Instant::now() + intake.settings().idle_timeout,
        first_due: Some(Instant::now() + intake.settings().first_message_timeout),
        seated,
        restarts: 0,
        ending: None,
    };
    let ended = connection.serve(stop).await;
    metrics::counter!("handrail_feed_stray_bytes_total").increment(connection.codec.stray_bytes());
    let _ = timeout(intake.settings().write_timeout, connection.writer.shutdown()).await;
    if !matches!(ended, Ended::BySender | Ended::Displaced) {
        let _ = timeout(LINGER, connection.drain()).await;
    }
    ended
}

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<'_, S> {
    async fn serve(&mut self, stop: CancellationToken) -> Ended {
        let displaced = self.seated.seat().displaced();
        loop {
            self.start_all().await;
            let drained = self.in_flight.is_empty() && self.waiting.is_none();
            if drained && let Some(ended) = self.ending.take() {
                return ended;
            }
            let reading = self.ending.is_none() && self.waiting.is_none();
            if reading {
                self.buffer.reserve(READ_BYTES);
            }
            let due = self.due();
            tokio::select! {
                biased;
                Some(answer) = self.in_flight.next() => {
                    if let Err(ended) = self.write(answer).await {
                        return ended;
                    }
                }
                () = displaced.cancelled(), if self.ending.is_none() => self.ending = Some(Ended::Displaced),
                () = stop.cancelled(), if self.ending.is_none() => {
                    // What was not begun is not acknowledged, and will be sent again.
                    self.waiting = None;
                    self.batch.clear();
                    self.buffer.clear();
                    self.ending = Some(Ended::Stopped);
                }
                read = self.reader.read_buf(&mut self.buffer), if reading => self.has_read(read),
                () = tokio::time::sleep_until(due), if reading => self.is_late(),
            }
        }
    }

    /// Takes in what the buffer holds, until it holds no more, a record is busy or the pipeline is full.
    async fn start_all(&mut self) {
        loop {
            let Some((opened, part)) =
                self.waiting.take().or_else(|| self.next_of_batch()).or_else(|| self.next_frame())
            else {
                return;
            };
            let full = self.in_flight.len() >= self.intake.settings().pipeline_messages_max;
            if full || opened.records().any(|record| self.busy.contains(record)) {
                self.waiting = Some((opened, part));
                return;
            }
            self.start(opened, part).await;
        }
    }

    async fn start(&mut self, opened: Opened, part: Part) {
        let records: Vec<SmolStr> = opened.records().cloned().collect();
        self.busy.extend(records.iter().cloned());
        let intake = Arc::clone(self.intake);
        let mut answer: BoxFuture<'static, Answer> =
            Box::pin(async move { (intake.take(opened).await, records, part) });
        // The first poll puts it into the store's queue: messages are committed in the order they came.
        match futures_util::poll!(answer.as_mut()) {
            std::task::Poll::Ready(answer) => self.in_flight.push_back(std::future::ready(answer).boxed()),
            std::task::Poll::Pending => self.in_flight.push_back(answer),
        }
    }

    fn next_of_batch(&mut self) -> Option<(Opened, Part)> {
        let (bytes, part) = self.batch.pop_front()?;
        Some((self.intake.open(bytes, None, &self.allowed), part))
    }

    /// The message of a frame that came whole, or the first of its batch.
    fn next_whole(&mut self, bytes: Bytes) -> Option<(Opened, Part)> {
        match parts(&bytes, || self.intake.batch_head(&bytes)) {
            None => Some((self.intake.open(bytes, None, &self.allowed), Part::Alone)),
            Some(Ok(messages)) if messages.is_empty() => {
                let whole = Part::OfBatch { opens: Some(self.intake.batch_head(&bytes)), closes: true };
                self.in_flight.push_back(std::future::ready((Taken::default(), Vec::new(), whole)).boxed());
                None
            }
            Some(Ok(messages)) => {
                self.batch = messages;
                self.next_of_batch()
            }
            Some(Err((rejection, part))) => Some((self.intake.open(bytes, Some(rejection), &self.allowed), part)),
        }
    }

    fn next_frame(&mut self) -> Option<(Opened, Part)> {
        let ended = matches!(self.ending, Some(Ended::BySender | Ended::SlowMessage));
        if self.ending.is_some() && !ended {
            return None;
        }
        let was_inside = self.codec.is_inside();
        let received =
            if ended { self.codec.decode_eof(&mut self.buffer) } else { self.codec.decode(&mut self.buffer) };
        match received {
            Ok(Some(Received::Message(bytes))) => {
                self.deadline = Instant::now() + self.intake.settings().idle_timeout;
                self.restarts = 0;
                self.first_due = None;
                self.next_whole(bytes)
            }
            Ok(Some(Received::Partial { bytes, why })) => {
                self.deadline = Instant::now() + self.intake.settings().frame_timeout;
                self.restarts += u32::from(why == Partial::Restarted);
                if self.restarts > RESTARTS_MAX {
                    self.ending = Some(Ended::Restarts);
                }
                if why == Partial::TooLong {
                    let bytes_max = self.intake.settings().frame_bytes_max;
                    self.ending = Some(Ended::Broken(MllpError::TooLong { bytes_max }));
                }
                Some((self.intake.open(bytes, Some(why.into()), &self.allowed), Part::Alone))
            }
            Ok(None) => {
                if self.codec.is_inside() && !was_inside {
                    self.deadline = Instant::now() + self.intake.settings().frame_timeout;
                }
                None
            }
            Err(error) => {
                self.ending = Some(Ended::Broken(error));
                None
            }
        }
    }

    fn has_read(&mut self, read: std::io::Result<usize>) {
        match read {
            Ok(0) => self.ending = Some(Ended::BySender),
            Ok(_) => self.seated.seat().has_heard(),
            Err(error) => self.ending = Some(Ended::Broken(error.into())),
        }
    }

    fn is_late(&mut self) {
        self.ending = Some(match self.first_due {
            _ if self.codec.is_inside() => Ended::SlowMessage,
            Some(_) => Ended::NoFirstMessage,
            None => Ended::Idle,
        });
    }

    /// When the sender is too late.
    fn due(&self) -> Instant {
        self.first_due.map_or(self.deadline, |first| first.min(self.deadline))
    }

    /// Reads whatever still comes, without a look at it, until the sender closes too.
    async fn drain(&mut self) {
        loop {
            self.buffer.clear();
            self.buffer.reserve(READ_BYTES);
            match self.reader.read_buf(&mut self.buffer).await {
                Ok(0) | Err(_) => return,
                Ok(_) => {}
            }
        }
    }

    /// Writes an answer, and those after it that are ready too.
    async fn write(&mut self, first: Answer) -> Result<(), Ended> {
        let mut out = BytesMut::new();
        let mut next = Some(first);
        while let Some((taken, records, part)) = next {
            if taken.accepted {
                self.seated.seat().is_of_use();
            }
            for record in &records {
                self.busy.remove(record);
            }
            for frame in self.reply.add(taken.answers, part) {
                self.codec.encode(frame, &mut out).map_err(Ended::Broken)?;
            }
            next = if out.len() < WRITE_BYTES_MAX { self.in_flight.next().now_or_never().flatten() } else { None };
        }
        let written = async {
            self.writer.write_all(&out).await?;
            self.writer.flush().await
        };
        match timeout(self.intake.settings().write_timeout, written).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(Ended::Broken(error.into())),
            Err(_) => Err(Ended::SlowReader),
        }
    }
}
