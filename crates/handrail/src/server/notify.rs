//! Tells whoever started the node (systemd, or anything that speaks `sd_notify(3)`) that it is ready, alive and stopping.

use std::io;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

/// How often a start that takes long asks for more time.
const EXTEND_EVERY: Duration = Duration::from_secs(20);
/// How much it asks for: three times as much, in microseconds.
const EXTEND: &str = "EXTEND_TIMEOUT_USEC=60000000";

/// Where to say it, and how often to say that the node is alive.
#[derive(Debug)]
pub(crate) struct Notifier {
    to: Option<Arc<(UnixDatagram, SocketAddr)>>,
    alive_every: Option<Duration>,
}

impl Notifier {
    /// For `NOTIFY_SOCKET` (a path, or `@` and a name of Linux's abstract namespace) and `WATCHDOG_USEC` as a supervisor sets them.
    ///
    /// # Errors
    /// When there is no such address, or no socket to be had.
    pub(crate) fn new(socket: Option<&str>, watchdog_us: Option<u64>) -> io::Result<Self> {
        let to = match socket {
            None => None,
            Some(socket) => {
                let address = match socket.strip_prefix('@') {
                    Some(name) => SocketAddr::from_abstract_name(name)?,
                    None => SocketAddr::from_pathname(socket)?,
                };
                let from = UnixDatagram::unbound()?;
                // A supervisor that does not read must not hold the node up.
                from.set_nonblocking(true)?;
                Some(Arc::new((from, address)))
            }
        };
        // Twice in the time a supervisor allows, as sd_watchdog_enabled(3) advises.
        let alive_every = watchdog_us.filter(|us| *us > 1).map(|us| Duration::from_micros(us / 2));
        Ok(Self { to, alive_every })
    }

    /// Until what is returned is dropped, a start that takes long is granted more time: a log that has to be folded whole again may take minutes.
    pub(crate) fn starting(&self) -> AbortOnDropHandle<()> {
        self.asking_every(EXTEND_EVERY)
    }

    fn asking_every(&self, every: Duration) -> AbortOnDropHandle<()> {
        let starting = Self { to: self.to.clone(), alive_every: None };
        AbortOnDropHandle::new(tokio::spawn(async move {
            loop {
                tokio::time::sleep(every).await;
                starting.say(EXTEND);
            }
        }))
    }

    /// The node answers; from now on, and until `stop`, it also says that it is alive.
    pub(crate) fn ready(self, stop: CancellationToken) {
        self.say("READY=1");
        tokio::spawn(async move {
            loop {
                tokio::select! {
                    () = stop.cancelled() => break,
                    () = alive(self.alive_every) => self.say("WATCHDOG=1"),
                }
            }
            self.say("STOPPING=1");
        });
    }

    fn say(&self, what: &str) {
        let Some((from, to)) = self.to.as_deref() else { return };
        if let Err(error) = from.send_to_addr(what.as_bytes(), to) {
            tracing::warn!(%error, what, "the supervisor was not told");
        }
    }
}

async fn alive(every: Option<Duration>) {
    match every {
        Some(every) => tokio::time::sleep(every).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(listener: &UnixDatagram) -> String {
        let mut buffer = [0; 64];
        let length = listener.recv(&mut buffer).unwrap();
        String::from_utf8_lossy(&buffer[..length]).into_owned()
    }

    #[tokio::test]
    async fn a_supervisor_hears_ready_alive_and_stopping() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("notify");
        let listener = UnixDatagram::bind(&path).unwrap();
        let stop = CancellationToken::new();
        Notifier::new(path.to_str(), Some(2_000)).unwrap().ready(stop.clone());
        let (listener, first) = tokio::task::spawn_blocking(move || {
            let first = [heard(&listener), heard(&listener)];
            (listener, first)
        })
        .await
        .unwrap();
        assert_eq!(first, ["READY=1", "WATCHDOG=1"]);
        stop.cancel();
        let last = tokio::task::spawn_blocking(move || {
            loop {
                let said = heard(&listener);
                if said != "WATCHDOG=1" {
                    return said;
                }
            }
        })
        .await
        .unwrap();
        assert_eq!(last, "STOPPING=1");
    }

    #[tokio::test]
    async fn a_start_that_takes_long_asks_for_time() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("notify");
        let listener = UnixDatagram::bind(&path).unwrap();
        let starting = Notifier::new(path.to_str(), None).unwrap().asking_every(Duration::from_millis(1));
        let heard = tokio::task::spawn_blocking(move || [heard(&listener), heard(&listener)]).await.unwrap();
        assert_eq!(heard, [EXTEND, EXTEND]);
        drop(starting);
    }

    #[tokio::test]
    async fn without_a_supervisor_nothing_is_said_and_nothing_fails() {
        Notifier::new(None, None).unwrap().ready(CancellationToken::new());
        assert!(Notifier::new(Some("/no/\0/such"), None).is_err());
    }
}
