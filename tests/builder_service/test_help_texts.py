"""The help texts of real programs become the forms that they describe."""

from pathlib import Path

import pytest

from builder_service.help.parse import parse
from shared.form import Field, Form
from tests.builder_service.help_facts import FACTS

TEXTS = Path(__file__).parent / "help_texts"
FAMILIES = (
    "argparse", "click", "typer", "docopt", "commander", "yargs", "cobra", "clap", "optionparser", "getopt", "plain",
)  # fmt: skip


def form_of(name: str) -> Form:
    form = parse((TEXTS / f"{name}.txt").read_text())
    assert form is not None
    return form


def named(form: Form, name: str) -> Field:
    found = [field for field in form.fields if name in field.names]
    assert len(found) == 1, f"{name} stands {len(found)} times"
    return found[0]


@pytest.mark.parametrize("name", sorted(FACTS))
def test_the_form_has_what_the_help_says(name: str) -> None:
    form, facts = form_of(name), FACTS[name]
    positionals = tuple(
        (field.names[0], field.least, field.most)
        for field in form.fields
        if field.kind == "positional"
    )
    assert positionals == facts.positionals
    assert len(form.fields) - len(positionals) == facts.options
    assert len(form.subcommands) == facts.subcommands
    assert set(facts.some) <= set(form.subcommands)
    for one, expected in facts.fields.items():
        field = named(form, one)
        shown = {key: getattr(field, key) for key in expected}
        assert shown == expected, one


@pytest.mark.parametrize("family", FAMILIES)
def test_each_family_is_seen_in_five_real_programs(family: str) -> None:
    assert len({name for name in FACTS if name.startswith(f"{family}/")}) >= 5


def test_every_text_has_its_facts() -> None:
    assert {f"{path.parent.name}/{path.stem}" for path in TEXTS.glob("*/*.txt")} == set(FACTS)


def test_wrapped_help_is_one_sentence() -> None:
    field = named(form_of("argparse/sherlock"), "USERNAMES")
    assert field.help.startswith(
        "One or more usernames to check with social networks. Check similar"
    )
    assert named(form_of("clap/ruff-check"), "--fix-only").help.startswith("Apply fixes to resolve lint violations, but don't report on, or exit non-zero for, leftover")  # fmt: skip


def test_subcommands_have_their_first_line_and_aliases() -> None:
    form = form_of("commander/cspell")
    assert form.subcommands["check"].about.startswith("Spell check file(s) and display the result.")
    assert form.aliases["sug"] == "suggestions"
