//! Why a contract refused, in words.

use alloy::{
    primitives::hex,
    sol_types::{Panic, Revert, SolError, SolInterface},
};

use crate::abi::{Court::CourtErrors, Step::StepErrors};

/// The error that revert data says: a custom error of the contracts with its values, a `require` message, a panic.
pub fn reason(data: &[u8]) -> String {
    if let Ok(error) = CourtErrors::abi_decode(data) {
        return inner(&format!("{error:?}"));
    }
    if let Ok(error) = StepErrors::abi_decode(data) {
        return inner(&format!("{error:?}"));
    }
    if let Ok(error) = Revert::abi_decode(data) {
        return error.reason().to_owned();
    }
    if let Ok(error) = Panic::abi_decode(data) {
        return error.to_string();
    }
    match data.len() {
        0 => "no reason given".to_owned(),
        _ => format!("unknown error {}", hex::encode_prefixed(&data[..data.len().min(36)])),
    }
}

/// `Name(Name { … })` without the outer name.
fn inner(debug: &str) -> String {
    debug.split_once('(').and_then(|(_, rest)| rest.strip_suffix(')')).unwrap_or(debug).to_owned()
}

#[cfg(test)]
mod tests {
    use alloy::primitives::U256;

    use super::*;
    use crate::abi::Court::{StepAgrees, WrongBond};

    #[test]
    fn errors_are_told_by_name() {
        let error = WrongBond { sent: U256::from(1), required: U256::from(2) };
        assert_eq!(reason(&error.abi_encode()), "WrongBond { sent: 1, required: 2 }");
        assert_eq!(reason(&StepAgrees {}.abi_encode()), "StepAgrees");
        assert_eq!(reason(&Revert::from("so be it").abi_encode()), "so be it");
        assert_eq!(reason(&[]), "no reason given");
        assert_eq!(reason(&[1, 2, 3, 4]), "unknown error 0x01020304");
    }
}
