"""What an operator gives to build steps: CA bundle, proxy, package indexes; none of it stays in an image."""

from dataclasses import dataclass
from pathlib import Path

from shared.containers import Mount

CA = "/run/toolyard-ca.crt"

_QUIET = {
    "UV_NO_CACHE": "1",
    "UV_PYTHON_DOWNLOADS": "never",
    "UV_LINK_MODE": "copy",
    "UV_NO_PROGRESS": "1",
    "PIP_NO_CACHE_DIR": "1",
    "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    "PIP_NO_INPUT": "1",
    "PIP_PROGRESS_BAR": "off",
    "npm_config_cache": "/tmp/npm",  # noqa: S108 - inside the sandbox
    "npm_config_update_notifier": "false",
    "npm_config_fund": "false",
    "npm_config_audit": "false",
    "DEBIAN_FRONTEND": "noninteractive",
    "CI": "1",
}


@dataclass(frozen=True)
class Operator:
    """The settings of builds on this installation."""

    ca: Path | None = None
    proxy: str = ""
    python_index: str = ""
    node_registry: str = ""
    maven_mirror: str = ""
    go_proxy: str = ""
    """As `GOPROXY` takes it. Empty: Go's own."""
    gem_source: str = ""
    cpan_mirror: str = ""
    cran_mirror: str = ""

    def environment(self) -> dict[str, str]:
        """Variables of every build step."""
        env = dict(_QUIET)
        if self.ca is not None:
            for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "PIP_CERT", "NODE_EXTRA_CA_CERTS",
                         "GIT_SSL_CAINFO", "npm_config_cafile", "CARGO_HTTP_CAINFO"):  # fmt: skip
                env[name] = CA
        if self.proxy:
            for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
                env[name] = self.proxy
        if self.python_index:
            env["PIP_INDEX_URL"] = env["UV_DEFAULT_INDEX"] = self.python_index
        if self.node_registry:
            env["npm_config_registry"] = self.node_registry
        if self.maven_mirror:
            env["TOOLYARD_MAVEN_MIRROR"] = self.maven_mirror
        if self.go_proxy:
            env["GOPROXY"] = self.go_proxy
        # Ruby, Perl and R have no variable of their own for this; the programs in their bases read these.
        mirrors = {
            "TOOLYARD_GEM_SOURCE": self.gem_source,
            "TOOLYARD_CPAN_MIRROR": self.cpan_mirror,
            "TOOLYARD_CRAN_MIRROR": self.cran_mirror,
        }
        env.update({name: address for name, address in mirrors.items() if address})
        return env

    def mounts(self) -> tuple[Mount, ...]:
        return (Mount(self.ca, CA, read_only=True),) if self.ca is not None else ()
