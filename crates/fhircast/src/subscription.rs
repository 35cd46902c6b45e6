//! The subscriptions of a node: who follows which session, and by which secret address they connect.

use crate::event::Names;
use crate::refusal::Refusal;
use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use events::{CallerName, DeviceId, SessionId};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{mpsc, watch};

/// The most subscriptions of one node.
pub const SUBSCRIPTIONS_MAX: usize = 4096;
/// The most of them that one caller has, so that one that never gives back leaves room for others.
pub const SUBSCRIPTIONS_OF_ONE_MAX: usize = SUBSCRIPTIONS_MAX / 2;
/// An address to connect to is good once, and for this long.
pub const CONNECT_WITHIN: Duration = Duration::from_secs(30);
/// How many failures of others wait to be told to one subscriber; what is more is left out.
const REFUSED_WAITING_MAX: usize = 16;

/// An application that did not follow.
#[derive(Clone, Debug)]
pub(crate) struct Refused {
    /// Which event it did not follow.
    pub(crate) id: String,
    /// The event's name.
    pub(crate) event: String,
    /// What the application calls itself.
    pub(crate) subscriber: String,
}

/// What is subscribed to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// These events, for so long from when that is confirmed.
    Events(Names, Duration),
    /// Nothing any more.
    Nothing,
}

/// One application that follows one session.
#[derive(Debug)]
pub(crate) struct Subscription {
    key: Key,
    pub(crate) caller: CallerName,
    /// How often the caller had been ended by then: once more, and this ends.
    pub(crate) times_ended: u64,
    pub(crate) topic: SessionId,
    /// Where the session was when it was subscribed to: it is followed there and nowhere else.
    pub(crate) workstation: DeviceId,
    /// What the application calls itself.
    pub(crate) name: String,
    pub(crate) wanted: watch::Sender<Wanted>,
    refused: mpsc::Sender<Refused>,
}

/// SHA-256 of the secret: it is looked up by this, so that how long that takes says nothing of it.
type Key = [u8; 32];

fn key_of(secret: &str) -> Key {
    let mut key = Key::default();
    key.copy_from_slice(digest::digest(&digest::SHA256, secret.as_bytes()).as_ref());
    key
}

struct Entry {
    subscription: Arc<Subscription>,
    /// Until it is connected to, what the connection needs.
    waiting: Option<mpsc::Receiver<Refused>>,
}

#[derive(Default)]
struct Inner {
    of: HashMap<Key, Entry>,
    count: HashMap<CallerName, usize>,
}

/// Every subscription of this node.
pub(crate) struct Subscriptions {
    inner: Mutex<Inner>,
    connect_within: Duration,
}

impl Default for Subscriptions {
    fn default() -> Self {
        Self { inner: Mutex::default(), connect_within: CONNECT_WITHIN }
    }
}

impl Subscriptions {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A new subscription that nobody has connected to yet, and its secret.
    pub(crate) fn begin(
        self: &Arc<Self>,
        (caller, times_ended): (CallerName, u64),
        topic: SessionId,
        workstation: DeviceId,
        name: String,
        wanted: Wanted,
    ) -> Result<String, Refusal> {
        let secret = URL_SAFE_NO_PAD.encode(plane::random::<32>());
        let key = key_of(&secret);
        let mut inner = self.lock();
        if inner.of.len() >= SUBSCRIPTIONS_MAX {
            return Err(Refusal::TooMany);
        }
        let count = inner.count.entry(caller.clone()).or_default();
        if *count >= SUBSCRIPTIONS_OF_ONE_MAX {
            return Err(Refusal::TooManyOfOne);
        }
        *count += 1;
        let (refused, waiting) = mpsc::channel(REFUSED_WAITING_MAX);
        let wanted = watch::Sender::new(wanted);
        let subscription =
            Arc::new(Subscription { key, caller, times_ended, topic, workstation, name, wanted, refused });
        inner.of.insert(key, Entry { subscription, waiting: Some(waiting) });
        drop(inner);
        let all = Arc::clone(self);
        tokio::spawn(async move {
            tokio::time::sleep(all.connect_within).await;
            all.end_if(&key, |entry| entry.waiting.is_some());
        });
        Ok(secret)
    }

    /// A subscription by its secret.
    pub(crate) fn find(&self, secret: &str) -> Option<Arc<Subscription>> {
        self.lock().of.get(&key_of(secret)).map(|entry| Arc::clone(&entry.subscription))
    }

    /// The connection of a subscription, the first time it is asked for.
    pub(crate) fn connect(self: &Arc<Self>, secret: &str) -> Option<Connection> {
        let mut inner = self.lock();
        let entry = inner.of.get_mut(&key_of(secret))?;
        let refused = entry.waiting.take()?;
        Some(Connection { subscription: Arc::clone(&entry.subscription), refused, all: Arc::clone(self) })
    }

    /// Ends one that nobody connected to, or tells its connection to.
    pub(crate) fn unsubscribe(&self, subscription: &Subscription) {
        subscription.wanted.send_replace(Wanted::Nothing);
        self.end_if(&subscription.key, |entry| entry.waiting.is_some());
    }

    /// Whether a caller follows a session.
    pub(crate) fn follows(&self, caller: &CallerName, topic: &SessionId) -> Option<Arc<Subscription>> {
        let inner = self.lock();
        let mut all = inner.of.values().map(|entry| &entry.subscription);
        all.find(|known| known.caller == *caller && known.topic == *topic).cloned()
    }

    /// Tells all others that follow the same session that one of them did not follow.
    pub(crate) fn tell_others(&self, of: &Subscription, refused: &Refused) {
        let inner = self.lock();
        for Entry { subscription, .. } in inner.of.values() {
            if subscription.topic == of.topic && subscription.key != of.key {
                // Whoever has so many waiting has been told that something is wrong.
                let _full = subscription.refused.try_send(refused.clone());
            }
        }
    }

    fn end_if(&self, key: &Key, when: impl FnOnce(&Entry) -> bool) {
        let mut inner = self.lock();
        if !inner.of.get(key).is_some_and(when) {
            return;
        }
        let Some(Entry { subscription, .. }) = inner.of.remove(key) else { return };
        if let Some(count) = inner.count.get_mut(&subscription.caller) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                inner.count.remove(&subscription.caller);
            }
        }
    }
}

/// A subscription that is connected to. It ends when this is let go.
pub(crate) struct Connection {
    pub(crate) subscription: Arc<Subscription>,
    pub(crate) refused: mpsc::Receiver<Refused>,
    all: Arc<Subscriptions>,
}

impl Connection {
    /// Ends the subscription.
    pub(crate) fn end(&self) {
        self.all.end_if(&self.subscription.key, |_| true);
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.end();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn begin(all: &Arc<Subscriptions>, caller: &str) -> Result<String, Refusal> {
        let topic = "se-0123456789abcdef0123456789abcdef".parse().unwrap();
        let wanted = Wanted::Events(Names::new(), Duration::from_secs(1));
        all.begin((caller.parse().unwrap(), 0), topic, "ws-1".parse().unwrap(), String::new(), wanted)
    }

    #[tokio::test]
    async fn an_address_is_good_once_and_not_for_long() {
        let all = Arc::new(Subscriptions { inner: Mutex::default(), connect_within: Duration::from_millis(20) });
        let first = begin(&all, "pharmacy").unwrap();
        assert!(all.connect("another").is_none());
        let connection = all.connect(&first).unwrap();
        assert!(all.connect(&first).is_none(), "a second connection to the same address");
        let late = begin(&all, "pharmacy").unwrap();
        while all.find(&late).is_some() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        assert!(all.connect(&late).is_none());
        assert!(all.find(&first).is_some(), "who connected in time stays");
        drop(connection);
        assert!(all.find(&first).is_none() && all.lock().count.is_empty());
    }

    #[tokio::test]
    async fn one_caller_leaves_room_for_others() {
        let all = Arc::<Subscriptions>::default();
        for _ in 0..SUBSCRIPTIONS_OF_ONE_MAX {
            begin(&all, "greedy").unwrap();
        }
        assert!(matches!(begin(&all, "greedy"), Err(Refusal::TooManyOfOne)));
        let modest = begin(&all, "modest").unwrap();
        all.unsubscribe(&all.find(&modest).unwrap());
        assert!(all.find(&modest).is_none(), "nobody had connected to it");
    }
}
