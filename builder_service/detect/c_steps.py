"""How C and C++ programs are built, installed below /usr/local, and found afterwards under a name that stays."""

from shared.plan import Step

BIN = "/usr/local/bin"

# Constant texts; everything of the repository's own is an argument. Each ends with the programs' names.
_HEAD = """
set -e -o pipefail
jobs=$(nproc); log=/tmp/toolyard-make.log; stamp=/tmp/toolyard-stamp; touch "$stamp"
note() { echo "note: $*"; }
build() {
  "$@" -j"$jobs" 2>&1 | tee "$log" && return
  if grep -q 'multiple definition of' "$log"; then
    note "sources from before GCC 10: once more with -fcommon"
    "$@" CC='gcc -fcommon' CXX='g++ -fcommon'
  elif grep -Eq 'fatal error:|: error:|command not found' "$log"; then
    return 1
  else
    note "once more, one job at a time"
    "$@"
  fi
}
"""

# What was made beside the planned programs is linked too, so that the owner may name it later.
_TAIL = """
made() {
  find /app /usr/local/bin /usr/local/sbin /home/tool -type f -perm -u+x -newer "$stamp" -not -path '*/.libs/*' -not -path '*/CMakeFiles/*' \\
    -not -name '*.o' -not -name '*.so*' -not -name 'config.*' -printf '%d %p\\n' | sort -n | cut -d' ' -f2- |
    while IFS= read -r path; do [ "$(head -c 4 "$path" | tail -c 3)" = ELF ] && printf '%s\\n' "$path"; done || true
}
programs=$(made)
while IFS= read -r path; do
  [ -z "$path" ] || [ -e "/usr/local/bin/${path##*/}" ] || ln -s "$path" "/usr/local/bin/${path##*/}"
done <<< "$programs"
ready=0
for name in "$@"; do
  if [ ! -x "/usr/local/bin/$name" ]; then
    path=$(find /app /usr/local /home/tool -type f -name "$name" -perm -u+x -not -path '*/.libs/*' -printf '%d %p\\n' | sort -n | head -1 | cut -d' ' -f2-)
    [ -n "$path" ] || continue
    ln -sf "$path" "/usr/local/bin/$name"
  fi
  echo "program: $name"; ready=1
done
if [ "$ready" = 0 ]; then
  names=$(while IFS= read -r path; do echo "${path##*/}"; done <<< "$programs" | sort -u | head -20 | paste -sd' ')
  echo "error: the build made no program called $*; it made: ${names:-none}" >&2
  exit 1
fi
rm -f "$log" "$stamp"
"""

_MAKE = (
    _HEAD
    + """
folder=$1; file=$2; install=$3; shift 3
build make -C "$folder" ${file:+-f "$file"}
if [ "$install" = install ]; then
  make -C "$folder" ${file:+-f "$file"} install || note "make install failed; the programs are taken from where they were built"
fi
"""
    + _TAIL
)

# Git gives all files one time: without the touches, make would ask for the very autotools that made them.
_AUTOTOOLS = (
    _HEAD
    + """
if [ ! -f configure ]; then
  autoreconf -fi || { [ -f autogen.sh ] && NOCONFIGURE=1 sh autogen.sh; }
else
  for file in aclocal.m4 configure config.h.in Makefile.in; do find . -name "$file" -exec touch {} +; sleep 0.02; done
fi
sh ./configure --prefix=/usr/local || { tail -n 30 config.log 2>/dev/null; exit 1; }
build make
make install || note "make install failed; the programs are taken from where they were built"
"""
    + _TAIL
)

_CMAKE = (
    _HEAD
    + """
cmake -S . -B .toolyard-build -G Ninja -DCMAKE_BUILD_TYPE=Release -DBUILD_TESTING=OFF -DCMAKE_INSTALL_PREFIX=/usr/local \\
  -DCMAKE_INSTALL_RPATH=/usr/local/lib
cmake --build .toolyard-build
cmake --install .toolyard-build || note "cmake --install failed; the programs are taken from where they were built"
"""
    + _TAIL
)

_MESON = (
    _HEAD
    + """
meson setup .toolyard-build --prefix=/usr/local --libdir=lib --buildtype=release --wrap-mode=nofallback \\
  || { rm -rf .toolyard-build; meson setup .toolyard-build --prefix=/usr/local --libdir=lib --buildtype=release; }
ninja -C .toolyard-build
meson install -C .toolyard-build || note "meson install failed; the programs are taken from where they were built"
"""
    + _TAIL
)

SCRIPTS = {"autotools": _AUTOTOOLS, "cmake": _CMAKE, "meson": _MESON}


def make(folder: str, file: str, install: bool, programs: list[str]) -> Step:
    """`make` in a folder, and `make install` where there is such a rule; `file` is not one of make's own names."""
    arguments = [f"./{folder}" if folder else ".", file, "install" if install else "", *programs]
    return Step(name="make", argv=["bash", "-c", _MAKE, "make", *arguments])


def project(kind: str, programs: list[str]) -> Step:
    """The whole of an autotools, CMake or Meson build."""
    return Step(name=kind, argv=["bash", "-c", SCRIPTS[kind], kind, *programs])


def compiler(name: str, paths: list[str], folders: list[str], links: list[str], cpp: bool) -> Step:
    """One program by the compiler alone."""
    argv = ["g++" if cpp else "gcc", "-O2", "-o", f"{BIN}/{name}"]
    argv += [f"-I/app/{folder}".rstrip("/") for folder in folders]
    argv += [f"/app/{path}" for path in paths]
    return Step(
        name=f"compile {name}"[:80],
        argv=[*argv, *(f"-l{link}" for link in links), "-lm", "-lpthread"],
    )
