//! `systole profile` of the digits, and its page in a real browser.
#![allow(clippy::unwrap_used, reason = "a test may stop at once")]

mod browser;

use std::path::{Path, PathBuf};
use std::process::Command;

use browser::Browser;
use serde_json::{Value, json};

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn systole(arguments: &[&str]) -> Value {
    let output = Command::new(env!("CARGO_BIN_EXE_systole")).args(arguments).arg("--json").output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn the_page_of_the_digits_works_in_a_browser() {
    let folder = std::env::temp_dir().join(format!("systole-profile-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let path = |name: &str| folder.join(name).display().to_string();
    let model = repository().join("models/digits/digits.onnx").display().to_string();
    systole(&["compile", &model, "-o", &path("digits.sys")]);
    let input = repository().join("models/digits/digits_200.npz").display().to_string();
    let (html, trace) = (path("page.html"), path("trace.json"));
    let said = systole(&["profile", &path("digits.sys"), "--input", &input, "--html", &html, "--trace", &trace]);
    check_summary(&said);
    let program = systole(&["info", &path("digits.sys")]);
    check_layers(&said, &program);
    check_trace(Path::new(&trace), &said);
    let page = std::fs::read(&html).unwrap();
    assert!(page.len() < 4 << 20, "the page has {} bytes", page.len());
    match browser::find() {
        Some(browser) => check_page(Browser::start(&browser, &folder.join("chromium")), Path::new(&html), &said),
        None => eprintln!("skipped: no Chromium on this machine, the page was not opened"),
    }
    std::fs::remove_dir_all(&folder).unwrap();
}

fn check_summary(said: &Value) {
    assert_eq!((&said["status"], &said["macs"]), (&json!("halted"), &json!(1_031_744)));
    let cycles = said["cycles"].as_u64().unwrap();
    for part in said["parts"].as_array().unwrap() {
        let sum: u64 = part.as_array().unwrap().iter().map(|count| count.as_u64().unwrap()).sum();
        assert_eq!(sum, cycles, "every cycle of every part has a cause");
    }
}

fn check_layers(said: &Value, program: &Value) {
    let layers = |of: &Value, key: &str| -> Vec<u64> {
        of["layers"].as_array().unwrap().iter().map(|layer| layer[key].as_u64().unwrap()).collect()
    };
    assert_eq!(layers(said, "macs"), layers(program, "macs"), "each layer has its own products");
    let [begin, own] = ["begin", "own_cycles"].map(|key| layers(said, key));
    let ends: Vec<u64> = begin.iter().zip(&own).map(|(begin, own)| begin + own).collect();
    assert_eq!(begin[0], 0);
    assert_eq!(begin[1..], ends[..ends.len() - 1], "one after another");
    assert!(ends.last().unwrap() + 20 > said["cycles"].as_u64().unwrap(), "nothing but HALT follows");
    for layer in said["layers"].as_array().unwrap() {
        for part in layer["parts"].as_array().unwrap() {
            let sum: u64 = part.as_array().unwrap().iter().map(|count| count.as_u64().unwrap()).sum();
            assert_eq!(sum, layer["cycles"].as_u64().unwrap(), "in {layer}");
        }
    }
}

fn check_trace(trace: &Path, said: &Value) {
    let trace: Value = serde_json::from_slice(&std::fs::read(trace).unwrap()).unwrap();
    let events = trace["traceEvents"].as_array().unwrap();
    let work = |unit: usize| -> u64 {
        let mine = events.iter().filter(|event| event["pid"] == 2 && event["tid"] == unit && event["name"] == "work");
        mine.map(|event| event["dur"].as_u64().unwrap()).sum()
    };
    for unit in 0..6 {
        assert_eq!(work(unit), said["parts"][unit][1].as_u64().unwrap(), "work of unit {unit}: trace against counter");
    }
    let names: Vec<&str> = events.iter().filter_map(|event| event["args"]["text"].as_str()).collect();
    assert!(names.iter().any(|text| text.starts_with("matmul n0=")));
}

fn check_page(mut page: Browser, html: &Path, said: &Value) {
    page.open(html);
    let mut count = |selector: &str| page.value(&format!("document.querySelectorAll({selector:?}).length"));
    let layers = said["layers"].as_array().unwrap().len();
    assert_eq!(count("#layers tbody tr"), layers);
    // A layer that ends before others do has no cycles of its own to show.
    let own = said["layers"].as_array().unwrap().iter().filter(|layer| layer["own_cycles"] != 0).count();
    assert_eq!(count("#timeline rect.layer"), own);
    assert_eq!(count("#parts .stack"), 7);
    assert!(count("#timeline rect.instruction").as_u64().unwrap() > 10);
    assert!(count("#timeline path.activity").as_u64().unwrap() > 10);
    assert!(count("#roofline .point").as_u64().unwrap() > 2);
    let tip = "document.getElementById('tip').hidden ? '' : document.getElementById('tip').innerText";
    for (place, word) in [
        ("#timeline rect.instruction", "issued"),
        ("#timeline rect.layer", "MACs"),
        ("#roofline .point", "MACs a byte"),
        ("#parts .part", "idle"),
        ("#layers tbody tr", "bytes read"),
    ] {
        page.hover(place);
        let text = page.value(tip);
        assert!(text.as_str().unwrap().contains(word), "over {place}: {text}");
    }
    let range = "document.getElementById('range').textContent";
    let whole = page.value(range);
    page.click("#zoom-in");
    assert_ne!(page.value(range), whole);
    page.click("#zoom-all");
    assert_eq!(page.value(range), whole);
    page.click("#layers tbody tr:last-child");
    assert_ne!(page.value(range), whole, "a click on a layer shows it");
    page.click("#zoom-all");
    let colour = "getComputedStyle(document.body).backgroundColor";
    let mut scheme = |value: &str| {
        let features = json!({"features": [{"name": "prefers-color-scheme", "value": value}]});
        page.call("Emulation.setEmulatedMedia", features);
        if let Some(folder) = std::env::var_os("SYSTOLE_SCREENSHOTS") {
            page.screenshot(&Path::new(&folder).join(format!("profile_{value}.png")));
        }
        page.value(colour)
    };
    assert_ne!(scheme("light"), scheme("dark"));
    assert_eq!(page.faults(), Vec::<String>::new());
}
