"""Infotexts in the layouts that are met in the wild, written by hand, and what each must become.

`prompt` and `negative` are what must be read; `api` are fields of A1111's API that must come out,
`overrides` settings that must. Prompts are ours.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Case:
    name: str
    text: str
    prompt: str
    negative: str = ""
    api: dict[str, Any] = field(default_factory=dict)
    overrides: dict[str, Any] = field(default_factory=dict)


PEAR = "a pear on a table, soft light"
BAD = "blurry, low quality"

OLD = [
    Case(
        "first weeks, no model",
        f"{PEAR}\nSteps: 20, Sampler: Euler a, CFG scale: 7, Seed: 4111, Size: 512x512",
        PEAR,
        api={"steps": 20, "sampler_name": "Euler a", "seed": 4111, "width": 512, "cfg_scale": 7},
    ),
    Case(
        "batch position and eight-digit hash",
        f"{PEAR}\nNegative prompt: {BAD}\nSteps: 50, Sampler: LMS, CFG scale: 7.5, Seed: 99, "
        "Size: 512x704, Model hash: 7460a6fa, Batch size: 4, Batch pos: 2",
        PEAR,
        BAD,
        {"sampler_name": "LMS", "cfg_scale": 7.5, "height": 704},
        {"sd_model_checkpoint": "7460a6fa"},
    ),
    Case(
        "hires fix of the first kind, sizes by formula",
        f"{PEAR}\nSteps: 30, Sampler: DDIM, CFG scale: 7, Seed: 1, Size: 1024x768, "
        "Model hash: 7460a6fa, Denoising strength: 0.7, First pass size: 0x0",
        PEAR,
        api={"width": 640, "height": 448, "hr_resize_x": 1024, "hr_resize_y": 768,
             "enable_hr": True, "denoising_strength": 0.7},
    ),
    Case(
        "hires fix of the first kind, sizes given",
        f"{PEAR}\nSteps: 30, Sampler: Euler, CFG scale: 7, Seed: 1, Size: 1024x1024, "
        "Denoising strength: 0.6, First pass size: 512x512",
        PEAR,
        api={"width": 512, "height": 512, "hr_resize_x": 1024, "enable_hr": True},
    ),
    Case(
        "hypernetwork as a field",
        f"{PEAR}\nSteps: 28, Sampler: Euler, CFG scale: 11, Seed: 7, Size: 512x768, Clip skip: 2, "
        "ENSD: 31337, Hypernet: moss, Hypernet strength: 0.6",
        f"{PEAR}<hypernet:moss:0.6>",
        overrides={"CLIP_stop_at_last_layers": 2, "eta_noise_seed_delta": 31337},
    ),
    Case(
        "combined sampler name",
        f"{PEAR}\nNegative prompt: {BAD}\nSteps: 20, Sampler: DPM++ 2M Karras, CFG scale: 7, "
        "Seed: 3, Size: 512x512, Model hash: 6ce0161689, Model: v1-5",
        PEAR,
        BAD,
        {"sampler_name": "DPM++ 2M", "scheduler": "Karras"},
        {"sd_model_checkpoint": "v1-5 [6ce0161689]"},
    ),
    Case(
        "no schedule and no version",
        f"{PEAR}\nSteps: 20, Sampler: DPM++ 2M, CFG scale: 7, Seed: 3, Size: 512x512",
        PEAR,
        api={"sampler_name": "DPM++ 2M", "scheduler": "Uniform"},
    ),
    Case(
        "1.5 with prompt editing",
        "a [pear:apple:8] on a table\nSteps: 20, Sampler: DPM++ SDE, CFG scale: 7, Seed: 3, "
        "Size: 512x512, Model hash: 6ce0161689, Model: v1-5, Version: v1.5.2",
        "a [pear:apple:8] on a table",
        api={"sampler_name": "DPM++ SDE", "scheduler": "Uniform"},
        overrides={"use_old_scheduling": True, "use_downcasted_alpha_bar": True},
    ),
    Case(
        "1.5 with PLMS",
        f"{PEAR}\nSteps: 20, Sampler: PLMS, CFG scale: 7, Seed: 3, Size: 512x512, Version: v1.5.1",
        PEAR,
        overrides={"pad_cond_uncond_v0": True, "use_downcasted_alpha_bar": True},
    ),
    Case(
        "1.6 hires fix with a sampler of its own",
        f"{PEAR}\nNegative prompt: {BAD}\nSteps: 20, Sampler: DPM++ 2M Karras, CFG scale: 7, "
        "Seed: 3, Size: 512x512, Denoising strength: 0.5, Hires upscale: 2, Hires steps: 10, "
        "Hires upscaler: Latent (nearest-exact), Hires sampler: DPM++ 2M, Version: v1.6.0",
        PEAR,
        BAD,
        {"enable_hr": True, "hr_scale": 2.0, "hr_second_pass_steps": 10, "scheduler": "Karras",
         "hr_sampler_name": "DPM++ 2M", "hr_scheduler": "Uniform",
         "hr_upscaler": "Latent (nearest-exact)"},
    ),
    Case(
        "1.6 with the refiner",
        f"{PEAR}\nSteps: 25, Sampler: Euler a, CFG scale: 7, Seed: 8, Size: 1024x1024, "
        "Model hash: 31e35c80fc, Model: sd_xl_base_1.0, Refiner: sd_xl_refiner_1.0 [7440042bbd], "
        "Refiner switch at: 0.8, Version: v1.6.0",
        PEAR,
        api={"refiner_checkpoint": "sd_xl_refiner_1.0 [7440042bbd]", "refiner_switch_at": 0.8},
        overrides={"refiner_switch_by_sample_steps": True},
    ),
    Case(
        "1.7 between two releases",
        f"{PEAR}\nSteps: 20, Sampler: Euler a, CFG scale: 7, Seed: 8, Size: 512x512, "
        "Version: v1.7.0-133-gde03882d",
        PEAR,
        overrides={"use_downcasted_alpha_bar": True},
    ),
    Case(
        "1.8 without a schedule",
        f"{PEAR}\nSteps: 20, Sampler: DPM++ 3M SDE, CFG scale: 7, Seed: 8, Size: 512x512, "
        "Lora hashes: \"pear_v1: 0123456789ab, moss: ba9876543210\", Version: v1.8.0",
        PEAR,
        api={"sampler_name": "DPM++ 3M SDE", "scheduler": "Uniform"},
    ),
    Case(
        "UniPC's own fields, as versions before 1.6 wrote them",
        f"{PEAR}\nSteps: 20, Sampler: UniPC, CFG scale: 7, Seed: 8, Size: 512x512, "
        "UniPC variant: bh2, UniPC skip type: logSNR, UniPC order: 2, Version: v1.3.0",
        PEAR,
        api={"sampler_name": "UniPC"},
        overrides={"uni_pc_variant": "bh2", "uni_pc_skip_type": "logSNR", "uni_pc_order": 2},
    ),
]  # fmt: skip

NEW = [
    Case(
        "1.9 with a schedule",
        f"{PEAR}\nSteps: 20, Sampler: DPM++ 2M, Schedule type: Karras, CFG scale: 7, Seed: 1, "
        "Size: 512x512, Model hash: 6ce0161689, Model: v1-5, Version: v1.9.4",
        PEAR,
        api={"sampler_name": "DPM++ 2M", "scheduler": "Karras"},
        overrides={"randn_source": "GPU"},
    ),
    Case(
        "1.10 with the beta schedule as it is written",
        f"{PEAR}\nSteps: 20, Sampler: Euler, Schedule type: Beta, CFG scale: 7, Seed: 1, "
        "Size: 512x512, Beta schedule alpha: 0.7, Beta schedule beta: 0.5, Version: v1.10.1",
        PEAR,
        api={"scheduler": "Beta"},
        overrides={"beta_dist_alpha": 0.7, "beta_dist_beta": 0.5},
    ),
    Case(
        "1.10 with the beta schedule as settings call it",
        f"{PEAR}\nSteps: 20, Sampler: Euler, Schedule type: Beta, CFG scale: 7, Seed: 1, "
        "Size: 512x512, Beta scheduler alpha: 0.7, Beta scheduler beta: 0.5, Version: v1.10.1",
        PEAR,
        overrides={"beta_dist_alpha": 0.7, "beta_dist_beta": 0.5},
    ),
    Case(
        "1.10 hires fix with everything of its own",
        f"{PEAR}\nNegative prompt: {BAD}\nSteps: 20, Sampler: Euler a, Schedule type: Automatic, "
        "CFG scale: 7, Seed: 1, Size: 512x512, Denoising strength: 0.4, "
        "Hires checkpoint: moss.safetensors [0123456789], Hires sampler: DPM++ 2M SDE, "
        "Hires schedule type: Exponential, Hires prompt: \"a pear, close, (sharp:1.2)\", "
        "Hires resize: 1024x0, Hires steps: 12, Hires upscaler: R-ESRGAN 4x+, Version: v1.10.1",
        PEAR,
        BAD,
        {"hr_checkpoint_name": "moss.safetensors [0123456789]", "hr_sampler_name": "DPM++ 2M SDE",
         "hr_scheduler": "Exponential", "hr_prompt": "a pear, close, (sharp:1.2)",
         "hr_resize_x": 1024, "hr_resize_y": 0, "scheduler": "Automatic"},
    ),
    Case(
        "inpainting",
        f"{PEAR}\nSteps: 20, Sampler: Euler a, Schedule type: Automatic, CFG scale: 7, Seed: 1, "
        "Size: 512x512, Denoising strength: 0.75, Conditional mask weight: 0.5, Mask blur: 8, "
        "Mask mode: Inpaint not masked, Inpaint area: Only masked, Masked area padding: 48, "
        "Masked content: latent nothing, Version: v1.10.1",
        PEAR,
        api={"mask_blur": 8, "inpainting_mask_invert": 1, "inpaint_full_res": True,
             "inpaint_full_res_padding": 48, "inpainting_fill": 3, "denoising_strength": 0.75},
        overrides={"inpainting_mask_weight": 0.5},
    ),
    Case(
        "soft inpainting",
        f"{PEAR}\nSteps: 20, Sampler: Euler a, Schedule type: Automatic, CFG scale: 7, Seed: 1, "
        "Size: 512x512, Denoising strength: 0.9, Mask blur: 16, Soft inpainting enabled: True, "
        "Soft inpainting schedule bias: 1.5, Soft inpainting preservation strength: 0.4, "
        "Soft inpainting transition contrast boost: 3, Soft inpainting mask influence: 0.2, "
        "Soft inpainting difference threshold: 0.7, Soft inpainting difference contrast: 2.5, "
        "Version: v1.10.1",
        PEAR,
        api={"mask_blur": 16, "alwayson_scripts": {
            "Soft Inpainting": {"args": [True, 1.5, 0.4, 3.0, 0.2, 0.7, 2.5]}}},
    ),
    Case(
        "variation and seed resize",
        f"{PEAR}\nSteps: 20, Sampler: Euler, Schedule type: Automatic, CFG scale: 7, Seed: 1, "
        "Size: 512x768, Variation seed: 4000000000, Variation seed strength: 0.25, "
        "Seed resize from: 512x512, Version: v1.10.1",
        PEAR,
        api={"subseed": 4000000000, "subseed_strength": 0.25, "seed_resize_from_w": 512,
             "seed_resize_from_h": 512},
    ),
    Case(
        "settings of the schedule and of guidance",
        f"{PEAR}\nSteps: 20, Sampler: DPM++ 2M, Schedule type: Karras, CFG scale: 7, Seed: 1, "
        "Size: 512x512, RNG: CPU, Tiling: True, NGMS: 1.2, NGMS all steps: True, Pad conds: True, "
        "Schedule max sigma: 12, Schedule min sigma: 0.05, Schedule rho: 5, Eta: 0.5, "
        "Discard penultimate sigma: True, Skip Early CFG: 0.2, SGM noise multiplier: True, "
        "Noise Schedule: Zero Terminal SNR, Emphasis: No norm, Version: v1.10.1",
        PEAR,
        overrides={"randn_source": "CPU", "tiling": True, "s_min_uncond": 1.2, "rho": 5.0,
                   "s_min_uncond_all": True, "pad_cond_uncond": True, "sigma_max": 12.0,
                   "sigma_min": 0.05, "eta_ancestral": 0.5, "skip_early_cond": 0.2,
                   "always_discard_next_to_last_sigma": True, "sgm_noise_multiplier": True,
                   "sd_noise_schedule": "Zero Terminal SNR", "emphasis": "No norm"},
    ),
    Case(
        "networks, VAE and TAESD",
        "a pear <lora:moss:0.7>, by-ink\nNegative prompt: bad-ink\nSteps: 20, Sampler: Euler a, "
        "Schedule type: Automatic, CFG scale: 7, Seed: 1, Size: 512x512, "
        "VAE hash: 735e4c3a44, VAE: vae-ft-mse-840000.safetensors, VAE Decoder: TAESD, "
        "TI hashes: \"by-ink: 0123456789ab, bad-ink: ba9876543210\", "
        "Lora hashes: \"moss: 0123456789ab\", Version: v1.10.1",
        "a pear <lora:moss:0.7>, by-ink",
        "bad-ink",
        overrides={"sd_vae": "vae-ft-mse-840000.safetensors", "sd_vae_decode_method": "TAESD",
                   "sd_vae_encode_method": "Full"},
    ),
    Case(
        "prompts of several lines with weights and a BREAK",
        "a (pear:1.3),\non a table BREAK\nsoft light\nNegative prompt: blurry,\n(low quality:1.4)\n"
        "Steps: 20, Sampler: Euler a, Schedule type: Automatic, CFG scale: 7, Seed: 1, "
        "Size: 512x512, Version: v1.10.1",
        "a (pear:1.3),\non a table BREAK\nsoft light",
        "blurry,\n(low quality:1.4)",
        overrides={"emphasis": "Original"},
    ),
    Case(
        "an X/Y/Z plot and ControlNet",
        f"{PEAR}\nSteps: 20, Sampler: Euler a, Schedule type: Automatic, CFG scale: 7, Seed: 1, "
        "Size: 512x512, ControlNet 0: \"Module: canny, Model: control_canny [d14c016b], "
        "Weight: 1, Resize Mode: Crop and Resize\", Script: X/Y/Z plot, X Type: Seed, "
        "X Values: \"1, 2, 3\", Fixed X Values: \"1, 2, 3\", Version: v1.10.1",
        PEAR,
        api={"steps": 20, "seed": 1},
    ),
    Case(
        "lines that Dynamic Prompts adds below",
        f"{PEAR}\nNegative prompt: {BAD}\nSteps: 20, Sampler: Euler a, Schedule type: Automatic, "
        "CFG scale: 7, Seed: 1, Size: 512x512, Version: v1.10.1\n"
        "Template: a {pear|apple}, on a table, soft light\nNegative Template: blurry",
        PEAR,
        BAD,
        {"seed": 1, "sampler_name": "Euler a"},
    ),
    Case(
        "face restoration and a user",
        f"{PEAR}\nSteps: 20, Sampler: Euler a, Schedule type: Automatic, CFG scale: 7.0, Seed: 1, "
        "Face restoration: CodeFormer, Size: 512x512, Version: v1.10.1, User: mara",
        PEAR,
        overrides={"face_restoration": True, "face_restoration_model": "CodeFormer"},
    ),
    Case(
        "Windows line ends",
        f"{PEAR}\r\nNegative prompt: {BAD}\r\nSteps: 20, Sampler: Euler a, CFG scale: 7, Seed: 1, "
        "Size: 512x512\r\n",
        PEAR,
        BAD,
        {"sampler_name": "Euler a"},
    ),
    Case(
        "line ends lost on the way",
        f"{PEAR} Negative prompt: {BAD} Steps: 20, Sampler: Euler a, CFG scale: 7, Seed: 1, "
        "Size: 512x640, Model: v1-5",
        PEAR,
        BAD,
        {"height": 640, "seed": 1},
    ),
    Case(
        "no prompt at all",
        "Steps: 20, Sampler: Euler a, CFG scale: 7, Seed: 1, Size: 512x512",
        "",
        api={"seed": 1},
    ),
]  # fmt: skip

FORKS = [
    Case(
        "Forge of early 2024",
        f"{PEAR}\nSteps: 20, Sampler: DPM++ 2M SDE Karras, CFG scale: 7, Seed: 1, Size: 832x1216, "
        "Model hash: 31e35c80fc, Model: sd_xl_base_1.0, Hires upscale: 1.5, Denoising strength: "
        "0.4, Hires upscaler: 4x-UltraSharp, Version: f0.0.17v1.8.0rc-latest-276-g29be1da7",
        PEAR,
        api={"sampler_name": "DPM++ 2M SDE", "scheduler": "Karras", "enable_hr": True,
             "hr_upscaler": "4x-UltraSharp", "denoising_strength": 0.4},
    ),
    Case(
        "Forge with Flux",
        f"{PEAR}\nSteps: 20, Sampler: Euler, Schedule type: Simple, CFG scale: 1, Distilled CFG "
        "Scale: 3.5, Seed: 1, Size: 896x1152, Model hash: bea01d51bd, Model: flux1-dev, "
        "Version: f2.0.1v1.10.1-previous-622-g1f140752, Module 1: ae, Module 2: clip_l, "
        "Diffusion in Low Bits: Automatic",
        PEAR,
        api={"cfg_scale": 1.0, "scheduler": "Simple", "sampler_name": "Euler"},
    ),
    Case(
        "reForge",
        f"{PEAR}\nNegative prompt: {BAD}\nSteps: 24, Sampler: DPM++ 3M SDE, Schedule type: "
        "Align Your Steps, CFG scale: 5, Seed: 1, Size: 1024x1024, Model: pear-xl, "
        "SkipCFG: 0, Emphasis: No norm, Version: f1.0.5-v1.10.1RC-latest-3",
        PEAR,
        BAD,
        {"scheduler": "Align Your Steps", "cfg_scale": 5.0},
        {"emphasis": "No norm"},
    ),
    Case(
        "SD.Next of 2023",
        f"{PEAR}\nNegative prompt: {BAD}\nSteps: 20, Seed: 1, Sampler: UniPC, CFG scale: 6.0, "
        "Size: 512x512, Parser: Full parser, Model: v1-5, Model hash: 6ce0161689, "
        "Backend: Original, App: SD.Next, Version: 5c1cb9ed, Operations: txt2img, Token merging "
        "ratio: 0.5, Clip skip: 2.0",
        PEAR,
        BAD,
        {"sampler_name": "UniPC", "cfg_scale": 6.0},
        {"CLIP_stop_at_last_layers": 2, "token_merging_ratio": 0.5},
    ),
    Case(
        "SD.Next of 2025",
        f"{PEAR}\nSteps: 20, Size: 1024x1024, Sampler: Default, Seed: 1, CFG scale: 6, "
        "CFG rescale: 0.7, App: SD.Next, Version: 1ae5bb2, Pipeline: StableDiffusionXLPipeline, "
        "Operations: txt2img; hires, Model: pear-xl",
        PEAR,
        api={"steps": 20, "width": 1024},
    ),
    Case(
        "Fooocus in A1111's layout",
        f"{PEAR}\nNegative prompt: {BAD}\nSteps: 30, Sampler: DPM++ 2M SDE Karras, Seed: 1, "
        "Size: 1152x896, CFG scale: 4, Sharpness: 2, Base model: pear-xl, Base model hash: "
        "0123456789, Performance: Speed, Version: Fooocus v2.1.862",
        PEAR,
        BAD,
        {"sampler_name": "DPM++ 2M SDE", "scheduler": "Karras", "cfg_scale": 4.0},
    ),
    Case(
        "Draw Things",
        f"{PEAR}\nNegative prompt: {BAD}\nSteps: 20, Sampler: DPM++ 2M Karras, Guidance Scale: "
        "7.5, Seed: 1, Size: 512x512, Model: v1-5.ckpt, Strength: 1.0, Seed Mode: Scale Alike",
        PEAR,
        BAD,
        {"cfg_scale": 7.5, "scheduler": "Karras"},
    ),
]  # fmt: skip

COMFY = [
    Case(
        "ComfyUI, samplers by ComfyUI's names",
        f"{PEAR}\nNegative prompt: {BAD}\nSteps: 20, Sampler: dpmpp_2m, Scheduler: karras, "
        "CFG scale: 8.0, Seed: 1, Size: 512x512, Model hash: 6ce0161689, Model: v1-5, "
        "Version: ComfyUI",
        PEAR,
        BAD,
        {"sampler_name": "DPM++ 2M", "scheduler": "Karras", "cfg_scale": 8.0},
    ),
    Case(
        "ComfyUI, both names in one",
        f"{PEAR}\nSteps: 20, Sampler: dpmpp_3m_sde_gpu_exponential, CFG scale: 8.0, Seed: 1, "
        "Size: 512x512, Version: ComfyUI",
        PEAR,
        api={"sampler_name": "DPM++ 3M SDE", "scheduler": "Exponential"},
    ),
    Case(
        "ComfyUI, UniPC's other variant",
        f"{PEAR}\nSteps: 20, Sampler: uni_pc_bh2, Scheduler: normal, CFG scale: 8.0, Seed: 1, "
        "Size: 512x512, Version: ComfyUI",
        PEAR,
        api={"sampler_name": "UniPC"},
        overrides={"uni_pc_variant": "bh2"},
    ),
    Case(
        "ComfyUI, hashes in JSON",
        f"{PEAR}\nSteps: 20, Sampler: Euler a, CFG scale: 7, Seed: 1, Size: 512x512, "
        'Hashes: {"model": "6ce0161689", "lora:moss": "0123456789", "embed:by-ink": "ba98765432"}'
        ", Model: v1-5, Version: ComfyUI",
        PEAR,
        api={"sampler_name": "Euler a"},
        overrides={"sd_model_checkpoint": "v1-5"},
    ),
    Case(
        "ComfyUI, a sampler that nobody else has",
        f"{PEAR}\nSteps: 20, Sampler: res_multistep, Scheduler: simple, CFG scale: 4, Seed: 1, "
        "Size: 512x512, Version: ComfyUI",
        PEAR,
        api={"steps": 20},
    ),
]  # fmt: skip

CIVITAI = [
    Case(
        "Civitai's own generator",
        f"{PEAR}\nNegative prompt: {BAD}\nSteps: 25, Sampler: Euler a, CFG scale: 7, Seed: 1, "
        "Size: 832x1216, Clip skip: 2, Created Date: 2024-10-05T1246:33.5540000Z, "
        'Civitai resources: [{"type":"checkpoint","modelVersionId":290640,"modelName":"Pear, XL: '
        'the second","modelVersionName":"v6"},{"type":"lora","weight":0.8,"modelVersionId":1,'
        '"modelName":"Moss","modelVersionName":"v1"}], Civitai metadata: {"remixOfId":1}',
        PEAR,
        BAD,
        {"sampler_name": "Euler a", "width": 832, "height": 1216},
        {"CLIP_stop_at_last_layers": 2},
    ),
    Case(
        "Civitai with addresses of resources",
        f"{PEAR}\nSteps: 20, Sampler: DPM++ 2M Karras, CFG scale: 3.5, Seed: 1, Size: 512x512, "
        'Civitai resources: [{"air":"urn:air:sd1:checkpoint:civitai:4384@128713","weight":1}]',
        PEAR,
        api={"scheduler": "Karras", "cfg_scale": 3.5},
    ),
    Case(
        "copied from a Civitai page",
        f"{PEAR}\nNegative Prompt: {BAD}\nsteps: 20, Sampler: DPM++ SDE Karras, CFG Scale: 7, "
        "seed: 1, Size: 512x768, Model: pear-mix, Clip Skip: 2",
        PEAR,
        BAD,
        {"scheduler": "Karras", "cfg_scale": 7.0, "seed": 1, "steps": 20},
        {"CLIP_stop_at_last_layers": 2},
    ),
]  # fmt: skip

JSON_TEXTS = [
    Case(
        "InvokeAI 3, pasted",
        '{"generation_mode":"txt2img","positive_prompt":"a pear","negative_prompt":"blurry",'
        '"width":512,"height":768,"seed":77,"rand_device":"cpu","cfg_scale":7.5,"steps":30,'
        '"scheduler":"dpmpp_2m_k","clip_skip":1,"model":{"model_name":"v1-5","base_model":"sd-1"},'
        '"loras":[{"lora":{"model_name":"moss"},"weight":0.6}],"app_version":"3.4.0"}',
        "a pear <lora:moss:0.6>",
        "blurry",
        {"sampler_name": "DPM++ 2M", "scheduler": "Karras", "seed": 77, "height": 768,
         "steps": 30},
        {"randn_source": "CPU", "CLIP_stop_at_last_layers": 2},
    ),
    Case(
        "InvokeAI 2, pasted",
        '{"model":"stable diffusion","model_weights":"stable-diffusion-1.5","model_hash":'
        '"cc6cb27103417325ff94f52b7a5d2dde45a7515b25c255d8e396c90014281516","app_id":'
        '"invoke-ai/InvokeAI","app_version":"2.2.4","image":{"prompt":[{"prompt":'
        '"a pear [blurry] on a table","weight":1.0}],"steps":50,"cfg_scale":7.5,"height":512,'
        '"width":640,"seed":42,"type":"txt2img","sampler":"k_lms"}}',
        "a pear on a table",
        "blurry",
        {"sampler_name": "LMS", "steps": 50, "width": 640, "seed": 42},
        {"sd_model_checkpoint": "stable-diffusion-1.5 [cc6cb27103]"},
    ),
    Case(
        "NovelAI, pasted",
        '{"prompt":"a pear","steps":28,"height":768,"width":512,"scale":11.0,"seed":123,'
        '"sampler":"k_euler_ancestral","uc":"blurry","n_samples":1}',
        "a pear",
        "blurry",
        {"sampler_name": "Euler a", "steps": 28, "height": 768, "cfg_scale": 11.0},
        {"CLIP_stop_at_last_layers": 2, "eta_noise_seed_delta": 31337},
    ),
]  # fmt: skip

CORPUS = [*OLD, *NEW, *FORKS, *COMFY, *CIVITAI, *JSON_TEXTS]
