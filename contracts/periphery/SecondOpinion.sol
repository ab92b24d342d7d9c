// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.34;

import {ILicenseHook} from "../interfaces/ILicenseHook.sol";
import {ILicenseMarket} from "../interfaces/ILicenseMarket.sol";
import {LicenseId, OfferId} from "../types/Ids.sol";

/// @title SecondOpinion: an example of a contract that sells nothing itself but asks for a licence, and of a seller's hook.
/// @notice Questions about one model's output are answered for its licensees. A licensee makes this contract the delegate of a per-use licence
/// (`LicenseMarket.setDelegate`), so that a question and the use that pays for it are one transaction; or holds a timed licence, which costs no use.
/// As hook of the model's offers it admits only the buyers that its owner has welcomed, and remembers who has been closed.
contract SecondOpinion is ILicenseHook {
    ILicenseMarket public immutable MARKET;
    uint64 public immutable MODEL;
    address public immutable OWNER;

    mapping(address buyer => bool) public welcome;
    mapping(LicenseId => bool) public closed;
    uint256 public questions;

    event Asked(uint256 indexed question, address indexed licensee, LicenseId indexed license, bytes32 digest);

    error NotOwner(address caller);
    error NotMarket(address caller);
    error NotWelcome(address buyer);
    error NotLicensed(address user);
    error NotYours(LicenseId license, address caller);

    constructor(ILicenseMarket market, uint64 model) {
        (MARKET, MODEL, OWNER) = (market, model, msg.sender);
    }

    function setWelcome(address buyer, bool is_) external {
        if (msg.sender != OWNER) revert NotOwner(msg.sender);
        welcome[buyer] = is_;
    }

    /// Takes one use of the caller's per-use licence. Without the caller's licence, or its delegation, the market refuses.
    function ask(LicenseId license, bytes32 digest) external returns (uint256 question) {
        ILicenseMarket.License memory l = MARKET.licenseOf(license);
        // A delegate acts for every licensee that named it: it has to know for whom.
        if (l.licensee != msg.sender) revert NotYours(license, msg.sender);
        (ILicenseMarket.Offer memory o, ) = MARKET.offerOf(l.offer);
        if (o.asset != ILicenseMarket.Asset.Model || o.assetId != MODEL) revert NotLicensed(msg.sender);
        question = ++questions;
        emit Asked(question, msg.sender, license, digest);
        MARKET.use(license, 1);
    }

    /// Open to whoever holds any valid licence of the model; takes nothing.
    function lastQuestion() external view returns (uint256) {
        if (!MARKET.isLicensed(ILicenseMarket.Asset.Model, MODEL, 0, msg.sender)) revert NotLicensed(msg.sender);
        return questions;
    }

    /// @inheritdoc ILicenseHook
    function licenseBought(OfferId, LicenseId, address licensee, uint32) external view returns (bytes4) {
        if (msg.sender != address(MARKET)) revert NotMarket(msg.sender);
        if (!welcome[licensee]) revert NotWelcome(licensee);
        return ILicenseHook.licenseBought.selector;
    }

    /// @inheritdoc ILicenseHook
    function licenseChanged(LicenseId license, Change change) external {
        if (msg.sender != address(MARKET)) revert NotMarket(msg.sender);
        if (change == Change.Closed) closed[license] = true;
    }
}
