// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Evidence} from "./Evidence.sol";
import {Metering} from "./Metering.sol";
import {Records, Session} from "./Records.sol";

/// @title From nothing to a session that charges
/// @notice Each function is a transition of `docs/sessions.md`, with its number: it checks the guard, changes the
/// session in memory and says what moves.  Deadlines are inclusive (P6).
abstract contract Opening is Evidence {
    uint256 private constant WINDOW_SECONDS_MAX = 365 days;
    uint256 private constant ENERGY_WH_MAX = 1e9;
    uint256 private constant PRICE_DECIMALS_MAX = 18;
    uint256 private constant BASIS_POINTS = 10_000;

    bytes32 public immutable ENERGY_ASSET;
    bytes32 public immutable MONEY_ASSET;

    constructor(bytes32 energyAsset, bytes32 moneyAsset) {
        ENERGY_ASSET = energyAsset;
        MONEY_ASSET = moneyAsset;
    }

    /// @dev Refuse terms that could lock for ever, overflow, or pay nobody.  Once authorised they are never checked
    /// again: the id binds them.
    function _requireTerms(uint256 index, bytes32 domain, Terms memory terms) internal view {
        _requireSharedTerms(index, domain, terms);
        _requireOwnTerms(index, terms);
    }

    /// @dev What the sessions of a batch have in common.
    function _requireSharedTerms(uint256 index, bytes32 domain, Terms memory terms) internal view {
        if (terms.domain != domain) _refuse(WrongTerms.selector, index, 0);
        if (terms.asset != MONEY_ASSET && terms.asset != ENERGY_ASSET) _refuse(WrongTerms.selector, index, 6);
        uint256 units =
            uint256(terms.price) | terms.fixedFeeUnits | terms.noShowFeeUnits | terms.bondUnits;
        if (units >= Records.UNITS_END) _refuse(WrongTerms.selector, index, 7);
        if (terms.priceDecimals > PRICE_DECIMALS_MAX) _refuse(WrongTerms.selector, index, 8);
        if (terms.feeBps > BASIS_POINTS) _refuse(WrongTerms.selector, index, 11);
        if (terms.energyWhMax > ENERGY_WH_MAX) _refuse(WrongTerms.selector, index, 12);
        if (
            !_isWindow(terms.contestWindowS) || !_isWindow(terms.silenceLimitS)
                || (terms.arbiter != address(0) && !_isWindow(terms.arbiterWindowS))
        ) _refuse(WrongTerms.selector, index, 15);
    }

    /// @dev What each session of a batch has of its own.
    function _requireOwnTerms(uint256 index, Terms memory terms) internal pure {
        if (terms.payer == terms.payee) _refuse(WrongTerms.selector, index, 2);
        if (terms.startsBefore >= terms.endsBefore) _refuse(WrongTerms.selector, index, 13);
    }

    /// @dev 1: lock what the payer authorised.
    function _authorise(
        uint256 index,
        Terms memory terms,
        Session memory session,
        uint256 heldUnits,
        uint256 validUntil
    ) internal view {
        if (_records[session.id] != 0) _refuse(IdUsed.selector, index, uint256(session.id));
        if (terms.corrects != 0) _refuse(NotCorrectable.selector, index, uint256(session.id));
        if (block.timestamp > validUntil) _refuse(AuthorisationExpired.selector, index, validUntil);
        _requireStartable(index, terms);
        if (heldUnits == 0) _refuse(CapNotHigher.selector, index, 0);
        if (heldUnits >= Records.UNITS_END) _refuse(OutOfRange.selector, index, heldUnits);
        session.state = State.AUTHORISED;
        session.isEnergy = terms.asset == ENERGY_ASSET;
        session.units = heldUnits;
    }

    /// @dev 17: the payee's `Ready` on record, dated by the chain.
    function _ready(Terms memory terms, Session memory session, Said memory said) internal view {
        if (!said.ready) _refuse(MissingEvidence.selector, 0, uint256(Kind.READY));
        _requireStartable(0, terms);
        session.isReady = true;
    }

    /// @dev 2: the payee starts with reading 0 of the bound meter.
    function _start(uint256 index, Terms memory terms, Session memory session, uint256 registerWh)
        internal
        view
    {
        if (msg.sender != terms.payee) _refuse(WrongCaller.selector, index, uint160(msg.sender));
        _requireStartable(index, terms);
        if (registerWh >= Records.REGISTER_END) _refuse(OutOfRange.selector, index, registerWh);
        session.state = State.ACTIVE;
        session.startWh = registerWh;
        session.registerWh = registerWh;
        session.time = block.timestamp;
    }

    /// @dev 3: payer or payee call it off; once the payee was ready, the payer owes the fee for it.
    function _cancel(Terms memory terms, Session memory session, Said memory said)
        internal
        view
        returns (uint256)
    {
        bool byPayee = said.cancelByPayee || msg.sender == terms.payee;
        bool byPayer = said.cancelByPayer || msg.sender == terms.payer;
        if (!byPayee && !byPayer) _refuse(MissingEvidence.selector, 0, uint256(Kind.CANCEL));
        return _released(terms, session, session.isReady && !byPayee);
    }

    /// @dev 4: after the start deadline anybody ends it (P7).
    function _noShow(Terms memory terms, Session memory session) internal view returns (uint256) {
        if (block.timestamp <= terms.startsBefore) _refuse(TooEarly.selector, 0, terms.startsBefore);
        return _released(terms, session, session.isReady);
    }

    /// @dev 5: the payer's highest receipt on record.
    function _countersign(Terms memory terms, Session memory session, Said memory said)
        internal
        view
    {
        if (!said.receipt) _refuse(MissingEvidence.selector, 0, uint256(Kind.RECEIPT));
        uint256[4] memory n = said.receiptNumbers;
        _takeReceipt(0, terms, session, n[0], n[1], n[2]);
        session.time = block.timestamp;
    }

    /// @dev 6: a higher cap, of which the difference is locked.
    function _topUp(Session memory session, Said memory said) internal view returns (uint256 outcome) {
        uint256[4] memory n = said.capNumbers;
        if (!said.cap) _refuse(MissingEvidence.selector, 0, uint256(Kind.AUTHORISATION));
        if (block.timestamp > n[1]) _refuse(AuthorisationExpired.selector, 0, n[1]);
        if (n[0] <= session.units) _refuse(CapNotHigher.selector, 0, session.units);
        if (n[0] >= Records.UNITS_END) _refuse(OutOfRange.selector, 0, n[0]);
        outcome = _outcome(n[0] - session.units, 0, 0, 0);
        session.units = n[0];
    }

    /// @dev P8: newer evidence: a higher sequence, a register not lower, an amount neither lower nor above cap and
    /// meter.
    function _takeReceipt(
        uint256 index,
        Terms memory terms,
        Session memory session,
        uint256 sequence,
        uint256 registerWh,
        uint256 amount
    ) internal pure {
        uint256 gross = _advance(index, terms, session, sequence, registerWh);
        if (amount > session.units) _refuse(AboveCap.selector, index, session.units);
        if (amount > gross) _refuse(AboveMeter.selector, index, gross);
        _setAmount(index, session, amount);
        session.acknowledged = amount;
    }

    function _takeReading(
        uint256 index,
        Terms memory terms,
        Session memory session,
        uint256 sequence,
        uint256 registerWh
    ) internal pure {
        uint256 gross = _advance(index, terms, session, sequence, registerWh);
        _setAmount(index, session, gross);
    }

    function _advance(
        uint256 index,
        Terms memory terms,
        Session memory session,
        uint256 sequence,
        uint256 registerWh
    ) private pure returns (uint256 gross) {
        if (sequence <= session.sequence) _refuse(SequenceNotHigher.selector, index, session.sequence);
        if (registerWh < session.registerWh) _refuse(RegisterBackwards.selector, index, session.registerWh);
        if (sequence >= Records.SEQUENCE_END) _refuse(OutOfRange.selector, index, sequence);
        if (registerWh >= Records.REGISTER_END) _refuse(OutOfRange.selector, index, registerWh);
        session.sequence = sequence;
        session.registerWh = registerWh;
        session.hasEvidence = true;
        uint256 energyWh = Metering.deliveredWh(session.startWh, registerWh, terms.energyWhMax);
        return Metering.grossUnits(
            session.units, terms.fixedFeeUnits, terms.price, terms.priceDecimals, energyWh
        );
    }

    function _setAmount(uint256 index, Session memory session, uint256 amount) private pure {
        if (amount < session.amount) _refuse(AmountLower.selector, index, session.amount);
        session.amount = amount;
    }

    function _released(Terms memory terms, Session memory session, bool owesFee)
        private
        pure
        returns (uint256)
    {
        uint256 fee = 0;
        if (owesFee) fee = terms.noShowFeeUnits < session.units ? terms.noShowFeeUnits : session.units;
        uint256 back = session.units - fee;
        session.state = State.RELEASED;
        session.units = fee;
        return _outcome(0, fee, 0, back);
    }

    /// @dev What a step moves, in a word: each of them is below 2^64.
    function _outcome(uint256 locked, uint256 payee, uint256 operator, uint256 payer)
        internal
        pure
        returns (uint256)
    {
        return locked << 192 | payee << 128 | operator << 64 | payer;
    }

    function _requireStartable(uint256 index, Terms memory terms) private view {
        if (block.timestamp > terms.startsBefore) _refuse(StartedTooLate.selector, index, terms.startsBefore);
    }

    function _isWindow(uint256 span) private pure returns (bool) {
        return span != 0 && span <= WINDOW_SECONDS_MAX;
    }
}
