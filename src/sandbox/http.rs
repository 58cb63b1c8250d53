//! HTTP/1.1 on loopback: bytes in, [`Sandbox::answer`], bytes out.
//!
//! One thread with a runtime of its own. Every size, number and time is bounded.

use std::convert::Infallible;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::{HeaderName, HeaderValue};
use hyper::service::service_fn;
use hyper::{Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use time::OffsetDateTime;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, oneshot};

use super::fault::{Code, Fault};
use super::sigv4::Request;
use super::{Answer, Sandbox, control, request_id, sts, xml};
use crate::model::time::Timestamp;

/// Head and body of a request may be this long, each.
const LARGEST: usize = 64 * 1024;

/// Head and body of a request may take this long, each.
const SLOWEST: Duration = Duration::from_secs(10);

/// So many connections are served at once; others wait.
const CONNECTIONS: usize = 64;

/// A practice AWS that serves, until it is stopped or dropped.
pub struct Running {
    sandbox: Arc<Sandbox>,
    endpoint: String,
    runtime: Handle,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Running {
    /// Where it is, such as `http://127.0.0.1:4566`.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Opens the back door of [`control`] as a socket at this path.
    ///
    /// # Errors
    /// When there can be no socket at that path.
    pub fn open_control(&self, path: &Path) -> io::Result<()> {
        let listener = std::os::unix::net::UnixListener::bind(path)?;
        listener.set_nonblocking(true)?;
        let _inside = self.runtime.enter();
        self.runtime.spawn(control::serve(tokio::net::UnixListener::from_std(listener)?, Arc::clone(&self.sandbox)));
        Ok(())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic in the thread was reported when it happened.
            let _ = thread.join();
        }
    }
}

/// Why the practice AWS cannot serve.
#[derive(Debug)]
pub enum StartError {
    /// Not an address of loopback.
    NotLoopback(SocketAddr),
    /// The address cannot be taken, or there is no thread for it.
    Io(SocketAddr, io::Error),
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StartError::NotLoopback(address) => write!(f, "{address} is not a loopback address"),
            StartError::Io(address, _) => write!(f, "the practice AWS cannot listen on {address}"),
        }
    }
}

impl std::error::Error for StartError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            StartError::NotLoopback(_) => None,
            StartError::Io(_, error) => Some(error),
        }
    }
}

/// Listens, and serves in a thread of its own.
pub(super) fn start(sandbox: Arc<Sandbox>, address: SocketAddr) -> Result<Running, StartError> {
    if !address.ip().is_loopback() {
        return Err(StartError::NotLoopback(address));
    }
    let serve = || -> io::Result<Running> {
        let listener = std::net::TcpListener::bind(address)?;
        listener.set_nonblocking(true)?;
        let endpoint = format!("http://{}", listener.local_addr()?);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build()?;
        let listener = {
            let _inside = runtime.enter();
            TcpListener::from_std(listener)?
        };
        let (handle, served) = (runtime.handle().clone(), Arc::clone(&sandbox));
        let (stop, stopped) = oneshot::channel::<()>();
        let thread = std::thread::Builder::new().name("practice-aws".into()).spawn(move || {
            runtime.block_on(async {
                tokio::spawn(accept(listener, served));
                // Nothing is ever sent: the sender is dropped.
                let _ = stopped.await;
            });
        })?;
        Ok(Running { sandbox, endpoint, runtime: handle, stop: Some(stop), thread: Some(thread) })
    };
    serve().map_err(|error| StartError::Io(address, error))
}

async fn accept(listener: TcpListener, sandbox: Arc<Sandbox>) {
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    while let Ok(place) = Arc::clone(&places).acquire_owned().await {
        match listener.accept().await {
            Ok((stream, _)) => {
                let sandbox = Arc::clone(&sandbox);
                tokio::spawn(async move {
                    serve(stream, sandbox).await;
                    drop(place);
                });
            }
            // Out of file descriptors, most likely: others may come free.
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
}

async fn serve(stream: TcpStream, sandbox: Arc<Sandbox>) {
    let service = service_fn(move |request| {
        let sandbox = Arc::clone(&sandbox);
        async move {
            let answer = match read(request).await {
                Ok(request) => sandbox.answer(&request),
                Err(fault) => unread(&sandbox, &fault),
            };
            Ok::<_, Infallible>(respond(answer))
        }
    });
    // An error here: the other side went away or spoke no HTTP. It is its loss alone.
    let _ = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(SLOWEST)
        .max_buf_size(LARGEST)
        .max_header_size(LARGEST)
        .auto_date_header(false)
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

async fn read(request: hyper::Request<Incoming>) -> Result<Request, Fault> {
    let (head, body) = request.into_parts();
    let body = match tokio::time::timeout(SLOWEST, Limited::new(body, LARGEST).collect()).await {
        Ok(Ok(body)) => body.to_bytes(),
        Ok(Err(_)) => {
            return Err(Fault::new(Code::RequestEntityTooLarge, format!("Request body exceeds {LARGEST} bytes")));
        }
        Err(_) => return Err(Fault::new(Code::RequestTimeout, "The request did not arrive in time")),
    };
    let headers = head
        .headers
        .iter()
        .map(|(name, value)| (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned()));
    Ok(Request {
        method: head.method.as_str().to_owned(),
        path: head.uri.path().to_owned(),
        query: head.uri.query().unwrap_or_default().to_owned(),
        headers: headers.collect(),
        body: body.to_vec(),
    })
}

fn unread(sandbox: &Sandbox, fault: &Fault) -> Answer {
    let request_id = request_id();
    let body = xml::refusal(sts::NAMESPACE, fault, &request_id);
    Answer { status: fault.code.status(), body, request_id, now: (sandbox.clock)() }
}

fn respond(answer: Answer) -> Response<Full<Bytes>> {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = Response::new(Full::new(Bytes::from(answer.body)));
    *response.status_mut() = status;
    let headers = [
        ("server", "glass practice AWS, not AWS".to_owned()),
        ("content-type", "text/xml".to_owned()),
        ("x-amzn-requestid", answer.request_id),
        ("date", http_date(answer.now)),
    ];
    for (name, value) in headers {
        if let Ok(value) = HeaderValue::from_str(&value) {
            response.headers_mut().insert(HeaderName::from_static(name), value);
        }
    }
    response
}

/// `Sat, 31 Jan 2026 02:13:00 GMT` (RFC 9110, section 5.6.7).
fn http_date(moment: Timestamp) -> String {
    let date = OffsetDateTime::from_unix_timestamp(moment.seconds()).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    let (weekday, month) = (date.weekday().to_string(), date.month().to_string());
    let (hour, minute, second) = date.to_hms();
    let (day, year) = (date.day(), date.year());
    format!("{weekday:.3}, {day:02} {month:.3} {year:04} {hour:02}:{minute:02}:{second:02} GMT")
}
