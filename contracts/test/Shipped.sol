// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ISaumaEscrow} from "../ISaumaEscrow.sol";
import {ISaumaLedger} from "../ISaumaLedger.sol";
import {Foundry} from "./Foundry.sol";

/// @title The contracts as they are shipped
/// @notice Made from the artefacts' own bytes, so that what is attacked is what users deploy, and no test waits for
/// the compiler to optimise them.
abstract contract Shipped is Foundry {
    string private constant ARTIFACTS = "../adapters/ethereum/sauma_ethereum/artifacts/";

    function shippedLedger(address money, uint64 delay, address escrow) internal returns (ISaumaLedger) {
        return ISaumaLedger(create("SaumaLedger", abi.encode(money, delay, escrow)));
    }

    function shippedEscrow(ISaumaLedger ledger, bytes32 energy, bytes32 money) internal returns (ISaumaEscrow) {
        return ISaumaEscrow(create("SaumaEscrow", abi.encode(ledger, energy, money)));
    }

    function create(string memory name, bytes memory arguments) private returns (address made) {
        string memory artifact = vm.readFile(string.concat(ARTIFACTS, name, ".json"));
        bytes memory code = vm.parseBytes(string.concat("0x", vm.parseJsonString(artifact, ".bytecode")));
        code = bytes.concat(code, arguments);
        assembly ("memory-safe") {
            made := create(0, add(code, 32), mload(code))
        }
        isTrue(made != address(0), "the artefact cannot be deployed");
    }
}
