"""What sandboxes with a network reach, proven with canaries; and what is refused before that."""

from collections.abc import Iterator
from contextlib import ExitStack
from ipaddress import IPv4Address
from pathlib import Path

import pytest

from shared import addresses, doctor, doctor_judgement, doctor_probes, egress_rules
from shared.canaries import Canaries, Listeners, Target
from shared.containers import NetworkRefused
from shared.containers_docker import DockerContainers
from shared.doctor_examination import Examination
from shared.egress import Egress, parse_allow, parse_host, resolvers
from shared.egress_rules import Allowed, Zone
from shared.plan import Network
from tests.engine import Runner

INTERNET = Network(mode="internet")


def test_the_filter_and_the_address_check_block_the_same_networks() -> None:
    reserved = {str(net) for net, _ in addresses._RESERVED if net.version == 4}

    assert set(egress_rules.BLOCKED) == reserved


def test_bridges_of_two_installations_and_kinds_never_match_one_another() -> None:
    zones: tuple[Zone, ...] = ("run", "build")
    prefixes = {egress_rules.prefix(name, zone) for name in ("aaaa", "aaab") for zone in zones}
    bridge = egress_rules.bridge("aaaa", "run", "a-name", named_hosts=True)

    assert len(prefixes) == 4
    assert len(bridge) == 15
    assert [bridge.startswith(prefix) for prefix in prefixes].count(True) == 1


def test_hosts_are_read_with_and_without_a_port() -> None:
    assert parse_host("Example.org") == ("example.org", None)
    assert parse_host("10.0.0.1:443") == ("10.0.0.1", 443)
    for text in ("", "a b", "*.example.org", "x:0", "x:70000", "http://x", "x;y", "x:1:2", "-x"):
        with pytest.raises(ValueError, match="not a host"):
            parse_host(text)


def test_an_operator_allows_endpoints_but_never_a_metadata_service() -> None:
    assert parse_allow(" 10.0.0.5:443, mirror:80 ,") == (("10.0.0.5", 443), ("mirror", 80))
    with pytest.raises(ValueError, match="metadata"):
        parse_allow("169.254.169.254:80")
    with pytest.raises(ValueError, match="needs a port"):
        parse_allow("mirror")


def test_resolvers_on_loopback_are_replaced_as_the_engine_does(tmp_path: Path) -> None:
    stub, real = tmp_path / "stub", tmp_path / "real"
    stub.write_text("# x\nnameserver 127.0.0.53\noptions edns0\n")
    real.write_text("nameserver 192.168.1.1\nnameserver fe80::1\n")

    assert resolvers((stub, real)) == {IPv4Address("192.168.1.1")}
    assert resolvers((tmp_path / "none",)) == frozenset()


def test_without_nft_a_sandbox_with_a_network_is_refused(tmp_path: Path) -> None:
    egress = Egress("none", "run", search=str(tmp_path))

    with pytest.raises(NetworkRefused, match="install the package nftables"):
        egress.admit(Runner(None, "i").sandbox("true", network=INTERNET))  # type: ignore[arg-type]


@pytest.fixture
def egress() -> Iterator[Egress]:
    names = {
        "public.example": [IPv4Address("10.0.0.1"), IPv4Address("1.2.3.4")],
        "rebound.example": [IPv4Address("192.168.0.9")],
    }
    found = Egress("test", "run", resolve=lambda host: names.get(host, []))
    yield found
    found.drop()


@pytest.mark.docker
def test_private_answers_do_not_count(egress: Egress) -> None:
    runner = Runner(None, "i")  # type: ignore[arg-type]

    def admit(*hosts: str) -> dict[str, str]:
        network = Network(mode="hosts", hosts=hosts)
        return egress.admit(runner.sandbox("true", network=network))

    assert admit("public.example") == {"public.example": "1.2.3.4"}
    with pytest.raises(NetworkRefused, match=r"192\.168\.0\.9 \(private"):
        admit("rebound.example")
    with pytest.raises(NetworkRefused, match="metadata"):
        admit("169.254.169.254:80")
    with pytest.raises(NetworkRefused, match="unknown"):
        admit("nowhere.example")
    with pytest.raises(NetworkRefused, match="not a host"):
        admit("*.example")


@pytest.mark.docker
def test_rules_that_somebody_took_away_come_back_before_the_next_sandbox(egress: Egress) -> None:
    egress.ensure()
    whole = egress._listing()

    egress._nft("flush", "chain", "inet", egress.table, "forward")
    assert egress._listing() != whole
    egress.ensure()
    assert egress._listing() == whole

    egress.drop()
    egress.ensure()
    assert egress._listing() == whole


@pytest.mark.docker
def test_what_one_sandbox_was_given_is_taken_back_and_changes_no_rule(egress: Egress) -> None:
    runner = Runner(None, "i")  # type: ignore[arg-type]
    network = Network(mode="hosts", hosts=("public.example", "public.example:22"))
    first, second = (runner.sandbox("true", network=network) for _ in range(2))
    egress.admit(first)
    whole = egress._listing()
    egress.admit(second)

    assert egress._listing() == whole
    Egress("test", "run").forget(first.name)  # a successor knows the name only

    text = egress._nft("list", "table", "inet", egress.table)
    assert egress.bridge(first) not in text
    assert text.count(egress.bridge(second)) == 2


@pytest.mark.docker
@pytest.mark.slow
def test_a_sandbox_with_named_hosts_reaches_them_by_name_and_nobody_else(
    containers: DockerContainers, image: str, tmp_path: Path
) -> None:
    egress = Egress(
        containers.installation,
        "run",
        resolve=lambda host: [IPv4Address("1.2.3.4")] if host == "named.example" else [],
        resolvers=lambda: frozenset({IPv4Address("1.2.3.9")}),
    )
    containers.rules = {"run": egress}
    targets = [
        Target("named", "1.2.3.4", 443),
        Target("another port", "1.2.3.4", 80),
        Target("another host", "1.2.3.5", 443),
        Target("resolver", "1.2.3.9", 53),
    ]
    file = tmp_path / "targets"
    file.write_text("tcp:named.example:443\n" + "".join(f"{target.where}\n" for target in targets))
    runner = Runner(containers, image)
    network = Network(mode="hosts", hosts=("named.example:443",))
    sandbox = runner.sandbox("perl", "-e", doctor_probes.CONNECT, "2", network=network, stdin=file)

    with ExitStack() as stack:
        doctor.lock_host(stack)
        listeners = Listeners("canary")
        stack.callback(listeners.close)
        canaries = Canaries(containers.installation, listeners)
        stack.callback(canaries.remove)
        stack.callback(runner.remove_all)
        canaries.plant(targets)
        listeners.start()
        containers.create(sandbox)
        canaries.divert(egress.bridge(sandbox))
        stream = containers.output(sandbox.name)
        containers.start(sandbox.name)
        found = doctor_judgement.answers(b"".join(data for _, data in stream).decode())

    assert found["tcp:named.example:443"] == "open canary"
    assert found["tcp:1.2.3.4:443"] == "open canary"
    assert found["tcp:1.2.3.4:80"].startswith("closed")
    assert found["tcp:1.2.3.5:443"].startswith("closed")
    assert found["tcp:1.2.3.9:53"].startswith("closed")


def without(part: str, *, allow_metadata: bool = False) -> object:
    """The rules with every line that contains `part` left out."""

    def script(installation: str, zone: Zone, allowed: Allowed) -> str:
        if allow_metadata:
            wrong = (IPv4Address("169.254.169.254"), 80)
            allowed = Allowed(allowed.resolvers, allowed.endpoints | {wrong})
        text = egress_rules.script(installation, zone, allowed)
        assert not part or part in text
        return "".join(f"{line}\n" for line in text.splitlines() if not part or part not in line)

    return script


def network_checks(
    containers: DockerContainers, image: str, data: Path, scripts: dict[Zone, object]
) -> dict[str, set[str]]:
    """For each zone, the names of the checks that failed."""
    containers.rules = {
        zone: Egress(
            containers.installation,
            zone,
            allow=(("10.99.0.7", 8443),) if zone == "build" else (),
            resolvers=lambda: frozenset({IPv4Address("10.99.0.53")}),
            script=script,  # type: ignore[arg-type]
        )
        for zone, script in scripts.items()
    }
    for _ in range(4):  # on a host under load a canary may not answer in time, which proves nothing
        with ExitStack() as stack:
            doctor.lock_host(stack)
            checks = Examination(containers, data, image, stack).network()
        failed = [check.name for check in checks if check.mandatory and not check.ok]
        if doctor_judgement.CONTROL not in failed:
            break
    return {
        zone: {name.partition(", ")[2] for name in failed if name.startswith(f"{zone} network")}
        for zone in scripts
    } | {"other": {name for name in failed if " network, " not in name}}


@pytest.mark.docker
@pytest.mark.slow
@pytest.mark.parametrize(
    ("run", "run_fails", "build", "build_fails"),
    [
        (without(""), None, without("", allow_metadata=True), None),
        (without("@blocked counter"), "10/8", without("@blocked_ports"), "port 25"),
        (
            without("udp dport != "),
            "other UDP",
            without(" input iifname"),
            "the host's gateway address",
        ),
        (
            without(" forward iifname != "),
            "internet HTTP",
            without("@metadata counter", allow_metadata=True),
            "metadata service",
        ),
        (
            without("@resolvers"),
            "resolver",
            without("@allowed accept"),
            "allowed 10.99.0.7:8443",
        ),
    ],
    ids=["whole", "ranges-ports", "udp-host", "answers-metadata", "resolver-allowed"],
)
def test_the_doctor_sees_each_rule_that_is_missing(
    containers: DockerContainers,
    image: str,
    tmp_path: Path,
    run: object,
    run_fails: str | None,
    build: object,
    build_fails: str | None,
) -> None:
    failed = network_checks(containers, image, tmp_path, {"run": run, "build": build})

    assert failed["other"] == set()
    assert (run_fails in failed["run"]) if run_fails else failed["run"] == set()
    assert (build_fails in failed["build"]) if build_fails else failed["build"] == set()
