"""The record of a form by hand, txt2img's with its true labels, ids and ranges and a few further
fields, and a page that shows nothing but them.
"""

import json
from typing import Any

from playwright.sync_api import Page, Route

from tests.browser.canvas_server import HERE, STATIC

SCRIPTS = (
    "words.js",
    "dom.js",
    "form-fields.js",
    "form-choice-list.js",
    "form-choice.js",
    "form-layout.js",
    "form.js",
    "complaints.js",
)
STYLES = ("style.css", "complaints.css", "form.css", "phone.css")
CHOSEN = "model 05000 of a large shelf.safetensors"
ADDRESS = "http://form.test/"
SAMPLERS = ("DPM++ 2M", "DPM++ SDE", "DPM++ 2M SDE", "DPM++ 3M SDE", "Euler a", "Euler", "LMS")
SAMPLERS += ("Heun", "DPM2", "DPM2 a", "DPM fast", "DPM adaptive", "Restart", "DDIM", "PLMS", "LCM")
SCHEDULES = ("Automatic", "Uniform", "Karras", "Exponential", "Polyexponential", "SGM Uniform")
UPSCALERS = ("Latent", "Latent (antialiased)", "Latent (bicubic)", "None", "Lanczos", "Nearest")
CHECKPOINTS = ("one.safetensors [0123456789]", "two.safetensors [abcdef0123]")
STYLE_NAMES = ("Cinematic", "Line drawing", "Watercolour", "Film noir")
# So many that the page makes them itself.
MANY = """
easelForms.others.fields.many.choices = Array.from({ length: 10000 },
  (_, place) => `model ${String(place).padStart(5, "0")} of a large shelf.safetensors`);
"""

Record = dict[str, Any]


class Shape:
    """Collects the fields while their nodes are listed."""

    def __init__(self) -> None:
        self.fields: Record = {}

    def add(
        self, name: str, kind: str, elem_id: str, label: str, value: Any, **more: Any
    ) -> Record:
        self.fields[name] = {"kind": kind, "id": elem_id, "label": label, "value": value, **more}
        return {"field": name}

    def slider(
        self, name: str, label: str, ends: tuple[float, float], value: float, step: float, **more
    ) -> Record:
        elem_id = more.pop("id", f"txt2img_{name}")
        low, high = ends
        return self.add(
            name, "slider", elem_id, label, value, low=low, high=high, step=step, **more
        )

    def choice(
        self, name: str, label: str, choices: tuple[str, ...], elem_id: str, **more
    ) -> Record:
        value = more.pop("value") if "value" in more else choices[0]
        return self.add(name, "choice", elem_id, label, value, choices=list(choices), **more)

    def box(self, name: str, label: str, elem_id: str, **more) -> Record:
        return self.add(name, "checkbox", elem_id, label, False, **more)


def button(action: str, label: str, elem_id: str, icon: str = "", **more: Any) -> Record:
    return {"button": {"id": elem_id, "label": label, "action": action, "icon": icon, **more}}


def _prompts(shape: Shape) -> list[Record]:
    nodes = []
    rows = (
        ("prompt", "Prompt", "prompt", "Describe the picture. Ctrl+Enter generates."),
        ("negative_prompt", "Negative prompt", "neg_prompt", "What the picture should not show."),
    )
    for name, label, part, hint in rows:
        more = {"lines": 3, "max_lines": 12, "placeholder": hint, "classes": ["easel-prompt"]}
        nodes.append(shape.add(name, "text", f"txt2img_{part}", label, "", **more))
        nodes.append({"tokens": f"txt2img_{part}_tokens"})
    styles = shape.add(
        "styles", "choices", "txt2img_styles", "Styles", [], choices=list(STYLE_NAMES), free=True
    )
    tools = [
        button("networks", "Networks", "txt2img_extra_networks"),
        button("read", "Read parameters", "txt2img_paste"),
        button("clear", "Clear", "txt2img_clear_prompt"),
        {
            "row": [
                styles,
                button("apply", "Apply the chosen styles", "txt2img_style_apply", "clipboard"),
                button("edit", "Edit styles", "txt2img_styles_edit_button", "brush"),
            ],
            "classes": ["easel-styles"],
            "id": "txt2img_styles_row",
        },
    ]
    return [*nodes, {"row": tools, "classes": ["easel-tools"]}]


def _hires(shape: Shape) -> Record:
    shape.box("enable_hr", "Hires. fix", "txt2img_hr-checkbox")
    hidden = {"visible": False}
    same = ("Use same checkpoint", *CHECKPOINTS)
    prompts = [
        shape.add(name, "text", elem_id, label, "", lines=2, max_lines=8, visible=False)
        for name, label, elem_id in (
            ("hr_prompt", "Hires prompt", "hires_prompt"),
            ("hr_negative_prompt", "Hires negative prompt", "hires_neg_prompt"),
        )
    ]
    rows = [
        [
            shape.choice("hr_upscaler", "Upscaler", UPSCALERS, "txt2img_hr_upscaler"),
            shape.slider("hires_steps", "Hires steps", (0, 150), 0, 1),
            shape.slider("denoising_strength", "Denoising strength", (0, 1), 0.7, 0.01),
        ],
        [
            shape.slider("hr_scale", "Upscale by", (1, 4), 2, 0.05),
            shape.slider("hr_resize_x", "Resize width to", (0, 2048), 0, 8),
            shape.slider("hr_resize_y", "Resize height to", (0, 2048), 0, 8),
        ],
        [
            shape.choice("hr_checkpoint_name", "Hires checkpoint", same, "hr_checkpoint", **hidden),
            button("hr-refresh", "Look for new files", "refresh_hr_checkpoint", "refresh"),
            shape.choice("hr_sampler", "Hires sampling method", SAMPLERS, "hr_sampler", **hidden),
        ],
        prompts,
    ]
    body = [
        {"row": row, "id": f"txt2img_hires_fix_row{place + 1}"} for place, row in enumerate(rows)
    ]
    return {"switch": "enable_hr", "id": "txt2img_hr", "line": "txt2img_hr-line", "body": body}


def _seed(shape: Shape) -> Record:
    def with_tools(name: str, label: str) -> list[Record]:
        return [
            shape.add(name, "number", f"txt2img_{name}", label, -1, seed=True, min_width=100),
            button("dice", f"{label}: a new one", f"txt2img_random_{name}", "dice"),
            button("reuse", f"{label} of the picture", f"txt2img_reuse_{name}", "recycle"),
        ]

    extra = {"classes": ["easel-extra"], "scale": 0, "min_width": 60}
    shown = shape.box("seed_enable_extras", "Extra", "txt2img_subseed_show", **extra)
    strength = shape.slider("subseed_strength", "Variation strength", (0, 1), 0, 0.01)
    sides = [
        shape.slider(f"seed_resize_from_{axis}", f"Resize seed from {side}", (0, 2048), 0, 8)
        for axis, side in (("w", "width"), ("h", "height"))
    ]
    body = [{"row": [*with_tools("subseed", "Variation seed"), strength]}, {"row": sides}]
    nodes = [
        {"row": [*with_tools("seed", "Seed"), shown], "classes": ["easel-switch-head"]},
        {"column": body, "classes": ["easel-switch-body"], "id": "txt2img_seed_extras"},
    ]
    return {"column": nodes, "classes": ["easel-switch"]}


def _controls(shape: Shape) -> list[Record]:
    shape.box("enable_refiner", "Refiner", "txt2img_enable-checkbox")
    refiner = [
        shape.choice(
            "refiner", "Checkpoint", CHECKPOINTS, "txt2img_checkpoint", value=None, scale=2
        ),
        button("refresh", "Look for new files", "refresh_txt2img_checkpoint", "refresh"),
        shape.slider("switch_at", "Switch at", (0.01, 1), 0.8, 0.01, scale=2),
    ]
    nodes = [
        {
            "row": [
                shape.choice("sampler_name", "Sampling method", SAMPLERS, "txt2img_sampling"),
                shape.choice("scheduler", "Schedule type", SCHEDULES, "txt2img_scheduler"),
                shape.slider("steps", "Sampling steps", (1, 150), 20, 1),
            ]
        },
        _hires(shape),
        {"switch": "enable_refiner", "id": "txt2img_enable", "body": [{"row": refiner}]},
        {
            "row": [
                shape.slider("width", "Width", (64, 2048), 512, 8),
                button("swap", "Swap width and height", "txt2img_res_switch_btn", "swap"),
                shape.slider("height", "Height", (64, 2048), 512, 8),
            ]
        },
        {
            "row": [
                shape.slider("batch_count", "Batch count", (1, 100), 1, 1),
                shape.slider("batch_size", "Batch size", (1, 8), 1, 1),
                shape.slider("cfg_scale", "CFG Scale", (1, 30), 7, 0.5),
            ]
        },
        _seed(shape),
    ]
    overrides = {"choices": [], "free": True, "visible": False}
    last = shape.add(
        "overrides", "choices", "txt2img_overrides", "Override settings", [], **overrides
    )
    return [{"column": nodes, "classes": ["easel-controls"]}, last]


def _others(shape: Shape) -> list[Record]:
    """Kinds and arrangements that txt2img has not."""
    modes = ["Just resize", "Crop and resize", "Resize and fill", "Just resize (latent upscale)"]
    resize_to = [{"row": [shape.slider("side", "Side", (64, 2048), 512, 8, id="side")]}]
    scale = shape.slider("scale_by", "Scale", (0.05, 4), 1, 0.05, id="scale")
    tabs = [
        {"label": "Resize to", "id": "to", "body": resize_to},
        {"label": "Hidden", "id": "hidden_tab", "visible": False, "body": []},
        {"label": "Resize by", "id": "by", "body": [{"row": [scale, {"line": "scale_line"}]}]},
    ]
    props = shape.add(
        "props",
        "checks",
        "props",
        "Parameters to take",
        ["Seed"],
        choices=["Prompt", "Seed", "Steps"],
        hint="They are added to those of the form.",
    )
    folder = shape.add(
        "folder", "text", "folder", "Folder", "", lines=1, max_lines=1, placeholder="a folder"
    )
    name = shape.choice("name", "Name", STYLE_NAMES, "name", value=None, free=True)
    many = shape.choice("many", "Model", (), "many", value=CHOSEN)
    stack = [
        shape.add("mode", "radio", "mode", "Resize mode", modes[0], choices=modes),
        {"tabs": tabs, "id": "resize", "classes": ["easel-resize"]},
    ]
    back = {"returns": True}
    ground = shape.add("ground", "colour", "ground", "Background", "#ffffff", **back)
    rho = shape.add("rho", "number", "rho", "Rho", 0, low=0, high=100, **back)
    fixed = shape.add("fixed", "checks", "fixed", "Fixed", [], choices=STYLE_NAMES, frozen=True)
    return [
        {"column": stack, "classes": ["easel-controls"]},
        {"row": [name, many]},
        {"row": [ground, rho, fixed]},
        {"fold": [folder, props], "label": "PNG info", "id": "png_info"},
        {"mount": "pictures", "id": "pictures"},
        button("away", "Nobody's", "nobodys"),
    ]


def _quick(shape: Shape) -> list[Record]:
    vaes = ("Automatic", "None", "mine.vae.pt")
    wide, less = {"scale": 5, "min_width": 220}, {"scale": 2, "min_width": 140}
    label = "Stable Diffusion checkpoint"
    row = [
        {"line": "easel_brand", "classes": ["easel-brand"], "text": "Easel", "tag": "h1"},
        shape.choice("checkpoint", label, CHECKPOINTS, "setting_sd_model_checkpoint", **wide),
        button("refresh", "Look for new files", "refresh_sd_model_checkpoint", "refresh"),
        shape.choice("vae", "VAE", vaes, "setting_sd_vae", **less),
        {"line": "easel_state", "classes": ["easel-state"], "role": "status", "hidden": True},
        button("jobs", "Jobs", "easel_queue", "queue"),
        button("theme", "Light or dark", "easel_theme", "theme"),
    ]
    return [{"row": row, "id": "quicksettings"}]


def _dialog(shape: Shape) -> list[Record]:
    chosen = {"value": None, "free": True, "hint": "Choose a style, or type the name of a new one."}
    head = [
        shape.choice("style_name", "Style", STYLE_NAMES, "style_name", scale=5, **chosen),
        button("again", "Read the files again", "refresh_styles", "refresh"),
        button("copy", "Copy the prompts into this style", "style_copy", "copy"),
    ]
    texts = [
        shape.add(name, "text", name, label, "", lines=3, max_lines=8)
        for name, label in (("style_prompt", "In the prompt"), ("style_not", "Not in it"))
    ]
    foot = [
        button("save", "Save", "style_save", variant="primary"),
        button("close", "Close", "style_close"),
    ]
    body = [
        {"row": head, "classes": ["easel-dialog-head"]},
        *texts,
        {"row": foot, "classes": ["easel-dialog-foot"]},
    ]
    return [{"column": body, "classes": ["easel-dialog-body"]}]


def record() -> Record:
    txt2img, others, quick, styles = Shape(), Shape(), Shape(), Shape()
    panes = {"prompts": _prompts(txt2img), "controls": _controls(txt2img)}
    words = [button("generate", "Generate", "txt2img_generate", variant="primary")]
    words += [button(name, name.title(), f"txt2img_{name}") for name in ("interrupt", "skip")]
    panes["generate"] = [{"row": words, "classes": ["easel-generate"]}]
    further = {"further": _others(others)}
    top, dialog = {"quick": _quick(quick)}, {"dialog": _dialog(styles)}
    return {
        "txt2img": {"fields": txt2img.fields, "panes": panes},
        "others": {"fields": others.fields, "panes": further},
        "quick": {"fields": quick.fields, "panes": top},
        "styles": {"fields": styles.fields, "panes": dialog},
    }


def html() -> str:
    """The whole page, its scripts and styles within."""
    styles = "".join(f"<style>{(STATIC / name).read_text('utf-8')}</style>" for name in STYLES)
    scripts = "".join(f"<script>{(STATIC / name).read_text('utf-8')}</script>" for name in SCRIPTS)
    told = f"<script>window.easelForms = {json.dumps(record())};{MANY}</script>"
    page = (HERE / "form_page.html").read_text("utf-8")
    return page.replace("<!-- the form's record, styles and scripts -->", told + styles + scripts)


def serve(page: Page) -> None:
    """The page is at ADDRESS from now on, without a server."""
    body = html()

    def answer(route: Route) -> None:
        route.fulfill(body=body, content_type="text/html; charset=utf-8")

    page.route(f"{ADDRESS}**", answer)
