// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.34;

import {DatasetId} from "../types/Ids.sol";
import {ConsentRef, Purpose} from "../types/Training.sol";

/// @title ConsentRegistry: machine-readable terms (GA4GH DUO), salted grant roots, relayed revocation, consent epochs.
/// @notice Nothing identifies a subject on chain: grants are leaves under a salted root; a revocation opens one leaf.
/// leaf = keccak256(abi.encode(TAG("grant"), dataset, version, subjectKey, salt)) in a sorted-pair tree of double-hashed leaves (OpenZeppelin's). A leaf is bound to
/// one dataset version, whose terms never change: broader terms need a new version and new grants.
/// Supported DUO modifiers: claimed by the user 15 NMDS, 18 NPUNCU (= 45 and 46), 19 PUB, 20 COL, 21 IRB, 29 RTN, 45 NPU, 46 NCU; decided here 22 GS, 24 MOR, 25 TS,
/// 26 US, 27 PS, 28 IS, 44 NPOA. Refused at registration: 12 RS and 16 GSO, for a purpose does not say what kind of research it is; 43 CC, which would allow care
/// and not research; unknown ones. 21 IRB needs more than the claim: `recordEthicsApproval`.
/// Subject keys are plain secp256k1 keys, one per subject and dataset. ERC-1271 is not supported: a contract could change its answer after the grant, and a shared
/// wallet would link one subject's datasets.
/// @dev Warning: an opened leaf shows the subject key and salt of that one dataset for ever. Claims (PUB, NMDS, …) are the user's public word, not proof; so is
/// the ethics document behind a recorded hash, which whoever holds it can compare, and the registry has never seen.
interface IConsentRegistry {
    struct Terms {
        uint8 permission; // DUO: 4 NRES, 6 HMB, 7 DS, 11 POA, 42 GRU
        uint64 modifiers; // bitmap 1 << code of restrictions the user must satisfy; unsupported bits are refused at registration
        bytes32 disease; // DS: MONDO term
        bytes32[] regions; // GS; each list at most 32 long, empty unless its modifier is set
        address[] users; // US: allowed users
        bytes32[] projects; // PS
        address[] institutions; // IS: allowed user institutions
        uint64 notBefore; // MOR: training publishes, so no use before this second; 0 unless MOR
        uint64 notAfter; // TS: no use after this second; 0 unless TS
    }

    event TermsSet(DatasetId indexed dataset, uint32 indexed version, bytes32 termsHash, uint64 epoch);
    event GrantsSet(
        DatasetId indexed dataset,
        uint32 indexed version,
        bytes32 root,
        uint32 roundedCount,
        bool custodial,
        uint64 effectiveAt,
        uint64 epoch
    );
    event ConsentRevoked(
        DatasetId indexed dataset,
        uint32 indexed version,
        bytes32 indexed leaf,
        uint64 epoch,
        address relayer
    );
    /// `document`: keccak256 of the approval's bytes. `purpose`: Transcript.purposeHash.
    event EthicsApprovalRecorded(
        bytes32 indexed purpose,
        address indexed user,
        bytes32 indexed document,
        uint64 validUntil
    );
    event MondoRootSet(bytes32 root);
    event DiseaseProven(bytes32 indexed root, bytes32 indexed ancestor, bytes32 indexed descendant);

    error NotDatasetInstitution(DatasetId dataset, address caller);
    error UnknownPermission(uint8 permission);
    error InconsistentTerms(bytes32 what);
    error TermsFixed(DatasetId dataset, uint32 version);
    error NoTerms(DatasetId dataset, uint32 version);
    error CountNotRounded(uint32 roundedCount);
    error BadDiseasePath(bytes32 ancestor, bytes32 descendant);
    error UnsupportedModifier(uint64 modifiers);
    error PurposeRefused(DatasetId dataset, bytes32 reason);
    error NoGrants(DatasetId dataset, uint32 version);
    error GrantsNotEffective(DatasetId dataset, uint64 effectiveAt);
    error RevokedGrantsStale(DatasetId dataset); // a revocation is newer than the grant root: publish a root without the leaf
    error AlreadyRevoked(bytes32 leaf);
    error BadGrantProof();
    error BadRevocationSignature(address expected);
    error NotPurposeUser(address user, address caller);
    error NoEthicsClaim();
    error NoDocument();
    error TooManyRefs(uint256 count);

    /// Dataset's institution, once for the current version. Bumps the epoch.
    function setTerms(DatasetId dataset, Terms calldata terms) external;
    /// Dataset's institution: publishes the grant root for the current version, whose terms are set; it replaces the former root now and bumps the epoch.
    /// The first root of a version takes effect at once, and so does one that follows a revocation without a higher count; any other might re-admit somebody
    /// and takes effect after a day. Count is rounded to a multiple of 5. Root zero withdraws all grants.
    function setGrants(DatasetId dataset, bytes32 root, uint32 roundedCount, bool custodial) external;
    /// Relayed by anybody: opens one leaf (subject key, salt) under the current or any former root of the version and shows the subject's EIP-712 signature
    /// Revocation(uint64 dataset,bytes32 leaf) over domain ("MedNexus", "1", chain, this). No expiry, no institution, never paused. Bumps the dataset's consent epoch
    /// and refuses the version until another root is published; the root under which it was opened is never accepted again. A root that brings a revoked leaf
    /// back is refused by the same signature.
    function revoke(
        DatasetId dataset,
        uint32 version,
        address subjectKey,
        bytes32 salt,
        bytes32[] calldata merkleProof,
        bytes calldata signature
    ) external;
    /// The purpose's user: names the ethics approval (keccak256 of the document) under which exactly this purpose, which must claim 21 IRB, is pursued, and its last
    /// second. A later record replaces an earlier one; one that has ended withdraws it. Commits and locks ordered after that are refused.
    function recordEthicsApproval(Purpose calldata purpose, bytes32 document, uint64 validUntil) external;
    /// Governor: root of the tree of all (ancestor, descendant) pairs of one MONDO release. Proven pairs count for this root only; anybody may prove them again.
    function setMondoRoot(bytes32 root) external;
    /// Anybody, once a pair: shows that `ancestor` is an ancestor of `descendant` in the governed MONDO root, for DS terms.
    /// leaf = keccak256(abi.encode(TAG("mondo"), ancestor, descendant)), terms as keccak256 of their CURIEs, tree as for grants.
    function proveDisease(bytes32 ancestor, bytes32 descendant, bytes32[] calldata path) external;

    function epochOf(DatasetId dataset) external view returns (uint64);
    /// Bit i: the epoch of refs[i]'s dataset is another now. At most 256 refs.
    function movedSince(ConsentRef[] calldata refs) external view returns (uint256 moved);
    /// Reverts by name unless `purpose` is allowed for this version now with live grants; returns the consent epoch. A narrower disease than the terms' needs
    /// `proveDisease` once before, terms with 21 IRB a recorded ethics approval. Whoever commits, licenses or locks asks this in the same transaction: that is what makes
    /// a revocation refuse all that is ordered after it (P7). An epoch remembered from before answers only whether anything has changed since.
    function requireAllowed(
        DatasetId dataset,
        uint32 version,
        Purpose calldata purpose
    ) external view returns (uint64 epoch);
    function termsHashOf(DatasetId dataset, uint32 version) external view returns (bytes32);
    function grantRootOf(
        DatasetId dataset,
        uint32 version
    ) external view returns (bytes32 root, uint32 roundedCount, bool custodial, uint64 effectiveAt);
    /// Document zero: none recorded.
    function ethicsApprovalOf(Purpose calldata purpose) external view returns (bytes32 document, uint64 validUntil);
    function isRevoked(bytes32 leaf) external view returns (bool);
    function mondoRoot() external view returns (bytes32);
}
