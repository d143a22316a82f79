// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ISaumaEscrow} from "../ISaumaEscrow.sol";
import {ISaumaLedger} from "../ISaumaLedger.sol";
import {Session} from "../escrow/Records.sol";
import {Charging} from "./Charging.sol";
import {Foundry} from "./Foundry.sol";

/// @title What holds of sessions after anything
contract EscrowTest is Foundry {
    Charging private here;
    ISaumaLedger private ledger;

    function setUp() public {
        here = new Charging();
        ledger = here.ledger();
    }

    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(here);
    }

    function excludeSelectors() external view returns (Excluded[] memory excluded) {
        bytes4[] memory selectors = new bytes4[](1);
        selectors[0] = here.exits.selector;
        excluded = new Excluded[](1);
        excluded[0] = Excluded(address(here), selectors);
    }

    struct Excluded {
        address where;
        bytes4[] selectors;
    }

    /// P1, P3: what the escrow holds is what its sessions hold, and all money is in accounts or held.
    /// forge-config: default.invariant.runs = 48
    /// forge-config: default.invariant.depth = 64
    function invariant_HeldIsWhatSessionsHold() external view {
        uint256 owed = 0;
        for (uint256 i = 0; i < here.sessions(); ++i) {
            owed += held(i);
        }
        (uint128 energyWh, uint128 moneyUnits) = ledger.lockedOf(here.area());
        equal(moneyUnits, owed, "locked");
        equal(energyWh, 0, "energy");
        equal(free() + moneyUnits, here.FUNDS(), "money");
    }

    /// P7, P10: from every state that holds money a stranger has it returned, whoever vanished, paused or not.
    /// forge-config: default.invariant.runs = 48
    /// forge-config: default.invariant.depth = 64
    function invariant_EveryStateHasAnExit() external {
        for (uint256 i = 0; i < here.sessions(); ++i) {
            if (held(i) == 0) continue;
            isTrue(here.exits(i), "no exit");
            equal(held(i), 0, "still held");
        }
        (, uint128 moneyUnits) = ledger.lockedOf(here.area());
        equal(moneyUnits, 0, "locked after all left");
        equal(free(), here.FUNDS(), "money after all left");
    }

    function held(uint256 index) private view returns (uint256) {
        Session memory session = here.read(index);
        if (session.state == ISaumaEscrow.State.DISPUTED) {
            return session.amount - session.acknowledged + here.terms(index).bondUnits;
        }
        bool isOpen = session.state == ISaumaEscrow.State.AUTHORISED
            || session.state == ISaumaEscrow.State.ACTIVE || session.state == ISaumaEscrow.State.CLAIMED;
        return isOpen ? session.units : 0;
    }

    function free() private view returns (uint256 units) {
        uint32[3] memory accounts = [uint32(1), 1 << 31 | 1, 2];
        for (uint256 i = 0; i < 3; ++i) {
            (, uint64 moneyUnits) = ledger.balanceOf(here.area(), accounts[i]);
            units += moneyUnits;
        }
    }
}
