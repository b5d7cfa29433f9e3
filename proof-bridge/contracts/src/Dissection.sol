// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

/// @title The shape of a dissection: how many segments, where they begin, and the tree over them.
library Dissection {
    /// Most segments of a list. Shorter lists cost more transactions, longer ones more bytes: near 64 both are few.
    uint256 private constant MOST = 64;

    /// @notice R = least even R with 64^R >= N; k = ceil(N^(1/R)), so that R lists of k segments reach one micro-step.
    /// Even, so that the last list is as a rule the claimant's: whoever disputes a false claim then ends it by a witness,
    /// and need not wait for the liar's clock.
    function arity(uint256 steps) internal pure returns (uint256 rounds, uint256 k) {
        rounds = 2;
        while (MOST ** rounds < steps) rounds += 2;
        uint256 low = 1;
        k = MOST;
        while (low < k) {
            uint256 middle = (low + k) / 2;
            if (middle ** rounds < steps) low = middle + 1;
            else k = middle;
        }
    }

    /// @notice Segments of a list over [lo, hi): no more than micro-steps, so none is empty.
    function segmentCount(uint256 k, uint256 lo, uint256 hi) internal pure returns (uint256) {
        return k < hi - lo ? k : hi - lo;
    }

    /// @notice Point j of [lo, hi) in s segments: lo + floor((hi - lo) * j / s).
    function point(uint256 lo, uint256 hi, uint256 s, uint256 j) internal pure returns (uint64) {
        return uint64(lo + (hi - lo) * j / s);
    }

    /// @notice Root of the keccak256 tree over the leaves keccak256(p_j, p_{j+1}), p_0 = start, p_1.. = roots, padded with
    /// zero words to a power of two. Of the tree's depth, so that no node passes for a leaf.
    function treeOf(bytes32 start, bytes32[] calldata roots) internal pure returns (bytes32 root) {
        uint256 count = roots.length;
        uint256 width = 1 << levels(count);
        assembly ("memory-safe") {
            let base := mload(0x40)
            mstore(base, start)
            calldatacopy(add(base, 0x20), roots.offset, shl(5, count))
            let end := shl(5, count)
            for { let i := 0 } lt(i, end) { i := add(i, 0x20) } {
                mstore(add(base, i), keccak256(add(base, i), 0x40))
            }
            calldatacopy(add(base, end), calldatasize(), sub(shl(5, width), end))
            for {} gt(width, 1) { width := shr(1, width) } {
                end := shl(5, width)
                for { let i := 0 } lt(i, end) { i := add(i, 0x40) } {
                    mstore(add(base, shr(1, i)), keccak256(add(base, i), 0x40))
                }
            }
            root := mload(base)
        }
    }

    /// @notice Root to which a segment's leaf and its siblings lead.
    function rootOf(bytes32 start, bytes32 end, uint256 segment, bytes32[] calldata proof)
        internal
        pure
        returns (bytes32 node)
    {
        node = keccak256(abi.encode(start, end));
        for (uint256 i = 0; i < proof.length; i++) {
            node =
                (segment >> i) & 1 == 0 ? keccak256(abi.encode(node, proof[i])) : keccak256(abi.encode(proof[i], node));
        }
    }

    /// @notice ceil(log2 count).
    function levels(uint256 count) internal pure returns (uint256 result) {
        while (1 << result < count) result++;
    }
}
