"""The form that a help text describes."""

from collections.abc import Sequence

from builder_service.help import clean, commands, entries, positionals, sections, usage
from builder_service.help.options import Collected
from shared.form import LONGEST_HELP, MOST_SUBCOMMANDS, Form


def parse(text: str, words: Sequence[str] = ()) -> Form | None:
    """The form, or None where the text shows no option, argument or subcommand.

    `words` are the subcommands whose help this is.
    """
    lines = clean.lines(text)
    parts = sections.parts(lines)
    options = Collected(yargs="[boolean]" in text)
    for section in parts.sections:
        options.add(section.title, entries.options(section.lines))
    used = usage.read(parts.usage, words, options.arities())
    subcommands = commands.find(parts.sections, used, program=_program(parts.usage))
    found = subcommands.listed
    options.add_from_usage(used.options)
    options.require(used.required)
    places = positionals.find(parts.sections, used, subcommands)
    fields = (*options.fields(), *places)
    if not fields and not found:
        return None
    shown = "\n".join(line.strip() for line in parts.usage)[:4000]
    groups = tuple(dict.fromkeys(field.group for field in fields if field.group))
    listed = dict(list(found.items())[:MOST_SUBCOMMANDS])
    return Form(
        usage=shown,
        about=parts.about[:LONGEST_HELP],
        fields=fields,
        groups=groups,
        subcommands={name: Form(about=one.about[:LONGEST_HELP]) for name, one in listed.items()},
        aliases={
            alias: name
            for name, one in listed.items()
            for alias in one.aliases[:4]
            if alias not in listed
        },
    )


def _program(lines: Sequence[str]) -> str:
    return lines[0].strip().split(" ", 1)[0].rsplit("/", 1)[-1] if lines else ""
