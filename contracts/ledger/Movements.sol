// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AreaStorage} from "./AreaStorage.sol";
import {Balances} from "./Balances.sol";

/// @title Movements of single accounts
/// @notice `section` and `line` say in the error who the culprit was.  The caller owes the other half of the
/// movement: another account, the supply, the token or a claims root.
abstract contract Movements is AreaStorage {
    /// @dev Give to any registered account.
    function _give(Area storage data, uint256 section, uint256 line, uint32 account, uint256 change)
        internal
    {
        if (!_isRegistered(data, account)) revert UnknownAccount(section, line, account);
        _move(data, section, line, account, change);
    }

    /// @dev Take from a netted account: what is in a signed account moves by its owner's signature only.
    function _take(Area storage data, uint256 section, uint256 line, uint32 account, uint256 change)
        internal
    {
        if (account == 0 || account > data.nettedAccounts) {
            _refuseSender(section, line, account);
        }
        _move(data, section, line, account, Balances.negative(change));
    }

    /// @dev Change an account; the caller has checked that it exists and may be changed so.
    function _move(Area storage data, uint256 section, uint256 line, uint32 account, uint256 change)
        internal
    {
        uint256 pair = data.pairs[account >> 1];
        uint256 shift = Balances.shiftOf(account);
        if (!Balances.fits(pair, shift, change)) {
            _refuseChange(section, line, account, pair, change);
        }
        data.pairs[account >> 1] = Balances.moved(pair, shift, change);
    }

    /// @dev Say why a change does not fit its account.
    function _refuseChange(uint256 section, uint256 line, uint32 account, uint256 pair, uint256 change)
        internal
        pure
    {
        (uint64 energyWh, uint64 moneyUnits) = Balances.read(pair, account);
        (int256 energyChange, int256 moneyChange) = Balances.parts(change);
        if (int256(uint256(energyWh)) + energyChange < 0) {
            revert InsufficientEnergy(section, line, account);
        }
        if (int256(uint256(moneyUnits)) + moneyChange < 0) {
            revert InsufficientMoney(section, line, account);
        }
        revert BalanceOverflow(section, line, account);
    }

    /// @dev Say why an account is no netted account.
    function _refuseSender(uint256 section, uint256 line, uint32 account) internal pure {
        if (account > FIRST_SIGNED) revert SignedAccount(section, line, account);
        revert UnknownAccount(section, line, account);
    }
}
