// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Claims} from "./Claims.sol";
import {Disputes} from "./Disputes.sol";
import {Isa} from "./Isa.sol";
import {IStep} from "./interfaces/IStep.sol";

/// @title The contract that is deployed: models, claims, disputes. It owns no power over any of them.
contract Court is Disputes {
    /// @notice The stepper checks another instruction set than this contract's models have.
    error WrongStepper(bytes32 isaHash);
    /// @notice A clock shorter than its extension, or an extension of nothing.
    error BadClocks();

    /// @param stepper_ checks the one micro-step
    /// @param bond_ wei of a claim and of a challenge: at least twice the other side's worst-case gas, since half of a lost
    /// bond is burnt and the other half pays for that gas
    /// @param window_ seconds in which a claim may be disputed
    /// @param clock_ seconds that each side of a dispute has
    /// @param extension_ seconds that each side has at least for every move
    constructor(IStep stepper_, uint256 bond_, uint40 window_, uint32 clock_, uint32 extension_)
        Claims(bond_, window_)
        Disputes(stepper_, clock_, extension_)
    {
        bytes32 isaHash = stepper_.isaHash();
        if (isaHash != Isa.ISA_HASH) revert WrongStepper(isaHash);
        if (clock_ < extension_ || extension_ == 0) revert BadClocks();
    }
}
