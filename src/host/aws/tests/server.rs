//! A server on loopback that does with each connection what a test says.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::SystemTime;

use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;

/// What a server does with its connections, one after the other; the last goes on for ever.
pub type Behaviour = fn(&mut Visitor);

/// A connection to a server, and what all of them have asked for.
pub struct Visitor {
    pub(super) stream: TcpStream,
    number: usize,
    requests: Arc<Mutex<Vec<String>>>,
}

/// A server on loopback that lives as long as the tests.
pub struct Server {
    endpoint: String,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Server {
    pub fn new(behaviours: &'static [Behaviour]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let endpoint = format!("http://{}", listener.local_addr().expect("it is bound"));
        let requests = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&requests);
        thread::spawn(move || {
            for number in 0.. {
                let (stream, _) = listener.accept().expect("loopback accepts");
                seen.lock().expect("no test panics with it").push(String::new());
                let requests = Arc::clone(&seen);
                behaviours[number.min(behaviours.len() - 1)](&mut Visitor { stream, number, requests });
            }
        });
        Server { endpoint, requests }
    }

    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    pub fn requests(&self) -> Vec<String> {
        self.requests.lock().expect("no test panics with it").clone()
    }
}

impl Visitor {
    /// Reads one request to its end, and keeps it before it is answered.
    pub fn read(&mut self) -> String {
        let mut request = Vec::new();
        let mut buffer = [0; 4096];
        loop {
            let count = self.stream.read(&mut buffer).unwrap_or(0);
            request.extend_from_slice(&buffer[..count]);
            let text = String::from_utf8_lossy(&request).into_owned();
            if count == 0 || is_whole(&text) {
                self.requests.lock().expect("no test panics with it")[self.number].clone_from(&text);
                return text;
            }
        }
    }

    /// Answers; the other side may have hung up already.
    pub fn respond(&mut self, status: &str, date: &str, body: &str) {
        let length = body.len();
        self.write(&format!(
            "HTTP/1.1 {status}\r\ndate: {date}\r\nx-amzn-requestid: 4444-5555\r\ncontent-length: {length}\r\n\r\n{body}"
        ));
    }

    /// How many connections there were before this one.
    pub fn number(&self) -> usize {
        self.number
    }

    /// Says nothing until the other side has given up.
    pub fn hang(&mut self) {
        drop(self.stream.read(&mut [0; 1]));
    }

    /// Writes to the other side; false when it has hung up.
    pub fn write(&mut self, text: &str) -> bool {
        self.stream.write_all(text.as_bytes()).is_ok()
    }
}

/// Whether a request has come to its end.
fn is_whole(request: &str) -> bool {
    request.split_once("\r\n\r\n").is_some_and(|(head, body)| {
        let length =
            head.to_lowercase().split("content-length: ").nth(1).and_then(|rest| rest.lines().next()?.parse().ok());
        body.len() >= length.unwrap_or(0)
    })
}

pub fn http_date(offset: i64) -> String {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("after 1970").as_secs();
    DateTime::from_secs(now.cast_signed() + offset).fmt(Format::HttpDate).expect("in range")
}
