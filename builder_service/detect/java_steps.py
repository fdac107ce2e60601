"""How Java tools are built: by the project's own build tool, else by the compiler with Debian's libraries."""

from dataclasses import dataclass, field

from shared.plan import Step

TOOL = "/opt/tool"
CLASSPATH = f"{TOOL}/classes:{TOOL}/lib/*"

# Constant text; everything of the repository's own is an argument. Lists end with `--`.
# What is built ends in /opt/tool: jars in lib, or classes beside those that they need.
_BUILD = r"""
set -e -o pipefail
kind=$1; target=$2; asked=$3; unknown=$4; shift 4
take() { taken=(); while [ "$1" != -- ]; do taken+=("$1"); shift; done; rest=("${@:2}"); }
take "$@"; roots=("${taken[@]}"); take "${rest[@]}"; jars=("${taken[@]}"); take "${rest[@]}"; resources=("${taken[@]}")
take "${rest[@]}"; templates=("${taken[@]}"); take "${rest[@]}"; properties=("${taken[@]}"); take "${rest[@]}"; exports=("${taken[@]}")
mains=("${rest[@]}")
out=/opt/tool; stamp=/tmp/toolyard-stamp; log=/tmp/toolyard-build.log; touch "$stamp"; mkdir -p "$out/lib" "$out/classes"
note() { echo "note: $*"; }

collect() {  # the jars that a build tool has made, without sources, tests and what was shaded from
  find . -type f -name '*.jar' -newer "$stamp" -not -name '*-sources.jar' -not -name '*-javadoc.jar' -not -name '*-tests.jar' \
    -not -name 'original-*' -not -path '*/.gradle/*' -not -path '*/test*/*' -exec cp -f {} "$out/lib/" \;
}
has_mains() {  # whether one of the commands' classes is there
  for main in "${mains[@]}"; do
    file="${main//.//}.class"
    [ -f "$out/classes/$file" ] && return
    for jar in "$out"/lib/*.jar; do [ -f "$jar" ] && unzip -l "$jar" "$file" >/dev/null 2>&1 && return; done
  done
  return 1
}
by_maven() { /usr/local/bin/toolyard-mvn -DskipTests -Dmaven.test.skip=true -Dmaven.javadoc.skip=true -Dgpg.skip=true \
  package dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory="$out/lib" && collect; }
by_gradle() { /usr/local/bin/toolyard-gradle --init-script /usr/local/lib/toolyard-libs.gradle assemble toolyardLibs -x test -x javadoc && collect; }
by_ant() {
  # levels that this compiler has given up are raised to the oldest that it knows
  find . -maxdepth 2 -name '*.xml' -exec sed -Ei 's/\b(source|target|release)="(1\.[1-7]|[5-7])"/\1="8"/g' {} +
  ant -noinput -quiet -Djavac.source="$target" -Djavac.target="$target" && collect
}
by_tool() {
  case $kind in
    maven) by_maven ;;
    gradle) [ -f gradlew ] && [ -f gradle/wrapper/gradle-wrapper.jar ] && by_gradle ;;
    ant) by_ant ;;
    *) return 1 ;;
  esac
}
compile() {
  arguments=(-d "$out/classes" -encoding UTF-8 -nowarn -Xlint:-options -source "$target" -target "$target" -cp "$out/lib/*" "${exports[@]}")
  javac "${arguments[@]}" @/tmp/toolyard-sources 2>&1 | tee "$log" && return
  note "not everything compiles; once more with what the commands need"
  path=$(IFS=:; echo "${roots[*]}:/tmp/toolyard-templates"); wanted=()
  for main in "${mains[@]}"; do
    for root in "${roots[@]}"; do [ -f "$root/${main//.//}.java" ] && wanted+=("$root/${main//.//}.java") && break; done
  done
  [ ${#wanted[@]} -gt 0 ] && javac "${arguments[@]}" -sourcepath "$path" "${wanted[@]}"
}
by_compiler() {
  rm -rf "$out/lib" "$out/classes"; mkdir -p "$out/lib" "$out/classes" /tmp/toolyard-templates
  for jar in "${jars[@]}"; do if [ -f "$jar" ]; then cp -fL "$jar" "$out/lib/"; else note "$jar is not there"; fi; done
  for folder in "${templates[@]}"; do [ -d "$folder" ] && cp -R "$folder/." /tmp/toolyard-templates/; done
  fill() { find "$1" -type f -print0 | xargs -0 -r perl -CSD -0pi -e \
    'BEGIN { while (@ARGV && ($_ = shift @ARGV) ne "--") { my ($k, $v) = split /=/, $_, 2; $p{$k} = $v } } s/\$\{([\w.-]+)\}/exists $p{$1} ? $p{$1} : $&/ge' "${properties[@]}" --; }
  fill /tmp/toolyard-templates
  for folder in "${resources[@]}"; do [ -d "$folder" ] && cp -R "$folder/." "$out/classes/"; done
  : > /tmp/toolyard-sources
  for root in "${roots[@]}" /tmp/toolyard-templates; do
    find "$root" -type f -name '*.java' -not -name module-info.java -not -name package-info.java \
      -not -path '*/test/*' -not -path '*/tests/*' -printf '"%p"\n' >> /tmp/toolyard-sources
  done
  if [ ! -s /tmp/toolyard-sources ]; then echo "error: no Java source was found to compile" >&2; return 1; fi
  compile && return
  [ -z "$unknown" ] || echo "the libraries $unknown are not known here as Debian packages" >&2
  [ -z "$asked" ] || echo "the project asks for Java $asked; builds here have Java $(javac -version 2>&1 | cut -d" " -f2)" >&2
  return 1
}
if [ "$kind" != javac ]; then
  if by_tool 2>&1 | tee "$log" && has_mains; then
    note "built by $kind"
    exit 0
  fi
  if grep -Eqi 'does not answer|unknown host|no plugin found for prefix|could not transfer|UnknownHostException|connection (refused|timed out)|Non-resolvable|not (be )?resolve' "$log"; then
    note "the registry of $kind does not answer: compiled by javac with Debian's libraries instead"
  else
    note "$kind did not make the program: compiled by javac instead"
  fi
fi
by_compiler
has_mains || { echo "error: no class ${mains[*]} was compiled" >&2; exit 1; }
note "built by javac"
"""

_RESOLVE = r"""
/usr/local/bin/toolyard-mvn -DskipTests dependency:go-offline || echo "note: the registry of Maven does not answer"
"""


@dataclass
class Compilation:
    """What the compiler needs when the build tool does not do it."""

    kind: str
    target: int
    asked: str = ""
    """The Java version that the project wants and builds here do not have."""
    unknown: list[str] = field(default_factory=list)
    roots: list[str] = field(default_factory=list)
    jars: list[str] = field(default_factory=list)
    resources: list[str] = field(default_factory=list)
    templates: list[str] = field(default_factory=list)
    properties: dict[str, str] = field(default_factory=dict)
    exports: list[str] = field(default_factory=list)
    mains: list[str] = field(default_factory=list)


def build(needed: Compilation) -> Step:
    """The build tool, and the compiler where that does not get to its end; the log says which."""
    argv = ["bash", "-c", _BUILD, needed.kind, needed.kind, str(needed.target), needed.asked]
    argv.append(", ".join(needed.unknown[:8]))
    below = [
        [f"./{path}" if path else "." for path in paths]
        for paths in (needed.roots, needed.resources, needed.templates)
    ]
    pairs = [f"{name}={value}" for name, value in needed.properties.items()]
    for words in (below[0], needed.jars, below[1], below[2], pairs, needed.exports):
        argv += [*words, "--"]
    return Step(name=f"build ({needed.kind})", argv=[*argv, *needed.mains])


def dependencies(poms: list[str]) -> Step:
    """What Maven fetches, kept as long as its files stay the same."""
    return Step(name="dependencies", argv=["bash", "-c", _RESOLVE, "dependencies"], files=poms)
