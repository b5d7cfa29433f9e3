// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Isa} from "../Isa.sol";
import {Lanes} from "../Lanes.sol";
import {Machine, MachineLib} from "../Machine.sol";
import {Place} from "../Tree.sol";
import {Word} from "../Word.sol";

/// @title Products. The twin of isa/src/ops/matrix.rs.
library Matrix {
    using MachineLib for Machine;

    uint256 private constant ONES = Lanes.ONES;
    /// The low byte of each 32-bit field: (w >> (24 - 8r)) & BYTES spreads eight bytes of a row8 into the fields of leaf r.
    uint256 private constant BYTES = 0x000000ff000000ff000000ff000000ff000000ff000000ff000000ff000000ff;
    /// 128 in each byte: xor turns an int8 w into the unsigned w + 128.
    uint256 private constant BIAS = 0x8080808080808080808080808080808080808080808080808080808080808080;
    /// Above the magnitude of any sum of 32 products: keeps the fields of a running sum from borrowing.
    uint256 private constant OFFSET = 1 << 24;

    function execute(Machine memory m, Word w, uint256 op) internal view {
        (uint256 a,) = m.readRow(m.taps(w));
        uint256[4] memory product;
        if (op == Isa.OP_DWMAC) {
            (uint256 row,) = m.readRow(m.weights(w));
            lanewise(a, row, m.live(), product);
        } else {
            (uint256 tile,) = m.read(m.weights(w), 5);
            uint256 k = MachineLib.atMost32(w.bits(Isa.K_LSB, Isa.K_WIDTH));
            if (w.flag(Isa.TR_LSB)) transposed(a, tile, k, m.live(), product);
            else straight(a, tile, k, m.live(), product);
        }
        accumulate(m, w, product);
    }

    /// @dev Writes a product, or adds it to what is there.
    function accumulate(Machine memory m, Word w, uint256[4] memory product) private view {
        uint256 to = m.near(w, Isa.D_LSB);
        if (m.firstTap(w)) {
            m.writeRow32(to, product);
        } else {
            (uint256 old, Place memory place) = m.readRow32(to);
            for (uint256 r = 0; r < 4; r++) {
                product[r] = Lanes.add(product[r], Lanes.leafAt(old, r));
            }
            m.update(place, MachineLib.nodeOf(product));
        }
    }

    /// @dev p[j] = sum over i < k of a[i] * tile[i][j] for j < n, else 0, as the four leaves of a row32. `tile` is a calldata
    /// offset. With u = w + 128 the 256-bit sum of a * u over fields is exact as one integer, though its fields borrow; adding
    /// OFFSET to each makes all fields positive, so that they stand apart: a field is sum(a * w) + 128 * sum(a) + OFFSET,
    /// whose magnitude is below 32 * 128 * 255 + OFFSET < 2^25.
    function straight(uint256 a, uint256 tile, uint256 k, uint256 n, uint256[4] memory p) private pure {
        (uint256 p0, uint256 p1, uint256 p2, uint256 p3) = (OFFSET * ONES, OFFSET * ONES, OFFSET * ONES, OFFSET * ONES);
        uint256 sum;
        assembly ("memory-safe") {
            for { let i := 0 } lt(i, k) { i := add(i, 1) } {
                let x := signextend(0, byte(i, a))
                let u := xor(calldataload(add(tile, shl(5, i))), BIAS)
                sum := add(sum, x)
                p0 := add(p0, mul(x, and(shr(24, u), BYTES)))
                p1 := add(p1, mul(x, and(shr(16, u), BYTES)))
                p2 := add(p2, mul(x, and(shr(8, u), BYTES)))
                p3 := add(p3, mul(x, and(u, BYTES)))
            }
        }
        unchecked {
            uint256 less = uint256(uint32(0 - (sum * 128 + OFFSET))) * ONES;
            p[0] = Lanes.add(p0, less) & Lanes.live(n, 0);
            p[1] = Lanes.add(p1, less) & Lanes.live(n, 1);
            p[2] = Lanes.add(p2, less) & Lanes.live(n, 2);
            p[3] = Lanes.add(p3, less) & Lanes.live(n, 3);
        }
    }

    /// @dev p[j] = sum over i < k of a[i] * tile[j][i] for j < n, else 0. The product of two words of eight fields has in its
    /// top field the sum of products of opposite fields, as long as what is below neither carries nor borrows into it. So a is
    /// spread over four words with its fields in reversed order, signed, as integers; u = w + 128 is spread as it lies; and
    /// OFFSET in each field keeps all of them positive, as in `straight`.
    function transposed(uint256 a, uint256 tile, uint256 k, uint256 n, uint256[4] memory p) private pure {
        uint256 less = OFFSET;
        uint256 offsets = OFFSET * ONES;
        assembly ("memory-safe") {
            let a0 := 0
            let a1 := 0
            let a2 := 0
            let a3 := 0
            // Bytes past a are zero, so that whole groups of four can be taken.
            a := and(a, not(shr(shl(3, k), not(0))))
            for { let i := 0 } lt(i, k) { i := add(i, 4) } {
                let to := shl(3, i)
                let x := signextend(0, byte(i, a))
                less := add(less, shl(7, x))
                a0 := add(a0, shl(to, x))
                x := signextend(0, byte(add(i, 1), a))
                less := add(less, shl(7, x))
                a1 := add(a1, shl(to, x))
                x := signextend(0, byte(add(i, 2), a))
                less := add(less, shl(7, x))
                a2 := add(a2, shl(to, x))
                x := signextend(0, byte(add(i, 3), a))
                less := add(less, shl(7, x))
                a3 := add(a3, shl(to, x))
            }
            for { let j := 0 } lt(j, n) { j := add(j, 1) } {
                let u := xor(calldataload(add(tile, shl(5, j))), BIAS)
                let s := add(mul(a0, and(shr(24, u), BYTES)), offsets)
                s := add(s, mul(a1, and(shr(16, u), BYTES)))
                s := add(s, mul(a2, and(shr(8, u), BYTES)))
                s := add(s, mul(a3, and(u, BYTES)))
                let at := add(p, shl(5, and(j, 3)))
                let sum := and(sub(shr(224, s), less), 0xffffffff)
                mstore(at, or(mload(at), shl(sub(224, shl(5, shr(2, j))), sum)))
            }
        }
    }

    /// @dev p[j] = a[j] * w[j] for j < n, else 0.
    function lanewise(uint256 a, uint256 w, uint256 n, uint256[4] memory p) private pure {
        unchecked {
            for (uint256 j = 0; j < n; j++) {
                Lanes.put32(p, j, uint256(Lanes.lane8(a, j) * Lanes.lane8(w, j)));
            }
        }
    }
}
