//! The negotiation, in bursts and step by step.

use data_encoding::BASE64;
use serde_json::json;

use super::super::{Known, Mechanism, Output};
use super::*;
use crate::{Code, ErrorType};

/// RFC 5802's server-first message for whatever nonce the client chose, and the rest of the exchange.
struct Scram {
    client_first: String,
}

impl Scram {
    fn read(auth: &str) -> Self {
        let text = auth.split(['>', '<']).nth(2).expect("an initial response");
        let message = String::from_utf8(BASE64.decode(text.as_bytes()).unwrap()).unwrap();
        Self { client_first: message }
    }

    fn challenge(&self) -> String {
        let nonce = self.client_first.split("r=").nth(1).unwrap();
        let message = format!("r={nonce}server,s=QSXCR+Q6sek8bf92,i=1");
        let text = BASE64.encode(message.as_bytes());
        format!("<challenge xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>{text}</challenge>")
    }
}

const SCRAM_FAILURE: &str = "<failure xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><not-authorized/></failure>";
const INVALID_MECHANISM: &str =
    "<failure xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><invalid-mechanism/></failure>";

#[test]
fn a_login_is_two_bursts_and_four_round_trips() {
    let mut rig = Rig::new(json!({}));
    assert_eq!(sent(&rig.open()), [SENT_OPEN, SENT_AUTH]);
    let outputs = rig.play(&[OPEN, &mechanisms(&["ANONYMOUS"])]);
    assert_eq!(sent(&outputs), [""; 0], "the second open waits for success");
    assert_eq!(sent(&rig.play(&[SUCCESS])), [SENT_OPEN, SENT_BIND, SENT_ENABLE]);
    let outputs = rig.play(&[OPEN, FEATURES, PUSH, BOUND]);
    assert!(
        !outputs.iter().any(|output| matches!(output, Output::Established { .. })),
        "enable is still open"
    );
    let jid = "guest@meet.example/one".to_owned();
    let established = Output::Established { jid, resumed: false, reconnected: false, round_trips: 4 };
    assert_eq!(rig.play(&[ENABLED]).last(), Some(&established));
}

#[test]
fn without_pipelining_every_step_waits_for_the_one_before() {
    let mut rig = Rig::new(json!({ "transport": { "pipelining": "off" } }));
    assert_eq!(sent(&rig.open()), [SENT_OPEN]);
    assert_eq!(sent(&rig.play(&[OPEN])), [""; 0]);
    assert_eq!(sent(&rig.play(&[&mechanisms(&["ANONYMOUS"])])), [SENT_AUTH]);
    assert_eq!(sent(&rig.play(&[SUCCESS])), [SENT_OPEN]);
    assert_eq!(sent(&rig.play(&[OPEN, FEATURES])), [SENT_BIND]);
    assert_eq!(sent(&rig.play(&[BOUND])), [SENT_ENABLE]);
    let outputs = rig.play(&[ENABLED]);
    assert!(matches!(outputs.last(), Some(Output::Established { round_trips: 7, .. })), "{outputs:?}");
}

#[test]
fn an_account_logs_in_by_scram_sha_1_on_first_sight_and_by_the_strongest_later() {
    let account = Some(("user", "pencil"));
    let mut rig = Rig::with(json!({}), account, Known::default());
    let outputs = rig.open();
    assert!(sent(&outputs)[1].contains("mechanism='SCRAM-SHA-1'"), "{outputs:?}");
    let scram = Scram::read(sent(&outputs)[1]);
    assert!(scram.client_first.starts_with("n,,n=user,r="));
    let outputs = rig.play(&[OPEN, &mechanisms(&["SCRAM-SHA-1", "SCRAM-SHA-256", "PLAIN"])]);
    let strongest = Known { mechanism: Some(Mechanism::ScramSha256), no_management: false };
    assert_eq!(outputs, [Output::Learned(strongest)]);
    let outputs = rig.play(&[&scram.challenge()]);
    assert!(matches!(outputs.as_slice(), [Output::Derive(_)]), "{outputs:?}");

    let mut rig = Rig::with(json!({}), account, strongest);
    assert!(sent(&rig.open())[1].contains("mechanism='SCRAM-SHA-256'"));
}

#[test]
fn a_server_that_cannot_sign_is_refused() {
    let mut rig = Rig::with(json!({}), Some(("user", "pencil")), Known::default());
    let scram = Scram::read(sent(&rig.open())[1]);
    let outputs = rig.play(&[OPEN, &mechanisms(&["SCRAM-SHA-1"]), &scram.challenge()]);
    let Some(Output::Derive(derivation)) = outputs.last() else { panic!("{outputs:?}") };
    rig.session.handle_derived(&derivation.derive("pencil"));
    assert!(sent(&rig.outputs())[0].starts_with("<response"));
    let failure_of = rig.play(&[SUCCESS]);
    assert_eq!(failure(&failure_of).code, Code::ServerNotAuthenticated);
}

#[test]
fn a_mechanism_that_is_not_offered_costs_one_round_trip_on_the_same_stream() {
    let mut rig = Rig::with(json!({}), Some(("user", "pencil")), Known::default());
    rig.open();
    let outputs = rig.play(&[OPEN, &mechanisms(&["PLAIN", "SCRAM-SHA-256"]), INVALID_MECHANISM]);
    assert!(sent(&outputs)[0].contains("mechanism='SCRAM-SHA-256'"), "{outputs:?}");
    let outputs = rig.play(&[SCRAM_FAILURE]);
    assert_eq!(failure(&outputs).code, Code::SaslFailure, "a refusal of what was offered is final");
}

#[test]
fn plain_is_the_last_resort_and_never_without_tls() {
    let account = Some(("user", "pencil"));
    let play = |options| {
        let mut rig = Rig::with(options, account, Known::default());
        rig.open();
        rig.play(&[OPEN, &mechanisms(&["PLAIN"]), INVALID_MECHANISM])
    };
    let outputs = play(json!({}));
    let plain = BASE64.encode(b"\0user\0pencil");
    assert!(sent(&outputs)[0].ends_with(&format!("mechanism='PLAIN'>{plain}</auth>")), "{outputs:?}");

    let outputs = play(json!({ "serviceUrl": "ws://h/x" }));
    assert_eq!(failure(&outputs).code, Code::NoMechanism);
    let outputs = play(json!({ "serviceUrl": "ws://h/x", "sasl": { "allowPlainWithoutTls": true } }));
    assert!(sent(&outputs)[0].contains("PLAIN"), "{outputs:?}");
}

#[test]
fn a_server_without_a_usable_mechanism_is_a_named_failure() {
    for offered in [&[][..], &["GSSAPI", "PLAIN"]] {
        let mut rig = Rig::new(json!({}));
        rig.open();
        let outputs = rig.play(&[OPEN, &mechanisms(offered), INVALID_MECHANISM]);
        assert_eq!(failure(&outputs).error_type, ErrorType::PasswordRequired);
        assert_eq!(failure(&outputs).code, Code::NoMechanism);
    }
}

#[test]
fn credentials_must_be_complete() {
    let mut options = Options::new();
    options.merge(json!({ "serviceUrl": "wss://h/x", "hosts": { "domain": "meet.example" } })).unwrap();
    let config = options.config().unwrap();
    for (id, password) in
        [(Some("user"), None), (None, Some("pencil")), (Some("@"), Some("p")), (Some("u"), Some("\u{7}"))]
    {
        let failure = Credentials::new(&config, None, id, password).err().expect("incomplete");
        assert_eq!(failure.code, Code::CredentialsIncomplete, "{id:?}");
        assert!(!failure.message.contains("pencil"));
    }
}

#[test]
fn a_full_jid_asks_for_its_resource_at_its_own_domain() {
    let mut rig = Rig::with(json!({}), Some(("user@other.example/desk", "pencil")), Known::default());
    let outputs = rig.open();
    assert!(sent(&outputs)[0].contains("to='other.example'"));
    assert_eq!(rig.session.credentials.resource(), Some("desk"));
}

#[test]
fn a_server_that_closes_on_enable_is_asked_once_more_without_and_established_once() {
    let mut rig = Rig::new(json!({}));
    rig.open();
    let without = FEATURES.replace("<sm xmlns='urn:xmpp:sm:3'/>", "");
    let refused = "<stream:error xmlns:stream='http://etherx.jabber.org/streams'>\
        <unsupported-stanza-type xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>";
    rig.play(&[OPEN, &mechanisms(&["ANONYMOUS"]), SUCCESS, OPEN, &without, BOUND]);
    rig.session.handle_frame(rig.now, &refused.into());
    let known = Known { mechanism: None, no_management: true };
    let outputs = rig.outputs();
    assert!(outputs.contains(&Output::Learned(known)), "{outputs:?}");
    assert!(matches!(outputs.last(), Some(Output::Open { .. })));
    rig.session.handle_opened(rig.now, 2);
    let outputs = rig.play(&[OPEN, &mechanisms(&["ANONYMOUS"]), SUCCESS, OPEN, &without, BOUND]);
    assert!(!sent(&outputs).contains(&SENT_ENABLE));
    assert!(matches!(outputs.last(), Some(Output::Established { .. })), "{outputs:?}");
}

#[test]
fn the_session_request_is_sent_only_if_required() {
    for (optional, expected) in [("<optional/>", 0), ("", 1)] {
        let mut rig = Rig::new(json!({ "enableWebsocketResume": false }));
        rig.open();
        let session = format!("<session xmlns='urn:ietf:params:xml:ns:xmpp-session'>{optional}</session><sm");
        let features = FEATURES.replace("<sm", &session);
        let outputs = rig.play(&[OPEN, &mechanisms(&["ANONYMOUS"]), SUCCESS, OPEN, &features, BOUND]);
        let requests = sent(&outputs).iter().filter(|frame| frame.contains("id='session'")).count();
        assert_eq!(requests, expected);
        assert_eq!(outputs.iter().any(|output| matches!(output, Output::Established { .. })), expected == 0);
    }
}

#[test]
fn a_frame_out_of_turn_breaks_the_protocol() {
    let offer = mechanisms(&["ANONYMOUS"]);
    let enabled = "<enabled xmlns='urn:xmpp:sm:3'/>";
    let turns = [
        &[FEATURES][..],
        &[OPEN, SUCCESS],
        &[OPEN, &offer, FEATURES],
        &[OPEN, &offer, SUCCESS, PUSH],
        &[OPEN, &offer, SUCCESS, OPEN, FEATURES, FEATURES],
        &[OPEN, &offer, SUCCESS, OPEN, FEATURES, enabled],
        &[OPEN, &offer, "<challenge xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>"],
    ];
    for frames in turns {
        let mut rig = Rig::new(json!({}));
        rig.open();
        let outputs = rig.play(frames);
        assert!(!failure(&outputs).transient, "{frames:?}");
    }
}

#[test]
fn the_bound_jid_must_be_a_full_jid() {
    for jid in ["", "meet.example", "guest@meet.example", "@/"] {
        let mut rig = Rig::new(json!({}));
        rig.open();
        let bound = BOUND.replace("guest@meet.example/one", jid);
        let outputs = rig.play(&[OPEN, &mechanisms(&["ANONYMOUS"]), SUCCESS, OPEN, FEATURES, &bound]);
        assert_eq!(failure(&outputs).code, Code::ProtocolViolation, "{jid:?}");
    }
}

/// The stanza requests of a server that wants the session request, up to `<enabled/>`.
fn asked_for_a_session() -> Rig {
    let mut rig = Rig::new(json!({}));
    rig.open();
    let features = FEATURES.replace("<sm", "<session xmlns='urn:ietf:params:xml:ns:xmpp-session'/><sm");
    rig.play(&[OPEN, &mechanisms(&["ANONYMOUS"]), SUCCESS, OPEN, &features, BOUND, ENABLED]);
    rig
}

#[test]
fn a_session_request_behind_enable_counts_as_every_stanza() {
    let mut rig = asked_for_a_session();
    let result = "<iq xmlns='jabber:client' type='result' id='session'/>";
    let outputs = rig.play(&[PUSH, result]);
    assert!(outputs.iter().any(|output| matches!(output, Output::Established { .. })), "{outputs:?}");
    // The server has handled the request, and then our stanza; we its push and its answer.
    rig.send(1);
    let outputs = rig.play(&["<a xmlns='urn:xmpp:sm:3' h='2'/>", SENT_REQUEST]);
    assert_eq!(completed(&outputs), [(1, &Ok(crate::Completed::Done))]);
    assert_eq!(sent(&outputs), ["<a xmlns='urn:xmpp:sm:3' h='2'/>"]);
}

#[test]
fn a_refusal_while_the_key_is_derived_is_one_of_the_login() {
    let mut rig = Rig::with(json!({}), Some(("user", "pencil")), Known::default());
    let scram = Scram::read(sent(&rig.open())[1]);
    rig.play(&[OPEN, &mechanisms(&["SCRAM-SHA-1"]), &scram.challenge()]);
    assert_eq!(failure(&rig.play(&[SCRAM_FAILURE])).code, Code::SaslFailure);
}

#[test]
fn the_text_of_a_refusal_by_scram_is_kept() {
    let mut rig = Rig::with(json!({}), Some(("user", "pencil")), Known::default());
    let scram = Scram::read(sent(&rig.open())[1]);
    let outputs = rig.play(&[OPEN, &mechanisms(&["SCRAM-SHA-1"]), &scram.challenge()]);
    let Some(Output::Derive(derivation)) = outputs.last() else { panic!("{outputs:?}") };
    rig.session.handle_derived(&derivation.derive("wrong"));
    rig.outputs();
    let refusal = SCRAM_FAILURE.replace("</failure>", "<text>Locked until noon.</text></failure>");
    let outputs = rig.play(&[&refusal]);
    let failure = failure(&outputs);
    assert_eq!(failure.server_text.as_deref(), Some("Locked until noon."));
    assert!(failure.message.contains("Locked until noon.") && !failure.message.contains("wrong"));
}

#[test]
fn plain_waits_for_the_offer_even_where_it_was_the_only_one_before() {
    let plain = Known { mechanism: Some(Mechanism::Plain), no_management: false };
    let mut rig = Rig::with(json!({}), Some(("user", "pencil")), plain);
    assert_eq!(sent(&rig.open()), [SENT_OPEN], "no mechanism is tried blindly");
    let outputs = rig.play(&[OPEN, &mechanisms(&["PLAIN", "SCRAM-SHA-1"])]);
    assert!(sent(&outputs)[0].contains("mechanism='SCRAM-SHA-1'"), "{outputs:?}");
}

#[test]
fn a_bare_user_name_is_one_of_the_domain_and_only_a_full_jid_asks_for_a_resource() {
    for (id, jid, bind) in [
        ("user", "user@meet.example", SENT_BIND.to_owned()),
        ("user@other.example", "user@other.example", SENT_BIND.to_owned()),
        (
            "user@other.example/desk",
            "user@other.example",
            SENT_BIND.replace(
                "<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/>",
                "<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>desk</resource></bind>",
            ),
        ),
    ] {
        let mut rig =
            Rig::with(json!({ "sasl": { "mechanisms": ["PLAIN"] } }), Some((id, "p")), Known::default());
        assert_eq!(rig.session.credentials.jid().as_deref(), Some(jid));
        rig.open();
        let outputs = rig.play(&[OPEN, &mechanisms(&["PLAIN"]), SUCCESS]);
        assert!(sent(&outputs).contains(&bind.as_str()), "{id}: {outputs:?}");
    }
}

#[test]
fn a_stream_error_before_the_session_is_established_is_no_drop() {
    let offer = mechanisms(&["ANONYMOUS"]);
    let error = "<stream:error xmlns:stream='http://etherx.jabber.org/streams'>\
        <policy-violation xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>";
    for done in 0..=6 {
        let mut rig = Rig::new(json!({}));
        rig.open();
        let mut frames = [OPEN, &offer, SUCCESS, OPEN, FEATURES, BOUND][..done].to_vec();
        frames.push(error);
        let outputs = rig.play(&frames);
        let failure = failure(&outputs);
        assert_eq!((failure.error_type, failure.code), (ErrorType::OtherError, Code::StreamError), "{done}");
        assert_eq!(failure.condition.as_deref(), Some("policy-violation"));
    }
}
