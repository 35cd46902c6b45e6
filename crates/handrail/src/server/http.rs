//! The accept loop: hyper with timers, so that nobody who is slow can hold a connection, and a drain, so that nobody is cut off mid-answer.

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use callers::{Seat, Seated, Seats, Shown};
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use rustls::ServerConfig;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt as _;

/// What one listener allows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Connections at once. At the cap one that nobody was recognised on gives way, or one of an address with more than half; when there is none,
    /// the newcomer is closed.
    pub(crate) connections_max: usize,
    /// A request's header has to arrive within this.
    pub(crate) header_timeout: Duration,
    /// A drain takes at most this; what is still open then is cut.
    pub(crate) drain_timeout: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { connections_max: 4096, header_timeout: Duration::from_secs(10), drain_timeout: Duration::from_secs(10) }
    }
}

/// Bytes of headers one connection may buffer.
const HEADER_BYTES_MAX: usize = 32 * 1024;
/// Streams one HTTP/2 connection may have open.
const H2_STREAMS_MAX: u32 = 256;
/// How long to wait after the system refused to accept (out of file descriptors, say).
const ACCEPT_RETRY: Duration = Duration::from_millis(100);

/// Where connections come from.
pub(crate) enum Listener {
    /// The network, in the clear.
    Tcp(TcpListener),
    /// The network, with TLS as it is configured at the time.
    Tls(TcpListener, watch::Receiver<Arc<ServerConfig>>),
    /// A socket in the data directory.
    Unix(UnixListener),
}

/// Who is on the other side, as the system says.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Peer {
    /// A network address.
    Network(IpAddr),
    /// A process of this machine, by the id of its user.
    User(u32),
}

/// One accepted connection.
enum Stream {
    Tcp(TcpStream),
    Tls(TcpStream, Arc<ServerConfig>),
    Unix(UnixStream),
}

/// Which HTTP the other side speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Speaks {
    Http1,
    Http2,
}

/// What a connection of HTTP/2 begins with (RFC 9113 section 3.4).
const H2_PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// How long to wait before looking again at a beginning that could still become either.
const SNIFF_AGAIN: Duration = Duration::from_millis(5);

impl Listener {
    async fn accept(&self) -> std::io::Result<(Stream, Peer)> {
        match self {
            Self::Tcp(listener) => {
                let (stream, peer) = listener.accept().await?;
                stream.set_nodelay(true)?;
                Ok((Stream::Tcp(stream), Peer::Network(peer.ip())))
            }
            Self::Tls(listener, tls) => {
                let (stream, peer) = listener.accept().await?;
                stream.set_nodelay(true)?;
                Ok((Stream::Tls(stream, Arc::clone(&tls.borrow())), Peer::Network(peer.ip())))
            }
            Self::Unix(listener) => {
                let (stream, _) = listener.accept().await?;
                let user = stream.peer_cred()?.uid();
                Ok((Stream::Unix(stream), Peer::User(user)))
            }
        }
    }
}

/// Looks at a connection's first bytes without taking them. Hyper's own look has no timeout: whoever sends nothing, or half a preface, would
/// hold the connection for ever.
async fn speaks(stream: &TcpStream) -> std::io::Result<Speaks> {
    let mut begin = [0; H2_PREFACE.len()];
    loop {
        let seen = stream.peek(&mut begin).await?;
        let seen = begin.get(..seen).unwrap_or_default();
        if seen.is_empty() {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        if seen == H2_PREFACE {
            return Ok(Speaks::Http2);
        }
        if !H2_PREFACE.starts_with(seen) {
            return Ok(Speaks::Http1);
        }
        tokio::time::sleep(SNIFF_AGAIN).await;
    }
}

impl Peer {
    /// A place for a connection of theirs. Whoever can open the local socket is of use: nobody takes their place.
    fn seated(self, seats: &Arc<Seats>) -> Option<Seated> {
        match self {
            Self::Network(address) => seats.admit(address),
            Self::User(_) => {
                let seated = seats.admit(IpAddr::V4(Ipv4Addr::LOCALHOST))?;
                seated.seat().is_of_use();
                Some(seated)
            }
        }
    }
}

/// Serves until `stop`, then drains. Every request carries its [`Peer`] and its connection's [`Seat`] as extensions.
pub(crate) async fn serve(listener: Listener, router: Router, limits: Limits, stop: CancellationToken) {
    let seats = Seats::new(limits.connections_max);
    let connections = TaskTracker::new();
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, peer)) => {
                let Some(seated) = peer.seated(&seats) else {
                    metrics::counter!("handrail_http_connections_refused_total").increment(1);
                    tracing::debug!(?peer, "a connection over the cap was closed");
                    continue;
                };
                let answering = Answering { router: router.clone(), peer, seat: seated.seat().clone(), shown: None };
                let connection = Connection { stream, answering, limits };
                let stop = stop.clone();
                connections.spawn(async move {
                    let displaced = seated.seat().displaced();
                    tokio::select! {
                        () = connection.run(&stop) => {}
                        () = displaced.cancelled() => {
                            metrics::counter!("handrail_http_connections_displaced_total").increment(1);
                        }
                    }
                    drop(seated);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(ACCEPT_RETRY).await;
            }
        }
    }
    drop(listener);
    connections.close();
    if tokio::time::timeout(limits.drain_timeout, connections.wait()).await.is_err() {
        tracing::warn!("some connections were still open when draining ended");
    }
}

/// One connection, from its first byte to its last.
struct Connection {
    stream: Stream,
    answering: Answering,
    limits: Limits,
}
impl Connection {
    /// Answers requests until the other side is done, falls silent at the wrong moment, or `stop`; then the answer in hand is finished.
    async fn run(self, stop: &CancellationToken) {
        let mut builder = builder(self.limits);
        match self.stream {
            Stream::Tcp(stream) => {
                let speaks = tokio::select! {
                    () = stop.cancelled() => return,
                    speaks = tokio::time::timeout(self.limits.header_timeout, speaks(&stream)) => speaks,
                };
                builder = match speaks {
                    Ok(Ok(Speaks::Http1)) => builder.http1_only(),
                    Ok(Ok(Speaks::Http2)) => builder.http2_only(),
                    Ok(Err(_)) | Err(_) => return,
                };
                answer(builder, stream, self.answering, stop).await;
            }
            Stream::Tls(stream, tls) => {
                let handshake = tokio::time::timeout(self.limits.header_timeout, TlsAcceptor::from(tls).accept(stream));
                let stream = tokio::select! {
                    () = stop.cancelled() => return,
                    done = handshake => match done {
                        Ok(Ok(stream)) => stream,
                        Ok(Err(error)) => return tracing::debug!(%error, "a TLS handshake failed"),
                        Err(_) => return,
                    },
                };
                let (_, session) = stream.get_ref();
                let shown = session.peer_certificates().and_then(|chain| chain.first()).map(|own| Shown::of(own));
                let http2 = session.alpn_protocol() == Some(b"h2");
                builder = if http2 { builder.http2_only() } else { builder.http1_only() };
                answer(builder, stream, Answering { shown, ..self.answering }, stop).await;
            }
            Stream::Unix(stream) => answer(builder.http1_only(), stream, self.answering, stop).await,
        }
    }
}

async fn answer<S>(builder: auto::Builder<TokioExecutor>, stream: S, answering: Answering, stop: &CancellationToken)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let connection = builder.serve_connection_with_upgrades(TokioIo::new(stream), answering);
    tokio::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(error, "a connection ended badly");
    }
}

fn builder(limits: Limits) -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.header_timeout)
        .max_buf_size(HEADER_BYTES_MAX)
        .pipeline_flush(true);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(H2_STREAMS_MAX)
        .max_header_list_size(HEADER_BYTES_MAX as u32)
        .keep_alive_interval(Some(Duration::from_secs(20)))
        .keep_alive_timeout(limits.header_timeout);
    builder
}

/// The routes, with what is known of the other side.
#[derive(Clone)]
struct Answering {
    router: Router,
    peer: Peer,
    seat: Seat,
    /// The certificate the other side has shown, if it did.
    shown: Option<Shown>,
}

impl hyper::service::Service<Request<Incoming>> for Answering {
    type Response = axum::response::Response;
    type Error = std::convert::Infallible;
    type Future = tower::util::Oneshot<Router, Request<Body>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        let mut request = request.map(Body::new);
        self.seat.has_heard();
        request.extensions_mut().insert(self.peer);
        request.extensions_mut().insert(self.seat.clone());
        if let Some(shown) = &self.shown {
            request.extensions_mut().insert(shown.clone());
        }
        self.router.clone().oneshot(request)
    }
}
