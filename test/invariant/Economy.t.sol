// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.34;

import {AccessManager} from "@openzeppelin/contracts/access/manager/AccessManager.sol";
import {Modules} from "../../contracts/access/Module.sol";
import {ProtocolParameters} from "../../contracts/governance/ProtocolParameters.sol";
import {IProtocolParameters} from "../../contracts/interfaces/IProtocolParameters.sol";
import {Purposes} from "../../contracts/libraries/Purposes.sol";
import {TestStablecoin} from "../../contracts/mocks/TestStablecoin.sol";
import {Stake} from "../../contracts/vault/Stake.sol";
import {Vault} from "../../contracts/vault/Vault.sol";
import {deploy, deployProxy} from "../utils/deploy.sol";
import {Targets, vm, bound} from "../utils/Vm.sol";

/// Random life of the real Vault, Stake and ProtocolParameters: parties stake, lock, leave; modules hold, move, credit; offences are slashed in time or late;
/// parameters change inside their bounds. Ghost ledgers are kept per party from token balances and call arguments, never from the vault's own counters.
contract EconomyHandler {
    struct Ledger {
        uint256 paidIn; // tokens that left the party's wallet for its stake
        uint256 returned; // credited from its stake to itself
        uint256 slashed;
        uint256 deposited; // tokens that left its wallet for a module's purpose
        uint256 withdrawn; // tokens that reached it or its payee
        uint256 credited; // by anybody to it, withdrawals not subtracted
        uint256 lockedNow; // by RoundManager
        uint256 lockedForJobs; // by ComputeMarket
    }

    struct Offence {
        uint256 until; // last second at which it may still be slashed
        uint256 owed; // active stake when it was committed, less slashes since
    }

    TestStablecoin public immutable TOKEN = TestStablecoin(deploy("TestStablecoin", ""));
    AccessManager public immutable MANAGER = AccessManager(deploy("AccessManager", abi.encode(address(this))));
    Vault public immutable VAULT;
    ProtocolParameters public immutable PARAMETERS;
    Stake public immutable STAKE;

    address public constant TREASURY = address(0x7ea5);
    address public constant CAMPAIGNS = address(0xca);
    address public constant ROUNDS = address(0x40);
    address public constant DISPUTES = address(0xd1);
    address public constant SUMS = address(0x50);
    address public constant SETTLEMENT = address(0x5e);
    address public constant COMPUTE = address(0xc0);
    uint256 public constant MODULES = 6; // purposes of stand-ins, see `module`
    uint256 public constant PARTIES = 3;
    uint256 public constant ACCOUNTS = 2; // party words per purpose of a module

    mapping(uint256 party => Ledger) public ledgers;
    mapping(uint256 party => Offence[]) private _offences;
    mapping(uint256 party => mapping(uint256 index => uint256)) private _startedAt; // unbonding entries
    uint256 public minted;
    uint256 public paidOut; // tokens seen leaving the vault
    uint256 public done; // calls that went through
    string public violation; // first property that a call broke; a revert in here would only undo the call

    constructor() {
        VAULT = Vault(deploy("Vault", abi.encode(address(MANAGER), 61 days)));
        IProtocolParameters.Parameters memory p = _parameters(10 days, 21 days, 30 days, 2_000);
        PARAMETERS = ProtocolParameters(
            deployProxy(
                "ProtocolParameters",
                abi.encodeCall(ProtocolParameters.initialize, (address(MANAGER), p, TREASURY))
            )
        );
        STAKE = Stake(deployProxy("Stake", abi.encodeCall(Stake.initialize, (address(MANAGER), address(TOKEN)))));
        Modules memory m;
        (m.vault, m.parameters, m.stake) = (address(VAULT), address(PARAMETERS), address(STAKE));
        (m.campaigns, m.rounds, m.disputes, m.sums, m.settlement) = (CAMPAIGNS, ROUNDS, DISPUTES, SUMS, SETTLEMENT);
        m.compute = COMPUTE;
        STAKE.wire(m);
        PARAMETERS.wire(m);
        bytes32[] memory purposes = new bytes32[](MODULES + 1);
        address[] memory modules = new address[](MODULES + 1);
        purposes[MODULES] = Purposes.STAKE;
        modules[MODULES] = address(STAKE);
        for (uint256 i; i < MODULES; ++i) (purposes[i], modules[i]) = module(i);
        VAULT.assignInitial(purposes, modules);
    }

    // --- parties

    function stake(uint256 who, uint256 amount) external {
        who = bound(who, 0, PARTIES - 1);
        amount = bound(amount, 1, 1e12);
        uint256 before = _fund(who, amount);
        vm.prank(party(who));
        STAKE.deposit(amount);
        ledgers[who].paidIn += before - TOKEN.balanceOf(party(who));
        ++done;
    }

    function unbond(uint256 who, uint256 amount) external {
        who = bound(who, 0, PARTIES - 1);
        uint256 free = STAKE.freeOf(party(who));
        if (free == 0) return;
        amount = bound(amount, 1, free);
        vm.prank(party(who));
        _startedAt[who][STAKE.unbond(amount)] = block.timestamp;
        ++done;
    }

    /// Takes out whatever can be taken out.
    function leave(uint256 who) external {
        who = bound(who, 0, PARTIES - 1);
        for (uint256 index; index < 16; ++index) {
            (uint256 amount, uint256 releaseAt) = STAKE.unbondingAt(party(who), index);
            if (amount == 0) continue;
            uint256 before = VAULT.creditOf(address(TOKEN), party(who));
            vm.prank(party(who));
            try STAKE.withdrawUnbonded(index) {
                _check(block.timestamp >= releaseAt, "P6: left before its time");
                bool late = block.timestamp > _startedAt[who][index] + PARAMETERS.MAX_DISPUTE_WINDOWS();
                _check(late, "P6: left while a dispute could run");
            } catch {
                _check(block.timestamp < releaseAt, "P9: a matured entry stays");
            }
            uint256 got = VAULT.creditOf(address(TOKEN), party(who)) - before;
            ledgers[who].returned += got;
            ledgers[who].credited += got;
        }
        ++done;
    }

    function withdraw(uint256 who, uint256 to, uint256 amount) external {
        who = bound(who, 0, PARTIES); // the last one is the treasury
        address payee = address(uint160(0xbeef + bound(to, 0, 3)));
        address owner = who == PARTIES ? TREASURY : party(who);
        amount = bound(amount, 0, VAULT.creditOf(address(TOKEN), owner));
        uint256 before = TOKEN.balanceOf(payee);
        vm.prank(owner);
        VAULT.withdrawTo(address(TOKEN), payee, amount);
        uint256 got = TOKEN.balanceOf(payee) - before;
        ledgers[who].withdrawn += got;
        paidOut += got;
        ++done;
    }

    // --- modules

    function hold(uint256 which, uint256 account, uint256 who, uint256 amount) external {
        (bytes32 purpose, address by) = module(bound(which, 0, MODULES - 1));
        who = bound(who, 0, PARTIES - 1);
        amount = bound(amount, 0, 1e12);
        uint256 before = _fund(who, amount);
        vm.prank(by);
        VAULT.deposit(address(TOKEN), purpose, _account(account), party(who), amount);
        ledgers[who].deposited += before - TOKEN.balanceOf(party(who));
        ++done;
    }

    function move(uint256 from, uint256 fromAccount, uint256 to, uint256 toAccount, uint256 amount) external {
        (bytes32 source, address by) = module(bound(from, 0, MODULES - 1));
        (bytes32 target, ) = module(bound(to, 0, MODULES - 1));
        bytes32 a = _account(fromAccount);
        bytes32 b = _account(toAccount);
        amount = bound(amount, 0, VAULT.heldOf(address(TOKEN), source, a));
        vm.prank(by);
        VAULT.move(address(TOKEN), source, a, target, b, amount);
        ++done;
    }

    function credit(uint256 which, uint256 account, uint256 who, uint256 amount) external {
        (bytes32 purpose, address by) = module(bound(which, 0, MODULES - 1));
        who = bound(who, 0, PARTIES - 1);
        bytes32 a = _account(account);
        amount = bound(amount, 0, VAULT.heldOf(address(TOKEN), purpose, a));
        vm.prank(by);
        VAULT.credit(address(TOKEN), purpose, a, party(who), amount);
        ledgers[who].credited += amount;
        ++done;
    }

    /// A module reaches for a purpose of another, or for more than is there: must fail whatever the numbers.
    function steal(uint256 which, uint256 victim, uint256 account, uint256 amount) external {
        (, address by) = module(bound(which, 0, MODULES - 1));
        (bytes32 purpose, address owner) = module(bound(victim, 0, MODULES - 1));
        bytes32 a = _account(account);
        if (by == owner) amount = VAULT.heldOf(address(TOKEN), purpose, a) + bound(amount, 1, 1e12);
        vm.prank(by);
        try VAULT.credit(address(TOKEN), purpose, a, party(0), amount) {
            _check(false, "P4: a module took what is not its own");
        } catch {}
        ++done;
    }

    // --- locks and slashes

    /// More than is free must fail: no stake stands behind two locks.
    function lock(uint256 who, uint256 amount, bool job) external {
        who = bound(who, 0, PARTIES - 1);
        uint256 free = STAKE.freeOf(party(who));
        amount = bound(amount, 0, free + free / 4 + 1);
        vm.prank(job ? COMPUTE : ROUNDS);
        try STAKE.lock(party(who), amount) {
            _check(amount <= free, "P4: stake counted twice");
            if (job) ledgers[who].lockedForJobs += amount;
            else ledgers[who].lockedNow += amount;
        } catch {
            _check(amount > free || STAKE.isSuspended(party(who)), "P9: free stake that cannot be locked");
        }
        ++done;
    }

    /// What the other locker holds must stay.
    function unlock(uint256 who, uint256 amount, bool job) external {
        who = bound(who, 0, PARTIES - 1);
        uint256 own = job ? ledgers[who].lockedForJobs : ledgers[who].lockedNow;
        amount = bound(amount, 0, own + own / 4 + 1);
        vm.prank(job ? COMPUTE : ROUNDS);
        try STAKE.unlock(party(who), amount) {
            _check(amount <= own, "P4: a lock of another module released");
            uint256 left = amount < own ? own - amount : 0; // never a revert: it would undo the check
            if (job) ledgers[who].lockedForJobs = left;
            else ledgers[who].lockedNow = left;
        } catch {
            _check(amount > own, "P9: a lock that stays");
        }
        ++done;
    }

    /// From here on, and for as long as any legal dispute can run, the stake active now must stay within reach.
    function offend(uint256 who) external {
        who = bound(who, 0, PARTIES - 1);
        if (_offences[who].length == 32) return;
        _offences[who].push(Offence(block.timestamp + PARAMETERS.MAX_DISPUTE_WINDOWS(), STAKE.activeOf(party(who))));
        ++done;
    }

    function slash(uint256 who, uint256 which, uint256 account, uint256 amount, uint256 loss) external {
        who = bound(who, 0, PARTIES - 1);
        (bytes32 purpose, address by) = module(2 + bound(which, 0, MODULES - 3));
        amount = bound(amount, 0, 1e12);
        loss = bound(loss, 0, 1e12);
        uint256 had = STAKE.activeOf(party(who)) + STAKE.unbondingOf(party(who));
        uint256 treasury = VAULT.creditOf(address(TOKEN), TREASURY);
        vm.prank(by);
        (uint256 slashed, uint256 compensation) = STAKE.slash(
            party(who),
            amount,
            loss,
            "offence",
            purpose,
            _account(account)
        );
        _check(slashed == (amount < had ? amount : had), "P6: a slash took less than it could");
        _check(
            compensation <= loss && compensation * 5 <= slashed * 4,
            "P6: a slash paid more than the loss or four fifths"
        );
        uint256 cut = VAULT.creditOf(address(TOKEN), TREASURY) - treasury;
        _check(cut == slashed - compensation, "P4: the treasury's part of a slash");
        ledgers[PARTIES].credited += cut;
        ledgers[who].slashed += slashed;
        Offence[] storage offences = _offences[who];
        for (uint256 i; i < offences.length; ++i)
            offences[i].owed -= slashed < offences[i].owed ? slashed : offences[i].owed;
        ++done;
    }

    // --- the world

    function pass(uint256 time) external {
        vm.warp(block.timestamp + bound(time, 1, 6 days));
        ++done;
    }

    function govern(uint256 windows, uint256 unbonding, uint256 delay, uint256 cut) external {
        unbonding = bound(unbonding, 15 days, 60 days);
        PARAMETERS.set(
            _parameters(
                bound(windows, 1 days, 14 days),
                unbonding,
                bound(delay, unbonding + 1, 90 days),
                bound(cut, 2_000, 10_000)
            )
        );
        ++done;
    }

    // --- what the invariants read

    function party(uint256 who) public pure returns (address) {
        return address(uint160(0xa11ce000 + who));
    }

    /// Purposes of modules that stand-ins play; the slashers have those from 2 on.
    function module(uint256 which) public pure returns (bytes32 purpose, address by) {
        if (which == 0) return (Purposes.CAMPAIGN, CAMPAIGNS);
        if (which == 1) return (Purposes.ROUND, SETTLEMENT);
        if (which == 2) return (Purposes.COMPENSATION, SETTLEMENT);
        if (which == 3) return (Purposes.DISPUTE, DISPUTES);
        if (which == 4) return (Purposes.SUMS, SUMS);
        return (Purposes.JOB, COMPUTE);
    }

    /// Largest stake that some offence still within its time needs to find.
    function owed(uint256 who) external view returns (uint256 most) {
        Offence[] storage offences = _offences[who];
        for (uint256 i; i < offences.length; ++i) {
            if (block.timestamp <= offences[i].until && offences[i].owed > most) most = offences[i].owed;
        }
    }

    // --- internals

    function _account(uint256 account) private pure returns (bytes32) {
        return bytes32(bound(account, 1, ACCOUNTS));
    }

    /// Mints what is missing, approves exactly `amount`; returns the wallet's balance.
    function _fund(uint256 who, uint256 amount) private returns (uint256) {
        TOKEN.mint(party(who), amount);
        minted += amount;
        vm.prank(party(who));
        TOKEN.approve(address(VAULT), amount);
        return TOKEN.balanceOf(party(who));
    }

    function _check(bool holds, string memory property) private {
        if (!holds && bytes(violation).length == 0) violation = property;
    }

    function _parameters(
        uint256 windows,
        uint256 unbonding,
        uint256 delay,
        uint256 cut
    ) private pure returns (IProtocolParameters.Parameters memory p) {
        p.minWindow = 60;
        p.maxDisputeWindows = uint32(windows);
        p.unbonding = uint32(unbonding);
        p.upgradeDelay = uint32(delay);
        p.protocolFeeBps = 200;
        p.treasuryCutBps = uint16(cut);
        p.suspendAfter = 5;
        p.suspension = 1 days;
        (p.minBond, p.minNodeLock, p.minComplaintBond) = (1, 1, 1);
    }
}

/// P4 and P6 over the vault and stake; property ids as in PROPERTIES.md.
contract EconomyTest is Targets {
    EconomyHandler private _h;

    function setUp() public {
        _h = new EconomyHandler();
        bytes4[] memory s = new bytes4[](20);
        (s[0], s[1], s[2], s[3]) = (_h.stake.selector, _h.unbond.selector, _h.leave.selector, _h.withdraw.selector);
        (s[4], s[5], s[6], s[7]) = (_h.hold.selector, _h.move.selector, _h.credit.selector, _h.steal.selector);
        (s[8], s[9], s[10], s[11]) = (_h.lock.selector, _h.unlock.selector, _h.slash.selector, _h.govern.selector);
        // Stake, offences and time weigh more: P6 lives between them.
        (s[12], s[13], s[14], s[15]) = (_h.offend.selector, _h.pass.selector, _h.pass.selector, _h.stake.selector);
        (s[16], s[17], s[18], s[19]) = (_h.offend.selector, _h.leave.selector, _h.unbond.selector, _h.pass.selector);
        _target(address(_h), s);
    }

    function invariant_money() public view {
        require(bytes(_h.violation()).length == 0, _h.violation());
        _conservation();
        _ledgers();
        _reach();
    }

    /// Reaching the end without having done anything would prove nothing. Each call goes through unless it asks for the impossible.
    function afterInvariant() public view {
        require(_h.done() > 0, "no call went through");
    }

    /// Tokens in the vault = what was minted and is neither in a wallet nor paid out = every held and credited amount, added up one by one = totalOf.
    function _conservation() private view {
        address token = address(_h.TOKEN());
        uint256 inVault = _h.TOKEN().balanceOf(address(_h.VAULT()));
        uint256 wallets;
        uint256 paidIn;
        uint256 booked = _h.VAULT().creditOf(token, _h.TREASURY());
        for (uint256 i; i < _h.PARTIES(); ++i) {
            wallets += _h.TOKEN().balanceOf(_h.party(i));
            booked += _h.VAULT().creditOf(token, _h.party(i)) + _heldStake(i);
            (uint256 staked, , , uint256 deposited, , , , ) = _h.ledgers(i);
            paidIn += staked + deposited;
        }
        for (uint256 m; m < _h.MODULES(); ++m) {
            (bytes32 purpose, ) = _h.module(m);
            for (uint256 a = 1; a <= _h.ACCOUNTS(); ++a) booked += _h.VAULT().heldOf(token, purpose, bytes32(a));
        }
        require(inVault == _h.minted() - wallets - _h.paidOut(), "P4: tokens in the vault");
        require(inVault == paidIn - _h.paidOut(), "P4: deposits = held + credited + withdrawn");
        require(inVault == booked, "P4: books");
        require(inVault == _h.VAULT().totalOf(token), "P4: total");
    }

    /// Per party: stake paid in = active + unbonding + returned + slashed; credit = credited − withdrawn; the unbonding entries add up.
    function _ledgers() private view {
        address token = address(_h.TOKEN());
        for (uint256 i; i <= _h.PARTIES(); ++i) {
            (
                uint256 paidIn,
                uint256 returned,
                uint256 slashed,
                ,
                uint256 withdrawn,
                uint256 credited,
                uint256 lockedNow,
                uint256 lockedForJobs
            ) = _h.ledgers(i);
            address who = i == _h.PARTIES() ? _h.TREASURY() : _h.party(i);
            uint256 active = _h.STAKE().activeOf(who);
            uint256 unbonding = _h.STAKE().unbondingOf(who);
            require(paidIn == active + unbonding + returned + slashed, "P4: a party's stake");
            require(_h.VAULT().creditOf(token, who) == credited - withdrawn, "P4: a party's credit");
            _locks(who, active, lockedNow, lockedForJobs);
            require(_entries(who) == unbonding, "P4: unbonding entries");
            if (i < _h.PARTIES()) require(_heldStake(i) == active + unbonding, "P4: stake held in the vault");
        }
    }

    function _locks(address who, uint256 active, uint256 rounds, uint256 jobs) private view {
        uint256 locked = rounds + jobs;
        require(_h.STAKE().lockedBy(who, _h.ROUNDS()) == rounds, "P4: a party's locks in rounds");
        require(_h.STAKE().lockedBy(who, _h.COMPUTE()) == jobs, "P4: a party's locks in jobs");
        require(_h.STAKE().lockedOf(who) == locked, "P4: a party's locks");
        require(_h.STAKE().freeOf(who) == (active > locked ? active - locked : 0), "P4: free stake");
    }

    function _entries(address who) private view returns (uint256 total) {
        for (uint256 k; k < 16; ++k) {
            (uint256 amount, ) = _h.STAKE().unbondingAt(who, k);
            total += amount;
        }
    }

    /// Stake that was active when an offence was committed is there, active or unbonding, for as long as any legal dispute can last, less what was slashed.
    function _reach() private view {
        for (uint256 i; i < _h.PARTIES(); ++i) {
            address who = _h.party(i);
            require(
                _h.STAKE().activeOf(who) + _h.STAKE().unbondingOf(who) >= _h.owed(i),
                "P6: stake left before its offence could be slashed"
            );
        }
    }

    function _heldStake(uint256 who) private view returns (uint256) {
        bytes32 id = bytes32(uint256(uint160(_h.party(who))));
        return _h.VAULT().heldOf(address(_h.TOKEN()), Purposes.STAKE, id);
    }
}
