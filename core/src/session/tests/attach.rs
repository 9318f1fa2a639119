//! Going on with a session that someone else has bound, and what BOSH changes.

use serde_json::json;

use super::*;
use crate::session::Attachment;
use crate::transport::TransportError;
use crate::{Code, Error, ErrorType, Milestone};

const JID: &str = "guest@meet.example/prebound";
const SENT_PROBE: &str =
    "<iq xmlns='jabber:client' type='get' id='attach' to='meet.example'><ping xmlns='urn:xmpp:ping'/></iq>";
const PROBE_ANSWER: &str = "<iq xmlns='jabber:client' type='result' id='attach' from='meet.example'/>";

fn attached(options: Value) -> Rig {
    let mut tree = Options::new();
    let base = json!({ "serviceUrl": "https://h/x", "hosts": { "domain": "meet.example" }, "websocketKeepAlive": -1 });
    tree.merge(base).unwrap();
    tree.merge(options).unwrap();
    let attachment = Attachment { jid: JID.to_owned(), sid: "s".to_owned(), rid: 7 };
    let mut rig = Rig::of(&tree, Credentials::attached(JID), Known::default(), Some(attachment.clone()));
    let outputs = rig.outputs();
    assert!(outputs.contains(&Output::Reached(Milestone::Attaching)), "{outputs:?}");
    let opened = outputs
        .iter()
        .any(|output| matches!(output, Output::Open { attachment: Some(one), .. } if *one == attachment));
    assert!(opened, "{outputs:?}");
    rig.session.handle_opened(rig.now, 2);
    assert_eq!(sent(&rig.outputs()), [SENT_PROBE]);
    rig
}

fn is_established(outputs: &[Output]) -> bool {
    outputs
        .iter()
        .any(|output| matches!(output, Output::Established { jid, resumed: false, .. } if jid == JID))
}

fn terminated(rig: &mut Rig, condition: &str) -> Vec<Output> {
    let error = TransportError::Terminated { condition: Some(condition.to_owned()), status: None };
    rig.session.handle_transport_error(rig.now, error);
    rig.outputs()
}

#[test]
fn the_first_answer_establishes_the_session() {
    let mut rig = attached(json!({}));
    let outputs = rig.play(&[PROBE_ANSWER]);
    assert!(
        is_established(&outputs) && outputs.contains(&Output::Reached(Milestone::Attached)),
        "{outputs:?}"
    );
    assert!(!outputs.contains(&Output::Reached(Milestone::Connected)));
    assert!(
        !sent(&outputs).iter().any(|frame| frame.contains("urn:xmpp:sm:3")),
        "BOSH needs no acknowledgements"
    );
}

#[test]
fn a_stanza_that_comes_first_is_an_answer_and_is_not_lost() {
    let mut rig = attached(json!({}));
    rig.session.set_listening(true);
    let outputs = rig.play(&["<message xmlns='jabber:client' id='1'/>", PROBE_ANSWER]);
    let established = outputs.iter().position(|output| matches!(output, Output::Established { .. }));
    let stanza =
        outputs.iter().position(|output| matches!(output, Output::Stanza(one) if one.id() == Some("1")));
    assert!(established.is_some() && established < stanza, "{outputs:?}");
}

#[test]
fn a_session_that_the_server_does_not_know_is_no_session() {
    let mut rig = attached(json!({ "reconnect": {} }));
    let outputs = terminated(&mut rig, "item-not-found");
    let failure = failure(&outputs);
    assert_eq!((failure.error_type, failure.code), (ErrorType::OtherError, Code::StreamError));
    assert_eq!(failure.condition.as_deref(), Some("item-not-found"));
    assert!(!failure.transient);
    assert_eq!(rig.session.intended_jid().as_deref(), Some(JID));
}

#[test]
fn no_answer_is_a_failure_by_its_deadline() {
    let mut rig = attached(json!({}));
    let outputs = rig.time_out();
    assert_eq!(failure(&outputs).code, Code::TimeoutLogin);
}

#[test]
fn what_someone_else_has_bound_is_not_bound_again() {
    let mut rig = attached(json!({ "reconnect": {} }));
    rig.play(&[PROBE_ANSWER]);
    let outputs = terminated(&mut rig, "item-not-found");
    let failure = failure(&outputs);
    assert_eq!(failure.error_type, ErrorType::DroppedError);
    assert!(failure.transient, "for the one who can");
}

#[test]
fn disconnect_terminates_what_was_attached() {
    let mut rig = attached(json!({}));
    rig.play(&[PROBE_ANSWER]);
    rig.session.disconnect(rig.now, Duration::from_secs(2));
    let outputs = rig.outputs();
    assert_eq!(sent(&outputs), ["<presence xmlns='jabber:client' type='unavailable'/>", SENT_CLOSE]);
    let outputs = rig.play(&[CLOSE]);
    assert!(matches!(outputs.last(), Some(Output::Ended(Ending::Disconnected))));
}

#[test]
fn a_new_token_is_for_the_login_that_follows() {
    let mut rig = attached(json!({}));
    rig.session.refresh_token(rig.now, CallId(1), "t1".to_owned());
    assert_eq!(completed(&rig.outputs()), []);
    let outputs = rig.play(&[PROBE_ANSWER]);
    assert_eq!(completed(&outputs), [(1, &Ok(crate::Completed::Done))]);
    // The session cannot be resumed: a fresh login on the same object.
    rig.session.refresh_token(rig.now, CallId(2), "t2".to_owned());
    let outputs = rig.outputs();
    assert_eq!(sent(&outputs), ["<presence xmlns='jabber:client' type='unavailable'/>", SENT_CLOSE]);
    let token = |token: &Option<String>| token.as_deref() == Some("t2");
    assert!(
        outputs
            .iter()
            .any(|output| matches!(output, Output::Open { token: one, attachment: None, .. } if token(one)))
    );
    rig.session.handle_opened(rig.now, 2);
    assert_eq!(sent(&rig.outputs()), [SENT_OPEN, SENT_AUTH]);
    let outputs = rig.play(&[OPEN, &mechanisms(&["ANONYMOUS"]), SUCCESS, OPEN, FEATURES, BOUND]);
    assert!(outputs.iter().any(|output| matches!(output, Output::Established { reconnected: true, .. })));
}

#[test]
fn a_bosh_session_that_the_server_has_forgotten_is_replaced_if_that_is_wanted() {
    let mut rig = Rig::new(json!({ "serviceUrl": "https://h/x", "reconnect": {} }));
    rig.open();
    rig.play(&[OPEN, &mechanisms(&["ANONYMOUS"]), SUCCESS, OPEN, FEATURES, BOUND]);
    rig.send(1);
    let outputs = terminated(&mut rig, "item-not-found");
    assert_eq!(completed(&outputs), [(1, &Err(Error::SessionLost))]);
    assert!(outputs.iter().any(|output| matches!(output, Output::Interrupted(_))), "{outputs:?}");
}
