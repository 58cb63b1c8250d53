//! HTTP to those who are not AWS: something is posted, once, and the answer is read.
//!
//! Keeps the promise that whoever answers, and however, costs no more than a bounded time and so much memory, and
//! sends glass nowhere else: no redirect is followed.

use std::error::Error;
use std::fmt;
use std::path::Path;
use std::time::Duration;

use aws_smithy_runtime_api::client::http::HttpConnector;
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::http::HttpError;
use aws_smithy_types::body::SdkBody;
use http_body_util::{BodyExt, LengthLimitError};
use tokio::time::timeout;

use crate::host::executor::Executor;
use crate::host::wire::{self, NotConnected, Way, WireError, told};
use crate::model::text::escaped;
use crate::model::web_address::WebAddress;

/// Who says that it is calling.
const USER_AGENT: &str = concat!("glass/", env!("CARGO_PKG_VERSION"));

/// What is posted.
#[derive(Clone, Debug)]
pub struct Post<'p> {
    /// Where to.
    pub address: &'p WebAddress,
    /// Names in lower case, and values.
    pub headers: &'p [(&'static str, &'p str)],
    /// All of it.
    pub body: &'p [u8],
}

/// What is waited for.
#[derive(Clone, Copy, Debug)]
pub struct Limit {
    /// The most bytes of an answer's body.
    pub bytes: usize,
    /// How long it may take, from the look-up of the name to the last byte.
    pub time: Duration,
}

/// An answer, whatever its status: also one that says to ask elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// E.g. 200.
    pub status: u16,
    /// Its `content-type`, as it came.
    pub content_type: Option<String>,
    /// All of it.
    pub body: Vec<u8>,
}

/// Why there is no answer.
#[derive(Debug)]
pub enum WebError {
    /// Nothing can be sent at all.
    Wire(WireError),
    /// It cannot be sent as it is: a header that is none.
    Request(HttpError),
    /// There was no connection, so nothing was sent.
    NotSent(String),
    /// The connection broke after something may have been sent.
    MaybeSent(String),
    /// It did not come in time; something may have been sent.
    Late(Duration),
    /// It is longer than this many bytes.
    TooLong(usize),
}

impl fmt::Display for WebError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            WebError::Wire(_) => f.write_str("nothing can be sent"),
            WebError::Request(_) => f.write_str("the request cannot be sent as it is"),
            WebError::NotSent(message) => write!(f, "there is no connection: {}", escaped(message)),
            WebError::MaybeSent(message) => write!(f, "there is no whole answer: {}", escaped(message)),
            WebError::Late(time) => write!(f, "there is no whole answer within {} s", time.as_secs()),
            WebError::TooLong(bytes) => write!(f, "the answer is longer than {bytes} bytes"),
        }
    }
}

impl Error for WebError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            WebError::Wire(source) => Some(source),
            WebError::Request(source) => Some(source),
            WebError::NotSent(_) | WebError::MaybeSent(_) | WebError::Late(_) | WebError::TooLong(_) => None,
        }
    }
}

impl From<WireError> for WebError {
    fn from(error: WireError) -> Self {
        WebError::Wire(error)
    }
}

/// Posts something, once, and reads the answer; `ca_bundle` has the certificates that are trusted instead of the
/// system's.
///
/// # Errors
/// When there is no whole answer.
pub fn post(post: &Post<'_>, limit: Limit, ca_bundle: Option<&Path>) -> Result<Answer, WebError> {
    let request = request(post).map_err(WebError::Request)?;
    let connector = wire::connector(Way::to(post.address.as_str()), ca_bundle, limit.bytes)?;
    let executor = Executor::new().map_err(WireError::Network)?;
    executor.run(async {
        let answered = timeout(limit.time, answer(&connector, request, limit.bytes)).await;
        answered.unwrap_or(Err(WebError::Late(limit.time)))
    })
}

fn request(post: &Post<'_>) -> Result<HttpRequest, HttpError> {
    let mut request = HttpRequest::new(SdkBody::from(post.body));
    request.set_method("POST")?;
    request.set_uri(post.address.as_str())?;
    request.headers_mut().try_insert("user-agent", USER_AGENT)?;
    for (name, value) in post.headers {
        request.headers_mut().try_insert(*name, (*value).to_owned())?;
    }
    Ok(request)
}

async fn answer(connector: &impl HttpConnector, request: HttpRequest, longest: usize) -> Result<Answer, WebError> {
    let answer = connector.call(request).await.map_err(|error| unanswered(&error))?;
    let status = answer.status().as_u16();
    let content_type = answer.headers().get("content-type").map(str::to_owned);
    let body = answer.into_body().collect().await.map_err(|error| {
        if error.is::<LengthLimitError>() { WebError::TooLong(longest) } else { WebError::MaybeSent(told(&*error)) }
    })?;
    Ok(Answer { status, content_type, body: body.to_bytes().to_vec() })
}

fn unanswered(error: &ConnectorError) -> WebError {
    match error.source().and_then(|source| source.downcast_ref::<NotConnected>()) {
        Some(not_connected) => WebError::NotSent(told(not_connected)),
        None => WebError::MaybeSent(told(error)),
    }
}

#[cfg(test)]
mod tests;
