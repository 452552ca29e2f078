"""What hosts and plugin authors test with: fixtures, a fake Redis, a sample case, contracts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from docwiz_tasks.testing.contracts import (
        AIProviderContract,
        CaseIndexContract,
        ImageProviderContract,
        RecordsContract,
        RendererContract,
    )

__all__ = [
    "AIProviderContract",
    "CaseIndexContract",
    "ImageProviderContract",
    "RecordsContract",
    "RendererContract",
]


def __getattr__(name: str) -> Any:
    # Only when they are asked for: they need pytest, and the demonstration doesn't.
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from docwiz_tasks.testing import contracts

    return getattr(contracts, name)
