"""Debian packages without which some well-known distributions do not work, curated."""

from builder_service.detect.python_manifest import Manifest

_SYSTEM = {
    "python-magic": ["libmagic1"], "opencv-python": ["libgl1", "libglib2.0-0"], "pyaudio": ["portaudio19-dev"],
    "psycopg2": ["libpq-dev"], "mysqlclient": ["default-libmysqlclient-dev", "pkg-config"],
    "pycairo": ["libcairo2-dev", "pkg-config"], "cairosvg": ["libcairo2"], "weasyprint": ["libpango-1.0-0", "libpangoft2-1.0-0"],
    "pytesseract": ["tesseract-ocr"], "graphviz": ["graphviz"], "pydot": ["graphviz"], "pydub": ["ffmpeg"],
    "ffmpeg-python": ["ffmpeg"], "moviepy": ["ffmpeg"], "pdf2image": ["poppler-utils"], "pyzbar": ["libzbar0"],
    "python-ldap": ["libldap-dev", "libsasl2-dev"], "pycurl": ["libcurl4-openssl-dev", "libssl-dev"],
    "soundfile": ["libsndfile1"], "librosa": ["libsndfile1"], "wand": ["libmagickwand-6.q16-6"], "gitpython": ["git"],
    "python-nmap": ["nmap"], "xmlsec": ["libxmlsec1-dev", "pkg-config"], "pygraphviz": ["libgraphviz-dev", "pkg-config"],
    "yt-dlp": ["ffmpeg"], "tkinter": ["python3-tk"], "pybedtools": ["bedtools", "zlib1g-dev"],
}  # fmt: skip


def system_packages(wanted: set[str], imports: set[str], manifest: Manifest) -> list[str]:
    """What the distributions that are installed or imported need, and a back end in Rust."""
    tops = {name.split(".")[0] for name in imports}
    found = {
        package for key, packages in _SYSTEM.items() if key in wanted | tops for package in packages
    }
    # Debian brings newer releases of Rust for its browsers under these names.
    return sorted(found | ({"cargo-web", "rustc-web"} if manifest.needs_rust else set()))
