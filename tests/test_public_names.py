"""What hosts and plugin authors import is what there is, no more and no less."""

from __future__ import annotations

import docwiz_tasks
from docwiz_tasks import errors


def test_the_public_names_are_there_and_sorted() -> None:
    assert docwiz_tasks.__all__ == sorted(docwiz_tasks.__all__)
    assert all(hasattr(docwiz_tasks, name) for name in docwiz_tasks.__all__)


def test_every_error_is_public_and_has_a_code_of_its_own() -> None:
    kinds = [
        kind
        for kind in vars(errors).values()
        if isinstance(kind, type) and issubclass(kind, docwiz_tasks.DocWizError)
    ]
    assert {kind.__name__ for kind in kinds} <= set(docwiz_tasks.__all__)
    codes = [kind.code for kind in set(kinds)]
    assert len(codes) == len(set(codes))
    assert all(kind.__name__ in (errors.__doc__ or "") for kind in kinds)
    assert all(code in (errors.__doc__ or "") for code in codes if code != "docwiz_error")


def test_every_error_survives_celerys_json() -> None:
    for code, message in (("photo_invalid", "No photo."), ("provider_refused", "SAFETY")):
        error = errors.error_from(code, message, retryable=False)
        again = type(error)(*error.args)
        assert (again.code, str(again)) == (code, message)
