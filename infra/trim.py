"""What the bundle leaves out: whatever no function opens, of our own package and of others'.

Every byte is read in a cold start or on the way to it. Each cut has a test in tests/infra/test_bundle.py: what is left
prints the same dates, numbers and code, and calls the same operations.
"""

from __future__ import annotations

import ast
import gzip
import json
import pickle
import shutil
import struct
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

# The operations that pressrun/adapters/aws calls. A description of all of S3 is fifteen times as long.
CALLS = {
    "dynamodb": (
        "BatchGetItem",
        "DeleteItem",
        "GetItem",
        "Query",
        "Scan",
        "TransactWriteItems",
        "UpdateItem",
    ),
    "s3": ("DeleteObject", "GetObject", "HeadObject", "ListObjectVersions", "ListObjectsV2", "PutObject"),
    "sesv2": ("GetAccount", "SendBulkEmail"),
    "sns": ("Publish",),
    "sqs": (
        *("ChangeMessageVisibility", "DeleteMessage", "GetQueueAttributes", "ReceiveMessage"),
        *("SendMessage", "SendMessageBatch"),
    ),
}
ENDPOINTS = ("dynamodb", "email", "s3", "sns", "sqs")  # the same services, as their addresses name them

# Headers and sources of compiled modules, stubs, tests, and pip's own notes.
UNUSED_SUFFIXES = frozenset({".pyi", ".h", ".c", ".cpp", ".pxd", ".pyx", ".pxi", ".so.dbg", ".rst"})
UNUSED_NAMES = frozenset({"RECORD", "INSTALLER", "REQUESTED", "direct_url.json", "WHEEL", "entry_points.txt"})
UNUSED = """
bin *.dist-info/sboms dateutil/zoneinfo dateutil/rrule.py isal/isal_zlib* isal/igzip.* isal/igzip_threaded.py isal/isa-l
pydantic/v1 pydantic/mypy.py pydantic/color.py pydantic/experimental babel/messages
urllib3/contrib annotated_types/test_cases.py
pygments/cmdline.py pygments/sphinxext.py pygments/formatters pygments/styles
lxml/includes lxml/isoschematron lxml/objectify* lxml/sax* lxml/builder* lxml/doctestcompare*
lxml/html/diff* lxml/html/_diff* lxml/html/html5parser* lxml/html/soupparser* lxml/html/builder*
aws_lambda_powertools/utilities/auth_alpha aws_lambda_powertools/utilities/batch
aws_lambda_powertools/utilities/circuit_breaker
aws_lambda_powertools/utilities/data_masking aws_lambda_powertools/utilities/feature_flags
aws_lambda_powertools/utilities/idempotency aws_lambda_powertools/utilities/kafka
aws_lambda_powertools/utilities/parameters aws_lambda_powertools/utilities/parser
aws_lambda_powertools/utilities/streaming aws_lambda_powertools/utilities/validation
pressrun/_templates/desk
PIL/_avif* PIL/_imagingcms* PIL/_imagingtk* PIL/_imagingmath* PIL/_imagingmorph* PIL/_tkinter*
PIL/[!BGJMPTW]*ImagePlugin.py pillow.libs/libavif* pillow.libs/liblcms2*
""".split()  # noqa: SIM905 - one in a line would be forty lines
# Of packages with a class for every kind of event there is: the modules that our router and logger open.
OPENED = {
    "aws_lambda_powertools/event_handler": frozenset({
        *("api_gateway", "content_types", "depends", "exception_handling", "exceptions", "openapi", "request"),
        "util",
    }),
    "aws_lambda_powertools/event_handler/openapi": frozenset({"config", "constants", "exceptions", "types"}),
    "aws_lambda_powertools/utilities/data_classes": frozenset({
        *("alb_event", "api_gateway_proxy_event", "bedrock_agent_event", "common", "lambda_function_url_event"),
        *("shared_functions", "vpc_lattice"),
    }),
    "botocore/docs": frozenset({"docstring", "utils"}),
    "urllib3/http2": frozenset({"probe"}),  # the rest asks importlib.metadata for a version, which opens zipfile
}  # fmt: skip
BOTO3 = frozenset({"__init__.py", "compat.py", "exceptions.py", "session.py", "utils.py"})
STUBS = {
    "boto3/resources/factory.py": "class ResourceFactory:\n    def __init__(self, emitter):\n        pass\n",
    "boto3/s3/inject.py": "def inject_s3_transfer_methods(**_):\n    pass\n",
    # What help() says of a client's methods: a fifth of the modules that botocore opens make it.
    "botocore/docs/docstring.py": """
class ClientMethodDocstring(str):
    def __new__(cls, **_):
        return super().__new__(cls)
PaginatorDocstring = WaiterDocstring = ClientMethodDocstring
""",
    # All that Powertools takes of typing_extensions, which is 124 KB and otherwise opened with pydantic.
    "aws_lambda_powertools/shared/words.py": """
from typing import NotRequired
def deprecated(*_, **__):
    return override
def override(made):
    return made
""",
}
ELSEWHERE = (
    "pressrun.adapters.local",
    "pressrun.server",
    "pressrun.commands",
)  # a machine's own backends and doors

# Of a language: what pressrun/rendering prints. Of English, the names of all languages: podcasts are checked by them.
WORDS = frozenset({
    *("character_order", "date_formats", "days", "decimal_formats", "default_numbering_system", "eras"),
    *("list_patterns", "locale_id", "months", "number_symbols", "numbering_systems", "plural_form"),
})  # fmt: skip
NAMES = ("languages", "scripts", "territories", "variants")
DATES = frozenset("GLMdy")  # a skeleton with any other field is of times, weeks, or quarters
# Of all languages: what finds the language for a tag.
TAGS = frozenset({
    *("cldr", "language_aliases", "likely_subtags", "parent_exceptions", "script_aliases", "territory_aliases"),
    *("variant_aliases", "zone_aliases"),
})  # fmt: skip


def trim(folder: Path) -> None:
    """Takes out of a folder of installed packages what no function opens."""
    for path in [path for pattern in UNUSED for path in folder.glob(pattern)]:
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    for path in _unreached(folder):
        path.unlink()
    for package, names in OPENED.items():
        _opened(folder / package, names)
    _clients_alone(folder)
    for path in (folder / "aws_lambda_powertools").rglob("*.py"):
        text = path.read_text("utf-8")
        path.write_text(
            text.replace("from typing_extensions import", "from aws_lambda_powertools.shared.words import"),
            "utf-8",
        )
    for name, text in STUBS.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text, "utf-8")
    _languages(folder / "babel")
    for path in sorted([*folder.rglob("*.so"), *folder.rglob("*.so.*")]):
        _strip(path)
    _services(folder / "botocore" / "data")
    for path in [path for path in folder.rglob("*") if path.is_file()]:
        if path.name == "METADATA":  # its head says name, version and license; the rest is a README
            path.write_bytes(path.read_bytes().partition(b"\n\n")[0] + b"\n")
        notes = path.parent.suffix == ".dist-info" and path.name in UNUSED_NAMES
        if notes or path.suffix in UNUSED_SUFFIXES:
            path.unlink()


def _opened(package: Path, names: frozenset[str]) -> None:
    """A package with some of its modules; its own __init__, which imports all of them, imports none any more.

    asyncio comes with the classes for AppSync: half of what the router costs.
    """
    for path in package.iterdir():
        if path.stem not in {"__init__", *names}:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    start = package / "__init__.py"
    tree = ast.parse(start.read_bytes())
    imports = [node for node in tree.body if isinstance(node, ast.ImportFrom)]
    kept = [node for node in imports if (node.module or "").rpartition(".")[2] in names]
    start.write_text("\n".join(map(ast.unparse, kept)) + "\n", "utf-8")


def _clients_alone(folder: Path) -> None:
    """boto3 without its resources and its transfers of files in parts, with multiprocessing: an eighth of a cold start.

    Nothing here asks for either; clients are botocore's.
    """
    boto3 = folder / "boto3"
    for path in [*folder.glob("s3transfer*"), *boto3.iterdir()]:
        if path.name not in BOTO3:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    tree = ast.parse((boto3 / "compat.py").read_bytes())
    kept = [node for node in tree.body if "TransferConfig" not in ast.unparse(node)]
    (boto3 / "compat.py").write_text("\n".join(map(ast.unparse, kept)) + "\n", "utf-8")


def _unreached(folder: Path) -> list[Path]:
    """Our modules that no handler imports, at its start or later."""
    reached: set[Path] = set()
    waiting = [f"handlers.{path.stem}" for path in (folder / "handlers").glob("*.py")]
    while waiting:
        name = waiting.pop()
        path = folder.joinpath(*name.split("."))
        path = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
        if path in reached or not path.is_file() or name.startswith(ELSEWHERE):
            continue
        reached.add(path)
        waiting += [name.rpartition(".")[0], *_imports(ast.parse(path.read_bytes()))]
    return [path for path in (folder / "pressrun").rglob("*.py") if path not in reached]


def _imports(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (one.name for one in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{one.name}" for one in node.names)


def _services(data: Path) -> None:
    """botocore's descriptions of what is called, and where: all of them are 27 MB, these 0.3."""
    for service in [path for path in data.iterdir() if path.is_dir()]:
        if service.name not in CALLS:
            shutil.rmtree(service)
            continue
        *old, newest = sorted(service.iterdir())
        for version in old:
            shutil.rmtree(version)
        for path in newest.iterdir():
            if path.name.startswith(("examples-", "waiters-")):
                path.unlink()
        _operations(newest / "service-2.json.gz", CALLS[service.name])
    known = json.loads((data / "endpoints.json").read_bytes())
    for partition in known["partitions"]:
        partition["services"] = {name: partition["services"].get(name, {}) for name in ENDPOINTS}
    (data / "endpoints.json").write_text(json.dumps(known, separators=(",", ":")), "utf-8")


def _operations(path: Path, names: tuple[str, ...]) -> None:
    """A service's description with some of its operations, and with the shapes that these name."""
    service = json.loads(gzip.decompress(path.read_bytes()))
    service["operations"] = {name: service["operations"][name] for name in names}
    reached: set[str] = set()
    waiting = set(_shapes(service["operations"]))
    while waiting:
        name = waiting.pop()
        reached.add(name)
        waiting |= set(_shapes(service["shapes"][name])) - reached
    service["operations"] = _undocumented(service["operations"])
    service["shapes"] = {
        name: _undocumented(shape) for name, shape in service["shapes"].items() if name in reached
    }
    # Not packed: the zip packs it, and a cold start need not unpack it twice.
    path.with_suffix("").write_text(json.dumps(service, separators=(",", ":")), "utf-8")
    path.unlink()


def _shapes(found: Any) -> Iterator[str]:
    if isinstance(found, list):
        for one in found:
            yield from _shapes(one)
    elif isinstance(found, dict):
        for name, one in found.items():
            if name == "shape" and isinstance(one, str):
                yield one
            else:
                yield from _shapes(one)


def _undocumented(found: Any) -> Any:
    if isinstance(found, dict):
        return {
            name: _undocumented(one)
            for name, one in found.items()
            if not (name == "documentation" and isinstance(one, str))
        }
    return [_undocumented(one) for one in found] if isinstance(found, list) else found


def _strip(path: Path) -> None:
    """A compiled module without its symbols for debuggers: what lies behind the last segment that is loaded."""
    body = bytearray(path.read_bytes())
    start, size, count = *struct.unpack_from("<Q", body, 32), *struct.unpack_from("<HH", body, 54)
    segments = [struct.unpack_from("<QQQQ", body, start + number * size + 8) for number in range(count)]
    struct.pack_into("<Q", body, 40, 0)  # no table of sections
    struct.pack_into("<HHH", body, 58, 0, 0, 0)
    path.write_bytes(body[: max(offset + length for offset, _, _, length in segments)])


def _languages(babel: Path) -> None:
    """Each language's table. A form for readers names it in its own words, as "português (Brasil)"."""
    known = pickle.loads((babel / "global.dat").read_bytes())  # noqa: S301 - see _rewrite
    paths = sorted((babel / "locale-data").glob("*.dat"))
    codes: dict[str, set[str]] = {path.stem: set() for path in paths}
    for path in paths:
        heir = path.stem
        while heir != "root":
            codes[heir].update(path.stem.split("_"))
            heir = known["parent_exceptions"].get(heir) or heir.rpartition("_")[0] or "root"
    for path in paths:
        _rewrite(path, partial(_language, codes=codes[path.stem], named=path.stem in {"en", "root"}))
    _rewrite(babel / "global.dat", lambda table: {name: table[name] for name in table if name in TAGS})


def _language(table: dict[str, Any], codes: set[str], *, named: bool) -> dict[str, Any]:
    """What is said in a language; a tenth of its table. `codes` are the parts of the tags that inherit from it."""
    kept = {key: value for key, value in table.items() if key in WORDS}
    skeletons = table.get("datetime_skeletons", {})
    kept["datetime_skeletons"] = {name: form for name, form in skeletons.items() if set(name) <= DATES}
    for key in NAMES:
        names = table.get(key, {})
        chosen = (
            names if named and key == "languages" else {code: names[code] for code in names if code in codes}
        )
        kept[key] = chosen
    return {
        key: value for key, value in kept.items() if value or named
    }  # what the root lacks, nobody may ask for


def _rewrite(path: Path, change: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    table = pickle.loads(path.read_bytes())  # noqa: S301 - a package's own file, checked by its hash
    path.write_bytes(pickle.dumps(change(table), 4))
