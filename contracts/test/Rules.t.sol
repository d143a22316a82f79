// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ISaumaLedger} from "../ISaumaLedger.sol";
import {Lines} from "./Lines.sol";
import {Shipped} from "./Shipped.sol";
import {CallingMoney, FeeMoney, LyingMoney, Wallet} from "./Strangers.sol";
import {TestMoney} from "./TestMoney.sol";

/// @title Authority, replay, signatures and tokens, with whatever the fuzzer thinks of
contract RulesTest is Shipped {
    uint64 private constant DELAY = 1 hours;
    uint64 private constant FOREVER = type(uint64).max;
    uint256 private constant MAKER_KEY = 0xa11ce;

    TestMoney private money;
    ISaumaLedger private ledger;
    uint32 private area;
    address private maker;
    uint32 private signed;

    function setUp() public {
        money = new TestMoney();
        (ledger, area) = deploy(money);
        maker = vm.addr(MAKER_KEY);
        signed = ledger.register(area, maker, true);
        ledger.register(area, address(this), false);
        ledger.register(area, address(0xb0b), false);
        bytes memory energy = abi.encodePacked(Lines.issue(1, 1e9), Lines.issue(signed, 1e9));
        ledger.settle(area, "setup", FOREVER, energy, "");
        pay(ledger, money, 1, 1e9);
    }

    /// Whoever is neither settler nor issuer settles nothing, whatever he sends.
    function testFuzz_StrangerSettlesNothing(address stranger, bytes calldata anything) public {
        vm.assume(stranger != address(this));
        uint64 next = ledger.areaState(area).sequence + 1;
        vm.prank(stranger);
        vm.expectRevert();
        ledger.settle(area, "x", FOREVER, anything, "");
        vm.prank(stranger);
        vm.expectPartialRevert(ISaumaLedger.NotAllowed.selector);
        ledger.settle(area, "x", FOREVER, Lines.transfer(1, 2, 1, 1), "");
        vm.prank(stranger);
        vm.expectPartialRevert(ISaumaLedger.NotAllowed.selector);
        ledger.recordRoot(area, "x", "root", next);
    }

    /// Roles and the pause are the owner's, and a role is taken only by whom it was offered to.
    function testFuzz_StrangerTakesNoRole(address stranger, address other) public {
        vm.assume(stranger != address(this) && stranger != address(0) && stranger != other);
        vm.prank(stranger);
        vm.expectPartialRevert(ISaumaLedger.NotOwner.selector);
        ledger.setPaused(area, true);
        vm.prank(stranger);
        vm.expectPartialRevert(ISaumaLedger.NotOwner.selector);
        ledger.proposeSettler(area, stranger);
        ledger.proposeSettler(area, other);
        vm.prank(stranger);
        vm.expectPartialRevert(ISaumaLedger.NotProposed.selector);
        ledger.acceptSettler(area);
    }

    /// A reference is settled once, whatever the batches under it are.
    function testFuzz_ReferenceIsSettledOnce(bytes32 reference_, bytes32 first, uint64 energyWh) public {
        vm.assume(reference_ != "setup");
        energyWh = uint64(within(energyWh, 0, 1e18));
        ISaumaLedger.Fill[] memory order = fills(sell(1, 0), signatureOf(sell(1, 0)));
        ledger.settle(area, reference_, FOREVER, Lines.anchor(first), "");
        vm.expectPartialRevert(ISaumaLedger.AlreadySettled.selector);
        ledger.settle(area, reference_, FOREVER, Lines.issue(1, energyWh), "");
        vm.expectPartialRevert(ISaumaLedger.AlreadySettled.selector);
        ledger.settleSigned(area, reference_, FOREVER, order, taken(1, 0));
    }

    /// Whatever bytes come as operations, money and energy are neither made nor lost without an issuer.
    function testFuzz_AnyBytesConserve(bytes calldata operations) public {
        ledger.proposeIssuer(area, address(0xdead));
        vm.prank(address(0xdead));
        ledger.acceptIssuer(area);
        (bool done,) =
            address(ledger).call(abi.encodeCall(ledger.settle, (area, "any", FOREVER, operations, "")));
        if (done) isTrue(operations.length > 4, "nothing was settled");
        (uint256 energyWh, uint256 moneyUnits) = totals();
        equal(energyWh, 2e9, "energy");
        equal(moneyUnits, 1e9, "money");
        equal(ledger.areaState(area).energySupplyWh, 2e9, "supply");
    }

    /// Net lines are settled exactly when they sum to zero, each asset by itself.
    function testFuzz_NetSumsToZero(int256[4] memory deltas, uint8 balanced) public {
        (int256 a, int256 b) = (small(deltas[0]), small(deltas[1]));
        (int256 c, int256 d) = (small(deltas[2]), small(deltas[3]));
        if (balanced & 1 != 0) b = -a;
        if (balanced & 2 != 0) d = -c;
        pay(ledger, money, 2, 1e9);
        ledger.settle(area, "b", FOREVER, Lines.issue(2, 1e9), "");
        bytes memory lines =
            abi.encodePacked(Lines.header(Lines.NET, 2), Lines.net(1, a, c), Lines.net(2, b, d));
        (bool done,) = address(ledger).call(abi.encodeCall(ledger.settle, (area, "n", FOREVER, lines, "")));
        isTrue(done == (a + b == 0 && c + d == 0), "zero sum");
    }

    /// What a signed order gives is what others get, to the unit.
    function testFuzz_FillsAndNetsSumToZero(uint64 sold, int256 got, int256 paid, uint8 balanced) public {
        sold = uint64(within(sold, 1, 1e6));
        (int256 energyWh, int256 moneyUnits) = (small(got), small(paid));
        if (balanced & 1 != 0) energyWh = int256(uint256(sold));
        if (balanced & 2 != 0) moneyUnits = 0;
        ISaumaLedger.Fill[] memory order = fills(sell(sold, 0), signatureOf(sell(sold, 0)));
        (bool done,) = address(ledger)
            .call(
                abi.encodeCall(ledger.settleSigned, (area, "s", FOREVER, order, taken(energyWh, moneyUnits)))
            );
        isTrue(done == (energyWh == int256(uint256(sold)) && moneyUnits == 0), "zero sum");
    }

    /// Bytes that the maker did not sign move nothing of the maker's.
    function testFuzz_ForgedSignatureIsRefused(bytes calldata forged) public {
        vm.expectPartialRevert(ISaumaLedger.SignatureInvalid.selector);
        ledger.settleSigned(area, "f", FOREVER, fills(sell(1, 0), forged), taken(1, 0));
    }

    /// The other form of a signature (high s) is refused, the signed one accepted.
    function testFuzz_HighSIsRefused(uint64 nonce) public {
        ISaumaLedger.Order memory order = sell(5, nonce);
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(MAKER_KEY, ledger.orderHash(area, order));
        uint256 curveOrder = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141;
        bytes memory high = abi.encodePacked(r, bytes32(curveOrder - uint256(s)), v ^ 7);
        vm.expectPartialRevert(ISaumaLedger.SignatureInvalid.selector);
        ledger.settleSigned(area, "h", FOREVER, fills(order, high), taken(5, 0));
        ledger.settleSigned(area, "h", FOREVER, fills(order, abi.encodePacked(r, s, v)), taken(5, 0));
        equal(ledger.nonceWord(area, signed, nonce >> 8), 1 << (nonce & 255), "nonce");
    }

    /// A signature is good on this contract only, though everything else is equal.
    function test_OrderOfAnotherLedgerIsRefused() public {
        ISaumaLedger.Order memory order = sell(5, 0);
        bytes memory signature = signatureOf(order);
        (ISaumaLedger twin, uint32 twinArea) = deploy(money);
        twin.register(twinArea, maker, true);
        twin.register(twinArea, address(this), false);
        twin.settle(twinArea, "e", FOREVER, Lines.issue(signed, 10), "");
        vm.expectPartialRevert(ISaumaLedger.SignatureInvalid.selector);
        twin.settleSigned(twinArea, "t", FOREVER, fills(order, signature), taken(5, 0));
    }

    /// A contract's word counts when it has the right form, and never otherwise.
    function test_WalletsSign() public {
        Wallet wallet = new Wallet();
        uint32 account = ledger.register(area, address(wallet), true);
        ledger.settle(area, "w", FOREVER, Lines.issue(account, 100), "");
        ISaumaLedger.Order memory order = sell(5, 0);
        order.account = account;
        bytes32 digest = ledger.orderHash(area, order);
        for (uint256 kind = 1; kind <= uint256(type(Wallet.Answer).max); ++kind) {
            wallet.approve(digest, Wallet.Answer(kind));
            vm.expectPartialRevert(ISaumaLedger.SignatureInvalid.selector);
            ledger.settleSigned(area, "1271", FOREVER, fills(order, "any"), taken(5, 0));
        }
        wallet.approve(digest, Wallet.Answer.Right);
        ledger.settleSigned(area, "1271", FOREVER, fills(order, "any"), taken(5, 0));
        (uint64 energyWh,) = ledger.balanceOf(area, account);
        equal(energyWh, 95, "energy");
    }

    /// A token that keeps a fee, or moves nothing, is refused, and the account gets nothing.
    function test_InexactTokensAreRefused() public {
        TestMoney[2] memory bad = [TestMoney(new FeeMoney()), TestMoney(new LyingMoney())];
        for (uint256 i = 0; i < bad.length; ++i) {
            (ISaumaLedger other, uint32 otherArea) = deploy(bad[i]);
            uint32 account = other.register(otherArea, address(this), false);
            bad[i].mint(address(this), 1000);
            bad[i].approve(address(other), 1000);
            vm.expectPartialRevert(ISaumaLedger.TokenNotExact.selector);
            other.deposit(otherArea, account, 1000);
            (, uint64 held) = other.balanceOf(otherArea, account);
            equal(held, 0, "money");
        }
    }

    /// A token that calls back cannot deposit, withdraw or settle signed trades inside a call.
    function test_CallsBackAreRefused() public {
        CallingMoney calling = new CallingMoney();
        (ISaumaLedger other, uint32 otherArea) = deploy(calling);
        // The token owns the account itself, so that only the guard and the order of effects stand against it.
        uint32 account = other.register(otherArea, address(calling), false);
        pay(other, calling, account, 1000);
        vm.prank(address(calling));
        other.requestWithdrawal(otherArea, account, 400);
        vm.warp(block.timestamp + DELAY);
        bytes[3] memory calls = [
            abi.encodeCall(other.deposit, (otherArea, account, 1)),
            abi.encodeCall(other.withdraw, (otherArea, account, address(calling))),
            abi.encodeCall(
                other.settleSigned, (otherArea, "r", FOREVER, new ISaumaLedger.Fill[](0), bytes(""))
            )
        ];
        calling.mint(address(calling), 10);
        vm.prank(address(calling));
        calling.approve(address(other), 10);
        calling.mint(address(this), 30);
        calling.approve(address(other), 30);
        for (uint256 i = 0; i < calls.length; ++i) {
            calling.arm(address(other), calls[i]);
            other.deposit(otherArea, account, 10);
            isTrue(calling.refused(), "called back");
        }
        calling.arm(address(other), calls[1]);
        vm.prank(address(calling));
        other.withdraw(otherArea, account, address(0xcafe));
        isTrue(calling.refused(), "withdrew twice");
        equal(calling.balanceOf(address(0xcafe)), 400, "withdrawn");
        equal(calling.balanceOf(address(other)), 630, "kept");
    }

    /// An owner gets out what he put in, whatever the operator does meanwhile but spend it.
    function testFuzz_OwnerAlwaysLeaves(uint64 units, bool paused, bool changedHands) public {
        units = uint64(within(units, 1, 1e15));
        pay(ledger, money, 2, units);
        if (changedHands) {
            ledger.proposeOwner(area, address(0xdead));
            ledger.proposeSettler(area, address(0xdead));
        }
        ledger.setPaused(area, paused);
        vm.prank(address(0xb0b));
        ledger.requestWithdrawal(area, 2, type(uint64).max);
        vm.warp(block.timestamp + DELAY);
        vm.prank(address(0xb0b));
        ledger.withdraw(area, 2, address(0xcafe));
        equal(money.balanceOf(address(0xcafe)), units, "left");
    }

    /// Nobody gets money before the delay is over.
    function testFuzz_NobodyLeavesEarly(uint256 wait) public {
        wait = within(wait, 0, DELAY - 1);
        ledger.requestWithdrawal(area, 1, 10);
        vm.warp(block.timestamp + wait);
        vm.expectPartialRevert(ISaumaLedger.TooEarly.selector);
        ledger.withdraw(area, 1, address(this));
    }

    /// A batch inside its time, signed before a request, is not spoiled by the withdrawal.
    function testFuzz_RequestSpoilsNoBatch(uint256 wait, uint64 units) public {
        units = uint64(within(units, 1, 1e9));
        uint64 validUntil = uint64(block.timestamp) + DELAY - 1;
        ledger.requestWithdrawal(area, 1, type(uint64).max);
        vm.warp(within(wait, block.timestamp, validUntil));
        (bool left,) = address(ledger).call(abi.encodeCall(ledger.withdraw, (area, 1, address(this))));
        isTrue(!left, "left early");
        ledger.settle(area, "signed before", validUntil, Lines.transfer(1, 2, 1, units), "");
    }

    function deploy(TestMoney token) private returns (ISaumaLedger made, uint32 opened) {
        made = shippedLedger(address(token), DELAY, address(1));
        opened = made.openArea(address(this), address(this));
    }

    function pay(ISaumaLedger to, TestMoney token, uint32 account, uint64 units) private {
        token.mint(address(this), units);
        token.approve(address(to), units);
        to.deposit(1, account, units);
    }

    function sell(uint64 energyWh, uint64 nonce) private view returns (ISaumaLedger.Order memory) {
        return ISaumaLedger.Order(signed, false, energyWh, 0, nonce, FOREVER);
    }

    function signatureOf(ISaumaLedger.Order memory order) private view returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(MAKER_KEY, ledger.orderHash(area, order));
        return abi.encodePacked(r, s, v);
    }

    function fills(ISaumaLedger.Order memory order, bytes memory signature)
        private
        pure
        returns (ISaumaLedger.Fill[] memory made)
    {
        made = new ISaumaLedger.Fill[](1);
        made[0] = ISaumaLedger.Fill(order, order.energyWh, 0, signature);
    }

    function taken(int256 energyWh, int256 moneyUnits) private pure returns (bytes memory) {
        return Lines.net(1, energyWh, -moneyUnits);
    }

    function small(int256 number) private pure returns (int256) {
        return number % 1e6;
    }

    function totals() private view returns (uint256 energySum, uint256 moneySum) {
        uint32[4] memory accounts = [1, 2, 3, signed];
        for (uint256 i = 0; i < accounts.length; ++i) {
            (uint64 energyWh, uint64 moneyUnits) = ledger.balanceOf(area, accounts[i]);
            energySum += energyWh;
            moneySum += moneyUnits;
        }
    }
}
