// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AreaStorage} from "./AreaStorage.sol";

/// @title Areas and who may do what in them
/// @notice Every role changes hands in two steps, so that it cannot be given to an address nobody holds.
abstract contract Roles is AreaStorage {
    function openArea(address settler, address issuer) external returns (uint32 area) {
        area = ++_areaCount;
        Area storage data = _areas[area];
        data.owner = msg.sender;
        emit AreaOpened(area, msg.sender);
        if (settler == msg.sender) _setSettler(area, settler);
        else _proposeSettler(area, settler);
        if (issuer == msg.sender) _setIssuer(area, issuer);
        else _proposeIssuer(area, issuer);
    }

    function proposeOwner(uint32 area, address proposed) external onlyOwner(area) {
        _areas[area].pendingOwner = proposed;
        emit OwnerProposed(area, proposed);
    }

    function proposeSettler(uint32 area, address proposed) external onlyOwner(area) {
        _proposeSettler(area, proposed);
    }

    function proposeIssuer(uint32 area, address proposed) external onlyOwner(area) {
        _proposeIssuer(area, proposed);
    }

    function acceptOwner(uint32 area) external {
        Area storage data = _areas[area];
        if (msg.sender != data.pendingOwner) revert NotProposed(area, msg.sender);
        data.pendingOwner = address(0);
        data.owner = msg.sender;
        emit OwnerChanged(area, msg.sender);
    }

    function acceptSettler(uint32 area) external {
        if (msg.sender != _areas[area].pendingSettler) revert NotProposed(area, msg.sender);
        _areas[area].pendingSettler = address(0);
        _setSettler(area, msg.sender);
    }

    function acceptIssuer(uint32 area) external {
        if (msg.sender != _areas[area].pendingIssuer) revert NotProposed(area, msg.sender);
        _areas[area].pendingIssuer = address(0);
        _setIssuer(area, msg.sender);
    }

    function setPaused(uint32 area, bool paused) external onlyOwner(area) {
        _areas[area].paused = paused;
        emit PauseChanged(area, paused);
    }

    function _proposeSettler(uint32 area, address proposed) private {
        _areas[area].pendingSettler = proposed;
        emit SettlerProposed(area, proposed);
    }

    function _proposeIssuer(uint32 area, address proposed) private {
        _areas[area].pendingIssuer = proposed;
        emit IssuerProposed(area, proposed);
    }

    function _setSettler(uint32 area, address settler) private {
        _areas[area].settler = settler;
        emit SettlerChanged(area, settler);
    }

    function _setIssuer(uint32 area, address issuer) private {
        _areas[area].issuer = issuer;
        emit IssuerChanged(area, issuer);
    }
}
