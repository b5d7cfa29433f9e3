//! Who runs requests and claims their results, rightly or not, and defends its claims.

use std::{ops::ControlFlow, sync::Arc};

use alloy::primitives::B256;

use crate::{
    abi::IClaims::Claim,
    chain::{Account, Chain, ChainError, Receipt},
    claim::rows_of,
    contracts::{Claimed, Contracts, Requested},
    fault::Fault,
    loaded::Loaded,
    machine::RunError,
    player::{Player, Turn},
    store::{Record, Side, Store, StoreError},
    trace::Trace,
};

/// Why an operator or watcher cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum PartyError {
    /// The chain.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// The data folder.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Program and input do not fit, or the executor cannot go on.
    #[error(transparent)]
    Run(#[from] RunError),
    /// A model whose program one does not have.
    #[error("no program for model {0}: register it from its file here first")]
    UnknownModel(B256),
    /// A request that is not on the chain.
    #[error("no request {0} on this chain")]
    UnknownRequest(B256),
}

/// Runs a program on the input of a request, with a fault if any.
///
/// # Errors
/// The input is too long, which the contract does not let happen; the executor cannot go on.
pub fn run(program: &Loaded, requested: &Requested, fault: Option<Fault>) -> Result<Trace, RunError> {
    program.run(&rows_of(&requested.input), fault, &mut |_| ControlFlow::Continue(()))
}

/// Who claims.
pub struct Operator<'a> {
    /// Where.
    pub contracts: Contracts,
    /// Who signs.
    pub account: &'a Account,
    /// What is kept.
    pub store: &'a Store,
}

impl Operator<'_> {
    /// The program of a model.
    ///
    /// # Errors
    /// The store holds none.
    pub fn program(&self, model: B256) -> Result<Arc<Loaded>, PartyError> {
        self.store.program(model)?.ok_or(PartyError::UnknownModel(model))
    }

    /// Runs a request and claims what came out. With a fault, the claim is false.
    ///
    /// # Errors
    /// Those of chain and store.
    pub fn claim(
        &self,
        chain: &mut dyn Chain,
        requested: &Requested,
        fault: Option<Fault>,
    ) -> Result<(Claimed, Trace, Receipt), PartyError> {
        let program = self.program(requested.content.model)?;
        let trace = run(&program, requested, fault)?;
        let output = trace.output();
        let (claimed, receipt) =
            self.contracts.claim(chain, self.account, &requested.content, &output, trace.outcome())?;
        Ok((claimed, trace, receipt))
    }

    /// Moves in every dispute of a claim of one's own where it is the claimant's turn.
    ///
    /// # Errors
    /// Those of chain and store.
    pub fn defend(
        &self,
        chain: &mut dyn Chain,
        claimed: &Claimed,
        trace: &Trace,
        fault: Option<Fault>,
    ) -> Result<Vec<Turn>, PartyError> {
        let player = Player { account: self.account, side: Side::Claimant, trace };
        let mut disputes: Vec<B256> = Vec::new();
        for (dispute, posted) in self.contracts.posted(chain, self.contracts.block)? {
            if posted.game.claim == claimed.id && !disputes.contains(&dispute) {
                disputes.push(dispute);
            }
        }
        let mut turns = Vec::with_capacity(disputes.len());
        for dispute in disputes {
            self.store.save_dispute(&record(dispute, claimed, Side::Claimant, fault))?;
            turns.push(player.turn(chain, &self.contracts, dispute)?);
        }
        Ok(turns)
    }
}

/// The record of a dispute.
pub fn record(dispute: B256, claimed: &Claimed, side: Side, fault: Option<Fault>) -> Record {
    let content: Claim = claimed.content.clone();
    Record { dispute, claim: claimed.id, content, side, fault }
}
