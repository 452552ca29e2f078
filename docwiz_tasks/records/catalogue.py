"""The built-in catalogue of procedures."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from types import MappingProxyType

from docwiz_tasks.models import Procedure

__all__ = ["catalogue"]


@cache
def catalogue() -> Mapping[str, Procedure]:
    """Return the built-in procedures by id; read when it is first asked for."""
    text = files("docwiz_tasks.records").joinpath("procedures.json").read_text(encoding="utf-8")
    procedures = (Procedure.model_validate(entry) for entry in json.loads(text))
    return MappingProxyType({procedure.id: procedure for procedure in procedures})
