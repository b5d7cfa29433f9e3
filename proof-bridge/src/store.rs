//! What must outlive a restart: where the contracts are, the programs, and the disputes one is in. Everything
//! else, the present state of each game included, is on the chain.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use alloy::primitives::B256;
use isa::program::{Program, ProgramError};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{abi::IClaims::Claim, contracts::Contracts, fault::Fault, loaded::Loaded};

/// Why the data folder is of no use.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A file cannot be read or written.
    #[error("{path}: {cause}", path = path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
    /// A file does not hold what it should.
    #[error("{path} is damaged: {reason}", path = path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
}

/// A side of a dispute.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    /// Made the claim.
    Claimant,
    /// Disputes it.
    Challenger,
}

/// A dispute that one is in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Its id.
    pub dispute: B256,
    /// Id of the claim.
    pub claim: B256,
    /// What is claimed.
    pub content: Claim,
    /// The side that one plays.
    pub side: Side,
    /// What was wrong with the machine that this side ran.
    pub fault: Option<Fault>,
}

/// A data folder.
#[derive(Clone, Debug)]
pub struct Store {
    folder: PathBuf,
    /// The programs that were asked for, by model.
    loaded: Arc<Mutex<BTreeMap<B256, Arc<Loaded>>>>,
}

impl Store {
    /// Opens the folder, or makes it.
    ///
    /// # Errors
    /// It cannot be made.
    pub fn open(folder: &Path) -> Result<Store, StoreError> {
        for part in ["programs", "disputes"] {
            let path = folder.join(part);
            fs::create_dir_all(&path).map_err(|cause| StoreError::Io { path, cause })?;
        }
        Ok(Store { folder: folder.to_owned(), loaded: Arc::default() })
    }

    /// Where the contracts are, if known.
    ///
    /// # Errors
    /// The file cannot be read or is damaged.
    pub fn contracts(&self) -> Result<Option<Contracts>, StoreError> {
        let path = self.folder.join("contracts.json");
        if path.exists() { load(&path).map(Some) } else { Ok(None) }
    }

    /// Remembers where the contracts are.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn save_contracts(&self, contracts: &Contracts) -> Result<(), StoreError> {
        save(&self.folder.join("contracts.json"), contracts)
    }

    /// The program of a model, if kept: read and hashed once.
    ///
    /// # Errors
    /// The file cannot be read or is damaged.
    pub fn program(&self, model: B256) -> Result<Option<Arc<Loaded>>, StoreError> {
        let mut loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(program) = loaded.get(&model) {
            return Ok(Some(Arc::clone(program)));
        }
        let path = self.program_path(model);
        if !path.exists() {
            return Ok(None);
        }
        let bytes = fs::read(&path).map_err(|cause| StoreError::Io { path: path.clone(), cause })?;
        let damaged = |reason: String| StoreError::Damaged { path: path.clone(), reason };
        let program = Program::read(&bytes).map_err(|cause: ProgramError| damaged(cause.to_string()))?;
        let program = Loaded::new(&program).map_err(|cause| damaged(cause.to_string()))?;
        let root = program.model().root();
        if root != model.0 {
            return Err(damaged(format!("it holds the model {}", B256::from(root))));
        }
        Ok(Some(Arc::clone(loaded.entry(model).or_insert(Arc::new(program)))))
    }

    /// Keeps the program of a model.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn save_program(&self, model: B256, program: &Program) -> Result<(), StoreError> {
        replace(&self.program_path(model), &program.write())
    }

    fn program_path(&self, model: B256) -> PathBuf {
        self.folder.join("programs").join(format!("{model}.sys"))
    }

    /// Remembers a dispute. To be done before its first transaction is sent.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn save_dispute(&self, record: &Record) -> Result<(), StoreError> {
        save(&self.folder.join("disputes").join(format!("{}.json", record.dispute)), record)
    }

    /// The disputes one is or was in, in order of their ids.
    ///
    /// # Errors
    /// A file cannot be read or is damaged.
    pub fn disputes(&self) -> Result<Vec<Record>, StoreError> {
        let folder = self.folder.join("disputes");
        let error = |cause| StoreError::Io { path: folder.clone(), cause };
        let entries = fs::read_dir(&folder).map_err(error)?.collect::<Result<Vec<_>, _>>().map_err(error)?;
        let mut paths: Vec<PathBuf> = entries.iter().map(fs::DirEntry::path).collect();
        paths.retain(|path| path.extension().is_some_and(|ending| ending == "json"));
        paths.sort();
        paths.iter().map(|path| load(path)).collect()
    }
}

fn load<T: DeserializeOwned>(path: &Path) -> Result<T, StoreError> {
    let bytes = fs::read(path).map_err(|cause| StoreError::Io { path: path.to_owned(), cause })?;
    serde_json::from_slice(&bytes)
        .map_err(|cause| StoreError::Damaged { path: path.to_owned(), reason: cause.to_string() })
}

fn save<T: Serialize>(path: &Path, value: &T) -> Result<(), StoreError> {
    let bytes = serde_json::to_vec_pretty(value)
        .map_err(|cause| StoreError::Damaged { path: path.to_owned(), reason: cause.to_string() })?;
    replace(path, &bytes)
}

/// Writes a file whole or not at all.
fn replace(path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
    let new = path.with_extension("new");
    let written = fs::write(&new, bytes).and_then(|()| fs::rename(&new, path));
    written.map_err(|cause| StoreError::Io { path: path.to_owned(), cause })
}
