"""All settings, from arguments, the environment and host packages, in that order of strength."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from pydantic import AliasChoices, Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from docwiz_tasks.errors import SettingsError

__all__ = ["Settings"]


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
        description="Have a store in a folder wait for the disk at each write, against a loss of"
        " power. A killed process loses nothing without it.",
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
    render_timeout_seconds: float = Field(
        default=200, gt=0, description="How long one document may take at most."
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
    gemini_base_url: str = "https://generativelanguage.googleapis.com"
    freepik_api_key: SecretStr | None = Field(
        default=None, validation_alias=_also("freepik_api_key", "FREEPIK_API_KEY")
    )
    freepik_base_url: str = "https://api.freepik.com"
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

    @model_validator(mode="after")
    def _durations_fit(self) -> Self:
        if self.soft_time_limit_seconds >= self.time_limit_seconds:
            raise ValueError("soft_time_limit_seconds must be less than time_limit_seconds")
        if self.heartbeat_seconds * 2 > self.lease_seconds:
            raise ValueError("lease_seconds must be at least twice heartbeat_seconds")
        return self

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


def _sentence(error: ValidationError) -> str:
    problems = []
    for detail in error.errors(include_url=False, include_context=False, include_input=False):
        name = ".".join(str(part) for part in detail["loc"]) or "settings"
        problems.append(f"{name}: {detail['msg']}")
    return "These settings are not allowed: " + "; ".join(problems) + "."
