// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ISaumaEscrow} from "../ISaumaEscrow.sol";

/// @dev A session while a step works on it: what its record and evidence hold, unpacked.
struct Session {
    bytes32 id;
    ISaumaEscrow.State state;
    bool isReady;
    bool isExtended;
    bool isEnergy;
    bool hasEvidence;
    bool hadEvidence;
    uint256 units;
    uint256 payer;
    uint256 payee;
    uint256 operator;
    uint256 time;
    uint256 startWh;
    uint256 sequence;
    uint256 registerWh;
    uint256 amount;
    uint256 acknowledged;
}

/// @title A session in one slot, and in a second one while there is evidence
/// @notice The layout is ISaumaEscrow's.  Whoever stores has checked the bounds; a field never spills over.
library Records {
    uint256 internal constant UNITS_END = 1 << 63;
    uint256 internal constant SEQUENCE_END = 1 << 32;
    uint256 internal constant REGISTER_END = 1 << 40;

    uint256 private constant READY = 1 << 8;
    uint256 private constant EXTENDED = 1 << 9;
    uint256 private constant ENERGY = 1 << 10;
    uint256 private constant EVIDENCE = 1 << 11;

    function stateOf(uint256 record) internal pure returns (ISaumaEscrow.State) {
        return ISaumaEscrow.State(uint8(record));
    }

    function readRecord(Session memory session, uint256 record) internal pure {
        session.state = stateOf(record);
        session.isReady = record & READY != 0;
        session.isExtended = record & EXTENDED != 0;
        session.isEnergy = record & ENERGY != 0;
        session.hasEvidence = record & EVIDENCE != 0;
        session.units = uint64(record >> 16);
        session.payer = uint32(record >> 80);
        session.payee = uint32(record >> 112);
        session.operator = uint32(record >> 144);
        session.time = uint40(record >> 176);
        session.startWh = record >> 216;
        session.registerWh = session.startWh;
    }

    function readEvidence(Session memory session, uint256 evidence) internal pure {
        session.sequence = uint32(evidence);
        session.registerWh = uint40(evidence >> 32);
        session.amount = uint64(evidence >> 72);
        session.acknowledged = uint64(evidence >> 136);
    }

    function packedRecord(Session memory session) internal pure returns (uint256 word) {
        word = uint256(session.state) | session.units << 16 | session.payer << 80 | session.payee << 112
            | session.operator << 144 | session.time << 176 | session.startWh << 216;
        if (session.isReady) word |= READY;
        if (session.isExtended) word |= EXTENDED;
        if (session.isEnergy) word |= ENERGY;
        if (session.hasEvidence) word |= EVIDENCE;
    }

    function packedEvidence(Session memory session) internal pure returns (uint256) {
        return session.sequence | session.registerWh << 32 | session.amount << 72 | session.acknowledged << 136;
    }
}
