"""Chat models: the offline one, and the way from a name to a real one."""

from warmgraph.models.facts import Fact, extract_facts
from warmgraph.models.offline import OfflineChatModel
from warmgraph.models.resolve import create_chat_model, default_model

__all__ = ["Fact", "OfflineChatModel", "create_chat_model", "default_model", "extract_facts"]
