// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {SignatureChecker} from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";

/// @title Whether somebody signed something (P5)
library Signatures {
    /// @dev A key's signature (65 bytes, or 64 as EIP-2098; low s only) or, failing that, a contract's word
    /// (EIP-1271: static call, answer of at least 32 bytes).
    function isBy(address signer, bytes32 digest, bytes calldata signature) internal view returns (bool) {
        address recovered = address(0);
        if (signature.length == 64) {
            (recovered,,) = ECDSA.tryRecover(digest, bytes32(signature[:32]), bytes32(signature[32:]));
        } else if (signature.length == 65) {
            (recovered,,) = ECDSA.tryRecoverCalldata(digest, signature);
        }
        if (recovered == signer) return recovered != address(0);
        return signer.code.length != 0 && SignatureChecker.isValidERC1271SignatureNow(signer, digest, signature);
    }
}
