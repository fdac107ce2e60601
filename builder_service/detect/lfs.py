"""Git LFS: files whose place in the repository holds a pointer, because their content is kept elsewhere."""

from builder_service.detect.tree import Tree

_HEAD = "version https://git-lfs.github.com/spec/"
_SIZES = range(100, 1024)
"""Of a pointer, as its specification has it."""
_SHOWN = 3


def sentence(tree: Tree) -> str:
    """What is missing, as a sentence; "" when nothing is."""
    rules = [entry.path for entry in tree.files if entry.name == ".gitattributes"]
    if not any("filter=lfs" in tree.text(path) for path in rules):
        return ""
    found = [
        entry.path
        for entry in tree.files
        if entry.size in _SIZES and tree.text(entry.path, len(_HEAD)) == _HEAD
    ]
    if not found:
        return ""
    shown = ", ".join(found[:_SHOWN]) + (" …" if len(found) > _SHOWN else "")
    files = "1 file is" if len(found) == 1 else f"{len(found)} files are"
    return f"{files} kept in Git LFS and not fetched, so only pointers are there: {shown}."
