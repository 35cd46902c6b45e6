//! A crowd at the door: whoever holds connections without a token shuts nobody out.

use crate::desk::{Desk, starter_charter};
use std::io::{Read as _, Write as _};
use std::net::TcpStream;

/// One request over a connection that stays open; the status and the head of the answer.
pub(crate) fn exchange(stream: &mut TcpStream, request: &str) -> (u16, String) {
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = Vec::new();
    let mut byte = [0];
    while !answer.ends_with(b"\r\n\r\n") {
        assert_eq!(stream.read(&mut byte).unwrap(), 1, "{}", String::from_utf8_lossy(&answer));
        answer.push(byte[0]);
    }
    let head = String::from_utf8(answer).unwrap();
    let length = head.split_once("content-length: ").and_then(|(_, rest)| rest.split("\r\n").next()).unwrap();
    let mut body = vec![0; length.parse().unwrap()];
    stream.read_exact(&mut body).unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), head)
}

fn ask(stream: &mut TcpStream, request: &str) -> u16 {
    exchange(stream, request).0
}

/// Nothing the crowd holds times out in this test, so only a place that gave way lets somebody else in.
#[test]
fn connections_without_a_token_shut_nobody_out() {
    let desk = Desk::new();
    let node = desk.serve_configured(&starter_charter(), "[connections]\nmax = 8\nread_timeout_s = 3600\n");
    let token = desk.run(&["caller", "add", "ehr"]).ended(0).out.trim().to_owned();
    let evaluation = format!(
        "POST /access/v1/evaluation HTTP/1.1\r\nhost: h\r\nauthorization: Bearer {token}\r\n\
         content-type: application/json\r\ncontent-length: 2\r\n\r\n{{}}"
    );
    let mut caller = node.connect_from(1);
    assert_eq!(ask(&mut caller, &evaluation), 400, "known, but it asked nothing");

    let slow = "POST /sign-in HTTP/1.1\r\nhost: h\r\ncontent-type: application/x-www-form-urlencoded\r\n\
                content-length: 60000\r\n\r\nf";
    let mut crowd = Vec::new();
    for at in 0..40 {
        let mut one = node.connect_from(1);
        // Some begin a form, some say nothing at all. One that has given way already cannot write, and need not.
        if at % 2 == 0 {
            let _gone = one.write_all(slow.as_bytes());
        }
        crowd.push(one);
    }
    let mut elsewhere = node.connect_from(2);
    assert_eq!(ask(&mut elsewhere, "GET /readyz HTTP/1.1\r\nhost: h\r\n\r\n"), 200);
    let mut beside = node.connect_from(1);
    assert_eq!(ask(&mut beside, "GET /readyz HTTP/1.1\r\nhost: h\r\n\r\n"), 200, "from the crowd's own address too");
    assert_eq!(ask(&mut caller, &evaluation), 400, "whoever was recognised keeps the place");
    drop(crowd);
    assert_eq!(node.stop(), 0);
}
