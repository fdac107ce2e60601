"""Which command of a tool a run starts."""

from shared.plan import Command
from shared.schema.tools import Version
from web.refusals import Invalid


def commands_of(version: Version) -> list[Command]:
    """The commands that the build found, best first."""
    return [Command.model_validate(command) for command in version.commands]


def choose(version: Version, name: str | None) -> Command:
    """The named command, else the owner's, else the best; raises `Invalid` where there is none such."""
    commands = commands_of(version)
    by_name: dict[str, Command] = {}
    for command in commands:
        by_name.setdefault(command.name, command)
    if name:
        if name in by_name:
            return by_name[name]
        raise Invalid(
            f"This tool has no command {name[:100]}. It has: {', '.join(by_name) or 'none'}.",
            code="unknown_command",
            details={"commands": [command.name for command in commands]},
        )
    if version.command and version.command in by_name:
        return by_name[version.command]
    if not commands:
        raise Invalid("This tool has no command; build it again.", code="unknown_command")
    return commands[0]
