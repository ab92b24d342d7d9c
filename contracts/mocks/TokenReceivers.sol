// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.34;

import {IERC721} from "@openzeppelin/contracts/interfaces/IERC721.sol";
import {IERC721Receiver} from "@openzeppelin/contracts/interfaces/IERC721Receiver.sol";

/// @title TokenReceiver: takes an ERC-721 token, or answers in one of the ways a sender has to refuse; or uses the call to act (attack 53). Tests only.
contract TokenReceiver is IERC721Receiver {
    enum Mood {
        Takes,
        AnswersElse,
        RevertsSilently,
        RevertsWithReason,
        RevertsWithError,
        Panics
    }

    error NoThanks(uint256 tokenId);

    event Received(address operator, address from, uint256 tokenId, bytes data, uint256 gasLeft);

    Mood public mood;
    address private _target;
    bytes private _call;
    /// Of the call made while receiving.
    bool public acted;
    bytes public answer;

    function setMood(Mood mood_) external {
        mood = mood_;
    }

    /// What to call while receiving.
    function setCall(address target, bytes calldata data) external {
        (_target, _call) = (target, data);
    }

    function onERC721Received(
        address operator,
        address from,
        uint256 tokenId,
        bytes calldata data
    ) external returns (bytes4) {
        if (mood == Mood.AnswersElse) return 0xdeadbeef;
        if (mood == Mood.RevertsSilently) {
            assembly {
                revert(0, 0)
            }
        }
        if (mood == Mood.RevertsWithReason) revert("no thanks");
        if (mood == Mood.RevertsWithError) revert NoThanks(tokenId);
        if (mood == Mood.Panics) assert(false);
        if (_target != address(0)) (acted, answer) = _target.call(_call);
        emit Received(operator, from, tokenId, data, gasleft());
        return IERC721Receiver.onERC721Received.selector;
    }

    function send(IERC721 token, address to, uint256 tokenId) external {
        token.safeTransferFrom(address(this), to, tokenId);
    }
}
