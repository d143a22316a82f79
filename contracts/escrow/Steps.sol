// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Closing} from "./Closing.sol";
import {Records, Session} from "./Records.sol";

/// @title One step of one session
/// @notice Check who signed, decide, refuse an outcome that the caller did not state, store, tell, and last of all ask
/// the ledger to move (P9).
abstract contract Steps is Closing {
    using Records for Session;

    /// @dev Invariants that the caller owes: `outcome` is what the step comes to at the time of the block (a step that was
    /// overtaken moves nothing), and every statement is signed by whom it names.
    function step(
        uint32 area,
        bytes32 batchReference,
        Transition transition,
        Terms calldata terms,
        Statement[] calldata evidence,
        uint256 outcome
    ) external nonReentrant {
        Terms memory agreed = _copy(terms);
        if (agreed.domain != domainOf(area)) _refuse(WrongTerms.selector, 0, 0);
        Session memory session;
        session.id = _idOf(agreed);
        Said memory said = _hear(agreed, session.id, evidence);
        uint256 due;
        if (transition == Transition.AUTHORISE) {
            due = _open(area, agreed, session, said);
        } else if (transition == Transition.CORRECT) {
            due = _openCorrection(area, agreed, session, said);
        } else {
            _load(session);
            due = _decide(area, transition, agreed, session, said);
        }
        if (session.operator == session.payee) due = _merged(due);
        if (due != outcome) _refuse(OutcomeDiffers.selector, 0, due);
        _carryOut(area, batchReference, transition, session, due);
    }

    function _open(uint32 area, Terms memory terms, Session memory session, Said memory said)
        private
        view
        returns (uint256)
    {
        if (_records[session.id] != 0) _refuse(IdUsed.selector, 0, uint256(session.id));
        if (!said.cap) _refuse(MissingEvidence.selector, 0, uint256(Kind.AUTHORISATION));
        _requireTerms(0, terms.domain, terms);
        _authorise(0, terms, session, said.capNumbers[0], said.capNumbers[1]);
        _resolve(area, terms, session);
        return _outcome(session.units, 0, 0, 0);
    }

    /// @dev 16: a settled session stays as it is; a new one that names it pays the difference, signed by both.
    function _openCorrection(uint32 area, Terms memory terms, Session memory session, Said memory said)
        private
        view
        returns (uint256)
    {
        (uint256 cap, uint256 amount) = (said.capNumbers[0], said.payerNumbers[1]);
        if (_records[session.id] != 0) _refuse(IdUsed.selector, 0, uint256(session.id));
        if (!said.cap || !_agreed(said)) _refuse(MissingEvidence.selector, 0, uint256(Kind.CLOSE));
        _requireTerms(0, terms.domain, terms);
        if (block.timestamp > said.capNumbers[1]) {
            _refuse(AuthorisationExpired.selector, 0, said.capNumbers[1]);
        }
        if (cap >= Records.UNITS_END) _refuse(OutOfRange.selector, 0, cap);
        if (amount == 0 || amount > cap) _refuse(AboveCap.selector, 0, cap);
        session.isEnergy = terms.asset == ENERGY_ASSET;
        session.units = cap;
        _resolve(area, terms, session);
        _requireCorrectable(terms, session);
        return _outcome(cap, 0, 0, 0) | _settled(terms, session, amount);
    }

    /// @dev The session that is corrected is settled, and of the same two accounts and asset.
    function _requireCorrectable(Terms memory terms, Session memory session) private view {
        Session memory old;
        old.readRecord(_records[terms.corrects]);
        bool isSame = session.payer == old.payer && session.payee == old.payee;
        bool isReverse = session.payer == old.payee && session.payee == old.payer;
        if (old.state != State.SETTLED || !(isSame || isReverse) || session.isEnergy != old.isEnergy) {
            _refuse(NotCorrectable.selector, 0, uint256(terms.corrects));
        }
    }

    /// @dev An outcome where payee and operator are one: the payee's part is all.
    function _merged(uint256 outcome) private pure returns (uint256) {
        uint256 paid = uint256(uint64(outcome >> 128)) + uint64(outcome >> 64);
        return _outcome(outcome >> 192, paid, 0, uint64(outcome));
    }

    function _decide(
        uint32 area,
        Transition transition,
        Terms memory terms,
        Session memory session,
        Said memory said
    ) private view returns (uint256 outcome) {
        _requireState(0, session, _from(transition));
        if (transition == Transition.READY) {
            _ready(terms, session, said);
        } else if (transition == Transition.START) {
            if (msg.sender != terms.payee) _refuse(WrongCaller.selector, 0, uint160(msg.sender));
            if (!said.reading || said.readingNumbers[0] != 0) {
                _refuse(MissingEvidence.selector, 0, uint256(Kind.READING));
            }
            _start(0, terms, session, said.readingNumbers[1]);
        } else if (transition == Transition.CANCEL) {
            return _cancel(terms, session, said);
        } else if (transition == Transition.NO_SHOW) {
            return _noShow(terms, session);
        } else if (transition == Transition.COUNTERSIGN) {
            _countersign(terms, session, said);
        } else if (transition == Transition.TOP_UP) {
            _requireRunning(area);
            return _topUp(session, said);
        } else {
            return _decideEnd(transition, terms, session, said);
        }
    }

    function _decideEnd(
        Transition transition,
        Terms memory terms,
        Session memory session,
        Said memory said
    ) private view returns (uint256 outcome) {
        if (transition == Transition.CLOSE) return _closeBy(terms, session, said);
        if (transition == Transition.SETTLE) return _settle(terms, session);
        if (transition == Transition.EXPIRE) return _expire(terms, session);
        if (transition == Transition.DISPUTE) return _dispute(terms, session);
        if (transition == Transition.RULE) return _rule(terms, session, said);
        if (transition == Transition.DEFAULT) return _default(terms, session);
        if (transition == Transition.CLAIM) _claim(terms, session, said);
        else if (transition == Transition.CLAIM_SILENT) _claimSilent(terms, session, said);
        else _contest(terms, session, said);
    }

    /// @dev From which state a transition of an existing session starts.
    function _from(Transition transition) private pure returns (State) {
        if (transition == Transition.CONTEST || transition == Transition.SETTLE) return State.CLAIMED;
        if (transition == Transition.DISPUTE) return State.CLAIMED;
        if (transition == Transition.RULE || transition == Transition.DEFAULT) return State.DISPUTED;
        if (
            transition == Transition.READY || transition == Transition.START
                || transition == Transition.CANCEL || transition == Transition.NO_SHOW
        ) return State.AUTHORISED;
        if (transition == Transition.NONE || transition == Transition.CORRECT) revert Malformed(0);
        return State.ACTIVE;
    }

    function _requireState(uint256 index, Session memory session, State state) internal pure {
        if (session.state != state) revert WrongState(index, session.id, session.state);
    }

    function _load(Session memory session) internal view {
        session.readRecord(_records[session.id]);
        session.hadEvidence = session.hasEvidence;
        if (session.hasEvidence) session.readEvidence(_evidence[session.id]);
    }

    /// @dev The ledger's accounts of the three, once for the life of the session; not while the area is paused.
    function _resolve(uint32 area, Terms memory terms, Session memory session) private view {
        _requireRunning(area);
        address[] memory parties = new address[](3);
        (parties[0], parties[1], parties[2]) = (terms.payer, terms.payee, terms.operator);
        uint32[] memory accounts = _ledger.numbersOf(area, parties);
        for (uint256 i = 0; i < 3; ++i) {
            if (accounts[i] == 0) _refuse(UnknownParty.selector, 0, uint160(parties[i]));
        }
        (session.payer, session.payee, session.operator) = (accounts[0], accounts[1], accounts[2]);
    }

    /// @dev Evidence goes when the session is over: its slot is given back.
    function _store(Session memory session) internal returns (uint256 record, uint256 evidence) {
        bool isOver = session.state == State.SETTLED || session.state == State.RELEASED;
        if (isOver) {
            // What was stored, that is: evidence that came with the last step never was.
            if (session.hadEvidence) _evidence[session.id] = 0;
            session.hasEvidence = false;
        }
        record = session.packedRecord();
        _records[session.id] = record;
        if (session.hasEvidence) {
            evidence = session.packedEvidence();
            _evidence[session.id] = evidence;
        }
    }

    function _carryOut(
        uint32 area,
        bytes32 batchReference,
        Transition transition,
        Session memory session,
        uint256 due
    ) private {
        (uint256 record, uint256 evidence) = _store(session);
        emit SessionChanged(area, batchReference, session.id, transition, record, evidence, due);
        bytes memory lines = _lines(3);
        if (due >> 192 != 0) {
            _addLine(lines, session.payer, session.isEnergy, due >> 192);
            _ledger.moveLocked(area, 0, 0, true, lines);
            lines = _lines(3);
        }
        _addLine(lines, session.payee, session.isEnergy, uint64(due >> 128));
        _addLine(lines, session.operator, session.isEnergy, uint64(due >> 64));
        _addLine(lines, session.payer, session.isEnergy, uint64(due));
        if (lines.length != 0) _ledger.moveLocked(area, 0, 0, false, lines);
    }
}
