"""Settings of the model and of how pictures are computed; each may change a picture."""

from __future__ import annotations

from dataclasses import dataclass

from modules.settings.option import Section, option

CATEGORY = "Stable Diffusion"


@dataclass(frozen=True)
class StableDiffusion(Section, id="sd", title="Stable Diffusion", category=CATEGORY):
    sd_model_checkpoint: str | None = option(
        None,
        "Stable Diffusion checkpoint",
        "Name, title or hash. Empty: the first one found, else the built-in one.",
        choices_from="checkpoints",
        infotext="Model hash",
    )
    sd_checkpoint_hash: str = option(
        "", "SHA256 of the chosen checkpoint", hidden=True, restrict_api=True
    )
    sd_checkpoints_limit: int = option(
        1,
        "Checkpoints kept loaded at the same time",
        "More stay in memory where there is room, as a setting of the section Easel tells.",
        low=1,
        high=10,
        step=1,
    )
    sd_checkpoints_keep_in_cpu: bool = option(
        True, "Keep only one of them on the device, the others in memory"
    )
    sd_unet: str = option(
        "Automatic",
        "SD Unet",
        "Another U-Net than the checkpoint's own.",
        choices=("Automatic", "None"),
        built=False,
    )
    enable_quantization: bool = option(
        False,
        "Round timesteps to whole numbers in k samplers",
        reload=True,
        infotext="Timestep quantization",
    )
    emphasis: str = option(
        "Original",
        "Emphasis mode",
        "What (more) and [less] in a prompt do. No norm is the better one for SDXL.",
        choices=("None", "Ignore", "Original", "No norm"),
        infotext="Emphasis",
    )
    enable_batch_seeds: bool = option(
        True,
        "Make the pictures of a batch the same as single ones",
        "Always so here: a picture depends only on its request and its number.",
        built=False,
    )
    comma_padding_backtrack: int = option(
        20,
        "Prompt word wrap length limit",
        "In tokens: text that crosses the limit of 75 moves to the next chunk from its last comma "
        "on, if that is at most so far back.",
        low=0,
        high=74,
        step=1,
        infotext="Comma backtrack",
    )
    CLIP_stop_at_last_layers: int = option(
        1,
        "Clip skip",
        "Take the text encoder's n-th last layer; 1 is the last. Without effect on SD 2 and SDXL.",
        low=1,
        high=12,
        step=1,
        infotext="Clip skip",
    )
    sdxl_clip_l_skip: bool = option(
        False, "Clip skip for SDXL's first encoder too", infotext="SDXL clip-L skip"
    )
    upcast_attn: bool = option(
        False,
        "Compute attention in fp32",
        "Of the U-Net, where it computes in fp16. Against black pictures of models that overflow.",
        infotext="Upcast attention",
    )
    randn_source: str = option(
        "GPU",
        "Random number generator source",
        "Changes pictures of a seed wholly. CPU: the same on every device. NV: what an NVIDIA card "
        "draws, on every device.",
        choices=("GPU", "CPU", "NV"),
        infotext="RNG",
    )
    tiling: bool = option(
        False, "Tiling", "Make a picture that can be laid as tiles.", infotext="Tiling"
    )
    hires_fix_refiner_pass: str = option(
        "second pass",
        "Which passes of hires fix the refiner works in",
        choices=("first pass", "second pass", "both passes"),
        infotext="Hires refiner",
    )
    enable_prompt_comments: bool = option(
        True, "Ignore text from # to the end of its line in prompts"
    )


@dataclass(frozen=True)
class Sdxl(Section, id="sdxl", title="Stable Diffusion XL", category=CATEGORY):
    sdxl_crop_top: int = option(
        0, "Crop top coordinate", low=0, high=16_384, infotext="SDXL crop top"
    )
    sdxl_crop_left: int = option(
        0, "Crop left coordinate", low=0, high=16_384, infotext="SDXL crop left"
    )
    sdxl_refiner_low_aesthetic_score: float = option(
        2.5,
        "Low aesthetic score",
        "Used for the refiner's negative prompt.",
        low=0,
        high=10,
        infotext="SDXL low aesthetic score",
    )
    sdxl_refiner_high_aesthetic_score: float = option(
        6.0,
        "High aesthetic score",
        "Used for the refiner's prompt.",
        low=0,
        high=10,
        infotext="SDXL high aesthetic score",
    )


@dataclass(frozen=True)
class Vae(Section, id="vae", title="VAE", category=CATEGORY):
    sd_vae: str = option(
        "Automatic",
        "SD VAE",
        "Automatic: a file of the checkpoint's name, else the checkpoint's own. None: always the "
        "checkpoint's own.",
        choices_from="vaes",
        infotext="VAE",
    )
    sd_vae_checkpoint_cache: int = option(0, "VAE files kept in memory", low=0, high=10, step=1)
    sd_vae_overrides_per_model_preferences: bool = option(
        True, "The VAE chosen here wins over a checkpoint's preferred one", built=False
    )
    auto_vae_precision_bfloat16: bool = option(
        False, "Try the VAE in bfloat16 when it gives not-a-number"
    )
    auto_vae_precision: bool = option(True, "Try the VAE again in fp32 when it gives not-a-number")
    sd_vae_encode_method: str = option(
        "Full",
        "VAE type for encoding",
        "TAESD: faster and less exact, by its file in models/VAE-approx.",
        choices=("Full", "TAESD"),
        infotext="VAE Encoder",
    )
    sd_vae_decode_method: str = option(
        "Full",
        "VAE type for decoding",
        "TAESD: faster and less exact, by its file in models/VAE-approx.",
        choices=("Full", "TAESD"),
        infotext="VAE Decoder",
    )


@dataclass(frozen=True)
class Img2img(Section, id="img2img", title="img2img", category=CATEGORY):
    inpainting_mask_weight: float = option(
        1.0,
        "Inpainting conditioning mask strength",
        low=0,
        high=1,
        step=0.01,
        infotext="Conditional mask weight",
    )
    initial_noise_multiplier: float = option(
        1.0,
        "Noise multiplier for img2img",
        low=0,
        high=1.5,
        step=0.001,
        infotext="Noise multiplier",
    )
    img2img_extra_noise: float = option(
        0.0,
        "Extra noise multiplier for img2img and hires fix",
        "0 disables it; larger than the denoising strength makes no sense.",
        low=0,
        high=1,
        step=0.01,
        infotext="Extra noise",
    )
    img2img_color_correction: bool = option(
        False,
        "Match the colours of img2img results to the start picture",
        infotext="Color correction",
    )
    img2img_fix_steps: bool = option(
        False,
        "Do exactly as many steps as the slider says in img2img",
        "Otherwise fewer with less denoising.",
        infotext="Exact img2img steps",
    )
    img2img_background_color: str = option(
        "#ffffff", "Colour put behind the transparent parts of start pictures", colour=True
    )
    img2img_editor_height: int = option(
        720,
        "Height of the picture editor, in pixels",
        "At most. At 720, what fits a low screen.",
        low=80,
        high=1600,
        step=1,
        reload=True,
    )
    img2img_sketch_default_brush_color: str = option(
        "#000000",
        "Sketch: initial brush colour",
        "Black where the original has white: the canvas begins white.",
        colour=True,
        reload=True,
    )
    img2img_inpaint_mask_brush_color: str = option(
        "#ff2d55",
        "Inpaint: colour of the mask brush",
        "Red where the original has white, so that it is seen on light pictures.",
        colour=True,
        reload=True,
    )
    img2img_inpaint_sketch_default_brush_color: str = option(
        "#ffffff", "Inpaint sketch: initial brush colour", colour=True, reload=True
    )
    return_mask: bool = option(False, "For inpainting, also show the mask", built=False)
    return_mask_composite: bool = option(
        False, "For inpainting, also show what was under the mask", built=False
    )
    img2img_batch_show_results_limit: int = option(
        32,
        "Most pictures of an img2img batch that are shown",
        "0: none. -1: all.",
        low=-1,
        high=1000,
        step=1,
    )
    overlay_inpaint: bool = option(
        True, "Lay the untouched original back over an inpainted picture"
    )
