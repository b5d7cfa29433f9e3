//! An anvil node of our own, for tests and demonstrations.

use std::{
    env,
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use super::{Chain, ChainError, Rpc};

/// Most time that a node takes to answer first.
const START: Duration = Duration::from_secs(20);
/// Attempts at a free port.
const ATTEMPTS: usize = 3;

/// A running node with the rules of the Osaka hardfork; it ends with this value.
pub struct Anvil {
    child: Child,
    url: String,
}

impl Anvil {
    /// The anvil binary: `SYSTOLE_ANVIL`, else the one that `cargo xtask` installs below `root`, else the `PATH`'s.
    pub fn find(root: &Path) -> Option<PathBuf> {
        if let Some(path) = env::var_os("SYSTOLE_ANVIL") {
            return Some(native(PathBuf::from(path))).filter(|path| path.is_file());
        }
        let installed = root.join(".tools/node_modules/.bin/anvil");
        let on_path = env::var_os("PATH").unwrap_or_default();
        let candidates = env::split_paths(&on_path).map(|folder| folder.join("anvil"));
        std::iter::once(installed).chain(candidates).find(|path| path.is_file()).map(native)
    }

    /// Starts `binary` on a free port and waits until it answers.
    ///
    /// # Errors
    /// It cannot be run or does not answer.
    pub fn start(binary: &Path) -> Result<Anvil, ChainError> {
        let mut result = Err(ChainError::Anvil("no free port".into()));
        for _ in 0..ATTEMPTS {
            result = Anvil::start_once(binary);
            if result.is_ok() {
                break;
            }
        }
        result
    }

    fn start_once(binary: &Path) -> Result<Anvil, ChainError> {
        let error = |reason: String| ChainError::Anvil(format!("{}: {reason}", binary.display()));
        let listener = TcpListener::bind("127.0.0.1:0").map_err(|cause| error(cause.to_string()))?;
        let port = listener.local_addr().map_err(|cause| error(cause.to_string()))?.port();
        drop(listener);
        let child = Command::new(binary)
            .args(["--hardfork", "osaka", "--silent", "--host", "127.0.0.1", "--port", &port.to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|cause| error(cause.to_string()))?;
        let mut anvil = Anvil { child, url: format!("http://127.0.0.1:{port}") };
        let started = Instant::now();
        loop {
            if let Ok(Some(status)) = anvil.child.try_wait() {
                return Err(error(format!("it ended at once with {status}")));
            }
            match Rpc::connect(anvil.url()).and_then(|mut rpc| rpc.now()) {
                Ok(_) => return Ok(anvil),
                Err(cause) if started.elapsed() > START => return Err(error(cause.to_string())),
                Err(_) => sleep(Duration::from_millis(20)),
            }
        }
    }

    /// Where it listens.
    pub fn url(&self) -> &str {
        &self.url
    }
}

/// The binary behind npm's wrapper script, which would leave its child behind when it is killed.
fn native(path: PathBuf) -> PathBuf {
    let packages = path.canonicalize().ok().filter(|real| real.extension().is_some_and(|ending| ending == "mjs"));
    let packages = packages.as_deref().and_then(Path::parent).and_then(Path::parent);
    let folders = packages.and_then(|folder| folder.read_dir().ok()).into_iter().flatten().flatten();
    let mut binaries = folders
        .filter(|entry| entry.file_name().to_string_lossy().starts_with("anvil-"))
        .map(|entry| entry.path().join("bin/anvil"));
    binaries.find(|binary| binary.is_file()).unwrap_or(path)
}

impl Drop for Anvil {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
