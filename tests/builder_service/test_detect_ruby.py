"""Ruby repositories: gems, Gemfiles, scripts; what is installed and what is not."""

from pathlib import Path

import pytest

from builder_service.detect import ruby_names
from builder_service.detect.finding import NoPlan
from builder_service.detect.ruby_manifest import gemfile, gemspec, locked
from tests.builder_service.trees import names, plan, step, tree

RUBY = "#!/usr/bin/env ruby\n"
OPTPARSE = RUBY + "require 'optparse'\nOptionParser.new.parse!\n"
SPEC = """
Gem::Specification.new do |s|
  s.name = 'tool'
  s.executables = %w(tool)
  s.add_dependency 'kramdown', '~> 2.3'
  s.add_runtime_dependency "mixlib-config", [">= 2.2.1", "< 4"]
  s.add_dependency(%q<thor>.freeze, ["~> 1.2"])
  s.add_dependency 'jruby-openssl' if RUBY_PLATFORM == 'java'
  # s.add_dependency 'commented'
  s.add_development_dependency 'rspec', '~> 3'
end
"""


def test_a_gems_executables_and_its_dependencies_for_use(tmp_path: Path) -> None:
    made = plan(
        tmp_path, {"tool.gemspec": SPEC, "bin/tool*": RUBY, "lib/tool.rb": "", "Rakefile": "task"}
    )

    assert (made.runtime, made.base) == ("ruby", "ruby")
    assert made.commands[0].run == ["ruby", "-I", "/app/lib", "/app/bin/tool"]
    assert step(made, "gems")[2:] == [
        "kramdown:~> 2.3",
        "mixlib-config:>= 2.2.1, < 4",
        "thor:~> 1.2",
    ]
    assert all(found.files == [] for found in made.steps if not found.as_root)


def test_debian_serves_where_the_gem_source_does_not(tmp_path: Path) -> None:
    made = plan(tmp_path, {"tool.gemspec": SPEC, "bin/tool*": RUBY})
    debian = next(found for found in made.steps if found.as_root)

    assert debian.argv[2:] == [
        "--unless", "/opt/gems/complete", "--known", "ruby-kramdown", "ruby-mixlib-config", "ruby-thor",
    ]  # fmt: skip
    assert debian.files == []
    assert [found.name for found in made.steps][-1] == "gems found"


def test_only_gems_that_a_file_requires_must_be_found(tmp_path: Path) -> None:
    """The shape of busyloop/lolcat: a gem for manual pages that the tool itself never loads."""
    code = "require 'kramdown'\nrequire 'mixlib/config'\n"
    made = plan(tmp_path, {"tool.gemspec": SPEC, "bin/tool*": RUBY, "lib/tool.rb": code})

    assert step(made, "gems found")[2:] == ["kramdown:~> 2.3", "mixlib-config:>= 2.2.1, < 4"]


@pytest.mark.parametrize(
    "text",
    [
        "s.executables = ['tool']",
        "spec.executables << 'tool'",
        'gem.executables = "tool"',
        "s.executables = (files.grep %r/^bin\\//).map {|f| File.basename f }",
        's.executables = `git ls-files -- bin/*`.split("\\n").map{ |f| File.basename(f) }',
        "s.executables   = [\n  'tool',\n]",
    ],
)
def test_ways_to_name_executables(tmp_path: Path, text: str) -> None:
    made = plan(tmp_path, {"x.gemspec": text, "bin/tool*": RUBY, "bin/console*": RUBY}, "other")

    assert made.commands[0].run[-1] == "/app/bin/tool"
    assert "an executable of x.gemspec" in made.commands[0].evidence
    assert not any("executable of" in command.evidence for command in made.commands[1:])


def test_another_folder_of_executables(tmp_path: Path) -> None:
    text = 's.bindir = "exe"\ns.executables = spec.files.grep(%r{^exe/}) { |f| File.basename(f) }'
    made = plan(tmp_path, {"x.gemspec": text, "exe/tool*": RUBY, "bin/setup*": "#!/bin/sh\n"})

    assert names(made)[0] == "tool"


def test_the_lock_is_honoured_needed_gems_first(tmp_path: Path) -> None:
    lock = (
        "GEM\n  remote: https://example.org/\n  specs:\n    kramdown (2.4.0)\n      rexml\n    rexml (3.2.5)\n"
        "    rspec (3.12.0)\n    thor (1.2.1)\n\nDEPENDENCIES\n  kramdown\n  rspec\n"
    )
    made = tree(tmp_path, {"Gemfile.lock": lock})

    assert locked(made, {"thor": "~> 1", "kramdown": ""}) == {
        "thor": "= 1.2.1",
        "rexml": "= 3.2.5",
        "kramdown": "= 2.4.0",
    }
    assert list(locked(made, {"kramdown": ""}) or {}) == ["rexml", "kramdown"]


def test_a_lock_that_goes_round_ends(tmp_path: Path) -> None:
    lock = "GEM\n  specs:\n    a (1)\n      b\n    b (2)\n      a\n"

    assert locked(tree(tmp_path, {"Gemfile.lock": lock}), {"a": ""}) == {"b": "= 2", "a": "= 1"}


def test_a_gemfile_without_its_groups_for_developers(tmp_path: Path) -> None:
    text = (
        "source 'x'\ngem 'colorize', '~> 0.8'\ngem 'own', path: './own'\ngem 'pry', group: :development\n"
        "group :test, :development do\n  gem 'rspec'\n  if true\n    gem 'rubocop'\n  end\nend\n"
        "group :production do\n  gem 'oj'\nend\n"
    )

    assert gemfile(tree(tmp_path, {"Gemfile": text})) == ({"colorize": "~> 0.8", "oj": ""}, ["own"])


def test_a_gemfile_beside_a_gemspec_is_for_developers(tmp_path: Path) -> None:
    """The shape of asciidoctor/asciidoctor: nothing to install."""
    made = plan(
        tmp_path,
        {"t.gemspec": "s.executables = ['tool']", "Gemfile": "gem 'rake'", "bin/tool*": RUBY},
    )

    assert (made.steps, "no dependencies" in made.evidence) == ([], True)


def test_scripts_without_a_manifest(tmp_path: Path) -> None:
    files = {
        "tool.rb": OPTPARSE + "require 'colorize'\nrequire 'json'\n",
        "lib/x.rb": "class X; end\n",
    }
    made = plan(tmp_path, files)

    assert names(made) == ["tool.rb"]
    assert "parses arguments (optparse)" in made.commands[0].evidence
    assert step(made, "gems") == ["toolyard-gems", "install", "colorize"]


def test_a_rakefile_is_no_tool(tmp_path: Path) -> None:
    with pytest.raises(NoPlan, match="none can be run as a command"):
        plan(tmp_path, {"Rakefile": RUBY + "ARGV", "lib/a.rb": "class A; end"})


def test_extensions_are_compiled_in_place(tmp_path: Path) -> None:
    text = "s.executables = ['tool']\ns.extensions = ['ext/t/extconf.rb']"
    made = plan(
        tmp_path, {"t.gemspec": text, "bin/tool*": RUBY, "ext/t/extconf.rb": "require 'mkmf'"}
    )

    assert step(made, "extensions")[-1] == "ext/t/extconf.rb"


def test_a_tool_that_asks_rubygems_for_itself_is_registered(tmp_path: Path) -> None:
    files = {
        "t.gemspec": "s.executables = ['tool']",
        "bin/tool*": RUBY + "Gem.loaded_specs['tool']\n",
    }

    made = plan(tmp_path, files)

    assert step(made, "register")[-1] == "/app/t.gemspec"
    assert made.commands[0].run[1:3] == ["-r", "/opt/gems/activate.rb"]


def test_a_script_that_reads_files_beside_itself_starts_in_the_repository(tmp_path: Path) -> None:
    beside = {"tool.rb*": RUBY + "puts ARGV\nrequire './words'\n", "words.rb": "", "sub/x.txt": "x"}
    other = RUBY + "puts ARGV\nFile.read(File.join(__dir__, 'sub/x.txt'))\nrequire './none'\n"

    assert plan(tmp_path / "a", beside).start == "repository"
    assert plan(tmp_path / "b", {**beside, "tool.rb*": other}).start == "empty"


def test_a_wanted_file_is_run_by_ruby(tmp_path: Path) -> None:
    made = plan(tmp_path, {"deep/a.rb": "puts 1\n", "tool.rb": OPTPARSE}, command="deep/a.rb")

    assert made.commands[0].run[-1] == "/app/deep/a.rb"


@pytest.mark.parametrize(
    ("gem", "package"),
    [("kramdown-parser-gfm", "ruby-kramdown-parser-gfm"), ("multi_json", "ruby-multi-json"), ("rake", "rake"),
     ("rubyzip", "ruby-zip"), ("ruby-progressbar", "ruby-progressbar"), ("concurrent-ruby", "ruby-concurrent")],
)  # fmt: skip
def test_debians_names_of_gems(gem: str, package: str) -> None:
    assert ruby_names.debian(gem) == package


def test_nothing_of_a_gemspec_runs_here(tmp_path: Path) -> None:
    canary = tmp_path / "ran"
    text = f"File.write('{canary}', 'x')\n`touch {canary}`\ns.name = 'x'\ns.executables = ['tool']"
    made = tree(tmp_path, {"x.gemspec": text, "bin/tool*": RUBY})

    assert (spec := gemspec(made, "x")) is not None
    assert (spec.name, spec.executables, canary.exists()) == ("x", ["bin/tool"], False)
