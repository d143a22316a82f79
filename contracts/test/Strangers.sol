// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ISaumaLedger} from "../ISaumaLedger.sol";
import {TestMoney} from "./TestMoney.sol";

/// @title A token that keeps one unit in a hundred of each transfer
contract FeeMoney is TestMoney {
    function _update(address from, address to, uint256 units) internal override {
        uint256 fee = from == address(0) || to == address(0) ? 0 : units / 100;
        super._update(from, to, units - fee);
        if (fee != 0) super._update(from, address(0xfee), fee);
    }
}

/// @title A token that says it moved money and did not
contract LyingMoney is TestMoney {
    function transferFrom(address, address, uint256) public pure override returns (bool) {
        return true;
    }
}

/// @title A token that calls the ledger again while it is asked to move money
contract CallingMoney is TestMoney {
    address private target;
    bytes private call;
    bool public refused;

    function arm(address target_, bytes calldata call_) external {
        (target, call) = (target_, call_);
    }

    function _update(address from, address to, uint256 units) internal override {
        if (target != address(0)) {
            (address called, bytes memory data) = (target, call);
            target = address(0);
            (bool done,) = called.call(data);
            refused = !done;
        }
        super._update(from, to, units);
    }
}

/// @title A wallet that signs what it was told to (EIP-1271), or answers badly
contract Wallet {
    enum Answer {
        Right,
        Wrong,
        Short,
        Empty,
        Reverting,
        Changing
    }

    bytes32 private digest;
    Answer private answer;
    uint256 private asked;

    function approve(bytes32 digest_, Answer answer_) external {
        (digest, answer) = (digest_, answer_);
    }

    function isValidSignature(bytes32 asked_, bytes calldata) external returns (bytes4) {
        if (answer == Answer.Reverting) revert();
        if (answer == Answer.Empty) {
            assembly ("memory-safe") {
                return(0, 0)
            }
        }
        if (answer == Answer.Short) {
            assembly ("memory-safe") {
                mstore(0, 0x1626ba7e00000000000000000000000000000000000000000000000000000000)
                return(0, 4)
            }
        }
        if (answer == Answer.Changing) ++asked;
        bool right = asked_ == digest && answer != Answer.Wrong;
        return right ? this.isValidSignature.selector : bytes4(0xffffffff);
    }

    function cancel(ISaumaLedger ledger, uint32 area, uint32 account) external {
        ledger.cancelNonces(area, account, 0, type(uint256).max);
    }
}
