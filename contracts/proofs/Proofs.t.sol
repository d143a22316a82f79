// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ISaumaEscrow} from "../ISaumaEscrow.sol";
import {Metering} from "../escrow/Metering.sol";
import {Records, Session} from "../escrow/Records.sol";
import {Balances} from "../ledger/Balances.sol";
import {Foundry} from "../test/Foundry.sol";

/// @title What holds for every number, proved and not tried: halmos runs what begins with `check`
/// @notice The bounds are those that the escrow keeps: units and prices below 2^63, registers below 2^40.
contract ProofsTest is Foundry {
    using Records for Session;

    /// P12: the payer never pays more than the cap, and never less than the fixed fee that the cap covers.
    function check_grossIsWithinTheCap(uint64 held, uint64 fixedFee, uint64 price, uint32 energyWh)
        external
        pure
    {
        vm.assume(held < Records.UNITS_END && fixedFee < Records.UNITS_END && price < Records.UNITS_END);
        uint256 gross = Metering.grossUnits(held, fixedFee, price, 3, energyWh);
        assert(gross <= held);
        assert(gross >= (fixedFee < held ? fixedFee : held));
    }

    /// P8: what counts is what the register advanced, and no more than was agreed.
    function check_deliveredIsBounded(uint40 startWh, uint40 registerWh, uint40 energyWhMax) external pure {
        vm.assume(registerWh >= startWh);
        uint256 energyWh = Metering.deliveredWh(startWh, registerWh, energyWhMax);
        assert(energyWh <= energyWhMax);
        assert(energyWh <= uint256(registerWh) - startWh);
    }

    /// P13: a record keeps every field, and none spills into another.
    function check_recordsKeepTheirFields(
        uint8 state,
        uint8 flags,
        uint64 units,
        uint32 payer,
        uint32 payee,
        uint32 operator,
        uint40 time,
        uint40 startWh
    ) external pure {
        vm.assume(state <= uint8(type(ISaumaEscrow.State).max) && units < Records.UNITS_END);
        Session memory session;
        session.state = ISaumaEscrow.State(state);
        session.isReady = flags & 1 != 0;
        session.isExtended = flags & 2 != 0;
        session.isEnergy = flags & 4 != 0;
        session.hasEvidence = flags & 8 != 0;
        (session.units, session.time, session.startWh) = (units, time, startWh);
        (session.payer, session.payee, session.operator) = (payer, payee, operator);
        Session memory read;
        read.readRecord(session.packedRecord());
        assert(read.state == session.state && read.isReady == session.isReady);
        assert(read.isExtended == session.isExtended && read.isEnergy == session.isEnergy);
        assert(read.hasEvidence == session.hasEvidence && read.units == units);
        assert(read.payer == payer && read.payee == payee && read.operator == operator);
        assert(read.time == time && read.startWh == startWh);
    }

    /// P13: so does evidence.
    function check_evidenceKeepsItsFields(
        uint32 sequence,
        uint40 registerWh,
        uint64 amount,
        uint64 acknowledged
    ) external pure {
        Session memory session;
        (session.sequence, session.registerWh) = (sequence, registerWh);
        (session.amount, session.acknowledged) = (amount, acknowledged);
        Session memory read;
        read.readEvidence(session.packedEvidence());
        assert(read.sequence == sequence && read.registerWh == registerWh);
        assert(read.amount == amount && read.acknowledged == acknowledged);
    }

    /// P1, P2: two changes that cancel out leave a pair as it was, and whatever fits leaves the neighbour alone.
    function check_aChangeIsUndone(uint256 pair, uint64 energyWh, uint64 moneyUnits, bool odd) external pure {
        uint256 shift = odd ? 64 : 0;
        uint256 change = Balances.ofEnergy(energyWh) | moneyUnits;
        vm.assume(Balances.fits(pair, shift, change));
        uint256 after_ = Balances.moved(pair, shift, change);
        uint256 others = (type(uint64).max | uint256(type(uint64).max) << 128) << (64 - shift);
        assert(after_ & others == pair & others);
        assert(Balances.fits(after_, shift, Balances.negative(change)));
        assert(Balances.moved(after_, shift, Balances.negative(change)) == pair);
    }

    /// P12: whatever the rate, the operator's part is no more than the whole.  A division of a product is too much for a
    /// solver, so this is tried and not proved.
    function testFuzz_PartsAreTheWhole(uint64 gross, uint16 feeBps) external pure {
        uint256 fee = Metering.feeUnits(gross >> 1, within(feeBps, 0, 10_000));
        isTrue(fee <= gross >> 1, "the fee is above the whole");
    }

    /// P12: paying in two steps is paying in one, and no step takes back.
    function testFuzz_TwoStepsAreOne(uint64 paid, uint64 gross, uint16 feeBps) external pure {
        paid = uint64(within(paid, 0, Records.UNITS_END - 1));
        gross = uint64(within(gross, paid, Records.UNITS_END - 1));
        feeBps = uint16(within(feeBps, 0, 10_000));
        uint256 first = Metering.feeUnits(paid, feeBps);
        uint256 second = Metering.feeDifference(paid, gross, feeBps);
        equal(first + second, Metering.feeUnits(gross, feeBps), "fees");
        isTrue(second <= gross - paid, "the second step takes back");
    }

    /// P8: more energy never costs less.
    function testFuzz_GrossNeverFalls(
        uint64 held,
        uint64 fixedFee,
        uint64 price,
        uint256 decimals,
        uint32 low,
        uint32 more
    ) external pure {
        (held, fixedFee, price) = (held >> 1, fixedFee >> 1, price >> 1);
        decimals = within(decimals, 0, 18);
        uint256 less = Metering.grossUnits(held, fixedFee, price, decimals, low);
        uint256 costs = Metering.grossUnits(held, fixedFee, price, decimals, uint256(low) + more);
        isTrue(costs >= less && costs <= held, "gross");
    }
}
