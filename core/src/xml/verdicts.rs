//! What is XMPP's XML and what is not: our verdict equals expat's, which is asked in the same run.

use std::io::Write;
use std::process::{Command, Stdio};

use super::parse;

/// Accepted by both.
const WELL_FORMED: &[&str] = &[
    "<a/>",
    "<a />",
    "<a></a >",
    " <a/>\n",
    "<a b='1' c=\"2\"/>",
    "<a b = '1'/>",
    "<a b='>'/>",
    "<a b='\"'/>",
    "<a>&lt;&gt;&amp;&apos;&quot;</a>",
    "<a>&#65;&#x41;&#x1F600;</a>",
    "<a>]]</a>",
    "<a>]]&gt;</a>",
    "<a>></a>",
    "<a><![CDATA[<&]]></a>",
    "<a><![CDATA[]]]]></a>",
    "<a xmlns='u'><b xmlns=''/></a>",
    "<x:a xmlns:x='u' x:b='1' b='2'/>",
    "<a xmlns:x='u' xmlns:y='v' x:b='1' y:b='2'/>",
    "<a xml:lang='en'/>",
    "<a xmlns:xml='http://www.w3.org/XML/1998/namespace'/>",
    "<\u{e9}l\u{e9}ment/>",
    "<a.b-c_1/>",
    "<a><b><c/></b><b/></a>",
    "<a>\u{10ffff}\u{fffd}\t\r\n</a>",
    "<a b='\t\r\n'/>",
];

/// Refused by both.
const BROKEN: &[&str] = &[
    "",
    "  ",
    "a",
    "<",
    "<a",
    "<a>",
    "<a/",
    "</a>",
    "<a></b>",
    "<a><b></a></b>",
    "<a/><b/>",
    "<a/>x",
    "x<a/>",
    "<a/><![CDATA[]]>",
    "< a/>",
    "<a/ >",
    "<1a/>",
    "<-a/>",
    "<a:/>",
    "<:a/>",
    "<x:y:a xmlns:x='u'/>",
    "<a b/>",
    "<a b=1/>",
    "<a b='1\"/>",
    "<a b='1'c='2'/>",
    "<a b='<'/>",
    "<a b='1' b='2'/>",
    "<a xmlns:x='u' xmlns:y='u' x:b='1' y:b='2'/>",
    "<a xmlns='u' xmlns='v'/>",
    "<a xmlns:x=''/>",
    "<a xmlns:xmlns='u'/>",
    "<a xmlns:xml='u'/>",
    "<a xmlns:x='http://www.w3.org/XML/1998/namespace'/>",
    "<a xmlns:x='http://www.w3.org/2000/xmlns/'/>",
    "<x:a/>",
    "<a x:b='1'/>",
    "<a><x:b xmlns:x='u'/><x:c/></a>",
    "<a>&</a>",
    "<a>&;</a>",
    "<a>&lt</a>",
    "<a>&#;</a>",
    "<a>&#x;</a>",
    "<a>&#0;</a>",
    "<a>&#8;</a>",
    "<a>&#xFFFE;</a>",
    "<a>&#xD800;</a>",
    "<a>&#x110000;</a>",
    "<a>&#99999999999;</a>",
    "<a>&#+65;</a>",
    "<a>&nbsp;</a>",
    "<a b='&nbsp;'/>",
    "<a>\u{1}</a>",
    "<a b='\u{1}'/>",
    "<a>\u{fffe}</a>",
    "<a>]]></a>",
    "<a><![CDATA[</a>",
    "<a><![CDATA[\u{1}]]></a>",
    "<a><![cdata[]]></a>",
];

/// Well-formed, and forbidden in XMPP (RFC 6120, section 11.1): refused by us alone.
const RESTRICTED: &[&str] = &[
    "<!DOCTYPE a><a/>",
    "<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>",
    "<?xml version='1.0'?><a/>",
    "<a><?php ?></a>",
    "<a><!-- --></a>",
    "<!-- --><a/>",
];

/// Reads documents as JSON lines and says of each whether expat, with namespaces, takes it.
const EXPAT: &str = "
import json, sys
from xml.parsers import expat
for line in sys.stdin:
    parser = expat.ParserCreate('utf-8', chr(1))
    try:
        parser.Parse(json.loads(line).encode(), True)
        print(1)
    except expat.ExpatError:
        print(0)
";

/// What expat says of each.
pub(crate) fn expat(documents: &[&str]) -> Vec<bool> {
    let mut python = Command::new("python3")
        .args(["-c", EXPAT])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python3");
    let mut input = python.stdin.take().expect("piped");
    for document in documents {
        writeln!(input, "{}", serde_json::to_string(document).expect("text")).expect("python3 reads");
    }
    drop(input);
    let output = python.wait_with_output().expect("python3 ends");
    String::from_utf8_lossy(&output.stdout).lines().map(|line| line == "1").collect()
}

#[test]
fn the_verdict_is_expats() {
    for (documents, ours, theirs) in
        [(WELL_FORMED, true, true), (BROKEN, false, false), (RESTRICTED, false, true)]
    {
        let verdicts = expat(documents);
        assert_eq!(verdicts.len(), documents.len());
        for (document, verdict) in documents.iter().zip(verdicts) {
            assert_eq!(parse(document).is_ok(), ours, "ours: {document:?}: {:?}", parse(document));
            assert_eq!(verdict, theirs, "expat's: {document:?}");
        }
    }
}

/// Mutations of good documents, by a generator with a fixed seed.
#[test]
fn the_verdict_is_expats_on_ten_thousand_mutations() {
    const PIECES: &[&str] = &[
        "<",
        ">",
        "/",
        "&",
        ";",
        "'",
        "\"",
        "=",
        ":",
        "x",
        "a",
        " ",
        "]",
        "]]>",
        "&#1;",
        "&lt;",
        "xmlns:x='u'",
        "<b>",
        "</b>",
        "\u{1}",
        "\u{e9}",
        "-",
        "1",
    ];
    let mut seed: u64 = 0x5DEE_CE66;
    let mut random = move |below: usize| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(seed >> 33).unwrap_or(0) % below
    };
    let mutations: Vec<String> = (0..10_000)
        .map(|_| {
            let mut characters: Vec<char> = WELL_FORMED[random(WELL_FORMED.len())].chars().collect();
            for _ in 0..=random(2) {
                let at = random(characters.len() + 1);
                match random(3) {
                    0 => drop(characters.splice(at..at, PIECES[random(PIECES.len())].chars())),
                    1 => drop(characters.drain(at..(at + random(4)).min(characters.len()))),
                    _ => characters.truncate(at),
                }
            }
            characters.into_iter().collect()
        })
        .collect();
    let documents: Vec<&str> = mutations.iter().map(String::as_str).collect();
    for (document, verdict) in documents.iter().zip(expat(&documents)) {
        let restricted = matches!(parse(document), Err(super::XmlError::Restricted(_)));
        assert!(restricted || parse(document).is_ok() == verdict, "{document:?}: {:?}", parse(document));
    }
}

#[test]
fn what_could_cost_much_is_refused() {
    assert!(parse(&"<a>".repeat(10_000)).is_err());
    let attributes: String = (0..300).map(|n| format!(" a{n}=''")).collect();
    assert!(parse(&format!("<a{attributes}/>")).is_err());
    let namespaces: String = (0..300).map(|n| format!(" xmlns:a{n}='u'")).collect();
    assert!(parse(&format!("<a{namespaces}/>")).is_err());
}
