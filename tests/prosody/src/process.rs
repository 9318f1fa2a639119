//! The process: as whom it runs, how it is known to have started, how it ends.

use std::collections::VecDeque;
use std::io::{self, BufRead as _, BufReader, PipeReader};
use std::os::unix::fs::{MetadataExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};
use std::{fs, thread};

use crate::{StartError, system};

/// Generous: the machine may be busy compiling.
const START_TIMEOUT: Duration = Duration::from_secs(30);
/// How much of the output an error shows.
const LOG_LINES: usize = 30;

/// A running Prosody. Dropping it kills it.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
}

/// What became of a start.
pub(crate) enum Started {
    Yes(Process),
    PortsTaken,
}

/// The user that Prosody is to run as, when that is not the caller.
pub(crate) struct User {
    uid: u32,
    gid: u32,
}

/// Prosody refuses to run as root, so root lends it to the user that the package has made for it. `folder` is one that
/// the caller has made.
pub(crate) fn user(folder: &Path) -> Result<Option<User>, StartError> {
    let caller = fs::metadata(folder).map_err(system("looking at its folder"))?.uid();
    if caller != 0 {
        return Ok(None);
    }
    let output =
        Command::new("getent").args(["passwd", "prosody"]).output().map_err(system("running getent"))?;
    let entry = String::from_utf8_lossy(&output.stdout);
    let mut fields = entry.split(':').skip(2).map(str::parse);
    match (fields.next(), fields.next()) {
        (Some(Ok(uid)), Some(Ok(gid))) => Ok(Some(User { uid, gid })),
        // The package makes the user, so without it there is no package.
        _ => Err(StartError::NotInstalled),
    }
}

impl User {
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
    /// Starts Prosody and waits until it says that it is up.
    pub(crate) fn start(config: &Path, user: Option<&User>) -> Result<Started, StartError> {
        let (output, writer) = io::pipe().map_err(system("making a pipe"))?;
        let mut command = Command::new("prosody");
        command.arg("-F").arg("--config").arg(config);
        // Held open for as long as the child is wanted: see mod_jitsimeet_test.lua.
        command.stdin(Stdio::piped());
        command.stdout(writer.try_clone().map_err(system("making a pipe"))?).stderr(writer);
        if let Some(user) = user {
            command.uid(user.uid).gid(user.gid);
        }
        let child = command.spawn().map_err(|source| match source.kind() {
            io::ErrorKind::NotFound => StartError::NotInstalled,
            _ => StartError::System { doing: "running prosody", source },
        })?;
        let process = Self { child };
        // Its copies of the pipe would keep the output from ending with the child.
        drop(command);
        let ports_free = await_start(&lines(output))?;
        Ok(if ports_free { Started::Yes(process) } else { Started::PortsTaken })
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Both fail only if the child has ended and been waited for, and it has not been waited for.
        let _ = self.child.kill();
        let _ = self.child.wait();
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

/// Tells whether Prosody got its ports, once it says that it is up. It comes up without them too.
fn await_start(lines: &Receiver<String>) -> Result<bool, StartError> {
    let deadline = Instant::now() + START_TIMEOUT;
    let mut tail = VecDeque::new();
    let mut ports_free = true;
    let problem = loop {
        match lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            Ok(line) => {
                if line.contains("the test may begin") {
                    return Ok(ports_free);
                }
                ports_free &= !line.contains("Failed to open server port");
                if tail.len() == LOG_LINES {
                    tail.pop_front();
                }
                tail.push_back(line);
            }
            Err(RecvTimeoutError::Disconnected) => break "ended",
            Err(RecvTimeoutError::Timeout) => break "did not start in time",
        }
    };
    Err(StartError::Prosody { problem, log: Vec::from(tail).join("\n") })
}
