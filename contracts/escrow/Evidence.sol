// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {MessageHashUtils} from "@openzeppelin/contracts/utils/cryptography/MessageHashUtils.sol";

import {Signatures} from "../ledger/Signatures.sol";
import {EscrowStorage} from "./EscrowStorage.sol";

/// @title What was signed, and by whom (P4, P5)
/// @notice Each kind has a type hash of its own, so that none can pass for another; the domain binds chain, contract
/// and area; the session id binds the terms.  The domain is computed at each use, so it follows a chain that splits.
abstract contract Evidence is EscrowStorage {
    bytes32 private constant DOMAIN_TYPEHASH = keccak256(
        "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract,bytes32 salt)"
    );
    bytes32 private constant NAME_HASH = keccak256("SaumaEscrow");
    bytes32 private constant VERSION_HASH = keccak256("1");

    bytes32 private constant AUTHORISATION_TYPEHASH =
        keccak256("Authorisation(bytes32 sessionId,uint64 heldUnits,uint64 validUntil)");
    bytes32 private constant READY_TYPEHASH = keccak256("Ready(bytes32 sessionId,uint64 time)");
    bytes32 private constant READING_TYPEHASH =
        keccak256("Reading(bytes32 sessionId,uint64 sequence,uint64 registerWh,uint64 time,uint8 status)");
    bytes32 private constant RECEIPT_TYPEHASH =
        keccak256("Receipt(bytes32 sessionId,uint64 sequence,uint64 registerWh,uint64 amountUnits)");
    bytes32 private constant CLOSE_TYPEHASH =
        keccak256("Close(bytes32 sessionId,uint64 sequence,uint64 amountUnits)");
    bytes32 private constant CANCEL_TYPEHASH = keccak256("Cancel(bytes32 sessionId)");
    bytes32 private constant RULING_TYPEHASH = keccak256("Ruling(bytes32 sessionId,uint64 amountUnits)");
    bytes32 private constant ALLOWANCE_TYPEHASH =
        keccak256("Allowance(bytes32 allowanceId,uint64 capUnits,uint64 sessionUnitsMax,uint64 until)");

    uint256 private constant TERMS_BYTES = 22 * 32;
    uint256 private constant STATEMENTS_MAX = 4;

    function domainOf(uint32 area) public view returns (bytes32) {
        return keccak256(
            abi.encode(
                DOMAIN_TYPEHASH, NAME_HASH, VERSION_HASH, block.chainid, address(this), bytes32(uint256(area))
            )
        );
    }

    /// @dev SHA-256 of the words, as of a session's terms.
    function allowanceIdOf(Allowance calldata allowance) public pure returns (bytes32) {
        return sha256(abi.encode(allowance));
    }

    /// @dev The terms in memory, word by word, so that their hash is that of the words given.  A word with more bits than
    /// its field has would hash to another id and mean the same: it is refused.
    function _copy(Terms calldata given) internal pure returns (Terms memory terms) {
        assembly ("memory-safe") {
            calldatacopy(terms, given, TERMS_BYTES)
        }
        uint256 addresses = 0;
        uint256 numbers = 0;
        assembly ("memory-safe") {
            // Words 1 to 5 are addresses, 7 to 18 numbers of 64 bits.
            for { let i := 32 } lt(i, 192) { i := add(i, 32) } { addresses := or(addresses, mload(add(terms, i))) }
            for { let i := 224 } lt(i, 608) { i := add(i, 32) } { numbers := or(numbers, mload(add(terms, i))) }
        }
        if (addresses >> 160 != 0 || numbers >> 64 != 0) _refuse(WrongTerms.selector, 0, 1);
    }

    /// @dev SHA-256 of the terms' 22 words, which lie in memory as the ABI would encode them.
    function _idOf(Terms memory terms) internal view returns (bytes32 id) {
        bool done;
        assembly ("memory-safe") {
            done := staticcall(gas(), 2, terms, TERMS_BYTES, 0, 32)
            id := mload(0)
        }
        if (!done) revert();
    }

    /// @dev What the parties of a session said in a step: the numbers of the first statement of each kind and signer.
    struct Said {
        bool cap;
        bool ready;
        bool reading;
        bool receipt;
        bool closeByPayer;
        bool closeByPayee;
        bool cancelByPayer;
        bool cancelByPayee;
        bool ruling;
        uint256[4] capNumbers;
        uint256[4] readingNumbers;
        uint256[4] receiptNumbers;
        uint256[4] payerNumbers;
        uint256[4] payeeNumbers;
        uint256 ruledUnits;
    }

    /// @dev Every statement was signed by whom it names; one without a signature by the caller.  What somebody says who
    /// is not asked counts for nothing.
    function _hear(Terms memory terms, bytes32 id, Statement[] calldata evidence)
        internal
        view
        returns (Said memory said)
    {
        if (evidence.length > STATEMENTS_MAX) _refuse(Malformed.selector, 0, evidence.length);
        // From the last to the first, so that the first counts.
        for (uint256 left = evidence.length; left != 0; --left) {
            uint256 i = left - 1;
            Statement calldata given = evidence[i];
            address signer = given.signer;
            Kind kind = given.kind;
            uint256[4] memory n = given.numbers;
            bool fits = given.signature.length == 0
                ? signer == msg.sender
                : Signatures.isBy(signer, _digest(terms.domain, _message(id, kind, n)), given.signature);
            if (!fits) _refuse(SignatureInvalid.selector, 0, i);
            _note(terms, said, kind, signer, n);
        }
    }

    function _note(Terms memory terms, Said memory said, Kind kind, address signer, uint256[4] memory n)
        private
        pure
    {
        if (signer == terms.payer) {
            if (kind == Kind.AUTHORISATION) (said.cap, said.capNumbers) = (true, n);
            else if (kind == Kind.RECEIPT) (said.receipt, said.receiptNumbers) = (true, n);
            else if (kind == Kind.CLOSE) (said.closeByPayer, said.payerNumbers) = (true, n);
            else if (kind == Kind.CANCEL) said.cancelByPayer = true;
        }
        if (signer == terms.payee) {
            if (kind == Kind.READY) said.ready = true;
            else if (kind == Kind.CLOSE) (said.closeByPayee, said.payeeNumbers) = (true, n);
            else if (kind == Kind.CANCEL) said.cancelByPayee = true;
        }
        if (signer == terms.meter && kind == Kind.READING) (said.reading, said.readingNumbers) = (true, n);
        if (signer == terms.arbiter && kind == Kind.RULING) (said.ruling, said.ruledUnits) = (true, n[0]);
    }

    /// @dev One close that both signed.
    function _agreed(Said memory said) internal pure returns (bool) {
        return said.closeByPayer && said.closeByPayee && said.payerNumbers[0] == said.payeeNumbers[0]
            && said.payerNumbers[1] == said.payeeNumbers[1];
    }

    function _digest(bytes32 domain, bytes32 message) internal pure returns (bytes32) {
        return MessageHashUtils.toTypedDataHash(domain, message);
    }

    function _allowance(bytes32 id, uint256 cap, uint256 limit, uint256 until) internal pure returns (bytes32) {
        return keccak256(abi.encode(ALLOWANCE_TYPEHASH, id, cap, limit, until));
    }

    function _authorisation(bytes32 id, uint256 heldUnits, uint256 validUntil) internal pure returns (bytes32) {
        return keccak256(abi.encode(AUTHORISATION_TYPEHASH, id, heldUnits, validUntil));
    }

    function _reading(bytes32 id, uint256 sequence, uint256 registerWh, uint256 time, uint256 status)
        internal
        pure
        returns (bytes32)
    {
        return keccak256(abi.encode(READING_TYPEHASH, id, sequence, registerWh, time, status));
    }

    function _receipt(bytes32 id, uint256 sequence, uint256 registerWh, uint256 amountUnits)
        internal
        pure
        returns (bytes32)
    {
        return keccak256(abi.encode(RECEIPT_TYPEHASH, id, sequence, registerWh, amountUnits));
    }

    function _close(bytes32 id, uint256 sequence, uint256 amountUnits) internal pure returns (bytes32) {
        return keccak256(abi.encode(CLOSE_TYPEHASH, id, sequence, amountUnits));
    }

    /// @dev The hash of a statement's struct.  A number above its field hashes to what no honest signer signs.
    function _message(bytes32 id, Kind kind, uint256[4] memory n) private pure returns (bytes32) {
        if (kind == Kind.AUTHORISATION) return _authorisation(id, n[0], n[1]);
        if (kind == Kind.READING) return _reading(id, n[0], n[1], n[2], n[3]);
        if (kind == Kind.RECEIPT) return _receipt(id, n[0], n[1], n[2]);
        if (kind == Kind.CLOSE) return _close(id, n[0], n[1]);
        if (kind == Kind.READY) return keccak256(abi.encode(READY_TYPEHASH, id, n[0]));
        if (kind == Kind.RULING) return keccak256(abi.encode(RULING_TYPEHASH, id, n[0]));
        if (kind == Kind.CANCEL) return keccak256(abi.encode(CANCEL_TYPEHASH, id));
        _refuse(MissingEvidence.selector, 0, uint256(kind));
    }
}
