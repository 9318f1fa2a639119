//! The children of an element as frames of their own: what a BOSH body wraps.

use std::ops::Range;

use super::reader::{Reader, Token, XmlError};
use super::scan::Head;

/// Reads an element, and gives its children as texts that stand by themselves: what they inherit from it is declared
/// on them.
pub(crate) fn unwrap(frame: &str) -> Result<(Head<'_>, Vec<String>), XmlError> {
    let mut reader = Reader::new(frame);
    let mut head = None;
    let mut inherited: Vec<(&str, &str)> = Vec::new();
    let mut children = Vec::new();
    let mut child: Option<Child<'_>> = None;
    let mut depth = 0_usize;
    loop {
        let before = reader.position();
        match reader.next()? {
            Token::Start { local, namespace } => {
                match depth {
                    0 => {
                        inherited = reader.declarations().collect();
                        head = Some(Head::new(local, namespace, reader.attributes().into()));
                    }
                    1 => {
                        let declared = reader.declarations().map(|(prefix, _)| prefix).collect();
                        child = Some(Child { start: before, declared });
                    }
                    _ => {}
                }
                depth += 1;
            }
            Token::End => {
                depth -= 1;
                if depth == 1
                    && let Some(child) = child.take()
                {
                    children.push(child.alone(frame, reader.position(), &inherited));
                }
            }
            // Between the children it says nothing.
            Token::Text(_) => {}
            Token::Eof => return head.map(|head| (head, children)).ok_or(XmlError::Empty),
        }
    }
}

struct Child<'frame> {
    start: usize,
    /// The prefixes that it declares itself; the empty one is the default namespace.
    declared: Vec<&'frame str>,
}

impl Child<'_> {
    fn alone(&self, frame: &str, end: usize, inherited: &[(&str, &str)]) -> String {
        let text = &frame[self.start..end];
        let name = name(text);
        let mut alone = String::with_capacity(text.len() + 64);
        alone.push_str(&text[..name.end]);
        for (prefix, uri) in inherited.iter().filter(|(prefix, _)| !self.declared.contains(prefix)) {
            if !prefix.is_empty() && !text.contains(&format!("{prefix}:")) {
                continue;
            }
            alone.push_str(if prefix.is_empty() { " xmlns" } else { " xmlns:" });
            alone.push_str(prefix);
            // As it was written: it lacks the quote that it stood in.
            let quote = if uri.contains('\'') { '"' } else { '\'' };
            alone.extend(['=', quote]);
            alone.push_str(uri);
            alone.push(quote);
        }
        alone.push_str(&text[name.end..]);
        alone
    }
}

/// Where the name of an element stands in its text.
fn name(text: &str) -> Range<usize> {
    let ends = |c: char| c.is_ascii_whitespace() || matches!(c, '/' | '>');
    1..text.find(ends).unwrap_or(text.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::xml::{ns, parse};

    #[test]
    fn children_stand_by_themselves() {
        let body = "<body xmlns='http://jabber.org/protocol/httpbind' sid='1' xmlns:stream='http://etherx.jabber.org/streams'>\
            <stream:features xmlns='jabber:client'><a xmlns='u'/></stream:features> \
            <message xmlns=\"jabber:client\"><body>stream</body></message><plain/></body>";
        let (head, children) = unwrap(body).unwrap();
        assert_eq!((head.name, head.value("sid").as_deref()), ("body", Some("1")));
        let expected = [
            "<stream:features xmlns:stream='http://etherx.jabber.org/streams' xmlns='jabber:client'><a xmlns='u'/></stream:features>",
            "<message xmlns=\"jabber:client\"><body>stream</body></message>",
            "<plain xmlns='http://jabber.org/protocol/httpbind'/>",
        ];
        assert_eq!(children, expected);
        assert!(parse(&children[0]).unwrap().is("features", ns::STREAM));
        assert!(children.iter().all(|child| parse(child).is_ok()));
    }

    #[test]
    fn a_prefix_is_inherited_into_the_depth_and_never_twice() {
        let body = "<b xmlns:p=\"it's\" xmlns:q='r'><c><p:d/></c><e xmlns:p='own'><p:f/></e></b>";
        let (_, children) = unwrap(body).unwrap();
        assert_eq!(children, ["<c xmlns:p=\"it's\"><p:d/></c>", "<e xmlns:p='own'><p:f/></e>"]);
        assert_eq!(unwrap("<b/>").unwrap().1, [""; 0]);
        assert!(unwrap("<b><c></b>").is_err());
    }
}
