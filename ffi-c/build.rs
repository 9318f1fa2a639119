//! Gives the shared library the name that programs look for when they start.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    // It changes when programs have to be compiled anew, and then `SONAME` in the Makefile does too.
    let name = match std::env::var("CARGO_CFG_TARGET_OS").as_deref() {
        Ok("macos" | "ios") => "-Wl,-install_name,@rpath/libjitsimeet.0.dylib",
        Ok("windows") => return,
        _ => "-Wl,-soname,libjitsimeet.so.0",
    };
    println!("cargo:rustc-cdylib-link-arg={name}");
}
