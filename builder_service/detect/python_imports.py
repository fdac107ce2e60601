"""Which distributions a folder of Python files needs, judged by its imports alone."""

import ast
import sys
import warnings
from collections.abc import Iterable

from builder_service.detect.finding import is_aside
from builder_service.detect.tree import Entry, Tree

# Import names that differ from the distribution's name. Everything else is taken by its own name
# only when it is listed in KNOWN: asking an index for unknown names is how squatters get in.
RENAMED = {
    "cv2": "opencv-python-headless", "PIL": "pillow", "yaml": "pyyaml", "bs4": "beautifulsoup4",
    "sklearn": "scikit-learn", "skimage": "scikit-image", "Bio": "biopython", "docx": "python-docx",
    "pptx": "python-pptx", "dateutil": "python-dateutil", "dotenv": "python-dotenv", "git": "gitpython",
    "github": "pygithub", "gitlab": "python-gitlab", "jwt": "pyjwt", "Crypto": "pycryptodome",
    "Cryptodome": "pycryptodomex", "OpenSSL": "pyopenssl", "serial": "pyserial", "usb": "pyusb",
    "magic": "python-magic", "dns": "dnspython", "whois": "python-whois", "nmap": "python-nmap",
    "telegram": "python-telegram-bot", "MySQLdb": "mysqlclient", "psycopg2": "psycopg2-binary",
    "attr": "attrs", "markdown": "markdown", "fitz": "pymupdf", "pymupdf": "pymupdf", "zmq": "pyzmq",
    "ruamel": "ruamel.yaml", "Levenshtein": "levenshtein", "slugify": "python-slugify", "socks": "pysocks",
    "win32com": "", "win32api": "", "win32con": "", "pkg_resources": "setuptools", "setuptools": "setuptools",
    "mpl_toolkits": "matplotlib", "umap": "umap-learn", "igraph": "igraph", "community": "python-louvain",
    "multipart": "python-multipart", "jose": "python-jose", "ldap": "python-ldap", "ldap3": "ldap3",
    "snappy": "python-snappy", "lzo": "python-lzo", "Xlib": "python-xlib", "osgeo": "gdal",
    "OpenGL": "pyopengl", "gi": "pygobject", "wx": "wxpython", "pywintypes": "", "faiss": "faiss-cpu",
    "tensorflow": "tensorflow", "ffmpeg": "ffmpeg-python", "pyzbar": "pyzbar", "barcode": "python-barcode",
    "google.protobuf": "protobuf", "googleapiclient": "google-api-python-client", "vcf": "pyvcf3",
    "HTSeq": "htseq", "rdkit": "rdkit", "ete3": "ete3", "unidiff": "unidiff", "jks": "pyjks",
    "flask_cors": "flask-cors", "pysubs2": "pysubs2", "speech_recognition": "speechrecognition",
    "websocket": "websocket-client", "sha3": "pysha3", "xdg": "xdg", "editor": "python-editor",
    "axolotl": "python-axolotl", "termcolor": "termcolor", "pip": "pip", "wheel": "wheel",
    "typing_extensions": "typing-extensions", "prompt_toolkit": "prompt-toolkit", "more_itertools": "more-itertools",
    "fake_useragent": "fake-useragent", "requests_toolbelt": "requests-toolbelt", "rich_argparse": "rich-argparse",
    "async_timeout": "async-timeout", "sortedcontainers": "sortedcontainers", "charset_normalizer": "charset-normalizer",
    "yt_dlp": "yt-dlp", "youtube_dl": "youtube-dl", "curl_cffi": "curl-cffi", "pdf2image": "pdf2image",
    "pikepdf": "pikepdf", "Pyro4": "pyro4", "Quartz": "", "AppKit": "", "winreg": "",
}  # fmt: skip

KNOWN = frozenset(
    [
        "numpy",
        "scipy",
        "pandas",
        "matplotlib",
        "seaborn",
        "plotly",
        "bokeh",
        "networkx",
        "sympy",
        "statsmodels",
        "polars",
        "pyarrow",
        "numba",
        "cython",
        "h5py",
        "xarray",
        "dask",
        "torch",
        "torchvision",
        "torchaudio",
        "transformers",
        "datasets",
        "tokenizers",
        "keras",
        "xgboost",
        "lightgbm",
        "nltk",
        "spacy",
        "gensim",
        "requests",
        "httpx",
        "aiohttp",
        "urllib3",
        "certifi",
        "idna",
        "tldextract",
        "validators",
        "lxml",
        "html5lib",
        "cssselect",
        "parsel",
        "scrapy",
        "mechanize",
        "selenium",
        "playwright",
        "click",
        "typer",
        "rich",
        "colorama",
        "termcolor",
        "tqdm",
        "tabulate",
        "prettytable",
        "docopt",
        "fire",
        "cmd2",
        "questionary",
        "inquirer",
        "blessed",
        "blessings",
        "urwid",
        "textual",
        "pyfiglet",
        "art",
        "alive_progress",
        "halo",
        "progressbar",
        "humanize",
        "arrow",
        "pendulum",
        "pytz",
        "tzlocal",
        "tomli",
        "tomlkit",
        "toml",
        "ujson",
        "orjson",
        "simplejson",
        "jsonschema",
        "jmespath",
        "jsonpath_ng",
        "xmltodict",
        "pyparsing",
        "regex",
        "chardet",
        "ftfy",
        "unidecode",
        "emoji",
        "rapidfuzz",
        "fuzzywuzzy",
        "jinja2",
        "mako",
        "flask",
        "django",
        "fastapi",
        "uvicorn",
        "starlette",
        "bottle",
        "tornado",
        "gunicorn",
        "pydantic",
        "attrs",
        "sqlalchemy",
        "psycopg",
        "pymysql",
        "pymongo",
        "redis",
        "peewee",
        "alembic",
        "duckdb",
        "boto3",
        "botocore",
        "paramiko",
        "fabric",
        "invoke",
        "netmiko",
        "scapy",
        "shodan",
        "cryptography",
        "bcrypt",
        "passlib",
        "pyotp",
        "qrcode",
        "pygments",
        "openpyxl",
        "xlsxwriter",
        "xlrd",
        "xlwt",
        "reportlab",
        "pypdf",
        "PyPDF2",
        "pdfminer",
        "pdfplumber",
        "weasyprint",
        "imageio",
        "pytesseract",
        "wand",
        "svgwrite",
        "cairosvg",
        "mutagen",
        "pydub",
        "librosa",
        "soundfile",
        "moviepy",
        "ffmpy",
        "pysam",
        "pybedtools",
        "pyfaidx",
        "cutadapt",
        "dnaio",
        "xopen",
        "pyvcf",
        "cyvcf2",
        "biom",
        "mygene",
        "goatools",
        "psutil",
        "watchdog",
        "pexpect",
        "ptyprocess",
        "sh",
        "plumbum",
        "pyperclip",
        "platformdirs",
        "appdirs",
        "pathspec",
        "packaging",
        "filelock",
        "joblib",
        "cachetools",
        "diskcache",
        "loguru",
        "structlog",
        "pytest",
        "hypothesis",
        "six",
        "future",
        "mock",
        "babel",
        "polib",
        "pycountry",
        "phonenumbers",
        "geopy",
        "shapely",
        "fiona",
        "rasterio",
        "geopandas",
        "pyproj",
        "folium",
        "ephem",
        "astropy",
        "pint",
        "ldap3",
        "impacket",
        "feedparser",
        "praw",
        "tweepy",
        "telethon",
        "openai",
        "anthropic",
        "tiktoken",
        "websockets",
        "trio",
        "anyio",
        "gevent",
        "greenlet",
        "markdown",
        "mistune",
        "docutils",
        "sphinx",
        "mkdocs",
        "nbformat",
        "nbconvert",
        "ipython",
        "pyserial",
        "pyusb",
        "evdev",
        "pynput",
        "pyautogui",
        "exifread",
        "piexif",
        "pefile",
        "capstone",
        "keystone",
        "unicorn",
        "yara",
        "pycparser",
        "construct",
        "bitstring",
        "crcmod",
        "intelhex",
        "textdistance",
        "stringcase",
        "inflect",
        "zxcvbn",
        "names",
        "faker",
        "lorem",
        "wordcloud",
        "wikipedia",
        "googletrans",
        "deep_translator",
        "langdetect",
        "zstandard",
        *[
            "pycodestyle",
            "pyflakes",
            "flake8",
            "pylint",
            "mccabe",
            "black",
            "isort",
            "autopep8",
            "yapf",
            "mypy",
            "jedi",
            "parso",
            "rope",
            "bandit",
        ],
        "lz4",
        "brotli",
        "py7zr",
        "rarfile",
        "patool",
        "msgpack",
        "cbor2",
        "avro",
        "fastavro",
        "protobuf",
        "grpcio",
        "treelib",
        "anytree",
        "graphviz",
        "pydot",
        "ortools",
        "pulp",
        "cvxpy",
        "deap",
        "simpy",
        "gymnasium",
        "gym",
        "pygame",
        "pyglet",
        "mido",
        "music21",
        "pretty_midi",
        "sox",
        "asciitree",
    ]
)


def parse(text: str) -> ast.Module | None:
    """The syntax tree of a stranger's file, or None; nothing of it runs."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def imported(module: ast.Module) -> set[str]:
    """Dotted names of absolute imports, `a.b` as it stands; those that a `try` guards are left out."""
    found: set[str] = set()
    guarded = _guarded(module)
    for node in ast.walk(module):
        if node in guarded:
            continue
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            found.add(node.module)
            found.update(f"{node.module}.{alias.name}" for alias in node.names)
    return found


def distributions(names: Iterable[str], local: frozenset[str]) -> tuple[list[str], list[str]]:
    """What to install for these imports, and the names that nobody knows."""
    wanted: set[str] = set()
    unknown: set[str] = set()
    for name in names:
        top = name.split(".")[0]
        if top in sys.stdlib_module_names or top in local or top == "__future__":
            continue
        dotted = ".".join(name.split(".")[:2])
        if dotted in RENAMED or top in RENAMED:
            wanted.add(RENAMED.get(dotted, RENAMED.get(top, "")))
        elif top in KNOWN:
            wanted.add(top.lower().replace("_", "-"))
        else:
            unknown.add(top)
    return sorted(wanted - {""}), sorted(unknown)


def python_files(tree: Tree) -> list[Entry]:
    """Files of the tool itself, by extension or shebang; tests, examples and set-up files are left out."""
    return [
        entry
        for entry in tree.files
        if not is_aside(entry.path)
        and (
            entry.suffix == ".py"
            or (not entry.suffix and any("python" in word for word in tree.shebang(entry.path)[:1]))
        )
    ]


def local_modules(tree: Tree) -> frozenset[str]:
    """Names that the repository itself provides."""
    names = {entry.stem for entry in tree.files if entry.suffix in (".py", ".pyx", ".so")}
    for entry in tree.files:
        if entry.suffix in (".py", ".pyx"):
            names.update(entry.folders)
    return frozenset(names)


def _guarded(module: ast.Module) -> set[ast.AST]:
    found: set[ast.AST] = set()
    for node in ast.walk(module):
        if not isinstance(node, ast.Try):
            continue
        caught = " ".join(ast.unparse(handler.type) for handler in node.handlers if handler.type)
        bare = any(handler.type is None for handler in node.handlers)
        reraises = any(
            isinstance(part, ast.Raise)
            or (isinstance(part, ast.Call) and "exit" in ast.unparse(part.func))
            for handler in node.handlers
            for part in ast.walk(handler)
        )
        if reraises or not (
            bare or "Import" in caught or "NotFound" in caught or "Exception" in caught
        ):
            continue
        for statement in node.body:
            found.update(ast.walk(statement))
    return found
