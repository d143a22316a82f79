// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Memory} from "@openzeppelin/contracts/utils/Memory.sol";

import {Signatures} from "../ledger/Signatures.sol";
import {Records, Session} from "./Records.sol";
import {Steps} from "./Steps.sol";

/// @title Many sessions in one transaction, all or none (P15)
/// @notice The lines are described in ISaumaEscrow.  These are the transitions of `Steps`, on the same sessions: a
/// batch saves calldata, calls of the ledger, and lines of what payees and operators get in all.
abstract contract Batches is Steps {
    using Records for Session;

    uint256 private constant AUTHORISE_LINE_BYTES = 106;
    uint256 private constant CLOSE_LINE_BYTES = 108;
    uint256 private constant OWN_BYTES = 83;
    uint256 private constant EVENT_LINE_BYTES = 96;
    uint256 private constant SIGNATURE_BYTES = 64;

    /// @dev What a batch works with: the lines of the event and of the ledger, as they grow, and a session.
    struct Work {
        bytes32 domain;
        bytes told;
        bytes moved;
        Session session;
        uint256 payee;
        uint256 operator;
        bool isEnergy;
        uint256 payeeUnits;
        uint256 operatorUnits;
    }

    /// @dev Invariants that the caller owes: each line's payer signed its cap and, with `starts`, its meter the register
    /// that it starts at.
    function authoriseMany(
        uint32 area,
        bytes32 batchReference,
        uint64 validUntil,
        Terms[] calldata shared,
        bytes calldata lines,
        bytes calldata signatures,
        bool starts
    ) external nonReentrant {
        uint256 count = _count(validUntil, lines, AUTHORISE_LINE_BYTES, signatures, starts ? 2 : 1);
        _requireRunning(area);
        Work memory work = _begin(area, count, count);
        Terms[] memory agreed = _copyAll(shared);
        uint32[] memory accounts = _ledger.numbersOf(area, _parties(agreed, lines, count));
        for (uint256 i = 0; i < agreed.length; ++i) {
            _requireSharedTerms(i, work.domain, agreed[i]);
        }
        Memory.Pointer free = Memory.getFreeMemoryPointer();
        for (uint256 i = 0; i < count; ++i) {
            _authoriseLine(work, agreed, accounts, lines, signatures, i, starts);
            Memory.unsafeSetFreeMemoryPointer(free);
        }
        emit SessionsChanged(
            area, batchReference, starts ? Transition.START : Transition.AUTHORISE, work.told
        );
        _ledger.moveLocked(area, batchReference, keccak256(work.told), true, work.moved);
    }

    /// @dev Invariants that the caller owes: it is the payee of all and each line's payer signed its receipt, or payer
    /// and payee of each line signed its close.
    function closeMany(
        uint32 area,
        bytes32 batchReference,
        uint64 validUntil,
        Terms[] calldata shared,
        bytes calldata lines,
        bytes calldata signatures
    ) external nonReentrant {
        bool isPayee = shared.length != 0 && msg.sender == shared[0].payee;
        uint256 count = _count(validUntil, lines, CLOSE_LINE_BYTES, signatures, isPayee ? 1 : 2);
        Work memory work = _begin(area, count, 3 * count);
        Terms[] memory agreed = _copyAll(shared);
        Memory.Pointer free = Memory.getFreeMemoryPointer();
        for (uint256 i = 0; i < count; ++i) {
            _closeLine(work, agreed, lines, signatures, i, isPayee);
            Memory.unsafeSetFreeMemoryPointer(free);
        }
        _addSums(work);
        emit SessionsChanged(area, batchReference, Transition.CLOSE, work.told);
        _ledger.moveLocked(area, batchReference, keccak256(work.told), false, work.moved);
    }

    function _authoriseLine(
        Work memory work,
        Terms[] memory agreed,
        uint32[] memory accounts,
        bytes calldata lines,
        bytes calldata signatures,
        uint256 index,
        bool starts
    ) private {
        uint256 place = index * AUTHORISE_LINE_BYTES;
        (uint256 which, Terms memory terms) = _termsAt(agreed, lines, place, index);
        Session memory session = work.session;
        session.id = _idOf(terms);
        _requireOwnTerms(index, terms);
        uint256 word = _word(lines, place + OWN_BYTES);
        (uint256 units, uint256 validUntil) = (word >> 192, uint40(word >> 152));
        _authorise(index, terms, session, units, validUntil);
        session.payer = _known(index, accounts[2 * agreed.length + index], terms.payer);
        session.payee = _known(index, accounts[2 * which], terms.payee);
        session.operator = _known(index, accounts[2 * which + 1], terms.operator);
        bytes32 message = _authorisation(session.id, units, validUntil);
        uint256 signed = index * (starts ? 2 : 1);
        _requireSigned(work.domain, message, terms.payer, signatures, signed, index);
        if (starts) {
            uint256 registerWh = uint40(word >> 112);
            _start(index, terms, session, registerWh);
            message = _reading(session.id, 0, registerWh, uint40(word >> 72), 0);
            _requireSigned(work.domain, message, terms.meter, signatures, signed + 1, index);
        }
        uint256 record = session.packedRecord();
        _records[session.id] = record;
        _tell(work.told, index, session.id, record, units << 192);
        _addLine(work.moved, session.payer, session.isEnergy, units);
    }

    function _closeLine(
        Work memory work,
        Terms[] memory agreed,
        bytes calldata lines,
        bytes calldata signatures,
        uint256 index,
        bool isPayee
    ) private {
        (, Terms memory terms) = _termsAt(agreed, lines, index * CLOSE_LINE_BYTES, index);
        if (terms.domain != work.domain) _refuse(WrongTerms.selector, index, 0);
        Session memory session = work.session;
        session.id = _idOf(terms);
        (session.sequence, session.amount, session.acknowledged) = (0, 0, 0);
        _load(session);
        _requireState(index, session, State.ACTIVE);
        uint256 word = _word(lines, index * CLOSE_LINE_BYTES + OWN_BYTES);
        // The line says what is held, so that its bytes say what moves.
        if (word >> 192 != session.units) _refuse(CapNotHigher.selector, index, session.units);
        (uint256 sequence, uint256 amount) = (uint32(word >> 160), uint64(word >> 56));
        uint256 due;
        if (isPayee) {
            uint256 registerWh = uint40(word >> 120);
            bytes32 message = _receipt(session.id, sequence, registerWh, amount);
            _requireSigned(work.domain, message, terms.payer, signatures, index, index);
            due = _closeReceipt(index, terms, session, sequence, registerWh, amount);
        } else {
            bytes32 message = _close(session.id, sequence, amount);
            _requireSigned(work.domain, message, terms.payer, signatures, 2 * index, index);
            _requireSigned(work.domain, message, terms.payee, signatures, 2 * index + 1, index);
            due = _closeAgreed(index, terms, session, sequence, amount);
        }
        _pay(work, session, due, index);
    }

    function _pay(Work memory work, Session memory session, uint256 due, uint256 index) private {
        (uint256 record,) = _store(session);
        _tell(work.told, index, session.id, record, due);
        _addLine(work.moved, session.payer, session.isEnergy, uint64(due));
        if (
            session.payee != work.payee || session.operator != work.operator
                || session.isEnergy != work.isEnergy
        ) {
            _addSums(work);
            (work.payee, work.operator, work.isEnergy) = (session.payee, session.operator, session.isEnergy);
        }
        work.payeeUnits += uint64(due >> 128);
        work.operatorUnits += uint64(due >> 64);
    }

    /// @dev One line of the ledger for what a payee got in all, and one for the operator.
    function _addSums(Work memory work) private pure {
        if ((work.payeeUnits | work.operatorUnits) >> 64 != 0) _refuse(OutOfRange.selector, 0, work.payeeUnits);
        _addLine(work.moved, work.payee, work.isEnergy, work.payeeUnits);
        _addLine(work.moved, work.operator, work.isEnergy, work.operatorUnits);
        (work.payeeUnits, work.operatorUnits) = (0, 0);
    }

    function _copyAll(Terms[] calldata shared) private pure returns (Terms[] memory agreed) {
        agreed = new Terms[](shared.length);
        for (uint256 i = 0; i < shared.length; ++i) {
            agreed[i] = _copy(shared[i]);
        }
    }

    function _count(
        uint64 validUntil,
        bytes calldata lines,
        uint256 lineBytes,
        bytes calldata signatures,
        uint256 signaturesEach
    ) private view returns (uint256 count) {
        if (block.timestamp > validUntil) revert Expired(validUntil);
        count = lines.length / lineBytes;
        if (
            count == 0 || lines.length != count * lineBytes
                || signatures.length != count * signaturesEach * SIGNATURE_BYTES
        ) revert Malformed(count);
    }

    function _begin(uint32 area, uint256 count, uint256 moved) private view returns (Work memory work) {
        work.domain = domainOf(area);
        work.told = new bytes(count * EVENT_LINE_BYTES);
        work.moved = _lines(moved);
    }

    /// @dev Payee and operator of each of the shared terms, then the payer of each line.
    function _parties(Terms[] memory agreed, bytes calldata lines, uint256 count)
        private
        pure
        returns (address[] memory parties)
    {
        uint256 first = 2 * agreed.length;
        parties = new address[](first + count);
        for (uint256 i = 0; i < agreed.length; ++i) {
            (parties[2 * i], parties[2 * i + 1]) = (agreed[i].payee, agreed[i].operator);
        }
        for (uint256 i = 0; i < count; ++i) {
            parties[first + i] = address(uint160(_word(lines, i * AUTHORISE_LINE_BYTES + 1) >> 96));
        }
    }

    /// @dev The shared terms of a line, with what the line has of its own written into them.
    function _termsAt(Terms[] memory agreed, bytes calldata lines, uint256 place, uint256 index)
        private
        pure
        returns (uint256 which, Terms memory terms)
    {
        uint256 word = _word(lines, place);
        which = word >> 248;
        if (which >= agreed.length) revert Malformed(index);
        terms = agreed[which];
        terms.payer = address(uint160(word >> 88));
        word = _word(lines, place + 21);
        terms.meter = address(uint160(word >> 96));
        terms.startsBefore = uint40(word >> 56);
        terms.endsBefore = uint40(word >> 16);
        terms.key = bytes32(_word(lines, place + 51));
    }

    function _requireSigned(
        bytes32 domain,
        bytes32 message,
        address signer,
        bytes calldata signatures,
        uint256 place,
        uint256 index
    ) private view {
        bytes calldata signature = signatures[place * SIGNATURE_BYTES:(place + 1) * SIGNATURE_BYTES];
        if (!Signatures.isBy(signer, _digest(domain, message), signature)) _refuse(SignatureInvalid.selector, index, place);
    }

    function _known(uint256 index, uint32 account, address party) private pure returns (uint256) {
        if (account == 0) _refuse(UnknownParty.selector, index, uint160(party));
        return account;
    }

    /// @dev Write a line of the event.
    function _tell(bytes memory told, uint256 index, bytes32 id, uint256 record, uint256 outcome) private pure {
        assembly ("memory-safe") {
            let place := add(add(told, 32), mul(index, EVENT_LINE_BYTES))
            mstore(place, id)
            mstore(add(place, 32), record)
            mstore(add(place, 64), outcome)
        }
    }
}
