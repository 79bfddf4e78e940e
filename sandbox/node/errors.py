"""JSON-RPC errors that the recorded node answers with."""

METHOD_NOT_FOUND = -32601
INVALID_PARAMS = -32602
INVALID_REQUEST = -32600
PARSE_ERROR = -32700
NOT_RECORDED = -32000


class RpcError(Exception):
    """A call that is answered with an error object: `code` and `message` as in JSON-RPC 2.0."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
