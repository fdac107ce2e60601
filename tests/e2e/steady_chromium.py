#!/usr/bin/env python3
"""The machine's Chromium, deaf to the network interfaces that come and go on it.

Other tests make and remove bridges on this host, and Chromium then gives up every request that is
on its way, also one to 127.0.0.1 (ERR_NETWORK_CHANGED): a page comes up without its scripts. No
switch turns that off, so the kernel refuses it the netlink sockets by which it would hear of them.
"""

import ctypes
import errno
import os
import shutil
import socket
import sys
from pathlib import Path

_PLAYWRIGHTS = str(Path(__file__).parents[2] / ".venv" / "bin" / "chromium")
"""Laid there by scripts/setup.sh on Ubuntu, whose own is a snap; before what a PATH may say of that."""
_NAMES = (_PLAYWRIGHTS, "chromium", "google-chrome", "chromium-browser")
PATH = next(filter(None, map(shutil.which, _NAMES)), None)

_ALLOW = 0x7FFF0000
_ERRNO = 0x00050000
_EQUAL = 4


class _Argument(ctypes.Structure):
    """`struct scmp_arg_cmp` of seccomp.h."""

    _fields_ = (
        ("arg", ctypes.c_uint),
        ("op", ctypes.c_int),
        ("datum_a", ctypes.c_uint64),
        ("datum_b", ctypes.c_uint64),
    )


def refuse_netlink() -> None:
    """For this process and all that it starts.

    Raises OSError when the kernel or libseccomp refuses.
    """
    library = ctypes.CDLL("libseccomp.so.2")
    library.seccomp_init.restype = ctypes.c_void_p
    rules = ctypes.c_void_p(library.seccomp_init(ctypes.c_uint32(_ALLOW)))
    netlink = _Argument(0, _EQUAL, socket.AF_NETLINK, 0)
    fault = library.seccomp_rule_add_array(
        rules,
        ctypes.c_uint32(_ERRNO | errno.EAFNOSUPPORT),
        library.seccomp_syscall_resolve_name(b"socket"),
        1,
        ctypes.byref(netlink),
    )
    fault = fault or library.seccomp_load(rules)
    if fault:
        raise OSError(-fault, os.strerror(-fault))


if __name__ == "__main__":
    if PATH is None:
        sys.exit("chromium is missing: apt-get install chromium")
    refuse_netlink()
    os.execv(PATH, [PATH, *sys.argv[1:]])
