//! What compiled programs rely on is `abi.txt`: symbols and their types, numbers, and where the fields of structs are.
//! `make abi` records a change. What is recorded may be added to; a line that changes or goes breaks programs, and asks
//! for another `JM_ABI_VERSION` and another name of the shared library.

mod common;

use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::process::Command;

use common::{Language, Linkage, compile, crate_folder, have, library_folder, run_well};

const HEAD: &str =
    "# Recorded by `make abi` on x86-64 Linux: see tests/abi.rs. Fields have their offset and size.\n";

/// The declarations of the header: no comments, no preprocessor, one space between words.
fn declarations(header: &str) -> Vec<String> {
    let mut code = String::new();
    let mut rest = header;
    while let Some((before, comment)) = rest.split_once("/*") {
        code.push_str(before);
        rest = comment.split_once("*/").unwrap().1;
    }
    code.push_str(rest);
    let mut for_cpp = false;
    let mut depth = 0;
    let mut declarations = vec![String::new()];
    for line in code.lines() {
        if line.starts_with('#') {
            for_cpp = line.contains("__cplusplus") && !line.starts_with("#endif");
        } else if !for_cpp {
            for character in line.chars().chain([' ']) {
                match character {
                    '{' => depth += 1,
                    '}' => depth -= 1,
                    _ => {}
                }
                if character == ';' && depth == 0 {
                    declarations.push(String::new());
                } else {
                    declarations.last_mut().unwrap().push(character);
                }
            }
        }
    }
    let one_line = |text: String| text.split_whitespace().collect::<Vec<_>>().join(" ");
    declarations.into_iter().map(one_line).filter(|text| !text.is_empty()).collect()
}

/// A program that prints where the fields are.
fn fields(declarations: &[String]) -> String {
    let mut program =
        String::from("#include <stddef.h>\n#include <stdio.h>\n#include \"jitsimeet.h\"\nint main(void) {\n");
    for declaration in declarations {
        let Some((name, fields)) =
            declaration.strip_prefix("typedef struct ").and_then(|d| d.split_once(" {"))
        else {
            continue;
        };
        for field in fields.split(';').filter_map(|field| field.rsplit([' ', '*']).next()) {
            if !field.is_empty() && !declaration.ends_with(&format!("}} {field}")) {
                writeln!(
                    program,
                    "    printf(\"field {name}.{field} %zu %zu\\n\", offsetof({name}, {field}), \
                     sizeof((({name} *)0)->{field}));"
                )
                .unwrap();
            }
        }
    }
    program.push_str("    return 0;\n}\n");
    program
}

#[test]
fn the_abi_is_the_recorded_one() {
    let header = fs::read_to_string(crate_folder().join("../include/jitsimeet.h")).unwrap();
    let declarations = declarations(&header);
    let mut lines = Vec::new();
    for line in header.lines().filter_map(|line| line.strip_prefix("#define JM_")) {
        if let Some((name, value)) = line.split_once(' ').filter(|(name, _)| !name.starts_with("VERSION")) {
            lines.push(format!("constant JM_{name} {value}"));
        }
    }
    for declaration in declarations.iter().filter(|declaration| !declaration.contains('{')) {
        lines.push(format!("declaration {declaration}"));
    }

    let source = Path::new(env!("CARGO_TARGET_TMPDIR")).join("abi.c");
    fs::write(&source, fields(&declarations)).unwrap();
    let source = source.to_str().unwrap();
    let Some(program) = compile(source, "abi", Language::C11, Linkage::Shared, &[]) else { return };
    lines.extend(run_well(&mut Command::new(program)).lines().map(ToOwned::to_owned));
    if !have("nm") {
        return;
    }
    let library = library_folder().join("libjitsimeet.so");
    let symbols = run_well(Command::new("nm").args(["-D", "--defined-only"]).arg(library));
    lines.extend(symbols.lines().map(|line| format!("symbol {}", line.rsplit(' ').next().unwrap())));
    lines.sort();

    let made = format!("{HEAD}{}\n", lines.join("\n"));
    let path = crate_folder().join("abi.txt");
    if std::env::var_os("UPDATE_ABI").is_some() {
        fs::write(&path, &made).unwrap();
    }
    let recorded = fs::read_to_string(&path).unwrap_or_default();
    let difference: Vec<_> = recorded
        .lines()
        .filter(|line| !made.lines().any(|other| other == *line))
        .map(|line| format!("- {line}"))
        .chain(
            made.lines()
                .filter(|line| !recorded.lines().any(|other| other == *line))
                .map(|line| format!("+ {line}")),
        )
        .collect();
    assert!(
        recorded == made,
        "the ABI is not the recorded one; `make abi` records it:\n{}",
        difference.join("\n")
    );
}
