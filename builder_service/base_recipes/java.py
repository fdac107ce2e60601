"""The bases of Java tools: the JDKs that Debian has, Maven and Ant, and a folder for what a build makes.

Java trusts its own store of certificates and knows neither the proxy nor the mirror of the environment:
two small programs hand those of the operator on to Maven and to Gradle's wrapper.
"""

from builder_service.base_recipes.recipe import USER, Recipe

_SETTINGS = r"""
install -d -o 65532 -g 65532 /opt/tool
cat > /usr/local/lib/toolyard-Trust.java <<'END'
import java.io.*;
import java.security.KeyStore;
import java.security.cert.*;
public class Trust {
    public static void main(String[] paths) throws Exception {
        KeyStore store = KeyStore.getInstance("PKCS12");
        store.load(null, null);
        int number = 0;
        try (InputStream in = new FileInputStream(paths[0])) {
            for (Certificate one : CertificateFactory.getInstance("X.509").generateCertificates(in))
                store.setCertificateEntry("c" + number++, one);
        }
        try (OutputStream out = new FileOutputStream(paths[1])) { store.store(out, "changeit".toCharArray()); }
    }
}
END
cat > /usr/local/lib/toolyard-java.sh <<'END'
options=""
if [ -n "$SSL_CERT_FILE" ] && [ -f "$SSL_CERT_FILE" ]; then
  [ -f /tmp/toolyard-trust.p12 ] || java /usr/local/lib/toolyard-Trust.java "$SSL_CERT_FILE" /tmp/toolyard-trust.p12
  options="-Djavax.net.ssl.trustStore=/tmp/toolyard-trust.p12 -Djavax.net.ssl.trustStorePassword=changeit"
fi
if [ -n "$https_proxy" ]; then
  place=${https_proxy#*://}; place=${place%%/*}; place=${place##*@}
  for scheme in http https; do options="$options -D$scheme.proxyHost=${place%:*} -D$scheme.proxyPort=${place##*:}"; done
fi
END
cat > /usr/local/lib/toolyard-answers.sh <<'END'
# Whether the host of an address answers; a Java program would take its time to find out that it does not.
answers() {
  [ -z "$https_proxy" ] || return 0
  place=${1#*://}; place=${place%%/*}; place=${place##*@}; port=${place##*:}
  [ "$port" != "$place" ] || case $1 in https:*) port=443 ;; *) port=80 ;; esac
  timeout 10 bash -c ': < "/dev/tcp/$1/$2"' - "${place%:*}" "$port" 2>/dev/null && return 0
  echo "${place%:*}:$port does not answer"
  return 1
}
END
cat > /usr/local/bin/toolyard-mvn <<'END'
#!/bin/bash
. /usr/local/lib/toolyard-answers.sh
central=$(unzip -p /usr/share/maven/lib/maven-model-builder-3*.jar org/apache/maven/model/pom-4.0.0.xml | grep -o -m1 'https\?://[^<]*maven2')
answers "${TOOLYARD_MAVEN_MIRROR:-$central}" || exit 1
. /usr/local/lib/toolyard-java.sh
settings=()
if [ -n "$TOOLYARD_MAVEN_MIRROR" ]; then
  url=${TOOLYARD_MAVEN_MIRROR//&/&amp;}
  echo "<settings><mirrors><mirror><id>operator</id><mirrorOf>*</mirrorOf><url>${url//</&lt;}</url></mirror></mirrors></settings>" > /tmp/toolyard-settings.xml
  settings=(-s /tmp/toolyard-settings.xml)
fi
export MAVEN_OPTS="$options -Dmaven.wagon.http.retryHandler.count=1 -Dhttp.connectionTimeout=10000"
exec mvn -B -ntp -q "${settings[@]}" "$@"
END
cat > /usr/local/bin/toolyard-gradle <<'END'
#!/bin/bash
. /usr/local/lib/toolyard-answers.sh
wanted=$(sed -n 's/^distributionUrl=//p' gradle/wrapper/gradle-wrapper.properties | tr -d '\\\\')
answers "$wanted" || exit 1
. /usr/local/lib/toolyard-java.sh
export JAVA_OPTS="$options" GRADLE_OPTS="-Dorg.gradle.daemon=false"
exec timeout 900 sh ./gradlew --no-daemon --console=plain -q "$@"
END
cat > /usr/local/lib/toolyard-libs.gradle <<'END'
allprojects {
  afterEvaluate { project ->
    project.tasks.create('toolyardLibs', Copy) {
      def found = project.configurations.findByName('runtimeClasspath')
      if (found != null) { from found }
      into '/opt/tool/lib'
      duplicatesStrategy = 'exclude'
    }
  }
}
END
chmod 755 /usr/local/bin/toolyard-mvn /usr/local/bin/toolyard-gradle
"""


def _jdk(version: int, parent: str, before: str) -> Recipe:
    packages = ("ant", "ca-certificates-java", "maven", f"openjdk-{version}-jdk-headless", "unzip")
    return Recipe(parent, packages, before + _SETTINGS, version=3)


RECIPES = {
    "java17": _jdk(17, "debian", USER),
    "java21": _jdk(21, "trixie", ""),
    "java25": _jdk(25, "trixie", ""),
}
