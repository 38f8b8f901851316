"""Memory for LangGraph agents, as graph nodes: warm first, routed, durable.

The names that most programs need are here, and each is imported when it is first used: `import warmgraph` by
itself loads neither numpy nor LangGraph. Everything else is one level down:

============================  =========================================================================
`warmgraph.prebuilt`          compiled graphs: `create_memory_agent`, `create_recall_graph`, ...
`warmgraph.nodes`             the nodes of those graphs, one by one
`warmgraph.clients`           memory for OpenAI's clients and LangChain's chat models
`warmgraph.middleware`        `MemoryMiddleware` for LangChain's `create_agent` (`warmgraph[langchain]`)
`warmgraph.recall`            `recall`, `recall_warm`, `recall_long_term` and their `a` twins, on any store
`warmgraph.store`             `WarmStore`, `RoutedStore`, `PostgresLongTerm`, records, namespaces
`warmgraph.doctor`            what is wrong with a memory file, and how it is mended
`warmgraph.erasure`           `forget`: a person's memories gone from every place that may hold a copy
`warmgraph.knowledge`         memories extracted and kept: managers, tools, policies, with LangMem's calls
`warmgraph.reflection`        `ReflectionExecutor`: jobs in the background, that survive the process
`warmgraph.ranking`           routers and scorers
`warmgraph.short_term`        running summaries of a thread, and rolling windows onto it
`warmgraph.prompts`           optimizers of prompts, and prompts in a store with their history
`warmgraph.text_memory`       `TextMemory`: texts in, texts out
`warmgraph.buffer`            `WarmBuffer` and `remember_interaction`: a memory without a graph
`warmgraph.models`            the offline chat model, and how model names are resolved
`warmgraph.embeddings`        embedding models and their memo
`warmgraph.server`            the process-wide store of a deployment
`warmgraph.testing`           what tests of your own need: fake models, a manual clock, `check_store`
============================  =========================================================================

The function `recall` is not among the names here, because `warmgraph.recall` is the package it lives in:
write `from warmgraph.recall import recall`.

Example:
    >>> from warmgraph import NamespaceTemplate
    >>> NamespaceTemplate(("memories", "{user_id}")).resolve({"user_id": "ana"})
    ('memories', 'ana')
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from warmgraph.buffer import InteractionRecord, WarmBuffer, remember_interaction
    from warmgraph.clients import with_fast_memory, with_memory
    from warmgraph.erasure import aforget, forget
    from warmgraph.errors import (
        DimensionError,
        EmbeddingError,
        ExecutorClosedError,
        ExtractionError,
        ImportDataError,
        InvalidArgumentError,
        InvalidFilterError,
        InvalidValueError,
        JobLeftError,
        MissingDependencyError,
        ReflectionError,
        StoreClosedError,
        StoreCorruptError,
        StoreError,
        StoreUnavailableError,
        StoreVersionError,
        UnresolvedNamespaceError,
        WarmGraphError,
    )
    from warmgraph.knowledge import (
        MemoryLayer,
        TrustPolicy,
        create_manage_memory_tool,
        create_memory_manager,
        create_memory_searcher,
        create_memory_store_manager,
        create_search_memory_tool,
        create_thread_extractor,
    )
    from warmgraph.models import OfflineChatModel, create_chat_model
    from warmgraph.nodes import MemoryContext
    from warmgraph.prebuilt import (
        create_consolidation_graph,
        create_extraction_graph,
        create_memory_agent,
        create_prompt_optimization_graph,
        create_recall_graph,
        create_reflection_graph,
        create_review_graph,
        create_summarization_graph,
    )
    from warmgraph.prompts import (
        AnnotatedTrajectory,
        MultiPromptOptimizerInput,
        OptimizerInput,
        Prompt,
        PromptLibrary,
        StoredPrompt,
        create_multi_prompt_optimizer,
        create_prompt_optimizer,
    )
    from warmgraph.ranking import CalibratedRouter, PeekRouter, RouteDecision
    from warmgraph.reflection import ReflectionExecutor
    from warmgraph.short_term import (
        RollingWindow,
        RunningSummary,
        SummarizationNode,
        SummarizationResult,
        asummarize_messages,
        summarize_messages,
    )
    from warmgraph.store import (
        MemoryRecord,
        NamespaceTemplate,
        PostgresLongTerm,
        Recall,
        RoutedStore,
        WarmStore,
    )
    from warmgraph.text_memory import TextMemory

    __version__: str

__all__ = [
    "AnnotatedTrajectory",
    "CalibratedRouter",
    "DimensionError",
    "EmbeddingError",
    "ExecutorClosedError",
    "ExtractionError",
    "ImportDataError",
    "InteractionRecord",
    "InvalidArgumentError",
    "InvalidFilterError",
    "InvalidValueError",
    "JobLeftError",
    "MemoryContext",
    "MemoryLayer",
    "MemoryRecord",
    "MissingDependencyError",
    "MultiPromptOptimizerInput",
    "NamespaceTemplate",
    "OfflineChatModel",
    "OptimizerInput",
    "PeekRouter",
    "PostgresLongTerm",
    "Prompt",
    "PromptLibrary",
    "Recall",
    "ReflectionError",
    "ReflectionExecutor",
    "RollingWindow",
    "RouteDecision",
    "RoutedStore",
    "RunningSummary",
    "StoreClosedError",
    "StoreCorruptError",
    "StoreError",
    "StoreUnavailableError",
    "StoreVersionError",
    "StoredPrompt",
    "SummarizationNode",
    "SummarizationResult",
    "TextMemory",
    "TrustPolicy",
    "UnresolvedNamespaceError",
    "WarmBuffer",
    "WarmGraphError",
    "WarmStore",
    "__version__",
    "aforget",
    "asummarize_messages",
    "create_chat_model",
    "create_consolidation_graph",
    "create_extraction_graph",
    "create_manage_memory_tool",
    "create_memory_agent",
    "create_memory_manager",
    "create_memory_searcher",
    "create_memory_store_manager",
    "create_multi_prompt_optimizer",
    "create_prompt_optimization_graph",
    "create_prompt_optimizer",
    "create_recall_graph",
    "create_reflection_graph",
    "create_review_graph",
    "create_search_memory_tool",
    "create_summarization_graph",
    "create_thread_extractor",
    "forget",
    "remember_interaction",
    "summarize_messages",
    "with_fast_memory",
    "with_memory",
]

_HOME = {
    "AnnotatedTrajectory": "warmgraph.prompts",
    "CalibratedRouter": "warmgraph.ranking",
    "InteractionRecord": "warmgraph.buffer",
    "MemoryContext": "warmgraph.nodes",
    "MemoryLayer": "warmgraph.knowledge",
    "MemoryRecord": "warmgraph.store",
    "MultiPromptOptimizerInput": "warmgraph.prompts",
    "NamespaceTemplate": "warmgraph.store",
    "OfflineChatModel": "warmgraph.models",
    "OptimizerInput": "warmgraph.prompts",
    "PeekRouter": "warmgraph.ranking",
    "PostgresLongTerm": "warmgraph.store",
    "Prompt": "warmgraph.prompts",
    "PromptLibrary": "warmgraph.prompts",
    "Recall": "warmgraph.store",
    "ReflectionExecutor": "warmgraph.reflection",
    "RollingWindow": "warmgraph.short_term",
    "RouteDecision": "warmgraph.ranking",
    "RoutedStore": "warmgraph.store",
    "RunningSummary": "warmgraph.short_term",
    "StoredPrompt": "warmgraph.prompts",
    "SummarizationNode": "warmgraph.short_term",
    "SummarizationResult": "warmgraph.short_term",
    "TrustPolicy": "warmgraph.knowledge",
    "TextMemory": "warmgraph.text_memory",
    "WarmBuffer": "warmgraph.buffer",
    "WarmStore": "warmgraph.store",
    "aforget": "warmgraph.erasure",
    "asummarize_messages": "warmgraph.short_term",
    "create_chat_model": "warmgraph.models",
    "create_consolidation_graph": "warmgraph.prebuilt",
    "create_extraction_graph": "warmgraph.prebuilt",
    "create_manage_memory_tool": "warmgraph.knowledge",
    "create_memory_agent": "warmgraph.prebuilt",
    "create_memory_manager": "warmgraph.knowledge",
    "create_memory_searcher": "warmgraph.knowledge",
    "create_memory_store_manager": "warmgraph.knowledge",
    "create_multi_prompt_optimizer": "warmgraph.prompts",
    "create_prompt_optimization_graph": "warmgraph.prebuilt",
    "create_prompt_optimizer": "warmgraph.prompts",
    "create_recall_graph": "warmgraph.prebuilt",
    "create_search_memory_tool": "warmgraph.knowledge",
    "create_reflection_graph": "warmgraph.prebuilt",
    "create_review_graph": "warmgraph.prebuilt",
    "create_summarization_graph": "warmgraph.prebuilt",
    "create_thread_extractor": "warmgraph.knowledge",
    "forget": "warmgraph.erasure",
    "remember_interaction": "warmgraph.buffer",
    "summarize_messages": "warmgraph.short_term",
    "with_fast_memory": "warmgraph.clients",
    "with_memory": "warmgraph.clients",
}  # everything else in __all__ is an error class


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    if name == "__version__":
        value = import_module("importlib.metadata").version(__name__)
    else:
        value = getattr(import_module(_HOME.get(name, "warmgraph.errors")), name)
    globals()[name] = value  # the next access is a plain attribute
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
