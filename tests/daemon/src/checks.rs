//! What holds for every server that is started here; for the tests of the crates that name one.

use std::marker::PhantomData;
use std::net::{Ipv4Addr, TcpStream};
use std::path::Path;
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::process::Started;
use crate::{Daemon, Ports, Program, StartError, free_ports, launch};

/// Makes the tests of a program; `$complaint` is what it says of a configuration that is none.
#[macro_export]
macro_rules! check {
    ($program:ty, $complaint:literal) => {
        #[test]
        fn a_dropped_server_leaves_no_port_and_no_folder() {
            $crate::checks::a_dropped_server_leaves_nothing::<$program>();
        }

        #[test]
        fn a_port_that_another_program_has_taken_is_noticed() {
            $crate::checks::a_taken_port_is_noticed::<$program>();
        }

        #[test]
        fn a_restarted_server_is_where_it_was() {
            $crate::checks::a_restarted_server_is_where_it_was::<$program>();
        }

        #[test]
        fn a_server_ends_with_its_standard_input() {
            $crate::checks::a_server_ends_with_its_standard_input::<$program>();
        }

        #[test]
        fn an_error_shows_what_the_server_wrote() {
            $crate::checks::an_error_shows_what_the_server_wrote::<$program>($complaint);
        }
    };
}

/// Whether anybody listens on a port of 127.0.0.1.
#[must_use]
pub fn accepts(port: u16) -> bool {
    TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok()
}

/// Waits until nobody listens there any more.
///
/// # Panics
/// If that takes ten seconds.
pub fn await_end(port: u16) {
    let deadline = Instant::now() + Duration::from_secs(10);
    // Nobody is left who could tell of the server's end.
    while accepts(port) {
        assert!(Instant::now() < deadline, "the server is still there");
        sleep(Duration::from_millis(10));
    }
}

fn accept<P: Program>(daemon: &Daemon<P>) -> [bool; 2] {
    [daemon.port(), daemon.secure_port()].map(accepts)
}

/// A dropped server leaves no port and no folder.
///
/// # Panics
/// If it does not hold, as all of these.
pub fn a_dropped_server_leaves_nothing<P: Program>() {
    let Some(daemon) = Daemon::<P>::start_or_skip() else { return };
    let (folder, ports) = (daemon.folder().to_owned(), [daemon.port(), daemon.secure_port()]);
    assert_eq!(accept(&daemon), [true; 2]);
    drop(daemon);
    assert_eq!(ports.map(accepts), [false; 2]);
    assert!(!folder.exists());
}

/// Without the process that started it a server ends.
///
/// # Panics
/// If it does not hold.
pub fn a_server_ends_with_its_standard_input<P: Program>() {
    let Some(daemon) = Daemon::<P>::start_or_skip() else { return };
    daemon.process().let_go();
    await_end(daemon.port());
}

/// A server that is killed comes back where it was.
///
/// # Panics
/// If it does not hold.
pub fn a_restarted_server_is_where_it_was<P: Program>() {
    let Some(daemon) = Daemon::<P>::start_or_skip() else { return };
    let began = Instant::now();
    daemon.restart().unwrap();
    println!("{} restarted in {:?}", P::NAME, began.elapsed());
    assert_eq!(accept(&daemon), [true; 2]);
}

/// A port that another program has taken is noticed.
///
/// # Panics
/// If it does not hold.
pub fn a_taken_port_is_noticed<P: Program>() {
    let Some(daemon) = Daemon::<P>::start_or_skip() else { return };
    let ports = Ports { http: daemon.port(), ..free_ports().unwrap() };
    assert!(matches!(launch::<P>(daemon.folder(), daemon.user.as_ref(), ports), Ok(Started::PortsTaken)));
}

/// An error shows what the server wrote, which is to contain this complaint about its configuration.
///
/// # Panics
/// If it does not hold.
pub fn an_error_shows_what_the_server_wrote<P: Program>(complaint: &str) {
    match Daemon::<Broken<P>>::start() {
        Err(StartError::NotInstalled { .. }) => {}
        Err(StartError::Server { problem: "ended", log, .. }) => assert!(log.contains(complaint), "{log}"),
        other => panic!("{:?}", other.map(drop)),
    }
}

/// The same program with a configuration that it cannot read.
#[derive(Debug)]
struct Broken<P>(PhantomData<P>);

impl<P: Program> Program for Broken<P> {
    const NAME: &'static str = P::NAME;
    const PACKAGE: &'static str = P::PACKAGE;
    const PORT_TAKEN: &'static str = P::PORT_TAKEN;
    const CONFIG: &'static str = P::CONFIG;
    const FILES: &'static [(&'static str, &'static str)] = P::FILES;

    fn configuration(_: &Path, _: Ports) -> String {
        "this is: not: a configuration".to_owned()
    }

    fn command(folder: &Path) -> Option<Command> {
        P::command(folder)
    }
}
