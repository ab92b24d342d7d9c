// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.34;

import {Targets} from "../../utils/Vm.sol";
import {MarketMoves} from "./MarketMoves.sol";

/// P4 to P10 of the market, after every call of a random life.
contract MarketInvariants is Targets {
    MarketMoves private _moves;

    function setUp() public {
        _moves = new MarketMoves();
        bytes4[] memory selectors = new bytes4[](22);
        selectors[0] = _moves.request.selector;
        selectors[1] = _moves.request.selector;
        selectors[2] = _moves.lock.selector;
        selectors[3] = _moves.lock.selector;
        selectors[4] = _moves.acknowledge.selector;
        selectors[5] = _moves.abandon.selector;
        selectors[6] = _moves.cancel.selector;
        selectors[7] = _moves.expire.selector;
        selectors[8] = _moves.end.selector;
        selectors[9] = _moves.deliver.selector;
        selectors[10] = _moves.deliverBatch.selector;
        selectors[11] = _moves.attest.selector;
        selectors[12] = _moves.challenge.selector;
        selectors[13] = _moves.release.selector;
        selectors[14] = _moves.buy.selector;
        selectors[15] = _moves.useLicence.selector;
        selectors[16] = _moves.collect.selector;
        selectors[17] = _moves.closeLicence.selector;
        selectors[18] = _moves.moveStake.selector;
        selectors[19] = _moves.withdraw.selector;
        selectors[20] = _moves.toggleConsent.selector;
        selectors[21] = _moves.pass.selector;
        _target(address(_moves), selectors);
        bytes4[] memory rare = new bytes4[](4);
        (rare[0], rare[1]) = (_moves.pause.selector, _moves.retire.selector);
        (rare[2], rare[3]) = (_moves.finish.selector, _moves.sweepFees.selector);
        _target(address(_moves), rare);
    }

    function invariant_P4_P10_marketOwesWhatItHolds() public view {
        string memory wrong = _moves.checkBooks();
        require(bytes(wrong).length == 0, wrong);
    }

    /// A life in which nothing went through would prove nothing.
    function afterInvariant() public view {
        require(_moves.done() > 0, "no call went through");
    }
}
