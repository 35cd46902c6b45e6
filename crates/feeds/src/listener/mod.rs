//! The MLLP server: nothing is acknowledged before it is recorded and the world has it.
//!
//! - Each connection is answered in the order it sent, while commits run side by side; two messages about the same record wait for
//!   each other.
//! - **AA**: recorded. **AE**: it could not be recorded, send it again. **AR**: it cannot be used; it is kept, encrypted, and counted.
//! - The same message again (feed, MSH-10 and content, within seven days) gets the acknowledgement it got, and changes nothing. That
//!   holds for a refusal too: what was refused has to be sent under a new control id once it has been put right.
//! - Slow and silent senders are cut off by named timeouts. At the cap the longest silent connection of which no message was accepted gives way, or
//!   else one of an address that has more than half of all; when there is none, the newcomer is closed at once.

pub mod again;
mod batch;
mod connection;
mod identified;
mod intake;
mod rejected;
mod warned;

use crate::mllp::FRAME_BYTES_MAX;
use callers::{Seated, Seats};
use connection::Ended;
use events::FeedName;
use intake::Intake;
use plane::Plane;
use smol_str::SmolStr;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::{Instant, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Whoever connects has something to say: so soon a first whole message must have come.
pub const FIRST_MESSAGE_TIMEOUT: Duration = Duration::from_secs(30);

/// How many bytes of messages that could not be used are kept: whoever sends them fills the file that decisions are recorded in.
pub const REJECTED_BYTES_MAX: u64 = 256 * 1024 * 1024;

/// How a listener treats its senders.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The longest message, in bytes.
    pub frame_bytes_max: usize,
    /// The most connections at once; each may hold a message in memory.
    pub connections_max: usize,
    /// The most messages of one connection that are being committed at once.
    pub pipeline_messages_max: usize,
    /// The first whole message must have come this long after the connection.
    pub first_message_timeout: Duration,
    /// After this long without a message a connection is closed: senders connect again.
    pub idle_timeout: Duration,
    /// A message that has begun must have ended after this long.
    pub frame_timeout: Duration,
    /// An acknowledgement must be taken after this long.
    pub write_timeout: Duration,
    /// How long a message is known again.
    pub duplicate_window: Duration,
    /// The most unusable messages whose bytes are kept: the oldest make room. Under a legal hold nothing does, and of later ones only the
    /// digest is kept.
    pub rejected_messages_max: u64,
    /// The most bytes of them that are kept, encrypted; the same holds.
    pub rejected_bytes_max: u64,
    /// Whose numbers are record numbers (CX-4), when more than one authority's reach this listener. Empty: anybody's.
    pub record_authorities: Vec<SmolStr>,
    /// The names (DNS, URI, or else the common name) of which a sender's certificate must have one to speak for a feed. A feed that stands here
    /// is refused on plain connections; one that does not may come from anybody who gets through.
    pub certificate_names: BTreeMap<FeedName, Vec<String>>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            frame_bytes_max: FRAME_BYTES_MAX,
            connections_max: 128,
            pipeline_messages_max: 64,
            first_message_timeout: FIRST_MESSAGE_TIMEOUT,
            idle_timeout: Duration::from_secs(15 * 60),
            frame_timeout: Duration::from_secs(30),
            write_timeout: Duration::from_secs(30),
            duplicate_window: Duration::from_secs(7 * 24 * 60 * 60),
            rejected_messages_max: 10_000,
            rejected_bytes_max: REJECTED_BYTES_MAX,
            record_authorities: Vec::new(),
            certificate_names: BTreeMap::new(),
        }
    }
}

/// How often rejected messages that are old are forgotten.
const FORGET_EVERY: Duration = Duration::from_secs(60 * 60);
/// How long accepting rests when the system has no more sockets to give.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// An address senders connect to.
#[derive(Debug)]
pub struct Listening {
    /// The socket.
    pub socket: TcpListener,
    /// How TLS is spoken on it; plain MLLP without. Looked at for every connection, so a new certificate serves new connections.
    pub tls: Option<watch::Receiver<Arc<ServerConfig>>>,
}

/// Serves senders with the usual [`Settings`] until `stop`; then nothing more is read, what is being committed is answered, and every
/// connection is closed.
pub async fn serve(listener: TcpListener, plane: Plane, stop: CancellationToken) {
    serve_with(listener, plane, Settings::default(), stop).await;
}

/// As [`serve`], with settings of one's own.
pub async fn serve_with(listener: TcpListener, plane: Plane, settings: Settings, stop: CancellationToken) {
    serve_all(vec![Listening { socket: listener, tls: None }], plane, settings, stop).await;
}

/// As [`serve_with`], at several addresses at once: plain and over TLS side by side, with the same limits together.
pub async fn serve_all(listeners: Vec<Listening>, plane: Plane, settings: Settings, stop: CancellationToken) {
    let seats = Seats::new(settings.connections_max);
    let intake = Arc::new(Intake::new(plane, settings));
    let connections = TaskTracker::new();
    for listening in listeners {
        let at = Address {
            listening,
            intake: Arc::clone(&intake),
            seats: Arc::clone(&seats),
            connections: connections.clone(),
        };
        connections.spawn(at.accept(stop.clone()));
    }
    let forget_rejected = || {
        let intake = Arc::clone(&intake);
        connections.spawn(async move { intake.forget_rejected().await });
    };
    forget_rejected();
    let mut forget = tokio::time::interval_at(Instant::now() + FORGET_EVERY, FORGET_EVERY);
    loop {
        tokio::select! {
            biased;
            () = stop.cancelled() => break,
            _ = forget.tick() => forget_rejected(),
        }
    }
    connections.close();
    connections.wait().await;
}

/// One address and what its connections share with those of others.
struct Address {
    listening: Listening,
    intake: Arc<Intake>,
    seats: Arc<Seats>,
    connections: TaskTracker,
}

impl Address {
    async fn accept(self, stop: CancellationToken) {
        loop {
            let accepted = tokio::select! {
                biased;
                () = stop.cancelled() => return,
                accepted = self.listening.socket.accept() => accepted,
            };
            let (stream, peer) = match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::warn!(%error, "no connection could be accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            };
            let Some(seated) = self.seats.admit(peer.ip()) else {
                metrics::counter!("handrail_feed_connections_refused_total").increment(1);
                tracing::warn!(%peer, "a feed connection over the cap was closed");
                continue;
            };
            let tls = self.listening.tls.as_ref().map(|tls| TlsAcceptor::from(Arc::clone(&tls.borrow())));
            let (intake, stop) = (Arc::clone(&self.intake), stop.clone());
            self.connections.spawn(async move {
                metrics::gauge!("handrail_feed_connections").increment(1.0);
                let ended = talk(stream, tls, &intake, seated, stop).await;
                metrics::gauge!("handrail_feed_connections").decrement(1.0);
                match ended {
                    Ok(ended) => tracing::info!(%peer, why = %ended, "a feed connection ended"),
                    Err(error) => {
                        metrics::counter!("handrail_feed_tls_refused_total").increment(1);
                        tracing::warn!(%peer, %error, "a feed connection did not come to speak TLS");
                    }
                }
            });
        }
    }
}

/// A connection from its first byte to its last, TLS first where that is spoken.
async fn talk(
    stream: TcpStream,
    tls: Option<TlsAcceptor>,
    intake: &Arc<Intake>,
    seated: Seated,
    stop: CancellationToken,
) -> std::io::Result<Ended> {
    // Without it acknowledgements wait for each other; a socket that cannot be told so works all the same.
    let _ = stream.set_nodelay(true);
    let Some(tls) = tls else {
        let allowed = intake.allowed(None);
        return Ok(connection::run(stream, intake, seated, allowed, stop).await);
    };
    let shaken = tokio::select! {
        () = stop.cancelled() => return Ok(Ended::Stopped),
        shaken = timeout(intake.settings().first_message_timeout, tls.accept(stream)) => shaken,
    };
    let stream = shaken.map_err(|_| std::io::Error::from(std::io::ErrorKind::TimedOut))??;
    let certificate = stream.get_ref().1.peer_certificates().and_then(<[_]>::first);
    let allowed = intake.allowed(certificate.map(AsRef::as_ref));
    Ok(connection::run(stream, intake, seated, allowed, stop).await)
}
