//! A session's socket, its keeper, and those who connect.

use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::fd::BorrowedFd;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::*;
use crate::host::places::Places;
use crate::host::source::Source;
use crate::model::event::Cause;
use crate::model::live::{Answer, Ask, LONGEST_ASK, Live};
use crate::model::name::Id;
use crate::world::keeping::{Asker, Happening, Keeper, Then};

/// Counts what it is asked; ends when it is asked to.
#[derive(Default)]
struct Counting {
    asked: Vec<(Ask, Asker)>,
}

impl Keeper for Counting {
    fn happened(&mut self, _: Happening) -> Then {
        Then::GoOn
    }

    fn asked(&mut self, ask: Ask, by: &Asker) -> Answer {
        self.asked.push((ask, by.clone()));
        match ask {
            Ask::Status => Answer::Status(Box::new(Live::example(id())), 42),
            Ask::Credentials => Answer::No("not here".to_owned()),
            Ask::End => Answer::Ending(Live::example(id()).expires),
        }
    }
}

fn id() -> Id {
    Id::from_random([7; 5])
}

/// A home with a session that listens.
struct Home {
    folder: tempfile::TempDir,
    listening: Listening,
}

impl Home {
    fn new() -> Home {
        let folder = tempfile::tempdir().unwrap();
        let listening = Listening::open(&Places::of(folder.path()), &id()).unwrap();
        Home { folder, listening }
    }

    fn connect(&self) -> UnixStream {
        UnixStream::connect(self.listening.path()).unwrap()
    }

    /// Listens, as a supervisor does, until the keeper was asked so often or the session ends.
    fn keep(&mut self, times: usize) -> (Counting, Then) {
        let mut keeper = Counting::default();
        let until = Instant::now() + Duration::from_secs(30);
        while keeper.asked.len() < times {
            assert!(Instant::now() < until, "asked {} times", keeper.asked.len());
            self.wait(Duration::from_secs(1));
            let then = self.listening.listen(&mut keeper);
            if matches!(then, Then::End(_)) {
                return (keeper, then);
            }
        }
        (keeper, Then::GoOn)
    }

    fn wait(&self, longest: Duration) -> bool {
        let fds: Vec<BorrowedFd<'_>> = self.listening.waits_for();
        let mut fds: Vec<_> = fds.iter().map(|fd| PollFd::new(fd, PollFlags::IN)).collect();
        poll(&mut fds, Some(&Timespec::try_from(longest).unwrap())).unwrap() > 0
    }
}

/// What a connection is answered, to its end.
fn answered(mut stream: UnixStream) -> String {
    let mut text = String::new();
    // One that was sent away before it said all may be told so by an error.
    let _ = stream.read_to_string(&mut text);
    text
}

const LONG: Duration = Duration::from_secs(20);

#[test]
fn the_socket_is_this_users_alone_and_goes_with_its_session() {
    let home = Home::new();
    let path = home.listening.path().to_owned();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o600, 0o700));
    assert!(!nobody_listens(&path));
    drop(home.listening);
    assert!(!path.exists() && nobody_listens(&path));
    drop(home.folder);
}

#[test]
fn a_question_is_answered_with_one_line_and_who_asks_is_known() {
    let mut home = Home::new();
    let path = home.listening.path().to_owned();
    let asking = thread::spawn(move || ask(&path, Ask::Status, LONG));
    let (keeper, _) = home.keep(1);
    let Ok(Answer::Status(live, 42)) = asking.join().unwrap() else { panic!("another answer") };
    assert_eq!(*live, Live::example(id()));
    let (Ask::Status, by) = &keeper.asked[0] else { panic!("asked something else") };
    assert_eq!(by.uid, geteuid().as_raw());
    #[cfg(target_os = "linux")]
    assert!(by.inside && by.pid > 0 && !by.exe.is_empty(), "{by:?}");
}

#[test]
fn who_asks_for_the_end_is_answered_and_the_session_ends() {
    let mut home = Home::new();
    let path = home.listening.path().to_owned();
    let asking = thread::spawn(move || ask(&path, Ask::End, LONG));
    let (_, then) = home.keep(1);
    assert!(matches!(then, Then::End(Cause::End)));
    assert!(matches!(asking.join().unwrap(), Ok(Answer::Ending(_))));
}

#[test]
fn what_is_no_line_of_the_protocol_is_told_so_or_not_answered() {
    let mut home = Home::new();
    let hostile: [&[u8]; 4] = [b"\n", b"GET / HTTP/1.1\r\n\r\n", b"{\"v\":9,\"ask\":\"status\"}\n", b"\xff\xfe\x00\n"];
    let mut streams = Vec::new();
    for text in hostile {
        let mut stream = home.connect();
        stream.write_all(text).unwrap();
        streams.push(stream);
    }
    // What is no line, and too long for one, is not even read to its end.
    let mut endless = home.connect();
    endless.set_nonblocking(true).unwrap();
    let sent = endless.write(&vec![b'x'; 10_000_000]).unwrap();
    assert!(sent > LONGEST_ASK);
    endless.set_nonblocking(false).unwrap();
    // Half a line, and no more to come.
    let mut half = home.connect();
    half.write_all(b"{\"v\":1,").unwrap();
    half.shutdown(Shutdown::Write).unwrap();
    let mut last = home.connect();
    last.write_all(Ask::Status.to_line().as_bytes()).unwrap();
    let (keeper, _) = home.keep(1);
    assert_eq!(keeper.asked.len(), 1);
    for stream in streams {
        assert!(answered(stream).starts_with("{\"v\":1,\"answer\":{\"no\":"));
    }
    assert_eq!(answered(endless) + &answered(half), "");
    assert!(answered(last).contains("\"remaining\":42"));
}

#[test]
fn a_line_that_comes_in_pieces_is_heard_when_it_is_whole() {
    let mut home = Home::new();
    let line = Ask::Status.to_line();
    let mut stream = home.connect();
    let mut keeper = Counting::default();
    for byte in line.as_bytes() {
        assert!(keeper.asked.is_empty());
        stream.write_all(&[*byte]).unwrap();
        home.wait(LONG);
        home.listening.listen(&mut keeper);
    }
    assert_eq!(keeper.asked.len(), 1);
}

#[test]
fn a_thousand_who_say_nothing_keep_nobody_from_an_answer() {
    let mut home = Home::new();
    let path = home.listening.path().to_owned();
    let silent_and_one = thread::spawn(move || {
        let silent: Vec<UnixStream> = (0..1000).map_while(|_| UnixStream::connect(&path).ok()).collect();
        (ask(&path, Ask::Status, LONG), silent.len())
    });
    let (_, _) = home.keep(1);
    let (answer, silent) = silent_and_one.join().unwrap();
    assert!(matches!(answer, Ok(Answer::Status(..))));
    assert!(silent >= 500, "only {silent} connected");
    assert!(home.listening.waits_for().len() <= 65);
}

#[test]
fn who_says_nothing_is_sent_away_after_a_while_and_costs_no_time() {
    let mut home = Home::new();
    let stream = home.connect();
    let mut keeper = Counting::default();
    home.listening.listen(&mut keeper);
    assert_eq!(home.listening.waits_for().len(), 2);
    // Nothing is to be heard, so nobody is woken.
    assert!(!home.wait(Duration::from_millis(2100)));
    home.listening.listen(&mut keeper);
    assert_eq!(home.listening.waits_for().len(), 1);
    assert_eq!(answered(stream), "");
}

#[test]
fn who_does_not_answer_is_given_up() {
    let home = Home::new();
    let began = Instant::now();
    let answer = ask(home.listening.path(), Ask::Status, Duration::from_millis(200));
    assert!(matches!(answer, Err(AskError::Silent)) && began.elapsed() < LONG, "{answer:?}");
}

#[test]
fn many_who_ask_at_once_are_all_answered() {
    let mut home = Home::new();
    let answers = std::sync::Arc::new(AtomicUsize::new(0));
    let asking: Vec<_> = (0..8)
        .map(|_| {
            let (path, answers) = (home.listening.path().to_owned(), std::sync::Arc::clone(&answers));
            thread::spawn(move || {
                for _ in 0..100 {
                    let answer = ask(&path, Ask::Credentials, LONG);
                    assert!(matches!(answer, Ok(Answer::No(_))), "{answer:?}");
                    answers.fetch_add(1, Ordering::SeqCst);
                }
            })
        })
        .collect();
    home.keep(800);
    for thread in asking {
        thread.join().unwrap();
    }
    assert_eq!(answers.load(Ordering::SeqCst), 800);
}

#[test]
fn a_path_that_is_too_long_for_an_address_is_reached_all_the_same() {
    if !cfg!(target_os = "linux") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let deep = folder.path().join("deep".repeat(30)).join("deeper".repeat(10));
    let listening = Listening::open(&Places::of(&deep), &id()).unwrap();
    assert!(listening.path().as_os_str().len() > 180);
    let mut home = Home { folder, listening };
    let path = home.listening.path().to_owned();
    let asking = thread::spawn(move || ask(&path, Ask::Status, LONG));
    home.keep(1);
    assert!(matches!(asking.join().unwrap(), Ok(Answer::Status(..))));
}

#[test]
fn another_user_is_not_read_from_and_not_spoken_to() {
    let (mut one, other) = UnixStream::pair().unwrap();
    let me = Peer::of(&other).unwrap();
    assert!(me.is_me());
    one.write_all(Ask::Status.to_line().as_bytes()).unwrap();
    assert!(listen::Caller::of(other, Peer { uid: me.uid + 1, ..me }).is_none());
    assert_eq!(answered(one), "");
}

#[test]
fn a_folder_that_is_a_link_or_open_to_others_is_refused() {
    let home = tempfile::tempdir().unwrap();
    let refused = |path: &Path| match open_folder(path) {
        Err(SocketError::Untrusted { why, .. }) => why,
        other => panic!("{other:?}"),
    };
    let good = home.path().join("good");
    open_folder(&good).unwrap();
    let link = home.path().join("link");
    std::os::unix::fs::symlink(&good, &link).unwrap();
    assert_eq!(refused(&link), "is a link");
    fs::set_permissions(&good, fs::Permissions::from_mode(0o750)).unwrap();
    assert_eq!(refused(&good), "is open to others");
    let file = home.path().join("file");
    fs::write(&file, "").unwrap();
    assert!(matches!(open_folder(&file), Err(SocketError::File { .. })));
    assert!(matches!(open_folder(Path::new("/")), Err(SocketError::Untrusted { .. })));
}
