"""Which Debian package brings a header, a library, a pkg-config module or a program: a curated map, never a guess."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Library:
    """A development package and the names under which sources and build files ask for it."""

    package: str
    headers: tuple[str, ...] = ()
    """`zlib.h`, or a folder of headers: `openssl/`."""
    links: tuple[str, ...] = ()
    """Names after `-l`, the usual one for its headers first."""
    pkgconfig: tuple[str, ...] = ()
    cmake: tuple[str, ...] = ()
    """Names after `find_package`, in lower case."""


LIBRARIES = (
    Library("zlib1g-dev", ("zlib.h", "zconf.h"), ("z",), ("zlib",), ("zlib",)),
    Library("libbz2-dev", ("bzlib.h",), ("bz2",), ("bzip2",), ("bzip2",)),
    Library("liblzma-dev", ("lzma.h",), ("lzma",), ("liblzma",), ("liblzma",)),
    Library("libzstd-dev", ("zstd.h",), ("zstd",), ("libzstd",), ("zstd",)),
    Library("liblz4-dev", ("lz4.h", "lz4frame.h", "lz4hc.h"), ("lz4",), ("liblz4",), ("lz4",)),
    Library("libdeflate-dev", ("libdeflate.h",), ("deflate",), ("libdeflate",), ("libdeflate",)),
    Library("libisal-dev", ("isa-l/", "isa-l.h"), ("isal",), ("libisal",)),
    Library("libsnappy-dev", ("snappy.h", "snappy-c.h"), ("snappy",), ("snappy",), ("snappy",)),
    Library("libbrotli-dev", ("brotli/",), ("brotlienc", "brotlidec", "brotlicommon"), ("libbrotlienc", "libbrotlidec")),
    Library("libarchive-dev", ("archive.h", "archive_entry.h"), ("archive",), ("libarchive",), ("libarchive",)),
    Library("libzip-dev", ("zip.h",), ("zip",), ("libzip",), ("libzip",)),
    Library("libcurl4-openssl-dev", ("curl/",), ("curl",), ("libcurl",), ("curl",)),
    Library("libssl-dev", ("openssl/",), ("ssl", "crypto"), ("openssl", "libssl", "libcrypto"), ("openssl",)),
    Library("libgnutls28-dev", ("gnutls/",), ("gnutls",), ("gnutls",), ("gnutls",)),
    Library("libgcrypt20-dev", ("gcrypt.h",), ("gcrypt",), ("libgcrypt",)),
    Library("libsodium-dev", ("sodium.h", "sodium/"), ("sodium",), ("libsodium",), ("sodium",)),
    Library("libmbedtls-dev", ("mbedtls/",), ("mbedtls", "mbedx509", "mbedcrypto"), (), ("mbedtls",)),
    Library("libssh2-1-dev", ("libssh2.h",), ("ssh2",), ("libssh2",), ("libssh2",)),
    Library("libssh-dev", ("libssh/",), ("ssh",), ("libssh",), ("libssh",)),
    Library("libncurses-dev", ("ncurses.h", "curses.h", "ncursesw/", "term.h", "panel.h"), ("ncurses", "ncursesw", "tinfo", "curses", "panel"),
            ("ncurses", "ncursesw", "tinfo"), ("curses",)),
    Library("libreadline-dev", ("readline/",), ("readline",), ("readline",), ("readline",)),
    Library("libedit-dev", ("editline/", "histedit.h"), ("edit",), ("libedit",)),
    Library("libpcre2-dev", ("pcre2.h", "pcre2posix.h"), ("pcre2-8", "pcre2-posix", "pcre2-16", "pcre2-32"), ("libpcre2-8", "libpcre2-posix"), ("pcre2",)),
    Library("libpcre3-dev", ("pcre.h", "pcrecpp.h", "pcreposix.h"), ("pcre", "pcrecpp"), ("libpcre",), ("pcre",)),
    Library("libonig-dev", ("oniguruma.h", "onigposix.h"), ("onig",), ("oniguruma",), ("oniguruma",)),
    Library("libre2-dev", ("re2/",), ("re2",), ("re2",), ("re2",)),
    Library("libxml2-dev", ("libxml/", "libxml2/"), ("xml2",), ("libxml-2.0",), ("libxml2",)),
    Library("libxslt1-dev", ("libxslt/", "libexslt/"), ("xslt", "exslt"), ("libxslt", "libexslt"), ("libxslt",)),
    Library("libexpat1-dev", ("expat.h",), ("expat",), ("expat",), ("expat",)),
    Library("libtinyxml2-dev", ("tinyxml2.h",), ("tinyxml2",), ("tinyxml2",), ("tinyxml2",)),
    Library("libpugixml-dev", ("pugixml.hpp",), ("pugixml",), ("pugixml",), ("pugixml",)),
    Library("libjansson-dev", ("jansson.h",), ("jansson",), ("jansson",), ("jansson",)),
    Library("libjson-c-dev", ("json-c/",), ("json-c",), ("json-c",), ("json-c",)),
    Library("libcjson-dev", ("cjson/",), ("cjson",), ("libcjson",), ("cjson",)),
    Library("libyajl-dev", ("yajl/",), ("yajl",), ("yajl",)),
    Library("libjsoncpp-dev", ("json/json.h",), ("jsoncpp",), ("jsoncpp",), ("jsoncpp",)),
    Library("nlohmann-json3-dev", ("nlohmann/",), (), ("nlohmann_json",), ("nlohmann_json",)),
    Library("rapidjson-dev", ("rapidjson/",), (), ("RapidJSON",), ("rapidjson",)),
    Library("libyaml-dev", ("yaml.h",), ("yaml",), ("yaml-0.1",), ("yaml",)),
    Library("libyaml-cpp-dev", ("yaml-cpp/",), ("yaml-cpp",), ("yaml-cpp",), ("yaml-cpp",)),
    Library("libsqlite3-dev", ("sqlite3.h",), ("sqlite3",), ("sqlite3",), ("sqlite3", "sqlite")),
    Library("libpq-dev", ("libpq-fe.h", "postgresql/"), ("pq",), ("libpq",), ("postgresql",)),
    Library("libmariadb-dev", ("mysql/", "mysql.h", "mariadb/"), ("mariadb",), ("libmariadb",), ("mysql",)),
    Library("libgdbm-dev", ("gdbm.h",), ("gdbm",)),
    Library("libdb-dev", ("db.h",), ("db",)),
    Library("libleveldb-dev", ("leveldb/",), ("leveldb",), (), ("leveldb",)),
    Library("libpng-dev", ("png.h",), ("png",), ("libpng", "libpng16"), ("png",)),
    Library("libjpeg-dev", ("jpeglib.h", "turbojpeg.h"), ("jpeg",), ("libjpeg",), ("jpeg",)),
    Library("libtiff-dev", ("tiffio.h", "tiff.h"), ("tiff",), ("libtiff-4",), ("tiff",)),
    Library("libgif-dev", ("gif_lib.h",), ("gif",), (), ("gif",)),
    Library("libwebp-dev", ("webp/",), ("webp",), ("libwebp",), ("webp",)),
    Library("libgd-dev", ("gd.h",), ("gd",), ("gdlib",)),
    Library("libfreetype-dev", ("ft2build.h", "freetype2/"), ("freetype",), ("freetype2",), ("freetype",)),
    Library("libfontconfig-dev", ("fontconfig/",), ("fontconfig",), ("fontconfig",), ("fontconfig",)),
    Library("libcairo2-dev", ("cairo.h", "cairo/"), ("cairo",), ("cairo",), ("cairo",)),
    Library("libpango1.0-dev", ("pango/",), ("pango-1.0",), ("pango", "pangocairo"), ("pango",)),
    Library("librsvg2-dev", ("librsvg/",), ("rsvg-2",), ("librsvg-2.0",)),
    Library("libopencv-dev", ("opencv2/",), ("opencv_core",), ("opencv4", "opencv"), ("opencv",)),
    Library("libsdl2-dev", ("SDL2/", "SDL.h"), ("SDL2",), ("sdl2",), ("sdl2",)),
    Library("libsndfile1-dev", ("sndfile.h",), ("sndfile",), ("sndfile",), ("sndfile",)),
    Library("libvorbis-dev", ("vorbis/",), ("vorbis", "vorbisfile", "vorbisenc"), ("vorbis", "vorbisfile"), ("vorbis",)),
    Library("libogg-dev", ("ogg/",), ("ogg",), ("ogg",), ("ogg",)),
    Library("libflac-dev", ("FLAC/",), ("FLAC",), ("flac",), ("flac",)),
    Library("libmp3lame-dev", ("lame/",), ("mp3lame",)),
    Library("libmpg123-dev", ("mpg123.h",), ("mpg123",), ("libmpg123",), ("mpg123",)),
    Library("libopus-dev", ("opus/",), ("opus",), ("opus",), ("opus",)),
    Library("libsamplerate0-dev", ("samplerate.h",), ("samplerate",), ("samplerate",), ("samplerate",)),
    Library("libfftw3-dev", ("fftw3.h",), ("fftw3", "fftw3f"), ("fftw3", "fftw3f"), ("fftw3", "fftw")),
    Library("libavcodec-dev", ("libavcodec/",), ("avcodec",), ("libavcodec",)),
    Library("libavformat-dev", ("libavformat/",), ("avformat",), ("libavformat",)),
    Library("libswscale-dev", ("libswscale/",), ("swscale",), ("libswscale",)),
    Library("libhts-dev", ("htslib/",), ("hts",), ("htslib",), ("htslib",)),
    Library("libgsl-dev", ("gsl/",), ("gsl", "gslcblas"), ("gsl",), ("gsl",)),
    Library("libgmp-dev", ("gmp.h", "gmpxx.h"), ("gmp", "gmpxx"), ("gmp",), ("gmp",)),
    Library("libmpfr-dev", ("mpfr.h",), ("mpfr",), ("mpfr",), ("mpfr",)),
    Library("libblas-dev", ("cblas.h",), ("blas", "cblas"), ("blas",), ("blas",)),
    Library("liblapack-dev", ("lapack.h",), ("lapack",), ("lapack",), ("lapack",)),
    Library("liblapacke-dev", ("lapacke.h",), ("lapacke",), ("lapacke",)),
    Library("libopenblas-dev", ("openblas/",), ("openblas",), ("openblas",), ("openblas",)),
    Library("libeigen3-dev", ("Eigen/", "eigen3/", "unsupported/Eigen/"), (), ("eigen3",), ("eigen3",)),
    Library("libarmadillo-dev", ("armadillo",), ("armadillo",), ("armadillo",), ("armadillo",)),
    Library("libboost-dev", ("boost/",), (), (), ("boost",)),
    Library("libboost-program-options-dev", ("boost/program_options",), ("boost_program_options",)),
    Library("libboost-filesystem-dev", ("boost/filesystem",), ("boost_filesystem", "boost_system")),
    Library("libboost-system-dev", ("boost/system",), ("boost_system",)),
    Library("libboost-regex-dev", ("boost/regex",), ("boost_regex",)),
    Library("libboost-thread-dev", ("boost/thread",), ("boost_thread", "boost_system")),
    Library("libboost-iostreams-dev", ("boost/iostreams",), ("boost_iostreams",)),
    Library("libboost-chrono-dev", ("boost/chrono",), ("boost_chrono",)),
    Library("libboost-date-time-dev", ("boost/date_time",), ("boost_date_time",)),
    Library("libboost-log-dev", ("boost/log/",), ("boost_log", "boost_log_setup")),
    Library("libboost-random-dev", ("boost/random",), ("boost_random",)),
    Library("libboost-serialization-dev", ("boost/archive", "boost/serialization"), ("boost_serialization",)),
    Library("libfmt-dev", ("fmt/",), ("fmt",), ("fmt",), ("fmt",)),
    Library("libspdlog-dev", ("spdlog/",), ("spdlog", "fmt"), ("spdlog",), ("spdlog",)),
    Library("libcli11-dev", ("CLI/",), (), ("CLI11",), ("cli11",)),
    Library("libcxxopts-dev", ("cxxopts.hpp",), (), ("cxxopts",), ("cxxopts",)),
    Library("libtclap-dev", ("tclap/",), (), ("tclap",), ("tclap",)),
    Library("libargtable2-dev", ("argtable2.h",), ("argtable2",), ("argtable2",)),
    Library("libpopt-dev", ("popt.h",), ("popt",), ("popt",), ("popt",)),
    Library("libgflags-dev", ("gflags/",), ("gflags",), ("gflags",), ("gflags",)),
    Library("libgoogle-glog-dev", ("glog/",), ("glog",), ("libglog",), ("glog",)),
    Library("libabsl-dev", ("absl/",), (), (), ("absl",)),
    Library("libprotobuf-dev", ("google/protobuf/",), ("protobuf",), ("protobuf",), ("protobuf",)),
    Library("librange-v3-dev", ("range/v3/",), (), (), ("range-v3",)),
    Library("libtbb-dev", ("tbb/", "oneapi/tbb"), ("tbb",), ("tbb",), ("tbb",)),
    Library("libxxhash-dev", ("xxhash.h",), ("xxhash",), ("libxxhash",), ("xxhash",)),
    Library("libgtest-dev", ("gtest/",), ("gtest",), ("gtest",), ("gtest",)),
    Library("catch2", ("catch2/",), (), (), ("catch2",)),
    Library("libglib2.0-dev", ("glib.h", "glib/", "gio/", "glib-object.h", "gmodule.h"), ("glib-2.0",),
            ("glib-2.0", "gio-2.0", "gobject-2.0", "gthread-2.0", "gio-unix-2.0")),
    Library("libuv1-dev", ("uv.h",), ("uv",), ("libuv",), ("libuv",)),
    Library("libev-dev", ("ev.h", "ev++.h"), ("ev",)),
    Library("libevent-dev", ("event2/", "event.h", "evhttp.h"), ("event",), ("libevent",), ("libevent",)),
    Library("libbsd-dev", ("bsd/",), ("bsd",), ("libbsd", "libbsd-overlay")),
    Library("libmd-dev", ("md5.h", "sha2.h"), ("md",), ("libmd",)),
    Library("libcap-dev", ("sys/capability.h",), ("cap",), ("libcap",)),
    Library("libacl1-dev", ("sys/acl.h", "acl/libacl.h"), ("acl",), ("libacl",)),
    Library("libattr1-dev", ("attr/",), ("attr",), ("libattr",)),
    Library("libselinux1-dev", ("selinux/",), ("selinux",), ("libselinux",)),
    Library("libaudit-dev", ("libaudit.h",), ("audit",), ("audit",)),
    Library("uuid-dev", ("uuid/",), ("uuid",), ("uuid",), ("uuid",)),
    Library("libmount-dev", ("libmount/",), ("mount",), ("mount",)),
    Library("libblkid-dev", ("blkid/",), ("blkid",), ("blkid",)),
    Library("libudev-dev", ("libudev.h",), ("udev",), ("libudev",)),
    Library("libusb-1.0-0-dev", ("libusb-1.0/", "libusb.h"), ("usb-1.0",), ("libusb-1.0",)),
    Library("libpcap-dev", ("pcap.h", "pcap/"), ("pcap",), ("libpcap",), ("pcap",)),
    Library("libnl-3-dev", ("netlink/",), ("nl-3",), ("libnl-3.0",)),
    Library("libmaxminddb-dev", ("maxminddb.h",), ("maxminddb",), ("libmaxminddb",)),
    Library("libidn2-dev", ("idn2.h",), ("idn2",), ("libidn2",)),
    Library("libunistring-dev", ("unistr.h", "unistdio.h"), ("unistring",)),
    Library("libicu-dev", ("unicode/",), ("icuuc", "icui18n", "icudata", "icuio"), ("icu-uc", "icu-i18n", "icu-io"), ("icu",)),
    Library("libutf8proc-dev", ("utf8proc.h",), ("utf8proc",), ("libutf8proc",)),
    Library("libmagic-dev", ("magic.h",), ("magic",), ("libmagic",)),
    Library("libfuse3-dev", ("fuse3/",), ("fuse3",), ("fuse3",)),
    Library("libseccomp-dev", ("seccomp.h",), ("seccomp",), ("libseccomp",)),
    Library("liblua5.4-dev", ("lua.h", "lua.hpp", "lauxlib.h"), ("lua5.4",), ("lua5.4", "lua"), ("lua",)),
    Library("libluajit-5.1-dev", ("luajit.h",), ("luajit-5.1",), ("luajit",), ("luajit",)),
    Library("libpoppler-cpp-dev", ("poppler/",), ("poppler-cpp",), ("poppler-cpp",), ("poppler",)),
    Library("libqpdf-dev", ("qpdf/",), ("qpdf",), ("libqpdf",), ("qpdf",)),
    Library("libtesseract-dev", ("tesseract/",), ("tesseract",), ("tesseract",), ("tesseract",)),
    Library("libleptonica-dev", ("leptonica/",), ("lept",), ("lept",), ("leptonica",)),
    Library("libxapian-dev", ("xapian.h",), ("xapian",), ("xapian-core",), ("xapian",)),
    Library("libgit2-dev", ("git2.h",), ("git2",), ("libgit2",), ("libgit2",)),
    Library("libelf-dev", ("libelf.h", "gelf.h", "elfutils/"), ("elf",), ("libelf",), ("libelf",)),
    Library("libdw-dev", ("dwarf.h",), ("dw",), ("libdw",)),
    Library("libcapstone-dev", ("capstone/",), ("capstone",), ("capstone",), ("capstone",)),
    Library("libaspell-dev", ("aspell.h",), ("aspell",)),
    Library("libhunspell-dev", ("hunspell/",), ("hunspell-1.7",), ("hunspell",)),
    Library("libltdl-dev", ("ltdl.h",), ("ltdl",)),
    Library("libexif-dev", ("libexif/",), ("exif",), ("libexif",)),
    Library("libexiv2-dev", ("exiv2/",), ("exiv2",), ("exiv2",), ("exiv2",)),
    Library("libtag1-dev", ("taglib/",), ("tag",), ("taglib",), ("taglib",)),
    Library("libproj-dev", ("proj.h",), ("proj",), ("proj",), ("proj",)),
    Library("libgdal-dev", ("gdal.h", "gdal_priv.h", "gdal/"), ("gdal",), ("gdal",), ("gdal",)),
    Library("libgeos-dev", ("geos_c.h", "geos/"), ("geos_c",), ("geos",), ("geos",)),
    Library("libhdf5-dev", ("hdf5.h", "H5Cpp.h"), ("hdf5",), ("hdf5",), ("hdf5",)),
    Library("libnetcdf-dev", ("netcdf.h",), ("netcdf",), ("netcdf",), ("netcdf",)),
    Library("libmuparser-dev", ("muParser.h",), ("muparser",), ("muparser",), ("muparser",)),
    Library("libsparsehash-dev", ("google/sparse_hash_map", "sparsehash/", "google/dense_hash_map"), (), ("libsparsehash",)),
)  # fmt: skip

_PROGRAMS = {
    "asciidoc": "asciidoc-base", "asciidoctor": "asciidoctor", "autoconf": "autoconf", "autopoint": "autopoint", "autoreconf": "autoconf",
    "aclocal": "automake", "automake": "automake", "bc": "bc", "bison": "bison", "yacc": "bison", "clang": "clang", "clang++": "clang",
    "cmake": "cmake", "curl": "curl", "flex": "flex", "lex": "flex", "gawk": "gawk", "gettext": "gettext", "msgfmt": "gettext",
    "gfortran": "gfortran", "git": "git", "gperf": "gperf", "groff": "groff", "help2man": "help2man", "intltoolize": "intltool",
    "libtoolize": "libtool", "m4": "m4", "makeinfo": "texinfo", "meson": "meson", "nasm": "nasm", "ninja": "ninja-build",
    "pandoc": "pandoc", "perl": "perl", "pkg-config": "pkg-config", "pod2man": "perl", "protoc": "protobuf-compiler",
    "python": "python-is-python3", "python3": "python3", "ragel": "ragel", "re2c": "re2c", "rsync": "rsync", "ruby": "ruby",
    "scdoc": "scdoc", "swig": "swig", "tclsh": "tcl", "unzip": "unzip", "wget": "wget", "which": "debianutils", "xmllint": "libxml2-utils",
    "xsltproc": "xsltproc", "xxd": "xxd", "yasm": "yasm", "zip": "zip", "javac": "openjdk-17-jdk-headless", "mvn": "maven", "ant": "ant",
}  # fmt: skip


def together(packages: Iterable[str]) -> set[str]:
    """These packages, where two of them exclude each other the one that the rest can live with."""
    found = set(packages)
    if "libhts-dev" in found and "libcurl4-openssl-dev" in found:  # it stands on the other libcurl
        found = found - {"libcurl4-openssl-dev"} | {"libcurl4-gnutls-dev"}
    return found


def library_for_header(name: str) -> Library | None:
    """The library whose header `#include <name>` asks for; the longest known beginning decides."""
    best: tuple[int, Library] | None = None
    for library in LIBRARIES:
        for header in library.headers:
            whole = name == header or (
                name.startswith(header) and (header.endswith("/") or "/" in header)
            )
            if whole and (best is None or len(header) > best[0]):
                best = len(header), library
    return best[1] if best else None


def package_for_header(name: str) -> str | None:
    """`openssl/ssl.h` → `libssl-dev`."""
    library = library_for_header(name.strip().removeprefix("./"))
    return library.package if library else None


def package_for_library(name: str) -> str | None:
    """`z`, `-lz` or `libz.so` → `zlib1g-dev`."""
    bare = name.strip().removeprefix("-l")
    if ".so" in bare or bare.endswith(".a"):
        bare = bare.split(".so")[0].removesuffix(".a").removeprefix("lib")
    first = (library.package for library in LIBRARIES if bare in library.links[:1])
    other = (library.package for library in LIBRARIES if bare in library.links[1:])
    return next(first, None) or next(other, None)


def package_for_pkgconfig(name: str) -> str | None:
    """`libcurl >= 7` → `libcurl4-openssl-dev`."""
    words = name.split()
    bare = words[0] if words else ""
    return next((library.package for library in LIBRARIES if bare in library.pkgconfig), None)


def package_for_cmake(name: str) -> str | None:
    """`ZLIB`, the word after `find_package` → `zlib1g-dev`."""
    return next((lib.package for lib in LIBRARIES if name.lower() in lib.cmake), None)


def package_for_program(name: str) -> str | None:
    """`msgfmt` → `gettext`."""
    return _PROGRAMS.get(name.strip().rsplit("/", 1)[-1])
