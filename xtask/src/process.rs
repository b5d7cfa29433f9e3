//! Child processes: shown before they run, without standard input, and named when they fail.

use std::env;
use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

/// Runs `command` with its output on ours.
///
/// # Errors
/// It cannot be started, or ends with another code than 0.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let text = shown(command);
    eprintln!("$ {text}");
    let status = command.stdin(Stdio::null()).status().with_context(|| format!("cannot start `{text}`"))?;
    if status.success() { Ok(()) } else { bail!("`{text}` failed ({status})") }
}

/// Runs `command` with all its output on standard error, so that standard output stays for results.
///
/// # Errors
/// As [`run`].
pub(crate) fn run_aside(command: &mut Command) -> Result<()> {
    run(command.stdout(Stdio::from(std::io::stderr())))
}

/// What `command` prints on standard output, without surrounding white space.
///
/// # Errors
/// It cannot be started, or ends with another code than 0.
pub(crate) fn capture(command: &mut Command) -> Result<String> {
    let text = shown(command);
    let output = command.stdin(Stdio::null()).output().with_context(|| format!("cannot start `{text}`"))?;
    if !output.status.success() {
        bail!("`{text}` failed ({}): {}", output.status, String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// What `command` prints on standard output; standard error stays ours, for those who wait.
///
/// # Errors
/// As [`run`].
pub(crate) fn capture_aside(command: &mut Command) -> Result<String> {
    let text = shown(command);
    eprintln!("$ {text}");
    let output = command.stdin(Stdio::null()).stderr(Stdio::inherit()).output();
    let output = output.with_context(|| format!("cannot start `{text}`"))?;
    if !output.status.success() {
        bail!("`{text}` failed ({})", output.status);
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// The file that `program` names on the `PATH`.
pub(crate) fn on_path(program: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path).map(|folder| folder.join(program)).find(|file| file.is_file())
}

/// The cargo that runs us.
pub(crate) fn cargo() -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(crate::repo::root());
    command
}

fn shown(command: &Command) -> String {
    let name = std::path::Path::new(command.get_program()).file_name().unwrap_or_default();
    let words = std::iter::once(name).chain(command.get_args());
    words.map(OsStr::to_string_lossy).collect::<Vec<_>>().join(" ")
}
