"""What only a tool's owner may do: refused for others as if the tool were not there, unless they see it anyway."""

from shared.schema.accounts import Account
from shared.schema.tools import Tool
from web import access
from web.refusals import Absent, Forbidden


def check_owner(account: Account, tool: Tool) -> None:
    """Raises `Absent` or `Forbidden`."""
    if not access.may_see_tool(account, tool):
        raise Absent("There is no such tool.")
    if not access.may_edit_tool(account, tool):
        raise Forbidden("Only the tool's owner may change it.")
