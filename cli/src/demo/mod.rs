//! `systole demo`: from an ONNX file to a settled fraud dispute, on embedded defaults.

mod fraud;
mod model;
mod plot;

use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context, Result};
use clap::Args;
use proof_bridge::chain::{Chain, Evm, Rpc};
use serde::Serialize;

use crate::output::{Output, thousands};

/// The whole path, from an ONNX file to a settled fraud dispute.
#[derive(Args)]
pub(crate) struct Demo {
    /// Where the plots are written.
    #[arg(long, value_name = "DIR", default_value = "demo-out")]
    out: PathBuf,
    /// Play on this test node (anvil) instead of the EVM in this process.
    #[arg(long, value_name = "URL")]
    rpc: Option<String>,
    /// The accelerator.
    #[arg(long, default_value = "p16")]
    target: String,
    /// Only build the simulator of the accelerator, so that a later demo need not.
    #[arg(long, hide = true)]
    prepare: bool,
}

/// Everything that the demo measured.
#[derive(Serialize)]
struct Account {
    model: model::Compiled,
    accuracy: model::Accuracy,
    rtl: model::Simulated,
    honest: fraud::Honest,
    dispute: fraud::Disputed,
    plots: Vec<PathBuf>,
    seconds: f64,
}

impl Demo {
    pub(crate) fn run(&self, output: Output) -> Result<()> {
        let started = Instant::now();
        if self.prepare {
            crate::machine::rtl(&crate::machine::target(&self.target)?, &crate::machine::Simulation::default())?;
            return Ok(());
        }
        let mut chain: Box<dyn Chain> = match &self.rpc {
            Some(url) => Box::new(Rpc::connect(url)?),
            None => Box::new(Evm::new()),
        };
        let digits = model::Digits::compile(&self.target)?;
        tell_model(output, &digits.compiled);
        let accuracy = digits.classify()?;
        output.say(format_args!(
            "  {} digits on the executor: {} right ({:.1} %); ONNX Runtime's class on {}, its outputs to within {} LSB; {:.1} s",
            accuracy.digits,
            accuracy.right,
            accuracy.percent,
            accuracy.same_class_as_onnx_runtime,
            accuracy.largest_lsb_from_onnx_runtime,
            accuracy.seconds
        ));
        let rtl = digits.simulate(&self.target)?;
        tell_rtl(output, &rtl, &self.target);
        let parties = fraud::Parties::new(chain.as_mut(), &digits.program)?;
        let honest = parties.honest(chain.as_mut(), &digits.program, &digits.inputs[0])?;
        tell_honest(output, &honest);
        let dispute = parties.dishonest(chain.as_mut(), &digits.program, &digits.inputs[1])?;
        tell_dispute(output, &dispute);
        std::fs::create_dir_all(&self.out).with_context(|| format!("cannot make {}", self.out.display()))?;
        let plots = vec![self.out.join("machine.svg"), self.out.join("dispute.svg")];
        plot::machine(&plots[0], &rtl.perf)?;
        plot::dispute(&plots[1], &dispute)?;
        let account = Account {
            model: digits.compiled,
            accuracy,
            rtl,
            honest,
            dispute,
            plots,
            seconds: started.elapsed().as_secs_f64(),
        };
        output.say(format_args!(
            "\nplots: {}, {}; {:.1} s in all",
            account.plots[0].display(),
            account.plots[1].display(),
            account.seconds
        ));
        output.object(&account)
    }
}

fn tell_model(output: Output, model: &model::Compiled) {
    output.say("1. A real model, compiled");
    output.say(format_args!(
        "  digits.onnx -> {} bytes: {} instructions, {} MACs, model root {}",
        thousands(model.program_bytes),
        model.instructions,
        thousands(model.macs),
        model.model_root
    ));
}

fn tell_rtl(output: Output, rtl: &model::Simulated, target: &str) {
    output.say("\n2. The same digit on the Verilated accelerator");
    output.say(format_args!(
        "  {target}: a {}, {} cycles, {:.1} % of {}x{} MACs, {:.2} M cycles/s",
        rtl.class,
        thousands(rtl.perf.counters.cycles),
        100.0 * rtl.perf.mac_utilisation,
        rtl.perf.array_rows,
        rtl.perf.array_cols,
        rtl.cycles_per_second / 1e6
    ));
    output.say(format_args!("  write digest {} and final root {}: those of the executor", rtl.digest, rtl.final_root));
}

fn tell_honest(output: Output, honest: &fraud::Honest) {
    output.say("\n3. An honest claim");
    for receipt in &honest.transactions {
        crate::commands::chain::say_receipt(output, receipt);
    }
    output.say(format_args!(
        "  {} steps; nobody disputes; the window passes, the claim is final, the bond is back ({} gas in all)",
        thousands(honest.steps),
        thousands(honest.claim_gas)
    ));
}

fn tell_dispute(output: Output, dispute: &fraud::Disputed) {
    output.say("\n4. A false claim");
    output.say(format_args!(
        "  an operator changes one product in micro-step {} of {} (lane {}, off by {}) and claims what comes out",
        thousands(dispute.fault.step),
        thousands(dispute.steps),
        dispute.fault.lane,
        dispute.fault.delta
    ));
    for (receipt, round) in
        dispute.transcript.iter().zip(dispute.rounds.iter().map(Some).chain(std::iter::repeat(None)))
    {
        let what = round.map_or(String::new(), |round| {
            format!("{} roots in steps {}..{}", round.roots, thousands(round.lo), thousands(round.hi))
        });
        output.say(format_args!(
            "  {:9} {:>9} gas {:>6} bytes  {what}",
            receipt.name,
            thousands(receipt.gas),
            thousands(receipt.calldata_bytes as u64)
        ));
    }
    let verdict = if dispute.convicted { "CONVICTED" } else { "NOT convicted" };
    output.say(format_args!(
        "  {verdict}: {} transactions, {} gas for both sides; the one micro-step cost {} gas and {} bytes of calldata ({} of witness)",
        dispute.transactions,
        thousands(dispute.total_gas),
        thousands(dispute.step_gas),
        thousands(dispute.step_calldata_bytes),
        thousands(dispute.witness_bytes)
    ));
    for balance in &dispute.balances {
        output.say(format_args!("  {:10} {:>+12.6} ETH", balance.who, balance.change_eth));
    }
}
