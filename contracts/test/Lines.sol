// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title The batch format, written for tests
library Lines {
    uint8 internal constant ISSUE = 1;
    uint8 internal constant TRANSFER = 2;
    uint8 internal constant NET = 3;
    uint8 internal constant RETIRE = 4;
    uint8 internal constant ANCHOR = 5;
    uint8 internal constant CLAIMS = 6;

    /// @dev The header of a section.
    function header(uint8 kind, uint256 count) internal pure returns (bytes memory) {
        return abi.encodePacked(kind, uint24(count));
    }

    function issue(uint32 account, uint64 energyWh) internal pure returns (bytes memory) {
        return abi.encodePacked(header(ISSUE, 1), account, energyWh);
    }

    function retire(uint32 account, uint64 energyWh) internal pure returns (bytes memory) {
        return abi.encodePacked(header(RETIRE, 1), account, energyWh);
    }

    function transfer(uint32 from, uint32 to, uint8 asset, uint64 units)
        internal
        pure
        returns (bytes memory)
    {
        return abi.encodePacked(header(TRANSFER, 1), from, to, asset, units);
    }

    function anchor(bytes32 root) internal pure returns (bytes memory) {
        return abi.encodePacked(header(ANCHOR, 1), root);
    }

    function claims(uint32 payer, uint64 energyWh, uint64 moneyUnits, uint64 deadline, bytes32 root)
        internal
        pure
        returns (bytes memory)
    {
        return abi.encodePacked(header(CLAIMS, 1), payer, energyWh, moneyUnits, deadline, root);
    }

    /// @dev A line of a NET section, without header.
    function net(uint32 account, int256 energyWh, int256 moneyUnits) internal pure returns (bytes memory) {
        return abi.encodePacked(account, signMagnitude(energyWh), signMagnitude(moneyUnits));
    }

    function signMagnitude(int256 number) internal pure returns (uint64) {
        return number < 0 ? uint64(uint256(-number)) | 1 << 63 : uint64(uint256(number));
    }
}
