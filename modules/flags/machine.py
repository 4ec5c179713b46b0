"""The flags of memory, precision, devices and attention."""

from __future__ import annotations

from dataclasses import dataclass

from modules.flags.option import Group, several, switch, value

_ATTENTION = "attention is always PyTorch's own fused one, which needs no flag"
PARTS = (
    "all",
    "sd",
    "interrogate",
    "gfpgan",
    "bsrgan",
    "esrgan",
    "scunet",
    "swinir",
    "codeformer",
)


@dataclass(frozen=True, kw_only=True, init=False, repr=False, eq=False)
class Memory(Group, title="Memory, precision and devices"):
    medvram: bool = switch("keep one part of the model on the device at a time")
    medvram_sdxl: bool = switch("the same, for SDXL only")
    lowvram: bool = switch("keep only a layer on the device at a time")
    lowram: bool = switch(
        "load weights straight to the device", "weights are mapped from their file as it is"
    )
    disable_model_loading_ram_optimization: bool = switch(
        "make modules in memory before their weights are read",
        "modules are always made without memory first",
    )
    no_half: bool = switch("compute the whole model in fp32")
    no_half_vae: bool = switch("compute the VAE in fp32")
    precision: str = value(
        "autocast",
        "full: fp32; half: all in half precision; autocast: half precision where that is safe",
        choices=("full", "half", "autocast"),
        parse=str.lower,
    )
    upcast_sampling: bool = switch(
        "compute the sampler in fp32", "samplers always compute in fp32; see also --no-half"
    )
    use_cpu: tuple[str, ...] = several(
        "compute these parts on the CPU; all or sd is the whole model",
        words=True,
        metavar="PART",
        choices=PARTS,
    )
    use_ipex: bool = switch(
        "use an Intel XPU", "an XPU is not supported; CUDA, Apple's MPS or the CPU computes"
    )
    opt_channelslast: bool = switch("lay pictures out channels last in memory")
    device_id: str | None = value(None, "number of the CUDA device", metavar="N")
    devices: str = value(
        "", "devices to work on at once, such as 0,1: one worker each", metavar="LIST"
    )
    disable_nan_check: bool = switch(
        "let a picture of not-a-numbers pass", "such a picture always fails, with a line on why"
    )


@dataclass(frozen=True, kw_only=True, init=False, repr=False, eq=False)
class Attention(Group, title="Attention"):
    xformers: bool = switch("use xformers", _ATTENTION)
    force_enable_xformers: bool = switch("use xformers on any card", _ATTENTION)
    xformers_flash_attention: bool = switch("use xformers' flash attention", _ATTENTION)
    opt_sdp_attention: bool = switch("use PyTorch's attention", _ATTENTION)
    opt_sdp_no_mem_attention: bool = switch(
        "use PyTorch's attention without its memory-saving kernel", _ATTENTION
    )
    opt_sub_quad_attention: bool = switch("use sub-quadratic attention", _ATTENTION)
    sub_quad_q_chunk_size: int = value(
        1024, "its query chunk size", parse=int, metavar="N", instead=_ATTENTION
    )
    sub_quad_kv_chunk_size: int | None = value(
        None, "its key and value chunk size", parse=int, metavar="N", instead=_ATTENTION
    )
    sub_quad_chunk_threshold: int | None = value(
        None, "its memory threshold, in percent", parse=int, metavar="N", instead=_ATTENTION
    )
    opt_split_attention: bool = switch("use Doggettx's attention", _ATTENTION)
    opt_split_attention_v1: bool = switch("use an older split attention", _ATTENTION)
    opt_split_attention_invokeai: bool = switch("use InvokeAI's attention", _ATTENTION)
    disable_opt_split_attention: bool = switch("use plain attention", _ATTENTION)
