// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.34;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";

/// Tokens that misbehave, each in one way. Tests only.
abstract contract OpenMint is ERC20 {
    constructor() ERC20("Hostile", "HST") {}

    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }
}

/// Keeps 1 % of every transfer: taken from the amount, or, `onTop`, from the sender in addition.
contract TokenFeeOnTransfer is OpenMint {
    bool public onTop;

    function setOnTop(bool onTop_) external {
        onTop = onTop_;
    }

    function _update(address from, address to, uint256 value) internal override {
        if (from == address(0) || to == address(0)) return super._update(from, to, value);
        uint256 fee = value / 100;
        super._update(from, address(0xfee), fee);
        super._update(from, to, onTop ? value : value - fee);
    }
}

/// Balances are shares of a pot that grows and shrinks, also, `duringTransfer`, in the middle of a transfer.
contract TokenRebasing is OpenMint {
    uint256 public percent = 100;
    uint256 public percentAfterTransfer;

    function rebase(uint256 percent_) external {
        percent = percent_;
    }

    function rebaseAtTransfer(uint256 percent_) external {
        percentAfterTransfer = percent_;
    }

    function balanceOf(address account) public view override returns (uint256) {
        return (super.balanceOf(account) * percent) / 100;
    }

    function _update(address from, address to, uint256 value) internal override {
        super._update(from, to, (value * 100) / percent);
        if (percentAfterTransfer != 0) percent = percentAfterTransfer;
    }
}

/// Says false and moves nothing, or, `lies`, says false after moving.
contract TokenReturnsFalse is OpenMint {
    bool public lies;

    function setLies(bool lies_) external {
        lies = lies_;
    }

    function transfer(address to, uint256 value) public override returns (bool) {
        if (lies) super.transfer(to, value);
        return false;
    }

    function transferFrom(address from, address to, uint256 value) public override returns (bool) {
        if (lies) super.transferFrom(from, to, value);
        return false;
    }
}

/// Returns nothing at all, as the first stablecoins do.
contract TokenNoReturn {
    mapping(address => uint256) public balanceOf;
    mapping(address => mapping(address => uint256)) public allowance;

    function mint(address to, uint256 amount) external {
        balanceOf[to] += amount;
    }

    function approve(address spender, uint256 amount) external {
        allowance[msg.sender][spender] = amount;
    }

    function transfer(address to, uint256 value) external {
        balanceOf[msg.sender] -= value;
        balanceOf[to] += value;
    }

    function transferFrom(address from, address to, uint256 value) external {
        allowance[from][msg.sender] -= value;
        balanceOf[from] -= value;
        balanceOf[to] += value;
    }
}

/// Returns true and moves nothing.
contract TokenMovesNothing is OpenMint {
    function transferFrom(address, address, uint256) public pure override returns (bool) {
        return true;
    }

    function transfer(address, uint256) public pure override returns (bool) {
        return true;
    }
}

/// Calls a hook before balances change, as ERC-777 does with `tokensToSend`, and another after, as with `tokensReceived`.
contract TokenWithHooks is OpenMint {
    address public hook;
    bytes public before;
    bytes public afterwards;
    bool private _inside;

    function setHook(address hook_, bytes calldata before_, bytes calldata afterwards_) external {
        (hook, before, afterwards) = (hook_, before_, afterwards_);
    }

    function _update(address from, address to, uint256 value) internal override {
        bool outermost = !_inside && from != address(0);
        _inside = true;
        if (outermost && before.length != 0) _call(before);
        super._update(from, to, value);
        if (outermost && afterwards.length != 0) _call(afterwards);
        if (outermost || from == address(0)) _inside = false;
    }

    function _call(bytes memory data) private {
        (bool ok, bytes memory answer) = hook.call(data);
        if (ok) return;
        assembly {
            revert(add(answer, 32), mload(answer))
        }
    }
}

/// Refuses listed parties.
contract TokenBlacklist is OpenMint {
    mapping(address => bool) public listed;

    error Listed(address account);

    function list(address account, bool listed_) external {
        listed[account] = listed_;
    }

    function _update(address from, address to, uint256 value) internal override {
        if (listed[from]) revert Listed(from);
        if (listed[to]) revert Listed(to);
        super._update(from, to, value);
    }
}

/// Answers transfers with a megabyte of return data: true in the first word, or, `reverts`, as revert data.
contract TokenReturnBomb is OpenMint {
    bool public reverts;

    function setReverts(bool reverts_) external {
        reverts = reverts_;
    }

    function transfer(address to, uint256 value) public override returns (bool) {
        super.transfer(to, value);
        _explode();
    }

    function transferFrom(address from, address to, uint256 value) public override returns (bool) {
        super.transferFrom(from, to, value);
        _explode();
    }

    function _explode() private view {
        bool fail = reverts;
        assembly {
            mstore(0, 1)
            if fail {
                revert(0, 1000000)
            }
            return(0, 1000000)
        }
    }
}
