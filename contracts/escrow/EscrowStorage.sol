// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";

import {ISaumaEscrow} from "../ISaumaEscrow.sol";
import {ISaumaLedger} from "../ISaumaLedger.sol";

/// @title What the escrow keeps, and how it speaks to the ledger
abstract contract EscrowStorage is ISaumaEscrow, ReentrancyGuardTransient {
    uint256 internal constant LEDGER_LINE_BYTES = 20;

    /// @dev The ledger, whose code names this contract as its escrow.
    ISaumaLedger internal immutable _ledger;

    mapping(bytes32 sessionId => uint256) internal _records;
    mapping(bytes32 sessionId => uint256) internal _evidence;
    mapping(bytes32 allowanceId => uint256) internal _allowances;
    mapping(bytes32 allowanceId => bytes32) internal _groups;
    mapping(bytes32 group => uint256) internal _counts;
    mapping(bytes32 group => uint64[1 << 32]) internal _left;

    constructor(ISaumaLedger ledger) {
        _ledger = ledger;
    }

    /// @dev P10: a pause stops new sessions, top-ups, holds and allowances, and nothing else.
    function _requireRunning(uint32 area) internal view {
        if (_ledger.isPaused(area)) revert AreaPaused(area);
    }

    /// @dev A line for the ledger, written behind those before it; nothing for no units.
    function _addLine(bytes memory lines, uint256 account, bool isEnergy, uint256 units) internal pure {
        if (units == 0) return;
        uint256 line = account << 128 | (isEnergy ? units << 64 : units);
        assembly ("memory-safe") {
            // The word that ends where the line ends; what is before is kept.
            let length := mload(lines)
            let place := add(add(lines, 20), length)
            mstore(place, or(shl(160, shr(160, mload(place))), line))
            mstore(lines, add(length, 20))
        }
    }

    /// @dev Revert with an error of two words: its index, and its detail.  One place for all of them keeps the code small.
    function _refuse(bytes4 selector, uint256 index, uint256 detail) internal pure {
        assembly ("memory-safe") {
            mstore(0, selector)
            mstore(4, index)
            mstore(36, detail)
            revert(0, 68)
        }
    }

    /// @dev 32 bytes of calldata from a position; zeros past the end of calldata.
    function _word(bytes calldata source, uint256 position) internal pure returns (uint256 word) {
        assembly ("memory-safe") {
            word := calldataload(add(source.offset, position))
        }
    }

    /// @dev Room for so many lines, none of them written.
    function _lines(uint256 most) internal pure returns (bytes memory lines) {
        lines = new bytes(most * LEDGER_LINE_BYTES);
        assembly ("memory-safe") {
            mstore(lines, 0)
        }
    }
}
