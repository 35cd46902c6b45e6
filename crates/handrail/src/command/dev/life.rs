//! The hospital's day: what happens is sent over real MLLP, one thing after the other.

use bytes::Bytes;
use feeds::mllp::{Mllp, MllpError, Received};
use futures_util::{SinkExt as _, StreamExt as _};
use hospital::Day;
use plane::Plane;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio_util::codec::Framed;
use tokio_util::sync::CancellationToken;

/// How long a message may stay without its acknowledgement.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(20);

/// Why the day cannot go on.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LifeError {
    #[error("the feed cannot be reached")]
    Connect(#[from] std::io::Error),
    #[error("the feed cannot be spoken to")]
    Mllp(#[from] MllpError),
    #[error("the feed ended the connection")]
    Ended,
    #[error("the feed did not acknowledge in time")]
    Silent,
}

/// A sender of the hospital's messages.
pub(crate) struct Feed {
    stream: Framed<TcpStream, Mllp>,
}

impl Feed {
    /// Connects to the listener.
    pub(crate) async fn connect(address: SocketAddr) -> Result<Self, LifeError> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream: Framed::new(stream, Mllp::default()) })
    }

    /// Sends one message and waits for its acknowledgement.
    pub(crate) async fn send(&mut self, message: &str) -> Result<(), LifeError> {
        self.stream.send(Bytes::copy_from_slice(message.as_bytes())).await?;
        let answer = tokio::time::timeout(ANSWER_TIMEOUT, self.stream.next()).await.map_err(|_| LifeError::Silent)?;
        match answer.ok_or(LifeError::Ended)?? {
            // Taken over: MSH-15 of these messages asks for the enhanced mode's code.
            Received::Message(answer) if [&b"MSA|AA"[..], b"MSA|CA"].iter().any(|code| contains(&answer, code)) => {
                Ok(())
            }
            _ => {
                tracing::warn!("the feed did not accept one of the synthetic hospital's messages");
                Ok(())
            }
        }
    }
}

fn contains(bytes: &[u8], what: &[u8]) -> bool {
    bytes.windows(what.len()).any(|window| window == what)
}

/// Lets the day go on until `stop`.
pub(crate) async fn live(
    mut day: Day,
    mut feed: Feed,
    pace: Duration,
    plane: Plane,
    stop: CancellationToken,
) -> Result<(), LifeError> {
    loop {
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            () = tokio::time::sleep(pace) => {}
        }
        let step = day.step_at(plane.now());
        feed.send(&step.message).await?;
    }
}
