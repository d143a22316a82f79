// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ISaumaLedger} from "../ISaumaLedger.sol";
import {Allowances} from "./Allowances.sol";
import {Batches} from "./Batches.sol";
import {EscrowStorage} from "./EscrowStorage.sol";
import {Opening} from "./Opening.sol";

/// @title The metered escrow of sauma
/// @notice See ISaumaEscrow for what it promises.  No owner, no proxy, no token: it never has any money of its own,
/// and it can move none but what the ledger holds for it.
contract SaumaEscrow is Batches, Allowances {
    /// @param ledger The ledger, whose code names this contract's address as its escrow.
    /// @param energyAsset SHA-256 of the CAIP-19 name of the ledger's energy, as terms have it; likewise its money.
    constructor(ISaumaLedger ledger, bytes32 energyAsset, bytes32 moneyAsset)
        EscrowStorage(ledger)
        Opening(energyAsset, moneyAsset)
    {}

    function LEDGER() external view returns (address) {
        return address(_ledger);
    }

    function sessionIdOf(Terms calldata terms) external view returns (bytes32) {
        return _idOf(_copy(terms));
    }

    function sessionOf(bytes32 sessionId) external view returns (uint256 record, uint256 evidence) {
        return (_records[sessionId], _evidence[sessionId]);
    }

    function allowanceOf(bytes32 allowanceId)
        external
        view
        returns (bytes32 group, uint256 place, uint64 left)
    {
        (group, place) = (_groups[allowanceId], _allowances[allowanceId]);
        left = _left[group][uint32(place)];
    }
}
