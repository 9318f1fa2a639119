//! The examples of the documentation: they compile as C11 and C++17 without a warning, link statically and shared, do
//! what they say, and leave a leak checker nothing.

mod common;

use std::path::Path;
use std::process::Command;

use common::{Language, Linkage, SANITIZERS, Server, Shown, compile, have, run, run_well};
use jitsimeet_testserver::Options;

const LEAKS: &[&str] = &[
    "--quiet",
    "--leak-check=full",
    "--show-leak-kinds=definite,possible",
    "--errors-for-leak-kinds=definite,possible",
    "--error-exitcode=99",
];

fn valgrind(server: &Server, program: &Path) -> Command {
    let mut command = server.command("valgrind");
    command.args(LEAKS).arg(program);
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
        command.args(LEAKS).arg("--undef-value-errors=no").arg(&program).env("CA_CERTIFICATES", &pem);
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
