// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {MerkleProof} from "@openzeppelin/contracts/utils/cryptography/MerkleProof.sol";

import {Balances} from "./Balances.sol";
import {Movements} from "./Movements.sol";

/// @title Payments that a root promises and each account collects
/// @notice A root is funded when it is opened (section CLAIMS), so a claim can fail only for want of a proof.
/// Not stopped by a pause.
abstract contract Claims is Movements {
    function claim(
        uint32 area,
        bytes32 root,
        uint32 index,
        uint32 account,
        uint64 energyWh,
        uint64 moneyUnits,
        bytes32[] calldata proof
    ) external {
        Area storage data = _areas[area];
        ClaimsState memory state = data.claims[root];
        if (state.payer == 0) revert UnknownClaims(area, root);
        if (block.timestamp > state.deadline) revert ClaimsEnded(state.deadline);
        uint256 bit = 1 << (index & 0xff);
        uint256 used = data.claimed[root][index >> 8];
        if (used & bit != 0) revert ClaimUsed(index);
        // Hashed twice, a leaf cannot be mistaken for an inner node.
        bytes32 leaf = keccak256(bytes.concat(keccak256(abi.encode(index, account, energyWh, moneyUnits))));
        if (!MerkleProof.verifyCalldata(proof, root, leaf)) revert ClaimInvalid(index);
        if (energyWh > state.energyWh || moneyUnits > state.moneyUnits) {
            revert ClaimExceedsRoot(index);
        }

        data.claimed[root][index >> 8] = used | bit;
        state.energyWh -= energyWh;
        state.moneyUnits -= moneyUnits;
        data.claims[root] = state;
        _give(data, 0, 0, account, Balances.ofEnergy(energyWh) | moneyUnits);
        emit Claimed(area, root, index, account, energyWh, moneyUnits);
    }

    function closeClaims(uint32 area, bytes32 root) external {
        Area storage data = _areas[area];
        ClaimsState storage state = data.claims[root];
        (uint32 payer, uint64 energyWh, uint64 moneyUnits) = (state.payer, state.energyWh, state.moneyUnits);
        if (payer == 0 || (energyWh == 0 && moneyUnits == 0)) revert UnknownClaims(area, root);
        if (block.timestamp <= state.deadline) revert ClaimsRunning(state.deadline);

        // The payer stays on record, so that a root is never opened twice.
        state.energyWh = 0;
        state.moneyUnits = 0;
        _give(data, 0, 0, payer, Balances.ofEnergy(energyWh) | moneyUnits);
        emit ClaimsClosed(area, root, payer, energyWh, moneyUnits);
    }
}
