"""Loop devices and mounts by system call: a subprocess would cost more than the work."""

import ctypes
import errno
import fcntl
import os
import struct
import time
from pathlib import Path

_LOOP_CTL_GET_FREE = 0x4C82
_LOOP_CONFIGURE = 0x4C0A
_AUTOCLEAR = 4
_MS_NOSUID, _MS_NODEV, _MS_NOATIME = 2, 4, 1024
_MNT_DETACH = 2
_CONFIG = struct.Struct("=II QQQQQIIII64s64s32sQQ 64s")
"""`struct loop_config`: file, block size, then `struct loop_info64`, then reserved words."""

_libc = ctypes.CDLL(None, use_errno=True)


def _attach(image: Path) -> tuple[int, str]:
    """A free loop device bound to `image`, freed by the kernel after the last unmount."""
    with image.open("r+b", buffering=0) as file, Path("/dev/loop-control").open("rb") as control:
        body = _CONFIG.pack(
            *(file.fileno(), 0),
            *(0, 0, 0, 0, 0),
            *(0, 0, 0, _AUTOCLEAR),
            *(str(image).encode()[:63], b"", b""),
            *(0, 0),
            b"",
        )
        for attempt in range(50):
            device = f"/dev/loop{fcntl.ioctl(control, _LOOP_CTL_GET_FREE)}"
            try:
                descriptor = os.open(device, os.O_RDWR | os.O_CLOEXEC)
            except FileNotFoundError:
                time.sleep(0.01)  # udev has not made the node yet
                continue
            try:
                fcntl.ioctl(descriptor, _LOOP_CONFIGURE, body)
            except OSError as error:
                os.close(descriptor)
                if error.errno != errno.EBUSY or attempt == 49:
                    raise
                continue  # somebody else took it
            return descriptor, device
    raise OSError(errno.ENODEV, "no loop device is free")


def mount_image(image: Path, folder: Path) -> None:
    """Mount an ext4 image; set-user-id bits and device files in it mean nothing."""
    descriptor, device = _attach(image)
    try:
        mount(device, folder, "ext4", "nodiscard,errors=remount-ro")
    finally:
        os.close(descriptor)  # the mount keeps the device from here on


def mount(source: str, folder: Path, kind: str, options: str) -> None:
    """mount(2) with nosuid, nodev and noatime."""
    flags = _MS_NOSUID | _MS_NODEV | _MS_NOATIME
    if _libc.mount(source.encode(), os.fsencode(folder), kind.encode(), flags, options.encode()):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), str(folder))


def unmount(folder: Path) -> None:
    """Detach whatever is mounted there; a folder without a mount is fine."""
    while _libc.umount2(os.fsencode(folder), _MNT_DETACH) == 0:
        pass
    number = ctypes.get_errno()
    if number not in (errno.EINVAL, errno.ENOENT):
        raise OSError(number, os.strerror(number), str(folder))
