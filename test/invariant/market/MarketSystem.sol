// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.34;

import {AccessManager} from "@openzeppelin/contracts/access/manager/AccessManager.sol";
import {Module, Modules} from "../../../contracts/access/Module.sol";
import {ConsentRegistry} from "../../../contracts/consent/ConsentRegistry.sol";
import {ProtocolParameters} from "../../../contracts/governance/ProtocolParameters.sol";
import {IAttestationRegistry} from "../../../contracts/interfaces/IAttestationRegistry.sol";
import {IConsentRegistry} from "../../../contracts/interfaces/IConsentRegistry.sol";
import {IModelINFT} from "../../../contracts/interfaces/IModelINFT.sol";
import {IModelVersions} from "../../../contracts/interfaces/IModelVersions.sol";
import {IProtocolParameters} from "../../../contracts/interfaces/IProtocolParameters.sol";
import {Bn254} from "../../../contracts/libraries/Bn254.sol";
import {Purposes} from "../../../contracts/libraries/Purposes.sol";
import {Transcript} from "../../../contracts/libraries/Transcript.sol";
import {ComputeMarket} from "../../../contracts/market/ComputeMarket.sol";
import {JobReceipts} from "../../../contracts/market/JobReceipts.sol";
import {LicenseMarket} from "../../../contracts/market/LicenseMarket.sol";
import {TestStablecoin} from "../../../contracts/mocks/TestStablecoin.sol";
import {DatasetRegistry} from "../../../contracts/registry/DatasetRegistry.sol";
import {InstitutionRegistry} from "../../../contracts/registry/InstitutionRegistry.sol";
import {ModelINFT} from "../../../contracts/registry/ModelINFT.sol";
import {ModelVersions} from "../../../contracts/registry/ModelVersions.sol";
import {SealedTransfers} from "../../../contracts/registry/SealedTransfers.sol";
import {G1, G2, SchnorrProof} from "../../../contracts/types/Curve.sol";
import {AttestorId, DatasetId, ModelId, SrsId, VerifierId} from "../../../contracts/types/Ids.sol";
import {Stake} from "../../../contracts/vault/Stake.sol";
import {Vault} from "../../../contracts/vault/Vault.sol";
import {AttestationRegistry} from "../../../contracts/verification/AttestationRegistry.sol";
import {ProofVerifier} from "../../../contracts/verification/ProofVerifier.sol";
import {VerifierRegistry} from "../../../contracts/verification/VerifierRegistry.sol";
import {deploy, deployProxy} from "../../utils/deploy.sol";
import {ProofSimulator} from "../../utils/ProofSimulator.sol";
import {vm} from "../../utils/Vm.sol";

/// The market and all it stands on, behind proxies and wired as a deployment is: one model with a root (imported under simulated proofs), one dataset with
/// consent, an attestor, two inference verifiers of which one may be retired.
contract MarketSystem {
    uint32 internal constant N = 128;
    uint256 internal constant ATTESTOR_KEY = 0xA77E; // secp256k1, its point is below
    bytes32 private constant ATTESTOR_X = 0x2133ae88687f1778da3c68696c8823e8b8d484c5c5e7c161862cd796b4d61c9c;
    bytes32 private constant ATTESTOR_Y = 0x752ac6a62c4abf2e028f5cdc3a65b89da1de55e3b06dbf55330fdf8c3463007d;
    uint16 internal constant ROYALTY_BPS = 700;
    uint16 internal constant FEE_BPS = 250;
    uint256 internal constant CUT_BPS = 2_000;

    address internal constant TREASURY = address(0x7EA5);
    address internal constant HOSPITAL = address(0x4059);
    address internal constant SELLER = address(0x5E11);
    address internal constant CREATOR = address(0xC4EA);
    address internal constant COAUTHOR = address(0xC0A0);
    uint16 internal constant CREATOR_BPS = 6_667;

    AccessManager internal authority;
    TestStablecoin internal token;
    Vault internal vault;
    ProtocolParameters internal parameters;
    Stake internal stake;
    DatasetRegistry internal datasets;
    ConsentRegistry internal consent;
    ModelINFT internal inft;
    ModelVersions internal versions;
    VerifierRegistry internal verifiers;
    LicenseMarket internal licenses;
    ComputeMarket internal compute;
    JobReceipts internal receipts;
    SealedTransfers internal transfers;
    AttestationRegistry internal attestations;

    ModelId internal model;
    uint256 internal root;
    DatasetId internal dataset;
    AttestorId internal attestor;
    VerifierId internal verifier;
    VerifierId internal retirable;

    function _deploy() internal {
        authority = AccessManager(deploy("AccessManager", abi.encode(address(this))));
        token = TestStablecoin(deploy("TestStablecoin", ""));
        vault = Vault(deploy("Vault", abi.encode(address(authority), 90 days)));
        Modules memory m;
        m.vault = address(vault);
        m.parameters = deployProxy(
            "ProtocolParameters",
            abi.encodeCall(ProtocolParameters.initialize, (address(authority), _limits(), TREASURY))
        );
        m.stake = deployProxy("Stake", abi.encodeCall(Stake.initialize, (address(authority), address(token))));
        m.institutions = _plain("InstitutionRegistry");
        m.datasets = _plain("DatasetRegistry");
        m.consent = _plain("ConsentRegistry");
        m.inft = _plain("ModelINFT");
        m.versions = _plain("ModelVersions");
        m.verifiers = _plain("VerifierRegistry");
        m.proofVerifier = _plain("ProofVerifier");
        m.attestations = _plain("AttestationRegistry");
        m.transfers = _plain("SealedTransfers");
        m.licenses = _plain("LicenseMarket");
        m.compute = _plain("ComputeMarket");
        m.receipts = _plain("JobReceipts");
        _wire(m);
        _populate(m);
    }

    function _limits() internal pure returns (IProtocolParameters.Parameters memory p) {
        (p.minWindow, p.maxDisputeWindows, p.unbonding, p.upgradeDelay) = (60, 10 days, 20 days, 30 days);
        (p.protocolFeeBps, p.treasuryCutBps, p.suspendAfter, p.suspension) = (FEE_BPS, uint16(CUT_BPS), 3, 1 days);
        (p.minBond, p.minNodeLock, p.minComplaintBond) = (1_000, 1, 1);
    }

    function _wire(Modules memory m) private {
        address[13] memory all = [
            m.parameters,
            m.stake,
            m.institutions,
            m.datasets,
            m.consent,
            m.inft,
            m.versions,
            m.verifiers,
            m.proofVerifier,
            m.licenses,
            m.compute,
            m.receipts,
            m.transfers
        ];
        for (uint256 i; i < all.length; ++i) Module(all[i]).wire(m);
        bytes32[] memory purposes = new bytes32[](3);
        address[] memory owners = new address[](3);
        (purposes[0], owners[0]) = (Purposes.STAKE, m.stake);
        (purposes[1], owners[1]) = (Purposes.LICENSE, m.licenses);
        (purposes[2], owners[2]) = (Purposes.JOB, m.compute);
        vault.assignInitial(purposes, owners);
        (parameters, stake) = (ProtocolParameters(m.parameters), Stake(m.stake));
        (datasets, consent) = (DatasetRegistry(m.datasets), ConsentRegistry(m.consent));
        (inft, versions, verifiers) = (ModelINFT(m.inft), ModelVersions(m.versions), VerifierRegistry(m.verifiers));
        (licenses, compute, receipts) = (LicenseMarket(m.licenses), ComputeMarket(m.compute), JobReceipts(m.receipts));
        (transfers, attestations) = (SealedTransfers(m.transfers), AttestationRegistry(m.attestations));
    }

    function _populate(Modules memory m) private {
        (G1 memory tauG1, G2 memory tauG2) = ProofSimulator.srs();
        SrsId srs = verifiers.registerSrs(tauG1, tauG2, true);
        VerifierId update = verifiers.registerVerifier(keccak256("update"), N, srs, ProofSimulator.key(4), true);
        VerifierId aggregate = verifiers.registerVerifier(keccak256("aggregate"), N, srs, ProofSimulator.key(3), true);
        verifier = verifiers.registerVerifier(keccak256("inference"), N, srs, ProofSimulator.key(4), true);
        retirable = verifiers.registerVerifier(keccak256("inference"), N, srs, ProofSimulator.key(4), true);

        IModelINFT.Payee[] memory split = new IModelINFT.Payee[](2);
        split[0] = IModelINFT.Payee(CREATOR, CREATOR_BPS);
        split[1] = IModelINFT.Payee(COAUTHOR, 10_000 - CREATOR_BPS);
        vm.prank(CREATOR);
        model = inft.mint(SELLER, ROYALTY_BPS, split, keccak256("runtime"), "ipfs://model");
        _import(update, aggregate);

        _institution(m.institutions);
        vm.startPrank(HOSPITAL);
        dataset = datasets.register(keccak256("manifest"), keccak256("root"), keccak256("schema"), 100);
        IConsentRegistry.Terms memory terms;
        terms.permission = 42;
        consent.setTerms(dataset, terms);
        consent.setGrants(dataset, keccak256("grants"), 10, false);
        vm.stopPrank();
        attestor = _listAttestor(keccak256("compute"));
    }

    function _import(VerifierId update, VerifierId aggregate) private {
        IModelVersions.ImportProof memory p;
        uint256 log = 0x1234567;
        (p.c, p.h, p.y, p.hM, p.yM) = (ProofSimulator.commitment(log), 11, 12, 13, 14);
        root = p.hM;
        (, , bytes32 srsHash) = verifiers.srsOf(verifiers.infoOf(update).srs);
        bytes32 keyHash = verifiers.infoOf(update).keyHash;
        bytes32 ctx = Transcript.importContext(address(versions), model, keyHash, srsHash, N);
        uint256[] memory inputs = new uint256[](4);
        inputs[1] = Transcript.linkChallenge(ctx, p.c, new G1[](0), bytes32(0), p.h);
        (inputs[0], inputs[2], inputs[3]) = (p.h, p.y, uint256(N) << 30);
        p.w = ProofSimulator.opening(log, inputs[1], p.y);
        p.proof = ProofSimulator.prove(ProofSimulator.key(4), inputs, 1);
        uint256 logM = mulmod(log, 1 << 18, Bn254.R); // f = 16, l = 2
        inputs = new uint256[](3);
        inputs[1] = Transcript.aggregateChallenge(
            Transcript.importAggregateContext(ctx),
            ProofSimulator.commitment(logM),
            p.hM
        );
        (inputs[0], inputs[2]) = (p.hM, p.yM);
        p.wM = ProofSimulator.opening(logM, inputs[1], p.yM);
        p.proofM = ProofSimulator.prove(ProofSimulator.key(3), inputs, 2);
        vm.prank(SELLER);
        versions.importBase(model, N, 8, 2, update, aggregate, p);
    }

    function _institution(address registry) private {
        uint256 secret = 77;
        uint256 nonce = 78;
        G1 memory key = Bn254.mul(1, 2, secret);
        SchnorrProof memory p;
        p.r = Bn254.mul(1, 2, nonce);
        bytes32 ctx = Transcript.keyContext(registry, HOSPITAL);
        p.z = addmod(nonce, mulmod(Transcript.schnorrChallenge(ctx, key, p.r), secret, Bn254.R), Bn254.R);
        vm.prank(HOSPITAL);
        InstitutionRegistry(registry).register(key, p, "https://hospital.example");
    }

    function _listAttestor(bytes32 kind) internal returns (AttestorId) {
        IAttestationRegistry.Algorithm algorithm = IAttestationRegistry.Algorithm.Secp256k1;
        return attestations.list(kind, algorithm, ATTESTOR_X, ATTESTOR_Y, keccak256("quote"));
    }

    function _plain(string memory name) private returns (address) {
        return deployProxy(name, abi.encodeWithSignature("initialize(address)", address(authority)));
    }
}
