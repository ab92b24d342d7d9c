// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.34;

import {ICampaignRegistry} from "../../../contracts/interfaces/ICampaignRegistry.sol";
import {IConsentRegistry} from "../../../contracts/interfaces/IConsentRegistry.sol";
import {
    AccessProof,
    OracleType,
    OwnershipProof,
    TransferValidityProof
} from "../../../contracts/interfaces/IERC7857DataVerifier.sol";
import {IComputeMarket} from "../../../contracts/interfaces/IComputeMarket.sol";
import {IJobReceipts} from "../../../contracts/interfaces/IJobReceipts.sol";
import {IModelINFT} from "../../../contracts/interfaces/IModelINFT.sol";
import {INodeSums} from "../../../contracts/interfaces/INodeSums.sol";
import {ISealedTransfers, SealOrder} from "../../../contracts/interfaces/ISealedTransfers.sol";
import {PublicKey, SealedKey} from "../../../contracts/libraries/SealedKeys.sol";
import {AttestorId, DatasetId} from "../../../contracts/types/Ids.sol";
import {JobTerms, ProvenReceipt, Receipt} from "../../../contracts/types/Market.sol";
import {CampaignTerms, RoundKind} from "../../../contracts/types/Training.sol";
import {MarketSystem} from "../../invariant/market/MarketSystem.sol";
import {RoundMoves} from "../../invariant/rounds/RoundMoves.sol";
import {vm} from "../../utils/Vm.sol";

// Of the two chains that a fork leaves, one has a new id. Deployed under HERE, each contract wakes up on THERE: what was signed for HERE is refused, what is signed
// for THERE holds. A domain separator kept from the deployment fails both. Development ids, because development keys are refused elsewhere.
uint256 constant HERE = 31337;
uint256 constant THERE = 1337;

contract ForkedRoundsTest is RoundMoves {
    function setUp() public {
        vm.chainId(HERE);
        _deploy(2);
        _openAndDraw();
    }

    function test_attack62_revocation() public {
        DatasetId dataset = datasetOf[members[0]];
        bytes memory signature = _signRevocation(dataset, 0);
        vm.chainId(THERE);
        vm.expectPartialRevert(IConsentRegistry.BadRevocationSignature.selector);
        this.revoke(dataset, signature);
        _revoke(dataset, 0);
    }

    function revoke(DatasetId dataset, bytes calldata signature) external {
        _revoke(dataset, 0, signature);
    }

    function test_attack62_signedSets() public {
        (bytes memory a, bytes memory b) = (_signSet(0, round, keccak256("a")), _signSet(0, round, keccak256("b")));
        vm.chainId(THERE);
        vm.expectPartialRevert(INodeSums.NotEquivocation.selector);
        sums.reportEquivocation(round, 0, keccak256("a"), a, keccak256("b"), b);
        (a, b) = (_signSet(0, round, keccak256("a")), _signSet(0, round, keccak256("b")));
        sums.reportEquivocation(round, 0, keccak256("a"), a, keccak256("b"), b);
    }

    function test_attack62_campaignApproval() public {
        uint256 key = 0x0F0E;
        address owner = vm.addr(key);
        IModelINFT.Payee[] memory split = new IModelINFT.Payee[](1);
        split[0] = IModelINFT.Payee(owner, 10_000);
        vm.startPrank(owner);
        model = inft.mint(owner, 500, split, keccak256("runtime"), "ipfs://model");
        versions.startLineage(model, N, 8, 2);
        vm.stopPrank();
        CampaignTerms memory terms = _terms(RoundKind.Training, 1);
        uint64 deadline = uint64(block.timestamp);
        bytes memory approval = _approve(key, terms, deadline);
        vm.chainId(THERE);
        vm.startPrank(SPONSOR);
        vm.expectPartialRevert(ICampaignRegistry.BadOwnerApproval.selector);
        campaigns.open(terms, address(token), 7, deadline, approval);
        campaigns.open(terms, address(token), 7, deadline, _approve(key, terms, deadline));
        vm.stopPrank();
    }

    function _approve(uint256 key, CampaignTerms memory terms, uint64 deadline) private view returns (bytes memory) {
        bytes32 typehash = keccak256(
            "CampaignApproval(uint64 model,bytes32 termsHash,address sponsor,uint256 nonce,uint64 deadline)"
        );
        bytes32 termsHash = keccak256(abi.encode(terms));
        bytes32 structHash = keccak256(abi.encode(typehash, terms.model, termsHash, SPONSOR, 7, deadline));
        return _sign(key, address(campaigns), structHash);
    }
}

contract ForkedMarketTest is MarketSystem {
    uint256 private constant KEY = 0x940E; // of the prover, and of whoever receives a sealed model
    // Baby Jubjub's base point of prime order (EIP-2494): good enough for a key and for a ciphertext that nobody opens.
    uint256 private constant B8_X = 5299619240641551281634865583518297030282874472190772894086521144482721001553;
    uint256 private constant B8_Y = 16950150798460657717958625567821834550301663161624707787222815936182638968203;

    function setUp() public {
        vm.chainId(HERE);
        _deploy();
    }

    function test_attack62_receiptSignedByItsProver() public {
        ProvenReceipt memory item;
        item.receipt.prover = vm.addr(KEY);
        item.signature = _sign(KEY, receipts.digestOf(item.receipt));
        vm.chainId(THERE);
        vm.expectPartialRevert(IJobReceipts.BadProverSignature.selector);
        receipts.settle(item);
        item.signature = _sign(KEY, receipts.digestOf(item.receipt));
        // The signature holds: what comes next is refused.
        vm.expectPartialRevert(IJobReceipts.BadReceipt.selector);
        receipts.settle(item);
    }

    function test_attack62_receiptAttested() public {
        JobTerms memory terms;
        terms.attesters = new AttestorId[](1);
        terms.attesters[0] = attestor;
        Receipt memory receipt;
        receipt.prover = address(this);
        bytes memory attestation = _sign(ATTESTOR_KEY, receipts.digestOf(receipt));
        vm.chainId(THERE);
        vm.expectPartialRevert(IJobReceipts.BadAttestation.selector);
        receipts.attest(terms, receipt, "", attestor, attestation);
        attestation = _sign(ATTESTOR_KEY, receipts.digestOf(receipt));
        vm.expectPartialRevert(IComputeMarket.WrongTerms.selector);
        receipts.attest(terms, receipt, "", attestor, attestation);
    }

    /// The receiver's consent, and the enclave's word, which is signed over it.
    function test_attack62_sealedTransfer() public {
        SealedKey memory key = SealedKey(B8_X, B8_Y, 1);
        PublicKey memory holder = PublicKey(B8_X, B8_Y);
        vm.prank(SELLER);
        inft.seal(model, keccak256("data"), 2, key, holder);
        attestor = _listAttestor(keccak256("reseal"));
        bytes32 here = _consent();
        bytes32 word = _word(here);
        vm.chainId(THERE);
        bytes32 there = _consent();
        vm.expectPartialRevert(ISealedTransfers.NoConsent.selector);
        transfers.verifyTransferValidity(_sealing(here, word));
        vm.chainId(HERE);
        word = _word(there);
        vm.chainId(THERE);
        vm.expectPartialRevert(ISealedTransfers.AttestationRejected.selector);
        transfers.verifyTransferValidity(_sealing(there, word));
        transfers.verifyTransferValidity(_sealing(there, _word(there)));
    }

    function _consent() private view returns (bytes32) {
        return transfers.consentDigest(_order(), keccak256("data"), keccak256("data"), 2, B8_X, B8_Y);
    }

    function _word(bytes32 consented) private view returns (bytes32) {
        return transfers.attestationDigest(consented, B8_X, B8_Y, 1);
    }

    function _order() private view returns (SealOrder memory) {
        return SealOrder(model, SELLER, vm.addr(KEY), false, 2, uint64(block.timestamp));
    }

    /// Both digests signed, whatever they are.
    function _sealing(bytes32 consented, bytes32 word) private view returns (TransferValidityProof[] memory proofs) {
        proofs = new TransferValidityProof[](1);
        AccessProof memory access = AccessProof(
            keccak256("data"),
            keccak256("data"),
            abi.encode(_order()),
            abi.encode(B8_X, B8_Y),
            _sign(KEY, consented)
        );
        proofs[0].accessProof = access;
        proofs[0].ownershipProof = OwnershipProof(
            OracleType.TEE,
            access.oldDataHash,
            access.newDataHash,
            abi.encode(B8_X, B8_Y, 1, 2),
            access.encryptedPubKey,
            access.nonce,
            abi.encode(attestor, _sign(ATTESTOR_KEY, word))
        );
    }

    function _sign(uint256 key, bytes32 digest) private pure returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, digest);
        return abi.encodePacked(r, s, v);
    }
}
