//! A wire to a server that can be cut, stalled and slowed, or cut at a commit: before the server sees it, or after the server has answered it and
//! before anybody hears.

use std::io::{self, Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU8, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// A simple query's last bytes, where it ends a transaction: what is sent in one go arrives in one here.
const COMMIT: &[u8] = b"COMMIT\0";
/// The server's word that it is ready for the next, outside a transaction: it has done what it was told.
const READY: &[u8] = b"Z\0\0\0\x05I";
/// How much is carried at once.
const CARRIED_MAX: usize = 1 << 20;

/// Where the wire is cut at a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Cut {
    /// Before the server sees it.
    Before = 1,
    /// After the server has answered, and before anybody hears.
    After = 2,
    /// As after, and nobody gets through from then on until it is [mended](Wire::mend).
    AfterForGood = 3,
}

/// How the wire is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Whole,
    /// Nothing passes, and nobody is told; what was said is kept until it is whole again.
    Stalled,
    /// Whoever comes is sent away.
    Cut,
    /// For good.
    Over,
}

/// The wire. It is gone when this is.
#[derive(Debug)]
pub struct Wire {
    port: u16,
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    to: u16,
    state: Mutex<(State, Vec<TcpStream>)>,
    changed: Condvar,
    delay_micros: AtomicU64,
    next_commit: AtomicU8,
    commits_cut: AtomicUsize,
}

impl Wire {
    /// To a port of this machine.
    ///
    /// # Errors
    /// When nothing can be listened on.
    pub fn to(port: u16) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let own = listener.local_addr()?.port();
        let inner = Arc::new(Inner {
            to: port,
            state: Mutex::new((State::Whole, Vec::new())),
            changed: Condvar::new(),
            delay_micros: AtomicU64::new(0),
            next_commit: AtomicU8::new(0),
            commits_cut: AtomicUsize::new(0),
        });
        let listening = inner.clone();
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                match listening.lock().0 {
                    State::Over => return,
                    State::Cut => drop(client),
                    State::Whole | State::Stalled => {
                        let inner = listening.clone();
                        std::thread::spawn(move || inner.carry(client));
                    }
                }
            }
        });
        Ok(Self { port: own, inner })
    }

    /// Where it begins.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Ends every connection, and takes no other until it is [mended](Self::mend).
    pub fn cut(&self) {
        self.inner.set(State::Cut);
    }

    /// Nothing passes any more, while every connection stays open and new ones are taken; once it is [mended](Self::mend), what was sent goes on.
    pub fn stall(&self) {
        self.inner.set(State::Stalled);
    }

    /// As at the beginning.
    pub fn mend(&self) {
        self.inner.set(State::Whole);
    }

    /// Whatever is carried from now on, in either direction, takes so long.
    pub fn delay(&self, by: Duration) {
        self.inner.delay_micros.store(u64::try_from(by.as_micros()).unwrap_or(u64::MAX), Ordering::SeqCst);
    }

    /// Cuts the connection of the next commit that passes.
    pub fn cut_at_commit(&self, cut: Cut) {
        self.inner.next_commit.store(cut as u8, Ordering::SeqCst);
    }

    /// How many commits were cut so far.
    pub fn commits_cut(&self) -> usize {
        self.inner.commits_cut.load(Ordering::SeqCst)
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.inner.set(State::Over);
        // Whoever listens looks up.
        drop(TcpStream::connect(("127.0.0.1", self.port)));
    }
}

impl Inner {
    fn lock(&self) -> MutexGuard<'_, (State, Vec<TcpStream>)> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, state: State) {
        let mut now = self.lock();
        now.0 = state;
        if matches!(state, State::Cut | State::Over) {
            for end in now.1.drain(..) {
                let _gone = end.shutdown(Shutdown::Both);
            }
        }
        self.changed.notify_all();
    }

    /// Waits while it is stalled; whether it is whole then.
    fn is_whole(&self) -> bool {
        let stalled = |now: &mut (State, _)| now.0 == State::Stalled;
        self.changed.wait_while(self.lock(), stalled).unwrap_or_else(PoisonError::into_inner).0 == State::Whole
    }

    /// Carries one connection, both ways, to its end.
    fn carry(self: Arc<Self>, client: TcpStream) {
        if !self.is_whole() {
            return;
        }
        let Ok(server) = TcpStream::connect(("127.0.0.1", self.to)) else { return };
        let (Ok(from), Ok(to)) = (client.try_clone(), server.try_clone()) else { return };
        for end in [&client, &server] {
            let _it_is_slower = end.set_nodelay(true);
            if let Ok(end) = end.try_clone() {
                self.lock().1.push(end);
            }
        }
        let deaf = Arc::new(AtomicU8::new(0));
        let (inner, told) = (self.clone(), deaf.clone());
        std::thread::spawn(move || inner.ask(from, to, &told));
        self.answer(server, client, &deaf);
    }

    /// Waits as long as everything does, and while the wire is stalled; whether what was read may go on.
    fn passes(&self) -> bool {
        let delay = Duration::from_micros(self.delay_micros.load(Ordering::SeqCst));
        if !delay.is_zero() {
            std::thread::sleep(delay);
        }
        self.is_whole()
    }

    fn ask(&self, mut from: TcpStream, mut to: TcpStream, deaf: &AtomicU8) {
        let mut bytes = vec![0; CARRIED_MAX];
        while let Some(read) = from.read(&mut bytes).ok().and_then(|read| bytes.get(..read)) {
            if read.is_empty() || !self.passes() {
                break;
            }
            if read.windows(COMMIT.len()).any(|window| window == COMMIT) {
                let cut = self.next_commit.swap(0, Ordering::SeqCst);
                self.commits_cut.fetch_add(usize::from(cut != 0), Ordering::SeqCst);
                if cut == Cut::Before as u8 {
                    break;
                }
                deaf.store(cut, Ordering::SeqCst);
            }
            if to.write_all(read).is_err() {
                break;
            }
        }
        let _gone = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
    }

    fn answer(&self, mut from: TcpStream, mut to: TcpStream, deaf: &AtomicU8) {
        let mut bytes = vec![0; CARRIED_MAX];
        while let Some(read) = from.read(&mut bytes).ok().and_then(|read| bytes.get(..read)) {
            if read.is_empty() || !self.passes() {
                break;
            }
            if deaf.load(Ordering::SeqCst) != 0 {
                if read.ends_with(READY) {
                    if deaf.load(Ordering::SeqCst) == Cut::AfterForGood as u8 {
                        self.set(State::Cut);
                    }
                    break;
                }
            } else if to.write_all(read).is_err() {
                break;
            }
        }
        let _gone = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
    }
}
