# pragma version 0.4.3
# @title Constant-product exchange of two ERC-20 tokens; takes 0.3 %. Events are those of Uniswap V2 pairs.

event Swap:
    sender: indexed(address)
    amount0In: uint256
    amount1In: uint256
    amount0Out: uint256
    amount1Out: uint256
    to: indexed(address)

event Sync:
    reserve0: uint112
    reserve1: uint112

interface Token:
    def transfer(receiver: address, amount: uint256) -> bool: nonpayable
    def transferFrom(sender: address, receiver: address, amount: uint256) -> bool: nonpayable

token0: public(address)
token1: public(address)
reserve0: public(uint256)
reserve1: public(uint256)


@deploy
def __init__(token0: address, token1: address):
    self.token0 = token0
    self.token1 = token1


@internal
def _sync():
    log Sync(reserve0=convert(self.reserve0, uint112), reserve1=convert(self.reserve1, uint112))


@external
def addLiquidity(amount0: uint256, amount1: uint256):
    # Liquidity is given away: there are no shares to take it out again.
    assert extcall Token(self.token0).transferFrom(msg.sender, self, amount0)
    assert extcall Token(self.token1).transferFrom(msg.sender, self, amount1)
    self.reserve0 += amount0
    self.reserve1 += amount1
    self._sync()


@external
def swap(zeroForOne: bool, amountIn: uint256, minimumOut: uint256, to: address) -> uint256:
    reserveIn: uint256 = self.reserve0
    reserveOut: uint256 = self.reserve1
    if not zeroForOne:
        reserveIn = self.reserve1
        reserveOut = self.reserve0
    assert amountIn > 0 and reserveIn > 0, "nothing to swap"
    taken: uint256 = amountIn * 997
    out: uint256 = taken * reserveOut // (reserveIn * 1000 + taken)
    assert out >= minimumOut, "price moved"
    if zeroForOne:
        assert extcall Token(self.token0).transferFrom(msg.sender, self, amountIn)
        assert extcall Token(self.token1).transfer(to, out)
        self.reserve0 += amountIn
        self.reserve1 -= out
        self._sync()
        log Swap(sender=msg.sender, amount0In=amountIn, amount1In=0, amount0Out=0, amount1Out=out, to=to)
    else:
        assert extcall Token(self.token1).transferFrom(msg.sender, self, amountIn)
        assert extcall Token(self.token0).transfer(to, out)
        self.reserve1 += amountIn
        self.reserve0 -= out
        self._sync()
        log Swap(sender=msg.sender, amount0In=0, amount1In=amountIn, amount0Out=out, amount1Out=0, to=to)
    return out
