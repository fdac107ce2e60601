"""What the doctor's facts mean; pure."""

import re
from typing import Any

from pydantic import BaseModel

from shared.canaries import Target
from shared.work import Limits

_ENGINE = (24, 0)
_RUNC = (1, 1, 12)
_GIT = (2, 43, 7)
CONTROL = "canaries answer without the rules"
OTHER_ANSWERS = "the other sandbox answers the host"
ENVIRONMENT = {"HOME", "HOSTNAME", "LANG", "PATH", "PYTHONUNBUFFERED"}


class Check(BaseModel):
    """One thing that was looked at; a mandatory one that fails stops all work."""

    name: str
    mandatory: bool
    ok: bool
    detail: str = ""


class Report(BaseModel):
    """All checks; `ok` when no mandatory one failed."""

    ok: bool
    checks: list[Check]
    seconds: float = 0.0

    @property
    def reason(self) -> str:
        """Why no work may be done, or an empty text."""
        failed = [check for check in self.checks if check.mandatory and not check.ok]
        return "; ".join(f"{check.name}: {check.detail}" for check in failed)


def report(checks: list[Check], seconds: float) -> Report:
    return Report(
        ok=all(check.ok for check in checks if check.mandatory), checks=checks, seconds=seconds
    )


def must(name: str, ok: bool, detail: str) -> Check:
    return Check(name=name, mandatory=True, ok=ok, detail=detail)


def should(name: str, ok: bool, detail: str) -> Check:
    return Check(name=name, mandatory=False, ok=ok, detail=detail)


def facts(text: str) -> dict[str, str]:
    """`name=value` lines of a probe."""
    return dict(line.split("=", 1) for line in text.splitlines() if "=" in line)


def _at_most(name: str, found: dict[str, str], fact: str, limit: int) -> Check:
    value = int(found.get(fact, -1))
    return must(name, 0 < value <= limit, f"got {value}, the limit is {limit}")


def flags(found: dict[str, str], limits: Limits, *, tmp_bytes: int, tmp_files: int) -> list[Check]:
    """The inside of a run's sandbox."""
    names = set(found.get("env", "").split(","))
    return [
        must("capabilities", found.get("capeff") == "0" * 16, f"CapEff {found.get('capeff')}"),
        must("bounding set", found.get("capbnd") == "0" * 16, f"CapBnd {found.get('capbnd')}"),
        must("no new privileges", found.get("nonewprivs") == "1", found.get("nonewprivs", "?")),
        must("seccomp", found.get("seccomp") == "2", f"mode {found.get('seccomp')}"),
        must(
            "system calls",
            [found.get(name) for name in ("userns", "af_alg", "af_packet")] == ["0"] * 3,
            "user namespaces, AF_ALG and AF_PACKET sockets must be refused",
        ),
        must("user", found.get("uid") == found.get("gid") == "65532", f"uid {found.get('uid')}"),
        must("read-only root", found.get("root_written") == "0", "writing to /usr must fail"),
        _at_most("processes", found, "pids", limits.pids),
        _at_most("temporary bytes", found, "tmp_bytes", tmp_bytes),
        _at_most("temporary files", found, "tmp_files", tmp_files),
        _at_most(
            "working folder bytes", found, "work_bytes", limits.disk_bytes * 11 // 10 + (4 << 20)
        ),
        _at_most("working folder files", found, "work_files", limits.output_files + 100),
        must("no network", found.get("interfaces") == "lo", found.get("interfaces", "?")),
        must("environment", names == ENVIRONMENT, ", ".join(sorted(names))),
    ]


def memory(exit_code: int | None, oom: bool) -> Check:
    return must("memory", exit_code == 137 and oom, f"exit code {exit_code}, oom {oom}")


def answers(text: str) -> dict[str, str]:
    """What a network probe printed: target to `open <word>` or `closed <why>`."""
    return dict(line.split(" ", 1) for line in text.splitlines() if " " in line)


def network(zone: str, targets: list[Target], ruled: dict[str, str], word: str) -> list[Check]:
    """A sandbox with rules: forbidden targets closed, the internet open."""
    checks = []
    for target in targets:
        answer = ruled.get(target.where, "no answer")
        ok = answer == f"open {word}" if target.open else answer.startswith("closed ")
        wish = "open" if target.open else "closed"
        checks.append(
            must(f"{zone} network, {target.name}", ok, f"{target.where} must be {wish}: {answer}")
        )
    six = ruled.get("ipv6", "?")
    checks.append(must(f"{zone} network, IPv6", six == "0", f"{six} IPv6 addresses"))
    return [_shown(check, word) for check in checks]


def control(targets: list[Target], bare: dict[str, str], word: str) -> Check:
    """The same probe without rules: a closed port where nobody listens would prove nothing."""
    dead = [each.where for each in targets if bare.get(each.where) != f"open {word}"]
    return must(
        CONTROL,
        not dead,
        f"not reached: {', '.join(dead)}" if dead else f"{len(targets)} reached",
    )


def proves_nothing(checks: list[Check]) -> bool:
    """Whether only controls failed: what should have answered did not, as on a host under load."""
    failed = {check.name for check in checks if check.mandatory and not check.ok}
    return bool(failed) and failed <= {CONTROL, OTHER_ANSWERS}


def _shown(check: Check, word: str) -> Check:
    return check.model_copy(update={"detail": check.detail.replace(f" {word}", "")})


def version(text: str) -> tuple[int, ...]:
    """The numbers at the beginning of a version."""
    found = re.search(r"\d+(\.\d+)+", text)
    return tuple(int(part) for part in found[0].split(".")) if found else (0,)


def engine(info: dict[str, Any]) -> list[Check]:
    """What the engine says of itself: cgroups must limit, the rest is advice."""
    limits = {
        name: bool(info.get(key))
        for name, key in (
            ("memory", "MemoryLimit"),
            ("swap", "SwapLimit"),
            ("processes", "PidsLimit"),
            ("processors", "CpuCfsQuota"),
        )
    }
    if info.get("CgroupVersion") == "2":
        limits["processors"] = True  # told differently there, and always present
    missing = [name for name, present in limits.items() if not present]
    options = " ".join(info.get("SecurityOptions") or [])
    runtimes = info.get("Runtimes") or {}
    server = info.get("ServerVersion", "")
    runc = next(
        (
            component.get("Version", "")
            for component in info.get("Components", [])
            if component.get("Name") == "runc"
        ),
        "",
    )
    return [
        must("cgroup limits", not missing, f"missing: {', '.join(missing)}" if missing else "all"),
        must("seccomp in the engine", "name=seccomp" in options, options),
        should("engine version", version(server) >= _ENGINE, f"{server}, 24.0 or newer is better"),
        should("runc version", version(runc) >= _RUNC, f"{runc}, 1.1.12 or a patched older one"),
        should("user namespaces", "name=userns" in options, "dockerd --userns-remap=default"),
        should("cgroup version", info.get("CgroupVersion") == "2", f"{info.get('CgroupVersion')}"),
        should("AppArmor", "name=apparmor" in options, "an additional wall where the host has it"),
        should("gVisor", "runsc" in runtimes, "register runsc with dockerd"),
        should("live restore", bool(info.get("LiveRestoreEnabled")), "dockerd --live-restore"),
    ]


def git(text: str) -> Check:
    return should("git version", version(text) >= _GIT, f"{text}, 2.43.7 or a patched older one")
