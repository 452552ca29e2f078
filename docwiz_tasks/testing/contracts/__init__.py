"""What every provider, renderer and record source has to do, as tests to inherit.

A plugin's author writes a class that inherits one of these and has the fixture that it
asks for::

    class TestMyProvider(AIProviderContract):
        @pytest.fixture
        def provider(self):
            return MyProvider(Settings(...))
"""

from __future__ import annotations

import pytest

# Before they are imported, so that a failed assertion shows its values.
for _module in ("ai_provider", "case_index", "image_provider", "records", "renderer"):
    pytest.register_assert_rewrite(f"{__name__}.{_module}")

from docwiz_tasks.testing.contracts.ai_provider import AIProviderContract  # noqa: E402
from docwiz_tasks.testing.contracts.case_index import CaseIndexContract  # noqa: E402
from docwiz_tasks.testing.contracts.image_provider import ImageProviderContract  # noqa: E402
from docwiz_tasks.testing.contracts.records import RecordsContract  # noqa: E402
from docwiz_tasks.testing.contracts.renderer import RendererContract  # noqa: E402

__all__ = [
    "AIProviderContract",
    "CaseIndexContract",
    "ImageProviderContract",
    "RecordsContract",
    "RendererContract",
]
