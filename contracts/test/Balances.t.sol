// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Balances} from "../ledger/Balances.sol";
import {Foundry} from "./Foundry.sol";
import {Lines} from "./Lines.sol";

/// @title Packed arithmetic against plain integers
contract BalancesTest is Foundry {
    /// A change fits exactly when both plain results lie in 64 bits; then they are what is stored, and the
    /// neighbour is as it was.
    function testFuzz_MovedEqualsPlainIntegers(uint256 pair, bool odd, int64 energyWh, int64 moneyUnits)
        public
        pure
    {
        uint256 account = odd ? 7 : 6;
        (uint64 energy, uint64 money) = Balances.read(pair, account);
        (uint64 otherEnergy, uint64 otherMoney) = Balances.read(pair, account ^ 1);
        vm.assume(energyWh != type(int64).min && moneyUnits != type(int64).min);
        (uint256 change, bool canonical) = Balances.ofNet(line(energyWh, moneyUnits));
        int256 energyAfter = int256(uint256(energy)) + energyWh;
        int256 moneyAfter = int256(uint256(money)) + moneyUnits;
        bool plain = inField(energyAfter) && inField(moneyAfter);

        bool fits = Balances.fits(pair, Balances.shiftOf(account), change);
        uint256 moved = Balances.moved(pair, Balances.shiftOf(account), change);

        isTrue(canonical, "a number's only form is refused");
        isTrue(fits == plain, "fits");
        if (!fits) return;
        (energy, money) = Balances.read(moved, account);
        equal(energy, uint256(energyAfter), "energy");
        equal(money, uint256(moneyAfter), "money");
        (energy, money) = Balances.read(moved, account ^ 1);
        equal(energy, otherEnergy, "other energy");
        equal(money, otherMoney, "other money");
    }

    /// The parts of any sum of changes are the sums of the parts.
    function testFuzz_SumsKeepTheirParts(int64[8] memory energies, int64[8] memory moneys) public pure {
        uint256 sum = 0;
        int256 energySum = 0;
        int256 moneySum = 0;
        for (uint256 i = 0; i < 8; ++i) {
            if (energies[i] == type(int64).min || moneys[i] == type(int64).min) continue;
            (uint256 change,) = Balances.ofNet(line(energies[i], moneys[i]));
            unchecked {
                sum += change;
            }
            energySum += energies[i];
            moneySum += moneys[i];
        }
        (int256 energyWh, int256 moneyUnits) = Balances.parts(sum);
        isTrue(energyWh == energySum && moneyUnits == moneySum, "parts");
        isTrue((sum == 0) == (energySum == 0 && moneySum == 0), "zero");
    }

    /// Minus zero is seen in either number, whatever the other one is.
    function testFuzz_MinusZeroIsSeen(uint64 other, bool inEnergy) public pure {
        uint256 bad = 1 << 63;
        (, bool canonical) = Balances.ofNet(inEnergy ? bad << 64 | other : uint256(other) << 64 | bad);
        isTrue(!canonical, "minus zero");
    }

    function line(int64 energyWh, int64 moneyUnits) private pure returns (uint256) {
        return uint256(Lines.signMagnitude(energyWh)) << 64 | Lines.signMagnitude(moneyUnits);
    }

    function inField(int256 number) private pure returns (bool) {
        return number >= 0 && number <= int256(uint256(type(uint64).max));
    }
}
