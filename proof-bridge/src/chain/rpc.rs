//! Any node that speaks Ethereum's JSON-RPC over HTTP.

use std::{
    thread::sleep,
    time::{Duration, Instant},
};

use alloy::primitives::{Address, B256, Bytes, U64, U256, hex};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};

use super::{Account, Chain, ChainError, Log, Receipt, Transaction, account::Unsigned, reason};

/// Most time for one answer.
const ANSWER: Duration = Duration::from_secs(30);
/// Most time for a transaction to be mined.
const MINED: Duration = Duration::from_secs(600);
/// Time between two looks for a receipt: first and longest.
const POLL: (Duration, Duration) = (Duration::from_millis(5), Duration::from_secs(2));
/// Largest answer that is read.
const ANSWER_BYTES: u64 = 256 << 20;

/// A node.
pub struct Rpc {
    agent: ureq::Agent,
    url: String,
    chain_id: u64,
}

#[derive(Deserialize)]
struct RpcError {
    message: String,
    data: Option<Value>,
}

#[derive(Deserialize)]
struct Answer {
    result: Option<Value>,
    error: Option<RpcError>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Mined {
    status: U64,
    gas_used: U64,
    effective_gas_price: U256,
    block_number: U64,
    contract_address: Option<Address>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawLog {
    address: Address,
    topics: Vec<B256>,
    data: Bytes,
    block_number: Option<U64>,
    #[serde(default)]
    removed: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Block {
    timestamp: U64,
    base_fee_per_gas: Option<U256>,
}

impl Rpc {
    /// Connects to the node at `url`.
    ///
    /// # Errors
    /// No node answers there.
    pub fn connect(url: &str) -> Result<Rpc, ChainError> {
        let config = ureq::Agent::config_builder()
            .timeout_global(Some(ANSWER))
            .http_status_as_error(false)
            .user_agent("systole")
            .build();
        let mut rpc = Rpc { agent: config.into(), url: url.to_owned(), chain_id: 0 };
        rpc.chain_id = rpc.ask::<U64>("eth_chainId", json!([]))?.to();
        Ok(rpc)
    }

    /// The chain's id.
    pub fn chain_id(&self) -> u64 {
        self.chain_id
    }

    fn exchange(&self, method: &'static str, params: &Value) -> Result<Answer, ChainError> {
        let unreachable = |reason: String| ChainError::Unreachable { url: self.url.clone(), reason };
        let question = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
        let mut response =
            self.agent.post(&self.url).send_json(question).map_err(|cause| unreachable(cause.to_string()))?;
        let status = response.status();
        let body = response.body_mut().with_config().limit(ANSWER_BYTES).read_to_string();
        let body = body.map_err(|cause| unreachable(cause.to_string()))?;
        serde_json::from_str(&body).map_err(|_| unreachable(format!("no JSON-RPC answer (HTTP status {status})")))
    }

    fn ask<T: DeserializeOwned>(&self, method: &'static str, params: Value) -> Result<T, ChainError> {
        let answer = self.exchange(method, &params)?;
        if let Some(error) = answer.error {
            return Err(ChainError::Refused { method, message: error.message });
        }
        serde_json::from_value(answer.result.unwrap_or(Value::Null))
            .map_err(|cause| ChainError::Malformed { method, reason: cause.to_string() })
    }

    /// As `ask`, for what runs contract code: an error with revert data is told by its name.
    fn execute<T: DeserializeOwned>(
        &self,
        name: &'static str,
        method: &'static str,
        params: Value,
    ) -> Result<T, ChainError> {
        let answer = self.exchange(method, &params)?;
        if let Some(error) = answer.error {
            let data = error.data.as_ref().and_then(revert_data);
            return Err(match data {
                Some(data) => ChainError::Reverted { name, reason: reason(&data) },
                None if error.message.contains("revert") => ChainError::Reverted { name, reason: error.message },
                None => ChainError::Invalid { name, reason: error.message },
            });
        }
        serde_json::from_value(answer.result.unwrap_or(Value::Null))
            .map_err(|cause| ChainError::Malformed { method, reason: cause.to_string() })
    }

    fn latest(&self) -> Result<Block, ChainError> {
        self.ask("eth_getBlockByNumber", json!(["latest", false]))
    }

    /// Signs the transaction with the account's next nonce and room for two blocks of rising fees.
    fn sign(&self, from: &Account, gas: u64, transaction: &Transaction) -> Result<Vec<u8>, ChainError> {
        let nonce: U64 = self.ask("eth_getTransactionCount", json!([from.address(), "pending"]))?;
        let base_wei: u128 = self.latest()?.base_fee_per_gas.unwrap_or_default().saturating_to();
        let tip: U256 = match self.ask("eth_maxPriorityFeePerGas", json!([])) {
            Err(ChainError::Refused { .. }) => U256::from(1_000_000_000),
            answer => answer?,
        };
        let tip_wei: u128 = tip.saturating_to();
        from.sign(&Unsigned {
            chain_id: self.chain_id,
            nonce: nonce.to(),
            tip_wei,
            fee_wei: base_wei.saturating_mul(2).saturating_add(tip_wei),
            gas,
            to: transaction.to,
            value: transaction.value,
            data: &transaction.data,
        })
    }

    fn wait(&self, name: &'static str, hash: B256) -> Result<Mined, ChainError> {
        let (mut pause, longest) = POLL;
        let started = Instant::now();
        loop {
            match self.ask("eth_getTransactionReceipt", json!([hash]))? {
                Some(mined) => return Ok(mined),
                None if started.elapsed() > MINED => {
                    return Err(ChainError::NotMined { name, hash, seconds: MINED.as_secs() });
                }
                None => sleep(pause),
            }
            pause = (pause * 2).min(longest);
        }
    }
}

/// The bytes of an error's `data`, which nodes give as a string or wrapped in an object.
fn revert_data(data: &Value) -> Option<Vec<u8>> {
    let text = data.as_str().or_else(|| data.get("data")?.as_str())?;
    // Some nodes prefix the word "Reverted ".
    hex::decode(text.rsplit(' ').next()?).ok()
}

/// The request object of a call or estimate.
fn request(from: Option<Address>, transaction: &Transaction) -> Value {
    let mut object = json!({ "input": transaction.data, "value": transaction.value });
    if let Some(to) = transaction.to {
        object["to"] = json!(to);
    }
    if let Some(from) = from {
        object["from"] = json!(from);
    }
    object
}

impl Chain for Rpc {
    fn send(&mut self, from: &Account, transaction: Transaction) -> Result<Receipt, ChainError> {
        let name = transaction.name;
        let object = request(Some(from.address()), &transaction);
        let estimate: U64 = self.execute(name, "eth_estimateGas", json!([object]))?;
        // An estimate is exact for one state; the next block's may differ a little.
        let estimate: u64 = estimate.to();
        let signed = self.sign(from, estimate.saturating_add(estimate / 5), &transaction)?;
        let raw = hex::encode_prefixed(signed);
        let hash: B256 = self.execute(name, "eth_sendRawTransaction", json!([raw]))?;
        let mined = self.wait(name, hash)?;
        if mined.status.is_zero() {
            let again = self.execute::<Bytes>(name, "eth_call", json!([object, mined.block_number]));
            let reason = again.err().map_or_else(|| "it failed in its block".to_owned(), |error| error.to_string());
            return Err(ChainError::Reverted { name, reason });
        }
        let gas: u64 = mined.gas_used.to();
        Ok(Receipt {
            name: name.to_owned(),
            from: from.address(),
            gas,
            calldata_bytes: transaction.data.len(),
            fee_wei: mined.effective_gas_price.saturating_mul(U256::from(gas)),
            hash: Some(hash),
            block: mined.block_number.to(),
            created: mined.contract_address,
        })
    }

    fn call(&mut self, name: &'static str, to: Address, data: Bytes) -> Result<Bytes, ChainError> {
        let object = request(None, &Transaction { name, to: Some(to), value: U256::ZERO, data });
        self.execute(name, "eth_call", json!([object, "latest"]))
    }

    fn logs(&mut self, address: Address, topic: B256, from: u64) -> Result<Vec<Log>, ChainError> {
        let filter =
            json!({ "address": address, "topics": [topic], "fromBlock": U64::from(from), "toBlock": "latest" });
        let logs: Vec<RawLog> = self.ask("eth_getLogs", json!([filter]))?;
        let mined = logs.into_iter().filter(|log| !log.removed);
        Ok(mined
            .filter_map(|log| {
                let block = log.block_number?.to();
                Some(Log { address: log.address, topics: log.topics, data: log.data, block })
            })
            .collect())
    }

    fn balance(&mut self, of: Address) -> Result<U256, ChainError> {
        self.ask("eth_getBalance", json!([of, "latest"]))
    }

    fn now(&mut self) -> Result<u64, ChainError> {
        Ok(self.latest()?.timestamp.to())
    }

    fn advance(&mut self, seconds: u64) -> Result<(), ChainError> {
        let no = |error: ChainError| match error {
            ChainError::Refused { message, .. } => ChainError::NotTestChain(message),
            error => error,
        };
        self.ask::<Value>("evm_increaseTime", json!([seconds])).map_err(no)?;
        self.ask::<Value>("evm_mine", json!([])).map_err(no)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_that_is_down_is_one_clear_error() {
        let error = Rpc::connect("http://127.0.0.1:9").err().unwrap().to_string();
        assert!(error.starts_with("no node answers at http://127.0.0.1:9: "), "{error}");
        assert!(Rpc::connect("nonsense").is_err());
    }

    #[test]
    fn revert_data_in_its_shapes() {
        for data in [json!("0x0102"), json!({ "data": "0x0102" }), json!("Reverted 0x0102")] {
            assert_eq!(revert_data(&data), Some(vec![1, 2]));
        }
        assert_eq!(revert_data(&json!("no")), None);
    }
}
