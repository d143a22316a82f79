// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Balances} from "./Balances.sol";
import {Custody} from "./Custody.sol";
import {Operations} from "./Operations.sol";

/// @title What the escrow may ask of the ledger
/// @notice One call, for one contract whose address is part of this code and whose own code nobody can change.
/// The escrow answers for authority: who signed what.  The ledger answers for balances: nothing is locked that
/// is not there, nothing is given that was not locked, and a credit never fails.
abstract contract Escrowed is Operations, Custody {
    uint256 private constant LINE_BYTES = 20;
    /// @dev The top bits of the two lanes of a change: set when what is locked fell below zero.
    uint256 private constant SIGNS = 1 << 255 | 1 << 127;

    address public immutable ESCROW;

    constructor(address escrow) {
        if (escrow == address(0)) revert ZeroAddress();
        ESCROW = escrow;
    }

    modifier onlyEscrow() {
        if (msg.sender != ESCROW) revert NotEscrow(msg.sender);
        _;
    }

    /// @dev Invariants that the escrow owes: the owner of every account that it locks from has authorised it; and the
    /// area is not paused, unless what is locked defends what was locked before.  Credits never fail: what does not
    /// fit its account is deferred (P7).
    function moveLocked(
        uint32 area,
        bytes32 batchReference,
        bytes32 content,
        bool locks,
        bytes calldata lines
    ) external onlyEscrow {
        Area storage data = _areas[area];
        uint256 sum = 0;
        uint256 count = lines.length / LINE_BYTES;
        for (uint256 i = 0; i < count; ++i) {
            uint256 line = _word(lines, i * LINE_BYTES) >> 96;
            uint32 account = uint32(line >> 128);
            uint256 change = Balances.ofEnergy(uint64(line >> 64)) | uint64(line);
            // Fields of 64 bits in lanes of 128.
            unchecked {
                sum += change;
            }
            if (locks) _move(data, 0, i, account, Balances.negative(change));
            else _giveOrDefer(area, data, i, account, change);
        }
        _setLocked(area, data, locks ? sum : Balances.negative(sum));
        uint64 sequence = 0;
        bytes32 head = 0;
        // A batch takes a sequence and rolls the head on, as every batch does; a single step does not.
        if (batchReference != 0) {
            bytes32 whole = keccak256(abi.encode(ESCROW_BATCH, content, locks, keccak256(lines)));
            (sequence, head) = _record(area, data, batchReference, whole);
        }
        emit LockedMoved(area, batchReference, sequence, head, locks, lines);
    }

    function collect(uint32 area, uint32 account) external {
        Area storage data = _areas[area];
        uint256 change = data.deferred[account];
        if (change == 0) revert NothingDeferred(area, account);
        data.deferred[account] = 0;
        _move(data, 0, 0, account, change);
        emit Collected(area, account);
    }

    function _giveOrDefer(uint32 area, Area storage data, uint256 line, uint32 account, uint256 change)
        private
    {
        if (!_isRegistered(data, account)) revert UnknownAccount(0, line, account);
        uint256 pair = data.pairs[account >> 1];
        uint256 shift = Balances.shiftOf(account);
        if (Balances.fits(pair, shift, change)) {
            data.pairs[account >> 1] = Balances.moved(pair, shift, change);
        } else {
            data.deferred[account] += change;
            emit CreditDeferred(area, account, uint64(change >> 128), uint64(change));
        }
    }

    function _setLocked(uint32 area, Area storage data, uint256 change) private {
        uint256 locked;
        // A sum of changes, meant to wrap: below zero, a sign is set.
        unchecked {
            locked = data.locked + change;
        }
        if (locked & SIGNS != 0) revert NotLocked(area);
        data.locked = locked;
    }
}
