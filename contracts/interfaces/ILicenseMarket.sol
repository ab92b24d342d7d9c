// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.34;

import {LicenseId, OfferId} from "../types/Ids.sol";
import {Permit} from "../types/Market.sol";
import {Purpose} from "../types/Training.sol";

/// @title LicenseMarket: licences to use models and datasets, by the use or by time; the price is earned as it is used up.
/// @notice An owner publishes offers, each immutable under its id. A buyer pays for whole units at once: uses, or periods of time. What is earned (uses taken,
/// seconds gone, linearly) belongs to the payees fixed at the purchase: of a model, its royalty to the creator's split and the rest to the seller; of a dataset, its
/// institution; each less the protocol's fee. A token that moves later takes nothing along: what was sold before stays with who sold it.
/// What is not earned returns to the buyer when the licence is closed, less the offer's minimum; whole when the dataset's institution or subjects have changed
/// what they consent to. Consent is asked at each use; the licence of a dataset is for one version and one purpose, whose user is the licensee.
/// Everything is paid as vault credit. Rounding favours neither the caller nor the one who calls often: shares are floors of the sum earned so far.
/// Entries (`offer`, `buy`) stop while paused; uses, collecting, closing never do.
/// @dev Warning: a licence says who may use; it cannot take back what was decrypted.
/// Warning: a per-use licence has no end: what is not used stays the licensee's until it closes, and `minUnits` are earned only then.
/// Warning: consent refuses for a while, too: from a revocation to the next grants, and for a day after grants that may admit somebody. Whoever likes
/// can close a dataset's licences in that time; the licensee gets what is not earned and has to buy anew.
/// Warning: `collect` divides what has come since the last time; a last remainder of less than ten smallest units can be too small for it.
interface ILicenseMarket {
    enum Asset {
        Model,
        Dataset
    }

    enum Pricing {
        PerUse,
        Timed
    }

    struct Offer {
        address seller; // owner of the token when it was offered, and still when anybody buys
        Asset asset;
        uint64 assetId;
        uint32 version; // of the dataset; 0 for a model: all versions
        Pricing pricing;
        uint96 price; // of one unit, stake token
        uint32 period; // Timed: seconds of one unit, 1 hour .. 366 days; PerUse: 0
        uint32 minUnits; // not returned to a buyer that leaves early
        uint32 maxUnits; // of one purchase; together at most 366 days
        address hook; // ILicenseHook of the seller; zero: none
    }

    struct License {
        OfferId offer;
        address licensee; // who bought it; refunds go to it
        uint32 units;
        uint32 used; // PerUse; Timed: 0
        uint32 reserved; // PerUse: taken by open jobs, not yet earned; Timed: 0
        uint40 start; // unix seconds
        uint40 closedAt; // 0: open
        uint16 protocolFeeBps; // of what is earned; fixed at the purchase
        uint64 consentEpoch; // of a dataset, at the purchase
        uint128 keptAtClose; // once closed: what the payees have for sure; uses that jobs still hold may add to it
        uint128 collected; // of what is earned
        Purpose purpose; // of a dataset; empty for a model
    }

    event OfferPublished(
        OfferId indexed offer,
        address indexed seller,
        Asset asset,
        uint64 indexed assetId,
        Offer terms
    );
    event OfferWithdrawn(OfferId indexed offer);
    event LicenseBought(
        LicenseId indexed license,
        OfferId indexed offer,
        address indexed licensee,
        uint32 units,
        uint256 paid,
        uint64 consentEpoch,
        Purpose purpose
    );
    /// `uses`: taken of a per-use licence; 0 of a timed one.
    event LicenseUsed(LicenseId indexed license, address indexed by, uint32 uses);
    /// Per-use licences only, as ReservationEnded.
    event LicenseReserved(LicenseId indexed license);
    /// `uses`: 1 where the job was delivered, 0 where it came to nothing.
    event ReservationEnded(LicenseId indexed license, uint32 uses);
    event LicenseClosed(LicenseId indexed license, address indexed by, bool consentLost, uint256 kept, uint256 refund);
    event LicenseCollected(LicenseId indexed license, uint256 earned, uint256 toSeller, uint256 royalty, uint256 fee);
    event DelegateSet(LicenseId indexed license, address indexed delegate, bool allowed);
    event HookFailed(LicenseId indexed license, address indexed hook);

    error NotAssetOwner(Asset asset, uint64 assetId, address caller);
    error BadOffer(bytes32 what);
    error NoSuchOffer(OfferId offer);
    error OfferIsWithdrawn(OfferId offer);
    error SellerMoved(OfferId offer, address owner);
    error BadUnits(uint32 units, uint32 max);
    error PurposeUserMismatch(address user, address licensee);
    error NoSuchLicense(LicenseId license);
    error NotLicensee(LicenseId license, address caller);
    error NotYetClosable(LicenseId license, address caller);
    error LicenseIsClosed(LicenseId license);
    error LicenseExpired(LicenseId license, uint256 endedAt);
    error LicenseExhausted(LicenseId license, uint256 left);
    error LicenseMismatch(LicenseId license);
    error NothingReserved(LicenseId license);
    error HookRefused(address hook);
    error GasTooLow(uint256 available, uint256 needed);

    // --- sellers

    /// Owner of the model's token, or the dataset's institution. `seller` must be the caller. A hook is the seller's contract; see ILicenseHook.
    function offer(Offer calldata terms) external returns (OfferId);
    /// The offer's seller. Licences bought before stand.
    function withdrawOffer(OfferId id) external;
    /// Anybody: credits the payees with what is earned and not collected.
    function collect(LicenseId license) external returns (uint256 earned);

    // --- buyers and users

    /// Pays price · units from the caller's wallet, by allowance of the vault or by `permit`; the caller is the licensee. For a dataset `purpose` must be allowed now;
    /// for a model it is ignored. A permit that somebody has used before is no obstacle as long as the allowance stands.
    function buy(
        OfferId id,
        uint32 units,
        Purpose calldata purpose,
        Permit calldata permit
    ) external returns (LicenseId);
    /// Licensee or its delegate: takes `uses` of a per-use licence, earned at once; of a timed one it only checks that it is valid.
    function use(LicenseId license, uint32 uses) external;
    /// Licensee: who may take uses in its name.
    function setDelegate(LicenseId license, address delegate, bool allowed) external;
    /// Ends a licence and credits the licensee with what is not earned, less what `minUnits` keep unless the dataset's consent epoch has moved since the purchase.
    /// The licensee, at any time; anybody, once consent refuses the purpose.
    function close(LicenseId license) external returns (uint256 refund);

    // --- ComputeMarket only

    /// Sets one use aside for a job of `user`; a timed licence must be valid. For datasets `purposeHash` is Transcript.purposeHash of the licence's purpose.
    function reserve(
        LicenseId license,
        address user,
        Asset asset,
        uint64 assetId,
        uint32 version,
        bytes32 purposeHash
    ) external;
    /// The job was delivered (`earned`) or came to nothing: then the use is the licensee's again, or, where the licence is closed by now, its price beyond `minUnits`.
    function settleReservation(LicenseId license, bool earned) external;

    // --- views

    /// True iff the licence that `user` bought last for this asset is valid now: open, not used up, not expired, and for a dataset consent allows its
    /// purpose. `version` 0 asks for any.
    function isLicensed(Asset asset, uint64 assetId, uint32 version, address user) external view returns (bool);
    /// True iff this licence is valid now and `user` is its licensee or delegate.
    function isUsableBy(LicenseId license, address user) external view returns (bool);
    function latestLicenseOf(Asset asset, uint64 assetId, address user) external view returns (LicenseId);
    /// Earned so far, rounded down, and what of it nobody has collected.
    function earnedOf(LicenseId license) external view returns (uint256 earned, uint256 collectable);
    function offerOf(OfferId id) external view returns (Offer memory terms, bool open);
    function licenseOf(LicenseId license) external view returns (License memory);
}
