// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ISaumaLedger} from "../ISaumaLedger.sol";

/// @title What the ledger keeps, and the guards that read it
/// @notice Everything belongs to an area, so that areas cannot touch each other by construction.
abstract contract AreaStorage is ISaumaLedger {
    uint32 internal constant FIRST_SIGNED = 1 << 31;

    /// @dev What the audit head took in: begins each content, so that none can pass for another.
    uint256 internal constant BATCH = 1;
    uint256 internal constant SIGNED_BATCH = 2;
    uint256 internal constant ROOT = 3;
    uint256 internal constant ESCROW_BATCH = 4;

    struct Accounts {
        uint32 netted;
        uint32 signed;
    }

    struct Withdrawal {
        uint64 moneyUnits;
        uint64 readyAt;
    }

    struct Area {
        // One slot: all that a batch reads of its area.
        address settler;
        uint32 nettedAccounts;
        uint32 signedAccounts;
        bool paused;
        // One slot: all that a batch of old accounts writes besides balances and its reference.
        bytes32 head;
        // One slot.
        address issuer;
        uint96 energySupplyWh;
        address owner;
        address pendingOwner;
        address pendingSettler;
        address pendingIssuer;
        mapping(bytes32 batchReference => uint256 sequence) settled;
        mapping(address owner => Accounts) accounts;
        mapping(uint32 account => address) owners;
        mapping(uint32 account => Withdrawal) withdrawals;
        mapping(uint32 account => mapping(uint64 word => uint256)) nonces;
        mapping(bytes32 root => ClaimsState) claims;
        mapping(bytes32 root => mapping(uint256 word => uint256)) claimed;
        // What the escrow holds of this area, and credits that found their account full: changes (see Balances).
        uint256 locked;
        mapping(uint32 account => uint256 change) deferred;
        /// Two accounts a slot (see Balances): neighbours in id are neighbours in cost.
        uint256[1 << 31] pairs;
    }

    uint32 internal _areaCount;
    mapping(uint32 area => Area) internal _areas;

    modifier onlyOwner(uint32 area) {
        if (msg.sender != _areas[area].owner) revert NotOwner(area, msg.sender);
        _;
    }

    modifier onlyAccountOwner(uint32 area, uint32 account) {
        if (msg.sender != _areas[area].owners[account]) {
            revert NotAccountOwner(area, account, msg.sender);
        }
        _;
    }

    /// @dev The area, unless it is paused.
    function _running(uint32 area) internal view returns (Area storage data) {
        data = _areas[area];
        if (data.paused) revert AreaPaused(area);
    }

    function _isRegistered(Area storage data, uint32 account) internal view returns (bool) {
        if (account < FIRST_SIGNED) return account != 0 && account <= data.nettedAccounts;
        uint256 number = account - FIRST_SIGNED;
        return number != 0 && number <= data.signedAccounts;
    }

    /// @dev Refuse a second settlement of a reference, take the next sequence and roll the head on.  The caller
    /// has checked who calls and that the area is not paused.
    function _record(uint32 area, Area storage data, bytes32 batchReference, bytes32 content)
        internal
        returns (uint64 sequence, bytes32 head)
    {
        uint256 before = data.settled[batchReference];
        if (before != 0) revert AlreadySettled(area, batchReference, uint64(before));
        (sequence, head) = _roll(data, batchReference, content);
        data.settled[batchReference] = sequence;
    }

    /// @dev Roll the audit head on.  Its last 4 bytes count the rolls: that is the sequence.
    function _roll(Area storage data, bytes32 batchReference, bytes32 content)
        internal
        returns (uint64 sequence, bytes32 head)
    {
        bytes32 before = data.head;
        uint32 next = uint32(uint256(before)) + 1;
        uint256 digest = uint256(keccak256(abi.encode(before, batchReference, content)));
        sequence = next;
        head = bytes32(digest >> 32 << 32 | next);
        data.head = head;
    }
}
