// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.34;

import {Strings} from "@openzeppelin/contracts/utils/Strings.sol";
import {IShareDisputes} from "../../../contracts/interfaces/IShareDisputes.sol";
import {Purposes} from "../../../contracts/libraries/Purposes.sol";
import {CampaignId, RoundId} from "../../../contracts/types/Ids.sol";
import {Prices, RoundKind, RoundState} from "../../../contracts/types/Training.sol";
import {RoundMoves} from "./RoundMoves.sol";

/// Ghost books of everybody's money. What each party is owed after each move follows here from the terms and from who did what in time, never from the
/// books of the vault, the stake or the settlement; `_audit` then compares the two. Accounts are (purpose, party): those of the vault, and five kinds that
/// are no purposes: a wallet, a credit in the vault, and a party's active, unbonding and locked stake (the last one counts what is already in `active`).
/// The protocol's decisions (a round's state, who is in the frozen set) are read from the contracts; the money that follows from them is not.
abstract contract RoundLedger is RoundMoves {
    /// What the money of one round depends on. Bitmaps over `members` and over `nodes`.
    struct Shadow {
        CampaignId campaign;
        RoundKind kind;
        uint256 submitted;
        uint256 included;
        uint256 excluded;
        uint256 bonded; // members whose bond is locked
        uint256 claimed;
        uint256 seated; // nodes whose lock stands
        uint256 posted;
        uint256 lied; // posted a sum that is not theirs
        uint256 demanded; // ever
        uint256 open; // demanded, neither answered nor faulted
        uint256 faulted;
        uint256 equivocated;
        uint256 nodeClaimed;
        uint256 frozenAt;
        uint256 summedAt; // 0: t+1 sums do not stand
        uint256 proverFee; // paid
        uint256 compensation; // the members' pool if sums went missing
        uint256 shared; // of the pool that members share by records
        bool drawn;
        bool endTip; // the third tip was earned
        bool feesClaimed;
    }

    bytes32 internal constant WALLET = "wallet";
    bytes32 internal constant CREDIT = "credit";
    bytes32 internal constant ACTIVE = "active stake";
    bytes32 internal constant UNBONDING = "unbonding stake";
    bytes32 internal constant LOCKED = "locked stake";

    string internal broken; // the first property that a move saw broken; a revert would only undo the move
    uint256 internal moves;
    address[] internal parties; // everybody who may ever have money, stakers first
    uint256 internal stakers;
    mapping(RoundId => Shadow) internal shadow;
    mapping(CampaignId => RoundKind) internal kindOf;
    mapping(address => uint256) internal slashedAt; // latest slash of a party
    mapping(address => bool) internal stained; // slashed for an offence that no lock stood for

    mapping(bytes32 purpose => mapping(bytes32 party => uint256)) private _books;
    uint256 private _inVault;
    bytes32[] private _touched; // purpose, party, purpose, party, … of the last move

    /// A move of the handler: what it touches is compared after it.
    modifier move() {
        delete _touched;
        ++moves;
        _;
    }

    function _openBooks() internal {
        for (uint256 i; i < MEMBERS; ++i) parties.push(members[i]);
        for (uint256 i; i < NODES; ++i) parties.push(nodes[i]);
        stakers = parties.length;
        address[7] memory others = [SPONSOR, CREATOR, COAUTHOR, KEEPER, PROVER, TREASURY, address(this)];
        for (uint256 i; i < others.length; ++i) parties.push(others[i]);
        for (uint256 i; i < parties.length; ++i) _put(WALLET, _id(parties[i]), token.balanceOf(parties[i]));
        for (uint256 i; i < stakers; ++i) _put(ACTIVE, _id(parties[i]), STAKE);
        _inVault = stakers * STAKE;
        // The first campaign's escrow has left the sponsor's wallet already.
        _put(WALLET, _id(SPONSOR), ROUNDS * _roundCost(RoundKind.Training));
        _bookCampaign(RoundKind.Training, ROUNDS);
    }

    // --- the rules: campaigns and rounds

    /// What a round may cost at most: pools, the highest prover's fee, three tips, 5 % royalty and 2.5 % protocol fee on the first three.
    function _roundCost(RoundKind kind) internal pure returns (uint256) {
        return _feeBase(kind) + 3 * _prices(kind).tip + _royalty(kind) + _protocolFee(kind);
    }

    function _feeBase(RoundKind kind) private pure returns (uint256) {
        Prices memory p = _prices(kind);
        return uint256(p.dataPool) + p.committeePool + p.proverFeeMax;
    }

    function _royalty(RoundKind kind) private pure returns (uint256) {
        return kind == RoundKind.Training ? _feeBase(kind) / 20 : 0;
    }

    function _protocolFee(RoundKind kind) private pure returns (uint256) {
        return _feeBase(kind) / 40;
    }

    function _bookCampaign(RoundKind kind, uint256 count) internal {
        kindOf[campaign] = kind;
        _pay(WALLET, _id(SPONSOR), Purposes.CAMPAIGN, _id(campaign), count * _roundCost(kind));
    }

    function _bookCampaignEnd(CampaignId id) internal {
        _pay(Purposes.CAMPAIGN, _id(id), CREDIT, _id(SPONSOR), _book(Purposes.CAMPAIGN, _id(id)));
    }

    function _bookRound() internal {
        Shadow storage s = shadow[round];
        (s.campaign, s.kind) = (campaign, kindOf[campaign]);
        _pay(Purposes.CAMPAIGN, _id(campaign), Purposes.ROUND, _id(round), _roundCost(s.kind));
    }

    function _bookTip(address keeper) private {
        _pay(Purposes.ROUND, _id(round), CREDIT, _id(keeper), _terms().tip);
    }

    function _bookDraw() internal {
        Shadow storage s = shadow[round];
        (s.drawn, s.seated) = (true, (1 << NODES) - 1);
        for (uint256 i; i < NODES; ++i) _put(LOCKED, _id(nodes[i]), _terms().nodeLock);
        _bookTip(KEEPER);
    }

    function _bookSubmission(uint256 m) internal {
        Shadow storage s = shadow[round];
        s.submitted |= 1 << m;
        s.bonded |= 1 << m;
        _put(LOCKED, _id(members[m]), _terms().bond);
    }

    /// The keeper's tip; then the set stands, or the round failed for want of members. Who is left out now (consent changed since the commit) has no more
    /// right to a show-up fee than who was found at fault, but keeps its bond.
    function _bookFreeze() internal {
        _bookTip(KEEPER);
        Shadow storage s = shadow[round];
        for (uint256 m; m < MEMBERS; ++m)
            if (s.submitted & (1 << m) != 0 && rounds.updateOf(_keyOf(members[m])).excluded) s.excluded |= 1 << m;
        if (_state() == RoundState.FailedEarly) return _bookEarlyFailure();
        s.frozenAt = block.timestamp;
        uint256 included = rounds.frozenOf(round).included;
        for (uint256 m; m < MEMBERS; ++m) {
            if (s.submitted & (1 << m) == 0) continue;
            if (included & (1 << rounds.updateOf(_keyOf(members[m])).index) != 0) s.included |= 1 << m;
        }
        _check(s.included & s.excluded == 0, "P4: an excluded member in the frozen set");
    }

    /// Everything but a show-up fee for each submission goes back to the campaign.
    function _bookEarlyFailure() internal {
        uint256 owed;
        for (uint256 m; m < MEMBERS; ++m) if (shadow[round].submitted & (1 << m) != 0) owed += _terms().showUpFee;
        _pay(Purposes.ROUND, _id(round), Purposes.CAMPAIGN, _id(campaign), _book(Purposes.ROUND, _id(round)) - owed);
    }

    /// Nodes that neither posted nor were faulted lose their locks to the members, as far as these lost their pay.
    function _bookMissingSums() internal {
        Shadow storage s = shadow[round];
        bytes32 id = _id(round);
        for (uint256 i; i < NODES; ++i) {
            if ((s.posted | s.faulted) & (1 << i) != 0) continue;
            _bookSeat(s, i);
            uint256 paid = _bookSlash(nodes[i], _terms().nodeLock, _unpaidLoss(round), true);
            _put(Purposes.COMPENSATION, id, paid);
        }
        s.compensation = _book(Purposes.COMPENSATION, id);
        _pay(Purposes.ROUND, id, Purposes.CAMPAIGN, _id(campaign), _book(Purposes.ROUND, id));
    }

    /// Minimum to maximum over the ramp from the (t+1)-th sum on, and the tip: both to the payee that the proof names.
    function _bookProof(address payee) internal {
        Shadow storage s = shadow[round];
        uint256 elapsed = block.timestamp - s.summedAt;
        uint256 ramp = _windows().ramp;
        Prices memory p = _terms();
        if (elapsed > ramp) elapsed = ramp;
        s.proverFee = p.proverFeeMin + ((p.proverFeeMax - p.proverFeeMin) * elapsed) / ramp;
        _pay(Purposes.ROUND, _id(round), CREDIT, _id(payee), s.proverFee);
        _bookEndTip(payee);
    }

    function _bookEndTip(address keeper) internal {
        shadow[round].endTip = true;
        _bookTip(keeper);
    }

    // --- the rules: claims

    function _bookMemberClaim(RoundId id, uint256 m, RoundState state) internal {
        Shadow storage s = shadow[id];
        s.claimed |= 1 << m;
        _bookBond(s, m);
        bytes32 from = _id(id);
        bytes32 member = _id(members[m]);
        if (state == RoundState.FailedEarly) {
            bytes32 to = s.excluded & (1 << m) != 0 ? _id(SPONSOR) : member;
            _pay(Purposes.ROUND, from, CREDIT, to, _prices(s.kind).showUpFee);
        } else if (s.included & (1 << m) != 0) {
            bool failed = state == RoundState.FailedSums;
            bytes32 purpose = failed ? Purposes.COMPENSATION : Purposes.ROUND;
            uint256 pool = failed ? s.compensation : _prices(s.kind).dataPool;
            uint256 share = (pool * _records(m)) / _totalRecords(s.included);
            s.shared += share;
            _pay(purpose, from, CREDIT, member, share);
            // What does not divide is the sponsor's, once the last member has its part.
            if (s.claimed & s.included == s.included) _pay(purpose, from, CREDIT, _id(SPONSOR), pool - s.shared);
        }
    }

    function _bookNodeClaim(RoundId id, uint256 i, RoundState state) internal {
        Shadow storage s = shadow[id];
        s.nodeClaimed |= 1 << i;
        _bookSeat(s, i);
        if (state == RoundState.FailedEarly || state == RoundState.FailedSums) return;
        bool earned = s.posted & ~s.faulted & ~s.equivocated & (1 << i) != 0;
        uint256 share = _prices(s.kind).committeePool / NODES;
        _pay(Purposes.ROUND, _id(id), CREDIT, earned ? _id(nodes[i]) : _id(SPONSOR), share);
    }

    /// Protocol and creators; to the sponsor what nobody earned: the rest of the ramp, a tip for an end that nobody proved, what nodes cannot share evenly.
    function _bookFeesClaim(RoundId id) internal {
        Shadow storage s = shadow[id];
        s.feesClaimed = true;
        bytes32 from = _id(id);
        Prices memory p = _prices(s.kind);
        uint256 royalty = _royalty(s.kind);
        uint256 coauthor = (royalty * 3_333) / 10_000;
        _pay(Purposes.ROUND, from, CREDIT, _id(TREASURY), _protocolFee(s.kind));
        _pay(Purposes.ROUND, from, CREDIT, _id(COAUTHOR), coauthor);
        _pay(Purposes.ROUND, from, CREDIT, _id(CREATOR), royalty - coauthor);
        uint256 rest = p.proverFeeMax - s.proverFee + (p.committeePool % NODES) + (s.endTip ? 0 : p.tip);
        _pay(Purposes.ROUND, from, CREDIT, _id(SPONSOR), rest);
        // What faulted nodes lost is nobody's loss once the round came to its sums.
        uint256 unneeded = _book(Purposes.COMPENSATION, from);
        _pay(Purposes.COMPENSATION, from, CREDIT, _id(TREASURY), unneeded);
    }

    function _records(uint256 m) private pure returns (uint256) {
        uint256 audited = 100 + 10 * m;
        return audited < 120 ? audited : 120;
    }

    function _totalRecords(uint256 included) private pure returns (uint256 total) {
        for (uint256 m; m < MEMBERS; ++m) if (included & (1 << m) != 0) total += _records(m);
    }

    // --- the rules: disputes

    function _complaintId(uint256 m, uint256 i, IShareDisputes.ComplaintKind kind) internal view returns (bytes32) {
        return keccak256(abi.encode(round, _keyOf(members[m]), i, kind));
    }

    function _bookComplaint(uint256 m, uint256 i, IShareDisputes.ComplaintKind kind) internal {
        _pay(WALLET, _id(nodes[i]), Purposes.DISPUTE, _complaintId(m, i, kind), _terms().complaintBond);
    }

    /// The bond goes to the winner; a member found at fault loses its own bond, once.
    function _bookVerdict(uint256 m, uint256 i, IShareDisputes.ComplaintKind kind, bool upheld) internal {
        bytes32 id = _complaintId(m, i, kind);
        uint256 bond = _terms().complaintBond;
        _pay(Purposes.DISPUTE, id, CREDIT, upheld ? _id(nodes[i]) : _id(members[m]), bond);
        Shadow storage s = shadow[round];
        if (!upheld || s.excluded & (1 << m) != 0) return;
        s.excluded |= 1 << m;
        _bookBond(s, m);
        _put(CREDIT, _id(nodes[i]), _bookSlash(members[m], _terms().bond, bond, true));
    }

    function _bookSum(uint256 i) internal {
        Shadow storage s = shadow[round];
        s.posted |= 1 << i;
        if (s.summedAt == 0 && _standing(s) > 1) s.summedAt = block.timestamp;
    }

    function _bookDemand(uint256 i) internal {
        Shadow storage s = shadow[round];
        s.demanded |= 1 << i;
        s.open |= 1 << i;
        _pay(WALLET, _id(KEEPER), Purposes.SUMS, sums.demandId(round, i), _terms().complaintBond);
    }

    function _bookAnswer(uint256 i) internal {
        shadow[round].open &= ~(1 << i);
        _pay(Purposes.SUMS, sums.demandId(round, i), CREDIT, _id(nodes[i]), _terms().complaintBond);
    }

    /// The demand's bond and its costs to the keeper, who demanded; the rest waits for the members, unless their model is proven.
    function _bookFault(RoundId id, uint256 i, RoundState before) internal {
        Shadow storage s = shadow[id];
        s.faulted |= 1 << i;
        s.open &= ~(1 << i);
        if (before == RoundState.Summed && _standing(s) <= 1) s.summedAt = 0;
        Prices memory p = _prices(s.kind);
        _pay(Purposes.SUMS, sums.demandId(id, i), CREDIT, _id(KEEPER), p.complaintBond);
        _bookSeat(s, i);
        uint256 loss = p.complaintBond + (before == RoundState.Finalized ? 0 : _unpaidLoss(id));
        uint256 paid = _bookSlash(nodes[i], p.nodeLock, loss, true);
        uint256 costs = paid < p.complaintBond ? paid : p.complaintBond;
        _put(CREDIT, _id(KEEPER), costs);
        _put(Purposes.COMPENSATION, _id(id), paid - costs);
    }

    /// Two sets signed: reported by this contract.
    function _bookEquivocation(RoundId id, uint256 i) internal {
        Shadow storage s = shadow[id];
        s.equivocated |= 1 << i;
        // No lock may stand for it any more, but what left the stake since is still unbonding.
        bool inReach = s.frozenAt != 0 && block.timestamp <= s.frozenAt + 14 days && slashedAt[nodes[i]] < s.frozenAt;
        _bookSeat(s, i);
        Prices memory p = _prices(s.kind);
        _put(CREDIT, _id(address(this)), _bookSlash(nodes[i], p.nodeLock, p.complaintBond, inReach));
        stained[nodes[i]] = true;
    }

    /// Members lose the data pool at most, however many nodes fail them.
    function _unpaidLoss(RoundId id) private view returns (uint256) {
        uint256 pool = _prices(shadow[id].kind).dataPool;
        uint256 collected = _book(Purposes.COMPENSATION, _id(id));
        return collected < pool ? pool - collected : 0;
    }

    function _standing(Shadow storage s) private view returns (uint256 count) {
        for (uint256 i; i < NODES; ++i) if (s.posted & ~s.faulted & (1 << i) != 0) ++count;
    }

    // --- the rules: stake

    function _bookBond(Shadow storage s, uint256 m) private {
        if (s.bonded & (1 << m) == 0) return;
        s.bonded &= ~(1 << m);
        _take(LOCKED, _id(members[m]), _prices(s.kind).bond);
    }

    function _bookSeat(Shadow storage s, uint256 i) private {
        if (s.seated & (1 << i) == 0) return;
        s.seated &= ~(1 << i);
        _take(LOCKED, _id(nodes[i]), _prices(s.kind).nodeLock);
    }

    /// Free stake first, then unbonding, then what other locks hold. A fifth at least, rounded up, and what exceeds `loss` goes to the treasury.
    /// @return paid what is left for those harmed: the caller books it
    function _bookSlash(address party, uint256 amount, uint256 loss, bool inReach) private returns (uint256 paid) {
        bytes32 id = _id(party);
        (uint256 active, uint256 unbonding) = (_book(ACTIVE, id), _book(UNBONDING, id));
        uint256 taken = amount < active + unbonding ? amount : active + unbonding;
        if (inReach && !stained[party]) _check(taken == amount, "P6: stake left before its offence was slashed");
        uint256 free = active > _book(LOCKED, id) ? active - _book(LOCKED, id) : 0;
        uint256 fromFree = taken < free ? taken : free;
        uint256 fromUnbonding = taken - fromFree < unbonding ? taken - fromFree : unbonding;
        _take(UNBONDING, id, fromUnbonding);
        _take(ACTIVE, id, taken - fromUnbonding);
        slashedAt[party] = block.timestamp;
        uint256 most = taken - (taken + 4) / 5;
        paid = loss < most ? loss : most;
        _put(CREDIT, _id(TREASURY), taken - paid);
    }

    // --- the books

    function _pay(bytes32 from, bytes32 payer, bytes32 to, bytes32 payee, uint256 amount) internal {
        _take(from, payer, amount);
        _put(to, payee, amount);
        if (from == WALLET) _inVault += amount;
        if (to == WALLET) _inVault -= amount;
    }

    function _put(bytes32 purpose, bytes32 party, uint256 amount) internal {
        _books[purpose][party] += amount;
        _touched.push(purpose);
        _touched.push(party);
    }

    function _take(bytes32 purpose, bytes32 party, uint256 amount) internal {
        uint256 there = _books[purpose][party];
        if (there < amount) _check(false, string.concat("P4: more is due than there is: ", _name(purpose)));
        _books[purpose][party] = there < amount ? 0 : there - amount;
        _touched.push(purpose);
        _touched.push(party);
    }

    function _book(bytes32 purpose, bytes32 party) internal view returns (uint256) {
        return _books[purpose][party];
    }

    /// Everybody's credit, wallet and stake, every account that the last move touched, and the whole: money that came to an account no move touched would
    /// be missing in another.
    function _audit() internal view {
        for (uint256 i; i < parties.length; ++i) {
            bytes32 id = _id(parties[i]);
            _compare(CREDIT, id);
            _compare(WALLET, id);
            if (i < stakers) _auditStake(id);
        }
        for (uint256 i; i < _touched.length; i += 2) _compare(_touched[i], _touched[i + 1]);
        require(token.balanceOf(address(vault)) == _inVault, "P4: tokens in the vault");
        require(vault.totalOf(address(token)) == _inVault, "P4: the vault's total");
    }

    function _auditStake(bytes32 id) private view {
        _compare(ACTIVE, id);
        _compare(UNBONDING, id);
        _compare(LOCKED, id);
        uint256 held = vault.heldOf(address(token), Purposes.STAKE, id);
        require(held == _book(ACTIVE, id) + _book(UNBONDING, id), "P4: stake that the vault does not hold");
    }

    function _compare(bytes32 purpose, bytes32 party) private view {
        (uint256 has, uint256 due) = (_actual(purpose, party), _book(purpose, party));
        if (has == due) return;
        string memory numbers = string.concat(Strings.toString(has), " where ", Strings.toString(due));
        revert(string.concat("P4: ", _name(purpose), ": ", Strings.toHexString(uint256(party)), " has ", numbers));
    }

    function _actual(bytes32 purpose, bytes32 party) private view returns (uint256) {
        address owner = address(uint160(uint256(party)));
        if (purpose == WALLET) return token.balanceOf(owner);
        if (purpose == CREDIT) return vault.creditOf(address(token), owner);
        if (purpose == ACTIVE) return stake.activeOf(owner);
        if (purpose == UNBONDING) return stake.unbondingOf(owner);
        if (purpose == LOCKED) return stake.lockedOf(owner);
        return vault.heldOf(address(token), purpose, party);
    }

    function _name(bytes32 purpose) private pure returns (string memory) {
        if (purpose == CREDIT) return "a party's credit";
        if (purpose == WALLET) return "a wallet";
        if (purpose == LOCKED) return "locked stake";
        if (purpose == ACTIVE) return "active stake";
        if (purpose == UNBONDING) return "unbonding stake";
        if (purpose == Purposes.CAMPAIGN) return "a campaign's escrow";
        if (purpose == Purposes.ROUND) return "a round's account";
        if (purpose == Purposes.COMPENSATION) return "a round's compensation";
        return "a dispute's bond";
    }

    /// Terms of the current round.
    function _terms() internal view returns (Prices memory) {
        return _prices(shadow[round].kind);
    }

    function _id(address party) internal pure returns (bytes32) {
        return bytes32(uint256(uint160(party)));
    }

    function _id(RoundId id) internal pure returns (bytes32) {
        return bytes32(uint256(RoundId.unwrap(id)));
    }

    function _id(CampaignId id) internal pure returns (bytes32) {
        return bytes32(uint256(CampaignId.unwrap(id)));
    }

    function _check(bool ok, string memory what) internal {
        if (!ok && bytes(broken).length == 0) broken = what;
    }
}
