"""Settings of typing prompts and of the canvas's keys."""

from __future__ import annotations

from dataclasses import dataclass

from modules.settings.option import Section, option

CATEGORY = "User Interface"


@dataclass(frozen=True)
class PromptEditing(Section, id="ui_prompt_editing", title="Prompt editing", category=CATEGORY):
    keyedit_precision_attention: float = option(
        0.1,
        "Step of (attention:1.1) with Ctrl+up and down",
        low=0.01,
        high=0.2,
        step=0.001,
    )
    keyedit_precision_extra: float = option(
        0.05,
        "Step of <extra networks:0.9> with Ctrl+up and down",
        low=0.01,
        high=0.2,
        step=0.001,
    )
    keyedit_delimiters: str = option(r".,\/!?%^*;:{}=`~() ", "Word delimiters for that")
    keyedit_delimiters_whitespace: tuple[str, ...] = option(
        ("Tab", "Carriage Return", "Line Feed"),
        "Whitespace delimiters for that",
        choices=("Tab", "Carriage Return", "Line Feed"),
    )
    keyedit_move: bool = option(True, "Alt+left and right move prompt elements")
    disable_token_counters: bool = option(False, "Hide the prompts' token counters")
    include_styles_into_token_counters: bool = option(True, "Count the tokens of styles too")


@dataclass(frozen=True)
class CanvasHotkeys(Section, id="canvas_hotkey", title="Canvas Hotkeys", category=CATEGORY):
    canvas_hotkey_zoom: str = option(
        "Alt", "Zoom, with the wheel", choices=("Shift", "Ctrl", "Alt")
    )
    canvas_hotkey_adjust: str = option(
        "Ctrl", "Brush size, with the wheel", choices=("Shift", "Ctrl", "Alt")
    )
    canvas_hotkey_shrink_brush: str = option("Q", "Make the brush smaller")
    canvas_hotkey_grow_brush: str = option("W", "Make the brush larger")
    canvas_hotkey_move: str = option("F", "Move the canvas, while held")
    canvas_hotkey_fullscreen: str = option("S", "As large as the page, and back")
    canvas_hotkey_reset: str = option("R", "Zoom and position as at first")
    canvas_show_tooltip: bool = option(True, "Show a hint with the keys on the canvas")
    canvas_blur_prompt: bool = option(
        False, "Leave the prompt field when the pointer is over the canvas"
    )
    canvas_disabled_functions: tuple[str, ...] = option(
        ("Overlap",),
        "Functions of the canvas that are off",
        choices=(
            "Zoom",
            "Adjust brush size",
            "Hotkey shrink brush",
            "Hotkey enlarge brush",
            "Moving canvas",
            "Fullscreen",
            "Reset Zoom",
            "Overlap",
        ),
    )
