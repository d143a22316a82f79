// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Metering} from "./Metering.sol";
import {Opening} from "./Opening.sol";
import {Session} from "./Records.sol";

/// @title How a session ends: by agreement, by claim and window, by dispute and ruling, by expiry
/// @notice As `Opening`.  From every state that holds money there is a time after which anybody ends it (P7): 4, 11,
/// 14 and 15 ask for no signature, no role and no running area.
abstract contract Closing is Opening {
    /// @dev 7: pay at once what both signed, or what the payer countersigned last.
    function _closeBy(Terms memory terms, Session memory session, Said memory said)
        internal
        view
        returns (uint256)
    {
        uint256[4] memory n = said.payerNumbers;
        if (_agreed(said)) return _closeAgreed(0, terms, session, n[0], n[1]);
        if (!said.receipt) _refuse(MissingEvidence.selector, 0, uint256(Kind.CLOSE));
        n = said.receiptNumbers;
        return _closeReceipt(0, terms, session, n[0], n[1], n[2]);
    }

    function _closeAgreed(
        uint256 index,
        Terms memory terms,
        Session memory session,
        uint256 sequence,
        uint256 amount
    ) internal pure returns (uint256) {
        if (sequence <= session.sequence) _refuse(SequenceNotHigher.selector, index, session.sequence);
        if (amount > session.units) _refuse(AboveCap.selector, index, session.units);
        return _settled(terms, session, amount);
    }

    function _closeReceipt(
        uint256 index,
        Terms memory terms,
        Session memory session,
        uint256 sequence,
        uint256 registerWh,
        uint256 amount
    ) internal view returns (uint256) {
        if (msg.sender != terms.payee) _refuse(WrongCaller.selector, index, uint160(msg.sender));
        _takeReceipt(index, terms, session, sequence, registerWh, amount);
        return _settled(terms, session, amount);
    }

    /// @dev 8: the payee claims what the meter's last reading comes to.
    function _claim(Terms memory terms, Session memory session, Said memory said) internal view {
        if (msg.sender != terms.payee) _refuse(WrongCaller.selector, 0, uint160(msg.sender));
        if (!said.reading) _refuse(MissingEvidence.selector, 0, uint256(Kind.READING));
        _takeReading(0, terms, session, said.readingNumbers[0], said.readingNumbers[1]);
        _claimed(terms, session);
    }

    /// @dev 9: the payer closes when the station is silent, with the newest evidence it has, or none.
    function _claimSilent(Terms memory terms, Session memory session, Said memory said)
        internal
        view
    {
        if (msg.sender != terms.payer) _refuse(WrongCaller.selector, 0, uint160(msg.sender));
        uint256 silentAfter = session.time + terms.silenceLimitS;
        if (silentAfter > terms.endsBefore) silentAfter = terms.endsBefore;
        if (block.timestamp <= silentAfter) _refuse(StationNotSilent.selector, 0, silentAfter);
        _takeNewest(terms, session, said);
        _claimed(terms, session);
    }

    /// @dev 10: newer evidence replaces what is on record; the window moves once, and not again.
    function _contest(Terms memory terms, Session memory session, Said memory said)
        internal
        view
    {
        if (msg.sender != terms.payer && msg.sender != terms.payee) _refuse(WrongCaller.selector, 0, uint160(msg.sender));
        _requireUntil(session.time);
        if (!_takeNewest(terms, session, said)) _refuse(MissingEvidence.selector, 0, uint256(Kind.READING));
        if (!session.isExtended) session.time = block.timestamp + terms.contestWindowS;
        session.isExtended = true;
    }

    /// @dev 11: after the window anybody has the claim paid.
    function _settle(Terms memory terms, Session memory session) internal view returns (uint256) {
        _requireAfter(session.time);
        return _settled(terms, session, session.amount);
    }

    /// @dev 12: what the payer countersigned is paid, what nobody claimed goes back; the rest stays, with the bond.
    function _dispute(Terms memory terms, Session memory session) internal view returns (uint256) {
        if (msg.sender != terms.payer) _refuse(WrongCaller.selector, 0, uint160(msg.sender));
        if (terms.arbiter == address(0)) revert NoArbiter(0);
        _requireUntil(session.time);
        if (session.amount <= session.acknowledged) revert NothingDisputed(0);
        uint256 fee = Metering.feeUnits(session.acknowledged, terms.feeBps);
        session.state = State.DISPUTED;
        session.time = block.timestamp + terms.arbiterWindowS;
        return _outcome(terms.bondUnits, session.acknowledged - fee, fee, session.units - session.amount);
    }

    /// @dev 13: the arbiter rules between what was countersigned and what was claimed; who loses pays the bond.
    function _rule(Terms memory terms, Session memory session, Said memory said)
        internal
        view
        returns (uint256)
    {
        if (!said.ruling) _refuse(MissingEvidence.selector, 0, uint256(Kind.RULING));
        uint256 ruled = said.ruledUnits;
        _requireUntil(session.time);
        if (ruled < session.acknowledged || ruled > session.amount) {
            revert RulingOutOfRange(0, uint64(session.acknowledged), uint64(session.amount));
        }
        return _ruled(terms, session, ruled);
    }

    /// @dev 14: the arbiter was silent: what the payer countersigned stands.
    function _default(Terms memory terms, Session memory session) internal view returns (uint256) {
        _requireAfter(session.time);
        return _ruled(terms, session, session.acknowledged);
    }

    /// @dev 15: nobody claimed in time.
    function _expire(Terms memory terms, Session memory session) internal view returns (uint256 outcome) {
        _requireAfter(uint256(terms.endsBefore) + terms.contestWindowS);
        outcome = _settled(terms, session, session.acknowledged);
        session.state = State.RELEASED;
    }

    /// @dev Whichever of Receipt and Reading has the higher sequence; a Receipt where they are equal.
    function _takeNewest(Terms memory terms, Session memory session, Said memory said)
        private
        pure
        returns (bool)
    {
        uint256[4] memory n = said.receiptNumbers;
        uint256[4] memory m = said.readingNumbers;
        if (said.receipt && (!said.reading || n[0] >= m[0])) {
            _takeReceipt(0, terms, session, n[0], n[1], n[2]);
        } else if (said.reading) {
            _takeReading(0, terms, session, m[0], m[1]);
        }
        return said.receipt || said.reading;
    }

    function _claimed(Terms memory terms, Session memory session) private view {
        session.state = State.CLAIMED;
        session.time = block.timestamp + terms.contestWindowS;
    }

    /// @dev Pay a gross amount out of what is held; the parts are the whole (P1, P12).
    function _settled(Terms memory terms, Session memory session, uint256 gross)
        internal
        pure
        returns (uint256)
    {
        uint256 fee = Metering.feeUnits(gross, terms.feeBps);
        uint256 back = session.units - gross;
        session.state = State.SETTLED;
        session.units = gross;
        return _outcome(0, gross - fee, fee, back);
    }

    /// @dev Pay the rest of a ruled amount; the bond is the payee's when all that was claimed is granted.
    function _ruled(Terms memory terms, Session memory session, uint256 gross)
        private
        pure
        returns (uint256)
    {
        uint256 fee = Metering.feeDifference(session.acknowledged, gross, terms.feeBps);
        bool isLost = gross == session.amount;
        uint256 payee = gross - session.acknowledged - fee + (isLost ? terms.bondUnits : 0);
        uint256 payer = session.amount - gross + (isLost ? 0 : terms.bondUnits);
        session.state = State.SETTLED;
        session.units = gross;
        return _outcome(0, payee, fee, payer);
    }

    function _requireUntil(uint256 until) private view {
        if (block.timestamp > until) _refuse(WindowOver.selector, 0, until);
    }

    function _requireAfter(uint256 until) private view {
        if (block.timestamp <= until) _refuse(TooEarly.selector, 0, until);
    }
}
