//! Playing a dispute over a chain: one turn at a time, or both sides to the end.

use alloy::primitives::B256;
use serde::{Deserialize, Serialize};

use crate::{
    chain::{Account, Chain, ChainError, Receipt},
    contracts::{Contracts, Verdict},
    dispute::{Posted, reply},
    store::Side,
    trace::Trace,
};

/// Transactions after which a dispute between two sides that both move is a defect: R ≤ 12 lists a dispute.
const TURNS: usize = 64;

/// One side of a dispute.
#[derive(Clone, Copy)]
pub struct Player<'a> {
    /// Who signs.
    pub account: &'a Account,
    /// Which side.
    pub side: Side,
    /// The run that this side stands for.
    pub trace: &'a Trace,
}

/// What a player did when it looked at a dispute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Turn {
    /// It is the other side's turn, and its clock runs until then (unix time).
    Waiting {
        /// Last second in which the other side may move.
        until: u64,
    },
    /// Moved.
    Moved(Receipt),
    /// By its own run there is nothing to object to: it will lose by clock.
    Stuck,
    /// The other side's clock has run out, and this transaction has ended the dispute.
    Claimed(Receipt),
    /// Over.
    Over(Verdict),
}

impl Player<'_> {
    /// Does what is to be done in a dispute now.
    ///
    /// # Errors
    /// Those of the chain; a dispute that the chain does not know.
    pub fn turn(&self, chain: &mut dyn Chain, contracts: &Contracts, dispute: B256) -> Result<Turn, ChainError> {
        let Some(posted) = contracts.pending(chain, dispute)? else {
            let verdict = contracts.verdict(chain, dispute)?;
            return verdict.map(Turn::Over).ok_or(ChainError::Malformed {
                method: "eth_getLogs",
                reason: format!("the dispute {dispute} is neither open nor over"),
            });
        };
        if posted.game.claimantTurn != (self.side == Side::Claimant) {
            let until = deadline(&posted);
            return if chain.now()? > until {
                contracts.timeout(chain, self.account, &posted).map(Turn::Claimed)
            } else {
                Ok(Turn::Waiting { until })
            };
        }
        let next = reply(self.trace, &posted);
        Ok(contracts.play(chain, self.account, &posted, next)?.map_or(Turn::Stuck, Turn::Moved))
    }
}

/// Last second in which the side whose turn it is may move, unix time.
pub fn deadline(posted: &Posted) -> u64 {
    let game = &posted.game;
    let clock = if game.claimantTurn { game.claimantClock } else { game.challengerClock };
    game.movedAt.saturating_add(clock.into())
}

/// A list of roots in the course of a dispute.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Round {
    /// Who posted it.
    pub by: Side,
    /// First micro-step.
    pub lo: u64,
    /// One past the last.
    pub hi: u64,
    /// Roots posted.
    pub roots: usize,
}

/// A dispute from its opening to its end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Played {
    /// Its id.
    pub dispute: B256,
    /// Whether the claim was proved false.
    pub convicted: bool,
    /// Whether a micro-step decided it; otherwise a clock.
    pub by_step: bool,
    /// Every list of roots.
    pub rounds: Vec<Round>,
    /// Every transaction of the dispute, the opening first.
    pub transactions: Vec<Receipt>,
}

impl Played {
    /// Gas of all its transactions.
    pub fn total_gas(&self) -> u64 {
        self.transactions.iter().map(|receipt| receipt.gas).sum()
    }

    /// The transaction that proved a micro-step, if one did.
    pub fn step(&self) -> Option<&Receipt> {
        self.transactions.iter().find(|receipt| receipt.name == "prove")
    }
}

/// Plays both sides of a dispute, in any order, from after its opening until it is over. A side without a winning move lets its clock run out,
/// for which time is advanced on the (test) chain.
///
/// # Errors
/// Those of the chain.
pub fn play_out(
    chain: &mut dyn Chain,
    contracts: &Contracts,
    dispute: B256,
    players: [Player<'_>; 2],
    opening: Receipt,
) -> Result<Played, ChainError> {
    let mut transactions = vec![opening];
    for turn in 0..TURNS {
        let player = &players[(turn + 1) % 2];
        match player.turn(chain, contracts, dispute)? {
            Turn::Moved(receipt) | Turn::Claimed(receipt) => transactions.push(receipt),
            Turn::Over(verdict) => {
                let posted = contracts.posted(chain, contracts.block)?;
                let rounds = posted.iter().filter(|(id, _)| *id == dispute).map(|(_, posted)| round(posted)).collect();
                let Verdict { challenger_won: convicted, by_step } = verdict;
                return Ok(Played { dispute, convicted, by_step, rounds, transactions });
            }
            Turn::Stuck => {
                let posted = contracts.pending(chain, dispute)?;
                let until = posted.as_ref().map_or(0, deadline);
                let now = chain.now()?;
                chain.advance(until.saturating_sub(now) + 1)?;
            }
            Turn::Waiting { .. } => {}
        }
    }
    Err(ChainError::Malformed { method: "eth_call", reason: format!("the dispute {dispute} does not end") })
}

fn round(posted: &Posted) -> Round {
    let game = &posted.game;
    let by = if game.claimantTurn { Side::Challenger } else { Side::Claimant };
    Round { by, lo: game.lo, hi: game.hi, roots: posted.roots.len() }
}
