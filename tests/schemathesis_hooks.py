"""What the fuzzer can't know of our API: a file that is asked for is a photo."""

from __future__ import annotations

import schemathesis
from hypothesis import strategies

from docwiz_tasks.testing.portrait import portrait

schemathesis.openapi.format("binary", strategies.just(portrait(128)))
