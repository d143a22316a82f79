// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";

import {Balances} from "./Balances.sol";
import {Movements} from "./Movements.sol";

/// @title Accounts, and money on its way in and out
/// @notice The token's balance of this contract is never below the sum of all accounts and claims.
abstract contract Custody is Movements, ReentrancyGuardTransient {
    using SafeERC20 for IERC20;

    uint64 internal constant DELAY_SECONDS_MIN = 10 minutes;
    uint64 internal constant DELAY_SECONDS_MAX = 30 days;

    IERC20 private immutable _money;
    uint64 public immutable WITHDRAWAL_DELAY;

    constructor(IERC20 money, uint64 delaySeconds) {
        if (address(money) == address(0)) revert ZeroAddress();
        if (delaySeconds < DELAY_SECONDS_MIN || delaySeconds > DELAY_SECONDS_MAX) {
            revert DelayOutOfBounds(delaySeconds);
        }
        _money = money;
        WITHDRAWAL_DELAY = delaySeconds;
    }

    function MONEY() external view returns (address) {
        return address(_money);
    }

    function register(uint32 area, address owner, bool signed) external returns (uint32 account) {
        Area storage data = _running(area);
        if (data.owner == address(0)) revert UnknownArea(area);
        if (msg.sender != owner && msg.sender != data.settler) {
            revert NotAllowed(area, msg.sender, 0);
        }
        Accounts storage known = data.accounts[owner];
        account = signed ? known.signed : known.netted;
        if (account != 0) revert AlreadyRegistered(area, owner, account);
        if (signed) account = known.signed = _registerSigned(area, data, owner);
        else account = known.netted = _registerNetted(area, data, owner);
    }

    function registerMany(uint32 area, address[] calldata owners) external {
        Area storage data = _running(area);
        if (msg.sender != data.settler) revert NotAllowed(area, msg.sender, 0);
        for (uint256 i = 0; i < owners.length; ++i) {
            address owner = owners[i];
            if (data.accounts[owner].netted == 0) {
                data.accounts[owner].netted = _registerNetted(area, data, owner);
            }
        }
    }

    /// @dev The account is credited before the token is asked, and the whole call is undone unless exactly as
    /// much arrived: a token that takes a fee, or lies, is refused.
    function deposit(uint32 area, uint32 account, uint64 moneyUnits) external nonReentrant {
        Area storage data = _running(area);
        if (moneyUnits == 0) revert ZeroUnits();
        _give(data, 0, 0, account, moneyUnits);
        emit Deposited(area, account, moneyUnits);

        uint256 unitsBefore = _money.balanceOf(address(this));
        _money.safeTransferFrom(msg.sender, address(this), moneyUnits);
        uint256 received = _money.balanceOf(address(this)) - unitsBefore;
        if (received != moneyUnits) revert TokenNotExact(moneyUnits, received);
    }

    function requestWithdrawal(uint32 area, uint32 account, uint64 moneyUnits)
        external
        onlyAccountOwner(area, account)
        returns (uint64 readyAt)
    {
        readyAt = moneyUnits == 0 ? 0 : uint64(block.timestamp) + WITHDRAWAL_DELAY;
        _areas[area].withdrawals[account] = Withdrawal(moneyUnits, readyAt);
        emit WithdrawalRequested(area, account, moneyUnits, readyAt);
    }

    function withdraw(uint32 area, uint32 account, address to)
        external
        onlyAccountOwner(area, account)
        nonReentrant
        returns (uint64 moneyUnits)
    {
        if (to == address(0)) revert ZeroAddress();
        Area storage data = _areas[area];
        Withdrawal memory requested = data.withdrawals[account];
        if (requested.moneyUnits == 0) revert NothingRequested(area, account);
        if (block.timestamp < requested.readyAt) revert TooEarly(requested.readyAt);

        (, uint64 held) = Balances.read(data.pairs[account >> 1], account);
        moneyUnits = held < requested.moneyUnits ? held : requested.moneyUnits;
        delete data.withdrawals[account];
        _move(data, 0, 0, account, Balances.negative(moneyUnits));
        emit Withdrawn(area, account, to, moneyUnits);

        _money.safeTransfer(to, moneyUnits);
    }

    /// @dev The next netted account.  Whoever asks notes it as the owner's, if it is to be found by the owner.
    function _registerNetted(uint32 area, Area storage data, address owner) internal returns (uint32 account) {
        account = data.nettedAccounts + 1;
        if (account >= FIRST_SIGNED) revert AreaFull(area);
        data.nettedAccounts = account;
        _own(area, data, account, owner);
    }

    function _registerSigned(uint32 area, Area storage data, address owner) private returns (uint32 account) {
        uint32 number = data.signedAccounts + 1;
        if (number >= FIRST_SIGNED) revert AreaFull(area);
        data.signedAccounts = number;
        account = FIRST_SIGNED + number;
        _own(area, data, account, owner);
    }

    function _own(uint32 area, Area storage data, uint32 account, address owner) private {
        if (owner == address(0)) revert ZeroAddress();
        data.owners[account] = owner;
        emit AccountRegistered(area, account, owner);
    }
}
