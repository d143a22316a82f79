// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title What is due: two divisions, both floors (P12)
/// @notice The payer never pays more than the cap, and the parts are the whole.  Callers keep prices, fees and units
/// below 2^63, energy below 2^40 and decimals at 18 or less, so that no product leaves 256 bits.
library Metering {
    uint256 private constant BASIS_POINTS = 10_000;

    /// @dev The energy that counts.  The register is never below its start (P8).
    function deliveredWh(uint256 startWh, uint256 registerWh, uint256 energyWhMax)
        internal
        pure
        returns (uint256 energyWh)
    {
        energyWh = registerWh - startWh;
        if (energyWh > energyWhMax) energyWh = energyWhMax;
    }

    /// @dev min(held, fixed fee + floor(Wh * price / 10^decimals)).
    function grossUnits(
        uint256 heldUnits,
        uint256 fixedFeeUnits,
        uint256 price,
        uint256 priceDecimals,
        uint256 energyWh
    ) internal pure returns (uint256 gross) {
        gross = fixedFeeUnits + energyWh * price / 10 ** priceDecimals;
        if (gross > heldUnits) gross = heldUnits;
    }

    /// @dev The operator's part of a gross amount; the payee has the rest.
    function feeUnits(uint256 gross, uint256 feeBps) internal pure returns (uint256) {
        return gross * feeBps / BASIS_POINTS;
    }

    /// @dev The operator's part of what is still to pay of a gross amount, of which a part was paid before: paying in
    /// two steps is paying in one.
    function feeDifference(uint256 paid, uint256 gross, uint256 feeBps) internal pure returns (uint256) {
        return feeUnits(gross, feeBps) - feeUnits(paid, feeBps);
    }
}
