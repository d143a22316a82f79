// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ISaumaEscrow} from "../ISaumaEscrow.sol";
import {ISaumaLedger} from "../ISaumaLedger.sol";
import {Records, Session} from "../escrow/Records.sol";
import {Shipped} from "./Shipped.sol";
import {TestMoney} from "./TestMoney.sol";

/// @title A car, a station, its meter, an operator and an arbiter, who do anything at any time
/// @notice What the escrow refuses is no finding: the invariants are.  An outcome is asked of the escrow itself, by
/// stating a wrong one, and then stated.
contract Charging is Shipped {
    using Records for Session;

    uint64 private constant HOUR = 1 hours;
    uint256 private constant SESSIONS_MAX = 6;
    uint256 public constant PAYER = 0xca7;
    uint256 public constant PAYEE = 0x57a;
    uint256 public constant METER = 0x3e7;
    uint256 public constant ARBITER = 0xa7b;
    uint256 public constant OPERATOR = 0x09e;
    uint256 public constant FUNDS = 1e6;

    TestMoney public immutable MONEY = new TestMoney();
    ISaumaLedger public ledger;
    ISaumaEscrow public escrow;
    uint32 public area;
    uint256 private time = 1_800_000_000;

    ISaumaEscrow.Terms[] private agreed;
    mapping(address signer => uint256) private keys;
    /// @dev The highest sequence that was ever on record, by session.
    mapping(bytes32 id => uint256) public highest;
    mapping(ISaumaEscrow.State state => uint256) public reached;

    constructor() {
        vm.warp(time);
        // This contract creates both: its nonces say where they will stand.
        address escrowAt = address(uint160(uint256(keccak256(abi.encodePacked(hex"d694", address(this), hex"03")))));
        ledger = shippedLedger(address(MONEY), HOUR, escrowAt);
        escrow = shippedEscrow(ledger, "energy", "money");
        isTrue(address(escrow) == escrowAt, "the escrow stands elsewhere");
        area = ledger.openArea(address(this), address(this));
        uint256[5] memory all = [PAYER, PAYEE, OPERATOR, METER, ARBITER];
        for (uint256 i = 0; i < 5; ++i) {
            keys[vm.addr(all[i])] = all[i];
            // The station has a signed account.
            if (i < 3) ledger.register(area, vm.addr(all[i]), i == 1);
        }
        MONEY.mint(address(this), FUNDS);
        MONEY.approve(address(ledger), FUNDS);
        ledger.deposit(area, 1, uint64(FUNDS));
    }

    function sessions() external view returns (uint256) {
        return agreed.length;
    }

    function terms(uint256 index) public view returns (ISaumaEscrow.Terms memory) {
        return agreed[index];
    }

    function read(uint256 index) public view returns (Session memory session) {
        if (index >= agreed.length) return session;
        session.id = escrow.sessionIdOf(agreed[index]);
        (uint256 record, uint256 evidence) = escrow.sessionOf(session.id);
        session.readRecord(record);
        if (session.hasEvidence) session.readEvidence(evidence);
    }

    function authorise(uint64 cap, uint16 price, uint16 feeBps, bool arbitrated) external {
        if (agreed.length == SESSIONS_MAX) return;
        ISaumaEscrow.Terms memory t;
        t.domain = escrow.domainOf(area);
        (t.payer, t.payee, t.operator) = (vm.addr(PAYER), vm.addr(PAYEE), vm.addr(OPERATOR));
        if (arbitrated) t.arbiter = vm.addr(ARBITER);
        (t.meter, t.asset) = (vm.addr(METER), "money");
        (t.price, t.priceDecimals, t.fixedFeeUnits, t.noShowFeeUnits) = (price, 3, 7, 5);
        (t.feeBps, t.energyWhMax, t.bondUnits) = (uint64(within(feeBps, 0, 10_000)), 50_000, 3);
        (t.startsBefore, t.endsBefore) = (uint64(time + 4 * HOUR), uint64(time + 8 * HOUR));
        (t.contestWindowS, t.silenceLimitS, t.arbiterWindowS) = (2 * HOUR, HOUR, 2 * HOUR);
        t.key = bytes32(agreed.length + 1);
        agreed.push(t);
        uint256 units = within(cap, 1, FUNDS / 2);
        act(agreed.length - 1, 1, PAYER, said(ISaumaEscrow.Kind.AUTHORISATION, PAYER, units, FOREVER, 0));
    }

    function topUp(uint256 which, uint64 more) external {
        uint256 index = pick(which);
        uint256 units = read(index).units + within(more, 1, 1e4);
        act(index, 6, PAYER, said(ISaumaEscrow.Kind.AUTHORISATION, PAYER, units, FOREVER, 0));
    }

    function ready(uint256 which) external {
        act(pick(which), 17, PAYEE, said(ISaumaEscrow.Kind.READY, PAYEE, time, 0, 0));
    }

    function start(uint256 which, uint32 registerWh) external {
        act(pick(which), 2, PAYEE, said(ISaumaEscrow.Kind.READING, METER, 0, registerWh, time));
    }

    function cancel(uint256 which, bool byPayee) external {
        act(pick(which), 3, byPayee ? PAYEE : PAYER, none());
    }

    function countersign(uint256 which, uint8 sequence, uint32 moreWh, uint64 amount, uint8 as_) external {
        uint256 index = pick(which);
        uint256 registerWh = read(index).registerWh + within(moreWh, 0, 5_000);
        uint256 step = [uint256(5), 7, 9, 10][as_ % 4];
        uint256 units = within(amount, 0, 1_000);
        uint256 caller = step == 9 ? PAYER : PAYEE;
        act(index, step, caller, said(ISaumaEscrow.Kind.RECEIPT, PAYER, sequence, registerWh, units));
    }

    function measure(uint256 which, uint8 sequence, uint32 moreWh, uint8 as_) external {
        uint256 index = pick(which);
        uint256 registerWh = read(index).registerWh + within(moreWh, 0, 5_000);
        uint256 step = [uint256(8), 9, 10][as_ % 3];
        uint256 caller = step == 9 ? PAYER : PAYEE;
        act(index, step, caller, said(ISaumaEscrow.Kind.READING, METER, sequence, registerWh, time));
    }

    function close(uint256 which, uint8 sequence, uint64 amount) external {
        uint256 index = pick(which);
        uint256 units = within(amount, 0, FUNDS / 2);
        ISaumaEscrow.Statement[] memory both = new ISaumaEscrow.Statement[](2);
        both[0] = said(ISaumaEscrow.Kind.CLOSE, PAYER, sequence, units, 0)[0];
        both[1] = said(ISaumaEscrow.Kind.CLOSE, PAYEE, sequence, units, 0)[0];
        act(index, 7, OPERATOR, both);
    }

    function dispute(uint256 which) external {
        act(pick(which), 12, PAYER, none());
    }

    function rule(uint256 which, uint64 amount) external {
        uint256 index = pick(which);
        Session memory session = read(index);
        uint256 units = within(amount, session.acknowledged, session.acknowledged + 1_000);
        act(index, 13, OPERATOR, said(ISaumaEscrow.Kind.RULING, ARBITER, units, 0, 0));
    }

    function leave(uint256 which, uint8 as_) external {
        act(pick(which), [uint256(4), 11, 14, 15][as_ % 4], 0xdead, none());
    }

    function pass(uint16 seconds_) external {
        time += seconds_;
        vm.warp(time);
    }

    function pause(bool paused) external {
        ledger.setPaused(area, paused);
    }

    /// @dev The exit of a state, asked for by a stranger long after; true when it was carried out.
    function exits(uint256 index) external returns (bool) {
        uint256 state = uint256(read(index).state);
        vm.warp(time + 3650 days);
        return attempt(index, [uint256(0), 4, 15, 11, 14, 0, 0][state], 0xdead, none());
    }

    uint256 private constant FOREVER = type(uint64).max;

    function act(uint256 index, uint256 step, uint256 caller, ISaumaEscrow.Statement[] memory evidence) private {
        if (!attempt(index, step, caller, evidence)) return;
        Session memory session = read(index);
        reached[session.state] += 1;
        if (!session.hasEvidence) return;
        isTrue(session.sequence >= highest[session.id], "a lower sequence counts");
        isTrue(session.amount <= session.units, "an amount is above the cap");
        isTrue(session.acknowledged <= session.amount, "more was countersigned than counts");
        highest[session.id] = session.sequence;
    }

    /// @dev Sign, and state no outcome first; the refusal says which is due.
    function attempt(uint256 index, uint256 step, uint256 caller, ISaumaEscrow.Statement[] memory evidence)
        private
        returns (bool done)
    {
        if (index >= agreed.length) return false;
        bytes32 id = escrow.sessionIdOf(agreed[index]);
        for (uint256 i = 0; i < evidence.length; ++i) {
            bytes32 digest = keccak256(abi.encodePacked(hex"1901", agreed[index].domain, message(id, evidence[i])));
            (uint8 v, bytes32 r, bytes32 s) = vm.sign(keys[evidence[i].signer], digest);
            evidence[i].signature = abi.encodePacked(r, s, v);
        }
        bytes memory answer;
        (done, answer) = ask(index, step, caller, evidence, 0);
        if (done || answer.length != 68 || bytes4(answer) != ISaumaEscrow.OutcomeDiffers.selector) return done;
        uint256 due;
        assembly ("memory-safe") {
            due := mload(add(answer, 68))
        }
        (done, answer) = ask(index, step, caller, evidence, due);
    }

    function ask(
        uint256 index,
        uint256 step,
        uint256 caller,
        ISaumaEscrow.Statement[] memory evidence,
        uint256 outcome
    ) private returns (bool, bytes memory) {
        bytes memory data = abi.encodeCall(
            escrow.step, (area, 0, ISaumaEscrow.Transition(step), agreed[index], evidence, outcome)
        );
        vm.prank(vm.addr(caller));
        return address(escrow).call(data);
    }

    function pick(uint256 seed) private view returns (uint256) {
        return agreed.length == 0 ? 0 : within(seed, 0, agreed.length - 1);
    }

    function none() private pure returns (ISaumaEscrow.Statement[] memory) {
        return new ISaumaEscrow.Statement[](0);
    }

    /// @dev A statement's EIP-712 struct, written out again so that the escrow's is not its own judge.
    function message(bytes32 id, ISaumaEscrow.Statement memory given) private pure returns (bytes32) {
        string[8] memory types = [
            "",
            "Authorisation(bytes32 sessionId,uint64 heldUnits,uint64 validUntil)",
            "Ready(bytes32 sessionId,uint64 time)",
            "Reading(bytes32 sessionId,uint64 sequence,uint64 registerWh,uint64 time,uint8 status)",
            "Receipt(bytes32 sessionId,uint64 sequence,uint64 registerWh,uint64 amountUnits)",
            "Close(bytes32 sessionId,uint64 sequence,uint64 amountUnits)",
            "Cancel(bytes32 sessionId)",
            "Ruling(bytes32 sessionId,uint64 amountUnits)"
        ];
        uint256[8] memory counts = [uint256(0), 2, 1, 4, 3, 2, 0, 1];
        uint256 kind = uint256(given.kind);
        bytes memory body = abi.encode(keccak256(bytes(types[kind])), id);
        for (uint256 i = 0; i < counts[kind]; ++i) {
            body = bytes.concat(body, abi.encode(given.numbers[i]));
        }
        return keccak256(body);
    }

    /// @dev A statement without its signature, which `attempt` makes.
    function said(ISaumaEscrow.Kind kind, uint256 key, uint256 a, uint256 b, uint256 c)
        private
        pure
        returns (ISaumaEscrow.Statement[] memory evidence)
    {
        evidence = new ISaumaEscrow.Statement[](1);
        evidence[0].kind = kind;
        evidence[0].signer = vm.addr(key);
        (evidence[0].numbers[0], evidence[0].numbers[1], evidence[0].numbers[2]) = (a, b, c);
    }
}
