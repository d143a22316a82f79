// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Signatures} from "../ledger/Signatures.sol";
import {Closing} from "./Closing.sol";
import {Records} from "./Records.sol";

/// @title Standing authorisations: held once, charged as often as it takes
/// @notice Allowances lie under the hash of their plan: who may charge them, until when, how much at a time, and whom
/// they may pay.  Who charges must say all of it, and finds nothing otherwise; so of each allowance there is nothing
/// to look up but what is left of it, and four of them share a slot.
abstract contract Allowances is Closing {
    uint256 private constant UNITS_BYTES = 4;
    uint256 private constant HEAD_BYTES = 5;
    uint256 private constant NUMBER_BYTES = 4;
    uint256 private constant PAYER_SHIFT = 32;
    uint256 private constant ENDS_SHIFT = 64;

    /// @dev Invariants that the caller owes: the payer signed, or is the caller; for a revocation it is the caller.
    /// `units` is what moves: the cap to be held, or what goes back.  After the end anybody has it given back (P7).
    function stand(
        uint32 area,
        bytes32 batchReference,
        Standing action,
        Allowance calldata allowance,
        address[] calldata payees,
        bytes calldata signature,
        uint64 units
    ) external nonReentrant {
        bytes32 id = allowanceIdOf(allowance);
        if (allowance.domain != domainOf(area)) _refuse(WrongTerms.selector, 0, 0);
        if (action == Standing.AUTHORISE) _allow(area, id, allowance, payees, signature);
        (bytes32 group, uint256 place) = (_groups[id], _allowances[id]);
        if (place == 0) revert UnknownAllowance(id);
        uint64[1 << 32] storage left = _left[group];
        uint64 due = 0;
        if (action == Standing.AUTHORISE) {
            due = allowance.capUnits;
            left[uint32(place)] = due;
        } else if (action == Standing.REVOKE) {
            place = _revoked(allowance, place);
            _allowances[id] = place;
        } else if (action == Standing.RETURN) {
            if (block.timestamp <= place >> ENDS_SHIFT) _refuse(TooEarly.selector, 0, place >> ENDS_SHIFT);
            due = left[uint32(place)];
            left[uint32(place)] = 0;
        } else {
            revert Malformed(0);
        }
        if (units != due) _refuse(OutcomeDiffers.selector, 0, due);
        emit AllowanceChanged(area, batchReference, id, action, group, place, units);
        if (units == 0) return;
        bytes memory lines = _lines(1);
        _addLine(lines, uint32(place >> PAYER_SHIFT), false, units);
        _ledger.moveLocked(area, 0, 0, action == Standing.AUTHORISE, lines);
    }

    /// @dev Invariants that the caller owes: it is the operator of all that is charged; each charge is the sum of
    /// micro-sessions that its payer's meters saw.  All or none (P15).
    function charge(
        uint32 area,
        bytes32 batchReference,
        uint64 sessionUnitsMax,
        uint64 until,
        bytes calldata payees,
        bytes calldata charges,
        bytes calldata credits
    ) external nonReentrant {
        if (block.timestamp > until) _refuse(AuthorisationExpired.selector, 0, until);
        _requireRunning(area);
        bytes32 group = _groupOf(area, msg.sender, sessionUnitsMax, until, keccak256(payees));
        _requireCredits(payees, credits, _charge(_left[group], sessionUnitsMax, charges));
        emit AllowancesCharged(area, batchReference, group, charges);
        _ledger.moveLocked(area, batchReference, keccak256(abi.encode(group, charges)), false, credits);
    }

    /// @dev Take what micro-sessions come to from allowances in increasing order, each session within the limit.
    function _charge(uint64[1 << 32] storage left, uint256 limit, bytes calldata charges)
        private
        returns (uint256 total)
    {
        uint256 place = 0;
        uint256 next = 0;
        // Sums of at most 255 numbers of 32 bits, and of as many sums as calldata has room for.
        unchecked {
            while (place != charges.length) {
                uint256 head = _word(charges, place) >> 216;
                uint256 index = head >> 8;
                place += HEAD_BYTES;
                uint256 end = place + uint8(head) * UNITS_BYTES;
                if (index < next || end == place || end > charges.length) revert Malformed(index);
                next = index + 1;
                (uint256 spent, bool isAbove) = _sum(charges, place, end, limit);
                if (isAbove) _refuse(AboveLimit.selector, index, limit);
                place = end;
                uint256 had = left[index];
                if (spent > had) _refuse(AboveCap.selector, index, had);
                left[index] = uint64(had - spent);
                total += spent;
            }
        }
    }

    /// @dev The sum of an allowance's micro-sessions, and whether one of them is above the limit: the one loop that runs
    /// for each micro-session, so it has no branch and no call.
    function _sum(bytes calldata charges, uint256 place, uint256 end, uint256 limit)
        private
        pure
        returns (uint256 sum, bool isAbove)
    {
        assembly ("memory-safe") {
            let last := add(charges.offset, end)
            for { let at := add(charges.offset, place) } lt(at, last) { at := add(at, UNITS_BYTES) } {
                let units := shr(224, calldataload(at))
                sum := add(sum, units)
                isAbove := or(isAbove, gt(units, limit))
            }
        }
    }

    /// @dev Credits are the ledger's lines, of money, to accounts of the list in its order, and come to what was charged.
    function _requireCredits(bytes calldata payees, bytes calldata credits, uint256 total) private pure {
        uint256 listed = 0;
        uint256 sum = 0;
        if (credits.length % LEDGER_LINE_BYTES != 0) revert Malformed(0);
        for (uint256 place = 0; place != credits.length; place += LEDGER_LINE_BYTES) {
            uint256 line = _word(credits, place) >> 96;
            if (uint64(line >> 64) != 0) revert Malformed(0);
            sum += uint64(line);
            if (payees.length == 0) continue;
            uint256 account = line >> 128;
            do {
                if (listed >= payees.length) _refuse(UnknownPayee.selector, place / LEDGER_LINE_BYTES, account);
                listed += NUMBER_BYTES;
            } while (_word(payees, listed - NUMBER_BYTES) >> 224 != account);
        }
        if (sum != total) _refuse(OutcomeDiffers.selector, 0, total);
    }

    function _allow(
        uint32 area,
        bytes32 id,
        Allowance calldata allowance,
        address[] calldata payees,
        bytes calldata signature
    ) private {
        _requireRunning(area);
        if (_allowances[id] != 0) _refuse(IdUsed.selector, 0, uint256(id));
        if (allowance.asset != MONEY_ASSET) _refuse(WrongTerms.selector, 0, 3);
        (uint256 cap, uint256 limit) = (allowance.capUnits, allowance.sessionUnitsMax);
        if (cap == 0 || cap >= Records.UNITS_END) _refuse(OutOfRange.selector, 0, cap);
        if (limit == 0 || limit > type(uint32).max) _refuse(OutOfRange.selector, 0, limit);
        if (block.timestamp < allowance.from) _refuse(TooEarly.selector, 0, allowance.from);
        if (block.timestamp > allowance.until) _refuse(AuthorisationExpired.selector, 0, allowance.until);
        bytes32 digest = _digest(allowance.domain, _allowance(id, cap, limit, allowance.until));
        if (msg.sender != allowance.payer && !Signatures.isBy(allowance.payer, digest, signature)) {
            _refuse(SignatureInvalid.selector, 0, 0);
        }
        (uint256 payer, bytes32 list) = _resolved(area, allowance, payees);
        bytes32 group = _groupOf(area, allowance.operator, allowance.sessionUnitsMax, allowance.until, list);
        uint256 index = _counts[group];
        _counts[group] = index + 1;
        _allowances[id] = index | payer << PAYER_SHIFT | uint256(allowance.until) << ENDS_SHIFT;
        _groups[id] = group;
    }

    /// @dev The payer's account, and the hash of the list of those whom an allowance may pay, by their accounts.
    function _resolved(uint32 area, Allowance calldata allowance, address[] calldata payees)
        private
        view
        returns (uint256 payer, bytes32 listHash)
    {
        bytes32 named = payees.length == 0 ? bytes32(0) : sha256(abi.encodePacked(payees));
        if (named != allowance.payees) _refuse(WrongTerms.selector, 0, 9);
        address[] memory parties = new address[](payees.length + 2);
        for (uint256 i = 0; i < payees.length; ++i) {
            parties[i] = payees[i];
        }
        (parties[payees.length], parties[payees.length + 1]) = (allowance.operator, allowance.payer);
        uint32[] memory accounts = _ledger.numbersOf(area, parties);
        bytes memory list = "";
        for (uint256 i = 0; i < parties.length; ++i) {
            if (accounts[i] == 0) _refuse(UnknownParty.selector, 0, uint160(parties[i]));
            if (payees.length != 0 && i <= payees.length) list = abi.encodePacked(list, accounts[i]);
        }
        return (accounts[payees.length + 1], keccak256(list));
    }

    /// @dev The payer lets it end sooner, after the notice that it gave when it allowed: what was charged before finds
    /// the money still there.
    function _revoked(Allowance calldata allowance, uint256 place) private view returns (uint256) {
        if (msg.sender != allowance.payer) _refuse(WrongCaller.selector, 0, uint160(msg.sender));
        uint256 soon = block.timestamp + allowance.noticeS;
        if (soon < place >> ENDS_SHIFT) place = uint64(place) | soon << ENDS_SHIFT;
        return place;
    }

    function _groupOf(uint32 area, address operator, uint64 sessionUnitsMax, uint64 until, bytes32 list)
        private
        pure
        returns (bytes32)
    {
        return keccak256(abi.encode(area, operator, sessionUnitsMax, until, list));
    }
}
