"""The inspector: a page that shows what is remembered, and lets its owner change it."""

from __future__ import annotations

from warmgraph.server.inspector.access import Access, DeploymentAccess, TokenAccess, Viewer
from warmgraph.server.inspector.memories import Memories
from warmgraph.server.inspector.projection import Projection, project
from warmgraph.server.inspector.routes import inspector_routes

__all__ = [
    "Access",
    "DeploymentAccess",
    "Memories",
    "Projection",
    "TokenAccess",
    "Viewer",
    "inspector_routes",
    "project",
]
