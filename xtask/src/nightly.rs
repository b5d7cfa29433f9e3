//! `cargo xtask nightly`: the campaigns that take hours.

use std::process::Command;
use std::time::Instant;

use anyhow::{Result, bail, ensure};

use crate::{formal, fuzz, networks, process, repo, setup, tools::Tools};

/// A campaign over seeds.
struct Campaign {
    name: &'static str,
    /// What is compared.
    about: &'static str,
    package: &'static str,
    tests: &'static [&'static str],
    /// The variable with the range of seeds, its start and its length at scale 1.
    seeds: (&'static str, u64, u64),
    /// Variables with other sizes, at scale 1.
    counts: &'static [(&'static str, u64)],
}

const CAMPAIGNS: &[Campaign] = &[
    Campaign {
        name: "fast",
        about: "random programs of 10 to 70 instructions, the fast executor in all its forms against the reference",
        package: "sim",
        tests: &["fast", "fast_shapes"],
        seeds: ("SYSTOLE_SEEDS", 100_000, 100_000),
        counts: &[],
    },
    Campaign {
        name: "rtl",
        about: "random programs, three in four of neighbours that share rows, on machines of nine shapes emitted for it, \
                against the reference; prints what they reached",
        package: "hdl",
        tests: &["campaign"],
        seeds: ("SYSTOLE_SEEDS", 100_000, 100_000),
        counts: &[],
    },
    Campaign {
        name: "edges",
        about: "single instructions at the edge of being admitted, the committed RTL against the reference",
        package: "sim",
        tests: &["traps"],
        seeds: ("SYSTOLE_SEEDS", 100_000, 50_000),
        counts: &[],
    },
    Campaign {
        name: "twin",
        about: "single micro-steps of each opcode, one a seed; steps of random programs; altered witnesses: Step.sol in an \
                EVM against the reference",
        package: "proof-bridge",
        tests: &["twin"],
        seeds: ("SYSTOLE_TWIN_SEEDS", 0, 1_000_000),
        counts: &[("SYSTOLE_TWIN_STEPS", 2_000_000), ("SYSTOLE_TWIN_ALTERED", 1_000_000)],
    },
];

/// Random graphs through the compiler.
const COMPILER: (&str, &str) =
    ("compiler", "random graphs through every pass, blocks and chains, attention: the machine against the evaluators");
/// Its tests, and the cases of each at scale 1.
const COMPILER_TESTS: &[(&str, f64)] =
    &[("random_graphs", 20_000.0), ("random_integers", 100_000.0), ("together", 20_000.0), ("attention", 20_000.0)];

/// The contracts' fuzz and invariant tests at the length of Foundry's profile `deep`.
const CONTRACTS: (&str, &str) = ("contracts", "20,000 runs of each fuzz test, 10,000 sequences of each invariant");

/// The proofs of `cargo xtask formal`, the long ones too.
const FORMAL: (&str, &str) =
    ("formal", "proofs by induction over the emitted Verilog, and seeded faults that they must find");

/// Whole networks in the RTL.
const NETWORKS: (&str, &str) = (
    "networks",
    "ResNet-50, MobileNetV2, a layer of BERT and the digits: the RTL of p16 against the executor, and that against the \
     compiler's evaluator",
);

/// libFuzzer on what strangers send.
const FUZZ: (&str, &str) =
    ("fuzz", "any bytes as a model, as a program, as a witness: an error or a program, nothing else");
/// Of each target, at scale 1.
const FUZZ_SECONDS: f64 = 3600.0;

/// Arguments of `cargo xtask nightly`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Only these campaigns: fast, rtl, edges, twin, compiler, contracts, formal, networks, fuzz
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    only: Vec<String>,
    /// So many times as long (contracts, formal and networks excepted)
    #[arg(long, default_value_t = 1.0, value_name = "F")]
    scale: f64,
    /// Begin at this seed, to go on where a campaign was stopped; the last one stays the same
    #[arg(long, value_name = "SEED")]
    from: Option<u64>,
    /// Only say what would be played
    #[arg(long)]
    list: bool,
}

/// Plays the campaigns one after another.
///
/// # Errors
/// Set-up failed, or a test did; the test prints its counterexample.
pub(crate) fn run(args: &Args) -> Result<()> {
    let names = || {
        CAMPAIGNS.iter().map(|campaign| campaign.name).chain([COMPILER.0, CONTRACTS.0, FORMAL.0, NETWORKS.0, FUZZ.0])
    };
    if let Some(unknown) = args.only.iter().find(|name| !names().any(|it| it == *name)) {
        bail!("no campaign `{unknown}`; there are: {}", names().collect::<Vec<_>>().join(", "));
    }
    ensure!(args.scale.is_finite() && args.scale > 0.0, "--scale must be positive");
    let wanted = |name: &str| args.only.is_empty() || args.only.iter().any(|it| it == name);
    let tools = if args.list { None } else { Some(setup::run()?) };
    for campaign in CAMPAIGNS.iter().filter(|campaign| wanted(campaign.name)) {
        let sizes = campaign.sizes(args)?;
        let shown: Vec<String> = sizes.iter().map(|(name, value)| format!("{name}={value}")).collect();
        eprintln!("\n== {}: {} ==\n{}", campaign.name, campaign.about, shown.join(" "));
        if let Some(tools) = &tools {
            timed(|| campaign.play(tools, &sizes))?;
        }
    }
    if wanted(COMPILER.0) {
        eprintln!("\n== {}: {} ==", COMPILER.0, COMPILER.1);
        for (test, cases) in COMPILER_TESTS.iter().filter(|_| !args.list) {
            timed(|| compiler(test, (cases * args.scale).max(1.0) as u64))?;
        }
    }
    if wanted(CONTRACTS.0) {
        eprintln!("\n== {}: {} ==", CONTRACTS.0, CONTRACTS.1);
        if let Some(tools) = &tools {
            timed(|| contracts(tools))?;
        }
    }
    if wanted(FORMAL.0) {
        eprintln!("\n== {}: {} ==", FORMAL.0, FORMAL.1);
        if !args.list {
            timed(|| formal::run(&formal::Args::all()))?;
        }
    }
    if wanted(NETWORKS.0) {
        eprintln!("\n== {}: {} ==", NETWORKS.0, NETWORKS.1);
        if let Some(tools) = &tools {
            timed(|| networks::check(tools))?;
        }
    }
    if wanted(FUZZ.0) {
        let seconds = (FUZZ_SECONDS * args.scale).max(1.0) as u64;
        eprintln!("\n== {}: {}; {seconds} s each ==", FUZZ.0, FUZZ.1);
        if !args.list {
            timed(|| fuzz::run(seconds))?;
        }
    }
    Ok(())
}

impl Campaign {
    /// Variables and their values.
    fn sizes(&self, args: &Args) -> Result<Vec<(&'static str, String)>> {
        let scaled = |count: u64| ((count as f64 * args.scale) as u64).max(1);
        let (variable, start, length) = self.seeds;
        let end = start + scaled(length);
        let from = args.from.unwrap_or(start);
        ensure!(from < end, "campaign {} ends before seed {end}", self.name);
        let counts = self.counts.iter().map(|&(variable, count)| (variable, scaled(count).to_string()));
        Ok(std::iter::once((variable, format!("{from}..{end}"))).chain(counts).collect())
    }

    fn play(&self, tools: &Tools, sizes: &[(&str, String)]) -> Result<()> {
        let mut test = process::cargo();
        test.args(["test", "--package", self.package]).env("SYSTOLE_REQUIRE_RTL", "1");
        for name in self.tests {
            test.args(["--test", name]);
        }
        // Campaigns say how far they are.
        test.args(["--", "--nocapture"]);
        test.envs(sizes.iter().map(|(name, value)| (name, value)));
        process::run(tools.tell(&mut test))
    }
}

fn timed(work: impl FnOnce() -> Result<()>) -> Result<()> {
    let started = Instant::now();
    let result = work();
    eprintln!("{:.0} s", started.elapsed().as_secs_f64());
    result
}

/// A property test, which prints the smallest case that fails.
fn compiler(test: &str, cases: u64) -> Result<()> {
    let mut command = process::cargo();
    command.args(["test", "--package", "compiler", "--test", test]).env("PROPTEST_CASES", cases.to_string());
    process::run(&mut command)
}

fn contracts(tools: &Tools) -> Result<()> {
    let mut forge = Command::new(&tools.forge);
    // The gas figures are those of the usual length.
    forge.current_dir(repo::contracts()).env("FOUNDRY_PROFILE", "deep").args(["test", "--gas-snapshot-emit", "false"]);
    process::run(&mut forge)
}
