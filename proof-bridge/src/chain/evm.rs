//! An Ethereum virtual machine inside this process: mainnet's rules of the Osaka hardfork, one block a transaction.

use alloy::primitives::{Address, B256, Bytes, TxKind, U256};
use revm::{
    Context, DatabaseCommit, DatabaseRef, ExecuteEvm, MainBuilder, MainContext,
    context::{
        BlockEnv, TxEnv,
        result::{EVMError, ExecutionResult},
    },
    database::{CacheDB, EmptyDB},
    primitives::hardfork::SpecId,
    state::{AccountInfo, EvmState},
};

use super::{Account, Chain, ChainError, Log, Receipt, Transaction, reason};

/// Most gas of a transaction (EIP-7825).
const TRANSACTION_GAS: u64 = 1 << 24;
/// Gas of a block.
const BLOCK_GAS: u64 = 60_000_000;
/// Seconds between blocks.
const BLOCK_SECONDS: u64 = 12;
/// Time of the first block, unix seconds.
const GENESIS: u64 = 1_750_000_000;
/// Wei that each development account starts with.
const FUNDS_WEI: u128 = 10_000 * 10u128.pow(18);

/// What a transaction costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cost {
    /// Gas that is paid for.
    pub gas: u64,
    /// Gas of the intrinsic cost and the execution, by which the calldata floor (EIP-7623) does not come in.
    pub executed: u64,
}

/// The in-process chain. Gas costs nothing, so that balances show bonds alone.
pub struct Evm {
    db: CacheDB<EmptyDB>,
    block: BlockEnv,
    logs: Vec<Log>,
}

impl Default for Evm {
    fn default() -> Evm {
        Evm::new()
    }
}

impl Evm {
    /// A fresh chain on which the development accounts have funds.
    pub fn new() -> Evm {
        let mut db = CacheDB::new(EmptyDB::default());
        for account in Account::all_dev() {
            let info = AccountInfo { balance: U256::from(FUNDS_WEI), ..AccountInfo::default() };
            db.insert_account_info(account.address(), info);
        }
        let block = BlockEnv {
            number: U256::from(1),
            timestamp: U256::from(GENESIS),
            gas_limit: BLOCK_GAS,
            basefee: 0,
            prevrandao: Some(B256::ZERO),
            ..BlockEnv::default()
        };
        Evm { db, block, logs: Vec::new() }
    }

    /// Runs a transaction at the head of the chain without keeping its effects.
    fn run(&mut self, name: &'static str, tx: TxEnv) -> Result<(ExecutionResult, EvmState), ChainError> {
        let mut evm = Context::mainnet()
            .modify_cfg_chained(|cfg| cfg.set_spec_and_mainnet_gas_params(SpecId::OSAKA))
            .with_block(self.block.clone())
            .with_db(&mut self.db)
            .build_mainnet();
        match evm.transact(tx) {
            Ok(done) => Ok((done.result, done.state)),
            Err(EVMError::Transaction(error)) => Err(ChainError::Invalid { name, reason: error.to_string() }),
            Err(error) => Err(ChainError::Invalid { name, reason: format!("{error:?}") }),
        }
    }

    /// What a transaction to a contract would cost now.
    ///
    /// # Errors
    /// It reverts.
    pub fn measure(&mut self, to: Address, data: Bytes) -> Result<Cost, ChainError> {
        let name = "measure";
        let (result, _) = self.run(name, calling(to, data))?;
        check(name, &result)?;
        Ok(Cost { gas: result.tx_gas_used(), executed: result.gas().spent_sub_refunded() })
    }

    fn number(&self) -> u64 {
        self.block.number.saturating_to()
    }

    fn mine(&mut self, seconds: u64) {
        self.block.number += U256::from(1);
        self.block.timestamp += U256::from(seconds);
    }

    fn info(&self, of: Address) -> AccountInfo {
        // The backing database is empty and cannot fail.
        self.db.basic_ref(of).ok().flatten().unwrap_or_default()
    }
}

/// A call by nobody.
fn calling(to: Address, data: Bytes) -> TxEnv {
    TxEnv { gas_limit: TRANSACTION_GAS, kind: TxKind::Call(to), data, ..TxEnv::default() }
}

/// The output of a run that succeeded, or why it did not.
fn check(name: &'static str, result: &ExecutionResult) -> Result<(), ChainError> {
    match result {
        ExecutionResult::Success { .. } => Ok(()),
        ExecutionResult::Revert { output, .. } => Err(ChainError::Reverted { name, reason: reason(output) }),
        ExecutionResult::Halt { reason, .. } => Err(ChainError::Reverted { name, reason: format!("{reason:?}") }),
    }
}

impl Chain for Evm {
    fn send(&mut self, from: &Account, transaction: Transaction) -> Result<Receipt, ChainError> {
        let Transaction { name, to, value, data } = transaction;
        let calldata_bytes = data.len();
        let tx = TxEnv {
            caller: from.address(),
            gas_limit: TRANSACTION_GAS,
            kind: to.map_or(TxKind::Create, TxKind::Call),
            value,
            data,
            nonce: self.info(from.address()).nonce,
            ..TxEnv::default()
        };
        let (result, state) = self.run(name, tx)?;
        check(name, &result)?;
        self.db.commit(state);
        let block = self.number();
        self.mine(BLOCK_SECONDS);
        let receipt = Receipt {
            name: name.to_owned(),
            from: from.address(),
            gas: result.tx_gas_used(),
            calldata_bytes,
            fee_wei: U256::ZERO,
            hash: None,
            block,
            created: result.created_address(),
        };
        self.logs.extend(result.into_logs().into_iter().map(|log| Log {
            address: log.address,
            topics: log.topics().to_vec(),
            data: log.data.data,
            block,
        }));
        Ok(receipt)
    }

    fn call(&mut self, name: &'static str, to: Address, data: Bytes) -> Result<Bytes, ChainError> {
        let (result, _) = self.run(name, calling(to, data))?;
        check(name, &result)?;
        Ok(result.into_output().unwrap_or_default())
    }

    fn logs(&mut self, address: Address, topic: B256, from: u64) -> Result<Vec<Log>, ChainError> {
        let wanted = |log: &&Log| log.address == address && log.block >= from && log.topics.first() == Some(&topic);
        Ok(self.logs.iter().filter(wanted).cloned().collect())
    }

    fn balance(&mut self, of: Address) -> Result<U256, ChainError> {
        Ok(self.info(of).balance)
    }

    fn now(&mut self) -> Result<u64, ChainError> {
        Ok(self.block.timestamp.saturating_to())
    }

    fn advance(&mut self, seconds: u64) -> Result<(), ChainError> {
        self.mine(seconds);
        Ok(())
    }
}
