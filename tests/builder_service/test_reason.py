"""Which line of a failed step's output its reader is told."""

import pytest

from builder_service.reason import sentence

UV = """\
error: Failed to build `x @ file:///app`
  cause: The build backend returned an error
  cause: Call to `setuptools.build_meta:__legacy__.build_wheel` failed (exit status: 1)

         [stderr]
{}
hint: Build failures usually indicate a problem with the package or the build environment. Write:

[tool.uv.extra-build-dependencies]
x = ["y"]
"""
TRACEBACK = """\
         Traceback (most recent call last):
           File "<string>", line 14, in <module>
             raise ModuleNotFoundError(name)
         {}
"""


def test_a_failed_step_is_told_by_its_most_telling_line() -> None:
    said = "Resolving\n  × No solution found when resolving dependencies:\n  ╰─▶ Because nope was not found in the package registry\nbye\n"

    assert "nope was not found in the package registry" in sentence("dependencies", 1, said)
    said = (
        "npm error code EUSAGE\nnpm error\nnpm error `npm ci` can only install packages in sync\n"
        "npm error    21 |\nnpm error       |    ^\n"
        "npm error A complete log of this run can be found in: /tmp/npm/_logs/x.log\nmake: *** [all] Error 1\n"
    )
    assert sentence("dependencies", 1, said).endswith("`npm ci` can only install packages in sync")
    said = "./A.java:3: error: cannot find symbol\nthe libraries g:a are not known here as Debian packages\n"
    assert "the libraries g:a are not known" in sentence("build (maven)", 1, said)
    assert (
        sentence("build", 2, "") == "The step “build” failed with exit code 2: it printed nothing"
    )


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (UV.format(TRACEBACK.format("RuntimeError: You need libfoo 3: see README")), "RuntimeError: You need libfoo 3: see README"),
        (UV.format(TRACEBACK.format("ValueError: Unable to determine\n           which files to ship")), "ValueError: Unable to determine which files to ship"),
        (UV.format("         Sorry, this needs a GPU\n"), "Sorry, this needs a GPU"),
        (
            UV.format("         c.c:2:22: error: ‘x’ undeclared\n         error: Command '['gcc', 'c.c']' returned non-zero exit status 1.\n"),
            "c.c:2:22: error: ‘x’ undeclared",
        ),
        (
            UV.format(TRACEBACK.format("OSError: no compiler") + TRACEBACK.format("subprocess.CalledProcessError: Command '['make']' returned non-zero exit status 2.")),
            "OSError: no compiler",
        ),
        ("src/cli.ts(1,7): error TS2322: Not assignable.\nsrc/cli.ts(2,1): error TS2304: Cannot find name 'b'.\n", "src/cli.ts(1,7): error TS2322: Not assignable."),
        ("throw new Error('no schema')\n^\n\nError: no schema\n    at Object.<anonymous> (/app/b.js:1:7)\n", "Error: no schema"),
        ("error[E0425]: cannot find function `f` in this scope\nerror: could not compile `x`\n", "error[E0425]: cannot find function `f` in this scope"),
        (
            "CMake Error at CMakeLists.txt:3 (find_package):\n  By not providing\n  \"FindX.cmake\".\n\n-- Configuring incomplete, errors occurred!\nSee also \"/app/x.log\".\n",
            'CMake Error at CMakeLists.txt:3 (find_package): By not providing "FindX.cmake".',
        ),
        (
            "error: No solution found when resolving dependencies\n  cause: Because nope was not found in the package registry\n",
            "Because nope was not found in the package registry",
        ),
        ("error: The build backend returned an error\n", "error: The build backend returned an error"),
    ],
)  # fmt: skip
def test_the_cause_is_told_and_not_who_passed_it_on(said: str, told: str) -> None:
    assert sentence("install", 1, said) == f"The step “install” failed with exit code 1: {told}"
