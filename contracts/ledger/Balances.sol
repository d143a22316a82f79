// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Two accounts in a storage slot
/// @notice A pair holds four fields of 64 bits, from the lowest: money of the even account, money of the odd one,
/// energy of the even account, energy of the odd one.  Shifted down by 0 or 64, an account's fields are the
/// low halves of two lanes of 128 bits:
///
///     lane 1: energy in Wh          lane 0: money in units
///     [ 64 bits other | 64 bits ]   [ 64 bits other | 64 bits ]
///
/// A change is one integer, energy * 2^128 + money with signs, modulo 2^256.  Added to the two fields it changes
/// both at once, and if either left its 64 bits, below or above, a bit outside FIELDS is set: one look sees
/// it.  Solidity's checked arithmetic would only see 256 bits; whoever moves asks `fits` first.
library Balances {
    uint256 private constant MONEY = type(uint64).max;
    uint256 private constant ENERGY = MONEY << 128;
    uint256 private constant FIELDS = ENERGY | MONEY;
    uint256 private constant ONES = 1 << 128 | 1;
    uint256 private constant MAGNITUDES = ONES * (MONEY >> 1);

    function read(uint256 pair, uint256 account) internal pure returns (uint64 energyWh, uint64 moneyUnits) {
        uint256 fields = pair >> shiftOf(account);
        energyWh = uint64(fields >> 128);
        moneyUnits = uint64(fields);
    }

    /// @dev How far down an account's fields are shifted.
    function shiftOf(uint256 account) internal pure returns (uint256) {
        return (account & 1) << 6;
    }

    /// @dev The change that gives, or takes, energy or money.
    function ofEnergy(uint64 energyWh) internal pure returns (uint256) {
        return uint256(energyWh) << 128;
    }

    function negative(uint256 change) internal pure returns (uint256) {
        unchecked {
            return 0 - change;
        }
    }

    /// @dev The change that a NET line asks for: bits 64 to 127 energy, 0 to 63 money, each with its sign at the
    /// top; higher bits are ignored.  `canonical` is false where a number is minus zero.
    function ofNet(uint256 line) internal pure returns (uint256 change, bool canonical) {
        // In each lane: magnitude - 2 * magnitude where the sign is set.  Neither product nor sum leaves its lane.
        unchecked {
            uint256 spread = (line & MONEY) | ((line << 64) & ENERGY);
            uint256 signs = (spread >> 63) & ONES;
            uint256 magnitudes = spread & MAGNITUDES;
            change = magnitudes - ((magnitudes & (signs * MONEY)) << 1);
            canonical = signs & ~((magnitudes + MAGNITUDES) >> 63) == 0;
        }
    }

    /// @dev Whether both fields of an account stay inside their 64 bits.
    function fits(uint256 pair, uint256 shift, uint256 change) internal pure returns (bool) {
        unchecked {
            return ((pair >> shift & FIELDS) + change) & ~FIELDS == 0;
        }
    }

    /// @dev The pair after a change that fits.
    function moved(uint256 pair, uint256 shift, uint256 change) internal pure returns (uint256) {
        unchecked {
            return pair + (change << shift);
        }
    }

    /// @dev The parts of a change, or of a sum of changes.
    function parts(uint256 change) internal pure returns (int256 energyWh, int256 moneyUnits) {
        unchecked {
            moneyUnits = int256(int128(uint128(change)));
            energyWh = int256(change - uint256(moneyUnits)) >> 128;
        }
    }
}
