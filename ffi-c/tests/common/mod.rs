//! Builds C programs against the library and runs them against a server.

#![allow(dead_code, reason = "each test binary uses a part of this")]

mod focus;

use std::env;
use std::fmt;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::{Arc, OnceLock, mpsc};
use std::thread;
use std::time::Duration;

use jitsimeet_testserver::{Options, Order, TestServer};
use tokio::runtime::Runtime;

/// What a program may take, valgrind included.
const DEADLINE: Duration = Duration::from_secs(300);
/// What a program needs beside the static library. The README says the same.
const STATIC_LIBRARIES: [&str; 3] = ["-lpthread", "-ldl", "-lm"];

/// Nothing may be lost, definitely or possibly.
pub const VALGRIND: &[&str] = &[
    "--quiet",
    "--leak-check=full",
    "--show-leak-kinds=definite,possible",
    "--errors-for-leak-kinds=definite,possible",
    "--error-exitcode=99",
];

pub const SANITIZERS: &[&str] = &["-fsanitize=address,undefined", "-fno-sanitize-recover=all"];
/// For programs that fork while threads run: the allocator of GCC's address sanitizer leaves the child the locks of
/// threads that it does not have, where glibc's own does not.
pub const FORKING_SANITIZERS: &[&str] = &["-fsanitize=undefined", "-fno-sanitize-recover=all"];

#[derive(Clone, Copy, Debug)]
pub enum Language {
    C11,
    Cxx17,
}

#[derive(Clone, Copy, Debug)]
pub enum Linkage {
    Static,
    Shared,
}

pub fn crate_folder() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The folder with `libjitsimeet.so` and `libjitsimeet.a`, as users get them.
pub fn library_folder() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        // The same call as in the Makefile: another choice of packages could mean another choice of features, and
        // dependencies that are compiled once more.
        let mut build = Command::new(env!("CARGO"));
        build
            .args(["build", "--release", "--quiet", "--target-dir"])
            .arg(target_folder())
            .current_dir(crate_folder().parent().unwrap());
        // What `cargo test` says about this crate is not for the build: ring's script reads it, and ring and all that
        // stands on it would be compiled anew.
        for (name, _) in env::vars_os() {
            if name.to_str().is_some_and(|name| {
                name == "OUT_DIR" || name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_")
            }) {
                build.env_remove(name);
            }
        }
        assert!(build.status().unwrap().success(), "the library does not build");
        let folder = target_folder().join("release");
        link_by_version(&folder);
        folder
    })
}

/// What a program that is linked with the shared library looks for when it starts. `make install` does the same.
fn link_by_version(folder: &Path) {
    let (link, new) = (folder.join("libjitsimeet.so.0"), folder.join(format!(".{}", std::process::id())));
    // Test binaries run side by side: the name is there at every moment.
    let _ = std::fs::remove_file(&new);
    std::os::unix::fs::symlink("libjitsimeet.so", &new).unwrap();
    std::fs::rename(new, link).unwrap();
}

fn target_folder() -> &'static Path {
    Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap()
}

/// Whether a tool is there. If not, the test is to end: it is skipped with a line that shows, or fails under `CI=true`.
pub fn have(tool: &str) -> bool {
    let found = Command::new(tool).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    found.is_ok_and(|status| status.success()) || skip(tool)
}

/// The same for a library of C, by the name that pkg-config has for it.
pub fn have_library(library: &str) -> bool {
    let found = Command::new("pkg-config").args(["--exists", library]).status();
    found.is_ok_and(|status| status.success()) || skip(library)
}

fn skip(missing: &str) -> bool {
    assert!(env::var_os("CI").is_none_or(|ci| ci != "true"), "{missing} is missing");
    // Not `eprintln!`, which the test harness swallows.
    let _ = writeln!(
        std::io::stderr(),
        "SKIPPED, {missing} is missing: {}",
        thread::current().name().unwrap_or("?")
    );
    false
}

/// Compiles `source`, a path in this crate, into a program of this name; `None` if there is no compiler.
pub fn compile(
    source: &str,
    program: &str,
    language: Language,
    linkage: Linkage,
    flags: &[&str],
) -> Option<PathBuf> {
    let (variable, default, standard) = match language {
        Language::C11 => ("CC", "cc", &["-std=c11"][..]),
        Language::Cxx17 => ("CXX", "c++", &["-x", "c++", "-std=c++17"][..]),
    };
    let compiler = env::var(variable).unwrap_or_else(|_| default.to_owned());
    if !have(&compiler) {
        return None;
    }
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(program);
    let mut command = Command::new(compiler);
    let (libraries, flags): (Vec<&str>, Vec<&str>) = flags.iter().partition(|flag| flag.starts_with("-l"));
    command
        .args(["-Wall", "-Wextra", "-Werror", "-pedantic", "-g", "-D_POSIX_C_SOURCE=200809L"])
        .args(flags)
        .args(standard)
        .arg("-I")
        .arg(crate_folder().join("../include"))
        .arg(crate_folder().join(source))
        // From here on what follows is no C++ source.
        .args(["-x", "none", "-o"])
        .arg(&path);
    let folder = library_folder();
    match linkage {
        Linkage::Static => command.arg(folder.join("libjitsimeet.a")).args(STATIC_LIBRARIES),
        Linkage::Shared => {
            let run_path = format!("-Wl,-rpath,{}", folder.display());
            command.arg("-L").arg(folder).args(["-ljitsimeet", "-lpthread"]).arg(run_path)
        }
    };
    let output = command.args(libraries).output().unwrap();
    assert!(output.status.success(), "{source} does not compile:\n{}", Shown(&output));
    Some(path)
}

/// A server of the test's own.
pub struct Server {
    // First, since it is to be dropped before the runtime that it runs on.
    pub server: Arc<TestServer>,
    focus: String,
    runtime: Runtime,
}

impl Server {
    pub fn start() -> Self {
        Self::with(Options::default())
    }

    pub fn with(options: Options) -> Self {
        let runtime = Runtime::new().unwrap();
        let server = Arc::new(runtime.block_on(TestServer::start(options)).unwrap());
        let focus = runtime.block_on(focus::start());
        Self { server, focus, runtime }
    }

    /// Does something as soon as the server has handled a stanza of a client's.
    pub fn after_a_stanza(&self, act: impl FnOnce(&TestServer) + Send + 'static) {
        let server = Arc::clone(&self.server);
        self.runtime.spawn(async move {
            server.handled(1).await;
            act(&server);
        });
    }

    /// Cuts every connection again and again, each time that another hundred stanzas have been handled.
    pub fn keep_cutting(&self) {
        let server = Arc::clone(&self.server);
        self.runtime.spawn(async move {
            for count in 1.. {
                server.handled(count * 100).await;
                server.order(&Order::Cut);
            }
        });
    }

    /// A command that finds the server in its environment.
    pub fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        command
            .env("SERVICE_URL", self.server.service_url())
            .env("BOSH_URL", self.server.bosh_url())
            .env("DOMAIN", self.server.domain())
            .env("FOCUS_URL", &self.focus)
            .env_remove("CA_CERTIFICATES");
        command
    }
}

/// Runs a program, which is killed if it has not ended by the deadline.
pub fn run(command: &mut Command) -> Output {
    // `cargo test` names its own folders there, which may hold another build of the library.
    command.env_remove("LD_LIBRARY_PATH");
    let mut child =
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let (stdout, stderr) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let errors = thread::spawn(move || read(stderr));
        let _ = sender.send((read(stdout), errors.join().unwrap()));
    });
    match receiver.recv_timeout(DEADLINE) {
        Ok((stdout, stderr)) => Output { status: child.wait().unwrap(), stdout, stderr },
        Err(_) => {
            child.kill().unwrap();
            let (stdout, stderr) = receiver.recv().unwrap();
            let output = Output { status: child.wait().unwrap(), stdout, stderr };
            panic!("{command:?} has not ended after {DEADLINE:?}:\n{}", Shown(&output));
        }
    }
}

/// Runs a program that must end well, and returns what it printed.
pub fn run_well(command: &mut Command) -> String {
    let output = run(command);
    assert!(output.status.success(), "{command:?}:\n{}", Shown(&output));
    String::from_utf8(output.stdout).unwrap()
}

fn read(mut from: impl Read) -> Vec<u8> {
    let mut bytes = Vec::new();
    from.read_to_end(&mut bytes).unwrap();
    bytes
}

/// An output as a failed test shows it.
pub struct Shown<'a>(pub &'a Output);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(Output { status, stdout, stderr }) = self;
        write!(f, "{status}\n{}{}", String::from_utf8_lossy(stdout), String::from_utf8_lossy(stderr))
    }
}
