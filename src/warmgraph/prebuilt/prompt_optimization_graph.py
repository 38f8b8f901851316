"""A graph that makes prompts better, and nothing else."""

from __future__ import annotations

from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.runnables import RunnableConfig, RunnableLambda
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from typing_extensions import TypedDict

from warmgraph.prompts import OptimizerConfig, Prompt, create_multi_prompt_optimizer
from warmgraph.prompts.optimizer import Kind

__all__ = ["create_prompt_optimization_graph"]


class PromptOptimizationInput(TypedDict):
    """What a run starts from: the prompts, and conversations with feedback, as pairs or as dicts."""

    prompts: list[Prompt]
    threads: list[Any]


class PromptOptimizationOutput(TypedDict, total=False):
    """What a run returns: all prompts, the better ones among them."""

    updated_prompts: list[Prompt]


class PromptOptimizationState(PromptOptimizationInput, PromptOptimizationOutput):
    """Prompts, conversations, and what became of the prompts."""


def create_prompt_optimization_graph(
    model: BaseChatModel | str,
    *,
    kind: Kind = "gradient",
    config: OptimizerConfig | None = None,
    name: str = "optimize_prompts",
) -> CompiledStateGraph[Any, Any, Any, Any]:
    """Create a graph from `{"prompts": [...], "threads": [...]}` to `{"updated_prompts": [...]}`.

    Args:
        model: A chat model, or the name of one.
        kind: As in `create_prompt_optimizer`.
        config: As in `create_prompt_optimizer`.
        name: Name of the graph.

    Example:
        >>> from warmgraph.testing import ScriptedChatModel
        >>> model = ScriptedChatModel(script=['{"change_needed": true, "prompt": "Be brief."}'])
        >>> graph = create_prompt_optimization_graph(model, kind="prompt_memory")
        >>> threads = [{"messages": [{"role": "user", "content": "Hi"}], "feedback": "too long"}]
        >>> graph.invoke({"prompts": [{"name": "tone", "prompt": "Be kind."}], "threads": threads})
        {'updated_prompts': [{'name': 'tone', 'prompt': 'Be brief.'}]}
    """
    optimizer = create_multi_prompt_optimizer(model, kind=kind, config=config)

    def optimize(state: PromptOptimizationState, config: RunnableConfig) -> dict[str, Any]:
        given = {"trajectories": state["threads"], "prompts": state["prompts"]}
        return {"updated_prompts": optimizer.invoke(given, config)}  # type: ignore[arg-type]

    async def aoptimize(state: PromptOptimizationState, config: RunnableConfig) -> dict[str, Any]:
        given = {"trajectories": state["threads"], "prompts": state["prompts"]}
        return {"updated_prompts": await optimizer.ainvoke(given, config)}  # type: ignore[arg-type]

    builder = StateGraph(
        PromptOptimizationState, input_schema=PromptOptimizationInput, output_schema=PromptOptimizationOutput
    )
    builder.add_node("optimize", RunnableLambda(optimize, aoptimize, name="optimize"))
    builder.add_edge(START, "optimize")
    builder.add_edge("optimize", END)
    return builder.compile(name=name)
