// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.34;

import {IERC1271} from "@openzeppelin/contracts/interfaces/IERC1271.sol";

/// @title HostileWallet: an ERC-1271 owner that agrees, refuses, burns gas, or answers with a flood (attack 67). Tests only.
contract HostileWallet is IERC1271 {
    enum Mood {
        Agrees,
        Refuses,
        BurnsGas,
        Floods,
        AnswersShort
    }

    Mood public mood;

    function setMood(Mood mood_) external {
        mood = mood_;
    }

    /// Lets the wallet act as a model's owner.
    function act(address target, bytes calldata data) external returns (bytes memory) {
        (bool ok, bytes memory answer) = target.call(data);
        require(ok, "act failed");
        return answer;
    }

    function isValidSignature(bytes32, bytes calldata) external view returns (bytes4) {
        if (mood == Mood.Agrees) return IERC1271.isValidSignature.selector;
        if (mood == Mood.Refuses) return bytes4(0);
        if (mood == Mood.BurnsGas) {
            for (uint256 i; ; ++i) keccak256(abi.encode(i));
        }
        if (mood == Mood.Floods) {
            assembly {
                mstore(0, shl(224, 0xdeadbeef))
                return(0, 30000)
            }
        }
        assembly {
            mstore(0, shl(224, 0x1626ba7e))
            return(0, 4)
        }
    }
}
