"""What a host holds in hand after `register`."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import timedelta
from functools import cached_property
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from celery import Celery

from docwiz_tasks import builtin
from docwiz_tasks.celery_app import broker, config
from docwiz_tasks.celery_app.webhooks import WebhookListener
from docwiz_tasks.errors import StoreError, StoreUnavailable, UnknownJob
from docwiz_tasks.links import signed_link
from docwiz_tasks.plugins import Plugins
from docwiz_tasks.settings import Settings
from docwiz_tasks.store import Store, open_store, path_of

# What takes long to import comes when it is used: a host that registers at its start
# waits for none of it.
if TYPE_CHECKING:
    from docwiz_tasks.celery_app.job import Job
    from docwiz_tasks.contracts import CaseIndex, Records, SimilarCase
    from docwiz_tasks.jobs.cases import Reindexed
    from docwiz_tasks.jobs.heartbeat import Heart
    from docwiz_tasks.jobs.journal import Journal
    from docwiz_tasks.jobs.resources import Resources
    from docwiz_tasks.jobs.throttle import Throttle

__all__ = ["DocWiz"]

# A namespace of its own, so that a key gives the same job id in every process.
_KEYS = uuid.UUID("6f1c2a54-8f0e-4d62-9a55-2f7d0c0b1e11")


class DocWiz:
    """Submit jobs, find them again, and reach the store, the records and the plugins.

    Args:
        app: the Celery app that it is registered on.
        settings: as the host gave them; host packages' defaults are added when needed.
    """

    def __init__(self, app: Celery, settings: Settings) -> None:
        self.app = app
        self.given_settings = settings
        listeners = {"docwiz-tasks webhooks": WebhookListener(self)}
        self.plugins = Plugins(settings.plugins, {"docwiz-tasks": builtin, **listeners})

    @cached_property
    def settings(self) -> Settings:
        """The settings in force: arguments, the environment, host packages, defaults."""
        return self.given_settings.with_defaults(self.plugins.default_settings())

    @cached_property
    def store(self) -> Store:
        """Where images, records and files live."""
        return open_store(self.settings.store_url, fsync=self.settings.store_fsync)

    @cached_property
    def records(self) -> Records:
        """The host's records, or the default ones in the store."""
        from docwiz_tasks.records import StoredRecords

        return self.plugins.records(self.settings) or StoredRecords(self.store)

    @cached_property
    def throttle(self) -> Throttle:
        """When providers may be called; shared by all workers of the host."""
        from docwiz_tasks.celery_app.throttling import throttle_of

        return throttle_of(self.app, self.settings)

    @cached_property
    def case_index(self) -> CaseIndex | None:
        """The index of similar cases, if there is one."""
        return self.plugins.case_index(self.settings)

    @cached_property
    def heart(self) -> Heart:
        """What keeps the leases of this process's runs."""
        from docwiz_tasks.jobs.heartbeat import Heart

        return Heart(self.settings.heartbeat_seconds)

    @property
    def has_listeners(self) -> bool:
        """Whether anybody is told of events: a plugin, or who receives webhooks."""
        return self.settings.webhook_url is not None or self.plugins.any_listens()

    @property
    def resources(self) -> Resources:
        """All that a job works with."""
        from docwiz_tasks.jobs.resources import Resources

        return Resources(
            settings=self.settings,
            store=self.store,
            records=self.records,
            plugins=self.plugins,
            throttle=self.throttle,
            case_index=lambda: self.case_index,
        )

    def visualize(
        self,
        image_id: str,
        procedure_id: str,
        patient_id: str | None = None,
        *,
        idempotency_key: str | None = None,
    ) -> Job:
        """Show one procedure on a photo, before and after.

        Args:
            image_id: from `add_image`.
            procedure_id: a procedure of the catalogue or of the host's.
            patient_id: whose photo it is, if it is to be found again by patient.
            idempotency_key: the same key gives the same job, once.

        Raises:
            InvalidRequest: an argument is wrong.
            NotFound: there is no such photo, procedure or patient.
            SubmissionFailed: the broker did not take it; repeat with the same key.
        """
        arguments = {
            "image_id": image_id,
            "procedure_id": procedure_id,
            "patient_id": patient_id,
        }
        return self._submit(config.VISUALIZATION, arguments, idempotency_key)

    def compare(
        self,
        image_id: str,
        procedure_ids: Sequence[str],
        patient_id: str | None = None,
        *,
        idempotency_key: str | None = None,
    ) -> Job:
        """Show 2 to 8 procedures on one photo, side by side; otherwise as `visualize`."""
        arguments = {
            "image_id": image_id,
            "procedure_ids": list(procedure_ids),
            "patient_id": patient_id,
        }
        return self._submit(config.COMPARISON, arguments, idempotency_key)

    def export(
        self,
        patient_id: str,
        visualization_ids: Sequence[str] | None = None,
        format: str = "pdf",
        shareable: bool = False,
        cost_breakdown_ids: Sequence[str] | None = None,
        comparison_ids: Sequence[str] | None = None,
        include_visualizations: bool = True,
        include_cost_estimates: bool = True,
        include_comparisons: bool = True,
        *,
        idempotency_key: str | None = None,
    ) -> Job:
        """Make a patient's report.

        Args:
            patient_id: whose report.
            visualization_ids: which previews; all of the patient's if None.
            format: one of the renderers: ``pdf``, ``png``, ``jpeg``, ``json`` are built in.
            shareable: leave out whatever identifies the patient.
            cost_breakdown_ids: which cost breakdowns; all if None.
            comparison_ids: which comparisons; all if None.
            include_visualizations: False leaves previews out.
            include_cost_estimates: False leaves costs out.
            include_comparisons: False leaves comparisons out.
            idempotency_key: the same key gives the same job, once.

        Raises:
            InvalidRequest: an argument is wrong.
            NotFound: something asked for isn't there.
            WrongPatient: something asked for is another patient's.
            SubmissionFailed: the broker did not take it; repeat with the same key.
        """
        arguments = {
            "patient_id": patient_id,
            "visualization_ids": _listed(visualization_ids),
            "format": format,
            "shareable": shareable,
            "cost_breakdown_ids": _listed(cost_breakdown_ids),
            "comparison_ids": _listed(comparison_ids),
            "include_visualizations": include_visualizations,
            "include_cost_estimates": include_cost_estimates,
            "include_comparisons": include_comparisons,
        }
        return self._submit(config.EXPORT, arguments, idempotency_key)

    def infographic(
        self, cost_breakdown_id: str, format: str = "png", *, idempotency_key: str | None = None
    ) -> Job:
        """Draw a cost breakdown as ``png`` or ``jpeg``; otherwise as `visualize`."""
        arguments = {"cost_breakdown_id": cost_breakdown_id, "format": format}
        return self._submit(config.INFOGRAPHIC, arguments, idempotency_key)

    def job(self, id: str) -> Job:
        """Find a job again; its status says so if nobody submitted it.

        Raises:
            InvalidId: no job can have this id.
        """
        from docwiz_tasks.celery_app.job import Job

        return Job(self, id)

    def dead_jobs(self) -> list[Job]:
        """Return the jobs that were given up because their worker died each time."""
        from docwiz_tasks.jobs.housekeeping import dead_jobs

        return [self.job(id) for id in dead_jobs(self.store)]

    def prune(self, older_than: timedelta, *, results: bool = False) -> int:
        """Remove the working data of jobs that ended that long ago, and return of how many.

        Pictures, reports and records always stay. Workers may run meanwhile.

        Args:
            older_than: how long ago they must have ended.
            results: remove how they ended as well; their status is unknown from then on.
        """
        from docwiz_tasks.jobs.housekeeping import prune

        return prune(self.store, older_than, results=results)

    def find_similar(
        self, visualization_id: str, *, procedure: str | None = None, limit: int = 5
    ) -> list[SimilarCase]:
        """Return the visualizations whose after pictures look most like another one's.

        They can be any patient's, so only ids and scores are returned: what may be shown of
        them, and to whom, is the host's to decide.

        Args:
            visualization_id: the one that they are to be like; it isn't among them.
            procedure: only those that show this procedure, by its id.
            limit: how many at most, 1 to 100.

        Raises:
            InvalidRequest: an argument is wrong.
            NotFound: there is no such visualization or procedure, or no embedding of it.
            SettingsError: there is no case index, and what to set.
            ProviderUnavailable: the index can't be reached now; try again.
        """
        from docwiz_tasks.jobs.cases import find_similar

        return find_similar(self.resources, visualization_id, procedure, limit)

    def reindex(self, *, everything: bool = False) -> Reindexed:
        """File the cases that the index did not take, and return what came of it.

        A case that is filed twice is there once, and workers may run meanwhile.

        Args:
            everything: file all cases in the store, for an index that is new or was lost.

        Raises:
            SettingsError: there is no case index, and what to set.
        """
        from docwiz_tasks.jobs.cases import reindex

        return reindex(self.resources, everything=everything)

    def add_image(self, photo: bytes | str | Path) -> str:
        """Check a photo, remove its metadata, store it and return its ``image_id``.

        Args:
            photo: JPEG, PNG or WebP bytes, or the path of such a file; at most 10 MB,
                100 to 8192 pixels a side.

        Raises:
            InvalidPhoto: it can't be taken, and why.
        """
        # Imported here: a process that only submits jobs needs no imaging.
        from docwiz_tasks.jobs.pictures import add_image

        return add_image(self.store, photo)

    def open(self, url: str) -> BinaryIO:
        """Return what a ``docwiz:///`` URL of a result points to, as a file to read.

        Raises:
            StoreError: it isn't such a URL, or nothing is there.
        """
        data = self.store.get(path_of(url))
        if data is None:
            raise StoreError("There is nothing in the store at this URL.")
        return BytesIO(data)

    def link(self, url: str, expires_seconds: float = 3600) -> str:
        """Return a signed link to what a ``docwiz:///`` URL points to.

        Raises:
            StoreError: this kind of store has no links, and the settings lack what ours need.
        """
        path = path_of(url)
        try:
            return self.store.link(path, expires_seconds)
        except StoreUnavailable:
            raise
        except StoreError:
            return signed_link(self.settings, path, expires_seconds)

    def journal(self, job_id: str) -> Journal:
        """Return what the store knows of a job."""
        from docwiz_tasks.jobs.journal import Journal
        from docwiz_tasks.records.validation import check_id

        return Journal(self.store, check_id(job_id))

    def publish(self, journal: Journal) -> None:
        """Send a job's message once more, from what its journal knows.

        Raises:
            UnknownJob: nobody submitted it.
            SubmissionFailed: the broker did not take it.
        """
        from docwiz_tasks.celery_app.submission import sending
        from docwiz_tasks.jobs.lease import Lease

        request = journal.request()
        if request is None:
            raise UnknownJob("Nobody submitted a job with this id.")
        with sending():
            epoch = broker.begin_epoch(self.app)
            deliveries = Lease(journal, self.settings.lease_seconds).last()
            self.app.tasks[request["task"]].publish_lost(journal.job_id, request["arguments"])
        journal.published(epoch, deliveries)

    def queues_by_task(self) -> dict[str, str]:
        """Return the queue of each of our tasks."""
        previews, exports = self.settings.visualizations_queue, self.settings.exports_queue
        webhooks = {} if self.settings.webhook_url is None else {config.WEBHOOK: exports}
        return {
            **webhooks,
            config.VISUALIZATION: previews,
            config.COMPARISON: previews,
            config.EXPORT: exports,
            config.INFOGRAPHIC: exports,
        }

    def _submit(self, task: str, arguments: dict[str, Any], idempotency_key: str | None) -> Job:
        job_id = str(uuid.uuid4())
        if idempotency_key is not None:
            job_id = str(uuid.uuid5(_KEYS, f"{task}\0{idempotency_key}"))
        self.app.tasks[task].apply_async(kwargs=arguments, task_id=job_id)
        return self.job(job_id)


def _listed(ids: Sequence[str] | None) -> list[str] | None:
    return None if ids is None else list(ids)
