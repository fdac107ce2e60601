"""One round of probes on this host: what a sandbox is from inside, and whom it reaches."""

import secrets
import socket
import tempfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

from shared import doctor_judgement, doctor_probes
from shared.canaries import Canaries, Listeners, Target, gateway
from shared.containers import Exit, Mount, Sandbox
from shared.containers_docker import DockerContainers
from shared.doctor_judgement import Check, must, should
from shared.egress import Egress
from shared.egress_rules import BLOCKED_PORTS
from shared.plan import Network
from shared.quota import Quotas
from shared.sandbox_flags import tmpfs_limits
from shared.work import Limits

_JOB = {"job": "doctor"}
_PATIENCE = 2
"""Seconds for each target: what the rules swallow never answers."""
_ANSWERS_SURELY = 10
"""The same where everything answers, on a busy host a little late."""
_PUBLIC = "1.2.3.4"
"""Stands for the internet; packets to it end in a network namespace of our own."""
_LIMITS = Limits(
    memory_bytes=128 << 20,
    pids=64,
    wall_seconds=60,
    log_bytes=1 << 20,
    disk_bytes=16 << 20,
    output_files=500,
)
# A canary inside the probe's own network would not be sent through any rule: the engine never gives
# 172.16/16 to a network by itself, and the end of 192.168/16 last of all.
FORBIDDEN = (
    Target("metadata service", "169.254.169.254", 80),
    Target("container credentials", "169.254.170.2", 80),
    Target("time and link-local services", "169.254.169.123", 123),
    Target("metadata service of Oracle", "192.0.0.192", 80),
    Target("10/8", "10.213.77.5", 80),
    Target("10/8 by UDP", "10.213.77.5", 53, "udp"),
    Target("172.16/12", "172.16.213.5", 80),
    Target("192.168/16", "192.168.255.5", 80),
    Target("100.64/10", "100.64.213.5", 80),
    Target("198.18/15", "198.18.213.5", 80),
    Target("203.0.113/24", "203.0.113.213", 80),
    Target("other UDP", _PUBLIC, 5000, "udp"),
    *(Target(f"port {port}", _PUBLIC, port) for port in BLOCKED_PORTS),
)
OPEN = (
    Target("internet HTTP", _PUBLIC, 80, open=True),
    Target("internet HTTPS", _PUBLIC, 443, open=True),
    Target("internet QUIC", _PUBLIC, 443, "udp", open=True),
    Target("internet Git", _PUBLIC, 9418, open=True),
)


class _NoRules:
    """The control probe's network: the same bridge under a name that no rule matches."""

    def __init__(self, installation: str) -> None:
        self._bridge = f"tyc{installation}control"

    def bridge(self, sandbox: Sandbox) -> str:
        return self._bridge

    def admit(self, sandbox: Sandbox) -> dict[str, str]:
        return {}

    def forget(self, name: str) -> None:
        pass


class Examination:
    """One round of probes; `stack` undoes everything."""

    def __init__(
        self, containers: DockerContainers, data: Path, image: str, stack: ExitStack
    ) -> None:
        self._containers = containers
        self._bare = containers.without_rules(_NoRules(containers.installation))
        self._image = image
        self._stack = stack
        self._quotas = Quotas(data / "doctor-work")
        self._word = "canary-" + secrets.token_hex(8)
        self._folder = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=data)))
        self._folder.chmod(0o755)
        stack.callback(self._bare.close)

    def checks(self) -> list[Check]:
        """All probes side by side, after what a killed doctor left is gone."""
        for left in self._containers.list(_JOB):
            self._containers.remove(left.name)
        for name in self._quotas.names():
            self._quotas.remove(name)
        with ThreadPoolExecutor(3) as pool:
            parts = [pool.submit(part) for part in (self._flags, self._memory, self.network)]
            return [check for part in parts for check in part.result()]

    def _name(self, part: str) -> str:
        return f"doctor-{self._containers.installation}-{part}-{self._word[-8:]}"

    def _made(self, containers: DockerContainers, sandbox: Sandbox) -> Sandbox:
        self._stack.callback(containers.remove, sandbox.name)
        containers.create(sandbox)
        return sandbox

    @staticmethod
    def _finished(containers: DockerContainers, name: str) -> tuple[Exit | None, str]:
        stream = containers.output(name)
        containers.start(name)
        pieces = {"stdout": b"", "stderr": b""}
        for stream_name, data in stream:
            pieces[stream_name] += data
        text = pieces["stdout"].decode(errors="replace")
        return containers.wait(name, 5), text

    def _flags(self) -> list[Check]:
        work = self._quotas.make("probe", _LIMITS.disk_bytes, _LIMITS.output_files)
        self._stack.callback(self._quotas.remove, "probe")
        argv = ["perl", "-e", doctor_probes.FLAGS, str(64 << 20), "20000", "200"]
        mount = Mount(work, "/work")
        sandbox = self._made(
            self._containers,
            Sandbox(
                self._name("flags"), self._image, argv, "run", _LIMITS, mounts=(mount,), labels=_JOB
            ),
        )
        _, text = self._finished(self._containers, sandbox.name)
        size, files = tmpfs_limits(sandbox)
        found = doctor_judgement.facts(text)
        return doctor_judgement.flags(found, _LIMITS, tmp_bytes=size, tmp_files=files)

    def _memory(self) -> list[Check]:
        argv = ["perl", "-e", doctor_probes.MEMORY]
        name = self._name("memory")
        self._made(self._containers, Sandbox(name, self._image, argv, "run", _LIMITS, labels=_JOB))
        exit_, _ = self._finished(self._containers, name)
        return [
            doctor_judgement.memory(exit_.exit_code if exit_ else None, bool(exit_ and exit_.oom))
        ]

    def _networked(
        self, containers: DockerContainers, part: str, kind: str, patience: int
    ) -> tuple[Sandbox, Path]:
        targets = self._folder / part
        targets.touch(mode=0o644)
        sandbox = Sandbox(
            self._name(part),
            self._image,
            ["perl", "-e", doctor_probes.CONNECT, str(patience)],
            "build" if kind == "build" else "run",
            _LIMITS,
            network=Network(mode="internet"),
            stdin=targets,
            labels=_JOB,
        )
        return self._made(containers, sandbox), targets

    def network(self) -> list[Check]:
        """Run and build bridges against canaries, the host and another sandbox."""
        listeners = Listeners(self._word)
        self._stack.callback(listeners.close)
        canaries = Canaries(self._containers.installation, listeners)
        self._stack.callback(canaries.remove)
        zones = {
            zone: rules
            for zone, rules in self._containers.rules.items()
            if isinstance(rules, Egress)
        }
        planted = {zone: [*FORBIDDEN, *OPEN, *_allowed(rules)] for zone, rules in zones.items()}
        canaries.plant({target for targets in planted.values() for target in targets})
        host_port = listeners.listen(canaries.host_address, 0)
        other = self._other_sandbox()
        listeners.start()

        probes: dict[str, tuple[DockerContainers, Sandbox, Path, str]] = {}
        for zone, rules in zones.items():
            sandbox, file = self._networked(self._containers, zone, zone, _PATIENCE)
            probes[zone] = self._containers, sandbox, file, rules.bridge(sandbox)
        sandbox, file = self._networked(self._bare, "control", "run", _ANSWERS_SURELY)
        probes["control"] = (
            self._bare,
            sandbox,
            file,
            _NoRules(self._containers.installation).bridge(sandbox),
        )
        planted["control"] = list({each for targets in planted.values() for each in targets})

        own: dict[str, list[Target]] = {}
        for zone, (_, _, file, bridge) in probes.items():
            canaries.divert(bridge)
            address = gateway(bridge)
            own[zone] = [
                Target("the host's gateway address", address, listeners.listen(address, 0)),
                Target("another address of the host", canaries.host_address, host_port),
            ]
            tried = [*planted[zone], *own[zone], *([other] if zone != "control" else [])]
            file.write_text("".join(f"{target.where}\n" for target in tried))
            file.chmod(0o444)  # the probe is another user, whatever our umask

        with ThreadPoolExecutor(len(probes)) as pool:
            texts = {
                zone: pool.submit(self._finished, containers, sandbox.name)
                for zone, (containers, sandbox, _, _) in probes.items()
            }
            found = {
                zone: doctor_judgement.answers(text.result()[1]) for zone, text in texts.items()
            }

        checks = [doctor_judgement.control(planted["control"], found["control"], self._word)]
        host_open = [
            found["control"].get(target.where, "").startswith("open") for target in own["control"]
        ]
        checks.append(
            should(
                "the host answers without the rules",
                all(host_open),
                "a firewall of the host's own may close it already",
            )
        )
        checks.append(self._other_answers(other))
        for zone in zones:
            targets = [*planted[zone], *own[zone], other]
            checks += doctor_judgement.network(zone, targets, found[zone], self._word)
        return checks

    def _other_sandbox(self) -> Target:
        port = 8000
        sandbox = Sandbox(
            self._name("other"),
            self._image,
            ["perl", "-e", doctor_probes.LISTEN, str(port), self._word],
            "run",
            _LIMITS,
            network=Network(mode="internet"),
            labels=_JOB,
        )
        self._made(self._containers, sandbox)
        self._containers.start(sandbox.name)
        next(self._containers.output(sandbox.name), None)  # it says when it listens
        return Target("another sandbox", self._containers.address(sandbox.name), port)

    def _other_answers(self, other: Target) -> Check:
        """From the host, which may: the sandbox that no sandbox may reach does listen."""
        try:
            with socket.create_connection((other.address, other.port), 3) as connection:
                answer = connection.recv(64).decode(errors="replace")
        except OSError as error:
            answer = str(error)
        return must(doctor_judgement.OTHER_ANSWERS, answer == self._word, "it listens")


def _allowed(rules: Egress) -> list[Target]:
    """What is open although private: resolvers, and what an operator named."""
    allowed = rules.allowed()
    return [
        *(Target("resolver", str(address), 53, open=True) for address in sorted(allowed.resolvers)),
        *(
            Target(f"allowed {address}:{port}", str(address), port, open=True)
            for address, port in sorted(allowed.endpoints)
            if not address.is_loopback  # the host's own: only clones, which the host makes, reach it
        ),
    ]
