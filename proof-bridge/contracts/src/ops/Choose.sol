// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Isa} from "../Isa.sol";
import {Lanes} from "../Lanes.sol";
import {Machine, MachineLib} from "../Machine.sol";
import {Regs, RegsLib} from "../Regs.sol";
import {Word} from "../Word.sol";

/// @title Choice. The twin of isa/src/ops/choose.rs.
library Choose {
    using MachineLib for Machine;
    using RegsLib for Regs;

    /// @dev The registers take index and value of the first largest lane, if it is larger than what they hold.
    function argmax(Machine memory m, Word w) internal view {
        (uint256 lanes,) = m.readRow32(m.near(w, Isa.A_LSB));
        uint256 n = m.live();
        int256 best = Lanes.lane32(lanes, 0);
        uint256 index;
        for (uint256 j = 1; j < n; j++) {
            int256 x = Lanes.lane32(lanes, j);
            if (x > best) (index, best) = (j, x);
        }
        Regs memory regs = m.regs;
        uint256 rv = w.bits(Isa.RV_LSB, Isa.RV_WIDTH);
        bool first = regs.row == 0 && !w.flag(Isa.ACC_LSB);
        if (!first && best <= Lanes.signed32(regs.get(rv))) return;
        unchecked {
            index += w.bits(Isa.I_BASE_LSB, Isa.I_BASE_WIDTH) + 32 * regs.row;
            index += regs.get(w.bits(Isa.I_REG_LSB, Isa.I_REG_WIDTH));
        }
        regs.set(w.bits(Isa.RD_LSB, Isa.RD_WIDTH), index);
        regs.set(rv, uint256(best));
    }
}
