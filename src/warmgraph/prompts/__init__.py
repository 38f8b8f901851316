"""Prompts that learn from conversations and feedback, and are kept with their history."""

from __future__ import annotations

from warmgraph.prompts.library import PromptLibrary, PromptVersion
from warmgraph.prompts.multi import MultiPromptOptimizer, create_multi_prompt_optimizer
from warmgraph.prompts.optimizer import OptimizerConfig, PromptOptimizer, create_prompt_optimizer
from warmgraph.prompts.stored import StoredPrompt
from warmgraph.prompts.types import AnnotatedTrajectory, MultiPromptOptimizerInput, OptimizerInput, Prompt

__all__ = [
    "AnnotatedTrajectory",
    "MultiPromptOptimizer",
    "MultiPromptOptimizerInput",
    "OptimizerConfig",
    "OptimizerInput",
    "Prompt",
    "PromptLibrary",
    "PromptOptimizer",
    "PromptVersion",
    "StoredPrompt",
    "create_multi_prompt_optimizer",
    "create_prompt_optimizer",
]
