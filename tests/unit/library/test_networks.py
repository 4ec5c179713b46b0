"""LoRAs, embeddings and hypernetworks are found under the names that prompts call them by."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import os
import pickle
import struct
import zipfile
import zlib
from pathlib import Path

import pytest
from PIL import Image, PngImagePlugin

from modules.flags import Paths, parse, paths_of
from modules.library import network_words
from modules.library.hashes import Hasher
from modules.library.index import Index
from modules.library.network_words import embedding_words, file_metadata
from modules.library.networks import NetworkFile, NetworkFiles


def safetensors(
    shapes: dict[str, tuple[int, ...]], metadata: dict[str, str] | None = None
) -> bytes:
    """A whole file of zeros in fp32."""
    header: dict[str, object] = {"__metadata__": metadata} if metadata else {}
    end = 0
    for name, shape in shapes.items():
        begin, size = end, 4
        for side in shape:
            size *= side
        end = begin + size
        header[name] = {"dtype": "F32", "shape": list(shape), "data_offsets": [begin, end]}
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + bytes(end)


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    return paths_of(parse(["--data-dir", str(tmp_path)], {}))


@pytest.fixture
def index(paths: Paths) -> Index:
    return Index(paths.easel_dir / "library.sqlite")


@pytest.fixture
def networks(paths: Paths, index: Index) -> NetworkFiles:
    return NetworkFiles(paths, Hasher(index), index)


def put(path: Path, data: bytes = b"", **metadata: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data or safetensors({"lora.weight": (1,)}, metadata))
    return path


def found(networks: NetworkFiles, name: str) -> NetworkFile:
    file = networks.find("lora", name)
    assert file is not None
    return file


def test_a_lora_is_found_in_any_folder_by_name_and_by_alias(networks, paths):
    deep = put(paths.lora_dirs[0] / "style" / "ink v2.safetensors", ss_output_name="ink")
    other = put(paths.lora_dirs[1] / "old.pt", b"pickle")
    put(paths.lora_dirs[0] / "ink v2.preview.png", b"picture")

    assert found(networks, "ink v2").path == deep == found(networks, "ink").path
    assert found(networks, "ink v2").alias == "ink"
    assert found(networks, "old").path == other
    assert [file.name for file in networks.list("lora")] == ["ink v2", "old"]
    assert networks.find("lora", "INK") is None and networks.find("lora", "") is None


@pytest.mark.parametrize("alias", ["none", "None", "Addams"])
def test_a_name_that_many_trainers_left_is_no_alias(networks, paths, alias):
    put(paths.lora_dirs[0] / "a.safetensors", ss_output_name=alias)

    assert networks.find("lora", alias) is None
    assert found(networks, "a").alias == "a"


def test_an_alias_of_two_files_or_of_another_ones_name_is_none(networks, paths):
    for name in ("a", "b"):
        put(paths.lora_dirs[0] / f"{name}.safetensors", ss_output_name="both")
    named = put(paths.lora_dirs[0] / "c.safetensors")
    put(paths.lora_dirs[0] / "d.safetensors", ss_output_name="c")

    assert networks.find("lora", "both") is None
    assert found(networks, "c").path == named


def test_hashes_are_the_originals(networks, paths):
    data = safetensors({"lora.weight": (2,)}, {"ss_output_name": "x"})
    lora, old = (
        put(paths.lora_dirs[0] / "a.safetensors", data),
        put(paths.lora_dirs[0] / "b.pt", b"p"),
    )
    embedding = put(paths.embeddings_dir / "e.safetensors", safetensors({"emb_params": (3, 8)}))
    hypernetwork = put(paths.hypernetwork_dir / "h.pt", b"hyper")

    whole = [
        hashlib.sha256(bytes(8)).hexdigest()[:12],
        hashlib.sha256(old.read_bytes()).hexdigest()[:12],
        hashlib.sha256(embedding.read_bytes()).hexdigest()[:12],
        hashlib.sha256(hypernetwork.read_bytes()).hexdigest()[:10],
    ]
    files = [*networks.list("lora"), *networks.list("embedding"), *networks.list("hypernetwork")]
    assert [networks.hash(file).result(10) for file in files] == whole
    assert networks.known_hashes("lora") == {lora: whole[0], old: whole[1]}


def test_a_renamed_file_is_found_by_its_hash(networks, paths):
    path = put(paths.lora_dirs[0] / "a.safetensors", safetensors({"w": (4,)}))
    digest = networks.hash(found(networks, "a")).result(10)
    assert digest is not None
    path.rename(path.with_name("b.safetensors"))
    networks.update("lora")

    assert networks.find_by_hash("lora", digest) == found(networks, "b")
    assert networks.find_by_hash("lora", "0" * 12) is None
    assert networks.present_name("a", digest, by_alias=True) == "b"
    assert networks.present_name("b", digest, by_alias=True) == "b"
    assert networks.present_name("a", "0" * 12, by_alias=True) == "a"


def test_a_file_of_unknown_hash_is_found_by_it_the_next_time(networks, paths):
    data = safetensors({"w": (4,)})
    put(paths.lora_dirs[0] / "a.safetensors", data)
    digest = hashlib.sha256(bytes(16)).hexdigest()[:12]

    assert networks.find_by_hash("lora", digest) is None
    networks.hash(found(networks, "a")).result(10)
    assert networks.find_by_hash("lora", digest) == found(networks, "a")


def test_another_file_of_a_known_name_gives_way_to_the_one_that_was_meant(networks, paths):
    path = put(paths.lora_dirs[0] / "a.safetensors", safetensors({"w": (4,)}))
    digest = networks.hash(found(networks, "a")).result(10)
    assert digest is not None
    path.rename(path.with_name("b.safetensors"))
    put(path, safetensors({"w": (5,)}))
    networks.refresh("lora")

    assert networks.present_name("a", digest, by_alias=False) == "a"  # no hash is known yet
    for name in "ab":
        networks.hash(found(networks, name)).result(10)
    assert networks.present_name("a", digest, by_alias=False) == "b"


def test_a_file_that_tells_its_hash_is_found_by_it_at_once(networks, paths):
    put(paths.lora_dirs[0] / "a.safetensors", sshs_model_hash="0123456789abcdef")

    assert networks.find_by_hash("lora", "0123456789ab") == found(networks, "a")


def test_a_new_file_is_seen_without_a_look_into_unchanged_folders(networks, paths, monkeypatch):
    put(paths.lora_dirs[0] / "sub" / "a.safetensors")
    assert len(networks.list("lora")) == 1
    networks.update("lora")
    put(paths.lora_dirs[0] / "sub" / "b.safetensors")
    assert networks.find("lora", "b") is None
    networks.update("lora")
    assert networks.find("lora", "b") is not None

    with monkeypatch.context() as patched:
        patched.setattr(os, "scandir", lambda _: pytest.fail("looked again"))
        networks.update("lora")


def test_a_later_start_lists_known_files_by_one_look_a_folder_and_one_query(
    networks, paths, index, monkeypatch
):
    for number in range(200):
        put(paths.lora_dirs[0] / str(number % 4) / f"{number}.safetensors")
    networks.list("lora")
    again = NetworkFiles(paths, Hasher(index), index)
    looked_into: list[str] = []
    look, queries = os.scandir, list[str]()
    index._connection.set_trace_callback(queries.append)

    with monkeypatch.context() as patched:
        patched.setattr(os, "scandir", lambda at: (looked_into.append(str(at)), look(at))[1])
        patched.setattr(network_words, "header_metadata", lambda _: pytest.fail("opened a file"))
        listed = again.list("lora")

    assert len(listed) == 200
    assert len(looked_into) == len(set(looked_into)) == 5
    assert len(queries) == 1


def test_what_a_file_says_is_read_once(networks, paths, index, monkeypatch):
    path = put(paths.lora_dirs[0] / "a.safetensors", ss_output_name="x")
    networks.list("lora")
    again = NetworkFiles(paths, Hasher(index), index)
    with monkeypatch.context() as patched:
        patched.setattr(network_words, "header_metadata", lambda _: pytest.fail("read again"))
        assert found(again, "x").name == "a"
    put(path, ss_output_name="newer", longer="than before")
    again.refresh("lora")
    assert again.find("lora", "x") is None and found(again, "newer").name == "a"


# ---- embeddings


def torch_pickle(folder: Path, content: dict, shape: tuple[int, ...]) -> Path:
    """A zip as torch writes it, made by hand: `content` with one tensor as string_to_param."""
    inner = pickle.dumps(content, protocol=2)[:-1]  # without STOP
    size = pickle.dumps(shape, protocol=2)[2:-1]
    tensor = b"ctorch._utils\n_rebuild_tensor_v2\n(NK\x00" + size + b")\x89}tR"
    data = inner + b"X\x0f\x00\x00\x00string_to_param}X\x01\x00\x00\x00*" + tensor + b"ss."
    folder.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(folder / "old.pt", "w") as archive:
        archive.writestr("old/data.pkl", data)
    return folder / "old.pt"


def test_an_old_embedding_tells_its_shape_without_torch(tmp_path):
    path = torch_pickle(tmp_path, {"name": "inside", "step": 500, "sd_checkpoint": "abc"}, (3, 8))

    assert embedding_words(path) == {"shape": [3, 8], "step": 500, "sd_checkpoint": "abc"}


def test_a_hostile_pickle_runs_nothing(tmp_path):
    mark = tmp_path / "ran"
    path = tmp_path / "evil.pt"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("x/data.pkl", f"cos\nsystem\n(S'touch {mark}'\ntR.".encode())

    assert embedding_words(path) == {} and not mark.exists()


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04", b"\x80\x02.", b"\x80\x02", b"text"])
def test_a_broken_file_is_no_embedding(tmp_path, data):
    path = tmp_path / "x.pt"
    path.write_bytes(data)

    assert embedding_words(path) == {}


@pytest.mark.parametrize(
    ("shapes", "shape"),
    [
        ({"emb_params": (3, 8)}, [3, 8]),
        ({"*": (8,)}, [1, 8]),
        ({"clip_l": (2, 8), "clip_g": (2, 12)}, [2, 20]),
    ],
)
def test_every_shape_of_safetensors_embedding_is_known(tmp_path, shapes, shape):
    path = put(tmp_path / "e.safetensors", safetensors(shapes))

    assert embedding_words(path) == {"shape": shape}


def test_what_an_embeddings_file_is_goes_by_its_content(tmp_path):
    path = put(tmp_path / "e.pt", safetensors({"emb_params": (3, 8)}))
    assert embedding_words(path) == {"shape": [3, 8]}
    pickled = torch_pickle(tmp_path, {}, (2, 8)).rename(tmp_path / "p.safetensors")
    assert embedding_words(pickled) == {"shape": [2, 8]}


def test_other_files_in_the_folder_of_embeddings_are_not_listed(networks, paths):
    folder = paths.embeddings_dir
    put(folder / "deep" / "e.safetensors", safetensors({"emb_params": (3, 8)}))
    put(folder / "lora.safetensors", safetensors({"up": (3, 8), "down": (8, 3)}))
    Image.new("RGB", (9, 9), "red").save(folder / "e.png")

    (file,) = networks.list("embedding")
    assert (file.name, file.vectors, file.width) == ("e", 3, 8)


EMBEDDED = {"name": "inked", "step": 7, "string_to_param": {"*": {"TORCHTENSOR": [[0.5] * 8] * 2}}}


def test_a_picture_with_a_text_chunk_is_an_embedding_under_the_name_within(networks, paths):
    text = PngImagePlugin.PngInfo()
    text.add_text("sd-ti-embedding", base64.b64encode(json.dumps(EMBEDDED).encode()).decode())
    picture = io.BytesIO()
    Image.new("RGB", (9, 9)).save(picture, "PNG", pnginfo=text)
    put(paths.embeddings_dir / "a.png", picture.getvalue())
    put(paths.embeddings_dir / "a.preview.png", picture.getvalue())

    (file,) = networks.list("embedding")
    assert (file.name, file.vectors, file.width, file.words["step"]) == ("inked", 2, 8, 7)


def embedded_in_pixels(content: dict, height: int = 16) -> Image.Image:
    """The picture between two blocks, with a black border around all, as the spec describes it."""
    data = zlib.compress(json.dumps(content).encode())
    data += bytes(-len(data) % (3 * height))
    state, low, high = 0, bytearray(), bytearray()
    for value in data:
        state = (1664525 * state + 1013904223) % 2**32
        noise = state % 255 & 0x0F
        low.append(0x50 | (value & 0x0F) ^ noise)
        high.append(0x30 | (value >> 4) ^ noise)
    width = len(data) // (3 * height)
    whole = Image.new("RGB", (2 * width + 22, height + 4))
    whole.paste(Image.frombytes("RGB", (width, height), bytes(low)), (0, 2))
    whole.paste(Image.new("RGB", (20, height), (81, 82, 83)), (width + 1, 2))
    whole.paste(Image.frombytes("RGB", (width, height), bytes(high)), (width + 22, 2))
    return whole


@pytest.mark.parametrize("ending", ["png", "webp"])
def test_a_picture_with_an_embedding_in_its_pixels_is_read(tmp_path, ending):
    path = tmp_path / f"a.{ending}"
    embedded_in_pixels(EMBEDDED).save(path, lossless=True)

    assert embedding_words(path) == {"shape": [2, 8], "name": "inked", "step": 7}


# ---- what is written about a file


def test_metadata_that_is_json_comes_parsed_and_without_the_thumbnail(tmp_path):
    metadata = {
        "ss_tag_frequency": '{"a": {"cat": 2}}',
        "odd": "{no json",
        "modelspec.thumbnail": "x",
    }
    path = put(tmp_path / "a.safetensors", safetensors({"w": (1,)}, metadata))

    assert file_metadata(path) == {"ss_tag_frequency": {"a": {"cat": 2}}, "odd": "{no json"}
