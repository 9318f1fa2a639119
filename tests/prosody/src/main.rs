//! Starts Prosody for test suites in other languages: prints one line of JSON that tells how to reach it, and ends
//! when standard input is closed.
//!
//! Exit status: 3 if Prosody is not installed, 1 if it cannot be started.
#![forbid(unsafe_code)]

use std::io::{self, Write as _};
use std::process::ExitCode;

use jitsimeet_testprosody::{StartError, TestProsody};
use serde_json::json;

fn main() -> ExitCode {
    let prosody = match TestProsody::start() {
        Ok(prosody) => prosody,
        Err(error) => {
            eprintln!("jitsimeet-testprosody: {error}");
            return ExitCode::from(if matches!(error, StartError::NotInstalled { .. }) { 3 } else { 1 });
        }
    };
    match serve(&prosody) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("jitsimeet-testprosody: {error}");
            ExitCode::FAILURE
        }
    }
}

fn serve(prosody: &TestProsody) -> io::Result<()> {
    let line = json!({
        "serviceUrl": prosody.service_url(),
        "secureServiceUrl": prosody.secure_service_url(),
        "domain": prosody.domain(),
        "caCertificate": prosody.ca_certificate(),
    });
    let mut stdout = io::stdout();
    writeln!(stdout, "{line}")?;
    stdout.flush()?;
    io::copy(&mut io::stdin(), &mut io::sink())?;
    Ok(())
}
