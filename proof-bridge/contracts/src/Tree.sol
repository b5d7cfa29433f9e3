// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

/// @notice A witness being read: cursor and end in calldata, and the running roots of the eight sub-trees.
struct Witness {
    uint256 cursor;
    uint256 end;
    bytes32[8] roots;
}

/// @notice A proved place: an aligned sub-tree of one of the eight trees, and where its siblings stand.
struct Place {
    uint256 tree;
    /// index of the sub-tree's node among the nodes of its height
    uint256 node;
    /// calldata offset of the siblings, bottom first
    uint256 siblings;
    uint256 levels;
}

/// @title SHA-256 state trees, proved and changed by a witness (docs/machine.md, "Witness").
/// @notice A leaf is its own 32 bytes. Depths come from the profile, so a leaf cannot pass for a node.
library Tree {
    /// @notice The precompile failed: out of gas inside it.
    error Sha256Failed();
    /// @notice The witness ends inside an access.
    error WitnessTooShort();
    /// @notice Bytes follow the last access.
    error WitnessTooLong();
    /// @notice The access does not lead to the running root of the tree.
    error BadProof(uint256 tree);
    /// @notice Not whole rows, or more rows than the tree holds.
    error BadLength(uint256 lengthBytes);
    /// @notice The place is outside the tree or not aligned.
    error BadIndex(uint256 tree, uint256 index);

    /// @notice SHA-256 of two nodes.
    function pair(bytes32 left, bytes32 right) internal view returns (bytes32 node) {
        bool ok;
        assembly ("memory-safe") {
            mstore(0x00, left)
            mstore(0x20, right)
            // Arguments are evaluated from the right: first the call, then what it returned.
            ok := and(eq(returndatasize(), 32), staticcall(gas(), 2, 0x00, 0x40, 0x00, 0x20))
            node := mload(0x00)
        }
        if (!ok) revert Sha256Failed();
    }

    /// @notice Root of the tree of zero leaves: Z(0) = 0, Z(d + 1) = pair(Z(d), Z(d)).
    function zero(uint256 depth) internal view returns (bytes32 node) {
        for (uint256 d = 0; d < depth; d++) {
            node = pair(node, node);
        }
    }

    /// @notice The state root over the eight sub-trees.
    function stateRoot(bytes32[8] memory roots) internal view returns (bytes32) {
        bytes32 left = pair(pair(roots[0], roots[1]), pair(roots[2], roots[3]));
        return pair(left, pair(pair(roots[4], roots[5]), pair(roots[6], roots[7])));
    }

    /// @notice Node over 2^height leaves in memory at `from`. The leaves are kept.
    function nodeOfMemory(uint256 from, uint256 height) internal view returns (bytes32) {
        return nodeOf(from, height, false);
    }

    /// @notice Node over 2^height leaves in calldata at `from`.
    function nodeOfCalldata(uint256 from, uint256 height) internal view returns (bytes32) {
        return nodeOf(from, height, true);
    }

    /// @dev Hashes a copy in free memory pair by pair in place, level by level.
    function nodeOf(uint256 from, uint256 height, bool inCalldata) private view returns (bytes32 node) {
        bool ok = true;
        assembly ("memory-safe") {
            let base := mload(0x40)
            let width := shl(add(height, 5), 1)
            switch inCalldata
            case 0 { mcopy(base, from, width) }
            default { calldatacopy(base, from, width) }
            for {} gt(width, 0x20) { width := shr(1, width) } {
                for { let at := 0 } lt(at, width) { at := add(at, 0x40) } {
                    let done := staticcall(gas(), 2, add(base, at), 0x40, add(base, shr(1, at)), 0x20)
                    ok := and(ok, and(done, eq(returndatasize(), 32)))
                }
            }
            node := mload(base)
        }
        if (!ok) revert Sha256Failed();
    }

    /// @notice Root of a tree of `depth` over whole rows in calldata, from row 0; the other leaves are zero.
    function rootOfRows(bytes calldata rows, uint256 depth) internal view returns (bytes32) {
        uint256 count = rows.length / 32;
        if (rows.length % 32 != 0 || count > 1 << depth) revert BadLength(rows.length);
        uint256 base;
        assembly ("memory-safe") {
            base := mload(0x40)
            mstore(0x40, add(base, add(rows.length, 0x20)))
            calldatacopy(base, rows.offset, rows.length)
        }
        bytes32 empty;
        for (uint256 height = 0; height < depth; height++) {
            count = halve(base, count, empty);
            empty = pair(empty, empty);
        }
        if (count == 0) return empty;
        assembly ("memory-safe") {
            empty := mload(base)
        }
        return empty;
    }

    /// @dev Replaces `count` nodes at `base` by the level above, with `empty` after an odd last one. Answers their number.
    function halve(uint256 base, uint256 count, bytes32 empty) private view returns (uint256 half) {
        bool ok = true;
        half = (count + 1) / 2;
        assembly ("memory-safe") {
            if and(count, 1) { mstore(add(base, shl(5, count)), empty) }
            let end := shl(5, half)
            for { let to := 0 } lt(to, end) { to := add(to, 0x20) } {
                let done := staticcall(gas(), 2, add(base, shl(1, to)), 0x40, add(base, to), 0x20)
                ok := and(ok, and(done, eq(returndatasize(), 32)))
            }
        }
        if (!ok) revert Sha256Failed();
    }

    /// @notice Root of the tree in which `node` stands at `index` under `levels` siblings in calldata, bottom first.
    function fold(bytes32 node, uint256 index, uint256 siblings, uint256 levels) internal view returns (bytes32 root) {
        bool ok = true;
        assembly ("memory-safe") {
            for { let end := add(siblings, shl(5, levels)) } lt(siblings, end) { siblings := add(siblings, 0x20) } {
                let side := shl(5, and(index, 1))
                mstore(side, node)
                mstore(xor(side, 0x20), calldataload(siblings))
                let done := staticcall(gas(), 2, 0x00, 0x40, 0x00, 0x20)
                ok := and(ok, and(done, eq(returndatasize(), 32)))
                node := mload(0x00)
                index := shr(1, index)
            }
            root := node
        }
        if (!ok) revert Sha256Failed();
    }

    /// @notice Begins with the eight roots, which must fold to `preRoot`.
    function open(bytes32 preRoot, bytes calldata witness) internal view returns (Witness memory w) {
        assembly ("memory-safe") {
            mstore(w, witness.offset)
            mstore(add(w, 0x20), add(witness.offset, witness.length))
        }
        uint256 from = take(w, 256);
        for (uint256 tree = 0; tree < 8; tree++) {
            w.roots[tree] = word(from + 32 * tree);
        }
        if (stateRoot(w.roots) != preRoot) revert BadProof(8);
    }

    /// @notice Ends: nothing may follow. Answers the root of the state as changed.
    function close(Witness memory w) internal view returns (bytes32 postRoot) {
        if (w.cursor != w.end) revert WitnessTooLong();
        return stateRoot(w.roots);
    }

    /// @notice Proves 2^height leaves of a tree.
    /// @return leaves their calldata offset
    function read(Witness memory w, uint256 tree, uint256 depth, uint256 index, uint256 height)
        internal
        view
        returns (uint256 leaves, Place memory place)
    {
        leaves = take(w, 32 << height);
        place = locate(w, tree, depth, index, height);
        check(w, place, nodeOfCalldata(leaves, height));
    }

    /// @notice Proves one leaf.
    function readLeaf(Witness memory w, uint256 tree, uint256 depth, uint256 index)
        internal
        view
        returns (uint256 leaf, Place memory place)
    {
        leaf = uint256(word(take(w, 32)));
        place = locate(w, tree, depth, index, 0);
        check(w, place, bytes32(leaf));
    }

    /// @notice Writes a place that was read in this step, with no other write to its tree since.
    function update(Witness memory w, Place memory place, bytes32 node) internal view {
        w.roots[place.tree] = fold(node, place.node, place.siblings, place.levels);
    }

    /// @notice Writes a place that was not read: the witness has the node that it overwrites.
    function overwrite(Witness memory w, uint256 tree, uint256 depth, uint256 index, uint256 height, bytes32 node)
        internal
        view
    {
        bytes32 old = word(take(w, 32));
        Place memory place = locate(w, tree, depth, index, height);
        check(w, place, old);
        update(w, place, node);
    }

    function locate(Witness memory w, uint256 tree, uint256 depth, uint256 index, uint256 height)
        private
        pure
        returns (Place memory place)
    {
        uint256 node = index >> height;
        if (height > depth || index >> depth != 0 || node << height != index) revert BadIndex(tree, index);
        uint256 levels = depth - height;
        place = Place(tree, node, take(w, 32 * levels), levels);
    }

    function check(Witness memory w, Place memory place, bytes32 node) private view {
        if (fold(node, place.node, place.siblings, place.levels) != w.roots[place.tree]) revert BadProof(place.tree);
    }

    function take(Witness memory w, uint256 length) private pure returns (uint256 from) {
        from = w.cursor;
        if (length > w.end - from) revert WitnessTooShort();
        w.cursor = from + length;
    }

    function word(uint256 offset) private pure returns (bytes32 value) {
        assembly ("memory-safe") {
            value := calldataload(offset)
        }
    }
}
