//! `systole serve | watch | dispute`: the parties of disputes, each a loop that can be stopped and started again.

use std::time::Duration;

use anyhow::Result;
use clap::Args;
use proof_bridge::chain::{Chain, Receipt};
use proof_bridge::operator::{Operator, PartyError, run};
use proof_bridge::player::{Turn, deadline};
use proof_bridge::store::{Record, Side};
use proof_bridge::watcher::{Seen, Watcher};
use serde_json::json;

use super::chain::{Connection, Session, say_receipt};
use crate::output::{Output, interrupted};

/// How long a party goes on.
#[derive(Args)]
pub(crate) struct Pace {
    /// Look once and end, instead of going on until Ctrl-C.
    #[arg(long)]
    once: bool,
    /// Seconds between looks.
    #[arg(long, default_value_t = 12)]
    every: u64,
}

impl Pace {
    /// Calls `look` until Ctrl-C, or once.
    fn repeat(&self, mut look: impl FnMut() -> Result<()>) -> Result<()> {
        loop {
            look()?;
            if self.once {
                return Ok(());
            }
            for _ in 0..self.every.max(1) {
                if interrupted() {
                    return Ok(());
                }
                std::thread::sleep(Duration::from_secs(1));
            }
        }
    }
}

/// Answer requests for the models registered here, and defend the claims.
#[derive(Args)]
pub(crate) struct Serve {
    #[command(flatten)]
    connection: Connection,
    #[command(flatten)]
    pace: Pace,
}

impl Serve {
    pub(crate) fn run(&self, output: Output) -> Result<()> {
        let mut session = self.connection.open()?;
        let mut transactions = Vec::new();
        self.pace.repeat(|| serve(output, &mut session, &mut transactions))?;
        output.object(&json!({ "transactions": transactions }))
    }
}

fn serve(output: Output, session: &mut Session, transactions: &mut Vec<Receipt>) -> Result<()> {
    let contracts = session.contracts()?;
    let Session { chain, account, store } = session;
    let operator = Operator { contracts, account, store };
    let claims = contracts.claims(chain, contracts.block)?;
    for requested in contracts.requests(chain, contracts.block)? {
        let mine = |c: &&proof_bridge::contracts::Claimed| {
            c.content.request == requested.id && c.content.claimant == account.address()
        };
        let program = match operator.program(requested.content.model) {
            Err(PartyError::UnknownModel(_)) => continue,
            program => program?,
        };
        if let Some(claimed) = claims.iter().find(mine) {
            if contracts.state_of(chain, claimed.id)?.open == 0 {
                continue;
            }
            let trace = run(&program, &requested, None)?;
            for turn in operator.defend(chain, claimed, &trace, None)? {
                note(output, &format!("claim {}", claimed.id), turn, transactions);
            }
        } else {
            let (claimed, _, receipt) = operator.claim(chain, &requested, None)?;
            say_receipt(output, &receipt);
            output.say(format_args!("claim {} for request {}", claimed.id, requested.id));
            transactions.push(receipt);
        }
    }
    Ok(())
}

/// Watch claims, run them, and dispute the false ones.
#[derive(Args)]
pub(crate) struct Watch {
    #[command(flatten)]
    connection: Connection,
    #[command(flatten)]
    pace: Pace,
}

impl Watch {
    pub(crate) fn run(&self, output: Output) -> Result<()> {
        let mut session = self.connection.open()?;
        let mut transactions = Vec::new();
        self.pace.repeat(|| watch(output, &mut session, &mut transactions))?;
        output.object(&json!({ "transactions": transactions }))
    }
}

fn watch(output: Output, session: &mut Session, transactions: &mut Vec<Receipt>) -> Result<()> {
    let contracts = session.contracts()?;
    let Session { chain, account, store } = session;
    let watcher = Watcher { contracts, account, store };
    let disputed: Vec<Record> = store.disputes()?;
    for record in disputed.iter().filter(|record| record.side == Side::Challenger) {
        note(output, &format!("dispute {}", record.dispute), watcher.resume(chain, record)?, transactions);
    }
    for Seen { claimed, opened } in watcher.look(chain, contracts.block)? {
        match opened {
            None => output.say(format_args!("claim {} is true, or not of a model known here", claimed.id)),
            Some((dispute, receipt)) => {
                output.say(format_args!("claim {} is FALSE: dispute {dispute} opened", claimed.id));
                say_receipt(output, &receipt);
                transactions.push(receipt);
            }
        }
    }
    Ok(())
}

fn note(output: Output, what: &str, turn: Turn, transactions: &mut Vec<Receipt>) {
    match turn {
        Turn::Moved(receipt) | Turn::Claimed(receipt) => {
            say_receipt(output, &receipt);
            transactions.push(receipt);
        }
        Turn::Waiting { until } => {
            output.say(format_args!("{what}: the other side may move until {until} (unix time)"))
        }
        Turn::Stuck => output.say(format_args!("{what}: nothing to object to; it will be lost by clock")),
        Turn::Over(verdict) => {
            let winner = if verdict.challenger_won { "challenger" } else { "claimant" };
            let how = if verdict.by_step { "by a micro-step" } else { "by the clock" };
            output.say(format_args!("{what}: over, the {winner} won {how}"));
        }
    }
}

/// Show claims and disputes.
#[derive(Args)]
pub(crate) struct Dispute {
    #[command(subcommand)]
    command: DisputeCommand,
}

#[derive(clap::Subcommand)]
enum DisputeCommand {
    /// List the claims and the disputes of them.
    Show(Show),
}

#[derive(Args)]
struct Show {
    #[command(flatten)]
    connection: Connection,
}

impl Dispute {
    pub(crate) fn run(&self, output: Output) -> Result<()> {
        let DisputeCommand::Show(show) = &self.command;
        let mut session = show.connection.open()?;
        let contracts = session.contracts()?;
        let chain: &mut dyn Chain = &mut session.chain;
        let mut claims = Vec::new();
        for claimed in contracts.claims(chain, contracts.block)? {
            let state = contracts.state_of(chain, claimed.id)?;
            let phase = ["none", "open", "final", "false"].get(usize::from(state.phase)).copied().unwrap_or("unknown");
            output.say(format_args!(
                "claim {} {phase}, {} steps, disputes open {} of {}",
                claimed.id, claimed.content.steps, state.open, state.opened
            ));
            claims.push(json!({ "claim": claimed.id, "phase": phase, "steps": claimed.content.steps, "deadline": claimed.deadline }));
        }
        let mut disputes = Vec::new();
        let mut seen = Vec::new();
        for (dispute, _) in contracts.posted(chain, contracts.block)? {
            if seen.contains(&dispute) {
                continue;
            }
            seen.push(dispute);
            disputes.push(match contracts.pending(chain, dispute)? {
                Some(posted) => {
                    let (lo, hi) = (posted.game.lo, posted.game.hi);
                    let turn = if posted.game.claimantTurn { "claimant" } else { "challenger" };
                    output.say(format_args!(
                        "dispute {dispute} steps {lo}..{hi}, {turn} to move until {}",
                        deadline(&posted)
                    ));
                    json!({ "dispute": dispute, "lo": lo, "hi": hi, "turn": turn, "until": deadline(&posted) })
                }
                None => {
                    let verdict = contracts.verdict(chain, dispute)?;
                    let won = verdict.is_some_and(|verdict| verdict.challenger_won);
                    output.say(format_args!(
                        "dispute {dispute} over, {} won",
                        if won { "challenger" } else { "claimant" }
                    ));
                    json!({ "dispute": dispute, "verdict": verdict })
                }
            });
        }
        output.object(&json!({ "claims": claims, "disputes": disputes }))
    }
}
