//! What lies between glass and AWS on a bad night: a proxy that spoils what passes through it.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// What becomes of one request and its answer.
pub enum Fate {
    /// Both pass.
    Pass,
    /// Both pass, and another endpoint answers.
    PassTo(String),
    /// The connection is closed, and nothing is sent on.
    Refuse,
    /// The request is sent on; its answer is lost with the connection.
    Lose,
    /// The request is sent on; half of its answer comes back.
    Half,
    /// Nothing comes back, and the connection stays open.
    Silence,
    /// The request is sent on; its answer is changed.
    Rewrite(fn(&str) -> String),
    /// Nothing is sent on; this XML comes back, with this status.
    Answer(u16, String),
}

/// A proxy on loopback.
pub struct Proxy {
    /// Where it listens, e.g. `http://127.0.0.1:40123`.
    pub endpoint: String,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Proxy {
    /// Starts a proxy before an endpoint; `fate` sees each request whole, head and body.
    pub fn start(upstream: &str, fate: impl Fn(&str) -> Fate + Send + Sync + 'static) -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (seen, fate) = (Arc::clone(&requests), Arc::new(fate));
        let upstream = upstream.to_owned();
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let (seen, fate, upstream) = (Arc::clone(&seen), Arc::clone(&fate), upstream.clone());
                // An exchange that breaks off is what this is for.
                thread::spawn(move || drop(serve(client, &upstream, &seen, fate.as_ref())));
            }
        });
        Proxy { endpoint, requests }
    }

    /// The requests that came with this in them, e.g. `Action=AssumeRole`.
    pub fn requests(&self, text: &str) -> Vec<String> {
        self.requests.lock().unwrap().iter().filter(|request| request.contains(text)).cloned().collect()
    }
}

/// An endpoint at which nobody listens.
pub fn nobody() -> String {
    format!("http://{}", TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap())
}

fn serve(
    mut client: TcpStream,
    upstream: &str,
    seen: &Mutex<Vec<String>>,
    fate: &impl Fn(&str) -> Fate,
) -> std::io::Result<()> {
    while let Some(request) = message(&mut client)? {
        seen.lock().unwrap().push(request.clone());
        let forward_to = |endpoint: &str| -> std::io::Result<String> {
            let mut server = TcpStream::connect(endpoint.trim_start_matches("http://"))?;
            server.write_all(request.as_bytes())?;
            Ok(message(&mut server)?.unwrap_or_default())
        };
        let forward = || forward_to(upstream);
        let answer = match fate(&request) {
            Fate::Pass => forward()?,
            Fate::PassTo(endpoint) => forward_to(&endpoint)?,
            Fate::Refuse => return Ok(()),
            Fate::Lose => return forward().map(drop),
            Fate::Half => {
                let answer = forward()?;
                return client.write_all(&answer.as_bytes()[..answer.len() - answer.len() / 4]);
            }
            Fate::Silence => {
                // Until the client hangs up.
                return client.read_to_end(&mut Vec::new()).map(drop);
            }
            Fate::Rewrite(change) => measured(&change(&forward()?)),
            Fate::Answer(status, xml) => {
                measured(&format!("HTTP/1.1 {status} X\r\nContent-Type: text/xml\r\nContent-Length: 0\r\n\r\n{xml}"))
            }
        };
        client.write_all(answer.as_bytes())?;
    }
    Ok(())
}

/// Reads one message, head and body; nothing when the other side has hung up.
fn message(stream: &mut TcpStream) -> std::io::Result<Option<String>> {
    let mut bytes = Vec::new();
    let mut buffer = [0; 16 * 1024];
    loop {
        let text = String::from_utf8_lossy(&bytes);
        if let Some((head, body)) = text.split_once("\r\n\r\n")
            && body.len() >= length(head)
        {
            return Ok(Some(text.into_owned()));
        }
        let count = stream.read(&mut buffer)?;
        if count == 0 {
            return Ok(None);
        }
        bytes.extend_from_slice(&buffer[..count]);
    }
}

/// The length of the body that a head announces.
fn length(head: &str) -> usize {
    let mut fields = head.lines().filter_map(|line| line.split_once(':'));
    let field = fields.find(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    field.map_or(0, |(_, value)| value.trim().parse().unwrap())
}

/// The same message with the true length of its body in its head.
fn measured(message: &str) -> String {
    let (head, body) = message.split_once("\r\n\r\n").unwrap();
    let fields: Vec<_> = head.lines().filter(|line| !line.to_lowercase().starts_with("content-length:")).collect();
    format!("{}\r\nContent-Length: {}\r\n\r\n{body}", fields.join("\r\n"), body.len())
}
