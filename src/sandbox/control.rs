//! The practice's back door: the code on Alice's phone, and the keys that people keep.
//!
//! In the real world a phone and a keyring hold them. Here the running sandbox does, and
//! tells them over a socket in its own folder, which nobody else on the machine can open:
//! so no long-lived key of the practice is ever in a file.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixListener;

use super::Sandbox;

/// Questions and answers are short, and are given at once.
const LONGEST: u64 = 1024;
const SLOWEST: Duration = Duration::from_secs(5);

/// Asks the sandbox behind a socket for the code that an MFA device shows now.
///
/// # Errors
/// When no sandbox listens there, or it has no such device.
pub fn ask_code(socket: &Path, serial: &str) -> io::Result<String> {
    ask(socket, &format!("code {serial}\n"))
}

/// Asks for a user's daily key, in the JSON of `credential_process`.
///
/// # Errors
/// When no sandbox listens there, or it has no such key.
pub fn ask_credentials(socket: &Path, account: &str, user: &str) -> io::Result<String> {
    ask(socket, &format!("credentials {account} {user}\n"))
}

fn ask(socket: &Path, question: &str) -> io::Result<String> {
    let mut stream = UnixStream::connect(socket)?;
    stream.set_read_timeout(Some(SLOWEST))?;
    stream.write_all(question.as_bytes())?;
    let mut answer = String::new();
    stream.take(LONGEST).read_to_string(&mut answer)?;
    match answer.strip_suffix('\n') {
        Some(answer) => Ok(answer.to_owned()),
        None => Err(io::Error::new(io::ErrorKind::NotFound, "the sandbox does not have it")),
    }
}

/// Answers one question a connection, for as long as the runtime lives.
pub(super) async fn serve(listener: UnixListener, sandbox: Arc<Sandbox>) {
    while let Ok((mut stream, _)) = listener.accept().await {
        let sandbox = Arc::clone(&sandbox);
        tokio::spawn(async move {
            let mut question = [0; 1024];
            let read = tokio::time::timeout(SLOWEST, stream.read(&mut question)).await;
            let length = read.ok().and_then(Result::ok).unwrap_or(0);
            let question = String::from_utf8_lossy(&question[..length]);
            if let Some(answer) = answer(&sandbox, &question) {
                // Whoever asked may have gone.
                let _ = stream.write_all(format!("{answer}\n").as_bytes()).await;
            }
        });
    }
}

fn answer(sandbox: &Sandbox, question: &str) -> Option<String> {
    match question.split_whitespace().collect::<Vec<_>>().as_slice() {
        ["code", serial] => sandbox.code(serial),
        ["credentials", account, user] => {
            let key = sandbox.access_key(account, user)?;
            let (id, secret) = (key.id, key.secret.expose());
            Some(serde_json::json!({"Version": 1, "AccessKeyId": id, "SecretAccessKey": secret}).to_string())
        }
        _ => None,
    }
}
