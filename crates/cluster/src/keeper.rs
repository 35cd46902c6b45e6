//! The shell program that owns a server: it ends the server and removes its directory when its standard input ends, which it does however the
//! process that started it ends.

use crate::owner::as_owner;
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Stdio};
use std::sync::{Mutex, PoisonError};

/// `stop` ends the server as a crash would, `start` starts it again, the end of input ends everything.
const KEEPER: &str = r#"
set -u
# A group that nobody waits for any more is hung up on when something in it stands still.
trap '' HUP
start() { "$BIN/postgres" -D "$HOME_DIR/data" >>"$HOME_DIR/log" 2>&1 </dev/null & server=$!; }
thaw() { pkill -CONT -P "$server"; kill -CONT "$server" 2>/dev/null; }
halt() { kill -QUIT "$server" 2>/dev/null; thaw; wait "$server" 2>/dev/null; }
start
while read -r order; do
    case $order in
        stop) halt ;;
        start) start ;;
        freeze) kill -STOP "$server"; pkill -STOP -P "$server" ;;
        thaw) thaw ;;
    esac
    echo done
done
halt
rm -rf "$HOME_DIR"
"#;

/// The program, and the way to tell it something.
#[derive(Debug)]
pub(crate) struct Keeper(Mutex<Running>);

#[derive(Debug)]
struct Running {
    child: Child,
    orders: Option<ChildStdin>,
    done: BufReader<ChildStdout>,
}

impl Keeper {
    /// Starts the server whose data are in `home`.
    pub(crate) fn start(bin: &Path, home: &Path) -> io::Result<Self> {
        let mut child = as_owner(home, Path::new("/bin/sh"))
            .args(["-c", KEEPER])
            .env("BIN", bin)
            .env("HOME_DIR", home)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .process_group(0)
            .spawn()?;
        let (orders, done) = (child.stdin.take(), child.stdout.take().map(BufReader::new));
        let done = done.ok_or_else(|| io::Error::other("the server's keeper has no output"))?;
        Ok(Self(Mutex::new(Running { child, orders, done })))
    }

    /// Tells it something, and waits until that is done.
    pub(crate) fn order(&self, order: &str) -> io::Result<()> {
        let mut keeper = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(orders) = &mut keeper.orders {
            writeln!(orders, "{order}")?;
        }
        let said = keeper.done.read_line(&mut String::new())?;
        if said == 0 { Err(io::Error::other("the server's keeper is gone")) } else { Ok(()) }
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        let keeper = self.0.get_mut().unwrap_or_else(PoisonError::into_inner);
        keeper.orders = None;
        let _ended = keeper.child.wait();
    }
}
