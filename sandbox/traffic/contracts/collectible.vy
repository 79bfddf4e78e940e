# pragma version 0.4.3
# @title ERC-721 collectible of the local chain (EIP-721 without metadata); anybody mints.

event Transfer:
    sender: indexed(address)
    receiver: indexed(address)
    token_id: indexed(uint256)

event Approval:
    owner: indexed(address)
    approved: indexed(address)
    token_id: indexed(uint256)

event ApprovalForAll:
    owner: indexed(address)
    operator: indexed(address)
    approved: bool

interface Receiver:
    def onERC721Received(operator: address, sender: address, token_id: uint256, data: Bytes[1024]) -> bytes4: nonpayable

name: public(String[32])
symbol: public(String[8])
totalSupply: public(uint256)
balanceOf: public(HashMap[address, uint256])
getApproved: public(HashMap[uint256, address])
isApprovedForAll: public(HashMap[address, HashMap[address, bool]])
owner: HashMap[uint256, address]


@deploy
def __init__(name: String[32], symbol: String[8]):
    self.name = name
    self.symbol = symbol


@external
@view
def supportsInterface(interface_id: bytes4) -> bool:
    # EIP-165, EIP-721
    return interface_id == 0x01ffc9a7 or interface_id == 0x80ac58cd


@external
@view
def ownerOf(token_id: uint256) -> address:
    assert self.owner[token_id] != empty(address), "no such token"
    return self.owner[token_id]


@external
@view
def owners(start: uint256, count: uint256) -> DynArray[address, 256]:
    # Owners of `count` tokens from `start` on, for the traffic generator.
    found: DynArray[address, 256] = []
    for i: uint256 in range(count, bound=256):
        found.append(self.owner[start + i])
    return found


@internal
def _move(sender: address, receiver: address, token_id: uint256, operator: address):
    assert self.owner[token_id] == sender, "not the owner's"
    assert receiver != empty(address), "no receiver"
    assert operator == sender or self.getApproved[token_id] == operator or self.isApprovedForAll[sender][operator], "not approved"
    self.getApproved[token_id] = empty(address)
    self.owner[token_id] = receiver
    self.balanceOf[sender] -= 1
    self.balanceOf[receiver] += 1
    log Transfer(sender=sender, receiver=receiver, token_id=token_id)


@external
@payable
def transferFrom(sender: address, receiver: address, token_id: uint256):
    self._move(sender, receiver, token_id, msg.sender)


@external
@payable
def safeTransferFrom(sender: address, receiver: address, token_id: uint256, data: Bytes[1024] = b""):
    self._move(sender, receiver, token_id, msg.sender)
    if receiver.is_contract:
        answer: bytes4 = extcall Receiver(receiver).onERC721Received(msg.sender, sender, token_id, data)
        assert answer == 0x150b7a02, "receiver refuses"


@external
@payable
def approve(approved: address, token_id: uint256):
    owner: address = self.owner[token_id]
    assert msg.sender == owner or self.isApprovedForAll[owner][msg.sender], "not the owner"
    self.getApproved[token_id] = approved
    log Approval(owner=owner, approved=approved, token_id=token_id)


@external
def setApprovalForAll(operator: address, approved: bool):
    self.isApprovedForAll[msg.sender][operator] = approved
    log ApprovalForAll(owner=msg.sender, operator=operator, approved=approved)


@external
def mint(receiver: address) -> uint256:
    assert receiver != empty(address), "no receiver"
    token_id: uint256 = self.totalSupply
    self.totalSupply += 1
    self.owner[token_id] = receiver
    self.balanceOf[receiver] += 1
    log Transfer(sender=empty(address), receiver=receiver, token_id=token_id)
    return token_id
