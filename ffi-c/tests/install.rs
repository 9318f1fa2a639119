//! `make install`, and programs outside the tree that build against what it installs.

mod common;

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use common::{Server, crate_folder, have, library_folder, run_well};

/// What a program that links with the shared library ships.
const MOST_BYTES: u64 = 6 * 1024 * 1024;
const COMPILERS: [(&str, &str); 2] = [("gcc", "g++"), ("clang", "clang++")];

/// A folder that is not in the tree, so that nothing of it is found by chance.
fn outside() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let folder = std::env::temp_dir().join(format!("jitsimeet-outside-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        for source in ["connect.c", "connect.cpp"] {
            fs::copy(crate_folder().join("examples").join(source), folder.join(source)).unwrap();
        }
        fs::copy(crate_folder().join("tests/outside/CMakeLists.txt"), folder.join("CMakeLists.txt")).unwrap();
        folder
    })
}

fn install(destination: &Path, prefix: &Path) {
    // What is installed is what has been built.
    library_folder();
    let mut make = Command::new("make");
    make.arg("--silent").arg("install").current_dir(crate_folder().parent().unwrap());
    make.arg(format!("DESTDIR={}", destination.display())).arg(format!("PREFIX={}", prefix.display()));
    make.env_remove("MAKEFLAGS").env_remove("MAKELEVEL");
    run_well(&mut make);
}

/// Installed once for all tests.
fn prefix() -> &'static Path {
    static PREFIX: OnceLock<PathBuf> = OnceLock::new();
    PREFIX.get_or_init(|| {
        let prefix = outside().join("prefix");
        install(Path::new(""), &prefix);
        prefix
    })
}

fn files(folder: &Path) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let entry = entry.unwrap();
            if entry.file_type().unwrap().is_dir() {
                folders.push(entry.path());
            } else {
                found.insert(entry.path().strip_prefix(folder).unwrap().to_str().unwrap().to_owned());
            }
        }
    }
    found
}

#[test]
fn everything_goes_below_the_destination() {
    let destination = outside().join("destination");
    install(&destination, Path::new("/opt/jitsimeet"));
    let expected = [
        "include/jitsimeet.h",
        "include/jitsimeet.hpp",
        "lib/cmake/jitsimeet/jitsimeet-config-version.cmake",
        "lib/cmake/jitsimeet/jitsimeet-config.cmake",
        "lib/libjitsimeet.a",
        "lib/libjitsimeet.so",
        "lib/libjitsimeet.so.0",
        concat!("lib/libjitsimeet.so.", env!("CARGO_PKG_VERSION")),
        "lib/pkgconfig/jitsimeet.pc",
    ];
    let expected = expected.map(|file| format!("opt/jitsimeet/{file}"));
    assert_eq!(files(&destination), BTreeSet::from(expected));
    // The destination is a place for packagers, and no program ever sees it.
    let described = fs::read_to_string(destination.join("opt/jitsimeet/lib/pkgconfig/jitsimeet.pc")).unwrap();
    assert!(described.starts_with("prefix=/opt/jitsimeet\n"), "{described}");
    assert!(described.contains(concat!("\nVersion: ", env!("CARGO_PKG_VERSION"), "\n")), "{described}");
    assert!(!described.contains('@'), "{described}");
}

#[test]
fn the_shared_library_is_small_and_named_by_its_version() {
    let library = prefix().join("lib/libjitsimeet.so");
    let size = fs::metadata(&library).unwrap().size();
    println!("stripped: {size} bytes");
    assert!(size < MOST_BYTES, "{size} bytes");
    let target = fs::canonicalize(&library).unwrap();
    let name = concat!("libjitsimeet.so.", env!("CARGO_PKG_VERSION"));
    assert_eq!(target.file_name().unwrap().to_str(), Some(name));
    assert_eq!(fs::canonicalize(prefix().join("lib/libjitsimeet.so.0")).unwrap(), target);
    if have("readelf") {
        let dynamic = run_well(Command::new("readelf").arg("-d").arg(&library));
        assert!(dynamic.contains("Library soname: [libjitsimeet.so.0]"), "{dynamic}");
    }
}

#[test]
fn the_stripped_library_exports_what_the_header_declares() {
    if have("nm") {
        let library = prefix().join("lib/libjitsimeet.so");
        let symbols = run_well(Command::new("nm").args(["-D", "--defined-only"]).arg(library));
        let exported: BTreeSet<_> = symbols.lines().map(|line| line.rsplit(' ').next().unwrap()).collect();
        let header = fs::read_to_string(prefix().join("include/jitsimeet.h")).unwrap();
        assert!(exported.iter().all(|name| name.starts_with("jm_")), "{exported:?}");
        assert!(exported.iter().all(|name| header.contains(&format!("{name}("))), "{exported:?}");
        assert!(exported.len() > 40, "{exported:?}");
    }
}

/// What pkg-config says of the installed library, as words.
fn flags(question: &[&str]) -> Vec<String> {
    let mut ask = Command::new("pkg-config");
    ask.args(question).arg("jitsimeet").env("PKG_CONFIG_PATH", prefix().join("lib/pkgconfig"));
    run_well(&mut ask).split_whitespace().map(ToOwned::to_owned).collect()
}

fn connects(server: &Server, program: &Path) {
    let printed = run_well(&mut server.command(program));
    assert!(printed.contains("@meet.example/"), "{}: {printed}", program.display());
}

#[test]
fn a_program_builds_with_pkg_config() {
    if !have("pkg-config") {
        return;
    }
    let (server, library) = (Server::start(), flags(&["--variable=libdir"]).remove(0));
    for (c, cpp) in COMPILERS {
        for (compiler, source, standard) in [(c, "connect.c", "-std=c11"), (cpp, "connect.cpp", "-std=c++17")]
        {
            if !have(compiler) {
                continue;
            }
            for linkage in ["shared", "static"] {
                let program = outside().join(format!("{compiler}-{linkage}"));
                let mut compile = Command::new(compiler);
                compile.args([standard, "-Wall", "-Wextra", "-Werror", source, "-o"]).arg(&program);
                compile.current_dir(outside()).args(flags(&["--cflags"]));
                if linkage == "shared" {
                    compile.args(flags(&["--libs"])).arg(format!("-Wl,-rpath,{library}"));
                } else {
                    compile.arg(format!("{library}/libjitsimeet.a"));
                    let others = flags(&["--static", "--libs-only-l"]);
                    compile.args(others.iter().filter(|flag| *flag != "-ljitsimeet"));
                }
                run_well(&mut compile);
                connects(&server, &program);
                let needed = run_well(Command::new("ldd").arg(&program));
                assert_eq!(needed.contains("libjitsimeet.so.0"), linkage == "shared", "{needed}");
            }
        }
    }
}

#[test]
fn a_program_builds_with_cmake() {
    if !have("cmake") {
        return;
    }
    let server = Server::start();
    for (c, cpp) in COMPILERS {
        if !have(c) || !have(cpp) {
            continue;
        }
        let build = outside().join(format!("cmake-{c}"));
        let mut configure = Command::new("cmake");
        configure.arg("-S").arg(outside()).arg("-B").arg(&build);
        configure.arg(format!("-DCMAKE_PREFIX_PATH={}", prefix().display()));
        run_well(configure.env("CC", c).env("CXX", cpp));
        run_well(Command::new("cmake").arg("--build").arg(&build));
        for program in ["c-shared", "c-static", "cpp-shared", "cpp-static"] {
            connects(&server, &build.join(program));
        }
    }
}
