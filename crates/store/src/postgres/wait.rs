//! Waiting for a future in a thread of its own accord, as everybody waits for a file. The futures here are driven by the server's own thread, so this
//! may block whoever asks, a task of a runtime included, as a read of a file would.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::Duration;

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// What a future comes to, if it does in time.
pub(super) fn until<F: Future>(future: F, at_most: Duration) -> Option<F::Output> {
    let mut future = pin!(future);
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut context = Context::from_waker(&waker);
    let elapsed = crate::clock::monotonic();
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return Some(output);
        }
        let left = at_most.checked_sub(elapsed()).filter(|left| !left.is_zero())?;
        thread::park_timeout(left);
    }
}

/// Sends what a future sends first, and waits for nothing.
pub(super) fn begun<F: Future>(future: F) {
    let _whatever_it_says = pin!(future).poll(&mut Context::from_waker(Waker::noop()));
}
