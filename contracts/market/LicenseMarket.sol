// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.34;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {Module, Modules} from "../access/Module.sol";
import {IConsentRegistry} from "../interfaces/IConsentRegistry.sol";
import {IDatasetRegistry} from "../interfaces/IDatasetRegistry.sol";
import {ILicenseHook} from "../interfaces/ILicenseHook.sol";
import {ILicenseMarket} from "../interfaces/ILicenseMarket.sol";
import {IModelINFT} from "../interfaces/IModelINFT.sol";
import {IProtocolParameters} from "../interfaces/IProtocolParameters.sol";
import {IStake} from "../interfaces/IStake.sol";
import {IVault} from "../interfaces/IVault.sol";
import {Purposes} from "../libraries/Purposes.sol";
import {Transcript} from "../libraries/Transcript.sol";
import {DatasetId, LicenseId, ModelId, OfferId} from "../types/Ids.sol";
import {Permit} from "../types/Market.sol";
import {Purpose} from "../types/Training.sol";
import {Permits} from "./Permits.sol";

/// @title LicenseMarket: see ILicenseMarket. The money itself lies in the vault under (LICENSE, licence).
contract LicenseMarket is ILicenseMarket, Module {
    /// @custom:storage-location erc7201:mednexus.storage.LicenseMarket
    struct LicenseStorage {
        uint64 offers;
        uint64 licenses;
        mapping(OfferId => Offer) offer;
        mapping(OfferId => bool) withdrawn;
        mapping(LicenseId => License) license;
        mapping(LicenseId => mapping(address delegate => bool)) delegates;
        mapping(bytes32 assetUser => LicenseId) latest; // key: _assetKey
    }

    uint32 public constant MIN_PERIOD = 1 hours;
    /// Bounds what one purchase pays ahead.
    uint32 public constant MAX_DURATION = 366 days;
    /// For a hook that only hears.
    uint256 public constant HOOK_GAS = 100_000;

    uint256 private constant BPS = 10_000;

    // keccak256(abi.encode(uint256(keccak256("mednexus.storage.LicenseMarket")) - 1)) & ~bytes32(uint256(0xff)); recomputed in a test
    bytes32 private constant LICENSE_SLOT = 0xf7b34e1fb61f7aa5f47fdd1f4e4994f2c53b0cbc7c5f68af9aca5216c815ae00;

    function initialize(address authority) external initializer {
        __Module_init(authority);
    }

    // --- sellers

    /// @inheritdoc ILicenseMarket
    function offer(Offer calldata terms) external returns (OfferId id) {
        _parameters().requireEntriesOpen();
        _requireOffer(terms);
        LicenseStorage storage $ = _licenses();
        id = OfferId.wrap(++$.offers);
        $.offer[id] = terms;
        emit OfferPublished(id, msg.sender, terms.asset, terms.assetId, terms);
    }

    /// @inheritdoc ILicenseMarket
    function withdrawOffer(OfferId id) external {
        Offer storage o = _offer(id);
        if (o.seller != msg.sender) revert NotAssetOwner(o.asset, o.assetId, msg.sender);
        _licenses().withdrawn[id] = true;
        emit OfferWithdrawn(id);
    }

    /// @inheritdoc ILicenseMarket
    function collect(LicenseId id) external returns (uint256 earned) {
        License storage l = _license(id);
        Offer memory o = _offer(l.offer);
        uint256 before = l.collected;
        uint256 total = _earned(l, o);
        earned = total - before;
        if (earned == 0) return 0;
        l.collected = uint128(total); // at most price · units < 2^128
        // Floors of the whole, less floors of what was collected before: collecting often gains nothing.
        uint256 fee = (total * l.protocolFeeBps) / BPS - (before * l.protocolFeeBps) / BPS;
        uint256 royalty = o.asset == Asset.Model ? _payRoyalty(id, ModelId.wrap(o.assetId), before, total) : 0;
        uint256 toSeller = earned - fee - royalty;
        emit LicenseCollected(id, earned, toSeller, royalty, fee);
        _credit(id, _parameters().treasury(), fee);
        _credit(id, o.seller, toSeller);
    }

    // --- buyers and users

    /// @inheritdoc ILicenseMarket
    function buy(
        OfferId id,
        uint32 units,
        Purpose calldata purpose,
        Permit calldata permit
    ) external returns (LicenseId license) {
        _parameters().requireEntriesOpen();
        Offer memory o = _offer(id);
        if (_licenses().withdrawn[id]) revert OfferIsWithdrawn(id);
        if (units == 0 || units > o.maxUnits) revert BadUnits(units, o.maxUnits);
        address owner = _ownerOf(o.asset, o.assetId);
        if (owner != o.seller) revert SellerMoved(id, owner);

        license = _open(id, o, units, purpose);
        uint256 paid = uint256(o.price) * units;
        address token = IStake(_modules().stake).token();
        Permits.spend(token, msg.sender, _modules().vault, paid, permit);
        _vault().deposit(token, Purposes.LICENSE, _party(license), msg.sender, paid);
        if (o.hook == address(0)) return license;
        bytes4 answer = ILicenseHook(o.hook).licenseBought(id, license, msg.sender, units);
        if (answer != ILicenseHook.licenseBought.selector) revert HookRefused(o.hook);
    }

    /// @inheritdoc ILicenseMarket
    function use(LicenseId id, uint32 uses) external {
        License storage l = _license(id);
        if (!_mayUse(id, l, msg.sender)) revert NotLicensee(id, msg.sender);
        Offer memory o = _offer(l.offer);
        _requireValid(id, l, o, uses);
        if (o.pricing == Pricing.PerUse) l.used += uses;
        else uses = 0; // a timed licence counts none, and says so
        emit LicenseUsed(id, msg.sender, uses);
        _tell(id, o.hook, ILicenseHook.Change.Used);
    }

    /// @inheritdoc ILicenseMarket
    function setDelegate(LicenseId id, address delegate, bool allowed) external {
        if (_license(id).licensee != msg.sender) revert NotLicensee(id, msg.sender);
        _licenses().delegates[id][delegate] = allowed;
        emit DelegateSet(id, delegate, allowed);
    }

    /// @inheritdoc ILicenseMarket
    function close(LicenseId id) external returns (uint256 refund) {
        License storage l = _license(id);
        if (l.closedAt != 0) revert LicenseIsClosed(id);
        Offer memory o = _offer(l.offer);
        bool ofData = o.asset == Asset.Dataset;
        if (l.licensee != msg.sender && !(ofData && !_consents(l, o))) revert NotYetClosable(id, msg.sender);
        // A refusal can be the licensee's own doing (its ethics approval) or be known to it (a time limit); only subjects and institution move the epoch.
        bool lost = ofData && _consent().epochOf(DatasetId.wrap(o.assetId)) != l.consentEpoch;
        l.keptAtClose = uint128(_keptAt(l, o, lost ? 0 : o.minUnits)); // at most price · units < 2^128
        l.closedAt = uint40(block.timestamp);
        uint256 kept = _heldBack(l, o.price);
        refund = uint256(o.price) * l.units - kept;
        emit LicenseClosed(id, msg.sender, lost, kept, refund);
        _credit(id, l.licensee, refund);
        _tell(id, o.hook, ILicenseHook.Change.Closed);
    }

    // --- ComputeMarket

    /// @inheritdoc ILicenseMarket
    function reserve(
        LicenseId id,
        address user,
        Asset asset,
        uint64 assetId,
        uint32 version,
        bytes32 purposeHash
    ) external {
        _onlyModule(_modules().compute);
        License storage l = _license(id);
        if (l.licensee != user) revert NotLicensee(id, user);
        Offer memory o = _offer(l.offer);
        bool fits = o.asset == asset && o.assetId == assetId;
        if (fits && asset == Asset.Dataset)
            fits = o.version == version && Transcript.purposeHash(l.purpose) == purposeHash;
        if (!fits) revert LicenseMismatch(id);
        _requireValid(id, l, o, 1);
        if (o.pricing == Pricing.Timed) return;
        l.reserved += 1;
        emit LicenseReserved(id);
    }

    /// @inheritdoc ILicenseMarket
    function settleReservation(LicenseId id, bool earned) external {
        _onlyModule(_modules().compute);
        License storage l = _license(id);
        Offer storage o = _offer(l.offer);
        if (o.pricing == Pricing.Timed) return;
        if (l.reserved == 0) revert NothingReserved(id);
        uint96 price = o.price;
        uint256 before = _heldBack(l, price);
        l.reserved -= 1;
        if (earned) l.used += 1;
        emit ReservationEnded(id, earned ? 1 : 0);
        if (l.closedAt == 0) return;
        l.keptAtClose = uint128(Math.max(l.keptAtClose, uint256(price) * l.used)); // used <= units
        _credit(id, l.licensee, before - _heldBack(l, price)); // nothing if earned: used + reserved stays
    }

    // --- views

    /// @inheritdoc ILicenseMarket
    function isLicensed(Asset asset, uint64 assetId, uint32 version, address user) external view returns (bool) {
        LicenseId id = _licenses().latest[_assetKey(asset, assetId, user)];
        if (LicenseId.unwrap(id) == 0) return false;
        License storage l = _license(id);
        Offer memory o = _offer(l.offer);
        return (version == 0 || o.version == version) && _refusal(id, l, o, 1).length == 0;
    }

    /// @inheritdoc ILicenseMarket
    function isUsableBy(LicenseId id, address user) external view returns (bool) {
        License storage l = _license(id);
        return _mayUse(id, l, user) && _refusal(id, l, _offer(l.offer), 1).length == 0;
    }

    /// @inheritdoc ILicenseMarket
    function latestLicenseOf(Asset asset, uint64 assetId, address user) external view returns (LicenseId) {
        return _licenses().latest[_assetKey(asset, assetId, user)];
    }

    /// @inheritdoc ILicenseMarket
    function earnedOf(LicenseId id) external view returns (uint256 earned, uint256 collectable) {
        License storage l = _license(id);
        earned = _earned(l, _offer(l.offer));
        collectable = earned - l.collected;
    }

    /// @inheritdoc ILicenseMarket
    function offerOf(OfferId id) external view returns (Offer memory terms, bool open) {
        return (_offer(id), !_licenses().withdrawn[id]);
    }

    /// @inheritdoc ILicenseMarket
    function licenseOf(LicenseId id) external view returns (License memory) {
        return _license(id);
    }

    // --- money

    /// Earned so far, rounded down.
    function _earned(License storage l, Offer memory o) private view returns (uint256) {
        if (l.closedAt != 0) return l.keptAtClose;
        if (o.pricing == Pricing.PerUse) return uint256(o.price) * l.used;
        (uint256 elapsed, uint256 duration) = _elapsed(l, o);
        return (uint256(o.price) * l.units * elapsed) / duration;
    }

    /// What the payees of a licence that closes now have for sure: what is earned (rounded up, for the buyer may be the caller), at least `minUnits`.
    function _keptAt(License storage l, Offer memory o, uint32 minUnits) private view returns (uint256) {
        uint256 least = uint256(o.price) * Math.min(minUnits, l.units);
        if (o.pricing == Pricing.PerUse) return Math.max(uint256(o.price) * l.used, least);
        (uint256 elapsed, uint256 duration) = _elapsed(l, o);
        return Math.max(Math.ceilDiv(uint256(o.price) * l.units * elapsed, duration), least);
    }

    /// What a closed licence holds back from the licensee, collected or not: what its payees have, and what its jobs can still earn beyond that.
    function _heldBack(License storage l, uint96 price) private view returns (uint256) {
        return Math.max(uint256(price) * (uint256(l.used) + l.reserved), l.keptAtClose);
    }

    function _elapsed(License storage l, Offer memory o) private view returns (uint256 elapsed, uint256 duration) {
        duration = uint256(o.period) * l.units;
        elapsed = Math.min(block.timestamp - l.start, duration);
    }

    /// Each payee's floor of the royalty on `total`, less the same on `before`.
    function _payRoyalty(LicenseId id, ModelId model, uint256 before, uint256 total) private returns (uint256 paid) {
        IModelINFT inft = IModelINFT(_modules().inft);
        uint256 rate = inft.royaltyBpsOf(model);
        IModelINFT.Payee[] memory split = inft.splitOf(model);
        for (uint256 i; i < split.length; ++i) {
            uint256 share = rate * split[i].bps;
            uint256 part = (total * share) / (BPS * BPS) - (before * share) / (BPS * BPS);
            paid += part;
            _credit(id, split[i].account, part);
        }
    }

    function _credit(LicenseId id, address owner, uint256 amount) private {
        if (amount == 0) return;
        _vault().credit(IStake(_modules().stake).token(), Purposes.LICENSE, _party(id), owner, amount);
    }

    // --- rules

    function _open(
        OfferId id,
        Offer memory o,
        uint32 units,
        Purpose calldata purpose
    ) private returns (LicenseId license) {
        LicenseStorage storage $ = _licenses();
        license = LicenseId.wrap(++$.licenses);
        License storage l = $.license[license];
        (l.offer, l.licensee, l.units) = (id, msg.sender, units);
        l.start = uint40(block.timestamp);
        l.protocolFeeBps = _parameters().get().protocolFeeBps;
        if (o.asset == Asset.Dataset) {
            if (purpose.user != msg.sender) revert PurposeUserMismatch(purpose.user, msg.sender);
            l.purpose = purpose;
            l.consentEpoch = _consent().requireAllowed(DatasetId.wrap(o.assetId), o.version, purpose);
        }
        $.latest[_assetKey(o.asset, o.assetId, msg.sender)] = license;
        uint256 paid = uint256(o.price) * units;
        emit LicenseBought(license, id, msg.sender, units, paid, l.consentEpoch, l.purpose);
    }

    function _requireOffer(Offer calldata o) private view {
        if (o.seller != msg.sender || _ownerOf(o.asset, o.assetId) != msg.sender)
            revert NotAssetOwner(o.asset, o.assetId, msg.sender);
        if (o.price == 0) revert BadOffer("price");
        if (o.maxUnits == 0 || o.minUnits > o.maxUnits) revert BadOffer("units");
        if (o.pricing == Pricing.PerUse) {
            if (o.period != 0) revert BadOffer("period");
        } else if (o.period < MIN_PERIOD || uint256(o.period) * o.maxUnits > MAX_DURATION) revert BadOffer("period");
        if (o.asset == Asset.Model) {
            if (o.version != 0) revert BadOffer("version");
        } else IDatasetRegistry(_modules().datasets).versionOf(DatasetId.wrap(o.assetId), o.version);
    }

    function _requireValid(LicenseId id, License storage l, Offer memory o, uint256 uses) private view {
        bytes memory refusal = _refusal(id, l, o, uses);
        if (refusal.length == 0) return;
        assembly ("memory-safe") {
            revert(add(refusal, 0x20), mload(refusal))
        }
    }

    /// Empty, or the encoded error that says why the licence is not valid for `uses` more uses now.
    function _refusal(
        LicenseId id,
        License storage l,
        Offer memory o,
        uint256 uses
    ) private view returns (bytes memory) {
        if (l.closedAt != 0) return abi.encodeWithSelector(LicenseIsClosed.selector, id);
        if (o.pricing == Pricing.PerUse) {
            uint256 left = uint256(l.units) - l.used - l.reserved;
            if (uses == 0 || uses > left) return abi.encodeWithSelector(LicenseExhausted.selector, id, left);
        } else {
            uint256 endedAt = l.start + uint256(o.period) * l.units;
            if (block.timestamp >= endedAt) return abi.encodeWithSelector(LicenseExpired.selector, id, endedAt);
        }
        if (o.asset == Asset.Model) return "";
        try _consent().requireAllowed(DatasetId.wrap(o.assetId), o.version, l.purpose) {
            return "";
        } catch (bytes memory reason) {
            return reason.length == 0 ? abi.encodeWithSelector(LicenseMismatch.selector, id) : reason;
        }
    }

    function _consents(License storage l, Offer memory o) private view returns (bool) {
        try _consent().requireAllowed(DatasetId.wrap(o.assetId), o.version, l.purpose) {
            return true;
        } catch (bytes memory reason) {
            return reason.length == 0; // a refusal has a name; nothing at all is a caller short of gas
        }
    }

    function _mayUse(LicenseId id, License storage l, address user) private view returns (bool) {
        return l.licensee == user || _licenses().delegates[id][user];
    }

    /// A hook that only hears: bounded gas, nothing of its answer is read. A caller short of gas would silence it, so it has to bring enough.
    function _tell(LicenseId id, address hook, ILicenseHook.Change change) private {
        if (hook == address(0)) return;
        bytes memory data = abi.encodeCall(ILicenseHook.licenseChanged, (id, change));
        uint256 gas_ = HOOK_GAS;
        uint256 available = (gasleft() * 63) / 64;
        if (available < gas_) revert GasTooLow(available, gas_);
        bool ok;
        assembly ("memory-safe") {
            ok := call(gas_, hook, 0, add(data, 0x20), mload(data), 0, 0)
        }
        if (!ok) emit HookFailed(id, hook);
    }

    function _ownerOf(Asset asset, uint64 id) private view returns (address) {
        Modules storage m = _modules();
        if (asset == Asset.Model) return IModelINFT(m.inft).ownerOfModel(ModelId.wrap(id));
        return IDatasetRegistry(m.datasets).institutionOf(DatasetId.wrap(id));
    }

    function _offer(OfferId id) private view returns (Offer storage o) {
        o = _licenses().offer[id];
        if (o.seller == address(0)) revert NoSuchOffer(id);
    }

    function _license(LicenseId id) private view returns (License storage l) {
        l = _licenses().license[id];
        if (l.licensee == address(0)) revert NoSuchLicense(id);
    }

    function _assetKey(Asset asset, uint64 id, address user) private pure returns (bytes32) {
        return keccak256(abi.encode(asset, id, user));
    }

    function _party(LicenseId id) private pure returns (bytes32) {
        return bytes32(uint256(LicenseId.unwrap(id)));
    }

    function _vault() private view returns (IVault) {
        return IVault(_modules().vault);
    }

    function _parameters() private view returns (IProtocolParameters) {
        return IProtocolParameters(_modules().parameters);
    }

    function _consent() private view returns (IConsentRegistry) {
        return IConsentRegistry(_modules().consent);
    }

    function _licenses() private pure returns (LicenseStorage storage $) {
        assembly {
            $.slot := LICENSE_SLOT
        }
    }
}
