//! Claims and disputes from deployment to payout, on the in-process EVM and, where anvil is there, on a node.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use std::{
    path::{Path, PathBuf},
    sync::{Arc, LazyLock},
};

use alloy::primitives::U256;
use common::random;
use isa::{Leaf, program::Program};
use proof_bridge::{
    Loaded,
    chain::{Account, Anvil, Chain, ChainError, Evm, Rpc},
    contracts::{Claimed, Contracts, Registration, Requested, Terms, dispute_id},
    dispute::opening,
    fault::Fault,
    operator::{Operator, record, run},
    player::{Played, Player, Turn, play_out},
    store::{Side, Store},
    trace::Trace,
    watcher::{Opinion, Seen, Watcher},
};

/// A folder that goes with the test.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Folder {
        let path = std::env::temp_dir().join(format!("systole-{name}-{}", std::process::id()));
        Folder(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

struct World {
    chain: Box<dyn Chain>,
    contracts: Contracts,
    terms: Terms,
    store: Store,
    accounts: Vec<Account>,
    requested: Requested,
    honest: Arc<Trace>,
    fault: Fault,
    _folder: Folder,
}

/// A random program long enough, with a fault in its later half that changes its output.
fn program_with_fault() -> (Program, Vec<Leaf>, Fault) {
    static FOUND: LazyLock<(Program, Vec<Leaf>, Fault)> = LazyLock::new(find_program_with_fault);
    FOUND.clone()
}

fn find_program_with_fault() -> (Program, Vec<Leaf>, Fault) {
    for seed in 0.. {
        let (program, input) = random(seed, 120);
        let state = proof_bridge::state::StateTree::of_program(&program, &input).unwrap();
        let trace = Trace::run(state);
        if trace.outcome().steps < 700 || trace.outcome().status.code() != 1 {
            continue;
        }
        if let Some(fault) = Fault::that_matters(&trace, trace.outcome().steps * 2 / 3) {
            return (program, input, fault);
        }
    }
    unreachable!()
}

fn world(name: &str, mut chain: Box<dyn Chain>) -> World {
    let folder = Folder::new(name);
    let store = Store::open(&folder.0).unwrap();
    let accounts: Vec<Account> = Account::all_dev().collect();
    let terms = Terms::default();
    let (contracts, _) = Contracts::deploy(&mut *chain, &accounts[4], &terms).unwrap();
    store.save_contracts(&contracts).unwrap();
    assert_eq!(store.contracts().unwrap(), Some(contracts));
    let (program, input, fault) = program_with_fault();
    let registration = Registration::of(&program);
    contracts.register(&mut *chain, &accounts[4], &registration).unwrap();
    assert!(contracts.is_registered(&mut *chain, registration.model_root()).unwrap());
    store.save_program(registration.model_root(), &program).unwrap();
    let (id, _) = contracts.request(&mut *chain, &accounts[3], registration.model_root(), &input, 7).unwrap();
    let requested = contracts.requests(&mut *chain, 0).unwrap().into_iter().find(|r| r.id == id).unwrap();
    let honest = Arc::new(run(&Loaded::new(&program).unwrap(), &requested, None).unwrap());
    World { chain, contracts, terms, store, accounts, requested, honest, fault, _folder: folder }
}

fn operator<'a>(contracts: Contracts, accounts: &'a [Account], store: &'a Store) -> Operator<'a> {
    Operator { contracts, account: &accounts[0], store }
}

fn watcher<'a>(contracts: Contracts, accounts: &'a [Account], store: &'a Store) -> Watcher<'a> {
    Watcher { contracts, account: &accounts[1], store }
}

impl World {
    fn claim(&mut self, fault: Option<Fault>) -> (Claimed, Trace) {
        let (claimed, trace, _) = operator(self.contracts, &self.accounts, &self.store)
            .claim(&mut *self.chain, &self.requested, fault)
            .unwrap();
        (claimed, trace)
    }

    /// Wei of claimant and challenger.
    fn balances(&mut self) -> [U256; 2] {
        [0, 1].map(|index| self.chain.balance(self.accounts[index].address()).unwrap())
    }

    fn dispute(&mut self, claimed: &Claimed, claimant: &Trace, challenger: &Trace) -> Played {
        let watcher = watcher(self.contracts, &self.accounts, &self.store);
        let (dispute, opening) = watcher.challenge(&mut *self.chain, claimed, challenger).unwrap();
        let players = [
            Player { account: &self.accounts[1], side: Side::Challenger, trace: challenger },
            Player { account: &self.accounts[0], side: Side::Claimant, trace: claimant },
        ];
        play_out(&mut *self.chain, &self.contracts, dispute, players, opening).unwrap()
    }
}

/// Equal but for gas, of which a whole dispute takes less than this on a node; nothing in the in-process EVM.
fn about(found: U256, expected: U256) {
    let gas = U256::from(10u64.pow(16));
    assert!(found <= expected && found + gas >= expected, "{found} is not about {expected}");
}

fn an_honest_claim_becomes_final(w: &mut World) {
    let before = w.balances();
    let (claimed, trace) = w.claim(None);
    assert_eq!(trace.outcome(), w.honest.outcome());
    let seen = watcher(w.contracts, &w.accounts, &w.store).look(&mut *w.chain, 0).unwrap();
    assert!(matches!(&seen[..], [Seen { claimed: seen, opened: None }] if seen.id == claimed.id));
    let early = w.contracts.finalize(&mut *w.chain, &w.accounts[2], &claimed.content).unwrap_err();
    assert!(matches!(&early, ChainError::Reverted { reason, .. } if reason.starts_with("NotFinal")), "{early}");
    about(w.balances()[0], before[0] - w.terms.bond_wei);
    w.chain.advance(w.terms.window_seconds + 1).unwrap();
    w.contracts.finalize(&mut *w.chain, &w.accounts[2], &claimed.content).unwrap();
    w.contracts.collect_claim(&mut *w.chain, &w.accounts[2], &claimed.content).unwrap();
    about(w.balances()[0], before[0]);
    let again = w.contracts.collect_claim(&mut *w.chain, &w.accounts[2], &claimed.content).unwrap_err();
    assert_eq!(again.to_string(), "collect claim was refused: NothingToCollect");
}

fn a_false_claim_is_convicted(w: &mut World) {
    let before = w.balances();
    let fault = w.fault;
    let (claimed, faulty) = w.claim(Some(fault));
    let opinion = watcher(w.contracts, &w.accounts, &w.store).judge(&mut *w.chain, &claimed).unwrap();
    let Opinion::False(own) = opinion else { panic!("the watcher believes a false claim") };
    let played = w.dispute(&claimed, &faulty, &own);
    assert!(played.convicted && played.by_step);
    for receipt in &played.transactions {
        println!("{:>8} {:>8} gas {:>6} bytes", receipt.name, receipt.gas, receipt.calldata_bytes);
    }
    println!("{} rounds, {} gas, N = {}", played.rounds.len(), played.total_gas(), claimed.content.steps);
    assert!(played.rounds.iter().all(|round| (round.lo..round.hi).contains(&fault.step)));
    w.contracts.collect_dispute(&mut *w.chain, &w.accounts[2], claimed.id, w.accounts[1].address()).unwrap();
    let after = w.balances();
    about(after[0], before[0] - w.terms.bond_wei);
    about(after[1], before[1] + w.terms.bond_wei / U256::from(2));
    w.chain.advance(w.terms.window_seconds + 1).unwrap();
    assert!(w.contracts.finalize(&mut *w.chain, &w.accounts[0], &claimed.content).is_err());
    assert!(w.contracts.collect_claim(&mut *w.chain, &w.accounts[0], &claimed.content).is_err());
}

fn a_false_challenger_loses(w: &mut World) {
    let (claimed, honest) = w.claim(None);
    let fault = w.fault;
    let faulty = run(&w.store.program(w.requested.content.model).unwrap().unwrap(), &w.requested, Some(fault)).unwrap();
    let before = w.balances();
    let played = w.dispute(&claimed, &honest, &faulty);
    assert!(!played.convicted, "an honest claim was convicted");
    assert!(w.contracts.collect_dispute(&mut *w.chain, &w.accounts[1], claimed.id, w.accounts[1].address()).is_err());
    w.chain.advance(w.terms.window_seconds + 1).unwrap();
    w.contracts.collect_claim(&mut *w.chain, &w.accounts[0], &claimed.content).unwrap();
    let after = w.balances();
    about(after[0], before[0] + w.terms.bond_wei + w.terms.bond_wei / U256::from(2));
    about(after[1], before[1] - w.terms.bond_wei);
}

fn an_absent_claimant_loses_and_a_dispute_survives_restarts(w: &mut World) {
    let fault = w.fault;
    let (claimed, _) = w.claim(Some(fault));
    let opened = watcher(w.contracts, &w.accounts, &w.store).look(&mut *w.chain, 0).unwrap();
    let seen = opened.into_iter().find(|seen| seen.claimed.id == claimed.id).unwrap();
    let (dispute, _) = seen.opened.unwrap();
    assert_eq!(watcher(w.contracts, &w.accounts, &w.store).look(&mut *w.chain, 0).unwrap(), [], "disputed already");
    // What follows knows nothing but the data folder and the chain.
    let record = w.store.disputes().unwrap().into_iter().find(|record| record.dispute == dispute).unwrap();
    let turn = watcher(w.contracts, &w.accounts, &w.store).resume(&mut *w.chain, &record).unwrap();
    let Turn::Waiting { until } = turn else { panic!("{turn:?}") };
    let now = w.chain.now().unwrap();
    w.chain.advance(until - now + 1).unwrap();
    let turn = watcher(w.contracts, &w.accounts, &w.store).resume(&mut *w.chain, &record).unwrap();
    assert!(matches!(turn, Turn::Claimed(_)), "{turn:?}");
    let turn = watcher(w.contracts, &w.accounts, &w.store).resume(&mut *w.chain, &record).unwrap();
    assert!(matches!(turn, Turn::Over(verdict) if verdict.challenger_won && !verdict.by_step), "{turn:?}");
}

fn an_operator_defends_its_claim_against_several(w: &mut World) {
    let (claimed, honest) = w.claim(None);
    let program = w.store.program(w.requested.content.model).unwrap().unwrap();
    let faults = [w.fault, Fault { delta: -w.fault.delta, ..w.fault }];
    let liars = faults.map(|fault| run(&program, &w.requested, Some(fault)).unwrap());
    let mut disputes = Vec::new();
    for (index, trace) in liars.iter().enumerate() {
        let liar = Watcher { contracts: w.contracts, account: &w.accounts[1 + index], store: &w.store };
        disputes.push(liar.challenge(&mut *w.chain, &claimed, trace).unwrap().0);
    }
    loop {
        let turns =
            operator(w.contracts, &w.accounts, &w.store).defend(&mut *w.chain, &claimed, &honest, None).unwrap();
        assert_eq!(turns.len(), 2);
        if turns.iter().all(|turn| matches!(turn, Turn::Over(verdict) if !verdict.challenger_won)) {
            break;
        }
        let mut moved = false;
        for (index, trace) in liars.iter().enumerate() {
            let liar = Player { account: &w.accounts[1 + index], side: Side::Challenger, trace };
            moved |= matches!(liar.turn(&mut *w.chain, &w.contracts, disputes[index]).unwrap(), Turn::Moved(_));
        }
        if !moved {
            w.chain.advance(w.terms.clock_seconds.into()).unwrap();
        }
    }
    assert_eq!(w.contracts.state_of(&mut *w.chain, claimed.id).unwrap().repelled, 2);
}

fn a_dispute_that_was_never_sent_is_opened(w: &mut World) {
    let fault = w.fault;
    let (claimed, _) = w.claim(Some(fault));
    let dispute = dispute_id(claimed.id, w.accounts[1].address());
    // As if the process had ended between writing the record and sending the transaction.
    let unsent = record(dispute, &claimed, Side::Challenger, None);
    w.store.save_dispute(&unsent).unwrap();
    let turn = watcher(w.contracts, &w.accounts, &w.store).resume(&mut *w.chain, &unsent).unwrap();
    assert!(matches!(&turn, Turn::Moved(receipt) if receipt.name == "open"), "{turn:?}");
    assert!(w.contracts.was_opened(&mut *w.chain, dispute).unwrap());
}

fn a_claim_of_the_wrong_length_is_false(w: &mut World) {
    let honest = w.honest.clone();
    for steps in [1, honest.outcome().steps - 1, honest.outcome().steps + 1, 3 * honest.outcome().steps] {
        let outcome = proof_bridge::claim::Outcome { steps, ..*honest.outcome() };
        let output = honest.output();
        let asked = w.requested.content.clone();
        let (claimed, _) = w.contracts.claim(&mut *w.chain, &w.accounts[0], &asked, &output, &outcome).unwrap();
        // The claimant's best is to say nothing or what it really has; both lose.
        let played = w.dispute(&claimed, &honest, &honest);
        assert!(played.convicted, "{steps}");
    }
}

fn all(name: &str, chain: Box<dyn Chain>) {
    let mut w = world(name, chain);
    an_honest_claim_becomes_final(&mut w);
    let chain = std::mem::replace(&mut w.chain, Box::new(Evm::new()));
    drop(w);
    let mut chain = chain;
    chain.advance(1).unwrap();
    let mut w = world(name, chain);
    a_false_claim_is_convicted(&mut w);
    let chain = std::mem::replace(&mut w.chain, Box::new(Evm::new()));
    drop(w);
    let mut w = world(name, chain);
    a_false_challenger_loses(&mut w);
}

#[test]
fn in_process() {
    all("evm", Box::new(Evm::new()));
    an_absent_claimant_loses_and_a_dispute_survives_restarts(&mut world("absent", Box::new(Evm::new())));
    an_operator_defends_its_claim_against_several(&mut world("several", Box::new(Evm::new())));
    a_dispute_that_was_never_sent_is_opened(&mut world("unsent", Box::new(Evm::new())));
    a_claim_of_the_wrong_length_is_false(&mut world("length", Box::new(Evm::new())));
}

#[test]
fn on_a_node() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let Some(binary) = Anvil::find(&root) else {
        println!("skipped: no anvil (SYSTOLE_ANVIL, .tools, PATH); `cargo xtask setup` installs it");
        return;
    };
    let anvil = Anvil::start(&binary).unwrap();
    let node = || Box::new(Rpc::connect(anvil.url()).unwrap());
    all("node", node());
    let other = Contracts { step: Default::default(), court: Default::default(), block: 0 };
    let error = other.bond(&mut *node()).unwrap_err();
    assert!(error.to_string().contains("there is no such contract at 0x0000"), "{error}");
    let poor = Account::from_hex(&"11".repeat(32)).unwrap();
    let error = Contracts::deploy(&mut *node(), &poor, &Terms::default()).unwrap_err();
    assert!(matches!(error, ChainError::Invalid { .. }), "{error}");
    println!("without funds: {error}");
}

#[test]
fn an_opening_has_as_many_roots_as_the_claim_says() {
    let (program, input, _) = program_with_fault();
    let trace = Trace::run(proof_bridge::state::StateTree::of_program(&program, &input).unwrap());
    assert_eq!(opening(&trace, 1).len(), 1);
    assert_eq!(opening(&trace, 4096).len(), 64);
    assert_eq!(opening(&trace, 4097).len(), 9);
}
