//! The public lists are those of `tests/surface.toml`, which every binding is compared with as well.

use std::collections::BTreeMap;
use std::path::Path;

use jitsimeet::options::{Kind, OPTIONS};
use jitsimeet::{
    Code, ConferenceErrorType, ConnectionState, ErrorType, EventKind, LogLevel, Milestone, Status,
};
use toml::Table;

fn manifest() -> Table {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/surface.toml");
    std::fs::read_to_string(path).expect("the manifest").parse().expect("TOML")
}

fn numbers(manifest: &Table, section: &str) -> BTreeMap<String, i64> {
    let section = manifest[section].as_table().expect("a table");
    section.iter().map(|(name, number)| (name.clone(), number.as_integer().expect("a number"))).collect()
}

fn names(manifest: &Table, list: &str) -> Vec<String> {
    let list = manifest["options"][list].as_array().expect("a list");
    list.iter().map(|name| name.as_str().expect("a name").to_owned()).collect()
}

macro_rules! listed {
    ($list:ty) => {
        <$list>::ALL.iter().map(|value| (value.as_str().to_owned(), i64::from(value.as_i32()))).collect()
    };
}

#[test]
fn the_closed_lists_are_those_of_the_manifest() {
    let manifest = manifest();
    let events = |of_conferences| {
        let kinds = EventKind::ALL.iter().filter(|kind| kind.is_conference() == of_conferences);
        kinds.map(|kind| (kind.as_str().to_owned(), i64::from(kind.as_i32()))).collect()
    };
    let lists: [(&str, BTreeMap<String, i64>); 9] = [
        ("statuses", listed!(Status)),
        ("error_types", listed!(ErrorType)),
        ("codes", listed!(Code)),
        ("events", events(false)),
        ("conference_events", events(true)),
        ("conference_error_types", listed!(ConferenceErrorType)),
        ("connection_times", listed!(Milestone)),
        ("states", listed!(ConnectionState)),
        ("log_levels", listed!(LogLevel)),
    ];
    for (section, list) in lists {
        assert_eq!(list, numbers(&manifest, section), "{section}");
    }
}

#[test]
fn the_options_are_those_of_the_manifest() {
    let manifest = manifest();
    let (no_effect, effective): (Vec<_>, Vec<_>) =
        OPTIONS.iter().partition(|spec| spec.kind == Kind::NoEffect);
    let paths = |specs: Vec<&jitsimeet::options::OptionSpec>| -> Vec<String> {
        specs.iter().map(|spec| spec.path.to_owned()).collect()
    };
    let mut expected = names(&manifest, "connection");
    expected.extend(names(&manifest, "init"));
    assert_eq!(paths(effective), expected);
    assert_eq!(paths(no_effect), names(&manifest, "no_effect"));
}
