//! Where a command's words go: without `--json` to stdout, with it one object to stdout and words to stderr.

use std::fmt::Display;
use std::ops::ControlFlow;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Result;
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

/// The way out.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Output {
    pub(crate) json: bool,
    /// Something else is on stdout.
    taken: bool,
}

impl Output {
    /// With or without `--json`.
    pub(crate) fn new(json: bool) -> Output {
        Output { json, taken: false }
    }

    /// The way out where stdout is used for something else: words go to stderr.
    pub(crate) fn aside(self) -> Output {
        Output { taken: true, ..self }
    }

    /// A line for a person.
    pub(crate) fn say(self, line: impl Display) {
        if self.json || self.taken {
            eprintln!("{line}");
        } else {
            println!("{line}");
        }
    }

    /// The object for a machine.
    pub(crate) fn object(self, value: &impl Serialize) -> Result<()> {
        if self.json {
            println!("{}", serde_json::to_string(value)?);
        }
        Ok(())
    }
}

/// A bar on stderr; nothing where that is no terminal.
pub(crate) fn bar(length: u64, what: &'static str) -> ProgressBar {
    let style = ProgressStyle::with_template("{prefix} {bar:30} {human_pos}/{human_len} {elapsed}");
    ProgressBar::new(length).with_prefix(what).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

/// A line on stderr that tells how many cycles the accelerator has been simulated for; nothing where that is no terminal.
pub(crate) fn cycles() -> ProgressBar {
    let style = ProgressStyle::with_template("{spinner} {human_pos} cycles, {elapsed}");
    ProgressBar::new_spinner().with_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()))
}

static INTERRUPTED: AtomicBool = AtomicBool::new(false);
static HANDLER: OnceLock<()> = OnceLock::new();

/// Whether the user pressed Ctrl-C since the first call; a second Ctrl-C ends the process.
pub(crate) fn interrupted() -> bool {
    HANDLER.get_or_init(|| {
        let set = ctrlc::set_handler(|| {
            if INTERRUPTED.swap(true, Ordering::SeqCst) {
                std::process::exit(130);
            }
        });
        if let Err(error) = set {
            eprintln!("note: Ctrl-C will not be handled: {error}");
        }
    });
    INTERRUPTED.load(Ordering::SeqCst)
}

/// `Break` after Ctrl-C.
pub(crate) fn go_on() -> ControlFlow<()> {
    if interrupted() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
}

/// `12,345,678`.
pub(crate) fn thousands(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}
