"""Shell tools: executable files and files with a shell's shebang, with or without an extension."""

import re
from collections.abc import Iterable

from builder_service.detect import network
from builder_service.detect.finding import (
    ASIDE,
    CLI,
    PLAIN,
    Candidate,
    Facts,
    Finding,
    is_aside,
    rank,
    strength,
)
from builder_service.detect.language import Language
from builder_service.detect.tree import Entry, Tree, normal
from shared.plan import Command, Plan

SHELLS = ("sh", "bash", "dash", "zsh", "ksh", "ash", "fish")
_SUFFIXES = ("", ".sh", ".bash", ".zsh", ".ksh")
_PACKAGES = {
    "jq": "jq", "curl": "curl", "wget": "wget", "bc": "bc", "gawk": "gawk", "git": "git", "ffmpeg": "ffmpeg",
    "convert": "imagemagick", "magick": "imagemagick", "identify": "imagemagick", "mogrify": "imagemagick",
    "xmllint": "libxml2-utils", "xmlstarlet": "xmlstarlet", "zip": "zip", "unzip": "unzip", "openssl": "openssl",
    "python3": "python3", "python": "python3", "perl": "perl", "dig": "bind9-dnsutils", "host": "bind9-host",
    "nslookup": "bind9-dnsutils", "nc": "netcat-openbsd", "column": "bsdextrautils", "hexdump": "bsdextrautils",
    "xxd": "xxd", "file": "file", "tree": "tree", "rsync": "rsync", "whois": "whois", "ping": "iputils-ping",
    "nmap": "nmap", "sqlite3": "sqlite3", "pdftotext": "poppler-utils", "pandoc": "pandoc", "tput": "ncurses-bin",
    "ps": "procps", "free": "procps", "top": "procps", "ip": "iproute2", "xz": "xz-utils", "bzip2": "bzip2",
    "ssh": "openssh-client", "gpg": "gnupg", "less": "less", "dialog": "dialog", "whiptail": "whiptail",
    "figlet": "figlet", "sox": "sox", "exiftool": "libimage-exiftool-perl", "samtools": "samtools",
    "bedtools": "bedtools", "parallel": "parallel", "zsh": "zsh", "ksh": "ksh", "fish": "fish", "lsof": "lsof",
    "fzf": "fzf", "rg": "ripgrep", "socat": "socat", "sponge": "moreutils", "time": "time", "make": "make",
}  # fmt: skip
_ARGUMENTS = re.compile(r"""\$[1@*#]|\$\{[1@*#]|\bgetopts?\b|\bshift\b""")
_CALL = re.compile(
    r"(?:^|[|;&(`{])\s*"
    r"(?:(?:then|do|else|elif|if|while|until|sudo|exec|xargs|time|which|type|hash|command(?:\s+-v)?|!)\s+)*"
    r"([A-Za-z][\w.+-]*)",
    re.MULTILINE,
)


def detect(tree: Tree, facts: Facts) -> Finding:
    """The shell plan, or what was looked at."""
    scripts = [entry for entry in tree.files if _shell(tree, entry) is not None]
    if not scripts:
        return Finding(None, looked=["no file that starts with a shell's #! line"])
    texts = {entry.path: tree.text(entry.path) for entry in scripts}
    candidates = rank(_candidates(tree, scripts, texts), [facts.name])
    if not candidates:
        return Finding(None, looked=[f"{len(scripts)} shell files: none can be run as a command"])
    used = {
        word
        for path, text in texts.items()
        if not is_aside(path)
        for word in _CALL.findall(_code(text))
    }
    shells = {candidate.command.run[0] for candidate in candidates}
    net, why = network.propose(used, network.SHELL)
    plan = Plan(
        runtime="shell",
        base="shell",
        system_packages=sorted({_PACKAGES[name] for name in used | shells if name in _PACKAGES}),
        commands=[candidate.command for candidate in candidates],
        network=net,
        evidence=[candidates[0].command.evidence, why],
    )
    return Finding(plan, strength(candidates, [facts.name]), [])


def command_for(tree: Tree, asked: str) -> Command | None:
    """The command that an owner named: a file of the repository."""
    entry = tree.paths.get(normal(asked))
    if entry is None:
        return None
    shell = _shell(tree, entry) or "bash"
    return Command(
        name=entry.name, run=[shell, f"/app/{entry.path}"], evidence=f"asked for: {entry.path}"
    )


def _shell(tree: Tree, entry: Entry) -> str | None:
    if entry.suffix not in _SUFFIXES and not entry.executable:
        return None
    words = tree.shebang(entry.path)
    if words and words[0] in SHELLS:
        return {"ash": "sh"}.get(words[0], words[0])
    return "bash" if entry.suffix == ".sh" and not words else None


def _candidates(tree: Tree, scripts: list[Entry], texts: dict[str, str]) -> Iterable[Candidate]:
    for entry in scripts:
        shell = _shell(tree, entry) or "bash"
        arguments = bool(_ARGUMENTS.search(_code(texts[entry.path])))
        if not entry.executable and not tree.shebang(entry.path):
            continue  # a library that others source
        quality = ASIDE if is_aside(entry.path) else CLI if arguments else PLAIN
        kind = "is executable" if entry.executable else "has a shebang"
        why = f"{entry.path} {kind} ({shell})" + (" and reads its arguments" if arguments else "")
        yield Candidate(
            Command(name=entry.name, run=[shell, f"/app/{entry.path}"], evidence=why),
            quality,
            entry.depth,
        )


def _code(text: str) -> str:
    """The script without comments."""
    return re.sub(r"(?m)(^|\s)#.*$", "", text)


def plan_for(tree: Tree, facts: Facts, command: Command) -> Plan:
    """The plan for a command that the owner named and detection did not see."""
    return Plan(runtime="shell", base="shell", commands=[command], evidence=[command.evidence])


LANGUAGE = Language("shell", detect, command_for, plan_for, (".sh", ".bash"), SHELLS)
