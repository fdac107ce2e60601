"""Second plans on the real engine: what was missing is added, and the tool answers."""

import pytest

from tests.builder_service.conftest import Bench

pytestmark = [pytest.mark.docker, pytest.mark.slow, pytest.mark.timeout(600)]

# Compiles something and packs a wheel, with nothing fetched for it.
_BACK_END = """
import subprocess, zipfile
INFO = 'packer-1.dist-info'
def build_wheel(folder, *a, **k):
    subprocess.check_call(['gcc', '-c', 'p.c', '-o', '/tmp/p.o'])
    with zipfile.ZipFile(f'{folder}/packer-1-py3-none-any.whl', 'w') as wheel:
        wheel.writestr('packer.py', 'import argparse\\ndef main():\\n    argparse.ArgumentParser().parse_args()\\n')
        wheel.writestr(f'{INFO}/METADATA', 'Metadata-Version: 2.1\\nName: packer\\nVersion: 1\\n')
        wheel.writestr(f'{INFO}/WHEEL', 'Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n')
        wheel.writestr(f'{INFO}/entry_points.txt', '[console_scripts]\\npacker=packer:main\\n')
        wheel.writestr(f'{INFO}/RECORD', '')
    return 'packer-1-py3-none-any.whl'
"""


def test_a_missing_header_is_added_by_the_second_plan(bench: Bench) -> None:
    files = {
        "pyproject.toml": '[build-system]\nrequires=[]\nbuild-backend="own"\nbackend-path=["."]\n'
        '[project]\nname="packer"\nversion="1"\n[project.scripts]\npacker="packer:main"\n',
        "own.py": _BACK_END,
        "p.c": "#include <bzlib.h>\nint x;\n",
    }
    attempt = bench.attempt(bench.repository("packer", files))

    report = attempt.live()

    assert report.state == "succeeded" and report.plan, attempt.log
    assert len(report.plans_tried) == 2 and "bzlib.h" in report.plans_tried[0].reason
    assert report.plan.system_packages == ["libbz2-dev"]
    assert "libbz2-dev was added: the header bzlib.h was missing." in report.plan.evidence
    assert "libbz2-dev was added" in attempt.log


def test_a_tool_that_reads_files_beside_itself_starts_in_a_copy(bench: Bench) -> None:
    files = {
        "tool.py": "import sys\nname = '/'.join(['data', 'words.txt'])\nwords = open(name).read()\n"
        "if __name__ == '__main__':\n    print('usage: tool', sys.argv[1:], words)\n",
        "data/words.txt": "one\n",
    }
    attempt = bench.attempt(bench.repository("beside", files))

    report = attempt.live()

    assert report.state == "succeeded" and report.plan, attempt.log
    assert report.plan.start == "repository"
    assert any("data/words.txt by a relative path" in found for found in report.plan.evidence)
    assert len(report.plans_tried) == 2


def test_a_failure_that_names_nothing_known_is_not_tried_again(bench: Bench) -> None:
    files = {
        "tool.py": "import sys\nif __name__ == '__main__':\n"
        "    sys.exit('ImportError: No module named toolyard_nobodys_module')\n"
    }
    attempt = bench.attempt(bench.repository("hopeless", files))

    report = attempt.live()

    assert report.state == "failed" and len(report.plans_tried) == 1, attempt.log
    assert "toolyard_nobodys_module" in report.reason
