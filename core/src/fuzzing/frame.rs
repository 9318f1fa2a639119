//! A frame, through everything that reads one.

use crate::event::Stanza;
use crate::frame::Frame;
use crate::outgoing;
use crate::xml::{Element, Reader, Token, XmlError, ns, omitted, parse, redact, scan};

/// All readers give the same verdict on a frame and read the same in it; what is shown of it is as well-formed as it was;
/// what is written can be read again; and a stanza that the caller may send is one.
///
/// Returns that verdict, which is to be expat's, or nothing where expat is not asked: where XMPP allows less than XML
/// does, or its readers hold less, and where it tells names by an older edition of XML.
pub fn frame(data: &[u8]) -> Option<bool> {
    let text = std::str::from_utf8(data).ok()?;
    let tree = parse(text);
    let shown = redact(text);
    agree(text, &tree);
    send(text);
    let tree = match tree {
        Ok(tree) => tree,
        Err(error) => {
            assert_eq!(shown, omitted(text));
            let asked = !matches!(error, XmlError::Restricted(_) | XmlError::TooMany(_));
            // RFC 6120, section 11.6 forbids a byte order mark; expat takes one.
            return (asked && !text.starts_with('\u{feff}')).then_some(false);
        }
    };
    let shown = parse(&shown).expect("what is shown is well-formed");
    assert_eq!(names(&shown), names(&tree));
    let seen = look(text);
    if seen.can_be_written {
        assert_eq!(parse(&tree.to_xml()).as_ref(), Ok(&tree), "what is written is read again");
    }
    seen.names_are_ascii.then_some(true)
}

/// `scan` and the stanza for listeners against the tree.
fn agree(text: &str, tree: &Result<Element<'_>, XmlError>) {
    let frame = Frame::from(text);
    let head = scan(&frame);
    let (tree, head) = match (tree, &head) {
        (Ok(tree), Ok(head)) => (tree, head),
        (tree, head) => return assert_eq!(tree.as_ref().err(), head.as_ref().err()),
    };
    assert_eq!((&*tree.name, &*tree.namespace), (head.name, &*head.namespace));
    let attributes = ["from", "to", "type", "id"];
    for name in attributes {
        assert_eq!(tree.attribute(name), head.value(name).as_deref());
    }
    if let Some(stanza) = Stanza::from_head(head, &frame) {
        let told = [stanza.from(), stanza.to(), stanza.kind(), stanza.id()];
        assert_eq!(told, attributes.map(|name| tree.attribute(name)));
    }
}

/// The same text, as one that the caller wants to send.
fn send(text: &str) {
    if let Ok(sent) = outgoing::stanza(text) {
        let tree = parse(&sent).expect("what goes out is well-formed");
        assert!(tree.namespace == ns::CLIENT && matches!(&*tree.name, "message" | "presence" | "iq"));
    }
    if let Ok(request) = outgoing::request(text) {
        let tree = parse(&request.xml).expect("what goes out is well-formed");
        assert!(tree.is("iq", ns::CLIENT));
        assert_eq!(tree.attribute("id"), Some(request.id.as_str()));
        assert_eq!(tree.attribute("to"), request.to.as_deref());
    }
}

fn names<'text>(element: &'text Element<'_>) -> Vec<(&'text str, &'text str)> {
    let mut all = vec![(&*element.name, &*element.namespace)];
    all.extend(element.children().flat_map(names));
    all
}

struct Seen {
    /// The names that expat takes beyond these are those of the fourth edition of XML, ours those of the fifth.
    names_are_ascii: bool,
    /// The trees that we write have neither attributes with a prefix nor elements of XML's own namespace.
    can_be_written: bool,
}

fn look(text: &str) -> Seen {
    let mut reader = Reader::new(text);
    let mut seen = Seen { names_are_ascii: true, can_be_written: true };
    loop {
        match reader.next().expect("it was read before") {
            Token::Start { local, namespace } => {
                let declared = reader.declarations().map(|(prefix, _)| prefix);
                let names = reader.attributes().iter().map(|attribute| attribute.name);
                seen.names_are_ascii &= local.is_ascii() && declared.chain(names.clone()).all(str::is_ascii);
                let own = namespace == "http://www.w3.org/XML/1998/namespace";
                seen.can_be_written &= !own && names.clone().all(|name| !name.contains(':'));
            }
            Token::End | Token::Text(_) => {}
            Token::Eof => return seen,
        }
    }
}
