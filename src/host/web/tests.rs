//! Posting to servers that answer, and to ones that misbehave.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread::{self, JoinHandle};

use super::*;

const LIMIT: Limit = Limit { bytes: 1000, time: Duration::from_secs(30) };

/// A server on loopback that serves one connection: reads a request to its end, and does as it is told.
fn server(behaviour: impl FnOnce(&mut TcpStream) + Send + 'static) -> (WebAddress, JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = format!("http://{}/in/box?a=b", listener.local_addr().expect("it is bound"));
    let served = thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("loopback accepts");
        let mut request = Vec::new();
        let mut buffer = [0; 4096];
        while !request.ends_with(b"the end") {
            match stream.read(&mut buffer).expect("a request") {
                0 => break,
                count => request.extend_from_slice(&buffer[..count]),
            }
        }
        behaviour(&mut stream);
        String::from_utf8(request).expect("UTF-8")
    });
    (WebAddress::parse(&address).expect("an address"), served)
}

fn post_to(address: &WebAddress, limit: Limit) -> Result<Answer, WebError> {
    let headers = [("content-type", "text/plain"), ("x-signature", "a=b")];
    post(&Post { address, headers: &headers, body: b"this is\nthe end" }, limit, None)
}

/// What comes of an answer.
fn answered(answer: &'static str) -> Result<Answer, WebError> {
    // Whoever does not read to the end is not written to.
    let (address, _) = server(|stream| drop(stream.write_all(answer.as_bytes())));
    post_to(&address, LIMIT)
}

#[test]
fn what_is_posted_arrives_and_the_answer_comes_back() {
    let (address, served) = server(|stream| {
        stream.write_all(b"HTTP/1.1 409 Conflict\r\nContent-Type: a/b\r\nContent-Length: 3\r\n\r\n12\n").expect("sent");
    });
    let answer = post_to(&address, LIMIT).expect("an answer");
    assert_eq!(answer, Answer { status: 409, content_type: Some("a/b".to_owned()), body: b"12\n".to_vec() });
    let request = served.join().expect("no panic");
    let (head, body) = request.split_once("\r\n\r\n").expect("head and body");
    assert_eq!(body, "this is\nthe end");
    let mut lines: Vec<_> = head.split("\r\n").map(str::to_lowercase).collect();
    lines[1..].sort();
    let host = address.as_str().split('/').nth(2).expect("a host");
    assert_eq!(
        lines,
        [
            "post /in/box?a=b http/1.1",
            "content-length: 15",
            "content-type: text/plain",
            &format!("host: {host}"),
            &format!("user-agent: {USER_AGENT}"),
            "x-signature: a=b",
        ]
    );
}

#[test]
fn a_redirect_is_an_answer_and_not_followed() {
    let answer = answered("HTTP/1.1 307 Elsewhere\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n");
    assert_eq!(answer.expect("an answer").status, 307);
}

#[test]
fn an_answer_may_be_as_long_as_the_limit_and_no_longer() {
    let just = format!("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{}", "a".repeat(1000));
    assert_eq!(answered(just.leak()).expect("an answer").body.len(), 1000);
    let closed = format!("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{}", "a".repeat(1001));
    assert!(matches!(answered(closed.leak()), Err(WebError::TooLong(1000))));
    let (address, _) = server(|stream| {
        let piece = format!("1000\r\n{}\r\n", "a".repeat(0x1000));
        drop(stream.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"));
        // Without an end, until the other side has hung up.
        while stream.write_all(piece.as_bytes()).is_ok() {}
    });
    assert!(matches!(post_to(&address, LIMIT), Err(WebError::TooLong(1000))));
}

#[test]
fn an_answer_that_does_not_come_or_not_to_its_end_is_none() {
    let short = Limit { time: Duration::from_millis(300), ..LIMIT };
    let (silent, _) = server(|stream| drop(stream.read(&mut [0])));
    assert!(matches!(post_to(&silent, short), Err(WebError::Late(_))));
    let (dripping, _) = server(|stream| {
        drop(stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n"));
        while stream.write_all(b"a").is_ok() {
            thread::yield_now();
            if stream.set_read_timeout(Some(Duration::from_millis(10))).is_err()
                || matches!(stream.read(&mut [0]), Ok(0))
            {
                break;
            }
        }
    });
    assert!(matches!(post_to(&dripping, short), Err(WebError::Late(_))));
    for broken in [
        "",
        "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf",
        "SSH-2.0-OpenSSH_9.2\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
    ] {
        let answer = answered(broken);
        assert!(matches!(answer, Err(WebError::MaybeSent(_))), "{broken:?}: {answer:?}");
    }
}

#[test]
fn a_head_without_end_is_given_up() {
    let (address, _) = server(|stream| {
        drop(stream.write_all(b"HTTP/1.1 200 OK\r\n"));
        while stream.write_all(b"x-more: and more and more and more and more and more and more\r\n").is_ok() {}
    });
    assert!(matches!(post_to(&address, LIMIT), Err(WebError::MaybeSent(_))));
}

#[test]
fn where_nobody_listens_nothing_was_sent() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = format!("http://{}", listener.local_addr().expect("it is bound"));
    drop(listener);
    let error = post_to(&WebAddress::parse(&address).expect("an address"), LIMIT).expect_err("nobody");
    assert!(matches!(&error, WebError::NotSent(why) if why.contains("refused")), "{error}");
}

#[test]
fn a_bundle_that_is_none_is_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("ca.pem");
    let secure = WebAddress::parse("https://127.0.0.1:1").expect("an address");
    let posted = |path: &Path| post(&Post { address: &secure, headers: &[], body: b"" }, LIMIT, Some(path));
    assert!(matches!(posted(&path), Err(WebError::Wire(WireError::CaBundle { .. }))));
    std::fs::write(&path, "no certificate").expect("a file");
    assert!(matches!(posted(&path), Err(WebError::Wire(WireError::CaBundle { .. }))));
}

#[test]
fn a_header_that_would_be_two_is_none() {
    let address = WebAddress::parse("http://127.0.0.1:1").expect("an address");
    let headers = [("x-reason", "a\r\nx-other: b")];
    let posted = post(&Post { address: &address, headers: &headers, body: b"" }, LIMIT, None);
    assert!(matches!(posted, Err(WebError::Request(_))));
}
