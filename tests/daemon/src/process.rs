//! The process: as whom it runs, how it is known to have started, how it ends.

use std::collections::VecDeque;
use std::io::{self, BufRead as _, BufReader, PipeReader, Write as _};
use std::os::unix::fs::{MetadataExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};
use std::{fs, thread};

use crate::{Program, READY, STOP, StartError, system};

/// Generous: the machine may be busy compiling.
const TIMEOUT: Duration = Duration::from_secs(30);
/// How much of the output an error shows.
const LOG_LINES: usize = 30;

/// A running server. Dropping it kills it.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    output: Receiver<String>,
}

/// What became of a start.
pub(crate) enum Started {
    Yes(Process),
    PortsTaken,
}

/// The user that the server is to run as, when that is not the caller.
#[derive(Debug)]
pub(crate) struct User {
    uid: u32,
    gid: u32,
}

impl User {
    /// Servers refuse to run as root, or should, so root lends this one to the user that the package has made for it.
    /// `folder` is one that the caller has made.
    pub(crate) fn of<P: Program>(folder: &Path) -> Result<Option<Self>, StartError> {
        let caller = fs::metadata(folder).map_err(system("looking at its folder"))?.uid();
        if caller != 0 {
            return Ok(None);
        }
        let output =
            Command::new("getent").args(["passwd", P::PACKAGE]).output().map_err(system("running getent"))?;
        let entry = String::from_utf8_lossy(&output.stdout);
        let mut fields = entry.split(':').skip(2).map(str::parse);
        match (fields.next(), fields.next()) {
            (Some(Ok(uid)), Some(Ok(gid))) => Ok(Some(Self { uid, gid })),
            // The package makes the user, so without it there is no package.
            _ => Err(StartError::NotInstalled { package: P::PACKAGE }),
        }
    }

    /// Gives a folder and what is in it to the user.
    pub(crate) fn own(&self, folder: &Path) -> io::Result<()> {
        chown(folder, Some(self.uid), Some(self.gid))?;
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                self.own(&entry.path())?;
            } else {
                chown(entry.path(), Some(self.uid), Some(self.gid))?;
            }
        }
        Ok(())
    }
}

impl Process {
    /// Starts a server and waits until it says that it is up.
    pub(crate) fn start<P: Program>(
        mut command: Command,
        user: Option<&User>,
    ) -> Result<Started, StartError> {
        let (output, writer) = io::pipe().map_err(system("making a pipe"))?;
        // Held open for as long as the child is wanted.
        command.stdin(Stdio::piped());
        command.stdout(writer.try_clone().map_err(system("making a pipe"))?).stderr(writer);
        if let Some(user) = user {
            command.uid(user.uid).gid(user.gid);
        }
        let child = command.spawn().map_err(|source| match source.kind() {
            io::ErrorKind::NotFound => StartError::NotInstalled { package: P::PACKAGE },
            _ => StartError::System { doing: "running it", source },
        })?;
        let process = Self { child, output: lines(output) };
        // Its copies of the pipe would keep the output from ending with the child.
        drop(command);
        let ports_free = await_start::<P>(&process.output)?;
        Ok(if ports_free { Started::Yes(process) } else { Started::PortsTaken })
    }

    /// Tells it to end, and waits until it has.
    pub(crate) fn stop(&mut self) -> io::Result<()> {
        let Some(input) = &mut self.child.stdin else { return Ok(()) };
        input.write_all(STOP.as_bytes())?;
        let deadline = Instant::now() + TIMEOUT;
        loop {
            match self.output.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(_) => {}
                Err(RecvTimeoutError::Disconnected) => return Ok(()),
                Err(RecvTimeoutError::Timeout) => return Err(io::ErrorKind::TimedOut.into()),
            }
        }
    }

    /// Waits for a line with this text, and returns it.
    pub(crate) fn await_line(&self, text: &str) -> Result<String, RecvTimeoutError> {
        let deadline = Instant::now() + TIMEOUT;
        loop {
            let line = self.output.recv_timeout(deadline.saturating_duration_since(Instant::now()))?;
            if line.contains(text) {
                return Ok(line);
            }
        }
    }

    /// What becomes of its standard input when this process ends.
    pub(crate) fn let_go(&mut self) {
        self.child.stdin.take();
    }

    /// Ends it at once.
    pub(crate) fn kill(&mut self) {
        // Both fail only if the child has ended and been waited for.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// The lines of the output, read to its end whether or not anybody still takes them: a full pipe would stop the child.
fn lines(output: PipeReader) -> Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        for line in BufReader::new(output).split(b'\n').map_while(Result::ok) {
            let _ = sender.send(String::from_utf8_lossy(&line).into_owned());
        }
    });
    receiver
}

/// Tells whether the server got its ports, once it says that it is up, or ends. It may come up without them too.
fn await_start<P: Program>(lines: &Receiver<String>) -> Result<bool, StartError> {
    let deadline = Instant::now() + TIMEOUT;
    let mut tail = VecDeque::new();
    let mut ports_free = true;
    let problem = loop {
        match lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            Ok(line) => {
                if line.contains(READY) {
                    return Ok(ports_free);
                }
                ports_free &= !line.contains(P::PORT_TAKEN);
                if tail.len() == LOG_LINES {
                    tail.pop_front();
                }
                tail.push_back(line);
            }
            Err(RecvTimeoutError::Disconnected) if !ports_free => return Ok(false),
            Err(RecvTimeoutError::Disconnected) => break "ended",
            Err(RecvTimeoutError::Timeout) => break "did not start in time",
        }
    };
    Err(StartError::Server { name: P::NAME, problem, log: Vec::from(tail).join("\n") })
}
