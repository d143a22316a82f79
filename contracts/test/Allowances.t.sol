// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ISaumaEscrow} from "../ISaumaEscrow.sol";
import {ISaumaLedger} from "../ISaumaLedger.sol";
import {Foundry} from "./Foundry.sol";
import {Shipped} from "./Shipped.sol";
import {TestMoney} from "./TestMoney.sol";

/// @title Cars that allow, revoke and take back, and an operator that charges them, at any time
/// @notice What the escrow refuses is no finding: the invariants are.
contract RedLights is Shipped {
    uint64 private constant HOUR = 1 hours;
    uint64 public constant LIMIT = 100;
    uint256 public constant CARS = 5;
    uint256 public constant FUNDS = 1e6;

    TestMoney public immutable MONEY = new TestMoney();
    ISaumaLedger public ledger;
    ISaumaEscrow public escrow;
    uint32 public area;
    uint64 public until;
    uint256 private time = 1_800_000_000;
    bytes private list;
    address[] private payees;
    ISaumaEscrow.Allowance[] private given;
    uint256 public charged;
    mapping(bytes32 id => uint256) public chargedOf;

    constructor() {
        vm.warp(time);
        address escrowAt = address(uint160(uint256(keccak256(abi.encodePacked(hex"d694", address(this), hex"03")))));
        ledger = shippedLedger(address(MONEY), HOUR, escrowAt);
        escrow = shippedEscrow(ledger, "energy", "money");
        area = ledger.openArea(address(this), address(this));
        until = uint64(time + 48 * HOUR);
        // Accounts 1 to 5 are the cars', 6 the station's, 7 the operator's, which is this contract.
        for (uint256 car = 1; car <= CARS; ++car) {
            ledger.register(area, vm.addr(car), false);
        }
        payees.push(vm.addr(0x57a));
        ledger.register(area, payees[0], false);
        ledger.register(area, address(this), false);
        list = abi.encodePacked(uint32(6), uint32(7));
        MONEY.mint(address(this), CARS * FUNDS);
        MONEY.approve(address(ledger), CARS * FUNDS);
        for (uint32 car = 1; car <= CARS; ++car) {
            ledger.deposit(area, car, uint64(FUNDS));
        }
    }

    function count() external view returns (uint256) {
        return given.length;
    }

    function allowance(uint256 index) public view returns (ISaumaEscrow.Allowance memory) {
        return given[index];
    }

    function left(uint256 index) public view returns (uint64 units) {
        (,, units) = escrow.allowanceOf(escrow.allowanceIdOf(given[index]));
    }

    function allow(uint256 car, uint64 cap) external {
        if (given.length == 12) return;
        ISaumaEscrow.Allowance memory made;
        made.domain = escrow.domainOf(area);
        (made.payer, made.operator, made.asset) = (vm.addr(within(car, 1, CARS)), address(this), "money");
        (made.capUnits, made.sessionUnitsMax) = (uint64(within(cap, 1, FUNDS / 2)), LIMIT);
        (made.from, made.until, made.noticeS) = (1, until, HOUR);
        (made.payees, made.key) = (sha256(abi.encode(payees[0])), bytes32(given.length + 1));
        if (stand(ISaumaEscrow.Standing.AUTHORISE, made, made.payer, made.capUnits)) given.push(made);
    }

    function charge(uint256 first, uint32[4] calldata units, uint32 extra) external {
        if (given.length == 0) return;
        uint256 index = within(first, 0, given.length - 1);
        bytes memory charges = abi.encodePacked(uint32(index), uint8(4));
        uint64 total = 0;
        for (uint256 i = 0; i < 4; ++i) {
            uint32 each = uint32(within(units[i], 0, LIMIT + 1));
            charges = abi.encodePacked(charges, each);
            total += each;
        }
        // Now and then a unit more, or less, is paid than is charged.
        uint64 paid = extra % 4 == 0 ? total + 1 : total;
        bytes memory credits = abi.encodePacked(uint32(6), uint64(0), paid);
        (bool done,) = address(escrow)
            .call(
                abi.encodeCall(escrow.charge, (area, keccak256(charges), LIMIT, until, list, charges, credits))
            );
        if (!done) return;
        isTrue(paid == total, "more was paid than was charged");
        isTrue(time <= until, "charged after the end");
        for (uint256 i = 0; i < 4; ++i) {
            isTrue(within(units[i], 0, LIMIT + 1) <= LIMIT, "above the limit");
        }
        charged += total;
        chargedOf[escrow.allowanceIdOf(given[index])] += total;
    }

    function revoke(uint256 which) external {
        if (given.length == 0) return;
        ISaumaEscrow.Allowance memory one = given[within(which, 0, given.length - 1)];
        stand(ISaumaEscrow.Standing.REVOKE, one, one.payer, 0);
    }

    function takeBack(uint256 which, uint8 off) external {
        if (given.length == 0) return;
        uint256 index = within(which, 0, given.length - 1);
        uint64 units = left(index);
        bool done = stand(ISaumaEscrow.Standing.RETURN, given[index], address(0xdead), units + off % 3);
        isTrue(!done || off % 3 == 0, "more went back than was left");
    }

    function pass(uint16 seconds_) external {
        time += seconds_;
        vm.warp(time);
    }

    /// @dev What is left of all of them, taken back by a stranger long after; false when something stays.
    function empties() external returns (bool) {
        vm.warp(time + 3650 days);
        for (uint256 i = 0; i < given.length; ++i) {
            uint64 units = left(i);
            if (units != 0 && !stand(ISaumaEscrow.Standing.RETURN, given[i], address(0xdead), units)) return false;
        }
        return true;
    }

    function stand(
        ISaumaEscrow.Standing action,
        ISaumaEscrow.Allowance memory one,
        address caller,
        uint64 units
    ) private returns (bool done) {
        bytes memory data =
            abi.encodeCall(escrow.stand, (area, 0, action, one, payees, bytes(""), units));
        vm.prank(caller);
        (done,) = address(escrow).call(data);
    }
}

/// @title What holds of standing authorisations after anything
contract AllowancesTest is Foundry {
    RedLights private here;

    function setUp() public {
        here = new RedLights();
    }

    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(here);
    }

    function excludeSelectors() external view returns (Excluded[] memory excluded) {
        bytes4[] memory selectors = new bytes4[](1);
        selectors[0] = here.empties.selector;
        excluded = new Excluded[](1);
        excluded[0] = Excluded(address(here), selectors);
    }

    struct Excluded {
        address where;
        bytes4[] selectors;
    }

    /// The actions above do what they are for: else the invariants would hold of nothing.
    function test_TheyDoSomething() external {
        here.allow(1, 500);
        uint256 cap = here.allowance(0).capUnits;
        here.charge(0, [uint32(10), 20, 30, 40], 1);
        equal(here.charged(), 100, "charged");
        equal(here.left(0), cap - 100, "left");
        here.revoke(0);
        here.pass(2 hours);
        here.takeBack(0, 0);
        equal(here.left(0), 0, "returned");
    }

    /// P1, P3: what is held is what is left of all, and all money is in accounts or held.
    /// forge-config: default.invariant.runs = 48
    /// forge-config: default.invariant.depth = 64
    function invariant_HeldIsWhatIsLeft() external view {
        uint256 left = 0;
        for (uint256 i = 0; i < here.count(); ++i) {
            left += here.left(i);
        }
        (, uint128 held) = here.ledger().lockedOf(here.area());
        equal(held, left, "held");
        uint256 free = 0;
        for (uint32 account = 1; account <= 7; ++account) {
            (, uint64 units) = here.ledger().balanceOf(here.area(), account);
            free += units;
        }
        equal(free + held, here.CARS() * here.FUNDS(), "money");
    }

    /// P8: nobody is charged above its cap, and the station has what was charged.
    /// forge-config: default.invariant.runs = 48
    /// forge-config: default.invariant.depth = 64
    function invariant_NobodyPaysAboveTheCap() external view {
        for (uint256 i = 0; i < here.count(); ++i) {
            bytes32 id = here.escrow().allowanceIdOf(here.allowance(i));
            isTrue(here.chargedOf(id) + here.left(i) <= here.allowance(i).capUnits, "above the cap");
        }
        (, uint64 station) = here.ledger().balanceOf(here.area(), 6);
        equal(station, here.charged(), "station");
    }

    /// P7: a stranger has everything returned in the end.
    /// forge-config: default.invariant.runs = 48
    /// forge-config: default.invariant.depth = 64
    function invariant_EverythingReturns() external {
        isTrue(here.empties(), "something stays");
        (, uint128 held) = here.ledger().lockedOf(here.area());
        equal(held, 0, "held after all returned");
    }
}
