//! Hearing of what other nodes committed: a session that listens, and wakes the writer.
//!
//! A notification says that there is something, not what. One that is lost costs no more than the time to the next look.

use super::hosts::Hosts;
use super::{Failed, Server, Use};
use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;
use tokio::task::AbortHandle;
use tokio_postgres::tls::MakeTlsConnect;
use tokio_postgres::{AsyncMessage, NoTls, Socket};

/// How long to wait before listening again over another connection.
const AGAIN: Duration = Duration::from_millis(500);

/// Listens for as long as it lives.
#[derive(Debug)]
pub(crate) struct News(AbortHandle);

impl Drop for News {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Server {
    /// Calls `wake` whenever another process has committed entries, and whenever it may have without being heard.
    pub(crate) fn listen(&self, wake: impl Fn() + Send + Sync + 'static) -> Option<News> {
        let (own, runtime) = (self.process(), self.0.driver.0.as_ref()?);
        // Not the server itself: its last handle may not be dropped by its own thread.
        let (address, name, tls) = (self.0.address.clone(), self.session(Use::Listening), self.0.tls.clone());
        let listening = runtime.spawn(async move {
            loop {
                if let Ok(hosts) = Hosts::of(&address, &name) {
                    // Whatever ended it, another connection is tried.
                    let _ended = match tls.clone() {
                        Some(tls) => listened(hosts, tls, &own, &wake).await,
                        None => listened(hosts, NoTls, &own, &wake).await,
                    };
                }
                tokio::time::sleep(AGAIN).await;
            }
        });
        Some(News(listening.abort_handle()))
    }
}

/// Listens until the connection ends.
async fn listened<T: MakeTlsConnect<Socket> + Clone>(
    hosts: Hosts,
    tls: T,
    own: &str,
    wake: &(impl Fn() + Send + Sync),
) -> Result<(), Failed> {
    let (client, mut connection) = hosts.connect(tls).await?;
    let mut said = pin!(client.batch_execute("LISTEN handrail"));
    let mut listens = false;
    poll_fn(|context| {
        if !listens && let Poll::Ready(said) = said.as_mut().poll(context) {
            if let Err(error) = said {
                return Poll::Ready(Err(error.into()));
            }
            listens = true;
            // Something may have been committed before.
            wake();
        }
        loop {
            match connection.poll_message(context) {
                Poll::Ready(Some(Ok(AsyncMessage::Notification(news)))) if news.payload() != own => wake(),
                Poll::Ready(Some(Ok(_))) => {}
                Poll::Ready(Some(Err(error))) => return Poll::Ready(Err(error.into())),
                Poll::Ready(None) => return Poll::Ready(Ok(())),
                Poll::Pending => return Poll::Pending,
            }
        }
    })
    .await
}
