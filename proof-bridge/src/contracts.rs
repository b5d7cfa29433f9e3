//! The deployed contracts as typed calls over any [`Chain`].

use alloy::{
    primitives::{Address, B256, Bytes, U256, keccak256},
    sol_types::{SolCall, SolConstructor, SolEvent, SolValue},
};
use isa::{Leaf, program::Program};
use serde::{Deserialize, Serialize};

use crate::{
    abi::{
        Court,
        IClaims::{Claim, ClaimState, Request},
        Step,
    },
    chain::{Account, Chain, ChainError, Receipt, Transaction},
    claim::Outcome,
    dispute::{Move, Posted},
};

/// What a deployment fixes for all its claims.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terms {
    /// Wei that a claim and a challenge each put up.
    pub bond_wei: U256,
    /// Seconds after a claim in which it may be disputed.
    pub window_seconds: u64,
    /// Seconds that each side of a dispute has.
    pub clock_seconds: u32,
    /// Seconds that a side has at least for every move.
    pub extension_seconds: u32,
}

impl Default for Terms {
    /// A bond of 0.1 ETH, a window of a day, clocks of six hours and half an hour a move.
    fn default() -> Terms {
        Terms {
            bond_wei: U256::from(10u64.pow(17)),
            window_seconds: 24 * 3600,
            clock_seconds: 6 * 3600,
            extension_seconds: 1800,
        }
    }
}

/// Addresses of the contracts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contracts {
    /// `Step`: checks one micro-step.
    pub step: Address,
    /// `Court`: models, requests, claims, disputes.
    pub court: Address,
    /// First block that may hold events of `court`.
    pub block: u64,
}

/// A request as published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Requested {
    /// Its id.
    pub id: B256,
    /// What was asked.
    pub content: Request,
    /// Rows of the input region from row 0.
    pub input: Bytes,
}

/// A claim as made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claimed {
    /// Its id.
    pub id: B256,
    /// What is claimed.
    pub content: Claim,
    /// Last second in which it may be disputed, unix time.
    pub deadline: u64,
}

/// How a dispute ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// Whether the claim was proved false in it.
    pub challenger_won: bool,
    /// By a witness; otherwise by the clock or by leaving.
    pub by_step: bool,
}

impl Contracts {
    /// Deploys both contracts. The receipts are of `Step` and `Court`.
    ///
    /// # Errors
    /// Those of the chain; terms that the contract refuses.
    pub fn deploy(
        chain: &mut dyn Chain,
        from: &Account,
        terms: &Terms,
    ) -> Result<(Contracts, [Receipt; 2]), ChainError> {
        let (step, step_receipt) = create(chain, from, "deploy Step", Step::BYTECODE.to_vec())?;
        let arguments = Court::constructorCall {
            stepper_: step,
            bond_: terms.bond_wei,
            window_: terms.window_seconds.try_into().unwrap_or(alloy::primitives::aliases::U40::MAX),
            clock_: terms.clock_seconds,
            extension_: terms.extension_seconds,
        };
        let code = [Court::BYTECODE.to_vec(), arguments.abi_encode()].concat();
        let (court, receipt) = create(chain, from, "deploy Court", code)?;
        Ok((Contracts { step, court, block: receipt.block }, [step_receipt, receipt]))
    }

    /// Makes a model known.
    ///
    /// # Errors
    /// Those of the chain; another ISA, or known already.
    pub fn register(
        &self,
        chain: &mut dyn Chain,
        from: &Account,
        registration: &Registration,
    ) -> Result<Receipt, ChainError> {
        let call = Court::registerCall {
            head: registration.head.map(B256::from),
            textRoot: registration.text_root.into(),
            constRoot: registration.const_root.into(),
        };
        self.send(chain, from, "register", U256::ZERO, &call)
    }

    /// Whether a model is known.
    ///
    /// # Errors
    /// Those of the chain.
    pub fn is_registered(&self, chain: &mut dyn Chain, model: B256) -> Result<bool, ChainError> {
        Ok(!self.call(chain, "profileOf", &Court::profileOfCall { model })?.is_zero())
    }

    /// Publishes an input (rows from row 0) for a model. `salt` tells equal requests apart.
    ///
    /// # Errors
    /// Those of the chain; an unknown model, more rows than it takes, the same request again.
    pub fn request(
        &self,
        chain: &mut dyn Chain,
        from: &Account,
        model: B256,
        input: &[Leaf],
        salt: u64,
    ) -> Result<(B256, Receipt), ChainError> {
        let input = Bytes::copy_from_slice(input.as_flattened());
        let call = Court::requestCall { model, input, callback: Address::ZERO, callbackGas: 0, salt };
        let receipt = self.send(chain, from, "request", U256::ZERO, &call)?;
        let made = self.requests(chain, receipt.block)?;
        let mine = made.into_iter().find(|made| made.content.requester == from.address() && made.content.salt == salt);
        mine.map(|made| (made.id, receipt)).ok_or(lost("request"))
    }

    /// Claims a result of a request, with the rows of the output from row 0.
    ///
    /// # Errors
    /// Those of the chain; no such request, the same claim again.
    pub fn claim(
        &self,
        chain: &mut dyn Chain,
        from: &Account,
        asked: &Request,
        output: &[Leaf],
        outcome: &Outcome,
    ) -> Result<(Claimed, Receipt), ChainError> {
        let call = Court::claimCall {
            asked: asked.clone(),
            output: Bytes::copy_from_slice(trim(output).as_flattened()),
            steps: outcome.steps,
            status: outcome.status.code(),
            delegate: Address::ZERO,
        };
        let bond = self.bond(chain)?;
        let receipt = self.send(chain, from, "claim", bond, &call)?;
        let made = self.claims(chain, receipt.block)?;
        let mine = made.into_iter().find(|made| {
            made.content.claimant == from.address()
                && made.content.outputRoot == B256::from(outcome.output_root)
                && made.content.steps == outcome.steps
        });
        mine.map(|made| (made, receipt)).ok_or(lost("claim"))
    }

    /// Opens the sender's dispute of a claim with the first list of roots.
    ///
    /// # Errors
    /// Those of the chain; the window has closed, opened before.
    pub fn open(
        &self,
        chain: &mut dyn Chain,
        from: &Account,
        claim: &Claim,
        roots: Vec<B256>,
    ) -> Result<Receipt, ChainError> {
        let bond = self.bond(chain)?;
        let call = Court::openCall { content: claim.clone(), delegate: Address::ZERO, roots };
        self.send(chain, from, "open", bond, &call)
    }

    /// Makes a move that answers `posted`; none for [`Move::Concede`].
    ///
    /// # Errors
    /// Those of the chain; the game has moved on, the clock has run out.
    pub fn play(
        &self,
        chain: &mut dyn Chain,
        from: &Account,
        posted: &Posted,
        next: Move,
    ) -> Result<Option<Receipt>, ChainError> {
        let game = posted.game.clone();
        let receipt = match next {
            Move::Reply { pick, roots } => {
                self.send(chain, from, "move", U256::ZERO, &Court::moveCall { game, pick, roots })?
            }
            Move::Prove { pick, witness } => {
                self.send(chain, from, "prove", U256::ZERO, &Court::proveCall { game, pick, witness })?
            }
            Move::Concede => return Ok(None),
        };
        Ok(Some(receipt))
    }

    /// Ends a dispute whose side to move has run out of time.
    ///
    /// # Errors
    /// Those of the chain; the clock still runs.
    pub fn timeout(&self, chain: &mut dyn Chain, from: &Account, posted: &Posted) -> Result<Receipt, ChainError> {
        self.send(chain, from, "timeout", U256::ZERO, &Court::timeoutCall { game: posted.game.clone() })
    }

    /// Makes a claim final.
    ///
    /// # Errors
    /// Those of the chain; its window is open or a dispute is.
    pub fn finalize(&self, chain: &mut dyn Chain, from: &Account, claim: &Claim) -> Result<Receipt, ChainError> {
        self.send(chain, from, "finalize", U256::ZERO, &Court::finalizeCall { content: claim.clone() })
    }

    /// Pays a claimant what is due.
    ///
    /// # Errors
    /// Those of the chain; nothing is due.
    pub fn collect_claim(&self, chain: &mut dyn Chain, from: &Account, claim: &Claim) -> Result<Receipt, ChainError> {
        self.send(chain, from, "collect claim", U256::ZERO, &Court::collectClaimCall { content: claim.clone() })
    }

    /// Pays a challenger what is due.
    ///
    /// # Errors
    /// Those of the chain; nothing is due.
    pub fn collect_dispute(
        &self,
        chain: &mut dyn Chain,
        from: &Account,
        claim: B256,
        challenger: Address,
    ) -> Result<Receipt, ChainError> {
        let call = Court::collectDisputeCall { id: claim, challenger };
        self.send(chain, from, "collect dispute", U256::ZERO, &call)
    }

    /// Wei that a claim and a challenge each put up.
    ///
    /// # Errors
    /// Those of the chain.
    pub fn bond(&self, chain: &mut dyn Chain) -> Result<U256, ChainError> {
        self.call(chain, "bond", &Court::bondCall {})
    }

    /// The changing part of a claim.
    ///
    /// # Errors
    /// Those of the chain.
    pub fn state_of(&self, chain: &mut dyn Chain, claim: B256) -> Result<ClaimState, ChainError> {
        self.call(chain, "stateOf", &Court::stateOfCall { id: claim })
    }

    /// The state root after one micro-step, by the contract `Step`.
    ///
    /// # Errors
    /// Those of the chain; a witness that proves nothing.
    pub fn step(&self, chain: &mut dyn Chain, pre_root: &Leaf, witness: &[u8]) -> Result<Leaf, ChainError> {
        let call = Step::stepCall { preRoot: pre_root.into(), witness: Bytes::copy_from_slice(witness) };
        Ok(query(chain, self.step, "step", &call)?.0)
    }

    /// Call data of [`Contracts::step`].
    pub fn step_data(&self, pre_root: &Leaf, witness: &[u8]) -> Bytes {
        Step::stepCall { preRoot: pre_root.into(), witness: Bytes::copy_from_slice(witness) }.abi_encode().into()
    }

    /// Requests published from block `from` on.
    ///
    /// # Errors
    /// Those of the chain.
    pub fn requests(&self, chain: &mut dyn Chain, from: u64) -> Result<Vec<Requested>, ChainError> {
        let events = self.events::<Court::Requested>(chain, from)?;
        Ok(events.into_iter().map(|e| Requested { id: e.request, content: e.content, input: e.input }).collect())
    }

    /// Claims made from block `from` on.
    ///
    /// # Errors
    /// Those of the chain.
    pub fn claims(&self, chain: &mut dyn Chain, from: u64) -> Result<Vec<Claimed>, ChainError> {
        let events = self.events::<Court::Claimed>(chain, from)?;
        let claimed = |e: Court::Claimed| Claimed { id: e.claim, content: e.content, deadline: e.deadline.to() };
        Ok(events.into_iter().map(claimed).collect())
    }

    /// Every list of roots posted in any dispute, oldest first, with the id of its dispute.
    ///
    /// # Errors
    /// Those of the chain.
    pub fn posted(&self, chain: &mut dyn Chain, from: u64) -> Result<Vec<(B256, Posted)>, ChainError> {
        let events = self.events::<Court::Moved>(chain, from)?;
        let posted = |e: Court::Moved| (e.dispute, Posted { game: e.game, start: e.start, roots: e.roots });
        Ok(events.into_iter().map(posted).collect())
    }

    /// The list that is to be answered in a dispute; none if the dispute is over.
    ///
    /// # Errors
    /// Those of the chain.
    pub fn pending(&self, chain: &mut dyn Chain, dispute: B256) -> Result<Option<Posted>, ChainError> {
        let hash = self.call(chain, "gameOf", &Court::gameOfCall { dispute })?;
        let all = self.posted(chain, self.block)?;
        Ok(all.into_iter().rev().map(|(_, posted)| posted).find(|posted| keccak256(posted.game.abi_encode()) == hash))
    }

    /// Whether a dispute has ever been opened.
    ///
    /// # Errors
    /// Those of the chain.
    pub fn was_opened(&self, chain: &mut dyn Chain, dispute: B256) -> Result<bool, ChainError> {
        Ok(!self.call(chain, "gameOf", &Court::gameOfCall { dispute })?.is_zero())
    }

    /// How a dispute ended, if it has.
    ///
    /// # Errors
    /// Those of the chain.
    pub fn verdict(&self, chain: &mut dyn Chain, dispute: B256) -> Result<Option<Verdict>, ChainError> {
        let events = self.events::<Court::Resolved>(chain, self.block)?;
        let mine = events.into_iter().rev().find(|event| event.dispute == dispute);
        Ok(mine.map(|event| Verdict { challenger_won: event.challengerWon, by_step: event.byStep }))
    }

    fn send(
        &self,
        chain: &mut dyn Chain,
        from: &Account,
        name: &'static str,
        value: U256,
        call: &impl SolCall,
    ) -> Result<Receipt, ChainError> {
        chain.send(from, Transaction { name, to: Some(self.court), value, data: call.abi_encode().into() })
    }

    fn call<C: SolCall>(&self, chain: &mut dyn Chain, name: &'static str, call: &C) -> Result<C::Return, ChainError> {
        query(chain, self.court, name, call)
    }

    fn events<E: SolEvent>(&self, chain: &mut dyn Chain, from: u64) -> Result<Vec<E>, ChainError> {
        let logs = chain.logs(self.court, E::SIGNATURE_HASH, from)?;
        let decode = |log: crate::chain::Log| {
            E::decode_raw_log(log.topics, &log.data)
                .map_err(|cause| ChainError::Malformed { method: "eth_getLogs", reason: cause.to_string() })
        };
        logs.into_iter().map(decode).collect()
    }
}

/// Id of the dispute of a claim by a challenger.
pub fn dispute_id(claim: B256, challenger: Address) -> B256 {
    keccak256((claim, challenger).abi_encode())
}

/// What a model is registered with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Registration {
    /// The leaves of `head`.
    pub head: [Leaf; 4],
    /// Root of `text`.
    pub text_root: Leaf,
    /// Root of `const`.
    pub const_root: Leaf,
}

impl Registration {
    /// Hashes a program.
    pub fn of(program: &Program) -> Registration {
        use crate::claim::region_root;
        Registration {
            head: program.head(),
            text_root: region_root(program.profile.text, &program.text),
            const_root: region_root(program.profile.constant, &program.constant),
        }
    }

    /// The model's name everywhere.
    pub fn model_root(&self) -> B256 {
        use crate::hash::{hash_pair, root_of};
        hash_pair(&hash_pair(&root_of(&self.head), &self.text_root), &self.const_root).into()
    }
}

/// The rows without the zeros at their end, which mean the same.
fn trim(rows: &[Leaf]) -> &[Leaf] {
    let end = rows.iter().rposition(|row| *row != [0; 32]).map_or(0, |last| last + 1);
    &rows[..end]
}

fn create(
    chain: &mut dyn Chain,
    from: &Account,
    name: &'static str,
    code: Vec<u8>,
) -> Result<(Address, Receipt), ChainError> {
    let receipt = chain.send(from, Transaction { name, to: None, value: U256::ZERO, data: code.into() })?;
    receipt.created.map(|address| (address, receipt)).ok_or(lost(name))
}

fn query<C: SolCall>(
    chain: &mut dyn Chain,
    to: Address,
    name: &'static str,
    call: &C,
) -> Result<C::Return, ChainError> {
    let answer = chain.call(name, to, call.abi_encode().into())?;
    C::abi_decode_returns(&answer).map_err(|_| ChainError::Malformed {
        method: "eth_call",
        reason: format!("there is no such contract at {to}, or it is another ({name})"),
    })
}

/// A mined transaction that left no trace: the node is not to be trusted.
fn lost(name: &'static str) -> ChainError {
    ChainError::Malformed { method: "eth_getLogs", reason: format!("no event of the transaction '{name}'") }
}
