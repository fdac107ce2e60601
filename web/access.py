"""Who may see, run, edit and own what; pure, and the only place that decides it."""

from shared.schema.accounts import Account
from shared.schema.runs import File, Run, Upload
from shared.schema.tools import Preview, Tool

Viewer = Account | None


def is_admin(viewer: Viewer) -> bool:
    return viewer is not None and viewer.disabled_at is None and viewer.is_admin


def owns_tool(viewer: Viewer, tool: Tool) -> bool:
    return viewer is not None and viewer.disabled_at is None and viewer.id == tool.account_id


def may_see_tool(viewer: Viewer, tool: Tool) -> bool:
    """Public tools are for everybody, private ones for their owner and administrators."""
    if tool.deleted_at is not None:
        return False
    return not tool.private or owns_tool(viewer, tool) or is_admin(viewer)


def may_run_tool(viewer: Viewer, tool: Tool) -> bool:
    """Whoever sees it and is signed in."""
    return viewer is not None and viewer.disabled_at is None and may_see_tool(viewer, tool)


def may_edit_tool(viewer: Viewer, tool: Tool) -> bool:
    """Also build it again."""
    return tool.deleted_at is None and (owns_tool(viewer, tool) or is_admin(viewer))


def may_see_preview(viewer: Viewer, preview: Preview) -> bool:
    """Who asked for it: it may show a private repository."""
    if viewer is None or viewer.disabled_at is not None:
        return False
    return viewer.id == preview.account_id or is_admin(viewer)


def may_see_run(viewer: Viewer, run: Run) -> bool:
    """The account that started it, not the tool's owner (DESIGN 3.14)."""
    if viewer is None or viewer.disabled_at is not None:
        return False
    return viewer.id == run.account_id or is_admin(viewer)


def may_cancel_run(viewer: Viewer, run: Run) -> bool:
    return may_see_run(viewer, run)


def may_use_upload(viewer: Viewer, upload: Upload) -> bool:
    """Like the file that it will be."""
    return viewer is not None and viewer.disabled_at is None and viewer.id == upload.account_id


def may_use_file(viewer: Viewer, file: File) -> bool:
    """Uploads are used only by who uploaded them, administrators not excepted."""
    return viewer is not None and viewer.disabled_at is None and viewer.id == file.account_id
