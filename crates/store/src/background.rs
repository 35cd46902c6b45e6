//! Threads whose work nobody waits for: they run when those who answer leave them time.

use std::io;
use std::thread::JoinHandle;

/// How much they give way: Linux's `nice` of the thread.
const NICE: i32 = 10;

/// Starts one.
pub(crate) fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> io::Result<JoinHandle<()>> {
    std::thread::Builder::new().name(name.to_owned()).spawn(move || {
        // On Linux, without naming a process, this is about the thread alone. Where it is refused, it runs like any other.
        let _refused = rustix::process::setpriority_process(None, NICE);
        work();
    })
}
