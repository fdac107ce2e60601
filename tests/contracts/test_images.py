"""What holds for every image registry: a real one with our tokens, and ECR as MiniStack emulates it.

MiniStack's registry takes any push, so that the limits of ECR's tokens are shown on ECR's own API
with the very session that the tokens are asked for with.
"""

import base64
import http.server
import io
import json
import secrets
import tarfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from pydantic import SecretStr

from cli.servers import free_port
from shared import images_open
from shared.containers import ImageGone, RegistryUnavailable
from shared.containers_docker import DockerContainers
from shared.ids import new_id
from shared.images import ImageRegistry, ImagesUnavailable, repository_of
from shared.images_local import LocalImages
from shared.images_login import LoginRegistry
from shared.images_registry import TokenRegistry
from shared.registry_tokens import TokenSigner, new_key
from shared.work import ImageAccess
from tests.engine import opened
from tests.registry import Registry


@pytest.fixture(scope="module")
def token_registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    with Registry(tmp_path_factory.mktemp("registry")) as registry:
        yield registry


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[DockerContainers]:
    with opened(tmp_path / "data") as containers:
        yield containers


@pytest.fixture
def image(engine: DockerContainers, tmp_path: Path) -> Iterator[str]:
    """A small image that no other test has."""
    archive = tmp_path / "image.tar"
    with tarfile.open(archive, "w") as tar:
        entry = tarfile.TarInfo("what")
        data = secrets.token_bytes(2000)
        entry.size = len(data)
        tar.addfile(entry, io.BytesIO(data))
    tag = f"toolyard-test-push:{secrets.token_hex(6)}"
    yield engine.import_image(archive, tag, labels={})
    engine.remove_image(tag)


class TokenServer(http.server.ThreadingHTTPServer):
    """What others run beside their registry: tokens for whoever knows the password."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), TokenRequest)
        self.url = f"http://127.0.0.1:{self.server_port}/token"
        self.signer: TokenSigner | None = None
        self.asked: list[str] = []


class TokenRequest(http.server.BaseHTTPRequestHandler):
    server: TokenServer

    def do_GET(self) -> None:
        query = parse_qs(urlsplit(self.path).query)
        login = base64.b64encode(b"robot:pass word").decode()
        known = self.headers["Authorization"] == f"Basic {login}"
        self.send_response(200 if known else 401)
        self.end_headers()
        if known and self.server.signer is not None:
            (scope,) = query["scope"]
            self.server.asked.append(scope)
            _, name, actions = scope.split(":")
            token = self.server.signer.token(name, actions.split(","), now=time.time(), seconds=300)
            self.wfile.write(json.dumps({"token": token, "expires_in": 300}).encode())

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture(scope="module")
def token_server() -> Iterator[TokenServer]:
    with TokenServer() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def their_registry(
    token_server: TokenServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Registry]:
    folder = tmp_path_factory.mktemp("theirs")
    with Registry(folder, realm=token_server.url) as registry:
        token_server.signer = TokenSigner(registry.key)
        yield registry


@pytest.fixture(params=["registry", "login", "ecr"])
def registry(request: pytest.FixtureRequest) -> ImageRegistry:
    if request.param == "ecr":
        found: ImageRegistry = request.getfixturevalue("ecr")
        return found
    if request.param == "login":
        theirs: Registry = request.getfixturevalue("their_registry")
        return LoginRegistry(theirs.place, "robot", "pass word")
    running: Registry = request.getfixturevalue("token_registry")
    return TokenRegistry(running.place, running.key)


def forget(engine: DockerContainers, reference: str, tag: str) -> None:
    engine.remove_image(f"{repository_of(reference)}:{tag}")
    engine.remove_image(reference)


# Both


@pytest.mark.docker
def test_an_image_is_pushed_and_pulled_by_its_digest(
    registry: ImageRegistry, engine: DockerContainers, image: str
) -> None:
    tool = new_id("tool")
    reference = engine.push_image(image, registry.push(tool), "v1", seconds=60)
    assert repository_of(reference) == registry.repository(tool)
    assert engine.image_id(reference) == image

    forget(engine, reference, "v1")
    assert engine.image_id(reference) is None
    engine.fetch_image(reference, registry.pull(repository_of(reference)), seconds=60)
    assert engine.image_id(reference) == image

    forget(engine, reference, "v1")
    engine.fetch_image(f"{repository_of(reference)}:v1", registry.push(tool), seconds=60)
    forget(engine, reference, "v1")


@pytest.mark.docker
def test_an_image_that_the_registry_does_not_have_is_gone(
    registry: ImageRegistry, engine: DockerContainers, image: str
) -> None:
    tool = new_id("tool")
    reference = engine.push_image(image, registry.push(tool), "v1", seconds=60)
    forget(engine, reference, "v1")
    with pytest.raises(ImageGone):
        engine.fetch_image(
            f"{repository_of(reference)}@sha256:{'0' * 64}",
            registry.pull(repository_of(reference)),
            seconds=60,
        )
    with pytest.raises(ImageGone):
        engine.fetch_image(f"{repository_of(reference)}:v2", registry.push(tool), seconds=60)


def test_each_tool_has_a_repository_of_its_own_below_the_prefix(registry: ImageRegistry) -> None:
    one, other = registry.repository("tool_1a"), registry.repository("tool_1b")
    assert one != other
    assert one.endswith("/tool-1a")
    with pytest.raises(ImagesUnavailable, match="not in this installation's registry"):
        registry.pull("elsewhere.example/toolyard/tool-1a")


def test_an_access_shows_its_secret_on_the_wire_only(registry: ImageRegistry) -> None:
    access = registry.push(new_id("tool"))
    secret = access.secret.get_secret_value()
    assert len(secret) > 8
    assert secret not in repr(access)
    assert secret not in str(access.model_dump())
    assert ImageAccess.model_validate_json(access.model_dump_json()).secret == access.secret


# The registry's own limits


@pytest.fixture
def tokens(token_registry: Registry) -> TokenRegistry:
    return TokenRegistry(token_registry.place, token_registry.key)


def moved(access: ImageAccess, repository: str) -> ImageAccess:
    return access.model_copy(update={"repository": repository})


@pytest.mark.docker
def test_a_token_for_one_repository_opens_no_other(
    tokens: TokenRegistry, engine: DockerContainers, image: str
) -> None:
    mine, other = new_id("tool"), new_id("tool")
    reference = engine.push_image(image, tokens.push(other), "v1", seconds=60)
    forget(engine, reference, "v1")

    with pytest.raises(RegistryUnavailable, match="refused what it was shown"):
        engine.push_image(
            image, moved(tokens.push(mine), tokens.repository(other)), "v2", seconds=60
        )
    engine.remove_image(f"{tokens.repository(other)}:v2")
    with pytest.raises(RegistryUnavailable, match="refused what it was shown"):
        engine.fetch_image(reference, tokens.push(mine), seconds=60)


@pytest.mark.docker
def test_layers_of_a_foreign_repository_are_pushed_again_not_mounted(
    tokens: TokenRegistry, engine: DockerContainers, image: str
) -> None:
    one, other = new_id("tool"), new_id("tool")
    first = engine.push_image(image, tokens.push(one), "v1", seconds=60)
    second = engine.push_image(image, tokens.push(other), "v1", seconds=60)
    assert first.partition("@")[2] == second.partition("@")[2]
    forget(engine, first, "v1")
    forget(engine, second, "v1")


@pytest.mark.docker
@pytest.mark.parametrize("which", ["pull", "expired", "foreign", "none"])
def test_what_is_no_push_token_pushes_nothing(
    which: str,
    token_registry: Registry,
    tokens: TokenRegistry,
    engine: DockerContainers,
    image: str,
) -> None:
    tool = new_id("tool")
    place = token_registry.place
    access = {
        "pull": lambda: tokens.pull(tokens.repository(tool)),
        "expired": lambda: TokenRegistry(
            place, token_registry.key, now=lambda: time.time() - 1000
        ).push(tool),
        "foreign": lambda: TokenRegistry(place, new_key()).push(tool),
        "none": lambda: tokens.push(tool).model_copy(update={"secret": SecretStr("x")}),
    }[which]()
    try:
        with pytest.raises(RegistryUnavailable, match="refused what it was shown"):
            engine.push_image(image, access, "v1", seconds=60)
    finally:
        engine.remove_image(f"{tokens.repository(tool)}:v1")


@pytest.mark.docker
def test_an_expired_token_pulls_nothing(
    token_registry: Registry, tokens: TokenRegistry, engine: DockerContainers, image: str
) -> None:
    tool = new_id("tool")
    reference = engine.push_image(image, tokens.push(tool), "v1", seconds=60)
    forget(engine, reference, "v1")
    late = TokenRegistry(token_registry.place, token_registry.key, now=lambda: time.time() - 1000)
    with pytest.raises(RegistryUnavailable, match="refused what it was shown"):
        engine.fetch_image(reference, late.pull(repository_of(reference)), seconds=60)


def test_a_token_lasts_a_quarter_of_an_hour() -> None:
    token = TokenSigner(new_key()).token("toolyard/x", ("pull",), now=1000, seconds=900)
    claims = json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))
    assert claims["exp"] == 1900
    assert claims["access"] == [{"type": "repository", "name": "toolyard/x", "actions": ["pull"]}]


# A registry that others run


def test_a_token_is_asked_for_one_repository_and_the_password_stays_here(
    token_server: TokenServer, their_registry: Registry
) -> None:
    theirs = LoginRegistry(their_registry.place, "robot", "pass word")
    access = theirs.push("tool_1")
    theirs.pull(theirs.repository("tool_1"))
    assert token_server.asked[-2:] == [
        "repository:toolyard/tool-1:pull,push",
        "repository:toolyard/tool-1:pull",
    ]
    assert access.username == ""
    assert "pass word" not in access.model_dump_json()


def test_a_wrong_password_or_a_registry_without_tokens_is_told(
    their_registry: Registry, ministack: str
) -> None:
    with pytest.raises(ImagesUnavailable, match="401"):
        LoginRegistry(their_registry.place, "robot", "wrong").push("tool_1")
    with pytest.raises(ImagesUnavailable, match="knows no tokens for one repository"):
        LoginRegistry(f"{urlsplit(ministack).netloc}/x", "robot", "x").push("tool_1")
    with pytest.raises(ImagesUnavailable, match="gave no token"):
        LoginRegistry(f"127.0.0.1:{free_port()}/x", "robot", "x").push("tool_1")


def test_the_password_is_not_sent_without_tls(tmp_path: Path) -> None:
    with (
        Registry(tmp_path, realm="http://tokens.example/token") as registry,
        pytest.raises(ImagesUnavailable, match=r"without TLS: tokens\.example"),
    ):
        LoginRegistry(registry.place, "robot", "pass word").push("tool_1")


# Addresses


def no_key(make: object) -> str:
    raise AssertionError("no key is needed")


def no_password() -> str:
    raise AssertionError("no password is needed")


def test_a_user_in_the_address_logs_in_with_the_secret() -> None:
    made = images_open.open_images(
        "registry://robot@registry.example/a/b", role="", key=no_key, password=lambda: "x"
    )
    assert isinstance(made, LoginRegistry)
    assert made.repository("tool_1") == "registry.example/a/b/tool-1"


def test_an_empty_address_means_this_host_s_engine() -> None:
    assert isinstance(
        images_open.open_images("", role="", key=no_key, password=no_password), LocalImages
    )
    assert LocalImages().repository("tool_1") == ""


def test_a_registry_s_key_is_made_once() -> None:
    made = images_open.open_images(
        "registry://127.0.0.1:5000/toolyard", role="", key=lambda make: make(), password=no_password
    )
    assert made.repository("tool_1") == "127.0.0.1:5000/toolyard/tool-1"


@pytest.mark.parametrize(
    "url",
    ["registry://host", "registry://Host/x", "registry://u:p@host/x", "ecr://", "docker://x/y"],
)
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(
        ValueError, match=r"registry://\[USER@\]HOST\[:PORT\]/PREFIX or ecr://PREFIX"
    ):
        images_open.check(url)


def test_ecr_needs_the_role() -> None:
    with pytest.raises(ValueError, match="TOOLYARD_IMAGES_ROLE"):
        images_open.open_images("ecr://toolyard", role="", key=no_key, password=no_password)
