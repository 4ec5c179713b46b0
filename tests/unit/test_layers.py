"""The import law and the limits of size, as tables and a walk over the source.

Each rule is also tried on a small bad tree, so that it is known to be able to fail.
"""

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FILE_LINES, FUNCTION_LINES, ENTRANCE_LINES = 400, 80, 60

# A layer may import any layer of a later row, and itself; layers of one row know nothing of each
# other. A module belongs to the layer with the longest name that begins its own.
LIGHT = (
    ("webui",),
    ("web", "page"),
    ("app",),
    ("jobs",),
    ("library",),
    ("pictures",),
    ("generation",),
    ("settings", "flags"),
    ("errors",),
)
HEAVY = (
    ("jobs.worker",),
    ("training",),
    ("engine",),
    ("postprocess",),
    ("pictures.edit",),
    ("networks",),
    ("diffusion",),
    ("errors",),
)
# What each heavy layer may import besides: layers, and single modules.
HEAVY_ALSO = {"generation", "settings", "library", "pictures"}
HEAVY_ALSO_MODULES = {"jobs.messages"}
# Layers for which the tables above say too much or too little: all that they may import.
SPECIAL = {
    "diffusion": {"errors"},
    "errors": set(),
    # Set-up runs before anything is installed and knows nothing of the program.
    "setup": {"setup_environment"},
    "setup_environment": set(),
}
# The worker process lives in the jobs package and shares its channel and its records.
WORKER_ALSO = {"jobs", "flags"}

HEAVY_LAYERS = {layer for row in HEAVY for layer in row} - {"errors"}

# Where a library may be imported; what is not named here may be imported nowhere.
HOMES = {
    "gradio": {"page"},
    "fastapi": {"web"},
    "starlette": {"web"},
    "pydantic": {"web"},
    "uvicorn": {"webui"},
    "tokenizers": {"generation.tokens"},
    # jobs.schema and jobs.database: the tables and the connection of jobs.store.
    "sqlite3": {
        "jobs.store",
        "jobs.schema",
        "jobs.database",
        "jobs.line",
        "library.index",
        "library.history",
    },
    # The engine's pictures are PIL's, from pictures.edit to the encoder; library.canvas: an empty
    # ground is a new picture.
    "PIL": {"pictures", "pictures.edit", "training", "engine", "postprocess", "library.canvas"},
    "cv2": {"pictures.edit"},
    "scipy": {"diffusion"},
    "safetensors": {"networks", "training"},
    "diffusers": {"networks", "training"},
    "transformers": {"networks", "training"},
    "accelerate": {"networks", "training"},
    "yaml": {"networks"},
    "huggingface_hub": {"library.download"},
    "torch": HEAVY_LAYERS,
    # Arrays go where tensors go; light code handles pictures as bytes and PIL images.
    "numpy": HEAVY_LAYERS,
    # Free memory, and whether a process of an earlier run still lives.
    "psutil": {"jobs", "networks", "web"},
}
# Community scripts import these names: they stay free for a thin layer over ours.
RESERVED = {
    "scripts", "processing", "shared", "script_callbacks", "images", "ui", "api", "sd_models",
    "sd_samplers", "devices", "paths",
}  # fmt: skip


def layer_of(module: str, layers: set[str]) -> str | None:
    """The longest of `layers` that begins the module's dotted name."""
    parts = module.split(".")
    names = [".".join(parts[:n]) for n in range(len(parts), 0, -1)]
    return next((name for name in names if name in layers), None)


def allowed() -> dict[str, set[str]]:
    """Each layer with all layers that it may import."""
    table: dict[str, set[str]] = {}
    for order, besides in ((LIGHT, set()), (HEAVY, HEAVY_ALSO)):
        for place, row in enumerate(order):
            later = {layer for layers in order[place + 1 :] for layer in layers}
            table.update({layer: later | besides for layer in row})
    table["jobs.worker"] |= WORKER_ALSO
    table.update(SPECIAL)
    return {layer: others | {layer} for layer, others in table.items()}


def called(node: ast.Call) -> str:
    """The last name of what is called, "" where it has none."""
    func = node.func
    return func.attr if isinstance(func, ast.Attribute) else getattr(func, "id", "")


class Tree:
    """The source of a program: its modules by dotted name, without the leading "modules."."""

    def __init__(self, root: Path) -> None:
        self.root = root
        files = sorted((root / "modules").rglob("*.py"))
        self.paths = {self.name_of(path): path for path in files if path.parent.name != "static"}
        self.paths.pop("", None)
        if (root / "webui.py").exists():
            self.paths["webui"] = root / "webui.py"
        self.trees = {
            name: ast.parse(path.read_text(encoding="utf-8")) for name, path in self.paths.items()
        }
        self.nodes = {name: list(ast.walk(tree)) for name, tree in self.trees.items()}

    def name_of(self, path: Path) -> str:
        parts = path.relative_to(self.root / "modules").with_suffix("").parts
        return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)

    def imports(self, module: str) -> Iterator[tuple[int, str]]:
        """(line, dotted name) of every import, lazy ones too; ours without "modules."."""
        for node in self.nodes[module]:
            if isinstance(node, ast.Import):
                for alias in node.names:
                    yield node.lineno, self.target(alias.name)
            elif isinstance(node, ast.ImportFrom):
                yield from self.imported_from(node)
            elif isinstance(node, ast.Call) and "import" in called(node):
                for word in node.args[:1]:
                    if isinstance(word, ast.Constant) and isinstance(word.value, str):
                        yield node.lineno, self.target(word.value)

    def imported_from(self, node: ast.ImportFrom) -> Iterator[tuple[int, str]]:
        if node.level:
            yield node.lineno, "a relative import"
            return
        for alias in node.names:
            whole = f"{node.module}.{alias.name}"
            ours = whole.removeprefix("modules.") in self.paths
            yield node.lineno, self.target(whole if ours else node.module or "")

    @staticmethod
    def target(name: str) -> str:
        return name.removeprefix("modules.") if name.startswith("modules.") else f"library:{name}"


# ---- the rules: each takes a tree and gives its faults, one line each


def direction_faults(tree: Tree) -> Iterator[str]:
    table = allowed()
    for module in tree.paths:
        layer = layer_of(module, set(table))
        if layer is None:
            yield f"{module} belongs to no layer"
            continue
        for line, name in tree.imports(module):
            if name.startswith("library:"):
                continue
            other = layer_of(name, set(table))
            also = HEAVY_ALSO_MODULES if layer in HEAVY_LAYERS else set()
            if other not in table[layer] and name not in also:
                yield f"{module}:{line} ({layer}) may not import {name} ({other})"


def home_faults(tree: Tree) -> Iterator[str]:
    for module in tree.paths:
        for line, name in tree.imports(module):
            if not name.startswith("library:"):
                continue
            root = name.removeprefix("library:").split(".")[0]
            known = root in sys.stdlib_module_names and root not in HOMES
            if not known and layer_of(module, HOMES.get(root, set())) is None:
                yield f"{module}:{line} may not import {root}"


def top_level_faults(tree: Tree) -> Iterator[str]:
    """webui.py loads the page and the server only when it serves, so that --help is light."""
    for node in tree.trees["webui"].body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            words = ast.unparse(node).replace(".", " ").split()
            if {"web", "page", "app", "gradio", "torch", "uvicorn"} & set(words):
                yield f"webui:{node.lineno} imports at the top: {ast.unparse(node)}"


def cycle_faults(tree: Tree) -> Iterator[str]:
    graph = {
        module: {name for _, name in tree.imports(module) if name in tree.paths} - {module}
        for module in tree.paths
    }
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        yield "import cycle: " + " -> ".join(error.args[1])


def size_faults(tree: Tree) -> Iterator[str]:
    for module, path in tree.paths.items():
        text = path.read_text(encoding="utf-8").splitlines()
        if len(text) > FILE_LINES:
            yield f"{module} has {len(text)} lines, over {FILE_LINES}"
        if module == "webui" and len(list(filter(str.strip, text))) >= ENTRANCE_LINES:
            yield f"webui has {ENTRANCE_LINES} lines or more"
        for node in tree.nodes[module]:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                length = (node.end_lineno or 0) - node.lineno + 1
                if length > FUNCTION_LINES:
                    yield f"{module}.{node.name} has {length} lines, over {FUNCTION_LINES}"


def global_faults(tree: Tree) -> Iterator[str]:
    for module in tree.paths:
        for node in tree.nodes[module]:
            if isinstance(node, ast.Global):
                yield f"{module}:{node.lineno} has a global statement"


def name_faults(tree: Tree) -> Iterator[str]:
    for module in tree.paths:
        if module.split(".")[0] in RESERVED:
            yield f"{module} takes a name that community scripts import"
        if module.split(".")[-1] in {"utils", "helpers", "common", "misc"}:
            yield f"{module} has a name that says nothing"


def environment_faults(tree: Tree) -> Iterator[str]:
    """argv and the environment have one reader; the entrances hand them in."""
    # page.page: Gradio takes some of its own settings from nowhere but the environment.
    readers = {"flags", "webui", "setup", "setup_environment", "jobs.worker", "page.page"}
    for module in tree.paths:
        if layer_of(module, readers) or module.endswith("__main__"):
            continue
        for node in tree.nodes[module]:
            if isinstance(node, ast.Attribute) and node.attr in ("environ", "getenv", "argv"):
                if (read := ast.unparse(node)) in ("os.environ", "os.getenv", "sys.argv"):
                    yield f"{module}:{node.lineno} reads {read}"


RULES = (
    direction_faults,
    home_faults,
    top_level_faults,
    cycle_faults,
    size_faults,
    global_faults,
    name_faults,
    environment_faults,
)


@pytest.fixture(scope="module")
def program() -> Tree:
    return Tree(ROOT)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_program_keeps_the_rule(rule, program):
    assert list(rule(program)) == []


def test_the_walk_sees_the_whole_program(program):
    assert {"webui", "errors", "generation.request", "setup"} <= set(program.paths)
    assert len(program.paths) > 50


# ---- each rule can fail

BAD = {
    direction_faults: {
        "web/routes.py": "from modules.page.page import build\n",
        "page/page.py": "def f():\n    import modules.web.routes\n",
        "library/index.py": "from modules.jobs import store\n",
        "jobs/store.py": "def f():\n    from modules.engine.plan import Plan\n",
        "diffusion/steps.py": "from modules.generation.choices import SAMPLERS\n",
        "generation/prompt.py": "from .request import Request\n",
        "settings/store.py": "from modules.flags import Flags\n",
        "networks/model.py": "import importlib\nimportlib.import_module('modules.engine.plan')\n",
        "strange.py": "",
    },
    home_faults: {
        "generation/request.py": "import torch\n",
        "app.py": "def f():\n    from transformers import CLIPTokenizer\n",
        "library/catalog.py": "import sqlite3\n",
        "web/server.py": "import left_pad\n",
    },
    cycle_faults: {
        "generation/a.py": "from modules.generation.b import B\n",
        "generation/b.py": "def f():\n    from modules.generation import a\n",
    },
    size_faults: {
        "errors.py": "x = 1\n" * (FILE_LINES + 1),
        "../webui.py": "x = 1\n" * ENTRANCE_LINES,
        "app.py": "def f():\n" + "    x = 1\n" * FUNCTION_LINES,
    },
    global_faults: {"app.py": "def f():\n    global x\n    x = 1\n"},
    name_faults: {"shared.py": "", "web/utils.py": ""},
    environment_faults: {"app.py": "import os\nhome = os.environ['HOME']\n"},
    top_level_faults: {"../webui.py": "import gradio\n", "../x.py": ""},
}


def write_tree(root: Path, files: dict[str, str]) -> Tree:
    for name, text in files.items():
        path = root / "modules" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return Tree(root)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_rule_finds_every_fault_of_a_bad_tree(rule, tmp_path):
    tree = write_tree(tmp_path, BAD[rule])
    faults = "\n".join(rule(tree))
    expected = ["import cycle"] if rule is cycle_faults else sorted(set(tree.paths))
    assert all(name in faults for name in expected), faults


def test_the_rules_find_nothing_in_a_good_tree(tmp_path):
    good = {
        "../webui.py": "def main():\n    from modules.page.page import build\n",
        "page/page.py": "import gradio\nfrom modules.app import App\n",
        "app.py": "from modules.jobs.store import Store\n",
        "jobs/store.py": "import sqlite3\nfrom modules.errors import JobError\n",
        "jobs/worker.py": "from modules.engine.plan import Plan\nfrom modules.jobs import store\n",
        "engine/plan.py": "import torch\nfrom modules.diffusion.steps import Step\n",
        "diffusion/steps.py": "from modules.errors import WorkerError\n",
        "errors.py": "",
    }
    tree = write_tree(tmp_path, good)
    assert [fault for rule in RULES for fault in rule(tree)] == []


# ---- and at run time


def light_modules() -> list[str]:
    tree = Tree(ROOT)
    light = {layer for row in LIGHT for layer in row}
    names = [name for name in tree.paths if layer_of(name, light | HEAVY_LAYERS) in light]
    return ["webui" if name == "webui" else f"modules.{name}" for name in sorted(names)]


def loaded_by(watched: set[str], *groups: list[str]) -> list[set[str]]:
    """Which of the watched libraries a fresh process holds after it imported each group's modules,
    one group after the other.
    """
    code = "import sys, importlib\nfor names in sys.argv[1:]:\n"
    code += "    for name in names.split(): importlib.import_module(name)\n"
    code += f"    print(*({watched!r} & set(sys.modules)))"
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "GRADIO_ANALYTICS_ENABLED": "False"}
    answer = subprocess.run(
        [sys.executable, "-c", code, *map(" ".join, groups)],
        env=environment, cwd=ROOT, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert answer.returncode == 0, answer.stderr
    return [set(line.split()) for line in answer.stdout.split("\n")[: len(groups)]]


HEAVY_LIBRARIES = {"torch", "diffusers", "transformers", "accelerate", "cv2", "scipy"}


def test_the_web_process_without_its_page_loads_neither_torch_nor_gradio():
    others = [name for name in light_modules() if not name.startswith("modules.page")]
    assert loaded_by({*HEAVY_LIBRARIES, "gradio"}, others) == [set()]


@pytest.mark.full
def test_with_its_page_it_loads_gradio_and_still_no_torch():
    assert loaded_by({*HEAVY_LIBRARIES, "gradio"}, light_modules()) == [{"gradio"}]


def test_the_entrance_alone_loads_neither_server_nor_page():
    watched = {"gradio", "fastapi", "uvicorn", "numpy", "PIL"}
    assert loaded_by(watched, ["webui"]) == [set()]


def test_the_look_into_a_fresh_process_sees_what_is_loaded():
    assert loaded_by({"wave", "torch"}, ["sys"], ["wave"]) == [set(), {"wave"}]
