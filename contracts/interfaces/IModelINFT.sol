// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.34;

import {PublicKey, SealedKey} from "../libraries/SealedKeys.sol";
import {ModelId} from "../types/Ids.sol";

/// @title ModelINFT: a model as a token: ERC-721, ERC-7857, royalties (ERC-2981), metadata events (ERC-4906).
/// @notice ERC-2981 knows one receiver: `royaltyInfo` names the first payee of the split. What the protocol itself pays follows the whole split.
///
/// A plain token moves as ERC-721. A *sealed* token stands for encrypted data: its key lies on chain, sealed for the present owner, and moves only with a proof
/// that it was sealed anew for the next (`iTransfer`, `iClone`); ERC-721 transfers of it are refused. What a seal promises: whoever receives the token, receives the
/// key behind keyHash. What it cannot promise:
/// - An old owner, and anybody it told, still has the key and the data. A sale adds a reader and removes none; `seal` again, with fresh data and key, is what shuts old readers out.
/// - That the data decrypt to a good model, or to any. Judge that before you sign.
/// - Secrecy of what is public anyway: a model trained in open campaigns is known to whoever holds t + 1 node sums of its last round. Therefore a model with a campaign's
///   version, or with a live campaign, cannot be sealed, and a sealed one opens no campaign. That its data were not copied from an open one, the chain cannot see.
/// - That a usage authorisation is obeyed: the chain lists who may use a model; whoever runs it enforces.
interface IModelINFT {
    struct Payee {
        address account;
        uint16 bps; // of the creator share; all payees of a model sum to 10,000
    }

    /// A sealed token's data and key. All zero: a plain token.
    struct Seal {
        bytes32 dataHash; // of the encrypted data, e.g. their storage root
        uint256 keyHash; // Poseidon(k)
        SealedKey key; // k sealed for `holder`
        PublicKey holder; // the present owner's Baby Jubjub key
        uint256 binding; // under which `key` opens (SealedKeys)
        uint64 sequence; // counts the sealings made from this token, its own and its clones' first; no proof is good for two
    }

    event ModelMinted(
        ModelId indexed model,
        address indexed creator,
        uint16 royaltyBps,
        bytes32 runtimeHash,
        string uri
    );
    /// At mint, and for a clone.
    event SplitFixed(ModelId indexed model, Payee[] split);
    event ModelUriChanged(ModelId indexed model, string uri);
    event CloneShareFixed(ModelId indexed model, uint16 shareBps);
    /// Every sealing: first, renewed, moved or cloned (then `parent` is not 0).
    event ModelSealed(ModelId indexed model, address indexed owner, ModelId indexed parent, Seal seal);
    /// `era`: how often the token changed owner; an authorisation ends with its era, or earlier by AuthorizationRevoked.
    event UsageAuthorized(ModelId indexed model, address indexed user, uint64 era, uint64 expiresAt);

    error RoyaltyTooHigh(uint16 bps, uint16 limit);
    error BadSplit();
    error ZeroRuntimeHash();
    error ZeroHash();
    error UriTooLong(uint256 length, uint256 limit);
    error NoSuchModel(ModelId model);
    error NotModelOwner(ModelId model, address caller);
    error NotModelCreator(ModelId model, address caller);

    /// ERC-721 moves of a sealed token: the key would stay behind.
    error SealedMovesByProof(ModelId model);
    error NotSealed(ModelId model);
    /// The model's weights are, or may become, public: they have a campaign's version or a live campaign.
    error OpenModel(ModelId model);
    /// Another token stands for these data.
    error DataClaimed(bytes32 dataHash, ModelId by);
    error KeyNotFresh(uint256 keyHash);
    error OneProofPerItem(uint256 given, uint256 expected);
    /// The order that was signed is for another token, owner, receiver or kind of move.
    error WrongOrder();
    error WrongSigner(address signer);
    error WrongPublicKey();

    error CloningClosed(ModelId model);
    error CloneShareFixedAlready(ModelId model);
    error CloneShareTooHigh(uint16 bps, uint16 limit);
    error TooManyPayees(uint256 count, uint256 limit);
    /// Scaled by the clone share, this payee's part rounds to nothing.
    error ShareVanishes(address payee);

    error ZeroUser();
    error UsageExpired(uint64 expiresAt);
    error TooManyUsers(uint256 limit);
    error NotAuthorizedUser(ModelId model, address user);

    /// Mints a plain token to `to` (never calls it back); creator = caller. Royalty (<= 10 %) and split (1..8 payees) are fixed forever. `runtimeHash`: hash of the runtime spec (architecture, input and output schema).
    /// What sealing it afterwards can and cannot promise: above.
    function mint(
        address to,
        uint16 royaltyBps,
        Payee[] calldata split,
        bytes32 runtimeHash,
        string calldata uri
    ) external returns (ModelId);
    /// Token owner only (no approvals); uri <= 512 bytes.
    function setUri(ModelId model, string calldata uri) external;
    /// Token owner. Seals a plain token, or renews a sealed one with other data under a fresh key. `key` is k sealed for `holder`, the owner's Baby Jubjub key, under SealedKeys.binding(this,
    /// model, owner, sequence of the present seal + 1). One data hash belongs to one token and its clones (whoever comes first; encrypt anew if another did).
    /// @dev Warning: nobody proves here that `key` holds what keyHash says; a token sealed otherwise can never be proved over to a buyer.
    function seal(
        ModelId model,
        bytes32 dataHash,
        uint256 keyHash,
        SealedKey calldata key,
        PublicKey calldata holder
    ) external;
    /// Creator, once. Opens cloning: every clone's split gives this share (<= 20 %) to the payees of the model it was cloned from.
    function fixCloneShare(ModelId model, uint16 shareBps) external;

    /// Token owner: as ERC-7857's authorizeUsage, until `expiresAt` (unix seconds, the last valid one). At most 64 users; expired ones make room. Renews an authorisation that stands. All end when the owner changes.
    function authorizeUsageUntil(ModelId model, address user, uint64 expiresAt) external;
    /// The owner, or a user whose authorisation stands.
    function mayUse(ModelId model, address user) external view returns (bool);
    /// 0: none.
    function usageExpiryOf(ModelId model, address user) external view returns (uint64);

    function creatorOf(ModelId model) external view returns (address);
    function ownerOfModel(ModelId model) external view returns (address);
    function royaltyBpsOf(ModelId model) external view returns (uint16);
    function splitOf(ModelId model) external view returns (Payee[] memory);
    /// As fixed at mint; later ones: IModelVersions.publishSpec.
    function runtimeHashOf(ModelId model) external view returns (bytes32);
    function exists(ModelId model) external view returns (bool);
    function isSealed(ModelId model) external view returns (bool);
    function sealOf(ModelId model) external view returns (Seal memory);
    /// (0: not a clone, share of clones; 0: closed)
    function cloningOf(ModelId model) external view returns (ModelId parent, uint16 shareBps);
}
