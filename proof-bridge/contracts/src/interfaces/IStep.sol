// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

/// @title One micro-step of the machine of docs/machine.md, from a witness.
interface IStep {
    /// @notice The head names sizes that no machine has.
    error BadProfile();

    /// @notice The state root after one micro-step from `preRoot`.
    /// @param witness eight sub-tree roots, then the accesses in the order of `step`; exact length or revert
    function step(bytes32 preRoot, bytes calldata witness) external view returns (bytes32 postRoot);
    /// @notice The instruction set that it checks.
    function isaHash() external view returns (bytes32);
}
