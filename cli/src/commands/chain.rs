//! `systole deploy | register | request | claim`: what an operator and a dapp do on a chain.

use std::path::PathBuf;

use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use proof_bridge::chain::{Account, Chain, Receipt, Rpc};
use proof_bridge::contracts::{Claimed, Contracts, Registration, Requested, Terms};
use proof_bridge::operator::Operator;
use proof_bridge::store::Store;
use serde_json::json;

use super::{program, requests};
use crate::output::{Output, thousands};

/// Where, and who signs.
#[derive(Args)]
pub(crate) struct Connection {
    /// The node.
    #[arg(long, default_value = "http://127.0.0.1:8545")]
    rpc: String,
    /// JSON keystore of the account that signs; its password is in SYSTOLE_PASSWORD.
    #[arg(long, value_name = "F", conflicts_with = "dev")]
    keystore: Option<PathBuf>,
    /// Sign with one of the accounts that test chains fund, 0..=4.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(0..=4))]
    dev: Option<u8>,
    /// Programs, addresses and disputes are kept here.
    #[arg(long, value_name = "DIR", default_value = ".systole")]
    data: PathBuf,
}

/// A node, an account, a folder.
pub(crate) struct Session {
    pub(crate) chain: Rpc,
    pub(crate) account: Account,
    pub(crate) store: Store,
}

impl Connection {
    pub(crate) fn open(&self) -> Result<Session> {
        let account = match (&self.keystore, self.dev) {
            (Some(path), _) => {
                let password = std::env::var("SYSTOLE_PASSWORD").unwrap_or_default();
                Account::from_keystore(path, &password)?
            }
            (None, Some(index)) => Account::dev(index.into()),
            (None, None) => {
                bail!("no key: give --keystore F (password in SYSTOLE_PASSWORD), or --dev N on a test chain")
            }
        };
        Ok(Session { chain: Rpc::connect(&self.rpc)?, account, store: Store::open(&self.data)? })
    }
}

impl Session {
    pub(crate) fn contracts(&self) -> Result<Contracts> {
        self.store.contracts()?.context("no contracts are known in the data folder: run `systole deploy` first")
    }

    /// The request of this id (or of its first digits), or the newest.
    fn request(&mut self, contracts: &Contracts, id: Option<&str>) -> Result<Requested> {
        let all = contracts.requests(&mut self.chain, contracts.block)?;
        let wanted = |r: &Requested| id.is_none_or(|id| r.id.to_string().starts_with(id));
        all.into_iter().rev().find(wanted).context("there is no such request on this chain")
    }
}

pub(crate) fn say_receipt(output: Output, receipt: &Receipt) {
    let (gas, bytes) = (thousands(receipt.gas), thousands(receipt.calldata_bytes as u64));
    output.say(format_args!("{:14} {gas:>10} gas {bytes:>7} bytes", receipt.name));
}

/// Deploy the contracts.
#[derive(Args)]
pub(crate) struct Deploy {
    #[command(flatten)]
    connection: Connection,
    /// Wei that a claim and a challenge each put up.
    #[arg(long)]
    bond_wei: Option<u128>,
    /// Seconds in which a claim may be disputed.
    #[arg(long)]
    window_seconds: Option<u64>,
    /// Seconds that each side of a dispute has.
    #[arg(long)]
    clock_seconds: Option<u32>,
    /// Seconds that a side has at least for every move.
    #[arg(long)]
    extension_seconds: Option<u32>,
}

impl Deploy {
    pub(crate) fn run(&self, output: Output) -> Result<()> {
        let mut session = self.connection.open()?;
        let standard = Terms::default();
        let terms = Terms {
            bond_wei: self
                .bond_wei
                .map_or(standard.bond_wei, |wei| wei.to_string().parse().unwrap_or(standard.bond_wei)),
            window_seconds: self.window_seconds.unwrap_or(standard.window_seconds),
            clock_seconds: self.clock_seconds.unwrap_or(standard.clock_seconds),
            extension_seconds: self.extension_seconds.unwrap_or(standard.extension_seconds),
        };
        let (contracts, receipts) = Contracts::deploy(&mut session.chain, &session.account, &terms)?;
        session.store.save_contracts(&contracts)?;
        for receipt in &receipts {
            say_receipt(output, receipt);
        }
        output.say(format_args!("step  {}\ncourt {}", contracts.step, contracts.court));
        output.object(&json!({ "contracts": contracts, "terms": terms, "transactions": receipts }))
    }
}

/// Register a program as a model.
#[derive(Args)]
pub(crate) struct Register {
    #[command(flatten)]
    connection: Connection,
    /// The program.
    program: PathBuf,
}

impl Register {
    pub(crate) fn run(&self, output: Output) -> Result<()> {
        let program = program(&self.program)?;
        let mut session = self.connection.open()?;
        let contracts = session.contracts()?;
        let registration = Registration::of(&program);
        let model = registration.model_root();
        session.store.save_program(model, &program)?;
        if contracts.is_registered(&mut session.chain, model)? {
            output.say(format_args!("model {model} is registered already; its program is kept here now"));
            return output.object(&json!({ "model": model, "transactions": [] }));
        }
        let receipt = contracts.register(&mut session.chain, &session.account, &registration)?;
        say_receipt(output, &receipt);
        output.say(format_args!("model {model}"));
        output.object(&json!({ "model": model, "transactions": [receipt] }))
    }
}

/// Publish an input for a registered model.
#[derive(Args)]
pub(crate) struct Request {
    #[command(flatten)]
    connection: Connection,
    /// The program.
    program: PathBuf,
    /// Its input, as for `run`.
    #[arg(long)]
    input: Option<PathBuf>,
    /// Which item of a batch.
    #[arg(long, default_value_t = 0)]
    item: usize,
    /// Tells equal requests apart.
    #[arg(long, default_value_t = 0)]
    salt: u64,
}

impl Request {
    pub(crate) fn run(&self, output: Output) -> Result<()> {
        let program = program(&self.program)?;
        let (inputs, _) = requests(&program, self.input.as_deref())?;
        let count = inputs.len();
        let input =
            inputs.get(self.item).with_context(|| format!("the file has {count} items, --item {}", self.item))?;
        let mut session = self.connection.open()?;
        let contracts = session.contracts()?;
        let model = Registration::of(&program).model_root();
        let (id, receipt) = contracts.request(&mut session.chain, &session.account, model, input, self.salt)?;
        say_receipt(output, &receipt);
        output.say(format_args!("request {id}"));
        output.object(&json!({ "request": id, "model": model, "transactions": [receipt] }))
    }
}

/// Run a requested input and claim the result.
#[derive(Args)]
pub(crate) struct Claim {
    #[command(flatten)]
    connection: Connection,
    /// The request, by its first digits; the newest if left out.
    #[arg(long)]
    request: Option<String>,
    /// Instead of claiming: make this claim final once its window has passed, and take the bond back.
    #[arg(long, value_name = "CLAIM")]
    collect: Option<String>,
}

impl Claim {
    pub(crate) fn run(&self, output: Output) -> Result<()> {
        let mut session = self.connection.open()?;
        let contracts = session.contracts()?;
        if let Some(id) = &self.collect {
            return collect(output, &mut session, &contracts, id);
        }
        let requested = session.request(&contracts, self.request.as_deref())?;
        let Session { chain, account, store } = &mut session;
        let operator = Operator { contracts, account, store };
        let (claimed, trace, receipt) = operator.claim(chain, &requested, None)?;
        say_receipt(output, &receipt);
        output.say(format_args!(
            "claim {} of {} steps, status {}",
            claimed.id,
            trace.outcome().steps,
            trace.outcome().status
        ));
        output.object(&json!({
            "claim": claimed.id, "deadline": claimed.deadline, "outcome": trace.outcome(), "transactions": [receipt],
        }))
    }
}

fn collect(output: Output, session: &mut Session, contracts: &Contracts, id: &str) -> Result<()> {
    let chain: &mut dyn Chain = &mut session.chain;
    let claims = contracts.claims(chain, contracts.block)?;
    let found: Vec<&Claimed> = claims.iter().filter(|claim| claim.id.to_string().starts_with(id)).collect();
    ensure!(found.len() == 1, "{} claims begin with {id}", found.len());
    let receipt = contracts.collect_claim(chain, &session.account, &found[0].content)?;
    say_receipt(output, &receipt);
    output.object(&json!({ "claim": found[0].id, "transactions": [receipt] }))
}
