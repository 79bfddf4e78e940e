# pragma version 0.4.3
# @title ERC-1155 items of the local chain (EIP-1155); anybody mints.

event TransferSingle:
    operator: indexed(address)
    sender: indexed(address)
    receiver: indexed(address)
    id: uint256
    value: uint256

event TransferBatch:
    operator: indexed(address)
    sender: indexed(address)
    receiver: indexed(address)
    ids: DynArray[uint256, 32]
    values: DynArray[uint256, 32]

event ApprovalForAll:
    owner: indexed(address)
    operator: indexed(address)
    approved: bool

interface Receiver:
    def onERC1155Received(operator: address, sender: address, id: uint256, amount: uint256, data: Bytes[1024]) -> bytes4: nonpayable
    def onERC1155BatchReceived(operator: address, sender: address, ids: DynArray[uint256, 32], values: DynArray[uint256, 32], data: Bytes[1024]) -> bytes4: nonpayable

balanceOf: public(HashMap[address, HashMap[uint256, uint256]])
isApprovedForAll: public(HashMap[address, HashMap[address, bool]])


@external
@view
def supportsInterface(interface_id: bytes4) -> bool:
    # EIP-165, EIP-1155
    return interface_id == 0x01ffc9a7 or interface_id == 0xd9b67a26


@external
@view
def balanceOfBatch(owners: DynArray[address, 32], ids: DynArray[uint256, 32]) -> DynArray[uint256, 32]:
    assert len(owners) == len(ids), "lengths differ"
    found: DynArray[uint256, 32] = []
    for i: uint256 in range(len(ids), bound=32):
        found.append(self.balanceOf[owners[i]][ids[i]])
    return found


@external
def setApprovalForAll(operator: address, approved: bool):
    self.isApprovedForAll[msg.sender][operator] = approved
    log ApprovalForAll(owner=msg.sender, operator=operator, approved=approved)


@internal
def _take(sender: address, id: uint256, amount: uint256):
    assert self.balanceOf[sender][id] >= amount, "balance too low"
    self.balanceOf[sender][id] -= amount


@external
def safeTransferFrom(sender: address, receiver: address, id: uint256, amount: uint256, data: Bytes[1024]):
    assert msg.sender == sender or self.isApprovedForAll[sender][msg.sender], "not approved"
    assert receiver != empty(address), "no receiver"
    self._take(sender, id, amount)
    self.balanceOf[receiver][id] += amount
    log TransferSingle(operator=msg.sender, sender=sender, receiver=receiver, id=id, value=amount)
    if receiver.is_contract:
        answer: bytes4 = extcall Receiver(receiver).onERC1155Received(msg.sender, sender, id, amount, data)
        assert answer == 0xf23a6e61, "receiver refuses"


@external
def safeBatchTransferFrom(sender: address, receiver: address, ids: DynArray[uint256, 32], values: DynArray[uint256, 32], data: Bytes[1024]):
    assert msg.sender == sender or self.isApprovedForAll[sender][msg.sender], "not approved"
    assert receiver != empty(address), "no receiver"
    assert len(ids) == len(values), "lengths differ"
    for i: uint256 in range(len(ids), bound=32):
        self._take(sender, ids[i], values[i])
        self.balanceOf[receiver][ids[i]] += values[i]
    log TransferBatch(operator=msg.sender, sender=sender, receiver=receiver, ids=ids, values=values)
    if receiver.is_contract:
        answer: bytes4 = extcall Receiver(receiver).onERC1155BatchReceived(msg.sender, sender, ids, values, data)
        assert answer == 0xbc197c81, "receiver refuses"


@external
def mint(receiver: address, id: uint256, amount: uint256):
    self.balanceOf[receiver][id] += amount
    log TransferSingle(operator=msg.sender, sender=empty(address), receiver=receiver, id=id, value=amount)


@external
def mintBatch(receiver: address, ids: DynArray[uint256, 32], values: DynArray[uint256, 32]):
    assert len(ids) == len(values), "lengths differ"
    for i: uint256 in range(len(ids), bound=32):
        self.balanceOf[receiver][ids[i]] += values[i]
    log TransferBatch(operator=msg.sender, sender=empty(address), receiver=receiver, ids=ids, values=values)
