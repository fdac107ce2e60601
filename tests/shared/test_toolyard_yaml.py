"""`toolyard.yaml`: every error points to its line and says what to do; nothing in it can harm the reader."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared import toolyard_yaml, yaml_text, yaml_writing
from shared.form import Form
from shared.plan import Command, Network, Plan, Step
from shared.toolyard_yaml import BadToolyardYaml, read
from shared.yaml_form import FormGiven, given_from

ROOT = Path(__file__).parents[2]


def fault(text: str) -> toolyard_yaml.Fault:
    with pytest.raises(BadToolyardYaml) as caught:
        read(text)
    return caught.value.faults[0]


@pytest.mark.parametrize(
    ("text", "line", "sentence"),
    [
        ("steps:\n- name: x\n  argv: make\n", 3, "steps[0].argv must be a list of words, like [make]."),
        ("steps:\n- name: x\n", 2, "steps[0] needs argv, a list of words, like [make]."),
        ("\n\nfoo: 1", 3, "foo is not known here; check its spelling or leave it out."),
        ("env:\n  1A: x", 2, "env.1A is no name of a variable, like LANG."),
        ("network: maybe", 1, "network must be off, internet, or a list of hosts, like [api.example.org]."),
        ("network: ['a b']", 1, "network names 'a b', which is no host like api.example.org."),
        ("start: here", 1, "start must be empty or repository."),
        ("system_packages:\n- curl\n- -o=x", 3, "system_packages[1] must be the name of a Debian package, like libxml2-dev."),
        ("system_packages:\n- APT::x", 2, "system_packages[0] must be the name of a Debian package, like libxml2-dev."),
        ("base: ../../etc", 1, "base must be the name of a base image, like python."),
        ("commands:\n- name: --x", 2, "commands[0].name must be one line that does not begin with - or a space."),
        ("commands:\n- name: a\n- name: a", 1, "commands names a twice; leave one of them out."),
        ("commands: []", 1, "commands is empty; write a list of commands, like - name: tool, or leave it out."),
        ("commands:\n- tool", 2, "commands[0] must be names with values, like name: tool."),
        ("steps:\n- name: x\n  argv: [a]\n  files:\n  - ../secret", 5, "steps[0].files[0] must be a path below the repository's folder, like src/main.c."),
        ("steps:\n- name: x\n  argv: [a]\n  files:\n  - /etc/passwd", 5, "steps[0].files[0] must be a path below the repository's folder, like src/main.c."),
        ("- a", 1, "the text must be names with values, like system_packages: [libxml2-dev]."),
        ("a: 1\na: 2", 2, "a stands twice; leave one of them out."),
        ("a:\n\t- x", 2, "Indent with spaces; a tab cannot begin a value here."),
        ("a: b: c", 1, "A value that holds a colon and a space needs quotes around it."),
        ("x:\n  a: 1\n b: 2", 3, "The indentation does not fit the lines above."),
        ("a: 1\nb: 'x\nc: 2\n", 2, "A quote is opened and never closed."),
        ("a: 1\nb: \x01", 2, "A character here is not allowed in YAML; remove it."),
        ("a\n---\nb", 2, "A second document begins here; leave the line --- out."),
        ("a: !!python/name:os.system x", 1, "The tag tag:yaml.org,2002:python/name:os.system is not read; leave it out."),
        ("commands:\n- name: x\n  form:\n    fields:\n    - name: --a\n      least: many", 6, "commands[0].form.fields[0].least must be a whole number from 0 to 100."),
        ("commands:\n- name: x\n  form:\n    fields:\n    - name: a\n      type: flag", 5, "commands[0].form.fields[0]: a flag's name begins with '-'."),
        ("commands:\n- name: x\n  form:\n    fields:\n    - help: a", 5, "commands[0].form.fields[0]: a field needs a name, like --output or FILE."),
    ],
)  # fmt: skip
def test_every_error_points_to_its_line_and_says_what_to_do(
    text: str, line: int, sentence: str
) -> None:
    found = fault(text)

    assert (found.line, found.sentence) == (line, sentence)
    assert str(found) == f"toolyard.yaml line {line}: {sentence}"


def test_a_step_cannot_be_root_and_the_sentence_says_where_packages_go() -> None:
    found = fault("steps:\n- name: x\n  argv: [apt-get]\n  as_root: true")

    assert (found.line, found.column) == (4, 3)
    assert "system_packages" in found.sentence


def test_all_faults_are_told_at_once_in_their_order() -> None:
    with pytest.raises(BadToolyardYaml) as caught:
        read("start: x\nfoo: 1\nbase: B\n")

    assert [one.line for one in caught.value.faults] == [1, 2, 3]
    assert str(caught.value).endswith("There are 2 more.")


def test_a_plain_value_stays_what_was_typed() -> None:
    wanted = read(
        "version: 3.10\nnetwork: off\nsmoke: [tool, yes, 1, 'null']\nenv: {A: ~, B: no}"
    ).wanted

    assert wanted.version == "3.10"
    assert wanted.network == Network(mode="off")
    assert wanted.smoke == ["tool", "yes", "1", "null"]
    assert wanted.env == {"A": None, "B": "no"}


def test_an_empty_text_wants_nothing() -> None:
    for text in ("", "# only a comment\n", "---\n"):
        assert read(text) == toolyard_yaml.NONE


BOMB = "a: &a [x]\nb: &b [*a, *a, *a]\nc: [*b, *b, *b]\n"


@pytest.mark.parametrize(
    ("text", "word"),
    [
        (BOMB, "anchor"),
        ("a: *x", "alias"),
        ("x: " + "a" * yaml_text.MOST_BYTES, "KiB"),
        ("x: [" + "a, " * yaml_text.MOST_VALUES + "a]", "values"),
        ("[" * 30_000, "nested"),
        ("- " * 30_000, "nested"),
    ],
)
def test_a_bomb_is_refused_before_it_goes_off(text: str, word: str) -> None:
    assert word in fault(text).sentence


@given(st.text(max_size=200) | st.text("[]{}:-,'\"&*!|>%@`#\n\t x1?\\U", max_size=120))
@settings(max_examples=300, deadline=None)
def test_whatever_the_text_there_are_wishes_or_a_sentence_with_its_line(text: str) -> None:
    try:
        read(text)
    except BadToolyardYaml as error:
        for one in error.faults:
            assert (
                1
                <= one.line
                <= text.count("\n")
                + 2
                + text.count("\r")
                + sum(text.count(c) for c in "\x85\u2028\u2029")
            )
            assert one.sentence.endswith((".", ". "))


_FRAGMENTS = st.recursive(
    st.none() | st.text("abc-./ 1", max_size=6),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["steps", "argv", "name", "commands", "run", "form", "fields", "env", "files",
                 "network", "start", "smoke", "base", "type", "choices", "subcommands", "x"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=14,
)  # fmt: skip


@given(st.dictionaries(st.sampled_from(list(toolyard_yaml.Wanted.model_fields)), _FRAGMENTS))
@settings(max_examples=200, deadline=None)
def test_whatever_the_values_there_are_wishes_or_a_sentence_with_its_line(
    data: dict[str, object],
) -> None:
    text = json.dumps(data, indent=1)
    try:
        read(text)
    except BadToolyardYaml as error:
        lines = text.splitlines()
        for one in error.faults:
            assert one.line <= len(lines)
            assert "Input should" not in one.sentence, one.sentence


# Forms


FORM = """
commands:
- name: wc
  form:
    about: Counts words
    fields:
    - name: FILE
      type: path
      many: true
    - names: [-o, --output]
      metavar: OUT
      group: Output
    - name: --verbose
    - name: --size
      choices: [small, large]
      default: small
    - name: -D
      metavar: K=V
      many: true
      style: attached
    subcommands:
      top: {fields: [{name: --count, type: integer, required: true}]}
"""


def test_a_form_is_written_in_few_words() -> None:
    commands = read(FORM).wanted.commands
    assert commands and commands[0].form
    form = commands[0].form.form()
    file, output, verbose, size, define = form.fields

    assert (file.kind, file.most, file.type) == ("positional", None, "path")
    assert (output.kind, output.names, form.groups) == ("option", ("-o", "--output"), ("Output",))
    assert (verbose.kind, verbose.type) == ("flag", "flag")
    assert (size.type, size.choices, size.default) == ("choice", ("small", "large"), "small")
    assert (define.repeatable, define.style) == (True, "attached")
    assert form.subcommands["top"].fields[0].required
    assert form.source == "toolyard.yaml"


def test_a_form_that_is_written_down_reads_as_the_same_form() -> None:
    commands = read(FORM).wanted.commands
    assert commands and commands[0].form
    form = commands[0].form.form()

    assert FormGiven.model_validate(given_from(form)).form() == form


# A plan as text


WORDS = st.text(min_size=1, max_size=12) | st.sampled_from(
    ["null", "~", "-", "--", "3.10", "off", "a: b", "#x", "'", '"', "\\", "[", "x\ny", "a\nb\n", " a\n b"]
)  # fmt: skip
READABLE = WORDS.filter(lambda text: text.isprintable() or "\n" in text)


@given(
    argv=st.lists(READABLE, min_size=1, max_size=4),
    env=st.dictionaries(st.sampled_from(["PATH", "LANG", "X"]), READABLE, max_size=2),
    run=st.lists(READABLE, min_size=1, max_size=3),
    files=st.none() | st.just(["a/b.txt"]) | st.just([]),
    network=st.sampled_from(
        [Network(), Network(mode="internet"), Network(mode="hosts", hosts=("a.org:80", "b.org"))]
    ),
)
@settings(max_examples=100, deadline=None)
def test_a_plan_that_is_written_down_reads_as_the_same_plan(
    argv: list[str],
    env: dict[str, str],
    run: list[str],
    files: list[str] | None,
    network: Network,
) -> None:
    form = Form.model_validate({"fields": [{"kind": "positional", "names": ["FILE"]}]})
    plan = Plan(
        runtime="c",
        base="c",
        system_packages=["libxml2-dev", "g++"],
        steps=[Step(name="make it", argv=argv, env=env, files=files)],
        commands=[Command(name="tool", run=run, evidence="x")],
        network=network,
        env=env,
        start="repository",
        smoke=["tool", "--version"],
        forms={"tool": form.model_dump(mode="json")},
    )

    wanted = read(yaml_writing.written(plan)).wanted

    assert wanted.steps is not None and wanted.commands is not None
    assert [Step(**step.model_dump()) for step in wanted.steps] == plan.steps
    assert (wanted.commands[0].name, wanted.commands[0].run) == ("tool", run)
    assert (wanted.env or {}) == env
    assert (wanted.network, wanted.start, wanted.smoke) == (network, plan.start, plan.smoke)
    assert wanted.system_packages == plan.system_packages and wanted.base == plan.base
    assert wanted.commands[0].form and wanted.commands[0].form.form().fields == form.fields


def test_the_schema_in_the_documentation_is_the_one_that_is_checked() -> None:
    kept = json.loads((ROOT / "docs" / "toolyard.schema.json").read_text())

    assert kept == toolyard_yaml.schema()


def test_the_examples_of_the_documentation_are_valid() -> None:
    page = (ROOT / "docs" / "toolyard-yaml.md").read_text()
    examples = [part.split("```")[0] for part in page.split("```yaml\n")[1:]]

    assert len(examples) >= 3
    for example in examples:
        read(example)
