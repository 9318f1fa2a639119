//! The side of a server that answers every login and floods on request, as cheaply as can be: what is measured is the
//! client. It reads tags, not XML, and believes all it is told.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How many stanzas were handled of each session that can be resumed, by its id.
pub type Resumable = Mutex<HashMap<String, Arc<AtomicU32>>>;

/// What the server does next.
#[derive(Debug, PartialEq, Eq)]
pub enum Reply {
    Text(String),
    /// So many stanzas of the corpus, on this connection.
    Flood(usize),
    /// The same, on every connection.
    FloodAll(usize),
    Close,
}

/// One stream, over TCP (RFC 6120) or in frames (RFC 7395).
pub struct Conversation {
    framed: bool,
    number: u64,
    authenticated: bool,
    handled: Arc<AtomicU32>,
    resumable: Arc<Resumable>,
    /// The request whose child comes next.
    request: Option<String>,
}

const FEATURES: &str = "<stream:features xmlns:stream='http://etherx.jabber.org/streams'>";
const SASL: &str = "urn:ietf:params:xml:ns:xmpp-sasl";
/// What a Jitsi deployment tells before it answers the bind (mod_jiconop), so that it need not be asked for.
const PUSH: &str = "<message xmlns='jabber:client' from='meet.example'>\
    <query xmlns='http://jabber.org/protocol/disco#info'><identity category='server' type='im' name='bench'/>\
    <identity category='server' type='shard' name='shard-1'/></query>\
    <services xmlns='urn:xmpp:extdisco:2'/></message>";
const BIND: &str = "urn:ietf:params:xml:ns:xmpp-bind";

impl Conversation {
    pub fn new(framed: bool, number: u64, resumable: Arc<Resumable>) -> Self {
        Self { framed, number, authenticated: false, handled: Arc::default(), resumable, request: None }
    }

    /// Takes what has arrived as far as it is whole tags. Returns how much that was, and what to do.
    pub fn take(&mut self, arrived: &str) -> (usize, Vec<Reply>) {
        let (mut at, mut replies) = (0, Vec::new());
        while let Some(start) = arrived[at..].find('<')
            && let Some(length) = arrived[at + start..].find('>')
        {
            replies.extend(order(&arrived[at..at + start]));
            let tag = &arrived[at + start + 1..at + start + length];
            self.tag(tag, &mut replies);
            at += start + length + 1;
        }
        (at, replies)
    }

    fn tag(&mut self, tag: &str, replies: &mut Vec<Reply>) {
        let name = tag.split([' ', '\n', '\t']).next().unwrap_or_default().trim_end_matches('/');
        let mut say = |text: String| replies.push(Reply::Text(text));
        match name {
            "open" | "stream:stream" => {
                say(self.header());
                say(self.features());
            }
            "auth" => {
                self.authenticated = true;
                say(format!("<success xmlns='{SASL}'/>"));
            }
            "iq" | "message" | "presence" => {
                self.handled.fetch_add(1, Ordering::Relaxed);
                let asks = matches!(attribute(tag, "type"), Some("get" | "set"));
                self.request =
                    (name == "iq" && asks).then(|| attribute(tag, "id").unwrap_or_default().to_owned());
            }
            "enable" => {
                self.handled = Arc::default();
                let id = format!("bench-{}", self.number);
                say(format!("<enabled xmlns='urn:xmpp:sm:3' id='{id}' resume='true' max='60'/>"));
                self.sessions().insert(id, Arc::clone(&self.handled));
            }
            "resume" => {
                let id = attribute(tag, "previd").unwrap_or_default();
                let known = self.sessions().get(id).cloned();
                say(if let Some(handled) = known {
                    self.handled = handled;
                    format!("<resumed xmlns='urn:xmpp:sm:3' previd='{id}' h='{}'/>", self.count())
                } else {
                    "<failed xmlns='urn:xmpp:sm:3'/>".to_owned()
                });
            }
            "r" => say(format!("<a xmlns='urn:xmpp:sm:3' h='{}'/>", self.count())),
            "close" | "/stream:stream" => {
                say(if self.framed {
                    "<close xmlns='urn:ietf:params:xml:ns:xmpp-framing'/>"
                } else {
                    "</stream:stream>"
                }
                .to_owned());
                replies.push(Reply::Close);
            }
            child => {
                if let Some(id) = self.request.take() {
                    if child == "bind" {
                        say(PUSH.to_owned());
                    }
                    say(self.answer(child, &id));
                }
            }
        }
    }

    fn count(&self) -> u32 {
        self.handled.load(Ordering::Relaxed)
    }

    fn sessions(&self) -> MutexGuard<'_, HashMap<String, Arc<AtomicU32>>> {
        self.resumable.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn header(&self) -> String {
        if self.framed {
            "<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' from='meet.example' id='1' version='1.0'/>"
                .to_owned()
        } else {
            "<?xml version='1.0'?><stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' \
             from='meet.example' id='1' version='1.0'>"
                .to_owned()
        }
    }

    fn features(&self) -> String {
        if self.authenticated {
            format!("{FEATURES}<bind xmlns='{BIND}'/><sm xmlns='urn:xmpp:sm:3'/></stream:features>")
        } else {
            format!(
                "{FEATURES}<mechanisms xmlns='{SASL}'><mechanism>ANONYMOUS</mechanism></mechanisms></stream:features>"
            )
        }
    }

    fn answer(&self, child: &str, id: &str) -> String {
        let content = match child {
            "bind" => {
                format!("<bind xmlns='{BIND}'><jid>guest{n}@meet.example/r{n}</jid></bind>", n = self.number)
            }
            "session" | "ping" => String::new(),
            _ => {
                return format!(
                    "<iq xmlns='jabber:client' type='error' id='{id}' from='meet.example'><error type='cancel'>\
                     <service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>"
                );
            }
        };
        format!("<iq xmlns='jabber:client' type='result' id='{id}' from='meet.example'>{content}</iq>")
    }
}

/// What the text of a message asks for.
fn order(text: &str) -> Option<Reply> {
    let (what, count) = text.split_once(':')?;
    let count = count.parse().ok()?;
    match what {
        "flood" => Some(Reply::Flood(count)),
        "all" => Some(Reply::FloodAll(count)),
        _ => None,
    }
}

fn attribute<'a>(tag: &'a str, name: &str) -> Option<&'a str> {
    let at = tag.find(&format!(" {name}="))? + name.len() + 2;
    let quote = tag[at..].chars().next()?;
    tag[at + 1..].split(quote).next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_tags_are_taken_and_answered() {
        let mut conversation = Conversation::new(false, 7, Arc::default());
        let (taken, replies) = conversation.take("<iq type='set' id='x'><bind xmlns='b'/></iq><r");
        assert_eq!(taken, "<iq type='set' id='x'><bind xmlns='b'/></iq>".len());
        assert!(matches!(
            &replies[..],
            [Reply::Text(push), Reply::Text(text)]
                if push.starts_with("<message") && text.contains("id='x'") && text.contains("guest7@")
        ));
        let (_, replies) = conversation.take("<message to='a'><body>flood:5</body></message><r xmlns='sm'/>");
        assert_eq!(replies[0], Reply::Flood(5));
        assert!(matches!(&replies[1], Reply::Text(text) if text.contains("h='2'")));
        let (_, replies) = conversation.take("<enable xmlns='sm'/><presence/><r xmlns='sm'/>");
        assert!(
            matches!(&replies[1], Reply::Text(text) if text.contains("h='1'")),
            "it counts from there on"
        );
    }

    #[test]
    fn a_session_goes_on_where_it_was_cut() {
        let resumable = Arc::default();
        let mut cut = Conversation::new(true, 7, Arc::clone(&resumable));
        let (_, replies) = cut.take("<enable xmlns='urn:xmpp:sm:3' resume='true'/><presence/><presence/>");
        assert!(matches!(&replies[..], [Reply::Text(text)] if text.contains("id='bench-7'")));
        let mut next = Conversation::new(true, 8, resumable);
        let (_, replies) = next.take("<resume xmlns='urn:xmpp:sm:3' h='0' previd='bench-7'/><presence/><r/>");
        assert!(matches!(&replies[0], Reply::Text(text) if text.contains("previd='bench-7' h='2'")));
        assert!(matches!(&replies[1], Reply::Text(text) if text.contains("h='3'")));
        let (_, replies) = next.take("<resume xmlns='urn:xmpp:sm:3' h='0' previd='bench-9'/>");
        assert!(matches!(&replies[0], Reply::Text(text) if text.starts_with("<failed")));
    }
}
