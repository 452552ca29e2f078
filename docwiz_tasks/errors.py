"""Every error that docwiz-tasks raises: a code for programs, a sentence for people.

    DocWizError
    ├── SettingsError              settings_invalid
    ├── AlreadyRegistered          already_registered
    ├── AppNotRegistered           app_not_registered
    ├── ExtraMissing               extra_missing
    ├── PluginError                plugin_invalid
    │   └── UnknownPlugin          plugin_unknown
    ├── InvalidRequest             request_invalid
    │   ├── InvalidId              id_malformed
    │   ├── UnknownFormat          format_unknown
    │   └── IdempotencyConflict    idempotency_conflict
    ├── NotFound                   not_found
    │   ├── UnknownImage           image_unknown
    │   ├── UnknownPatient         patient_unknown
    │   ├── UnknownProcedure       procedure_unknown
    │   ├── UnknownCostBreakdown   cost_breakdown_unknown
    │   ├── UnknownRecord          record_unknown
    │   ├── NotEmbedded            not_embedded
    │   └── UnknownJob             job_unknown
    ├── WrongPatient               patient_mismatch
    ├── InvalidPhoto               photo_invalid
    ├── InvalidRecord              record_invalid
    ├── AmountsDiffer              amounts_differ
    ├── StoreError                 store_failed
    │   ├── StoreUnavailable       store_unavailable
    │   └── StoreForked            store_forked
    ├── SubmissionFailed           submission_failed
    ├── ProviderError              provider_failed
    │   ├── ProviderUnavailable    provider_unavailable
    │   ├── ProviderRefused        provider_refused
    │   ├── ProviderRejected       provider_rejected
    │   └── EditUnfaithful         edit_unfaithful
    ├── RenderFailed               render_failed
    ├── SigningFailed              signing_failed
    ├── ComparisonFailed           comparison_failed
    ├── WebhookFailed              webhook_failed
    │   └── WebhookGone            webhook_gone
    ├── DeadlineExceeded           deadline_exceeded
    ├── DeliveryLimitExceeded      delivery_limit_exceeded
    ├── JobLost                    job_lost
    ├── JobNotFailed               job_not_failed
    ├── JobCancelled               job_cancelled
    ├── JobFailed                  job_failed
    ├── WaitTimeout                wait_timeout
    └── InternalError              internal_error

A message never holds a patient's data or a secret. Each class is built from its
message alone, so that Celery's JSON result backend can carry it.
"""

from __future__ import annotations

from collections.abc import Iterator

__all__ = [
    "AlreadyRegistered",
    "AmountsDiffer",
    "AppNotRegistered",
    "ComparisonFailed",
    "DeadlineExceeded",
    "DeliveryLimitExceeded",
    "DocWizError",
    "EditUnfaithful",
    "ExtraMissing",
    "IdempotencyConflict",
    "InternalError",
    "InvalidId",
    "InvalidPhoto",
    "InvalidRecord",
    "InvalidRequest",
    "JobCancelled",
    "JobFailed",
    "JobLost",
    "JobNotFailed",
    "NotEmbedded",
    "NotFound",
    "PluginError",
    "ProviderError",
    "ProviderRefused",
    "ProviderRejected",
    "ProviderUnavailable",
    "RenderFailed",
    "SettingsError",
    "SigningFailed",
    "StoreError",
    "StoreForked",
    "StoreUnavailable",
    "SubmissionFailed",
    "UnknownCostBreakdown",
    "UnknownFormat",
    "UnknownImage",
    "UnknownJob",
    "UnknownPatient",
    "UnknownPlugin",
    "UnknownProcedure",
    "UnknownRecord",
    "WaitTimeout",
    "WebhookFailed",
    "WebhookGone",
    "WrongPatient",
    "error_from",
]


class DocWizError(Exception):
    """Base of every error that this library raises."""

    code: str = "docwiz_error"
    retryable: bool = False

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class SettingsError(DocWizError):
    """Say which setting is wrong and what is allowed."""

    code = "settings_invalid"


class AlreadyRegistered(DocWizError):
    """Refuse to register one app a second time with other settings."""

    code = "already_registered"


class AppNotRegistered(DocWizError):
    """Say that an app has no tasks of ours, and how it gets them."""

    code = "app_not_registered"


class ExtraMissing(DocWizError):
    """Name the extra that has to be installed."""

    code = "extra_missing"

    @classmethod
    def for_extra(cls, extra: str, purpose: str) -> ExtraMissing:
        """Say which ``pip install`` line brings what `purpose` needs."""
        return cls(f"{purpose} needs the {extra!r} extra: pip install 'docwiz-tasks[{extra}]'")


class PluginError(DocWizError):
    """Name the plugin, and its distribution, that can't be used."""

    code = "plugin_invalid"


class UnknownPlugin(PluginError):
    """Name the provider or renderer that no plugin gives."""

    code = "plugin_unknown"


class InvalidRequest(DocWizError):
    """Say which argument of a job is wrong."""

    code = "request_invalid"


class InvalidId(InvalidRequest):
    """Refuse an id that is empty, too long, or has characters that no id has."""

    code = "id_malformed"


class UnknownFormat(InvalidRequest):
    """Name the formats that there are."""

    code = "format_unknown"


class IdempotencyConflict(InvalidRequest):
    """Refuse an idempotency key that was used with other arguments."""

    code = "idempotency_conflict"


class NotFound(DocWizError):
    """Base of the errors about something that isn't there."""

    code = "not_found"


class UnknownImage(NotFound):
    """No photo has this id."""

    code = "image_unknown"


class UnknownPatient(NotFound):
    """No patient has this id."""

    code = "patient_unknown"


class UnknownProcedure(NotFound):
    """No procedure has this id."""

    code = "procedure_unknown"


class UnknownCostBreakdown(NotFound):
    """No cost breakdown has this id."""

    code = "cost_breakdown_unknown"


class UnknownRecord(NotFound):
    """No visualization or comparison has this id."""

    code = "record_unknown"


class NotEmbedded(NotFound):
    """The visualization has no embedding to find others by."""

    code = "not_embedded"


class UnknownJob(NotFound):
    """Nobody submitted a job with this id."""

    code = "job_unknown"


class WrongPatient(DocWizError):
    """Refuse a record that belongs to another patient."""

    code = "patient_mismatch"


class InvalidPhoto(DocWizError):
    """Say why a file can't be taken as a photo."""

    code = "photo_invalid"


class InvalidRecord(DocWizError):
    """Say which fields of a record are wrong, without their values."""

    code = "record_invalid"


class AmountsDiffer(DocWizError):
    """Say by how much the parts of a cost breakdown miss its total."""

    code = "amounts_differ"


class StoreError(DocWizError):
    """The store did not do what it was asked."""

    code = "store_failed"


class StoreUnavailable(StoreError):
    """The store can't be reached."""

    code = "store_unavailable"
    retryable = True


class StoreForked(StoreError):
    """What was used before this process was forked can't be used in it."""

    code = "store_forked"


class SubmissionFailed(DocWizError):
    """The broker did not take the job; submit again with the same idempotency key."""

    code = "submission_failed"
    retryable = True


class ProviderError(DocWizError):
    """A provider failed; the base of the errors that a provider raises."""

    code = "provider_failed"


class ProviderUnavailable(ProviderError):
    """The service can't answer now.

    Args:
        message: what happened, in a sentence.
        retry_after_seconds: how long the service asked to wait, if it said.
    """

    code = "provider_unavailable"
    retryable = True

    def __init__(
        self,
        message: str = "The provider is not available now; try again later.",
        *,
        retry_after_seconds: float | None = None,
    ) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


class ProviderRefused(ProviderError):
    """The service declined to make this picture.

    Args:
        reason: the service's own word for it, for example ``SAFETY``.
        retryable: whether the service may well make it the next time; it is asked twice more.
    """

    code = "provider_refused"

    def __init__(self, reason: str, *, retryable: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.retryable = retryable


class ProviderRejected(ProviderError):
    """The service can't work with this request or these credentials."""

    code = "provider_rejected"


class EditUnfaithful(ProviderError):
    """Say how much an AI edit changed outside the region that it was to change."""

    code = "edit_unfaithful"


class RenderFailed(DocWizError):
    """A document could not be made."""

    code = "render_failed"


class SigningFailed(DocWizError):
    """A picture or document could not be signed."""

    code = "signing_failed"


class ComparisonFailed(DocWizError):
    """Name the procedure that failed; the finished ones are kept for the next try."""

    code = "comparison_failed"

    def __init__(self, message: str, *, retryable: bool = False) -> None:
        super().__init__(message)
        self.retryable = retryable


class WebhookFailed(DocWizError):
    """The webhook's receiver did not take a message.

    Args:
        message: what happened, in a sentence.
        retry_after_seconds: how long the receiver asked to wait, if it said.
    """

    code = "webhook_failed"
    retryable = True

    def __init__(self, message: str, *, retry_after_seconds: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


class WebhookGone(WebhookFailed):
    """The webhook's receiver wants no more of a message."""

    code = "webhook_gone"
    retryable = False


class DeadlineExceeded(DocWizError):
    """The job's time is up; its committed steps are kept."""

    code = "deadline_exceeded"
    retryable = True


class DeliveryLimitExceeded(DocWizError):
    """The job's worker died each time that it ran; it waits for somebody to look at it."""

    code = "delivery_limit_exceeded"


class JobLost(DocWizError):
    """The broker lost the job; submit it again with the same idempotency key."""

    code = "job_lost"
    retryable = True


class JobNotFailed(DocWizError):
    """Refuse to run a job again that did not fail."""

    code = "job_not_failed"


class JobCancelled(DocWizError):
    """The job was cancelled before it finished."""

    code = "job_cancelled"


class JobFailed(DocWizError):
    """The job ended with an error that has no class of its own here.

    Args:
        message: the sentence of the error that it failed with.
        code: that error's code.
        retryable: whether submitting it again may help.
    """

    code = "job_failed"

    def __init__(self, message: str, code: str = "job_failed", *, retryable: bool = False) -> None:
        super().__init__(message)
        self.args = (message, code)
        self.code = code
        self.retryable = retryable

    def __str__(self) -> str:
        return self.message


class WaitTimeout(DocWizError):
    """The job had not finished when the caller stopped waiting; it goes on."""

    code = "wait_timeout"
    retryable = True


class InternalError(DocWizError):
    """A defect of ours or of a plugin's; the log has where, without any data."""

    code = "internal_error"


def error_from(code: str, message: str, *, retryable: bool) -> DocWizError:
    """Return the error that a kept code and message stand for."""
    for kind in _kinds(DocWizError):
        if kind.code == code:
            error = kind(message)
            error.retryable = retryable
            return error
    return JobFailed(message, code, retryable=retryable)


def _kinds(kind: type[DocWizError]) -> Iterator[type[DocWizError]]:
    yield kind
    for narrower in kind.__subclasses__():
        yield from _kinds(narrower)
