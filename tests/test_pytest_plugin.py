"""A host's own tests use the fixtures, in a pytest of their own."""

from __future__ import annotations

import pytest


def test_a_hosts_test_runs_on_the_fixtures(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        def test_a_preview_is_made(docwiz, docwiz_worker, docwiz_case):
            job = docwiz.visualize(docwiz_case.image_id, docwiz_case.procedure_id)
            result = job.result(timeout=60)
            assert result["procedure_id"] == docwiz_case.procedure_id
        """
    )
    pytester.runpytest_subprocess("-p", "no:cacheprovider").assert_outcomes(passed=1)


def test_a_host_can_put_its_own_app_in_place(pytester: pytest.Pytester) -> None:
    pytester.makeconftest(
        """
        import celery, pytest

        @pytest.fixture
        def docwiz_app(docwiz_redis):
            return celery.Celery("mine", broker=docwiz_redis, backend=docwiz_redis)
        """
    )
    pytester.makepyfile(
        """
        def test_it_is_mine(docwiz, docwiz_worker, docwiz_case):
            assert docwiz.app.main == "mine"
            docwiz.infographic(docwiz_case.cost_breakdown_id).result(timeout=60)
        """
    )
    pytester.runpytest_subprocess("-p", "no:cacheprovider").assert_outcomes(passed=1)


def test_the_plugin_costs_a_host_nothing_until_it_is_used(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import sys

        def test_nothing_is_imported():
            assert not {"fakeredis", "PIL", "xhtml2pdf"} & set(sys.modules)
        """
    )
    pytester.runpytest_subprocess("-p", "no:cacheprovider").assert_outcomes(passed=1)
