//! What test suites in other languages rely on.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::{Value, json};

struct Binary {
    child: Child,
    commands: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Binary {
    /// Starts the binary; returns it with what it says first.
    fn start(arguments: &[&str]) -> (Self, Value) {
        let mut child = Command::new(env!("CARGO_BIN_EXE_jitsimeet-testserver"))
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let commands = child.stdin.take().unwrap();
        let answers = BufReader::new(child.stdout.take().unwrap());
        let mut binary = Self { child, commands, answers };
        let told = binary.read();
        (binary, told)
    }

    fn read(&mut self) -> Value {
        let mut line = String::new();
        self.answers.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap()
    }

    fn tell(&mut self, command: &Value) -> Value {
        writeln!(self.commands, "{command}").unwrap();
        self.read()
    }

    fn obeys(&mut self, command: &Value) {
        assert_eq!(self.tell(command), json!({ "ok": true }), "{command}");
    }

    fn end(mut self) {
        drop(self.commands);
        assert!(self.child.wait().unwrap().success());
    }
}

/// Sends a request that has the server close; returns the answer.
fn exchange(url: &str, method: &str, rest: &str) -> String {
    let (host, path) = url.strip_prefix("http://").unwrap().split_once('/').unwrap();
    let mut socket = TcpStream::connect(host).unwrap();
    write!(socket, "{method} /{path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{rest}").unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).unwrap();
    answer
}

fn ask(url: &str) -> String {
    let body = r#"{"room":"room@muc"}"#;
    let length = body.len();
    let rest = format!("Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}");
    exchange(url, "POST", &rest)
}

#[test]
fn takes_commands_as_lines_of_json() {
    let (mut binary, told) = Binary::start(&["--deployment", r#"{"shard":"shard-1"}"#]);
    let url = |name: &str| told[name].as_str().unwrap().to_owned();
    let (health, conference) = (url("healthUrl"), url("conferenceRequestUrl"));
    assert!(url("serviceUrl").starts_with("ws://127.0.0.1:"));
    assert_eq!((&told["domain"], &told["caCertificate"]), (&json!("meet.example"), &Value::Null));
    assert!(exchange(&health, "GET", "\r\n").contains("x-jitsi-shard: shard-1\r\n"));

    binary.obeys(&json!({
        "command": "deployment", "push": "before_bind", "shard": "shard-2", "extdisco": "v1",
        "components": { "lobbyrooms": "lobby.meet.example" },
        "component_features": { "lobby.meet.example": ["x#displayname_required"] },
        "features": ["f"], "raw_push": null,
        "services": [{ "type": "turn", "host": "turn.example", "port": 3478, "restricted": true }],
    }));
    assert!(exchange(&health, "GET", "\r\n").contains("x-jitsi-shard: shard-2\r\n"));
    binary.obeys(&json!({ "command": "faults", "health": "status", "status": 500 }));
    assert!(exchange(&health, "GET", "\r\n").starts_with("HTTP/1.1 500 "));

    assert!(ask(&conference).contains("focus@auth.meet.example"));
    binary.obeys(&json!({ "command": "conference", "answers": [
        { "ready": false, "focus_jid": null, "properties": {}, "delay": 1 },
        { "reservation": { "code": 409, "text": "taken" } },
        { "http": { "status": 502 } },
    ] }));
    for part in ["\"ready\":false", "taken", "HTTP/1.1 502 ", "HTTP/1.1 502 "] {
        let answer = ask(&conference);
        assert!(answer.contains(part), "{part} in {answer}");
    }

    let seen = binary.tell(&json!({ "command": "requests" }));
    assert_eq!(seen["requests"].as_array().unwrap().len(), 8);
    let first =
        json!({ "method": "GET", "path": "/health", "authorization": null, "body": "", "upgrade": false });
    assert_eq!(seen["requests"][0], first);
    let asked = binary.tell(&json!({ "command": "conference_requests" }));
    assert_eq!(asked["requests"].as_array().unwrap().len(), 5);
    let first = json!({
        "over": "http", "room": "room@muc", "machine_uid": null, "token": null, "session_id": null, "properties": {},
    });
    assert_eq!(asked["requests"][0], first);

    binary.obeys(&json!({ "command": "rooms", "meeting_id": "m", "offers": false }));
    binary.obeys(&json!({ "command": "joins", "answers": [{ "error": "not-allowed", "type": "cancel" }] }));
    let order = |order: &str| json!({ "command": "room", "room": "r", "order": order, "nick": "n" });
    binary.obeys(&order("enter"));
    assert_eq!(binary.tell(&order("offer")), json!({ "ok": false }));
    let state = binary.tell(&json!({ "command": "room_state", "room": "r@conference.meet.example" }));
    let occupant = json!({
        "nick": "n", "jid": "silent-n@meet.example/n", "affiliation": "none", "role": "participant", "presence": "",
    });
    assert_eq!(state["state"]["occupants"], json!([occupant]));
    assert_eq!((&state["state"]["meeting_id"], &state["state"]["password"]), (&json!("m"), &Value::Null));
    assert_eq!(binary.tell(&json!({ "command": "room_state", "room": "s" })), json!({ "state": null }));
    assert_eq!(binary.tell(&json!({ "command": "jingle_answers" })), json!({ "answers": [] }));

    let sessions = binary.tell(&json!({ "command": "sessions" }));
    assert_eq!(sessions, json!({ "sessions": [], "connections": 8 }));
    binary.obeys(&json!({ "command": "cut" }));
    let delivered = binary.tell(&json!({ "command": "deliver", "jid": "a@b/c", "stanza": "<message/>" }));
    assert_eq!(delivered, json!({ "ok": false }));
    binary.end();
}

#[test]
fn says_which_field_of_a_command_is_wrong() {
    let (mut binary, _) = Binary::start(&[]);
    for (command, field) in [
        (json!({ "command": "faults", "healt": "silent" }), "healt"),
        (json!({ "command": "faults", "status": "many", "no_id": true }), "status"),
        (json!({ "command": "deployment", "push": "sometimes" }), "push"),
        (json!({ "command": "deployment", "services": [{ "type": "stun", "hots": "h" }] }), "hots"),
        (json!({ "command": "conference", "answers": [{ "redy": true }] }), "redy"),
        (json!({ "command": "conference" }), "answers"),
        (json!({ "command": "deliver", "jid": "a@b/c" }), "stanza"),
        (json!({ "command": "split", "bytes": -1 }), "bytes"),
        (json!({ "command": "rooms", "focsu": true }), "focsu"),
        (json!({ "command": "joins", "answers": [{ "eror": "gone" }] }), "eror"),
        (json!({ "command": "room", "order": "focus_joins" }), "room"),
        (json!({ "command": "room", "room": "r", "order": "dance" }), "dance"),
        (json!({ "command": "room", "room": "r", "order": "kick" }), "nick"),
        (json!({ "command": "room", "room": "r", "order": "populate", "count": -1 }), "count"),
        (json!({ "command": "dance" }), "dance"),
        (json!({ "order": "cut" }), "command"),
        (json!([]), "map"),
    ] {
        let answer = binary.tell(&command);
        let error = answer["error"].as_str().unwrap();
        assert!(error.contains(field), "{command}: {error}");
    }
    binary.end();
}

#[test]
fn a_wrong_deployment_is_refused_at_the_start() {
    let output = Command::new(env!("CARGO_BIN_EXE_jitsimeet-testserver"))
        .args(["--deployment", r#"{"shart":"1"}"#])
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("shart"));
}
