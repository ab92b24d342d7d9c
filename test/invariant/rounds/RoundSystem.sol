// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.34;

import {AccessManager} from "@openzeppelin/contracts/access/manager/AccessManager.sol";
import {Module, Modules} from "../../../contracts/access/Module.sol";
import {ConsentRegistry} from "../../../contracts/consent/ConsentRegistry.sol";
import {ProtocolParameters} from "../../../contracts/governance/ProtocolParameters.sol";
import {ICampaignRegistry} from "../../../contracts/interfaces/ICampaignRegistry.sol";
import {IConsentRegistry} from "../../../contracts/interfaces/IConsentRegistry.sol";
import {IModelINFT} from "../../../contracts/interfaces/IModelINFT.sol";
import {IProtocolParameters} from "../../../contracts/interfaces/IProtocolParameters.sol";
import {IRoundManager} from "../../../contracts/interfaces/IRoundManager.sol";
import {IRoundSettlement} from "../../../contracts/interfaces/IRoundSettlement.sol";
import {IShareDisputes} from "../../../contracts/interfaces/IShareDisputes.sol";
import {IVerifierRegistry} from "../../../contracts/interfaces/IVerifierRegistry.sol";
import {Bn254} from "../../../contracts/libraries/Bn254.sol";
import {Kzg} from "../../../contracts/libraries/Kzg.sol";
import {Purposes} from "../../../contracts/libraries/Purposes.sol";
import {Transcript} from "../../../contracts/libraries/Transcript.sol";
import {TestStablecoin} from "../../../contracts/mocks/TestStablecoin.sol";
import {DatasetRegistry} from "../../../contracts/registry/DatasetRegistry.sol";
import {InstitutionRegistry} from "../../../contracts/registry/InstitutionRegistry.sol";
import {ModelINFT} from "../../../contracts/registry/ModelINFT.sol";
import {ModelVersions} from "../../../contracts/registry/ModelVersions.sol";
import {CampaignRegistry} from "../../../contracts/training/CampaignRegistry.sol";
import {NodeSums} from "../../../contracts/training/NodeSums.sol";
import {RoundManager} from "../../../contracts/training/RoundManager.sol";
import {RoundSettlement} from "../../../contracts/training/RoundSettlement.sol";
import {ShareDisputes} from "../../../contracts/training/ShareDisputes.sol";
import {TrainingRules} from "../../../contracts/training/TrainingRules.sol";
import {DleqProof, G1, G2, Proof, SchnorrProof} from "../../../contracts/types/Curve.sol";
import {CampaignId, DatasetId, ModelId, RoundId, SrsId, VerifierId} from "../../../contracts/types/Ids.sol";
import {
    CampaignTerms,
    Prices,
    Purpose,
    RoundKind,
    RoundState,
    UpdateDetail,
    Windows
} from "../../../contracts/types/Training.sol";
import {Stake} from "../../../contracts/vault/Stake.sol";
import {Vault} from "../../../contracts/vault/Vault.sol";
import {ProofVerifier} from "../../../contracts/verification/ProofVerifier.sol";
import {VerifierRegistry} from "../../../contracts/verification/VerifierRegistry.sol";
import {deploy, deployProxy} from "../../utils/deploy.sol";
import {ProofSimulator} from "../../utils/ProofSimulator.sol";
import {vm} from "../../utils/Vm.sol";

/// The whole protocol behind proxies, wired as a deployment is, with members, nodes and one model; and honest moves of every party.
/// Vectors are real: a party's words follow from a seed, and since the development trapdoor τ is public, the logarithm of a commitment is the vector's
/// polynomial at τ, so openings of commitments, shares and sums are the true ones. Only the Groth16 witness is simulated.
contract RoundSystem {
    uint32 internal N = 128; // a test may choose another size before _deploy
    uint16 internal ROUNDS = 40; // of the first campaign; likewise
    uint256 private opened; // campaigns so far: the owner's nonce
    uint256 internal constant MEMBERS = 4;
    uint256 internal constant NODES = 3;
    uint256 internal constant STAKE = 1_000_000_000;
    uint256 internal constant SPONSOR_FUNDS = 1e15; // minted for each campaign
    bytes32 internal constant SCHEMA = keccak256("schema");

    AccessManager internal authority;
    TestStablecoin internal token;
    Vault internal vault;
    ProtocolParameters internal parameters;
    Stake internal stake;
    InstitutionRegistry internal institutions;
    DatasetRegistry internal datasets;
    ConsentRegistry internal consent;
    ModelINFT internal inft;
    ModelVersions internal versions;
    VerifierRegistry internal verifiers;
    ProofVerifier internal proofs;
    TrainingRules internal rules;
    CampaignRegistry internal campaigns;
    RoundManager internal rounds;
    ShareDisputes internal disputes;
    NodeSums internal sums;
    RoundSettlement internal settlement;

    VerifierId internal updateVerifier;
    VerifierId internal aggregateVerifier;
    ModelId internal model;
    CampaignId internal campaign;

    address internal constant TREASURY = address(0x7EA5);
    address internal constant SPONSOR = address(0x5905);
    address internal constant CREATOR = address(0xC4EA);
    address internal constant COAUTHOR = address(0xC0A0);
    address internal constant KEEPER = address(0xEE9E);
    address internal constant PROVER = address(0x940E);

    address[] internal members;
    address[] internal nodes;
    mapping(address => DatasetId) internal datasetOf;

    function _deploy(uint64 finalityBlocks) internal {
        authority = AccessManager(deploy("AccessManager", abi.encode(address(this))));
        token = TestStablecoin(deploy("TestStablecoin", ""));
        vault = Vault(deploy("Vault", abi.encode(address(authority), 90 days)));
        bytes memory plain = abi.encodeWithSignature("initialize(address)", address(authority));
        stake = Stake(
            deployProxy(
                "Stake",
                abi.encodeWithSignature("initialize(address,address)", address(authority), address(token))
            )
        );
        institutions = InstitutionRegistry(deployProxy("InstitutionRegistry", plain));
        datasets = DatasetRegistry(deployProxy("DatasetRegistry", plain));
        consent = ConsentRegistry(deployProxy("ConsentRegistry", plain));
        inft = ModelINFT(deployProxy("ModelINFT", plain));
        versions = ModelVersions(deployProxy("ModelVersions", plain));
        verifiers = VerifierRegistry(deployProxy("VerifierRegistry", plain));
        proofs = ProofVerifier(deployProxy("ProofVerifier", plain));
        rules = TrainingRules(deployProxy("TrainingRules", plain));
        campaigns = CampaignRegistry(deployProxy("CampaignRegistry", plain));
        rounds = RoundManager(deployProxy("RoundManager", plain));
        disputes = ShareDisputes(deployProxy("ShareDisputes", plain));
        settlement = RoundSettlement(deployProxy("RoundSettlement", plain));
        sums = NodeSums(
            deployProxy("NodeSums", abi.encodeCall(NodeSums.initialize, (address(authority), finalityBlocks)))
        );
        bytes memory limits = abi.encodeCall(ProtocolParameters.initialize, (address(authority), _limits(), TREASURY));
        parameters = ProtocolParameters(deployProxy("ProtocolParameters", limits));
        _wire();
        _populate();
    }

    function _limits() internal pure returns (IProtocolParameters.Parameters memory p) {
        p.minWindow = 1;
        p.maxDisputeWindows = 14 days;
        p.unbonding = 20 days;
        p.upgradeDelay = 30 days;
        p.protocolFeeBps = 250;
        p.treasuryCutBps = 2_000;
        p.suspendAfter = 100;
        p.suspension = 1 days;
        (p.minBond, p.minNodeLock, p.minComplaintBond) = (1, 1, 1);
    }

    function _wire() private {
        Modules memory m = Modules({
            vault: address(vault),
            parameters: address(parameters),
            stake: address(stake),
            institutions: address(institutions),
            datasets: address(datasets),
            consent: address(consent),
            inft: address(inft),
            versions: address(versions),
            verifiers: address(verifiers),
            proofVerifier: address(proofs),
            rules: address(rules),
            campaigns: address(campaigns),
            rounds: address(rounds),
            disputes: address(disputes),
            sums: address(sums),
            settlement: address(settlement),
            attestations: address(0),
            transfers: address(0),
            licenses: address(0),
            compute: address(0),
            receipts: address(0)
        });
        Module[15] memory all = [
            Module(m.parameters),
            Module(m.stake),
            Module(m.institutions),
            Module(m.datasets),
            Module(m.consent),
            Module(m.inft),
            Module(m.versions),
            Module(m.verifiers),
            Module(m.proofVerifier),
            Module(m.rules),
            Module(m.campaigns),
            Module(m.rounds),
            Module(m.disputes),
            Module(m.sums),
            Module(m.settlement)
        ];
        for (uint256 i; i < all.length; ++i) all[i].wire(m);
        bytes32[] memory purposes = new bytes32[](6);
        address[] memory owners = new address[](6);
        (purposes[0], owners[0]) = (Purposes.STAKE, m.stake);
        (purposes[1], owners[1]) = (Purposes.CAMPAIGN, m.campaigns);
        (purposes[2], owners[2]) = (Purposes.ROUND, m.settlement);
        (purposes[3], owners[3]) = (Purposes.COMPENSATION, m.settlement);
        (purposes[4], owners[4]) = (Purposes.DISPUTE, m.disputes);
        (purposes[5], owners[5]) = (Purposes.SUMS, m.sums);
        vault.assignInitial(purposes, owners);
    }

    function _populate() private {
        (G1 memory tauG1, G2 memory tauG2) = ProofSimulator.srs();
        SrsId srs = verifiers.registerSrs(tauG1, tauG2, true);
        updateVerifier = verifiers.registerVerifier(keccak256("update"), N, srs, ProofSimulator.key(4), true);
        aggregateVerifier = verifiers.registerVerifier(keccak256("aggregate"), N, srs, ProofSimulator.key(3), true);
        institutions.listAdmitter(address(this), true);
        for (uint256 i; i < MEMBERS; ++i) {
            address member = address(uint160(0x1000 + i));
            members.push(member);
            _join(member);
            _dataset(member, uint64(100 + 10 * i));
        }
        for (uint256 i; i < NODES; ++i) {
            address node = vm.addr(_nodeKey(i));
            nodes.push(node);
            _join(node);
        }
        IModelINFT.Payee[] memory split = new IModelINFT.Payee[](2);
        (split[0], split[1]) = (IModelINFT.Payee(CREATOR, 6_667), IModelINFT.Payee(COAUTHOR, 3_333));
        vm.prank(CREATOR);
        model = inft.mint(address(this), 500, split, keccak256("runtime"), "ipfs://model");
        versions.startLineage(model, N, 8, 2);
        campaign = _openCampaign(RoundKind.Training, ROUNDS);
        for (uint256 i; i < MEMBERS; ++i) {
            vm.prank(members[i]);
            campaigns.enrol(campaign, datasetOf[members[i]]);
        }
        _joinPool();
    }

    function _joinPool() internal {
        for (uint256 i; i < NODES; ++i) {
            vm.prank(nodes[i]);
            campaigns.joinPool(campaign);
        }
    }

    function _join(address party) private {
        uint256 secret = _secret(party);
        G1 memory key = Bn254.mul(1, 2, secret);
        bytes32 bound = Transcript.keyContext(address(institutions), party);
        token.mint(party, 100 * STAKE);
        vm.startPrank(party);
        institutions.register(key, _schnorr(bound, key, secret), "https://hospital.example");
        token.approve(address(vault), type(uint256).max);
        stake.deposit(STAKE);
        vm.stopPrank();
        institutions.attest(party, keccak256(abi.encode("group", party)), uint64(block.timestamp + 3650 days));
    }

    function _dataset(address member, uint64 records) private {
        vm.startPrank(member);
        DatasetId dataset = datasets.register(keccak256(abi.encode(member)), keccak256("root"), SCHEMA, records);
        datasetOf[member] = dataset;
        IConsentRegistry.Terms memory terms;
        terms.permission = 42;
        consent.setTerms(dataset, terms);
        consent.setGrants(dataset, _grantRoot(dataset, 0), 10, false);
        vm.stopPrank();
        datasets.auditRecords(dataset, 1, records);
    }

    function _prices(RoundKind kind) internal pure returns (Prices memory p) {
        (p.dataPool, p.committeePool) = (1_000_003, 300_001);
        if (kind == RoundKind.Training) (p.proverFeeMin, p.proverFeeMax) = (50_000, 150_000);
        (p.showUpFee, p.tip) = (10_007, 1_009);
        (p.bond, p.nodeLock, p.complaintBond) = (2_000_000, 3_000_000, 100_000);
    }

    function _windows() internal pure returns (Windows memory w) {
        (w.draw, w.commit, w.complaint, w.ciphertext, w.reveal, w.opening) = (1 hours, 1 hours, 100, 200, 300, 400);
        (w.sums, w.challenge, w.answer, w.ramp, w.close) = (500, 300, 200, 1000, 21 days);
    }

    function _openCampaign(RoundKind kind, uint16 count) internal returns (CampaignId) {
        CampaignTerms memory t = _terms(kind, count);
        token.mint(SPONSOR, SPONSOR_FUNDS);
        vm.startPrank(SPONSOR);
        token.approve(address(vault), type(uint256).max);
        CampaignId id = campaigns.open(t, address(token), ++opened, uint64(block.timestamp + 1 days), "");
        vm.stopPrank();
        return id;
    }

    function _terms(RoundKind kind, uint16 count) internal view returns (CampaignTerms memory t) {
        bool training = kind == RoundKind.Training;
        (t.kind, t.eager, t.nodes, t.threshold) = (kind, true, uint8(NODES), 1);
        (t.maxMembers, t.minParticipants, t.maxShareBps, t.rounds) = (uint16(MEMBERS), 3, 5_000, count);
        t.updateVerifier = updateVerifier;
        (t.cap, t.normBound, t.schemaHash) = (120, 40_000, SCHEMA);
        if (training) (t.model, t.aggregateVerifier, t.lambdaF) = (model, aggregateVerifier, 65_536);
        (t.purpose.permission, t.purpose.user) = (42, SPONSOR);
        (t.windows, t.prices) = (_windows(), _prices(kind));
        t.admitters = new address[](1);
        t.admitters[0] = address(this);
        t.committee = nodes;
    }

    /// ERC-1271: this contract owns the model and approves every campaign.
    function isValidSignature(bytes32, bytes calldata) external pure returns (bytes4) {
        return 0x1626ba7e;
    }

    // --- secrets, all from public seeds

    function _scalar(bytes memory seed) internal pure returns (uint256) {
        return (uint256(keccak256(seed)) % (Bn254.R - 1)) + 1;
    }

    function _secret(address party) internal pure returns (uint256) {
        return _scalar(abi.encode("secret", party));
    }

    function _nodeKey(uint256 index) internal pure returns (uint256) {
        return 0xA11CE + index;
    }

    /// The dataset's one subject signs with this key; `generation` tells grant roots apart.
    function _subjectKey(DatasetId dataset, uint256 generation) internal pure returns (uint256) {
        return _scalar(abi.encode("subject", dataset, generation)) >> 8;
    }

    function _grantRoot(DatasetId dataset, uint256 generation) internal pure returns (bytes32) {
        address subject = vm.addr(_subjectKey(dataset, generation));
        return keccak256(bytes.concat(Transcript.grantLeaf(dataset, 1, subject, bytes32(generation))));
    }

    function _revoke(DatasetId dataset, uint256 generation) internal {
        _revoke(dataset, generation, _signRevocation(dataset, generation));
    }

    function _revoke(DatasetId dataset, uint256 generation, bytes memory signature) internal {
        address subject = vm.addr(_subjectKey(dataset, generation));
        consent.revoke(dataset, 1, subject, bytes32(generation), new bytes32[](0), signature);
    }

    function _signRevocation(DatasetId dataset, uint256 generation) internal view returns (bytes memory) {
        uint256 key = _subjectKey(dataset, generation);
        bytes32 leaf = Transcript.grantLeaf(dataset, 1, vm.addr(key), bytes32(generation));
        bytes32 typehash = keccak256("Revocation(uint64 dataset,bytes32 leaf)");
        return _sign(key, address(consent), keccak256(abi.encode(typehash, dataset, leaf)));
    }

    function _sign(uint256 key, address verifyingContract, bytes32 structHash) internal view returns (bytes memory) {
        bytes32 domain = keccak256(
            abi.encode(
                keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
                keccak256("MedNexus"),
                keccak256("1"),
                block.chainid,
                verifyingContract
            )
        );
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, keccak256(abi.encodePacked(hex"1901", domain, structHash)));
        return abi.encodePacked(r, s, v);
    }

    function _signSet(uint256 nodeIndex, RoundId round, bytes32 set) internal view returns (bytes memory) {
        bytes32 typehash = keccak256("SetSignature(uint64 round,bytes32 setHash)");
        return _sign(_nodeKey(nodeIndex), address(sums), keccak256(abi.encode(typehash, round, set)));
    }

    function _schnorr(bytes32 bound, G1 memory e, uint256 secret) internal view returns (SchnorrProof memory p) {
        uint256 k = _scalar(abi.encode("nonce", bound, secret));
        p.r = Bn254.mul(1, 2, k);
        p.z = addmod(k, mulmod(Transcript.schnorrChallenge(bound, e, p.r), secret, Bn254.R), Bn254.R);
    }

    function _dleq(
        bytes32 bound,
        G1 memory pk,
        G1 memory e,
        uint256 secret
    ) internal view returns (G1 memory k, DleqProof memory p) {
        uint256 nonce = _scalar(abi.encode("dleq", bound, secret));
        k = Bn254.mul(e, secret);
        (p.r1, p.r2) = (Bn254.mul(1, 2, nonce), Bn254.mul(e, nonce));
        uint256 c = Transcript.dleqChallenge(bound, pk, e, k, p.r1, p.r2);
        p.z = addmod(nonce, mulmod(c, secret, Bn254.R), Bn254.R);
    }
}
