// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Balances} from "./Balances.sol";
import {Movements} from "./Movements.sol";

/// @title Batches: sections of lines, all or nothing
/// @notice The format is described in ISaumaLedger.  Lines are read from calldata with `_word`, which gives
/// zeros past the end; every section's length is checked before its first line is read.
abstract contract Operations is Movements {
    uint256 private constant ISSUE = 1;
    uint256 private constant TRANSFER = 2;
    uint256 private constant NET = 3;
    uint256 private constant RETIRE = 4;
    uint256 private constant ANCHOR = 5;
    uint256 private constant CLAIMS = 6;

    uint256 private constant HEADER_BYTES = 4;
    uint256 internal constant NET_LINE_BYTES = 20;

    /// @dev Whose call a section may come in.
    uint256 private constant SETTLER = 1;
    uint256 private constant ISSUER = 2;

    /// @dev A section being carried out: where its lines begin and how many they are.
    struct Section {
        uint256 index;
        uint256 start;
        uint256 lines;
    }

    function settle(
        uint32 area,
        bytes32 batchReference,
        uint64 validUntil,
        bytes calldata operations,
        bytes calldata trades
    ) external returns (uint64 sequence) {
        if (block.timestamp > validUntil) revert Expired(validUntil);
        Area storage data = _running(area);
        bytes32 tradesHash = trades.length == 0 ? bytes32(0) : keccak256(trades);
        bytes32 content = keccak256(abi.encode(BATCH, keccak256(operations), tradesHash));
        bytes32 head;
        (sequence, head) = _record(area, data, batchReference, content);
        _carryOut(area, data, operations);
        emit BatchSettled(area, batchReference, sequence, head, tradesHash, operations);
    }

    /// @dev The ledger's cheapest call: named so that its selector is the first that is compared.
    function recordRoot(uint32 area, bytes32 batchReference, bytes32 root, uint64 sequence) external {
        Area storage data = _running(area);
        if (msg.sender != data.settler) revert NotAllowed(area, msg.sender, 0);
        (uint64 next,) = _roll(data, batchReference, keccak256(abi.encode(ROOT, root)));
        if (sequence != next) revert WrongSequence(next, sequence);
        emit IntervalCommitted(area, batchReference, sequence, root);
    }

    /// @dev Net lines: strictly increasing netted accounts, each field inside its 64 bits.  The caller owes the
    /// check that the sum of changes, with whatever else it moves, is zero.
    function _net(Area storage data, bytes calldata source, Section memory section)
        internal
        returns (uint256 sum)
    {
        uint256 pairs = _slotOfPairs(data);
        uint256 previous = 0;
        // Account 1 is in pair 0, where `previous` stands before the first line.
        uint256 pair = _word(source, section.start) >> 224 == 1 ? _load(pairs) : 0;
        // Positions stay far below 2^64, and sums of 2^24 numbers of 64 bits inside their lanes of 128.
        unchecked {
            uint256 position = section.start;
            uint256 end = position + section.lines * NET_LINE_BYTES;
            for (; position != end; position += NET_LINE_BYTES) {
                uint256 line = _word(source, position) >> 96;
                uint256 account = line >> 128;
                if (account <= previous) _refuseOrder(section, position, account);
                // A pair is loaded and stored once, though two lines may change it.
                if ((account ^ previous) >> 1 != 0) {
                    if (previous != 0) _store(pairs + (previous >> 1), pair);
                    pair = _load(pairs + (account >> 1));
                }
                previous = account;

                (uint256 change, bool canonical) = Balances.ofNet(line);
                if (!canonical) revert Malformed(section.index);
                if (!Balances.fits(pair, Balances.shiftOf(account), change)) {
                    _refuseChange(section.index, _lineNumber(section, position), uint32(account), pair, change);
                }
                pair = Balances.moved(pair, Balances.shiftOf(account), change);
                sum += change;
            }
        }
        if (previous != 0) _store(pairs + (previous >> 1), pair);
        // Accounts increase, so the last one speaks for all.
        if (previous > data.nettedAccounts) {
            _refuseSender(section.index, section.lines - 1, uint32(previous));
        }
    }

    function _carryOut(uint32 area, Area storage data, bytes calldata operations) private {
        bool settles = msg.sender == data.settler;
        if (operations.length == 0) revert Malformed(0);

        Section memory section = Section(0, 0, 0);
        uint256 position = 0;
        while (position < operations.length) {
            uint256 header = _word(operations, position) >> 224;
            uint256 kind = header >> 24;
            section.start = position + HEADER_BYTES;
            section.lines = header & 0xffffff;
            (uint256 lineBytes, uint256 roles) = _kindOf(section.index, kind);
            // The issuer is looked up only where the settler's role is not enough.
            bool allowed =
                (settles && roles & SETTLER != 0) || (roles & ISSUER != 0 && msg.sender == data.issuer);
            if (!allowed) revert NotAllowed(area, msg.sender, section.index);
            position = section.start + section.lines * lineBytes;
            if (position > operations.length || section.lines == 0) {
                revert Malformed(section.index);
            }
            _carryOutSection(data, operations, section, kind);
            ++section.index;
        }
    }

    function _carryOutSection(
        Area storage data,
        bytes calldata operations,
        Section memory section,
        uint256 kind
    ) private {
        if (kind == NET) {
            uint256 sum = _net(data, operations, section);
            if (sum != 0) _refuseSum(section.index, sum);
        } else if (kind == ISSUE) {
            _issue(data, operations, section);
        } else if (kind == TRANSFER) {
            _transfer(data, operations, section);
        } else if (kind == RETIRE) {
            _retire(data, operations, section);
        } else if (kind == CLAIMS) {
            _openClaims(data, operations, section);
        }
        // An ANCHOR moves nothing: its roots are in the event and, by the operations' hash, in the head.
    }

    function _issue(Area storage data, bytes calldata operations, Section memory section) private {
        uint96 supply = data.energySupplyWh;
        for (uint256 line = 0; line < section.lines; ++line) {
            uint256 word = _word(operations, section.start + line * 12);
            uint64 energyWh = uint64(word >> 160);
            supply += energyWh;
            _give(data, section.index, line, uint32(word >> 224), Balances.ofEnergy(energyWh));
        }
        data.energySupplyWh = supply;
    }

    function _retire(Area storage data, bytes calldata operations, Section memory section) private {
        uint96 supply = data.energySupplyWh;
        for (uint256 line = 0; line < section.lines; ++line) {
            uint256 word = _word(operations, section.start + line * 12);
            uint64 energyWh = uint64(word >> 160);
            _take(data, section.index, line, uint32(word >> 224), Balances.ofEnergy(energyWh));
            supply -= energyWh;
        }
        data.energySupplyWh = supply;
    }

    function _transfer(Area storage data, bytes calldata operations, Section memory section) private {
        for (uint256 line = 0; line < section.lines; ++line) {
            uint256 word = _word(operations, section.start + line * 17);
            uint8 asset = uint8(word >> 184);
            if (asset > 1) revert UnknownAsset(section.index, line, asset);
            uint64 units = uint64(word >> 120);
            uint256 change = asset == 0 ? Balances.ofEnergy(units) : units;
            _take(data, section.index, line, uint32(word >> 224), change);
            _give(data, section.index, line, uint32(word >> 192), change);
        }
    }

    /// @dev What a claims root may pay leaves the payer's account now, so that the promise is funded.
    function _openClaims(Area storage data, bytes calldata operations, Section memory section) private {
        for (uint256 line = 0; line < section.lines; ++line) {
            uint256 place = section.start + line * 60;
            uint256 word = _word(operations, place);
            bytes32 root = bytes32(_word(operations, place + 28));
            if (data.claims[root].payer != 0) revert ClaimsExist(section.index, line, root);
            uint32 payer = uint32(word >> 224);
            uint64 energyWh = uint64(word >> 160);
            uint64 moneyUnits = uint64(word >> 96);
            data.claims[root] = ClaimsState(payer, energyWh, moneyUnits, uint64(word >> 32));
            _take(data, section.index, line, payer, Balances.ofEnergy(energyWh) | moneyUnits);
        }
    }

    /// @dev Say by how much a sum of changes is not zero.
    function _refuseSum(uint256 section, uint256 sum) internal pure {
        (int256 energyWh, int256 moneyUnits) = Balances.parts(sum);
        revert NotZeroSum(section, energyWh, moneyUnits);
    }

    function _refuseOrder(Section memory section, uint256 position, uint256 account) private pure {
        revert NotIncreasing(section.index, _lineNumber(section, position), uint32(account));
    }

    /// @dev Which line of a NET section begins at a position.
    function _lineNumber(Section memory section, uint256 position) private pure returns (uint256) {
        return (position - section.start) / NET_LINE_BYTES;
    }

    /// @dev How long a line of this kind is, and which roles may ask for it.
    function _kindOf(uint256 section, uint256 kind) private pure returns (uint256 lineBytes, uint256 roles) {
        if (kind == NET) return (NET_LINE_BYTES, SETTLER);
        if (kind == ISSUE || kind == RETIRE) return (12, ISSUER);
        if (kind == TRANSFER) return (17, SETTLER);
        if (kind == ANCHOR) return (32, SETTLER | ISSUER);
        if (kind == CLAIMS) return (60, SETTLER);
        revert UnknownKind(section, uint8(kind));
    }

    /// @dev 32 bytes of calldata from a position; zeros past the end of calldata.
    function _word(bytes calldata source, uint256 position) internal pure returns (uint256 word) {
        assembly ("memory-safe") {
            word := calldataload(add(source.offset, position))
        }
    }

    /// @dev Where the pairs of an area begin.  An account below 2^32 gives an index below 2^31, inside them.
    function _slotOfPairs(Area storage data) private view returns (uint256 slot) {
        uint256[1 << 31] storage pairs = data.pairs;
        assembly ("memory-safe") {
            slot := pairs.slot
        }
    }

    function _load(uint256 slot) private view returns (uint256 word) {
        assembly ("memory-safe") {
            word := sload(slot)
        }
    }

    function _store(uint256 slot, uint256 word) private {
        assembly ("memory-safe") {
            sstore(slot, word)
        }
    }
}
