"""argv and environment become one record; what does not apply says what happens instead."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from modules.errors import FlagsError
from modules.flags import check_exposure, exposure, help_text, notices, parse, paths_of
from modules.flags.record import GROUPS, ROWS, split_command_line
from modules.flags.reference import markdown

ROOT = Path(__file__).parents[2]
HELP = help_text()  # of use to every row


def test_without_flags_the_page_is_served_to_this_machine():
    flags = parse([], {})
    assert (flags.host, flags.effective_port, flags.is_local) == ("127.0.0.1", 7860, True)
    assert notices(flags) == () and exposure(flags) is None


@pytest.mark.parametrize(
    ("words", "host", "port"),
    [
        (["--listen"], "0.0.0.0", 7860),
        (["--listen", "--server-name", "10.0.0.5"], "10.0.0.5", 7860),
        (["--nowebui"], "127.0.0.1", 7861),
        (["--nowebui", "--port", "80"], "127.0.0.1", 80),
        (["--port=0"], "127.0.0.1", 0),
    ],
)
def test_address_and_port_follow_the_flags(words, host, port):
    flags = parse(words, {})
    assert (flags.host, flags.effective_port) == (host, port)


def test_commandline_args_are_appended_and_win():
    flags = parse(["--port", "1"], {"COMMANDLINE_ARGS": "--port 2 --ckpt-dir '/a b' --api"})
    assert (flags.port, flags.ckpt_dir, flags.api) == (2, "/a b", True)


def test_on_windows_a_backslash_is_only_a_backslash():
    words = split_command_line(r'--ckpt-dir "D:\my models" --api', windows=True)
    assert words == ["--ckpt-dir", r"D:\my models", "--api"]
    assert split_command_line(r"a\ b '#c'", windows=False) == ["a b", "#c"]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.spelling)
def test_every_flag_is_parsed_shown_and_explained(row):
    given = {"switch": [], "words": ["all"]}.get(row.kind)
    if given is None:
        given = [row.choices[0] if row.choices else "12"]
    if row.name == "gradio_auth_path":
        given = [str(ROOT / "tests" / "unit" / "no such file")]
        with pytest.raises(FlagsError, match="can't be read"):
            parse([row.spelling, *given], {})
        return
    if "auth" in row.name:
        given = ["user:word"]
    extra = {"tls_keyfile": ["--tls-certfile", "c"], "tls_certfile": ["--tls-keyfile", "k"]}
    if row.name == "filenames_max_length":
        given = ["64"]
    flags = parse([row.spelling, *given, *extra.get(row.name, [])], {})
    assert flags.gives(row)
    assert any(line.startswith(row.spelling) for line in notices(flags)) == bool(row.instead)
    assert re.search(rf"^  {re.escape(row.spelling)}\b", HELP, re.M)
    assert row.help and not row.help.endswith(".")


def test_the_specifications_flags_are_all_there():
    wanted = """f skip_python_version_check skip_torch_cuda_test reinstall_torch reinstall_xformers
    skip_prepare_environment skip_install skip_version_check update_check update_all_extensions exit
    test_server log_startup loglevel dump_sysinfo do_not_download_clip no_download_sd_model data_dir
    models_dir ckpt ckpt_dir vae_dir vae_path config lora_dir lyco_dir_backcompat embeddings_dir
    hypernetwork_dir textual_inversion_templates_dir localizations_dir gfpgan_dir gfpgan_model
    gfpgan_models_path codeformer_models_path esrgan_models_path bsrgan_models_path
    realesrgan_models_path dat_models_path ldsr_models_path scunet_models_path swinir_models_path
    clip_models_path styles_file ui_config_file ui_settings_file medvram medvram_sdxl lowvram lowram
    disable_model_loading_ram_optimization no_half no_half_vae precision upcast_sampling use_cpu
    use_ipex opt_channelslast device_id disable_nan_check xformers force_enable_xformers
    xformers_flash_attention opt_sdp_attention opt_sdp_no_mem_attention opt_sub_quad_attention
    sub_quad_q_chunk_size sub_quad_kv_chunk_size sub_quad_chunk_threshold opt_split_attention
    opt_split_attention_v1 opt_split_attention_invokeai disable_opt_split_attention listen
    server_name port share ngrok ngrok_options ngrok_region gradio_auth gradio_auth_path
    enable_insecure_extension_access gradio_allowed_path cors_allow_origins cors_allow_origins_regex
    tls_keyfile tls_certfile disable_tls_verify subpath timeout_keep_alive no_gradio_queue
    gradio_queue gradio_debug autolaunch api nowebui api_auth api_log api_server_stop
    skip_load_model_at_start add_stop_route theme hide_ui_dir_config freeze_settings
    freeze_settings_in_sections freeze_specific_settings use_textbox_seed allow_code
    disable_safe_unpickle no_hashing no_prompt_history unix_filenames_sanitization
    filenames_max_length disable_all_extensions disable_extra_extensions
    disable_console_progressbars ui_debug_mode max_batch_count administrator no_progressbar_hiding
    show_negative_prompt deepdanbooru always_batch_cond_uncond unload_gfpgan gradio_img2img_tool
    gradio_inpaint_tool enable_console_prompts""".split()
    assert set(wanted) <= {row.name for row in ROWS}


def test_the_old_drawing_tools_take_any_value():
    flags = parse(["--gradio-img2img-tool", "color-sketch", "--gradio-inpaint-tool", "x"], {})
    assert flags.opens_on_canvas and not parse([], {}).opens_on_canvas
    assert not parse(["--gradio-img2img-tool", "whatever"], {}).opens_on_canvas


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--medvrm"], "unknown flag --medvrm; did you mean --medvram"),
        (["--med"], "unknown flag --med"),
        (["stray"], "unknown flag stray"),
        (["--port", "x"], "--port"),
        (["--port", "70000"], "70000 is outside 0..65535"),
        (["--theme", "blue"], "'light', 'dark'|light, dark"),
        (["--ckpt"], "expected one argument"),
        (["--gradio-auth", "bob"], "needs user:password"),
        (["--gradio-auth", "bob:"], "needs user:password"),
        (["--tls-keyfile", "k"], "--tls-certfile is missing"),
        (["--filenames-max-length", "3"], "16 or more"),
    ],
)
def test_a_flag_that_cant_be_used_is_refused_in_one_line(words, said):
    with pytest.raises(FlagsError, match=said) as error:
        parse(words, {})
    assert "\n" not in error.value.message


def test_an_open_quote_in_the_environment_is_refused():
    with pytest.raises(FlagsError, match="COMMANDLINE_ARGS has a quote"):
        parse([], {"COMMANDLINE_ARGS": "--ckpt 'a"})


def test_unknown_flags_pass_where_the_environment_says_so():
    flags = parse(["--nonesuch", "--api"], {"IGNORE_CMD_ARGS_ERRORS": "1"})
    assert flags.api and notices(flags) == ("unknown flag --nonesuch is ignored",)


def test_no_secret_is_shown(tmp_path):
    file = tmp_path / "users"
    file.write_text("ann:s3cret-a\nbob:s3cret-b, cid:s3cret-c", encoding="utf-8")
    flags = parse(
        ["--gradio-auth-path", str(file), "--api-auth", "x:s3cret-d", "--ngrok", "s3cret-e"],
        {"COMMANDLINE_ARGS": "--gradio-auth dan:s3cret-f:with-colon"},
    )
    shown = repr(flags) + str(flags.public()) + " ".join(notices(flags))
    assert "s3cret" not in shown and flags.public()["api_auth"] == "***"
    assert flags.page_credentials == {
        "ann": "s3cret-a",
        "bob": "s3cret-b",
        "cid": "s3cret-c",
        "dan": "s3cret-f:with-colon",
    }
    assert flags.api_credentials == {"x": "s3cret-d"}


@pytest.mark.parametrize(
    ("words", "open_"),
    [
        (["--listen"], True),
        (["--server-name", "box.local"], True),
        (["--server-name", "127.0.0.2"], False),
        (["--server-name", "localhost", "--listen"], False),
        (["--listen", "--gradio-auth", "a:b"], False),
        (["--listen", "--api-auth", "a:b"], False),
        (["--listen", "--insecure-listen"], False),
        (["--share"], False),
    ],
)
def test_a_server_without_a_password_is_not_opened_to_strangers(words, open_):
    flags = parse(words, {})
    assert (exposure(flags) is not None) == open_
    if open_:
        with pytest.raises(FlagsError, match="--gradio-auth user:password"):
            check_exposure(flags)


def test_settings_are_frozen_wholly_by_section_and_by_key():
    flags = parse(
        ["--freeze-settings-in-sections", "ui, sd", "--freeze-specific-settings=samples_save"], {}
    )
    assert flags.is_frozen("emphasis", "sd") and flags.is_frozen("samples_save", "saving-images")
    assert not flags.is_frozen("font", "saving-images")
    assert parse(["--freeze-settings"], {}).is_frozen("font", "saving-images")


def test_paths_are_absolute_and_follow_data_dir_and_models_dir(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    paths = paths_of(parse(["--data-dir", "data", "--ckpt-dir", "more"], {}), program_dir=ROOT)
    assert paths.data_dir == tmp_path / "data" and paths.easel_dir == tmp_path / "data" / "easel"
    assert paths.checkpoint_dirs == (
        tmp_path / "data" / "models" / "Stable-diffusion",
        tmp_path / "more",
    )
    assert paths.settings_file == tmp_path / "data" / "config.json"
    assert paths.builtin_checkpoint.parent == ROOT / "models" / "Stable-diffusion"
    models = paths_of(parse(["--models-dir", "m", "--lora-dir", "l"], {})).lora_dirs
    assert models == (tmp_path / "l", tmp_path / "m" / "LyCORIS")


def test_styles_files_take_patterns_and_files_to_come(tmp_path):
    for name in ("b.csv", "a.csv"):
        (tmp_path / name).touch()
    words = ["--styles-file", str(tmp_path / "new.csv"), "--styles-file", str(tmp_path / "*.csv")]
    files = paths_of(parse(words, {})).styles_files
    assert [file.name for file in files] == ["new.csv", "a.csv", "b.csv"]
    assert paths_of(parse([], {})).styles_files[0].name == "styles.csv"


def test_the_log_level_comes_from_the_environment_where_no_flag_gives_it():
    environ = {"SD_WEBUI_LOG_LEVEL": "debug"}
    assert parse([], environ).loglevel == "DEBUG"
    assert parse(["--loglevel", "error"], environ).loglevel == "ERROR"


def test_a_server_for_tests_has_the_api():
    assert parse(["--test-server"], {}).api


def test_help_lists_every_group_and_needs_nothing_but_the_standard_library():
    code = (
        "import sys; from modules.flags import help_text; sys.stdout.write(help_text());"
        "assert not {'torch', 'gradio', 'fastapi', 'PIL', 'numpy'} & set(sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    assert all(f"{group.group_title}:" in run.stdout for group in GROUPS)


def test_the_page_on_flags_is_made_from_the_table():
    assert (ROOT / "docs" / "flags.md").read_text(encoding="utf-8") == markdown(), (
        "python -m modules.flags.reference > docs/flags.md"
    )
