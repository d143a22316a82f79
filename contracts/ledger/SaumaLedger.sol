// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

import {Balances} from "./Balances.sol";
import {Claims} from "./Claims.sol";
import {Custody} from "./Custody.sol";
import {Escrowed} from "./Escrowed.sol";
import {Roles} from "./Roles.sol";
import {SignedTrades} from "./SignedTrades.sol";

/// @title The settlement ledger of sauma
/// @notice See ISaumaLedger for what it promises.  No proxy, no owner of the whole, no way to change the code: a
/// new version is a new deployment, to which users move by withdrawing.
contract SaumaLedger is Roles, Claims, Escrowed, SignedTrades {
    /// @param money The ERC-20 that money is kept in; it must transfer exact amounts.
    /// @param delaySeconds Between a withdrawal's request and its payment: 10 minutes to 30 days.
    /// @param escrow The contract that may lock and unlock; it may be created afterwards, its address is known.
    constructor(IERC20 money, uint64 delaySeconds, address escrow)
        Custody(money, delaySeconds)
        Escrowed(escrow)
    {}

    function areaCount() external view returns (uint32) {
        return _areaCount;
    }

    function areaState(uint32 area) external view returns (AreaState memory state) {
        Area storage data = _areas[area];
        state.owner = data.owner;
        state.settler = data.settler;
        state.issuer = data.issuer;
        state.pendingOwner = data.pendingOwner;
        state.pendingSettler = data.pendingSettler;
        state.pendingIssuer = data.pendingIssuer;
        state.paused = data.paused;
        state.sequence = uint32(uint256(data.head));
        state.nettedAccounts = data.nettedAccounts;
        state.signedAccounts = data.signedAccounts;
        state.energySupplyWh = data.energySupplyWh;
        state.head = data.head;
    }

    function headOf(uint32 area) external view returns (uint64 sequence, bytes32 head) {
        head = _areas[area].head;
        sequence = uint32(uint256(head));
    }

    function isPaused(uint32 area) external view returns (bool) {
        return _areas[area].paused;
    }

    function numbersOf(uint32 area, address[] calldata owners)
        external
        view
        returns (uint32[] memory accounts)
    {
        accounts = new uint32[](owners.length);
        for (uint256 i = 0; i < owners.length; ++i) {
            Accounts storage known = _areas[area].accounts[owners[i]];
            accounts[i] = known.netted != 0 ? known.netted : known.signed;
        }
    }

    function lockedOf(uint32 area) external view returns (uint128 energyWh, uint128 moneyUnits) {
        uint256 locked = _areas[area].locked;
        return (uint128(locked >> 128), uint128(locked));
    }

    function deferredOf(uint32 area, uint32 account)
        external
        view
        returns (uint128 energyWh, uint128 moneyUnits)
    {
        uint256 change = _areas[area].deferred[account];
        return (uint128(change >> 128), uint128(change));
    }

    function accountsOf(uint32 area, address owner) external view returns (uint32 netted, uint32 signed) {
        Accounts storage known = _areas[area].accounts[owner];
        return (known.netted, known.signed);
    }

    function ownerOf(uint32 area, uint32 account) external view returns (address) {
        return _areas[area].owners[account];
    }

    function balanceOf(uint32 area, uint32 account)
        external
        view
        returns (uint64 energyWh, uint64 moneyUnits)
    {
        return Balances.read(_areas[area].pairs[account >> 1], account);
    }

    function balancesOf(uint32 area, uint32[] calldata accounts)
        external
        view
        returns (uint64[] memory energyWh, uint64[] memory moneyUnits)
    {
        energyWh = new uint64[](accounts.length);
        moneyUnits = new uint64[](accounts.length);
        for (uint256 i = 0; i < accounts.length; ++i) {
            (energyWh[i], moneyUnits[i]) = Balances.read(_areas[area].pairs[accounts[i] >> 1], accounts[i]);
        }
    }

    function withdrawalOf(uint32 area, uint32 account)
        external
        view
        returns (uint64 moneyUnits, uint64 readyAt)
    {
        Withdrawal storage requested = _areas[area].withdrawals[account];
        return (requested.moneyUnits, requested.readyAt);
    }

    function settledAs(uint32 area, bytes32 batchReference) external view returns (uint64) {
        return uint64(_areas[area].settled[batchReference]);
    }

    function nonceWord(uint32 area, uint32 account, uint64 word) external view returns (uint256) {
        return _areas[area].nonces[account][word];
    }

    function claimsOf(uint32 area, bytes32 root) external view returns (ClaimsState memory) {
        return _areas[area].claims[root];
    }

    function isClaimed(uint32 area, bytes32 root, uint32 index) external view returns (bool) {
        return _areas[area].claimed[root][index >> 8] & (1 << (index & 0xff)) != 0;
    }
}
