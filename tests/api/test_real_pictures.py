"""Pictures of the whole program: the same wish gives the same bytes, whatever else goes on."""

from __future__ import annotations

import base64
import contextlib
import io
import re
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import psutil
import pytest
from PIL import Image

from modules.generation.version import VERSION_VALUE
from modules.pictures.metadata import read_infotext
from tests.api.real import Server, account_of, bytes_of, sums_of, wait_until, wish
from tests.conftest import ROOT

# Levels of 255 by which a picture of a batch may differ from the same one made alone: the sums of a
# matrix product run in another order for another batch size. Measured on a CPU: 1 level in about
# one of 8,000 values, for six samplers; batch count differs by nothing.
BATCH_TOLERANCE = 1
BATCH_SHARE = 0.001


def pixels(answer: dict[str, Any]) -> np.ndarray:
    pictures = [np.asarray(Image.open(io.BytesIO(data))) for data in bytes_of(answer)]
    return np.stack(pictures).astype(int)


SAME: dict[str, Any] = {"sampler_name": "DPM++ SDE", "seed": 5, "batch_size": 2}


def test_the_same_request_gives_the_same_bytes(real_server: Server) -> None:
    assert sums_of(real_server.txt2img(**SAME)) == sums_of(real_server.txt2img(**SAME))


@pytest.mark.full
def test_also_after_a_restart_it_gives_the_same_bytes(real_server: Server) -> None:
    first = sums_of(real_server.txt2img(**SAME))
    assert real_server.stop() == 0
    assert "Traceback" not in (real_server.folder / "server.log").read_text()
    real_server.start()
    assert sums_of(real_server.txt2img(**SAME)) == first


@pytest.mark.parametrize(
    "sampler",
    [
        "DPM++ SDE",
        *(pytest.param(name, marks=pytest.mark.full) for name in ("DPM++ 2M", "Euler a")),
    ],
)
def test_a_batch_holds_the_pictures_of_its_seeds(real_server: Server, sampler: str) -> None:
    body: dict[str, Any] = {"sampler_name": sampler, "scheduler": "Karras", "steps": 3}
    batch = real_server.txt2img(**body, seed=21, batch_size=4)
    counted = real_server.txt2img(**body, seed=21, n_iter=4)
    alone = [real_server.txt2img(**body, seed=21 + index) for index in (1, 3)]
    assert account_of(batch)["all_seeds"] == [21, 22, 23, 24]
    found = pixels(counted)[[1, 3]]
    assert found.tolist() == np.concatenate([pixels(one) for one in alone]).tolist()
    difference = np.abs(pixels(batch) - pixels(counted))
    assert difference.max() <= BATCH_TOLERANCE
    assert (difference > 0).mean() <= BATCH_SHARE
    assert len(set(sums_of(batch))) == 4, "each seed has a picture of its own"


def test_jobs_with_different_checkpoints_leave_each_other_alone(real_server: Server) -> None:
    names = ("one.safetensors", "two.safetensors")
    alone = {name: sums_of(real_server.txt2img(name, seed=3)) for name in names}
    assert alone[names[0]] != alone[names[1]]
    with ThreadPoolExecutor(4) as pool:
        wishes = [names[index % 2] for index in range(4)]
        made = pool.map(lambda name: (name, sums_of(real_server.txt2img(name, seed=3))), wishes)
        assert all(sums == alone[name] for name, sums in made)


def test_progress_shows_a_picture_while_a_job_runs_and_interrupt_ends_it(
    real_server: Server,
) -> None:
    with real_server.client as client:
        client.post("/sdapi/v1/options", json={"show_progress_every_n_steps": 1})
        with ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(real_server.txt2img, steps=600, width=128, height=128)

            def seen() -> dict[str, Any] | None:
                state = client.get("/sdapi/v1/progress").json()
                return state if state["current_image"] else None

            state = wait_until(seen)
            client.post("/sdapi/v1/interrupt")
            at_interrupt = client.get("/sdapi/v1/progress").json()["state"]["sampling_step"]
            answer = waiting.result(30)
    preview = Image.open(io.BytesIO(base64.b64decode(state["current_image"])))
    assert preview.width > 0
    assert 0 < state["progress"] < 1
    assert state["state"]["sampling_steps"] == 600
    job = real_server.job(account_of(answer)["job_id"])
    assert (job["id"], job["interrupted"]) == (state["state"]["job"], True)
    assert job["step"] <= at_interrupt + 2, "within a step of the press"
    assert len(answer["images"]) == 1, "the picture as far as it came"


def test_skip_gives_up_one_batch_and_makes_the_others(real_server: Server) -> None:
    with real_server.client as client, ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(real_server.txt2img, steps=30, n_iter=2, seed=8)
        wait_until(lambda: client.get("/sdapi/v1/progress").json()["state"]["sampling_step"] > 1)
        client.post("/sdapi/v1/skip")
        answer = waiting.result(60)
    job = real_server.job(account_of(answer)["job_id"])
    assert [item["complete"] for item in job["items"]] == [False, True]


def test_a_client_that_hangs_up_takes_its_job_along(real_server: Server) -> None:
    body = wish(steps=1000, width=128, height=128, prompt="nobody waits for this")
    with pytest.raises(httpx.ReadTimeout):
        httpx.post(f"{real_server.url}/sdapi/v1/txt2img", json=body, timeout=1.0)
    job = real_server.jobs()[0]
    assert job["request"]["prompt"] == "nobody waits for this"
    ended = wait_until(lambda: (now := real_server.job(job["id"]))["finished"] and now, 10)
    assert ended["state"] == "cancelled"
    assert len(real_server.txt2img(steps=1)["images"]) == 1


def test_a_saved_picture_lies_in_its_dated_folder_with_its_parameters(real_server: Server) -> None:
    answer = real_server.txt2img(seed=77, save_images=True, prompt="kept, (this:1.2)")
    today = time.strftime("%Y-%m-%d")
    folder = real_server.folder / "outputs" / "txt2img-images" / today
    [file] = [path for path in folder.iterdir() if "-77" in path.name]
    assert re.fullmatch(r"\d{5}-77\.png", file.name)
    infotext = read_infotext(file.read_bytes())[0] or ""
    assert infotext == account_of(answer)["infotexts"][0]
    assert infotext.startswith("kept, (this:1.2)\nSteps: 3, Sampler: Euler, ")
    assert "Seed: 77, Size: 64x64" in infotext
    assert infotext.endswith(f"Version: {VERSION_VALUE}")
    assert Image.open(file).info["parameters"] == infotext


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A folder on a disk of its own of 1 MB; the test is skipped where none can be mounted."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]
    if shutil.which("mount") is None or subprocess.run(command, capture_output=True).returncode:
        pytest.skip("no small disk can be mounted here")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_is_told_and_the_queue_goes_on(real_server: Server, small_disk: Path) -> None:
    saving = {"save_images": True, "override_settings": {"outdir_txt2img_samples": str(small_disk)}}
    filler = small_disk / "filler"
    with contextlib.suppress(OSError), filler.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))
    answer = real_server.post("txt2img", **wish(**saving))
    assert (answer.status_code, answer.json()["error"]) == (507, "StorageError"), answer.text
    assert str(small_disk) in answer.json()["detail"]
    assert len(real_server.txt2img(steps=1)["images"]) == 1, "the queue goes on"
    filler.unlink()
    real_server.txt2img(**saving)
    assert len(list(small_disk.rglob("*.png"))) == 1


def test_the_web_process_has_no_torch(real_server: Server) -> None:
    real_server.txt2img(steps=1)
    assert real_server.process is not None
    web = psutil.Process(real_server.process.pid)
    [worker] = [child for child in web.children() if "modules.jobs.worker" in child.cmdline()]
    assert not libraries_of(web)
    assert libraries_of(worker), "the test looks for what is there to be found"


def libraries_of(process: psutil.Process) -> list[str]:
    """Torch's files in the memory of that process."""
    if not hasattr(process, "memory_maps"):
        pytest.skip("this system does not tell what a process has loaded")
    return [part.path for part in process.memory_maps() if "libtorch" in part.path]


def test_help_imports_neither_torch_nor_gradio() -> None:
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "webui.py", "--help"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=30,
    )
    imported = {line.rsplit("|", 1)[-1].strip().split(".")[0] for line in done.stderr.splitlines()}
    assert done.returncode == 0
    assert "modules" in imported
    assert not imported & {"torch", "gradio", "diffusers", "transformers", "fastapi"}


def test_many_readers_do_not_hold_up_the_queue(real_server: Server) -> None:
    stop = threading.Event()

    def read() -> None:
        while not stop.is_set():
            httpx.get(f"{real_server.url}/sdapi/v1/progress", timeout=10)

    with ThreadPoolExecutor(3) as pool:
        for _ in range(3):
            pool.submit(read)
        made = [len(real_server.txt2img(steps=2, seed=seed)["images"]) for seed in range(3)]
        stop.set()
    assert made == [1, 1, 1]
