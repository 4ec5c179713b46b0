"""The flags of addresses, access and the API."""

from __future__ import annotations

from dataclasses import dataclass

from modules.flags.option import Group, several, switch, value

_NO_TUNNEL = (
    "no tunnel is opened; use --listen with --gradio-auth, an ssh tunnel, or your host's port proxy"
)


@dataclass(frozen=True, kw_only=True, init=False, repr=False, eq=False)
class Network(Group, title="Network and access"):
    listen: bool = switch("serve to the network (0.0.0.0); asks for --gradio-auth or --api-auth")
    server_name: str | None = value(
        None, "address or host name to serve at; wins over --listen", metavar="HOST"
    )
    port: int | None = value(
        None,
        "port; by default the first free one from 7860 on (7861 with --nowebui)",
        parse=int,
        metavar="N",
    )
    insecure_listen: bool = switch(
        "serve to the network without any password; settings of folders are then blocked"
    )
    allowed_host: tuple[str, ...] = several(
        "host name under which a proxy reaches this server, such as *.example.org; may be repeated",
        metavar="HOST",
    )
    users_share_jobs: bool = switch(
        "with several passwords: everyone sees and may stop everyone's jobs and pictures"
    )
    webhooks: bool = switch("let jobs of /easel/v1 name an address that is told of their end")
    webhooks_local: bool = switch(
        "let --webhooks reach this machine and the local network too, not only public addresses"
    )
    offline: bool = switch("fetch nothing: the page's downloads of models are off")
    downloads_local: bool = switch(
        "let downloads of models reach this machine and the local network too"
    )
    hub_address: str = value(
        "https://huggingface.co",
        "where models are fetched from by repository and file: a mirror of the Hugging Face hub",
        metavar="URL",
    )
    users_add_models: bool = switch(
        "with several passwords or --insecure-listen: everyone may add models"
    )
    share: bool = switch("open a public tunnel through Gradio's service", _NO_TUNNEL)
    ngrok: str | None = value(
        None, "open a public tunnel through ngrok", secret=True, metavar="TOKEN", instead=_NO_TUNNEL
    )
    ngrok_options: str = value(
        "{}", "options of that, as JSON", secret=True, metavar="JSON", instead=_NO_TUNNEL
    )
    gradio_auth: str | None = value(
        None,
        "who may come in: user:password, several by commas; page and API alike",
        secret=True,
        metavar="LIST",
    )
    gradio_auth_path: str | None = value(
        None, "a file with the same, by lines or commas", is_path=True
    )
    enable_insecure_extension_access: bool = switch(
        "allow the Extensions tab to strangers", "this version has no extensions"
    )
    gradio_allowed_path: tuple[str, ...] = several(
        "one more folder whose files may be served; may be repeated", is_path=True
    )
    cors_allow_origins: str | None = value(
        None, "other web sites that may use this server, by commas", metavar="LIST"
    )
    cors_allow_origins_regex: str | None = value(
        None, "the same as a regular expression", metavar="REGEX"
    )
    tls_keyfile: str | None = value(None, "key for HTTPS; needs --tls-certfile too", is_path=True)
    tls_certfile: str | None = value(
        None, "certificate for HTTPS; needs --tls-keyfile too", is_path=True
    )
    disable_tls_verify: bool = switch(
        "accept a certificate that nobody signed", "the server checks no certificate"
    )
    subpath: str | None = value(
        None, "path under which a proxy serves this program", metavar="PATH"
    )
    timeout_keep_alive: int = value(
        30, "seconds that an idle connection is kept", parse=int, metavar="SECONDS"
    )
    no_gradio_queue: bool = switch(
        "do without Gradio's queue", "jobs always wait in the program's own queue"
    )
    gradio_debug: bool = switch("start Gradio in debug mode", "--loglevel DEBUG says more")
    autolaunch: bool = switch("open a browser at start")


@dataclass(frozen=True, kw_only=True, init=False, repr=False, eq=False)
class Api(Group, title="API"):
    api: bool = switch("serve A1111's API at /sdapi/v1 beside the page")
    nowebui: bool = switch("serve the API alone, without the page, on port 7861")
    api_auth: str | None = value(
        None,
        "who may come in: user:password, several by commas; the same lock as --gradio-auth",
        secret=True,
        metavar="LIST",
    )
    api_log: bool = switch("log every request")
    api_server_stop: bool = switch("let clients stop the server: /sdapi/v1/server-stop")
    skip_load_model_at_start: bool = switch(
        "load no checkpoint at start", "no start ever waits for a checkpoint"
    )
