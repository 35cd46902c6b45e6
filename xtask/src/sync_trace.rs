//! SIGKILL cannot show a missing fsync: the page cache survives the process. A system-call trace can. Between the last write to the log and
//! the first byte of an answer there must be a sync of that log; a build with the sync left out must fail the very same check.

use crate::peer::{Node, binary, build};
use crate::step::{Outcome, root, say};
use crate::story::hospital::request;
use std::path::{Path, PathBuf};

/// How many requests are traced.
const REQUESTS: usize = 5;

/// Checks the real build and then that the check can fail.
pub(crate) fn run() -> Outcome {
    say("\n== durability: a trace of system calls");
    if !synced_before_answer(&binary())? {
        return Err("an answer left before the log was synced".into());
    }
    say("every traced answer left after its sync");
    let unsynced = unsynced_binary()?;
    if synced_before_answer(&unsynced)? {
        return Err("the build without the sync passed: the trace proves nothing".into());
    }
    say("the build with the sync left out fails the same check");
    Ok(())
}

/// Builds the binary with the sync left out, beside the real one.
fn unsynced_binary() -> Outcome<PathBuf> {
    let real = binary();
    let kept = real.with_extension("real");
    std::fs::rename(&real, &kept)?;
    let built = build(&["--features", "handrail/sabotage_unsynced"]);
    let unsynced = root().join("target").join("debug").join("handrail-unsynced");
    let moved = built.and_then(|()| Ok(std::fs::rename(&real, &unsynced)?));
    std::fs::rename(&kept, &real)?;
    moved.map(|()| unsynced)
}

/// Runs a node under strace, asks a few times, and reads the trace.
fn synced_before_answer(binary: &Path) -> Outcome<bool> {
    let dir = tempfile::tempdir()?;
    let trace = dir.path().join("trace");
    let trace_text = trace.display().to_string();
    let calls = "trace=fsync,fdatasync,pwrite64,write,writev,sendto,sendmsg";
    let wrapper = ["strace", "-f", "-yy", "-s", "16", "-e", calls, "-o", &trace_text];
    let data = dir.path().join("data");
    let node = Node::start_under(&wrapper, binary, &data, &root().join("charter"))?;
    let caller = node.caller("ehr")?;
    for number in 0..REQUESTS {
        caller.tell("POST", "/access/v1/evaluation", &request("nobody", "read_chart", &number.to_string(), "ED"))?;
    }
    node.stop()?;
    judge(&std::fs::read_to_string(&trace)?)
}

/// Whether each answer to a decision was preceded by a sync of the log after the log's last write.
fn judge(trace: &str) -> Outcome<bool> {
    let mut unsynced_writes = 0;
    let mut answers = 0;
    let mut early = 0;
    for line in trace.lines() {
        let log = line.contains("log.sqlite-wal>");
        if line.contains("pwrite64(") && log {
            unsynced_writes += 1;
        } else if (line.contains("fdatasync(") || line.contains("fsync(")) && log {
            unsynced_writes = 0;
        } else if line.contains("HTTP/1.1 200") && line.contains("TCP") {
            answers += 1;
            early += usize::from(unsynced_writes > 0);
        }
    }
    if answers < REQUESTS {
        return Err(format!("the trace shows {answers} answers, {REQUESTS} were asked for").into());
    }
    Ok(early == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const WRITE: &str = "7 pwrite64(9</d/log.sqlite-wal>, \"x\", 24, 0) = 24\n";
    const SYNC: &str = "7 fdatasync(9</d/log.sqlite-wal>) = 0\n";
    const ANSWER: &str = "8 writev(12<TCP:[127.0.0.1:1->127.0.0.1:2]>, [{\"HTTP/1.1 200 OK\\r\\n\"..., 99}], 1) = 99\n";

    #[test]
    fn an_answer_after_the_sync_is_fine_and_one_before_is_not() {
        assert!(judge(&[WRITE, SYNC, ANSWER].concat().repeat(REQUESTS)).unwrap());
        assert!(!judge(&[WRITE, ANSWER, SYNC].concat().repeat(REQUESTS)).unwrap());
        assert!(judge(ANSWER).is_err());
    }
}
