// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.34;

import {Module, Modules} from "../access/Module.sol";
import {ICampaignRegistry} from "../interfaces/ICampaignRegistry.sol";
import {IConsentRegistry} from "../interfaces/IConsentRegistry.sol";
import {IDatasetRegistry} from "../interfaces/IDatasetRegistry.sol";
import {IInstitutionRegistry} from "../interfaces/IInstitutionRegistry.sol";
import {IModelINFT} from "../interfaces/IModelINFT.sol";
import {IModelVersions} from "../interfaces/IModelVersions.sol";
import {IProtocolParameters} from "../interfaces/IProtocolParameters.sol";
import {IRoundManager} from "../interfaces/IRoundManager.sol";
import {IStake} from "../interfaces/IStake.sol";
import {ITrainingRules} from "../interfaces/ITrainingRules.sol";
import {IVault} from "../interfaces/IVault.sol";
import {CodeData} from "../libraries/CodeData.sol";
import {Purposes} from "../libraries/Purposes.sol";
import {TypedData} from "../libraries/TypedData.sol";
import {CampaignId, DatasetId, ModelId, RoundId} from "../types/Ids.sol";
import {CampaignTerms, Prices, RoundState, Windows} from "../types/Training.sol";
import {
    CampaignData,
    Member,
    readPrices,
    readTerm,
    readTerms,
    readWindows,
    TERM_CAP,
    TERM_LAMBDA_F,
    TERM_NORM_BOUND,
    TERM_RAMP
} from "./CampaignStore.sol";
import {OwnerApproval} from "./OwnerApproval.sol";
import {Weights} from "./Weights.sol";

/// @title CampaignRegistry
/// @notice Holds each campaign's prepaid escrow (vault purpose CAMPAIGN, party = campaign id). Money leaves it in two ways only: a round's fixed cost to the
/// settlement, and what is left to the sponsor. Which terms are legal is TrainingRules' to say.
contract CampaignRegistry is ICampaignRegistry, Module {
    /// @custom:storage-location erc7201:mednexus.storage.CampaignRegistry
    struct CampaignStorage {
        uint64 count;
        mapping(CampaignId => CampaignData) campaigns;
        mapping(address owner => mapping(uint256 nonce => bool)) nonceUsed;
    }

    // keccak256(abi.encode(uint256(keccak256("mednexus.storage.CampaignRegistry")) - 1)) & ~bytes32(uint256(0xff)); recomputed in a test
    bytes32 private constant SLOT = 0xbe4f4d82ff53c32dc9a856fbb5841d0d711e91814ac1062c6efd10227180f100;

    /// Nodes on offer in one campaign: a draw walks them.
    uint256 private constant MAX_POOL = 64;

    function initialize(address authority) external initializer {
        __Module_init(authority);
    }

    // --- life of a campaign

    /// @inheritdoc ICampaignRegistry
    function open(
        CampaignTerms calldata terms,
        address token,
        uint256 nonce,
        uint64 deadline,
        bytes calldata approval
    ) external returns (CampaignId id) {
        Modules storage m = _modules();
        IProtocolParameters(m.parameters).requireEntriesOpen();
        // Bonds, locks, slashes and prices are in one token, so that a loss and what compensates it can be compared.
        if (token != IStake(m.stake).token()) revert BadTerms("token");
        id = CampaignId.wrap(++_storage().count);
        ITrainingRules.Opening memory o = ITrainingRules(m.rules).openingOf(terms, msg.sender);
        _write(id, terms, token, o);
        if (o.owner != address(0)) _useApproval(id, o.owner, nonce, deadline, approval);
        _fund(id);
    }

    /// @inheritdoc ICampaignRegistry
    function cancel(CampaignId id) external {
        CampaignData storage d = _live(id);
        Campaign storage c = d.campaign;
        if (RoundId.unwrap(c.liveRound) != 0) revert RoundLive(id, c.liveRound);
        // An abandoned campaign must not hold a model for ever.
        if (msg.sender != c.sponsor && block.timestamp <= uint256(c.idleFrom) + c.idleLimit)
            revert NotSponsor(id, msg.sender);
        _finish(id, d, CampaignState.Cancelled);
    }

    /// @inheritdoc ICampaignRegistry
    function end(CampaignId id) external {
        CampaignData storage d = _live(id);
        Campaign storage c = d.campaign;
        if (RoundId.unwrap(c.liveRound) != 0) revert RoundLive(id, c.liveRound);
        if (c.roundsLeft != 0) revert RoundsLeft(id, c.roundsLeft);
        _finish(id, d, CampaignState.Ended);
    }

    // --- members

    /// @inheritdoc ICampaignRegistry
    function enrol(CampaignId id, DatasetId dataset) external {
        CampaignData storage d = _live(id);
        if (DatasetId.unwrap(d.member[msg.sender].dataset) != 0) revert AlreadyEnrolled(id, msg.sender);
        if (DatasetId.unwrap(dataset) == 0) revert NotEnrolled(id, msg.sender);
        CampaignTerms memory terms = readTerms(d);
        bytes32 group = IInstitutionRegistry(_modules().institutions).requireAttested(msg.sender, terms.admitters);
        if (d.groupMember[group] != address(0)) revert GroupTaken(id, group);
        uint256 seat = d.members.length;
        if (seat >= terms.maxMembers) revert PoolFull(id, terms.maxMembers);

        d.members.push(msg.sender);
        d.member[msg.sender] = Member(dataset, uint8(seat), group); // seat < maxMembers <= 256
        d.groupMember[group] = msg.sender;
        emit Enrolled(id, msg.sender, dataset, group);
        _eligibility(id, d, msg.sender); // refuses a foreign or ineligible dataset by name
    }

    /// @inheritdoc ICampaignRegistry
    function withdraw(CampaignId id) external {
        CampaignData storage d = _known(id);
        Member memory leaving = d.member[msg.sender];
        if (DatasetId.unwrap(leaving.dataset) == 0) revert NotEnrolled(id, msg.sender);
        // Seats are the bits that RoundManager ticks off during a commit phase.
        if (_liveState(d) == RoundState.Commit) revert RoundLive(id, d.campaign.liveRound);

        address last = d.members[d.members.length - 1];
        d.members[leaving.seat] = last;
        d.member[last].seat = leaving.seat;
        d.members.pop();
        delete d.member[msg.sender];
        delete d.groupMember[leaving.groupId];
        delete d.agreedWith[msg.sender];
        emit Withdrew(id, msg.sender);
    }

    /// @inheritdoc ICampaignRegistry
    function agreePair(CampaignId id) external {
        CampaignData storage d = _live(id);
        if (DatasetId.unwrap(d.member[msg.sender].dataset) == 0) revert NotEnrolled(id, msg.sender);
        if (!readTerms(d).pair || d.members.length != 2) revert PairDisagreement(id);
        // The agreement names the partner: it does not carry over to another.
        d.agreedWith[msg.sender] = d.members[0] == msg.sender ? d.members[1] : d.members[0];
        emit PairAgreed(id, msg.sender);
    }

    // --- committee pool

    /// @inheritdoc ICampaignRegistry
    function joinPool(CampaignId id) external {
        CampaignData storage d = _live(id);
        _requirePoolOpen(id, d);
        if (d.poolPlace[msg.sender] != 0) revert PoolMember(id, msg.sender);
        if (d.pool.length >= MAX_POOL) revert PoolFull(id, MAX_POOL);
        Modules storage m = _modules();
        if (!IInstitutionRegistry(m.institutions).isRegistered(msg.sender)) revert NotRegistered(msg.sender);
        CampaignTerms memory terms = readTerms(d);
        bytes32 group = IInstitutionRegistry(m.institutions).requireAttested(msg.sender, terms.admitters);
        uint256 free = IStake(m.stake).freeOf(msg.sender);
        if (free < terms.prices.nodeLock) revert InsufficientStake(msg.sender, free, terms.prices.nodeLock);

        d.pool.push(msg.sender);
        d.poolPlace[msg.sender] = d.pool.length;
        emit NodeJoined(id, msg.sender, group);
    }

    /// @inheritdoc ICampaignRegistry
    function leavePool(CampaignId id) external {
        CampaignData storage d = _known(id);
        _requirePoolOpen(id, d);
        uint256 place = d.poolPlace[msg.sender];
        if (place == 0) revert NotPoolMember(id, msg.sender);

        address last = d.pool[d.pool.length - 1];
        d.pool[place - 1] = last;
        d.poolPlace[last] = place;
        d.pool.pop();
        delete d.poolPlace[msg.sender];
        emit NodeLeft(id, msg.sender);
    }

    // --- rounds

    /// @inheritdoc ICampaignRegistry
    function reserveRound(CampaignId id, RoundId round) external {
        Modules storage m = _modules();
        _onlyModule(m.rounds);
        CampaignData storage d = _live(id);
        Campaign storage c = d.campaign;
        if (RoundId.unwrap(c.liveRound) != 0) revert RoundLive(id, c.liveRound);
        if (c.roundsLeft == 0) revert NoRoundsLeft(id);

        c.roundsLeft -= 1;
        c.liveRound = round;
        c.idleFrom = uint64(block.timestamp);
        emit RoundReserved(id, round, c.roundCost);
        IVault(m.vault).move(
            c.token,
            Purposes.CAMPAIGN,
            _party(id),
            Purposes.ROUND,
            bytes32(uint256(RoundId.unwrap(round))),
            c.roundCost
        );
    }

    /// @inheritdoc ICampaignRegistry
    function roundOver(CampaignId id, RoundId round) external returns (Settling memory s) {
        _onlyModule(_modules().settlement);
        CampaignData storage d = _live(id);
        Campaign storage c = d.campaign;
        if (!(c.liveRound == round)) revert RoundLive(id, c.liveRound);
        c.liveRound = RoundId.wrap(0);
        c.idleFrom = uint64(block.timestamp);
        (s.token, s.protocolFeeBps, s.roundCost) = (c.token, c.protocolFeeBps, c.roundCost);
        s.prices = readPrices(d);
        s.ramp = uint32(readTerm(d, TERM_RAMP));
        s.growth = uint64(readTerm(d, TERM_LAMBDA_F) * readTerm(d, TERM_NORM_BOUND)); // < 2^60: checked at opening
    }

    // --- views

    /// @inheritdoc ICampaignRegistry
    function eligibility(CampaignId id, address institution) external view returns (Eligibility memory) {
        return _eligibility(id, _storage().campaigns[id], institution);
    }

    /// @inheritdoc ICampaignRegistry
    function get(CampaignId id) external view returns (Campaign memory) {
        return _known(id).campaign;
    }

    /// @inheritdoc ICampaignRegistry
    function termsOf(CampaignId id) external view returns (CampaignTerms memory) {
        return readTerms(_known(id));
    }

    /// @inheritdoc ICampaignRegistry
    function windowsOf(CampaignId id) external view returns (Windows memory) {
        return readWindows(_known(id));
    }

    /// @inheritdoc ICampaignRegistry
    function pricesOf(CampaignId id) external view returns (Prices memory) {
        return readPrices(_known(id));
    }

    /// @inheritdoc ICampaignRegistry
    function weightsOf(CampaignId id) external view returns (uint64 cap, uint64 lambdaF, uint64 normBound) {
        CampaignData storage d = _known(id);
        cap = uint64(readTerm(d, TERM_CAP));
        (lambdaF, normBound) = (uint64(readTerm(d, TERM_LAMBDA_F)), uint64(readTerm(d, TERM_NORM_BOUND)));
    }

    /// @inheritdoc ICampaignRegistry
    function termsHashOf(CampaignId id) external view returns (bytes32) {
        return _known(id).termsHash;
    }

    /// @inheritdoc ICampaignRegistry
    function membersOf(CampaignId id) external view returns (address[] memory) {
        return _known(id).members;
    }

    /// @inheritdoc ICampaignRegistry
    function memberCount(CampaignId id) external view returns (uint256) {
        return _known(id).members.length;
    }

    /// @inheritdoc ICampaignRegistry
    function datasetOf(CampaignId id, address institution) external view returns (DatasetId) {
        return _known(id).member[institution].dataset;
    }

    /// @inheritdoc ICampaignRegistry
    function poolOf(CampaignId id) external view returns (address[] memory) {
        return _known(id).pool;
    }

    /// @inheritdoc ICampaignRegistry
    function pairAgreed(CampaignId id) external view returns (bool) {
        CampaignData storage d = _known(id);
        if (d.members.length != 2) return false;
        (address a, address b) = (d.members[0], d.members[1]);
        return d.agreedWith[a] == b && d.agreedWith[b] == a;
    }

    /// @inheritdoc ICampaignRegistry
    function excludedGroups(CampaignId id) external view returns (bytes32 sponsorGroup, bytes32 ownerGroup) {
        CampaignData storage d = _known(id);
        IInstitutionRegistry institutions = IInstitutionRegistry(_modules().institutions);
        CampaignTerms memory terms = readTerms(d);
        // As at opening; a party that belonged to no group then is looked up now.
        sponsorGroup = d.sponsorGroup != 0 ? d.sponsorGroup : institutions.groupOf(d.campaign.sponsor, terms.admitters);
        ownerGroup = d.ownerGroup;
        if (ownerGroup == 0 && ModelId.unwrap(terms.model) != 0)
            ownerGroup = institutions.groupOf(IModelINFT(_modules().inft).ownerOfModel(terms.model), terms.admitters);
    }

    // --- inside

    /// The terms and everything that the campaign runs under (P10).
    function _write(
        CampaignId id,
        CampaignTerms calldata terms,
        address token,
        ITrainingRules.Opening memory o
    ) private {
        CampaignData storage d = _storage().campaigns[id];
        bytes memory encoded = abi.encode(terms);
        d.termsData = CodeData.store(encoded);
        d.termsHash = keccak256(encoded);
        (d.sponsorGroup, d.ownerGroup) = (o.sponsorGroup, o.ownerGroup);
        Campaign storage c = d.campaign;
        (c.state, c.sponsor, c.token) = (CampaignState.Live, msg.sender, token);
        (c.roundsLeft, c.roundCost, c.protocolFeeBps) = (terms.rounds, o.roundCost, o.protocolFeeBps);
        (c.idleFrom, c.idleLimit) = (uint64(block.timestamp), o.idleLimit);
        uint256 escrow = uint256(o.roundCost) * terms.rounds;
        emit CampaignOpened(id, terms.model, msg.sender, token, escrow, d.termsHash, terms);
    }

    /// The model owner's consent to exactly these terms, this sponsor, once.
    function _useApproval(
        CampaignId id,
        address owner,
        uint256 nonce,
        uint64 deadline,
        bytes calldata approval
    ) private {
        if (block.timestamp > deadline) revert ApprovalExpired(deadline);
        mapping(uint256 => bool) storage used = _storage().nonceUsed[owner];
        if (used[nonce]) revert NonceUsed(owner, nonce);
        used[nonce] = true;
        CampaignData storage d = _storage().campaigns[id];
        bytes32 digest = OwnerApproval.digest(readTerms(d).model, d.termsHash, msg.sender, nonce, deadline);
        if (!TypedData.isSignedBy(owner, digest, approval)) revert BadOwnerApproval(owner);
    }

    /// Pulls the escrow; takes the model's sole right to append, for as much growth as all rounds together can bring.
    function _fund(CampaignId id) private {
        Modules storage m = _modules();
        CampaignData storage d = _storage().campaigns[id];
        CampaignTerms memory terms = readTerms(d);
        uint256 rounds = terms.rounds;
        uint256 escrow = rounds * d.campaign.roundCost;
        IVault(m.vault).deposit(d.campaign.token, Purposes.CAMPAIGN, _party(id), msg.sender, escrow);
        if (ModelId.unwrap(terms.model) == 0) return;
        uint256 growth = rounds * terms.lambdaF * terms.normBound;
        IModelVersions(m.versions).attachCampaign(terms.model, id, growth);
    }

    function _finish(CampaignId id, CampaignData storage d, CampaignState state) private {
        Modules storage m = _modules();
        Campaign storage c = d.campaign;
        c.state = state;
        uint256 refund = IVault(m.vault).heldOf(c.token, Purposes.CAMPAIGN, _party(id));
        emit CampaignEnded(id, state, refund);
        IVault(m.vault).credit(c.token, Purposes.CAMPAIGN, _party(id), c.sponsor, refund);
        ModelId model = readTerms(d).model;
        if (ModelId.unwrap(model) != 0) IModelVersions(m.versions).detachCampaign(model, id);
    }

    function _eligibility(
        CampaignId id,
        CampaignData storage d,
        address institution
    ) private view returns (Eligibility memory e) {
        Member memory member = d.member[institution];
        if (DatasetId.unwrap(member.dataset) == 0) revert NotEnrolled(id, institution);
        Modules storage m = _modules();
        CampaignTerms memory terms = readTerms(d);
        bytes32 group = IInstitutionRegistry(m.institutions).requireAttested(institution, terms.admitters);
        // Enrolment is one a group; keeping to the group of enrolment makes every round so too.
        if (group != member.groupId) revert GroupChanged(institution, member.groupId, group);

        address holder;
        bytes32 schema;
        (holder, e.version, schema, e.records) = IDatasetRegistry(m.datasets).forTraining(
            member.dataset,
            terms.admitters
        );
        if (holder != institution) revert IDatasetRegistry.NotDatasetOwner(member.dataset, institution);
        if (schema != terms.schemaHash) revert WrongSchema(member.dataset, terms.schemaHash, schema);
        if (e.records > terms.cap) e.records = terms.cap;
        e.consentEpoch = IConsentRegistry(m.consent).requireAllowed(member.dataset, e.version, terms.purpose);
        e.normBound2 = Weights.normBound2(terms.normBound, e.records, terms.cap);
        (e.dataset, e.seat) = (member.dataset, member.seat);
    }

    function _requirePoolOpen(CampaignId id, CampaignData storage d) private view {
        if (_liveState(d) == RoundState.Open) revert PoolFrozen(id, d.campaign.liveRound);
    }

    function _liveState(CampaignData storage d) private view returns (RoundState) {
        RoundId live = d.campaign.liveRound;
        return RoundId.unwrap(live) == 0 ? RoundState.None : IRoundManager(_modules().rounds).stateOf(live);
    }

    function _known(CampaignId id) private view returns (CampaignData storage d) {
        d = _storage().campaigns[id];
        if (d.campaign.state == CampaignState.None) revert NoSuchCampaign(id);
    }

    function _live(CampaignId id) private view returns (CampaignData storage d) {
        d = _known(id);
        if (d.campaign.state != CampaignState.Live) revert CampaignNotLive(id);
    }

    function _party(CampaignId id) private pure returns (bytes32) {
        return bytes32(uint256(CampaignId.unwrap(id)));
    }

    function _storage() private pure returns (CampaignStorage storage $) {
        assembly {
            $.slot := SLOT
        }
    }
}
