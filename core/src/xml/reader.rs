//! One pass over a frame: well-formedness, namespaces, and the restrictions of RFC 6120, section 11.1.
//!
//! Accepts exactly the documents that are namespace-well-formed XML 1.0 and use no document type, no processing
//! instruction, no comment and no entity but the predefined five. The verdict is compared with expat's in
//! `verdicts.rs`. Nothing is copied: tokens borrow from the frame.

use std::borrow::Cow;

use smallvec::SmallVec;

/// Deeper than any stanza; a bound on what a hostile peer can make us build.
const MAX_DEPTH: usize = 128;
/// More than any element carries, and than any frame declares at one place: what is looked up one by one must be few.
const MAX_ATTRIBUTES: usize = 256;
const MAX_NAMESPACES: usize = 256;
const XML_NAMESPACE: &str = "http://www.w3.org/XML/1998/namespace";
const XMLNS_NAMESPACE: &str = "http://www.w3.org/2000/xmlns/";

/// Why a frame is not the XML of XMPP. The text describes the defect and never quotes the frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum XmlError {
    #[error("it is not well-formed ({0})")]
    NotWellFormed(&'static str),
    #[error("it holds no element")]
    Empty,
    #[error("it holds more than one element")]
    SecondRoot,
    #[error("it holds text outside the element")]
    TextOutsideRoot,
    #[error("it uses {0}, which XMPP forbids (RFC 6120, section 11.1)")]
    Restricted(&'static str),
    #[error("it uses a namespace prefix that is not declared")]
    UndeclaredPrefix,
    #[error("it has too many {0}")]
    TooMany(&'static str),
}

use XmlError::NotWellFormed;

/// A piece of a frame.
#[derive(Debug)]
pub(crate) enum Token<'frame> {
    /// An element begins; its attributes are in [`Reader::attributes`].
    Start { local: &'frame str, namespace: Cow<'frame, str> },
    /// The innermost open element ends. Comes for `<a/>` as well.
    End,
    /// Text inside an element.
    Text(Text<'frame>),
    /// The frame is over, and was one well-formed element.
    Eof,
}

/// A text as written. Most are only passed over.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Text<'frame> {
    raw: &'frame str,
    form: Form,
}

#[derive(Debug, Clone, Copy)]
enum Form {
    /// It means what it says.
    Plain,
    /// With references, or line ends that XML changes.
    Escaped,
    /// Of a CDATA section.
    Literal,
}

impl<'frame> Text<'frame> {
    /// With references resolved and line ends normalised.
    pub(crate) fn value(self) -> Cow<'frame, str> {
        match self.form {
            Form::Plain => Cow::Borrowed(self.raw),
            Form::Escaped => resolve(self.raw, false),
            Form::Literal => normalise_line_ends(self.raw),
        }
    }
}

/// An attribute that is not a namespace declaration.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Attribute<'frame> {
    /// The name as written, with its prefix.
    pub name: &'frame str,
    prefix: &'frame str,
    raw: Raw<'frame>,
}

/// A value as written. Most are plain: they mean what they say.
#[derive(Debug, Clone, Copy)]
struct Raw<'frame> {
    text: &'frame str,
    /// It holds neither references nor white space that XML changes.
    plain: bool,
}

impl<'frame> Raw<'frame> {
    fn value(self) -> Cow<'frame, str> {
        if self.plain { Cow::Borrowed(self.text) } else { resolve(self.text, true) }
    }
}

impl<'frame> Attribute<'frame> {
    /// The value, with references resolved and white space normalised (XML 1.0, section 3.3.3).
    pub(crate) fn value(&self) -> Cow<'frame, str> {
        self.raw.value()
    }

    /// Where the value stands in the frame that it was read from.
    pub(crate) fn range(&self, frame: &'frame str) -> std::ops::Range<usize> {
        let start = self.raw.text.as_ptr() as usize - frame.as_ptr() as usize;
        start..start + self.raw.text.len()
    }

    fn local(&self) -> &'frame str {
        local_of(self.name, self.prefix)
    }
}

/// Of one element. Nearly all have fewer than these, so that reading a frame allocates nothing.
pub(super) type Attributes<'frame> = SmallVec<[Attribute<'frame>; 8]>;

/// Reads one frame, token by token.
pub(crate) struct Reader<'frame> {
    frame: &'frame str,
    at: usize,
    /// The names of the open elements, and how many bindings were in force before each.
    open: SmallVec<[(&'frame str, usize); 8]>,
    bindings: SmallVec<[(&'frame str, Raw<'frame>); 4]>,
    attributes: Attributes<'frame>,
    /// The element just begun was an empty-element tag: its end is due.
    pending_end: bool,
    seen_root: bool,
}

impl<'frame> Reader<'frame> {
    pub(crate) fn new(frame: &'frame str) -> Self {
        Self {
            frame,
            at: 0,
            open: SmallVec::new(),
            bindings: SmallVec::new(),
            attributes: SmallVec::new(),
            pending_end: false,
            seen_root: false,
        }
    }

    /// How far the frame has been read.
    pub(crate) const fn position(&self) -> usize {
        self.at
    }

    /// The attributes of the element that the last `Start` began.
    pub(crate) fn attributes(&self) -> &[Attribute<'frame>] {
        &self.attributes
    }

    /// The namespaces that the innermost open element declares, prefix and URI, as they are written. Before anything
    /// else is read, that is the element that the last `Start` began.
    pub(crate) fn declarations(&self) -> impl Iterator<Item = (&'frame str, &'frame str)> {
        let first = self.open.last().map_or(0, |(_, bindings)| *bindings);
        self.bindings[first..].iter().map(|(prefix, raw)| (*prefix, raw.text))
    }

    pub(crate) fn next(&mut self) -> Result<Token<'frame>, XmlError> {
        if std::mem::take(&mut self.pending_end) {
            return self.end();
        }
        let bytes = self.frame.as_bytes();
        match bytes.get(self.at) {
            None if !self.open.is_empty() => Err(NotWellFormed("an element is not closed")),
            None if !self.seen_root => Err(XmlError::Empty),
            None => Ok(Token::Eof),
            Some(b'<') => match bytes.get(self.at + 1) {
                Some(b'/') => self.end_tag(),
                Some(b'!') if self.rest().starts_with("<![CDATA[") => self.cdata(),
                Some(b'!') if self.rest().starts_with("<!--") => Err(XmlError::Restricted("a comment")),
                Some(b'!') => Err(XmlError::Restricted("a document type")),
                Some(b'?') => Err(XmlError::Restricted("a processing instruction or XML declaration")),
                _ => self.start_tag(),
            },
            Some(_) => self.text(),
        }
    }

    fn rest(&self) -> &'frame str {
        &self.frame[self.at..]
    }

    fn text(&mut self) -> Result<Token<'frame>, XmlError> {
        let start = self.at;
        if self.open.is_empty() {
            // White space around the element is harmless, though RFC 7395, section 3.3.3 has none.
            self.skip_space();
            return match self.frame.as_bytes().get(self.at) {
                None | Some(b'<') => self.next(),
                Some(_) => Err(XmlError::TextOutsideRoot),
            };
        }
        let plain = self.characters(|byte| byte == b'<')?;
        let raw = &self.frame[start..self.at];
        if raw.len() > 2 && raw.contains("]]>") {
            return Err(NotWellFormed("]]> in text"));
        }
        Ok(Token::Text(Text { raw, form: if plain { Form::Plain } else { Form::Escaped } }))
    }

    /// Reads characters up to one that ends them, or to the end of the frame: each must be one that XML allows, and
    /// each `&` begin a reference that it allows. Tells whether they are plain.
    fn characters(&mut self, ends: impl Fn(u8) -> bool) -> Result<bool, XmlError> {
        let bytes = self.frame.as_bytes();
        let mut plain = true;
        while let Some(&byte) = bytes.get(self.at) {
            if ends(byte) {
                break;
            }
            match CLASS[usize::from(byte)] & UNUSUAL {
                0 => self.at += 1,
                _ => match byte {
                    b'&' => {
                        plain = false;
                        let (_, rest) = reference(self.rest())?;
                        self.at = self.frame.len() - rest.len();
                    }
                    b'\t' | b'\r' | b'\n' => {
                        plain = false;
                        self.at += 1;
                    }
                    // U+FFFE and U+FFFF; other surrogates cannot be in a string.
                    0xef if !matches!(bytes.get(self.at + 1..self.at + 3), Some([0xbf, 0xbe | 0xbf])) => {
                        self.at += 1;
                    }
                    _ => return Err(NotWellFormed("a character that XML does not allow")),
                },
            }
        }
        Ok(plain)
    }

    fn cdata(&mut self) -> Result<Token<'frame>, XmlError> {
        if self.open.is_empty() {
            return Err(XmlError::TextOutsideRoot);
        }
        let body = &self.rest()["<![CDATA[".len()..];
        let end = body.find("]]>").ok_or(NotWellFormed("a CDATA section is not closed"))?;
        let raw = &body[..end];
        self.at += "<![CDATA[".len() + end + "]]>".len();
        if !raw.chars().all(is_xml_char) {
            return Err(NotWellFormed("a character that XML does not allow"));
        }
        Ok(Token::Text(Text { raw, form: Form::Literal }))
    }

    fn end_tag(&mut self) -> Result<Token<'frame>, XmlError> {
        self.at += 2;
        let (name, _) = self.name()?;
        self.skip_space();
        self.expect(b'>', "an end tag is malformed")?;
        match self.open.last() {
            Some((open, _)) if *open == name => self.end(),
            _ => Err(NotWellFormed("an end tag does not match")),
        }
    }

    fn end(&mut self) -> Result<Token<'frame>, XmlError> {
        if let Some((_, bindings)) = self.open.pop() {
            self.bindings.truncate(bindings);
        }
        Ok(Token::End)
    }

    fn start_tag(&mut self) -> Result<Token<'frame>, XmlError> {
        if self.open.is_empty() && std::mem::replace(&mut self.seen_root, true) {
            return Err(XmlError::SecondRoot);
        }
        if self.open.len() == MAX_DEPTH {
            return Err(XmlError::TooMany("nested elements"));
        }
        self.at += 1;
        let (name, prefix) = self.name()?;
        self.open.push((name, self.bindings.len()));
        self.attributes.clear();
        loop {
            let spaced = self.skip_space();
            match self.frame.as_bytes().get(self.at) {
                Some(b'>') => {
                    self.at += 1;
                    break;
                }
                Some(b'/') => {
                    self.at += 1;
                    self.expect(b'>', "a tag is malformed")?;
                    self.pending_end = true;
                    break;
                }
                Some(_) if spaced => self.attribute()?,
                Some(_) => return Err(NotWellFormed("no space before an attribute")),
                None => return Err(NotWellFormed("a tag is not closed")),
            }
        }
        self.check_attributes()?;
        let namespace = self.namespace(prefix)?;
        Ok(Token::Start { local: local_of(name, prefix), namespace })
    }

    fn attribute(&mut self) -> Result<(), XmlError> {
        let (name, prefix) = self.name()?;
        self.skip_space();
        self.expect(b'=', "an attribute has no value")?;
        self.skip_space();
        let quote = match self.frame.as_bytes().get(self.at) {
            Some(quote @ (b'\'' | b'"')) => *quote,
            _ => return Err(NotWellFormed("an attribute value has no quotes")),
        };
        self.at += 1;
        let start = self.at;
        let plain = self.characters(|byte| byte == quote || byte == b'<')?;
        let raw = Raw { text: &self.frame[start..self.at], plain };
        match self.frame.as_bytes().get(self.at) {
            Some(b'<') => return Err(NotWellFormed("< in an attribute value")),
            None => return Err(NotWellFormed("an attribute value is not closed")),
            Some(_) => self.at += 1,
        }
        if name == "xmlns" {
            self.declare("", raw)
        } else if prefix == "xmlns" {
            self.declare(local_of(name, prefix), raw)
        } else if self.attributes.len() == MAX_ATTRIBUTES {
            Err(XmlError::TooMany("attributes"))
        } else {
            self.attributes.push(Attribute { name, prefix, raw });
            Ok(())
        }
    }

    /// Namespaces in XML 1.0, section 3.
    fn declare(&mut self, prefix: &'frame str, raw: Raw<'frame>) -> Result<(), XmlError> {
        let first = self.open.last().map_or(0, |(_, bindings)| *bindings);
        if self.bindings[first..].iter().any(|(declared, _)| *declared == prefix) {
            return Err(NotWellFormed("a namespace is declared twice"));
        }
        let uri = raw.value();
        let reserved = match prefix {
            "xmlns" => true,
            "xml" => uri != XML_NAMESPACE,
            _ => uri == XML_NAMESPACE || uri == XMLNS_NAMESPACE || (uri.is_empty() && !prefix.is_empty()),
        };
        if reserved {
            return Err(NotWellFormed("a reserved or empty namespace is declared"));
        }
        if self.bindings.len() == MAX_NAMESPACES {
            return Err(XmlError::TooMany("namespaces"));
        }
        self.bindings.push((prefix, raw));
        Ok(())
    }

    /// No attribute twice, neither by its name as written nor by its namespace and local name.
    fn check_attributes(&self) -> Result<(), XmlError> {
        for (index, attribute) in self.attributes.iter().enumerate() {
            let namespace = match attribute.prefix {
                "" => Cow::Borrowed(""),
                prefix => self.namespace(prefix)?,
            };
            for earlier in &self.attributes[..index] {
                let twice = earlier.name == attribute.name
                    || (!earlier.prefix.is_empty()
                        && !attribute.prefix.is_empty()
                        && earlier.local() == attribute.local()
                        && self.namespace(earlier.prefix)? == namespace);
                if twice {
                    return Err(NotWellFormed("an attribute stands twice"));
                }
            }
        }
        Ok(())
    }

    fn namespace(&self, prefix: &str) -> Result<Cow<'frame, str>, XmlError> {
        let bound = self.bindings.iter().rev().find(|(declared, _)| *declared == prefix);
        match (bound, prefix) {
            (Some((_, raw)), _) => Ok(raw.value()),
            (None, "") => Ok(Cow::Borrowed("")),
            (None, "xml") => Ok(Cow::Borrowed(XML_NAMESPACE)),
            (None, _) => Err(XmlError::UndeclaredPrefix),
        }
    }

    /// Reads a qualified name and returns it with its prefix.
    fn name(&mut self) -> Result<(&'frame str, &'frame str), XmlError> {
        let bytes = &self.frame.as_bytes()[self.at..];
        let (mut length, mut colon, mut colons) = (0, 0, 0);
        while let Some(byte) = bytes.get(length)
            && CLASS[usize::from(*byte)] & NAME != 0
        {
            if *byte == b':' {
                colon = length;
                colons += 1;
            }
            length += 1;
        }
        if bytes.get(length).is_some_and(|byte| !byte.is_ascii()) {
            return self.uncommon_name();
        }
        let name = &self.rest()[..length];
        self.at += length;
        let starts_at = |at: usize| {
            at < length && bytes.get(at).is_some_and(|byte| CLASS[usize::from(*byte)] & NAME_START != 0)
        };
        match colons {
            0 if starts_at(0) => Ok((name, "")),
            1 if starts_at(0) && starts_at(colon + 1) => Ok((name, &name[..colon])),
            _ => Err(NotWellFormed("a name is malformed")),
        }
    }

    /// A name beyond ASCII.
    fn uncommon_name(&mut self) -> Result<(&'frame str, &'frame str), XmlError> {
        let rest = self.rest();
        let end = rest.find(|c: char| !is_name_char(c)).unwrap_or(rest.len());
        let name = &rest[..end];
        self.at += end;
        let (prefix, local) = name.split_once(':').unwrap_or(("", name));
        let well_formed = starts_name(local)
            && !local.contains(':')
            && (prefix.is_empty() != name.contains(':'))
            && (prefix.is_empty() || starts_name(prefix));
        if well_formed { Ok((name, prefix)) } else { Err(NotWellFormed("a name is malformed")) }
    }

    fn skip_space(&mut self) -> bool {
        let bytes = &self.frame.as_bytes()[self.at..];
        let spaces = bytes.iter().take_while(|byte| is_space(**byte)).count();
        self.at += spaces;
        spaces > 0
    }

    fn expect(&mut self, byte: u8, otherwise: &'static str) -> Result<(), XmlError> {
        if self.frame.as_bytes().get(self.at) != Some(&byte) {
            return Err(NotWellFormed(otherwise));
        }
        self.at += 1;
        Ok(())
    }
}

/// What an ASCII character may be part of.
const NAME_START: u8 = 1;
const NAME: u8 = 2;
/// Needs a look where it stands in text or in a value; so do some bytes beyond ASCII.
const UNUSUAL: u8 = 4;

const CLASS: [u8; 256] = {
    let mut class = [0; 256];
    let mut byte = 0_u8;
    loop {
        let c = byte as char;
        if byte.is_ascii() && is_name_start(c) {
            class[byte as usize] |= NAME_START | NAME;
        }
        if byte.is_ascii() && is_name_char(c) {
            class[byte as usize] |= NAME;
        }
        if byte < b' ' || byte == b'&' || byte == 0xef {
            class[byte as usize] |= UNUSUAL;
        }
        if byte == u8::MAX {
            break class;
        }
        byte += 1;
    }
};

fn local_of<'name>(name: &'name str, prefix: &str) -> &'name str {
    if prefix.is_empty() { name } else { &name[prefix.len() + 1..] }
}

fn starts_name(name: &str) -> bool {
    name.chars().next().is_some_and(is_name_start)
}

const fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

/// `NameStartChar` of XML 1.0, section 2.3, with the colon left to the split.
const fn is_name_start(c: char) -> bool {
    matches!(c, 'A'..='Z' | 'a'..='z' | '_'
        | '\u{c0}'..='\u{d6}' | '\u{d8}'..='\u{f6}' | '\u{f8}'..='\u{2ff}' | '\u{370}'..='\u{37d}'
        | '\u{37f}'..='\u{1fff}' | '\u{200c}'..='\u{200d}' | '\u{2070}'..='\u{218f}'
        | '\u{2c00}'..='\u{2fef}' | '\u{3001}'..='\u{d7ff}' | '\u{f900}'..='\u{fdcf}'
        | '\u{fdf0}'..='\u{fffd}' | '\u{10000}'..='\u{effff}')
}

/// `NameChar`, and the colon.
const fn is_name_char(c: char) -> bool {
    is_name_start(c)
        || matches!(c, ':' | '-' | '.' | '0'..='9' | '\u{b7}' | '\u{300}'..='\u{36f}' | '\u{203f}'..='\u{2040}')
}

/// `Char` of XML 1.0, section 2.2.
const fn is_xml_char(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
}

/// Reads the reference that `text` begins with: the character, and what follows.
fn reference(text: &str) -> Result<(char, &str), XmlError> {
    const PREDEFINED: [(&str, char); 5] =
        [("&quot;", '"'), ("&amp;", '&'), ("&lt;", '<'), ("&gt;", '>'), ("&apos;", '\'')];
    for (reference, character) in PREDEFINED {
        if let Some(rest) = text.strip_prefix(reference) {
            return Ok((character, rest));
        }
    }
    let malformed = NotWellFormed("a reference is malformed");
    let (name, rest) = text[1..].split_once(';').ok_or(malformed)?;
    let character = match name.strip_prefix('#') {
        Some(number) => {
            let (digits, radix) = number.strip_prefix('x').map_or((number, 10), |hex| (hex, 16));
            // from_str_radix alone would let a sign pass.
            let number =
                digits.bytes().all(|b| b.is_ascii_hexdigit()).then(|| u32::from_str_radix(digits, radix));
            let character = number.and_then(Result::ok).and_then(char::from_u32).filter(|c| is_xml_char(*c));
            character.ok_or(NotWellFormed("a reference to a character that XML does not allow"))?
        }
        None if starts_name(name) && name.chars().all(is_name_char) => {
            return Err(XmlError::Restricted("an entity other than the predefined five"));
        }
        None => return Err(malformed),
    };
    Ok((character, rest))
}

/// Resolves references in text that has been checked, and normalises its white space: line ends in text, every
/// white-space character in an attribute.
fn resolve(raw: &str, attribute: bool) -> Cow<'_, str> {
    let special = |byte| matches!(byte, b'&' | b'\r') || attribute && matches!(byte, b'\t' | b'\n');
    if !raw.bytes().any(special) {
        return Cow::Borrowed(raw);
    }
    let mut out = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(c) = rest.chars().next() {
        if c == '&'
            && let Ok((character, after)) = reference(rest)
        {
            out.push(character);
            rest = after;
            continue;
        }
        rest = &rest[c.len_utf8()..];
        match c {
            '\r' => {
                rest = rest.strip_prefix('\n').unwrap_or(rest);
                out.push(if attribute { ' ' } else { '\n' });
            }
            '\t' | '\n' if attribute => out.push(' '),
            other => out.push(other),
        }
    }
    Cow::Owned(out)
}

fn normalise_line_ends(raw: &str) -> Cow<'_, str> {
    if raw.contains('\r') {
        Cow::Owned(raw.replace("\r\n", "\n").replace('\r', "\n"))
    } else {
        Cow::Borrowed(raw)
    }
}
