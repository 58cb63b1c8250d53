//! Small programs that glass asks: no shell, bounded time and output, killed with their children.

use std::env;
use std::ffi::OsStr;
use std::fs;
use std::io::{self, Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

use super::files::{self, FileError};
use super::signals::{self, Held};
use crate::model::environment;
use crate::model::secret::Secret;
use crate::world::machine::{ProgramError, Programs, Ran};

/// The most that a program may write to each of stdout and stderr.
const MOST: usize = 64 * 1024;

/// Runs real programs.
pub struct HostPrograms;

impl Programs for HostPrograms {
    fn run(&self, argv: &[String], limit: Duration) -> Result<Ran, ProgramError> {
        run(argv, limit, |command| {
            command.stdin(Stdio::null());
            for (name, _) in env::vars_os() {
                if !name.to_str().is_some_and(environment::keeps) {
                    command.env_remove(name);
                }
            }
            command.spawn()
        })
    }

    fn check_writers(&self, program: &str) -> Result<(), ProgramError> {
        let name = program.to_owned();
        files::check_writers(Path::new(program)).map_err(|error| match error {
            FileError::Unreadable { source, .. } => ProgramError::NotStarted { program: name, source },
            FileError::Absent { .. }
            | FileError::Link(_)
            | FileError::NotAFile(_)
            | FileError::Writable { .. }
            | FileError::Foreign { .. }
            | FileError::TooLarge { .. } => ProgramError::Untrusted { program: name, why: error.to_string() },
        })
    }
}

/// Looks for a program as it is looked for when it is started: by its path, or else in `PATH`.
///
/// # Errors
/// When there is none, or none that may be run.
pub fn find(program: &OsStr) -> io::Result<()> {
    if program.as_bytes().contains(&b'/') {
        return is_program(Path::new(program));
    }
    // Without a `PATH` the system looks in these two.
    let path = env::var_os("PATH").unwrap_or_else(|| "/bin:/usr/bin".into());
    let mut reason = io::Error::from(io::ErrorKind::NotFound);
    for folder in env::split_paths(&path) {
        match is_program(&folder.join(program)) {
            Ok(()) => return Ok(()),
            // One that is there and may not be run is a better reason than none.
            Err(error) if error.kind() != io::ErrorKind::NotFound => reason = error,
            Err(_) => {}
        }
    }
    Err(reason)
}

fn is_program(path: &Path) -> io::Result<()> {
    if !fs::metadata(path)?.is_file() {
        return Err(io::ErrorKind::PermissionDenied.into());
    }
    Ok(rustix::fs::access(path, rustix::fs::Access::EXEC_OK)?)
}

/// Gives a program something to read, and nothing of the caller's environment that can be secret.
///
/// # Errors
/// When it cannot be started, takes too long or writes too much.
pub fn feed(argv: &[String], input: &[u8], limit: Duration) -> Result<Ran, ProgramError> {
    run(argv, limit, |command| {
        let kept = env::vars_os().filter(|(name, _)| name.to_str().is_some_and(environment::keeps_for_hook));
        let kept: Vec<_> = kept.collect();
        command.env_clear().envs(kept).envs(environment::OF_HOOK).stdin(Stdio::piped());
        let mut child = command.spawn()?;
        if let Some(mut stdin) = child.stdin.take() {
            let input = input.to_vec();
            // Who does not read it does not want it. It ends with the program, whose end of the pipe it is.
            thread::spawn(move || drop(stdin.write_all(&input)));
        }
        Ok(child)
    })
}

fn run(
    argv: &[String],
    limit: Duration,
    start: impl FnOnce(&mut Command) -> io::Result<Child>,
) -> Result<Ran, ProgramError> {
    let program = argv.first().cloned().unwrap_or_default();
    let not_started = |source| ProgramError::NotStarted { program: program.clone(), source };
    // Ctrl-C reaches glass alone, since the program has a group of its own.
    let signals = signals::hold().map_err(not_started)?;
    let mut child = prepared(argv).and_then(|mut command| start(&mut command)).map_err(not_started)?;
    let outcome = listen(&mut child, &signals, &program, limit);
    end_group(&child);
    // It has ended or was just killed, so this does not wait long; it leaves no zombie.
    let _ = child.wait();
    let ([stdout, stderr], status) = outcome?;
    Ok(Ran {
        code: status.code().or_else(|| status.signal().map(|signal| 128 + signal)).unwrap_or(1),
        stdout,
        stderr: stderr.expose().trim().chars().take(1024).collect(),
    })
}

fn prepared(argv: &[String]) -> io::Result<Command> {
    let Some((program, arguments)) = argv.split_first() else {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "no program is named"));
    };
    let mut command = Command::new(program);
    command.args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
    Ok(command)
}

/// Kills what is left of the program's process group; nothing may be left.
fn end_group(child: &Child) {
    if let Some(group) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
        let _ = kill_process_group(group, Signal::KILL);
    }
}

type Output = (usize, Option<Secret>);

/// How long a signal that asks glass to end may wait to be seen.
const GLANCE: Duration = Duration::from_millis(50);

fn listen(
    child: &mut Child,
    signals: &Held,
    program: &str,
    limit: Duration,
) -> Result<([Secret; 2], ExitStatus), ProgramError> {
    let ends_by = Instant::now() + limit;
    let outputs = read_all(child);
    let mut texts = [None, None];
    loop {
        if signals.take_ending().is_some() {
            return Err(ProgramError::Interrupted { program: program.to_owned() });
        }
        let left = ends_by.saturating_duration_since(Instant::now());
        let status = match outputs.recv_timeout(left.min(GLANCE)) {
            Ok((place, Some(text))) => {
                texts[place] = Some(text);
                continue;
            }
            Ok((_, None)) => return Err(ProgramError::TooMuch { program: program.to_owned() }),
            Err(RecvTimeoutError::Timeout) => None,
            // Both outputs are at their end; the program has ended, or is about to.
            Err(RecvTimeoutError::Disconnected) => child.try_wait().ok().flatten(),
        };
        if let Some(status) = status {
            return Ok((texts.map(|text| text.unwrap_or(Secret::new(String::new()))), status));
        }
        if left.is_zero() {
            return Err(ProgramError::TimedOut { program: program.to_owned(), limit });
        }
        thread::sleep(Duration::from_millis(1));
    }
}

/// Reads stdout and stderr in threads of their own, which end when the program's group is killed.
fn read_all(child: &mut Child) -> Receiver<Output> {
    let (send, receive) = mpsc::channel();
    if let Some(stdout) = child.stdout.take() {
        read_in_thread(0, stdout, send.clone());
    }
    if let Some(stderr) = child.stderr.take() {
        read_in_thread(1, stderr, send);
    }
    receive
}

fn read_in_thread(place: usize, from: impl Read + Send + 'static, send: Sender<Output>) {
    thread::spawn(move || {
        let mut bytes = zeroize::Zeroizing::new(Vec::with_capacity(MOST + 1));
        let read = from.take(MOST as u64 + 1).read_to_end(&mut bytes);
        let fits = read.is_ok() && bytes.len() <= MOST;
        let text = fits.then(|| Secret::new(String::from_utf8_lossy(&bytes).into_owned()));
        // Nobody listens any more when the time is over.
        let _ = send.send((place, text));
    });
}
