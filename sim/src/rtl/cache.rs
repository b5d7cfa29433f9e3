//! Verilog text → shared library, kept by content hash.
//!
//! An entry is a folder that appears by one rename, so readers never see half of one; a lock file keeps concurrent
//! processes from doing the same work. Entries depend on the text, the shim, the tools and this CPU (`-march=native`).

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::{env, io, thread};

use sha2::{Digest, Sha256};

use super::toolchain::{Toolchain, ToolchainError};

const LIBRARY: &str = "libsystole.so";
const PREFIX: &str = "Vdut";
/// Of the files that Verilator writes; smaller ones compile in parallel, larger ones optimise better.
const SPLIT: &str = "20000";

/// What a library is made of: Verilog, its top module, and what stands between that and Rust.
#[derive(Clone, Copy)]
struct Design<'a> {
    verilog: &'a str,
    top: &'static str,
    shim: &'static str,
}

/// A machine.
fn machine(verilog: &str) -> Design<'_> {
    Design { verilog, top: "systole", shim: include_str!("shim.cpp") }
}

/// Why there is no library.
#[derive(Debug, thiserror::Error)]
pub enum CacheError {
    /// Verilator or the compiler is missing.
    #[error(transparent)]
    Toolchain(#[from] ToolchainError),
    /// A file of the cache cannot be read or written.
    #[error("cache of Verilated models, {path}: {source}")]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A tool refused its input.
    #[error("{tool} failed on the RTL:\n{message}")]
    Tool {
        /// Executable.
        tool: PathBuf,
        /// The end of its standard error.
        message: String,
    },
}

/// Where Verilated models are kept.
#[derive(Debug, Clone)]
pub struct Cache {
    folder: PathBuf,
    tools: Option<PathBuf>,
}

impl Cache {
    /// `.tools/verilated/` of the enclosing workspace if there is a `.tools`, else the user's cache folder.
    #[must_use]
    pub fn standard() -> Cache {
        let tools = find_tools();
        let folder = match &tools {
            Some(tools) => tools.join("verilated"),
            None => user_cache().join("systole/verilated"),
        };
        Cache { folder, tools }
    }

    /// A cache in `folder`.
    #[must_use]
    pub fn at(folder: PathBuf) -> Cache {
        Cache { folder, tools: find_tools() }
    }

    /// The tools that a model is built with.
    ///
    /// # Errors
    /// A message that says what to install.
    pub fn toolchain(&self, waves: bool) -> Result<Toolchain, ToolchainError> {
        let find = if waves { Toolchain::find_for_waves } else { Toolchain::find };
        find(self.tools.as_deref())
    }

    /// The library for this Verilog, whose top module is `systole`; built where it is not there yet.
    /// `waves` adds FST tracing, which costs about 90 × in speed and needs the headers of zlib (of lz4 too with newer Verilators).
    ///
    /// # Errors
    /// Missing tools, a refused text, or an unwritable cache.
    pub fn library(&self, verilog: &str, waves: bool) -> Result<PathBuf, CacheError> {
        self.build(&machine(verilog), waves)
    }

    /// The library for a board, whose top module is `shell`.
    ///
    /// # Errors
    /// As [`Cache::library`].
    pub fn board(&self, verilog: &str) -> Result<PathBuf, CacheError> {
        self.build(&Design { verilog, top: "shell", shim: include_str!("../board/shim.cpp") }, false)
    }

    fn build(&self, design: &Design<'_>, waves: bool) -> Result<PathBuf, CacheError> {
        let tools = self.toolchain(waves)?;
        let runtime = self.runtime(waves, &tools)?;
        let model = self.entry(&model_key(design, waves, &tools), |entry, scratch| {
            build_model(&tools, design, waves, &runtime, entry, scratch, &[])
        })?;
        Ok(model.join(LIBRARY))
    }

    /// Whether that library is there, so that [`Cache::library`] will take no time.
    #[must_use]
    pub fn holds(&self, verilog: &str, waves: bool) -> bool {
        self.toolchain(waves).is_ok_and(|tools| self.folder.join(model_key(&machine(verilog), waves, &tools)).is_dir())
    }

    /// The library that [`Cache::tune`] made for this Verilog, if it did.
    ///
    /// # Errors
    /// Missing tools.
    pub fn tuned(&self, verilog: &str) -> Result<Option<PathBuf>, CacheError> {
        let library = self.folder.join(tuned_key(verilog, &self.toolchain(false)?)).join(LIBRARY);
        Ok(library.is_file().then_some(library))
    }

    /// The same library, compiled by Clang for what `train` did with a library that counts (profile-guided
    /// optimisation). `train` has to drop its machine before it returns: the counts are written then.
    ///
    /// # Errors
    /// As [`Cache::library`], what `train` says, or the compiler is none that can do this.
    pub fn tune<E: From<CacheError>>(
        &self,
        verilog: &str,
        train: impl FnOnce(PathBuf) -> Result<(), E>,
    ) -> Result<PathBuf, E> {
        let tools = self.toolchain(false).map_err(CacheError::from)?;
        let merger = tools.profile_merger().map_err(CacheError::from)?;
        let runtime = self.runtime(false, &tools)?;
        let entry = self.entry(&tuned_key(verilog, &tools), |entry, scratch| -> Result<(), E> {
            let build = |name: &str, flag: String| {
                let (built, litter) = (scratch.join(name), scratch.join(format!("{name}.tmp")));
                fs::create_dir_all(&built).map_err(at(&built))?;
                fs::create_dir_all(&litter).map_err(at(&litter))?;
                build_model(&tools, &machine(verilog), false, &runtime, &built, &litter, &[flag])
                    .map(|()| built.join(LIBRARY))
            };
            let counts = scratch.join("counts");
            train(build("counting", format!("-fprofile-generate={}", counts.display()))?)?;
            let profile = scratch.join("profile");
            let mut merge = Command::new(&merger);
            merge.arg("merge").arg("-o").arg(&profile).args(files(&counts, ".profraw")?);
            run(&merger, merge)?;
            let library = build("tuned", format!("-fprofile-use={}", profile.display()))?;
            fs::rename(&library, entry.join(LIBRARY)).map_err(at(&library))?;
            Ok(())
        })?;
        Ok(entry.join(LIBRARY))
    }

    fn runtime(&self, waves: bool, tools: &Toolchain) -> Result<PathBuf, CacheError> {
        self.entry(&runtime_key(waves, tools), |entry, _| build_runtime(tools, waves, entry))
    }

    /// The folder of `key`, made by `build` (given a folder to fill and one to litter) where it is not there yet.
    fn entry<E: From<CacheError>>(
        &self,
        key: &str,
        build: impl FnOnce(&Path, &Path) -> Result<(), E>,
    ) -> Result<PathBuf, E> {
        let entry = self.folder.join(key);
        if entry.is_dir() {
            return Ok(entry);
        }
        fs::create_dir_all(&self.folder).map_err(at(&self.folder))?;
        let lock_path = entry.with_extension("lock");
        let lock = File::create(&lock_path).map_err(at(&lock_path))?;
        lock.lock().map_err(at(&lock_path))?;
        if !entry.is_dir() {
            let scratch = entry.with_extension("tmp");
            let staged = scratch.join("entry");
            remove_folder(&scratch)?;
            fs::create_dir_all(&staged).map_err(at(&staged))?;
            let built = build(&staged, &scratch);
            let placed = built.and_then(|()| Ok(fs::rename(&staged, &entry).map_err(at(&entry))?));
            remove_folder(&scratch)?;
            placed?;
        }
        drop(lock);
        Ok(entry)
    }
}

/// Verilator's own sources are the same for every model: compiled once.
fn build_runtime(tools: &Toolchain, waves: bool, entry: &Path) -> Result<(), CacheError> {
    let names = ["verilated", "verilated_threads"].into_iter().chain(waves.then_some("verilated_fst_c"));
    let sources: Vec<_> = names.map(|name| (tools.root.join("include").join(format!("{name}.cpp")), false)).collect();
    compile(tools, waves, entry, entry, &sources, &[]).map(|_| ())
}

fn build_model(
    tools: &Toolchain,
    design: &Design<'_>,
    waves: bool,
    runtime: &Path,
    entry: &Path,
    scratch: &Path,
    extra: &[String],
) -> Result<(), CacheError> {
    let write = |name: &str, text: &str| {
        let path = scratch.join(name);
        fs::write(&path, text).map_err(at(&path)).map(|()| path)
    };
    let verilog_path = write("design.v", design.verilog)?;
    let shim_path = write("shim.cpp", design.shim)?;
    let mut verilate = Command::new(&tools.verilator);
    verilate.current_dir(scratch).args(verilator_flags(design.top, waves)).arg(&verilog_path);
    if tools.root_is_beside {
        verilate.env("VERILATOR_ROOT", &tools.root);
    }
    run(&tools.verilator, verilate)?;
    let generated = scratch.join("obj");
    let mut sources: Vec<_> = files(&generated, ".cpp")?.into_iter().map(|path| (path, true)).collect();
    for (path, fast) in &mut sources {
        let name = path.to_string_lossy();
        *fast = !name.contains("__Slow") && !name.contains("__Syms") && !name.contains("__Trace");
    }
    sources.push((shim_path, true));
    let objects = compile(tools, waves, &generated, scratch, &sources, extra)?;
    let mut link = Command::new(&tools.compiler);
    link.arg("-shared").arg("-o").arg(entry.join(LIBRARY)).args(&objects).args(files(runtime, ".o")?);
    link.args(["-Wl,-Bsymbolic", "-pthread"]).args(extra);
    if waves {
        link.args(tools.wave_libraries().iter().map(|library| format!("-l{library}")));
    }
    run(&tools.compiler, link)
}

fn verilator_flags(top: &'static str, waves: bool) -> Vec<&'static str> {
    let mut flags = vec!["--cc", "--prefix", PREFIX, "--top-module", top, "--Mdir", "obj", "-O3"];
    flags.extend(["--x-assign", "fast", "--x-initial", "fast", "--output-split", SPLIT, "--no-timing", "-Wno-fatal"]);
    // Lint is hdl's test, with its reviewed waivers.
    flags.extend(["-Wno-lint", "-Wno-style"]);
    if waves {
        flags.push("--trace-fst");
    }
    flags
}

/// The files of a folder whose names end so, sorted.
fn files(folder: &Path, suffix: &str) -> Result<Vec<PathBuf>, CacheError> {
    let entries = fs::read_dir(folder).and_then(Iterator::collect::<io::Result<Vec<_>>>).map_err(at(folder))?;
    let mut paths: Vec<_> = entries.into_iter().map(|entry| entry.path()).collect();
    paths.retain(|path| path.to_string_lossy().ends_with(suffix));
    paths.sort();
    Ok(paths)
}

/// Compiles every source on all cores; the first failure wins.
fn compile(
    tools: &Toolchain,
    waves: bool,
    headers: &Path,
    objects: &Path,
    sources: &[(PathBuf, bool)],
    extra: &[String],
) -> Result<Vec<PathBuf>, CacheError> {
    let next = AtomicUsize::new(0);
    let failure = Mutex::new(None);
    let object = |index: usize| objects.join(format!("{index}.o"));
    let worker = || {
        while let Some((index, (source, fast))) =
            Some(next.fetch_add(1, Ordering::Relaxed)).and_then(|i| Some((i, sources.get(i)?)))
        {
            let mut command = Command::new(&tools.compiler);
            command.args(compiler_flags(waves, *fast)).arg("-I").arg(headers);
            command.args(extra);
            if !tools.is_clang() {
                // Two models in one process must not share their statics.
                command.arg("-fno-gnu-unique");
            }
            command.arg("-I").arg(tools.root.join("include")).arg("-I").arg(tools.root.join("include/vltstd"));
            command.arg("-c").arg(source).arg("-o").arg(object(index));
            if let Err(error) = run(&tools.compiler, command) {
                next.store(sources.len(), Ordering::Relaxed);
                failure.lock().unwrap_or_else(std::sync::PoisonError::into_inner).get_or_insert(error);
            }
        }
    };
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(worker);
        }
    });
    match failure.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner) {
        Some(error) => Err(error),
        None => Ok((0..sources.len()).map(object).collect()),
    }
}

fn compiler_flags(waves: bool, fast: bool) -> Vec<&'static str> {
    let mut flags = vec!["-std=gnu++17", "-fPIC", "-march=native", "-w", "-fno-strict-aliasing", "-pthread"];
    flags.push(if fast { "-O3" } else { "-O1" });
    // Our shim gives these, so that a run-time complaint is an error and not a line on stdout.
    flags.extend(["-DVL_USER_WARN", "-DVL_USER_FATAL", "-DVL_USER_STOP", "-DVL_USER_FINISH"]);
    flags.extend(["-DVM_COVERAGE=0", "-DVM_SC=0", "-DVM_TRACE_VCD=0"]);
    flags.extend(if waves { ["-DVM_TRACE=1", "-DVM_TRACE_FST=1"] } else { ["-DVM_TRACE=0", "-DVM_TRACE_FST=0"] });
    flags
}

fn run(tool: &Path, mut command: Command) -> Result<(), CacheError> {
    let output = command.stdin(Stdio::null()).output().map_err(at(tool))?;
    if output.status.success() {
        return Ok(());
    }
    let text = String::from_utf8_lossy(&output.stderr);
    let message = text.lines().take(20).collect::<Vec<_>>().join("\n");
    Err(CacheError::Tool { tool: tool.into(), message })
}

fn model_key(design: &Design<'_>, waves: bool, tools: &Toolchain) -> String {
    let flags = verilator_flags(design.top, waves).join(" ");
    key(&[design.verilog, design.shim, &flags, &runtime_key(waves, tools)])
}

fn tuned_key(verilog: &str, tools: &Toolchain) -> String {
    key(&[&model_key(&machine(verilog), false, tools), "tuned"])
}

fn runtime_key(waves: bool, tools: &Toolchain) -> String {
    let flags = compiler_flags(waves, true).join(" ");
    let root = tools.root.to_string_lossy();
    key(&[&flags, &tools.verilator_version, &root, &tools.compiler_version, &cpu_flags()])
}

fn key(parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hash.finalize().iter().take(12).map(|byte| format!("{byte:02x}")).collect()
}

/// What `-march=native` depends on.
fn cpu_flags() -> String {
    let text = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let line = text.lines().find(|line| line.starts_with("flags") || line.starts_with("Features"));
    line.unwrap_or(env::consts::ARCH).to_owned()
}

/// The nearest `.tools` above the current folder, or that of the workspace this was compiled in.
fn find_tools() -> Option<PathBuf> {
    let here = env::current_dir().unwrap_or_default();
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().map(Path::to_path_buf);
    here.ancestors()
        .map(Path::to_path_buf)
        .chain(workspace)
        .map(|folder| folder.join(".tools"))
        .find(|path| path.is_dir())
}

fn user_cache() -> PathBuf {
    let home = || env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache"));
    env::var_os("XDG_CACHE_HOME").map(PathBuf::from).or_else(home).unwrap_or_else(env::temp_dir)
}

fn remove_folder(path: &Path) -> Result<(), CacheError> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(at(path)(error)),
        _ => Ok(()),
    }
}

fn at(path: &Path) -> impl FnOnce(io::Error) -> CacheError {
    let path = path.to_path_buf();
    move |source| CacheError::Io { path, source }
}
