// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Signatures} from "../ledger/Signatures.sol";
import {Evidence} from "./Evidence.sol";
import {Records} from "./Records.sol";

/// @title Standing authorisations: locked once, netted from as often as it takes
/// @notice An allowance is a netted account that the settler nets as any other, in the interval's own batch: what it
/// spends cannot be more than what lies in it, and a micro-session needs no slot and no call of its own.
abstract contract Allowances is Evidence {
    function openAllowance(uint32 area, Allowance calldata allowance, bytes calldata signature)
        external
        nonReentrant
        returns (uint32 account)
    {
        _requireRunning(area);
        bytes32 id = allowanceIdOf(area, allowance);
        if (_allowances[id] != 0) _refuse(IdUsed.selector, 0, uint256(id));
        if (block.timestamp > allowance.until) _refuse(AuthorisationExpired.selector, 0, allowance.until);
        if (allowance.capUnits == 0 || allowance.capUnits >= Records.UNITS_END) {
            _refuse(OutOfRange.selector, 0, allowance.capUnits);
        }
        if (msg.sender != allowance.payer && !Signatures.isBy(allowance.payer, id, signature)) {
            _refuse(SignatureInvalid.selector, 0, 0);
        }
        address[] memory payers = new address[](1);
        payers[0] = allowance.payer;
        uint32 payer = _ledger.numbersOf(area, payers)[0];
        if (payer == 0) _refuse(UnknownParty.selector, 0, uint160(allowance.payer));

        // The ledger is trusted and calls nobody; the guard stands against everybody else.
        account = _ledger.openAllowanceAccount(area);
        _allowances[id] = _packed(account, payer, allowance.until);
        _allowanceAccounts[area].push(account);
        emit AllowanceOpened(area, id, account, payer, allowance.capUnits, allowance.until);
        bytes memory lines = _lines(1);
        _addLine(lines, payer, false, allowance.capUnits);
        _ledger.moveLocked(area, 0, 0, true, lines);
        lines = _lines(1);
        _addLine(lines, account, false, allowance.capUnits);
        _ledger.moveLocked(area, 0, 0, false, lines);
    }

    /// @dev The delay is the ledger's, for the ledger's reason: what was netted before finds the money still there.
    function endAllowance(uint32 area, Allowance calldata allowance) external {
        if (msg.sender != allowance.payer) _refuse(WrongCaller.selector, 0, uint160(msg.sender));
        (bytes32 id, uint32 account, uint32 payer, uint64 until) = _known(area, allowance);
        uint64 soon = uint64(block.timestamp) + _ledger.WITHDRAWAL_DELAY();
        if (soon < until) until = soon;
        _allowances[id] = _packed(account, payer, until);
        emit AllowanceEnding(area, id, until);
    }

    /// @dev What is left goes back, energy that was netted to the account included (P7).
    function closeAllowance(uint32 area, Allowance calldata allowance) external nonReentrant {
        (bytes32 id, uint32 account, uint32 payer, uint64 until) = _known(area, allowance);
        if (block.timestamp <= until) revert AllowanceRunning(until);
        (uint64 energyWh, uint64 moneyUnits) = _ledger.balanceOf(area, account);
        emit AllowanceClosed(area, id, account, payer, energyWh, moneyUnits);
        bytes memory lines = _lines(2);
        _addLine(lines, account, true, energyWh);
        _addLine(lines, account, false, moneyUnits);
        _ledger.moveLocked(area, 0, 0, true, lines);
        lines = _lines(2);
        _addLine(lines, payer, true, energyWh);
        _addLine(lines, payer, false, moneyUnits);
        _ledger.moveLocked(area, 0, 0, false, lines);
    }

    function _known(uint32 area, Allowance calldata allowance)
        private
        view
        returns (bytes32 id, uint32 account, uint32 payer, uint64 until)
    {
        id = allowanceIdOf(area, allowance);
        uint256 word = _allowances[id];
        if (word == 0) revert UnknownAllowance(id);
        return (id, uint32(word), uint32(word >> 32), uint64(word >> 64));
    }

    function _packed(uint32 account, uint32 payer, uint64 until) private pure returns (uint256) {
        return uint256(account) | uint256(payer) << 32 | uint256(until) << 64;
    }
}
