"""What README and docs point at is there: files of the map, links, anchors, the two commands."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    {ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "NOTICE")}
    | set((ROOT / "docs").rglob("*.md"))
)
# What set-up or a start makes: named in the map, not in a fresh clone.
MADE_LATER = {"venv/", "easel/", "outputs/", "config.json", "ui-config.json", "styles.csv", "log/"}


def section(text: str, title: str) -> str:
    """What stands under the heading "## title", "" where there is none."""
    found = re.search(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", text, re.M | re.S)
    return found.group(1) if found else ""


def mapped_files(text: str) -> list[str]:
    """The paths in the file map: the first words in backticks of its rows and list items."""
    rows = re.findall(r"^(?:\|\s*|[-*] )((?:`[^`]+`[, and/]*)+)", section(text, "Files"), re.M)
    return [path for row in rows for path in re.findall(r"`([^`]+)`", row)]


def links(text: str) -> list[str]:
    """Targets of Markdown links and pictures outside code."""
    prose = re.sub(r"```.*?```|`[^`\n]*`", "", text, flags=re.S)
    return re.findall(r"\]\(([^)\s]+)", prose) + re.findall(r"(?:src|href)=\"([^\"]+)\"", prose)


def anchors(text: str) -> set[str]:
    """GitHub's anchors of a page's headings."""
    titles = re.findall(r"^#+ (.+)$", text, re.M)
    return {re.sub(r"[^\w\- ]", "", title.lower()).strip().replace(" ", "-") for title in titles}


def broken_links(page: Path) -> list[str]:
    broken = []
    for link in links(page.read_text(encoding="utf-8")):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = page.parent / path if path else page
        if not target.exists():
            broken.append(link)
        elif anchor and anchor not in anchors(target.read_text(encoding="utf-8")):
            broken.append(link)
    return broken


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_of_the_page_leads_somewhere(page):
    assert broken_links(page) == []


def test_every_file_of_the_readme_map_is_there():
    paths = mapped_files((ROOT / "README.md").read_text(encoding="utf-8"))
    assert paths, "README has no file map under '## Files'"
    missing = [p for p in paths if p not in MADE_LATER and not any(ROOT.glob(p.rstrip("/")))]
    assert missing == []


def test_the_readme_map_names_every_package():
    paths = set(mapped_files((ROOT / "README.md").read_text(encoding="utf-8")))
    packages = {f"modules/{p.parent.name}/" for p in (ROOT / "modules").glob("*/__init__.py")}
    assert packages - paths == set()


def test_the_readme_opens_with_the_two_commands():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert "bash webui-user.sh" in text and "bash tests/run.sh" in text


def test_the_changelog_has_an_entry_that_is_not_released_yet_or_a_version():
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.search(r"^## \[(Unreleased|\d+\.\d+\.\d+)\]", text, re.M)


def test_the_notice_names_every_piece_of_third_party_data():
    notice = (ROOT / "NOTICE").read_text(encoding="utf-8")
    licences = {path.parent.relative_to(ROOT) for path in ROOT.glob("configs/**/LICENSE*")}
    assert licences and all(str(folder) in notice for folder in licences)


def test_a_broken_link_and_a_missing_anchor_are_found(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(
        "# One Two\n[a](gone.md) [b](#one-two) [c](#three) [d](https://x.y)\n`[e](f)`\n"
    )
    assert broken_links(page) == ["gone.md", "#three"]


def test_the_map_is_read_from_tables_and_lists():
    text = "## Files\n| `a.py` | with `b.py` |\n- `c/`, `d.sh`: `e`\n## Next\n- `f`\n"
    assert mapped_files(text) == ["a.py", "c/", "d.sh"]
