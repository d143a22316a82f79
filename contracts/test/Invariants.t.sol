// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ISaumaLedger} from "../ISaumaLedger.sol";
import {Foundry} from "./Foundry.sol";
import {Lines} from "./Lines.sol";
import {Shipped} from "./Shipped.sol";
import {TestMoney} from "./TestMoney.sol";

/// @title A neighbourhood that does anything at any time
/// @notice Five owners have a netted account each and two of them a signed one too.  What an action may be
/// refused for is avoided or caught, so that a revert is a finding.
contract Neighbourhood is Shipped {
    uint64 private constant DELAY = 1 hours;
    uint64 private constant FOREVER = type(uint64).max;
    uint32 private constant OWNERS = 5;
    uint32 private constant SIGNED = 2;
    uint32 private constant FIRST_SIGNED = 1 << 31;
    uint64 private constant CLAIM_WH = 3;
    uint64 private constant CLAIM_UNITS = 5;

    TestMoney public immutable MONEY = new TestMoney();
    ISaumaLedger public immutable LEDGER = shippedLedger(address(MONEY), DELAY, address(1));
    uint32 public immutable AREA = LEDGER.openArea(address(this), address(this));

    uint256 public settled;
    uint256 public deposited;
    uint256 public withdrawn;
    uint256 public issued;
    uint256 public retired;
    bytes32[] public roots;
    uint64 private nonce;
    uint256 private time = 1_800_000_000;

    constructor() {
        vm.warp(time);
        for (uint32 i = 1; i <= OWNERS; ++i) {
            LEDGER.register(AREA, ownerOf(i), false);
            if (i <= SIGNED) LEDGER.register(AREA, ownerOf(i), true);
        }
    }

    function ownerOf(uint256 index) public pure returns (address) {
        return vm.addr(index);
    }

    /// @dev Netted accounts first, then signed ones.
    function accountOf(uint256 seed) public pure returns (uint32) {
        uint256 index = within(seed, 1, OWNERS + SIGNED);
        return uint32(index <= OWNERS ? index : FIRST_SIGNED + index - OWNERS);
    }

    function accountsHeld() external pure returns (uint256) {
        return OWNERS + SIGNED;
    }

    function rootCount() external view returns (uint256) {
        return roots.length;
    }

    function deposit(uint256 seed, uint64 units) external running {
        units = uint64(within(units, 1, 1e12));
        MONEY.mint(address(this), units);
        MONEY.approve(address(LEDGER), units);
        LEDGER.deposit(AREA, accountOf(seed), units);
        deposited += units;
    }

    function issue(uint256 seed, uint64 energyWh) external running {
        energyWh = uint64(within(energyWh, 0, 1e12));
        settle(Lines.issue(accountOf(seed), energyWh));
        issued += energyWh;
    }

    function retire(uint256 seed, uint64 energyWh) external running {
        uint32 account = uint32(within(seed, 1, OWNERS));
        (uint64 held,) = LEDGER.balanceOf(AREA, account);
        energyWh = uint64(within(energyWh, 0, held));
        settle(Lines.retire(account, energyWh));
        retired += energyWh;
    }

    function transfer(uint256 from, uint256 to, uint64 units, bool asMoney) external running {
        uint32 sender = uint32(within(from, 1, OWNERS));
        (uint64 energyWh, uint64 moneyUnits) = LEDGER.balanceOf(AREA, sender);
        units = uint64(within(units, 0, asMoney ? moneyUnits : energyWh));
        settle(Lines.transfer(sender, accountOf(to), asMoney ? 1 : 0, units));
    }

    function net(uint256 low, uint256 high, uint64 energyWh, uint64 moneyUnits) external running {
        uint32 seller = uint32(within(low, 1, OWNERS - 1));
        uint32 buyer = uint32(within(high, seller + 1, OWNERS));
        (uint64 held,) = LEDGER.balanceOf(AREA, seller);
        (, uint64 purse) = LEDGER.balanceOf(AREA, buyer);
        int256 energy = int256(within(energyWh, 0, held));
        int256 paid = int256(within(moneyUnits, 0, purse));
        settle(
            abi.encodePacked(
                Lines.header(Lines.NET, 2), Lines.net(seller, -energy, paid), Lines.net(buyer, energy, -paid)
            )
        );
    }

    function signedTrade(uint256 seed, uint64 energyWh, uint64 moneyUnits) external running {
        uint256 key = within(seed, 1, SIGNED);
        uint32 seller = uint32(FIRST_SIGNED + key);
        uint32 buyer = uint32(within(seed >> 8, 1, OWNERS));
        (uint64 held,) = LEDGER.balanceOf(AREA, seller);
        (, uint64 purse) = LEDGER.balanceOf(AREA, buyer);
        if (held == 0) return;
        energyWh = uint64(within(energyWh, 1, held));
        moneyUnits = uint64(within(moneyUnits, 0, purse));
        ISaumaLedger.Order memory order = ISaumaLedger.Order(seller, false, held, 0, ++nonce, FOREVER);
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, LEDGER.orderHash(AREA, order));
        ISaumaLedger.Fill[] memory fills = new ISaumaLedger.Fill[](1);
        fills[0] = ISaumaLedger.Fill(order, energyWh, moneyUnits, abi.encodePacked(r, s, v));
        bytes memory lines = Lines.net(buyer, int256(uint256(energyWh)), -int256(uint256(moneyUnits)));
        LEDGER.settleSigned(AREA, bytes32(++settled), FOREVER, fills, lines);
        (bool again,) = address(LEDGER)
            .call(abi.encodeCall(LEDGER.settleSigned, (AREA, bytes32(settled + 1), FOREVER, fills, lines)));
        isTrue(!again, "an order was used twice");
    }

    function openClaims(uint256 seed, uint64 extra) external running {
        uint32 payer = uint32(within(seed, 1, OWNERS));
        (uint64 energyWh, uint64 moneyUnits) = LEDGER.balanceOf(AREA, payer);
        if (energyWh < 2 * CLAIM_WH || moneyUnits < 2 * CLAIM_UNITS) return;
        // A tree of one leaf: the root is the leaf.  It has funds for more, so that only the rule stops a second claim.
        uint32 index = uint32(roots.length);
        bytes32 root = keccak256(bytes.concat(keccak256(abi.encode(index, uint32(2), CLAIM_WH, CLAIM_UNITS))));
        uint64 spare = uint64(within(extra, CLAIM_WH, energyWh - CLAIM_WH));
        settle(Lines.claims(payer, CLAIM_WH + spare, 2 * CLAIM_UNITS, uint64(time + DELAY), root));
        roots.push(root);
    }

    function claim(uint256 seed) external {
        if (roots.length == 0) return;
        uint32 index = uint32(within(seed, 0, roots.length - 1));
        bytes32 root = roots[index];
        bool open = time <= LEDGER.claimsOf(AREA, root).deadline;
        bool used = LEDGER.isClaimed(AREA, root, index);
        (bool done,) = address(LEDGER)
            .call(
                abi.encodeCall(LEDGER.claim, (AREA, root, index, 2, CLAIM_WH, CLAIM_UNITS, new bytes32[](0)))
            );
        isTrue(done == (open && !used), "a claim was paid wrongly, or not");
    }

    function closeClaims(uint256 seed) external {
        if (roots.length == 0) return;
        bytes32 root = roots[within(seed, 0, roots.length - 1)];
        ISaumaLedger.ClaimsState memory state = LEDGER.claimsOf(AREA, root);
        bool due = time > state.deadline && (state.energyWh | state.moneyUnits) != 0;
        (bool done,) = address(LEDGER).call(abi.encodeCall(LEDGER.closeClaims, (AREA, root)));
        isTrue(done == due, "claims were closed wrongly, or not");
    }

    /// @dev Anybody may ask for his money at any time, paused or not, and gets it after the delay.
    function leave(uint256 seed, uint64 units) external {
        uint32 account = accountOf(seed);
        address owner = LEDGER.ownerOf(AREA, account);
        (, uint64 held) = LEDGER.balanceOf(AREA, account);
        units = uint64(within(units, 1, type(uint64).max));
        vm.prank(owner);
        LEDGER.requestWithdrawal(AREA, account, units);
        time += DELAY;
        vm.warp(time);
        uint256 before = MONEY.balanceOf(owner);
        vm.prank(owner);
        uint256 got = LEDGER.withdraw(AREA, account, owner);
        equal(got, units < held ? units : held, "withdrawn");
        equal(MONEY.balanceOf(owner), before + got, "received");
        withdrawn += got;
    }

    function pause(bool paused) external {
        LEDGER.setPaused(AREA, paused);
    }

    /// @dev Whatever was settled before is refused now.
    function replay(uint256 seed) external {
        if (settled == 0) return;
        bytes32 old = bytes32(within(seed, 1, settled));
        (bool done,) =
            address(LEDGER).call(abi.encodeCall(LEDGER.settle, (AREA, old, FOREVER, Lines.anchor("r"), "")));
        isTrue(!done, "a reference was settled twice");
    }

    function recordRoot(bytes32 root) external running {
        (uint64 sequence,) = LEDGER.headOf(AREA);
        LEDGER.recordRoot(AREA, "interval", root, sequence + 1);
        recorded += 1;
    }

    uint256 public recorded;

    function settle(bytes memory operations) private {
        LEDGER.settle(AREA, bytes32(++settled), FOREVER, operations, "");
    }

    modifier running() {
        if (!LEDGER.areaState(AREA).paused) _;
    }
}

/// @title What holds after anything
contract InvariantsTest is Foundry {
    Neighbourhood private hood;
    ISaumaLedger private ledger;
    uint32 private area;

    function setUp() public {
        hood = new Neighbourhood();
        ledger = hood.LEDGER();
        area = hood.AREA();
    }

    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(hood);
    }

    /// The token's balance is what all accounts and unpaid claims have, to the unit.
    function invariant_MoneyIsConserved() external view {
        (, uint256 moneyUnits) = totals();
        equal(hood.MONEY().balanceOf(address(ledger)), moneyUnits, "held");
        equal(hood.deposited() - hood.withdrawn(), moneyUnits, "in and out");
    }

    /// The supply is what was issued less what was retired, and lies in accounts and unpaid claims.
    function invariant_EnergyIsConserved() external view {
        (uint256 energyWh,) = totals();
        equal(ledger.areaState(area).energySupplyWh, energyWh, "supply");
        equal(hood.issued() - hood.retired(), energyWh, "issued and retired");
    }

    /// Every batch and root took one sequence, and no call that failed took one.
    function invariant_SequencesHaveNoGaps() external view {
        equal(ledger.areaState(area).sequence, hood.settled() + hood.recorded(), "sequence");
    }

    function totals() private view returns (uint256 energySum, uint256 moneySum) {
        for (uint256 i = 0; i < hood.accountsHeld(); ++i) {
            (uint64 energyWh, uint64 moneyUnits) = ledger.balanceOf(area, hood.accountOf(i));
            energySum += energyWh;
            moneySum += moneyUnits;
        }
        for (uint256 i = 0; i < hood.rootCount(); ++i) {
            ISaumaLedger.ClaimsState memory state = ledger.claimsOf(area, hood.roots(i));
            energySum += state.energyWh;
            moneySum += state.moneyUnits;
        }
    }
}
