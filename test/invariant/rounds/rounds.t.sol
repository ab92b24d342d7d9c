// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.34;

import {RoundState} from "../../../contracts/types/Training.sol";
import {RoundMoves} from "./RoundMoves.sol";

contract RoundsTest is RoundMoves {
    function setUp() public {
        _deploy(2);
    }

    function test_honestRound() public {
        _toSummed();
        _finalize();
        require(rounds.stateOf(round) == RoundState.Finalized, "finalized");
    }
}
