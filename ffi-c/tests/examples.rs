//! The examples of the documentation: they compile as C11 and C++17 without a warning, link statically and shared, do
//! what they say, and leave a leak checker nothing.

mod common;

use std::path::{Path, PathBuf};
use std::process::Command;

use common::{Language, Linkage, SANITIZERS, Server, Shown, VALGRIND, compile, have, run, run_well};
use jitsimeet_testserver::Options;

fn valgrind(server: &Server, program: &Path) -> Command {
    let mut command = server.command("valgrind");
    command.args(VALGRIND).arg(program);
    command
}

/// One line: JID, ms to established, phases in their order.
fn check_line(printed: &str, tls: bool) {
    let line = printed.strip_suffix('\n').unwrap();
    let [jid, established, phases] = line.split('\t').collect::<Vec<_>>()[..] else { panic!("{line}") };
    assert!(jid.starts_with("guest") && jid.contains("@meet.example/"), "{line}");
    let established: f64 = established.parse().unwrap();
    let words: Vec<_> = phases.split(' ').collect();
    let names: Vec<_> = words.iter().step_by(2).copied().collect();
    assert_eq!(names, ["dns", "tcp", "tls", "upgrade", "authenticated", "bound"], "{line}");
    let mut before = 0.0;
    for (name, at) in names.iter().zip(words.iter().skip(1).step_by(2)) {
        if *name == "tls" && !tls {
            assert_eq!(*at, "-", "{line}");
        } else {
            let at: f64 = at.parse().unwrap();
            assert!(before <= at && at <= established, "{line}");
            before = at;
        }
    }
}

fn connect(language: Language, linkage: Linkage) {
    let program = format!("connect-{language:?}-{linkage:?}");
    let Some(program) = compile("examples/connect.c", &program, language, linkage, &[]) else { return };
    let server = Server::start();
    check_line(&run_well(&mut server.command(program)), false);
    assert_eq!(server.server.connections(), 1);
}

#[test]
fn connect_as_c11_with_the_static_library() {
    connect(Language::C11, Linkage::Static);
}

#[test]
fn connect_as_c11_with_the_shared_library() {
    connect(Language::C11, Linkage::Shared);
}

#[test]
fn connect_as_cxx17_with_the_static_library() {
    connect(Language::Cxx17, Linkage::Static);
}

#[test]
fn connect_as_cxx17_with_the_shared_library() {
    connect(Language::Cxx17, Linkage::Shared);
}

#[test]
fn connect_over_tls_with_an_authority_of_ones_own() {
    let build = compile("examples/connect.c", "connect-tls", Language::C11, Linkage::Static, &[]);
    let Some(program) = build else { return };
    let server = Server::with(Options { tls: true, ..Options::default() });
    let pem = Path::new(env!("CARGO_TARGET_TMPDIR")).join("connect-tls.pem");
    std::fs::write(&pem, server.server.ca_certificate().unwrap()).unwrap();
    check_line(&run_well(server.command(&program).env("CA_CERTIFICATES", &pem)), true);

    // The other way round: without the authority, a failure that says why.
    let refused = run(&mut server.command(&program));
    assert_eq!(refused.status.code(), Some(1));
    let text = String::from_utf8(refused.stderr).unwrap();
    assert!(text.contains("(tls_certificate)") && text.contains("tls.caCertificates"), "{text}");
    assert!(refused.stdout.is_empty());

    if have("valgrind") {
        // ring's assembly makes memcheck see undefined bytes in the tag of every AES-GCM record.
        let mut command = server.command("valgrind");
        command.args(VALGRIND).arg("--undef-value-errors=no").arg(&program).env("CA_CERTIFICATES", &pem);
        run_well(&mut command);
    }
}

#[test]
fn connect_says_why_it_failed() {
    let build = compile("examples/connect.c", "connect-refused", Language::C11, Linkage::Static, &[]);
    let Some(program) = build else { return };
    let output =
        run(Command::new(&program).env("SERVICE_URL", "ws://127.0.0.1:1/xmpp-websocket").env("DOMAIN", "a"));
    assert_eq!(output.status.code(), Some(1), "{}", Shown(&output));
    assert!(String::from_utf8_lossy(&output.stderr).starts_with("connection.otherError (refused): "));

    let output = run(Command::new(&program).env("SERVICE_URL", "ftp://a").env("DOMAIN", "a"));
    assert_eq!(output.status.code(), Some(1), "{}", Shown(&output));
    assert!(String::from_utf8_lossy(&output.stderr).starts_with("option `serviceUrl`: "));
}

#[test]
fn connect_is_clean_under_the_sanitizers() {
    let build =
        compile("examples/connect.c", "connect-sanitized", Language::C11, Linkage::Static, SANITIZERS);
    let Some(program) = build else { return };
    check_line(&run_well(&mut Server::start().command(program)), false);
}

#[test]
fn connect_leaves_valgrind_nothing() {
    let build = compile("examples/connect.c", "connect-valgrind", Language::C11, Linkage::Shared, &[]);
    let Some(program) = build else { return };
    if have("valgrind") {
        check_line(&run_well(&mut valgrind(&Server::start(), &program)), false);
    }
}

fn queue(language: Language, linkage: Linkage, flags: &[&str]) {
    let program = format!("queue-{language:?}-{linkage:?}");
    let Some(program) = compile("examples/queue.c", &program, language, linkage, flags) else { return };
    let server = Server::start();
    let printed = run_well(&mut server.command(&program));
    let mut jids: Vec<_> = printed.lines().collect();
    jids.sort_unstable();
    jids.dedup();
    assert_eq!(jids.len(), 2, "{printed}");
    if flags.is_empty() && have("valgrind") {
        run_well(&mut valgrind(&server, &program));
    }
}

#[test]
fn queue_as_c11() {
    queue(Language::C11, Linkage::Shared, &[]);
}

#[test]
fn queue_as_cxx17_under_the_sanitizers() {
    queue(Language::Cxx17, Linkage::Static, SANITIZERS);
}

fn connect_with_the_cpp_header(name: &str, linkage: Linkage, flags: &[&str]) -> Option<(PathBuf, Server)> {
    let program = compile("examples/connect.cpp", name, Language::Cxx17, linkage, flags)?;
    let server = Server::start();
    let printed = run_well(&mut server.command(&program));
    let lines: Vec<_> = printed.lines().collect();
    assert!(
        matches!(lines[..], [first, "features", "disconnected; stanzas: some", second]
        if first.starts_with("connected as guest") && second.starts_with("connected as guest") && first != second),
        "{printed}"
    );
    Some((program, server))
}

#[test]
fn the_cpp_header_under_the_sanitizers() {
    connect_with_the_cpp_header("connect-cpp-sanitized", Linkage::Static, SANITIZERS);
    let Some(program) =
        compile("tests/cpp/wrapper.cpp", "wrapper", Language::Cxx17, Linkage::Static, SANITIZERS)
    else {
        return;
    };
    assert_eq!(run_well(&mut Server::start().command(program)), "ok\n");
}

#[test]
fn the_cpp_header_leaves_valgrind_nothing() {
    let built = connect_with_the_cpp_header("connect-cpp-valgrind", Linkage::Shared, &[]);
    if let Some((program, server)) = built.filter(|_| have("valgrind")) {
        run_well(&mut valgrind(&server, &program));
    }
}

/// What throws is not there, and nothing else is missing.
#[test]
fn the_cpp_header_without_exceptions() {
    for (name, flag) in [("wrapper-flag", "-fno-exceptions"), ("wrapper-macro", "-DJITSIMEET_NO_EXCEPTIONS")]
    {
        let build = compile("tests/cpp/wrapper.cpp", name, Language::Cxx17, Linkage::Shared, &[flag]);
        let Some(program) = build else { return };
        assert_eq!(run_well(&mut Server::start().command(program)), "ok\n");
    }
}

/// The token that a command prints, each time anew.
fn token(language: Language, flags: &[&str]) -> Option<(PathBuf, Server, String)> {
    let program =
        compile("examples/token.c", &format!("token-{language:?}"), language, Linkage::Shared, flags)?;
    let secret = "for tests";
    let server = Server::with(Options { token_secret: Some(secret.to_owned()), ..Options::default() });
    Some((program, server, format!("echo '{}'", jitsimeet_testserver::token(secret))))
}

fn check_resumed(printed: &str) {
    let lines: Vec<_> = printed.lines().collect();
    let [first, second] = lines[..] else { panic!("{printed}") };
    assert_eq!(first.strip_prefix("connected"), second.strip_prefix("resumed"), "{printed}");
}

#[test]
fn token_as_c11() {
    let Some((program, server, command)) = token(Language::C11, &[]) else { return };
    check_resumed(&run_well(server.command(&program).env("TOKEN_COMMAND", &command)));
    if have("valgrind") {
        run_well(valgrind(&server, &program).env("TOKEN_COMMAND", &command));
    }
    let refused = run(server.command(&program).env("TOKEN_COMMAND", "echo no-token"));
    assert_eq!(refused.status.code(), Some(1), "{}", Shown(&refused));
    assert!(String::from_utf8_lossy(&refused.stderr).starts_with("connection.passwordRequired "));
}

#[test]
fn token_as_cxx17_under_the_sanitizers() {
    let Some((program, server, command)) = token(Language::Cxx17, SANITIZERS) else { return };
    check_resumed(&run_well(server.command(&program).env("TOKEN_COMMAND", &command)));
}

/// The server is in this process, and needs a descriptor for each connection as well.
fn allow_descriptors() {
    use nix::sys::resource::{Resource, getrlimit, setrlimit};
    let (_, most) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    setrlimit(Resource::RLIMIT_NOFILE, most, most).unwrap();
}

fn check_thousand(printed: &str, count: usize) {
    assert!(printed.starts_with(&format!("{count} of {count} connected and answered")), "{printed}");
}

#[test]
fn a_thousand_as_c11() {
    let build = compile("examples/thousand.c", "thousand-C11", Language::C11, Linkage::Shared, &[]);
    let Some(program) = build else { return };
    allow_descriptors();
    let server = Server::start();
    check_thousand(&run_well(&mut server.command(&program)), 1000);
    if have("valgrind") {
        check_thousand(&run_well(valgrind(&server, &program).arg("100")), 100);
    }
}

#[test]
fn a_thousand_as_cxx17_under_the_sanitizers() {
    let build =
        compile("examples/thousand.c", "thousand-Cxx17", Language::Cxx17, Linkage::Static, SANITIZERS);
    let Some(program) = build else { return };
    allow_descriptors();
    check_thousand(&run_well(&mut Server::start().command(program)), 1000);
}

#[test]
fn stress_under_the_sanitizers() {
    let build = compile("tests/c/stress.c", "stress-sanitized", Language::C11, Linkage::Static, SANITIZERS);
    let Some(program) = build else { return };
    run_well(&mut Server::start().command(program));
}

#[test]
fn stress_leaves_valgrind_nothing() {
    let build = compile("tests/c/stress.c", "stress-valgrind", Language::C11, Linkage::Shared, &[]);
    let Some(program) = build else { return };
    if have("valgrind") {
        run_well(&mut valgrind(&Server::start(), &program));
    }
}

/// What crosses the border in more than a number: events, their texts, JSON.
#[test]
fn what_is_asked_leaves_valgrind_nothing() {
    let programs = [
        ("asking", &["in_queue_mode_the_round_trip_is_in_the_completion", "what_is_known_is_json"][..]),
        (
            "conferences",
            &[
                "a_conference_is_told_as_json",
                "a_redirection_says_where_to",
                "an_attempt_for_a_room_that_is_elsewhere_ends_redirected",
                "a_refusal_has_its_reason",
                "what_is_asked_is_aborted_by_free",
                "what_cannot_name_a_room_is_refused",
            ],
        ),
    ];
    for (name, cases) in programs {
        let (source, program) = (format!("tests/c/{name}.c"), format!("{name}-valgrind"));
        let Some(program) = compile(&source, &program, Language::C11, Linkage::Shared, &[]) else { return };
        if have("valgrind") {
            let server = Server::start();
            for case in cases {
                run_well(valgrind(&server, &program).arg(case));
            }
        }
    }
}
