"""Which Debian package brings a Maven artifact, and its jars below /usr/share/java: a curated map, never a guess."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Artifact:
    """`group:artifact` as Maven and Gradle call it; `group:*` stands for every artifact of the group."""

    coordinates: tuple[str, ...]
    packages: tuple[str, ...]
    jars: tuple[str, ...]
    """With those that it needs itself."""
    prefixes: tuple[str, ...] = ()
    """Beginnings of the packages that sources import."""


ARTIFACTS = (
    Artifact(("info.picocli:picocli",), ("libpicocli-java",), ("picocli",), ("picocli.",)),
    Artifact(("commons-cli:commons-cli",), ("libcommons-cli-java",), ("commons-cli",), ("org.apache.commons.cli.",)),
    Artifact(("com.beust:jcommander", "org.jcommander:jcommander"), ("libjcommander-java",), ("jcommander",), ("com.beust.jcommander.",)),
    Artifact(("net.sourceforge.argparse4j:argparse4j",), ("libargparse4j-java",), ("argparse4j",), ("net.sourceforge.argparse4j.",)),
    Artifact(("net.sf.jopt-simple:jopt-simple",), ("libjoptsimple-java",), ("joptsimple",), ("joptsimple.",)),
    Artifact(("args4j:args4j",), ("libargs4j-java",), ("args4j",), ("org.kohsuke.args4j.",)),
    Artifact(("commons-io:commons-io",), ("libcommons-io-java",), ("commons-io",), ("org.apache.commons.io.",)),
    Artifact(("org.apache.commons:commons-lang3",), ("libcommons-lang3-java",), ("commons-lang3",), ("org.apache.commons.lang3.",)),
    Artifact(("commons-lang:commons-lang",), ("libcommons-lang-java",), ("commons-lang",), ("org.apache.commons.lang.",)),
    Artifact(("org.apache.commons:commons-text",), ("libcommons-text-java",), ("commons-text", "commons-lang3"), ("org.apache.commons.text.",)),
    Artifact(("org.apache.commons:commons-csv",), ("libcommons-csv-java",), ("commons-csv",), ("org.apache.commons.csv.",)),
    Artifact(("commons-codec:commons-codec",), ("libcommons-codec-java",), ("commons-codec",), ("org.apache.commons.codec.",)),
    Artifact(("org.apache.commons:commons-compress",), ("libcommons-compress-java",), ("commons-compress",), ("org.apache.commons.compress.",)),
    Artifact(("commons-collections:commons-collections",), ("libcommons-collections3-java",), ("commons-collections3",), ("org.apache.commons.collections.",)),
    Artifact(("org.apache.commons:commons-collections4",), ("libcommons-collections4-java",), ("commons-collections4",), ("org.apache.commons.collections4.",)),
    Artifact(("org.apache.commons:commons-math3",), ("libcommons-math3-java",), ("commons-math3",), ("org.apache.commons.math3.",)),
    Artifact(("org.apache.commons:commons-configuration2",), ("libcommons-configuration2-java",), ("commons-configuration2", "commons-lang3", "commons-text", "commons-logging"), ("org.apache.commons.configuration2.",)),
    Artifact(("commons-logging:commons-logging",), ("libcommons-logging-java",), ("commons-logging",), ("org.apache.commons.logging.",)),
    Artifact(("commons-beanutils:commons-beanutils",), ("libcommons-beanutils-java",), ("commons-beanutils", "commons-logging", "commons-collections3"), ("org.apache.commons.beanutils.",)),
    Artifact(("org.apache.commons:commons-exec",), ("libcommons-exec-java",), ("commons-exec",), ("org.apache.commons.exec.",)),
    Artifact(("commons-net:commons-net",), ("libcommons-net-java",), ("commons-net",), ("org.apache.commons.net.",)),
    Artifact(("com.google.guava:guava",), ("libguava-java",), ("guava",), ("com.google.common.",)),
    Artifact(("com.google.code.gson:gson",), ("libgoogle-gson-java",), ("gson",), ("com.google.gson.",)),
    Artifact(("com.google.code.findbugs:jsr305",), ("libjsr305-java",), ("jsr305",), ("javax.annotation.Nullable", "javax.annotation.Nonnull")),
    Artifact(("com.google.errorprone:error_prone_annotations",), ("liberror-prone-java",), ("error-prone-annotations",), ("com.google.errorprone.annotations.",)),
    Artifact(("com.fasterxml.jackson.core:jackson-core",), ("libjackson2-core-java",), ("jackson-core",), ("com.fasterxml.jackson.core.",)),
    Artifact(("com.fasterxml.jackson.core:jackson-annotations",), ("libjackson2-annotations-java",), ("jackson-annotations",), ("com.fasterxml.jackson.annotation.",)),
    Artifact(("com.fasterxml.jackson.core:jackson-databind",), ("libjackson2-databind-java",), ("jackson-databind", "jackson-core", "jackson-annotations"), ("com.fasterxml.jackson.databind.",)),
    Artifact(("com.fasterxml.jackson.dataformat:jackson-dataformat-yaml",), ("libjackson2-dataformat-yaml",), ("jackson-dataformat-yaml", "jackson-databind", "jackson-core", "jackson-annotations", "snakeyaml"), ("com.fasterxml.jackson.dataformat.yaml.",)),
    Artifact(("org.yaml:snakeyaml",), ("libyaml-snake-java",), ("snakeyaml",), ("org.yaml.snakeyaml.",)),
    Artifact(("org.json:json",), ("libandroid-json-java",), ("com.android.json",), ("org.json.",)),
    Artifact(("com.googlecode.json-simple:json-simple",), ("libjson-simple-java",), ("json-simple",), ("org.json.simple.",)),
    Artifact(("org.slf4j:slf4j-api", "org.slf4j:slf4j-simple", "org.slf4j:slf4j-nop", "org.slf4j:jcl-over-slf4j"), ("libslf4j-java",), ("slf4j-api", "slf4j-simple"), ("org.slf4j.",)),
    Artifact(("ch.qos.logback:logback-classic", "ch.qos.logback:logback-core"), ("liblogback-java", "libslf4j-java"), ("logback-classic", "logback-core", "slf4j-api"), ("ch.qos.logback.",)),
    Artifact(("org.apache.logging.log4j:log4j-api", "org.apache.logging.log4j:log4j-core"), ("liblog4j2-java",), ("log4j-api", "log4j-core"), ("org.apache.logging.log4j.",)),
    Artifact(("log4j:log4j",), ("liblog4j1.2-java",), ("log4j-1.2",), ("org.apache.log4j.",)),
    Artifact(("org.fusesource.jansi:jansi",), ("libjansi-java",), ("jansi",), ("org.fusesource.jansi.",)),
    Artifact(("org.jline:jline",), ("libjline3-java",), ("jline3",), ("org.jline.",)),
    Artifact(("jline:jline",), ("libjline2-java",), ("jline2",), ("jline.",)),
    Artifact(("org.jsoup:jsoup",), ("libjsoup-java",), ("jsoup",), ("org.jsoup.",)),
    Artifact(("org.ow2.asm:asm", "org.ow2.asm:asm-tree", "org.ow2.asm:asm-util", "org.ow2.asm:asm-commons", "org.ow2.asm:asm-analysis"), ("libasm-java",),
             ("asm", "asm-tree", "asm-util", "asm-commons", "asm-analysis"), ("org.objectweb.asm.",)),
    Artifact(("org.javassist:javassist",), ("libjavassist-java",), ("javassist",), ("javassist.",)),
    Artifact(("net.bytebuddy:byte-buddy",), ("libbyte-buddy-java",), ("byte-buddy",), ("net.bytebuddy.",)),
    Artifact(("org.antlr:antlr4-runtime",), ("libantlr4-runtime-java",), ("antlr4-runtime",), ("org.antlr.v4.runtime.",)),
    Artifact(("org.apache.httpcomponents:httpclient",), ("libhttpclient-java",), ("httpclient", "httpcore", "commons-logging", "commons-codec"), ("org.apache.http.",)),
    Artifact(("com.squareup.okhttp3:okhttp",), ("libokhttp-java", "libokio-java"), ("okhttp", "okio"), ("okhttp3.",)),
    Artifact(("org.bouncycastle:bcprov-jdk15on", "org.bouncycastle:bcprov-jdk18on"), ("libbcprov-java",), ("bcprov",), ("org.bouncycastle.",)),
    Artifact(("org.bouncycastle:bcpkix-jdk15on", "org.bouncycastle:bcpkix-jdk18on"), ("libbcpkix-java", "libbcprov-java", "libbcutil-java"), ("bcpkix", "bcprov", "bcutil")),
    Artifact(("org.xerial:sqlite-jdbc",), ("libxerial-sqlite-jdbc-java",), ("sqlite-jdbc",), ("org.sqlite.",)),
    Artifact(("org.postgresql:postgresql",), ("libpostgresql-jdbc-java",), ("postgresql",), ("org.postgresql.",)),
    Artifact(("com.h2database:h2",), ("libh2-java",), ("h2",), ("org.h2.",)),
    Artifact(("org.dom4j:dom4j", "dom4j:dom4j"), ("libdom4j-java",), ("dom4j",), ("org.dom4j.",)),
    Artifact(("org.jdom:jdom2",), ("libjdom2-java",), ("jdom2",), ("org.jdom2.",)),
    Artifact(("xerces:xercesImpl",), ("libxerces2-java",), ("xercesImpl",), ("org.apache.xerces.",)),
    Artifact(("xalan:xalan",), ("libxalan2-java",), ("xalan2", "serializer"), ("org.apache.xalan.",)),
    Artifact(("net.sf.saxon:Saxon-HE",), ("libsaxonhe-java",), ("Saxon-HE",), ("net.sf.saxon.",)),
    Artifact(("org.apache.pdfbox:pdfbox",), ("libpdfbox2-java", "libfontbox2-java", "libcommons-logging-java"), ("pdfbox2", "fontbox2", "commons-logging"), ("org.apache.pdfbox.",)),
    Artifact(("org.apache.poi:poi",), ("libapache-poi-java",), ("poi",), ("org.apache.poi.",)),
    Artifact(("org.eclipse.jgit:org.eclipse.jgit",), ("libjgit-java",), ("org.eclipse.jgit", "slf4j-api"), ("org.eclipse.jgit.",)),
    Artifact(("org.apache.velocity:velocity",), ("velocity",), ("velocity", "commons-collections3", "commons-lang"), ("org.apache.velocity.",)),
    Artifact(("org.freemarker:freemarker",), ("libfreemarker-java",), ("freemarker",), ("freemarker.",)),
    Artifact(("org.projectlombok:lombok",), ("liblombok-java",), ("lombok",), ("lombok.",)),
    Artifact(("org.apache.ant:ant",), (), ("ant",), ("org.apache.tools.ant.",)),
    Artifact(("junit:junit",), ("junit4",), ("junit4", "hamcrest-core"), ("org.junit.Test", "org.junit.Assert", "junit.framework.")),
    Artifact(("com.github.samtools:htsjdk",), ("libhtsjdk-java", "libcommons-logging-java"), ("htsjdk", "commons-logging"), ("htsjdk.",)),
    Artifact(("net.java.dev.jna:jna", "net.java.dev.jna:jna-platform"), ("libjna-java", "libjna-platform-java"), ("jna", "jna-platform"), ("com.sun.jna.",)),
    Artifact(("javax.xml.bind:jaxb-api", "jakarta.xml.bind:jakarta.xml.bind-api"), ("libjaxb-api-java",), ("jaxb-api",), ("javax.xml.bind.",)),
    Artifact(("org.tukaani:xz",), ("libxz-java",), ("xz",), ("org.tukaani.xz.",)),
    Artifact(("com.opencsv:opencsv",), ("libopencsv-java",), ("opencsv", "commons-lang3"), ("com.opencsv.",)),
    Artifact(("joda-time:joda-time",), ("libjoda-time-java",), ("joda-time",), ("org.joda.time.",)),
    Artifact(("org.codehaus.groovy:groovy", "org.codehaus.groovy:groovy-all"), ("groovy",), ("groovy",), ("groovy.lang.",)),
    Artifact(("org.mozilla:rhino",), ("librhino-java",), ("rhino",), ("org.mozilla.javascript.",)),
    Artifact(("org.zeroturnaround:zt-exec",), ("libzt-exec-java",), ("zt-exec", "slf4j-api"), ("org.zeroturnaround.exec.",)),
    Artifact(("it.unimi.dsi:fastutil",), ("libfastutil-java",), ("fastutil",), ("it.unimi.dsi.fastutil.",)),
)  # fmt: skip


@dataclass(frozen=True)
class Needed:
    """Debian packages, jars without folder and extension, and what nothing is known about."""

    packages: list[str]
    jars: list[str]
    unknown: list[str]


def of_coordinates(names: Iterable[str]) -> Needed:
    """What brings these `group:artifact`s."""
    artifacts, unknown = [], []
    for name in dict.fromkeys(names):
        found = next((a for a in ARTIFACTS if name in a.coordinates), None)
        if found is None:
            unknown.append(name)
        else:
            artifacts.append(found)
    return _needed(artifacts, unknown)


def of_imports(names: Iterable[str]) -> Needed:
    """What brings the packages that sources import."""
    wanted = list(names)
    return _needed(
        [a for a in ARTIFACTS if a.prefixes and any(n.startswith(a.prefixes) for n in wanted)], []
    )


def _needed(artifacts: list[Artifact], unknown: list[str]) -> Needed:
    packages = sorted({package for artifact in artifacts for package in artifact.packages})
    jars = sorted({jar for artifact in artifacts for jar in artifact.jars})
    return Needed(packages, jars, unknown)
