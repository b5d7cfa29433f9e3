// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

/// @title Models: what may be asked for. Immutable once registered.
interface IRegistry {
    /// @notice head leaf 0 names another instruction set than this contract checks.
    error IsaMismatch(bytes32 isaHash);
    /// @notice A depth above its maximum, a reserved bit or leaf that is not zero, or a step limit of 0.
    error BadHead();
    error ModelExists(bytes32 model);
    error ModelUnknown(bytes32 model);

    event Registered(bytes32 indexed model, bytes32[4] head, bytes32 textRoot, bytes32 constRoot);

    /// @notice Makes a model known.
    /// @param head the four leaves of the `head` sub-tree: ISA_HASH, profile, hash of the metadata, zero
    /// @param textRoot root of the `text` sub-tree, of the depth that the profile states
    /// @param constRoot root of the `const` sub-tree, of the depth that the profile states
    /// @return model the model root H(H(head, text), const), which is the model's name everywhere
    function register(bytes32[4] calldata head, bytes32 textRoot, bytes32 constRoot) external returns (bytes32 model);

    /// @notice The profile leaf of a model; zero where it is not registered.
    function profileOf(bytes32 model) external view returns (bytes32 profile);
}
