//! The header and the shared library expose exactly what `tests/surface.toml` lists.

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use toml::Table;

fn manifest() -> Table {
    let path = common::crate_folder().join("../tests/surface.toml");
    std::fs::read_to_string(path).unwrap().parse().unwrap()
}

fn header() -> String {
    std::fs::read_to_string(common::crate_folder().join("../include/jitsimeet.h")).unwrap()
}

fn listed_functions() -> BTreeSet<String> {
    let names = manifest()["c"]["functions"].as_array().unwrap().clone();
    names.into_iter().map(|name| name.as_str().unwrap().to_owned()).collect()
}

/// `connection.droppedError` is `DROPPED_ERROR` in C.
fn constant(name: &str) -> String {
    let mut constant = String::new();
    for character in name.trim_start_matches("connection.").chars() {
        if character.is_ascii_uppercase() {
            constant.push('_');
        }
        constant.push(character.to_ascii_uppercase());
    }
    constant
}

#[test]
fn the_constants_of_the_header_are_those_of_the_manifest() {
    let manifest = manifest();
    let mut listed = BTreeMap::new();
    let lists = [
        ("statuses", "STATUS"),
        ("error_types", "ERROR_TYPE"),
        ("codes", "CODE"),
        ("events", "EVENT"),
        ("states", "STATE"),
        ("log_levels", "LOG_LEVEL"),
    ];
    for (list, prefix) in lists {
        for (name, number) in manifest[list].as_table().unwrap() {
            listed.insert(format!("JM_{prefix}_{}", constant(name)), number.as_integer().unwrap());
        }
    }
    let ok = listed.remove("JM_STATUS_OK").unwrap();
    listed.insert("JM_OK".to_owned(), ok);
    // Only C has it, for queues.
    listed.insert("JM_EVENT_COMPLETION".to_owned(), 1000);

    let header = header();
    let defined: BTreeMap<_, _> = header
        .lines()
        .filter_map(|line| line.strip_prefix("#define ")?.split_once(' '))
        .filter(|(name, _)| !name.starts_with("JM_VERSION") && *name != "JM_ABI_VERSION")
        .map(|(name, number)| (name.to_owned(), number.parse().unwrap()))
        .collect();
    assert_eq!(defined, listed);
}

#[test]
fn the_functions_of_the_header_are_those_of_the_manifest() {
    let header = header();
    let declared: BTreeSet<_> = header
        .lines()
        .filter(|line| {
            line.starts_with(|first: char| first.is_ascii_lowercase()) && !line.starts_with("typedef")
        })
        .filter_map(|line| line.split_once('(')?.0.rsplit([' ', '*']).next())
        .map(ToOwned::to_owned)
        .collect();
    assert_eq!(declared, listed_functions());
}

#[test]
fn the_shared_library_exports_the_functions_of_the_manifest_and_nothing_else() {
    if !common::have("nm") {
        return;
    }
    let library = common::library_folder().join("libjitsimeet.so");
    let symbols = common::run_well(Command::new("nm").args(["-D", "--defined-only"]).arg(library));
    let exported: BTreeSet<_> =
        symbols.lines().map(|line| line.rsplit(' ').next().unwrap().to_owned()).collect();
    assert_eq!(exported, listed_functions());
}

#[test]
fn the_options_are_documented() {
    let (header, manifest) = (header(), manifest());
    let lists = ["connection", "init"].map(|list| manifest["options"][list].as_array().unwrap().clone());
    let options: Vec<_> = lists.iter().flatten().map(|option| option.as_str().unwrap()).collect();
    for option in &options {
        let has_parts = options.iter().any(|other| other.starts_with(&format!("{option}.")));
        assert!(has_parts || header.contains(&format!("* | `{option}` ")), "{option}");
    }
}
