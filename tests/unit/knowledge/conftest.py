"""What tests of knowledge share: each way of calling, and models that call tools."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest


@pytest.fixture(params=["sync", "async"])
def call(request: pytest.FixtureRequest) -> Callable[..., Any]:
    """Invoke a runnable with an input and a config, sync and async."""

    def invoke(runnable: Any, input: Any, config: Any = None) -> Any:
        if request.param == "sync":
            return runnable.invoke(input, config)
        return asyncio.run(runnable.ainvoke(input, config))

    return invoke
