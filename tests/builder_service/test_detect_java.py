"""Java repositories: Maven, Gradle, Ant, jars and plain sources; main classes, versions and Debian's libraries."""

import io
import struct
import zipfile
from pathlib import Path

import pytest

from builder_service.detect.finding import Facts, NoPlan
from builder_service.plan import choose
from shared.plan import Plan
from tests.builder_service.trees import ARGPARSE, names, plan, tree

POM = "<project xmlns='http://maven.apache.org/POM/4.0.0'><groupId>g</groupId><artifactId>{}</artifactId><version>1.2</version>{}</project>"
JAR_PLUGIN = (
    "<build><plugins><plugin><artifactId>maven-jar-plugin</artifactId><configuration><archive><manifest>"
    "<mainClass>{}</mainClass></manifest></archive></configuration></plugin></plugins></build>"
)


def java(name: str, code: str = "System.out.println(args.length);", imports: str = "") -> str:
    package, _, simple = name.rpartition(".")
    head = f"package {package};\n" if package else ""
    line = f"import {imports};\n" if imports else ""
    return f"{head}{line}public class {simple} {{\n  public static void main(String[] args) {{ {code} }}\n}}\n"


def dependency(group: str, artifact: str, scope: str = "") -> str:
    return f"<dependency><groupId>{group}</groupId><artifactId>{artifact}</artifactId><scope>{scope}</scope></dependency>"


def lists(made: Plan) -> list[list[str]]:
    """The lists that the build step is given: roots, jars, resources, templates, properties, exports, mains."""
    found: list[list[str]] = [[]]
    for word in made.steps[-1].argv[8:]:
        if word == "--":
            found.append([])
        else:
            found[-1].append(word)
    return found


def test_the_shape_of_cfr(tmp_path: Path) -> None:
    extra = "<properties><javaVersion>1.6</javaVersion><maven.compiler.source>${javaVersion}</maven.compiler.source></properties>"
    extra += (
        f"<dependencies>{dependency('org.junit.jupiter', 'junit-jupiter', 'test')}</dependencies>"
    )
    build = JAR_PLUGIN.format("org.benf.Main").replace(
        "<plugins>",
        "<sourceDirectory>src</sourceDirectory><plugins><plugin><artifactId>templating-maven-plugin</artifactId>"
        "<configuration><sourceDirectory>${project.basedir}/src-templates</sourceDirectory></configuration></plugin>",
    )
    files = {
        "pom.xml": POM.format("cfr", extra + build),
        "src/org/benf/Main.java": java("org.benf.Main"),
        "src/org/benf/Other.java": java("org.benf.Other", ""),
        "src-templates/org/benf/V.java": "package org.benf;\n",
        "decompilation-test/test-data/Sample.java": java("Sample"),
    }
    made = plan(tmp_path, files, "cfr")

    assert (made.runtime, made.base, names(made)) == ("java", "java17", ["cfr", "Other"])
    assert made.commands[0].run[-3:] == [
        "-cp",
        "/opt/tool/classes:/opt/tool/lib/*",
        "org.benf.Main",
    ]
    assert made.commands[0].evidence == "main class org.benf.Main in pom.xml"
    roots, jars, resources, templates, properties, exports, mains = lists(made)
    assert (roots, jars, resources, exports) == (["./src"], [], [], [])
    assert templates == ["./src-templates"]
    assert "project.version=1.2" in properties
    assert mains == ["org.benf.Main", "org.benf.Other"]
    assert made.steps[-1].argv[5] == "8"  # what is older than 8 is compiled for 8
    assert len(made.steps) == 1  # nothing to fetch that would be worth a step of its own


def test_maven_dependencies_become_a_step_of_their_own_and_debian_packages(tmp_path: Path) -> None:
    wanted = dependency("info.picocli", "picocli") + dependency("com.example", "unheard-of")
    files = {
        "pom.xml": POM.format("tool", f"<dependencies>{wanted}</dependencies>"),
        "src/main/java/a/Tool.java": java("a.Tool", imports="picocli.CommandLine"),
        "src/main/resources/x.txt": "x",
        "src/test/java/a/ToolTest.java": java("a.ToolTest"),
    }
    made = plan(tmp_path, files, "tool")

    assert [(step.name, step.files) for step in made.steps] == [
        ("dependencies", ["pom.xml"]),
        ("build (maven)", None),
    ]
    assert made.system_packages == ["libpicocli-java"]
    roots, jars, resources, *_ = lists(made)
    assert (roots, resources) == (["./src/main/java"], ["./src/main/resources"])
    assert jars == ["/usr/share/java/picocli.jar"]
    assert names(made) == ["tool"]
    assert "parses arguments (picocli)" in made.commands[0].evidence
    assert "no Debian package is known for com.example:unheard-of" in made.evidence


def test_a_class_that_only_the_build_runs_is_not_the_tool(tmp_path: Path) -> None:
    """The shape of checkstyle: a generator in a phase of the build, the tool in the jar's manifest."""
    step = (
        "<build><plugins><plugin><artifactId>exec-maven-plugin</artifactId><executions><execution>"
        "<phase>process-classes</phase><configuration><mainClass>g.Generator</mainClass></configuration>"
        "</execution></executions></plugin></plugins></build>"
    )
    files = {
        "pom.xml": POM.format("tool", step + JAR_PLUGIN.format("t.Main")),
        "src/main/java/g/Generator.java": java("g.Generator"),
        "src/main/java/t/Main.java": java("t.Main"),
    }
    made = plan(tmp_path, files, "tool")

    assert (names(made), made.commands[0].run[-1]) == (["tool", "Generator"], "t.Main")


def test_a_module_brings_the_modules_that_it_needs(tmp_path: Path) -> None:
    """The shape of google-java-format: the parent declares, deep below a module holds the class."""
    modules = "<packaging>pom</packaging><modules><module>core</module><module>base</module><module>plugin</module></modules>"
    files = {
        "pom.xml": POM.format("tool-parent", modules + JAR_PLUGIN.format("com.example.deep.er.still.Main")),
        "core/pom.xml": POM.format("tool", f"<dependencies>{dependency('g', 'base')}</dependencies>"),
        "core/src/main/java/com/example/deep/er/still/Main.java": java("com.example.deep.er.still.Main"),
        "base/pom.xml": POM.format("base", ""),
        "base/src/main/java/b/B.java": "package b; class B {}",
        "plugin/pom.xml": POM.format("plugin", ""),
        "plugin/src/main/java/p/P.java": java("p.P"),
    }  # fmt: skip
    made = plan(tmp_path, files, "google-tool")

    assert names(made) == ["tool"]
    assert sorted(lists(made)[0]) == ["./base/src/main/java", "./core/src/main/java"]


@pytest.mark.parametrize(
    ("text", "release", "base"),
    [
        ("<properties><maven.compiler.release>11</maven.compiler.release></properties>", "11", "java17"),
        ("<properties><java.version>1.8</java.version></properties>", "8", "java17"),
        ("<properties><maven.compiler.release>21</maven.compiler.release></properties>", "21", "java21"),
        ("<properties><maven.compiler.release>23</maven.compiler.release></properties>", "23", "java25"),
        ("<properties><maven.compiler.release>99</maven.compiler.release></properties>", "25", "java25"),
        ("", "17", "java17"),
    ],
)  # fmt: skip
def test_the_java_version(tmp_path: Path, text: str, release: str, base: str) -> None:
    made = plan(tmp_path, {"pom.xml": POM.format("t", text), "src/main/java/T.java": java("T")})

    assert (made.steps[-1].argv[5], made.base) == (release, base)


@pytest.mark.parametrize(
    ("file", "text", "base"),
    [
        (".java-version", "21.0.2\n", "java21"),
        (".java-version", "1.8\n", "java17"),
        (".java-version", "openjdk64-25\n", "java25"),
        (".sdkmanrc", "# a comment\njava=21.0.4-tem\n", "java21"),
        (".tool-versions", "nodejs 22\njava temurin-21.0.4+7\n", "java21"),
        (".java-version", "system\n", "java17"),
    ],
)
def test_the_java_of_a_version_manager(tmp_path: Path, file: str, text: str, base: str) -> None:
    made = plan(
        tmp_path, {"pom.xml": POM.format("t", ""), "src/main/java/T.java": java("T"), file: text}
    )

    assert made.base == base


def test_a_pom_that_is_no_xml_gets_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(NoPlan, match=r"^pom\.xml cannot be read: .*line 1"):
        plan(tmp_path, {"pom.xml": "<project><a></project>", "src/main/java/T.java": java("T")})


def test_entities_are_refused(tmp_path: Path) -> None:
    bomb = '<!DOCTYPE p [<!ENTITY a "aa"><!ENTITY b "&a;&a;">]><project>&b;</project>'

    with pytest.raises(NoPlan, match=r"Remove the DOCTYPE"):
        plan(tmp_path, {"pom.xml": bomb, "src/main/java/T.java": java("T")})


def test_gradle(tmp_path: Path) -> None:
    files = {
        "settings.gradle.kts": 'rootProject.name = "fancy"\n',
        "build.gradle.kts": 'plugins { application }\ndependencies {\n  implementation("com.google.code.gson:gson:2.10")\n'
        "  implementation(libs.commons.cli)\n  testImplementation(\"junit:junit:4\")\n}\n"
        'application { mainClass.set("org.x.Launcher") }\njava { toolchain { languageVersion = JavaLanguageVersion.of(21) } }\n',
        "gradle/libs.versions.toml": '[libraries]\ncommons-cli = { module = "commons-cli:commons-cli", version = "1.5" }\n',
        "gradle/wrapper/gradle-wrapper.jar": "x",
        "src/main/java/org/x/Launcher.java": java("org.x.Launcher"),
    }  # fmt: skip
    made = plan(tmp_path, files, "repo")

    assert (names(made), made.base) == (["fancy"], "java21")
    assert made.commands[0].run[-1] == "org.x.Launcher"
    assert made.system_packages == ["libcommons-cli-java", "libgoogle-gson-java"]
    assert lists(made)[1] == ["/usr/share/java/commons-cli.jar", "/usr/share/java/gson.jar"]


def test_main_classes_that_a_build_file_declares_come_before_those_of_sources(
    tmp_path: Path,
) -> None:
    files = {
        "build.gradle": 'task a { mainClass = "z.First" }\ntask b { mainClass = "z.Second" }\n',
        **{f"src/main/java/z/{one}.java": java(f"z.{one}") for one in ("First", "Second", "Aside")},
    }
    made = plan(tmp_path, files, "repo")

    assert names(made) == ["First", "Second", "Aside"]


def test_ant_with_its_own_jars(tmp_path: Path) -> None:
    files = {
        "build.xml": '<project name="oldie"><property name="main" value="z.Go"/><javac source="1.5"/>'
        '<manifest><attribute name="Main-Class" value="${main}"/></manifest></project>',
        "src/z/Go.java": java("z.Go", imports="com.google.gson.Gson"),
        "lib/gson.jar": "x",
    }
    made = plan(tmp_path, files, "repo")

    assert (names(made), made.steps[-1].name) == (["oldie"], "build (ant)")
    assert made.system_packages == []
    assert lists(made)[:2] == [["./src"], ["./lib/gson.jar"]]


def test_sources_without_a_build_file(tmp_path: Path) -> None:
    files = {
        "app/src/com/x/Main.java": java("com.x.Main", imports="org.apache.commons.cli.Options"),
        "app/src/com/x/Window.java": java("com.x.Window", imports="javax.swing.JFrame"),
        "examples/Show.java": java("Show"),
    }
    made = plan(tmp_path, files, "words")

    assert names(made) == ["words", "Window"]
    assert made.system_packages == ["libcommons-cli-java"]
    assert lists(made)[0] == ["./app/src"]


def test_several_mains_are_ranked_by_what_they_do_with_arguments(tmp_path: Path) -> None:
    files = {
        "A.java": java("A", ""),
        "B.java": java("B"),
        "C.java": java("C", imports="picocli.CommandLine"),
        "Demo.java": java("Demo"),
    }

    assert names(plan(tmp_path, files, "x")) == ["C", "B", "A", "Demo"]


def jar(folder: Path, path: str, manifest: str, compiled_for: int = 0) -> None:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr("META-INF/MANIFEST.MF", manifest)
        if compiled_for:
            archive.writestr("a/B.class", struct.pack(">IHH", 0xCAFEBABE, 0, 44 + compiled_for))
    (folder / path).parent.mkdir(parents=True, exist_ok=True)
    (folder / path).write_bytes(data.getvalue())


def test_a_jar_with_a_main_class(tmp_path: Path) -> None:
    jar(tmp_path, "dist/tool-1.2.jar", "Manifest-Version: 1.0\r\nMain-Class: a.B\r\n")
    jar(tmp_path, "lib/other.jar", "Manifest-Version: 1.0\r\n")
    made = choose(tree(tmp_path, {"README": "x", "broken.jar": "no zip"}), Facts("tool"))

    assert (names(made), made.steps) == (["tool"], [])
    assert made.commands[0].run[-2:] == ["-jar", "/app/dist/tool-1.2.jar"]


@pytest.mark.parametrize(("compiled_for", "base"), [(8, "java17"), (21, "java21"), (0, "java17")])
def test_a_jar_runs_on_the_java_that_it_was_compiled_for(
    tmp_path: Path, compiled_for: int, base: str
) -> None:
    jar(tmp_path, "tool.jar", "Manifest-Version: 1.0\r\nMain-Class: a.B\r\n", compiled_for)

    assert choose(tree(tmp_path, {"README": "x"}), Facts("tool")).base == base


@pytest.mark.parametrize(
    "files",
    [
        {"src/main/java/L.java": "public class L { void main() {} }"},
        {"src/main/java/L.java": "// public static void main(String[] args)\nclass L {}"},
        {"src/test/java/T.java": java("T")},
    ],
)
def test_a_library_is_no_tool(tmp_path: Path, files: dict[str, str]) -> None:
    with pytest.raises(NoPlan, match="No command was found"):
        plan(tmp_path, files)


def test_a_python_tool_with_some_java_stays_one(tmp_path: Path) -> None:
    files = {
        "pyproject.toml": '[project]\nname="t"\nversion="1"\n[project.scripts]\nt="t:main"\n',
        "t.py": ARGPARSE,
        "java/Helper.java": java("Helper"),
    }

    assert plan(tmp_path, files).runtime == "python"


def test_exported_packages_of_the_jdk_reach_compiler_and_program(tmp_path: Path) -> None:
    given = "<arg>--add-exports=jdk.compiler/com.sun.tools.javac.api=ALL-UNNAMED</arg>"
    files = {"pom.xml": POM.format("t", given), "src/main/java/T.java": java("T")}
    made = plan(tmp_path, files, "t")

    export = "--add-exports=jdk.compiler/com.sun.tools.javac.api=ALL-UNNAMED"
    assert made.commands[0].run[1] == export
    assert lists(made)[5] == [export]


@pytest.mark.parametrize(
    ("command", "run"), [("a.Tool", "a.Tool"), ("src/a/Second.java", "a.Second"), ("Second", "a.Second")]
)  # fmt: skip
def test_a_class_asked_for(tmp_path: Path, command: str, run: str) -> None:
    files = {"src/a/Tool.java": java("a.Tool"), "src/a/Second.java": java("a.Second")}

    assert plan(tmp_path, files, "Tool", command=command).commands[0].run[-1] == run
