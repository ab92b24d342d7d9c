// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.34;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {IVault} from "../interfaces/IVault.sol";

/// @title Vault: see IVault. Deployed as is, never upgraded.
contract Vault is IVault, AccessManaged, ReentrancyGuardTransient {
    using SafeERC20 for IERC20;

    struct Assignment {
        address module;
        uint64 activeAt; // 0: nothing scheduled
    }

    /// Longer than ProtocolParameters' longest legal unbonding time (60 days) by a day to notice.
    uint32 public constant MIN_MODULE_DELAY = 61 days;
    /// A broken module has to be replaceable within a quarter.
    uint32 public constant MAX_MODULE_DELAY = 90 days;

    /// @inheritdoc IVault
    uint32 public immutable moduleDelay;
    address private immutable DEPLOYER;

    bool private _initialDone;
    mapping(bytes32 purpose => address) private _module;
    mapping(bytes32 purpose => Assignment) private _scheduled;
    mapping(address token => mapping(bytes32 purpose => mapping(bytes32 party => uint256))) private _held;
    mapping(address token => mapping(address owner => uint256)) private _credit;
    mapping(address token => uint256) private _total;

    modifier onlyModule(bytes32 purpose) {
        if (msg.sender != _module[purpose]) revert NotModule(purpose, msg.sender);
        _;
    }

    constructor(address authority_, uint32 moduleDelay_) AccessManaged(authority_) {
        if (authority_ == address(0)) revert ZeroAddress();
        if (moduleDelay_ < MIN_MODULE_DELAY || moduleDelay_ > MAX_MODULE_DELAY) {
            revert DelayOutOfBounds(moduleDelay_, MIN_MODULE_DELAY, MAX_MODULE_DELAY);
        }
        moduleDelay = moduleDelay_;
        DEPLOYER = msg.sender;
    }

    // --- who may move which purpose

    /// @inheritdoc IVault
    function assignInitial(bytes32[] calldata purposes, address[] calldata modules) external {
        if (msg.sender != DEPLOYER) revert NotDeployer(msg.sender);
        if (_initialDone) revert InitialAssignmentDone();
        if (purposes.length != modules.length) revert LengthMismatch(purposes.length, modules.length);
        _initialDone = true;
        for (uint256 i; i < purposes.length; ++i) {
            address taken = _module[purposes[i]];
            if (taken != address(0)) revert PurposeTaken(purposes[i], taken);
            _assign(purposes[i], modules[i]);
        }
    }

    /// @inheritdoc IVault
    function scheduleAssignment(bytes32 purpose, address module) external restricted {
        if (module == address(0)) revert ZeroAddress();
        uint64 activeAt = uint64(block.timestamp) + moduleDelay;
        _scheduled[purpose] = Assignment(module, activeAt);
        emit AssignmentScheduled(purpose, module, activeAt);
    }

    /// @inheritdoc IVault
    function cancelAssignment(bytes32 purpose) external restricted {
        emit AssignmentCancelled(purpose, _takeScheduled(purpose).module);
    }

    /// @inheritdoc IVault
    function activateAssignment(bytes32 purpose) external {
        Assignment memory next = _takeScheduled(purpose);
        if (block.timestamp < next.activeAt) revert NotYetActive(purpose, next.activeAt);
        _assign(purpose, next.module);
    }

    // --- money

    /// @inheritdoc IVault
    function deposit(
        address token,
        bytes32 purpose,
        bytes32 party,
        address from,
        uint256 amount
    ) external onlyModule(purpose) nonReentrant {
        _held[token][purpose][party] += amount;
        _total[token] += amount;
        emit Deposited(token, purpose, party, from, amount);

        uint256 before = IERC20(token).balanceOf(address(this));
        IERC20(token).safeTransferFrom(from, address(this), amount);
        _requireDelta(token, amount, before, IERC20(token).balanceOf(address(this)));
    }

    /// @inheritdoc IVault
    function move(
        address token,
        bytes32 fromPurpose,
        bytes32 fromParty,
        bytes32 toPurpose,
        bytes32 toParty,
        uint256 amount
    ) external onlyModule(fromPurpose) nonReentrant {
        if (_module[toPurpose] == address(0)) revert PurposeUnassigned(toPurpose);
        _debit(token, fromPurpose, fromParty, amount);
        _held[token][toPurpose][toParty] += amount;
        emit Moved(token, fromPurpose, fromParty, toPurpose, toParty, amount);
    }

    /// @inheritdoc IVault
    function credit(
        address token,
        bytes32 purpose,
        bytes32 party,
        address owner,
        uint256 amount
    ) external onlyModule(purpose) nonReentrant {
        if (owner == address(0)) revert ZeroAddress();
        _debit(token, purpose, party, amount);
        _credit[token][owner] += amount;
        emit Credited(token, purpose, party, owner, amount);
    }

    /// @inheritdoc IVault
    function withdrawTo(address token, address to, uint256 amount) external nonReentrant {
        if (to == address(0)) revert ZeroAddress();
        uint256 available = _credit[token][msg.sender];
        if (available < amount) revert InsufficientCredit(token, msg.sender, available, amount);
        unchecked {
            _credit[token][msg.sender] = available - amount; // available >= amount
            _total[token] -= amount; // the total is a sum that contains this credit
        }
        emit Withdrawn(token, msg.sender, to, amount);

        uint256 before = IERC20(token).balanceOf(address(this));
        IERC20(token).safeTransfer(to, amount);
        // A token that takes more than it was told to would spend what others hold.
        _requireDelta(token, amount, IERC20(token).balanceOf(address(this)), before);
    }

    // --- views

    /// @inheritdoc IVault
    function heldOf(address token, bytes32 purpose, bytes32 party) external view returns (uint256) {
        return _held[token][purpose][party];
    }

    /// @inheritdoc IVault
    function creditOf(address token, address owner) external view returns (uint256) {
        return _credit[token][owner];
    }

    /// @inheritdoc IVault
    function totalOf(address token) external view returns (uint256) {
        return _total[token];
    }

    /// @inheritdoc IVault
    function moduleOf(bytes32 purpose) external view returns (address) {
        return _module[purpose];
    }

    /// @inheritdoc IVault
    function scheduledOf(bytes32 purpose) external view returns (address module, uint64 activeAt) {
        Assignment storage a = _scheduled[purpose];
        return (a.module, a.activeAt);
    }

    // --- internals

    function _assign(bytes32 purpose, address module) private {
        if (module == address(0)) revert ZeroAddress();
        _module[purpose] = module;
        emit PurposeAssigned(purpose, module);
    }

    function _takeScheduled(bytes32 purpose) private returns (Assignment memory a) {
        a = _scheduled[purpose];
        if (a.activeAt == 0) revert NothingScheduled(purpose);
        delete _scheduled[purpose];
    }

    function _debit(address token, bytes32 purpose, bytes32 party, uint256 amount) private {
        uint256 available = _held[token][purpose][party];
        if (available < amount) revert InsufficientBalance(token, purpose, party, available, amount);
        unchecked {
            _held[token][purpose][party] = available - amount; // available >= amount
        }
    }

    /// `high` − `low` must be exactly `amount`; a balance that went the other way counts as 0.
    function _requireDelta(address token, uint256 amount, uint256 low, uint256 high) private pure {
        uint256 delta = high < low ? 0 : high - low;
        if (delta != amount) revert TokenTransferMismatch(token, amount, delta);
    }
}
