// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.34;

import {IRoundManager} from "../interfaces/IRoundManager.sol";
import {G1} from "../types/Curve.sol";
import {DatasetId, RoundId} from "../types/Ids.sol";
import {RoundState, Windows} from "../types/Training.sol";

/// One seat of a round's committee.
struct Node {
    address account;
    bool acknowledged;
    bool released;
    G1 key; // as at the draw
}

/// What a round reads of its campaign's terms again and again.
struct RoundTerms {
    uint128 bond;
    uint64 cap;
    uint32 normBound; // B
    bool pair;
    uint8 drawDelay;
    uint128 nodeLock;
    uint64 lambdaF; // λ·2^f
    Windows windows;
}

struct RoundData {
    IRoundManager.Round round;
    RoundTerms terms;
    IRoundManager.Frozen frozen;
    uint256 seatsToCome; // bit per seat of the campaign: has not submitted in this round
    Node[] committee;
}

/// All of RoundManager's storage.
struct RoundStorage {
    uint64 count;
    mapping(RoundId => RoundData) rounds;
    mapping(bytes32 memberKey => IRoundManager.Update) updates;
    mapping(DatasetId => mapping(uint32 version => bool)) statisticsUsed;
}

/// Both ways into a state: the word in storage and the event.
function enter(RoundId id, IRoundManager.Round storage r, RoundState state) {
    r.state = state;
    emit IRoundManager.RoundStateChanged(id, state);
}

/// Marks a submission as left out of the frozen set.
function leaveOut(RoundId id, IRoundManager.Update storage u, bytes32 reason) {
    u.excluded = true;
    emit IRoundManager.MemberExcluded(id, u.institution, u.index, reason);
}
