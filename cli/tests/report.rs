//! `systole estimate`, and the report of `systole compile` in a real browser.
#![allow(clippy::unwrap_used, reason = "a test may stop at once")]

mod browser;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use browser::Browser;
use serde_json::{Value, json};

fn digits() -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/digits/digits.onnx").display().to_string()
}

fn run(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_systole")).args(arguments).arg("--json").output().unwrap()
}

fn systole(arguments: &[&str]) -> Value {
    let output = run(arguments);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// A folder of the test's own.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Folder {
        let folder = std::env::temp_dir().join(format!("systole-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        Folder(folder)
    }

    fn path(&self, name: &str) -> String {
        self.0.join(name).display().to_string()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[test]
fn an_estimate_says_what_a_program_costs() {
    let folder = Folder::new("estimate");
    systole(&["compile", &digits(), "-o", &folder.path("digits.sys")]);
    let said = systole(&["estimate", &folder.path("digits.sys"), "--mhz", "200"]);
    let of_model = systole(&["estimate", &digits(), "--mhz", "200"]);
    assert_eq!(said["cycles"], of_model["cycles"]);
    let cycles = said["cycles"].as_u64().unwrap();
    assert!((said["milliseconds"].as_f64().unwrap() - cycles as f64 / 200e3).abs() < 1e-9);
    let layers = said["layers"].as_array().unwrap();
    let own: u64 = layers.iter().map(|layer| layer["own_cycles"].as_u64().unwrap()).sum();
    assert!(own <= cycles && own + 20 > cycles, "{own} of {cycles}");
    assert!(said["bytes_read"].as_u64().unwrap() >= said["least_bytes"].as_u64().unwrap() - 32);
    let slow = systole(&["estimate", &digits(), "--dram-bytes-per-cycle", "1"]);
    assert!(slow["cycles"].as_u64().unwrap() > 2 * cycles);
}

#[test]
fn what_does_not_fit_is_told_by_how_much() {
    let folder = Folder::new("fit");
    let target = folder.path("small.json");
    let params =
        json!({"array_rows": 4, "array_cols": 4, "spad_log2": 7, "acc_log2": 4, "port_bytes": 4, "vector_lanes": 4});
    std::fs::write(&target, params.to_string()).unwrap();
    let says = |arguments: &[&str]| {
        let output = run(arguments);
        assert!(!output.status.success());
        String::from_utf8(output.stderr).unwrap()
    };
    let estimate = says(&["estimate", &digits(), "--target", &target]);
    assert!(estimate.contains("rows of spad, the target has") && estimate.contains("too many"), "{estimate}");
    let compile = says(&["compile", &digits(), "--target", &target, "-o", &folder.path("small.sys")]);
    assert_eq!(compile, estimate);
    // A program for a larger machine.
    systole(&["compile", &digits(), "-o", &folder.path("digits.sys")]);
    let program = says(&["estimate", &folder.path("digits.sys"), "--target", &target]);
    assert!(program.contains("needs 8192 rows of spad, this machine has 128: 8064 too few"), "{program}");
}

#[test]
fn the_report_of_the_digits_opens_in_a_browser() {
    let folder = Folder::new("report");
    let report = folder.path("report");
    systole(&["compile", &digits(), "-o", &folder.path("digits.sys"), "--report", &report]);
    let file = |name: &str| Path::new(&report).join(name);
    for name in ["memory.svg", "graph_before.svg", "graph_after.svg"] {
        let text = std::fs::read_to_string(file(name)).unwrap();
        assert!(text.starts_with("<svg ") && text.ends_with("</svg>"), "{name}");
    }
    let said: Value = serde_json::from_slice(&std::fs::read(file("report.json")).unwrap()).unwrap();
    let (layers, facts) = (said["layers"].as_array().unwrap(), said["facts"].as_array().unwrap());
    assert_eq!(layers.len(), facts.len());
    for (layer, fact) in layers.iter().zip(facts) {
        assert!(fact["error"]["rms_steps"].as_f64().is_some_and(|error| error < 3.0), "{layer} {fact}");
    }
    let Some(browser) = browser::find() else {
        eprintln!("skipped: no Chromium on this machine, the page was not opened");
        return;
    };
    check_page(Browser::start(&browser, &folder.0.join("chromium")), &file("index.html"), &said);
}

fn check_page(mut page: Browser, html: &Path, said: &Value) {
    page.open(html);
    let mut count = |selector: &str| page.value(&format!("document.querySelectorAll({selector:?}).length"));
    assert_eq!(count("#layers tbody tr"), said["layers"].as_array().unwrap().len());
    let [before, after] = ["nodes_before", "tasks_after"].map(|key| said[key].as_u64().unwrap());
    let nodes = count("svg.graph .node").as_u64().unwrap();
    assert!(nodes > before + after, "inputs and outputs are nodes too: {nodes}, {before}, {after}");
    assert!(count("svg.memory path.c1").as_u64().unwrap() >= 1, "weights on chip");
    assert!(count("svg.memory path.c5").as_u64().unwrap() >= 1, "sums in acc");
    // Nothing is cut off, and no two nodes of a graph lie on each other.
    let wide = page.value("document.documentElement.scrollWidth <= document.documentElement.clientWidth");
    assert_eq!(wide, true);
    let meet = "[...document.querySelectorAll('svg.graph')].some(graph => { \
        const all = [...graph.querySelectorAll('.node rect')].map(e => e.getBBox()); \
        return all.some((a, i) => all.slice(i + 1).some(b => \
            a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height)); })";
    assert_eq!(page.value(meet), false);
    for scheme in ["light", "dark"] {
        let features = json!({"features": [{"name": "prefers-color-scheme", "value": scheme}]});
        page.call("Emulation.setEmulatedMedia", features);
        if let Some(folder) = std::env::var_os("SYSTOLE_SCREENSHOTS") {
            page.screenshot(&Path::new(&folder).join(format!("report_{scheme}.png")));
        }
    }
    assert_eq!(page.faults(), Vec::<String>::new());
}
