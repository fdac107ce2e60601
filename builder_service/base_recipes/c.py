"""The bases of C and C++ tools: compilers, Make and autotools; on top of them CMake and Meson.

The build user may write to /usr/local, so that `make install` works as its authors meant it; runs see it read-only.
"""

from builder_service.base_recipes.recipe import USER, Recipe

RECIPES = {
    "c": Recipe(
        "debian",
        (
            "autoconf", "automake", "bison", "bzip2", "ca-certificates", "file", "flex", "g++", "gcc", "libc6-dev",
            "libtool", "make", "pkg-config", "xz-utils", "zlib1g-dev",
        ),
        USER + "chown -R 65532:65532 /usr/local\n",
    ),
    "cmake": Recipe("c", ("cmake", "meson", "ninja-build")),
}  # fmt: skip
