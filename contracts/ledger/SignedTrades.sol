// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Memory} from "@openzeppelin/contracts/utils/Memory.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";

import {Balances} from "./Balances.sol";
import {Operations} from "./Operations.sol";
import {Signatures} from "./Signatures.sol";

/// @title Trades that their makers signed
/// @notice The settler chooses which orders meet and at what price inside their limits; it can neither move a
/// signed account without its owner's order, nor use an order twice.
abstract contract SignedTrades is Operations, ReentrancyGuardTransient, EIP712 {
    bytes32 private constant ORDER_TYPEHASH = keccak256(
        "Order(uint32 area,uint32 account,bool buys,uint64 energyWh,uint64 priceUnits,uint64 nonce,uint64 deadline)"
    );
    uint256 private constant WH_PER_KWH = 1000;
    uint256 private constant FILL_BYTES = 28;
    uint256 private constant MINUS = 1 << 63;

    constructor() EIP712("SaumaLedger", "1") {}

    /// @dev All orders are checked, contracts asked among them, before the first balance moves.
    function settleSigned(
        uint32 area,
        bytes32 batchReference,
        uint64 validUntil,
        Fill[] calldata fills,
        bytes calldata netLines
    ) external nonReentrant returns (uint64 sequence) {
        if (block.timestamp > validUntil) revert Expired(validUntil);
        Area storage data = _running(area);
        if (msg.sender != data.settler) revert NotAllowed(area, msg.sender, 0);
        if (netLines.length % NET_LINE_BYTES != 0) revert Malformed(1);
        if (fills.length == 0) revert Malformed(0);

        bytes memory lines = _checkFills(area, data, fills);
        bytes32 content = keccak256(abi.encode(SIGNED_BATCH, keccak256(lines), keccak256(netLines)));
        bytes32 head;
        (sequence, head) = _record(area, data, batchReference, content);
        _moveSigned(data, lines, netLines);
        emit SignedSettled(area, batchReference, sequence, head, lines, netLines);
    }

    function cancelNonces(uint32 area, uint32 account, uint64 word, uint256 mask)
        external
        onlyAccountOwner(area, account)
    {
        _areas[area].nonces[account][word] |= mask;
        emit NoncesCancelled(area, account, word, mask);
    }

    function orderHash(uint32 area, Order calldata order) external view returns (bytes32) {
        return _digest(area, order);
    }

    /// @dev Check every order and use up its nonce; return what is to be moved, as in the event.
    function _checkFills(uint32 area, Area storage data, Fill[] calldata fills)
        private
        returns (bytes memory lines)
    {
        lines = new bytes(fills.length * FILL_BYTES);
        Memory.Pointer free = Memory.getFreeMemoryPointer();
        for (uint256 i = 0; i < fills.length; ++i) {
            Fill calldata fill = fills[i];
            Order memory order = fill.order;
            (uint64 energyWh, uint64 moneyUnits) = (fill.energyWh, fill.moneyUnits);
            _checkTerms(order, energyWh, moneyUnits, i);
            _useNonce(data.nonces[order.account], order.nonce, i);
            address owner = data.owners[order.account];
            if (owner == address(0)) revert UnknownAccount(0, i, order.account);
            if (!Signatures.isBy(owner, _digest(area, order), fill.signature)) {
                revert SignatureInvalid(i);
            }
            _writeLine(lines, i, order, energyWh, moneyUnits);
            // Nothing of this order is needed in memory any longer.
            Memory.unsafeSetFreeMemoryPointer(free);
        }
    }

    /// @dev The members of a struct without dynamic parts are encoded as if they stood alone.
    function _digest(uint32 area, Order memory order) private view returns (bytes32) {
        return _hashTypedDataV4(keccak256(abi.encode(ORDER_TYPEHASH, area, order)));
    }

    /// @dev The price is compared without a division, so nothing is rounded: a buyer pays at most and a seller
    /// gets at least energy × price.
    function _checkTerms(Order memory order, uint64 energyWh, uint64 moneyUnits, uint256 line) private view {
        if (block.timestamp > order.deadline) revert OrderExpired(line);
        if (energyWh == 0 || energyWh > order.energyWh) revert OrderOverfilled(line);
        if ((energyWh | moneyUnits) & MINUS != 0) revert OrderOverfilled(line);
        // Products of two numbers of 64 bits.
        unchecked {
            uint256 paid = uint256(moneyUnits) * WH_PER_KWH;
            uint256 limit = uint256(energyWh) * order.priceUnits;
            if (order.buys ? paid > limit : paid < limit) revert OrderPriceBroken(line);
        }
    }

    function _useNonce(mapping(uint64 word => uint256) storage nonces, uint64 nonce, uint256 line) private {
        uint256 bit = 1 << (nonce & 0xff);
        uint256 used = nonces[nonce >> 8];
        if (used & bit != 0) revert OrderUsed(line);
        nonces[nonce >> 8] = used | bit;
    }

    function _moveSigned(Area storage data, bytes memory lines, bytes calldata netLines) private {
        uint256 sum = _net(data, netLines, Section(1, 0, netLines.length / NET_LINE_BYTES));
        uint256 count = lines.length / FILL_BYTES;
        for (uint256 i = 0; i < count; ++i) {
            uint256 line = _readLine(lines, i);
            (uint256 change,) = Balances.ofNet(line);
            // Sums of changes are meant to wrap.
            unchecked {
                sum += change;
            }
            _move(data, 0, i, uint32(line >> 128), change);
        }
        if (sum != 0) _refuseSum(0, sum);
    }

    /// @dev Account, energy and money of a line of the event, which begins as a NET line does.
    function _readLine(bytes memory lines, uint256 index) private pure returns (uint256 line) {
        assembly ("memory-safe") {
            line := shr(96, mload(add(add(lines, 32), mul(index, FILL_BYTES))))
        }
    }

    /// @dev Write one line of the event into its 28 bytes.
    function _writeLine(
        bytes memory lines,
        uint256 index,
        Order memory order,
        uint64 energyWh,
        uint64 moneyUnits
    ) private pure {
        // A gift has no sign: minus zero is no number.
        uint256 energy = order.buys ? energyWh : energyWh | MINUS;
        uint256 money = order.buys && moneyUnits != 0 ? moneyUnits | MINUS : moneyUnits;
        uint256 line = uint256(order.account) << 192 | energy << 128 | money << 64 | order.nonce;
        assembly ("memory-safe") {
            // The word that ends where the line ends: its first 4 bytes belong to what is before, and are kept.
            let place := add(add(lines, 28), mul(index, FILL_BYTES))
            mstore(place, or(shl(224, shr(224, mload(place))), line))
        }
    }
}
