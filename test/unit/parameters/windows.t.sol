// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.34;

import {AccessManager} from "@openzeppelin/contracts/access/manager/AccessManager.sol";
import {ProtocolParameters} from "../../../contracts/governance/ProtocolParameters.sol";
import {IProtocolParameters} from "../../../contracts/interfaces/IProtocolParameters.sol";
import {Vault} from "../../../contracts/vault/Vault.sol";
import {deploy, deployProxy} from "../../utils/deploy.sol";
import {bound} from "../../utils/Vm.sol";

/// Dispute windows < unbonding < upgrade delay and vault module delay, for all legal parameters. What is legal is decided by the deployed bytecode: values at,
/// beside and between every bound are tried in all combinations, and random ones on top. For the values between two neighbouring bounds the conditions of `set` are
/// comparisons of single values and of neighbours, so the corners decide.
contract WindowsTest {
    ProtocolParameters private _p;
    Vault private _vault;

    function setUp() public {
        AccessManager manager = AccessManager(deploy("AccessManager", abi.encode(address(this))));
        _p = ProtocolParameters(
            deployProxy(
                "ProtocolParameters",
                abi.encodeCall(
                    ProtocolParameters.initialize,
                    (address(manager), _legal(10 days, 21 days, 30 days), address(1))
                )
            )
        );
        _vault = Vault(deploy("Vault", abi.encode(address(manager), 61 days)));
    }

    /// All combinations of the bounds, their neighbours and a value between.
    function test_relationHoldsAtEveryCorner() public {
        uint32[9] memory corners = [
            _p.MAX_DISPUTE_WINDOWS() - 1,
            _p.MAX_DISPUTE_WINDOWS(),
            _p.MAX_DISPUTE_WINDOWS() + 1,
            _p.MIN_UNBONDING(),
            _p.MIN_UPGRADE_DELAY(),
            30 days,
            _p.MAX_UNBONDING(),
            _p.MAX_UNBONDING() + 1,
            _p.MAX_UPGRADE_DELAY()
        ];
        uint256 accepted;
        for (uint256 i; i < 9; ++i) {
            for (uint256 j; j < 9; ++j) {
                for (uint256 k; k < 9; ++k) if (_try(corners[i], corners[j], corners[k])) ++accepted;
            }
        }
        // Neither everything nor nothing: two dispute lengths, four unbondings, the delays above each.
        require(accepted == 2 * (5 + 4 + 3 + 2), "other combinations are legal than the bounds say");
    }

    function testFuzz_relationHolds(uint32 disputes, uint32 unbonding, uint32 delay) public {
        _try(disputes, unbonding, delay);
        _try(
            uint32(bound(disputes, 1, _p.MAX_DISPUTE_WINDOWS())),
            uint32(bound(unbonding, _p.MIN_UNBONDING(), _p.MAX_UNBONDING())),
            uint32(bound(delay, _p.MIN_UPGRADE_DELAY(), _p.MAX_UPGRADE_DELAY()))
        );
    }

    /// Changing the law cannot put an old dispute behind a new exit: the longest dispute that any law allows ends before the shortest unbonding that any law allows.
    function test_relationHoldsAcrossLaws() public view {
        require(_p.MAX_DISPUTE_WINDOWS() < _p.MIN_UNBONDING(), "P6: a dispute of one law outlasts an exit of another");
        require(_p.MAX_UNBONDING() < _vault.MIN_MODULE_DELAY(), "P6: a module could come before somebody has left");
        require(_p.MIN_UNBONDING() < _p.MIN_UPGRADE_DELAY(), "P6: an upgrade could come before the shortest exit");
    }

    function _try(uint32 disputes, uint32 unbonding, uint32 delay) private returns (bool legal) {
        try _p.set(_legal(disputes, unbonding, delay)) {
            legal = true;
        } catch {}
        if (!legal) return false;
        IProtocolParameters.Parameters memory now_ = _p.get();
        require(now_.maxDisputeWindows < now_.unbonding, "P6: a dispute can outlast the exit");
        require(now_.unbonding < now_.upgradeDelay, "P6: an upgrade can come before the exit");
        require(now_.unbonding < _vault.moduleDelay(), "P6: a new module can come before the exit");
    }

    function _legal(
        uint32 disputes,
        uint32 unbonding,
        uint32 delay
    ) private pure returns (IProtocolParameters.Parameters memory p) {
        (p.minWindow, p.maxDisputeWindows, p.unbonding, p.upgradeDelay) = (5 minutes, disputes, unbonding, delay);
        (p.protocolFeeBps, p.treasuryCutBps, p.suspendAfter, p.suspension) = (200, 2_000, 3, 30 days);
        (p.minBond, p.minNodeLock, p.minComplaintBond) = (1, 1, 1);
    }
}
