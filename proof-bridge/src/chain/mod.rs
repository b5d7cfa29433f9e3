//! A chain, as little of it as claims and disputes need, and two of them: an EVM inside this process and any
//! node that speaks JSON-RPC.

use alloy::primitives::{Address, B256, Bytes, U256};
use serde::{Deserialize, Serialize};

mod account;
pub mod anvil;
mod evm;
mod revert;
mod rpc;

pub use account::Account;
pub use anvil::Anvil;
pub use evm::{Cost, Evm};
pub use revert::reason;
pub use rpc::Rpc;

/// Why the chain did not do as asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChainError {
    /// No answer from the node.
    #[error("no node answers at {url}: {reason}")]
    Unreachable {
        /// Where it was looked for.
        url: String,
        /// What went wrong.
        reason: String,
    },
    /// The node answered with an error.
    #[error("the node refused {method}: {message}")]
    Refused {
        /// JSON-RPC method.
        method: &'static str,
        /// Its words.
        message: String,
    },
    /// The node's answer makes no sense.
    #[error("the node's answer to {method} is not understood: {reason}")]
    Malformed {
        /// JSON-RPC method.
        method: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// A contract refused.
    #[error("{name} was refused: {reason}")]
    Reverted {
        /// The transaction or call.
        name: &'static str,
        /// The custom error with its values.
        reason: String,
    },
    /// A transaction that no block has taken.
    #[error("{name} was not mined within {seconds} s (transaction {hash}); it may still be")]
    NotMined {
        /// The transaction.
        name: &'static str,
        /// Its hash.
        hash: B256,
        /// How long it was waited for.
        seconds: u64,
    },
    /// Not a transaction that a chain takes: no funds, too much gas.
    #[error("{name} is no valid transaction: {reason}")]
    Invalid {
        /// The transaction.
        name: &'static str,
        /// Why.
        reason: String,
    },
    /// A keystore that does not open, or no key.
    #[error("cannot use the key {from}: {reason}")]
    Key {
        /// Where the key was to come from.
        from: String,
        /// Why not.
        reason: String,
    },
    /// Clocks can be turned on test chains only.
    #[error("time cannot be advanced on this chain: {0}")]
    NotTestChain(String),
    /// anvil did not start.
    #[error("anvil did not start: {0}")]
    Anvil(String),
}

/// A transaction to send.
#[derive(Clone, Debug)]
pub struct Transaction {
    /// What it is for, in a word: shown in errors and reports.
    pub name: &'static str,
    /// The contract; none to create one.
    pub to: Option<Address>,
    /// Wei sent along.
    pub value: U256,
    /// Call data, or creation code.
    pub data: Bytes,
}

/// A transaction that was mined and did not revert.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// As in [`Transaction`].
    pub name: String,
    /// The sender.
    pub from: Address,
    /// Gas used, all of it: intrinsic, execution, calldata floor.
    pub gas: u64,
    /// Bytes of call data or creation code.
    pub calldata_bytes: usize,
    /// Wei paid for the gas.
    pub fee_wei: U256,
    /// Transaction hash; none in the in-process EVM.
    pub hash: Option<B256>,
    /// Number of its block.
    pub block: u64,
    /// The contract created, if any.
    pub created: Option<Address>,
}

/// An event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Log {
    /// The contract.
    pub address: Address,
    /// Topics, the event's own hash first.
    pub topics: Vec<B256>,
    /// The rest.
    pub data: Bytes,
    /// Number of its block.
    pub block: u64,
}

/// Where claims and disputes happen.
pub trait Chain {
    /// Sends a transaction and waits until it is in a block.
    ///
    /// # Errors
    /// It would revert or did, is invalid, or the node fails.
    fn send(&mut self, from: &Account, transaction: Transaction) -> Result<Receipt, ChainError>;

    /// Calls a contract without a transaction.
    ///
    /// # Errors
    /// It reverts, or the node fails.
    fn call(&mut self, name: &'static str, to: Address, data: Bytes) -> Result<Bytes, ChainError>;

    /// Events of a contract with this first topic, oldest first, from block `from` on.
    ///
    /// # Errors
    /// The node fails.
    fn logs(&mut self, address: Address, topic: B256, from: u64) -> Result<Vec<Log>, ChainError>;

    /// Wei an account has.
    ///
    /// # Errors
    /// The node fails.
    fn balance(&mut self, of: Address) -> Result<U256, ChainError>;

    /// Time of the latest block, unix seconds.
    ///
    /// # Errors
    /// The node fails.
    fn now(&mut self) -> Result<u64, ChainError>;

    /// Lets `seconds` pass on a test chain.
    ///
    /// # Errors
    /// Not a test chain, or the node fails.
    fn advance(&mut self, seconds: u64) -> Result<(), ChainError>;
}
