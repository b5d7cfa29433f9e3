//! The command as a user calls it: the digits model from ONNX to answers, and what bad input gets.

#![allow(clippy::unwrap_used, reason = "a test may stop at once")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// A folder of a test's own.
fn folder(name: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("systole-cli-{}-{name}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

fn systole(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_systole")).args(arguments).env_remove("SYSTOLE_PASSWORD").output().unwrap()
}

fn json(arguments: &[&str]) -> serde_json::Value {
    let output = systole(&[arguments, &["--json"]].concat());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// That a call fails with one line on stderr that says `expected`, and without a panic.
fn refused(arguments: &[&str], expected: &str) {
    let output = systole(arguments);
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{arguments:?}: {stderr}");
    assert_eq!(stderr.lines().count(), 1, "{arguments:?}: {stderr}");
    assert!(stderr.starts_with("error: ") && stderr.contains(expected), "{arguments:?}: {stderr}");
}

struct Digits {
    folder: PathBuf,
    program: String,
    arrays: String,
}

fn digits(name: &str) -> Digits {
    let folder = folder(name);
    let program = folder.join("digits.sys").display().to_string();
    let model = repository().join("models/digits/digits.onnx").display().to_string();
    let compiled = json(&["compile", &model, "-o", &program]);
    assert_eq!(compiled["macs"], 1_031_744);
    Digits { folder, program, arrays: repository().join("models/digits/digits_200.npz").display().to_string() }
}

#[test]
fn two_hundred_digits_agree_with_labels_and_onnx_runtime() {
    let d = digits("run");
    let out = d.folder.join("out.npz").display().to_string();
    let report = json(&[
        "run",
        &d.program,
        "--input",
        &d.arrays,
        "--labels",
        "label",
        "--reference",
        "ort_logits",
        "--output",
        &out,
    ]);
    assert_eq!(report["requests"], 200);
    assert_eq!(report["agreement"]["labels"], 196);
    assert_eq!(report["agreement"]["reference_classes"], 200);
    assert_eq!(report["agreement"]["reference_largest_lsb"], 0);
    // The outputs written are those read back as the reference of another run.
    let again = json(&["run", &d.program, "--input", &d.arrays]);
    assert_eq!(again["answers"], report["answers"]);
    let root = json(&["root", &d.program, "--input", &one_digit(&d), "--at", "0,100000000"]);
    assert_eq!(root["roots"][1], report["final_root"]);
}

/// The first digit of the archive, in a file of its own.
fn one_digit(d: &Digits) -> String {
    one_digit_of(d, 0)
}

fn one_digit_of(d: &Digits, item: usize) -> String {
    let mut archive = zip::ZipArchive::new(std::fs::File::open(&d.arrays).unwrap()).unwrap();
    let mut bytes = Vec::new();
    std::io::Read::read_to_end(&mut archive.by_name("image.npy").unwrap(), &mut bytes).unwrap();
    let images: Vec<f32> = npyz::NpyFile::new(&bytes[..]).unwrap().into_vec().unwrap();
    let path = d.folder.join(format!("digit{item}.npy"));
    write_npy(&path, &[1, 1, 28, 28], &images[784 * item..784 * (item + 1)]);
    path.display().to_string()
}

fn write_npy<T: npyz::AutoSerialize + Copy>(path: &Path, shape: &[u64], values: &[T]) {
    use npyz::WriterBuilder;
    let mut out = Vec::new();
    let mut writer = npyz::WriteOptions::new().default_dtype().shape(shape).writer(&mut out).begin_nd().unwrap();
    writer.extend(values.iter().copied()).unwrap();
    writer.finish().unwrap();
    std::fs::write(path, out).unwrap();
}

#[test]
fn random_values_are_a_request() {
    let d = digits("random");
    let run = |input: &str| json(&["run", &d.program, "--input", input])["output_root"].clone();
    assert_eq!(run("random:1"), run("random:1"));
    assert_ne!(run("random:1"), run("random:2"));
    refused(&["run", &d.program, "--input", "random:x"], "--input random:SEED wants a number, not `x`");
    refused(&["sim", &d.program], "--input random:1 for random values");
}

#[test]
fn the_accelerator_gives_the_executors_root() {
    if std::env::var_os("SYSTOLE_REQUIRE_RTL").is_none() {
        println!("skipped: SYSTOLE_REQUIRE_RTL is not set (`cargo xtask test` sets it)");
        return;
    }
    let d = digits("sim");
    let input = one_digit(&d);
    let executor = json(&["run", &d.program, "--input", &input]);
    let accelerator = json(&["sim", &d.program, "--input", &input]);
    for key in ["status", "steps", "final_root", "output_root"] {
        assert_eq!(executor[key], accelerator[key], "{key}");
    }
    assert_eq!(accelerator["macs"], 1_031_744);
    let same = json(&["diff", &d.program, "--input", &input, "--engines", "fast,rtl"]);
    assert_eq!((&same["equal"], &same["marks"]), (&true.into(), &5.into()));
    // Slower memory costs cycles and changes nothing else.
    let slow = json(&["sim", &d.program, "--input", &input, "--dram-bytes-per-cycle", "4", "--dram-latency", "100"]);
    assert_eq!(slow["final_root"], executor["final_root"]);
    assert!(slow["cycles"].as_u64() > accelerator["cycles"].as_u64());
}

#[test]
fn programs_can_be_looked_into() {
    let d = digits("info");
    let info = json(&["info", &d.program]);
    assert_eq!(info["inputs"][0]["name"], "image");
    let text = json(&["disasm", &d.program]);
    assert_eq!(text["text"].as_array().unwrap().len() as u64, info["instructions"].as_u64().unwrap());
    let source = d.folder.join("count.tasm");
    std::fs::write(&source, "li rd=x1 imm=3\nloop:\n sub rd=x1 ra=x1 imm=1\n bne ra=x1 imm=@loop\nhalt\n").unwrap();
    let program = d.folder.join("count.sys").display().to_string();
    json(&["asm", &source.display().to_string(), "-o", &program]);
    assert_eq!(json(&["run", &program])["steps"], 8);
}

#[test]
fn a_program_is_its_source_assembled() {
    let d = digits("source");
    let file = |name: &str| d.folder.join(name).display().to_string();
    let source = systole(&["disasm", &d.program, "--source"]);
    assert!(source.status.success());
    std::fs::write(file("digits.tasm"), &source.stdout).unwrap();
    json(&["asm", &file("digits.tasm"), "-o", &file("again.sys"), "--metadata-of", &d.program]);
    assert_eq!(std::fs::read(file("again.sys")).unwrap(), std::fs::read(&d.program).unwrap());
    // A word without meaning and the corners of the profile survive too.
    let odd =
        format!(".profile limit=-1 spad=20\n.const 3 i8 -1 2\n.const 9 fill 7 3\n.word {}\nhalt\n", "ff".repeat(32));
    std::fs::write(file("odd.tasm"), odd).unwrap();
    json(&["asm", &file("odd.tasm"), "-o", &file("odd.sys")]);
    let source = systole(&["disasm", &file("odd.sys"), "--source"]);
    std::fs::write(file("odd.tasm"), &source.stdout).unwrap();
    json(&["asm", &file("odd.tasm"), "-o", &file("odd2.sys")]);
    let [one, other] = ["odd.sys", "odd2.sys"].map(|name| json(&["info", &file(name)])["model_root"].clone());
    assert_eq!(std::fs::read(file("odd.sys")).unwrap(), std::fs::read(file("odd2.sys")).unwrap());
    assert_eq!(one, other);
}

fn text(arguments: &[&str]) -> String {
    let output = systole(arguments);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn a_trace_shows_what_was_asked_for() {
    let d = digits("trace");
    let trace = |more: &[&str]| {
        let base = ["run", &d.program, "--input", &d.arrays, "--item", "3", "--trace", "-"];
        let lines = text(&[&base, more].concat());
        lines.lines().filter(|line| !line.starts_with('#')).map(String::from).collect::<Vec<_>>()
    };
    let all = trace(&[]);
    let at = |text: &str| all.iter().position(|line| line.contains(text)).unwrap();
    let (first, mark) = (at("matmul n0=14 n1=4"), at("mark imm=2"));
    assert!(all[first].contains("acc[0..56] <- spad["), "{}", all[first]);
    assert!(all.last().unwrap().ends_with("halted"));
    assert_eq!(trace(&["--layer", "/3/Conv"]), all[first..=mark]);
    assert_eq!(trace(&["--layer", "2", "--first", "2"]), all[first..first + 2]);
    let store = at("region=output");
    assert_eq!(trace(&["--watch", "output:0"]), all[store..=store]);
    let some = trace(&["--watch", "acc:0..1", "--watch", "const:0"]).len();
    assert!(2 < some && some < all.len() / 2, "{some} of {}", all.len());
    let rows = trace(&["--first", "1", "--rows"]);
    assert!(rows.len() > 2 && rows[2].contains("row 1: spad[") && rows[2].contains("] = -128 -128"), "{}", rows[2]);
    let run = |more: &[&str]| systole(&[&["run", &d.program, "--input", &d.arrays], more].concat());
    refused_output(&run(&["--trace", "-"]), "give --item N");
    refused_output(&run(&["--item", "0", "--trace", "-", "--layer", "conv9"]), "no layer `conv9`");
    refused_output(&run(&["--item", "200"]), "the file has 200 requests");
}

fn refused_output(output: &Output, expected: &str) {
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code() == Some(1) && stderr.contains(expected), "{stderr}");
}

#[test]
fn a_trace_into_a_closed_pipe_ends_quietly() {
    let d = digits("pipe");
    let mut child = Command::new(env!("CARGO_BIN_EXE_systole"))
        .args(["run", &d.program, "--input", &d.arrays, "--item", "0", "--rows", "--trace", "-"])
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && !stderr.contains("panic") && !stderr.contains("error"), "{stderr}");
}

#[test]
fn roots_and_their_sub_trees_are_those_of_every_executor() {
    let d = digits("root");
    let run = |engine: &str| json(&["run", &d.program, "--input", &d.arrays, "--item", "0", "--engine", engine]);
    let last = run("fast")["steps"].as_u64().unwrap();
    let steps = format!("{last},0,5000");
    let root = |more: &[&str]| {
        json(&[&["root", &d.program, "--input", &d.arrays, "--at", &steps, "--sub-trees"], more].concat())
    };
    let fast = root(&[]);
    assert_eq!(fast, root(&["--engine", "step"]));
    assert_eq!(fast["at"], serde_json::json!([0, 5000, last]));
    assert_eq!(fast["sub_trees"][1]["const"], fast["sub_trees"][2]["const"]);
    assert_ne!(fast["sub_trees"][1]["onchip"], fast["sub_trees"][2]["onchip"]);
    assert_ne!(fast["roots"], root(&["--item", "1"])["roots"]);
    assert_eq!(run("fast")["final_root"], fast["roots"][2]);
    assert_eq!(run("step")["final_root"], fast["roots"][2]);
}

/// What `diff` prints of runs that differ.
fn differing(arguments: &[&str]) -> serde_json::Value {
    let output = systole(&[&["diff"], arguments, &["--json"]].concat());
    assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn diff_finds_the_micro_step_the_row_and_the_lane() {
    let d = digits("diff");
    let base = [&d.program[..], "--input", &d.arrays];
    let same = json(&[&["diff"], &base[..], &["--engines", "fast,step"]].concat());
    assert_eq!(same["equal"], true);
    // The last tap of row 50 of the first product of a layer.
    let trace = text(&[&["run"], &base[..], &["--item", "0", "--trace", "-"]].concat());
    let product = trace.lines().find(|line| line.contains("matmul n0=14 n1=4")).unwrap();
    let numbers: Vec<u64> = product.split_whitespace().take(2).map(|n| n.parse().unwrap()).collect();
    let (step, pc) = (numbers[0] + 50 * 3 + 2, numbers[1]);
    let fault = format!("{step}:11:2032");
    for engines in ["fast", "step,fast"] {
        let found = differing(&[&base[..], &["--engines", engines, "--fault", &fault]].concat());
        let first = &found["first"];
        assert_eq!((&first["step"], &first["pc"]), (&serde_json::json!(step), &serde_json::json!(pc)));
        assert_eq!(first["layer"], "/3/Conv (Conv)");
        let lane = &first["lanes"][0];
        assert_eq!((&lane["space"], &lane["row"], &lane["lane"]), (&"acc".into(), &50.into(), &11.into()));
        assert_eq!(lane["b"].as_i64().unwrap() - lane["a"].as_i64().unwrap(), 2032);
    }
    let other = one_digit_of(&d, 1);
    let found = differing(&[&base[..], &["--input-b", &other]].concat());
    assert_eq!(found["first"]["lanes"][0]["space"], "spad");
    refused(&[&["diff"], &base[..]].concat(), "both runs are the same");
}

#[test]
fn diff_compares_programs_and_recorded_traces() {
    let folder = folder("diff2");
    let file = |name: &str| folder.join(name).display().to_string();
    for (name, count) in [("a", 3), ("b", 4)] {
        let source = format!("li rd=x1 imm={count}\nloop:\n sub rd=x1 ra=x1 imm=1\n bne ra=x1 imm=@loop\nhalt\n");
        std::fs::write(file(&format!("{name}.tasm")), source).unwrap();
        json(&["asm", &file(&format!("{name}.tasm")), "-o", &file(&format!("{name}.sys"))]);
        text(&["run", &file(&format!("{name}.sys")), "--trace", &file(&format!("{name}.txt"))]);
    }
    let found = differing(&[&file("a.sys"), &file("b.sys")]);
    assert_eq!(found["first"]["step"], 0);
    assert_eq!(found["first"]["instruction_b"], "li rd=x1 imm=4");
    assert_eq!(
        found["first"]["lanes"],
        serde_json::json!([{"space": "x1", "row": null, "lane": null, "a": 3, "b": 4}])
    );
    assert_eq!(differing(&[&file("a.txt"), &file("b.txt")])["line"], 0);
    assert_eq!(json(&["diff", &file("a.txt"), &file("a.txt")])["lines"], 8);
}

#[test]
fn bad_models_and_programs_get_one_clear_line() {
    let d = digits("bad");
    let file = |name: &str, bytes: &[u8]| {
        let path = d.folder.join(name);
        std::fs::write(&path, bytes).unwrap();
        path.display().to_string()
    };
    let out = d.folder.join("never.sys").display().to_string();
    refused(&["compile", &file("text.onnx", b"this is no model"), "-o", &out], "text.onnx: ");
    refused(&["compile", &d.folder.join("none.onnx").display().to_string(), "-o", &out], "cannot read");
    refused(&["run", &file("magic.sys", b"hello")], "not a Systole program");
    let mut bytes = std::fs::read(&d.program).unwrap();
    refused(&["info", &file("short.sys", &bytes[..bytes.len() / 2])], "truncated program");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    refused(&["info", &file("altered.sys", &bytes)], "altered program");
    refused(&["asm", &file("bad.tasm", b"hopp"), "-o", &out], "line 1: no instruction `hopp`");
    refused(&["sim", &d.program, "--input", &d.arrays, "--target", "p9"], "no target is named `p9`");
}

#[test]
fn wrong_inputs_get_one_clear_line() {
    let d = digits("inputs");
    let npy = d.folder.join("x.npy");
    let path = npy.display().to_string();
    refused(&["run", &d.program], "give them with --input");
    write_npy(&npy, &[1, 1, 14, 14], &[0.5f32; 196]);
    refused(
        &["run", &d.program, "--input", &path],
        "has shape [1, 1, 28, 28] in the model, [1, 1, 14, 14] in the file",
    );
    write_npy(&npy, &[1, 1, 28, 28], &[1u8; 784]);
    refused(&["run", &d.program, "--input", &path], "is Float32 in the model, Uint8 in the file");
    write_npy(&npy, &[1, 1, 28, 28], &[f32::NAN; 784]);
    refused(&["run", &d.program, "--input", &path], "is not a number");
    std::fs::write(&npy, b"PK broken").unwrap();
    refused(&["run", &d.program, "--input", &path], "not a usable NumPy file");
}

#[test]
fn unsupported_nodes_are_named() {
    let model = repository().join("../shared/models/dscnn/float.onnx");
    if !model.exists() {
        println!("skipped: no {}", model.display());
        return;
    }
    let out = folder("node").join("never.sys").display().to_string();
    refused(&["compile", &model.display().to_string(), "-o", &out], "is not quantised");
}

#[test]
fn dead_nodes_and_wrong_keys_get_one_clear_line() {
    let data = folder("chain").display().to_string();
    // A port that was free a moment ago.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let url = format!("http://127.0.0.1:{port}");
    refused(&["deploy", "--rpc", &url, "--dev", "0", "--data", &data], "no node answers");
    refused(&["deploy", "--rpc", &url, "--data", &data], "no key");
    refused(&["deploy", "--rpc", &url, "--keystore", "none.json", "--data", &data], "cannot use the key none.json");
}
