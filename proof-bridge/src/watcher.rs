//! Who runs again what others claim, and disputes what is false.

use alloy::primitives::B256;
use isa::Status;

use crate::{
    chain::{Account, Chain, Receipt},
    claim::Outcome,
    contracts::{Claimed, Contracts, Requested, dispute_id},
    dispute::opening,
    operator::{PartyError, record, run},
    player::{Player, Turn},
    store::{Record, Side, Store},
    trace::Trace,
};

/// `Phase.Open` of a claim.
const OPEN: u8 = 1;

/// What a watcher thinks of a claim.
pub enum Opinion {
    /// It is what the watcher's own run gives.
    True,
    /// It is not.
    False(Box<Trace>),
}

/// A claim that a watcher has looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// The claim.
    pub claimed: Claimed,
    /// The dispute opened because it is false, and the transaction that opened it.
    pub opened: Option<(B256, Receipt)>,
}

/// Who watches.
pub struct Watcher<'a> {
    /// Where.
    pub contracts: Contracts,
    /// Who signs.
    pub account: &'a Account,
    /// What is kept.
    pub store: &'a Store,
}

impl Watcher<'_> {
    /// The request that a claim is about.
    ///
    /// # Errors
    /// Those of the chain; none there.
    pub fn request(&self, chain: &mut dyn Chain, id: B256) -> Result<Requested, PartyError> {
        let requests = self.contracts.requests(chain, self.contracts.block)?;
        requests.into_iter().find(|request| request.id == id).ok_or(PartyError::UnknownRequest(id))
    }

    /// Runs the request of a claim and compares.
    ///
    /// # Errors
    /// Those of chain and store; a model of which one has no program.
    pub fn judge(&self, chain: &mut dyn Chain, claimed: &Claimed) -> Result<Opinion, PartyError> {
        let trace = self.trace(chain, claimed)?;
        let content = &claimed.content;
        let says = Status::from_code(content.status).map(|status| Outcome {
            output_root: content.outputRoot.0,
            status,
            steps: content.steps,
        });
        Ok(if says.as_ref() == Some(trace.outcome()) { Opinion::True } else { Opinion::False(Box::new(trace)) })
    }

    fn trace(&self, chain: &mut dyn Chain, claimed: &Claimed) -> Result<Trace, PartyError> {
        let model = claimed.content.model;
        let program = self.store.program(model)?.ok_or(PartyError::UnknownModel(model))?;
        let requested = self.request(chain, claimed.content.request)?;
        Ok(run(&program, &requested, None)?)
    }

    /// Opens a dispute of a claim that `trace` contradicts.
    ///
    /// # Errors
    /// Those of chain and store; the window has closed.
    pub fn challenge(
        &self,
        chain: &mut dyn Chain,
        claimed: &Claimed,
        trace: &Trace,
    ) -> Result<(B256, Receipt), PartyError> {
        let dispute = dispute_id(claimed.id, self.account.address());
        self.store.save_dispute(&record(dispute, claimed, Side::Challenger, None))?;
        let roots = opening(trace, claimed.content.steps);
        let receipt = self.contracts.open(chain, self.account, &claimed.content, roots)?;
        Ok((dispute, receipt))
    }

    /// Looks at every open claim made from block `from` on, of a model whose program is kept, and disputes those that are
    /// false. Claims that are not open any more, or that the watcher disputes already, are left out.
    ///
    /// # Errors
    /// Those of chain and store.
    pub fn look(&self, chain: &mut dyn Chain, from: u64) -> Result<Vec<Seen>, PartyError> {
        let mut seen = Vec::new();
        let now = chain.now()?;
        for claimed in self.contracts.claims(chain, from)? {
            let mine = claimed.content.claimant == self.account.address();
            if mine || claimed.deadline < now || !self.is_news(chain, claimed.id)? {
                continue;
            }
            let opened = match self.judge(chain, &claimed) {
                Ok(Opinion::True) | Err(PartyError::UnknownModel(_)) => None,
                Ok(Opinion::False(trace)) => Some(self.challenge(chain, &claimed, &trace)?),
                Err(error) => return Err(error),
            };
            seen.push(Seen { claimed, opened });
        }
        Ok(seen)
    }

    /// Whether a claim is open and not disputed by this watcher.
    fn is_news(&self, chain: &mut dyn Chain, claim: B256) -> Result<bool, PartyError> {
        let open = self.contracts.state_of(chain, claim)?.phase == OPEN;
        Ok(open && !self.contracts.was_opened(chain, dispute_id(claim, self.account.address()))?)
    }

    /// Takes a remembered dispute up again, on whichever side, and does what is to be done in it now, opening it where that
    /// had not come to pass: all that a restarted process needs.
    ///
    /// # Errors
    /// Those of chain and store.
    pub fn resume(&self, chain: &mut dyn Chain, record: &Record) -> Result<Turn, PartyError> {
        if let Some(verdict) = self.contracts.verdict(chain, record.dispute)? {
            return Ok(Turn::Over(verdict));
        }
        let model = record.content.model;
        let program = self.store.program(model)?.ok_or(PartyError::UnknownModel(model))?;
        let requested = self.request(chain, record.content.request)?;
        let trace = run(&program, &requested, record.fault)?;
        if record.side == Side::Challenger && !self.contracts.was_opened(chain, record.dispute)? {
            let roots = opening(&trace, record.content.steps);
            return Ok(Turn::Moved(self.contracts.open(chain, self.account, &record.content, roots)?));
        }
        let player = Player { account: self.account, side: record.side, trace: &trace };
        Ok(player.turn(chain, &self.contracts, record.dispute)?)
    }
}
