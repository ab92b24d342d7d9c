// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.34;

import {ModelId} from "../types/Ids.sol";

/// @title ModelINFT: a model as an ERC-721 token with ERC-2981 royalties and ERC-4906 metadata events.
/// @notice ERC-2981 knows one receiver: `royaltyInfo` names the first payee of the split. What the protocol itself pays follows the whole split.
interface IModelINFT {
    struct Payee {
        address account;
        uint16 bps; // of the creator share; all payees of a model sum to 10,000
    }

    event ModelMinted(
        ModelId indexed model,
        address indexed creator,
        uint16 royaltyBps,
        bytes32 runtimeHash,
        string uri
    );
    event ModelUriChanged(ModelId indexed model, string uri);

    error RoyaltyTooHigh(uint16 bps, uint16 limit);
    error BadSplit();
    error ZeroRuntimeHash();
    error UriTooLong(uint256 length, uint256 limit);
    error NoSuchModel(ModelId model);
    error NotModelOwner(ModelId model, address caller);

    /// Mints to `to` (never calls it back); creator = caller. Royalty (<= 10 %) and split (1..8 payees) are fixed forever. `runtimeHash`: hash of the runtime spec (architecture, input and output schema).
    function mint(
        address to,
        uint16 royaltyBps,
        Payee[] calldata split,
        bytes32 runtimeHash,
        string calldata uri
    ) external returns (ModelId);
    /// Token owner only (no approvals); uri <= 512 bytes.
    function setUri(ModelId model, string calldata uri) external;

    function creatorOf(ModelId model) external view returns (address);
    function ownerOfModel(ModelId model) external view returns (address);
    function royaltyBpsOf(ModelId model) external view returns (uint16);
    function splitOf(ModelId model) external view returns (Payee[] memory);
    function runtimeHashOf(ModelId model) external view returns (bytes32);
    function exists(ModelId model) external view returns (bool);
}
