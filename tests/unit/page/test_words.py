"""What the page's scripts say to a person goes through t(), and has its German."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from modules.errors import EaselError
from modules.generation.request import Request
from modules.jobs.input_folder import folder_named
from modules.page import batch, form, sources
from modules.pictures.metadata import open_image

ROOT = Path(__file__).resolve().parents[3]
SCRIPTS = sorted((ROOT / "modules/page/static").glob("*.js"))
GERMAN = json.loads((ROOT / "localizations/Deutsch.json").read_text("utf-8"))

_LEFT = {"prompts.js", "sources.js"}  # each has lines of English yet
# Where text comes to a person's eyes or ears.
_ASSIGNED = re.compile(r"\.(?:textContent|innerText|title|placeholder|alt|ariaLabel) = ([^;]*);")
_CALLED = re.compile(
    r"(?:\bsay|EaselNotices\.(?:show|once)|\bconfirm|\balert|\.append|\bcomplain|\btold|\.tell"
    r'|setAttribute\("(?:title|aria-label|placeholder|alt)",)\s*\('
)
_SET = re.compile(r'setAttribute\("(?:title|aria-label|placeholder|alt)", ([^;]*)\);')
_LITERAL = re.compile(r'"[^"\n]*"|`[^`]*`')
_WORDS = re.compile(r"[A-Z][a-z]{2,}|[a-z]{2,} [a-z]{2,}")
# Calls whose arguments they translate themselves, or that are no words.
_OWN = re.compile(
    r"\b(?:t|translate|EaselCanvas\.translate|make|button|tool|words|field|text|slider|line|line\.act"
    r"|querySelector|querySelectorAll|closest|getElementById|svg|icon|\$)\("
)


def balanced(text: str, start: int) -> int:
    """The place behind the bracket that closes the one just before `start`."""
    depth, at = 1, start
    while depth and at < len(text):
        depth += {"(": 1, ")": -1}.get(text[at], 0)
        at += 1
    return at


def plain(text: str) -> str:
    """Without calls that translate what they are given."""
    while found := _OWN.search(text):
        text = text[: found.start()] + text[balanced(text, found.end()) :]
    return re.sub(r"\$\{[^{}]*\}", "", text)


def bare_words(text: str, *, translates: bool) -> Iterator[str]:
    """Literal words that reach a person as they are; `translates`: say() does so itself."""
    spoken = [found[1] for found in _ASSIGNED.finditer(text)]
    spoken += [found[1] for found in _SET.finditer(text)]
    for found in _CALLED.finditer(text):
        if not (translates and found[0].startswith("say")):
            spoken.append(text[found.end() : balanced(text, found.end()) - 1])
    for each in spoken:
        for literal in _LITERAL.findall(plain(each)):
            if _WORDS.search(literal):
                yield literal


@pytest.mark.parametrize(
    "path", [path for path in SCRIPTS if path.name not in _LEFT], ids=lambda path: path.name
)
def test_a_script_says_nothing_to_a_person_without_t(path: Path) -> None:
    canvas = path.name.startswith("canvas")
    assert list(bare_words(path.read_text("utf-8"), translates=canvas)) == []


def test_words_without_t_would_be_found() -> None:
    for wrong in (
        'node.textContent = ready ? t("Ready") : "Not ready";',
        "this.say(`Lost ${name}; trying again`, true);",
        'EaselNotices.show("There is nothing");',
        'zone.append("Drop it here", input);',
        'button.setAttribute("title", "Close it");',
    ):
        assert list(bare_words(wrong, translates=False)), wrong
    fine = 'a.textContent = `${t("Copied {n}", { n: 3 })} · ${x}`; b.append(make("p", "a b"));'
    assert not list(bare_words(fine, translates=False))


_SAID = (
    re.compile(r'\b(?:t|translate|tool|say)\(\s*"((?:[^"\\\n]|\\.)+)"'),
    re.compile(r'\bwords\("\w+", "((?:[^"\\\n]|\\.)+)"'),
    re.compile(r'\bt\([\w.?() =!"]+ \? "([^"]+)"'),
    re.compile(r'\bt\([\w.?() =!"]+ \? "[^"]+" : "([^"]+)"'),
    re.compile(r'\b(?:button|date|choice|field|section)\("[\w-]*", "([A-Z][^"]+)"'),
    re.compile(r'\b(?:field|section|button|act|close|select)\((?:line, |\w+, )?"([A-Z][^"]+)"'),
    re.compile(
        r'\["(?!Arrow)[\w#-]*", "(?!Arrow)([A-Z][^"]+)"'
    ),  # tables of names and what they are called
    re.compile(r'(?:\btitle|\btext|\blabel|\bwhere|"aria-label"|placeholder): "([A-Z][^"]+)"'),
)


def test_all_that_scripts_say_has_its_german() -> None:
    said = {
        found.replace('\\"', '"')
        for path in SCRIPTS
        for pattern in _SAID
        for found in pattern.findall(path.read_text("utf-8"))
    }
    said = {each for each in said if _WORDS.search(re.sub(r"\{\w+\}", "", each))}
    assert len(said) > 250
    assert sorted(said - set(GERMAN)) == []


def test_a_translation_names_what_its_text_names() -> None:
    names = re.compile(r"\{\w+\}")
    wrong = {
        text: german
        for text, german in GERMAN.items()
        if sorted(set(names.findall(text))) != sorted(set(names.findall(german)))
    }
    assert wrong == {}


def refusals() -> Iterator[str]:
    """What the code really says where somebody asks for what can't be."""
    asked: list[Callable[[], object]] = [
        lambda: form.number("CFG scale", ""),
        lambda: form.whole("Steps", "x"),
        lambda: Request(steps=0),
        lambda: Request(cfg_scale="x"),  # type: ignore[arg-type]
        lambda: open_image(b"no picture", max_pixels=9),
        lambda: batch.read({"source": "upload", "pictures": [], "masks": []}),
        lambda: sources.start_of(None, {}, {"from": "img2img", "tokens": []}),  # type: ignore[arg-type]
        lambda: folder_named("/no/such", Path("/"), lambda path: True, "path"),
    ]
    for ask in asked:
        with pytest.raises(EaselError) as refused:
            ask()
        yield refused.value.message


def test_what_the_server_refuses_most_often_has_its_german() -> None:
    patterns = [
        re.compile("(.+?)".join(re.escape(part) for part in re.split(r"\{\w+\}", text)))
        for text in GERMAN
        if len(re.sub(r"\{\w+\}", "", text)) >= 8
    ]
    said = list(refusals())
    assert [each for each in said if not any(known.fullmatch(each) for known in patterns)] == []
