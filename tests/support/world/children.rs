//! The made-up child of a session, and its recording.

use std::ffi::OsStr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use glass::model::event::Cause;
use glass::model::name::Id;
use glass::model::recording::Stream;
use glass::model::time::BootTime;
use glass::world::keeping::{Happening, Keeper, Then, WARNINGS};
use glass::world::machine::{Child, ChildError, Children, Command, Ended, Watched};
use glass::world::recording::{RecordingError, RecordingFile, Recordings};

use super::{Fake, Parts, SECRET, broken};

impl Children for Parts {
    fn find(&self, program: &OsStr) -> Result<(), ChildError> {
        self.0.call(|| Ok(()), || ChildError::NotFound(program.to_owned()))
    }

    fn check(&self, _: Watched) -> Result<(), ChildError> {
        self.0.call(|| Ok(()), || ChildError::CannotTrace(broken()))
    }

    fn start(&self, command: &Command) -> Result<Box<dyn Child>, ChildError> {
        let start = || {
            self.0.started.fetch_add(1, Ordering::SeqCst);
            Ok(Box::new(FakeChild(Arc::clone(&self.0))) as Box<dyn Child>)
        };
        self.0.call(start, || ChildError::NotFound(command.argv[0].clone()))
    }

    fn folder(&self) -> String {
        "/home/alice".to_owned()
    }
}

struct FakeChild(Arc<Fake>);

impl Child for FakeChild {
    fn pid(&self) -> u32 {
        4711
    }

    fn wait(self: Box<Self>, deadline: BootTime, keeper: &mut dyn Keeper) -> Ended {
        let shown = format!("key {SECRET}\r\n");
        let seen =
            [Happening::Shown(Stream::Terminal, shown.as_bytes()), Happening::Typed(b"x"), Happening::Resized(120, 40)];
        for what in seen {
            if let Then::End(cause) = keeper.happened(what) {
                return Ended { cause, code: 129, left_behind: 0 };
            }
        }
        if self.0.lasts_to_the_end {
            // A minute before the end the supervisor looks around for ten seconds.
            let ticks = std::iter::repeat_with(|| Happening::Tick).take(10);
            for what in WARNINGS.map(Happening::TimeLeft).into_iter().chain(ticks) {
                match keeper.happened(what) {
                    Then::GoOn => {}
                    Then::Tell(line) => self.0.said.lock().unwrap().push(line),
                    Then::End(cause) => return Ended { cause, code: 0, left_behind: 0 },
                    Then::TellAndEnd(line, cause) => {
                        self.0.said.lock().unwrap().push(line);
                        return Ended { cause, code: 0, left_behind: 0 };
                    }
                }
                self.0.pass(Duration::from_secs(1));
            }
        }
        let now = BootTime(u64::try_from(self.0.time().micros()).unwrap() * 1000);
        let cause = if deadline <= now { Cause::Deadline } else { Cause::Exit };
        Ended { cause, code: 0, left_behind: 0 }
    }
}

fn not_recorded() -> RecordingError {
    RecordingError { doing: "write to", path: "recording".into(), source: broken() }
}

impl Recordings for Parts {
    fn make(&self, _: &Id) -> Result<(), RecordingError> {
        self.0.call(|| Ok(()), not_recorded)
    }

    fn open(&self, _: &Id) -> Result<Box<dyn RecordingFile>, RecordingError> {
        let file = || Ok(Box::new(FakeRecording(Arc::clone(&self.0))) as Box<dyn RecordingFile>);
        self.0.call(file, not_recorded)
    }

    fn discard(&self, _: &Id) {
        self.0.recorded.lock().unwrap().clear();
    }
}

struct FakeRecording(Arc<Fake>);

impl RecordingFile for FakeRecording {
    fn add(&mut self, lines: &[u8]) -> Result<(), RecordingError> {
        let add = || {
            self.0.recorded.lock().unwrap().extend_from_slice(lines);
            Ok(())
        };
        self.0.call(add, not_recorded)
    }

    fn check(&self) -> Result<(), RecordingError> {
        self.0.call(|| Ok(()), not_recorded)
    }

    fn sync(&self) -> Result<(), RecordingError> {
        self.0.call(|| Ok(()), not_recorded)
    }
}
