//! The contracts' interface, taken from their compiled artifacts.
#![allow(missing_docs, reason = "documented in contracts/src/interfaces")]
#![allow(clippy::too_many_arguments, reason = "generated from the ABI")]

use alloy::sol;

sol! {
    #[sol(all_derives, extra_derives(serde::Serialize, serde::Deserialize))]
    Court,
    "contracts/artifacts/Court.json"
}

sol! {
    #[sol(all_derives)]
    Step,
    "contracts/artifacts/Step.json"
}
