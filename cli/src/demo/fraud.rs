//! The chain's part of the demo: an honest claim, and a false one that is proved false.

use anyhow::{Context, Result, ensure};
use isa::Leaf;
use isa::program::Program;
use proof_bridge::Loaded;
use proof_bridge::chain::{Account, Chain, Receipt};
use proof_bridge::contracts::{Contracts, Registration, Requested, Terms};
use proof_bridge::fault::Fault;
use proof_bridge::operator::{Operator, run};
use proof_bridge::player::{Player, Round, play_out};
use proof_bridge::store::{Side, Store};
use proof_bridge::watcher::{Opinion, Watcher};
use serde::Serialize;

/// Wei of an ether, as a float for display.
const WEI: f64 = 1e18;

/// A claim that nobody disputes.
#[derive(Serialize)]
pub(super) struct Honest {
    pub(super) steps: u64,
    /// Gas of claiming, finalising and collecting.
    pub(super) claim_gas: u64,
    /// Everything from the deployment on.
    pub(super) transactions: Vec<Receipt>,
}

/// What an account gained or lost.
#[derive(Serialize)]
pub(super) struct Change {
    pub(super) who: &'static str,
    pub(super) change_eth: f64,
}

/// A claim that was proved false.
#[derive(Serialize)]
pub(super) struct Disputed {
    pub(super) convicted: bool,
    pub(super) transactions: usize,
    pub(super) total_gas: u64,
    pub(super) step_gas: u64,
    pub(super) step_calldata_bytes: u64,
    pub(super) witness_bytes: u64,
    pub(super) steps: u64,
    pub(super) fault: Fault,
    pub(super) rounds: Vec<Round>,
    pub(super) transcript: Vec<Receipt>,
    pub(super) balances: Vec<Change>,
}

/// Who takes part; the data folder lives as long as they do.
pub(super) struct Parties {
    contracts: Contracts,
    operator: Account,
    watcher: Account,
    dapp: Account,
    store: Store,
    folder: std::path::PathBuf,
    deployed: Vec<Receipt>,
    window_seconds: u64,
}

impl Drop for Parties {
    fn drop(&mut self) {
        // Left-overs in the temporary folder harm nobody.
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

impl Parties {
    /// Deploys and registers.
    pub(super) fn new(chain: &mut dyn Chain, program: &Program) -> Result<Parties> {
        let folder = std::env::temp_dir().join(format!("systole-demo-{}", std::process::id()));
        let store = Store::open(&folder)?;
        let (operator, watcher, dapp) = (Account::dev(0), Account::dev(1), Account::dev(2));
        let terms = Terms::default();
        let (contracts, receipts) = Contracts::deploy(chain, &dapp, &terms)?;
        let registration = Registration::of(program);
        let mut deployed = receipts.to_vec();
        deployed.push(contracts.register(chain, &operator, &registration)?);
        store.save_program(registration.model_root(), program)?;
        Ok(Parties {
            contracts,
            operator,
            watcher,
            dapp,
            store,
            folder,
            deployed,
            window_seconds: terms.window_seconds,
        })
    }

    fn request(
        &self,
        chain: &mut dyn Chain,
        program: &Program,
        input: &[Leaf],
        salt: u64,
    ) -> Result<(Requested, Receipt)> {
        let model = Registration::of(program).model_root();
        let (id, receipt) = self.contracts.request(chain, &self.dapp, model, input, salt)?;
        let all = self.contracts.requests(chain, receipt.block)?;
        let requested = all.into_iter().find(|r| r.id == id).context("the request is not on the chain")?;
        Ok((requested, receipt))
    }

    fn operator(&self) -> Operator<'_> {
        Operator { contracts: self.contracts, account: &self.operator, store: &self.store }
    }

    fn watcher(&self) -> Watcher<'_> {
        Watcher { contracts: self.contracts, account: &self.watcher, store: &self.store }
    }

    /// A request, an honest claim, its window, its end.
    pub(super) fn honest(&self, chain: &mut dyn Chain, program: &Program, input: &[Leaf]) -> Result<Honest> {
        let mut transactions = self.deployed.clone();
        let (requested, receipt) = self.request(chain, program, input, 1)?;
        transactions.push(receipt);
        let (claimed, trace, claim) = self.operator().claim(chain, &requested, None)?;
        ensure!(
            matches!(self.watcher().judge(chain, &claimed)?, Opinion::True),
            "the watcher does not believe a true claim"
        );
        chain.advance(self.window_seconds + 1)?;
        let paid = self.contracts.collect_claim(chain, &self.operator, &claimed.content)?;
        let claim_gas = claim.gas + paid.gas;
        transactions.extend([claim, paid]);
        Ok(Honest { steps: trace.outcome().steps, claim_gas, transactions })
    }

    /// A request, a claim of a run with one wrong product, a dispute, its end.
    pub(super) fn dishonest(&self, chain: &mut dyn Chain, program: &Program, input: &[Leaf]) -> Result<Disputed> {
        let (requested, _) = self.request(chain, program, input, 2)?;
        let honest = run(&Loaded::new(program)?, &requested, None)?;
        let deep = honest.outcome().steps * 3 / 5;
        let fault = Fault::that_matters(&honest, deep).context("no wrong product changes this run's result")?;
        let before = [chain.balance(self.operator.address())?, chain.balance(self.watcher.address())?];
        let (claimed, false_trace, _) = self.operator().claim(chain, &requested, Some(fault))?;
        let watcher = self.watcher();
        let Opinion::False(true_trace) = watcher.judge(chain, &claimed)? else {
            anyhow::bail!("the watcher believes a false claim");
        };
        let (dispute, opening) = watcher.challenge(chain, &claimed, &true_trace)?;
        let players = [
            Player { account: &self.operator, side: Side::Claimant, trace: &false_trace },
            Player { account: &self.watcher, side: Side::Challenger, trace: &true_trace },
        ];
        let players = [players[1], players[0]];
        let played = play_out(chain, &self.contracts, dispute, players, opening)?;
        self.contracts.collect_dispute(chain, &self.watcher, claimed.id, self.watcher.address())?;
        let step = played.step().context("the dispute did not end in a micro-step")?;
        let (_, witness) = true_trace.witness_at(fault.step);
        let mut balances = Vec::new();
        for (who, account, before) in [("operator", &self.operator, before[0]), ("watcher", &self.watcher, before[1])] {
            let after = chain.balance(account.address())?;
            balances.push(Change { who, change_eth: (f64::from(after) - f64::from(before)) / WEI });
        }
        Ok(Disputed {
            convicted: played.convicted,
            transactions: played.transactions.len(),
            total_gas: played.total_gas(),
            step_gas: step.gas,
            step_calldata_bytes: step.calldata_bytes as u64,
            witness_bytes: witness.len() as u64,
            steps: claimed.content.steps,
            fault,
            rounds: played.rounds.clone(),
            transcript: played.transactions.clone(),
            balances,
        })
    }
}
