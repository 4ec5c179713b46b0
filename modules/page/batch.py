"""img2img's Batch sub-tab: many pictures, sent from the browser or read from a folder of the
machine (interface 5).

`static/batch.js` has the pictures stored and hands over their names and sums; here they become the
inputs of one job, each with its own mask and parameters where these are asked for.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from modules.app import App
from modules.errors import EaselError, RequestError, StorageError
from modules.generation import infotext as infotexts
from modules.generation.batch import Input
from modules.jobs.input_folder import folder_named, pictures_in
from modules.page.fields import Field, checkbox, textbox
from modules.page.form import PNG_INFO_FIELDS, number, whole
from modules.page.layout import Form
from modules.pictures.headers import read_header
from modules.pictures.names import clean

SCRIPTS = ("batch-upload.js", "batch.js")
STYLES = ("batch.css",)
SOURCES = ("upload", "folder")

# Fields of a request by A1111's words for them, the prompts apart.
_TAKEN: Mapping[str, tuple[str, ...]] = {
    "Seed": ("seed",),
    "CFG scale": ("cfg_scale",),
    "Sampler": ("sampler_name", "scheduler"),
    "Steps": ("steps",),
}


def build(app: App, form: Form) -> None:
    """The controls. Folders show only where whoever asks may choose some."""
    may_read = not app.flags.hides_folders or bool(app.flags.gradio_allowed_path)
    may_write = not app.flags.hides_folders
    with form.tabs("img2img_batch_source"):
        with form.one_tab("Upload", "img2img_batch_upload_tab"):
            form.mount("batch-upload", "img2img_batch_upload")
        with form.one_tab("From directory", "img2img_batch_from_dir_tab", visible=may_read):
            _folder(
                form,
                "batch_input_dir",
                "Input directory",
                "a folder of the machine that Easel runs on",
            )
            _folder(
                form,
                "batch_output_dir",
                "Output directory",
                "empty: where img2img's pictures go",
                visible=may_write,
            )
            _folder(
                form,
                "batch_mask_dir",
                "Inpaint batch mask directory (required for inpaint batch processing only)",
                "one mask for all, or masks called as the pictures",
                elem_id="img2img_batch_inpaint_mask_dir",
            )
    with form.fold("PNG info", "img2img_batch_png_info"):
        form.add(
            "batch_use_png_info",
            checkbox("Append png info to prompts", elem_id="img2img_batch_use_png_info"),
        )
        _folder(
            form,
            "batch_png_info_dir",
            "PNG info directory",
            "Leave empty to use the pictures themselves",
            visible=may_read,
        )
        form.add(
            "batch_png_info_props",
            Field(
                kind="checks",
                label="Parameters to take from png info",
                value=[],
                choices=PNG_INFO_FIELDS,
                hint="Prompts from png info will be appended to prompts set in ui.",
                elem_id="img2img_batch_png_info_props",
            ),
        )


def _folder(
    form: Form, name: str, label: str, hint: str, *, elem_id: str = "", visible: bool = True
) -> None:
    found = elem_id or f"img2img_{name}"
    form.add(name, textbox(label, placeholder=hint, elem_id=found, visible=visible))


@dataclass(frozen=True, kw_only=True)
class Batch:
    """What batch.js tells: the pictures and the masks, each (name, sum, problem)."""

    source: str
    pictures: tuple[tuple[str, str, str], ...]
    masks: tuple[tuple[str, str, str], ...]


def read(record: Mapping[str, Any]) -> Batch:
    """RequestError where the record is none of batch.js's, or there is no picture."""
    try:
        source = record["source"]
        pictures, masks = (
            tuple((str(name), str(sha256), str(problem)) for name, sha256, problem in record[key])
            for key in ("pictures", "masks")
        )
    except (TypeError, KeyError, ValueError) as error:
        raise RequestError("the page did not say what the batch is; reload it") from error
    if source not in SOURCES:
        raise RequestError("the page did not say what the batch is; reload it")
    if not pictures:
        raise RequestError(
            "the batch has no pictures: add some, or name a folder", field="batch_upload"
        )
    return Batch(source=source, pictures=pictures, masks=masks)


def inputs_of(app: App, values: Mapping[str, Any], batch: Batch, *, by_scale: bool) -> list[Input]:
    """One for each picture, in order. `by_scale`: the size is "Resize by" of the picture's own.

    RequestError where a folder can't be used, or no picture is left.
    """
    masks = _masks(batch.masks)
    infos = _infos(app, values) if values.get("batch_use_png_info") else None
    found = []
    for name, sha256, problem in batch.pictures:
        if not problem and not app.inputs.has(sha256):
            problem = "it is not stored any more: add it again"
        given = Input(name=name, problem=problem) if problem else Input(name=name, image=sha256)
        if not problem:
            given = _with_mask(given, masks)
            given = _with_own(app, values, given, infos, by_scale=by_scale)
        found.append(given)
    if all(given.problem for given in found):
        raise RequestError(
            f"no picture can be used; {found[0].name}: {found[0].problem}", field="batch_upload"
        )
    return found


def settings_for(app: App, values: Mapping[str, Any], batch: Batch) -> dict[str, Any]:
    """Settings of this job alone that put its pictures into the output directory, called as those
    they were made from; {} where none is named.
    """
    named = str(values.get("batch_output_dir") or "").strip()
    if not named or batch.source != "folder":
        return {}
    field = "batch_output_dir"
    if app.flags.hides_folders:
        raise RequestError("folders can't be chosen here: a flag forbids it", field=field)
    if "\0" in named:
        raise RequestError("the name of the folder holds a zero character", field=field)
    folder = Path(os.path.abspath(app.paths.data_dir / os.path.expanduser(named)))
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(
            f"the folder {named[:300]!r} can't be made ({error.strerror}): name another",
            field=field,
        ) from error
    if not os.access(folder, os.W_OK):
        raise StorageError(f"nothing may be written into {folder}: name another", field=field)
    several = whole("n_iter", values["n_iter"]) * whole("batch_size", values["batch_size"]) > 1
    return {
        "outdir_samples": str(folder),
        "save_to_dirs": False,
        "save_images_add_number": False,
        "save_images_replace_action": "Add number suffix",
        "samples_filename_pattern": "[basename]" + ("-[generation_number]" if several else ""),
    }


# -------------------------------------------------------------------------- within


def _masks(told: Sequence[tuple[str, str, str]]) -> dict[str, str] | str | None:
    """Sums of the masks by the stem of their names; the one mask of all; None without masks."""
    if not told:
        return None
    good = [(name, sha256) for name, sha256, problem in told if not problem]
    if not good:
        name, _, problem = told[0]
        raise RequestError(f"no mask can be used; {name}: {problem}", field="batch_mask_dir")
    if len(told) == 1:
        return good[0][1]
    return {Input(name=name, image=sha256).stem: sha256 for name, sha256 in reversed(good)}


def _with_mask(given: Input, masks: dict[str, str] | str | None) -> Input:
    if masks is None:
        return given
    mask = masks if isinstance(masks, str) else masks.get(given.stem)
    if mask is None:
        return replace(given, problem=f"there is no mask called {given.stem}")
    return replace(given, mask=mask)


def _infos(app: App, values: Mapping[str, Any]) -> Path | None:
    """The folder whose pictures hold the parameters; None: the batch's own do."""
    named = str(values.get("batch_png_info_dir") or "")
    if not named.strip():
        return None
    field = "batch_png_info_dir"
    folder = folder_named(named, app.paths.data_dir, app.flags.may_read, field)
    pictures_in(folder, field)  # it can be read
    return folder


def _with_own(
    app: App, values: Mapping[str, Any], given: Input, infos: Path | None, *, by_scale: bool
) -> Input:
    """With the size and the parameters of the picture itself, where these are wanted. A picture
    that can't be read has its problem told when its turn comes.
    """
    own = app.inputs.path(given.image)
    try:
        if by_scale:
            header, scale = read_header(own), number("scale_by", values["scale_by"])
            width, height = int(header.width * scale), int(header.height * scale)
            given = replace(given, width=max(8, width), height=max(8, height))
        if values.get("batch_use_png_info"):
            path = own if infos is None else infos / clean(given.name)
            if infos is not None and not app.flags.may_read(Path(os.path.realpath(path)).parent):
                return given
            given = replace(given, **_taken(app, values, read_header(path).infotext))
    except OSError:
        return given
    except EaselError as error:
        return replace(given, problem=error.message)
    return given


def _taken(app: App, values: Mapping[str, Any], infotext: str) -> dict[str, Any]:
    """Changes of the request by the parameters in `infotext` that are chosen."""
    chosen = set(values.get("batch_png_info_props") or ())
    parsed = infotexts.parse(app.with_present_names(infotext))
    fields = infotexts.to_api_fields(parsed, paste=True)
    taken: dict[str, Any] = {}
    for label, name in (("Prompt", "prompt"), ("Negative prompt", "negative_prompt")):
        if label in chosen and fields.get(name):
            taken[name] = " ".join(filter(None, (values[name], fields[name])))
    for label, names in _TAKEN.items():
        if label in chosen:
            taken |= {name: fields[name] for name in names if name in fields}
    checkpoint = fields.get("override_settings", {}).get("sd_model_checkpoint")
    if "Model hash" in chosen and checkpoint:
        try:
            taken["checkpoint"] = app.catalog.find(checkpoint).name
        except EaselError:
            pass  # as in the original: the form's own
    return taken
