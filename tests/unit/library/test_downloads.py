"""Downloads against a local server: whole, broken, resumed, refused."""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from modules.errors import RequestError
from modules.flags import parse, paths_of
from modules.library.arrivals import RESERVE, Arrivals, Arrived
from modules.library.download import Download, Wanted
from modules.library.downloads import Downloads
from modules.library.folders import ModelFolders
from modules.library.outward import Outward, OutwardError
from tests.unit.library.shop import Shop
from tests.unit.library.weights import CHECKPOINT, weights

DATA = weights({**CHECKPOINT, "x": (300, 400)}, fill=b"7")
PLACE = "models/Stable-diffusion/big.safetensors"


@pytest.fixture
def shop() -> Iterator[Shop]:
    shop = Shop(DATA)
    server = shop.open()
    yield shop
    server.shutdown()
    server.server_close()


@pytest.fixture
def make(tmp_path: Path, shop: Shop) -> Iterator[Callable[..., Downloads]]:
    made: list[Downloads] = []

    def open_downloads(free: int = 1 << 40, *, local_too: bool = True) -> Downloads:
        folders = ModelFolders(paths_of(parse(["--data-dir", str(tmp_path)], {})))
        downloads = Downloads(
            tmp_path / "easel/downloads",
            Outward(local_too=local_too),
            Arrivals(folders, lambda _: free),
            arrived=arrived.append_one,
            hub=shop.address,
            waits=(0.0, 0.0, 0.0),
        )
        made.append(downloads)
        return downloads

    yield open_downloads
    for each in made:
        each.close()


class _Arrivals(list[Arrived]):
    def append_one(self, download: Download, one: Arrived) -> None:
        self.append(one)


arrived = _Arrivals()


def until(downloads: Downloads, *states: str) -> Download:
    deadline = time.monotonic() + 10
    while (found := downloads.list()[-1][0]).state not in states:
        assert time.monotonic() < deadline, found
        time.sleep(0.01)
    return found


def parts(folder: Path) -> list[Path]:
    return list((folder / "models").rglob(".*"))


def url(shop: Shop, **more: object) -> Wanted:
    return Wanted(url=f"{shop.address}/big.safetensors", **more)  # type: ignore[arg-type]


def test_a_file_of_a_repository_is_fetched_and_its_sum_checked(
    make: Callable[..., Downloads], shop: Shop, tmp_path: Path
) -> None:
    shop.tell_sum()
    arrived.clear()
    downloads = make()
    downloads.add(Wanted(repository="a/b", file="sub dir/big.safetensors"))
    done = until(downloads, "done", "failed")
    assert (done.state, done.kind, done.message) == ("done", "checkpoint", "")
    assert shop.asked[0][0] == "/a/b/resolve/main/sub%20dir/big.safetensors"
    assert (tmp_path / PLACE).read_bytes() == DATA
    assert done.told_sha256 == hashlib.sha256(DATA).hexdigest()
    assert [each.path for each in arrived] == [tmp_path / PLACE]


@pytest.mark.parametrize("ranges", [True, False])
def test_a_broken_line_is_gone_on_with(
    make: Callable[..., Downloads], shop: Shop, tmp_path: Path, ranges: bool
) -> None:
    shop.breaks, shop.ranges, shop.busy = 3, ranges, 1
    downloads = make()
    downloads.add(url(shop))
    assert until(downloads, "done", "failed").state == "done"
    assert (tmp_path / PLACE).read_bytes() == DATA
    asked = [span for _, span in shop.asked if span]
    assert len(asked) == 3 and asked == sorted(asked, key=lambda span: int(span[6:-1]))
    assert (int(asked[-1][6:-1]) == 3 * shop.step) is ranges


def test_a_line_that_always_breaks_ends_as_a_failure_that_can_be_resumed(
    make: Callable[..., Downloads], shop: Shop, tmp_path: Path
) -> None:
    shop.breaks, shop.ranges = 99, False
    downloads = make()
    added = downloads.add(url(shop))
    assert "broke off at" in until(downloads, "failed").message
    shop.breaks = 0
    downloads.resume(added.id)
    assert until(downloads, "done", "failed").state == "done"


def test_a_kill_in_the_middle_goes_on_when_it_is_asked_to(
    make: Callable[..., Downloads], shop: Shop, tmp_path: Path
) -> None:
    shop.wait = 0.05
    first = make()
    first.add(url(shop))
    while until(first, "running").have < 2 * shop.step:
        time.sleep(0.01)
    first.close()
    shop.wait = 0.0
    again = make()
    (found, _), *_ = again.list()
    assert found.state == "paused" and 0 < found.have < len(DATA)
    assert not (tmp_path / PLACE).exists()
    again.resume(found.id)
    assert until(again, "done", "failed").state == "done"
    assert (tmp_path / PLACE).read_bytes() == DATA
    assert int(shop.asked[-1][1][6:-1]) >= 2 * shop.step


@pytest.mark.parametrize(("etag", "rows"), [('"two"', 300), ('"one"', 299)])
def test_a_file_that_changed_meanwhile_is_fetched_anew(
    make: Callable[..., Downloads], shop: Shop, tmp_path: Path, etag: str, rows: int
) -> None:
    shop.wait = 0.05
    downloads = make()
    added = downloads.add(url(shop))
    while until(downloads, "running").have < 2 * shop.step:
        time.sleep(0.01)
    downloads.pause(added.id)
    until(downloads, "paused")
    shop.data, shop.etag, shop.wait = weights({**CHECKPOINT, "x": (rows, 400)}), etag, 0.0
    downloads.resume(added.id)
    assert until(downloads, "done", "failed").state == "done"
    assert (tmp_path / PLACE).read_bytes() == shop.data


def test_a_wrong_sum_throws_the_file_away(
    make: Callable[..., Downloads], shop: Shop, tmp_path: Path
) -> None:
    downloads = make()
    downloads.add(url(shop, sha256="0" * 64))
    assert "thrown away" in until(downloads, "done", "failed").message
    assert not (tmp_path / PLACE).exists() and parts(tmp_path) == []

    shop.tell_sum()
    downloads.add(Wanted(repository="a/b", file="big.safetensors", sha256="1" * 64))
    assert "on the hub" in until(downloads, "done", "failed").message


def test_a_file_too_large_for_the_disk_is_refused_before_it_travels(
    make: Callable[..., Downloads], shop: Shop, tmp_path: Path
) -> None:
    downloads = make(free=RESERVE + len(DATA) - 1)
    downloads.add(url(shop))
    assert "make room" in until(downloads, "done", "failed").message
    assert parts(tmp_path) == [] and not (tmp_path / PLACE).exists()


def test_what_is_no_model_or_has_a_taken_name_is_refused_at_once(
    make: Callable[..., Downloads], shop: Shop, tmp_path: Path
) -> None:
    downloads = make()
    shop.data = weights({"other": (9, 9)})
    downloads.add(url(shop))
    assert "no checkpoint, LoRA" in until(downloads, "done", "failed").message

    shop.data = DATA
    (tmp_path / PLACE).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / PLACE).write_bytes(b"mine")
    downloads.add(url(shop))
    assert "another name" in until(downloads, "done", "failed").message
    assert (tmp_path / PLACE).read_bytes() == b"mine"
    downloads.add(url(shop, name="other.safetensors"))
    assert until(downloads, "done", "failed").state == "done"


def test_private_addresses_are_asked_neither_at_once_nor_by_a_redirection(
    make: Callable[..., Downloads], shop: Shop
) -> None:
    guarded = make(local_too=False)
    with pytest.raises(OutwardError, match="private"):
        guarded.add(url(shop))
    assert shop.asked == []
    for place in ("file:///etc/passwd", "ftp://a.example/x"):
        shop.moves_to = place
        downloads = make()
        added = downloads.add(url(shop))
        assert "begins with http" in until(downloads, "done", "failed").message
        downloads.remove(added.id)


def test_a_token_goes_to_its_own_server_alone_and_is_kept_nowhere(
    make: Callable[..., Downloads],
    shop: Shop,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    store = Shop(DATA)
    server = store.open()
    shop.token, shop.moves_to = "hf_secret", f"{store.address}/store/file"
    downloads = make()
    added = downloads.add(url(shop))
    assert until(downloads, "done", "failed").needs_token
    downloads.resume(added.id, "hf_secret")
    assert until(downloads, "done", "failed").state == "done"
    server.shutdown()
    server.server_close()
    assert shop.tokens[-1] == "Bearer hf_secret" and store.tokens == [""]
    kept = b"".join(path.read_bytes() for path in (tmp_path / "easel").rglob("*.json"))
    assert kept and b"hf_secret" not in kept and "hf_secret" not in caplog.text


def test_names_come_from_the_server_and_never_lead_out_of_the_folder(
    make: Callable[..., Downloads], shop: Shop, tmp_path: Path
) -> None:
    shop.disposition, shop.no_length = 'attachment; filename="../../big.safetensors"', True
    downloads = make()
    downloads.add(Wanted(url=f"{shop.address}/api/download/7"))
    done = until(downloads, "done", "failed")
    assert (done.state, done.size) == ("done", len(DATA))
    assert (tmp_path / PLACE).read_bytes() == DATA


def test_a_cancelled_download_leaves_nothing(
    make: Callable[..., Downloads], shop: Shop, tmp_path: Path
) -> None:
    shop.wait = 0.05
    downloads = make()
    added = downloads.add(url(shop))
    while until(downloads, "running").have < shop.step:
        time.sleep(0.01)
    downloads.remove(added.id)
    deadline = time.monotonic() + 10
    while parts(tmp_path):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert downloads.list() == [] and list((tmp_path / "easel/downloads").iterdir()) == []


@pytest.mark.parametrize(
    ("wanted", "word"),
    [
        (Wanted(), "or an address"),
        (Wanted(repository="a/b", file="c.safetensors", url="http://a.example/"), "or an address"),
        (Wanted(repository="a b", file="c"), "owner/name"),
        (Wanted(repository="a/b", file="../c.safetensors"), "name the file"),
        (Wanted(url="http://127.0.0.1/x?token=abc"), "token in it"),
        (Wanted(url="http://127.0.0.1/x", sha256="abc"), "64 digits"),
        (Wanted(url="http://127.0.0.1/x", name="a.exe"), "no weights file"),
        (Wanted(url="http://127.0.0.1/x", name="a.ckpt"), "trust the file"),
    ],
)
def test_wishes_that_name_no_file_are_refused(
    make: Callable[..., Downloads], wanted: Wanted, word: str
) -> None:
    downloads = make()
    with pytest.raises(RequestError, match=word):
        downloads.add(wanted)
    assert downloads.list() == []


def test_the_hub_s_page_about_a_file_means_the_file() -> None:
    url, shown = Wanted(url="https://huggingface.co/a/b/blob/main/c.safetensors").address(
        "https://h"
    )
    assert url == "https://huggingface.co/a/b/resolve/main/c.safetensors"
    assert shown == "huggingface.co/a/b/resolve/main/c.safetensors"
