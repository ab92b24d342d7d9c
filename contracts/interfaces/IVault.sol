// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.34;

/// @title Vault: holds every token of the protocol; not a proxy.
/// @notice Balances are held by (token, purpose, party). A purpose belongs to exactly one module, which alone may move it. Credited money
/// belongs to its owner and moves only by `withdrawTo`. Governance may reassign a purpose to another module only after `moduleDelay`.
/// @dev Warning: whoever approves the vault trusts every *active* module to pull only what the caller of that module agreed to. Approve exact amounts.
/// @dev Warning: a token whose balances shrink by themselves (rebasing, seizure) makes its own book short: its holders are paid first come, first
/// served. Books are kept per token, so no other token is touched.
interface IVault {
    event PurposeAssigned(bytes32 indexed purpose, address indexed module);
    event AssignmentScheduled(bytes32 indexed purpose, address indexed module, uint256 activeAt);
    event AssignmentCancelled(bytes32 indexed purpose, address indexed module);
    event Deposited(
        address indexed token,
        bytes32 indexed purpose,
        bytes32 indexed party,
        address from,
        uint256 amount
    );
    event Moved(
        address indexed token,
        bytes32 fromPurpose,
        bytes32 indexed fromParty,
        bytes32 toPurpose,
        bytes32 indexed toParty,
        uint256 amount
    );
    event Credited(
        address indexed token,
        bytes32 fromPurpose,
        bytes32 indexed fromParty,
        address indexed owner,
        uint256 amount
    );
    event Withdrawn(address indexed token, address indexed owner, address indexed to, uint256 amount);

    error NotDeployer(address caller);
    error InitialAssignmentDone();
    error LengthMismatch(uint256 purposes, uint256 modules);
    error DelayOutOfBounds(uint256 delay, uint256 min, uint256 max);
    error NotModule(bytes32 purpose, address caller);
    error PurposeUnassigned(bytes32 purpose);
    error PurposeTaken(bytes32 purpose, address module);
    error NotYetActive(bytes32 purpose, uint256 activeAt);
    error NothingScheduled(bytes32 purpose);
    error InsufficientBalance(address token, bytes32 purpose, bytes32 party, uint256 available, uint256 needed);
    error InsufficientCredit(address token, address owner, uint256 available, uint256 needed);
    error TokenTransferMismatch(address token, uint256 expected, uint256 received);
    error ZeroAddress();

    /// The deployer, exactly once: the modules that this deployment starts with. Everything later waits `moduleDelay`.
    function assignInitial(bytes32[] calldata purposes, address[] calldata modules) external;
    /// Governor. Names the module that may take over `purpose` (assigned or new) after `moduleDelay`; replaces an assignment scheduled before.
    /// Gives the governor no way to move money: until then sponsors may cancel and everybody may leave.
    function scheduleAssignment(bytes32 purpose, address module) external;
    /// Governor or guardian.
    function cancelAssignment(bytes32 purpose) external;
    /// Anybody, once the scheduled assignment's time has come.
    function activateAssignment(bytes32 purpose) external;

    /// Pulls exactly `amount` of `token` from `from` into (purpose, party). Reverts if the balance delta differs (fee-on-transfer, rebasing).
    function deposit(address token, bytes32 purpose, bytes32 party, address from, uint256 amount) external;
    /// Moves held money from a purpose of the caller to any assigned purpose; zero amounts pass (the receiver's module then owns it).
    function move(
        address token,
        bytes32 fromPurpose,
        bytes32 fromParty,
        bytes32 toPurpose,
        bytes32 toParty,
        uint256 amount
    ) external;
    /// Moves held money of the caller's purpose to `owner`'s credit.
    function credit(address token, bytes32 purpose, bytes32 party, address owner, uint256 amount) external;
    /// Pays the caller's own credit out to `to`.
    function withdrawTo(address token, address to, uint256 amount) external;

    function heldOf(address token, bytes32 purpose, bytes32 party) external view returns (uint256);
    function creditOf(address token, address owner) external view returns (uint256);
    /// Sum of all held and credited amounts; <= token balance at all times.
    function totalOf(address token) external view returns (uint256);
    function moduleOf(bytes32 purpose) external view returns (address);
    /// (0, 0) when nothing is scheduled.
    function scheduledOf(bytes32 purpose) external view returns (address module, uint64 activeAt);
    /// Seconds, fixed at construction, 61..90 days: longer than any legal unbonding time (60 days), so that everybody can leave before a new module starts.
    function moduleDelay() external view returns (uint32);
}
