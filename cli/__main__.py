"""The `toolyard` command; each subcommand is imported only when it is used, so that help is quick."""

import importlib

import click

COMMANDS = {
    "add": ("cli.commands.add:add", "Add a tool from a Git link."),
    "run": ("cli.commands.run:run", "Run a tool with arguments and files."),
    "logs": ("cli.commands.logs:logs", "Print what a run wrote."),
    "outputs": ("cli.commands.outputs:outputs", "Download everything that a run left."),
    "cancel": ("cli.commands.cancel:cancel", "Stop a run."),
    "tools": ("cli.commands.lists:tools", "List the tools you can run."),
    "runs": ("cli.commands.lists:runs", "List your runs."),
    "files": ("cli.commands.files:files", "List and delete what you have uploaded."),
    "login": ("cli.commands.login:login", "Keep address and token for later commands."),
    "plan": ("cli.commands.plan:plan", "Show how a repository would be built."),
    "up": ("cli.commands.up:up", "Start the platform on this machine."),
    "doctor": ("cli.commands.doctor:doctor", "Check that this host can keep programs in."),
    "admin": ("cli.commands.admin:admin", "Accounts, backup and restore (on the platform's host)."),
    "bus": ("cli.commands.bus:bus", "Topics, queues and dead letters."),
    "aws": ("cli.commands.aws:aws", "Deploy to AWS, promote, look, destroy."),
    "credentials": (
        "cli.commands.credentials:credentials",
        "Your own access to your part of the object store.",
    ),
    "completion": ("cli.commands.completion:completion", "Print a shell's completion script."),
}


class LazyGroup(click.Group):
    """Knows its commands' names and one-line helps without importing them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[cmd_name][0].partition(":")
        found = getattr(importlib.import_module(module), attribute)
        assert isinstance(found, click.Command)
        return found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
def toolyard() -> None:
    """Paste a Git link; get a tool that anyone can run.

    TOOLYARD_URL and TOOLYARD_TOKEN say where and as whom; `toolyard login` keeps them.
    """


def main() -> None:
    """The console script."""
    toolyard(prog_name="toolyard")


if __name__ == "__main__":
    main()
