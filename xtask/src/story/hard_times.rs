//! What goes wrong on a bad day: rubbish on every input, slow clients, a disk that takes no more, and nothing that names a patient in a log.

use super::hospital::{Adt, Feeds, request};
use super::{Teller, expect};
use crate::peer::{Caller, Node, Sender, binary, handrail, until};
use crate::step::{Outcome, root};
use serde_json::Value;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

/// A record number, a visit and a name that must be found nowhere outside the encrypted part of the store.
const RECORD: &str = "77612349876";
const VISIT: &str = "VISIT55501234";
const NAME: &str = "Quixotewitz";
/// How long a client may dawdle before it has to be cut: the configured read timeout and some.
const DAWDLE: Duration = Duration::from_secs(40);

/// Tells it.
pub(crate) fn tell(teller: &mut Teller) -> Outcome {
    let dir = tempfile::tempdir()?;
    let data = dir.path().join("data");
    // A write beyond the limit set below raises SIGXFSZ; ignored, it is an error like that of a full disk.
    let wrapper = ["sh", "-c", "trap '' XFSZ; exec \"$@\"", "sh"];
    let node = Node::start_under(&wrapper, &binary(), &data, &root().join("charter"))?;
    Feeds::of(&node)?.nurse("n-amara", "Amara Osei", "ED")?;
    let ehr = node.caller("ehr")?;
    let mut adt = Sender::connect(node.mllp)?;
    let admit = Adt {
        trigger: "A01",
        control: "H1",
        patient: RECORD,
        visit: VISIT,
        place: "ED",
        before: "",
        merged: None,
        at: -60,
    };
    adt.accepted(&admit.text()?.replace("Sample", NAME))?;
    teller.step("a node is up, with one patient in the ED");

    rubbish(teller, &node, &ehr)?;
    dawdlers(teller, &node)?;
    full_disk(teller, &node, &ehr)?;
    silence(teller, &node, &ehr, &data)?;
    node.stop()?;
    let verified = handrail(&["ledger", "verify", "--data", &data.display().to_string()])?;
    expect(verified.starts_with("verified"), || verified.clone())?;
    teller.step("after all that the node stops in order and the ledger verifies");
    Ok(())
}

fn rubbish(teller: &mut Teller, node: &Node, ehr: &Caller) -> Outcome {
    let token = ehr.token();
    for (what, body, wanted) in [
        ("half a document", b"{\"subject\": {".to_vec(), 400),
        ("bytes that are no text", vec![0xff, 0xfe, 0x00, 0x80], 400),
        ("a hundred thousand brackets", vec![b'['; 100_000], 400),
        ("ten megabytes", vec![b' '; 10_000_000], 413),
    ] {
        let status = posted(node.http, token, &body)?;
        expect(status == wanted, || format!("{what} was answered {status}, not {wanted}"))?;
    }
    teller.step(
        "half documents, bytes that are no text, a hundred thousand brackets and ten megabytes each get a clear error",
    );
    for (what, bytes) in [
        ("no HL7 at all", b"\x0bGET / HTTP/1.1\r\n\r\n\x1c\r".to_vec()),
        ("a header alone", b"\x0bMSH|^~\\&|A|B|C|D|20260101||ADT^A01|X1|P|2.5\r\x1c\r".to_vec()),
        (
            "a byte order mark and odd delimiters",
            b"\x0b\xef\xbb\xbfMSH#*~\\&#A#B#C#D#20260101##ADT*A01#X2#P#2.5\rPID#1\r\x1c\r".to_vec(),
        ),
    ] {
        let mut stream = TcpStream::connect(node.mllp)?;
        stream.set_read_timeout(Some(DAWDLE))?;
        stream.write_all(&bytes)?;
        let mut answer = [0; 512];
        let read = stream.read(&mut answer)?;
        let answer = String::from_utf8_lossy(answer.get(..read).unwrap_or_default()).into_owned();
        let refused = ["MSA|AE", "MSA|AR", "MSA#AE", "MSA#AR"].iter().any(|code| answer.contains(code));
        expect(refused, || format!("{what} was answered {answer:?}"))?;
    }
    teller.step("messages that cannot be used are refused with a reason, not dropped");
    endless(node.mllp)?;
    teller.step("a frame that never ends is cut");
    answers(ehr)?;
    teller.step("and the node answers as before");
    Ok(())
}

/// POSTs bytes to the evaluation endpoint and reads the status.
fn posted(address: SocketAddr, token: &str, body: &[u8]) -> Outcome<u16> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(DAWDLE))?;
    let head = format!(
        "POST /access/v1/evaluation HTTP/1.1\r\nhost: node\r\nauthorization: Bearer {token}\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes())?;
    // The node may answer and close before it has read all of a body that is too large.
    let _ = stream.write_all(body);
    let mut line = [0; 12];
    stream.read_exact(&mut line)?;
    Ok(String::from_utf8_lossy(line.get(9..).unwrap_or_default()).parse()?)
}

/// Sends a frame that never ends until the node has had enough.
fn endless(address: SocketAddr) -> Outcome {
    let mut stream = TcpStream::connect(address)?;
    stream.set_write_timeout(Some(DAWDLE))?;
    stream.write_all(b"\x0bMSH|^~\\&|A|B|C|D|20260101||ADT^A01|X3|P|2.5\rNTE|")?;
    let block = vec![b'x'; 64 * 1024];
    until("the end of an endless message", DAWDLE, || Ok(stream.write_all(&block).is_err()))
}

fn dawdlers(teller: &mut Teller, node: &Node) -> Outcome {
    let mut header = TcpStream::connect(node.http)?;
    header.write_all(b"GET /readyz HTTP/1.1\r\nhost: no")?;
    let mut body = TcpStream::connect(node.http)?;
    body.write_all(b"POST /access/v1/evaluation HTTP/1.1\r\nhost: node\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{")?;
    for (what, mut stream) in [("header", header), ("body", body)] {
        stream.set_read_timeout(Some(DAWDLE))?;
        let mut rest = Vec::new();
        stream.read_to_end(&mut rest).map_err(|error| format!("half a {what} held its connection: {error}"))?;
    }
    teller.step("clients that send half a header or half a body are cut");
    Ok(())
}

fn answers(ehr: &Caller) -> Outcome {
    let answer = ehr.tell("POST", "/access/v1/evaluation", &request("n-amara", "record_observations", RECORD, "ED"))?;
    expect(answer.get("decision") == Some(&Value::Bool(true)), || format!("should be permitted: {answer}"))
}

fn full_disk(teller: &mut Teller, node: &Node, ehr: &Caller) -> Outcome {
    let limit = |fsize: &str| -> Outcome {
        let status =
            Command::new("prlimit").args(["--pid", &node.id().to_string(), &format!("--fsize={fsize}")]).status()?;
        if status.success() { Ok(()) } else { Err("prlimit failed".into()) }
    };
    limit("4096:unlimited")?;
    let (status, answer) =
        ehr.send("POST", "/access/v1/evaluation", &request("n-amara", "record_observations", RECORD, "ED"))?;
    expect(status == 503, || format!("with a disk that takes nothing: {status} {answer}"))?;
    let anybody = Caller::anonymous(node.http);
    until("readiness ends", DAWDLE, || Ok(anybody.get("/readyz")?.0 == 503))?;
    teller.step("a disk that takes no more: nothing is permitted, the error is clear, and the node is not ready");
    limit("unlimited:unlimited")?;
    until("readiness", DAWDLE, || Ok(anybody.get("/readyz")?.0 == 200))?;
    answers(ehr)?;
    teller.step("the disk takes writes again: the node recovers by itself");
    Ok(())
}

/// Nothing that names the patient, and no token, in a log, in metrics, or in any file of the data directory.
fn silence(teller: &mut Teller, node: &Node, ehr: &Caller, data: &Path) -> Outcome {
    let secret = ehr.token().rsplit('_').next().unwrap_or_default();
    let needles = [RECORD, VISIT, NAME, secret];
    let mut places = vec![data.with_extension("log")];
    let mut folders = vec![data.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder)?.flatten() {
            let kind = entry.file_type()?;
            if kind.is_dir() {
                folders.push(entry.path());
            } else if kind.is_file() {
                places.push(entry.path());
            }
        }
    }
    for place in &places {
        let bytes = std::fs::read(place)?;
        for needle in needles {
            let found = bytes.windows(needle.len()).any(|window| window == needle.as_bytes());
            expect(!found, || format!("{} contains {needle}", place.display()))?;
        }
    }
    expect(places.len() > 3, || "there were hardly any files to look into".to_owned())?;
    let (status, _) = node.caller("nobody-special")?.get("/metrics")?;
    expect(status == 403, || format!("metrics were shown to a caller without the right: {status}"))?;
    teller.step(
        "neither record number, visit, name nor token is in any log or file; metrics are for those who may read them",
    );
    Ok(())
}
