// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.34;

import {Modules} from "../access/Module.sol";
import {IConsentRegistry} from "../interfaces/IConsentRegistry.sol";
import {IRoundManager} from "../interfaces/IRoundManager.sol";
import {Bn254} from "../libraries/Bn254.sol";
import {Transcript} from "../libraries/Transcript.sol";
import {G1} from "../types/Curve.sol";
import {DatasetId, RoundId} from "../types/Ids.sol";
import {RoundKind, RoundState} from "../types/Training.sol";
import {FrozenSet} from "./FrozenSet.sol";
import {RoundData, RoundStorage, enter, leaveOut} from "./RoundStore.sol";
import {Weights} from "./Weights.sol";

/// @title RoundFreeze: which submissions a round's sum is over, fixed once, in RoundManager's storage.
library RoundFreeze {
    /// Freezes the set, or marks the round as having too few (false). `institutions` and `cs` name every submission in order.
    function freeze(
        RoundStorage storage $,
        Modules storage m,
        RoundId id,
        address[] calldata institutions,
        G1[] calldata cs
    ) external returns (bool) {
        RoundData storage d = $.rounds[id];
        IRoundManager.Round storage r = d.round;
        if (institutions.length != r.submitted || cs.length != r.submitted) revert IRoundManager.MemberListMismatch();
        bytes32[] memory keys = new bytes32[](cs.length);
        for (uint256 i; i < keys.length; ++i) keys[i] = Transcript.memberKey(institutions[i], cs[i]);
        uint256[] memory weights = _weights($, m, id, r.kind, keys);
        (uint256 count, uint256 total) = FrozenSet.dropDominant(weights, r.maxShareBps);
        if (count < r.minParticipants) {
            r.tooFew = true;
            return false;
        }
        _fix($, id, keys, weights, cs, count, total);
        return true;
    }

    /// n̂ of those that stay, 0 of those that do not: unverified, excluded, consent not as committed, a dataset version that a statistics set has used.
    function _weights(
        RoundStorage storage $,
        Modules storage m,
        RoundId id,
        RoundKind kind,
        bytes32[] memory keys
    ) private returns (uint256[] memory weights) {
        weights = new uint256[](keys.length);
        DatasetId[] memory datasets = new DatasetId[](keys.length);
        for (uint256 i; i < keys.length; ++i) {
            IRoundManager.Update storage u = $.updates[keys[i]];
            // Index = place for all of them: nothing is left out, twice in, or from elsewhere.
            if (!(u.round == id) || u.index != i) revert IRoundManager.MemberListMismatch();
            datasets[i] = u.dataset;
        }
        uint64[] memory epochs = IConsentRegistry(m.consent).epochsOf(datasets);
        for (uint256 i; i < keys.length; ++i) {
            IRoundManager.Update storage u = $.updates[keys[i]];
            if (!u.verified || u.excluded) continue;
            if (epochs[i] != u.consentEpoch) leaveOut(id, u, "consent");
            else if (kind == RoundKind.Statistics && $.statisticsUsed[u.dataset][u.datasetVersion])
                leaveOut(id, u, "statistics");
            else weights[i] = u.records;
        }
    }

    function _fix(
        RoundStorage storage $,
        RoundId id,
        bytes32[] memory keys,
        uint256[] memory weights,
        G1[] calldata cs,
        uint256 count,
        uint256 total
    ) private {
        RoundData storage d = $.rounds[id];
        IRoundManager.Frozen storage f = d.frozen;
        bytes32[] memory included = new bytes32[](count);
        (f.cAgg, f.included) = _gather(included, keys, weights, cs);
        f.setHash = Transcript.setHash(address(this), id, included);
        (f.count, f.totalRecords, f.blockNumber) = (uint16(count), uint64(total), uint64(block.number));
        if (d.round.kind == RoundKind.Training) f.lambda = Weights.lambda(d.terms.lambdaF, d.terms.cap, total);
        else _useUp($, included);
        d.round.frozenAt = uint64(block.timestamp);
        emit IRoundManager.RoundFrozen(id, f.setHash, f.cAgg, f.included, f.count, f.totalRecords, f.lambda);
        enter(id, d.round, RoundState.Frozen);
    }

    /// Σ C_i and the bitmap of those that stay; fills `included` with their keys.
    function _gather(
        bytes32[] memory included,
        bytes32[] memory keys,
        uint256[] memory weights,
        G1[] calldata cs
    ) private view returns (G1 memory sum, uint256 bitmap) {
        uint256 next;
        for (uint256 i; i < keys.length; ++i) {
            if (weights[i] == 0) continue;
            included[next++] = keys[i];
            bitmap |= 1 << i;
            Bn254.addTo(sum, cs[i].x, cs[i].y);
        }
    }

    /// From here on sums over these members may exist. A dataset version in two such sets could be read off the difference of their sums.
    function _useUp(RoundStorage storage $, bytes32[] memory included) private {
        for (uint256 i; i < included.length; ++i) {
            IRoundManager.Update storage u = $.updates[included[i]];
            $.statisticsUsed[u.dataset][u.datasetVersion] = true;
        }
    }
}
