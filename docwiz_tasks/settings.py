"""All settings, from arguments, the environment and host packages, in that order of strength."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Mapping
from ipaddress import ip_address
from typing import Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import (
    AliasChoices,
    Field,
    PositiveInt,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, SettingsConfigDict

from docwiz_tasks.errors import SettingsError

__all__ = ["Settings"]

Rates = dict[str, tuple[tuple[PositiveInt, PositiveInt], ...]]

# https://docs.freepik.com/ratelimits: 50 hits a second over 5 seconds, 10 over 2 minutes.
_RATE_LIMITS: Rates = {"freepik": ((250, 5), (1200, 120))}


def _also(name: str, *usual: str) -> AliasChoices:
    return AliasChoices(name, f"DOCWIZ_{name.upper()}", *usual)


class Settings(BaseSettings):
    """What a host can set; each as an argument here or as ``DOCWIZ_<NAME>``.

    Raises:
        SettingsError: a value isn't allowed; it names the setting, never the value.
    """

    model_config = SettingsConfigDict(
        env_prefix="DOCWIZ_",
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
        populate_by_name=True,
        defer_build=True,
    )

    store_url: str | None = Field(
        default=None,
        description="Where images, records and files live: file:///…, memory://, s3://…, gs://….",
    )
    store_fsync: bool = Field(
        default=True,
        description="Have a store in a folder wait for the disk at each durable write, against a"
        " loss of power. A killed process loses nothing without it.",
    )
    ai_provider: str = Field(default="gemini", description="The AI provider's name.")
    image_provider: str = Field(default="freepik", description="The image provider's name.")
    renderers: tuple[str, ...] | None = Field(
        default=None, description="The export formats on offer; all that plugins give if not set."
    )
    plugins: str | None = Field(
        default=None,
        description="Entry points to load, separated by commas; `none` for none, all if not set.",
    )
    visualizations_queue: str = Field(default="visualizations", min_length=1)
    exports_queue: str = Field(default="exports", min_length=1)
    time_limit_seconds: float = Field(default=300, gt=0)
    soft_time_limit_seconds: float = Field(default=240, gt=0)
    provider_timeout_seconds: float = Field(
        default=120, gt=0, description="How long one call of a provider may take at most."
    )
    comparison_concurrency: int = Field(
        default=8, ge=1, description="How many provider calls of one comparison run at once."
    )
    provider_attempts: int = Field(
        default=4, ge=1, description="How often one call of a provider is tried in all."
    )
    retry_base_seconds: float = Field(
        default=1, ge=0, description="The first wait between tries at most; doubled for each."
    )
    retry_max_seconds: float = Field(
        default=60, ge=0, description="The longest wait between tries that we choose ourselves."
    )
    retry_in_place_seconds: float = Field(
        default=5, ge=0, description="A longer wait frees the worker until it is over."
    )
    provider_patience_seconds: float = Field(
        default=900,
        ge=0,
        description="How long a job waits, from when it was first held up, for providers that may"
        " not be called.",
    )
    provider_rate_limits: Rates = Field(
        default=_RATE_LIMITS,
        description="By provider, how many calls all workers make at most in how many seconds."
        " One that isn't named keeps its default.",
    )
    breaker_failures: int = Field(
        default=5,
        ge=1,
        description="How many transient failures of a provider in a row keep all workers from it.",
    )
    breaker_window_seconds: int = Field(
        default=60, ge=1, description="In how many seconds those failures must come."
    )
    breaker_open_seconds: int = Field(
        default=30, ge=1, description="How long workers keep from it until one call is tried."
    )
    throttle_url: SecretStr | None = Field(
        default=None,
        description="Where workers share rate limits and breakers: `redis://…`, or `memory://` for"
        " each process alone; the host's own Redis if not set.",
    )
    render_timeout_seconds: float = Field(
        default=200, gt=0, description="How long one document may take at most."
    )
    artwork_fallback: bool = Field(
        default=False,
        description="Draw an infographic on the built-in background when the image provider"
        " fails for good; its result says so. If not, the job fails.",
    )
    visible_mark: bool = Field(
        default=True,
        description="Print into each AI picture that it is a simulation. For machines it is"
        " always marked.",
    )
    c2pa_certificate: str | None = Field(
        default=None,
        description="The certificate that AI pictures and reports are signed with, and those"
        " between it and a trusted one: PEM, or the path of a PEM file. They aren't signed if"
        " not set.",
    )
    c2pa_private_key: SecretStr | None = Field(
        default=None,
        description="The certificate's private key, on P-256: PEM, or the path of a PEM file.",
    )
    fidelity_threshold: float = Field(
        default=0.1,
        ge=0,
        le=1,
        description="What share of a photo outside the treated region an AI edit may change.",
    )
    fidelity_policy: Literal["mark", "fail", "off"] = Field(
        default="mark",
        description="What is done with an edit that, tried once more, still changes too much:"
        " `mark` says so in the result, `fail` fails the job; `off` measures nothing.",
    )
    max_deliveries: int = Field(
        default=3, ge=1, description="How often a job's worker may die before the job is given up."
    )
    heartbeat_seconds: float = Field(
        default=5, gt=0, description="How often a running job shows that it lives."
    )
    lease_seconds: float = Field(
        default=20,
        gt=0,
        description="After how long without a heartbeat a job on another machine counts as dead.",
    )
    font_path: str | None = Field(
        default=None,
        description="A TrueType font for scripts that the built-in one lacks, such as Han.",
    )
    rescue_seconds: float = Field(
        default=30, gt=0, description="How often each worker looks for jobs that were lost."
    )
    gemini_api_key: SecretStr | None = Field(
        default=None,
        validation_alias=_also("gemini_api_key", "GEMINI_API_KEY", "GOOGLE_API_KEY"),
    )
    gemini_model: str = "gemini-nano-banana-2.1"
    gemini_base_url: str | None = Field(
        default=None,
        description="Where Gemini is asked: Google's own address for the Gemini API or Vertex AI"
        " if not set.",
    )
    gemini_api_version: str | None = Field(
        default=None, description="`v1beta`, or on Vertex AI `v1beta1`, if not set."
    )
    gemini_project: str | None = Field(
        default=None,
        description="A Google Cloud project: Vertex AI is asked then, with the credentials of the"
        " environment instead of an API key.",
    )
    gemini_location: str = Field(
        default="global", description="Where Vertex AI does the work; only with a project."
    )
    gemini_aspect_ratio: str | None = Field(
        default=None,
        pattern=r"^[1-9]\d?:[1-9]\d?$",
        description="The shape that the model is asked for, such as `3:4`; the nearest to the"
        " photo's if not set. The result always has the photo's own.",
    )
    gemini_image_size: Literal["1K", "2K", "4K"] | None = Field(
        default=None,
        description="How large a picture is asked for; the model's default if not set.",
    )
    gemini_safety_threshold: str = Field(
        default="BLOCK_ONLY_HIGH",
        pattern=r"^[A-Z_]+$",
        description="From which likelihood of harm on the model refuses, in Google's words.",
    )
    gemini_embedding_model: str = Field(
        default="gemini-embedding-2", description="The model of embeddings; `none` for none."
    )
    gemini_embedding_dimensions: int = Field(
        default=768, ge=1, description="How many numbers an embedding has."
    )
    freepik_api_key: SecretStr | None = Field(
        default=None, validation_alias=_also("freepik_api_key", "FREEPIK_API_KEY")
    )
    freepik_base_url: str = "https://api.freepik.com"
    freepik_model: Literal["classic", "mystic"] = Field(
        default="classic",
        description="`classic` answers at once; `mystic` is finer, takes longer and costs more.",
    )
    freepik_poll_seconds: float = Field(
        default=2, gt=0, description="How often an order of Mystic is asked for."
    )
    freepik_download_hosts: tuple[str, ...] = Field(
        default=("freepik.com", "magnific.com"),
        description="Hosts, with those below them, that finished pictures are fetched from.",
    )
    qdrant_url: str | None = Field(
        default=None,
        pattern=r"^(https?://\S+|:memory:)$",
        description="Where Qdrant keeps the index of similar cases; no index if not set.",
    )
    qdrant_api_key: SecretStr | None = None
    qdrant_collection: str = Field(
        default="docwiz",
        pattern=r"^[A-Za-z0-9_-]{1,64}$",
        description="How the names of the index's collections begin; there is one for each model.",
    )
    case_index_timeout_seconds: float = Field(
        default=5,
        gt=0,
        description="How long a job waits for the case index before it goes on without.",
    )
    firestore_project: str | None = Field(
        default=None,
        min_length=1,
        description="A Google Cloud project whose Firestore keeps the records; the store keeps"
        " them if not set.",
    )
    firestore_database: str = Field(default="(default)", min_length=1)
    firestore_prefix: str = Field(
        default="docwiz_",
        pattern=r"^[A-Za-z0-9_-]{0,64}$",
        description="How the names of the records' collections begin.",
    )
    public_url: str | None = Field(
        default=None,
        description="Where the web router is mounted, as browsers see it; for links to files.",
    )
    link_secret: SecretStr | None = Field(
        default=None, description="What links to files in a folder or in memory are signed with."
    )
    web_wait_seconds: float = Field(
        default=30,
        ge=0,
        description="How long a request may wait for its job before it is told where to look.",
    )
    webhook_url: SecretStr | None = Field(
        default=None,
        description="Where events of jobs are posted: https, or http on loopback.",
    )
    webhook_secret: SecretStr | None = Field(
        default=None,
        description="What they are signed with: `whsec_` and 24 to 64 random bytes in base64."
        " Several, with spaces between, while one takes another's place.",
    )
    webhook_events: tuple[
        Literal["submitted", "started", "step", "retry", "succeeded", "failed", "cancelled"], ...
    ] = Field(default=("succeeded", "failed", "cancelled"), description="Which are posted.")
    webhook_timeout_seconds: float = Field(
        default=10, gt=0, description="How long the receiver may take."
    )
    webhook_attempts: int = Field(
        default=20, ge=1, description="How often one message is posted in all."
    )
    webhook_retry_seconds: float = Field(
        default=5, gt=0, description="The first wait between two posts at most; doubled for each."
    )
    broker_url: SecretStr | None = Field(
        default=None,
        validation_alias=_also("broker_url", "CELERY_BROKER_URL", "REDIS_URL"),
        description="Only for apps that DocWiz makes itself; a host's app keeps its own.",
    )
    result_backend: SecretStr | None = Field(
        default=None,
        validation_alias=_also("result_backend", "CELERY_RESULT_BACKEND", "REDIS_URL"),
        description="Only for apps that DocWiz makes itself; a host's app keeps its own.",
    )

    def __init__(self, **values: Any) -> None:
        try:
            super().__init__(**values)
        except ValidationError as error:
            raise SettingsError(_sentence(error)) from None
        except ValueError as error:
            # The source's own: a list or a mapping in the environment that isn't JSON.
            raise SettingsError(f"A setting can't be read as JSON: {error}.") from None

    @field_validator("provider_rate_limits")
    @classmethod
    def _with_known_rates(cls, rates: Rates) -> Rates:
        return {**_RATE_LIMITS, **rates}

    @model_validator(mode="after")
    def _durations_fit(self) -> Self:
        if self.soft_time_limit_seconds >= self.time_limit_seconds:
            raise ValueError("soft_time_limit_seconds must be less than time_limit_seconds")
        if self.heartbeat_seconds * 2 > self.lease_seconds:
            raise ValueError("lease_seconds must be at least twice heartbeat_seconds")
        return self

    @model_validator(mode="after")
    def _certificate_has_its_key(self) -> Self:
        if (self.c2pa_certificate is None) != (self.c2pa_private_key is None):
            raise ValueError("c2pa_certificate and c2pa_private_key are set together or not at all")
        return self

    @model_validator(mode="after")
    def _webhook_is_safe(self) -> Self:
        if self.webhook_url is None:
            return self
        url = urlsplit(self.webhook_url.get_secret_value())
        if url.scheme != "https" and not (url.scheme == "http" and _is_loopback(url.hostname)):
            raise ValueError("webhook_url must begin with https://, or be http:// on loopback")
        if not url.hostname:
            raise ValueError("webhook_url must name a host")
        if not self.webhook_keys:
            raise ValueError("webhook_secret must be set when webhook_url is")
        return self

    @property
    def webhook_keys(self) -> tuple[bytes, ...]:
        """What webhooks are signed with.

        Raises:
            ValueError: `webhook_secret` isn't as receivers' libraries expect it.
        """
        secrets = "" if self.webhook_secret is None else self.webhook_secret.get_secret_value()
        return tuple(_webhook_key(secret) for secret in secrets.split())

    def with_defaults(self, defaults: Mapping[str, object]) -> Settings:
        """Return these settings with `defaults` wherever nobody set a value.

        Raises:
            SettingsError: a default isn't allowed.
        """
        unset = {key: value for key, value in defaults.items() if key not in self.model_fields_set}
        if not unset:
            return self
        kept = {key: getattr(self, key) for key in self.model_fields_set}
        return Settings(**{**unset, **kept})


def _is_loopback(host: str | None) -> bool:
    try:
        return host == "localhost" or ip_address(host or "").is_loopback
    except ValueError:
        return False


def _webhook_key(secret: str) -> bytes:
    # https://github.com/standard-webhooks/standard-webhooks, "Signature scheme"
    try:
        key = b64decode(secret.removeprefix("whsec_"), validate=True)
    except ValueError:
        key = b""
    if not secret.startswith("whsec_") or not 24 <= len(key) <= 64:
        raise ValueError("webhook_secret must be whsec_ and 24 to 64 random bytes in base64")
    return key


def _sentence(error: ValidationError) -> str:
    problems = []
    for detail in error.errors(include_url=False, include_context=False, include_input=False):
        name = ".".join(str(part) for part in detail["loc"]) or "settings"
        problems.append(f"{name}: {detail['msg']}")
    return "These settings are not allowed: " + "; ".join(problems) + "."
