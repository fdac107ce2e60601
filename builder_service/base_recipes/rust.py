"""The base of Rust tools: the newest Rust that Debian's stable release carries, and the C compiler that it links with."""

from builder_service.base_recipes.programs import contents, installed
from builder_service.base_recipes.recipe import USER, Recipe

_INDEX = contents(
    "amd64",
    r'$1 ~ "^usr/share/cargo/registry/[^/]*/Cargo.toml$" '
    r'{ sub("^usr/share/cargo/registry/", "", $1); sub("/Cargo.toml$", "", $1); print $1 "\t" $NF }',
    "rust-crates.tsv",
)
_RUST = """
install -d -o 65532 -g 65532 /opt/rust /opt/rust/bin /opt/rust/cargo
rustc --version && cargo --version
"""

RECIPES = {
    # Debian brings newer releases for its browsers as rustc-web; plain rustc stays as old as the distribution.
    "rust-toolchain": Recipe(
        "debian",
        ("ca-certificates", "rustc-web", "cargo-web", "gcc", "g++", "libc6-dev", "make", "pkg-config", "python3"),
        USER + _RUST,
    ),
    "rust": Recipe(
        "rust-toolchain",
        (),
        _INDEX + installed("toolyard-rust", "toolyard_rust", "rust_manifests", "debian_sources"),
    ),
}  # fmt: skip
